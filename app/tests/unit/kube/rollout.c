/* The rules of a rollout's status, one row each, and the reasons of pods that hold it up. */
#include "kube/rollout.h"

#include "tests/unit/kube/fixture.h"

static struct kube_object *read_text(enum kube_kind kind, const char *text)
{
    cJSON *json = json_parse(text, strlen(text), NULL);
    struct kube_object *object = kube_object_read(kind, json, NULL);
    cJSON_Delete(json);
    assert_non_null(object);
    return object;
}

static void test_rules(void **state)
{
    /* Generation, observed; wanted, all, updated, available; paused; reason of Progressing. */
    static const struct {
        int generation, observed, replicas, all, updated, available;
        bool paused;
        const char *reason;
        enum kube_rollout_state state;
        const char *text;
    } rows[] = {
        {1, 1, 8, 8, 8, 8, false, "NewReplicaSetAvailable", KUBE_ROLLOUT_COMPLETE, "all 8"},
        {2, 1, 8, 8, 8, 8, false, "NewReplicaSetAvailable", KUBE_ROLLOUT_PROGRESSING, "not seen"},
        {2, 2, 8, 9, 1, 8, false, "ReplicaSetUpdated", KUBE_ROLLOUT_PROGRESSING,
         "1 of 8 new pods are made"},
        {2, 2, 8, 9, 8, 8, false, "ReplicaSetUpdated", KUBE_ROLLOUT_PROGRESSING,
         "1 old pod still to go"},
        {2, 2, 3, 8, 8, 8, false, "NewReplicaSetAvailable", KUBE_ROLLOUT_PROGRESSING,
         "5 pods are too many"},
        {2, 2, 8, 8, 8, 7, false, "ReplicaSetUpdated", KUBE_ROLLOUT_PROGRESSING,
         "7 of 8 new pods are available"},
        {2, 2, 8, 9, 1, 8, false, "ProgressDeadlineExceeded", KUBE_ROLLOUT_FAILED,
         "no progress for 600 s"},
        /* An old verdict does not hold for a change that was not seen yet. */
        {3, 2, 8, 9, 1, 8, false, "ProgressDeadlineExceeded", KUBE_ROLLOUT_PROGRESSING, "not seen"},
        {2, 2, 8, 9, 1, 8, true, "DeploymentPaused", KUBE_ROLLOUT_PAUSED, "1 of 8"},
        {1, 1, 0, 0, 0, 0, false, "NewReplicaSetAvailable", KUBE_ROLLOUT_COMPLETE, "all 0"},
        {1, 0, 8, 0, 0, 0, false, "", KUBE_ROLLOUT_PROGRESSING, "not seen"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct kube_rollout rollout;
        char json[1024];
        snprintf(json, sizeof(json),
                 "{\"metadata\":{\"name\":\"d\",\"generation\":%d},\"spec\":{\"replicas\":%d,"
                 "\"paused\":%s},\"status\":{\"observedGeneration\":%d,\"replicas\":%d,"
                 "\"updatedReplicas\":%d,\"availableReplicas\":%d,\"conditions\":[{\"type\":"
                 "\"Progressing\",\"reason\":\"%s\"}]}}",
                 rows[i].generation, rows[i].replicas, rows[i].paused ? "true" : "false",
                 rows[i].observed, rows[i].all, rows[i].updated, rows[i].available, rows[i].reason);
        struct kube_object *deployment = read_text(KUBE_DEPLOYMENT, json);
        kube_rollout_status(deployment, &rollout);
        if (rollout.state != rows[i].state || strstr(rollout.text, rows[i].text) == NULL)
            fail_msg("row %zu: %d %s", i, rollout.state, rollout.text);
        kube_object_drop(deployment);
    }
}

static void expect(enum kube_kind kind, const char *json, enum kube_rollout_state state,
                   const char *text)
{
    struct kube_rollout rollout;
    struct kube_object *object = read_text(kind, json);
    kube_rollout_status(object, &rollout);
    if (rollout.state != state || strstr(rollout.text, text) == NULL)
        fail_msg("%s: %d %s", json, rollout.state, rollout.text);
    kube_object_drop(object);
}

/* By the rules of `kubectl rollout status` for them. */
static void test_other_workloads(void **state)
{
    static const struct {
        enum kube_kind kind;
        const char *spec, *status;
        enum kube_rollout_state state;
        const char *text;
    } rows[] = {
        /* Beyond all integers: cut to the API's own. */
        {KUBE_STATEFULSET, "\"replicas\":-1e300",
         "\"replicas\":-1e300,\"updatedReplicas\":1e300,\"readyReplicas\":0",
         KUBE_ROLLOUT_PROGRESSING, "2147483647 pods are too many"},
        {KUBE_DAEMONSET, "", "\"desiredNumberScheduled\":3,\"updatedNumberScheduled\":2",
         KUBE_ROLLOUT_PROGRESSING, "2 of 3 new pods are made"},
        {KUBE_DAEMONSET, "",
         "\"desiredNumberScheduled\":3,\"updatedNumberScheduled\":3,\"numberAvailable\":2",
         KUBE_ROLLOUT_PROGRESSING, "2 of 3 new pods are available"},
        {KUBE_DAEMONSET, "",
         "\"desiredNumberScheduled\":3,\"updatedNumberScheduled\":3,\"numberAvailable\":3",
         KUBE_ROLLOUT_COMPLETE, "all 3"},
        {KUBE_DAEMONSET, "\"updateStrategy\":{\"type\":\"OnDelete\"}",
         "\"desiredNumberScheduled\":3,\"updatedNumberScheduled\":1", KUBE_ROLLOUT_PAUSED,
         "until somebody deletes it"},
        {KUBE_STATEFULSET, "\"replicas\":3",
         "\"replicas\":3,\"updatedReplicas\":1,\"readyReplicas\":3,\"currentRevision\":\"a\","
         "\"updateRevision\":\"b\"",
         KUBE_ROLLOUT_PROGRESSING, "1 of 3 new pods are made"},
        {KUBE_STATEFULSET, "\"replicas\":3",
         "\"replicas\":3,\"readyReplicas\":2,\"currentRevision\":\"b\",\"updateRevision\":\"b\"",
         KUBE_ROLLOUT_PROGRESSING, "2 of 3 new pods are available"},
        {KUBE_STATEFULSET, "\"replicas\":3",
         "\"replicas\":3,\"readyReplicas\":3,\"currentRevision\":\"b\",\"updateRevision\":\"b\"",
         KUBE_ROLLOUT_COMPLETE, "all 3"},
        {KUBE_STATEFULSET,
         "\"replicas\":3,\"updateStrategy\":{\"rollingUpdate\":{\"partition\":2}}",
         "\"replicas\":3,\"updatedReplicas\":1,\"readyReplicas\":3,\"currentRevision\":\"a\","
         "\"updateRevision\":\"b\"",
         KUBE_ROLLOUT_COMPLETE, "all 1 pods are new and available, and those below the partition"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char json[1024];
        snprintf(json, sizeof(json),
                 "{\"metadata\":{\"name\":\"d\",\"generation\":2},\"spec\":{%s},\"status\":{"
                 "\"observedGeneration\":2,%s}}",
                 rows[i].spec, rows[i].status);
        expect(rows[i].kind, json, rows[i].state, rows[i].text);
    }
    expect(KUBE_DAEMONSET, "{\"metadata\":{\"name\":\"d\",\"generation\":2}}",
           KUBE_ROLLOUT_PROGRESSING, "not seen");
}

static void add_pod(struct kube_cache *pods, const char *name, const char *app, const char *more)
{
    struct kube_object *previous;
    char json[1024];
    snprintf(json, sizeof(json),
             "{\"metadata\":{\"name\":\"%s\",\"namespace\":\"n\",\"labels\":{\"app\":\"%s\"}%s",
             name, app, more);
    assert_int_equal(kube_cache_put(pods, read_text(KUBE_POD, json), &previous), 0);
}

static void add_node(struct kube_cache *nodes, const char *json)
{
    struct kube_object *previous;
    assert_int_equal(kube_cache_put(nodes, read_text(KUBE_NODE, json), &previous), 0);
}

static void test_reasons(void **state)
{
    static const char pull[] =
        "},\"spec\":{\"containers\":[{\"name\":\"c\"}]},\"status\":{\"containerStatuses\":[{"
        "\"name\":"
        "\"c\",\"state\":{\"waiting\":{\"reason\":\"ImagePullBackOff\"}}}]}}";
    static const char ready[] =
        "},\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"}]}}";
    static const char going[] = ",\"deletionTimestamp\":\"2026-11-21T09:53:29Z\"}}";
    struct kube_cache pods = {0}, nodes = {0};
    struct text out = {0};
    struct kube_object *deployment =
        read_text(KUBE_DEPLOYMENT, "{\"metadata\":{\"name\":\"d\",\"namespace\":\"n\"},\"spec\":{"
                                   "\"selector\":{\"matchLabels\":{\"app\":\"web\"}}}}");
    (void)state;
    add_pod(&pods, "p1", "web", pull);
    add_pod(&pods, "p2", "web", pull);
    add_pod(&pods, "p3", "web", ready);
    add_pod(&pods, "p4", "web", going);
    add_pod(&pods, "p5", "other", pull);
    add_pod(&pods, "p6", "web", "}}");
    kube_rollout_reasons(deployment, &pods, &nodes, &out);
    assert_string_equal(text_str(&out), "2 pods not ready (p1): container c: ImagePullBackOff\n"
                                        "1 pod not ready (p6): not ready, phase Unknown");
    text_free(&out);
    kube_cache_free(&pods);
    add_node(&nodes, "{\"metadata\":{\"name\":\"n1\"},\"status\":{\"conditions\":[{"
                     "\"type\":\"Ready\",\"status\":\"True\"}]}}");
    add_node(&nodes, "{\"metadata\":{\"name\":\"n2\"},\"status\":{\"conditions\":[{"
                     "\"type\":\"Ready\",\"status\":\"Unknown\",\"reason\":"
                     "\"NodeStatusUnknown\"}]}}");
    add_pod(&pods, "p1", "web", "},\"spec\":{\"nodeName\":\"n1\"}}");
    add_pod(&pods, "p2", "web", "},\"spec\":{\"nodeName\":\"n2\"}}");
    add_pod(&pods, "p3", "web", "},\"spec\":{\"nodeName\":\"n3\"}}");
    add_pod(&pods, "p4", "web", "}}");
    kube_rollout_reasons(deployment, &pods, &nodes, &out);
    assert_string_equal(text_str(&out),
                        "2 pods not ready (p1): not ready, phase Unknown\n"
                        "1 pod not ready (p2): not ready, phase Unknown; node n2 is not ready "
                        "(NodeStatusUnknown)\n"
                        "1 pod not ready (p3): not ready, phase Unknown; there is no node n3");
    text_free(&out);
    kube_cache_free(&pods);
    kube_cache_free(&nodes);
    kube_object_drop(deployment);
}

/* A StatefulSet's next pod waits until the old one is gone, which a node that is away does not do;
 * and a quota lets no pod be made at all. */
static void test_more_reasons(void **state)
{
    struct kube_cache pods = {0}, nodes = {0};
    struct text out = {0};
    struct kube_object *set =
        read_text(KUBE_STATEFULSET, "{\"metadata\":{\"name\":\"s\",\"namespace\":\"n\"},\"spec\":{"
                                    "\"selector\":{\"matchLabels\":{\"app\":\"web\"}}}}");
    struct kube_object *deployment =
        read_text(KUBE_DEPLOYMENT,
                  "{\"metadata\":{\"name\":\"d\",\"namespace\":\"n\"},\"spec\":{\"selector\":{"
                  "\"matchLabels\":{\"app\":\"web\"}}},\"status\":{\"conditions\":[{\"type\":"
                  "\"ReplicaFailure\",\"status\":\"True\",\"reason\":\"FailedCreate\","
                  "\"message\":\"exceeded quota\"}]}}");
    (void)state;
    add_node(&nodes, "{\"metadata\":{\"name\":\"n2\"},\"status\":{\"conditions\":[{"
                     "\"type\":\"Ready\",\"status\":\"Unknown\",\"reason\":"
                     "\"NodeStatusUnknown\"}]}}");
    add_pod(&pods, "web-0", "web",
            ",\"deletionTimestamp\":\"2026-11-21T09:53:29Z\"},\"spec\":{\"nodeName\":\"n2\"}}");
    kube_rollout_reasons(set, &pods, &nodes, &out);
    assert_string_equal(text_str(&out), "1 pod not ready (web-0): terminating, and not gone yet; "
                                        "node n2 is not ready (NodeStatusUnknown)");
    text_clear(&out);
    kube_rollout_reasons(deployment, &pods, &nodes, &out);
    assert_string_equal(text_str(&out), "pods cannot be made: FailedCreate: exceeded quota");
    text_free(&out);
    kube_cache_free(&pods);
    kube_cache_free(&nodes);
    kube_object_drop(set);
    kube_object_drop(deployment);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_other_workloads),
        cmocka_unit_test(test_reasons),
        cmocka_unit_test(test_more_reasons),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
