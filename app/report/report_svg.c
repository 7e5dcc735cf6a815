/* report_svg.c - the timeline as a picture that stands alone: requests offered, good and lost over
 * time, the loss windows through all of it, the steps, and a row for each pod. It follows the
 * reader's colour scheme. Units within: pixels. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/escape.h"
#include "report/print.h"
#include "report/rates.h"
#include "report/report_priv.h"
#include "report/sentence.h"

enum {
    WIDTH = 1200,
    LEFT = 190,
    RIGHT = 24,
    TOP = 72,
    PLOT_HEIGHT = 200,
    ROW_HEIGHT = 20,
    GAP = 34,
    INTERVALS_MAX = 200,   /* Of requests: finer ones show the pacing of each flow. */
    ROWS_MAX = 40,         /* Of steps, and of pods. */
    LOST_HEIGHT = 3,       /* At least, so that a single one is seen. */
    LINE_CHARACTERS = 150, /* Of the sentence. */
};

static const char style[] =
    "<style>"
    "text{font:12px system-ui,sans-serif;fill:#1f2328}"
    ".title{font-size:17px;font-weight:600}.dim{fill:#59636e}.end{text-anchor:end}"
    ".middle{text-anchor:middle}"
    ".paper{fill:#fff}.grid{stroke:#d1d9e0;stroke-width:1}"
    ".good{fill:#4493c8}.lost{fill:#c9372c}.due{fill:none;stroke:#1f2328;stroke-width:1}"
    ".window{fill:#c9372c;fill-opacity:.13}.step{fill:#8c959f}"
    ".coming{fill:#b6d7ec}.up{fill:#4493c8}.going{fill:#e0a458}"
    "@media(prefers-color-scheme:dark){"
    "text{fill:#e6edf3}.dim{fill:#9198a1}.paper{fill:#0d1117}.grid{stroke:#3d444d}"
    ".good,.up{fill:#5aa9e0}.lost{fill:#f0665b}.due{stroke:#e6edf3}"
    ".window{fill:#f0665b;fill-opacity:.22}.step{fill:#9198a1}.coming{fill:#27506d}"
    ".going{fill:#c98a3b}}"
    "</style>\n";

struct picture {
    const struct result *result;
    struct text *out;
    uint64_t from_ns, to_ns; /* The axis. */
    int y;                   /* Where the next part begins. */
};

static double x_of(const struct picture *picture, uint64_t ns)
{
    if (ns < picture->from_ns)
        ns = picture->from_ns;
    if (ns > picture->to_ns)
        ns = picture->to_ns;
    return LEFT + (double)(ns - picture->from_ns) * (WIDTH - LEFT - RIGHT) /
                      (double)(picture->to_ns - picture->from_ns);
}

static void add_text(const struct picture *picture, double x, int y, const char *classes,
                     const char *words)
{
    text_addf(picture->out, "<text class=\"%s\" x=\"%.1f\" y=\"%d\">", classes, x, y);
    escape_xml(picture->out, words);
    text_add(picture->out, "</text>\n");
}

/* At least a pixel wide, so that it can be seen. */
static void add_bar(const struct picture *picture, const char *class, uint64_t from_ns,
                    uint64_t to_ns, int y, int height)
{
    double x = x_of(picture, from_ns), width = x_of(picture, to_ns) - x;
    text_addf(picture->out, "<rect class=\"%s\" x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\">",
              class, x, y, width < 1 ? 1 : width, height);
    text_add(picture->out, "<title>");
    print_time(picture->out, from_ns);
    text_add(picture->out, " to ");
    print_time(picture->out, to_ns);
    text_add(picture->out, " s</title></rect>\n");
}

/* ---- requests ---- */

/* What was due, good and lost in each interval, over all streams. */
struct sums {
    uint64_t from_ns, step_ns;
    size_t count;
    struct sum {
        uint64_t due, good, lost;
    } items[INTERVALS_MAX];
};

static int add_up(struct sums *sums, const struct result *result)
{
    sums->step_ns = rates_step_ns(result, INTERVALS_MAX);
    for (unsigned s = 0; s < result->meta.stream_count; s++) {
        struct rates rates;
        if (rates_make(&rates, result, s, sums->step_ns) < 0)
            return -1;
        size_t first = rates.from_ns / sums->step_ns;
        for (size_t i = 0; i < rates.count && first + i < INTERVALS_MAX; i++) {
            struct sum *sum = &sums->items[first + i];
            sum->due += rates.items[i].due;
            sum->lost += rates.items[i].lost;
            for (unsigned o = 0; o < OUTCOME_COUNT; o++)
                sum->good += outcome_is_good(o) ? rates.items[i].outcomes[o] : 0;
            sums->count = first + i + 1 > sums->count ? first + i + 1 : sums->count;
        }
        rates_free(&rates);
    }
    return 0;
}

/* Good ones stand on the axis, lost ones on them. */
static void add_area(const struct picture *picture, const struct sums *sums, uint64_t most,
                     const char *class, bool lost)
{
    int bottom = picture->y + PLOT_HEIGHT;
    text_addf(picture->out, "<path class=\"%s\" d=\"", class);
    for (size_t i = 0; i < sums->count; i++) {
        const struct sum *sum = &sums->items[i];
        uint64_t value = lost ? sum->lost : sum->good;
        double scale = (double)PLOT_HEIGHT / (double)most, height = (double)value * scale;
        double from = x_of(picture, i * sums->step_ns), to = x_of(picture, (i + 1) * sums->step_ns);
        double base = bottom - (lost ? (double)sum->good * scale : 0);
        if (value > 0 && to > from)
            text_addf(picture->out, "M%.2f %.2fV%.2fH%.2fV%.2fZ", from, base,
                      base - (lost && height < LOST_HEIGHT ? LOST_HEIGHT : height), to, base);
    }
    text_add(picture->out, "\"/>\n");
}

static void add_due(const struct picture *picture, const struct sums *sums, uint64_t most)
{
    text_add(picture->out, "<path class=\"due\" d=\"");
    for (size_t i = 0; i < sums->count; i++)
        text_addf(
            picture->out, "%s%.2f %.2fH%.2f", i == 0 ? "M" : "L", x_of(picture, i * sums->step_ns),
            picture->y + PLOT_HEIGHT - (double)sums->items[i].due * PLOT_HEIGHT / (double)most,
            x_of(picture, (i + 1) * sums->step_ns));
    text_add(picture->out, "\"/>\n");
}

static int add_requests(struct picture *picture)
{
    struct sums *sums = calloc(1, sizeof(*sums));
    uint64_t most = 1;
    struct text label = {0};
    if (sums == NULL || add_up(sums, picture->result) < 0) {
        free(sums);
        return -1;
    }
    for (size_t i = 0; i < sums->count; i++) {
        const struct sum *sum = &sums->items[i];
        most = sum->due > most ? sum->due : most;
        most = sum->good + sum->lost > most ? sum->good + sum->lost : most;
    }
    text_addf(&label, "%" PRIu64 " in ", most);
    print_span(&label, sums->step_ns);
    add_text(picture, LEFT - 8, picture->y + 10, "end dim", text_str(&label));
    text_free(&label);
    add_text(picture, LEFT - 8, picture->y + PLOT_HEIGHT, "end dim", "0");
    add_text(picture, 16, picture->y + PLOT_HEIGHT / 2 - 12, "", "requests due (line),");
    add_text(picture, 16, picture->y + PLOT_HEIGHT / 2 + 4, "", "good (blue), lost (red)");
    add_area(picture, sums, most, "good", false);
    add_area(picture, sums, most, "lost", true);
    add_due(picture, sums, most);
    picture->y += PLOT_HEIGHT;
    free(sums);
    return 0;
}

/* ---- the axis, and what happened ---- */

/* A line every 1, 2 or 5 times a power of ten: at most twelve. */
static void add_axis(const struct picture *picture, int bottom)
{
    static const uint64_t parts[] = {1, 2, 5};
    uint64_t span_ns = picture->to_ns - picture->from_ns, tick_ns = 0, unit_ns = 1000;
    for (unsigned i = 0; tick_ns == 0; unit_ns *= i == 2 ? 10 : 1, i = (i + 1) % 3)
        if (span_ns / (unit_ns * parts[i]) < 12)
            tick_ns = unit_ns * parts[i];
    for (uint64_t i = picture->from_ns / tick_ns; i <= picture->to_ns / tick_ns; i++) {
        char words[32];
        if (i * tick_ns < picture->from_ns)
            continue;
        double x = x_of(picture, i * tick_ns);
        snprintf(words, sizeof(words), "%.9g s", (double)(i * tick_ns) / 1e9);
        text_addf(picture->out, "<path class=\"grid\" d=\"M%.1f %dV%d\"/>\n", x, TOP, bottom);
        add_text(picture, x, bottom + 16, "middle dim", words);
    }
}

static void add_windows(const struct picture *picture, int bottom)
{
    const struct windows *windows = &picture->result->windows;
    for (size_t i = 0; i < windows->count && i < RATES_MAX; i++) {
        const struct window *window = &windows->items[i];
        add_bar(picture, "window", window->onset.from_ns,
                window->open ? picture->to_ns : window->recovery.to_ns, TOP, bottom - TOP);
    }
}

/* NULL: it did not end. */
static const struct timeline_event *end_of_step(const struct timeline *timeline, size_t start)
{
    for (size_t i = start + 1; i < timeline->count; i++)
        if (timeline->events[i].kind == TIMELINE_STEP_END &&
            strcmp(timeline->events[i].object, timeline->events[start].object) == 0)
            return &timeline->events[i];
    return NULL;
}

static void add_steps(struct picture *picture)
{
    const struct timeline *timeline = &picture->result->timeline;
    unsigned rows = 0;
    for (size_t i = 0; i < timeline->count && rows < ROWS_MAX; i++) {
        const struct timeline_event *start = &timeline->events[i];
        if (start->kind != TIMELINE_STEP_START)
            continue;
        const struct timeline_event *end = end_of_step(timeline, i);
        add_text(picture, LEFT - 8, picture->y + 13, "end", start->object);
        add_bar(picture, "step", start->not_after_ns,
                end != NULL ? end->not_after_ns : picture->to_ns, picture->y + 4, ROW_HEIGHT - 8);
        picture->y += ROW_HEIGHT;
        rows++;
    }
}

/* What was not seen of a pod's life reaches to the end of the picture. */
static void add_pod(struct picture *picture, const struct result_pod *pod)
{
    const struct timeline_event *const events[] = {pod->created, pod->ready, pod->terminating,
                                                   pod->gone};
    static const char *const classes[] = {"coming", "up", "going"};
    uint64_t at_ns[4], last_ns = picture->to_ns;
    for (unsigned i = 4; i-- > 0;) {
        at_ns[i] = events[i] != NULL ? events[i]->not_after_ns
                   : i == 0          ? picture->from_ns
                                     : last_ns;
        at_ns[i] = at_ns[i] > last_ns ? last_ns : at_ns[i];
        last_ns = at_ns[i];
    }
    if (pod->ready == NULL && pod->host != 0) /* It was up before the run looked. */
        at_ns[1] = at_ns[0];
    add_text(picture, LEFT - 8, picture->y + 13, "end", pod->name);
    for (unsigned i = 0; i < 3; i++)
        if (at_ns[i + 1] > at_ns[i])
            add_bar(picture, classes[i], at_ns[i], at_ns[i + 1], picture->y + 4, ROW_HEIGHT - 8);
    picture->y += ROW_HEIGHT;
}

static void add_pods(struct picture *picture)
{
    const struct result *result = picture->result;
    struct text more = {0};
    if (result->pod_count > 0)
        add_text(picture, LEFT, picture->y + 12, "dim",
                 "pods: created (light), ready, terminating (amber) until gone");
    picture->y += result->pod_count > 0 ? ROW_HEIGHT : 0;
    for (size_t i = 0; i < result->pod_count && i < ROWS_MAX; i++)
        add_pod(picture, &result->pods[i]);
    if (result->pod_count <= ROWS_MAX)
        return;
    text_addf(&more, "and %zu more pods", result->pod_count - ROWS_MAX);
    add_text(picture, LEFT, picture->y + 12, "dim", text_str(&more));
    text_free(&more);
    picture->y += ROW_HEIGHT;
}

static uint64_t end_of(const struct result *result)
{
    uint64_t to_ns = result->meta.ended_ns;
    for (unsigned i = 0; i < result->meta.stream_count; i++)
        if (result_stream_end_ns(result, i) > to_ns)
            to_ns = result_stream_end_ns(result, i);
    return to_ns;
}

static void add_head(const struct picture *picture)
{
    struct text sentence = {0}, line = {0};
    size_t end = LINE_CHARACTERS;
    sentence_add(picture->result, &sentence);
    add_text(picture, 16, 28, "title", picture->result->meta.experiment);
    while (end > 0 && sentence.size > LINE_CHARACTERS && sentence.data[end] != ' ')
        end--;
    if (sentence.size > LINE_CHARACTERS)
        text_add_bytes(&line, sentence.data, end > 0 ? end : LINE_CHARACTERS);
    else
        text_add(&line, text_str(&sentence));
    text_add(&line, sentence.size > LINE_CHARACTERS ? " ..." : "");
    add_text(picture, 16, 50, "", text_str(&line));
    text_free(&line);
    text_free(&sentence);
}

int report_svg(const struct result *result, struct text *out, struct error *err)
{
    struct text body = {0}, behind = {0};
    struct picture picture = {.result = result, .out = &body, .to_ns = end_of(result), .y = TOP};
    (void)err;
    if (picture.to_ns == 0)
        picture.to_ns = 1000000000;
    add_head(&picture);
    int code = add_requests(&picture);
    picture.y += 12;
    add_steps(&picture);
    add_pods(&picture);
    picture.out = &behind;
    add_axis(&picture, picture.y);
    picture.out = &body;
    add_windows(&picture, picture.y);
    text_addf(out,
              "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" "
              "height=\"%d\" role=\"img\">\n",
              WIDTH, picture.y + GAP, WIDTH, picture.y + GAP);
    text_add(out, "<title>");
    escape_xml(out, result->meta.experiment);
    text_add(out, ": requests, loss windows, steps and pods over time</title>\n");
    text_add(out, style);
    text_addf(out, "<rect class=\"paper\" width=\"%d\" height=\"%d\"/>\n", WIDTH, picture.y + GAP);
    text_add(out, text_str(&behind));
    text_add(out, text_str(&body));
    text_add(out, "</svg>\n");
    out->failed = out->failed || body.failed || behind.failed;
    text_free(&body);
    text_free(&behind);
    return code < 0 ? -ENOMEM : 0;
}
