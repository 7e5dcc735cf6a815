#include "run/piece.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "rundir/pcap.h"

/* A ring while it is written: its next packet. */
struct source {
    const struct capture *capture;
    uint64_t index, end;
    uint64_t from_tsc; /* Of the packet from which on none is missing. */
    uint32_t interface;
    bool there;
    bool gap;     /* Packets right before `index` were overwritten. */
    bool missing; /* Some were. */
    struct capture_packet packet;
};

static unsigned open_sources(const struct piece *piece, struct source sources[]);
static void add_packets(const struct piece *piece, struct source sources[], unsigned count,
                        struct text *packets);
static void describe(const struct piece *piece, const struct source sources[], unsigned count,
                     char comment[PIECE_COMMENT_BYTES]);
static struct source *oldest(struct source sources[], unsigned count);
static void advance(struct source *source);

int piece_write(const struct piece *piece, const char *path, char comment[PIECE_COMMENT_BYTES],
                struct error *err)
{
    struct source sources[PIECE_RINGS];
    struct text file = {0}, packets = {0};
    unsigned count = open_sources(piece, sources);
    add_packets(piece, sources, count, &packets);
    describe(piece, sources, count, comment);
    pcap_begin(&file, comment);
    for (unsigned i = 0; i < piece->count; i++)
        pcap_interface(&file, piece->names[i], CAPTURE_SNAP_BYTES);
    text_add_bytes(&file, packets.data, packets.size);
    file.failed |= packets.failed;
    text_free(&packets);
    int code = text_write_file(&file, path);
    text_free(&file);
    if (code < 0)
        return error_set(err, EXIT_ENVIRONMENT, code, "%s: %s", path, strerror(-code));
    return 0;
}

static unsigned open_sources(const struct piece *piece, struct source sources[])
{
    unsigned count = 0;
    for (unsigned i = 0; i < piece->count; i++) {
        const struct capture *capture = piece->rings[i];
        if (capture == NULL)
            continue;
        struct source *source = &sources[count++];
        *source = (struct source){.capture = capture, .interface = i};
        capture_range(capture, &source->index, &source->end);
        source->gap = source->index > 0;
        advance(source);
    }
    return count;
}

static void add_packets(const struct piece *piece, struct source sources[], unsigned count,
                        struct text *packets)
{
    struct source *source;
    while ((source = oldest(sources, count)) != NULL) {
        const struct capture_packet *packet = &source->packet;
        int64_t utc_ns = utc_from_run(piece->utc, clock_ns(piece->clock, packet->tsc));
        pcap_packet(packets, source->interface, (uint64_t)utc_ns, packet->sent, packet->data,
                    packet->kept, packet->bytes);
        advance(source);
    }
}

/* How deep it is: to the newest of the times from which on all of a ring's packets are there. Told
 * when they were taken, for the workers may have overwritten some before. */
static void describe(const struct piece *piece, const struct source sources[], unsigned count,
                     char comment[PIECE_COMMENT_BYTES])
{
    uint64_t from_ns = 0;
    bool whole = true;
    for (unsigned i = 0; i < count; i++) {
        if (!sources[i].missing)
            continue;
        uint64_t first_ns = clock_ns(piece->clock, sources[i].from_tsc);
        if (sources[i].gap || first_ns > piece->now_ns)
            first_ns = piece->now_ns; /* None of what was there at the cut is followed by all. */
        whole = false;
        from_ns = first_ns > from_ns ? first_ns : from_ns;
    }
    bool held = whole || from_ns <= piece->onset_ns;
    snprintf(comment, PIECE_COMMENT_BYTES,
             "loss from run time %" PRIu64 ".%09" PRIu64 " s on; %s%" PRIu64 " ms deep; %s",
             piece->onset_ns / 1000000000, piece->onset_ns % 1000000000,
             whole ? "all packets since the start, " : "", (piece->now_ns - from_ns) / 1000000,
             held ? "the onset is in it" : "onset not held");
}

static struct source *oldest(struct source sources[], unsigned count)
{
    struct source *found = NULL;
    for (unsigned i = 0; i < count; i++)
        if (sources[i].there && (found == NULL || sources[i].packet.tsc < found->packet.tsc))
            found = &sources[i];
    return found;
}

/* What was overwritten meanwhile is skipped. */
static void advance(struct source *source)
{
    source->there = false;
    while (source->index < source->end && !source->there) {
        source->there = capture_get(source->capture, source->index++, &source->packet);
        source->gap |= !source->there;
    }
    source->missing |= source->gap;
    if (!source->there || !source->gap)
        return;
    source->from_tsc = source->packet.tsc;
    source->gap = false;
}
