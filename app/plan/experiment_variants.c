#include "plan/experiment_priv.h"

#include "base/json.h"

static int read_set(struct reader *reader, const cJSON *item, void *object);
static cJSON *print_set(const void *object, const void *context);
static int read_need(struct reader *reader, const cJSON *item, void *object);
static cJSON *print_need(const void *object, const void *context);
static int read_axis(struct reader *reader, const cJSON *item, struct experiment_axis *axis);
static int read_named(struct reader *reader, const cJSON *item, const char *what,
                      struct experiment_variant *to);
static cJSON *print_named(const struct experiment_variant *list, uint32_t count,
                          const void *context);

static const struct reader_word need_words[] = {{"ipvs", 0}, {NULL, 0}};

static const struct reader_field need_item = {
    .key = "",
    .type = READER_CUSTOM,
    .read = read_need,
    .print = print_need,
    .want = "\"ipvs\"",
};

static const struct reader_field variant_fields[] = {
    {.key = "set",
     .type = READER_CUSTOM,
     .required = true,
     .read = read_set,
     .print = print_set,
     .want = "an object of path: value"},
    {.key = "needs",
     .type = READER_LIST,
     .offset = offsetof(struct experiment_variant, needs),
     .max = EXPERIMENT_NEEDS_MAX,
     .item = &need_item,
     .item_bytes = sizeof(const char *),
     .count_offset = offsetof(struct experiment_variant, need_count)},
    {.key = NULL},
};
static const struct reader_object variant_object = {"a variant", variant_fields, NULL, NULL};

const struct reader_field experiment_variant_item = {
    .key = "", .type = READER_OBJECT, .object = &variant_object};
const struct reader_field experiment_axis_item = {
    .key = "", .type = READER_CUSTOM, .item = &experiment_variant_item};

int experiment_read_variants(struct reader *reader, const cJSON *item, void *object)
{
    struct experiment *experiment = object;
    uint32_t count = 0;

    if (!cJSON_IsObject(item) || cJSON_GetArraySize(item) > EXPERIMENT_VARIANTS_MAX)
        return reader_want(reader, item, "an object of at most 32 variants by name");
    for (const cJSON *child = item->child; child != NULL; child = child->next) {
        int result = read_named(reader, child, "a variant", &experiment->variants[count++]);
        if (result < 0)
            return result;
    }
    experiment->variant_count = count;
    return 0;
}

cJSON *experiment_print_variants(const void *object, const void *context)
{
    const struct experiment *experiment = object;

    return print_named(experiment->variants, experiment->variant_count, context);
}

int experiment_read_matrix(struct reader *reader, const cJSON *item, void *object)
{
    struct experiment *experiment = object;
    uint32_t count = 0;

    if (!cJSON_IsObject(item) || cJSON_GetArraySize(item) > EXPERIMENT_AXES_MAX)
        return reader_want(reader, item, "an object of at most 6 axes by name");
    for (const cJSON *child = item->child; child != NULL; child = child->next) {
        size_t mark = reader_enter_key(reader, child->string);
        int result = read_axis(reader, child, &experiment->axes[count++]);
        if (result < 0)
            return result;
        reader_leave(reader, mark);
    }
    experiment->axis_count = count;
    return 0;
}

cJSON *experiment_print_matrix(const void *object, const void *context)
{
    const struct experiment *experiment = object;
    cJSON *json = experiment->axis_count > 0 ? cJSON_CreateObject() : NULL;

    for (uint32_t i = 0; json != NULL && i < experiment->axis_count; i++) {
        const struct experiment_axis *axis = &experiment->axes[i];
        cJSON_AddItemToObject(json, axis->name,
                              print_named(axis->alternatives, axis->alternative_count, context));
    }
    return json;
}

static int read_axis(struct reader *reader, const cJSON *item, struct experiment_axis *axis)
{
    if (!reader_is_name(item->string))
        return reader_refuse(reader, "\"%.64s\" is no name for an axis", item->string);
    if (!cJSON_IsObject(item) || cJSON_GetArraySize(item) < 1 ||
        cJSON_GetArraySize(item) > EXPERIMENT_ALTERNATIVES_MAX)
        return reader_want(reader, item, "an object of 1 to 16 alternatives by name");
    axis->name = item->string;
    for (const cJSON *child = item->child; child != NULL; child = child->next) {
        int result = read_named(reader, child, "an alternative",
                                &axis->alternatives[axis->alternative_count++]);
        if (result < 0)
            return result;
    }
    return 0;
}

static int read_named(struct reader *reader, const cJSON *item, const char *what,
                      struct experiment_variant *to)
{
    size_t mark = reader_enter_key(reader, item->string);
    int result;

    if (!reader_is_name(item->string))
        return reader_refuse(reader, "\"%.64s\" is no name for %s", item->string, what);
    result = reader_fill(reader, &variant_object, item, to);
    if (result < 0)
        return result;
    reader_leave(reader, mark);
    to->name = item->string;
    return 0;
}

static cJSON *print_named(const struct experiment_variant *list, uint32_t count,
                          const void *context)
{
    cJSON *json = count > 0 ? cJSON_CreateObject() : NULL;

    for (uint32_t i = 0; json != NULL && i < count; i++)
        cJSON_AddItemToObject(json, list[i].name, reader_print(&variant_object, &list[i], context));
    return json;
}

static int read_set(struct reader *reader, const cJSON *item, void *object)
{
    struct experiment_variant *variant = object;
    uint32_t count = 0;

    if (!cJSON_IsObject(item) || cJSON_GetArraySize(item) > EXPERIMENT_SETS_MAX)
        return reader_want(reader, item, "an object of at most 32 assignments, path: value");
    for (const cJSON *child = item->child; child != NULL; child = child->next) {
        variant->paths[count] = child->string;
        variant->values[count++] = child;
    }
    variant->set_count = count;
    return 0;
}

static cJSON *print_set(const void *object, const void *context)
{
    const struct experiment_variant *variant = object;
    cJSON *json = cJSON_CreateObject();

    (void)context;
    for (uint32_t i = 0; json != NULL && i < variant->set_count; i++)
        cJSON_AddItemToObject(json, variant->paths[i], cJSON_Duplicate(variant->values[i], true));
    return json;
}

static int read_need(struct reader *reader, const cJSON *item, void *object)
{
    const char *text = cJSON_GetStringValue(item);

    if (text == NULL || reader_word_find(need_words, text) == NULL)
        return reader_want(reader, item, need_item.want);
    *(const char **)object = text;
    return 0;
}

static cJSON *print_need(const void *object, const void *context)
{
    (void)context;
    return cJSON_CreateString(*(const char *const *)object);
}
