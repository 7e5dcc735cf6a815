/* The JSON Schemas in config/ and the parser's tables have the same keys, words and requirements.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "plan/experiment.h"
#include "plan/machine.h"
#include "plan/reader.h"

static const cJSON *root;

static void check_object(const struct reader_object *object, const cJSON *schema,
                         const char *where);

static const cJSON *follow(const cJSON *schema)
{
    const char *ref = cJSON_GetStringValue(json_member(schema, "$ref"));

    if (ref == NULL)
        return schema;
    assert_int_equal(strncmp(ref, "#/$defs/", 8), 0);
    schema = json_member(json_member(root, "$defs"), ref + 8);
    if (schema == NULL)
        fail_msg("%s leads nowhere", ref);
    return schema;
}

static bool listed(const cJSON *array, const char *word)
{
    const cJSON *item;

    cJSON_ArrayForEach(item, array)
    {
        if (cJSON_IsString(item) && strcmp(item->valuestring, word) == 0)
            return true;
    }
    return false;
}

static void check_words(const struct reader_word *words, const cJSON *schema, const char *where)
{
    const cJSON *known = json_member(schema, "enum");
    int count = 0;

    for (; words->word != NULL; words++, count++)
        if (!listed(known, words->word))
            fail_msg("%s: the schema lacks \"%s\"", where, words->word);
    if (cJSON_GetArraySize(known) != count)
        fail_msg("%s: the schema has words that the parser has not", where);
}

/* A default that the schema states is the parser's. */
static void check_default(const struct reader_field *field, const cJSON *schema, const char *where)
{
    const cJSON *stated = json_member(schema, "default");
    char *text = stated != NULL ? json_print(stated, false) : NULL;

    if (text != NULL && field->otherwise != NULL && strcmp(text, field->otherwise) != 0 &&
        (strncmp(text + 1, field->otherwise, strlen(field->otherwise)) != 0 ||
         strlen(text) != strlen(field->otherwise) + 2))
        fail_msg("%s: default %s, not %s", where, text, field->otherwise);
    cJSON_free(text);
}

static void check_field(const struct reader_field *field, const cJSON *schema, const char *where)
{
    check_default(field, schema, where);
    schema = follow(schema);
    switch (field->type) {
    case READER_WORD: check_words(field->words, schema, where); break;
    case READER_WORDS: check_words(field->words, json_member(schema, "items"), where); break;
    case READER_OBJECT: check_object(field->object, schema, where); break;
    case READER_LIST: {
        const cJSON *most = json_member(schema, "maxItems");
        if (most == NULL || most->valuedouble != field->max)
            fail_msg("%s: maxItems is not %g", where, field->max);
        if (json_integer(schema, "minItems", 0) != (int64_t)field->min)
            fail_msg("%s: minItems is not %g", where, field->min);
        check_field(field->item, json_member(schema, "items"), where);
        break;
    }
    case READER_LABEL:
    case READER_SUBDOMAIN:
        if (json_integer(schema, "maxLength", -1) != (field->type == READER_LABEL ? 63 : 253))
            fail_msg("%s: maxLength is not that of its kind of name", where);
        break;
    case READER_COUNT:
        if (json_number(schema, "minimum", -1) != field->min ||
            json_number(schema, "maximum", -1) != (field->max > 0 ? field->max : 4294967295.0))
            fail_msg("%s: the bounds are not %g and %g", where, field->min, field->max);
        break;
    case READER_CUSTOM:
        if (field->object != NULL)
            check_object(field->object, schema, where);
        if (field->item != NULL)
            check_field(field->item, json_member(schema, "additionalProperties"), where);
        break;
    default: break;
    }
}

static void check_object(const struct reader_object *object, const cJSON *schema, const char *where)
{
    const cJSON *properties = json_member(schema, "properties"), *property;

    if (!cJSON_IsFalse(json_member(schema, "additionalProperties")))
        fail_msg("%s: the schema takes unknown keys", where);
    cJSON_ArrayForEach(property, properties)
    {
        if (reader_find(object, property->string) == NULL)
            fail_msg("%s.%s: the parser does not know it", where, property->string);
    }
    for (const struct reader_field *field = object->fields; field->key != NULL; field++) {
        char path[300];
        bool required = listed(json_member(schema, "required"), field->key);
        snprintf(path, sizeof(path), "%s.%s", where, field->key);
        property = json_member(properties, field->key);
        if (property == NULL)
            fail_msg("%s: the schema does not know it", path);
        /* What only some of its kind require, the schema cannot. */
        if (required != field->required && (required || object->takes == NULL))
            fail_msg("%s: required in one, not in the other", path);
        check_field(field, property, path);
    }
}

static void check_file(const char *file, const struct reader_object *shape)
{
    char path[500];
    struct error err = {0};
    cJSON *schema;

    snprintf(path, sizeof(path), "%s/%s", getenv("CONFIG_DIR"), file);
    schema = json_parse_file(path, &err);
    if (schema == NULL)
        fail_msg("%s", err.text);
    root = schema;
    check_object(shape, schema, file);
    cJSON_Delete(schema);
}

static void the_experiment_schema_is_the_parser_s(void **state)
{
    (void)state;
    check_file("experiment.schema.json", experiment_shape());
}

static void the_machine_schema_is_the_parser_s(void **state)
{
    (void)state;
    check_file("machine.schema.json", machine_shape());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_experiment_schema_is_the_parser_s),
        cmocka_unit_test(the_machine_schema_is_the_parser_s),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
