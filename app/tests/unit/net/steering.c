/* Which worker a tuple belongs to, against the published hashes, and part by part. */
#include "net/steering.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "net/wire.h"

/* The Microsoft RSS specification's key, "Verifying the RSS hash calculation". */
static const uint8_t published_key[40] = {
    0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
    0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
    0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
};

/* All kinds hashed; entry i of SIZE leads to worker i mod WORKERS. */
static struct steering by_hash(uint16_t workers, uint16_t size, uint16_t key_bytes)
{
    struct steering steering;
    uint8_t key[STEERING_KEY_MAX_BYTES];
    uint8_t table[STEERING_TABLE_MAX];
    for (uint16_t i = 0; i < key_bytes; i++)
        key[i] = i < 40 ? published_key[i] : (uint8_t)(i * 37);
    for (uint16_t i = 0; i < size; i++)
        table[i] = (uint8_t)(i % workers);
    steering_by_port(&steering, workers);
    steering_by_hash(&steering, key, key_bytes, table, size);
    for (unsigned i = 0; i < STEERING_KINDS; i++)
        steering.hashed[i] = true;
    return steering;
}

static struct tuple tuple_of(const char *local, uint16_t local_port, const char *remote,
                             uint16_t remote_port, uint8_t protocol)
{
    struct tuple tuple = {
        .local_port = local_port, .remote_port = remote_port, .protocol = protocol};
    assert_int_equal(address_parse(local, &tuple.local, NULL), 0);
    assert_int_equal(address_parse(remote, &tuple.remote, NULL), 0);
    return tuple;
}

/* The specification's rows: destination is ours, source the remote side. Keys of 52 bytes begin
 * with the 40 that count. */
static void parts_make_the_published_hash(void **state)
{
    static const struct {
        const char *local;
        uint16_t local_port;
        const char *remote;
        uint16_t remote_port;
        uint32_t hash;
    } rows[] = {
        {"161.142.100.80", 1766, "66.9.149.187", 2794, 0x51ccc178},
        {"65.69.140.83", 4739, "199.92.111.2", 14230, 0xc626b0ea},
        {"12.22.207.184", 38024, "24.19.198.95", 12898, 0x5c2b394a},
        {"209.142.163.6", 2217, "38.27.205.30", 48228, 0xafc7327f},
        {"202.188.127.2", 1303, "153.39.163.191", 44251, 0x10e828a2},
        {"3ffe:2501:200:3::1", 1766, "3ffe:2501:200:1fff::7", 2794, 0x40207d3d},
        {"ff02::1", 4739, "3ffe:501:8::260:97ff:fe40:efab", 14230, 0xdde51bbf},
        {"fe80::200:f8ff:fe21:67cf", 38024, "3ffe:1900:4545:3:200:f8ff:fe21:67cf", 44251,
         0x02d1feef},
    };
    static const uint16_t key_bytes[] = {40, 52};
    (void)state;
    for (unsigned k = 0; k < 2; k++) {
        const struct steering steering = by_hash(3, 128, key_bytes[k]);
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
            const struct tuple tuple = tuple_of(rows[i].local, rows[i].local_port, rows[i].remote,
                                                rows[i].remote_port, WIRE_TCP);
            assert_int_equal(steering_remote(&steering, &tuple) ^
                                 steering_local(&steering, &tuple) ^
                                 steering_port(&steering, &tuple),
                             rows[i].hash);
            assert_int_equal(steering_owner(&steering, &tuple), rows[i].hash % 128 % 3);
        }
    }
}

/* The table decides, also one that was filled unevenly or has an odd size. */
static void the_table_is_looked_up(void **state)
{
    struct steering steering = by_hash(4, 100, 40);
    const struct tuple tuple =
        tuple_of("161.142.100.80", 1766, "66.9.149.187", 2794, WIRE_UDP); /* 0x51ccc178. */
    (void)state;
    for (unsigned i = 0; i < 100; i++)
        steering.table[i] = 1;
    steering.table[0x51ccc178 % 100] = 3;
    assert_int_equal(steering_owner(&steering, &tuple), 3);
}

/* What the NIC does not hash by ports belongs to a worker by its port. */
static void other_kinds_go_by_port(void **state)
{
    struct steering steering = by_hash(4, 128, 40);
    static const struct {
        const char *local, *remote;
        uint8_t protocol;
        enum steering_kind kind;
    } rows[] = {
        {"10.0.0.1", "10.9.0.1", WIRE_TCP, STEERING_TCP4},
        {"10.0.0.1", "10.9.0.1", WIRE_UDP, STEERING_UDP4},
        {"fd00::1", "fd00:9::1", WIRE_TCP, STEERING_TCP6},
        {"fd00::1", "fd00:9::1", WIRE_UDP, STEERING_UDP6},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tuple tuple = tuple_of(rows[i].local, 4001, rows[i].remote, 80, rows[i].protocol);
        assert_true(steering_is_hashed(&steering, &tuple));
        steering.hashed[rows[i].kind] = false;
        assert_false(steering_is_hashed(&steering, &tuple));
        assert_int_equal(steering_owner(&steering, &tuple), 1);
        steering.hashed[rows[i].kind] = true;
        tuple.protocol = WIRE_ICMP;
        assert_false(steering_is_hashed(&steering, &tuple));
        assert_int_equal(steering_owner(&steering, &tuple), 1);
    }
    steering_by_port(&steering, 3);
    for (uint16_t port = 5000; port < 5010; port++) {
        const struct tuple tuple = tuple_of("10.0.0.1", port, "10.9.0.1", 80, WIRE_TCP);
        assert_int_equal(steering_owner(&steering, &tuple), port % 3);
    }
    steering.serves = true; /* Then the client's port is the remote one. */
    for (uint16_t port = 5000; port < 5010; port++) {
        const struct tuple tuple = tuple_of("10.9.0.1", 80, "10.0.0.1", port, WIRE_TCP);
        assert_int_equal(steering_owner(&steering, &tuple), port % 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_make_the_published_hash),
        cmocka_unit_test(the_table_is_looked_up),
        cmocka_unit_test(other_kinds_go_by_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
