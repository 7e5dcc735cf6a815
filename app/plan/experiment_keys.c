#include "plan/experiment_priv.h"

#include "base/json.h"

static int read_version(struct reader *reader, const cJSON *item, void *object);
static cJSON *print_version(const void *object, const void *context);
static int check_windows(struct reader *reader, void *object);

const struct reader_word experiment_outcome_words[] = {
#define X(id, word) {word, EXPERIMENT_OUTCOME_##id},
    EXPERIMENT_OUTCOMES(X)
#undef X
        {NULL, 0},
};

const struct reader_word experiment_format_words[] = {
#define X(id, word) {word, EXPERIMENT_FORMAT_##id},
    EXPERIMENT_FORMATS(X)
#undef X
        {NULL, 0},
};

#define AT(type, member) offsetof(struct type, member)

static const struct reader_field stream_item = {
    .key = "", .type = READER_OBJECT, .object = &experiment_stream_object};

static const struct reader_field windows_fields[] = {
    {.key = "holdOff",
     .type = READER_DURATION,
     .offset = AT(experiment_windows, hold_off_ns),
     .max = 3600e9,
     .otherwise = "1s"},
    {.key = "validate",
     .type = READER_COUNT,
     .offset = AT(experiment_windows, validate),
     .min = 1,
     .max = 1000000,
     .otherwise = "3"},
    {.key = "late",
     .type = READER_DURATION,
     .offset = AT(experiment_windows, late_ns),
     .min = 1e3,
     .max = 3600e9,
     .otherwise = "500ms"},
    {.key = "opens",
     .type = READER_WORDS,
     .offset = AT(experiment_windows, opens),
     .otherwise = "0xff8", /* refused to blocked. */
     .words = experiment_outcome_words},
    {.key = NULL},
};
_Static_assert(0xff8 == (1 << EXPERIMENT_OUTCOME_UNSENT) - (1 << EXPERIMENT_OUTCOME_REFUSED),
               "The default of windows.opens is refused to blocked.");
static const struct reader_object windows_object = {"windows", windows_fields, NULL, check_windows};

static const struct reader_field step_item = {
    .key = "", .type = READER_OBJECT, .object = &experiment_step_object};
static const struct reader_field expect_item = {
    .key = "", .type = READER_OBJECT, .object = &experiment_expect_object};
static const struct reader_field format_item = {
    .key = "", .type = READER_WORD, .words = experiment_format_words};

static const struct reader_field report_fields[] = {
    {.key = "formats",
     .type = READER_LIST,
     .offset = AT(experiment, formats),
     .min = 1,
     .max = EXPERIMENT_FORMATS_MAX,
     .item = &format_item,
     .item_bytes = sizeof(enum experiment_format),
     .count_offset = AT(experiment, format_count)},
    {.key = NULL},
};
static const struct reader_object report_object = {"report", report_fields, NULL, NULL};

static const struct reader_field experiment_fields[] = {
    {.key = "$schema", .type = READER_CUSTOM, .read = reader_read_nothing, .want = "a string"},
    {.key = "version",
     .type = READER_CUSTOM,
     .required = true,
     .read = read_version,
     .print = print_version,
     .want = "1, the version of experiments that this seamline reads"},
    {.key = "name", .type = READER_NAME, .offset = AT(experiment, name), .required = true},
    {.key = "seed", .type = READER_COUNT, .offset = AT(experiment, seed), .otherwise = "1"},
    {.key = "cluster",
     .type = READER_OBJECT,
     .offset = AT(experiment, cluster),
     .object = &experiment_cluster_object,
     .given_offset = AT(experiment, cluster.given)},
    {.key = "rollout",
     .type = READER_OBJECT,
     .offset = AT(experiment, rollout),
     .object = &experiment_rollout_object,
     .given_offset = AT(experiment, rollout.given)},
    {.key = "target",
     .type = READER_OBJECT,
     .offset = AT(experiment, target),
     .object = &experiment_target_object,
     .given_offset = AT(experiment, target_given)},
    {.key = "streams",
     .type = READER_LIST,
     .offset = AT(experiment, streams),
     .required = true,
     .min = 1,
     .max = EXPERIMENT_STREAMS_MAX,
     .item = &stream_item,
     .item_bytes = sizeof(struct experiment_stream),
     .count_offset = AT(experiment, stream_count)},
    {.key = "tcp",
     .type = READER_OBJECT,
     .offset = AT(experiment, tcp),
     .object = &experiment_tcp_object},
    {.key = "windows",
     .type = READER_OBJECT,
     .offset = AT(experiment, windows),
     .object = &windows_object},
    {.key = "impair",
     .type = READER_OBJECT,
     .offset = AT(experiment, impair),
     .object = &experiment_impair_object,
     .given_offset = AT(experiment, impair.given)},
    {.key = "steps",
     .type = READER_LIST,
     .offset = AT(experiment, steps),
     .required = true,
     .min = 1,
     .max = EXPERIMENT_STEPS_MAX,
     .item = &step_item,
     .item_bytes = sizeof(struct experiment_step),
     .count_offset = AT(experiment, step_count)},
    {.key = "after",
     .type = READER_LIST,
     .offset = AT(experiment, after),
     .max = EXPERIMENT_STEPS_MAX,
     .item = &step_item,
     .item_bytes = sizeof(struct experiment_step),
     .count_offset = AT(experiment, after_count)},
    {.key = "expect",
     .type = READER_LIST,
     .offset = AT(experiment, expects),
     .max = EXPERIMENT_EXPECTS_MAX,
     .item = &expect_item,
     .item_bytes = sizeof(struct experiment_expect),
     .count_offset = AT(experiment, expect_count)},
    {.key = "report", .type = READER_OBJECT, .offset = 0, .object = &report_object},
    {.key = "variants",
     .type = READER_CUSTOM,
     .item = &experiment_variant_item,
     .read = experiment_read_variants,
     .print = experiment_print_variants,
     .want = "an object of name: variant"},
    {.key = "matrix",
     .type = READER_CUSTOM,
     .item = &experiment_axis_item,
     .read = experiment_read_matrix,
     .print = experiment_print_matrix,
     .want = "an object of axis: alternatives"},
    {.key = "repeats",
     .type = READER_COUNT,
     .offset = AT(experiment, repeats),
     .min = 1,
     .max = EXPERIMENT_REPEATS_MAX,
     .otherwise = "1"},
    {.key = NULL},
};
const struct reader_object experiment_object = {"an experiment", experiment_fields, NULL, NULL};

static int read_version(struct reader *reader, const cJSON *item, void *object)
{
    (void)object;
    if (cJSON_IsNumber(item) && item->valuedouble == EXPERIMENT_VERSION)
        return 0;
    return reader_want(reader, item, reader_find(&experiment_object, "version")->want);
}

static cJSON *print_version(const void *object, const void *context)
{
    (void)object;
    (void)context;
    return json_new_integer(EXPERIMENT_VERSION);
}

static int check_windows(struct reader *reader, void *object)
{
    const struct experiment_windows *windows = object;
    uint32_t never = 1u << EXPERIMENT_OUTCOME_OK | 1u << EXPERIMENT_OUTCOME_UNSENT |
                     1u << EXPERIMENT_OUTCOME_UNFINISHED | 1u << EXPERIMENT_OUTCOME_SENT;

    for (unsigned i = 0; i < EXPERIMENT_OUTCOME_COUNT; i++)
        if ((windows->opens & never & (1u << i)) != 0)
            return reader_refuse(reader, "opens: \"%s\" can open no window: it is no loss",
                                 experiment_outcome_word((enum experiment_outcome)i));
    return 0;
}
