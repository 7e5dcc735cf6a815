/* The most packets of a request, by what each protocol sends. */
#include "run/packets_of.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct row {
    struct experiment_stream stream;
    uint64_t request_bytes, packets;
};

static void rows(void **state)
{
    static const struct row table[] = {
        {{.protocol = EXPERIMENT_PROTOCOL_RAW}, 0, 1},
        {{.protocol = EXPERIMENT_PROTOCOL_UDP, .size_bytes = 1000}, 0, 1},
        {{.protocol = EXPERIMENT_PROTOCOL_ICMP, .size_bytes = 64}, 0, 1},
        {{.protocol = EXPERIMENT_PROTOCOL_CONNECT}, 0, 4},
        {{.protocol = EXPERIMENT_PROTOCOL_MCONNECT}, 0, 5},
        {{.protocol = EXPERIMENT_PROTOCOL_CTRAFFIC, .size_bytes = 1024}, 0, 3},
        {{.protocol = EXPERIMENT_PROTOCOL_CTRAFFIC, .size_bytes = 1448}, 0, 3},
        {{.protocol = EXPERIMENT_PROTOCOL_CTRAFFIC, .size_bytes = 1449}, 0, 5},
        {{.protocol = EXPERIMENT_PROTOCOL_CTRAFFIC, .size_bytes = 65536}, 0, 93},
        {{.protocol = EXPERIMENT_PROTOCOL_HTTP, .keep_alive = true}, 100, 2},
        {{.protocol = EXPERIMENT_PROTOCOL_HTTP, .keep_alive = false}, 100, 6},
        {{.protocol = EXPERIMENT_PROTOCOL_HTTPS, .keep_alive = true}, 1400, 3},
        {{.protocol = EXPERIMENT_PROTOCOL_HTTPS, .keep_alive = false}, 100, 15},
        {{.protocol = EXPERIMENT_PROTOCOL_HTTP, .keep_alive = true}, UINT64_C(1) << 30, 741536},
        {{.protocol = EXPERIMENT_PROTOCOL_HTTP,
          .keep_alive = true,
          .http = {.expect_bytes = 14480}},
         100,
         14},
        {{.protocol = EXPERIMENT_PROTOCOL_HTTP,
          .keep_alive = true,
          .http = {.expect_continue = true}},
         2000,
         5},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        uint64_t packets = packets_of(&table[i].stream, table[i].request_bytes, 1448);
        if (packets != table[i].packets)
            fail_msg("row %zu: %llu", i, (unsigned long long)packets);
    }
}

static void segments_by_path(void **state)
{
    struct experiment_tcp tcp = {.timestamps = true};
    (void)state;
    assert_int_equal(packets_mss(&tcp, true, 1500), 1448);
    assert_int_equal(packets_mss(&tcp, false, 1500), 1428);
    tcp.timestamps = false;
    assert_int_equal(packets_mss(&tcp, true, 1500), 1460);
    assert_int_equal(packets_mss(&tcp, false, 9000), 8940);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows),
        cmocka_unit_test(segments_by_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
