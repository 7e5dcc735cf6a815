/* No 5-tuple twice within the quarantine, whoever holds on to which. */
#include "traffic/ports.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define S UINT64_C(1000000000)

struct sweep {
    struct ports ports;
    struct address addresses[8];
    uint32_t released[8 * 1024];
};

static void start(struct sweep *sweep, const char *pool, uint16_t first, uint16_t last,
                  uint16_t stride, uint64_t seed)
{
    struct prefix prefix;
    assert_int_equal(prefix_parse(pool, &prefix, NULL), 0);
    uint32_t count = ports_addresses_of(&prefix, sweep->addresses, 8);
    assert_in_range(count * ports_of_address(first, last, stride), 1, 8 * 1024);
    ports_init(&sweep->ports, sweep->addresses, count, first, last, stride, sweep->released, seed,
               120 * S);
}

/* All slots are taken once, then none until the first is 120 s released. */
static void every_slot_once(void **state)
{
    static struct sweep sweep;
    uint32_t slots[300];
    struct address address;
    uint16_t port;
    (void)state;
    start(&sweep, "10.0.0.0/29", 1000, 1049, 1, 3);
    assert_int_equal(sweep.ports.address_count, 6);
    static bool taken[6][50];
    for (unsigned i = 0; i < 300; i++) {
        slots[i] = ports_take(&sweep.ports, S, &address, &port);
        assert_int_not_equal(slots[i], PORTS_NONE);
        assert_in_range(port, 1000, 1049);
        assert_in_range(address.bytes[15], 1, 6);
        assert_false(taken[address.bytes[15] - 1][port - 1000]);
        taken[address.bytes[15] - 1][port - 1000] = true;
    }
    assert_int_equal(ports_take(&sweep.ports, S, &address, &port), PORTS_NONE);
    assert_int_equal(ports_take(&sweep.ports, 1000 * S, &address, &port), PORTS_NONE);
    assert_int_equal(sweep.ports.in_use, 300);
    ports_release(&sweep.ports, slots[7], 1000 * S);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(ports_take(&sweep.ports, 1120 * S - 1, &address, &port), PORTS_NONE);
    uint32_t again = PORTS_NONE;
    for (unsigned i = 0; i < 3 && again == PORTS_NONE; i++)
        again = ports_take(&sweep.ports, 1120 * S + 1000000, &address, &port);
    assert_int_equal(again, slots[7]);
}

/* 500 connections a second of 1 s each, for 10 minutes: 60000 slots suffice for 121 s, and no tuple
 * comes back within 120 s of its release. */
static void a_long_sweep(void **state)
{
    enum {
        SLOTS = 64000,
        OPEN = 500
    };
    struct address addresses[4];
    uint32_t *released = calloc(SLOTS, sizeof(*released));
    uint64_t *ended_ns = calloc(SLOTS, sizeof(*ended_ns));
    uint32_t open[OPEN];
    struct prefix pool;
    struct ports ports;
    (void)state;
    assert_int_equal(prefix_parse("10.1.0.4/31", &pool, NULL), 0);
    assert_int_equal(ports_addresses_of(&pool, addresses, 4), 2);
    ports_init(&ports, addresses, 2, 2000, 33999, 1, released, 9, 120 * S);
    for (unsigned i = 0; i < 300000; i++) {
        struct address address;
        uint16_t port;
        uint64_t now_ns = i * UINT64_C(2000000);
        if (i >= OPEN) {
            ports_release(&ports, open[i % OPEN], now_ns);
            ended_ns[open[i % OPEN]] = now_ns;
        }
        uint32_t slot = ports_take(&ports, now_ns, &address, &port);
        assert_int_not_equal(slot, PORTS_NONE);
        assert_true(ended_ns[slot] == 0 || now_ns >= ended_ns[slot] + 120 * S);
        open[i % OPEN] = slot;
    }
    free(released);
    free(ended_ns);
}

/* At twice what the pool can bear the sweep refuses rather than reuse. */
static void too_fast_is_refused(void **state)
{
    static struct sweep sweep;
    struct address address;
    uint16_t port;
    unsigned refused = 0;
    (void)state;
    start(&sweep, "10.0.0.1/32", 1000, 1999, 1, 1);
    for (unsigned i = 0; i < 2000; i++) {
        uint64_t now_ns = i * (60 * S / 1000);
        uint32_t slot = ports_take(&sweep.ports, now_ns, &address, &port);
        if (slot == PORTS_NONE)
            refused++;
        else
            ports_release(&sweep.ports, slot, now_ns);
    }
    assert_in_range(refused, 950, 1000);
}

/* Two workers on the same addresses never meet. */
static void workers_share_a_pool(void **state)
{
    static struct sweep a, b;
    struct address address;
    uint16_t port;
    (void)state;
    start(&a, "10.0.0.1/32", 1000, 1999, 2, 1);
    start(&b, "10.0.0.1/32", 1001, 1999, 2, 2);
    assert_int_equal(a.ports.port_count + b.ports.port_count, 1000);
    for (unsigned i = 0; i < 500; i++) {
        assert_int_not_equal(ports_take(&a.ports, 0, &address, &port), PORTS_NONE);
        assert_int_equal(port % 2, 0);
        assert_int_not_equal(ports_take(&b.ports, 0, &address, &port), PORTS_NONE);
        assert_int_equal(port % 2, 1);
        assert_in_range(port, 1000, 1999);
    }
}

static void seeds_begin_elsewhere(void **state)
{
    static struct sweep sweep;
    struct address address;
    uint16_t ports[20];
    unsigned same = 0;
    (void)state;
    for (uint16_t i = 0; i < 20; i++) {
        start(&sweep, "10.0.0.1/32", 1000, 1999, 1, i);
        ports_take(&sweep.ports, 0, &address, &ports[i]);
        for (uint16_t j = 0; j < i; j++)
            same += ports[i] == ports[j];
    }
    assert_true(same < 5);
}

struct pool_row {
    const char *pool, *first, *last;
    uint32_t count;
};

static void usable_addresses(void **state)
{
    static const struct pool_row rows[] = {
        {"10.0.0.0/30", "10.0.0.1", "10.0.0.2", 2},
        {"10.0.0.0/31", "10.0.0.0", "10.0.0.1", 2},
        {"10.0.0.9/32", "10.0.0.9", "10.0.0.9", 1},
        {"10.0.0.0/24", "10.0.0.1", "10.0.0.64", 64},
        {"2001:db8::/127", "2001:db8::", "2001:db8::1", 2},
        {"2001:db8::/126", "2001:db8::1", "2001:db8::3", 3},
        {"2001:db8::/64", "2001:db8::1", "2001:db8::40", 64},
    };
    struct address out[64], expected;
    struct prefix pool;
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(prefix_parse(rows[i].pool, &pool, NULL), 0);
        uint32_t count = ports_addresses_of(&pool, out, 64);
        assert_int_equal(count, rows[i].count);
        assert_int_equal(address_parse(rows[i].first, &expected, NULL), 0);
        assert_true(address_equal(&out[0], &expected));
        assert_int_equal(address_parse(rows[i].last, &expected, NULL), 0);
        assert_true(address_equal(&out[count - 1], &expected));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_slot_once),       cmocka_unit_test(a_long_sweep),
        cmocka_unit_test(too_fast_is_refused),   cmocka_unit_test(workers_share_a_pool),
        cmocka_unit_test(seeds_begin_elsewhere), cmocka_unit_test(usable_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
