#include "plan/experiment_priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "plan/quantity.h"

static bool step_takes(const void *object, const char *key);
static int read_deployment(struct reader *reader, const cJSON *item, void *object);
static cJSON *print_deployment(const void *object, const void *context);
static int read_object(struct reader *reader, const cJSON *item, void *object);
static cJSON *print_object(const void *object, const void *context);
static int read_patch(struct reader *reader, const cJSON *item, void *object);
static cJSON *print_patch(const void *object, const void *context);
static int read_env(struct reader *reader, const cJSON *item, void *object);
static cJSON *print_env(const void *object, const void *context);
static bool needs_workload(const struct experiment_step *step);
static int check_object(struct reader *reader, const struct experiment_step *step);
static int check_step(struct reader *reader, void *object);
static int64_t default_deadline_ns(const struct experiment *experiment,
                                   const struct experiment_step *step);

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
    {"set-env", EXPERIMENT_SET_ENV},
    {"move", EXPERIMENT_MOVE},
    {"restart", EXPERIMENT_RESTART},
    {"rollout-undo", EXPERIMENT_ROLLOUT_UNDO},
    {"patch", EXPERIMENT_PATCH},
    {"cordon", EXPERIMENT_CORDON},
    {"uncordon", EXPERIMENT_UNCORDON},
    {"drain", EXPERIMENT_DRAIN},
    {"evict", EXPERIMENT_EVICT},
    {"delete-pod", EXPERIMENT_DELETE_POD},
    {"exec", EXPERIMENT_EXEC},
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
    {"ready", EXPERIMENT_UNTIL_READY},
    {"gone", EXPERIMENT_UNTIL_GONE},
    {"windows-closed", EXPERIMENT_UNTIL_WINDOWS_CLOSED},
    {NULL, 0},
};

static const struct reader_word patch_type_words[] = {
    {"strategic", EXPERIMENT_PATCH_STRATEGIC},
    {"merge", EXPERIMENT_PATCH_MERGE},
    {"json", EXPERIMENT_PATCH_JSON},
    {NULL, 0},
};

enum {
    DONE = 1 << EXPERIMENT_UNTIL_DONE,
    STEADY = 1 << EXPERIMENT_UNTIL_STEADY,
    CLOSED = 1 << EXPERIMENT_UNTIL_WINDOWS_CLOSED,
    GONE = 1 << EXPERIMENT_UNTIL_GONE,
    READY = 1 << EXPERIMENT_UNTIL_READY,
    STARTED = 1 << EXPERIMENT_UNTIL_ROLLOUT_STARTED,
    COMPLETE = 1 << EXPERIMENT_UNTIL_ROLLOUT_COMPLETE,
    ROLLS = STARTED | COMPLETE | READY
};

/* What each verb takes beside do and id, and which ends it may wait for. */
static const struct verb_rule {
    const char *keys[9]; /* Ends with NULL. */
    unsigned untils;     /* Bits 1 << enum experiment_until. */
} verb_rules[EXPERIMENT_VERB_COUNT] = {
    [EXPERIMENT_APPLY] = {{"files", "until", "deadline"}, DONE | COMPLETE},
    [EXPERIMENT_START] = {{"streams", "until", "deadline"}, DONE | STEADY},
    [EXPERIMENT_WAIT] = {{"for"}, 0},
    [EXPERIMENT_SET_IMAGE] = {{"deployment", "object", "container", "image", "temporary", "until",
                               "deadline"},
                              DONE | ROLLS},
    [EXPERIMENT_SCALE] = {{"deployment", "object", "replicas", "temporary", "until", "deadline"},
                          DONE | ROLLS},
    [EXPERIMENT_SET_ENV] = {{"deployment", "object", "container", "env", "temporary", "until",
                             "deadline"},
                            DONE | ROLLS},
    [EXPERIMENT_MOVE] = {{"deployment", "object", "node", "temporary", "until", "deadline"},
                         DONE | ROLLS},
    [EXPERIMENT_DRAIN] = {{"node", "grace", "force", "deleteEmptyDir", "temporary", "deadline"},
                          DONE},
    [EXPERIMENT_RESTART] = {{"deployment", "object", "until", "deadline"}, DONE | ROLLS},
    [EXPERIMENT_ROLLOUT_UNDO] = {{"deployment", "object", "toRevision", "temporary", "until",
                                  "deadline"},
                                 DONE | ROLLS},
    [EXPERIMENT_PATCH] = {{"object", "patch", "patchType", "temporary", "until", "deadline"},
                          DONE | ROLLS},
    [EXPERIMENT_CORDON] = {{"node", "temporary", "deadline"}, DONE},
    [EXPERIMENT_UNCORDON] = {{"node", "temporary", "until", "deadline"}, DONE | READY},
    [EXPERIMENT_EVICT] = {{"pod", "grace", "until", "deadline"}, DONE | GONE},
    [EXPERIMENT_DELETE_POD] = {{"pod", "grace", "until", "deadline"}, DONE | GONE},
    [EXPERIMENT_EXEC] = {{"command", "env", "deadline"}, DONE},
    [EXPERIMENT_OBSERVE] = {{"deployment", "object", "node", "until", "deadline"},
                            ROLLS | STEADY | CLOSED},
    [EXPERIMENT_STOP] = {{"streams"}, 0},
    [EXPERIMENT_DELETE_APPLIED] = {{"deadline"}, 0},
};

#define AT(type, member) offsetof(struct type, member)

static const struct reader_field file_item = {.key = "", .type = READER_TEXT};
static const struct reader_field stream_item = {
    .key = "",
    .type = READER_CUSTOM,
    .read = experiment_read_step_stream,
    .print = experiment_print_step_stream,
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
     .type = READER_CUSTOM,
     .read = read_deployment,
     .print = print_deployment,
     .want = "the name of a Deployment"},
    {.key = "object",
     .type = READER_CUSTOM,
     .read = read_object,
     .print = print_object,
     .want = "KIND/NAME such as \"statefulset/db\""},
    {.key = "container", .type = READER_LABEL, .offset = AT(experiment_step, container)},
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
    {.key = "toRevision",
     .type = READER_COUNT,
     .offset = AT(experiment_step, to_revision),
     .min = 1,
     .max = 1e9},
    {.key = "node", .type = READER_SUBDOMAIN, .offset = AT(experiment_step, node)},
    {.key = "pod",
     .type = READER_TEXT,
     .offset = AT(experiment_step, pod),
     .required = true,
     .max = 253},
    {.key = "force", .type = READER_BOOL, .offset = AT(experiment_step, force)},
    {.key = "deleteEmptyDir", .type = READER_BOOL, .offset = AT(experiment_step, delete_empty_dir)},
    {.key = "grace", .type = READER_DURATION, .offset = AT(experiment_step, grace_ns), .min = 1e9},
    {.key = "patchType",
     .type = READER_WORD,
     .offset = AT(experiment_step, patch_type),
     .otherwise = "strategic",
     .words = patch_type_words},
    {.key = "patch",
     .type = READER_CUSTOM,
     .required = true,
     .read = read_patch,
     .print = print_patch,
     .want = "an object; of patchType json an array of operations"},
    {.key = "command",
     .type = READER_LIST,
     .offset = AT(experiment_step, command),
     .required = true,
     .min = 1,
     .max = EXPERIMENT_ARGUMENTS_MAX,
     .item = &file_item,
     .item_bytes = sizeof(const char *),
     .count_offset = AT(experiment_step, command_count)},
    {.key = "env",
     .type = READER_CUSTOM,
     .read = read_env,
     .print = print_env,
     .want = "an object of NAME: \"value\""},
    {.key = "temporary", .type = READER_BOOL, .offset = AT(experiment_step, temporary)},
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

int experiment_read_step_stream(struct reader *reader, const cJSON *item, void *object)
{
    const char *name = cJSON_GetStringValue(item);
    int index = name != NULL ? experiment_stream_index(reader->context, name) : -1;

    if (index < 0)
        return experiment_refuse_name(reader, "stream", item, false);
    *(uint32_t *)object = (uint32_t)index;
    return 0;
}

cJSON *experiment_print_step_stream(const void *object, const void *context)
{
    const struct experiment *experiment = context;

    return cJSON_CreateString(experiment->streams[*(const uint32_t *)object].name);
}

/* "mserver" is short for the object "deployment/mserver". */
static int read_deployment(struct reader *reader, const cJSON *item, void *object)
{
    struct experiment_step *step = object;
    const char *name = cJSON_GetStringValue(item);

    if (name == NULL || !reader_is_subdomain(name))
        return reader_want(reader, item, READER_SUBDOMAIN_WANT);
    step->object = (struct experiment_change){"deployment", name};
    return 0;
}

static cJSON *print_deployment(const void *object, const void *context)
{
    const struct experiment_step *step = object;
    const char *kind = step->object.kind;

    (void)context;
    return kind != NULL && strcmp(kind, "deployment") == 0 && step->verb != EXPERIMENT_PATCH
               ? cJSON_CreateString(step->object.name)
               : NULL;
}

static int read_object(struct reader *reader, const cJSON *item, void *object)
{
    struct experiment_step *step = object;

    if (step->object.kind != NULL)
        return reader_refuse(reader, "\"deployment\" is given, too: want one of the two");
    return experiment_read_change(reader, item, &step->object);
}

static cJSON *print_object(const void *object, const void *context)
{
    const struct experiment_step *step = object;
    cJSON *short_form = print_deployment(object, context);

    cJSON_Delete(short_form);
    return short_form != NULL || step->object.kind == NULL
               ? NULL
               : experiment_print_change(&step->object, context);
}

static int read_patch(struct reader *reader, const cJSON *item, void *object)
{
    struct experiment_step *step = object;
    bool json = step->patch_type == EXPERIMENT_PATCH_JSON;

    if (json ? !cJSON_IsArray(item) : !cJSON_IsObject(item))
        return reader_want(
            reader, item, json ? "an array of operations (RFC 6902)" : "an object of what changes");
    step->patch = item;
    return 0;
}

static cJSON *print_patch(const void *object, const void *context)
{
    (void)context;
    return cJSON_Duplicate(((const struct experiment_step *)object)->patch, true);
}

static int read_env(struct reader *reader, const cJSON *item, void *object)
{
    struct experiment_step *step = object;
    const cJSON *child;

    if (!cJSON_IsObject(item) || cJSON_GetArraySize(item) > EXPERIMENT_ENV_MAX)
        return reader_want(reader, item, "an object of at most 32, NAME: \"value\"");
    cJSON_ArrayForEach(child, item)
    {
        if (child->string[0] == '\0' || strchr(child->string, '=') != NULL)
            return reader_refuse(reader, "\"%.64s\" is no name of a variable", child->string);
        if (!cJSON_IsString(child) && !(cJSON_IsNull(child) && step->verb == EXPERIMENT_SET_ENV))
            return reader_want(reader, child, "a string; of set-env null takes it away");
        step->env[step->env_count++] = (struct experiment_env){child->string, child->valuestring};
    }
    return 0;
}

static cJSON *print_env(const void *object, const void *context)
{
    const struct experiment_step *step = object;
    cJSON *json = step->env_count > 0 ? cJSON_CreateObject() : NULL;

    (void)context;
    for (uint32_t i = 0; i < step->env_count; i++)
        cJSON_AddItemToObject(json, step->env[i].name,
                              step->env[i].value != NULL ? cJSON_CreateString(step->env[i].value)
                                                         : cJSON_CreateNull());
    return json;
}

/* Named by the step, or whose rollout it waits for. */
static bool needs_workload(const struct experiment_step *step)
{
    unsigned until = 1u << step->until;

    return step->verb == EXPERIMENT_SET_IMAGE || step->verb == EXPERIMENT_SCALE ||
           step->verb == EXPERIMENT_SET_ENV || step->verb == EXPERIMENT_MOVE ||
           step->verb == EXPERIMENT_RESTART || step->verb == EXPERIMENT_ROLLOUT_UNDO ||
           (((step->verb == EXPERIMENT_OBSERVE && step->node == NULL) ||
             step->verb == EXPERIMENT_PATCH) &&
            (until & ROLLS) != 0);
}

static int check_object(struct reader *reader, const struct experiment_step *step)
{
    const char *verb = experiment_verb_word(step->verb);

    if (step->node == NULL && step->verb != EXPERIMENT_OBSERVE && step_takes(step, "node"))
        return reader_refuse(reader, "\"node\" is missing from this step");
    if (step->verb == EXPERIMENT_OBSERVE && step->node != NULL &&
        (step->object.kind != NULL || step->until != EXPERIMENT_UNTIL_READY))
        return reader_refuse(reader, "of a node \"observe\" waits until it is \"ready\", and for "
                                     "nothing else");
    if (step->verb == EXPERIMENT_PATCH && step->object.kind == NULL)
        return reader_refuse(reader, "\"patch\" lacks \"object\"");
    if (step->object.kind == NULL && needs_workload(step))
        return reader_refuse(reader, "\"%s\" lacks \"deployment\" or \"object\"", verb);
    if (step->verb == EXPERIMENT_PATCH && needs_workload(step) &&
        !experiment_is_workload(&step->object))
        return reader_refuse(reader, "until: \"%s\" is about pods of a template, and a %s has none",
                             experiment_until_word(step->until), step->object.kind);
    if (step->verb != EXPERIMENT_PATCH && step->object.kind != NULL &&
        !experiment_is_workload(&step->object))
        return reader_refuse(reader,
                             "object: \"%s\" is of a deployment, statefulset or daemonset, and not "
                             "of a %s",
                             verb, step->object.kind);
    if (step->verb == EXPERIMENT_SCALE && strcmp(step->object.kind, "daemonset") == 0)
        return reader_refuse(reader,
                             "object: a daemonset has a pod on each of its nodes, and no replicas");
    return 0;
}

static int check_step(struct reader *reader, void *object)
{
    struct experiment_step *step = object;
    const struct experiment *experiment = reader->context;
    unsigned untils = verb_rules[step->verb].untils;
    struct text words = {0};

    if (step->verb == EXPERIMENT_OBSERVE && step->until == EXPERIMENT_UNTIL_DONE)
        step->until =
            step->node != NULL ? EXPERIMENT_UNTIL_READY : EXPERIMENT_UNTIL_ROLLOUT_COMPLETE;
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
    if (step->grace_ns % 1000000000 != 0)
        return reader_refuse(reader, "grace: the API takes whole seconds only");
    if (step->verb == EXPERIMENT_SET_ENV && step->env_count == 0)
        return reader_refuse(reader, "\"set-env\" lacks \"env\": an object of NAME: \"value\"");
    if (check_object(reader, step) < 0)
        return -EINVAL;
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
    if ((1u << step->until & ROLLS) != 0)
        return experiment->rollout.deadline_ns;
    if (step->verb == EXPERIMENT_DRAIN || step->until == EXPERIMENT_UNTIL_GONE ||
        step->until == EXPERIMENT_UNTIL_WINDOWS_CLOSED)
        return DELETE_DEADLINE_S * INT64_C(1000000000);
    return STEADY_DEADLINE_S * INT64_C(1000000000);
}

/* ITEM names no stream, or no step: say which there are. */
int experiment_refuse_name(struct reader *reader, const char *what, const cJSON *item, bool steps)
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
