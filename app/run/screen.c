#include "run/screen.h"

#include <errno.h>
#include <poll.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

bool screen_can(FILE *stream)
{
    const char *term = getenv("TERM");
    return isatty(fileno(stream)) == 1 && term != NULL && term[0] != '\0' &&
           strcmp(term, "dumb") != 0;
}

void screen_start(struct screen *screen, FILE *stream)
{
    screen->stream = stream;
    screen->on = true;
    screen->drawn = 0;
    screen->drawn_ns = 0;
    fflush(stream);
    setvbuf(stream, screen->buffer, _IOFBF, sizeof(screen->buffer));
}

void screen_size(const struct screen *screen, unsigned *columns, unsigned *rows)
{
    struct winsize size = {0};
    ioctl(fileno(screen->stream), TIOCGWINSZ, &size);
    *columns = size.ws_col > 0 ? size.ws_col : 80;
    *rows = size.ws_row > 0 ? size.ws_row : 24;
}

/* How many rows of the terminal the last drawing takes now. */
static unsigned height(const struct screen *screen)
{
    unsigned columns, rows, sum = 0;
    screen_size(screen, &columns, &rows);
    for (unsigned i = 0; i < screen->drawn; i++)
        sum += screen->columns[i] > columns ? (screen->columns[i] + columns - 1) / columns : 1;
    return sum;
}

static bool takes_output(const struct screen *screen)
{
    struct pollfd wanted = {.fd = fileno(screen->stream), .events = POLLOUT};
    return poll(&wanted, 1, 0) == 1 && (wanted.revents & POLLOUT) != 0;
}

static void put(const struct screen *screen, const struct text *text)
{
    const char *at = text_str(text), *end = at + text->size;
    while (at < end) {
        ssize_t done = write(fileno(screen->stream), at, (size_t)(end - at));
        if (done < 0 && errno != EINTR)
            return;
        at += done > 0 ? done : 0;
    }
}

static void go_up(const struct screen *screen, struct text *out)
{
    unsigned up = height(screen);
    text_add(out, "\r");
    if (up > 0)
        text_addf(out, "\033[%uA", up);
}

/* What others have printed takes the rows' place. */
static void make_way(struct screen *screen)
{
    struct text out = {0};
    go_up(screen, &out);
    text_add(&out, "\033[J");
    put(screen, &out);
    text_free(&out);
    fflush(screen->stream);
    screen->drawn = 0;
}

void screen_draw(struct screen *screen, const struct screen_rows *rows, uint64_t now_ns)
{
    struct text out = {0};
    if (!screen->on || !takes_output(screen))
        return;
    if (now_ns > screen->drawn_ns + SCREEN_GAP_NS)
        screen->drawn = 0;
    screen->drawn_ns = now_ns;
    if (__fpending(screen->stream) > 0)
        make_way(screen);
    go_up(screen, &out);
    for (unsigned i = 0; i < rows->count; i++) {
        text_add_bytes(&out, text_str(&rows->text) + rows->each[i].start,
                       rows->each[i].end - rows->each[i].start);
        text_add(&out, "\033[K\n");
        screen->columns[i] = rows->each[i].columns;
    }
    text_add(&out, "\033[J");
    put(screen, &out);
    screen->drawn = rows->count;
    text_free(&out);
}

void screen_stop(struct screen *screen)
{
    if (!screen->on)
        return;
    screen->on = false;
    fflush(screen->stream);
    setvbuf(screen->stream, NULL, _IONBF, 0);
}
