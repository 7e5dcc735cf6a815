/* Credentials that expire or are refused, of a program and of a file, by a client against an HTTPS
 * server on loopback. */
#include "kube/renewal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/kube/client.h"

/* Gives a token that has expired already; when asked again, it waits until somebody writes to the
 * FIFO, and gives another, and a certificate. */
static void write_program(void)
{
    static const char script[] =
        "#!/bin/sh\n"
        "d=${0%/*}; "
        "p='\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\"'\n"
        "pem() { while IFS= read -r line; do printf '%s\\\\n' \"$line\"; done < \"$d/$1\"; }\n"
        "if mkdir \"$d/asked\" 2>/dev/null; then\n"
        "echo \"{$p,\\\"status\\\":{\\\"token\\\":\\\"first\\\",\\\"expirationTimestamp\\\":"
        "\\\"2020-01-01T00:00:00Z\\\"}}\"\n"
        "else read -r line < \"$d/fifo\"\n"
        "printf '%s' "
        "\"{$p,\\\"status\\\":{\\\"token\\\":\\\"second\\\",\\\"clientCertificateData\\\":\\\"\"\n"
        "pem client.pem; printf '\",\"clientKeyData\":\"'; pem client.key; echo '\"}}'\n"
        "fi\n";
    char path[128];
    struct text text = {0};
    snprintf(path, sizeof(path), "%s/give", server_folder(server));
    text_add(&text, script);
    assert_int_equal(text_write_file(&text, path), 0);
    assert_int_equal(chmod(path, 0700), 0);
    text_free(&text);
    snprintf(path, sizeof(path), "%s/fifo", server_folder(server));
    assert_int_equal(mkfifo(path, 0600), 0);
}

static int open_fifo(void)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/fifo", server_folder(server));
    return open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC); /* Fails while nobody reads. */
}

static void get_pod(const char *name)
{
    struct error err = {0};
    struct kube_order order = {.verb = KUBE_GET, .kind = KUBE_POD, .name = name};
    char line[64];
    if (kube_start(kube, &order, &err) < 0)
        fail_msg("%s", err.text);
    snprintf(line, sizeof(line), "pods/%s", name);
    turn_until_logged(line);
}

/* While a program renews the credentials, all else goes on; then requests have the new ones. */
static void test_renewal(void **state)
{
    int fifo = -1;
    (void)state;
    write_program();
    server_rule(server, "pods/", 200, SERVER_WHOLE, POD("x", "3"));
    server_rule(server, "limit=500", 200, SERVER_WHOLE, LIST("7", POD("a", "3")));
    server_rule(server, "resourceVersion=7&", 200, SERVER_STREAM, NULL);
    open_kube((struct access){
        .user = "exec: {apiVersion: client.authentication.k8s.io/v1, command: ./give}"});
    follow_pods();
    expect("present", "a");
    expect("synced", "");
    for (int i = 0; i < TURNS_MAX && fifo < 0; i++, fifo = open_fifo()) {
        assert_true(kube_poll(kube, 1) >= 0);
        server_run(server);
    }
    assert_true(fifo >= 0); /* It waits there: nobody waited for it. */
    get_pod("one");
    assert_string_equal(server_authorization(server), "Bearer first");
    assert_false(server_saw_certificate(server));
    assert_int_equal(write(fifo, "go\n", 3), 3);
    close(fifo);
    for (int i = 0; i < TURNS_MAX && strcmp(kube_config(kube)->token, "second") != 0; i++)
        assert_true(kube_poll(kube, 1) >= 0);
    get_pod("two");
    assert_string_equal(server_authorization(server), "Bearer second");
    assert_true(server_saw_certificate(server));
}

/* A program whose credentials are the tokens t1, t2, ..., or one that gives t1 and then fails. */
static void write_counter(const char *after_first)
{
    char path[128];
    struct text text = {0};
    snprintf(path, sizeof(path), "%s/give", server_folder(server));
    text_addf(&text,
              "#!/bin/sh\necho x >> \"${0%%/*}/calls\"; n=$(wc -l < \"${0%%/*}/calls\")\n"
              "[ $n = 1 ] || %s\n"
              "echo '{\"kind\":\"ExecCredential\",\"apiVersion\":"
              "\"client.authentication.k8s.io/v1\",\"status\":{\"token\":\"t'$n'\"}}'\n",
              after_first);
    assert_int_equal(text_write_file(&text, path), 0);
    assert_int_equal(chmod(path, 0700), 0);
    text_free(&text);
}

#define GIVES                                                                                      \
    (struct access)                                                                                \
    {                                                                                              \
        .user = "exec: {apiVersion: client.authentication.k8s.io/v1, command: ./give}"             \
    }

static unsigned count_logged(const char *what)
{
    unsigned count = 0;
    for (const char *at = server_log(server); (at = strstr(at, what)) != NULL; at++)
        count++;
    return count;
}

static void refuse(const char *match, int uses)
{
    server_rule(server, match, 401, SERVER_WHOLE, "{}")->uses = uses;
}

/* Two watches that never listed are refused at the same time: one renewal is enough for both, and
 * nobody is told. */
static void test_refused_watches(void **state)
{
    struct error err = {0};
    (void)state;
    write_counter("true");
    refuse("limit=500", 2);
    server_rule(server, "pods?limit=500", 200, SERVER_WHOLE, LIST("7", POD("a", "3")));
    server_rule(server, "nodes?limit=500", 200, SERVER_WHOLE, LIST("7", POD("n", "3")));
    server_rule(server, "resourceVersion=7&", 200, SERVER_STREAM, NULL);
    open_kube(GIVES);
    follow_pods();
    assert_int_equal(kube_follow(kube, KUBE_NODE, NULL, NULL, &err), 0);
    for (int i = 0; i < 4; i++) {
        struct kube_event *event = next_event();
        assert_true(event->type == KUBE_PRESENT || event->type == KUBE_SYNCED);
        kube_event_free(event);
    }
    assert_true(kube_synced(kube));
    assert_string_equal(kube_config(kube)->token, "t2");
    assert_string_equal(kube_trouble(kube), "");
}

/* A change that was refused has not been made: it is made once more, with what the program gives
 * then. */
static void test_refused_change(void **state)
{
    struct kube_order order = {.verb = KUBE_SET_IMAGE, .name = "web", .image = "w:2"};
    struct error err = {0};
    (void)state;
    write_counter("true");
    refuse("PATCH", 1);
    server_rule(server, "GET " WEB, 200, SERVER_WHOLE, deployment("8", "w:1"));
    server_rule(server, "PATCH " WEB, 200, SERVER_WHOLE, deployment("9", "w:2"));
    open_kube(GIVES);
    int number = kube_start(kube, &order, &err);
    assert_true(number > 0);
    expect("finished", "deployment/web changed");
    assert_int_equal(count_logged("PATCH"), 2);
    assert_int_equal(count_logged("GET"), 1);
    assert_string_equal(server_authorization(server), "Bearer t2");
}

/* What is refused again is told, with what was tried; and the program is not asked in a loop. */
static void refused_for_good(const char *after_first, const char *text)
{
    struct kube_order order = {.verb = KUBE_GET, .kind = KUBE_POD, .name = "x"};
    struct error err = {0};
    write_counter(after_first);
    refuse("pods", -1);
    open_kube(GIVES);
    for (int i = 0; i < 2; i++) {
        int number = kube_start(kube, &order, &err);
        expect("finished", "does not know who we are (401)");
        const struct kube_result *result = kube_result(kube, number);
        assert_int_equal(result->reason, KUBE_REASON_UNAUTHORIZED);
        if (strstr(result->error.text, text) == NULL)
            fail_msg("%s", result->error.text);
        assert_int_equal(count_logged("pods/x"), i == 0 ? 2 : 3);
        kube_forget(kube, number);
    }
    follow_pods();
    expect("stopped", text);
}

static void test_refused_after_renewal(void **state)
{
    (void)state;
    refused_for_good("true", "also after it was renewed by exec ./give");
}

static void test_refused_and_no_renewal(void **state)
{
    (void)state;
    refused_for_good("exit 7", "could not be renewed: credentials of exec ./give: it ended with "
                               "status 7");
}

static void write_token(const char *token)
{
    char path[128];
    struct text text = {0};
    snprintf(path, sizeof(path), "%s/token", server_folder(server));
    text_add(&text, token);
    assert_int_equal(text_write_file(&text, path), 0);
    text_free(&text);
}

/* Who writes a token's file may do so a moment too late. The blocking calls ask again likewise. */
static void test_refused_token_file(void **state)
{
    struct error err = {0};
    struct kube_server asked;
    (void)state;
    write_token("old");
    refuse("GET /version", 1);
    server_rule(server, "GET /version", 200, SERVER_WHOLE, "{\"gitVersion\":\"v1.30.1\"}");
    refuse("pods", -1);
    open_kube((struct access){.user = "tokenFile: token"});
    server_start_thread(server);
    int code = kube_version(kube, 20000, &asked, &err);
    server_join_thread(server);
    assert_int_equal(code, 0);
    assert_string_equal(asked.version, "v1.30.1");
    assert_int_equal(count_logged("/version"), 2);
    assert_string_equal(server_authorization(server), "Bearer old");
    follow_pods();
    turn_until_logged("pods");
    write_token("new");
    expect("stopped", "also after it was read again from");
    assert_int_equal(count_logged("limit=500"), 2);
    assert_string_equal(server_authorization(server), "Bearer new");
}

/* A user who has nothing that could be renewed is asked for nothing twice. */
static void test_refused_token(void **state)
{
    (void)state;
    refuse("limit=500", -1);
    open_kube((struct access){.user = "token: fixed"});
    follow_pods();
    expect("stopped", "its token is expired, revoked or of another cluster");
    assert_int_equal(count_logged("limit=500"), 1);
}

/* One that runs when the client is closed is ended. */
static void test_renewal_is_ended(void **state)
{
    int fifo = -1;
    (void)state;
    write_program();
    open_kube((struct access){
        .user = "exec: {apiVersion: client.authentication.k8s.io/v1, command: ./give}"});
    for (int i = 0; i < TURNS_MAX && fifo < 0; i++, fifo = open_fifo())
        assert_true(kube_poll(kube, 1) >= 0);
    assert_true(fifo >= 0);
    signal(SIGPIPE, SIG_IGN);
    kube_close(kube);
    kube = NULL;
    assert_true(write(fifo, "x", 1) < 0 && errno == EPIPE); /* Nobody reads any more. */
    close(fifo);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_renewal),
        TEST(test_renewal_is_ended),
        TEST(test_refused_watches),
        TEST(test_refused_change),
        TEST(test_refused_after_renewal),
        TEST(test_refused_and_no_renewal),
        TEST(test_refused_token_file),
        TEST(test_refused_token),
    };
    clock_start(&run_clock, 2000000);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
