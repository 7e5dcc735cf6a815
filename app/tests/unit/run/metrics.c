/* A client of the served metrics, in the same thread: it asks, and the server has its turns. */
#include "run/metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static const struct meta meta = {.version = "9.9", .started = "2026-11-21T09:53:17Z"};

static struct live *make_live(void)
{
    static struct live live;
    memset(&live, 0, sizeof(live));
    live.name = "ma\"in";
    live.meta = &meta;
    live.stream_count = 1;
    live.worker_count = 1;
    live.streams[0].name = "held";
    live.streams[0].window = (struct live_window){.open = true, .count = 3};
    live.now.now_ns = 14200000000;
    live.now.phase = LIVE_CHANGE;
    live.now.streams[0] = (struct fleet_counts){.due = 1,
                                                .sent = 2,
                                                .received = 3,
                                                .lost = 4,
                                                .unsent = 5,
                                                .broken = 6,
                                                .failed_connects = 7,
                                                .up = 8,
                                                .connecting = 9};
    live.now.pods = (struct live_pods){true, 5, 4, 3, 2};
    live.now.workers[0] = (struct live_worker_counts){.stalls = 2, .longest_ns = 350000};
    live.loads[0] = 0.25;
    return &live;
}

/* REQUEST is a line and heads; the connection is to be closed after the answer. */
static void ask(struct metrics *metrics, const char *request, struct text *out)
{
    const char *colon = strchr(metrics->where + strlen("http://"), ':');
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)atoi(colon + 1)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char bytes[4096];
    ssize_t got = 1;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (const void *)&to, sizeof(to)), 0);
    assert_int_equal(send(fd, request, strlen(request), 0), strlen(request));
    text_clear(out);
    while (got != 0) {
        struct pollfd wanted = {.fd = fd, .events = POLLIN};
        metrics_turn(metrics);
        if (poll(&wanted, 1, 10) != 1)
            continue;
        got = read(fd, bytes, sizeof(bytes));
        assert_true(got >= 0);
        text_add_bytes(out, bytes, (size_t)got);
    }
    close(fd);
}

#define END "Host: x\r\nConnection: close\r\n\r\n"

static void serves_what_is_now(void **state)
{
    static const char *const wanted[] = {
        "HTTP/1.1 200 ",
        "Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n",
        "\nseamline_run_info{experiment=\"ma\\\"in\",started=\"2026-11-21T09:53:17Z\",version=\"9."
        "9\"} 1\n",
        "\n# TYPE seamline_phase stateset\n",
        "\nseamline_phase{seamline_phase=\"change\"} 1\n",
        "\nseamline_phase{seamline_phase=\"setup\"} 0\n",
        "\nseamline_run_seconds 14.200\n",
        "\nseamline_requests_due_total{stream=\"held\"} 1\n",
        "\nseamline_requests_sent_total{stream=\"held\"} 2\n",
        "\nseamline_answers_total{stream=\"held\"} 3\n",
        "\nseamline_requests_lost_total{stream=\"held\"} 4\n",
        "\nseamline_requests_unsent_total{stream=\"held\"} 5\n",
        "\nseamline_connections_broken_total{stream=\"held\"} 6\n",
        "\nseamline_failed_connects_total{stream=\"held\"} 7\n",
        "\nseamline_connections_up{stream=\"held\"} 8\n",
        "\nseamline_connections_connecting{stream=\"held\"} 9\n",
        "\nseamline_loss_windows_total{stream=\"held\"} 3\n",
        "\nseamline_loss_window_open{stream=\"held\"} 1\n",
        "\nseamline_pods_ready{template=\"new\"} 2\n",
        "\nseamline_worker_load_ratio{worker=\"0\"} 0.250\n",
        "\nseamline_worker_stalls_total{worker=\"0\"} 2\n",
        "\nseamline_worker_longest_gap_seconds{worker=\"0\"} 0.000350000\n",
    };
    struct live *live = make_live();
    struct metrics metrics;
    struct text got = {0};
    (void)state;
    assert_int_equal(metrics_open(&metrics, "0", live, NULL), 0);
    assert_memory_equal(metrics.where, "http://127.0.0.1:", 17);
    ask(&metrics, "GET /metrics HTTP/1.1\r\n" END, &got);
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
        if (strstr(text_str(&got), wanted[i]) == NULL)
            fail_msg("no %s in %s", wanted[i], text_str(&got));
    assert_string_equal(text_str(&got) + got.size - 6, "# EOF\n");
    live->now.streams[0].due = 100;
    ask(&metrics, "GET /metrics HTTP/1.1\r\n" END, &got);
    assert_non_null(strstr(text_str(&got), "\nseamline_requests_due_total{stream=\"held\"} 100\n"));
    metrics_close(&metrics);
    text_free(&got);
}

static void refuses_what_it_does_not_have(void **state)
{
    static const struct {
        const char *request, *answer;
    } rows[] = {{"GET / HTTP/1.1\r\n" END, "HTTP/1.1 404 "},
                {"POST /metrics HTTP/1.1\r\nContent-Length: 3\r\n" END "abc", "HTTP/1.1 405 "},
                {"HEAD /metrics HTTP/1.1\r\n" END, "HTTP/1.1 200 "}};
    struct metrics metrics;
    struct text got = {0};
    (void)state;
    assert_int_equal(metrics_open(&metrics, "127.0.0.1:0", make_live(), NULL), 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ask(&metrics, rows[i].request, &got);
        assert_memory_equal(text_str(&got), rows[i].answer, strlen(rows[i].answer));
        assert_null(strstr(text_str(&got), "seamline_phase"));
    }
    metrics_close(&metrics);
    text_free(&got);
}

static void where_it_is_served(void **state)
{
    static const char *const wrong[] = {"",         "x",     ":1",    "65536",      "-1",
                                        "1 ",       "a:1",   "::1:1", "[]:1",       "[1.2.3.4]:1",
                                        "1.2.3.4:", "[::1]", "[::1",  "localhost:1"};
    struct metrics metrics, other;
    struct error err;
    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        err = (struct error){0};
        assert_int_equal(metrics_open(&metrics, wrong[i], make_live(), &err), -EINVAL);
        assert_non_null(strstr(err.text, "want PORT, ADDRESS:PORT or [ADDRESS]:PORT"));
        assert_int_equal(err.status, EXIT_USAGE);
    }
    assert_int_equal(metrics_open(&metrics, "0", make_live(), &err), 0);
    err = (struct error){0};
    const char *port = strrchr(metrics.where, ':') + 1;
    char taken[8];
    snprintf(taken, sizeof(taken), "%.*s", (int)strcspn(port, "/"), port);
    assert_true(metrics_open(&other, taken, make_live(), &err) < 0);
    assert_non_null(strstr(err.text, "is another program there?"));
    metrics_close(&metrics);
    assert_int_equal(metrics_open(&metrics, NULL, make_live(), NULL), 0);
    metrics_turn(&metrics); /* Nothing is asked for, and nothing there. */
    metrics_close(&metrics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(serves_what_is_now),
        cmocka_unit_test(refuses_what_it_does_not_have),
        cmocka_unit_test(where_it_is_served),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
