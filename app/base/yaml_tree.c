#include "base/yaml_tree.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/json.h"

struct build {
    yaml_document_t *document; /* The one being converted. */
    unsigned nodes;            /* Made so far, over all documents. */
    struct error *err;         /* For the first refusal. */
};

static cJSON *parse_json(const char *bytes, size_t size);
static int add_documents(yaml_parser_t *parser, cJSON *documents, struct error *err);
static cJSON *convert(struct build *build, const yaml_node_t *node, unsigned depth);
static cJSON *convert_sequence(struct build *build, const yaml_node_t *node, unsigned depth);
static cJSON *convert_mapping(struct build *build, const yaml_node_t *node, unsigned depth);
static int add_member(struct build *build, cJSON *object, const yaml_node_pair_t *pair,
                      unsigned depth);
static cJSON *convert_scalar(const yaml_node_t *node);
static bool one_of(const char *text, const char *const *words);
static bool parse_integer(const char *text, int64_t *value);
static bool parse_float(const char *text, double *value);
static const char *skip_digits(const char *text);
static cJSON *refuse(struct build *build, const yaml_node_t *node, const char *what);

cJSON *yaml_tree_parse(const char *bytes, size_t size, struct error *err)
{
    cJSON *documents = cJSON_CreateArray();
    yaml_parser_t parser;
    int code;

    if (documents == NULL || !yaml_parser_initialize(&parser)) {
        error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory");
        cJSON_Delete(documents);
        return NULL;
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)bytes, size);
    code = add_documents(&parser, documents, err);
    yaml_parser_delete(&parser);
    if (code == 0)
        return documents;
    cJSON_Delete(documents);
    documents = parse_json(bytes, size);
    if (documents != NULL && err != NULL)
        *err = (struct error){0};
    return documents;
}

/* libyaml refuses JSON's surrogate pairs ("\\ud83d\\ude00"): what is JSON, and no YAML to it, is
 * read as JSON. */
static cJSON *parse_json(const char *bytes, size_t size)
{
    cJSON *array = NULL, *json = NULL;
    size_t at = 0;

    while (at < size && isspace((unsigned char)bytes[at]))
        at++;
    if (at < size && bytes[at] == '{' && memmem(bytes, size, "\\ud", 3) != NULL)
        json = json_parse(bytes, size, NULL);
    if (json != NULL)
        array = cJSON_CreateArray();
    if (array == NULL || !cJSON_AddItemToArray(array, json))
        cJSON_Delete(json);
    return array;
}

static int add_documents(yaml_parser_t *parser, cJSON *documents, struct error *err)
{
    struct build build = {.err = err};

    for (;;) {
        yaml_document_t document;
        yaml_node_t *root;
        cJSON *tree;
        if (!yaml_parser_load(parser, &document))
            return error_set(err, EXIT_USAGE, -EINVAL, "line %zu, column %zu: %s",
                             parser->problem_mark.line + 1, parser->problem_mark.column + 1,
                             parser->problem != NULL ? parser->problem : "this is no YAML");
        root = yaml_document_get_root_node(&document);
        build.document = &document;
        tree = root != NULL ? convert(&build, root, 0) : NULL;
        yaml_document_delete(&document);
        if (root == NULL)
            return 0;
        if (tree == NULL)
            return -EINVAL;
        if (cJSON_IsNull(tree))
            cJSON_Delete(tree);
        else
            cJSON_AddItemToArray(documents, tree);
    }
}

static cJSON *convert(struct build *build, const yaml_node_t *node, unsigned depth)
{
    cJSON *item = NULL;

    if (node == NULL)
        return cJSON_CreateNull();
    if (depth == YAML_TREE_DEPTH)
        return refuse(build, node, "this is nested too deep");
    if (++build->nodes > YAML_TREE_NODES)
        return refuse(build, node, "this is too large, aliases included");
    if (node->type == YAML_SEQUENCE_NODE)
        return convert_sequence(build, node, depth);
    if (node->type == YAML_MAPPING_NODE)
        return convert_mapping(build, node, depth);
    if (node->type == YAML_SCALAR_NODE)
        item = convert_scalar(node);
    return item != NULL ? item
                        : refuse(build, node, "this text cannot be held: has it a NUL byte?");
}

static cJSON *convert_sequence(struct build *build, const yaml_node_t *node, unsigned depth)
{
    cJSON *array = cJSON_CreateArray();

    for (yaml_node_item_t *item = node->data.sequence.items.start;
         array != NULL && item < node->data.sequence.items.top; item++) {
        cJSON *child = convert(build, yaml_document_get_node(build->document, *item), depth + 1);
        if (child == NULL) {
            cJSON_Delete(array);
            return NULL;
        }
        cJSON_AddItemToArray(array, child);
    }
    return array;
}

static cJSON *convert_mapping(struct build *build, const yaml_node_t *node, unsigned depth)
{
    const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
    cJSON *object;

    if (node->data.mapping.pairs.top - pair > YAML_TREE_MEMBERS)
        return refuse(build, node, "this has too many members");
    object = cJSON_CreateObject();
    for (; object != NULL && pair < node->data.mapping.pairs.top; pair++) {
        if (add_member(build, object, pair, depth) < 0) {
            cJSON_Delete(object);
            return NULL;
        }
    }
    return object;
}

static int add_member(struct build *build, cJSON *object, const yaml_node_pair_t *pair,
                      unsigned depth)
{
    const yaml_node_t *key = yaml_document_get_node(build->document, pair->key);
    const char *name;
    cJSON *value;

    if (key == NULL || key->type != YAML_SCALAR_NODE ||
        memchr(key->data.scalar.value, '\0', key->data.scalar.length) != NULL) {
        refuse(build, key, "a key must be plain text");
        return -EINVAL;
    }
    name = (const char *)key->data.scalar.value;
    if (json_member(object, name) != NULL) {
        refuse(build, key, "this key is there twice");
        return -EINVAL;
    }
    value = convert(build, yaml_document_get_node(build->document, pair->value), depth + 1);
    if (value == NULL)
        return -EINVAL;
    cJSON_AddItemToObject(object, name, value);
    return 0;
}

static cJSON *convert_scalar(const yaml_node_t *node)
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
    if (parse_integer(text, &integer))
        return json_new_integer(integer);
    if (parse_float(text, &number))
        return cJSON_CreateNumber(number);
    return cJSON_CreateString(text);
}

static bool one_of(const char *text, const char *const *words)
{
    for (; *words != NULL; words++)
        if (strcmp(text, *words) == 0)
            return true;
    return false;
}

static bool parse_integer(const char *text, int64_t *value)
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

/* [-+] digits [. digits] with a digit somewhere, then perhaps an exponent that has a sign. */
static bool parse_float(const char *text, double *value)
{
    const char *start = text + (text[0] == '-' || text[0] == '+' ? 1 : 0);
    const char *at = skip_digits(start);
    bool digits = at > start;

    if (*at == '.') {
        const char *fraction = at + 1;
        at = skip_digits(fraction);
        digits = digits || at > fraction;
    }
    if (digits && (*at == 'e' || *at == 'E') && (at[1] == '-' || at[1] == '+')) {
        const char *exponent = at + 2;
        at = skip_digits(exponent);
        digits = at > exponent;
    }
    if (!digits || *at != '\0')
        return false;
    *value = strtod(text, NULL);
    return *value < 1e300 && *value > -1e300;
}

static const char *skip_digits(const char *text)
{
    while (isdigit((unsigned char)*text))
        text++;
    return text;
}

static cJSON *refuse(struct build *build, const yaml_node_t *node, const char *what)
{
    size_t line = node != NULL ? node->start_mark.line : 0;
    size_t column = node != NULL ? node->start_mark.column : 0;

    error_set(build->err, EXIT_USAGE, -EINVAL, "line %zu, column %zu: %s", line + 1, column + 1,
              what);
    return NULL;
}
