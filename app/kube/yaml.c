#include "kube/yaml.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/json.h"

enum {
    MEMBERS_MAX = 4096
};

/* One conversion. */
struct reader {
    yaml_document_t *document; /* The one being converted. */
    unsigned nodes;            /* Made so far, over all documents. */
    struct error *err;
};

static int convert_all(yaml_parser_t *parser, cJSON *documents, struct error *err);
static cJSON *convert(struct reader *reader, yaml_node_t *node, unsigned depth);
static cJSON *convert_sequence(struct reader *reader, yaml_node_t *node, unsigned depth);
static cJSON *convert_mapping(struct reader *reader, yaml_node_t *node, unsigned depth);
static int add_member(struct reader *reader, cJSON *object, const yaml_node_pair_t *pair,
                      unsigned depth);
static cJSON *convert_scalar(yaml_node_t *node);
static bool one_of(const char *text, const char *const *words);
static bool integer_of(const char *text, int64_t *value);
static bool float_of(const char *text, double *value);
static cJSON *refuse(struct reader *reader, const yaml_node_t *node, const char *what);

cJSON *kube_yaml_parse(const char *bytes, size_t size, struct error *err)
{
    yaml_parser_t parser;
    cJSON *documents = cJSON_CreateArray();
    if (documents == NULL || !yaml_parser_initialize(&parser)) {
        error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory");
        cJSON_Delete(documents);
        return NULL;
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)bytes, size);
    int code = convert_all(&parser, documents, err);
    yaml_parser_delete(&parser);
    if (code < 0) {
        cJSON_Delete(documents);
        return NULL;
    }
    return documents;
}

static int convert_all(yaml_parser_t *parser, cJSON *documents, struct error *err)
{
    struct reader reader = {.err = err};
    for (;;) {
        yaml_document_t document;
        if (!yaml_parser_load(parser, &document))
            return error_set(err, EXIT_USAGE, -EINVAL, "line %zu, column %zu: %s",
                             parser->problem_mark.line + 1, parser->problem_mark.column + 1,
                             parser->problem == NULL ? "no YAML" : parser->problem);
        yaml_node_t *root = yaml_document_get_root_node(&document);
        if (root == NULL) {
            yaml_document_delete(&document);
            return 0;
        }
        reader.document = &document;
        cJSON *json = convert(&reader, root, 0);
        yaml_document_delete(&document);
        if (json == NULL)
            return -EINVAL;
        if (cJSON_IsNull(json))
            cJSON_Delete(json);
        else
            cJSON_AddItemToArray(documents, json);
    }
}

static cJSON *convert(struct reader *reader, yaml_node_t *node, unsigned depth)
{
    cJSON *json = NULL;
    if (node == NULL)
        return cJSON_CreateNull();
    if (depth == KUBE_YAML_DEPTH)
        return refuse(reader, node, "nested too deep");
    if (++reader->nodes > KUBE_YAML_NODES)
        return refuse(reader, node, "too large, aliases included");
    switch (node->type) {
    case YAML_SEQUENCE_NODE: return convert_sequence(reader, node, depth);
    case YAML_MAPPING_NODE: return convert_mapping(reader, node, depth);
    case YAML_SCALAR_NODE: json = convert_scalar(node); break;
    case YAML_NO_NODE: break;
    }
    return json == NULL ? refuse(reader, node, "cannot be read: a NUL byte, or out of memory")
                        : json;
}

static cJSON *convert_sequence(struct reader *reader, yaml_node_t *node, unsigned depth)
{
    cJSON *array = cJSON_CreateArray();
    for (yaml_node_item_t *item = node->data.sequence.items.start;
         array != NULL && item < node->data.sequence.items.top; item++) {
        cJSON *json = convert(reader, yaml_document_get_node(reader->document, *item), depth + 1);
        if (json == NULL) {
            cJSON_Delete(array);
            return NULL;
        }
        cJSON_AddItemToArray(array, json);
    }
    return array;
}

static cJSON *convert_mapping(struct reader *reader, yaml_node_t *node, unsigned depth)
{
    cJSON *object = cJSON_CreateObject();
    if (node->data.mapping.pairs.top - node->data.mapping.pairs.start > MEMBERS_MAX) {
        cJSON_Delete(object);
        return refuse(reader, node, "has too many members");
    }
    for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
         object != NULL && pair < node->data.mapping.pairs.top; pair++) {
        if (add_member(reader, object, pair, depth) < 0) {
            cJSON_Delete(object);
            return NULL;
        }
    }
    return object;
}

static int add_member(struct reader *reader, cJSON *object, const yaml_node_pair_t *pair,
                      unsigned depth)
{
    yaml_node_t *key = yaml_document_get_node(reader->document, pair->key);
    if (key == NULL || key->type != YAML_SCALAR_NODE ||
        memchr(key->data.scalar.value, '\0', key->data.scalar.length) != NULL) {
        refuse(reader, key, "a key must be plain text");
        return -EINVAL;
    }
    const char *name = (const char *)key->data.scalar.value;
    if (cJSON_GetObjectItemCaseSensitive(object, name) != NULL) {
        refuse(reader, key, "the key stands here for the second time");
        return -EINVAL;
    }
    cJSON *value =
        convert(reader, yaml_document_get_node(reader->document, pair->value), depth + 1);
    if (value == NULL)
        return -EINVAL;
    cJSON_AddItemToObject(object, name, value);
    return 0;
}

/* By the rules of the YAML reader that kubectl uses, so that a manifest means the same here: plain
 * yes, no, on, off are truth values, 0644 is octal, 1e3 is text. */
static cJSON *convert_scalar(yaml_node_t *node)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
    static const char *const trues[] = {"true", "True", "TRUE", "yes", "Yes", "YES",
                                        "on",   "On",   "ON",   "y",   "Y",   NULL};
    static const char *const falses[] = {"false", "False", "FALSE", "no", "No", "NO",
                                         "off",   "Off",   "OFF",   "n",  "N",  NULL};
    const char *text = (const char *)node->data.scalar.value;
    int64_t integer;
    double number;
    if (strlen(text) != node->data.scalar.length)
        return NULL;
    if (node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
        return cJSON_CreateString(text);
    if (one_of(text, nulls))
        return cJSON_CreateNull();
    if (one_of(text, trues))
        return cJSON_CreateTrue();
    if (one_of(text, falses))
        return cJSON_CreateFalse();
    if (integer_of(text, &integer))
        return json_new_integer(integer);
    if (float_of(text, &number))
        return cJSON_CreateNumber(number);
    return cJSON_CreateString(text);
}

static bool one_of(const char *text, const char *const *words)
{
    for (; *words != NULL; words++) {
        if (strcmp(text, *words) == 0)
            return true;
    }
    return false;
}

static bool integer_of(const char *text, int64_t *value)
{
    const char *digits = text + (text[0] == '-' || text[0] == '+' ? 1 : 0);
    char *end;
    if (!isdigit((unsigned char)digits[0]))
        return false;
    errno = 0;
    if (digits == text && strncmp(text, "0o", 2) == 0 && isdigit((unsigned char)text[2]))
        *value = strtoll(text + 2, &end, 8);
    else
        *value = strtoll(text, &end, 0);
    return *end == '\0' && errno == 0;
}

/* [-+]digits.digits, at least one digit last, then perhaps an exponent that has a sign. */
static bool float_of(const char *text, double *value)
{
    const char *at = text + (text[0] == '-' || text[0] == '+' ? 1 : 0);
    while (isdigit((unsigned char)*at))
        at++;
    if (*at == '.')
        at++;
    if (at == text || !(isdigit((unsigned char)*at) || isdigit((unsigned char)at[-1])))
        return false;
    while (isdigit((unsigned char)*at))
        at++;
    if ((*at == 'e' || *at == 'E') && (at[1] == '-' || at[1] == '+')) {
        at += 2;
        if (!isdigit((unsigned char)*at))
            return false;
        while (isdigit((unsigned char)*at))
            at++;
    }
    if (*at != '\0')
        return false;
    *value = strtod(text, NULL);
    return *value < 1e300 && *value > -1e300;
}

static cJSON *refuse(struct reader *reader, const yaml_node_t *node, const char *what)
{
    size_t line = node == NULL ? 0 : node->start_mark.line;
    size_t column = node == NULL ? 0 : node->start_mark.column;
    error_set(reader->err, EXIT_USAGE, -EINVAL, "line %zu, column %zu: %s", line + 1, column + 1,
              what);
    return NULL;
}
