#include "plan/reader.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/json.h"
#include "base/suggest.h"
#include "base/text.h"
#include "plan/quantity.h"

enum {
    SHOWN_BYTES = 80,
    WANT_BYTES = 400
};

static int fill_fields(struct reader *reader, const struct reader_object *object, const cJSON *json,
                       void *structure);
static int check_keys(struct reader *reader, const struct reader_object *object, const cJSON *json);
static int refuse_unknown(struct reader *reader, const struct reader_object *object,
                          const void *structure, const char *key, bool known);
static int read_text(struct reader *reader, const struct reader_field *field, const cJSON *item,
                     void *at);
static int read_number(struct reader *reader, const struct reader_field *field, const cJSON *item,
                       void *at);
static int read_object(struct reader *reader, const struct reader_field *field, const cJSON *item,
                       void *structure);
static int read_list(struct reader *reader, const struct reader_field *field, const cJSON *item,
                     void *structure);
static int read_words(struct reader *reader, const struct reader_field *field, const cJSON *item,
                      void *at);
static int parse_number(const struct reader_field *field, const cJSON *item, double *value,
                        int64_t *duration_ns);
static void store_number(const struct reader_field *field, double value, int64_t duration_ns,
                         void *at);
static int refuse_word(struct reader *reader, const struct reader_word *words, const cJSON *item);
static const char *want_text(const struct reader_field *field, char out[WANT_BYTES]);
static void bound_text(const struct reader_field *field, double value,
                       char out[QUANTITY_TEXT_BYTES]);
static double upper_bound(const struct reader_field *field);
static void default_field(const struct reader_field *field, void *structure);
static cJSON *print_field(const struct reader_field *field, const void *structure,
                          const void *context);
static bool unsaid(const struct reader_field *field, const void *at);
static cJSON *print_list(const struct reader_field *field, const void *structure,
                         const void *context);
static cJSON *print_words(const struct reader_field *field, uint32_t bits);
static void show_item(const cJSON *item, char out[SHOWN_BYTES]);

void reader_defaults(const struct reader_object *object, void *structure)
{
    for (const struct reader_field *field = object->fields; field->key != NULL; field++) {
        if (field->type == READER_OBJECT)
            reader_defaults(field->object, (char *)structure + field->offset);
        else if (field->otherwise != NULL)
            default_field(field, structure);
    }
}

int reader_read(struct reader *reader, const struct reader_object *object, const cJSON *json,
                void *structure)
{
    reader_defaults(object, structure);
    return reader_fill(reader, object, json, structure);
}

int reader_fill(struct reader *reader, const struct reader_object *object, const cJSON *json,
                void *structure)
{
    char want[WANT_BYTES];
    int result;

    if (!cJSON_IsObject(json)) {
        snprintf(want, sizeof(want), "an object: %s", object->what);
        return reader_want(reader, json, want);
    }
    result = check_keys(reader, object, json);
    if (result == 0)
        result = fill_fields(reader, object, json, structure);
    if (result == 0 && object->check != NULL)
        result = object->check(reader, structure);
    return result;
}

int reader_read_field(struct reader *reader, const struct reader_field *field, const cJSON *item,
                      void *structure)
{
    void *at = (char *)structure + field->offset;
    char want[WANT_BYTES];

    switch (field->type) {
    case READER_BOOL:
        if (!cJSON_IsBool(item))
            return reader_want(reader, item, want_text(field, want));
        *(bool *)at = cJSON_IsTrue(item);
        return 0;
    case READER_COUNT:
    case READER_DURATION:
    case READER_RATE:
    case READER_SIZE: return read_number(reader, field, item, at);
    case READER_TEXT:
    case READER_NAME:
    case READER_LABEL:
    case READER_SUBDOMAIN:
    case READER_WORD: return read_text(reader, field, item, at);
    case READER_WORDS: return read_words(reader, field, item, at);
    case READER_OBJECT: return read_object(reader, field, item, structure);
    case READER_LIST: return read_list(reader, field, item, structure);
    case READER_CUSTOM: return field->read(reader, item, structure);
    }
    return -EINVAL;
}

cJSON *reader_print(const struct reader_object *object, const void *structure, const void *context)
{
    cJSON *json = cJSON_CreateObject();

    for (const struct reader_field *field = object->fields; json != NULL && field->key != NULL;
         field++) {
        cJSON *item;
        if (object->takes != NULL && !object->takes(structure, field->key))
            continue;
        item = print_field(field, structure, context);
        if (item != NULL)
            cJSON_AddItemToObject(json, field->key, item);
    }
    return json;
}

const struct reader_field *reader_find(const struct reader_object *object, const char *key)
{
    for (const struct reader_field *field = object->fields; field->key != NULL; field++)
        if (strcmp(field->key, key) == 0)
            return field;
    return NULL;
}

size_t reader_enter_key(struct reader *reader, const char *key)
{
    size_t mark = strlen(reader->path);

    snprintf(reader->path + mark, sizeof(reader->path) - mark, "%s%s", mark > 0 ? "." : "", key);
    return mark;
}

size_t reader_enter_index(struct reader *reader, unsigned index)
{
    size_t mark = strlen(reader->path);

    snprintf(reader->path + mark, sizeof(reader->path) - mark, "[%u]", index);
    return mark;
}

void reader_leave(struct reader *reader, size_t mark)
{
    reader->path[mark] = '\0';
}

int reader_refuse(struct reader *reader, const char *format, ...)
{
    struct text text = {0};
    va_list args;

    va_start(args, format);
    text_addv(&text, format, args);
    va_end(args);
    error_set(reader->err, EXIT_USAGE, -EINVAL, "%s: %s%s%s", reader->file, reader->path,
              reader->path[0] != '\0' ? ": " : "", text_str(&text));
    text_free(&text);
    return -EINVAL;
}

int reader_want(struct reader *reader, const cJSON *item, const char *want)
{
    char shown[SHOWN_BYTES];

    show_item(item, shown);
    return reader_refuse(reader, "got %s, want %s", shown, want);
}

const char *reader_word_of(const struct reader_word *words, unsigned value)
{
    for (; words->word != NULL; words++)
        if (words->value == value)
            return words->word;
    return NULL;
}

const struct reader_word *reader_word_find(const struct reader_word *words, const char *word)
{
    for (; words->word != NULL; words++)
        if (strcmp(words->word, word) == 0)
            return words;
    return NULL;
}

int reader_read_nothing(struct reader *reader, const cJSON *item, void *object)
{
    (void)object;
    return cJSON_IsString(item) ? 0 : reader_want(reader, item, "a string");
}

int reader_read_address(struct reader *reader, const cJSON *item, void *object)
{
    const char *text = cJSON_GetStringValue(item);

    if (text == NULL || address_parse(text, object, NULL) < 0)
        return reader_want(reader, item, "an IP address");
    return 0;
}

cJSON *reader_print_address(const void *object, const void *context)
{
    char text[ADDRESS_TEXT_BYTES];

    (void)context;
    return cJSON_CreateString(address_text(object, text));
}

bool reader_is_name(const char *text)
{
    size_t size = strlen(text);

    if (size == 0 || size > READER_NAME_MAX || !isalnum((unsigned char)text[0]))
        return false;
    for (size_t i = 0; i < size; i++)
        if (!isalnum((unsigned char)text[i]) && strchr("._-", text[i]) == NULL)
            return false;
    return true;
}

bool reader_is_label(const char *text)
{
    return strlen(text) <= READER_LABEL_MAX && strchr(text, '.') == NULL &&
           reader_is_subdomain(text);
}

/* The whole has a limit, and none of the parts between its dots. */
bool reader_is_subdomain(const char *text)
{
    static const char inside[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
    const char *part = text;

    if (strlen(text) > READER_SUBDOMAIN_MAX)
        return false;
    for (;;) {
        size_t size = strspn(part, inside);
        if (size == 0 || part[0] == '-' || part[size - 1] == '-')
            return false;
        if (part[size] == '\0')
            return true;
        if (part[size] != '.')
            return false;
        part += size + 1;
    }
}

static int fill_fields(struct reader *reader, const struct reader_object *object, const cJSON *json,
                       void *structure)
{
    for (const struct reader_field *field = object->fields; field->key != NULL; field++) {
        const cJSON *item = json_member(json, field->key);
        bool takes = object->takes == NULL || object->takes(structure, field->key);
        size_t mark;
        int result;
        if (item == NULL && field->required && takes)
            return reader_refuse(reader, "\"%s\" is missing from %s", field->key, object->what);
        if (item == NULL)
            continue;
        if (!takes)
            return refuse_unknown(reader, object, structure, field->key, true);
        mark = reader_enter_key(reader, field->key);
        result = reader_read_field(reader, field, item, structure);
        if (result < 0)
            return result;
        reader_leave(reader, mark);
    }
    return 0;
}

/* Every key is known, and there once. */
static int check_keys(struct reader *reader, const struct reader_object *object, const cJSON *json)
{
    for (const cJSON *item = json->child; item != NULL; item = item->next) {
        if (reader_find(object, item->string) == NULL)
            return refuse_unknown(reader, object, NULL, item->string, false);
        for (const cJSON *other = json->child; other != item; other = other->next)
            if (strcmp(other->string, item->string) == 0)
                return reader_refuse(reader, "\"%s\" is there twice", item->string);
    }
    return 0;
}

/* KNOWN: it is a key of the table that does not fit what STRUCTURE has read so far. */
static int refuse_unknown(struct reader *reader, const struct reader_object *object,
                          const void *structure, const char *key, bool known)
{
    struct suggest suggest = {.word = key};
    struct text keys = {0};
    const char *best;

    for (const struct reader_field *field = object->fields; field->key != NULL; field++) {
        if (known && !object->takes(structure, field->key))
            continue;
        suggest_offer(&suggest, field->key);
        text_addf(&keys, "%s%s", keys.size > 0 ? ", " : "", field->key);
    }
    best = known ? NULL : suggest_best(&suggest);
    if (known)
        reader_refuse(reader, "key \"%s\" does not fit here; with its other keys %s takes: %s", key,
                      object->what, text_str(&keys));
    else if (best != NULL)
        reader_refuse(reader, "unknown key \"%.64s\"; did you mean \"%s\"?", key, best);
    else
        reader_refuse(reader, "unknown key \"%.64s\"; the keys of %s are: %s", key, object->what,
                      text_str(&keys));
    text_free(&keys);
    return -EINVAL;
}

static int read_text(struct reader *reader, const struct reader_field *field, const cJSON *item,
                     void *at)
{
    const char *text = cJSON_GetStringValue(item);
    const struct reader_word *word;
    char want[WANT_BYTES];
    bool good = text != NULL && text[0] != '\0';

    if (field->type == READER_WORD) {
        word = good ? reader_word_find(field->words, text) : NULL;
        if (word == NULL)
            return refuse_word(reader, field->words, item);
        *(unsigned *)at = word->value;
        return 0;
    }
    if (good && field->type == READER_NAME)
        good = reader_is_name(text);
    if (good && field->type == READER_LABEL)
        good = reader_is_label(text);
    if (good && field->type == READER_SUBDOMAIN)
        good = reader_is_subdomain(text);
    if (good && field->type == READER_TEXT) {
        good = strlen(text) <= (size_t)upper_bound(field);
        for (const char *c = text; good && *c != '\0'; c++)
            good = (unsigned char)*c >= ' ' && *c != 0x7f;
    }
    if (!good)
        return reader_want(reader, item, want_text(field, want));
    *(const char **)at = text;
    return 0;
}

static int read_number(struct reader *reader, const struct reader_field *field, const cJSON *item,
                       void *at)
{
    char want[WANT_BYTES];
    double value = 0;
    int64_t duration_ns = 0;

    if (parse_number(field, item, &value, &duration_ns) < 0 || value < field->min ||
        value > upper_bound(field))
        return reader_want(reader, item, want_text(field, want));
    store_number(field, value, duration_ns, at);
    return 0;
}

static int read_object(struct reader *reader, const struct reader_field *field, const cJSON *item,
                       void *structure)
{
    int result = reader_fill(reader, field->object, item, (char *)structure + field->offset);

    if (result == 0 && field->given_offset != 0)
        *(bool *)((char *)structure + field->given_offset) = true;
    return result;
}

static int read_list(struct reader *reader, const struct reader_field *field, const cJSON *item,
                     void *structure)
{
    char *at = (char *)structure + field->offset;
    uint32_t *count = (uint32_t *)((char *)structure + field->count_offset);
    uint32_t read = 0;
    char want[WANT_BYTES];

    if (!cJSON_IsArray(item) || cJSON_GetArraySize(item) < (int)field->min ||
        cJSON_GetArraySize(item) > (int)field->max)
        return reader_want(reader, item, want_text(field, want));
    if (field->allocated) {
        free(*(void **)at);
        *(void **)at = calloc((size_t)cJSON_GetArraySize(item) + 1, field->item_bytes);
        if (*(void **)at == NULL)
            return error_set(reader->err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory");
        at = *(void **)at;
    }
    for (const cJSON *child = item->child; child != NULL; child = child->next) {
        size_t mark = reader_enter_index(reader, read);
        int result;
        if (field->item->type == READER_OBJECT)
            reader_defaults(field->item->object, at);
        result = reader_read_field(reader, field->item, child, at);
        if (result < 0)
            return result;
        reader_leave(reader, mark);
        at += field->item_bytes;
        *count = ++read;
    }
    *count = read;
    return 0;
}

static int read_words(struct reader *reader, const struct reader_field *field, const cJSON *item,
                      void *at)
{
    uint32_t bits = 0;
    char want[WANT_BYTES];
    unsigned index = 0;

    if (!cJSON_IsArray(item))
        return reader_want(reader, item, want_text(field, want));
    for (const cJSON *child = item->child; child != NULL; child = child->next) {
        size_t mark = reader_enter_index(reader, index++);
        const char *text = cJSON_GetStringValue(child);
        const struct reader_word *word = text != NULL ? reader_word_find(field->words, text) : NULL;
        if (word == NULL)
            return refuse_word(reader, field->words, child);
        if ((bits & (UINT32_C(1) << word->value)) != 0)
            return reader_refuse(reader, "\"%s\" is there twice", text);
        bits |= UINT32_C(1) << word->value;
        reader_leave(reader, mark);
    }
    *(uint32_t *)at = bits;
    return 0;
}

/* The value in the unit of the bounds; of a duration also exactly. */
static int parse_number(const struct reader_field *field, const cJSON *item, double *value,
                        int64_t *duration_ns)
{
    const char *text = cJSON_GetStringValue(item);
    uint64_t bytes;
    int result = -EINVAL;

    if (field->type == READER_COUNT || field->type == READER_SIZE) {
        if (cJSON_IsNumber(item) && item->valuedouble == floor(item->valuedouble)) {
            *value = item->valuedouble;
            return 0;
        }
    }
    if (text == NULL || field->type == READER_COUNT)
        return -EINVAL;
    if (field->type == READER_DURATION) {
        result = quantity_parse_duration(text, duration_ns);
        *value = (double)*duration_ns;
    } else if (field->type == READER_RATE) {
        result = quantity_parse_rate(text, value);
    } else {
        result = quantity_parse_size(text, &bytes);
        if (result == 0)
            *value = (double)bytes;
    }
    return result;
}

static void store_number(const struct reader_field *field, double value, int64_t duration_ns,
                         void *at)
{
    if (field->type == READER_DURATION)
        *(int64_t *)at = duration_ns;
    else if (field->type == READER_RATE)
        *(double *)at = value;
    else
        *(uint32_t *)at = (uint32_t)value;
}

static int refuse_word(struct reader *reader, const struct reader_word *words, const cJSON *item)
{
    struct suggest suggest = {.word = cJSON_GetStringValue(item)};
    struct text text = {0};
    char shown[SHOWN_BYTES];

    show_item(item, shown);
    for (const struct reader_word *word = words; word->word != NULL; word++) {
        if (suggest.word != NULL)
            suggest_offer(&suggest, word->word);
        text_addf(&text, "%s\"%s\"",
                  word == words          ? ""
                  : word[1].word == NULL ? " or "
                                         : ", ",
                  word->word);
    }
    if (suggest.word != NULL && suggest_best(&suggest) != NULL)
        text_addf(&text, "; did you mean \"%s\"?", suggest_best(&suggest));
    reader_refuse(reader, "got %s, want %s", shown, text_str(&text));
    text_free(&text);
    return -EINVAL;
}

static const char *want_text(const struct reader_field *field, char out[WANT_BYTES])
{
    static const char *const kinds[] = {
        [READER_BOOL] = "true or false",
        [READER_COUNT] = "an integer",
        [READER_DURATION] = "a duration such as \"1.5s\" or \"500ms\"",
        [READER_RATE] = "a rate such as \"400/s\" or \"10k/s\"",
        [READER_SIZE] = "a number of bytes such as 1024 or \"64KiB\"",
        [READER_TEXT] = "a string",
        [READER_NAME] = "a name of up to 63 letters, digits, '.', '_' or '-'",
        [READER_LABEL] = READER_LABEL_WANT,
        [READER_SUBDOMAIN] = READER_SUBDOMAIN_WANT,
        [READER_WORD] = "one of the known words",
        [READER_WORDS] = "a list of different words",
        [READER_OBJECT] = "an object",
        [READER_LIST] = "a list",
    };
    char low[QUANTITY_TEXT_BYTES], high[QUANTITY_TEXT_BYTES];

    bound_text(field, field->min, low);
    bound_text(field, upper_bound(field), high);
    if (field->type == READER_CUSTOM)
        snprintf(out, WANT_BYTES, "%s", field->want);
    else if (field->type <= READER_COUNT || field->type >= READER_NAME)
        snprintf(out, WANT_BYTES, "%s", kinds[field->type]);
    else
        snprintf(out, WANT_BYTES, "%s, from %s to %s", kinds[field->type], low, high);
    if (field->type == READER_COUNT)
        snprintf(out, WANT_BYTES, "an integer from %s to %s", low, high);
    else if (field->type == READER_LIST)
        snprintf(out, WANT_BYTES, "a list of %s to %s items", low, high);
    else if (field->type == READER_TEXT)
        snprintf(out, WANT_BYTES, "a string of 1 to %s bytes without control characters", high);
    return out;
}

static void bound_text(const struct reader_field *field, double value,
                       char out[QUANTITY_TEXT_BYTES])
{
    if (field->type == READER_DURATION)
        quantity_duration_text((int64_t)value, out);
    else if (field->type == READER_RATE)
        quantity_rate_text(value, out);
    else if (field->type == READER_SIZE)
        quantity_size_text((uint64_t)value, out);
    else
        snprintf(out, QUANTITY_TEXT_BYTES, "%.0f", value);
}

static double upper_bound(const struct reader_field *field)
{
    if (field->max > 0)
        return field->max;
    switch (field->type) {
    case READER_TEXT: return READER_TEXT_MAX;
    case READER_DURATION: return 86400e9;
    case READER_RATE: return 1e9;
    default: return UINT32_MAX;
    }
}

/* Defaults are constants of ours: that they parse is proved by a test. */
static void default_field(const struct reader_field *field, void *structure)
{
    void *at = (char *)structure + field->offset;
    double value = 0;
    int64_t duration_ns = 0;
    const cJSON item = {.type = cJSON_String, .valuestring = (char *)(uintptr_t)field->otherwise};

    switch (field->type) {
    case READER_BOOL: *(bool *)at = strcmp(field->otherwise, "true") == 0; break;
    case READER_COUNT: *(uint32_t *)at = (uint32_t)strtoul(field->otherwise, NULL, 10); break;
    case READER_DURATION:
    case READER_RATE:
    case READER_SIZE:
        parse_number(field, &item, &value, &duration_ns);
        store_number(field, value, duration_ns, at);
        break;
    case READER_WORD:
        *(unsigned *)at = reader_word_find(field->words, field->otherwise)->value;
        break;
    case READER_WORDS: *(uint32_t *)at = (uint32_t)strtoul(field->otherwise, NULL, 0); break;
    default: *(const char **)at = field->otherwise; break;
    }
}

static cJSON *print_field(const struct reader_field *field, const void *structure,
                          const void *context)
{
    const void *at = (const char *)structure + field->offset;
    char text[QUANTITY_TEXT_BYTES];
    const char *string;

    if (unsaid(field, at))
        return NULL;
    switch (field->type) {
    case READER_BOOL: return cJSON_CreateBool(*(const bool *)at);
    case READER_COUNT:
    case READER_SIZE: return json_new_integer(*(const uint32_t *)at);
    case READER_DURATION:
        return cJSON_CreateString(quantity_duration_text(*(const int64_t *)at, text));
    case READER_RATE: return cJSON_CreateString(quantity_rate_text(*(const double *)at, text));
    case READER_TEXT:
    case READER_NAME:
    case READER_LABEL:
    case READER_SUBDOMAIN:
        string = *(const char *const *)at;
        return string != NULL ? cJSON_CreateString(string) : NULL;
    case READER_WORD:
        string = reader_word_of(field->words, *(const unsigned *)at);
        return string != NULL ? cJSON_CreateString(string) : NULL;
    case READER_WORDS: return print_words(field, *(const uint32_t *)at);
    case READER_OBJECT:
        if (field->given_offset != 0 &&
            !*(const bool *)((const char *)structure + field->given_offset))
            return NULL;
        return reader_print(field->object, at, context);
    case READER_LIST: return print_list(field, structure, context);
    case READER_CUSTOM: return field->print != NULL ? field->print(structure, context) : NULL;
    }
    return NULL;
}

/* A number that is 0 though 0 is out of its range was never said. */
static bool unsaid(const struct reader_field *field, const void *at)
{
    if (field->min <= 0)
        return false;
    switch (field->type) {
    case READER_COUNT:
    case READER_SIZE: return *(const uint32_t *)at == 0;
    case READER_DURATION: return *(const int64_t *)at == 0;
    case READER_RATE: return !(*(const double *)at > 0);
    default: return false;
    }
}

static cJSON *print_list(const struct reader_field *field, const void *structure,
                         const void *context)
{
    const char *place = (const char *)structure + field->offset;
    const char *at = field->allocated ? *(const char *const *)place : place;
    uint32_t count = *(const uint32_t *)((const char *)structure + field->count_offset);
    cJSON *list = cJSON_CreateArray();

    for (uint32_t i = 0; list != NULL && i < count; i++)
        cJSON_AddItemToArray(list, print_field(field->item, at + i * field->item_bytes, context));
    return list;
}

static cJSON *print_words(const struct reader_field *field, uint32_t bits)
{
    cJSON *list = cJSON_CreateArray();

    for (const struct reader_word *word = field->words; list != NULL && word->word != NULL; word++)
        if ((bits & (UINT32_C(1) << word->value)) != 0)
            cJSON_AddItemToArray(list, cJSON_CreateString(word->word));
    return list;
}

/* What stands there, on one line, cut where it is long. */
static void show_item(const cJSON *item, char out[SHOWN_BYTES])
{
    char *printed = item != NULL ? json_print(item, false) : NULL;

    if (cJSON_IsArray(item))
        snprintf(out, SHOWN_BYTES, "a list of %d items", cJSON_GetArraySize(item));
    else if (cJSON_IsObject(item))
        snprintf(out, SHOWN_BYTES, "an object");
    else if (printed != NULL && strlen(printed) >= SHOWN_BYTES)
        snprintf(out, SHOWN_BYTES, "%.*s...", SHOWN_BYTES - 4, printed);
    else
        snprintf(out, SHOWN_BYTES, "%s", printed != NULL ? printed : "nothing");
    cJSON_free(printed);
}
