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
    uint32_t interface;
    bool there;
    struct capture_packet packet;
};

static unsigned open_sources(const struct piece *piece, struct source sources[]);
static void describe(const struct piece *piece, const struct source sources[], unsigned count,
                     char comment[PIECE_COMMENT_BYTES]);
static struct source *oldest(struct source sources[], unsigned count);
static void advance(struct source *source);

int piece_write(const struct piece *piece, const char *path, char comment[PIECE_COMMENT_BYTES],
                struct error *err)
{
    struct source sources[PIECE_RINGS], *source;
    struct text file = {0};
    unsigned count = open_sources(piece, sources);
    describe(piece, sources, count, comment);
    pcap_begin(&file, comment);
    for (unsigned i = 0; i < piece->count; i++)
        pcap_interface(&file, piece->names[i], CAPTURE_SNAP_BYTES);
    while ((source = oldest(sources, count)) != NULL) {
        const struct capture_packet *packet = &source->packet;
        int64_t utc_ns = utc_from_run(piece->utc, clock_ns(piece->clock, packet->tsc));
        pcap_packet(&file, source->interface, (uint64_t)utc_ns, packet->sent, packet->data,
                    packet->kept, packet->bytes);
        advance(source);
    }
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
        advance(source);
    }
    return count;
}

/* How deep it is: to the newest of the rings' oldest packets, from where on all are there. */
static void describe(const struct piece *piece, const struct source sources[], unsigned count,
                     char comment[PIECE_COMMENT_BYTES])
{
    uint64_t from_ns = 0;
    bool whole = true;
    for (unsigned i = 0; i < count; i++) {
        uint64_t first_ns = clock_ns(piece->clock, sources[i].packet.tsc);
        if (sources[i].end < sources[i].capture->slot_count || !sources[i].there)
            continue; /* It has never been full: nothing of it is missing. */
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
    while (source->index < source->end && !source->there)
        source->there = capture_get(source->capture, source->index++, &source->packet);
}
