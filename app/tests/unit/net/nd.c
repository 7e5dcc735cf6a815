#include "net/nd.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "net/checksum.h"

static struct address address(const char *text)
{
    struct address parsed;
    assert_int_equal(address_parse(text, &parsed, NULL), 0);
    return parsed;
}

/* RFC 4861 7.1: what must be discarded, and what not. BYTES is what of the message there is; a
 * patch changes one byte of it. */
static const struct {
    const char *what;
    const char *from;
    const char *to; /* NULL: the solicited-node group. */
    uint8_t type;
    uint8_t flags;
    uint8_t bytes;
    uint8_t hop_limit;
    uint8_t patch_at;
    uint8_t patch;
    bool taken;
} rows[] = {
    {"a solicitation", "fe80::9", NULL, 135, 0, 32, 255, 0, 135, true},
    {"one without option", "fe80::9", NULL, 135, 0, 24, 255, 0, 135, true},
    {"from beyond the link", "fe80::9", NULL, 135, 0, 32, 254, 0, 135, false},
    {"code 1", "fe80::9", NULL, 135, 0, 32, 255, 1, 1, false},
    {"cut in the target", "fe80::9", NULL, 135, 0, 23, 255, 0, 135, false},
    {"cut in the option", "fe80::9", NULL, 135, 0, 31, 255, 0, 135, false},
    {"one byte of an option", "fe80::9", NULL, 135, 0, 25, 255, 0, 135, false},
    {"an option of length 0", "fe80::9", NULL, 135, 0, 32, 255, 25, 0, false},
    {"an option beyond the end", "fe80::9", NULL, 135, 0, 32, 255, 25, 2, false},
    {"an unknown option", "fe80::9", NULL, 135, 0, 32, 255, 24, 14, true},
    {"a group as target", "fe80::9", NULL, 135, 0, 32, 255, 8, 0xff, false},
    {"a group's MAC", "fe80::9", NULL, 135, 0, 32, 255, 26, 3, false},
    {"duplicate detection", "::", NULL, 135, 0, 24, 255, 0, 135, true},
    {"duplicate detection with a MAC", "::", NULL, 135, 0, 32, 255, 0, 135, false},
    {"duplicate detection by unicast", "::", "fd00::7", 135, 0, 24, 255, 0, 135, false},
    {"an advertisement", "fd00::7", "fd00::1", 136, 0x60, 32, 255, 0, 136, true},
    {"one to all nodes", "fd00::7", "ff02::1", 136, 0x20, 32, 255, 0, 136, true},
    {"a solicited one to all nodes", "fd00::7", "ff02::1", 136, 0x60, 32, 255, 0, 136, false},
    {"an advertisement from ::", "::", "ff02::1", 136, 0x20, 32, 255, 0, 136, false},
};

static void test_what_is_taken(void **state)
{
    (void)state;
    const struct address target = address("fd00::7");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t icmp[ND_BYTES] = {rows[i].type, [4] = rows[i].flags};
        struct nd nd;
        const struct address from = address(rows[i].from);
        const struct address to =
            rows[i].to != NULL ? address(rows[i].to) : nd_solicited_node(&target);
        memcpy(icmp + 8, target.bytes, 16);
        icmp[24] = rows[i].type == 135 ? 1 : 2;
        icmp[25] = 1;
        icmp[26] = 2;
        icmp[31] = 9;
        icmp[rows[i].patch_at] = rows[i].patch;
        if (nd_parse(icmp, rows[i].bytes, rows[i].hop_limit, &from, &to, &nd) != rows[i].taken)
            fail_msg("%s: expected to be %s", rows[i].what, rows[i].taken ? "taken" : "discarded");
    }
}

static void test_built_ones_are_parsed_again(void **state)
{
    (void)state;
    const struct address from = address("fd00::7");
    const struct address to = address("fd00::1");
    for (unsigned flags = 0; flags < 8; flags++) {
        uint8_t icmp[ND_BYTES];
        struct nd found;
        const struct nd nd = {
            .solicitation = (flags & 1) != 0,
            .solicited = (flags & 3) == 2,
            .override = (flags & 5) == 4,
            .has_mac = true,
            .mac = {2, 0, 0, 0, 0, 9},
            .target = from,
        };
        nd_build(icmp, &nd, &from, &to);
        const uint64_t sum = checksum_pseudo(&from, &to, 58, ND_BYTES);
        assert_int_equal(checksum_finish(checksum_add(sum, icmp, ND_BYTES)), 0);
        assert_true(nd_parse(icmp, ND_BYTES, ND_HOP_LIMIT, &from, &to, &found));
        assert_memory_equal(&found, &nd, sizeof(nd));
    }
}

static void test_groups(void **state)
{
    (void)state;
    const struct address asked = address("4037::01:800:200e:8c6c"); /* RFC 4291 2.7.1. */
    const struct address expected = address("ff02::1:ff0e:8c6c");
    const struct address group = nd_solicited_node(&asked);
    static const uint8_t expected_mac[6] = {0x33, 0x33, 0xff, 0x0e, 0x8c, 0x6c};
    uint8_t mac[6];
    assert_true(address_equal(&group, &expected));
    nd_group_mac(&group, mac);
    assert_memory_equal(mac, expected_mac, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_taken),
        cmocka_unit_test(test_built_ones_are_parsed_again),
        cmocka_unit_test(test_groups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
