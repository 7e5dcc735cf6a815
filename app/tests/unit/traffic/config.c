/* How much of each there can be at once: what the pools are made for. */
#include "traffic/traffic_config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define S UINT64_C(1000000000)

enum {
    CLOSING = 65536,
    CONNECTING = 65536
};

struct row {
    enum traffic_protocol protocol;
    enum traffic_pattern pattern;
    uint32_t flows, per_s, depth;
    bool keep_alive;
    /* With a timeout of 1 s, of which the law's peak counts; 60 s of TIME-WAIT. */
    uint32_t connections, requests, awake, time_waits;
};

static struct traffic_config config_of(const struct row *row)
{
    struct traffic_config config = traffic_config_default();
    config.stream_count = 1;
    config.streams[0] = traffic_stream_default(row->protocol);
    config.streams[0].pattern = row->pattern;
    config.streams[0].flows = row->flows;
    config.streams[0].depth = row->depth;
    config.streams[0].keep_alive = row->keep_alive;
    config.streams[0].law = law_constant(row->per_s, S);
    return config;
}

/* Few flows: all of them may be closing beside those that are open, and all be awake. Of many, what
 * they can do in a time counts, and a reserve. */
static void sizes(void **state)
{
    static const struct row rows[] = {
        {TRAFFIC_CTRAFFIC, TRAFFIC_HELD, 8, 400, 1, true, 80, 8, 80, 16 + 64},
        {TRAFFIC_CTRAFFIC, TRAFFIC_HELD, 2000, 400, 1, true, 4064, 801 + 64, 4064, 4000 + 64},
        {TRAFFIC_HTTP, TRAFFIC_HELD, 2000, 400, 4, true, 4064, 801 + 64, 4064, 4000 + 64},
        {TRAFFIC_CTRAFFIC, TRAFFIC_HELD, 10000000, 100000, 1, true, 10000000 + CLOSING + 64,
         200001 + 64, 300001 + CONNECTING + CLOSING + 64, 65536 + 64},
        {TRAFFIC_CTRAFFIC, TRAFFIC_HELD, 10000000, 100000000, 1, true, 10000000 + CLOSING + 64,
         10000000, 10000000 + CLOSING + 64, 65536 + 64},
        {TRAFFIC_HTTP, TRAFFIC_CLOSED, 100, 500, 4, true, 264, 400, 264, 200 + 64},
        {TRAFFIC_HTTP, TRAFFIC_CLOSED, 100, 500, 1, false, 264 + 4096, 100, 264 + 4096,
         200 + 65536 + 64},
    };
    (void)state;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct traffic_config config = config_of(&rows[i]);
        assert_int_equal(traffic_connections_needed(&config), rows[i].connections);
        assert_int_equal(traffic_requests_needed(&config), rows[i].requests);
        assert_int_equal(traffic_awake_needed(&config), rows[i].awake);
        assert_int_equal(traffic_time_waits_needed(&config, 60 * S), rows[i].time_waits);
    }
}

/* A worker's slots are a random share of all: in a short time they may be all that are due. */
static void shared(void **state)
{
    (void)state;
    const struct row row = {TRAFFIC_CTRAFFIC, TRAFFIC_HELD, 2000, 400, 1, true, 0, 0, 0, 0};
    struct traffic_config config = config_of(&row);
    config.streams[0].slot_stride = 8000;
    assert_int_equal(traffic_requests_needed(&config), 801 + 64);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes),
        cmocka_unit_test(shared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
