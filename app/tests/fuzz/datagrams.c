/* fuzz: deps traffic */
/* A hostile network against datagrams (UDP and ICMP, both families) and raw frames: answers that are
 * cut, changed, doubled, from the future or to nobody, and ICMP errors that quote anything. Whatever
 * comes, each due request gets one outcome, no more is received of raw frames than was sent, and
 * nothing is read beyond what came. Input: {operation, argument, argument, argument}, each followed
 * by what it wants of bytes. */
#include "traffic/traffic.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "traffic/raw.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MS UINT64_C(1000000)
#define S UINT64_C(1000000000)

enum {
    STREAMS = 5,
    RAW_STREAMS = 2, /* The last of them. */
    SEEN = 16,       /* Datagrams and frames of the tester that can be answered. */
    TURNS = 300,     /* Of an input. */
    ROOM = 4,        /* Frames a turn. */
    L4_MAX = 256
};

struct seen {
    struct tuple tuple;
    uint32_t bytes;
    uint8_t l4[L4_MAX];
};

struct game {
    struct tcp *tcp;
    struct record *record;
    struct traffic *traffic;
    struct traffic_board *board;
    uint64_t now_ns;
    struct seen seen[SEEN];
    uint32_t seen_count;
};

static const char *const targets[STREAMS] = {"10.9.0.1", "10.9.0.1", "fd09::1", "10.9.0.2",
                                             "fd09::2"};

static void set_raw(struct traffic_stream_config *stream, const char *source)
{
    struct template_config *template = &stream->raw.template;
    template->destination = stream->targets[0].address;
    address_parse(source, &template->source, NULL);
    template->source_port = 1024;
    template->destination_port = 9;
    template->counts[TEMPLATE_SOURCE_PORT] = 7;
    template->size_bytes[0] = 90;
    template->size_bytes[1] = 120;
    template->size_count = 2;
    stream->timeout_ns = 100 * MS;
}

static void setup(struct game *game)
{
    static const enum traffic_protocol protocols[STREAMS] = {
        TRAFFIC_UDP, TRAFFIC_ICMP, TRAFFIC_ICMP, TRAFFIC_RAW, TRAFFIC_RAW};
    struct traffic_config config = traffic_config_default();
    struct tcp_config tcp = tcp_config_default(8);
    struct record_config record = {.stream_count = STREAMS,
                                   .capacity = {4096, 64, 512, 64, 32, 64}};
    memset(game, 0, sizeof(*game));
    game->board = aligned_alloc(64, sizeof(*game->board));
    memset(game->board, 0, sizeof(*game->board));
    config.run = 0x0107;
    config.board = game->board;
    config.port_first = 20000;
    config.port_last = 20099;
    config.stream_count = STREAMS;
    config.pool_count = 2;
    prefix_parse("10.0.0.0/29", &config.pools[0], NULL);
    prefix_parse("fd00::/125", &config.pools[1], NULL);
    for (unsigned i = 0; i < STREAMS; i++) {
        struct traffic_stream_config *stream = &config.streams[i];
        *stream = traffic_stream_default(protocols[i]);
        stream->target_count = 1;
        stream->targets[0].port = protocols[i] == TRAFFIC_ICMP ? 0 : 6000;
        address_parse(targets[i], &stream->targets[0].address, NULL);
        stream->law = law_constant(100, S);
        stream->flows = i < STREAMS - RAW_STREAMS ? 1 + i : 1;
        stream->timeout_ns = 200 * MS;
        if (protocols[i] == TRAFFIC_RAW)
            set_raw(stream, i == 3 ? "10.0.0.1" : "fd00::1");
    }
    game->tcp = tcp_setup(&tcp, 0, NULL);
    game->record = record_setup(&record);
    game->traffic = traffic_setup(&config, game->tcp, game->record, NULL);
    if (game->traffic == NULL)
        abort();
}

static struct seen *see(struct game *game, const struct tuple *tuple, uint32_t bytes)
{
    struct seen *seen = &game->seen[game->seen_count++ % SEEN];
    *seen = (struct seen){.tuple = *tuple, .bytes = bytes};
    return seen;
}

static void send_frames(struct game *game)
{
    static const uint8_t mac[6];
    static uint8_t room[ROOM][2048];
    uint8_t *at[ROOM] = {room[0], room[1], room[2], room[3]};
    uint16_t bytes[ROOM];
    struct traffic_frames frames;
    while (traffic_frames(game->traffic, game->now_ns, ROOM, &frames)) {
        traffic_frames_fill(game->traffic, &frames, mac, mac, at, bytes, game->now_ns);
        for (unsigned i = 0; i < frames.count; i++) {
            uint32_t l4_at = frames.stream == 3 ? 34 : 54;
            struct seen *seen = see(game, frames.tuple, bytes[i] - l4_at);
            memcpy(seen->l4, at[i] + l4_at, seen->bytes);
        }
    }
}

static void turn(struct game *game)
{
    struct traffic_datagram datagram;
    traffic_timers(game->traffic, game->now_ns);
    traffic_due(game->traffic, game->now_ns);
    while (traffic_datagram(game->traffic, game->now_ns, &datagram)) {
        struct seen *seen = see(game, datagram.tuple, datagram.l4_bytes);
        traffic_datagram_fill(game->traffic, &datagram, game->now_ns, seen->l4);
        traffic_datagram_sent(game->traffic, &datagram, game->now_ns + 500);
    }
    send_frames(game);
}

/* On the heap, of its exact size: a byte read beyond it is found. */
static void arrive(struct game *game, const struct tuple *tuple, const uint8_t *l4, uint32_t bytes)
{
    uint8_t *exact = malloc(bytes);
    memcpy(exact, l4, bytes);
    traffic_answer(game->traffic, tuple, exact, bytes, game->now_ns, 1000);
    free(exact);
}

static void err(struct game *game, const struct seen *about, uint8_t kind, uint32_t quoted)
{
    uint32_t bytes = quoted < 8 ? 8 : quoted > about->bytes ? about->bytes : quoted;
    uint8_t *exact = malloc(bytes);
    memcpy(exact, about->l4, bytes);
    struct icmp_error error = {.kind = (enum icmp_kind)(kind % ICMP_KIND_COUNT),
                               .quoted = about->tuple,
                               .quoted_bytes = bytes,
                               .quoted_l4 = exact};
    traffic_answer_error(game->traffic, &error, game->now_ns, 1000);
    free(exact);
}

/* Returns how many bytes behind the four it took. */
static size_t act(struct game *game, const uint8_t *at, size_t left)
{
    struct seen copy = game->seen[at[1] % SEEN];
    size_t taken = at[3] < left ? at[3] : left;
    bool any = game->seen_count > 0 && copy.bytes >= 8;
    switch (at[0] % 8) {
    case 0: game->now_ns += (uint64_t)at[1] * at[2] * 25000; return 0;
    case 1: traffic_stop(game->traffic, at[1] % STREAMS, game->now_ns); return 0;
    case 2: traffic_start(game->traffic, at[1] % STREAMS, game->now_ns, 0); return 0;
    case 3: /* As it was sent, or cut. */
        if (any)
            arrive(game, &copy.tuple, copy.l4,
                   at[2] >= 8 && at[2] < copy.bytes ? at[2] : copy.bytes);
        return 0;
    case 4: /* With bytes changed, from the front, or from the end. */
        if (!any || taken > copy.bytes)
            return 0;
        memcpy(at[2] & 1 ? copy.l4 + copy.bytes - taken : copy.l4, at + 4, taken);
        arrive(game, &copy.tuple, copy.l4, copy.bytes);
        return taken;
    case 5: /* One byte of it. */
        if (any) {
            copy.l4[at[2] % copy.bytes] ^= at[3];
            arrive(game, &copy.tuple, copy.l4, copy.bytes);
        }
        return 0;
    case 6:
        if (any)
            err(game, &copy, at[2], at[3]);
        return 0;
    default: /* Anything at all. */
        if (taken < 8)
            return 0;
        arrive(game, &copy.tuple, at + 4, (uint32_t)taken);
        return taken;
    }
}

static void check(const struct game *game)
{
    for (unsigned i = 0; i < STREAMS; i++) {
        const struct record_counters *counters = &game->record->streams[i].counters;
        uint64_t received = record_count_read(&counters->received);
        if (received > record_count_read(&counters->sent))
            abort();
    }
}

static void end(struct game *game)
{
    for (unsigned i = 0; i < STREAMS; i++)
        traffic_stop(game->traffic, i, game->now_ns);
    game->now_ns += S;
    turn(game);
    if (!record_sums_hold(game->record) || traffic_next_ns(game->traffic) != UINT64_MAX)
        abort();
    traffic_free(game->traffic);
    tcp_teardown(game->tcp);
    record_free(game->record);
    free(game->board);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct game game;
    setup(&game);
    for (unsigned i = 0; i < STREAMS; i++)
        traffic_start(game.traffic, i, 0, 0);
    turn(&game);
    for (unsigned i = 0; i < TURNS && size >= 4; i++) {
        size_t taken = 4 + act(&game, data, size - 4);
        data += taken;
        size -= taken;
        turn(&game);
        check(&game);
        game.now_ns += MS;
    }
    end(&game);
    return 0;
}
