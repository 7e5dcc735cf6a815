#include "net/header.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const uint8_t to_mac[6] = {2, 0, 0, 0, 0, 9};
static const uint8_t from_mac[6] = {2, 0, 0, 0, 0, 1};

static void test_ethernet(void **state)
{
    (void)state;
    static const uint8_t plain[] = {2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 1, 8, 0};
    static const uint8_t tagged[] = {2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 1, 0x81, 0, 0xf, 0xa0, 8, 0};
    uint8_t out[32];
    assert_int_equal(header_ethernet(out, to_mac, from_mac, 0, WIRE_TYPE_IPV4), sizeof(plain));
    assert_memory_equal(out, plain, sizeof(plain));
    assert_int_equal(header_ethernet(out, to_mac, from_mac, 4000, WIRE_TYPE_IPV4), sizeof(tagged));
    assert_memory_equal(out, tagged, sizeof(tagged));
}

static void test_ipv4(void **state)
{
    (void)state;
    /* Checksum by hand: 4500+0030+0000+4000+4006+0a01+0005+0a09+0001 = d946, inverted 26b9. */
    static const uint8_t expected[] = {0x45, 0,    0,  48, 0, 0, 0x40, 0, 64, 6,
                                       0x26, 0xb9, 10, 1,  0, 5, 10,   9, 0,  1};
    const struct header_ip ip = {
        .source = address_from_v4((const uint8_t[]){10, 1, 0, 5}),
        .destination = address_from_v4((const uint8_t[]){10, 9, 0, 1}),
        .hop_limit = 64,
        .protocol = WIRE_TCP,
    };
    uint8_t out[64];
    assert_int_equal(header_ip(out, &ip, 28, false), 20);
    assert_memory_equal(out, expected, sizeof(expected));
    header_ip(out, &ip, 28, true);
    assert_int_equal(wire_get16(out + 10), 0);
}

static void test_ipv6(void **state)
{
    (void)state;
    static const uint8_t expected[40] = {
        0x60 | 0xb, 0x80 | 0x1, 0x23, 0x45,     0,           28,       17,
        64,         0xfd,       1,    [23] = 5, [24] = 0xfd, [25] = 9, [39] = 1};
    const struct header_ip ip = {
        .source = address_from_v6(expected + 8),
        .destination = address_from_v6(expected + 24),
        .flow_label = 0xfff12345, /* 20 bits of it count. */
        .tos = 0xb8,
        .hop_limit = 64,
        .protocol = WIRE_UDP,
    };
    uint8_t out[64];
    assert_int_equal(header_ip(out, &ip, 28, false), 40);
    assert_memory_equal(out, expected, sizeof(expected));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ethernet),
        cmocka_unit_test(test_ipv4),
        cmocka_unit_test(test_ipv6),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
