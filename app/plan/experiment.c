#include "plan/experiment.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "plan/experiment_priv.h"
#include "plan/matrix.h"
#include "plan/quantity.h"
#include "plan/setting.h"
#include "plan/url.h"

enum {
    FILE_BYTES_MAX = 16 << 20
};

static int assign(const char *name, cJSON *tree, const struct experiment_options *options,
                  struct error *err);
static int assign_variant(const char *name, cJSON *tree, const char *variant, struct error *err);
static int assign_alternatives(const char *name, cJSON *tree, const char *const *alternatives,
                               struct error *err);
static int assign_named(const char *name, cJSON *tree, const cJSON *list, const char *where,
                        const char *wanted, struct error *err);
static int read_tree(const char *name, cJSON *tree, uint32_t repeat, struct experiment **out,
                     struct error *err);
static void draw_anew(struct experiment *experiment, uint32_t repeat);
static int try_variants(const struct experiment *experiment, struct error *err);

static const struct {
    const char *word;
    enum experiment_unit unit;
} figures[EXPERIMENT_FIGURE_COUNT] = {
#define X(id, word, unit, meaning) [EXPERIMENT_FIGURE_##id] = {word, EXPERIMENT_UNIT_##unit},
    EXPERIMENT_FIGURES(X)
#undef X
};

int experiment_load(const char *path, const struct experiment_options *options,
                    struct experiment **out, struct error *err)
{
    struct text text = {0};
    int result = text_read_file(&text, path, FILE_BYTES_MAX);

    if (result < 0)
        error_set(err, EXIT_USAGE, result,
                  "%s: %s; want an experiment file, such as one of config/", path,
                  strerror(-result));
    else
        result = experiment_parse(path, text_str(&text), text.size, options, out, err);
    text_free(&text);
    return result;
}

int experiment_parse(const char *name, const char *bytes, size_t size,
                     const struct experiment_options *options, struct experiment **out,
                     struct error *err)
{
    cJSON *tree = json_parse(bytes, size, err);

    if (tree == NULL) {
        error_wrap(err, "%s", name);
        return -EINVAL;
    }
    return experiment_from_tree(name, tree, options, out, err);
}

/* Takes TREE. */
int experiment_from_tree(const char *name, cJSON *tree, const struct experiment_options *options,
                         struct experiment **out, struct error *err)
{
    struct experiment *experiment = NULL;
    int result = options != NULL ? assign(name, tree, options, err) : 0;

    if (result < 0) {
        cJSON_Delete(tree);
        return result;
    }
    result = read_tree(name, tree, options != NULL ? options->repeat : 0, &experiment, err);
    if (result == 0 && (experiment->variant_count > 0 || experiment->axis_count > 0))
        result = try_variants(experiment, err);
    if (result < 0) {
        experiment_free(experiment);
        return result;
    }
    *out = experiment;
    return 0;
}

void experiment_free(struct experiment *experiment)
{
    if (experiment == NULL)
        return;
    for (uint32_t i = 0; i < EXPERIMENT_STREAMS_MAX; i++) {
        free(experiment->streams[i].turn_list);
        free(experiment->streams[i].http.requests);
    }
    cJSON_Delete(experiment->source);
    cJSON_Delete(experiment->resolved);
    free((char *)(uintptr_t)experiment->path);
    free(experiment);
}

void experiment_file_path(const char *experiment, const char *file, char out[PATH_MAX])
{
    const char *slash = strrchr(experiment, '/');

    if (file[0] == '/' || slash == NULL)
        snprintf(out, PATH_MAX, "%s", file);
    else
        snprintf(out, PATH_MAX, "%.*s%s", (int)(slash - experiment + 1), experiment, file);
}

bool experiment_rolls(const struct experiment_step *step)
{
    switch (step->verb) {
    case EXPERIMENT_SET_IMAGE:
    case EXPERIMENT_SET_ENV:
    case EXPERIMENT_MOVE:
    case EXPERIMENT_RESTART:
    case EXPERIMENT_ROLLOUT_UNDO: return true;
    case EXPERIMENT_OBSERVE:
        return step->until == EXPERIMENT_UNTIL_ROLLOUT_STARTED ||
               step->until == EXPERIMENT_UNTIL_ROLLOUT_COMPLETE;
    default: return false;
    }
}

bool experiment_is_workload(const struct experiment_change *object)
{
    return object->kind != NULL &&
           (strcmp(object->kind, "deployment") == 0 || strcmp(object->kind, "statefulset") == 0 ||
            strcmp(object->kind, "daemonset") == 0);
}

bool experiment_may_change(const struct experiment *experiment, const char *kind, const char *name)
{
    const struct experiment_cluster *cluster = &experiment->cluster;

    for (uint32_t i = 0; i < cluster->may_change_count; i++)
        if (strcasecmp(cluster->may_change[i].kind, kind) == 0 &&
            (strcmp(cluster->may_change[i].name, name) == 0 ||
             (strcasecmp(kind, "pod") == 0 && fnmatch(cluster->may_change[i].name, name, 0) == 0)))
            return true;
    return false;
}

uint32_t experiment_turns(const struct experiment_stream *stream, const uint32_t **list)
{
    *list = stream->turn_list != NULL ? stream->turn_list : &stream->turn;
    return stream->turn_list != NULL ? stream->turn_count : 1;
}

int experiment_stream_index(const struct experiment *experiment, const char *name)
{
    for (uint32_t i = 0; i < experiment->stream_count; i++)
        if (strcmp(experiment->streams[i].name, name) == 0)
            return (int)i;
    return -1;
}

int experiment_step_index(const struct experiment *experiment, const char *id)
{
    for (uint32_t i = 0; i < experiment->step_count; i++)
        if (experiment->steps[i].id != NULL && strcmp(experiment->steps[i].id, id) == 0)
            return (int)i;
    return -1;
}

const struct reader_object *experiment_shape(void)
{
    return &experiment_object;
}

const char *experiment_verb_word(enum experiment_verb verb)
{
    return reader_word_of(experiment_verb_words, verb);
}

const char *experiment_until_word(enum experiment_until until)
{
    return reader_word_of(experiment_until_words, until);
}

const char *experiment_protocol_word(enum experiment_protocol protocol)
{
    return reader_word_of(experiment_protocol_words, protocol);
}

const char *experiment_scheduler_word(enum experiment_scheduler scheduler)
{
    return scheduler == EXPERIMENT_SCHEDULER_ANY
               ? "any"
               : reader_word_of(experiment_scheduler_words, scheduler);
}

const char *experiment_proxy_mode_word(enum experiment_proxy_mode mode)
{
    return mode == EXPERIMENT_PROXY_ANY ? "" : reader_word_of(experiment_proxy_mode_words, mode);
}

const char *experiment_balancer_word(enum experiment_balancer balancer)
{
    return reader_word_of(experiment_balancer_words, balancer);
}

const char *experiment_profile_word(enum experiment_profile profile)
{
    return reader_word_of(experiment_profile_words, profile);
}

const char *experiment_outcome_word(enum experiment_outcome outcome)
{
    return reader_word_of(experiment_outcome_words, outcome);
}

const char *experiment_format_word(enum experiment_format format)
{
    return reader_word_of(experiment_format_words, format);
}

const char *experiment_compare_word(enum experiment_compare compare)
{
    static const char *const words[] = {"equals", "atMost", "atLeast"};

    return words[compare];
}

const char *experiment_figure_word(enum experiment_figure figure)
{
    return figures[figure].word;
}

enum experiment_unit experiment_figure_unit(enum experiment_figure figure)
{
    return figures[figure].unit;
}

static int assign(const char *name, cJSON *tree, const struct experiment_options *options,
                  struct error *err)
{
    int result = 0;

    if (!cJSON_IsObject(tree))
        return 0; /* The reader says so. */
    if (options->variant != NULL)
        result = assign_variant(name, tree, options->variant, err);
    if (result == 0 && options->single)
        result = assign_alternatives(name, tree, options->alternatives, err);
    for (size_t i = 0; result == 0 && i < options->set_count; i++)
        result = setting_apply(tree, &experiment_object, options->sets[i], err);
    if (result == 0 && options->single) {
        cJSON_DeleteItemFromObjectCaseSensitive(tree, "variants");
        cJSON_DeleteItemFromObjectCaseSensitive(tree, "matrix");
        cJSON_DeleteItemFromObjectCaseSensitive(tree, "repeats");
    }
    return result;
}

/* Assignments are read from a copy: they may reach anything in TREE. */
static int assign_variant(const char *name, cJSON *tree, const char *variant, struct error *err)
{
    cJSON *variants = cJSON_Duplicate(json_member(tree, "variants"), true);
    int result = assign_named(name, tree, variants, "variants", variant, err);

    cJSON_Delete(variants);
    return result;
}

/* One of each axis, in the file's order. */
static int assign_alternatives(const char *name, cJSON *tree, const char *const *alternatives,
                               struct error *err)
{
    cJSON *matrix = cJSON_Duplicate(json_member(tree, "matrix"), true);
    uint32_t count = 0;
    int result = 0;

    for (const cJSON *axis = matrix != NULL ? matrix->child : NULL;
         axis != NULL && result == 0 && count < EXPERIMENT_AXES_MAX; axis = axis->next) {
        char where[READER_NAME_MAX + 16];
        snprintf(where, sizeof(where), "matrix.%.64s", axis->string);
        result = assign_named(name, tree, axis, where, alternatives[count++], err);
    }
    cJSON_Delete(matrix);
    return result;
}

/* The assignments of WANTED, which LIST (at WHERE in the file) has. */
static int assign_named(const char *name, cJSON *tree, const cJSON *list, const char *where,
                        const char *wanted, struct error *err)
{
    const cJSON *one = json_member(list, wanted);
    const cJSON *item;
    struct text known = {0};

    if (one == NULL) {
        cJSON_ArrayForEach(item, list)
            text_addf(&known, "%s\"%s\"", known.size > 0 ? ", " : "", item->string);
        error_set(err, EXIT_USAGE, -EINVAL, "%s: there is no variant \"%s\" in %s; there %s %s",
                  name, wanted, where, known.size > 0 ? "are:" : "is",
                  known.size > 0 ? text_str(&known) : "none");
        text_free(&known);
        return -EINVAL;
    }
    cJSON_ArrayForEach(item, json_member(one, "set"))
    {
        int result = setting_put(tree, &experiment_object, item->string, item, err);
        if (result < 0) {
            error_wrap(err, "%s: %s.%s.set", name, where, wanted);
            return result;
        }
    }
    return 0;
}

/* Takes TREE. */
static int read_tree(const char *name, cJSON *tree, uint32_t repeat, struct experiment **out,
                     struct error *err)
{
    struct experiment *experiment = calloc(1, sizeof(*experiment));
    struct reader reader = {.file = name, .err = err, .context = experiment};
    int result;

    if (experiment == NULL) {
        cJSON_Delete(tree);
        return error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory");
    }
    experiment->source = tree;
    experiment->path = strdup(name);
    result = reader_read(&reader, &experiment_object, tree, experiment);
    if (result == 0)
        result = experiment_check(&reader, experiment);
    if (result == 0) {
        draw_anew(experiment, repeat);
        experiment->resolved = reader_print(&experiment_object, experiment, experiment);
        if (experiment->resolved == NULL || experiment->path == NULL)
            result = error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory");
    }
    if (result < 0)
        experiment_free(experiment);
    else
        *out = experiment;
    return result;
}

static void draw_anew(struct experiment *experiment, uint32_t repeat)
{
    uint32_t before = repeat > 0 ? repeat - 1 : 0;

    experiment->seed += before;
    experiment->cluster.lab.seed += before;
}

/* What cannot be read should not be found after hours of what comes before it. */
static int try_variants(const struct experiment *experiment, struct error *err)
{
    struct matrix matrix = {0};
    int result = matrix_make(experiment, true, &matrix, err);

    for (uint32_t i = 0; i < matrix.count && result == 0; i++) {
        struct experiment_options options = {0};
        struct experiment *varied = NULL;
        cJSON *tree = cJSON_Duplicate(experiment->source, true);
        if (tree == NULL) {
            result = error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory");
            break;
        }
        matrix_options(&matrix.cells[i], &options);
        result = experiment_from_tree(experiment->path, tree, &options, &varied, err);
        if (result < 0)
            error_wrap(err, "variant \"%s\"", matrix.cells[i].name);
        experiment_free(varied);
    }
    matrix_free(&matrix);
    return result;
}
