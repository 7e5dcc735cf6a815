/* Transcripts of next hops in virtual time. */
#include "net/hop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define MS UINT64_C(1000000)

static const uint8_t mac_a[6] = {2, 0, 0, 0, 0, 0xa};
static const uint8_t mac_b[6] = {2, 0, 0, 0, 0, 0xb};

/* What happens at a time: `heard` is nothing, an answer, a claim or a mention, by MAC 'a' or 'b'.
 * Then all due steps are taken: `probes` is the number of group and of unicast probes. */
struct line {
    uint64_t at_ms;
    char heard;               /* 0, 'A'nswer, 'C'laim, 'M'ention. */
    char mac;                 /* 'a' or 'b'. */
    bool use;                 /* Sent to, before all else. */
    unsigned group;           /* Group probes. */
    unsigned unicast;         /* Unicast probes. */
    const char *event;        /* NULL: none. */
    enum net_hop_state state; /* Afterwards. */
};

static void play(const struct line *lines, size_t count)
{
    static const struct address who = {{[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 1}};
    struct hop_table table;
    hop_init(&table);
    assert_int_equal(hop_add(&table, &who), 0);
    for (size_t i = 0; i < count; i++) {
        const struct line *line = &lines[i];
        const uint64_t now_ns = line->at_ms * MS;
        struct net_event event = {0};
        struct net_event seen = {0};
        struct hop_probe probe;
        const char *name = NULL;
        unsigned group = 0;
        unsigned unicast = 0;
        bool send;
        bool note;
        table.hops[0].used |= line->use;
        if (line->heard != 0) {
            const enum hop_source source = line->heard == 'A'   ? HOP_ANSWER
                                           : line->heard == 'C' ? HOP_CLAIM
                                                                : HOP_MENTION;
            if (hop_heard(&table, 0, line->mac == 'a' ? mac_a : mac_b, source, now_ns, &event)) {
                seen = event;
                name = net_event_name(event.kind);
            }
        }
        while (hop_step(&table, now_ns, &probe, &send, &event, &note)) {
            assert_true(address_equal(&probe.address, &who));
            group += send && !probe.unicast;
            unicast += send && probe.unicast;
            if (note) {
                seen = event;
                name = net_event_name(event.kind);
            }
        }
        if (group != line->group || unicast != line->unicast)
            fail_msg("at %llu ms: %u group and %u unicast probes", (unsigned long long)line->at_ms,
                     group, unicast);
        if (line->event == NULL ? name != NULL : name == NULL || strcmp(name, line->event) != 0)
            fail_msg("at %llu ms: event %s", (unsigned long long)line->at_ms,
                     name != NULL ? name : "none");
        if (name != NULL)
            assert_int_equal(seen.at_ns, now_ns);
        assert_string_equal(net_hop_state_name(table.hops[0].state),
                            net_hop_state_name(line->state));
    }
}

#define PLAY(lines) play(lines, sizeof(lines) / sizeof((lines)[0]))

/* It never answers: five questions at growing intervals, then it is named, and then asked at up
 * to 16 s. */
static void test_silence(void **state)
{
    (void)state;
    static const struct line lines[] = {
        {0, 0, 0, false, 1, 0, NULL, NET_HOP_ASKING},
        {99, 0, 0, false, 0, 0, NULL, NET_HOP_ASKING},
        {100, 0, 0, false, 1, 0, NULL, NET_HOP_ASKING},
        {299, 0, 0, false, 0, 0, NULL, NET_HOP_ASKING},
        {300, 0, 0, false, 1, 0, NULL, NET_HOP_ASKING},
        {700, 0, 0, false, 1, 0, NULL, NET_HOP_ASKING},
        {1500, 0, 0, false, 1, 0, NULL, NET_HOP_ASKING},
        {3099, 0, 0, false, 0, 0, NULL, NET_HOP_ASKING},
        {3100, 0, 0, false, 0, 0, "unresolved", NET_HOP_UNRESOLVED},
        {4100, 0, 0, false, 1, 0, NULL, NET_HOP_UNRESOLVED},
        {5100, 0, 0, false, 1, 0, NULL, NET_HOP_UNRESOLVED},
        {7100, 0, 0, false, 1, 0, NULL, NET_HOP_UNRESOLVED},
        {11100, 0, 0, false, 1, 0, NULL, NET_HOP_UNRESOLVED},
        {19100, 0, 0, false, 1, 0, NULL, NET_HOP_UNRESOLVED},
        {35100, 0, 0, false, 1, 0, NULL, NET_HOP_UNRESOLVED},
        {51099, 0, 0, false, 0, 0, NULL, NET_HOP_UNRESOLVED},
        {51100, 0, 0, false, 1, 0, NULL, NET_HOP_UNRESOLVED},
        {52000, 'A', 'a', false, 0, 0, "resolved", NET_HOP_RESOLVED},
    };
    PLAY(lines);
}

/* An unused hop is left alone; a used one is asked each 30 s by unicast. */
static void test_refresh(void **state)
{
    (void)state;
    static const struct line lines[] = {
        {0, 0, 0, false, 1, 0, NULL, NET_HOP_ASKING},
        {5, 'A', 'a', false, 0, 0, "resolved", NET_HOP_RESOLVED},
        {30005, 0, 0, false, 0, 0, NULL, NET_HOP_RESOLVED},
        {40000, 0, 0, true, 0, 0, NULL, NET_HOP_RESOLVED},
        {60005, 0, 0, false, 0, 1, NULL, NET_HOP_CHECKING},
        {60006, 'A', 'a', false, 0, 0, NULL, NET_HOP_RESOLVED},
        {90006, 0, 0, false, 0, 0, NULL, NET_HOP_RESOLVED},
    };
    PLAY(lines);
}

/* A used hop that dies: three questions to it, three to all, then it is named. */
static void test_death(void **state)
{
    (void)state;
    static const struct line lines[] = {
        {0, 0, 0, false, 1, 0, NULL, NET_HOP_ASKING},
        {1, 'A', 'a', false, 0, 0, "resolved", NET_HOP_RESOLVED},
        {30001, 0, 0, true, 0, 1, NULL, NET_HOP_CHECKING},
        {31001, 0, 0, true, 0, 1, NULL, NET_HOP_CHECKING},
        {32001, 0, 0, true, 0, 1, NULL, NET_HOP_CHECKING},
        {33001, 0, 0, true, 1, 0, NULL, NET_HOP_CHECKING},
        {34001, 0, 0, true, 1, 0, NULL, NET_HOP_CHECKING},
        {35001, 0, 0, true, 1, 0, NULL, NET_HOP_CHECKING},
        {36001, 0, 0, true, 0, 0, "unresolved", NET_HOP_UNRESOLVED},
        {36500, 'C', 'b', false, 0, 1, "resolved", NET_HOP_CHECKING},
        {36501, 'A', 'b', false, 0, 0, NULL, NET_HOP_RESOLVED},
    };
    PLAY(lines);
}

/* A fail-over: the successor announces itself, and is asked at once whether it is there. */
static void test_claims_and_mentions(void **state)
{
    (void)state;
    static const struct line lines[] = {
        {0, 0, 0, false, 1, 0, NULL, NET_HOP_ASKING},
        {1, 'A', 'a', false, 0, 0, "resolved", NET_HOP_RESOLVED},
        {50, 'C', 'a', false, 0, 0, NULL, NET_HOP_RESOLVED},
        {60, 'M', 'b', false, 0, 1, NULL, NET_HOP_CHECKING}, /* Not believed, but asked. */
        {61, 'A', 'a', false, 0, 0, NULL, NET_HOP_RESOLVED},
        {70, 'C', 'b', false, 0, 1, "mac-changed", NET_HOP_CHECKING},
        {71, 'C', 'a', false, 0, 0, "mac-changed", NET_HOP_CHECKING},
        {72, 'A', 'b', false, 0, 0, "mac-changed", NET_HOP_RESOLVED},
    };
    PLAY(lines);
}

/* Unasked, before our first question. */
static void test_early_mention(void **state)
{
    (void)state;
    static const struct line lines[] = {
        {0, 'M', 'a', false, 0, 1, "resolved", NET_HOP_CHECKING},
        {1, 'A', 'a', false, 0, 0, NULL, NET_HOP_RESOLVED},
    };
    PLAY(lines);
}

static void test_old_mac_is_told(void **state)
{
    (void)state;
    struct hop_table table;
    struct net_event event;
    const struct address who = {{0xfe, 0x80, [15] = 1}};
    hop_init(&table);
    hop_add(&table, &who);
    assert_true(hop_heard(&table, 0, mac_a, HOP_ANSWER, 1, &event));
    assert_true(hop_heard(&table, 0, mac_b, HOP_ANSWER, 2, &event));
    assert_int_equal(event.kind, NET_EVENT_MAC_CHANGED);
    assert_memory_equal(event.mac, mac_b, 6);
    assert_memory_equal(event.old_mac, mac_a, 6);
    assert_true(address_equal(&event.address, &who));
}

static void test_one_given_up_can_be_asked_again(void **state)
{
    (void)state;
    struct hop_table table;
    struct hop_probe probe;
    struct net_event event;
    bool send;
    bool note;
    const struct address who = {{0xfe, 0x80, [15] = 1}};
    hop_init(&table);
    hop_add(&table, &who);
    uint64_t now_ns = 0;
    for (; table.hops[0].state != NET_HOP_UNRESOLVED; now_ns += 100 * MS) {
        while (hop_step(&table, now_ns, &probe, &send, &event, &note)) {
        }
    }
    assert_int_equal(now_ns, 3200 * MS);
    hop_ask_again(&table);
    unsigned probes = 0;
    for (; table.hops[0].state != NET_HOP_UNRESOLVED; now_ns += 100 * MS) {
        while (hop_step(&table, now_ns, &probe, &send, &event, &note))
            probes += send;
    }
    assert_int_equal(probes, HOP_ASK_TRIES);
    assert_true(hop_heard(&table, 0, mac_a, HOP_ANSWER, now_ns, &event));
    hop_ask_again(&table); /* A resolved one is left alone. */
    assert_int_equal(table.hops[0].state, NET_HOP_RESOLVED);
}

static void test_a_full_table_refuses(void **state)
{
    (void)state;
    struct hop_table table;
    const struct address first = {{[10] = 0xff, [11] = 0xff, [12] = 10}};
    hop_init(&table);
    for (unsigned i = 0; i < NET_HOPS_MAX; i++) {
        const struct address hop = address_plus(first, i);
        assert_int_equal(hop_add(&table, &hop), i);
        assert_int_equal(hop_add(&table, &hop), i);
    }
    const struct address more = address_plus(first, NET_HOPS_MAX);
    assert_int_equal(hop_add(&table, &more), -1);
    assert_int_equal(hop_find(&table, &more), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_refresh),
        cmocka_unit_test(test_death),
        cmocka_unit_test(test_claims_and_mentions),
        cmocka_unit_test(test_early_mention),
        cmocka_unit_test(test_old_mac_is_told),
        cmocka_unit_test(test_one_given_up_can_be_asked_again),
        cmocka_unit_test(test_a_full_table_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
