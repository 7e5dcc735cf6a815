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

/* A stream with three turns of five has three fifths of the law; turns that do not rise, or are not
 * among those of all, are refused. */
static void turns(void **state)
{
    static const struct {
        uint32_t turns[3], slot_first;
        bool good;
    } rows[] = {
        {{1, 2, 5}, 0, true},  {{1, 2, 5}, 1, true},  {{1, 2, 6}, 0, false},
        {{0, 2, 5}, 0, false}, {{2, 2, 5}, 0, false}, {{1, 3, 5}, 2, false},
    };
    static const struct row open = {TRAFFIC_CONNECT, TRAFFIC_OPEN, 1, 1000, 1, false, 0, 0, 0, 0};
    struct traffic_config config = config_of(&open);
    struct traffic_stream_config *stream = &config.streams[0];
    (void)state;
    config.pool_count = 1;
    assert_int_equal(prefix_parse("10.0.0.0/24", &config.pools[0], NULL), 0);
    stream->targets[0].port = 80;
    assert_int_equal(address_parse("10.1.0.1", &stream->targets[0].address, NULL), 0);
    stream->target_count = 1;
    stream->slot_stride = 10;
    stream->slot_step = 2;
    stream->turn_count = 3;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct error err = {0};
        stream->turns = rows[i].turns;
        stream->slot_first = rows[i].slot_first;
        assert_int_equal(traffic_config_check(&config, &err) == 0, rows[i].good);
    }
    /* 3 s: a second to connect, two to close. */
    assert_in_range(traffic_connections_needed(&config), 900, 980);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes),
        cmocka_unit_test(turns),
        cmocka_unit_test(shared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
