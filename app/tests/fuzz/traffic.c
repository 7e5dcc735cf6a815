/* fuzz: deps traffic */
/* A hostile peer against streams of each pattern: any segments, at any time, in any order.
 * Whatever comes, each due request gets one outcome, and after the stop no connection is left.
 * Input: bytes of {operation, argument} that answer the segments which the tester sent. */
#include "traffic/traffic.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MS UINT64_C(1000000)
#define S UINT64_C(1000000000)

enum {
    STREAMS = 6,
    SEEN = 16,   /* Segments of the tester that can be answered. */
    TURNS = 200, /* Of an input. */
    SEGMENT_BYTES = 256
};

struct game {
    struct tcp *tcp;
    struct record *record;
    struct traffic *traffic;
    uint64_t now_ns;
    struct tcp_descriptor seen[SEEN]; /* The last ones. */
    uint32_t seen_count;
    struct http_message message;
    struct http_expect expect;
};

static const struct tls_config tls = {.insecure = true, .host = "x", .resume = true};

/* Held with two in flight, an open loop on two connections, a closed one, and one over TLS. */
static void set_http(struct game *game, struct traffic_stream_config streams[])
{
    struct http_request_config request = {.target = "/", .host = "x", .body.size_bytes = 100};
    if (http_message_request(&game->message, &request, NULL) < 0)
        abort();
    http_expect_init(&game->expect);
    http_expect_name(&game->expect, "x");
    for (unsigned i = 2; i < STREAMS; i++) {
        streams[i] = traffic_stream_default(TRAFFIC_HTTP);
        streams[i].flows = 2;
        streams[i].law = law_constant(20, S);
        streams[i].messages = &game->message;
        streams[i].message_count = 1;
        streams[i].expect = &game->expect;
    }
    streams[2].pattern = TRAFFIC_HELD;
    streams[2].depth = 2;
    streams[3].connections = 2;
    streams[3].queue = 3;
    streams[4].pattern = TRAFFIC_CLOSED;
    streams[4].depth = 2;
    streams[5].tls = &tls;
}

static void setup(struct game *game)
{
    struct traffic_config config = traffic_config_default();
    struct tcp_config tcp = tcp_config_default(32);
    struct record_config record = {.stream_count = STREAMS,
                                   .capacity = {4096, 512, 512, 512, 32, 64}};
    memset(game, 0, sizeof(*game));
    config.connections = 32;
    config.stream_count = STREAMS;
    config.pool_count = 1;
    config.streams[0] = traffic_stream_default(TRAFFIC_CTRAFFIC);
    config.streams[0].flows = 4;
    config.streams[0].size_bytes = 100;
    config.streams[0].law = law_constant(40, S);
    config.streams[1] = traffic_stream_default(TRAFFIC_CONNECT);
    config.streams[1].law = law_constant(20, S);
    set_http(game, config.streams);
    for (unsigned i = 0; i < STREAMS; i++) {
        config.streams[i].target_count = 1;
        config.streams[i].targets[0].port = (uint16_t)(5003 + i);
        address_parse("10.9.0.1", &config.streams[i].targets[0].address, NULL);
    }
    prefix_parse("10.0.0.0/29", &config.pools[0], NULL);
    config.port_first = 20000;
    config.port_last = 20099;
    tcp.segments = 64;
    tcp.chunks = 16;
    tcp.time_waits = 64;
    tcp.events = 512;
    tcp.user_timeout_ns = 0;
    tcp.fin_wait_2_ns = 0;
    tcp.time_wait_ns = 500 * MS;
    game->tcp = tcp_setup(&tcp, 0, NULL);
    game->record = record_setup(&record);
    game->traffic = traffic_setup(&config, game->tcp, game->record, NULL);
    if (game->traffic == NULL)
        abort();
}

static void turn(struct game *game)
{
    struct tcp_descriptor out[8];
    uint8_t payload[2048];
    uint32_t count;
    tcp_timers(game->tcp, game->now_ns);
    traffic_timers(game->traffic, game->now_ns);
    traffic_due(game->traffic, game->now_ns);
    traffic_events(game->traffic, game->now_ns, 1000);
    while ((count = tcp_output(game->tcp, game->now_ns, out, 8)) > 0) {
        for (uint32_t i = 0; i < count; i++) {
            traffic_fill(game->traffic, &out[i], payload);
            traffic_sent(game->traffic, &out[i], game->now_ns + 500);
            game->seen[game->seen_count++ % SEEN] = out[i];
        }
        traffic_events(game->traffic, game->now_ns, 1000);
    }
}

/* An answer to a segment that was seen: its flags are any, its numbers right but for a nudge. */
static void answer(struct game *game, uint8_t which, uint8_t flags, uint8_t nudge,
                   const void *bytes, uint8_t count)
{
    const struct tcp_descriptor *to = &game->seen[which % SEEN];
    uint8_t l4[TCP_HEADER_BYTES_MAX + SEGMENT_BYTES];
    uint32_t length = to->payload_bytes + ((to->flags & (TCP_SYN | TCP_FIN)) != 0);
    struct tcp_descriptor segment = {.seq = (to->flags & TCP_SYN) != 0 ? 77 : to->ack,
                                     .ack = to->seq + length,
                                     .flags = flags & 0x3f,
                                     .window = 0xffff};
    if (game->seen_count == 0)
        return;
    segment.seq += (uint32_t)(nudge & 0x0f) * (nudge & 1);
    segment.ack -= (uint32_t)(nudge >> 4) * (nudge & 1);
    segment.tuple = to->tuple;
    segment.tuple.local_port = to->tuple.remote_port;
    segment.tuple.remote_port = to->tuple.local_port;
    uint16_t header = tcp_header_write(&segment, l4);
    memcpy(l4 + header, bytes, count);
    tcp_input(game->tcp, game->now_ns, &to->tuple, l4, (uint16_t)(header + count));
    traffic_events(game->traffic, game->now_ns, 1000);
}

/* What an HTTP server says, in parts. */
static void say(struct game *game, uint8_t which, uint8_t what)
{
    static const char *const texts[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: a\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 2",
    };
    const char *text = texts[what % 8];
    answer(game, which, TCP_ACK, 0, text, (uint8_t)strlen(text));
}

static void play(struct game *game, const uint8_t *data, size_t size)
{
    static const uint8_t none[128];
    for (unsigned i = 0; i < TURNS && size >= 4; i++, data += 4, size -= 4) {
        uint8_t bytes[128] = {0};
        memcpy(bytes, data + 4, size - 4 < 8 ? size - 4 : 8);
        switch (data[0] % 9) {
        case 0: game->now_ns += (uint64_t)data[1] * data[2] * 25000; break;
        case 1: traffic_stop(game->traffic, data[1] % STREAMS, game->now_ns); break;
        case 2: traffic_start(game->traffic, data[1] % STREAMS, game->now_ns, 0); break;
        case 3:
            tcp_icmp(game->tcp, game->now_ns, &game->seen[data[1] % SEEN].tuple,
                     game->seen[data[1] % SEEN].seq, data[2] % 7, 600);
            break;
        case 4: answer(game, data[1], TCP_SYN | TCP_ACK, 0, none, 0); break;
        case 5: say(game, data[1], data[2]); break;
        default: answer(game, data[1], data[2], data[3], bytes, data[0] & 0x7f); break;
        }
        turn(game);
        game->now_ns += MS;
    }
}

/* Nobody answers any more: what was not stopped stops, and goes. */
static void end(struct game *game)
{
    for (unsigned i = 0; i < STREAMS; i++)
        traffic_stop(game->traffic, i, game->now_ns);
    for (unsigned i = 0; i < 50; i++) {
        turn(game);
        game->now_ns += 100 * MS;
    }
    if (traffic_connections(game->traffic) != 0 || !tcp_is_empty(game->tcp) ||
        !record_sums_hold(game->record))
        abort();
    for (unsigned i = 0; i < STREAMS; i++) {
        const struct record_counters *counters = &game->record->streams[i].counters;
        if (record_count_read(&counters->connections_up) != 0 ||
            record_count_read(&counters->connecting) != 0 ||
            record_count_read(&counters->steady_flows) != 0)
            abort();
    }
    traffic_free(game->traffic);
    http_message_free(&game->message);
    tcp_teardown(game->tcp);
    record_free(game->record);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct game game;
    setup(&game);
    for (unsigned i = 0; i < STREAMS; i++)
        traffic_start(game.traffic, i, 0, 0);
    turn(&game);
    play(&game, data, size);
    end(&game);
    return 0;
}
