/* What an experiment says of TCP reaches the workers' stack; what it leaves out is the stack's own. */
#include "run/tcp_of.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct experiment *experiment(const char *tcp)
{
    struct experiment *made = NULL;
    struct error err = {0};
    char text[1000];
    snprintf(
        text, sizeof(text),
        "{\"version\":1,\"name\":\"e\",%s\"streams\":[{\"name\":\"s\",\"protocol\":\"connect\","
        "\"rate\":\"1/s\",\"target\":{\"address\":\"10.0.0.1\",\"port\":1}}],\"steps\":[{\"do\":"
        "\"start\"},{\"do\":\"stop\"}]}",
        tcp);
    if (experiment_parse("e.json", text, strlen(text), NULL, &made, &err) < 0)
        fail_msg("%s", err.text);
    return made;
}

static void assert_same(const struct worker_tcp *a, const struct worker_tcp *b)
{
    assert_int_equal(a->congestion, b->congestion);
    assert_int_equal(a->ecn, b->ecn);
    assert_int_equal(a->sack, b->sack);
    assert_int_equal(a->timestamps, b->timestamps);
    assert_int_equal(a->window_scale, b->window_scale);
    assert_int_equal(a->initial_window_segs, b->initial_window_segs);
    assert_int_equal(a->window_bytes, b->window_bytes);
    assert_int_equal(a->delayed_ack_ns, b->delayed_ack_ns);
    assert_int_equal(a->rto_initial_ns, b->rto_initial_ns);
    assert_int_equal(a->rto_min_ns, b->rto_min_ns);
    assert_int_equal(a->keep_alive_ns, b->keep_alive_ns);
    assert_int_equal(a->keep_alive_interval_ns, b->keep_alive_interval_ns);
    assert_int_equal(a->keep_alive_probes, b->keep_alive_probes);
}

static void nothing_said_is_the_default(void **state)
{
    struct experiment *x = experiment("");
    struct worker_config config = worker_config_default();
    struct worker_tcp made = tcp_of(&x->tcp);
    (void)state;
    assert_same(&made, &config.tcp);
    experiment_free(x);
}

static void all_of_it_arrives(void **state)
{
    static const struct worker_tcp wanted = {.congestion = TCP_RENO,
                                             .ecn = true,
                                             .initial_window_segs = 4,
                                             .window_bytes = 65535,
                                             .delayed_ack_ns = 40000000,
                                             .rto_initial_ns = 3000000000,
                                             .rto_min_ns = 1000000000,
                                             .keep_alive_ns = 10000000000,
                                             .keep_alive_interval_ns = 2000000000,
                                             .keep_alive_probes = 3};
    struct experiment *x = experiment(
        "\"tcp\":{\"congestion\":\"reno\",\"ecn\":true,\"sack\":false,\"timestamps\":false,"
        "\"windowScale\":false,\"window\":65535,\"initialWindow\":4,\"delayedAck\":\"40ms\","
        "\"rtoInitial\":\"3s\",\"rtoMin\":\"1s\",\"keepAlive\":{\"idle\":\"10s\",\"interval\":"
        "\"2s\","
        "\"probes\":3}},");
    struct worker_tcp made = tcp_of(&x->tcp);
    (void)state;
    assert_same(&made, &wanted);
    experiment_free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_said_is_the_default),
        cmocka_unit_test(all_of_it_arrives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
