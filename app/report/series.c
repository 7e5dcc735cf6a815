#include "report/series.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "report/print.h"

enum {
    SERIES_VERSION = 1,
    RUNS_MAX = 1 << 18,
    SPREAD_BYTES = 64
};

static const char *const state_words[] = {"waiting", "running", "ended", "killed", "skipped"};

static void add_run(const struct series *series, const struct series_run *run, int width,
                    struct text *out);
static void add_spreads(const struct series *series, int width, struct text *out);
static void add_spread(const struct series *series, const char *name, unsigned figure,
                       char out[SPREAD_BYTES]);
static void add_reasons(const struct series *series, struct text *out);
static int name_width(const struct series *series);
static uint64_t window_length(const cJSON *window, int64_t end_ns);
static cJSON *run_json(const struct series_run *run);
static bool read_run(const cJSON *json, struct series_run *run);

/* What repeats are compared by. */
static const struct {
    const char *heading;
    size_t offset;
    bool is_time;
} figures[] = {
    {"good", offsetof(struct series_figures, good), false},
    {"lost", offsetof(struct series_figures, lost), false},
    {"windows", offsetof(struct series_figures, windows), false},
    {"longest window", offsetof(struct series_figures, longest_ns), true},
    {"broken", offsetof(struct series_figures, broken), false},
    {"lasting", offsetof(struct series_figures, lasting), false},
};
enum {
    FIGURES = sizeof(figures) / sizeof(figures[0])
};

const char *series_verdict(const struct series_run *run)
{
    static const char *const ended[] = {"met", "not met", "bad input", "failed", "interrupted"};

    switch (run->state) {
    case SERIES_ENDED:
        return run->status >= 0 && run->status <= EXIT_INTERRUPTED ? ended[run->status] : "failed";
    case SERIES_KILLED: return "killed";
    case SERIES_SKIPPED: return "skipped";
    case SERIES_RUNNING: return "broke off";
    default: return "not run";
    }
}

/* A status that is none, as of a child that a tool around it ended, is a failure. */
static int status_of(const struct series_run *run)
{
    switch (run->state) {
    case SERIES_ENDED:
        return run->status >= 0 && run->status <= EXIT_INTERRUPTED ? run->status : EXIT_ENVIRONMENT;
    case SERIES_KILLED: return EXIT_ENVIRONMENT;
    case SERIES_SKIPPED: return EXIT_MET;
    default: return EXIT_INTERRUPTED; /* It broke off, or was never begun. */
    }
}

int series_worst(const struct series *series)
{
    int worst = EXIT_MET;

    for (uint32_t i = 0; i < series->count; i++) {
        int status = status_of(&series->runs[i]);
        worst = status > worst ? status : worst;
    }
    return worst;
}

/* Backwards: in rounds, the one before is near. */
bool series_is_first(const struct series *series, uint32_t index)
{
    for (uint32_t i = index; i-- > 0;)
        if (strcmp(series->runs[i].name, series->runs[index].name) == 0)
            return false;
    return true;
}

void series_figures(const cJSON *account, struct series_figures *out)
{
    const cJSON *item;

    *out = (struct series_figures){.given = account != NULL};
    cJSON_ArrayForEach(item, json_member(account, "streams"))
    {
        const cJSON *outcomes = json_member(item, "outcomes");
        bool frames = strcmp(json_string(item, "protocol", ""), "raw") == 0;
        out->due += (uint64_t)json_integer(item, "due", 0);
        out->good += frames ? (uint64_t)json_integer(item, "received", 0)
                            : (uint64_t)(json_integer(outcomes, "ok", 0) +
                                         json_integer(outcomes, "repaired", 0) +
                                         json_integer(outcomes, "late", 0));
        out->lost += (uint64_t)json_integer(item, "lost", 0);
        out->broken += (uint64_t)json_integer(item, "connections.broken", 0);
        out->lasting += (uint64_t)json_integer(item, "connections.lasting", 0);
    }
    cJSON_ArrayForEach(item, json_member(account, "windows"))
    {
        uint64_t length_ns = window_length(item, json_integer(account, "ended", 0));
        out->windows++;
        out->longest_ns = length_ns > out->longest_ns ? length_ns : out->longest_ns;
    }
}

cJSON *series_json(const struct series *series)
{
    cJSON *json = cJSON_CreateObject(), *runs;

    json_add_integer(json, "version", SERIES_VERSION);
    cJSON_AddStringToObject(json, "experiment", series->experiment);
    cJSON_AddStringToObject(json, "started", series->started);
    json_add_integer(json, "repeats", series->repeats);
    runs = cJSON_AddArrayToObject(json, "runs");
    for (uint32_t i = 0; i < series->count; i++)
        cJSON_AddItemToArray(runs, run_json(&series->runs[i]));
    return json;
}

int series_read(const cJSON *json, struct series *out)
{
    const cJSON *list = json_member(json, "runs"), *item;
    struct series series = {.experiment = json_string(json, "experiment", ""),
                            .started = json_string(json, "started", ""),
                            .repeats = (uint32_t)json_integer(json, "repeats", 1)};
    int count = cJSON_GetArraySize(list);

    if (json_integer(json, "version", 0) != SERIES_VERSION || !cJSON_IsArray(list) ||
        count > RUNS_MAX)
        return -EINVAL;
    series.runs = calloc((size_t)count + 1, sizeof(*series.runs));
    if (series.runs == NULL)
        return -ENOMEM;
    cJSON_ArrayForEach(item, list)
    {
        if (!read_run(item, &series.runs[series.count++])) {
            free(series.runs);
            return -EINVAL;
        }
    }
    *out = series;
    return 0;
}

void series_table(const struct series *series, struct text *out)
{
    int width = name_width(series);
    size_t begin = out->size;

    text_addf(out, "Series:      %s, %" PRIu32 " runs, started %s\n\n", series->experiment,
              series->count, series->started);
    text_addf(out, "  %-*s  %-11s  %9s  %9s  %7s  %7s  %14s  %7s  %7s\n", width, "run", "expected",
              "offered", "good", "lost", "windows", "longest window", "broken", "lasting");
    for (uint32_t i = 0; i < series->count; i++)
        add_run(series, &series->runs[i], width, out);
    if (series->repeats > 1)
        add_spreads(series, width, out);
    add_reasons(series, out);
    if (out->data != NULL)
        text_tame(out->data + begin); /* Reasons can be a server's words. */
}

static void add_run(const struct series *series, const struct series_run *run, int width,
                    struct text *out)
{
    const struct series_figures *figure = &run->figures;
    char name[256];
    struct text longest = {0};

    if (series->repeats > 1)
        snprintf(name, sizeof(name), "%.200s %" PRIu32, run->name, run->repeat);
    else
        snprintf(name, sizeof(name), "%.200s", run->name);
    text_addf(out, "  %-*s  %-11s", width, name, series_verdict(run));
    if (figure->given) {
        if (figure->windows > 0)
            print_span(&longest, figure->longest_ns);
        text_addf(out,
                  "  %9" PRIu64 "  %9" PRIu64 "  %7" PRIu64 "  %7" PRIu64 "  %14s  %7" PRIu64
                  "  %7" PRIu64,
                  figure->due, figure->good, figure->lost, figure->windows,
                  figure->windows > 0 ? text_str(&longest) : "-", figure->broken, figure->lasting);
    }
    text_add(out, "\n");
    text_free(&longest);
}

static void add_spreads(const struct series *series, int width, struct text *out)
{
    text_add(out, "\nOver the repeats: mean (least..greatest, standard deviation)\n");
    for (uint32_t i = 0; i < series->count; i++) {
        if (!series_is_first(series, i))
            continue;
        text_addf(out, "  %-*s", width, series->runs[i].name);
        for (unsigned k = 0; k < FIGURES; k++) {
            char spread[SPREAD_BYTES];
            add_spread(series, series->runs[i].name, k, spread);
            text_addf(out, "%s%s %s", k > 0 ? "; " : "  ", figures[k].heading, spread);
        }
        text_add(out, "\n");
    }
    text_add(out,
             "\nRepeat N draws by the experiment's seeds plus N - 1; with --only NAME/N it is made "
             "again alone, by the same draws.\n");
}

static void add_spread(const struct series *series, const char *name, unsigned figure,
                       char out[SPREAD_BYTES])
{
    double sum = 0, squares = 0, mean, unit = figures[figure].is_time ? 1e6 : 1;
    double least = INFINITY, greatest = -INFINITY;
    uint32_t count = 0;

    for (uint32_t i = 0; i < series->count; i++) {
        const struct series_run *run = &series->runs[i];
        uint64_t value;
        if (!run->figures.given || strcmp(run->name, name) != 0)
            continue;
        memcpy(&value, (const char *)&run->figures + figures[figure].offset, sizeof(value));
        sum += (double)value / unit;
        squares += (double)value / unit * ((double)value / unit);
        least = fmin(least, (double)value / unit);
        greatest = fmax(greatest, (double)value / unit);
        count++;
    }
    if (count == 0) {
        snprintf(out, SPREAD_BYTES, "-");
        return;
    }
    mean = sum / count;
    /* Of a sample: over count - 1. */
    squares = count > 1 ? sqrt(fmax(0, (squares - sum * mean) / (count - 1))) : 0;
    snprintf(out, SPREAD_BYTES, "%.4g%s (%.4g..%.4g, %.3g)", mean,
             figures[figure].is_time ? " ms" : "", least, greatest, squares);
}

static void add_reasons(const struct series *series, struct text *out)
{
    bool first = true;

    for (uint32_t i = 0; i < series->count; i++) {
        const struct series_run *run = &series->runs[i];
        if (run->why[0] == '\0')
            continue;
        text_addf(out, "%s  %s: %s: %s\n", first ? "\n" : "", run->directory, series_verdict(run),
                  run->why);
        first = false;
    }
}

static int name_width(const struct series *series)
{
    size_t width = strlen("run");

    for (uint32_t i = 0; i < series->count; i++) {
        size_t size = strlen(series->runs[i].name) + (series->repeats > 1 ? 5 : 0);
        width = size > width ? size : width;
    }
    return width < 200 ? (int)width : 200;
}

static uint64_t window_length(const cJSON *window, int64_t end_ns)
{
    int64_t length_ns = json_bool(window, "open", false)
                            ? end_ns - json_integer(window, "onset.from", end_ns)
                            : json_integer(window, "duration.to", 0);

    return length_ns > 0 ? (uint64_t)length_ns : 0;
}

static cJSON *run_json(const struct series_run *run)
{
    cJSON *json = cJSON_CreateObject(), *figure;

    cJSON_AddStringToObject(json, "name", run->name);
    json_add_integer(json, "repeat", run->repeat);
    cJSON_AddStringToObject(json, "directory", run->directory);
    cJSON_AddStringToObject(json, "settings", run->settings);
    cJSON_AddStringToObject(json, "state", state_words[run->state]);
    if (run->state == SERIES_ENDED || run->state == SERIES_KILLED)
        json_add_integer(json, run->state == SERIES_ENDED ? "exitStatus" : "signal", run->status);
    cJSON_AddStringToObject(json, "why", run->why);
    if (!run->figures.given)
        return json;
    figure = cJSON_AddObjectToObject(json, "figures");
    json_add_integer(figure, "due", (int64_t)run->figures.due);
    json_add_integer(figure, "good", (int64_t)run->figures.good);
    json_add_integer(figure, "lost", (int64_t)run->figures.lost);
    json_add_integer(figure, "windows", (int64_t)run->figures.windows);
    json_add_integer(figure, "longestWindow", (int64_t)run->figures.longest_ns);
    json_add_integer(figure, "broken", (int64_t)run->figures.broken);
    json_add_integer(figure, "lasting", (int64_t)run->figures.lasting);
    return json;
}

static bool read_run(const cJSON *json, struct series_run *run)
{
    const char *state = json_string(json, "state", "");
    const cJSON *figure = json_member(json, "figures");
    bool known = false;

    *run = (struct series_run){.name = json_string(json, "name", ""),
                               .repeat = (uint32_t)json_integer(json, "repeat", 1),
                               .directory = json_string(json, "directory", ""),
                               .settings = json_string(json, "settings", ""),
                               .why = json_string(json, "why", "")};
    for (unsigned i = 0; i < sizeof(state_words) / sizeof(state_words[0]); i++) {
        if (strcmp(state_words[i], state) != 0)
            continue;
        run->state = (enum series_state)i;
        known = true;
    }
    run->status = (int)json_integer(json, run->state == SERIES_KILLED ? "signal" : "exitStatus", 0);
    if (figure != NULL)
        run->figures = (struct series_figures){
            .given = true,
            .due = (uint64_t)json_integer(figure, "due", 0),
            .good = (uint64_t)json_integer(figure, "good", 0),
            .lost = (uint64_t)json_integer(figure, "lost", 0),
            .windows = (uint64_t)json_integer(figure, "windows", 0),
            .longest_ns = (uint64_t)json_integer(figure, "longestWindow", 0),
            .broken = (uint64_t)json_integer(figure, "broken", 0),
            .lasting = (uint64_t)json_integer(figure, "lasting", 0)};
    /* The directory is looked into: it stays within the series' own. */
    return known && run->directory[0] != '\0' && run->directory[0] != '/' &&
           strncmp(run->directory, "..", 2) != 0 && strstr(run->directory, "/..") == NULL;
}
