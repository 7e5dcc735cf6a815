/* No 5-tuple twice within the quarantine, whoever holds on to which. */
#include "traffic/ports.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "traffic/traffic_config.h"

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
    struct tuple tuple = {0};
    (void)state;
    start(&sweep, "10.0.0.0/29", 1000, 1049, 1, 3);
    assert_int_equal(sweep.ports.address_count, 6);
    static bool taken[6][50];
    for (unsigned i = 0; i < 300; i++) {
        slots[i] = ports_take(&sweep.ports, S, &tuple);
        assert_int_not_equal(slots[i], PORTS_NONE);
        assert_in_range(tuple.local_port, 1000, 1049);
        assert_in_range(tuple.local.bytes[15], 1, 6);
        assert_false(taken[tuple.local.bytes[15] - 1][tuple.local_port - 1000]);
        taken[tuple.local.bytes[15] - 1][tuple.local_port - 1000] = true;
    }
    assert_int_equal(ports_take(&sweep.ports, S, &tuple), PORTS_NONE);
    assert_int_equal(ports_take(&sweep.ports, 1000 * S, &tuple), PORTS_NONE);
    assert_int_equal(sweep.ports.in_use, 300);
    ports_release(&sweep.ports, slots[7], 1000 * S);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(ports_take(&sweep.ports, 1120 * S - 1, &tuple), PORTS_NONE);
    uint32_t again = PORTS_NONE;
    for (unsigned i = 0; i < 3 && again == PORTS_NONE; i++)
        again = ports_take(&sweep.ports, 1120 * S + 1000000, &tuple);
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
        struct tuple tuple = {0};
        uint64_t now_ns = i * UINT64_C(2000000);
        if (i >= OPEN) {
            ports_release(&ports, open[i % OPEN], now_ns);
            ended_ns[open[i % OPEN]] = now_ns;
        }
        uint32_t slot = ports_take(&ports, now_ns, &tuple);
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
    struct tuple tuple = {0};
    unsigned refused = 0;
    (void)state;
    start(&sweep, "10.0.0.1/32", 1000, 1999, 1, 1);
    for (unsigned i = 0; i < 2000; i++) {
        uint64_t now_ns = i * (60 * S / 1000);
        uint32_t slot = ports_take(&sweep.ports, now_ns, &tuple);
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
    struct tuple tuple = {0};
    (void)state;
    start(&a, "10.0.0.1/32", 1000, 1999, 2, 1);
    start(&b, "10.0.0.1/32", 1001, 1999, 2, 2);
    assert_int_equal(a.ports.port_count + b.ports.port_count, 1000);
    for (unsigned i = 0; i < 500; i++) {
        assert_int_not_equal(ports_take(&a.ports, 0, &tuple), PORTS_NONE);
        assert_int_equal(tuple.local_port % 2, 0);
        assert_int_not_equal(ports_take(&b.ports, 0, &tuple), PORTS_NONE);
        assert_int_equal(tuple.local_port % 2, 1);
        assert_in_range(tuple.local_port, 1000, 1999);
    }
}

/* TCP of IPv4 by the hash of a key that is no published one, table of 128. */
static void share_by_hash(struct steering *steering, uint16_t workers)
{
    uint8_t key[40], table[128];
    for (unsigned i = 0; i < 40; i++)
        key[i] = (uint8_t)(i * i * 7 + 91 * i + 3);
    for (unsigned i = 0; i < 128; i++)
        table[i] = (uint8_t)(i % workers);
    steering_by_port(steering, workers);
    steering_by_hash(steering, key, 40, table, 128);
    steering->hashed[STEERING_TCP4] = true;
}

/* Workers behind one NIC port with receive-side scaling: each takes what comes to its queue, all of
 * it, and what it takes is nobody else's; for each target anew. */
static void a_nic_shares_the_pool(void **state)
{
    enum {
        WORKERS = 4,
        SLOTS = 6000
    };
    static const char *const targets[] = {"10.9.0.1", "10.9.0.2"};
    static struct sweep sweep;
    static struct steering steering;
    (void)state;
    share_by_hash(&steering, WORKERS);
    for (unsigned t = 0; t < 2; t++) {
        unsigned taken = 0;
        for (uint16_t worker = 0; worker < WORKERS; worker++) {
            struct tuple tuple = {.remote_port = 80, .protocol = 6};
            assert_int_equal(address_parse(targets[t], &tuple.remote, NULL), 0);
            start(&sweep, "10.0.0.0/29", 1000, 1999, 1, worker);
            sweep.ports.steering = &steering;
            sweep.ports.worker = worker;
            for (unsigned miss = 0; miss <= SLOTS / PORTS_LOOK;) {
                if (ports_take(&sweep.ports, 0, &tuple) == PORTS_NONE)
                    miss++;
                else
                    assert_int_equal(steering_owner(&steering, &tuple), worker);
            }
            assert_in_range(sweep.ports.in_use, SLOTS / WORKERS / 2, SLOTS / WORKERS * 2);
            taken += sweep.ports.in_use;
        }
        assert_int_equal(taken, SLOTS);
    }
}

/* What the NIC does not hash is not looked at. */
static void other_protocols_are_not_hashed(void **state)
{
    static struct sweep sweep;
    static struct steering steering;
    struct tuple tuple = {.remote_port = 80, .protocol = 17};
    (void)state;
    assert_int_equal(address_parse("10.9.0.1", &tuple.remote, NULL), 0);
    share_by_hash(&steering, 4);
    start(&sweep, "10.0.0.1/32", 1000, 1003, 1, 1);
    sweep.ports.steering = &steering;
    for (unsigned i = 0; i < 4; i++)
        assert_int_not_equal(ports_take(&sweep.ports, 0, &tuple), PORTS_NONE);
}

static void check_range(const struct traffic_config *config, uint32_t first, uint16_t stride)
{
    const struct port_range range = traffic_config_ports(config, true);
    assert_int_equal(range.first, first);
    assert_int_equal(range.last, 65535);
    assert_int_equal(range.stride, stride);
}

/* By remainder, as steering_owner() has it; all ports where the hash alone decides; and both where
 * two targets may meet behind a balancer. */
static void ports_of_a_worker(void **state)
{
    static struct steering steering;
    struct traffic_config config = traffic_config_default();
    struct traffic_stream_config *stream = &config.streams[0];
    (void)state;
    config.stream_count = 1;
    stream->target_count = 1;
    stream->targets[0].port = 80;
    assert_int_equal(address_parse("10.9.0.1", &stream->targets[0].address, NULL), 0);
    check_range(&config, 1024, 1);
    config.worker_count = 3;
    config.worker = 2;
    check_range(&config, 1025, 3); /* 1025 = 3 * 341 + 2. */
    config.worker = 1;
    check_range(&config, 1024, 3);
    share_by_hash(&steering, 3);
    config.steering = &steering;
    check_range(&config, 1024, 3); /* UDP is not hashed. */
    steering.hashed[STEERING_UDP4] = true;
    check_range(&config, 1024, 1);
    stream->targets[stream->target_count++] = stream->targets[0];
    check_range(&config, 1024, 1);
    stream->targets[1].port = 81;
    check_range(&config, 1024, 3);
}

static void seeds_begin_elsewhere(void **state)
{
    static struct sweep sweep;
    struct tuple tuple = {0};
    uint16_t ports[20];
    unsigned same = 0;
    (void)state;
    for (uint16_t i = 0; i < 20; i++) {
        start(&sweep, "10.0.0.1/32", 1000, 1999, 1, i);
        ports_take(&sweep.ports, 0, &tuple);
        ports[i] = tuple.local_port;
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
        cmocka_unit_test(a_nic_shares_the_pool), cmocka_unit_test(other_protocols_are_not_hashed),
        cmocka_unit_test(ports_of_a_worker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
