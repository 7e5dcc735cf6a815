#include "run/pieces.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "analyze/result.h"
#include "net/capture.h"
#include "run/piece.h"

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

static int cut(struct pieces *pieces, const struct fleet *fleet, const struct utc *utc,
               const char *rundir, struct error *err)
{
    char path[PATH_MAX], comment[PIECE_COMMENT_BYTES];
    struct piece piece = {.count = fleet->count,
                          .onset_ns = pieces->onset_ns,
                          .now_ns = clock_now_ns(fleet->clock),
                          .clock = fleet->clock,
                          .utc = utc};
    for (unsigned i = 0; i < fleet->count; i++) {
        piece.rings[i] = pieces->rings[i];
        snprintf(piece.names[i], sizeof(piece.names[i]), "%s worker %u",
                 fleet->members[i].nic->config->name, i);
    }
    snprintf(path, sizeof(path), "%s/capture-%u.pcapng", rundir, ++pieces->count);
    int code = piece_write(&piece, path, comment, err);
    if (code == 0)
        fprintf(stderr, "\nseamline: %s: %s\n", path, comment);
    return code;
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
