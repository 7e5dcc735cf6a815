#include "lab/profile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"

static void test_find(void **state)
{
    struct profile profile;
    struct error err = {0};

    (void)state;
    assert_int_equal(profile_find("kubeadm", &profile, &err), 0);
    assert_true(profile.delays[PROFILE_POD_READY].least_ns == 500000000);
    assert_true(profile.delays[PROFILE_POD_READY].most_ns == 2600000000);
    assert_int_equal(profile_find("aks-2019", &profile, &err), 0);
    assert_false(profile.terminating_endpoints);
    assert_true(profile_find("fast", &profile, &err) < 0);
    assert_non_null(strstr(err.text, "kubeadm"));
}

static void test_set(void **state)
{
    static const struct {
        const char *assignment;
        int64_t least_ns, most_ns; /* Of podReady; -1: refused. */
    } rows[] = {
        {"podReady=2s", 2000000000, 2000000000},
        {"podReady=0.5s-2.6s", 500000000, 2600000000},
        {"podReady=100ms", 100000000, 100000000},
        {"podReady=1m", 60000000000, 60000000000},
        {"podReady=0s", 0, 0},
        {"podReady=3s-2s", -1, 0},
        {"podReady=2", -1, 0},
        {"podReady=-2s", -1, 0},
        {"podReady=2h", -1, 0},
        {"podReady=2s extra", -1, 0},
        {"podReady=", -1, 0},
        {"podReady", -1, 0},
        {"podreddy=2s", -1, 0},
        {"podReady=99999999999s", -1, 0},
        {"podReady=nan", -1, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct profile profile;
        struct error err = {0};

        assert_int_equal(profile_find("ideal", &profile, NULL), 0);
        if (rows[i].least_ns < 0) {
            assert_true(profile_set(&profile, rows[i].assignment, &err) < 0);
            assert_true(strlen(err.text) > 20);
            continue;
        }
        assert_int_equal(profile_set(&profile, rows[i].assignment, &err), 0);
        assert_true(profile.delays[PROFILE_POD_READY].least_ns == rows[i].least_ns);
        assert_true(profile.delays[PROFILE_POD_READY].most_ns == rows[i].most_ns);
        assert_string_equal(profile.name, "ideal+"); /* A report must not call it ideal. */
    }
}

static void test_set_others(void **state)
{
    struct profile profile;

    (void)state;
    assert_int_equal(profile_find("kubeadm", &profile, NULL), 0);
    assert_int_equal(profile_set(&profile, "proxyBurst=5", NULL), 0);
    assert_int_equal(profile.proxy_burst, 5);
    assert_true(profile_set(&profile, "proxyBurst=0", NULL) < 0);
    assert_int_equal(profile_set(&profile, "terminatingEndpoints=false", NULL), 0);
    assert_false(profile.terminating_endpoints);
    assert_int_equal(profile_set(&profile, "goneIP=unreachable", NULL), 0);
    assert_true(profile.gone_unreachable);
    assert_true(profile_set(&profile, "goneIP=maybe", NULL) < 0);
}

/* Draws stay inside the range, reach both halves, and repeat with the seed. */
static void test_draw(void **state)
{
    struct profile profile;
    struct random one, two;
    int high = 0;

    (void)state;
    assert_int_equal(profile_find("kubeadm", &profile, NULL), 0);
    random_seed(&one, 7);
    random_seed(&two, 7);
    for (int i = 0; i < 1000; i++) {
        int64_t draw = profile_draw(&profile, PROFILE_POD_READY, &one);
        assert_true(draw == profile_draw(&profile, PROFILE_POD_READY, &two));
        assert_true(draw >= 500000000 && draw <= 2600000000);
        high += draw > 1550000000;
    }
    assert_in_range(high, 400, 600);
}

/* The cells of NAME's row in the table of docs/lab.md: one for each profile. */
static void read_row(const char *document, const char *name, char cells[3][64])
{
    char start[64];
    const char *row;

    snprintf(start, sizeof(start), "\n| `%s` |", name);
    row = strstr(document, start);
    assert_non_null(row);
    assert_int_equal(sscanf(row + strlen(start), " %63[^ |] | %63[^ |] | %63[^ |] |", cells[0],
                            cells[1], cells[2]),
                     3);
}

/* What the row says is what --set would make of it. */
static void check_row(const char *document, const char *name)
{
    static const char *const profiles[] = {"ideal", "kubeadm", "aks-2019"};
    char cells[3][64];

    read_row(document, name, cells);
    for (size_t i = 0; i < 3; i++) {
        struct profile profile, documented;
        char assignment[160];

        assert_int_equal(profile_find(profiles[i], &profile, NULL), 0);
        documented = profile;
        snprintf(assignment, sizeof(assignment), "%s=%s", name, cells[i]);
        assert_int_equal(profile_set(&documented, assignment, NULL), 0);
        assert_memory_equal(documented.delays, profile.delays, sizeof(profile.delays));
        assert_int_equal(documented.proxy_burst, profile.proxy_burst);
        assert_true(documented.terminating_endpoints == profile.terminating_endpoints);
        assert_true(documented.masquerade == profile.masquerade);
        assert_true(documented.clean_udp == profile.clean_udp);
        assert_true(documented.gone_unreachable == profile.gone_unreachable);
    }
}

static void test_documented(void **state)
{
    static const char *const names[] = {
#define X(id, name, text) name,
        PROFILE_DELAYS(X)
#undef X
            "proxyBurst",
        "terminatingEndpoints",
        "masquerade",
        "cleanUDP",
        "goneIP",
    };
    struct text document = {0};

    (void)state;
    assert_int_equal(text_read_file(&document, LAB_DOCUMENT, 1 << 20), 0);
    assert_non_null(strstr(text_str(&document), "| `ideal` | `kubeadm` | `aks-2019` |"));
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        check_row(text_str(&document), names[i]);
    text_free(&document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),       cmocka_unit_test(test_set),
        cmocka_unit_test(test_set_others), cmocka_unit_test(test_draw),
        cmocka_unit_test(test_documented),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
