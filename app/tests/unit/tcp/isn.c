#include "tcp/tcp_isn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct hash_key key = {1, 2};
static const struct hash_key other_key = {1, 3};

static struct tuple tuple_of(uint16_t port)
{
    return (struct tuple){.local_port = port, .remote_port = 80, .protocol = 6};
}

static uint32_t isn_of(const struct hash_key *of, const struct tuple *tuple, uint64_t now_ns)
{
    return tcp_isn(tcp_isn_secret(of, tuple), now_ns);
}

static uint32_t offset_of(const struct tuple *tuple)
{
    return tcp_isn_timestamp_offset(tcp_isn_secret(&key, tuple));
}

/* RFC 6528 3: M is a timer of 4 us. */
static void counts_4_us(void **state)
{
    struct tuple tuple = tuple_of(1);
    uint32_t first = isn_of(&key, &tuple, 0);

    (void)state;
    assert_int_equal(isn_of(&key, &tuple, 3999), first);
    assert_int_equal(isn_of(&key, &tuple, 4000), first + 1);
    assert_int_equal(isn_of(&key, &tuple, 1000000000), first + 250000);
    /* 2^32 steps: 4.77 hours. */
    assert_int_equal(isn_of(&key, &tuple, (UINT64_C(1) << 32) * 4000), first);
}

static void differs_by_tuple_and_key(void **state)
{
    struct tuple a = tuple_of(1), b = tuple_of(2);

    (void)state;
    assert_int_not_equal(isn_of(&key, &a, 0), isn_of(&key, &b, 0));
    assert_int_not_equal(isn_of(&key, &a, 0), isn_of(&other_key, &a, 0));
    assert_int_not_equal(isn_of(&key, &a, 0), offset_of(&a));
    assert_int_not_equal(offset_of(&a), offset_of(&b));
}

/* Neighbouring ports must not have neighbouring numbers: each bit is set for about half of them. */
static void is_spread(void **state)
{
    unsigned set[32] = {0};

    (void)state;
    for (unsigned port = 0; port < 4096; port++) {
        struct tuple tuple = tuple_of((uint16_t)port);
        uint32_t isn = isn_of(&key, &tuple, 0);
        for (unsigned bit = 0; bit < 32; bit++)
            set[bit] += isn >> bit & 1;
    }
    for (unsigned bit = 0; bit < 32; bit++) { /* Five standard deviations: 32 each. */
        assert_true(set[bit] > 2048 - 160);
        assert_true(set[bit] < 2048 + 160);
    }
}

/* RFC 9293 3.6.1: an ISN that reopens a tuple lies beyond what it used before. */
static void lies_beyond_the_last_connection(void **state)
{
    static const struct {
        uint32_t isn, last, expected;
    } rows[] = {
        {100, 50, 100},          {100, 99, 100},
        {100, 100, 100 + 65536}, {100, 5000, 5000 + 65536},
        {5, UINT32_MAX - 5, 5},  {UINT32_MAX - 5, 5, 5 + 65536},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(tcp_isn_after(rows[i].isn, rows[i].last), rows[i].expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lies_beyond_the_last_connection),
        cmocka_unit_test(counts_4_us),
        cmocka_unit_test(differs_by_tuple_and_key),
        cmocka_unit_test(is_spread),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
