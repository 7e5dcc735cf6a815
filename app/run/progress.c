#include "run/progress.h"

#include <inttypes.h>
#include <stdlib.h>

#include "run/view.h"

/* A view may move five times a second; a log gets one line a second. */
#define VIEW_NS UINT64_C(200000000)
#define LINE_NS UINT64_C(1000000000)

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

void progress_start(struct progress *progress, FILE *stream, bool quiet)
{
    const char *no_colour = getenv("NO_COLOR");
    *progress = (struct progress){.quiet = quiet,
                                  .view = !quiet && screen_can(stream),
                                  .colour = no_colour == NULL || no_colour[0] == '\0',
                                  .stream = stream};
    if (!progress->view)
        return;
    progress->locale = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
    screen_start(&progress->screen, stream);
}

static void draw(struct progress *progress, const struct live *live)
{
    unsigned columns, rows;
    /* The last column and row are left free: nothing is to wrap or to scroll. */
    screen_size(&progress->screen, &columns, &rows);
    locale_t before = progress->locale != (locale_t)0 ? uselocale(progress->locale) : (locale_t)0;
    view_rows(live, progress->colour, columns > 1 ? columns - 1 : 1, rows > 1 ? rows - 1 : 1,
              &progress->rows);
    if (before != (locale_t)0)
        uselocale(before);
    screen_draw(&progress->screen, &progress->rows, live->now.now_ns);
}

void progress_tick(struct progress *progress, const struct live *live)
{
    char line[256];
    uint64_t now_ns = live->now.now_ns;
    uint64_t every_ns = progress->view ? VIEW_NS : LINE_NS;
    if (progress->quiet || (progress->shown_ns != 0 && now_ns < progress->shown_ns + every_ns))
        return;
    progress->shown_ns = now_ns;
    if (progress->view) {
        draw(progress, live);
        return;
    }
    fprintf(progress->stream, "%s\n", progress_text(live, line));
    fflush(progress->stream);
}

void progress_end(struct progress *progress)
{
    screen_stop(&progress->screen);
    text_free(&progress->rows.text);
    if (progress->locale != (locale_t)0)
        freelocale(progress->locale);
    progress->locale = (locale_t)0;
}
