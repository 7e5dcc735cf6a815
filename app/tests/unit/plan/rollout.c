#include "plan/rollout.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/json.h"

/* JSON would have it so: "1", "\"25%\"". */
static int read_json(const char *json, struct rollout_amount *out)
{
    cJSON *item = json_parse(json, strlen(json), NULL);
    int result = item != NULL ? rollout_read_amount(item, out) : -1;

    cJSON_Delete(item);
    return result;
}

static struct rollout_amount amount(const char *text)
{
    struct rollout_amount out = {0};
    char json[40];

    if (text == NULL)
        return out;
    snprintf(json, sizeof(json), strchr(text, '%') != NULL ? "\"%s\"" : "%s", text);
    assert_int_equal(read_json(json, &out), 0);
    return out;
}

static void amounts_resolve_as_in_kubernetes(void **state)
{
    static const struct {
        uint32_t replicas;
        const char *surge;
        const char *unavailable;
        uint32_t surge_pods;
        uint32_t unavailable_pods;
    } rows[] = {
        {8, "1", "0", 1, 0},
        {8, "0", "1", 0, 1},
        {10, "25%", "25%", 3, 2}, /* Surge up, unavailable down. */
        {10, NULL, NULL, 3, 2},   /* The default of both. */
        {1, NULL, NULL, 1, 0},
        {3, "0", "10%", 0, 1},  /* Both 0 once rounded: one may be missing. */
        {3, "0%", "33%", 0, 1}, /* 0.99 goes down to 0, and so the same. */
        {3, "0", "34%", 0, 1},
        {4, "1%", "0", 1, 0},
        {4, "0", "100%", 0, 4},
        {4, "0", "9", 0, 4}, /* Never more than there are. */
        {4, "300%", "0", 12, 0},
        {0, "1", "0", 1, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct rollout_amount surge = amount(rows[i].surge);
        struct rollout_amount unavailable = amount(rows[i].unavailable);
        struct rollout_limits limits;
        assert_int_equal(rollout_resolve(rows[i].replicas, &surge, &unavailable, &limits, NULL), 0);
        if (limits.surge != rows[i].surge_pods || limits.unavailable != rows[i].unavailable_pods)
            fail_msg("row %zu: %u, %u", i, limits.surge, limits.unavailable);
        assert_int_equal(limits.min_available, rows[i].replicas - rows[i].unavailable_pods);
        assert_int_equal(limits.max_total, rows[i].replicas + rows[i].surge_pods);
    }
}

static void what_the_api_server_refuses_is_refused(void **state)
{
    struct rollout_amount none = amount("0"), no_share = amount("0%"), much = amount("101%");
    struct rollout_limits limits = {.replicas = 77};
    struct error err = {0};

    (void)state;
    assert_true(rollout_resolve(8, &none, &none, &limits, &err) < 0);
    assert_string_equal(
        err.text, "maxSurge and maxUnavailable are both 0: no pod could ever be replaced, and "
                  "the API server refuses it; make one of them at least 1");
    assert_true(rollout_resolve(8, &none, &no_share, &limits, NULL) < 0);
    err.text[0] = '\0';
    assert_true(rollout_resolve(8, &none, &much, &limits, &err) < 0);
    assert_string_equal(err.text, "maxUnavailable is 101%, want at most 100%");
    assert_int_equal(limits.replicas, 77);
}

static void amounts_that_are_none(void **state)
{
    static const char *const texts[] = {"\"\"",     "\"%\"",   "-1",    "1.5",  "\"25 %\"",
                                        "\"25%%\"", "1000001", "\"1\"", "true", "\"1.5%\"",
                                        "\"-5%\"",  "1e300",   "null",  "[1]"};
    struct rollout_amount out = {.value = 77};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        if (read_json(texts[i], &out) == 0 || out.value != 77)
            fail_msg("%s was taken", texts[i]);
}

static void amounts_print_as_they_were(void **state)
{
    static const char *const texts[] = {"0", "3", "\"25%\"", "\"0%\""};
    struct rollout_amount none = {0};

    (void)state;
    assert_null(rollout_print_amount(&none));
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct rollout_amount out;
        cJSON *item;
        char *printed;
        assert_int_equal(read_json(texts[i], &out), 0);
        item = rollout_print_amount(&out);
        printed = json_print(item, false);
        assert_string_equal(printed, texts[i]);
        cJSON_free(printed);
        cJSON_Delete(item);
    }
}

/* Turn by turn as the controller goes: what it sees, and what it does. */
static void turns(void **state)
{
    static const struct {
        const char *surge;
        const char *unavailable;
        struct rollout_state seen; /* New, available; old, available. */
        uint32_t up;
        uint32_t down;
    } rows[] = {
        /* 8 replicas, one more at a time: one up, and only when it is available one down. */
        {"1", "0", {0, 0, 8, 8}, 1, 0},
        {"1", "0", {1, 0, 8, 8}, 0, 0},
        {"1", "0", {1, 1, 8, 8}, 0, 1},
        {"1", "0", {1, 1, 7, 7}, 1, 0},
        {"1", "0", {8, 8, 1, 1}, 0, 1},
        {"1", "0", {8, 8, 0, 0}, 0, 0},
        /* One less at a time: one down at once, then its replacement. */
        {"0", "1", {0, 0, 8, 8}, 0, 1},
        {"0", "1", {0, 0, 7, 7}, 1, 0},
        {"0", "1", {1, 0, 7, 7}, 0, 0},
        {"0", "1", {1, 1, 7, 7}, 0, 1},
        /* Both by 25 %: 2 up and 2 down. */
        {"25%", "25%", {0, 0, 8, 8}, 2, 2},
        {"25%", "25%", {2, 0, 8, 8}, 0, 2},
        {"25%", "25%", {4, 0, 6, 6}, 0, 0},
        /* Old pods that are not available go first, and without waiting. */
        {"1", "0", {1, 0, 8, 6}, 0, 0},
        {"1", "1", {1, 0, 8, 6}, 0, 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct rollout_amount surge = amount(rows[i].surge);
        struct rollout_amount unavailable = amount(rows[i].unavailable);
        struct rollout_limits limits;
        rollout_resolve(8, &surge, &unavailable, &limits, NULL);
        if (rollout_scale_up(&limits, &rows[i].seen) != rows[i].up ||
            rollout_scale_down(&limits, &rows[i].seen) != rows[i].down)
            fail_msg("row %zu: up %u, down %u", i, rollout_scale_up(&limits, &rows[i].seen),
                     rollout_scale_down(&limits, &rows[i].seen));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(amounts_resolve_as_in_kubernetes),
        cmocka_unit_test(what_the_api_server_refuses_is_refused),
        cmocka_unit_test(amounts_that_are_none),
        cmocka_unit_test(amounts_print_as_they_were),
        cmocka_unit_test(turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
