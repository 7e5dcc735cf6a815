#include "net/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net/checksum.h"
#include "net/header.h"

static const uint8_t mac[6] = {2, 0, 0, 0, 0, 1};
static const uint8_t peer_mac[6] = {2, 0, 0, 0, 0, 9};

static struct address address(const char *text)
{
    struct address parsed;
    assert_int_equal(address_parse(text, &parsed, NULL), 0);
    return parsed;
}

static struct own own;

static int make_own(void **state)
{
    (void)state;
    struct prefix prefix;
    assert_int_equal(prefix_parse("10.1.0.0/24", &prefix, NULL), 0);
    own_add(&own, &prefix);
    assert_int_equal(prefix_parse("fd00:1::/64", &prefix, NULL), 0);
    own_add(&own, &prefix);
    return 0;
}

/* A frame under construction. */
struct made {
    uint8_t bytes[512];
    uint32_t l3;   /* Offset of the IP header. */
    uint32_t l4;   /* Offset behind it. */
    uint32_t size; /* Of the frame. */
};

enum what {
    TCP4,
    TCP6,
    UDP4,
    UDP6,
    PING4,
    PING6
};
static const uint8_t protocols[] = {WIRE_TCP, WIRE_TCP, WIRE_UDP, WIRE_UDP, WIRE_ICMP, WIRE_ICMPV6};
static const uint8_t checksum_at[] = {16, 16, 6, 6, 2, 2};

static bool is_v6(enum what what)
{
    return what % 2 == 1;
}

/* Set the L4 checksum of what is from made->l4 on. */
static void finish(struct made *made, enum what what, const char *from, const char *to)
{
    const struct address source = address(from);
    const struct address destination = address(to);
    uint8_t *l4 = made->bytes + made->l4;
    const uint32_t bytes = made->size - made->l4;
    uint64_t sum = 0;
    wire_put16(l4 + checksum_at[what], 0);
    if (what != PING4)
        sum = checksum_pseudo(&source, &destination, protocols[what], bytes);
    wire_put16(l4 + checksum_at[what], checksum_finish(checksum_add(sum, l4, bytes)));
}

/* A right frame with PAYLOAD bytes behind its L4 header. */
static struct made make_from_to(enum what what, uint16_t vlan_id, uint16_t payload,
                                const char *from, const char *to)
{
    static const uint16_t header_bytes[] = {20, 20, 8, 8, 8, 8};
    struct made made = {0};
    const uint16_t l4_bytes = (uint16_t)(header_bytes[what] + payload);
    const struct header_ip ip = {
        .source = address(from),
        .destination = address(to),
        .tos = 2,
        .hop_limit = 61,
        .protocol = protocols[what],
    };
    made.l3 = header_ethernet(made.bytes, mac, peer_mac, vlan_id,
                              is_v6(what) ? WIRE_TYPE_IPV6 : WIRE_TYPE_IPV4);
    made.l4 = made.l3 + header_ip(made.bytes + made.l3, &ip, l4_bytes, false);
    made.size = made.l4 + l4_bytes;
    uint8_t *l4 = made.bytes + made.l4;
    if (what <= UDP6) {
        wire_put16(l4, 5003);
        wire_put16(l4 + 2, 40000);
    }
    if (what <= TCP6)
        l4[12] = 0x50;
    else if (what <= UDP6)
        wire_put16(l4 + 4, l4_bytes);
    else
        l4[0] = what == PING4 ? 8 : 128;
    for (uint16_t i = 0; i < payload; i++)
        l4[header_bytes[what] + i] = (uint8_t)(i * 13 + 1);
    finish(&made, what, from, to);
    return made;
}

static struct made make(enum what what, uint16_t vlan_id, uint16_t payload)
{
    return make_from_to(what, vlan_id, payload, is_v6(what) ? "fd00:9::1" : "10.9.0.1",
                        is_v6(what) ? "fd00:1::5" : "10.1.0.5");
}

/* In a copy of exactly SIZE bytes, so that a sanitizer sees a read beyond. */
static struct frame parse_with(const uint8_t *bytes, uint32_t size, uint16_t vlan_id,
                               struct frame_checked checked)
{
    struct frame_rules rules = {.own = &own, .vlan_id = vlan_id};
    struct frame frame;
    uint8_t *copy = malloc(size + (size == 0));
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    memcpy(rules.mac, mac, sizeof(rules.mac));
    frame_parse(copy, size, &rules, checked, &frame);
    free(copy);
    return frame;
}

static struct frame parse(const struct made *made, uint16_t vlan_id)
{
    return parse_with(made->bytes, made->size, vlan_id, (struct frame_checked){false, false});
}

static void expect(const struct made *made, uint16_t vlan_id, const char *what, const char *drop)
{
    const struct frame frame = parse(made, vlan_id);
    const char *found = frame.kind == FRAME_DROP ? net_drop_name(frame.drop) : "taken";
    if (strcmp(found, drop) != 0)
        fail_msg("%s: %s, expected %s", what, found, drop);
}

static void fix_ip(struct made *made)
{
    uint8_t *ip = made->bytes + made->l3;
    const uint32_t header_bytes = (ip[0] & 15u) * 4;
    wire_put16(ip + 10, 0);
    wire_put16(ip + 10, checksum_finish(checksum_add(0, ip, header_bytes)));
}

static void test_right_frames(void **state)
{
    (void)state;
    static const enum frame_kind kinds[] = {FRAME_TCP, FRAME_TCP,  FRAME_UDP,
                                            FRAME_UDP, FRAME_ICMP, FRAME_ICMP};
    for (enum what what = TCP4; what <= PING6; what++) {
        for (uint16_t vlan_id = 0; vlan_id < 200; vlan_id = (uint16_t)(vlan_id + 100)) {
            for (uint16_t payload = 0; payload < 70; payload++) {
                const struct made made = make(what, vlan_id, payload);
                const struct frame frame = parse(&made, vlan_id);
                const struct address from = address(is_v6(what) ? "fd00:9::1" : "10.9.0.1");
                const struct address to = address(is_v6(what) ? "fd00:1::5" : "10.1.0.5");
                assert_int_equal(frame.kind, kinds[what]);
                assert_int_equal(frame.l4_bytes, made.size - made.l4);
                assert_true(address_equal(&frame.source, &from));
                assert_true(address_equal(&frame.destination, &to));
                assert_int_equal(frame.hop_limit, 61);
                assert_int_equal(frame.tos, 2);
                assert_int_equal(frame.ipv6, is_v6(what));
            }
        }
    }
}

/* Whatever is cut off, it is noticed; what Ethernet pads is not taken for payload. */
static void test_every_truncation(void **state)
{
    (void)state;
    for (enum what what = TCP4; what <= PING6; what++) {
        struct made made = make(what, 0, 30);
        const uint32_t whole = made.size;
        for (made.size = 0; made.size < whole; made.size++)
            assert_int_equal(parse(&made, 0).kind, FRAME_DROP);
        made.size = whole + 18;
        const struct frame frame = parse(&made, 0);
        assert_int_not_equal(frame.kind, FRAME_DROP);
        assert_int_equal(frame.l4_bytes, whole - made.l4);
    }
}

/* A checksum finds each single wrong bit of what it covers. */
static void test_every_wrong_bit_behind_the_ip_header(void **state)
{
    (void)state;
    for (enum what what = TCP4; what <= PING6; what++) {
        const struct made right = make(what, 0, 11);
        for (uint32_t bit = right.l4 * 8; bit < right.size * 8; bit++) {
            struct made wrong = right;
            wrong.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_int_equal(parse(&wrong, 0).kind, FRAME_DROP);
        }
    }
}

static void test_every_wrong_bit_of_an_ipv4_header(void **state)
{
    (void)state;
    const struct made right = make(TCP4, 0, 11);
    for (uint32_t bit = right.l3 * 8; bit < right.l4 * 8; bit++) {
        struct made wrong = right;
        wrong.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(parse(&wrong, 0).kind, FRAME_DROP);
    }
}

static void test_the_nic_may_vouch(void **state)
{
    (void)state;
    struct made made = make(TCP4, 0, 11);
    made.bytes[made.l4 + 16] ^= 1;
    made.bytes[made.l3 + 10] ^= 1;
    struct frame frame =
        parse_with(made.bytes, made.size, 0, (struct frame_checked){.ip = true, .l4 = true});
    assert_int_equal(frame.kind, FRAME_TCP);
    assert_false(frame.checked_here);
    frame = parse_with(made.bytes, made.size, 0, (struct frame_checked){.ip = true, .l4 = false});
    assert_int_equal(frame.drop, NET_DROP_L4_CHECKSUM);
    frame = parse_with(made.bytes, made.size, 0, (struct frame_checked){.ip = false, .l4 = true});
    assert_int_equal(frame.drop, NET_DROP_IP_CHECKSUM);
}

/* What is expected is parsed by a shorter way, to the same result. A priority tag changes nothing
 * and is never expected: the same packet with it takes all steps. */
static void parses_as_with_a_tag(const struct made *made, uint32_t size,
                                 struct frame_checked checked)
{
    const uint32_t l2 = made->l3;
    const uint8_t tag[4] = {0x81, 0x00, 0xe0, 0x00};
    uint8_t tagged[sizeof(made->bytes) + sizeof(tag)];
    memcpy(tagged, made->bytes, l2 - 2);
    memcpy(tagged + l2 - 2, tag, sizeof(tag));
    memcpy(tagged + l2 - 2 + sizeof(tag), made->bytes + l2 - 2, size - l2 + 2);
    const struct frame a = parse_with(made->bytes, size, 0, checked);
    const struct frame b = parse_with(tagged, size + sizeof(tag), 0, checked);

    assert_int_equal(a.kind, b.kind);
    assert_int_equal(a.drop, b.drop);
    if (a.kind == FRAME_DROP)
        return;
    assert_int_equal(a.ipv6, b.ipv6);
    assert_int_equal(a.to_group, b.to_group);
    assert_int_equal(a.checked_here, b.checked_here);
    assert_int_equal(a.tos, b.tos);
    assert_int_equal(a.hop_limit, b.hop_limit);
    assert_int_equal(a.l4_bytes, b.l4_bytes);
    assert_true(address_equal(&a.source, &b.source));
    assert_true(address_equal(&a.destination, &b.destination));
}

static void lies_where_expected(const struct made *made)
{
    const struct frame_rules rules = {.own = &own,
                                      .mac = {mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]}};
    struct frame frame;
    frame_parse(made->bytes, made->size, &rules, (struct frame_checked){0}, &frame);
    assert_ptr_equal(frame.l4, made->bytes + made->l4);
    assert_ptr_equal(frame.mac, made->bytes + WIRE_MAC_BYTES);
}

static void test_what_is_expected_is_parsed_alike(void **state)
{
    (void)state;
    static const enum what whats[] = {TCP4, UDP4, TCP6, UDP6, PING4};
    for (size_t i = 0; i < sizeof(whats) / sizeof(whats[0]); i++) {
        const struct made right = make(whats[i], 0, 21);
        lies_where_expected(&right);
        for (unsigned by_nic = 0; by_nic < 4; by_nic++) {
            const struct frame_checked checked = {.ip = by_nic & 1, .l4 = by_nic & 2};
            for (uint32_t size = right.l3; size <= right.size; size++)
                parses_as_with_a_tag(&right, size, checked);
            for (uint32_t bit = 0; bit < right.size * 8; bit++) {
                struct made wrong = right;
                if (bit / 8 == 12 || bit / 8 == 13) /* Another type, maybe a tag itself. */
                    continue;
                wrong.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
                parses_as_with_a_tag(&wrong, wrong.size, checked);
                fix_ip(&wrong);
                parses_as_with_a_tag(&wrong, wrong.size, checked);
            }
        }
    }
}

static void test_ethernet_and_vlan(void **state)
{
    (void)state;
    struct made made = make(TCP4, 0, 5);
    expect(&made, 100, "untagged on a tagged port", "vlan");
    made = make(TCP4, 100, 5);
    expect(&made, 0, "tagged on an untagged port", "vlan");
    expect(&made, 101, "another tag", "vlan");
    wire_put16(made.bytes + 14, 0xe000 | 100); /* Priority and drop-eligible bits don't count. */
    expect(&made, 100, "a tag with priority", "taken");
    wire_put16(made.bytes + 12, WIRE_TYPE_QINQ);
    expect(&made, 100, "a service tag", "taken");
    wire_put16(made.bytes + 16, WIRE_TYPE_VLAN);
    expect(&made, 100, "two tags", "vlan-double");
    made = make(TCP4, 100, 5);
    wire_put16(made.bytes + 14, 0xe000);
    expect(&made, 0, "a priority tag alone", "taken");

    made = make(TCP4, 0, 5);
    wire_put16(made.bytes + 12, 0x88cc);
    expect(&made, 0, "LLDP", "ethertype");
    wire_put16(made.bytes + 12, 60);
    expect(&made, 0, "an IEEE 802.3 length", "ethertype");
    made = make(TCP4, 0, 5);
    made.bytes[5] = 77;
    expect(&made, 0, "another station", "foreign-mac");
    memset(made.bytes, 0xff, 6);
    expect(&made, 0, "TCP by broadcast", "foreign-mac");
}

static void test_ipv4_headers(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        uint8_t at;
        uint16_t value;
        const char *drop;
    } rows[] = {
        {"version 5", 0, 0x5500, "ip-header"},
        {"header of 16 bytes", 0, 0x4400, "ip-header"},
        {"header of 60 bytes, total of 45", 0, 0x4f00, "ip-length"},
        {"total length 0", 2, 0, "ip-length"},
        {"total length 19", 2, 19, "ip-length"},
        {"total length beyond the frame", 2, 46, "ip-length"},
        {"total length without L4", 2, 20, "l4-short"},
        {"total length of half a TCP header", 2, 39, "l4-short"},
        {"first fragment", 6, 0x2000, "fragment"},
        {"later fragment", 6, 0x0001, "fragment"},
        {"last fragment", 6, 0x1fff, "fragment"},
        {"may be fragmented", 6, 0x0000, "taken"},
        {"reserved bit", 6, 0xc000, "taken"},
        {"SCTP", 8, 0x3d84, "protocol"},
        {"ICMPv6 over IPv4", 8, 0x3d3a, "protocol"},
        {"from 0.x", 12, 0x0001, "ip-address"},
        {"from loopback", 12, 0x7f00, "ip-address"},
        {"from a group", 12, 0xe000, "ip-address"},
        {"from broadcast", 12, 0xffff, "ip-address"},
        {"from one of ours", 12, 0x0a01, "ip-address"},
        {"to a group", 16, 0xe000, "not-ours"},
        {"to a neighbour's pool", 16, 0x0a02, "not-ours"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct made made = make_from_to(TCP4, 0, 5, "10.9.0.1", "10.1.0.5");
        wire_put16(made.bytes + made.l3 + rows[i].at, rows[i].value);
        fix_ip(&made);
        if (rows[i].at == 12)
            finish(&made, TCP4, "10.9.0.1", "10.1.0.5");
        expect(&made, 0, rows[i].what, rows[i].drop);
    }
}

static void test_ipv4_options_are_skipped(void **state)
{
    (void)state;
    for (uint32_t words = 1; words <= 10; words++) {
        struct made made = make(TCP4, 0, 5);
        const uint32_t more = words * 4;
        memmove(made.bytes + made.l4 + more, made.bytes + made.l4, made.size - made.l4);
        memset(made.bytes + made.l4, 1, more); /* No operation. */
        made.bytes[made.l3] = (uint8_t)(0x45 + words);
        made.size += more;
        wire_put16(made.bytes + made.l3 + 2, (uint16_t)(made.size - made.l3));
        fix_ip(&made);
        const struct frame frame = parse(&made, 0);
        assert_int_equal(frame.kind, FRAME_TCP);
        assert_int_equal(frame.l4_bytes, 25);
    }
}

static void test_l4_headers(void **state)
{
    (void)state;
    for (int v6 = 0; v6 < 2; v6++) {
        const char *from = v6 ? "fd00:9::1" : "10.9.0.1";
        const char *to = v6 ? "fd00:1::5" : "10.1.0.5";
        const enum what tcp = v6 ? TCP6 : TCP4;
        const enum what udp = v6 ? UDP6 : UDP4;
        struct made made = make(tcp, 0, 5);
        made.bytes[made.l4 + 12] = 0x40;
        finish(&made, tcp, from, to);
        expect(&made, 0, "TCP header of 16 bytes", "l4-short");
        made.bytes[made.l4 + 12] = 0x70;
        finish(&made, tcp, from, to);
        expect(&made, 0, "TCP header of 28 of 25 bytes", "l4-short");

        made = make(udp, 0, 5);
        wire_put16(made.bytes + made.l4 + 4, 7);
        finish(&made, udp, from, to);
        expect(&made, 0, "UDP length 7", "l4-short");
        wire_put16(made.bytes + made.l4 + 4, 14);
        finish(&made, udp, from, to);
        expect(&made, 0, "UDP length 14 of 13", "l4-short");
        made = make(udp, 0, 5);
        wire_put16(made.bytes + made.l4 + 6, 0);
        expect(&made, 0, "UDP without checksum", v6 ? "l4-checksum" : "taken");
    }
}

/* CHAIN is put between the IPv6 header and TCP; its last "next header" byte is TCP. */
static void try_chain(const char *what, uint8_t first, const uint8_t *chain, uint32_t bytes,
                      const char *drop)
{
    struct made made = make(TCP6, 0, 5);
    memmove(made.bytes + made.l4 + bytes, made.bytes + made.l4, made.size - made.l4);
    memcpy(made.bytes + made.l4, chain, bytes);
    made.size += bytes;
    made.bytes[made.l3 + 6] = first;
    wire_put16(made.bytes + made.l3 + 4, (uint16_t)(made.size - made.l3 - 40));
    expect(&made, 0, what, drop);
}

static void test_ipv6_chains(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        const char *drop;
        uint8_t first;
        uint8_t bytes;
        uint8_t chain[64];
    } rows[] = {
        {"hop-by-hop options", "taken", 0, 8, {6}},
        {"destination options", "taken", 60, 16, {6, 1}},
        {"three headers", "taken", 0, 24, {60, 0, [8] = 43, [16] = 6}},
        {"hop-by-hop in second place", "ip-extensions", 60, 16, {0, 0, [8] = 6}},
        {"routing with segments left", "ip-extensions", 43, 8, {6, 0, 0, 1}},
        {"routing that has ended", "taken", 43, 8, {6, 0, 0, 0}},
        {"a header beyond the packet", "ip-extensions", 60, 8, {6, 200}},
        {"six headers", "taken", 60, 48, {60, [8] = 60, [16] = 60, [24] = 60, [32] = 60, [40] = 6}},
        {"seven headers",
         "ip-extensions",
         60,
         56,
         {60, [8] = 60, [16] = 60, [24] = 60, [32] = 60, [40] = 60, [48] = 6}},
        {"a fragment", "fragment", 44, 8, {6, 0, 0, 1}},
        {"an atomic fragment", "fragment", 44, 8, {6}},
        {"a fragment behind options", "fragment", 60, 16, {44, 0, [8] = 6}},
        {"no next header", "protocol", 60, 8, {59}},
        {"authentication header", "protocol", 51, 8, {6}},
        {"ICMP over IPv6", "protocol", 60, 8, {1}},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        try_chain(rows[i].what, rows[i].first, rows[i].chain, rows[i].bytes, rows[i].drop);
}

static void test_ipv6_headers(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        const char *from;
        const char *to;
        enum what kind;
        const char *drop;
    } rows[] = {
        {"to another pool", "fd00:9::1", "fd00:2::5", TCP6, "not-ours"},
        {"TCP to a group", "fd00:9::1", "ff02::1", TCP6, "not-ours"},
        {"ICMPv6 to a group", "fe80::9", "ff02::1:ff00:5", PING6, "taken"},
        {"from a group", "ff02::1", "fd00:1::5", TCP6, "ip-address"},
        {"from loopback", "::1", "fd00:1::5", TCP6, "ip-address"},
        {"from nowhere", "::", "fd00:1::5", TCP6, "ip-address"},
        {"ICMPv6 from nowhere", "::", "ff02::1:ff00:5", PING6, "taken"},
        {"from one of ours", "fd00:1::6", "fd00:1::5", TCP6, "ip-address"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct made made = make_from_to(rows[i].kind, 0, 5, rows[i].from, rows[i].to);
        expect(&made, 0, rows[i].what, rows[i].drop);
    }
    struct made made = make(TCP6, 0, 5);
    made.bytes[made.l3] = 0x40;
    expect(&made, 0, "version 4", "ip-header");
    made = make(TCP6, 0, 5);
    wire_put16(made.bytes + made.l3 + 4, 26);
    expect(&made, 0, "payload length beyond the frame", "ip-length");
    wire_put16(made.bytes + made.l3 + 4, 0);
    expect(&made, 0, "payload length 0", "l4-short");
    made = make(TCP6, 0, 5);
    memset(made.bytes + made.l3 + 8, 0, 10); /* ::ffff:10.9.0.1 must not pass for 10.9.0.1. */
    memset(made.bytes + made.l3 + 18, 0xff, 2);
    memcpy(made.bytes + made.l3 + 20, (const uint8_t[]){10, 9, 0, 1}, 4);
    expect(&made, 0, "a mapped source", "ip-address");
}

static void test_every_drop_has_a_name_and_a_sentence(void **state)
{
    (void)state;
    for (int i = 0; i < NET_DROP_COUNT; i++) {
        for (int j = 0; j < i; j++)
            assert_string_not_equal(net_drop_name((enum net_drop)i),
                                    net_drop_name((enum net_drop)j));
        assert_true(strlen(net_drop_sentence((enum net_drop)i)) > 10);
    }
    assert_string_equal(net_drop_name(NET_DROP_COUNT), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_right_frames),
        cmocka_unit_test(test_every_truncation),
        cmocka_unit_test(test_every_wrong_bit_behind_the_ip_header),
        cmocka_unit_test(test_every_wrong_bit_of_an_ipv4_header),
        cmocka_unit_test(test_the_nic_may_vouch),
        cmocka_unit_test(test_what_is_expected_is_parsed_alike),
        cmocka_unit_test(test_ethernet_and_vlan),
        cmocka_unit_test(test_ipv4_headers),
        cmocka_unit_test(test_ipv4_options_are_skipped),
        cmocka_unit_test(test_l4_headers),
        cmocka_unit_test(test_ipv6_chains),
        cmocka_unit_test(test_ipv6_headers),
        cmocka_unit_test(test_every_drop_has_a_name_and_a_sentence),
    };
    return cmocka_run_group_tests(tests, make_own, NULL);
}
