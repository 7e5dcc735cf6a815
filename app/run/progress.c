#include "run/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A rewritten line may move five times a second; a log gets one line a second. */
#define TERMINAL_NS UINT64_C(200000000)
#define LOG_NS UINT64_C(1000000000)

const char *progress_text(const struct live *live, char out[256])
{
    const struct live_pods *pods = &live->now.pods;
    struct fleet_counts sum = {0};
    for (unsigned i = 0; i < live->stream_count; i++) {
        const struct fleet_counts *counts = &live->now.streams[i];
        sum.up += counts->up;
        sum.broken += counts->broken;
        sum.connecting += counts->connecting;
        sum.sent += counts->sent;
        sum.received += counts->received;
        sum.lost += counts->lost;
    }
    int size =
        snprintf(out, 256,
                 "%7.1f s  %-24s connections %" PRIu64 " up %" PRIu64 " broken %" PRIu64
                 " connecting  packets %" PRIu64 " sent %" PRIu64 " received %" PRIu64 " lost",
                 (double)live->now.now_ns / 1e9, live->now.step, sum.up, sum.broken, sum.connecting,
                 sum.sent, sum.received, sum.lost);
    if (pods->known && size > 0 && size < 256)
        snprintf(out + size, 256 - (size_t)size, "  pods ready old %u/%u new %u/%u",
                 pods->old_ready, pods->old, pods->new_ready, pods->new);
    return out;
}

void progress_start(struct progress *progress, bool quiet)
{
    *progress = (struct progress){.quiet = quiet, .terminal = isatty(STDERR_FILENO) == 1};
}

void progress_tick(struct progress *progress, const struct live *live)
{
    char line[256];
    uint64_t now_ns = live->now.now_ns;
    uint64_t every_ns = progress->terminal ? TERMINAL_NS : LOG_NS;
    if (progress->quiet || (progress->shown_ns != 0 && now_ns < progress->shown_ns + every_ns))
        return;
    progress->shown_ns = now_ns;
    progress_text(live, line);
    if (progress->terminal)
        fprintf(stderr, "\r%-*s", (int)progress->width, line);
    else
        fprintf(stderr, "%s\n", line);
    fflush(stderr);
    progress->width = (unsigned)strlen(line);
}

void progress_end(struct progress *progress)
{
    if (progress->terminal && progress->width > 0)
        fputc('\n', stderr);
    progress->width = 0;
}
