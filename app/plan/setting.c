#include "plan/setting.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/suggest.h"
#include "base/text.h"

enum {
    STEP_BYTES = 256,
    STEPS_MAX = 16,
    INDEX_DIGITS_MAX = 6
};

/* What is known about a place in the tree. Neither: keys are free. */
struct shape {
    const struct reader_object *object; /* An object with these keys. */
    bool list;                          /* A list. */
    const struct reader_field *item;    /* A list, or free keys, of these. */
    bool leaf;                          /* Nothing is inside. */
};

struct path {
    unsigned count;                    /* Of steps. */
    char steps[STEPS_MAX][STEP_BYTES]; /* Without dots, brackets and quotes. */
    size_t ends[STEPS_MAX];            /* Bytes of the text up to and with this step. */
};

/* Where a walk is, for its messages. */
struct walk {
    const char *text;        /* The path as written. */
    const struct path *path; /* Taken apart. */
    unsigned step;           /* The one being taken. */
    struct error *err;       /* For the message. */
};

static int parse_path(const char *text, size_t size, struct path *path);
static size_t parse_step(const char *text, size_t size, size_t at, char step[STEP_BYTES]);
static struct shape shape_of(const struct reader_field *field);
static int take_key(const struct walk *walk, cJSON *at, struct shape *shape, cJSON **child);
static int take_item(const struct walk *walk, cJSON *at, struct shape *shape, cJSON **child);
static cJSON *find_item(cJSON *array, const char *step);
static const char *item_name(const cJSON *item);
static int refuse_key(const struct walk *walk, const struct reader_object *object);
static int refuse_item(const struct walk *walk, const cJSON *array);
static int place(cJSON *at, cJSON *child, const char *key, const cJSON *value);

int setting_apply(cJSON *root, const struct reader_object *shape, const char *assignment,
                  struct error *err)
{
    bool quoted = false;
    size_t size = 0;
    struct text path = {0};
    cJSON *value;
    int result;

    for (; assignment[size] != '\0' && (quoted || assignment[size] != '='); size++)
        if (assignment[size] == '"')
            quoted = !quoted;
    if (assignment[size] != '=' || size == 0)
        return error_set(err, EXIT_USAGE, -EINVAL,
                         "--set %s: want path=value, such as cluster.proxy.scheduler=lc",
                         assignment);
    text_add_bytes(&path, assignment, size);
    value = json_parse(assignment + size + 1, strlen(assignment + size + 1), NULL);
    if (value == NULL)
        value = cJSON_CreateString(assignment + size + 1);
    if (value == NULL || path.failed)
        result = error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory");
    else
        result = setting_put(root, shape, text_str(&path), value, err);
    if (result < 0)
        error_wrap(err, "--set %.200s", assignment);
    cJSON_Delete(value);
    text_free(&path);
    return result;
}

int setting_put(cJSON *root, const struct reader_object *shape, const char *path,
                const cJSON *value, struct error *err)
{
    struct path steps = {0};
    struct shape here = {.object = shape};
    struct walk walk = {.text = path, .path = &steps, .err = err};
    cJSON *at = root;

    if (parse_path(path, strlen(path), &steps) < 0)
        return error_set(err, EXIT_USAGE, -EINVAL,
                         "\"%.200s\" is no path; want keys with dots between them, such as "
                         "streams.held.rate or steps[3].image",
                         path);
    for (; walk.step < steps.count; walk.step++) {
        bool last = walk.step + 1 == steps.count;
        const char *key = steps.steps[walk.step];
        cJSON *child = NULL;
        int result;
        if (here.leaf || (!cJSON_IsObject(at) && !cJSON_IsArray(at)))
            return error_set(err, EXIT_USAGE, -EINVAL, "%.*s has nothing inside",
                             walk.step > 0 ? (int)steps.ends[walk.step - 1] : 0, path);
        result = cJSON_IsArray(at) ? take_item(&walk, at, &here, &child)
                                   : take_key(&walk, at, &here, &child);
        if (result < 0)
            return result;
        if (last)
            return place(at, child, key, value);
        if (child == NULL && here.list)
            return error_set(err, EXIT_USAGE, -EINVAL,
                             "%.*s is an empty list: set it whole, as JSON",
                             (int)steps.ends[walk.step], path);
        if (child == NULL)
            child = cJSON_AddObjectToObject(at, key);
        at = child;
    }
    return 0;
}

static int parse_path(const char *text, size_t size, struct path *path)
{
    size_t at = 0;

    while (at < size) {
        size_t taken;
        if (path->count == STEPS_MAX)
            return -EINVAL;
        if (at > 0 && text[at] == '.')
            at++;
        else if (at > 0 && text[at] != '[')
            return -EINVAL;
        taken = parse_step(text, size, at, path->steps[path->count]);
        if (taken == 0)
            return -EINVAL;
        at += taken;
        path->ends[path->count++] = at;
    }
    return path->count > 0 ? 0 : -EINVAL;
}

/* Bytes that the step at AT takes with its brackets and quotes; 0 when there is none. */
static size_t parse_step(const char *text, size_t size, size_t at, char step[STEP_BYTES])
{
    bool bracket = text[at] == '[';
    bool quote = bracket && at + 1 < size && text[at + 1] == '"';
    size_t start = at + (bracket ? 1 : 0) + (quote ? 1 : 0), end = start;
    const char *stop = quote ? "\"" : bracket ? "]" : ".[";

    while (end < size && strchr(stop, text[end]) == NULL)
        end++;
    if (end == start || end - start >= STEP_BYTES || (bracket && end == size))
        return 0;
    memcpy(step, text + start, end - start);
    step[end - start] = '\0';
    if (quote && (end + 1 >= size || text[end + 1] != ']'))
        return 0;
    return end + (bracket ? 1 : 0) + (quote ? 1 : 0) - at;
}

static struct shape shape_of(const struct reader_field *field)
{
    switch (field->type) {
    case READER_OBJECT: return (struct shape){.object = field->object};
    case READER_LIST: return (struct shape){.item = field->item, .list = true};
    case READER_CUSTOM: return (struct shape){.object = field->object, .item = field->item};
    default: return (struct shape){.leaf = field->type != READER_WORDS};
    }
}

static int take_key(const struct walk *walk, cJSON *at, struct shape *shape, cJSON **child)
{
    const char *key = walk->path->steps[walk->step];
    struct shape inside = {0};

    if (shape->object != NULL) {
        const struct reader_field *field = reader_find(shape->object, key);
        if (field == NULL)
            return refuse_key(walk, shape->object);
        inside = shape_of(field);
    } else if (shape->item != NULL) {
        inside = shape_of(shape->item);
    }
    *child = cJSON_GetObjectItemCaseSensitive(at, key);
    *shape = inside;
    return 0;
}

static int take_item(const struct walk *walk, cJSON *at, struct shape *shape, cJSON **child)
{
    *child = find_item(at, walk->path->steps[walk->step]);
    if (*child == NULL)
        return refuse_item(walk, at);
    *shape = shape->item != NULL ? shape_of(shape->item) : (struct shape){0};
    return 0;
}

static cJSON *find_item(cJSON *array, const char *step)
{
    cJSON *item;

    if (strspn(step, "0123456789") == strlen(step) && strlen(step) <= INDEX_DIGITS_MAX)
        return cJSON_GetArrayItem(array, atoi(step));
    cJSON_ArrayForEach(item, array)
    {
        const char *name = item_name(item);
        if (name != NULL && strcmp(name, step) == 0)
            return item;
    }
    return NULL;
}

static const char *item_name(const cJSON *item)
{
    const char *name = cJSON_GetStringValue(json_member(item, "name"));

    return name != NULL ? name : cJSON_GetStringValue(json_member(item, "id"));
}

static int refuse_key(const struct walk *walk, const struct reader_object *object)
{
    const char *key = walk->path->steps[walk->step];
    struct suggest suggest = {.word = key};
    struct text keys = {0};
    const char *best;

    for (const struct reader_field *field = object->fields; field->key != NULL; field++) {
        suggest_offer(&suggest, field->key);
        text_addf(&keys, "%s%s", keys.size > 0 ? ", " : "", field->key);
    }
    best = suggest_best(&suggest);
    error_set(walk->err, EXIT_USAGE, -EINVAL, "%.*s: %s has no key \"%s\"; %s%s%sits keys are: %s",
              (int)walk->path->ends[walk->step], walk->text, object->what, key,
              best != NULL ? "did you mean \"" : "", best != NULL ? best : "",
              best != NULL ? "\"? " : "", text_str(&keys));
    text_free(&keys);
    return -EINVAL;
}

static int refuse_item(const struct walk *walk, const cJSON *array)
{
    int count = cJSON_GetArraySize(array);
    struct text names = {0};
    const cJSON *item;

    cJSON_ArrayForEach(item, array)
    {
        const char *name = item_name(item);
        if (name != NULL)
            text_addf(&names, "%s\"%s\"", names.size > 0 ? ", " : " or ", name);
    }
    if (count == 0)
        error_set(walk->err, EXIT_USAGE, -EINVAL, "%.*s: the list is empty: set it whole, as JSON",
                  (int)walk->path->ends[walk->step], walk->text);
    else
        error_set(walk->err, EXIT_USAGE, -EINVAL,
                  "%.*s: the list has no item \"%s\"; want an index from 0 to %d%s",
                  (int)walk->path->ends[walk->step], walk->text, walk->path->steps[walk->step],
                  count - 1, text_str(&names));
    text_free(&names);
    return -EINVAL;
}

static int place(cJSON *at, cJSON *child, const char *key, const cJSON *value)
{
    cJSON *copy = cJSON_Duplicate(value, true);

    if (copy == NULL)
        return -ENOMEM;
    if (child != NULL && child->string != NULL) {
        cJSON_ReplaceItemInObjectCaseSensitive(at, key, copy);
        return 0;
    }
    if (child != NULL)
        return cJSON_ReplaceItemViaPointer(at, child, copy) ? 0 : -ENOMEM;
    return cJSON_AddItemToObject(at, key, copy) ? 0 : -ENOMEM;
}
