/* Actions as conversations: what is asked, what is answered, how it ends. */
#include <errno.h>

#include "kube/inverse.h"
#include "tests/unit/kube/conversation.h"

/* A Deployment of 2 with one or two containers, complete or in the middle of a rollout. */
static const char *deployment(unsigned version, const char *image, bool two, bool rolling)
{
    static char json[2048];
    snprintf(json, sizeof(json),
             "{\"kind\":\"Deployment\",\"metadata\":{\"name\":\"web\",\"namespace\":\"d\",\"uid\":"
             "\"u1\",\"resourceVersion\":\"%u\",\"generation\":3},\"spec\":{\"replicas\":2,"
             "\"template\":{\"metadata\":{\"labels\":{\"app\":\"web\"}},\"spec\":{\"containers\":[{"
             "\"name\":\"c\",\"image\":\"%s\"}%s]}}},\"status\":{\"observedGeneration\":3,"
             "\"replicas\":2,\"updatedReplicas\":%d,\"availableReplicas\":2}}",
             version, image, two ? ",{\"name\":\"side\",\"image\":\"s:1\"}" : "", rolling ? 1 : 2);
    return json;
}

#define WEB "/apis/apps/v1/namespaces/d/deployments/web"
#define IMAGE_PATCH(image)                                                                         \
    "{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"" image        \
    "\"}]}}}}"
/* Of that very Deployment. */
#define IMAGE_UNDO(image)                                                                          \
    "{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"" image        \
    "\"}]}}},\"metadata\":{\"uid\":\"u1\"}}"

#define SECOND UINT64_C(1000000000)

static const struct kube_order set_image = {
    .verb = KUBE_SET_IMAGE, .name = "web", .image = "web:v2"};

static void test_set_image(void **state)
{
    (void)state;
    begin(set_image);
    asks("GET", WEB, "");
    answer(200, deployment(7, "web:v1", false, false));
    asks("PATCH", WEB "?fieldManager=seamline", IMAGE_PATCH("web:v2"));
    assert_string_equal(action.body_type, "application/strategic-merge-patch+json");
    answer(200, deployment(9, "web:v2", false, false));
    ends(KUBE_DONE_CHANGED);
    assert_string_equal(action.result.previous, "web:v1");
    assert_int_equal(action.result.version, 9);
    assert_string_equal(action.result.uid, "u1");
    assert_int_equal(action.result.sent_ns, 1000);
    assert_int_equal(action.result.answered_ns, 2000);
    assert_string_equal(action.result.object->workload.containers.each[0].image, "web:v2");
}

/* It halts before the change, says what it would do, and its undo puts the image back. */
static void test_confirm_and_undo(void **state)
{
    struct kube_order order = set_image;
    struct error err = {0};
    char undo[2048];
    (void)state;
    order.confirm = true;
    begin(order);
    asks("GET", WEB, "");
    answer(200, deployment(7, "web:v1", false, false));
    assert_int_equal(action.state, KUBE_ACTION_PREPARED);
    assert_string_equal(action.target, "deployment/web");
    assert_string_equal(text_str(&action.about),
                        "set image of deployment/web, container c: web:v1 -> web:v2");
    kube_action_tick(&action, UINT64_MAX);
    assert_int_equal(action.state, KUBE_ACTION_PREPARED);
    snprintf(undo, sizeof(undo), "%s", text_str(&action.undo));
    kube_action_commit(&action);
    asks("PATCH", WEB "?fieldManager=seamline", IMAGE_PATCH("web:v2"));
    kube_action_free(&action);
    assert_int_equal(kube_action_undo(&action, undo, &err), 0);
    asks("PATCH", WEB, IMAGE_UNDO("web:v1"));
    assert_string_equal(action.body_type, "application/strategic-merge-patch+json");
    answer(200, deployment(11, "web:v1", false, false));
    ends(KUBE_DONE_CHANGED);
    kube_action_free(&action);
    assert_int_equal(kube_action_undo(&action, undo, &err), 0);
    asks("PATCH", WEB, NULL);
    answer_recorded("answer-get-404-deployment.json");
    ends(KUBE_DONE_ABSENT);
    kube_action_free(&action);
    assert_int_equal(kube_action_undo(&action, undo, &err), 0); /* Another has the name. */
    asks("PATCH", WEB, NULL);
    answer(422,
           "{\"kind\":\"Status\",\"code\":422,\"reason\":\"Invalid\",\"message\":\"Deployment.apps "
           "\\\"web\\\" is invalid: metadata.uid: Invalid value: \\\"u1\\\": field is "
           "immutable\"}");
    ends(KUBE_DONE_FAILED);
    assert_int_equal(action.result.reason, KUBE_REASON_CONFLICT);
    kube_action_free(&action);
    assert_int_equal(kube_action_undo(&action, "{\"method\":\"BREW\"}", &err), -EINVAL);
}

static void test_set_image_refusals(void **state)
{
    struct kube_order order = set_image;
    (void)state;
    begin(order);
    asks("GET", WEB, "");
    answer(200, deployment(7, "web:v2", false, false)); /* No rollout would follow. */
    ends(KUBE_DONE_UNCHANGED);
    tear_down(NULL);

    order.container = "x";
    begin(order);
    asks("GET", WEB, "");
    answer(200, deployment(7, "web:v1", true, false));
    fails(-ENOENT, "deployment/web in namespace d: has no container \"x\"; there are: c, side");
    tear_down(NULL);

    order.container = NULL;
    begin(order);
    asks("GET", WEB, "");
    answer(200, deployment(7, "web:v1", true, false));
    fails(-EINVAL, "has several containers, name one of: c, side");
    tear_down(NULL);

    begin(order);
    asks("GET", WEB, "");
    answer(200, deployment(7, "web:v1", false, true));
    fails(-EBUSY, "in the middle of a rollout that is not ours (1 of 2 new pods are made)");
    tear_down(NULL);

    order.even_rolling = true;
    begin(order);
    asks("GET", WEB, "");
    answer(200, deployment(7, "web:v1", false, true));
    asks("PATCH", WEB "?fieldManager=seamline", NULL);
    answer_recorded("answer-patch-422-invalid.json");
    fails(-EINVAL, "422");
    tear_down(NULL);

    begin(order);
    asks("GET", WEB, "");
    answer_recorded("answer-get-404-deployment.json");
    fails(-ENOENT, "there is no web of deployments in namespace d");
    assert_int_equal(action.result.reason, KUBE_REASON_NOT_FOUND);
    tear_down(NULL);

    begin(order);
    asks("GET", WEB, "");
    answer_recorded("answer-403-forbidden.json");
    fails(-EPERM, "verbs: [\"get\"]");
}

static void test_orders_without_sense(void **state)
{
    static const char *const bad_env[] = {"=x", "A", "-"};
    static const struct {
        struct kube_order order;
        const char *text;
    } rows[] = {
        {{.verb = KUBE_SET_IMAGE, .name = "web"}, "no image"},
        {{.verb = KUBE_SET_IMAGE, .image = "x"}, "no object's name"},
        {{.verb = KUBE_SCALE, .name = "web", .replicas = -1}, "replicas"},
        {{.verb = KUBE_GET, .kind = KUBE_OTHER, .name = "web"}, "kind"},
        {{.verb = KUBE_DELETE, .kind = KUBE_POD, .name = "../x"}, "no object's name"},
        {{.verb = KUBE_PATCH, .kind = KUBE_POD, .name = "x"}, "no JSON object"},
        {{.verb = KUBE_APPLY}, "apiVersion"},
        {{.verb = KUBE_SET_ENV, .name = "web"}, "no NAME=VALUE is given"},
        {{.verb = KUBE_SET_ENV, .name = "web", .env = bad_env, .env_count = 1},
         "\"=x\" is no NAME"},
        {{.verb = KUBE_SET_ENV, .name = "web", .env = bad_env + 1, .env_count = 1}, "\"A\" is no"},
        {{.verb = KUBE_SET_ENV, .name = "web", .env = bad_env + 2, .env_count = 1}, "\"-\" is no"},
        {{.verb = KUBE_MOVE, .name = "web"}, "no node"},
        {{.verb = KUBE_MOVE, .name = "web", .node = "N/1"}, "no node's name"},
        {{.verb = KUBE_RESTART, .kind = KUBE_POD, .name = "web"}, "no template"},
        {{.verb = KUBE_SCALE, .kind = KUBE_DAEMONSET, .name = "p"}, "no replicas"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct error err = {0};
        assert_int_equal(kube_action_init(&action, &rows[i].order, &discovery, "d", &err), -EINVAL);
        if (strstr(err.text, rows[i].text) == NULL)
            fail_msg("row %zu: %s", i, err.text);
    }
}

static void test_scale(void **state)
{
    (void)state;
    begin((struct kube_order){.verb = KUBE_SCALE, .name = "web", .replicas = 3});
    asks("GET", WEB "/scale", "");
    answer_recorded("answer-scale-get.json"); /* 8 */
    asks("PATCH", WEB "/scale?fieldManager=seamline", "{\"spec\":{\"replicas\":3}}");
    assert_string_equal(action.body_type, "application/merge-patch+json");
    assert_non_null(strstr(text_str(&action.undo), "\"body\":{\"spec\":{\"replicas\":8}}"));
    answer(200, "{\"metadata\":{\"name\":\"web\",\"resourceVersion\":\"1400\",\"uid\":\"u\"}}");
    ends(KUBE_DONE_CHANGED);
    assert_string_equal(action.result.previous, "8");
    assert_int_equal(action.result.version, 1400);
    assert_null(action.result.object); /* A Scale is no Deployment. */
    tear_down(NULL);
    begin((struct kube_order){.verb = KUBE_SCALE, .name = "web", .replicas = 8});
    asks("GET", WEB "/scale", "");
    answer_recorded("answer-scale-get.json");
    ends(KUBE_DONE_UNCHANGED);
}

#define SERVICE                                                                                    \
    "{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"s\"},"                   \
    "\"spec\":{\"type\":\"LoadBalancer\"}}"

static void test_apply_creates(void **state)
{
    cJSON *object = parse(SERVICE);
    (void)state;
    begin((struct kube_order){.verb = KUBE_APPLY, .object = object});
    asks("GET", "/api/v1/namespaces/d/services/s", "");
    answer_recorded("answer-get-404-deployment.json");
    asks("PATCH", "/api/v1/namespaces/d/services/s?fieldManager=seamline", SERVICE);
    assert_string_equal(action.body_type, "application/apply-patch+yaml");
    assert_non_null(strstr(text_str(&action.undo),
                           "\"method\":\"DELETE\",\"path\":\"/api/v1/namespaces/d/services/s\""));
    answer(201, "{\"kind\":\"Service\",\"metadata\":{\"name\":\"s\",\"namespace\":\"d\",\"uid\":"
                "\"u5\",\"resourceVersion\":\"12\"}}");
    ends(KUBE_DONE_CREATED);
    assert_string_equal(action.result.uid, "u5");
    cJSON_Delete(object);
}

static void test_apply_changes_or_not(void **state)
{
    static const char before[] =
        "{\"kind\":\"Service\",\"metadata\":{\"name\":\"s\",\"namespace\":\"d\",\"uid\":\"u5\","
        "\"resourceVersion\":\"12\"},\"spec\":{\"type\":\"ClusterIP\",\"clusterIP\":\"10.1.1.1\"}}";
    cJSON *object = parse(SERVICE);
    (void)state;
    begin((struct kube_order){.verb = KUBE_APPLY, .object = object});
    asks("GET", "/api/v1/namespaces/d/services/s", "");
    answer(200, before);
    asks("PATCH", "/api/v1/namespaces/d/services/s?fieldManager=seamline", SERVICE);
    /* Undo: what the patch touches, as it was; what it adds, away; the rest is left alone. */
    assert_non_null(strstr(text_str(&action.undo), "\"body\":{\"metadata\":{\"name\":\"s\",\"uid\":"
                                                   "\"u5\"},\"spec\":{\"type\":\"ClusterIP\"}}"));
    answer(200, before);
    ends(KUBE_DONE_UNCHANGED);
    cJSON_Delete(object);
}

/* It was not there when it was looked for, and was when it was applied: it is not ours to delete. */
static void test_apply_to_anothers(void **state)
{
    cJSON *object = parse(SERVICE);
    (void)state;
    begin((struct kube_order){.verb = KUBE_APPLY, .object = object});
    asks("GET", "/api/v1/namespaces/d/services/s", "");
    answer_recorded("answer-get-404-deployment.json");
    asks("PATCH", "/api/v1/namespaces/d/services/s?fieldManager=seamline", NULL);
    answer(200, "{\"kind\":\"Service\",\"metadata\":{\"name\":\"s\",\"uid\":\"u5\"}}");
    fails(-EEXIST, "service/s: somebody else made it");
    assert_int_equal(action.result.reason, KUBE_REASON_EXISTS);
    cJSON_Delete(object);
}

/* Fields that others manage are taken over only when told to. */
static void test_apply_managed(void **state)
{
    static const char conflict[] = "{\"kind\":\"Status\",\"status\":\"Failure\",\"message\":"
                                   "\"Apply failed with 1 conflict: conflict "
                                   "with \\\"kubectl\\\" using v1: "
                                   ".spec.type\",\"reason\":\"Conflict\",\"details\":{\"causes\":[{"
                                   "\"reason\":\"FieldManagerConflict\",\"message\":\"conflict "
                                   "with \\\"kubectl\\\" using v1\","
                                   "\"field\":\".spec.type\"}]},\"code\":409}";
    cJSON *object = parse(SERVICE);
    (void)state;
    begin((struct kube_order){.verb = KUBE_APPLY, .object = object});
    asks("GET", "/api/v1/namespaces/d/services/s", "");
    answer(200, "{\"metadata\":{\"name\":\"s\",\"resourceVersion\":\"3\"}}");
    asks("PATCH", "/api/v1/namespaces/d/services/s?fieldManager=seamline", NULL);
    answer(409, conflict);
    fails(-EBUSY, "conflict with \"kubectl\" using v1: .spec.type");
    assert_int_equal(action.result.reason, KUBE_REASON_MANAGED);
    tear_down(NULL);
    begin((struct kube_order){.verb = KUBE_APPLY, .object = object, .force = true});
    asks("GET", "/api/v1/namespaces/d/services/s", "");
    answer(200, "{\"metadata\":{\"name\":\"s\",\"resourceVersion\":\"3\"}}");
    asks("PATCH", "/api/v1/namespaces/d/services/s?fieldManager=seamline&force=true", NULL);
    cJSON_Delete(object);
}

/* A custom resource: its plural is discovered. */
static void test_apply_custom(void **state)
{
    cJSON *object = parse("{\"apiVersion\":\"x.io/v1\",\"kind\":\"Gadget\",\"metadata\":{\"name\":"
                          "\"g\",\"namespace\":\"own\"}}");
    (void)state;
    begin((struct kube_order){.verb = KUBE_APPLY, .object = object});
    asks("GET", "/apis/x.io/v1", "");
    answer(200, "{\"kind\":\"APIResourceList\",\"resources\":[{\"name\":\"gadgets\",\"kind\":"
                "\"Gadget\",\"namespaced\":true}]}");
    asks("GET", "/apis/x.io/v1/namespaces/own/gadgets/g", "");
    answer(200, "{\"metadata\":{\"name\":\"g\",\"resourceVersion\":\"3\"}}");
    asks("PATCH", "/apis/x.io/v1/namespaces/own/gadgets/g?fieldManager=seamline", NULL);
    answer(200, "{\"metadata\":{\"name\":\"g\",\"resourceVersion\":\"4\"}}");
    ends(KUBE_DONE_CHANGED);
    tear_down(NULL);
    begin((struct kube_order){.verb = KUBE_APPLY, .object = object});
    asks("GET", "/apis/x.io/v1", "");
    answer(200, "{\"kind\":\"APIResourceList\",\"resources\":[]}");
    fails(-ENOENT, "no kind Gadget in x.io/v1");
    tear_down(NULL);
    begin((struct kube_order){.verb = KUBE_APPLY, .object = object});
    asks("GET", "/apis/x.io/v1", "");
    answer(404, "404 page not found");
    fails(-ENOENT, "gadget/g: the server has no API x.io/v1");
    cJSON_Delete(object);
}

/* Somebody was faster, twice: it looks again, and not for ever. */
static void test_apply_conflicts(void **state)
{
    cJSON *object = parse(SERVICE);
    (void)state;
    begin((struct kube_order){.verb = KUBE_APPLY, .object = object});
    for (int i = 0; i < 6; i++) {
        asks("GET", "/api/v1/namespaces/d/services/s", "");
        answer(200, "{\"metadata\":{\"name\":\"s\",\"resourceVersion\":\"3\"}}");
        asks("PATCH", "/api/v1/namespaces/d/services/s?fieldManager=seamline", NULL);
        answer_recorded("answer-patch-409-conflict.json");
    }
    fails(-EBUSY, "409");
    cJSON_Delete(object);
}

static void test_restart_and_cordon(void **state)
{
    (void)state;
    begin((struct kube_order){
        .verb = KUBE_RESTART, .name = "web", .utc_ns = INT64_C(1795168800123456789)});
    asks("GET", WEB, "");
    answer(200, deployment(7, "web:v1", false, false));
    asks("PATCH", WEB "?fieldManager=seamline",
         "{\"spec\":{\"template\":{\"metadata\":{\"annotations\":{\"kubectl.kubernetes.io/"
         "restartedAt\":\"2026-11-20T10:00:00.123456Z\"}}}}}");
    assert_non_null(strstr(text_str(&action.undo), "{\"metadata\":{\"annotations\":null}}"));
    tear_down(NULL);

    begin((struct kube_order){.verb = KUBE_CORDON, .name = "n1"});
    asks("GET", "/api/v1/nodes/n1", "");
    answer(200, "{\"metadata\":{\"name\":\"n1\",\"resourceVersion\":\"1\"}}");
    asks("PATCH", "/api/v1/nodes/n1?fieldManager=seamline", "{\"spec\":{\"unschedulable\":true}}");
    assert_non_null(strstr(text_str(&action.undo), "{\"spec\":{\"unschedulable\":null}}"));
    tear_down(NULL);

    begin((struct kube_order){.verb = KUBE_UNCORDON, .name = "n1"});
    asks("GET", "/api/v1/nodes/n1", "");
    answer(200, "{\"metadata\":{\"name\":\"n1\"},\"spec\":{}}");
    ends(KUBE_DONE_UNCHANGED);
}

#define PROXY "/api/v1/namespaces/kube-system/configmaps/kube-proxy"
#define KIND "kind: KubeProxyConfiguration\\n"

/* What is asked for with DATA in the ConfigMap; it ends here unless the configuration is changed. */
static void ask_proxy(const char *data, const char *mode, const char *scheduler)
{
    char json[1024];
    begin((struct kube_order){.verb = KUBE_SET_PROXY,
                              .namespace = "kube-system",
                              .name = "kube-proxy",
                              .proxy_mode = mode,
                              .proxy_scheduler = scheduler});
    asks("GET", PROXY, "");
    snprintf(json, sizeof(json),
             "{\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"kube-proxy\",\"uid\":\"u2\"},"
             "\"data\":{\"kubeconfig.conf\":\"x\",\"config.conf\":%s}}",
             data);
    answer(200, json);
}

static void test_set_proxy(void **state)
{
    static const struct {
        const char *data, *mode, *scheduler; /* Wanted, of DATA. */
        const char *about;                   /* "": it is like that already. */
        const char *patch;                   /* Parts of the new text. */
    } rows[] = {
        {"\"" KIND "mode: \\\"\\\"\\nipvs:\\n  scheduler: \\\"\\\"\\n  strictARP: true\"", "ipvs",
         "lc", "set how kube-proxy balances, in configmap/kube-proxy: iptables -> ipvs, lc",
         "\\\"strictARP\\\":\\ttrue,\\n\\t\\t\\\"scheduler\\\":\\t\\\"lc\\\""},
        {"\"" KIND "mode: ipvs\\nipvs: null\"", "ipvs", "lc",
         "set how kube-proxy balances, in configmap/kube-proxy: ipvs, rr -> ipvs, lc",
         "\\\"scheduler\\\":\\t\\\"lc\\\""},
        {"\"" KIND "mode: ipvs\\nipvs: {scheduler: lc}\"", "", "",
         "set how kube-proxy balances, in configmap/kube-proxy: ipvs, lc -> iptables",
         "\\\"mode\\\":\\t\\\"iptables\\\""},
        {"\"" KIND "mode: ipvs\\nipvs: {scheduler: lc}\"", "ipvs", "", "", ""},
        {"\"" KIND "mode: ipvs\"", "ipvs", "rr", "", ""},
        {"\"" KIND "mode: nftables\"", "", "", "", ""},
        {"\"" KIND "\"", "iptables", "", "", ""},
        {"\"" KIND "\"", "nftables", "",
         "set how kube-proxy balances, in configmap/kube-proxy: iptables -> nftables", "nftables"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ask_proxy(rows[i].data, rows[i].mode, rows[i].scheduler);
        if (rows[i].about[0] == '\0') {
            ends(KUBE_DONE_UNCHANGED);
        } else {
            assert_string_equal(text_str(&action.about), rows[i].about);
            asks("PATCH", PROXY "?fieldManager=seamline", NULL);
            assert_string_equal(action.body_type, "application/merge-patch+json");
            if (strstr(text_str(&action.body), rows[i].patch) == NULL)
                fail_msg("row %zu: %s", i, text_str(&action.body));
            assert_non_null(strstr(text_str(&action.undo), rows[i].data)); /* To the letter. */
        }
        tear_down(NULL);
    }
    ask_proxy("null", "ipvs", "lc");
    fails(-EINVAL, "it has no config.conf, as kubeadm's has");
    tear_down(NULL);
    ask_proxy("\"kind: Other\"", "ipvs", "lc");
    fails(-EINVAL, "config.conf is no one KubeProxyConfiguration");
    tear_down(NULL);
    ask_proxy("\"" KIND "ipvs: 7\"", "ipvs", "lc");
    fails(-EINVAL, "config.conf is no one KubeProxyConfiguration");
    tear_down(NULL);
    ask_proxy("\"a: [\"", "ipvs", "lc");
    fails(-EINVAL, "config.conf: line ");
}

/* Each variable by its name; those that are like that already are left out. */
static void test_set_env(void **state)
{
    static const char *const env[] = {"A=1", "B=2", "C-", "D-", "E=", "F=x=y"};
    static const char before[] =
        "{\"metadata\":{\"name\":\"web\",\"uid\":\"u1\",\"generation\":1},\"spec\":{\"replicas\":0,"
        "\"template\":{\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\",\"env\":[{"
        "\"name\":"
        "\"B\",\"value\":\"2\"},{\"name\":\"C\",\"value\":\"old\"},{\"name\":\"F\",\"valueFrom\":{"
        "\"fieldRef\":{\"fieldPath\":\"metadata.name\"}}}]}]}}},\"status\":{\"observedGeneration\":"
        "1}}";
    struct kube_order order = {
        .verb = KUBE_SET_ENV, .name = "web", .env = env, .env_count = 6, .confirm = true};
    (void)state;
    begin(order);
    asks("GET", WEB, "");
    answer(200, before);
    assert_string_equal(
        text_str(&action.about),
        "set environment of deployment/web, container c: A: none -> 1 C: old -> none "
        "E: none ->  F: from elsewhere -> x=y");
    assert_non_null(
        strstr(text_str(&action.undo),
               "\"env\":[{\"name\":\"A\",\"$patch\":\"delete\"},{\"name\":\"C\",\"value\":"
               "\"old\",\"valueFrom\":null},{\"name\":\"E\",\"$patch\":\"delete\"},{\"name\":"
               "\"F\",\"valueFrom\":{\"fieldRef\":{\"fieldPath\":\"metadata.name\"}},\"value\":"
               "null}]"));
    kube_action_commit(&action);
    asks("PATCH", WEB "?fieldManager=seamline",
         "{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"c\",\"env\":[{\"name\":"
         "\"A\","
         "\"value\":\"1\",\"valueFrom\":null},{\"name\":\"C\",\"$patch\":\"delete\"},{\"name\":"
         "\"E\","
         "\"value\":\"\",\"valueFrom\":null},{\"name\":\"F\",\"value\":\"x=y\",\"valueFrom\":null}]"
         "}]}}}}");
    tear_down(NULL);
    order.env = &env[1];
    order.env_count = 1;
    begin(order);
    asks("GET", WEB, "");
    answer(200, before);
    ends(KUBE_DONE_UNCHANGED);
}

static void test_move(void **state)
{
    (void)state;
    begin((struct kube_order){.verb = KUBE_MOVE, .name = "web", .node = "n2", .confirm = true});
    asks("GET", WEB, "");
    answer(200, deployment(7, "web:v1", false, false));
    assert_string_equal(text_str(&action.about),
                        "move deployment/web: node by the scheduler -> n2");
    assert_non_null(
        strstr(text_str(&action.undo), "{\"spec\":{\"template\":{\"spec\":{\"nodeName\":null}}}"));
    kube_action_commit(&action);
    asks("PATCH", WEB "?fieldManager=seamline",
         "{\"spec\":{\"template\":{\"spec\":{\"nodeName\":\"n2\"}}}}");
    tear_down(NULL);
    begin((struct kube_order){.verb = KUBE_MOVE, .name = "web", .node = ""});
    asks("GET", WEB, "");
    answer(200, deployment(7, "web:v1", false, false));
    ends(KUBE_DONE_UNCHANGED);
}

/* StatefulSets and DaemonSets have their own paths, and rollouts of their own. */
static void test_other_workloads(void **state)
{
    static const char daemons[] =
        "{\"metadata\":{\"name\":\"p\",\"generation\":2},\"spec\":{\"template\":{\"spec\":{"
        "\"containers\":[{\"name\":\"c\",\"image\":\"i:1\"}]}}},\"status\":{\"observedGeneration\":"
        "2,"
        "\"desiredNumberScheduled\":3,\"currentNumberScheduled\":3,\"updatedNumberScheduled\":%d,"
        "\"numberAvailable\":3}}";
    char json[512];
    struct kube_order order = {
        .verb = KUBE_SET_IMAGE, .kind = KUBE_DAEMONSET, .name = "p", .image = "i:2"};
    (void)state;
    begin(order);
    asks("GET", "/apis/apps/v1/namespaces/d/daemonsets/p", "");
    snprintf(json, sizeof(json), daemons, 1);
    answer(200, json);
    fails(-EBUSY, "1 of 3 new pods are made");
    tear_down(NULL);
    begin(order);
    asks("GET", "/apis/apps/v1/namespaces/d/daemonsets/p", "");
    snprintf(json, sizeof(json), daemons, 3);
    answer(200, json);
    asks("PATCH", "/apis/apps/v1/namespaces/d/daemonsets/p?fieldManager=seamline",
         IMAGE_PATCH("i:2"));
    tear_down(NULL);
    begin((struct kube_order){
        .verb = KUBE_SCALE, .kind = KUBE_STATEFULSET, .name = "s", .replicas = 3});
    asks("GET", "/apis/apps/v1/namespaces/d/statefulsets/s/scale", "");
}

/* The server checks, and nothing is stored: nothing to undo, nothing to wait for. */
static void test_dry_run(void **state)
{
    struct kube_order order = set_image;
    (void)state;
    order.dry_run = true;
    begin(order);
    asks("GET", WEB, "");
    answer(200, deployment(7, "web:v1", false, false));
    assert_string_equal(text_str(&action.undo), "");
    asks("PATCH", WEB "?fieldManager=seamline&dryRun=All", IMAGE_PATCH("web:v2"));
    answer(200, deployment(7, "web:v2", false, false));
    ends(KUBE_DONE_CHANGED);
    assert_true(action.result.dry_run);
    assert_int_equal(action.result.version, 0);
    tear_down(NULL);
    /* With a body, servers take it from there alone. */
    begin((struct kube_order){
        .verb = KUBE_DELETE, .kind = KUBE_POD, .name = "p", .wait_gone = true, .dry_run = true});
    asks("GET", POD, "");
    answer(200, "{\"metadata\":{\"name\":\"p\",\"uid\":\"u1\"}}");
    asks("DELETE", POD,
         "{\"apiVersion\":\"v1\",\"kind\":\"DeleteOptions\",\"propagationPolicy\":\"Background\","
         "\"dryRun\":[\"All\"]}");
    answer(200, "{\"kind\":\"Status\"}");
    ends(KUBE_DONE_DELETED);
    tear_down(NULL);
    begin((struct kube_order){.verb = KUBE_EVICT, .name = "p", .wait_gone = true, .dry_run = true});
    asks("GET", POD, "");
    answer(200, "{\"metadata\":{\"name\":\"p\",\"uid\":\"u1\"}}");
    asks("POST", POD "/eviction?fieldManager=seamline&dryRun=All", NULL);
    answer_recorded("answer-evict-201.json");
    ends(KUBE_DONE_DELETED);
    tear_down(NULL);
    begin((struct kube_order){.verb = KUBE_EVICT, .name = "p", .dry_run = true});
    asks("GET", POD, "");
    answer(200, "{\"metadata\":{\"name\":\"p\",\"uid\":\"u1\"}}");
    asks("POST", POD "/eviction?fieldManager=seamline&dryRun=All", NULL);
    answer_recorded("answer-evict-429.json");
    fails(-EAGAIN, "The disruption budget web needs 8 healthy pods");
}

static void test_patches(void **state)
{
    static const char pod[] =
        "{\"metadata\":{\"name\":\"p\",\"annotations\":{\"x/y\":\"1\"}},\"spec\":{\"containers\":[{"
        "\"name\":\"c\",\"image\":\"i\"}]}}";
    cJSON *operations =
        parse("[{\"op\":\"test\",\"path\":\"/spec\"},{\"op\":\"replace\",\"path\":"
              "\"/spec/containers/0/image\",\"value\":\"j\"},{\"op\":\"remove\",\"path\":"
              "\"/metadata/annotations/x~1y\"},{\"op\":\"add\",\"path\":"
              "\"/metadata/labels\",\"value\":{\"a\":\"b\"}}]");
    struct kube_order order = {.verb = KUBE_PATCH,
                               .kind = KUBE_POD,
                               .name = "p",
                               .object = operations,
                               .content_type = KUBE_PATCH_JSON};
    (void)state;
    begin(order);
    asks("GET", POD, "");
    answer(200, pod);
    assert_string_equal(action.body_type, KUBE_PATCH_JSON);
    assert_non_null(strstr(text_str(&action.undo), "\"contentType\":\"" KUBE_PATCH_MERGE "\""));
    assert_non_null(strstr(text_str(&action.undo),
                           "\"body\":{\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]},"
                           "\"metadata\":{\"annotations\":{\"x/y\":\"1\"},\"labels\":null}}"));
    asks("PATCH", POD "?fieldManager=seamline", NULL);
    tear_down(NULL);
    order.content_type = NULL; /* That is no strategic patch. */
    struct error err = {0};
    assert_int_equal(kube_action_init(&action, &order, &discovery, "d", &err), -EINVAL);
    cJSON_Delete(operations);
}

/* What an operation adds to an object goes away again with it. */
static void test_inverse_of_replaced_object(void **state)
{
    cJSON *before = parse("{\"a\":{\"b\":{\"old\":1}}}");
    cJSON *operations = parse(
        "[{\"op\":\"replace\",\"path\":\"/a/b\",\"value\":{\"new\":2}},{\"op\":\"move\",\"from\":"
        "\"/a/x\",\"path\":\"/c\"},{\"op\":\"add\",\"path\":\"nowhere\"}]");
    cJSON *inverse = kube_inverse_operations(before, operations);
    char *text = json_print(inverse, false);
    (void)state;
    assert_string_equal(text, "{\"a\":{\"b\":{\"old\":1,\"new\":null},\"x\":null},\"c\":null}");
    cJSON_free(text);
    cJSON_Delete(inverse);
    cJSON_Delete(operations);
    cJSON_Delete(before);
}

/* Somebody changed it meanwhile: it is read again, and asked for again. */
static void test_conflict(void **state)
{
    (void)state;
    begin(set_image);
    asks("GET", WEB, "");
    answer(200, deployment(7, "web:v1", false, false));
    asks("PATCH", WEB "?fieldManager=seamline", IMAGE_PATCH("web:v2"));
    answer_recorded("answer-patch-409-conflict.json");
    asks("GET", WEB, "");
    answer(200, deployment(8, "web:v2", false, false));
    ends(KUBE_DONE_UNCHANGED);
}

/* Whether we may: one request, which changes nothing. */
static void test_may(void **state)
{
    const struct kube_call call = {"create", "", "pods", "eviction", "d", ""};
    struct kube_order order = {.verb = KUBE_MAY, .may = &call};
    (void)state;
    begin(order);
    asks("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
         "{\"apiVersion\":\"authorization.k8s.io/"
         "v1\",\"kind\":\"SelfSubjectAccessReview\",\"spec\":{"
         "\"resourceAttributes\":{\"namespace\":\"d\",\"verb\":\"create\",\"resource\":\"pods\","
         "\"subresource\":\"eviction\"}}}");
    answer_recorded("answer-ssar-allowed.json");
    ends(KUBE_DONE_ALLOWED);
    tear_down(NULL);
    begin(order);
    asks("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", NULL);
    answer(201, "{\"kind\":\"SelfSubjectAccessReview\",\"status\":{\"allowed\":false}}");
    ends(KUBE_DONE_DENIED);
    tear_down(NULL);
    begin(order);
    asks("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", NULL);
    answer_recorded("answer-401-token.json");
    fails(-EACCES, "401");
}

/* The server does not answer: REASON, at NOW_NS. */
static void fails_to_answer(enum kube_reason reason, uint64_t now_ns)
{
    struct text none = {0};
    struct error why = {.text = "cannot connect"};
    kube_action_answer(&action, reason, 0, 0, &none, &why, NULL, now_ns);
}

/* Until then it waits. */
static void waits_until(uint64_t due_ns)
{
    assert_int_equal(action.state, KUBE_ACTION_PAUSE);
    kube_action_tick(&action, due_ns - 1);
    assert_int_equal(action.state, KUBE_ACTION_PAUSE);
    kube_action_tick(&action, due_ns);
    assert_int_equal(action.state, KUBE_ACTION_REQUEST);
}

/* What only reads is asked again while the server is away, for a while; a change never is, as nobody
 * knows whether it was made; and what takes it back is. */
static void test_transport_failure(void **state)
{
    uint64_t now_ns = 5;
    (void)state;
    begin(set_image);
    for (unsigned i = 1; i <= 5; i++) {
        asks("GET", WEB, "");
        fails_to_answer(KUBE_REASON_UNREACHABLE, now_ns);
        now_ns += i * SECOND;
        waits_until(now_ns);
    }
    asks("GET", WEB, "");
    fails_to_answer(KUBE_REASON_UNREACHABLE, now_ns);
    fails(-ECONNREFUSED, "cannot connect");
    tear_down(NULL);
    begin(set_image);
    asks("GET", WEB, "");
    answer(200, "<html>");
    fails(-EBADMSG, "no object");
    tear_down(NULL);
    begin(set_image);
    asks("GET", WEB, "");
    answer(200, deployment(7, "web:v1", false, false));
    struct text undo = {0};
    text_add(&undo, text_str(&action.undo));
    asks("PATCH", WEB "?fieldManager=seamline", NULL);
    fails_to_answer(KUBE_REASON_CUT, 5);
    fails(-ECONNRESET, "cannot connect");
    tear_down(NULL);
    struct error err = {0};
    assert_int_equal(kube_action_undo(&action, text_str(&undo), &err), 0);
    text_free(&undo);
    asks("PATCH", WEB, NULL);
    fails_to_answer(KUBE_REASON_CUT, 5);
    waits_until(5 + SECOND);
    asks("PATCH", WEB, NULL);
    answer(200, deployment(8, "web:v1", false, false));
    ends(KUBE_DONE_CHANGED);
}

/* A throttled change was not made: it is asked for again when the server says, five times. */
static void test_throttled(void **state)
{
    struct text body = {0};
    uint64_t now_ns = 5;
    (void)state;
    text_add(&body, "{\"kind\":\"Status\",\"reason\":\"TooManyRequests\",\"message\":\"slow\"}");
    begin(set_image);
    asks("GET", WEB, "");
    answer(200, deployment(7, "web:v1", false, false));
    for (unsigned i = 0; i < 5; i++) {
        asks("PATCH", WEB "?fieldManager=seamline", NULL);
        kube_action_answer(&action, KUBE_REASON_SUCCESS, 429, 3, &body, NULL, NULL, now_ns);
        now_ns += 3 * SECOND;
        waits_until(now_ns);
    }
    asks("PATCH", WEB "?fieldManager=seamline", NULL);
    kube_action_answer(&action, KUBE_REASON_SUCCESS, 429, 3, &body, NULL, NULL, now_ns);
    fails(-EAGAIN, "throttled");
    text_free(&body);
}

/* A patch that names a version that has passed conflicts each time: it is no endless loop. */
static void test_conflict_for_good(void **state)
{
    (void)state;
    begin(set_image);
    for (unsigned i = 0; i < 6; i++) {
        asks("GET", WEB, "");
        answer(200, deployment(7, "web:v1", false, false));
        asks("PATCH", WEB "?fieldManager=seamline", NULL);
        answer_recorded("answer-patch-409-conflict.json");
    }
    fails(-EBUSY, "conflict");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_set_image),
        TEST(test_confirm_and_undo),
        TEST(test_set_image_refusals),
        TEST(test_orders_without_sense),
        TEST(test_scale),
        TEST(test_apply_creates),
        TEST(test_apply_changes_or_not),
        TEST(test_apply_custom),
        TEST(test_apply_to_anothers),
        TEST(test_apply_managed),
        TEST(test_apply_conflicts),
        TEST(test_restart_and_cordon),
        TEST(test_set_proxy),
        TEST(test_set_env),
        TEST(test_move),
        TEST(test_other_workloads),
        TEST(test_dry_run),
        TEST(test_patches),
        TEST(test_inverse_of_replaced_object),
        TEST(test_conflict),
        TEST(test_may),
        TEST(test_transport_failure),
        TEST(test_throttled),
        TEST(test_conflict_for_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
