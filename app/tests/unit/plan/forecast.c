#include "plan/forecast.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "plan/manifest.h"

static int forecast(const char *strategy, uint32_t replicas, struct text *out, struct error *err)
{
    struct manifest manifest;
    char yaml[500];

    snprintf(yaml, sizeof(yaml),
             "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n"
             "  replicas: %u\n  strategy: {%s}\n  template: {spec: {containers: [{name: w, "
             "lifecycle: {preStop: {exec: {command: [sleep, '2']}}}}]}}\n",
             replicas, strategy);
    *err = (struct error){0};
    assert_int_equal(manifest_parse("m", yaml, strlen(yaml), &manifest, err), 0);
    text_clear(out);
    int code = forecast_print(manifest.objects[0], predict_profile_find("ideal"), 40, out, err);
    manifest_free(&manifest);
    return code;
}

/* By hand from the rules in plan/rollout.h; least connections breaks each once. */
static void bounds_and_steps(void **state)
{
    static const struct {
        const char *strategy;
        uint32_t replicas;
        const char *words[5];
    } rows[] = {
        {"rollingUpdate: {maxSurge: 1, maxUnavailable: 0}",
         2,
         {"at least 2; pods that are not ending: at most 3\n",
          "  1  make 1, end 0: 1 new and 2 old", "  2  make 0, end 1: 1 new and 1 old",
          "lc      mean 40.0, p1 40, p50 40, p99 40, max 40"}},
        {"rollingUpdate: {maxSurge: 0, maxUnavailable: 1}",
         2,
         {"at least 1; pods that are not ending: at most 2\n",
          "  1  make 0, end 1: 0 new and 1 old", "  2  make 1, end 0: 1 new and 1 old"}},
        {"rollingUpdate: {maxSurge: \"100%\", maxUnavailable: 0}",
         4,
         {"at least 4; pods that are not ending: at most 8\n",
          "  1  make 4, end 0: 4 new and 4 old", "  2  make 0, end 4: 4 new and 0 old"}},
        {"type: Recreate", 3, {"Recreate: all pods end before a new one is made"}},
        {"rollingUpdate: {maxSurge: 1, maxUnavailable: 0}", 30, {"    and 40 more\n"}},
    };
    struct text out = {0};
    struct error err;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (forecast(rows[i].strategy, rows[i].replicas, &out, &err) < 0)
            fail_msg("%s", err.text);
        for (unsigned k = 0; rows[i].words[k] != NULL; k++)
            if (strstr(text_str(&out), rows[i].words[k]) == NULL)
                fail_msg("%s: no \"%s\" in\n%s", rows[i].strategy, rows[i].words[k],
                         text_str(&out));
    }
    text_free(&out);
}

static void what_the_api_refuses_is_refused(void **state)
{
    struct text out = {0};
    struct error err;

    (void)state;
    assert_true(forecast("rollingUpdate: {maxSurge: 0, maxUnavailable: 0}", 2, &out, &err) < 0);
    assert_true(err.text[0] != '\0');
    text_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bounds_and_steps),
        cmocka_unit_test(what_the_api_refuses_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
