/* What TCP dropped and met, in words. */
#include "run/tcp_account.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void workers_are_added_up(void **state)
{
    struct tcp_counters one = {.opened = 7, .segments_in = 99, .icmp_sequence = 2};
    struct tcp_counters two = {.syn_cookies_sent = 40, .icmp_sequence = 1};
    const struct tcp_counters *counters[] = {&one, &two};
    struct text lines = {0};

    (void)state;
    one.verdicts[TCP_TAKEN] = 50;
    one.verdicts[TCP_DROP_SHORT] = 1;
    two.verdicts[TCP_DROP_PAWS] = 3;
    one.verdicts[TCP_DROP_EVENTS_FULL] = 4;
    two.verdicts[TCP_DROP_EVENTS_FULL] = 5;
    tcp_account(counters, 2, &lines);
    assert_string_equal(
        text_str(&lines),
        "TCP dropped 1: shorter than a TCP header\n"
        "TCP dropped 3: a timestamp older than the last (RFC 7323 PAWS); answered by an ACK\n"
        "TCP dropped 9: the event array was not drained in time: the peer will send it again\n"
        "TCP counted 40: SYNs answered by a cookie: every half-open record was in use\n"
        "TCP counted 3: ICMP errors that quote no byte in flight (RFC 5927)\n");
    text_free(&lines);
}

static void a_plain_run_has_no_line(void **state)
{
    struct tcp_counters counters = {.opened = 5, .established = 5, .bytes_in = 1};
    const struct tcp_counters *all[] = {&counters};
    struct text lines = {0};

    (void)state;
    counters.verdicts[TCP_TAKEN] = 20;
    tcp_account(all, 1, &lines);
    assert_int_equal(lines.size, 0);
    text_free(&lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(workers_are_added_up),
        cmocka_unit_test(a_plain_run_has_no_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
