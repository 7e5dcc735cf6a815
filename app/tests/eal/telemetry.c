/* The commands under /seamline/, asked as dpdk-telemetry.py asks: a SOCK_SEQPACKET socket in the
 * EAL's runtime folder, a command a packet, an answer in JSON. They give what --metrics gives. */
#include "run/telemetry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>
#include <rte_eal.h>

#include "base/json.h"

enum {
    ANSWER_BYTES = 32768
};
#define CLIENT "/usr/bin/dpdk-telemetry.py"

static struct net_eal_report report;
static char folder[256];
static int client_fd;

/* A run at work, as the control loop has it. */
static struct live *make_live(void)
{
    static struct meta meta = {.version = "9.9", .started = "2026-11-22T04:00:00Z"};
    struct live *live = calloc(1, sizeof(*live));
    assert_non_null(live);
    *live = (struct live){.name = "upgrade",
                          .meta = &meta,
                          .stream_count = 2,
                          .worker_count = 2,
                          .streams = {{.name = "held", .sent_pps = 400.4, .good_pps = 399},
                                      {.name = "new", .window = {.open = true, .count = 3}}},
                          .loads = {0.25, 1}};
    live->now.now_ns = UINT64_C(12345678901);
    live->now.phase = LIVE_CHANGE;
    /* What no JSON has unescaped. */
    snprintf(live->now.step, sizeof(live->now.step), "exec \"a\\b\"\n");
    live->now.workers[1] = (struct live_worker_counts){.stalls = 7, .longest_ns = 1234567};
    for (unsigned i = 0; i < live->stream_count; i++) {
        uint64_t *counts = (uint64_t *)(void *)&live->now.streams[i];
        for (size_t k = 0; k < sizeof(live->now.streams[i]) / sizeof(*counts); k++)
            counts[k] = (i + 1) * 1000 + k;
    }
    return live;
}

static int connect_client(void)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    const int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    assert_true(fd >= 0);
    snprintf(at.sun_path, sizeof(at.sun_path), "%.80s/dpdk_telemetry.v2", folder);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    return fd;
}

static cJSON *receive(void)
{
    static char answer[ANSWER_BYTES];
    const ssize_t size = recv(client_fd, answer, sizeof(answer), 0);
    assert_true(size > 0);
    cJSON *tree = json_parse(answer, (size_t)size, NULL);
    if (tree == NULL)
        fail_msg("no JSON: %.*s", (int)size, answer);
    return tree;
}

/* The value that is answered to COMMAND with PARAMETERS. *WHOLE is to be deleted. */
static const cJSON *ask(const char *command, const char *parameters, cJSON **whole)
{
    char text[256];
    const int size = snprintf(text, sizeof(text), "%s%s%s", command,
                              parameters[0] != '\0' ? "," : "", parameters);
    assert_int_equal(send(client_fd, text, (size_t)size, 0), size);
    *whole = receive();
    const cJSON *value = json_member(*whole, command);
    assert_non_null(value);
    return value;
}

static void expect_null(const char *command, const char *parameters)
{
    cJSON *whole;
    assert_true(cJSON_IsNull(ask(command, parameters, &whole)));
    cJSON_Delete(whole);
}

/* What --metrics says of the same. */
static int64_t metric(const struct live *live, const char *name, const char *suffix,
                      const char *stream)
{
    struct text text = {0};
    char line[128];
    live_metrics(live, &text);
    snprintf(line, sizeof(line), "\n%s%s{stream=\"%s\"} ", name, suffix, stream);
    const char *at = strstr(text_str(&text), line);
    assert_non_null(at);
    const int64_t value = strtoll(at + strlen(line), NULL, 10);
    text_free(&text);
    return value;
}

static void commands_are_listed(void **state)
{
    cJSON *whole;
    char *printed;
    (void)state;
    ask("/", "", &whole);
    printed = json_print(whole, false);
    static const char *const wanted[] = {"/seamline/run",    "/seamline/streams",
                                         "/seamline/stream", "/seamline/workers",
                                         "/seamline/worker", "/seamline/pods"};
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
        if (strstr(printed, wanted[i]) == NULL)
            fail_msg("%s is not in %s", wanted[i], printed);
    free(printed);
    cJSON_Delete(whole);
}

static void before_a_run_there_is_nothing(void **state)
{
    (void)state;
    expect_null("/seamline/run", "");
    expect_null("/seamline/stream", "held");
}

static void streams_have_what_metrics_have(void **state)
{
    struct live *live = *state;
    cJSON *whole;
    assert_int_equal(cJSON_GetArraySize(ask("/seamline/streams", "", &whole)), 2);
    cJSON_Delete(whole);
    for (unsigned i = 0; i < live->stream_count; i++) {
        const char *name = live->streams[i].name;
        const cJSON *value = ask("/seamline/stream", name, &whole);
        assert_int_equal(live_count_count, 9);
        for (unsigned c = 0; c < live_count_count; c++) {
            const struct live_count *count = &live_counts[c];
            assert_int_equal(json_integer(value, count->name + strlen(LIVE_METRICS_PREFIX), -1),
                             metric(live, count->name, count->gauge ? "" : "_total", name));
        }
        assert_int_equal(json_integer(value, "loss_windows", -1),
                         metric(live, "seamline_loss_windows", "_total", name));
        assert_int_equal(json_integer(value, "loss_window_open", -1),
                         metric(live, "seamline_loss_window_open", "", name));
        assert_int_equal(json_integer(value, "sent_per_s", -1), i == 0 ? 400 : 0);
        assert_int_equal(json_integer(value, "good_per_s", -1), i == 0 ? 399 : 0);
        cJSON_Delete(whole);
    }
}

static void the_rest_is_told(void **state)
{
    struct live *live = *state;
    cJSON *whole;
    const cJSON *value = ask("/seamline/run", "", &whole);
    assert_string_equal(json_string(value, "experiment", ""), "upgrade");
    assert_string_equal(json_string(value, "phase", ""), "change");
    assert_string_equal(json_string(value, "started", ""), "2026-11-22T04:00:00Z");
    assert_string_equal(json_string(value, "step", ""), live->now.step);
    assert_int_equal(json_integer(value, "run_ms", -1), 12345);
    cJSON_Delete(whole);
    value = ask("/seamline/workers", "", &whole);
    assert_int_equal(cJSON_GetArraySize(value), 2);
    cJSON_Delete(whole);
    value = ask("/seamline/worker", "1", &whole);
    assert_int_equal(json_integer(value, "load_permille", -1), 1000);
    assert_int_equal(json_integer(value, "stalls", -1), 7);
    assert_int_equal(json_integer(value, "longest_gap_ns", -1), 1234567);
    cJSON_Delete(whole);
    assert_null(json_member(ask("/seamline/pods", "", &whole), "old"));
    cJSON_Delete(whole);
}

static void what_is_not_there_is_null(void **state)
{
    static char much[200];
    (void)state;
    memset(much, 'x', sizeof(much) - 1);
    expect_null("/seamline/stream", "");
    expect_null("/seamline/stream", "nope");
    expect_null("/seamline/stream", much);
    expect_null("/seamline/stream", "%s%n");
    expect_null("/seamline/worker", "");
    expect_null("/seamline/worker", "2");
    expect_null("/seamline/worker", "-1");
    expect_null("/seamline/worker", "1x");
    expect_null("/seamline/worker", "99999999999999999999999");
}

static void a_new_look_is_told_when_it_is_taken(void **state)
{
    struct live *live = *state;
    cJSON *whole;
    live->now.now_ns += LIVE_LOOK_NS;
    live->now.streams[0].sent = 987654;
    live->now.pods = (struct live_pods){.known = true, .old = 1, .old_ready = 2, .new = 3};
    assert_int_equal(json_integer(ask("/seamline/stream", "held", &whole), "requests_sent", -1),
                     1001);
    cJSON_Delete(whole);
    telemetry_turn();
    assert_int_equal(json_integer(ask("/seamline/stream", "held", &whole), "requests_sent", -1),
                     987654);
    cJSON_Delete(whole);
    const cJSON *pods = ask("/seamline/pods", "", &whole);
    assert_int_equal(json_integer(pods, "old", -1), 1);
    assert_int_equal(json_integer(pods, "old_ready", -1), 2);
    assert_int_equal(json_integer(pods, "new", -1), 3);
    cJSON_Delete(whole);
}

static void dpdks_own_client_reads_it(void **state)
{
    char command[256], said[4096] = "";
    (void)state;
    if (access(CLIENT, X_OK) < 0)
        skip();
    snprintf(command, sizeof(command), "echo /seamline/streams | " CLIENT " -f %s",
             report.file_prefix);
    FILE *client = popen(command, "re");
    assert_non_null(client);
    const size_t size = fread(said, 1, sizeof(said) - 1, client);
    said[size] = '\0';
    assert_int_equal(pclose(client), 0);
    if (strstr(said, "held") == NULL || strstr(said, "/seamline/streams") == NULL)
        fail_msg("it said: %s", said);
}

static void after_the_run_there_is_nothing(void **state)
{
    struct live *live = *state;
    telemetry_close();
    expect_null("/seamline/run", "");
    expect_null("/seamline/stream", "held");
    telemetry_turn(); /* Harmless. */
    assert_int_equal(telemetry_open(live, NULL), 0);
    telemetry_turn();
    cJSON *whole;
    assert_string_equal(json_string(ask("/seamline/run", "", &whole), "experiment", ""), "upgrade");
    cJSON_Delete(whole);
}

static void the_folder_is_gone_after_the_eal(void **state)
{
    (void)state;
    assert_int_equal(access(folder, F_OK), 0);
    close(client_fd);
    telemetry_close();
    net_eal_stop();
    assert_int_equal(access(folder, F_OK), -1);
}

static int open_live(void **state)
{
    struct live *live = make_live();
    *state = live;
    if (telemetry_open(live, NULL) < 0)
        return -1;
    telemetry_turn();
    return 0;
}

static int close_live(void **state)
{
    telemetry_close();
    free(*state);
    return 0;
}

static int start(void **state)
{
    const struct net_eal_config config = {.main_core = -1,
                                          .worker_cores = {0},
                                          .worker_count = 1,
                                          .memory = NET_MEMORY_PAGES,
                                          .memory_mib = 64,
                                          .telemetry = true};
    struct error err = {0};
    struct live *live = make_live();
    (void)state;
    if (net_eal_start(&config, &report, &err) < 0)
        fail_msg("%s", err.text);
    snprintf(folder, sizeof(folder), "%s", rte_eal_get_runtime_dir());
    assert_non_null(strstr(folder, report.file_prefix));
    client_fd = connect_client();
    cJSON *greeting = receive();
    assert_int_equal(json_integer(greeting, "pid", -1), getpid());
    assert_in_range(json_integer(greeting, "max_output_len", -1), 1, ANSWER_BYTES);
    cJSON_Delete(greeting);
    /* The commands are known to DPDK from here on, and have nothing to tell. */
    assert_int_equal(telemetry_open(live, NULL), 0);
    telemetry_close();
    free(live);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_are_listed),
        cmocka_unit_test(before_a_run_there_is_nothing),
        cmocka_unit_test_setup_teardown(streams_have_what_metrics_have, open_live, close_live),
        cmocka_unit_test_setup_teardown(the_rest_is_told, open_live, close_live),
        cmocka_unit_test_setup_teardown(what_is_not_there_is_null, open_live, close_live),
        cmocka_unit_test_setup_teardown(a_new_look_is_told_when_it_is_taken, open_live, close_live),
        cmocka_unit_test_setup_teardown(dpdks_own_client_reads_it, open_live, close_live),
        cmocka_unit_test_setup_teardown(after_the_run_there_is_nothing, open_live, close_live),
        cmocka_unit_test(the_folder_is_gone_after_the_eal),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
