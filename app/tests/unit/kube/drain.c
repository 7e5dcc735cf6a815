/* Draining a node as a conversation: who goes, who stays, who holds it. */
#include <errno.h>

#include "kube/drain.h"
#include "tests/unit/kube/conversation.h"

#define NODE "/api/v1/nodes/n1"
#define PODS "/api/v1/pods?fieldSelector=spec.nodeName%3Dn1"
#define EVICTION(name) "/api/v1/namespaces/d/pods/" name "/eviction?fieldManager=seamline"
#define SECOND UINT64_C(1000000000)

static struct text list;

static int end(void **state)
{
    text_free(&list);
    return tear_down(state);
}

/* Add a pod to `list`. OWNER "": none. MORE: further members of the object. */
static void pod(const char *name, const char *owner, const char *more)
{
    text_addf(&list, "%s{\"metadata\":{\"name\":\"%s\",\"namespace\":\"d\",\"uid\":\"u-%s\"",
              list.size == 0 ? "{\"kind\":\"PodList\",\"items\":[" : ",", name, name);
    if (owner[0] != '\0')
        text_addf(&list, ",\"ownerReferences\":[{\"kind\":\"%s\",\"controller\":true}]", owner);
    text_addf(&list, "%s}", more[0] == '\0' ? "}" : more);
}

static void answer_list_at(uint64_t now_ns)
{
    text_add(&list, list.size == 0 ? "{\"kind\":\"PodList\",\"items\":[]}" : "]}");
    kube_action_answer(&action, KUBE_REASON_SUCCESS, 200, 0, &list, NULL, NULL, now_ns);
    text_clear(&list);
}

static void answer_list(void)
{
    answer_list_at(2000); /* As answer(). */
}

static const char *node_json(const char *ready, const char *reason)
{
    static char json[400];
    snprintf(json, sizeof(json),
             "{\"metadata\":{\"name\":\"n1\",\"uid\":\"u1\",\"resourceVersion\":\"3\"},\"status\":{"
             "\"conditions\":[{\"type\":\"Ready\",\"status\":\"%s\",\"reason\":\"%s\"}]}}",
             ready, reason);
    return json;
}

static void begin_drain(struct kube_order order)
{
    order.verb = KUBE_DRAIN;
    order.name = "n1";
    begin(order);
    asks("GET", NODE, "");
    answer(200, node_json("True", "KubeletReady"));
    asks("GET", PODS, "");
}

static void cordons(void)
{
    asks("PATCH", NODE "?fieldManager=seamline", "{\"spec\":{\"unschedulable\":true}}");
    answer(200, "{\"metadata\":{\"name\":\"n1\",\"uid\":\"u1\",\"resourceVersion\":\"4\"}}");
}

static void said(const char *news)
{
    assert_string_equal(text_str(&action.news), news);
    text_clear(&action.news);
}

/* Time passes until the pause is over. */
static void wait_until(uint64_t due_ns)
{
    assert_int_equal(action.state, KUBE_ACTION_PAUSE);
    assert_int_equal(action.due_ns, due_ns);
    kube_action_tick(&action, due_ns - 1);
    assert_int_equal(action.state, KUBE_ACTION_PAUSE);
    kube_action_tick(&action, due_ns);
}

/* Cordon, the pods' evictions one after another, and lists until they are gone. */
static void test_drain(void **state)
{
    (void)state;
    begin_drain((struct kube_order){.confirm = true, .grace_s = 7});
    pod("a", "ReplicaSet", "");
    pod("proxy", "DaemonSet", "");
    pod("static", "Node", ",\"annotations\":{\"kubernetes.io/config.mirror\":\"x\"}}");
    pod("b", "ReplicaSet", "");
    pod("job", "", "},\"status\":{\"phase\":\"Succeeded\"}");
    answer_list();
    assert_int_equal(action.state, KUBE_ACTION_PREPARED);
    assert_string_equal(text_str(&action.about), "drain node/n1: cordon it and evict 3 pods "
                                                 "(1 of DaemonSets and 1 mirror pods stay)");
    assert_string_equal(action.target, "node/n1");
    assert_non_null(strstr(text_str(&action.undo), "{\"spec\":{\"unschedulable\":null}"));
    kube_action_commit(&action);
    cordons();
    said("node/n1 cordoned");
    asks("POST", EVICTION("a"),
         "{\"apiVersion\":\"policy/v1\",\"kind\":\"Eviction\",\"metadata\":{\"name\":\"a\","
         "\"namespace\":\"d\"},\"deleteOptions\":{\"gracePeriodSeconds\":7,\"preconditions\":{"
         "\"uid\":\"u-a\"}}}");
    answer_recorded("answer-evict-201.json");
    said("pod d/a evicted");
    asks("POST", EVICTION("b"), NULL);
    answer(
        404,
        "{\"kind\":\"Status\",\"reason\":\"NotFound\",\"message\":\"pods \\\"b\\\" not found\"}");
    said("pod d/b gone before it was evicted");
    asks("POST", EVICTION("job"), NULL);
    answer_recorded("answer-evict-201.json");
    said("pod d/job evicted");
    wait_until(2000 + SECOND / 2);
    asks("GET", PODS, "");
    pod("a", "ReplicaSet", "");
    pod("proxy", "DaemonSet", "");
    answer_list();
    said("pod d/job gone");
    wait_until(2000 + SECOND / 2);
    asks("GET", PODS, "");
    pod("proxy", "DaemonSet", "");
    answer_list();
    said("pod d/a gone");
    ends(KUBE_DONE_CHANGED);
}

/* A budget says no: again after 5 s. The deadline names what holds it. */
static void test_budget(void **state)
{
    (void)state;
    begin_drain((struct kube_order){0});
    pod("a", "ReplicaSet", "");
    answer_list();
    cordons();
    text_clear(&action.news);
    for (int i = 0; i < 20; i++) {
        asks("POST", EVICTION("a"), NULL);
        answer_recorded("answer-evict-429.json");
        said(i > 0 ? ""
                   : "pod d/a not evicted yet: Cannot evict pod as it would violate the pod's "
                     "disruption budget. (The disruption budget web needs 8 healthy pods and has 8 "
                     "currently)");
        wait_until(2000 + SECOND / 2);
        asks("GET", PODS, "");
        pod("a", "ReplicaSet", "");
        answer_list_at(2000 + 5 * SECOND - 1); /* Not due yet. */
        wait_until(2000 + 5 * SECOND - 1 + SECOND / 2);
        asks("GET", PODS, "");
        pod("a", "ReplicaSet", "");
        answer_list_at(2000 + 5 * SECOND);
    }
    kube_action_cancel(&action, "not over within --timeout");
    fails(-ECANCELED,
          "node/n1: not over within --timeout; still there: d/a (Cannot evict pod as it "
          "would violate the pod's disruption budget. (The disruption budget web needs "
          "8 healthy pods and has 8 currently))");
}

/* Throttling is no budget: it says itself how long to wait. */
static void test_throttled(void **state)
{
    struct text body = {0};
    (void)state;
    begin_drain((struct kube_order){0});
    pod("a", "ReplicaSet", "");
    answer_list();
    cordons();
    asks("POST", EVICTION("a"), NULL);
    text_add(&body,
             "{\"kind\":\"Status\",\"reason\":\"TooManyRequests\",\"message\":\"slow down\"}");
    kube_action_answer(&action, KUBE_REASON_SUCCESS, 429, 3, &body, NULL, NULL, 2000);
    text_free(&body);
    wait_until(2000 + SECOND / 2);
    asks("GET", PODS, "");
    pod("a", "ReplicaSet", "");
    answer_list_at(2000 + 3 * SECOND);
    asks("POST", EVICTION("a"), NULL);
    answer_recorded("answer-evict-201.json");
    /* The server restarts: the list is asked for again. */
    wait_until(2000 + SECOND / 2);
    asks("GET", PODS, "");
    kube_action_answer(&action, KUBE_REASON_UNREACHABLE, 0, 0, &body, NULL, NULL, 2000);
    wait_until(2000 + SECOND);
    asks("GET", PODS, "");
    answer_list();
    ends(KUBE_DONE_CHANGED);
}

/* What would be lost for good keeps the drain from beginning: nothing is changed. */
static void test_refusals(void **state)
{
    (void)state;
    begin_drain((struct kube_order){0});
    pod("bare", "", "");
    answer_list();
    fails(-EPERM, "node/n1: pod d/bare has no controller and would come back nowhere; --force");
    tear_down(NULL);
    begin_drain((struct kube_order){.force = true});
    pod("bare", "", "");
    pod("data", "ReplicaSet", "},\"spec\":{\"volumes\":[{\"name\":\"v\",\"emptyDir\":{}}]}");
    answer_list();
    fails(-EPERM, "pod d/data has an emptyDir");
    tear_down(NULL);
    begin_drain((struct kube_order){.force = true, .delete_empty_dir = true});
    pod("bare", "", "");
    pod("data", "ReplicaSet", "},\"spec\":{\"volumes\":[{\"name\":\"v\",\"emptyDir\":{}}]}");
    answer_list();
    cordons();
    asks("POST", EVICTION("bare"), NULL);
    answer_recorded("answer-403-forbidden.json"); /* Not to be had by waiting. */
    fails(-EPERM, "resources: [\"pods/eviction\"]");
    tear_down(NULL);
    begin_drain((struct kube_order){0});
    answer(200, "{\"kind\":\"Status\"}");
    fails(-EBADMSG, "no list of pods");
    tear_down(NULL);
    struct error err = {0};
    discovery.eviction_version[0] = '\0';
    assert_int_equal(kube_action_init(&action,
                                      &(struct kube_order){.verb = KUBE_DRAIN, .name = "n1"},
                                      &discovery, "d", &err),
                     -EOPNOTSUPP);
}

/* Each is asked for once, and nothing is waited for. */
static void test_dry_run(void **state)
{
    (void)state;
    begin_drain((struct kube_order){.dry_run = true});
    pod("a", "ReplicaSet", "");
    pod("b", "ReplicaSet", "");
    answer_list();
    assert_string_equal(text_str(&action.undo), "");
    asks("PATCH", NODE "?fieldManager=seamline&dryRun=All", NULL);
    answer(200, "{\"metadata\":{\"name\":\"n1\"}}");
    asks("POST", EVICTION("a") "&dryRun=All", NULL);
    answer_recorded("answer-evict-429.json");
    asks("POST", EVICTION("b") "&dryRun=All", NULL);
    answer_recorded("answer-evict-201.json");
    ends(KUBE_DONE_CHANGED);
}

/* More pods than there are places: the rest has its turn when these are gone, even when all of these
 * go before they could be evicted. */
static void test_more_than_places(void **state)
{
    char name[32], expected[96];
    (void)state;
    begin_drain((struct kube_order){0});
    for (unsigned i = 0; i < KUBE_DRAIN_PODS + 2; i++) {
        snprintf(name, sizeof(name), "p%u", i);
        pod(name, "ReplicaSet", "");
    }
    answer_list();
    snprintf(expected, sizeof(expected), "evict %u pods", KUBE_DRAIN_PODS + 2);
    assert_non_null(strstr(text_str(&action.about), expected));
    cordons();
    for (unsigned i = 0; i < KUBE_DRAIN_PODS; i++) {
        assert_int_equal(action.step, KUBE_STEP_EVICT);
        kube_action_sent(&action, 1000);
        answer(404, "{\"kind\":\"Status\",\"code\":404,\"reason\":\"NotFound\"}");
    }
    kube_action_tick(&action, UINT64_MAX);
    asks("GET", PODS, "");
    snprintf(name, sizeof(name), "p%u", KUBE_DRAIN_PODS);
    pod(name, "ReplicaSet", "");
    answer_list();
    assert_int_equal(action.step, KUBE_STEP_EVICT);
    snprintf(expected, sizeof(expected), "/api/v1/namespaces/d/pods/p%u/eviction", KUBE_DRAIN_PODS);
    assert_non_null(strstr(text_str(&action.path), expected));
    kube_action_sent(&action, 1000);
    answer(404, "{\"kind\":\"Status\",\"code\":404,\"reason\":\"NotFound\"}");
    ends(KUBE_DONE_CHANGED);
}

static void answer_node_at(const char *json, long code, uint64_t now_ns)
{
    struct text body = {0};
    text_add(&body, json);
    kube_action_answer(&action, KUBE_REASON_SUCCESS, code, 0, &body, NULL, NULL, now_ns);
    text_free(&body);
}

/* A node that goes while it is drained: told, and named with the pods when the time is up. */
static void test_node_is_lost(void **state)
{
    uint64_t now_ns = 2000;
    (void)state;
    begin_drain((struct kube_order){0});
    pod("a", "ReplicaSet", "");
    answer_list();
    cordons();
    said("node/n1 cordoned");
    asks("POST", EVICTION("a"), NULL);
    answer_recorded("answer-evict-201.json");
    said("pod d/a evicted");
    static const struct {
        const char *ready, *reason, *news;
    } looks[] = {
        {"True", "KubeletReady", ""},
        {"Unknown", "NodeStatusUnknown", "node/n1 is not ready (NodeStatusUnknown)"},
        {"Unknown", "NodeStatusUnknown", ""}, /* Once. */
        {"True", "KubeletReady", "node/n1 is ready again"},
        {NULL, "{\"kind\":\"Status\",\"code\":404,\"reason\":\"NotFound\"}",
         "node/n1 is not ready (it was deleted)"},
    };
    for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]); i++) {
        wait_until(now_ns + SECOND / 2);
        asks("GET", PODS, "");
        now_ns += 5 * SECOND;
        pod("a", "ReplicaSet", "");
        answer_list_at(now_ns);
        wait_until(now_ns + SECOND / 2);
        asks("GET", NODE, "");
        now_ns += SECOND / 2;
        if (looks[i].ready != NULL)
            answer_node_at(node_json(looks[i].ready, looks[i].reason), 200, now_ns);
        else
            answer_node_at(looks[i].reason, 404, now_ns);
        said(looks[i].news);
        asks("GET", PODS, "");
        pod("a", "ReplicaSet", "");
        answer_list_at(now_ns);
    }
    kube_action_cancel(&action, "not over within --timeout");
    fails(-ECANCELED, "node/n1: not over within --timeout; node/n1 is not ready (it was deleted); "
                      "still there: d/a (evicted, still terminating)");
}

/* One that is not ready from the start. */
static void test_node_is_not_ready(void **state)
{
    (void)state;
    begin((struct kube_order){.verb = KUBE_DRAIN, .name = "n1"});
    asks("GET", NODE, "");
    answer(200, "{\"metadata\":{\"name\":\"n1\",\"uid\":\"u1\"}}");
    asks("GET", PODS, "");
    pod("a", "ReplicaSet", "");
    answer_list();
    cordons();
    said("node/n1 cordoned\nnode/n1 is not ready (its kubelet has not said anything yet)");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, end)
    const struct CMUnitTest tests[] = {
        TEST(test_drain),        TEST(test_budget),
        TEST(test_throttled),    TEST(test_refusals),
        TEST(test_dry_run),      TEST(test_more_than_places),
        TEST(test_node_is_lost), TEST(test_node_is_not_ready),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
