#include "plan/advice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"

#define SECOND INT64_C(1000000000)

/* Nothing to say of it but of held connections. */
#define READY "readinessProbe: {httpGet: {path: /, port: 80}}"
#define HOOK "lifecycle: {preStop: {exec: {command: [sleep, \"10\"]}}}"
#define LABELS "matchLabels: {app: web}"
#define BUDGET                                                                                     \
    "---\napiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: web}\n"               \
    "spec: {maxUnavailable: 1, selector: {" LABELS "}}\n"
#define SPREAD "topologySpreadConstraints: [{maxSkew: 1}]"

static const char form[] = "apiVersion: apps/v1\nkind: Deployment\n"
                           "metadata: {name: web, namespace: here}\n"
                           "spec: {replicas: %s, selector: {" LABELS "}, %s template: {metadata: "
                           "{labels: {app: web}}, spec: {%s, containers: [{name: web, image: w, "
                           "ports: [{containerPort: 80}], %s}]}}}\n%s";

struct row {
    const char *what, *replicas, *strategy, *pod, *container, *others;
    enum advice_hits hits; /* 0: nothing more is said. */
    bool certain;
    const char *words;
};

static void advise(const char *yaml, struct manifest *manifest, struct advice *advice)
{
    static const struct advice_conditions conditions = {5 * SECOND, 0, 10 * SECOND};
    struct error err = {0};

    if (manifest_parse("m.yaml", yaml, strlen(yaml), manifest, &err) < 0 ||
        advice_make(manifest, manifest_find(manifest, "Deployment", NULL), &conditions, advice,
                    &err) < 0)
        fail_msg("%s", err.text);
}

/* That held connections break is always said. */
static const struct advice_item *only_item(const struct advice *advice)
{
    const struct advice_item *found = NULL;

    for (uint32_t i = 0; i < advice->count; i++) {
        const struct advice_item *item = &advice->items[i];
        assert_non_null(strstr(item->document, "https://kubernetes.io/docs/"));
        if (item->hits == ADVICE_HELD && strstr(item->what, "held connections end") != NULL)
            continue;
        if (found != NULL)
            fail_msg("both \"%s\" and \"%s\"", found->what, item->what);
        found = item;
    }
    return found;
}

#define GOOD SPREAD, READY ", " HOOK, BUDGET

static void each_mistake_is_named(void **state)
{
    static const struct row rows[] = {
        {"good", "3", "", GOOD, 0, false, NULL},
        {"no probe", "3", "", SPREAD, HOOK, BUDGET, ADVICE_NEW, false, "no readinessProbe"},
        {"no hook", "3", "", SPREAD, READY, BUDGET, ADVICE_NEW, true, "no preStop hook"},
        {"a short hook", "3", "", SPREAD, READY ", lifecycle: {preStop: {sleep: {seconds: 2}}}",
         BUDGET, ADVICE_NEW, true, "preStop hook is too short"},
        {"a hook as long as it must be", "3", "", SPREAD,
         READY ", lifecycle: {preStop: {sleep: {seconds: 5}}}", BUDGET, 0, false, NULL},
        {"an unknown hook", "3", "", SPREAD,
         READY ", lifecycle: {preStop: {httpGet: {path: /, port: 80}}}", BUDGET, ADVICE_NEW, false,
         "no plain sleep"},
        {"short grace", "3", "", "terminationGracePeriodSeconds: 20, " SPREAD, READY ", " HOOK,
         BUDGET, ADVICE_BOTH, true, "terminationGracePeriodSeconds is too short"},
        {"just enough grace", "3", "", "terminationGracePeriodSeconds: 21, " SPREAD,
         READY ", " HOOK, BUDGET, 0, false, NULL},
        {"recreate", "3", "strategy: {type: Recreate},", GOOD, ADVICE_BOTH, true, "Recreate"},
        {"all may be missing", "2", "strategy: {rollingUpdate: {maxUnavailable: \"100%\"}},", GOOD,
         ADVICE_BOTH, true, "lets all pods go at once"},
        {"one of two may be missing", "2", "strategy: {rollingUpdate: {maxUnavailable: 1}},", GOOD,
         0, false, NULL},
        {"no budget", "3", "", SPREAD, READY ", " HOOK, "", ADVICE_BOTH, false,
         "no PodDisruptionBudget"},
        {"another's budget", "3", "", SPREAD, READY ", " HOOK,
         "---\napiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: x}\n"
         "spec: {maxUnavailable: 1, selector: {matchLabels: {app: x}}}\n",
         ADVICE_BOTH, false, "no PodDisruptionBudget"},
        {"a budget that allows nothing", "3", "", SPREAD, READY ", " HOOK,
         "---\napiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: x}\n"
         "spec: {minAvailable: 3, selector: {" LABELS "}}\n",
         ADVICE_BOTH, false, "never allows an eviction"},
        {"a budget of all", "3", "", SPREAD, READY ", " HOOK,
         "---\napiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: x}\n"
         "spec: {minAvailable: 67%, selector: {" LABELS "}}\n",
         ADVICE_BOTH, false, "never allows an eviction"},
        {"a budget of two thirds", "3", "", SPREAD, READY ", " HOOK,
         "---\napiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: x}\n"
         "spec: {minAvailable: 66%, selector: {" LABELS "}}\n",
         0, false, NULL},
        {"another namespace's budget", "3", "", SPREAD, READY ", " HOOK,
         "---\napiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: web, namespace: "
         "other}\nspec: {maxUnavailable: 1, selector: {" LABELS "}}\n",
         ADVICE_BOTH, false, "no PodDisruptionBudget"},
        {"a budget by expressions", "3", "", SPREAD, READY ", " HOOK,
         "---\napiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: x}\n"
         "spec: {maxUnavailable: 1, selector: {matchExpressions: [{key: app, operator: In, values: "
         "[a, web]}, {key: app, operator: Exists}, {key: app, operator: NotIn, values: [x]}, "
         "{key: old, operator: DoesNotExist}]}}\n",
         0, false, NULL},
        {"another's by expressions", "3", "", SPREAD, READY ", " HOOK,
         "---\napiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: x}\n"
         "spec: {maxUnavailable: 1, selector: {" LABELS ", matchExpressions: [{key: app, operator: "
         "NotIn, values: [web]}]}}\n",
         ADVICE_BOTH, false, "no PodDisruptionBudget"},
        {"a budget of the whole namespace", "3", "", SPREAD, READY ", " HOOK,
         "---\napiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: x}\n"
         "spec: {maxUnavailable: 1, selector: {}}\n",
         0, false, NULL},
        {"which was none in v1beta1", "3", "", SPREAD, READY ", " HOOK,
         "---\napiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata: {name: x}\n"
         "spec: {maxUnavailable: 1, selector: {}}\n",
         ADVICE_BOTH, false, "no PodDisruptionBudget"},
        {"two budgets", "3", "", SPREAD, READY ", " HOOK,
         BUDGET "---\napiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: x}\n"
                "spec: {maxUnavailable: 1, selector: {}}\n",
         ADVICE_BOTH, false, "poddisruptionbudget/web and /x are both of its pods"},
        {"a shell", "3", "", SPREAD,
         READY ", " HOOK ", command: [/bin/sh, -c], args: [\"setup; serve\"]", BUDGET, ADVICE_BOTH,
         false, "container web is started by a shell"},
        {"a shell that is replaced", "3", "", SPREAD,
         READY ", " HOOK ", command: [sh, -c, \"setup; exec serve\"]", BUDGET, 0, false, NULL},
        {"a program", "3", "", SPREAD, READY ", " HOOK ", command: [serve, -c, file]", BUDGET, 0,
         false, NULL},
        {"one node takes pods", "3", "",
         GOOD "---\napiVersion: v1\nkind: Node\nmetadata: {name: n1}\nspec: {unschedulable: true}\n"
              "---\napiVersion: v1\nkind: Node\nmetadata: {name: n2}\n",
         ADVICE_BOTH, false, "one node alone takes new pods"},
        {"two nodes do", "3", "",
         GOOD "---\napiVersion: v1\nkind: Node\nmetadata: {name: n1}\n"
              "---\napiVersion: v1\nkind: Node\nmetadata: {name: n2}\n",
         0, false, NULL},
        {"one replica", "1", "", SPREAD, READY ", " HOOK, "", ADVICE_BOTH, false,
         "spec.replicas is 1"},
        {"no spread", "3", "", "hostNetwork: false", READY ", " HOOK, BUDGET, ADVICE_BOTH, false,
         "nothing spreads"},
        {"anti-affinity spreads", "3", "", "affinity: {podAntiAffinity: {}}", READY ", " HOOK,
         BUDGET, 0, false, NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct row *row = &rows[i];
        struct manifest manifest;
        struct advice advice;
        char yaml[4000];
        snprintf(yaml, sizeof(yaml), form, row->replicas, row->strategy, row->pod, row->container,
                 row->others);
        advise(yaml, &manifest, &advice);
        const struct advice_item *item = only_item(&advice);
        if ((item == NULL) != (row->words == NULL) ||
            (item != NULL && (strstr(item->what, row->words) == NULL || item->hits != row->hits ||
                              item->certain != row->certain)))
            fail_msg("%s: %s", row->what, item != NULL ? item->what : "nothing is said");
        advice_free(&advice);
        manifest_free(&manifest);
    }
}

static void a_balancer_s_probe_wants_longer_hooks(void **state)
{
    static const char service[] = "---\napiVersion: v1\nkind: Service\nmetadata: {name: web}\n"
                                  "spec: {externalTrafficPolicy: Local, selector: {app: web}}\n";
    const struct advice_conditions conditions = {5 * SECOND, 12 * SECOND, SECOND};
    struct manifest manifest;
    struct advice advice;
    struct error err = {0};
    char yaml[4000], others[1000];

    (void)state;
    snprintf(others, sizeof(others), BUDGET "%s", service);
    snprintf(yaml, sizeof(yaml), form, "3", "", SPREAD, READY ", " HOOK, others);
    assert_int_equal(manifest_parse("m.yaml", yaml, strlen(yaml), &manifest, &err), 0);
    assert_int_equal(advice_make(&manifest, manifest.objects[0], &conditions, &advice, &err), 0);
    assert_non_null(strstr(advice.items[0].what, "too short"));
    assert_non_null(strstr(advice.items[0].why, "12 s"));
    assert_non_null(strstr(advice.items[advice.count - 1].what, "externalTrafficPolicy Local"));
    advice_free(&advice);
    manifest_free(&manifest);
}

/* As a strategic merge patch does: containers by name, other lists as a whole. */
static void merge(cJSON *into, const cJSON *patch)
{
    const cJSON *item;

    cJSON_ArrayForEach(item, patch)
    {
        cJSON *old = cJSON_GetObjectItemCaseSensitive(into, item->string);
        if (strcmp(item->string, "containers") == 0)
            merge(cJSON_GetArrayItem(old, 0), cJSON_GetArrayItem(item, 0));
        else if (cJSON_IsObject(item) && cJSON_IsObject(old))
            merge(old, item);
        else if (old != NULL)
            cJSON_ReplaceItemInObjectCaseSensitive(into, item->string, cJSON_Duplicate(item, true));
        else
            cJSON_AddItemToObject(into, item->string, cJSON_Duplicate(item, true));
    }
}

static void the_patch_mends_what_it_can(void **state)
{
    static const char *const containers[] = {"tty: false",
                                             "lifecycle: {preStop: {sleep: {seconds: 1}}}"};

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct manifest manifest;
        struct advice first, second;
        struct error err = {0};
        char yaml[4000];
        const struct advice_conditions conditions = {5 * SECOND, 0, 10 * SECOND};
        snprintf(yaml, sizeof(yaml), form, "3", "strategy: {type: Recreate},",
                 "terminationGracePeriodSeconds: 3", containers[i], BUDGET);
        advise(yaml, &manifest, &first);
        assert_true(first.count > 4);
        assert_string_equal(json_string(first.patch, "metadata.name", ""), "web");
        assert_string_equal(json_string(first.patch, "apiVersion", ""), "apps/v1");
        merge(manifest.objects[0], first.patch);
        assert_int_equal(advice_make(&manifest, manifest.objects[0], &conditions, &second, &err),
                         0);
        assert_null(only_item(&second));
        assert_null(second.patch);
        advice_free(&first);
        advice_free(&second);
        manifest_free(&manifest);
    }
}

/* A cluster before 1.21 would refuse policy/v1. */
static void a_budget_is_of_the_version_that_is_served(void **state)
{
    static const char *const versions[] = {"policy/v1", "policy/v1beta1"};

    (void)state;
    for (unsigned old = 0; old < 2; old++) {
        struct manifest manifest;
        struct advice advice, of_it;
        struct error err = {0};
        char yaml[4000];
        const struct advice_conditions conditions = {5 * SECOND, 0, 10 * SECOND};
        snprintf(yaml, sizeof(yaml), form, "3", "", "terminationGracePeriodSeconds: 30",
                 "tty: false", "");
        advise(yaml, &manifest, &advice);
        advice_free(&advice);
        manifest.old_budgets = old;
        assert_int_equal(advice_make(&manifest, manifest_find(&manifest, "Deployment", NULL),
                                     &conditions, &of_it, &err),
                         0);
        assert_string_equal(json_string(of_it.budget, "apiVersion", ""), versions[old]);
        advice_free(&of_it);
        manifest_free(&manifest);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_mistake_is_named),
        cmocka_unit_test(a_balancer_s_probe_wants_longer_hooks),
        cmocka_unit_test(the_patch_mends_what_it_can),
        cmocka_unit_test(a_budget_is_of_the_version_that_is_served),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
