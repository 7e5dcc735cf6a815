#include "tcp/tcp_cookie.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/random.h"

#define MINUTE UINT64_C(60000000000)

static const struct hash_key key = {1, 2};
static const struct hash_key other_key = {1, 3};
static const struct tuple tuple = {.local_port = 80, .remote_port = 40000, .protocol = 6};

static void comes_back_with_the_next_lower_mss(void **state)
{
    static const struct {
        uint16_t offered, kept;
    } rows[] = {{48, 48},     {535, 48},    {536, 536},   {1220, 1220}, {1380, 1340},
                {1459, 1440}, {1460, 1460}, {8939, 1460}, {8940, 8940}, {65535, 8940}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint32_t cookie = tcp_cookie_make(&key, &tuple, 7, rows[i].offered, MINUTE);
        uint16_t mss = 0;
        assert_true(tcp_cookie_check(&key, &tuple, 7, cookie, MINUTE, &mss));
        assert_int_equal(mss, rows[i].kept);
    }
}

static void is_good_in_its_minute_and_the_next(void **state)
{
    static const struct {
        uint64_t made_ns, back_ns;
        bool good;
    } rows[] = {
        {0, 0, true},
        {0, 2 * MINUTE - 1, true},
        {0, 2 * MINUTE, false},
        {0, 3 * MINUTE, false},
        {MINUTE - 1, 2 * MINUTE - 1, true},
        {MINUTE - 1, 2 * MINUTE, false},
        {5 * MINUTE, 7 * MINUTE - 1, true},
        {5 * MINUTE, 7 * MINUTE, false},
        {MINUTE, 0, false}, /* From the future. */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint32_t cookie = tcp_cookie_make(&key, &tuple, 7, 1460, rows[i].made_ns);
        uint16_t mss;
        assert_int_equal(tcp_cookie_check(&key, &tuple, 7, cookie, rows[i].back_ns, &mss),
                         rows[i].good);
    }
}

static void is_for_one_peer_and_one_syn(void **state)
{
    uint32_t cookie = tcp_cookie_make(&key, &tuple, 7, 1460, 0);
    struct tuple other = tuple;
    uint16_t mss;

    (void)state;
    other.remote_port++;
    assert_false(tcp_cookie_check(&key, &other, 7, cookie, 0, &mss));
    assert_false(tcp_cookie_check(&key, &tuple, 8, cookie, 0, &mss));
    assert_false(tcp_cookie_check(&other_key, &tuple, 7, cookie, 0, &mss));
    for (unsigned bit = 0; bit < 32; bit++)
        assert_false(tcp_cookie_check(&key, &tuple, 7, cookie ^ UINT32_C(1) << bit, 0, &mss));
}

static void keeps_options_in_a_timestamp(void **state)
{
    struct random random;

    (void)state;
    random_seed(&random, 5);
    for (unsigned i = 0; i < 10000; i++) {
        uint32_t clock = (uint32_t)random_next(&random);
        struct tcp_header syn = {.window_scale = (uint8_t)random_below(&random, 15),
                                 .has_window_scale = random_below(&random, 4) != 0,
                                 .sack_permitted = random_below(&random, 2) != 0};
        struct tcp_header back = {.window_scale = 99};
        uint32_t stamp = tcp_cookie_timestamp(clock, &syn);

        assert_in_range(clock - stamp, 0, 63);
        tcp_cookie_options(stamp, &back);
        assert_int_equal(back.has_window_scale, syn.has_window_scale);
        assert_int_equal(back.window_scale, syn.has_window_scale ? syn.window_scale : 0);
        assert_int_equal(back.sack_permitted, syn.sack_permitted);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back_with_the_next_lower_mss),
        cmocka_unit_test(is_good_in_its_minute_and_the_next),
        cmocka_unit_test(is_for_one_peer_and_one_syn),
        cmocka_unit_test(keeps_options_in_a_timestamp),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
