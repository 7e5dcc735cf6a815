#include "tcp/tcp_cubic.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define MS UINT64_C(1000000)

enum {
    MSS = 1000,
    RTT_MS = 100
};

/* One window of data a round trip, for MILLISECONDS. */
static uint32_t run(struct tcp_cubic *cubic, uint64_t begin_ms, uint64_t end_ms, uint32_t cwnd,
                    uint64_t rtt_ms)
{
    for (uint64_t ms = begin_ms; ms < end_ms; ms += rtt_ms) {
        uint32_t window = cwnd;
        for (uint32_t acked = 0; acked < window; acked += MSS)
            cwnd = tcp_cubic_acked(cubic, ms * MS, rtt_ms * MS, cwnd, MSS, MSS);
    }
    return cwnd;
}

/* RFC 9438 4.2: the curve comes back to W_max at K and is symmetric to it. */
static void follows_the_curve(void **state)
{
    struct tcp_cubic cubic = {0};
    const double w_max = 1000; /* Segments. */

    (void)state;
    tcp_cubic_reduced(&cubic, 1000 * MSS);
    uint32_t cwnd = tcp_cubic_part(1000 * MSS);
    assert_int_equal(cwnd, 700 * MSS);
    const double k = cbrt((w_max - 700) / 0.4);
    uint64_t at_ms = 1000;
    for (unsigned s = 1; s <= 16; s++) {
        uint64_t end_ms = 1000 + 1000 * s;
        cwnd = run(&cubic, at_ms, end_ms, cwnd, RTT_MS);
        at_ms = end_ms;
        double expected = w_max + 0.4 * pow((double)s - k, 3);
        assert_true(fabs((double)cwnd / MSS - expected) < 0.01 * expected);
    }
    assert_true(llabs((long long)cubic.k_ns - (long long)(k * 1e9)) <= (long long)MS);
}

/* RFC 9438 4.3: where Reno is faster, at least as fast: alpha = 9/17, and 1 from cwnd_prior on. */
static void is_no_slower_than_reno(void **state)
{
    struct tcp_cubic cubic = {0};

    (void)state;
    tcp_cubic_reduced(&cubic, 20 * MSS);
    uint32_t cwnd = run(&cubic, 1000, 1010, 14 * MSS, 1);
    assert_in_range(cwnd, 19 * MSS, 20 * MSS); /* 10 round trips of 1 ms, 9/17 each. */
    cwnd = run(&cubic, 1010, 1030, cwnd, 1);
    assert_in_range(cwnd, 37 * MSS, 40 * MSS);
}

/* RFC 9438 4.7: a flow that lost again before it came back gives way. */
static void converges_fast(void **state)
{
    struct tcp_cubic cubic = {0};

    (void)state;
    tcp_cubic_reduced(&cubic, 100 * MSS);
    assert_int_equal(cubic.max_bytes, 100 * MSS);
    tcp_cubic_reduced(&cubic, 80 * MSS);
    assert_int_equal(cubic.max_bytes, 68 * MSS);
    assert_int_equal(cubic.prior_bytes, 80 * MSS);
    tcp_cubic_reduced(&cubic, 90 * MSS);
    assert_int_equal(cubic.max_bytes, 90 * MSS);
}

/* Half more than the window at most in a round trip, however long nothing came. */
static void never_leaps(void **state)
{
    struct tcp_cubic cubic = {0};

    (void)state;
    tcp_cubic_reduced(&cubic, 1000 * MSS);
    uint32_t cwnd = run(&cubic, 1000, 1100, 700 * MSS, RTT_MS);
    uint32_t later = run(&cubic, 100000000, 100000100, cwnd, RTT_MS);
    assert_in_range(later, cwnd, cwnd + cwnd);
    assert_int_equal(tcp_cubic_acked(&cubic, UINT64_MAX / 2, 0, 1 << 30, MSS, MSS),
                     (1 << 30) + MSS / 2);
}

/* After a time-out K is 0 and W_max the window at which avoidance begins. */
static void begins_anew_after_a_timeout(void **state)
{
    struct tcp_cubic cubic = {0};

    (void)state;
    tcp_cubic_reduced(&cubic, 1000 * MSS);
    tcp_cubic_timeout(&cubic);
    tcp_cubic_acked(&cubic, 1000 * MS, 100 * MS, 500 * MSS, MSS, MSS);
    assert_int_equal(cubic.k_ns, 0);
    assert_int_equal(cubic.max_bytes, 500 * MSS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follows_the_curve),
        cmocka_unit_test(is_no_slower_than_reno),
        cmocka_unit_test(converges_fast),
        cmocka_unit_test(never_leaps),
        cmocka_unit_test(begins_anew_after_a_timeout),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
