#include "plan/pace.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan/quantity.h"
#include "plan/reader.h"

#define RATE_MAX 1e9  /* Requests a second. */
#define BITS_MAX 1e12 /* Bits a second. */
#define RATE_MIN (1.0 / 3600)
#define RAMP_MAX_NS (INT64_C(12) * 3600 * 1000000000)
#define CYCLE_MIN_NS INT64_C(1000000)

enum {
    WORD_BYTES = 48
};

#define RATE_TEXTS "a rate such as \"400/s\", \"10kpps\" or \"100Mbit/s\""

#define UNITS "/s, /m, /h, pps, packets/s, connections/s or bit/s"

/* A text being read. */
struct cursor {
    const char *text; /* The whole. */
    const char *at;   /* Here. */
    struct pace *out;
    bool united; /* A rate was read: all further ones have its unit. */
    struct error *err;
};

static bool pace_takes(const void *object, const char *key);
static int check_object(struct reader *reader, void *object);
static int parse_law(struct cursor *cursor);
static int parse_ramp(struct cursor *cursor);
static int parse_steps(struct cursor *cursor);
static int parse_sine(struct cursor *cursor);
static int parse_burst(struct cursor *cursor);
static bool take_prefix(struct cursor *cursor, const char *prefix);
static int take_mark(struct cursor *cursor, const char *mark);
static int take_rate(struct cursor *cursor, double *out);
static const char *take_unit(const char *at, enum pace_unit *unit);
static int take_duration(struct cursor *cursor, int64_t *out);
static int refuse(const struct cursor *cursor, const char *want);
static int wrong(struct error *err, const char *text);
static int check_steps(const struct pace *pace, struct error *err);
static bool rate_fits(const struct pace *pace, double rate_per_s);

static const struct reader_word law_words[] = {
    {"constant", PACE_CONSTANT},
    {"ramp", PACE_RAMP},
    {"steps", PACE_STEPS},
    {"sine", PACE_SINE},
    {"burst", PACE_BURST},
    {"maximum", PACE_MAXIMUM},
    {NULL, 0},
};
static const struct reader_word arrivals_words[] = {
    {"even", PACE_EVEN}, {"poisson", PACE_POISSON}, {NULL, 0}};
static const struct reader_word unit_words[] = {
    {"requests", PACE_REQUESTS}, {"packets", PACE_PACKETS}, {"connections", PACE_CONNECTIONS},
    {"bits", PACE_BITS},         {"l1Bits", PACE_L1_BITS},  {NULL, 0}};

/* Units in a text, between the number and its time. */
static const struct {
    const char *word;
    enum pace_unit unit;
    bool timed; /* The time is in the word: a second. */
} unit_texts[] = {
    {"requests", PACE_REQUESTS, false}, {"packets", PACE_PACKETS, false},
    {"pps", PACE_PACKETS, true},        {"connections", PACE_CONNECTIONS, false},
    {"bit", PACE_BITS, false},
};

#define AT(type, member) offsetof(struct type, member)

static const struct reader_field step_fields[] = {
    {.key = "rate",
     .type = READER_RATE,
     .offset = AT(pace_step, rate_per_s),
     .required = true,
     .max = BITS_MAX},
    {.key = "for",
     .type = READER_DURATION,
     .offset = AT(pace_step, for_ns),
     .required = true,
     .min = 1e3},
    {.key = NULL},
};
static const struct reader_object step_object = {"a step of a rate", step_fields, NULL, NULL};
static const struct reader_field step_item = {
    .key = "", .type = READER_OBJECT, .object = &step_object};

/* The law comes first: it decides what else fits. */
static const struct reader_field pace_fields[] = {
    {.key = "law",
     .type = READER_WORD,
     .offset = AT(pace, law),
     .otherwise = "constant",
     .words = law_words},
    {.key = "arrivals",
     .type = READER_WORD,
     .offset = AT(pace, arrivals),
     .otherwise = "even",
     .words = arrivals_words},
    {.key = "unit",
     .type = READER_WORD,
     .offset = AT(pace, unit),
     .otherwise = "requests",
     .words = unit_words},
    {.key = "rate", .type = READER_RATE, .offset = AT(pace, rate_per_s), .max = BITS_MAX},
    {.key = "from", .type = READER_RATE, .offset = AT(pace, from_per_s), .max = BITS_MAX},
    {.key = "to", .type = READER_RATE, .offset = AT(pace, to_per_s), .max = BITS_MAX},
    {.key = "over", .type = READER_DURATION, .offset = AT(pace, over_ns), .max = RAMP_MAX_NS},
    {.key = "steps",
     .type = READER_LIST,
     .offset = AT(pace, steps),
     .max = PACE_STEPS_MAX,
     .item = &step_item,
     .item_bytes = sizeof(struct pace_step),
     .count_offset = AT(pace, step_count)},
    {.key = "repeat", .type = READER_BOOL, .offset = AT(pace, repeat)},
    {.key = "mean", .type = READER_RATE, .offset = AT(pace, mean_per_s), .max = BITS_MAX},
    {.key = "amplitude", .type = READER_RATE, .offset = AT(pace, amplitude_per_s), .max = BITS_MAX},
    {.key = "period", .type = READER_DURATION, .offset = AT(pace, period_ns)},
    {.key = "count", .type = READER_COUNT, .offset = AT(pace, count), .max = PACE_BURST_MAX},
    {.key = "every", .type = READER_DURATION, .offset = AT(pace, every_ns)},
    {.key = NULL},
};
const struct reader_object pace_object = {"a rate", pace_fields, pace_takes, check_object};

/* Keys of one law each; the first three are everybody's that has rates. */
static bool pace_takes(const void *object, const char *key)
{
    static const struct {
        const char *key;
        enum pace_law law;
    } owners[] = {
        {"rate", PACE_CONSTANT}, {"from", PACE_RAMP},      {"to", PACE_RAMP},
        {"over", PACE_RAMP},     {"steps", PACE_STEPS},    {"repeat", PACE_STEPS},
        {"mean", PACE_SINE},     {"amplitude", PACE_SINE}, {"period", PACE_SINE},
        {"count", PACE_BURST},   {"every", PACE_BURST},
    };
    const struct pace *pace = object;

    for (size_t i = 0; i < sizeof(owners) / sizeof(*owners); i++)
        if (strcmp(key, owners[i].key) == 0)
            return pace->law == owners[i].law;
    return (pace->law != PACE_BURST && pace->law != PACE_MAXIMUM) || strcmp(key, "law") == 0;
}

static int check_object(struct reader *reader, void *object)
{
    struct error err = {0};

    if (pace_check(object, &err) < 0)
        return reader_refuse(reader, "%s", err.text);
    return 0;
}

int pace_parse(const char *text, struct pace *out, struct error *err)
{
    struct pace pace = {0};
    struct cursor cursor = {.text = text, .at = text, .out = &pace, .err = err};
    int result;

    if (take_prefix(&cursor, "poisson:"))
        pace.arrivals = PACE_POISSON;
    result = parse_law(&cursor);
    if (result == 0 && *cursor.at != '\0')
        result = refuse(&cursor, cursor.out->law == PACE_CONSTANT ? "the end, or a unit: " UNITS
                                                                  : "the end");
    if (result == 0 && pace_check(&pace, err) < 0) {
        error_wrap(err, "rate \"%.100s\"", text);
        result = -EINVAL;
    }
    if (result == 0)
        *out = pace;
    return result;
}

bool pace_is_plain(const struct pace *pace)
{
    return pace->law == PACE_CONSTANT && pace->arrivals == PACE_EVEN && pace->unit == PACE_REQUESTS;
}

int pace_check(const struct pace *pace, struct error *err)
{
    switch (pace->law) {
    case PACE_CONSTANT:
        if (!rate_fits(pace, pace->rate_per_s) || pace->rate_per_s < RATE_MIN)
            return wrong(err, "rate: want one from 1/h to 1000M/s");
        return 0;
    case PACE_RAMP:
        if (pace->over_ns <= 0 || pace->over_ns > RAMP_MAX_NS)
            return wrong(err, "over: want a duration up to 12h for a ramp");
        if (!rate_fits(pace, pace->from_per_s) || !rate_fits(pace, pace->to_per_s) ||
            pace->from_per_s + pace->to_per_s < RATE_MIN)
            return wrong(err, "from, to: want two rates up to 1000M/s, and one of them above 0");
        return 0;
    case PACE_STEPS: return check_steps(pace, err);
    case PACE_SINE:
        if (!rate_fits(pace, pace->mean_per_s + pace->amplitude_per_s) || pace->mean_per_s <= 0 ||
            pace->amplitude_per_s > pace->mean_per_s)
            return wrong(err, "mean, amplitude: want a mean rate above 0, no less than the "
                              "amplitude; both together up to 1000M/s");
        if (pace->period_ns < CYCLE_MIN_NS || pace->period_ns % 100 != 0)
            return wrong(err, "period: want 1ms or more, in steps of 100ns");
        if (pace->period_ns / 100 > RAMP_MAX_NS)
            return wrong(err, "period: want 1200h at most");
        return 0;
    case PACE_BURST:
        if (pace->count == 0 || pace->count > PACE_BURST_MAX)
            return wrong(err, "count: want 1 to 1048576 requests in a burst");
        if (pace->every_ns <= 0 || !rate_fits(pace, pace->count / ((double)pace->every_ns / 1e9)))
            return wrong(err, "every: want a duration between bursts, for 1000M/s at most");
        return 0;
    case PACE_MAXIMUM: return 0;
    }
    return wrong(err, "law: want a known one");
}

double pace_peak(const struct pace *pace)
{
    double most = 0;

    switch (pace->law) {
    case PACE_CONSTANT: most = pace->rate_per_s; break;
    case PACE_RAMP:
        most = pace->from_per_s > pace->to_per_s ? pace->from_per_s : pace->to_per_s;
        break;
    case PACE_STEPS:
        for (uint32_t i = 0; i < pace->step_count; i++)
            if (pace->steps[i].rate_per_s > most)
                most = pace->steps[i].rate_per_s;
        break;
    case PACE_SINE: most = pace->mean_per_s + pace->amplitude_per_s; break;
    case PACE_BURST: return pace_mean(pace);
    case PACE_MAXIMUM: return 0;
    }
    return pace_requests(pace, most);
}

double pace_mean(const struct pace *pace)
{
    double sum = 0, over_ns = 0;

    switch (pace->law) {
    case PACE_CONSTANT: sum = pace->rate_per_s; break;
    case PACE_RAMP: sum = (pace->from_per_s + pace->to_per_s) / 2; break;
    case PACE_STEPS:
        for (uint32_t i = 0; i < pace->step_count; i++) {
            sum += pace->steps[i].rate_per_s * (double)pace->steps[i].for_ns;
            over_ns += (double)pace->steps[i].for_ns;
        }
        sum /= over_ns;
        break;
    case PACE_SINE: sum = pace->mean_per_s; break;
    case PACE_BURST: return pace->count / ((double)pace->every_ns / 1e9);
    case PACE_MAXIMUM: return 0;
    }
    return pace_requests(pace, sum);
}

double pace_requests(const struct pace *pace, double rate_per_s)
{
    return pace_is_bits(pace) ? rate_per_s * pace->request_count / pace->request_bits : rate_per_s;
}

bool pace_is_bits(const struct pace *pace)
{
    return pace->unit == PACE_BITS || pace->unit == PACE_L1_BITS;
}

static int parse_law(struct cursor *cursor)
{
    if (take_prefix(cursor, "ramp:"))
        return parse_ramp(cursor);
    if (take_prefix(cursor, "steps:"))
        return parse_steps(cursor);
    if (take_prefix(cursor, "repeat:")) {
        cursor->out->repeat = true;
        return parse_steps(cursor);
    }
    if (take_prefix(cursor, "sine:"))
        return parse_sine(cursor);
    if (cursor->out->arrivals == PACE_EVEN && take_prefix(cursor, "burst:"))
        return parse_burst(cursor);
    if (cursor->out->arrivals == PACE_EVEN && take_prefix(cursor, "max")) {
        cursor->out->law = PACE_MAXIMUM;
        return 0;
    }
    return take_rate(cursor, &cursor->out->rate_per_s);
}

static int parse_ramp(struct cursor *cursor)
{
    struct pace *pace = cursor->out;
    int result;

    pace->law = PACE_RAMP;
    result = take_rate(cursor, &pace->from_per_s);
    if (result == 0)
        result = take_mark(cursor, "..");
    if (result == 0)
        result = take_rate(cursor, &pace->to_per_s);
    if (result == 0)
        result = take_mark(cursor, ":");
    return result == 0 ? take_duration(cursor, &pace->over_ns) : result;
}

static int parse_steps(struct cursor *cursor)
{
    struct pace *pace = cursor->out;
    int result = 0;

    pace->law = PACE_STEPS;
    do {
        struct pace_step *step = &pace->steps[pace->step_count];
        if (pace->step_count == PACE_STEPS_MAX)
            return refuse(cursor, "no more than 32 steps");
        result = take_rate(cursor, &step->rate_per_s);
        if (result == 0)
            result = take_mark(cursor, "*");
        if (result == 0)
            result = take_duration(cursor, &step->for_ns);
        pace->step_count++;
    } while (result == 0 && take_prefix(cursor, ","));
    return result;
}

static int parse_sine(struct cursor *cursor)
{
    struct pace *pace = cursor->out;
    int result;

    pace->law = PACE_SINE;
    result = take_rate(cursor, &pace->mean_per_s);
    if (result == 0)
        result = take_mark(cursor, "+-");
    if (result == 0)
        result = take_rate(cursor, &pace->amplitude_per_s);
    if (result == 0)
        result = take_mark(cursor, ":");
    return result == 0 ? take_duration(cursor, &pace->period_ns) : result;
}

static int parse_burst(struct cursor *cursor)
{
    size_t digits = strspn(cursor->at, "0123456789");
    int result;

    cursor->out->law = PACE_BURST;
    if (digits == 0 || digits > 7)
        return refuse(cursor, "a number of requests");
    cursor->out->count = (uint32_t)strtoul(cursor->at, NULL, 10);
    cursor->at += digits;
    result = take_mark(cursor, ":");
    return result == 0 ? take_duration(cursor, &cursor->out->every_ns) : result;
}

static bool take_prefix(struct cursor *cursor, const char *prefix)
{
    size_t size = strlen(prefix);

    if (strncmp(cursor->at, prefix, size) != 0)
        return false;
    cursor->at += size;
    return true;
}

static int take_mark(struct cursor *cursor, const char *mark)
{
    static const char *const samples[] = {
        [PACE_RAMP] = "ramp:100/s..10k/s:60s",
        [PACE_STEPS] = "steps:1k/s*10s,0/s*5s",
        [PACE_SINE] = "sine:1k/s+-500/s:60s",
        [PACE_BURST] = "burst:100:1s",
    };
    char want[64];

    if (take_prefix(cursor, mark))
        return 0;
    snprintf(want, sizeof(want), "\"%s\", as in %s", mark, samples[cursor->out->law]);
    return refuse(cursor, want);
}

/* DECIMAL [k|M|G] [[" "] unit] ["/" time] [" L1"]: a bare number is requests per second. */
static int take_rate(struct cursor *cursor, double *out)
{
    const char *from = cursor->at, *at = from + strspn(from, "0123456789");
    char word[WORD_BYTES];
    enum pace_unit unit = PACE_REQUESTS;
    size_t number;

    if (at[0] == '.' && isdigit((unsigned char)at[1]))
        at += 1 + strspn(at + 1, "0123456789");
    if (*at != '\0' && strchr("kMG", *at) != NULL)
        at++;
    number = (size_t)(at - from);
    if (number >= WORD_BYTES - 8)
        return refuse(cursor, "a rate of fewer digits");
    memcpy(word, from, number);
    memcpy(word + number, "/s", 3);
    at = take_unit(at, &unit);
    if (*at == '/') {
        size_t size = 1 + strspn(at + 1, "abcdefghijklmnopqrstuvwxyz");
        snprintf(word + number, sizeof(word) - number, "%.*s", (int)(size < 8 ? size : 7), at);
        at += size;
    }
    if (unit == PACE_BITS && strncmp(at, " L1", 3) == 0) {
        unit = PACE_L1_BITS;
        at += 3;
    }
    if (quantity_parse_rate(word, out) < 0)
        return refuse(cursor, RATE_TEXTS);
    if (cursor->united && unit != cursor->out->unit)
        return refuse(cursor, "all rates in one unit");
    cursor->out->unit = unit;
    cursor->united = true;
    cursor->at = at;
    return 0;
}

/* A word that has its time in it ends there; behind any other comes the time. */
static const char *take_unit(const char *at, enum pace_unit *unit)
{
    const char *word = at + (*at == ' ');

    for (size_t i = 0; i < sizeof(unit_texts) / sizeof(*unit_texts); i++) {
        size_t size = strlen(unit_texts[i].word);
        if (strncmp(word, unit_texts[i].word, size) == 0 &&
            (word[size] == '/') != unit_texts[i].timed) {
            *unit = unit_texts[i].unit;
            return word + size;
        }
    }
    return at;
}

static int take_duration(struct cursor *cursor, int64_t *out)
{
    size_t size = strspn(cursor->at, "0123456789.numsh");
    char word[WORD_BYTES];

    if (size >= sizeof(word))
        return refuse(cursor, "a duration of fewer digits");
    memcpy(word, cursor->at, size);
    word[size] = '\0';
    if (quantity_parse_duration(word, out) < 0)
        return refuse(cursor, "a duration such as \"60s\" or \"500ms\"");
    cursor->at += size;
    return 0;
}

static int refuse(const struct cursor *cursor, const char *want)
{
    return error_set(cursor->err, EXIT_USAGE, -EINVAL, "rate \"%.100s\": column %zu: want %s",
                     cursor->text, (size_t)(cursor->at - cursor->text) + 1, want);
}

static int wrong(struct error *err, const char *text)
{
    return error_set(err, EXIT_USAGE, -EINVAL, "%s", text);
}

static int check_steps(const struct pace *pace, struct error *err)
{
    double requests = 0;

    if (pace->step_count == 0)
        return wrong(err, "steps: want 1 to 32, each with \"rate\" and \"for\"");
    for (uint32_t i = 0; i < pace->step_count; i++) {
        const struct pace_step *step = &pace->steps[i];
        if (!rate_fits(pace, step->rate_per_s) || step->for_ns <= 0)
            return error_set(err, EXIT_USAGE, -EINVAL,
                             "steps[%u]: want a rate up to 1000M/s, and for how long", i);
        requests += step->rate_per_s * (double)step->for_ns / 1e9;
    }
    if (requests <= 0)
        return wrong(err, "steps: one of them must have a rate above 0");
    if (pace->repeat && !pace_is_bits(pace) && requests < 1)
        return wrong(err, "steps: what repeats must ask for a request each time at least");
    return 0;
}

/* 0 does. */
static bool rate_fits(const struct pace *pace, double rate_per_s)
{
    return rate_per_s >= 0 && rate_per_s <= (pace_is_bits(pace) ? BITS_MAX : RATE_MAX);
}
