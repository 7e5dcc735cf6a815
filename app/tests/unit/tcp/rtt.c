#include "tcp/tcp_rtt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define MS UINT64_C(1000000)

static const struct tcp_rtt_limits limits = {
    .initial_ns = 1000 * MS, .min_ns = 200 * MS, .max_ns = 60000 * MS, .granularity_ns = 1 * MS};

/* RFC 6298 2: computed by hand. */
static void follows_the_formula(void **state)
{
    static const struct {
        uint64_t sample_ms;
        uint64_t srtt_us, rttvar_us, rto_us;
    } rows[] = {
        {400, 400000, 200000, 1200000}, /* First: R, R/2, R + 4 R/2. */
        {400, 400000, 150000, 1000000},
        {800, 450000, 212500, 1300000},
        {100, 406250, 246875, 1393750},
    };
    struct tcp_rtt rtt;

    (void)state;
    tcp_rtt_init(&rtt, &limits);
    assert_int_equal(tcp_rtt_rto_ns(&rtt, &limits), 1000 * MS);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        tcp_rtt_sample(&rtt, &limits, rows[i].sample_ms * MS);
        assert_int_equal(rtt.srtt_ns, rows[i].srtt_us * 1000);
        assert_int_equal(rtt.rttvar_ns, rows[i].rttvar_us * 1000);
        assert_int_equal(tcp_rtt_rto_ns(&rtt, &limits), rows[i].rto_us * 1000);
    }
    assert_int_equal(rtt.max_ns, 800 * MS);
    assert_int_equal(rtt.last_ns, 100 * MS);
}

static void keeps_its_bounds(void **state)
{
    struct tcp_rtt rtt;

    (void)state;
    tcp_rtt_init(&rtt, &limits);
    tcp_rtt_sample(&rtt, &limits, 0);
    assert_int_equal(tcp_rtt_rto_ns(&rtt, &limits), 200 * MS);
    tcp_rtt_sample(&rtt, &limits, 3600000 * MS);
    assert_int_equal(tcp_rtt_rto_ns(&rtt, &limits), 60000 * MS);
}

/* A path without variation: G keeps the RTO above SRTT (RFC 6298 2.3). */
static void allows_for_granularity(void **state)
{
    struct tcp_rtt_limits fine = limits;
    struct tcp_rtt rtt;

    (void)state;
    fine.min_ns = 1;
    tcp_rtt_init(&rtt, &fine);
    for (int i = 0; i < 200; i++)
        tcp_rtt_sample(&rtt, &fine, 10 * MS);
    assert_int_equal(tcp_rtt_rto_ns(&rtt, &fine), 11 * MS);
}

static void backs_off_until_a_sample(void **state)
{
    struct tcp_rtt rtt;

    (void)state;
    tcp_rtt_init(&rtt, &limits);
    tcp_rtt_sample(&rtt, &limits, 10 * MS);
    for (uint64_t rto_ms = 400; rto_ms < 60000; rto_ms *= 2) {
        tcp_rtt_backoff(&rtt);
        assert_int_equal(tcp_rtt_rto_ns(&rtt, &limits), rto_ms * MS);
    }
    for (int i = 0; i < 100; i++)
        tcp_rtt_backoff(&rtt);
    assert_int_equal(tcp_rtt_rto_ns(&rtt, &limits), 60000 * MS);
    tcp_rtt_sample(&rtt, &limits, 10 * MS);
    assert_int_equal(tcp_rtt_rto_ns(&rtt, &limits), 200 * MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follows_the_formula),
        cmocka_unit_test(keeps_its_bounds),
        cmocka_unit_test(allows_for_granularity),
        cmocka_unit_test(backs_off_until_a_sample),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
