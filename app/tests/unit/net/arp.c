#include "net/arp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* "Who has 10.1.0.5? Tell 10.1.0.254", as it is on the wire. */
static const uint8_t request[ARP_BYTES] = {
    0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 9, 10, 1, 0, 254, 0, 0, 0, 0, 0, 0, 10, 1, 0, 5,
};

static void test_parse(void **state)
{
    (void)state;
    struct arp arp;
    assert_true(arp_parse(request, sizeof(request), &arp));
    assert_true(arp.request);
    assert_memory_equal(arp.sender_mac, request + 8, 6);
    const struct address sender = address_from_v4(request + 14);
    const struct address target = address_from_v4(request + 24);
    assert_true(address_equal(&arp.sender, &sender));
    assert_true(address_equal(&arp.target, &target));
}

static void test_every_shorter_one_is_malformed(void **state)
{
    (void)state;
    struct arp arp;
    for (uint32_t size = 0; size < ARP_BYTES; size++)
        assert_false(arp_parse(request, size, &arp));
}

static void test_malformed(void **state)
{
    (void)state;
    static const struct {
        uint8_t offset;
        uint8_t value;
        const char *what;
    } rows[] = {
        {1, 6, "hardware type"},         {2, 0x86, "protocol type"},
        {4, 8, "hardware size"},         {5, 16, "protocol size"},
        {7, 0, "operation 0"},           {7, 3, "operation 3 (RARP)"},
        {8, 3, "sender MAC of a group"}, {14, 224, "sender of a group"},
        {14, 127, "loopback sender"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t bytes[ARP_BYTES];
        struct arp arp;
        memcpy(bytes, request, sizeof(bytes));
        bytes[rows[i].offset] = rows[i].value;
        if (arp_parse(bytes, sizeof(bytes), &arp))
            fail_msg("%s was taken", rows[i].what);
    }
    uint8_t zero_mac[ARP_BYTES];
    struct arp arp;
    memcpy(zero_mac, request, sizeof(zero_mac));
    memset(zero_mac + 8, 0, 6);
    assert_false(arp_parse(zero_mac, sizeof(zero_mac), &arp));
}

static void test_build(void **state)
{
    (void)state;
    uint8_t bytes[ARP_BYTES];
    struct arp arp = {
        .request = true,
        .sender_mac = {2, 0, 0, 0, 0, 9},
        .sender = address_from_v4((const uint8_t[]){10, 1, 0, 254}),
        .target = address_from_v4((const uint8_t[]){10, 1, 0, 5}),
    };
    arp_build(bytes, &arp, NULL);
    assert_memory_equal(bytes, request, ARP_BYTES);
    static const uint8_t to[6] = {2, 0, 0, 0, 0, 1};
    arp.request = false;
    arp_build(bytes, &arp, to);
    assert_int_equal(bytes[7], 2);
    assert_memory_equal(bytes + 18, to, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_every_shorter_one_is_malformed),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_build),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
