/* The client against an HTTPS server on loopback: certificates, refusals, watches that are split,
 * cut, killed and forgotten, and actions. Nothing is decided by how long something takes: each test
 * turns client and server until what it waits for is there. */
#include "kube/kube.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/stop.h"
#include "kube/rollout_state.h"
#include "tests/unit/kube/client.h"

static void add_pod(struct text *text, const char *type, const char *name, unsigned version)
{
    text_addf(text,
              "{\"type\":\"%s\",\"object\":{\"kind\":\"Pod\",\"metadata\":{\"name\":\"%s\","
              "\"namespace\":\"d\",\"uid\":\"u-%s\",\"resourceVersion\":\"%u\"}}}\n",
              type, name, name, version);
}

/* The stream comes split at every place; its end is followed by another from the bookmark. */
static void follow_split(size_t chunk_bytes)
{
    server_rule(server, "pods?limit=500", 200, SERVER_WHOLE, LIST("7", POD("a", "3")));
    struct server_rule *rule = server_rule(server, "resourceVersion=7&", 200, SERVER_END, NULL);
    rule->chunk_bytes = chunk_bytes;
    add_pod(&rule->body, "MODIFIED", "a", 8);
    add_pod(&rule->body, "ADDED", "b", 9);
    add_pod(&rule->body, "DELETED", "a", 10);
    add_pod(&rule->body, "BOOKMARK", "", 77);
    server_rule(server, "resourceVersion=77&", 200, SERVER_STREAM, NULL);
    open_kube((struct access){0});
    follow_pods();
    expect("present", "a");
    expect("synced", "");
    expect("modified", "a");
    expect("added", "b");
    expect("deleted", "a");
    turn_until_logged("resourceVersion=77&");
    assert_true(server_saw_certificate(server));
    assert_true(kube_synced(kube));
    assert_non_null(kube_find(kube, KUBE_POD, NULL, "b"));
    assert_null(kube_find(kube, KUBE_POD, NULL, "a"));
    assert_int_equal(kube_objects(kube, KUBE_POD)->count, 1);
    assert_null(kube_take(kube)); /* An end in order is no trouble. */
}

static void test_follow(void **state)
{
    (void)state;
    follow_split(0);
}

static void test_follow_split_by_1(void **state)
{
    (void)state;
    follow_split(1);
}

static void test_follow_split_by_37(void **state)
{
    (void)state;
    follow_split(37);
}

/* Events come while the stream goes on, with stamps that hold: after the list was asked for, and not
 * after now. */
static void test_stamps(void **state)
{
    (void)state;
    server_rule(server, "limit=500", 200, SERVER_WHOLE, LIST("7", ""));
    struct server_rule *rule = server_rule(server, "watch=1", 200, SERVER_STREAM, NULL);
    open_kube((struct access){0});
    uint64_t before_ns = clock_now_ns(&run_clock);
    follow_pods();
    expect("synced", "");
    turn_until_logged("watch=1");
    uint64_t sent_ns = clock_now_ns(&run_clock);
    add_pod(&rule->body, "ADDED", "a", 8);
    struct kube_event *event = next_event();
    assert_int_equal(event->type, KUBE_ADDED);
    assert_true(event->not_before_ns >= before_ns && event->not_before_ns < sent_ns);
    assert_true(event->not_after_ns >= sent_ns);
    assert_true(event->not_after_ns <= clock_now_ns(&run_clock));
    kube_event_free(event);
}

/* The server dies in the middle of a line: the half is dropped, and comes again whole. */
static void test_server_dies(void **state)
{
    (void)state;
    server_rule(server, "limit=500", 200, SERVER_WHOLE, LIST("7", ""));
    struct server_rule *rule = server_rule(server, "resourceVersion=7&", 200, SERVER_DIE, NULL);
    add_pod(&rule->body, "ADDED", "a", 8);
    text_add(&rule->body, "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"na");
    rule = server_rule(server, "resourceVersion=8&", 200, SERVER_STREAM, NULL);
    add_pod(&rule->body, "ADDED", "b", 9);
    open_kube((struct access){0});
    follow_pods();
    expect("synced", "");
    expect("added", "a");
    expect("broken", "ended early");
    expect("added", "b");
    assert_int_equal(kube_objects(kube, KUBE_POD)->count, 2);
}

static void gone_then_relist(long code, enum server_mode mode, const char *file)
{
    long recorded;
    struct text body = fixture_answer(KUBE_FIXTURES, file, &recorded);
    assert_int_equal(recorded, code);
    server_rule(server, "limit=500", 200, SERVER_WHOLE, LIST("7", POD("a", "3") "," POD("b", "4")))
        ->uses = 1;
    server_rule(server, "resourceVersion=7&", code, mode, text_str(&body));
    server_rule(server, "limit=500", 200, SERVER_WHOLE,
                LIST("60", POD("b", "50") "," POD("c", "51")));
    server_rule(server, "resourceVersion=60&", 200, SERVER_STREAM, NULL);
    text_free(&body);
    open_kube((struct access){0});
    follow_pods();
    expect("present", "a");
    expect("present", "b");
    expect("synced", "");
    if (code != 200)
        expect("broken", "410");
    struct kube_event *unseen = next_event();
    assert_int_equal(unseen->type, KUBE_UNSEEN);
    assert_true(unseen->not_before_ns > 0 && unseen->not_before_ns < unseen->not_after_ns);
    kube_event_free(unseen);
    expect("deleted", "a");
    expect("modified", "b");
    expect("added", "c");
    expect("synced", "");
    turn_until_logged("resourceVersion=60&");
}

static void test_gone_event(void **state)
{
    (void)state;
    gone_then_relist(200, SERVER_STREAM, "answer-watch-410-error-event.json");
}

static void test_gone_status(void **state)
{
    (void)state;
    gone_then_relist(410, SERVER_WHOLE, "answer-list-410-gone.json");
}

static void refused_with(long code, const char *file, const char *text)
{
    long recorded;
    struct text body = fixture_answer(KUBE_FIXTURES, file, &recorded);
    assert_int_equal(recorded, code);
    server_rule(server, "limit=500", code, SERVER_WHOLE, text_str(&body));
    text_free(&body);
    follow_pods();
    expect("stopped", text);
    assert_non_null(strstr(kube_trouble(kube), text));
    assert_true(kube_synced(kube)); /* Nothing more will come. */
}

static void test_401(void **state)
{
    (void)state;
    open_kube((struct access){.no_client = true});
    refused_with(401, "answer-401-token.json", "user \"u\" of context \"t\"");
    assert_false(server_saw_certificate(server));
    assert_non_null(strstr(kube_trouble(kube), "neither a token nor a client certificate"));
}

static void test_403(void **state)
{
    (void)state;
    open_kube((struct access){0});
    refused_with(403, "answer-403-forbidden.json",
                 "rules:\n- apiGroups: [\"\"]\n  resources: [\"pods\"]\n  verbs: [\"list\"]");
}

/* What cannot be connected to is told once, with what to change, and tried again. */
static void broken_with(struct access access, const char *text, const char *also)
{
    open_kube(access);
    follow_pods();
    struct kube_event *event = next_event();
    assert_int_equal(event->type, KUBE_BROKEN);
    if (strstr(event->text, text) == NULL || strstr(event->text, also) == NULL)
        fail_msg("%s", event->text);
    kube_event_free(event);
    assert_false(kube_synced(kube));
    assert_non_null(strstr(kube_trouble(kube), text));
}

static void test_wrong_ca(void **state)
{
    (void)state;
    broken_with((struct access){.ca = "other.pem"}, "not of the expected CA", "other.pem");
    assert_string_equal(server_log(server), ""); /* Nothing was sent to it. */
}

static void test_wrong_name(void **state)
{
    (void)state;
    broken_with((struct access){.host = "localhost"}, "certificate for another name",
                "tls-server-name");
    assert_string_equal(server_log(server), "");
}

static void test_connection_refused(void **state)
{
    (void)state;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM, 0); /* Bound, and not listening: nobody else gets it. */
    assert_int_equal(bind(fd, (struct sockaddr *)&at, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
    broken_with((struct access){.port = ntohs(at.sin_port)}, "cannot connect to https://127.0.0.1",
                "cluster \"c\"");
    close(fd);
}

static void test_no_answer(void **state)
{
    (void)state;
    server_rule(server, "limit=500", 200, SERVER_HANG, NULL);
    broken_with((struct access){.answer_ms = 300}, "does not answer in time", "overloaded");
}

/* The certificate has another name than the address: tls-server-name says which; insecure asks for
 * none. */
static void test_server_name(void **state)
{
    (void)state;
    server_stop(server);
    server = server_start("kubernetes.test");
    server_rule(server, "limit=500", 200, SERVER_WHOLE, LIST("7", ""));
    server_rule(server, "watch=1", 200, SERVER_STREAM, NULL);
    open_kube((struct access){.more = "tls-server-name: kubernetes.test"});
    follow_pods();
    expect("synced", "");
    kube_close(kube);
    open_kube((struct access){.ca = "other.pem", .more = "insecure-skip-tls-verify: true"});
    follow_pods();
    expect("synced", "");
    kube_close(kube);
    kube = NULL;
    broken_with((struct access){0}, "certificate for another name", "tls-server-name");
}

/* The whole life of a change that halts: prepared, committed, finished, and seen by the watch. */
static void test_action(void **state)
{
    struct kube_order order = {
        .verb = KUBE_SET_IMAGE, .name = "web", .image = "w:2", .confirm = true};
    struct kube_prepared prepared;
    struct error err = {0};
    (void)state;
    server_rule(
        server, "deployments?limit", 200, SERVER_WHOLE,
        "{\"kind\":\"DeploymentList\",\"metadata\":{\"resourceVersion\":\"7\"},\"items\":[]}");
    struct server_rule *rule = server_rule(server, "watch=1", 200, SERVER_STREAM, NULL);
    text_addf(&rule->body, "{\"type\":\"ADDED\",\"object\":%s}\n", deployment("8", "w:1"));
    server_rule(server, "GET " WEB, 200, SERVER_WHOLE, deployment("8", "w:1"));
    server_rule(server, "PATCH " WEB, 200, SERVER_WHOLE, deployment("9", "w:2"));
    open_kube((struct access){0});
    assert_int_equal(kube_follow(kube, KUBE_DEPLOYMENT, NULL, NULL, &err), 0);
    expect("synced", "");
    expect("added", "web");
    int number = kube_start(kube, &order, &err);
    assert_true(number > 0);
    assert_int_equal(kube_prepared(kube, number, &prepared), -EINVAL);
    expect("prepared", "set image of deployment/web, container c: w:1 -> w:2");
    assert_int_equal(kube_prepared(kube, number, &prepared), 0);
    assert_string_equal(prepared.object, "deployment/web");
    assert_non_null(strstr(prepared.undo, "w:1"));
    assert_null(strstr(server_log(server), "PATCH"));
    assert_null(kube_result(kube, number));
    kube_commit(kube, number);
    expect("finished", "deployment/web changed");
    assert_non_null(strstr(server_log(server), "PATCH " WEB "?fieldManager=seamline\n{\"spec\""));
    const struct kube_result *result = kube_result(kube, number);
    assert_int_equal(result->done, KUBE_DONE_CHANGED);
    assert_false(kube_caught_up(kube, result));
    text_addf(&rule->body, "{\"type\":\"MODIFIED\",\"object\":%s}\n", deployment("9", "w:2"));
    struct kube_event *event = next_event();
    assert_true(kube_caught_up(kube, result));
    assert_int_equal(event->type, KUBE_MODIFIED);
    assert_true(event->not_before_ns > 0 && event->not_before_ns <= result->sent_ns);
    kube_event_free(event);
    kube_forget(kube, number);
    assert_null(kube_result(kube, number));
}

static void test_cancel(void **state)
{
    struct kube_order order = {.verb = KUBE_SCALE, .name = "web", .replicas = 3};
    struct error err = {0};
    (void)state;
    server_rule(server, "scale", 200, SERVER_HANG, NULL);
    open_kube((struct access){0});
    int number = kube_start(kube, &order, &err);
    turn_until_logged("/scale");
    kube_cancel(kube, number, "interrupted");
    expect("finished", "deployment/web: interrupted");
    assert_int_equal(kube_result(kube, number)->code, -ECANCELED);
}

/* The blocking helpers. */
static void test_discover_and_run(void **state)
{
    struct kube_order order = {.verb = KUBE_SET_IMAGE, .name = "web", .image = "w:2"};
    struct kube_result result;
    struct error err = {0};
    long code;
    (void)state;
    struct text apis = fixture_answer(KUBE_FIXTURES, "answer-apis.json", &code);
    server_rule(server, "GET /apis/apps/v1/namespaces/d/deployments/none", 404, SERVER_WHOLE,
                "{\"kind\":\"Status\",\"reason\":\"NotFound\",\"message\":\"not found\"}");
    server_rule(server, "GET " WEB, 200, SERVER_WHOLE, deployment("8", "w:1"));
    server_rule(server, "PATCH " WEB, 200, SERVER_WHOLE, deployment("9", "w:2"));
    server_rule(server, "GET /apis", 200, SERVER_WHOLE, text_str(&apis));
    server_rule(
        server, "GET /api/v1", 200, SERVER_WHOLE,
        "{\"kind\":\"APIResourceList\",\"resources\":[{\"name\":\"pods\"},{\"name\":"
        "\"nodes\"},{\"name\":\"pods/eviction\",\"group\":\"policy\",\"version\":\"v1\"}]}");
    text_free(&apis);
    open_kube((struct access){0});
    server_start_thread(server);
    int discovered = kube_discover(kube, 20000, &err);
    int changed = kube_run(kube, &order, 20000, &result, &err);
    order.name = "none";
    struct kube_result none;
    int missing = kube_run(kube, &order, 20000, &none, &err);
    server_join_thread(server);
    assert_int_equal(discovered, 0);
    assert_true(kube_discovered(kube)->served[KUBE_POD]);
    assert_false(kube_discovered(kube)->served[KUBE_SERVICE]);
    assert_int_equal(kube_follow(kube, KUBE_SERVICE, NULL, NULL, NULL), -EOPNOTSUPP);
    assert_int_equal(changed, 0);
    assert_int_equal(result.done, KUBE_DONE_CHANGED);
    kube_object_drop(result.object);
    assert_int_equal(missing, -ENOENT);
    assert_non_null(strstr(err.text, "there is no none of deployments"));
    assert_null(kube_take(kube)); /* Nobody else was told. */
}

/* How the rollout of NAME is once all was listed: polls until it is known. */
static int state_of(const char *name, bool over_time, struct error *err)
{
    struct kube_rollout rollout;
    int code = 1;
    *err = (struct error){0};
    for (int i = 0; i < TURNS_MAX && !kube_synced(kube); i++) {
        assert_true(kube_poll(kube, 1) >= 0);
        server_run(server);
    }
    code = kube_rollout_state(kube, KUBE_DEPLOYMENT, NULL, name, NULL, over_time, &rollout, err);
    return code;
}

/* A rollout that ended, one that does not, and a Deployment that does not exist. Nodes may not be
 * listed: that is no trouble. */
static void test_rollout_state(void **state)
{
    struct error err;
    (void)state;
    struct server_rule *rule = server_rule(server, "deployments?limit", 200, SERVER_WHOLE, NULL);
    text_addf(&rule->body,
              "{\"metadata\":{\"resourceVersion\":\"9\"},\"items\":[%s,{\"metadata\":{\"name\":"
              "\"slow\",\"namespace\":\"d\",\"generation\":2},\"spec\":{\"selector\":{"
              "\"matchLabels\":{\"app\":\"slow\"}}},\"status\":{\"observedGeneration\":2}}]}",
              deployment("8", "w:1"));
    server_rule(server, "pods?limit", 200, SERVER_WHOLE,
                LIST("9", "{\"metadata\":{\"name\":\"slow-1\",\"namespace\":\"d\",\"labels\":{"
                          "\"app\":\"slow\"}},\"status\":{\"phase\":\"Pending\"}}"));
    server_rule(server, "nodes?limit", 403, SERVER_WHOLE, "{}");
    server_rule(server, "watch=1", 200, SERVER_STREAM, NULL);
    open_kube((struct access){0});
    assert_int_equal(kube_follow(kube, KUBE_DEPLOYMENT, NULL, NULL, &err), 0);
    assert_int_equal(kube_follow(kube, KUBE_POD, NULL, NULL, &err), 0);
    assert_int_equal(kube_follow(kube, KUBE_NODE, NULL, NULL, &err), 0);
    assert_int_equal(state_of("web", false, &err), 0);
    assert_int_equal(state_of("none", false, &err), -ENOENT);
    assert_int_equal(state_of("slow", false, &err), 1);
    assert_int_equal(state_of("slow", true, &err), -ETIMEDOUT);
    assert_non_null(strstr(err.text, "0 of 1 new pods are made\n1 pod not ready (slow-1)"));
}

static void test_discover_elsewhere(void **state)
{
    struct error err = {0};
    (void)state;
    server_rule(server, "GET /", 200, SERVER_WHOLE, "{\"hello\":1}");
    open_kube((struct access){0});
    server_start_thread(server);
    int code = kube_discover(kube, 20000, &err);
    server_join_thread(server);
    assert_int_equal(code, -EBADMSG);
    assert_non_null(strstr(err.text, "is that an API server?"));
}

/* An answer to /version, with DATE. */
static void ask_version(const char *date)
{
    struct error err = {0};
    struct kube_server asked;
    struct server_rule *rule =
        server_rule(server, "GET /version", 200, SERVER_WHOLE, "{\"gitVersion\":\"v1.30.1\"}");
    rule->uses = 1;
    rule->date = date;
    server_start_thread(server);
    int code = kube_version(kube, 20000, &asked, &err);
    server_join_thread(server);
    assert_int_equal(code, 0);
}

/* A server whose clock is an hour ahead is seen to be so; Dates beyond all time are left. */
static void test_server_clock(void **state)
{
    const int64_t hour_ns = INT64_C(3600000000000), second_ns = INT64_C(1000000000);
    char ahead[64];
    time_t then = time(NULL) + 3600;
    struct tm tm;
    (void)state;
    open_kube((struct access){0});
    ask_version("Fri, 31 Dec 9999 23:59:59 GMT");
    ask_version("yesterday");
    assert_int_equal(kube_server_clock(kube)->answers, 0);
    strftime(ahead, sizeof(ahead), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&then, &tm));
    ask_version(ahead);
    const struct server_clock *clock = kube_server_clock(kube);
    assert_int_equal(clock->answers, 1);
    assert_true(clock->least_ns <= hour_ns && hour_ns - second_ns <= clock->most_ns);
}

/* A server that is throttled says when to ask again, and is asked again until the deadline. */
static void test_throttled(void **state)
{
    struct error err = {0};
    struct kube_server asked;
    (void)state;
    struct server_rule *rule = server_rule(server, "GET /version", 429, SERVER_WHOLE, "{}");
    rule->uses = 1;
    rule->retry_after = "1";
    server_rule(server, "GET /version", 200, SERVER_WHOLE, "{\"gitVersion\":\"v1.30.1\"}");
    server_rule(server, "pods?limit=500", 429, SERVER_WHOLE, "{}")->retry_after = "3600";
    open_kube((struct access){0});
    server_start_thread(server);
    int code = kube_version(kube, 20000, &asked, &err);
    server_join_thread(server);
    assert_int_equal(code, 0);
    assert_string_equal(asked.version, "v1.30.1");
    follow_pods();
    expect("broken", "429, throttled");
    for (int i = 0; i < 500; i++) { /* 100 ms would be over. */
        assert_true(kube_poll(kube, 1) >= 0);
        server_run(server);
    }
    assert_int_equal(strstr(strstr(server_log(server), "limit=500") + 1, "limit=500") != NULL, 0);
}

/* A signal ends the wait for a server that does not answer. */
static void test_discover_is_interrupted(void **state)
{
    struct error err = {0};
    (void)state;
    server_rule(server, "GET /", 200, SERVER_HANG, NULL);
    open_kube((struct access){0});
    stop_on_signals();
    raise(SIGTERM);
    int code = kube_discover(kube, 20000, &err);
    stop_on_signals(); /* It is forgotten again. */
    assert_int_equal(code, -EINTR);
    assert_string_equal(err.text, "");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_follow),
        TEST(test_follow_split_by_1),
        TEST(test_follow_split_by_37),
        TEST(test_stamps),
        TEST(test_server_dies),
        TEST(test_gone_event),
        TEST(test_gone_status),
        TEST(test_401),
        TEST(test_403),
        TEST(test_wrong_ca),
        TEST(test_wrong_name),
        TEST(test_connection_refused),
        TEST(test_no_answer),
        TEST(test_server_name),
        TEST(test_action),
        TEST(test_cancel),
        TEST(test_discover_and_run),
        TEST(test_discover_elsewhere),
        TEST(test_discover_is_interrupted),
        TEST(test_server_clock),
        TEST(test_throttled),
        TEST(test_rollout_state),
    };
    clock_start(&run_clock, 2000000);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
