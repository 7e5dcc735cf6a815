#include "plan/experiment_priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "plan/quantity.h"

static bool expect_takes(const void *object, const char *key);
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

static const struct reader_word figure_words[] = {
#define X(id, word, unit, meaning) {word, EXPERIMENT_FIGURE_##id},
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

#define AT(type, member) offsetof(struct type, member)

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
    {.key = "outcomes",
     .type = READER_WORDS,
     .offset = AT(experiment_expect, outcomes),
     .words = experiment_outcome_words},
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
const struct reader_object experiment_expect_object = {"an expectation", expect_fields,
                                                       expect_takes, check_expect};

static bool expect_takes(const void *object, const char *key)
{
    const struct experiment_expect *expect = object;

    return strcmp(key, "outcomes") != 0 || (expect->figure == EXPERIMENT_FIGURE_REQUESTS);
}

static int read_expect_stream(struct reader *reader, const cJSON *item, void *object)
{
    return experiment_read_step_stream(reader, item, &((struct experiment_expect *)object)->stream);
}

static cJSON *print_expect_stream(const void *object, const void *context)
{
    return experiment_print_step_stream(&((const struct experiment_expect *)object)->stream,
                                        context);
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
        return experiment_refuse_name(reader, "step", item, true);
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
