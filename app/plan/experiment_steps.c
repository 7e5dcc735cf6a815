#include "plan/experiment_priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "plan/quantity.h"

static bool step_takes(const void *object, const char *key);
static int read_step_stream(struct reader *reader, const cJSON *item, void *object);
static cJSON *print_step_stream(const void *object, const void *context);
static int check_step(struct reader *reader, void *object);
static int64_t default_deadline_ns(const struct experiment *experiment,
                                   const struct experiment_step *step);
static int read_expect_stream(struct reader *reader, const cJSON *item, void *object);
static cJSON *print_expect_stream(const void *object, const void *context);
static int read_equals(struct reader *reader, const cJSON *item, void *object);
static int read_at_most(struct reader *reader, const cJSON *item, void *object);
static int read_at_least(struct reader *reader, const cJSON *item, void *object);
static cJSON *print_equals(const void *object, const void *context);
static cJSON *print_at_most(const void *object, const void *context);
static cJSON *print_at_least(const void *object, const void *context);
static int read_from(struct reader *reader, const cJSON *item, void *object);
static cJSON *print_from(const void *object, const void *context);
static int check_expect(struct reader *reader, void *object);
static int read_bound(struct reader *reader, const cJSON *item, struct experiment_expect *expect,
                      enum experiment_compare compare);
static int read_predicted(struct reader *reader, const cJSON *item,
                          struct experiment_expect *expect);
static cJSON *print_bound(const struct experiment_expect *expect, enum experiment_compare compare);
static int refuse_name(struct reader *reader, const char *what, const cJSON *item, bool steps);

enum {
    STEADY_DEADLINE_S = 30,
    DELETE_DEADLINE_S = 120 /* Pods' grace periods, and a namespace's own clean-up. */
};

const struct reader_word experiment_verb_words[] = {
    {"apply", EXPERIMENT_APPLY},
    {"start", EXPERIMENT_START},
    {"wait", EXPERIMENT_WAIT},
    {"set-image", EXPERIMENT_SET_IMAGE},
    {"scale", EXPERIMENT_SCALE},
    {"observe", EXPERIMENT_OBSERVE},
    {"stop", EXPERIMENT_STOP},
    {"delete-applied", EXPERIMENT_DELETE_APPLIED},
    {NULL, 0},
};

const struct reader_word experiment_until_words[] = {
    {"done", EXPERIMENT_UNTIL_DONE},
    {"steady", EXPERIMENT_UNTIL_STEADY},
    {"rollout-started", EXPERIMENT_UNTIL_ROLLOUT_STARTED},
    {"rollout-complete", EXPERIMENT_UNTIL_ROLLOUT_COMPLETE},
    {NULL, 0},
};

static const struct reader_word figure_words[] = {
#define X(id, word, unit, sentence) {word, EXPERIMENT_FIGURE_##id},
    EXPERIMENT_FIGURES(X)
#undef X
        {NULL, 0},
};

static const struct reader_word bound_words[] = {
    {"predicted.mean", EXPERIMENT_BOUND_MEAN},
    {"predicted.min", EXPERIMENT_BOUND_MIN},
    {"predicted.p1", EXPERIMENT_BOUND_P1},
    {"predicted.p50", EXPERIMENT_BOUND_P50},
    {"predicted.p99", EXPERIMENT_BOUND_P99},
    {"predicted.max", EXPERIMENT_BOUND_MAX},
    {NULL, 0},
};

/* What each verb takes beside do and id, and which ends it may wait for. */
static const struct verb_rule {
    const char *keys[6]; /* Ends with NULL. */
    unsigned untils;     /* Bits 1 << enum experiment_until. */
} verb_rules[EXPERIMENT_VERB_COUNT] = {
    [EXPERIMENT_APPLY] = {{"files", "until", "deadline"},
                          1 << EXPERIMENT_UNTIL_DONE | 1 << EXPERIMENT_UNTIL_ROLLOUT_COMPLETE},
    [EXPERIMENT_START] = {{"streams", "until", "deadline"},
                          1 << EXPERIMENT_UNTIL_DONE | 1 << EXPERIMENT_UNTIL_STEADY},
    [EXPERIMENT_WAIT] = {{"for"}, 0},
    [EXPERIMENT_SET_IMAGE] = {{"deployment", "container", "image", "until", "deadline"},
                              1 << EXPERIMENT_UNTIL_DONE | 1 << EXPERIMENT_UNTIL_ROLLOUT_STARTED |
                                  1 << EXPERIMENT_UNTIL_ROLLOUT_COMPLETE},
    [EXPERIMENT_SCALE] = {{"deployment", "replicas", "until", "deadline"},
                          1 << EXPERIMENT_UNTIL_DONE | 1 << EXPERIMENT_UNTIL_ROLLOUT_STARTED |
                              1 << EXPERIMENT_UNTIL_ROLLOUT_COMPLETE},
    [EXPERIMENT_OBSERVE] = {{"deployment", "until", "deadline"},
                            1 << EXPERIMENT_UNTIL_ROLLOUT_STARTED |
                                1 << EXPERIMENT_UNTIL_ROLLOUT_COMPLETE},
    [EXPERIMENT_STOP] = {{"streams"}, 0},
    [EXPERIMENT_DELETE_APPLIED] = {{"deadline"}, 0},
};

#define AT(type, member) offsetof(struct type, member)

static const struct reader_field file_item = {.key = "", .type = READER_TEXT};
static const struct reader_field stream_item = {
    .key = "",
    .type = READER_CUSTOM,
    .read = read_step_stream,
    .print = print_step_stream,
    .want = "the name of a stream",
};

static const struct reader_field step_fields[] = {
    {.key = "do",
     .type = READER_WORD,
     .offset = AT(experiment_step, verb),
     .required = true,
     .words = experiment_verb_words},
    {.key = "id", .type = READER_NAME, .offset = AT(experiment_step, id)},
    {.key = "files",
     .type = READER_LIST,
     .offset = AT(experiment_step, files),
     .required = true,
     .min = 1,
     .max = EXPERIMENT_FILES_MAX,
     .item = &file_item,
     .item_bytes = sizeof(const char *),
     .count_offset = AT(experiment_step, file_count)},
    {.key = "streams",
     .type = READER_LIST,
     .offset = AT(experiment_step, streams),
     .min = 1,
     .max = EXPERIMENT_STREAMS_MAX,
     .item = &stream_item,
     .item_bytes = sizeof(uint32_t),
     .count_offset = AT(experiment_step, stream_count)},
    {.key = "for",
     .type = READER_DURATION,
     .offset = AT(experiment_step, for_ns),
     .required = true,
     .min = 1e6},
    {.key = "deployment",
     .type = READER_NAME,
     .offset = AT(experiment_step, deployment),
     .required = true},
    {.key = "container", .type = READER_NAME, .offset = AT(experiment_step, container)},
    {.key = "image",
     .type = READER_TEXT,
     .offset = AT(experiment_step, image),
     .required = true,
     .max = 512},
    {.key = "replicas",
     .type = READER_COUNT,
     .offset = AT(experiment_step, replicas),
     .required = true,
     .max = 1024},
    {.key = "until",
     .type = READER_WORD,
     .offset = AT(experiment_step, until),
     .words = experiment_until_words},
    {.key = "deadline",
     .type = READER_DURATION,
     .offset = AT(experiment_step, deadline_ns),
     .min = 1e6},
    {.key = NULL},
};
const struct reader_object experiment_step_object = {"this step", step_fields, step_takes,
                                                     check_step};

static const struct reader_field expect_fields[] = {
    {.key = "stream",
     .type = READER_CUSTOM,
     .required = true,
     .read = read_expect_stream,
     .print = print_expect_stream,
     .want = "the name of a stream"},
    {.key = "figure",
     .type = READER_WORD,
     .offset = AT(experiment_expect, figure),
     .required = true,
     .words = figure_words},
    {.key = "equals",
     .type = READER_CUSTOM,
     .read = read_equals,
     .print = print_equals,
     .want = "a value of the figure's unit, or \"predicted.p99\" and the like"},
    {.key = "atMost",
     .type = READER_CUSTOM,
     .read = read_at_most,
     .print = print_at_most,
     .want = "a value of the figure's unit, or \"predicted.p99\" and the like"},
    {.key = "atLeast",
     .type = READER_CUSTOM,
     .read = read_at_least,
     .print = print_at_least,
     .want = "a value of the figure's unit, or \"predicted.p99\" and the like"},
    {.key = "from",
     .type = READER_CUSTOM,
     .read = read_from,
     .print = print_from,
     .want = "the id of a step"},
    {.key = NULL},
};
const struct reader_object experiment_expect_object = {"an expectation", expect_fields, NULL,
                                                       check_expect};

static bool step_takes(const void *object, const char *key)
{
    const struct verb_rule *rule = &verb_rules[((const struct experiment_step *)object)->verb];

    if (strcmp(key, "do") == 0 || strcmp(key, "id") == 0)
        return true;
    for (size_t i = 0; rule->keys[i] != NULL; i++)
        if (strcmp(rule->keys[i], key) == 0)
            return true;
    return false;
}

static int read_step_stream(struct reader *reader, const cJSON *item, void *object)
{
    const char *name = cJSON_GetStringValue(item);
    int index = name != NULL ? experiment_stream_index(reader->context, name) : -1;

    if (index < 0)
        return refuse_name(reader, "stream", item, false);
    *(uint32_t *)object = (uint32_t)index;
    return 0;
}

static cJSON *print_step_stream(const void *object, const void *context)
{
    const struct experiment *experiment = context;

    return cJSON_CreateString(experiment->streams[*(const uint32_t *)object].name);
}

static int check_step(struct reader *reader, void *object)
{
    struct experiment_step *step = object;
    const struct experiment *experiment = reader->context;
    unsigned untils = verb_rules[step->verb].untils;
    struct text words = {0};

    if (step->verb == EXPERIMENT_OBSERVE && step->until == EXPERIMENT_UNTIL_DONE)
        step->until = EXPERIMENT_UNTIL_ROLLOUT_COMPLETE;
    if (untils != 0 && (untils & (1u << step->until)) == 0) {
        for (const struct reader_word *word = experiment_until_words; word->word != NULL; word++)
            if ((untils & (1u << word->value)) != 0)
                text_addf(&words, "%s\"%s\"", words.size > 0 ? " or " : "", word->word);
        reader_refuse(reader, "until: \"%s\" is no end of \"%s\", want %s",
                      experiment_until_word(step->until), experiment_verb_word(step->verb),
                      text_str(&words));
        text_free(&words);
        return -EINVAL;
    }
    if ((step->verb == EXPERIMENT_START || step->verb == EXPERIMENT_STOP) &&
        step->stream_count == 0)
        for (uint32_t i = 0; i < experiment->stream_count; i++)
            step->streams[step->stream_count++] = i;
    if (step->deadline_ns == 0)
        step->deadline_ns = default_deadline_ns(experiment, step);
    return 0;
}

static int64_t default_deadline_ns(const struct experiment *experiment,
                                   const struct experiment_step *step)
{
    if (step->verb == EXPERIMENT_DELETE_APPLIED)
        return DELETE_DEADLINE_S * INT64_C(1000000000);
    if (step->until == EXPERIMENT_UNTIL_DONE || step->until == EXPERIMENT_UNTIL_STEADY)
        return STEADY_DEADLINE_S * INT64_C(1000000000);
    return experiment->rollout.deadline_ns;
}

static int read_expect_stream(struct reader *reader, const cJSON *item, void *object)
{
    return read_step_stream(reader, item, &((struct experiment_expect *)object)->stream);
}

static cJSON *print_expect_stream(const void *object, const void *context)
{
    return print_step_stream(&((const struct experiment_expect *)object)->stream, context);
}

static int read_equals(struct reader *reader, const cJSON *item, void *object)
{
    return read_bound(reader, item, object, EXPERIMENT_EQUALS);
}

static int read_at_most(struct reader *reader, const cJSON *item, void *object)
{
    return read_bound(reader, item, object, EXPERIMENT_AT_MOST);
}

static int read_at_least(struct reader *reader, const cJSON *item, void *object)
{
    return read_bound(reader, item, object, EXPERIMENT_AT_LEAST);
}

static cJSON *print_equals(const void *object, const void *context)
{
    (void)context;
    return print_bound(object, EXPERIMENT_EQUALS);
}

static cJSON *print_at_most(const void *object, const void *context)
{
    (void)context;
    return print_bound(object, EXPERIMENT_AT_MOST);
}

static cJSON *print_at_least(const void *object, const void *context)
{
    (void)context;
    return print_bound(object, EXPERIMENT_AT_LEAST);
}

static int read_from(struct reader *reader, const cJSON *item, void *object)
{
    struct experiment_expect *expect = object;
    const char *id = cJSON_GetStringValue(item);
    int index = id != NULL ? experiment_step_index(reader->context, id) : -1;

    if (index < 0)
        return refuse_name(reader, "step", item, true);
    expect->from_step = index + 1;
    return 0;
}

static cJSON *print_from(const void *object, const void *context)
{
    const struct experiment_expect *expect = object;
    const struct experiment *experiment = context;

    if (expect->from_step < 0)
        return NULL;
    return cJSON_CreateString(experiment->steps[expect->from_step].id);
}

/* Until here, from_step is one more than the index, so that a zeroed one means none. */
static int check_expect(struct reader *reader, void *object)
{
    struct experiment_expect *expect = object;

    expect->from_step--;
    if (expect->value_text[0] == '\0')
        return reader_refuse(reader, "want one of \"equals\", \"atMost\", \"atLeast\"");
    return 0;
}

static int read_bound(struct reader *reader, const cJSON *item, struct experiment_expect *expect,
                      enum experiment_compare compare)
{
    const char *text = cJSON_GetStringValue(item);
    enum experiment_unit unit = experiment_figure_unit(expect->figure);
    int64_t value_ns;

    if (expect->value_text[0] != '\0')
        return reader_refuse(reader, "only one of \"equals\", \"atMost\", \"atLeast\" can be said; "
                                     "write two expectations");
    expect->compare = compare;
    if (text != NULL && strncmp(text, "predicted", 9) == 0)
        return read_predicted(reader, item, expect);
    if (unit == EXPERIMENT_UNIT_NS) {
        if (text == NULL || quantity_parse_duration(text, &value_ns) < 0)
            return reader_want(reader, item, "a duration such as \"100ms\": this figure is one");
        expect->value = (double)value_ns;
        quantity_duration_text(value_ns, expect->value_text);
        return 0;
    }
    if (!cJSON_IsNumber(item) || item->valuedouble < 0 ||
        (unit == EXPERIMENT_UNIT_RATIO && item->valuedouble > 1))
        return reader_want(reader, item,
                           unit == EXPERIMENT_UNIT_RATIO
                               ? "a number from 0 to 1: this figure is a share"
                               : "a number: this figure is a count");
    expect->value = item->valuedouble;
    snprintf(expect->value_text, sizeof(expect->value_text), "%.15g", expect->value);
    return 0;
}

static int read_predicted(struct reader *reader, const cJSON *item,
                          struct experiment_expect *expect)
{
    const struct reader_word *word = reader_word_find(bound_words, item->valuestring);

    if (word == NULL)
        return reader_want(reader, item, "predicted.mean, .min, .p1, .p50, .p99 or .max");
    if (expect->figure != EXPERIMENT_FIGURE_BROKEN_CONNECTIONS)
        return reader_refuse(reader, "only brokenConnections is predicted, not %s",
                             experiment_figure_word(expect->figure));
    expect->bound = (enum experiment_bound)word->value;
    snprintf(expect->value_text, sizeof(expect->value_text), "%s", word->word);
    return 0;
}

static cJSON *print_bound(const struct experiment_expect *expect, enum experiment_compare compare)
{
    if (expect->compare != compare)
        return NULL;
    if (expect->bound == EXPERIMENT_BOUND_VALUE &&
        experiment_figure_unit(expect->figure) != EXPERIMENT_UNIT_NS)
        return cJSON_CreateNumber(expect->value);
    return cJSON_CreateString(expect->value_text);
}

/* ITEM names no stream, or no step: say which there are. */
static int refuse_name(struct reader *reader, const char *what, const cJSON *item, bool steps)
{
    const struct experiment *experiment = reader->context;
    const char *name = cJSON_GetStringValue(item);
    struct text known = {0};
    uint32_t count = steps ? experiment->step_count : experiment->stream_count;

    for (uint32_t i = 0; i < count; i++) {
        const char *one = steps ? experiment->steps[i].id : experiment->streams[i].name;
        if (one != NULL)
            text_addf(&known, "%s\"%s\"", known.size > 0 ? ", " : "", one);
    }
    if (name == NULL)
        reader_want(reader, item, steps ? "the id of a step" : "the name of a stream");
    else
        reader_refuse(reader, "there is no %s \"%.64s\"; there %s %s", what, name,
                      count > 0 ? "are:" : "is none:", known.size > 0 ? text_str(&known) : "none");
    text_free(&known);
    return -EINVAL;
}
