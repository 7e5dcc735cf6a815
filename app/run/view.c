#include "run/view.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <wchar.h>

#define BOLD "\033[1m"
#define RED "\033[31m"
#define YELLOW "\033[33m"
#define PLAIN "\033[0m"

enum {
    NOTES_MAX = 10,
    NAME_COLUMNS = 14,
    CELL_BYTES = 300
};

/* Where the next character goes. */
struct pen {
    struct screen_rows *rows;
    bool colour;
    unsigned columns, most;
    unsigned left; /* Columns of the present row. */
    bool row;      /* There is one; false: no more rows. */
};

/* ---- a row ---- */

static void begin_row(struct pen *pen)
{
    struct screen_rows *rows = pen->rows;
    pen->row = rows->count < pen->most && rows->count < SCREEN_ROWS;
    pen->left = pen->columns;
    if (pen->row)
        rows->each[rows->count].start = rows->text.size;
}

static void end_row(struct pen *pen)
{
    struct screen_rows *rows = pen->rows;
    if (!pen->row)
        return;
    rows->each[rows->count].end = rows->text.size;
    rows->each[rows->count].columns = pen->columns - pen->left;
    rows->count++;
}

/* What is left is too narrow for a character. */
static void blank(struct pen *pen)
{
    for (; pen->left > 0; pen->left--)
        text_add(&pen->rows->text, " ");
}

/* One character of TEXT; its bytes. */
static size_t put_character(struct pen *pen, const char *text, mbstate_t *state)
{
    wchar_t character = 0;
    size_t size = mbrtowc(&character, text, strlen(text), state);
    int width = -1;
    if (size == (size_t)-1 || size == (size_t)-2) {
        memset(state, 0, sizeof(*state));
        size = 1;
    } else {
        width = wcwidth(character);
    }
    unsigned wanted = width > 0 ? (unsigned)width : 1;
    if (wanted > pen->left) {
        blank(pen);
        return size;
    }
    if (width > 0)
        text_add_bytes(&pen->rows->text, text, size);
    else
        text_add(&pen->rows->text, "?");
    pen->left -= wanted;
    return size;
}

static void put(struct pen *pen, const char *style, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* STYLE "": none. */
static void put(struct pen *pen, const char *style, const char *format, ...)
{
    char text[CELL_BYTES];
    mbstate_t state = {0};
    bool styled = pen->colour && style[0] != '\0' && pen->row && pen->left > 0;
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    text_add(&pen->rows->text, styled ? style : "");
    for (const char *at = text; *at != '\0' && pen->row && pen->left > 0;)
        at += put_character(pen, at, &state);
    text_add(&pen->rows->text, styled ? PLAIN : "");
}

/* ---- the rows ---- */

static void put_head(struct pen *pen, const struct live *live)
{
    begin_row(pen);
    put(pen, BOLD, "%s", live->name);
    put(pen, "", "  %.1f s  %s  %s", (double)live->now.now_ns / 1e9,
        live_phase_text(live->now.phase), live->now.step);
    end_row(pen);
}

/* Padded by columns, not by bytes. */
static void put_name(struct pen *pen, const char *name)
{
    unsigned before = pen->left;
    unsigned wanted = NAME_COLUMNS < before ? NAME_COLUMNS : before;
    pen->left = wanted;
    put(pen, "", "%s", name);
    put(pen, "", "%*s", (int)pen->left, "");
    pen->left = before - wanted;
}

static void put_window(struct pen *pen, const struct live *live, const struct live_window *window)
{
    if (window->open)
        put(pen, YELLOW, "  %" PRIu32 ", open %.1f s", window->count,
            (double)(live->now.now_ns - window->from_ns) / 1e9);
    else if (window->count > 0)
        put(pen, "", "  %" PRIu32 ", closed", window->count);
    else
        put(pen, "", "  none");
}

static void put_stream(struct pen *pen, const struct live *live, unsigned index)
{
    const struct live_stream *stream = &live->streams[index];
    const struct fleet_counts *counts = &live->now.streams[index];
    begin_row(pen);
    put_name(pen, stream->name);
    put(pen, "", "%8.0f %8.0f", stream->sent_pps, stream->good_pps);
    put(pen, stream->lost_pps > 0 ? RED : "", " %7.0f", stream->lost_pps);
    put(pen, "", " %8" PRIu64 " %7" PRIu64 " %7" PRIu64, counts->lost, counts->up, counts->broken);
    put_window(pen, live, &stream->window);
    if (counts->connecting > 0)
        put(pen, "", ", %" PRIu64 " connecting", counts->connecting);
    end_row(pen);
}

static void put_streams(struct pen *pen, const struct live *live)
{
    begin_row(pen);
    put_name(pen, "stream");
    put(pen, "", "%8s %8s %7s %8s %7s %7s  %s", "sent/s", "ok/s", "lost/s", "lost", "up", "broken",
        "windows");
    end_row(pen);
    for (unsigned i = 0; i < live->stream_count; i++)
        put_stream(pen, live, i);
}

static void put_pods(struct pen *pen, const struct live_pods *pods)
{
    if (!pods->known)
        return;
    begin_row(pen);
    put(pen, "", "pods ready: old %" PRIu32 " of %" PRIu32 ", new %" PRIu32 " of %" PRIu32,
        pods->old_ready, pods->old, pods->new_ready, pods->new);
    end_row(pen);
}

static void put_workers(struct pen *pen, const struct live *live)
{
    double least = 1, most = 0, sum = 0;
    uint64_t stalls = 0, longest_ns = 0;
    for (unsigned i = 0; i < live->worker_count; i++) {
        const struct live_worker_counts *counts = &live->now.workers[i];
        least = live->loads[i] < least ? live->loads[i] : least;
        most = live->loads[i] > most ? live->loads[i] : most;
        sum += live->loads[i];
        stalls += counts->stalls;
        longest_ns = counts->longest_ns > longest_ns ? counts->longest_ns : longest_ns;
    }
    if (live->worker_count == 0)
        return;
    begin_row(pen);
    put(pen, "", "%u worker%s, load %.0f %%", live->worker_count,
        live->worker_count == 1 ? "" : "s", 100 * sum / live->worker_count);
    if (live->worker_count > 1)
        put(pen, "", " (%.0f to %.0f %%)", 100 * least, 100 * most);
    put(pen, stalls > 0 ? YELLOW : "", ", %" PRIu64 " stalls", stalls);
    put(pen, "", ", longest gap %.3f ms", (double)longest_ns / 1e6);
    end_row(pen);
}

/* The newest that there is room for, the oldest of them first. */
static void put_notes(struct pen *pen, const struct live *live)
{
    unsigned room = pen->most > pen->rows->count ? pen->most - pen->rows->count : 0;
    unsigned count = room < NOTES_MAX ? room : NOTES_MAX;
    for (unsigned back = count; back-- > 0;) {
        const struct live_note *note = live_note_at(live, back);
        if (note == NULL)
            continue;
        begin_row(pen);
        put(pen, "", "%9.3f  %s", (double)note->at_ns / 1e9, note->text);
        end_row(pen);
    }
}

void view_rows(const struct live *live, bool colour, unsigned columns, unsigned most,
               struct screen_rows *rows)
{
    struct pen pen = {.rows = rows, .colour = colour, .columns = columns, .most = most};
    text_clear(&rows->text);
    rows->count = 0;
    put_head(&pen, live);
    put_streams(&pen, live);
    put_pods(&pen, &live->now.pods);
    put_workers(&pen, live);
    put_notes(&pen, live);
}
