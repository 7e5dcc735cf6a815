/* What is deleted or evicted, as conversations: until it is gone, and what holds it. */
#include <errno.h>

#include "tests/unit/kube/conversation.h"

static void test_delete(void **state)
{
    static const char pod[] = "{\"metadata\":{\"name\":\"p\",\"uid\":\"u1\"}}";
    (void)state;
    begin((struct kube_order){
        .verb = KUBE_DELETE, .kind = KUBE_POD, .name = "p", .uid = "u1", .wait_gone = true});
    asks("GET", POD, "");
    answer(200, pod);
    asks("DELETE", POD,
         "{\"apiVersion\":\"v1\",\"kind\":\"DeleteOptions\",\"propagationPolicy\":\"Background\","
         "\"preconditions\":{\"uid\":\"u1\"}}");
    answer(200, "{\"kind\":\"Status\",\"status\":\"Success\"}");
    assert_int_equal(action.state, KUBE_ACTION_PAUSE);
    kube_action_tick(&action, action.due_ns - 1);
    assert_int_equal(action.state, KUBE_ACTION_PAUSE);
    kube_action_tick(&action, action.due_ns);
    asks("GET", POD, "");
    answer(
        200,
        "{\"metadata\":{\"name\":\"p\",\"uid\":\"u1\",\"deletionTimestamp\":\"t\",\"finalizers\":"
        "[\"x/y\"]},\"spec\":{\"nodeName\":\"n2\"}}"); /* Still in its grace period. */
    assert_string_equal(action.result.error.text,
                        "pod/p is terminating, and still there; its finalizers must be dealt with: "
                        "x/y; the kubelet of node n2 has to end it"); /* Of a deadline. */
    kube_action_tick(&action, action.due_ns);
    asks("GET", POD, "");
    answer(200, "{\"metadata\":{\"name\":\"p\",\"uid\":\"u2\"}}"); /* The next of that name. */
    ends(KUBE_DONE_DELETED);
    tear_down(NULL);

    begin((struct kube_order){.verb = KUBE_DELETE, .kind = KUBE_POD, .name = "p", .uid = "u0"});
    asks("GET", POD, "");
    answer(200, pod); /* Not the one that was meant. */
    ends(KUBE_DONE_ABSENT);
    tear_down(NULL);

    begin((struct kube_order){
        .verb = KUBE_DELETE, .kind = KUBE_POD, .name = "p", .grace_s = KUBE_GRACE_NONE});
    asks("GET", POD, "");
    answer(200, pod);
    assert_non_null(strstr(text_str(&action.body), "\"gracePeriodSeconds\":0"));
    tear_down(NULL);

    begin((struct kube_order){.verb = KUBE_DELETE, .kind = KUBE_POD, .name = "p"});
    asks("GET", POD, "");
    answer_recorded("answer-get-404-deployment.json");
    ends(KUBE_DONE_ABSENT);
}

/* What a manifest made can be deleted whatever its kind, and just that very object. */
static void test_delete_applied(void **state)
{
    cJSON *object = parse("{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"metadata\":{\"name\":"
                          "\"m\"}}");
    (void)state;
    begin((struct kube_order){.verb = KUBE_DELETE, .object = object, .uid = "u1"});
    asks("GET", "/api/v1", "");
    answer(200, "{\"kind\":\"APIResourceList\",\"resources\":[{\"name\":\"secrets\",\"kind\":"
                "\"Secret\",\"namespaced\":true}]}");
    asks("GET", "/api/v1/namespaces/d/secrets/m", "");
    answer(200, "{\"metadata\":{\"name\":\"m\",\"uid\":\"u1\"}}");
    asks("DELETE", "/api/v1/namespaces/d/secrets/m", NULL);
    answer(200, "{\"kind\":\"Status\"}");
    ends(KUBE_DONE_DELETED);
    cJSON_Delete(object);
}

/* A budget refuses: again after 5 s, as often as it takes. */
static void test_evict(void **state)
{
    (void)state;
    strcpy(discovery.eviction_version, "policy/v1beta1");
    begin((struct kube_order){.verb = KUBE_EVICT, .name = "p"});
    asks("GET", POD, "");
    answer(200, "{\"metadata\":{\"name\":\"p\",\"uid\":\"u1\"}}");
    for (int i = 0; i < 20; i++) {
        asks(
            "POST", POD "/eviction?fieldManager=seamline",
            "{\"apiVersion\":\"policy/v1beta1\",\"kind\":\"Eviction\",\"metadata\":{\"name\":\"p\","
            "\"namespace\":\"d\"}}");
        answer_recorded("answer-evict-429.json");
        assert_int_equal(action.state, KUBE_ACTION_PAUSE);
        assert_int_equal(action.due_ns, 2000 + UINT64_C(5000000000));
        kube_action_tick(&action, action.due_ns);
    }
    asks("POST", POD "/eviction?fieldManager=seamline", NULL);
    answer_recorded("answer-evict-201.json");
    ends(KUBE_DONE_DELETED);
    assert_string_equal(action.result.error.text, "");
    tear_down(NULL);

    /* Its owner gives up: the budget's words are the reason. */
    begin((struct kube_order){.verb = KUBE_EVICT, .name = "p"});
    asks("GET", POD, "");
    answer(200, "{\"metadata\":{\"name\":\"p\"}}");
    asks("POST", POD "/eviction?fieldManager=seamline", NULL);
    answer_recorded("answer-evict-429.json");
    kube_action_cancel(&action, "deadline");
    fails(-ECANCELED, "The disruption budget web needs 8 healthy pods");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_delete),
        TEST(test_delete_applied),
        TEST(test_evict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
