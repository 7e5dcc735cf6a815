/* Options of `seamline traffic` and the experiment that they stand for. */
#include "plan/command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/text.h"
#include "plan/experiment.h"

static struct experiment *made(const struct command *command)
{
    struct experiment *experiment = NULL;
    struct error err = {0};
    if (command_experiment(command, NULL, &experiment, &err) < 0)
        fail_msg("%s", err.text);
    return experiment;
}

static void assert_refused(const struct command *command, const char *text)
{
    struct error err = {0};
    struct experiment *experiment = NULL;
    assert_true(command_experiment(command, NULL, &experiment, &err) < 0);
    assert_null(experiment);
    assert_string_equal(err.text, text);
    assert_int_equal(err.status, EXIT_USAGE);
}

static void as_ctraffic(void **state)
{
    struct command command = {.url = "ctraffic://10.0.0.1",
                              .duration = "2500ms",
                              .rate = "1k",
                              .connections = "5",
                              .timeout = "3s",
                              .size = "2KiB",
                              .seed = "7"};
    struct experiment *x = made(&command);
    (void)state;
    assert_int_equal(x->streams[0].protocol, EXPERIMENT_PROTOCOL_CTRAFFIC);
    assert_true(x->streams[0].rate_per_s == 1000);
    assert_int_equal(x->streams[0].connections, 5);
    assert_int_equal(x->streams[0].size_bytes, 2048);
    assert_int_equal(x->streams[0].timeout_ns, 3000000000);
    assert_int_equal(x->streams[0].connect_timeout_ns, 3000000000);
    assert_int_equal(x->streams[0].target.port, 5003);
    assert_true(x->streams[0].target.typed);
    assert_int_equal(x->seed, 7);
    assert_int_equal(x->steps[1].for_ns, 2500000000);
    experiment_free(x);
}

/* Assignments come after options, and an address that was assigned was not typed as the URL. */
static void laws_and_assignments(void **state)
{
    static const char *const sets[] = {"streams.traffic.catchUp=skip",
                                       "streams.traffic.target.address=10.0.0.2"};
    struct experiment_options options = {.sets = sets, .set_count = 1};
    struct command command = {.url = "tcp://[2001:db8::1]:80", .rate = "ramp:1/s..9/s:1m"};
    struct experiment *x = NULL;
    struct error err = {0};
    (void)state;
    assert_int_equal(command_experiment(&command, &options, &x, &err), 0);
    assert_int_equal(x->streams[0].protocol, EXPERIMENT_PROTOCOL_CONNECT);
    assert_int_equal(x->streams[0].pace.law, PACE_RAMP);
    assert_int_equal(x->streams[0].catch_up, EXPERIMENT_CATCH_UP_SKIP);
    experiment_free(x);
    command.url = "tcp://10.0.0.1:80";
    options.sets = &sets[0];
    options.set_count = 2;
    assert_int_equal(command_experiment(&command, &options, &x, &err), 0);
    assert_false(x->streams[0].target.typed);
    experiment_free(x);
}

struct address_row {
    const char *url, *resolve, *connect_to, *address;
    uint16_t port;
};

static void names_are_what_the_options_say(void **state)
{
    static const struct address_row rows[] = {
        {"tcp://a.example:80", "a.example:80:10.0.0.9", NULL, "10.0.0.9", 80},
        {"tcp://A.example:80", "a.EXAMPLE:80:10.0.0.9", NULL, "10.0.0.9", 80},
        {"tcp://a.example:80", "a.example:80:[2001:db8::9]", NULL, "2001:db8::9", 80},
        {"tcp://a.example:80", "a.example:80:2001:db8::9", NULL, "2001:db8::9", 80},
        {"tcp://a.example:80", NULL, "a.example:80:10.0.0.8:8080", "10.0.0.8", 8080},
        {"tcp://a.example:80", NULL, "::10.0.0.8:", "10.0.0.8", 80},
        {"tcp://a.example:80", NULL, "a.example:80:[2001:db8::8]:81", "2001:db8::8", 81},
        {"tcp://a.example:80", "a.example:80:10.0.0.9", "a.example:80:10.0.0.8:81", "10.0.0.8", 81},
        {"tcp://a.example:80", "a.example:80:10.0.0.9", "b.example:80:10.0.0.8:81", "10.0.0.9", 80},
        {"tcp://10.0.0.1:80", "10.0.0.1:80:10.0.0.9", NULL, "10.0.0.9", 80},
        {"tcp://[2001:db8::1]:80", "[2001:db8::1]:80:10.0.0.9", NULL, "10.0.0.9", 80},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct command command = {.url = rows[i].url};
        struct address address;
        command.resolves.items[0] = rows[i].resolve;
        command.resolves.count = rows[i].resolve != NULL;
        command.connects.items[0] = rows[i].connect_to;
        command.connects.count = rows[i].connect_to != NULL;
        struct experiment *x = made(&command);
        assert_int_equal(address_parse(rows[i].address, &address, NULL), 0);
        assert_true(address_equal(&x->streams[0].target.address, &address));
        assert_int_equal(x->streams[0].target.port, rows[i].port);
        assert_true(x->streams[0].target.typed);
        experiment_free(x);
    }
}

static void bad_mappings_are_refused(void **state)
{
    static const char *const resolves[] = {"",
                                           "a",
                                           "a:80",
                                           "a:80:",
                                           "a:80:x",
                                           "a::1",
                                           "a:x:1",
                                           "a:80:10.0.0.1:5",
                                           "[a:80:10.0.0.1",
                                           "a:80:[::1",
                                           "a:99999:10.0.0.1"};
    static const char *const connects[] = {"",
                                           "a:80:10.0.0.1",
                                           "a:80::",
                                           "a:80:10.0.0.1:x",
                                           "a:80:10.0.0.1:99999",
                                           "a:80:b.example:80"};
    (void)state;
    for (size_t i = 0; i < sizeof(resolves) / sizeof(resolves[0]); i++) {
        struct command command = {.url = "tcp://a:80",
                                  .resolves = {.items = {resolves[i]}, .count = 1}};
        struct error err = {0};
        assert_null(command_tree(&command, &err));
        if (strncmp(err.text, "--resolve: ", 11) != 0)
            fail_msg("%s: \"%s\"", resolves[i], err.text);
    }
    for (size_t i = 0; i < sizeof(connects) / sizeof(connects[0]); i++) {
        struct command command = {.url = "tcp://a:80",
                                  .connects = {.items = {connects[i]}, .count = 1}};
        struct error err = {0};
        assert_null(command_tree(&command, &err));
        if (strncmp(err.text, "--connect-to: ", 14) != 0)
            fail_msg("%s: \"%s\"", connects[i], err.text);
    }
}

/* Who must be at the other end is the URL's host, wherever it is connected to and whatever Host
 * says, unless it is said. */
static void https_names_its_server(void **state)
{
    struct command command = {.url = "https://web.example/a",
                              .connects = {.items = {"web.example:443:10.0.0.9:8443"}, .count = 1},
                              .headers = {.items = {"Host: other.example"}, .count = 1},
                              .ca = "/dev/null",
                              .cert = "/dev/null",
                              .key = "/dev/zero",
                              .timeout = "3s"};
    struct experiment *x = made(&command);
    (void)state;
    assert_int_equal(x->streams[0].protocol, EXPERIMENT_PROTOCOL_HTTPS);
    assert_int_equal(x->streams[0].target.port, 8443);
    assert_int_equal(x->streams[0].connect_timeout_ns, 3000000000);
    assert_string_equal(x->streams[0].http.request.host, "other.example");
    assert_string_equal(x->streams[0].tls.server_name, "web.example");
    assert_string_equal(x->streams[0].tls.ca, "/dev/null");
    assert_string_equal(x->streams[0].tls.cert, "/dev/null");
    assert_string_equal(x->streams[0].tls.key, "/dev/zero");
    assert_false(x->streams[0].tls.insecure);
    assert_true(x->streams[0].tls.resume);
    experiment_free(x);
    command = (struct command){
        .url = "https://[2001:db8::1]/", .server_name = "b.example", .insecure = true};
    x = made(&command);
    assert_int_equal(x->streams[0].target.port, 443);
    assert_string_equal(x->streams[0].http.request.host, "[2001:db8::1]");
    assert_string_equal(x->streams[0].tls.server_name, "b.example");
    assert_true(x->streams[0].tls.insecure);
    assert_null(x->streams[0].tls.ca);
    experiment_free(x);
}

static void mistakes_are_named(void **state)
{
    (void)state;
    assert_refused(&(struct command){.url = "tcp://host.example:80"},
                   "tcp://host.example:80: want an IP address instead of a host name, for none is "
                   "looked up; or say --resolve host.example:80:ADDRESS");
    assert_refused(&(struct command){.url = "http://10.0.0.1/", .insecure = true},
                   "--insecure does not fit http://; see seamline help traffic");
    assert_refused(&(struct command){.url = "http://10.0.0.1/", .server_name = "a"},
                   "--sni does not fit http://; see seamline help traffic");
    assert_refused(&(struct command){.url = "https://10.0.0.1/", .ca = "/no/such"},
                   "--cacert: /no/such: No such file or directory; want a file");
    assert_refused(
        &(struct command){.url = "https://10.0.0.1/", .cert = "/dev/null"},
        "https://10.0.0.1/: streams[0].tls: \"cert\" and \"key\" go together: \"key\" is "
        "missing");
    assert_refused(
        &(struct command){.url = "tcp://10.0.0.1:80", .rate = "ramp:1..2"},
        "--rate: rate \"ramp:1..2\": column 10: want \":\", as in ramp:100/s..10k/s:60s");
    assert_refused(&(struct command){.url = "tcp://10.0.0.1:80", .connections = "many"},
                   "--connections: \"many\" is no number");
    assert_refused(&(struct command){.url = "tcp://10.0.0.1:80", .duration = "long"},
                   "--duration: \"long\" is no duration; want one such as 10s or 5m");
    assert_refused(&(struct command){.url = "tcp://10.0.0.1:80", .method = "POST"},
                   "--method does not fit tcp://; see seamline help traffic");
    assert_refused(&(struct command){.url = "tcp://10.0.0.1:80", .expect_sha256 = "0"},
                   "--expect-sha256 does not fit tcp://; see seamline help traffic");
    assert_refused(&(struct command){.url = "http://10.0.0.1/", .body = "@/no/such"},
                   "body @/no/such: No such file or directory; want a file");
    assert_refused(&(struct command){.url = "http://10.0.0.1/", .expect_sha256 = "12"},
                   "http://10.0.0.1/: streams[0].http: expectSha256: got \"12\", want 64 "
                   "hexadecimal digits");
    assert_refused(&(struct command){.url = "http://10.0.0.1/",
                                     .headers = {.items = {"A: b", "A b: c"}, .count = 2}},
                   "http://10.0.0.1/: streams[0].http: headers[1]: got \"A b: c\": column 2: ' ' "
                   "cannot be in a name; want \"Name: value\"");
    assert_refused(
        &(struct command){.url = "http://10.0.0.1/",
                          .headers = {.items = {"Connection: close"}, .count = 1}},
        "http://10.0.0.1/: streams[0].http: headers[0]: got \"Connection: close\": Connection "
        "follows from keepAlive (--no-keepalive); leave it out");
    assert_refused(&(struct command){.url = "tcp://10.0.0.1:80", .size = "5"},
                   "--size does not fit tcp://; see seamline help traffic");
    assert_refused(&(struct command){.url = "tcp://10.0.0.1:80", .rate = "5", .closed = true},
                   "--closed and --rate exclude each other: a closed loop's rate is what the "
                   "answers make it");
    assert_refused(&(struct command){.url = "ctraffic://10.0.0.1", .rate = "5", .size = "7"},
                   "ctraffic://10.0.0.1: streams[0].size: got 7, want a number of bytes such as "
                   "1024 or \"64KiB\", from 64B to 64KiB");
}

static const char *write_targets(const char *text)
{
    static char path[40];
    strcpy(path, "/tmp/seamline-targets-XXXXXX");
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, text, strlen(text)), strlen(text));
    close(file);
    return path;
}

/* One address may be several servers: by https each has its stream, for it is known by its name. */
static void targets_are_told_apart_by_name(void **state)
{
    struct command command = {
        .targets = write_targets("GET https://a.example/1\n"
                                 "GET https://b.example/2\n"
                                 "GET http://a.example:443/3\n"
                                 "GET https://A.example/4\n"),
        .resolves = {.items = {"a.example:443:10.0.0.1", "b.example:443:10.0.0.1"}, .count = 2}};
    struct experiment *x = made(&command);
    (void)state;
    assert_int_equal(x->stream_count, 3);
    assert_string_equal(x->streams[0].tls.server_name, "a.example");
    assert_int_equal(x->streams[0].http.request_count, 2);
    assert_string_equal(x->streams[1].tls.server_name, "b.example");
    assert_int_equal(x->streams[2].protocol, EXPERIMENT_PROTOCOL_HTTP);
    unlink(command.targets);
    experiment_free(x);
}

/* One stream for each address, which take turns at one rate as the file has them; only what the
 * command line names is typed. */
static void targets_take_turns(void **state)
{
    static const uint32_t firsts[] = {1, 3};
    struct command command = {.targets =
                                  write_targets("GET http://10.0.0.1/a\n\n"
                                                "POST http://b.example:8080/b\nA: b\nHost: c\n"
                                                "HEAD http://10.0.0.1:80/d\n"),
                              .rate = "90/s",
                              .resolves = {.items = {"b.example:8080:10.0.0.2"}, .count = 1},
                              .headers = {.items = {"C: d"}, .count = 1},
                              .body = "x"};
    struct experiment *x = made(&command);
    const uint32_t *turns;
    (void)state;
    assert_int_equal(x->stream_count, 2);
    assert_string_equal(x->streams[0].name, "target-1");
    assert_string_equal(x->streams[1].name, "target-2");
    assert_int_equal(experiment_turns(&x->streams[0], &turns), 2);
    assert_memory_equal(turns, firsts, sizeof(firsts));
    assert_int_equal(experiment_turns(&x->streams[1], &turns), 1);
    assert_int_equal(turns[0], 2);
    assert_int_equal(x->streams[1].turns, 3);
    assert_true(x->streams[0].rate_per_s == 60);
    assert_true(x->streams[1].rate_per_s == 30);
    assert_false(x->streams[0].target.typed);
    assert_true(x->streams[1].target.typed);
    assert_int_equal(x->streams[0].http.request_count, 2);
    struct experiment_request request = experiment_http_request(&x->streams[0].http, 1);
    assert_string_equal(request.method, "HEAD");
    assert_string_equal(request.path, "/d");
    assert_string_equal(request.host, "10.0.0.1");
    assert_string_equal(request.body, "x");
    assert_int_equal(request.header_count, 1);
    request = experiment_http_request(&x->streams[1].http, 0);
    assert_string_equal(request.method, "POST");
    assert_string_equal(request.host, "c");
    assert_int_equal(request.header_count, 2);
    assert_string_equal(request.headers[0], "C: d");
    assert_string_equal(request.headers[1], "A: b");
    /* What was resolved is read again as it is. */
    char *text = json_print(x->resolved, true);
    struct experiment *again = NULL;
    struct error err = {0};
    if (experiment_parse("again", text, strlen(text), NULL, &again, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(experiment_turns(&again->streams[0], &turns), 2);
    assert_string_equal(experiment_http_request(&again->streams[1].http, 0).path, "/b");
    cJSON_free(text);
    experiment_free(again);
    experiment_free(x);
    unlink(command.targets);
}

/* One address has one stream, closed loops too, however many URLs there are. */
static void many_targets_at_one_address(void **state)
{
    struct text text = {0};
    (void)state;
    for (unsigned i = 0; i < 3000; i++)
        text_addf(&text, "GET http://10.0.0.1/item/%u\n", i);
    struct command command = {.targets = write_targets(text_str(&text)),
                              .closed = true,
                              .headers = {.items = {"Host: all"}, .count = 1}};
    struct experiment *x = made(&command);
    assert_int_equal(x->stream_count, 1);
    assert_int_equal(x->streams[0].http.request_count, 3000);
    struct experiment_request last = experiment_http_request(&x->streams[0].http, 2999);
    assert_string_equal(last.path, "/item/2999");
    assert_string_equal(last.host, "all");
    experiment_free(x);
    unlink(command.targets);
    text_free(&text);
}

static void mistakes_in_targets_have_their_line(void **state)
{
    static const struct {
        const char *text, *message;
        bool closed;
    } rows[] = {
        {"GET http://10.0.0.1/\nGET tcp://10.0.0.1:80\n", ":2: tcp://10.0.0.1:80: want http://",
         false},
        {"GET http://10.0.0.1/\n\nGET http://10.0.0.1:x/\n", ":3: ", false},
        {"GET http://10.0.0.1/\n@/no/such\n",
         ":2: body @/no/such: No such file or directory; "
         "want a file",
         false},
        {"GET http://10.0.0.1/\n\nGET http://10.0.0.1/\nA: b\nContent-Length: 4\n",
         ":5: \"Content-Length: 4\": Content-Length follows from the body; leave it out", false},
        {"GET http://10.0.0.1/\nHost: a b\n", ":2: \"Host: a b\": want a name, or ADDRESS:PORT",
         false},
        {"GET http://web.example/\n", ":1: http://web.example/: want an IP address", false},
        {"GET http://10.0.0.1/\nGET http://10.0.0.2/\n",
         ":2: another address: with --closed all targets are at one", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct command command = {.targets = write_targets(rows[i].text), .closed = rows[i].closed};
        struct error err = {0};
        char wanted[200];
        assert_null(command_tree(&command, &err));
        snprintf(wanted, sizeof(wanted), "%s%s", command.targets, rows[i].message);
        if (strncmp(err.text, wanted, strlen(wanted)) != 0)
            fail_msg("row %zu: %s", i, err.text);
        unlink(command.targets);
    }
}

static void too_many_addresses_have_a_line(void **state)
{
    struct text text = {0};
    struct error err = {0};
    (void)state;
    for (unsigned i = 0; i <= EXPERIMENT_STREAMS_MAX; i++)
        text_addf(&text, "GET http://10.0.0.1:%u/\n", 8000 + i);
    struct command command = {.targets = write_targets(text_str(&text))};
    assert_null(command_tree(&command, &err));
    assert_non_null(strstr(err.text, ":17: more than 16 addresses and ports"));
    command.method = "GET";
    err.text[0] = '\0';
    assert_null(command_tree(&command, &err));
    assert_string_equal(err.text,
                        "--targets and --method exclude each other: each target has its own");
    unlink(command.targets);
    text_free(&text);
}

/* As vegeta, as wrk, and as a downtime checker. */
static void as_others(void **state)
{
    struct command vegeta = {
        .url = "http://10.0.0.1/x?y", .rate = "5000", .timeout = "10s", .no_keepalive = true};
    struct command wrk = {.url = "http://10.0.0.1:8080", .connections = "2", .closed = true};
    struct command checker = {.url = "http://10.0.0.1/",
                              .closed = true,
                              .no_keepalive = true,
                              .expect = "200,404",
                              .method = "POST",
                              .body = "abc",
                              .headers = {.items = {"host: me", "A: b"}, .count = 2}};
    struct experiment *x = made(&vegeta);
    const cJSON *stream = cJSON_GetArrayItem(json_member(x->resolved, "streams"), 0);
    (void)state;
    assert_true(x->streams[0].rate_per_s == 5000);
    assert_true(cJSON_IsFalse(json_member(stream, "keepAlive")));
    assert_string_equal(json_string(stream, "mode", ""), "open");
    assert_string_equal(json_string(stream, "timeout", ""), "10s");
    assert_string_equal(json_string(stream, "http.path", ""), "/x?y");
    experiment_free(x);
    x = made(&wrk);
    stream = cJSON_GetArrayItem(json_member(x->resolved, "streams"), 0);
    assert_string_equal(json_string(stream, "mode", ""), "closed");
    assert_int_equal(json_integer(stream, "connections", 0), 2);
    assert_string_equal(json_string(stream, "http.host", ""), "10.0.0.1:8080");
    assert_int_equal(x->format_count, 1);
    experiment_free(x);
    x = made(&checker);
    stream = cJSON_GetArrayItem(json_member(x->resolved, "streams"), 0);
    assert_string_equal(json_string(stream, "http.host", ""), "me");
    assert_string_equal(json_string(stream, "http.body", ""), "abc");
    const cJSON *statuses = json_member(json_member(stream, "http"), "expectStatus");
    assert_int_equal(cJSON_GetArraySize(statuses), 2);
    assert_int_equal(x->format_count, 2);
    assert_int_equal(x->formats[1], EXPERIMENT_FORMAT_CHECK);
    experiment_free(x);
}

/* Frames as small as they can be, unless sizes are said; a rate in units of its own. */
static void as_a_packet_generator(void **state)
{
    static const char *const sets[] = {"streams.traffic.raw.destinations=100"};
    struct experiment_options options = {.sets = sets, .set_count = 1};
    struct command command = {.url = "raw://10.0.0.1:9", .rate = "max"};
    struct experiment *x = NULL;
    struct error err = {0};
    (void)state;
    assert_int_equal(command_experiment(&command, &options, &x, &err), 0);
    assert_int_equal(x->streams[0].protocol, EXPERIMENT_PROTOCOL_RAW);
    assert_int_equal(x->streams[0].pace.law, PACE_MAXIMUM);
    assert_int_equal(x->streams[0].raw.size_count, 1);
    assert_int_equal(x->streams[0].raw.sizes[0], 64);
    assert_int_equal(x->streams[0].raw.counts[EXPERIMENT_RAW_DESTINATIONS], 100);
    assert_true(x->streams[0].target.typed);
    experiment_free(x);
    command = (struct command){
        .url = "raw://[fd00::1]:9", .rate = "1Gbit/s L1", .size = "82,594,1518", .timeout = "2s"};
    x = made(&command);
    assert_int_equal(x->streams[0].pace.unit, PACE_L1_BITS);
    assert_int_equal(x->streams[0].raw.size_count, 3);
    assert_int_equal(x->streams[0].raw.sizes[2], 1518);
    assert_int_equal(x->streams[0].timeout_ns, 2000000000);
    experiment_free(x);
    command.size = "82,,99";
    assert_true(command_experiment(&command, NULL, &x, &err) < 0);
    assert_non_null(strstr(err.text, "raw.sizes[1]"));
    command = (struct command){.url = "raw://10.0.0.1:9", .connections = "3"};
    err = (struct error){0};
    assert_true(command_experiment(&command, NULL, &x, &err) < 0);
    assert_non_null(strstr(err.text, "--connections does not fit raw://"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_ctraffic),
        cmocka_unit_test(laws_and_assignments),
        cmocka_unit_test(names_are_what_the_options_say),
        cmocka_unit_test(bad_mappings_are_refused),
        cmocka_unit_test(https_names_its_server),
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(targets_are_told_apart_by_name),
        cmocka_unit_test(targets_take_turns),
        cmocka_unit_test(many_targets_at_one_address),
        cmocka_unit_test(mistakes_in_targets_have_their_line),
        cmocka_unit_test(too_many_addresses_have_a_line),
        cmocka_unit_test(as_others),
        cmocka_unit_test(as_a_packet_generator),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
