#include "net/icmp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "net/wire.h"

enum {
    V4_BYTES = 8 + 20 + 8,
    V6_BYTES = 8 + 40 + 8
};

static const struct address sender = {{0xfd, 5, [15] = 5}};

/* An error about 10.1.0.5:40000 -> 10.9.0.1:5003, sequence number 0x01020304. */
static void make_v4(uint8_t *icmp, uint8_t type, uint8_t code, uint8_t protocol)
{
    static const uint8_t quote[] = {
        0x45, 0, 5,  0xdc, 0, 0, 0x40, 0,    64,   0,    0, 0, 10, 1,
        0,    5, 10, 9,    0, 1, 0x9c, 0x40, 0x13, 0x8b, 1, 2, 3,  4,
    };
    memset(icmp, 0, 8);
    icmp[0] = type;
    icmp[1] = code;
    memcpy(icmp + 8, quote, sizeof(quote));
    icmp[8 + 9] = protocol;
}

/* The same about [fd00:1::5]:40000 -> [fd00:9::1]:5003. */
static void make_v6(uint8_t *icmp, uint8_t type, uint8_t code, uint8_t protocol)
{
    static const uint8_t quote[48] = {
        0x60,     [7] = 64, [8] = 0xfd,  [11] = 1,    [23] = 5,    [24] = 0xfd,
        [27] = 9, [39] = 1, [40] = 0x9c, [41] = 0x40, [42] = 0x13, [43] = 0x8b,
        [44] = 1, [45] = 2, [46] = 3,    [47] = 4,
    };
    memset(icmp, 0, 8);
    icmp[0] = type;
    icmp[1] = code;
    memcpy(icmp + 8, quote, sizeof(quote));
    icmp[8 + 6] = protocol;
}

static const struct {
    bool ipv6;
    uint8_t type;
    uint8_t code;
    enum icmp_verdict verdict;
    const char *kind;
} kinds[] = {
    {false, 0, 0, ICMP_IS_REPLY, NULL},
    {false, 0, 1, ICMP_IS_OTHER, NULL},
    {false, 3, 0, ICMP_IS_ERROR, "net-unreachable"},
    {false, 3, 1, ICMP_IS_ERROR, "host-unreachable"},
    {false, 3, 2, ICMP_IS_ERROR, "proto-unreachable"},
    {false, 3, 3, ICMP_IS_ERROR, "port-unreachable"},
    {false, 3, 4, ICMP_IS_ERROR, "too-big"},
    {false, 3, 9, ICMP_IS_ERROR, "prohibited"},
    {false, 3, 13, ICMP_IS_ERROR, "prohibited"},
    {false, 3, 15, ICMP_IS_ERROR, "prohibited"},
    {false, 3, 16, ICMP_IS_OTHER, NULL},
    {false, 4, 0, ICMP_IS_OTHER, NULL}, /* Source quench: RFC 6633. */
    {false, 5, 1, ICMP_IS_OTHER, NULL}, /* Redirect. */
    {false, 8, 0, ICMP_IS_ECHO, NULL},
    {false, 8, 1, ICMP_IS_OTHER, NULL},
    {false, 11, 0, ICMP_IS_ERROR, "time-exceeded"},
    {false, 12, 0, ICMP_IS_ERROR, "parameter-problem"},
    {false, 135, 0, ICMP_IS_OTHER, NULL},
    {false, 255, 0, ICMP_IS_OTHER, NULL},
    {true, 1, 0, ICMP_IS_ERROR, "net-unreachable"},
    {true, 1, 1, ICMP_IS_ERROR, "prohibited"},
    {true, 1, 3, ICMP_IS_ERROR, "host-unreachable"},
    {true, 1, 4, ICMP_IS_ERROR, "port-unreachable"},
    {true, 1, 8, ICMP_IS_OTHER, NULL},
    {true, 2, 0, ICMP_IS_ERROR, "too-big"},
    {true, 3, 0, ICMP_IS_ERROR, "time-exceeded"},
    {true, 4, 1, ICMP_IS_ERROR, "proto-unreachable"},
    {true, 4, 0, ICMP_IS_ERROR, "parameter-problem"},
    {true, 128, 0, ICMP_IS_ECHO, NULL},
    {true, 129, 0, ICMP_IS_REPLY, NULL},
    {true, 129, 1, ICMP_IS_OTHER, NULL},
    {true, 134, 0, ICMP_IS_OTHER, NULL}, /* Router advertisement. */
    {true, 135, 0, ICMP_IS_ND, NULL},
    {true, 136, 0, ICMP_IS_ND, NULL},
    {true, 137, 0, ICMP_IS_OTHER, NULL}, /* Redirect. */
};

static void test_kinds(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        uint8_t icmp[V6_BYTES];
        struct icmp_error error;
        (kinds[i].ipv6 ? make_v6 : make_v4)(icmp, kinds[i].type, kinds[i].code, WIRE_TCP);
        const uint32_t bytes = kinds[i].ipv6 ? V6_BYTES : V4_BYTES;
        const enum icmp_verdict verdict = icmp_parse(icmp, bytes, kinds[i].ipv6, &sender, &error);
        if (verdict != kinds[i].verdict)
            fail_msg("type %u code %u: verdict %d", kinds[i].type, kinds[i].code, (int)verdict);
        if (verdict == ICMP_IS_ERROR)
            assert_string_equal(icmp_kind_name(error.kind), kinds[i].kind);
    }
}

static void test_what_is_quoted(void **state)
{
    (void)state;
    for (int ipv6 = 0; ipv6 < 2; ipv6++) {
        uint8_t icmp[V6_BYTES];
        struct icmp_error error;
        char text[TUPLE_TEXT_BYTES];
        (ipv6 ? make_v6 : make_v4)(icmp, ipv6 ? 1 : 3, ipv6 ? 4 : 3, WIRE_TCP);
        const uint32_t bytes = ipv6 ? V6_BYTES : V4_BYTES;
        assert_int_equal(icmp_parse(icmp, bytes, ipv6, &sender, &error), ICMP_IS_ERROR);
        assert_string_equal(tuple_text(&error.quoted, text),
                            ipv6 ? "[fd00:1::5]:40000->[fd00:9::1]:5003"
                                 : "10.1.0.5:40000->10.9.0.1:5003");
        assert_int_equal(error.quoted.protocol, WIRE_TCP);
        assert_int_equal(error.quoted_seq, 0x01020304);
        assert_int_equal(error.quoted_bytes, 8);
        assert_ptr_equal(error.quoted_l4, icmp + bytes - 8);
        assert_true(address_equal(&error.sender, &sender));
    }
}

/* An echo request of ours: its identifier is our port. What is no request is none of ours. */
static void test_a_quoted_echo(void **state)
{
    (void)state;
    for (int ipv6 = 0; ipv6 < 2; ipv6++) {
        uint8_t icmp[V6_BYTES];
        struct icmp_error error;
        const uint32_t bytes = ipv6 ? V6_BYTES : V4_BYTES;
        const uint8_t protocol = ipv6 ? WIRE_ICMPV6 : WIRE_ICMP;
        (ipv6 ? make_v6 : make_v4)(icmp, ipv6 ? 1 : 3, 1, protocol);
        uint8_t *echo = icmp + bytes - 8;
        wire_put32(echo, (uint32_t)(ipv6 ? 128 : 8) << 24);
        wire_put16(echo + 4, 777);
        assert_int_equal(icmp_parse(icmp, bytes, ipv6, &sender, &error), ICMP_IS_ERROR);
        assert_int_equal(error.quoted.protocol, protocol);
        assert_int_equal(error.quoted.local_port, 777);
        assert_int_equal(error.quoted.remote_port, 0);
        assert_int_equal(error.quoted_seq, 0);
        echo[0] = ipv6 ? 129 : 0;
        assert_int_equal(icmp_parse(icmp, bytes, ipv6, &sender, &error), ICMP_BAD_QUOTE);
    }
}

static void test_the_mtu_is_read(void **state)
{
    (void)state;
    uint8_t icmp[V6_BYTES];
    struct icmp_error error;
    make_v4(icmp, 3, 4, WIRE_UDP);
    wire_put32(icmp + 4, 0xffff0000 + 1400); /* IPv4 has 16 bits for it. */
    assert_int_equal(icmp_parse(icmp, V4_BYTES, false, &sender, &error), ICMP_IS_ERROR);
    assert_int_equal(error.mtu_bytes, 1400);
    assert_int_equal(error.quoted_seq, 0);
    make_v6(icmp, 2, 0, WIRE_UDP);
    wire_put32(icmp + 4, 70000);
    assert_int_equal(icmp_parse(icmp, V6_BYTES, true, &sender, &error), ICMP_IS_ERROR);
    assert_int_equal(error.mtu_bytes, 70000);
}

static void test_every_shorter_quote_is_bad(void **state)
{
    (void)state;
    for (int ipv6 = 0; ipv6 < 2; ipv6++) {
        const uint32_t whole = ipv6 ? V6_BYTES : V4_BYTES;
        uint8_t icmp[V6_BYTES];
        struct icmp_error error;
        (ipv6 ? make_v6 : make_v4)(icmp, ipv6 ? 1 : 3, 0, WIRE_TCP);
        for (uint32_t bytes = ICMP_HEADER_BYTES; bytes < whole; bytes++)
            assert_int_equal(icmp_parse(icmp, bytes, ipv6, &sender, &error), ICMP_BAD_QUOTE);
    }
}

/* One byte of the quote changed: AT counts from the quote's first. */
static void test_bad_quotes(void **state)
{
    (void)state;
    static const struct {
        bool ipv6;
        uint8_t at;
        uint8_t value;
        const char *what;
    } rows[] = {
        {false, 0, 0x65, "version 6 in ICMP"},
        {false, 0, 0x44, "header of 16 bytes"},
        {false, 0, 0x46, "header beyond the end"},
        {false, 7, 1, "a later fragment"},
        {false, 9, 1, "ICMP, no echo request, quoted"},
        {false, 9, 58, "ICMPv6 quoted in ICMP"},
        {false, 9, 47, "GRE quoted"},
        {true, 0, 0x40, "version 4 in ICMPv6"},
        {true, 6, 58, "ICMPv6, no echo request, quoted"},
        {true, 6, 1, "ICMP quoted in ICMPv6"},
        {true, 6, 44, "a fragment"},
        {true, 6, 60, "options beyond the end"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t icmp[V6_BYTES];
        struct icmp_error error;
        (rows[i].ipv6 ? make_v6 : make_v4)(icmp, rows[i].ipv6 ? 1 : 3, 0, WIRE_TCP);
        icmp[8 + rows[i].at] = rows[i].value;
        const uint32_t bytes = rows[i].ipv6 ? V6_BYTES : V4_BYTES;
        if (icmp_parse(icmp, bytes, rows[i].ipv6, &sender, &error) != ICMP_BAD_QUOTE)
            fail_msg("%s was believed", rows[i].what);
    }
}

static void test_a_mapped_address_in_a_quote_is_bad(void **state)
{
    (void)state;
    static const uint8_t mapped[16] = {[10] = 0xff, [11] = 0xff, [12] = 10, [13] = 9, [15] = 1};
    uint8_t icmp[V6_BYTES];
    struct icmp_error error;
    make_v6(icmp, 2, 0, WIRE_TCP);
    memcpy(icmp + 8 + 24, mapped, sizeof(mapped));
    assert_int_equal(icmp_parse(icmp, V6_BYTES, true, &sender, &error), ICMP_BAD_QUOTE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_what_is_quoted),
        cmocka_unit_test(test_a_quoted_echo),
        cmocka_unit_test(test_the_mtu_is_read),
        cmocka_unit_test(test_every_shorter_quote_is_bad),
        cmocka_unit_test(test_bad_quotes),
        cmocka_unit_test(test_a_mapped_address_in_a_quote_is_bad),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
