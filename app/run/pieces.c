#include "run/pieces.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "analyze/result.h"
#include "net/capture.h"
#include "rundir/pcap.h"

/* A worker's ring while it is written: its next packet. */
struct source {
    const struct capture *capture;
    uint64_t index, end;
    uint32_t interface;
    bool there;
    struct capture_packet packet;
};

int pieces_start(struct pieces *pieces, const struct fleet *fleet,
                 const struct experiment *experiment, struct error *err)
{
    *pieces = (struct pieces){.hold_off_ns = (uint64_t)experiment->windows.hold_off_ns,
                              .opens = result_opens(experiment)};
    for (unsigned i = 0; i < fleet->count; i++) {
        pieces->rings[i] = capture_setup(PIECES_PACKETS);
        if (pieces->rings[i] == NULL)
            return error_set(err, EXIT_ENVIRONMENT, -ENOMEM,
                             "not enough memory for the packets that --pcap keeps");
        net_watch(fleet->members[i].port, pieces->rings[i]);
    }
    return 0;
}

void pieces_free(struct pieces *pieces)
{
    for (unsigned i = 0; i < FLEET_MEMBERS; i++)
        capture_free(pieces->rings[i]);
    memset(pieces->rings, 0, sizeof(pieces->rings));
}

struct seen {
    uint64_t lost, broken;
    uint64_t due_ns; /* Of the newest request that was not ok. */
};

static struct seen count(const struct fleet *fleet, uint32_t opens)
{
    struct seen seen = {0};
    for (unsigned i = 0; i < fleet->count; i++) {
        const struct record *record = worker_record(fleet->members[i].worker);
        for (unsigned s = 0; s < fleet->stream_count; s++) {
            const struct record_counters *counters = &record->streams[s].counters;
            for (unsigned o = 0; o < OUTCOME_COUNT; o++)
                seen.lost += opens >> o & 1 ? record_count_read(&counters->outcomes[o]) : 0;
            seen.broken += record_count_read(&counters->broken);
            uint64_t due_ns = record_count_read(&counters->wrong_due_ns);
            seen.due_ns = due_ns > seen.due_ns ? due_ns : seen.due_ns;
        }
    }
    return seen;
}

static void look(struct pieces *pieces, const struct fleet *fleet, uint64_t now_ns)
{
    struct seen seen = count(fleet, pieces->opens);
    bool lost = seen.lost > pieces->lost, broken = seen.broken > pieces->broken;
    pieces->lost = seen.lost;
    pieces->broken = seen.broken;
    if (!lost && !broken)
        return;
    bool opens = pieces->last_ns == 0 || now_ns > pieces->last_ns + pieces->hold_off_ns;
    pieces->last_ns = now_ns;
    if (!opens || pieces->cut_ns != 0)
        return;
    if (pieces->count == PIECES_MAX) {
        pieces->not_asked++;
        return;
    }
    pieces->onset_ns = lost && seen.due_ns != 0 ? seen.due_ns : now_ns;
    pieces->cut_ns = now_ns + PIECES_AFTER_NS;
}

/* What was overwritten meanwhile is skipped. */
static void advance(struct source *source)
{
    source->there = false;
    while (source->index < source->end && !source->there)
        source->there = capture_get(source->capture, source->index++, &source->packet);
}

static struct source *oldest(struct source sources[], unsigned count)
{
    struct source *found = NULL;
    for (unsigned i = 0; i < count; i++)
        if (sources[i].there && (found == NULL || sources[i].packet.tsc < found->packet.tsc))
            found = &sources[i];
    return found;
}

static unsigned open_sources(const struct pieces *pieces, const struct fleet *fleet,
                             struct source sources[])
{
    unsigned count = 0;
    for (unsigned i = 0; i < fleet->count; i++) {
        const struct capture *capture = pieces->rings[i];
        if (capture == NULL)
            continue;
        struct source *source = &sources[count++];
        *source = (struct source){.capture = capture, .interface = i};
        capture_range(capture, &source->index, &source->end);
        advance(source);
    }
    return count;
}

/* How deep it is: to the newest of the workers' oldest packets, from where on all are there. */
static void describe(const struct pieces *pieces, const struct fleet *fleet,
                     const struct source sources[], unsigned count, char *text, size_t size)
{
    uint64_t from_ns = 0, now_ns = clock_now_ns(fleet->clock);
    bool whole = true;
    for (unsigned i = 0; i < count; i++) {
        uint64_t first_ns = clock_ns(fleet->clock, sources[i].packet.tsc);
        if (sources[i].end < sources[i].capture->slot_count || !sources[i].there)
            continue; /* Its ring has never been full: nothing of it is missing. */
        whole = false;
        from_ns = first_ns > from_ns ? first_ns : from_ns;
    }
    bool held = whole || from_ns <= pieces->onset_ns;
    snprintf(text, size,
             "loss from run time %" PRIu64 ".%09" PRIu64 " s on; %s%" PRIu64 " ms deep; %s",
             pieces->onset_ns / 1000000000, pieces->onset_ns % 1000000000,
             whole ? "all packets since the start, " : "", (now_ns - from_ns) / 1000000,
             held ? "the onset is in it" : "onset not held");
}

static int cut(struct pieces *pieces, const struct fleet *fleet, const struct utc *utc,
               const char *rundir, struct error *err)
{
    struct source sources[FLEET_MEMBERS], *source;
    struct text file = {0};
    char path[PATH_MAX], comment[200], name[80];
    unsigned count = open_sources(pieces, fleet, sources);
    describe(pieces, fleet, sources, count, comment, sizeof(comment));
    pcap_begin(&file, comment);
    for (unsigned i = 0; i < fleet->count; i++) {
        snprintf(name, sizeof(name), "%s worker %u", fleet->members[i].nic->config->name, i);
        pcap_interface(&file, name, CAPTURE_SNAP_BYTES);
    }
    while ((source = oldest(sources, count)) != NULL) {
        const struct capture_packet *packet = &source->packet;
        int64_t utc_ns = utc_from_run(utc, clock_ns(fleet->clock, packet->tsc));
        pcap_packet(&file, source->interface, (uint64_t)utc_ns, packet->sent, packet->data,
                    packet->kept, packet->bytes);
        advance(source);
    }
    snprintf(path, sizeof(path), "%s/capture-%u.pcapng", rundir, ++pieces->count);
    int code = text_write_file(&file, path);
    text_free(&file);
    if (code < 0)
        return error_set(err, EXIT_ENVIRONMENT, code, "%s: %s", path, strerror(-code));
    fprintf(stderr, "\nseamline: %s: %s\n", path, comment);
    return 0;
}

int pieces_tick(struct pieces *pieces, const struct fleet *fleet, const struct utc *utc,
                const char *rundir, struct error *err)
{
    uint64_t now_ns = clock_now_ns(fleet->clock);
    look(pieces, fleet, now_ns);
    if (pieces->cut_ns == 0 || now_ns < pieces->cut_ns)
        return 0;
    pieces->cut_ns = 0;
    return cut(pieces, fleet, utc, rundir, err);
}
