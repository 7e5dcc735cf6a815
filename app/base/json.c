#include "base/json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum {
    FILE_LIMIT_BYTES = 64 << 20,
    NAME_BYTES = 256
};

/* cJSON prints a double below this with all its digits ("%1.15g"), and may not from here on. */
#define PLAIN_LIMIT INT64_C(1000000000000000)
#define EXACT_LIMIT 0x1p53

static size_t error_position(const char *bytes, size_t size, size_t reported);
static void set_position_error(struct error *err, const char *bytes, size_t size, size_t at);
static const char *skip_space(const char *at, const char *end);
static const char *next_name(const char *path, char name[NAME_BYTES]);
static bool needs_raw(const cJSON *item);
static bool any_needs_raw(const cJSON *item);
static bool make_raw(cJSON *item);

cJSON *json_parse(const char *bytes, size_t size, struct error *err)
{
    const char *end = bytes;
    cJSON *item = cJSON_ParseWithLengthOpts(bytes, size, &end, false);

    if (item != NULL) {
        end = skip_space(end, bytes + size);
        if (end == bytes + size)
            return item;
        cJSON_Delete(item);
    }
    set_position_error(err, bytes, size, error_position(bytes, size, (size_t)(end - bytes)));
    return NULL;
}

cJSON *json_parse_file(const char *path, struct error *err)
{
    struct text text = {0};
    cJSON *item = NULL;
    int result = text_read_file(&text, path, FILE_LIMIT_BYTES);

    if (result == -EFBIG)
        error_set(err, EXIT_USAGE, result, "%s: larger than %d MiB", path, FILE_LIMIT_BYTES >> 20);
    else if (result < 0)
        error_set(err, EXIT_USAGE, result, "%s: %s", path, strerror(-result));
    else if ((item = json_parse(text_str(&text), text.size, err)) == NULL)
        error_wrap(err, "%s", path);
    text_free(&text);
    return item;
}

const cJSON *json_at(const cJSON *object, const char *path)
{
    char name[NAME_BYTES];

    while (object != NULL && path != NULL) {
        path = next_name(path, name);
        object = json_member(object, name);
    }
    return object;
}

const cJSON *json_member(const cJSON *object, const char *name)
{
    return cJSON_IsObject(object) ? cJSON_GetObjectItemCaseSensitive(object, name) : NULL;
}

const char *json_string(const cJSON *object, const char *path, const char *otherwise)
{
    const cJSON *item = json_at(object, path);

    return cJSON_IsString(item) && item->valuestring != NULL ? item->valuestring : otherwise;
}

int64_t json_integer(const cJSON *object, const char *path, int64_t otherwise)
{
    const cJSON *item = json_at(object, path);

    if (cJSON_IsRaw(item))
        return strtoll(item->valuestring, NULL, 10);
    if (!cJSON_IsNumber(item) || item->valuedouble != item->valuedouble)
        return otherwise;
    if (item->valuedouble >= 0x1p63)
        return INT64_MAX;
    if (item->valuedouble < -0x1p63)
        return INT64_MIN;
    return (int64_t)item->valuedouble;
}

double json_number(const cJSON *object, const char *path, double otherwise)
{
    const cJSON *item = json_at(object, path);

    if (cJSON_IsRaw(item))
        return strtod(item->valuestring, NULL);
    return cJSON_IsNumber(item) ? item->valuedouble : otherwise;
}

bool json_bool(const cJSON *object, const char *path, bool otherwise)
{
    const cJSON *item = json_at(object, path);

    return cJSON_IsBool(item) ? cJSON_IsTrue(item) : otherwise;
}

void json_add_integer(cJSON *object, const char *name, int64_t value)
{
    cJSON_AddItemToObject(object, name, json_new_integer(value));
}

cJSON *json_new_integer(int64_t value)
{
    char digits[24];

    if (value > -PLAIN_LIMIT && value < PLAIN_LIMIT)
        return cJSON_CreateNumber((double)value);
    (void)snprintf(digits, sizeof(digits), "%" PRId64, value);
    return cJSON_CreateRaw(digits);
}

cJSON *json_make(cJSON *object, const char *path)
{
    char name[NAME_BYTES];

    while (object != NULL && path != NULL) {
        path = next_name(path, name);
        if (!cJSON_IsObject(object))
            return NULL;
        cJSON *next = cJSON_GetObjectItemCaseSensitive(object, name);
        object = next != NULL ? next : cJSON_AddObjectToObject(object, name);
    }
    return cJSON_IsObject(object) ? object : NULL;
}

char *json_print(const cJSON *item, bool indented)
{
    cJSON *copy = NULL;
    char *printed = NULL;

    if (any_needs_raw(item)) {
        copy = cJSON_Duplicate(item, true);
        if (copy == NULL || !make_raw(copy))
            goto out;
        item = copy;
    }
    printed = indented ? cJSON_Print(item) : cJSON_PrintUnformatted(item);
out:
    cJSON_Delete(copy);
    return printed;
}

/* cJSON never says that the error is after the last byte, but at that byte: with a blank after it,
 * it does. */
static size_t error_position(const char *bytes, size_t size, size_t reported)
{
    struct text longer = {0};
    const char *end = NULL;

    if (reported + 1 < size)
        return reported;
    text_add_bytes(&longer, bytes, size);
    text_add(&longer, " ");
    cJSON_Delete(cJSON_ParseWithLengthOpts(text_str(&longer), longer.size, &end, false));
    if (!longer.failed && end != NULL)
        reported = (size_t)(end - text_str(&longer));
    text_free(&longer);
    return reported;
}

static void set_position_error(struct error *err, const char *bytes, size_t size, size_t at)
{
    size_t line = 1, line_start = 0;

    at = (size_t)(skip_space(bytes + (at < size ? at : size), bytes + size) - bytes);
    for (size_t i = 0; i < at; i++) {
        if (bytes[i] == '\n') {
            line++;
            line_start = i + 1;
        }
    }
    if (at == size)
        error_set(err, EXIT_USAGE, -EINVAL,
                  "line %zu, column %zu: the JSON text ends before its value is complete", line,
                  at - line_start + 1);
    else if (bytes[at] >= ' ' && bytes[at] <= '~')
        error_set(err, EXIT_USAGE, -EINVAL,
                  "line %zu, column %zu: this is not JSON, at or just before '%c'", line,
                  at - line_start + 1, bytes[at]);
    else
        error_set(err, EXIT_USAGE, -EINVAL,
                  "line %zu, column %zu: this is not JSON, at or just before byte 0x%02x", line,
                  at - line_start + 1, (unsigned char)bytes[at]);
}

static const char *skip_space(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r'))
        at++;
    return at;
}

/* Copies the first name of PATH and returns the rest, NULL after the last. A name that is too long
 * is cut, and then found nowhere. */
static const char *next_name(const char *path, char name[NAME_BYTES])
{
    const char *dot = strchr(path, '.');
    size_t size = dot == NULL ? strlen(path) : (size_t)(dot - path);

    (void)snprintf(name, NAME_BYTES, "%.*s", size < NAME_BYTES ? (int)size : NAME_BYTES - 1, path);
    return dot == NULL ? NULL : dot + 1;
}

static bool needs_raw(const cJSON *item)
{
    double value = cJSON_IsNumber(item) ? item->valuedouble : 0;
    double size = value < 0 ? -value : value;

    return size >= (double)PLAIN_LIMIT && size <= EXACT_LIMIT && value == (double)(int64_t)value;
}

static bool any_needs_raw(const cJSON *item)
{
    const cJSON *child;

    if (item == NULL || needs_raw(item))
        return item != NULL;
    cJSON_ArrayForEach(child, item)
    {
        if (any_needs_raw(child))
            return true;
    }
    return false;
}

/* In place; false when out of memory. */
static bool make_raw(cJSON *item)
{
    cJSON *child;

    if (needs_raw(item)) {
        char *digits = cJSON_malloc(24);

        if (digits == NULL)
            return false;
        (void)snprintf(digits, 24, "%" PRId64, (int64_t)item->valuedouble);
        item->type = (item->type & ~0xff) | cJSON_Raw;
        item->valuestring = digits;
    }
    cJSON_ArrayForEach(child, item)
    {
        if (!make_raw(child))
            return false;
    }
    return true;
}
