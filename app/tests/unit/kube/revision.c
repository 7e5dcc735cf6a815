/* Back to an earlier template: which one, what is asked for, and how it is taken back. */
#include "kube/revision.h"

#include <errno.h>

#include "tests/unit/kube/conversation.h"

#define PATH "/apis/apps/v1/namespaces/d/"
#define TEMPLATE(image)                                                                            \
    "{\"metadata\":{\"labels\":{\"app\":\"web\"}},\"spec\":{\"containers\":[{\"name\":\"c\","      \
    "\"image\":\"" image "\"}]}}"
#define OWNED(uid) "\"ownerReferences\":[{\"controller\":true,\"uid\":\"" uid "\"}]"
/* Of a Deployment: the controllers' own label is in the template. */
#define REPLICASET(number, image, uid)                                                             \
    "{\"metadata\":{\"name\":\"web-" number "\",\"annotations\":{\"deployment.kubernetes.io/"      \
    "revision\":\"" number "\"}," OWNED(uid) "},\"spec\":{\"template\":{\"metadata\":{\"labels\":" \
                                             "{\"app\":\"web\",\"pod-template-hash\":\"h" number   \
                                             "\"}},\"spec\":{\"containers\":[{\"name\""            \
                                             ":\"c\",\"image\":\"" image "\"}]}}}}"
#define REVISION(number, image)                                                                    \
    "{\"metadata\":{\"name\":\"web-" number                                                        \
    "\"," OWNED("u1") "},\"revision\":" number ",\"data\":{\"spec\":{\"template\":{\"$patch\":"    \
                      "\"replace\",\"metadata\":{\"labels\":{\"app\":"                             \
                      "\"web\"}},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"" image     \
                      "\"}]}}}}}"

static void read_it(enum kube_kind kind, int64_t revision, const char *image, const char *more)
{
    const struct kube_resource *resource = kube_resource_of(kind);
    char json[1024], path[256];
    begin((struct kube_order){
        .verb = KUBE_ROLLOUT_UNDO, .kind = kind, .name = "web", .revision = revision});
    snprintf(path, sizeof(path), PATH "%s/web", resource->plural);
    asks("GET", path, "");
    snprintf(json, sizeof(json),
             "{\"kind\":\"%s\",\"metadata\":{\"name\":\"web\",\"namespace\":\"d\",\"uid\":\"u1\","
             "\"resourceVersion\":\"7\",\"generation\":3},\"spec\":{\"replicas\":2,%s\"template\":"
             "{\"metadata\":{\"labels\":{\"app\":\"web\"}},\"spec\":{\"containers\":[{\"name\":"
             "\"c\",\"image\":\"%s\"}]}}}}",
             resource->name, more, image);
    answer(200, json);
    snprintf(path, sizeof(path), PATH "%s",
             kind == KUBE_DEPLOYMENT ? "replicasets" : "controllerrevisions");
    asks("GET", path, "");
}

#define PATCH(image)                                                                               \
    "[{\"op\":\"replace\",\"path\":\"/spec/template\",\"value\":" TEMPLATE(image) "}]"
#define HISTORY                                                                                    \
    "{\"items\":[" REPLICASET("10", "web:v3", "u1") "," REPLICASET(                                \
        "2", "web:v1", "u1") "," REPLICASET("9", "web:v2", "u1") "," REPLICASET("11", "other:v1",  \
                                                                                "u2") "]}"

/* The one before the newest by its number, not by its name or place; only the Deployment's own. */
static void test_deployment(void **state)
{
    struct error err = {0};
    char undo[2048];
    (void)state;
    read_it(KUBE_DEPLOYMENT, 0, "web:v3", "");
    answer(200, HISTORY);
    assert_string_equal(text_str(&action.about),
                        "undo the rollout of deployment/web: back to revision 9");
    asks("PATCH", PATH "deployments/web?fieldManager=seamline", PATCH("web:v2"));
    assert_string_equal(action.body_type, "application/json-patch+json");
    snprintf(undo, sizeof(undo), "%s", text_str(&action.undo));
    tear_down(NULL);
    assert_int_equal(kube_action_undo(&action, undo, &err), 0);
    asks("PATCH", PATH "deployments/web",
         "{\"spec\":{\"template\":" TEMPLATE("web:v3") "},\"metadata\":{\"uid\":\"u1\"}}");
    tear_down(NULL);

    read_it(KUBE_DEPLOYMENT, 2, "web:v3", "");
    answer(200, HISTORY);
    asks("PATCH", PATH "deployments/web?fieldManager=seamline", PATCH("web:v1"));
    tear_down(NULL);

    read_it(KUBE_DEPLOYMENT, 10, "web:v3", "");
    answer(200, HISTORY);
    ends(KUBE_DONE_UNCHANGED);
}

static void test_refusals(void **state)
{
    (void)state;
    read_it(KUBE_DEPLOYMENT, 3, "web:v3", "");
    answer(200, HISTORY);
    fails(-ENOENT, "deployment/web in namespace d: it has no revision 3; there are: 2, 9, 10");
    tear_down(NULL);
    read_it(KUBE_DEPLOYMENT, 11, "web:v3", ""); /* Another's. */
    answer(200, HISTORY);
    fails(-ENOENT, "it has no revision 11");
    tear_down(NULL);
    read_it(KUBE_DEPLOYMENT, 0, "web:v3", "");
    answer(200, "{\"items\":[" REPLICASET("1", "web:v3", "u1") "]}");
    fails(-ENOENT, "it has no earlier revision");
    tear_down(NULL);
    read_it(KUBE_DEPLOYMENT, 0, "web:v3", "");
    answer(200, "{\"items\":7}");
    fails(-ENOENT, "it has no earlier revision");
    tear_down(NULL);
    read_it(KUBE_DEPLOYMENT, 0, "web:v3", "\"paused\":true,");
    answer(200, HISTORY);
    fails(-EBUSY, "is paused");
    tear_down(NULL);
    read_it(KUBE_DEPLOYMENT, 0, "web:v3", "");
    answer(403, "{\"kind\":\"Status\",\"code\":403,\"message\":\"no\"}");
    fails(-EPERM, "replicasets");
    struct error err = {0};
    struct kube_order order = {.verb = KUBE_ROLLOUT_UNDO, .name = "web", .revision = -1};
    tear_down(NULL);
    assert_int_equal(kube_action_init(&action, &order, &discovery, "d", &err), -EINVAL);
}

static void test_others(void **state)
{
    static const enum kube_kind kinds[] = {KUBE_STATEFULSET, KUBE_DAEMONSET};
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        char path[128];
        read_it(kinds[i], 0, "web:v2", "");
        answer(200, "{\"items\":[" REVISION("5", "web:v2") "," REVISION("3", "web:v1") "," REVISION(
                        "1", "web:v0") "]}");
        snprintf(path, sizeof(path), PATH "%s/web?fieldManager=seamline",
                 kube_resource_of(kinds[i])->plural);
        asks("PATCH", path, PATCH("web:v1"));
        tear_down(NULL);
    }
}

/* revisionHistoryLimit may be anything: of a long history it is still the last but one. */
static void test_long_history(void **state)
{
    enum {
        MANY = 1000
    };
    struct text list = {0};
    (void)state;
    text_add(&list, "{\"items\":[");
    for (unsigned i = 1; i <= MANY; i++)
        text_addf(&list,
                  "%s{\"metadata\":{" OWNED("u1") "},\"revision\":%u,\"data\":{\"spec\":{"
                                                  "\"template\":" TEMPLATE("web:v%u") "}}}",
                  i > 1 ? "," : "", i, i);
    text_add(&list, "]}");
    read_it(KUBE_STATEFULSET, 0, "web:v1000", "");
    answer(200, text_str(&list));
    asks("PATCH", PATH "statefulsets/web?fieldManager=seamline", PATCH("web:v999"));
    text_free(&list);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_deployment),
        TEST(test_refusals),
        TEST(test_others),
        TEST(test_long_history),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
