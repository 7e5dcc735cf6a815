#include "lab/api_selector.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"

/* Where in a text the parser is. */
struct cursor {
    const char *at; /* The next character. */
};

static const char *const no_fields[] = {NULL};
static const char *const pod_fields[] = {"spec.nodeName",
                                         "spec.restartPolicy",
                                         "spec.schedulerName",
                                         "spec.serviceAccountName",
                                         "status.phase",
                                         "status.podIP",
                                         NULL};
static const char *const event_fields[] = {"involvedObject.kind",
                                           "involvedObject.namespace",
                                           "involvedObject.name",
                                           "involvedObject.uid",
                                           "involvedObject.apiVersion",
                                           "involvedObject.resourceVersion",
                                           "involvedObject.fieldPath",
                                           "reason",
                                           "type",
                                           NULL};
static const char *const node_fields[] = {"spec.unschedulable", NULL};
static const char *const namespace_fields[] = {"status.phase", NULL};
static const char *const replicaset_fields[] = {"status.replicas", NULL};
static const char *const service_fields[] = {"spec.clusterIP", "spec.type", NULL};

static const char *const *const fields_of[STORE_KIND_COUNT] = {
    [STORE_POD] = pod_fields,
    [STORE_EVENT] = event_fields,
    [STORE_NODE] = node_fields,
    [STORE_NAMESPACE] = namespace_fields,
    [STORE_REPLICASET] = replicaset_fields,
    [STORE_SERVICE] = service_fields,
};

static int parse_labels(struct api_selector *out, const char *text);
static int parse_fields(enum store_kind kind, struct api_selector *out, const char *text, char *why,
                        size_t why_bytes);
static bool term_holds(const struct api_selector *selector, const struct api_selector_term *term,
                       const cJSON *object);

int api_selector_parse(enum store_kind kind, const char *labels, const char *fields,
                       struct api_selector *out, char *why, size_t why_bytes)
{
    out->text_bytes = 0;
    out->term_count = 0;
    out->value_count = 0;
    if (parse_labels(out, labels) < 0) {
        snprintf(why, why_bytes, "unable to parse the label selector \"%.200s\"", labels);
        return -EINVAL;
    }
    return parse_fields(kind, out, fields, why, why_bytes);
}

bool api_selector_matches(const struct api_selector *selector, const cJSON *object)
{
    for (unsigned i = 0; i < selector->term_count; i++) {
        if (!term_holds(selector, &selector->terms[i], object))
            return false;
    }
    return true;
}

/* Keep SIZE bytes of TEXT; its offset, or -ENOSPC. */
static int keep(struct api_selector *out, const char *text, size_t size)
{
    if (out->text_bytes + size + 1 > sizeof(out->text))
        return -ENOSPC;
    size_t offset = out->text_bytes;
    memcpy(out->text + offset, text, size);
    out->text[offset + size] = '\0';
    out->text_bytes += size + 1;
    return (int)offset;
}

static struct api_selector_term *add_term(struct api_selector *out, const char *key, size_t size,
                                          bool is_field)
{
    if (out->term_count == API_SELECTOR_TERMS || size == 0)
        return NULL;
    int offset = keep(out, key, size);
    if (offset < 0)
        return NULL;
    struct api_selector_term *term = &out->terms[out->term_count++];
    *term = (struct api_selector_term){
        .relation = API_SELECTOR_EXISTS,
        .is_field = is_field,
        .key = (uint16_t)offset,
        .first_value = (uint16_t)out->value_count,
    };
    return term;
}

/* Add a value to the newest term. */
static int add_value(struct api_selector *out, const char *text, size_t size)
{
    if (out->value_count == API_SELECTOR_VALUES)
        return -ENOSPC;
    int offset = keep(out, text, size);
    if (offset < 0)
        return offset;
    out->values[out->value_count++] = (uint16_t)offset;
    out->terms[out->term_count - 1].value_count++;
    return 0;
}

int api_selector_add_name(struct api_selector *selector, const char *name)
{
    static const char key[] = "metadata.name";
    struct api_selector_term *term = add_term(selector, key, sizeof(key) - 1, true);
    if (term == NULL)
        return -EINVAL;
    term->relation = API_SELECTOR_IN;
    return add_value(selector, name, strlen(name)) < 0 ? -EINVAL : 0;
}

static void skip_space(struct cursor *cursor)
{
    cursor->at += strspn(cursor->at, " \t");
}

static bool accept(struct cursor *cursor, const char *word)
{
    size_t size = strlen(word);
    if (strncmp(cursor->at, word, size) != 0)
        return false;
    cursor->at += size;
    return true;
}

/* A key or a value of a label: its size at the cursor. */
static size_t word_size(const struct cursor *cursor)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                  "-_./";
    return strspn(cursor->at, allowed);
}

static int parse_value(struct api_selector *out, struct cursor *cursor)
{
    skip_space(cursor);
    size_t size = word_size(cursor);
    int result = add_value(out, cursor->at, size);
    cursor->at += size;
    skip_space(cursor);
    return result;
}

/* "(x, y)" */
static int parse_set(struct api_selector *out, struct cursor *cursor)
{
    skip_space(cursor);
    if (!accept(cursor, "("))
        return -EINVAL;
    do {
        if (parse_value(out, cursor) < 0)
            return -EINVAL;
    } while (accept(cursor, ","));
    return accept(cursor, ")") ? 0 : -EINVAL;
}

/* "in" and "notin" are words only when something that ends a word follows. */
static bool accept_word(struct cursor *cursor, const char *word)
{
    size_t size = strlen(word);
    if (word_size(cursor) != size)
        return false;
    return accept(cursor, word);
}

static int parse_label(struct api_selector *out, struct cursor *cursor)
{
    skip_space(cursor);
    bool absent = accept(cursor, "!");
    skip_space(cursor);
    size_t size = word_size(cursor);
    struct api_selector_term *term = add_term(out, cursor->at, size, false);
    if (term == NULL)
        return -EINVAL;
    cursor->at += size;
    skip_space(cursor);
    if (absent) {
        term->relation = API_SELECTOR_NOT_EXISTS;
        return 0;
    }
    if (accept(cursor, "!=")) {
        term->relation = API_SELECTOR_NOT_IN;
        return parse_value(out, cursor);
    }
    if (accept(cursor, "==") || accept(cursor, "=")) {
        term->relation = API_SELECTOR_IN;
        return parse_value(out, cursor);
    }
    bool not_in = accept_word(cursor, "notin");
    if (not_in || accept_word(cursor, "in")) {
        term->relation = not_in ? API_SELECTOR_NOT_IN : API_SELECTOR_IN;
        return parse_set(out, cursor);
    }
    return 0;
}

static int parse_labels(struct api_selector *out, const char *text)
{
    struct cursor cursor = {text};
    skip_space(&cursor);
    if (*cursor.at == '\0')
        return 0;
    do {
        if (parse_label(out, &cursor) < 0)
            return -EINVAL;
        skip_space(&cursor);
    } while (accept(&cursor, ","));
    return *cursor.at == '\0' ? 0 : -EINVAL;
}

static bool field_is_known(enum store_kind kind, const char *name)
{
    if (strcmp(name, "metadata.name") == 0 ||
        (store_kind_is_namespaced(kind) && strcmp(name, "metadata.namespace") == 0))
        return true;
    const char *const *field = fields_of[kind] != NULL ? fields_of[kind] : no_fields;
    for (; *field != NULL; field++) {
        if (strcmp(*field, name) == 0)
            return true;
    }
    return false;
}

/* One "path=value" of SIZE bytes. */
static int parse_field(enum store_kind kind, struct api_selector *out, const char *text,
                       size_t size, char *why, size_t why_bytes)
{
    size_t key_size = 0;
    while (key_size < size && text[key_size] != '=' && text[key_size] != '!')
        key_size++;
    struct cursor cursor = {text + key_size};
    bool differs = key_size < size && accept(&cursor, "!=");
    if (key_size == size || (!differs && !accept(&cursor, "==") && !accept(&cursor, "="))) {
        snprintf(why, why_bytes, "invalid field selector \"%.200s\"", text);
        return -EINVAL;
    }
    struct api_selector_term *term = add_term(out, text, key_size, true);
    size_t used = (size_t)(cursor.at - text);
    if (term == NULL || add_value(out, cursor.at, size - used) < 0) {
        snprintf(why, why_bytes, "the field selector has too many terms");
        return -EINVAL;
    }
    term->relation = differs ? API_SELECTOR_NOT_IN : API_SELECTOR_IN;
    if (!field_is_known(kind, out->text + term->key)) {
        snprintf(why, why_bytes, "field label not supported: %.100s", out->text + term->key);
        return -EINVAL;
    }
    return 0;
}

static int parse_fields(enum store_kind kind, struct api_selector *out, const char *text, char *why,
                        size_t why_bytes)
{
    while (*text != '\0') {
        size_t size = strcspn(text, ",");
        if (size > 0 && parse_field(kind, out, text, size, why, why_bytes) < 0)
            return -EINVAL;
        text += size;
        if (*text == ',')
            text++;
    }
    return 0;
}

/* What a field or label of OBJECT says; NULL for a label that is absent. SCRATCH is for numbers. */
static const char *value_of(const struct api_selector *selector,
                            const struct api_selector_term *term, const cJSON *object,
                            char scratch[32])
{
    const char *key = selector->text + term->key;
    if (!term->is_field) {
        const cJSON *label = json_member(json_at(object, "metadata.labels"), key);
        return cJSON_IsString(label) ? label->valuestring : NULL;
    }
    const cJSON *field = json_at(object, key);
    if (cJSON_IsString(field))
        return field->valuestring;
    if (cJSON_IsNumber(field)) {
        snprintf(scratch, 32, "%.0f", field->valuedouble);
        return scratch;
    }
    if (strcmp(key, "spec.unschedulable") == 0)
        return cJSON_IsTrue(field) ? "true" : "false";
    return "";
}

static bool term_holds(const struct api_selector *selector, const struct api_selector_term *term,
                       const cJSON *object)
{
    char scratch[32];
    const char *value = value_of(selector, term, object, scratch);
    if (term->relation == API_SELECTOR_EXISTS)
        return value != NULL;
    if (term->relation == API_SELECTOR_NOT_EXISTS)
        return value == NULL;
    if (value == NULL)
        return term->relation == API_SELECTOR_NOT_IN;
    bool found = false;
    for (unsigned i = 0; i < term->value_count && !found; i++)
        found = strcmp(value, selector->text + selector->values[term->first_value + i]) == 0;
    return found == (term->relation == API_SELECTOR_IN);
}
