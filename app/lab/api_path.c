#include "lab/api_path.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_SEGMENTS = 8,
    OPTION_NAME_BYTES = 64
};

/* Where a text option goes. */
struct text_option {
    const char *name; /* As in the query. */
    size_t offset;    /* Of the member of struct api_path. */
    size_t size;      /* Of that member. */
};

#define TEXT_OPTION(name, member)                                                                  \
    {                                                                                              \
        name, offsetof(struct api_path, member), sizeof(((struct api_path *)NULL)->member)         \
    }

static const struct text_option text_options[] = {
    TEXT_OPTION("labelSelector", label_selector),
    TEXT_OPTION("fieldSelector", field_selector),
    TEXT_OPTION("continue", continue_token),
    TEXT_OPTION("resourceVersionMatch", version_match),
    TEXT_OPTION("includeObject", include_object),
    TEXT_OPTION("propagationPolicy", propagation),
    TEXT_OPTION("fieldManager", field_manager),
};

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Unescape SIZE bytes of TEXT into OUT. False: a bad escape, a control character, or no room. */
static bool unescape(const char *text, size_t size, bool plus_is_space, char *out, size_t out_bytes)
{
    size_t used = 0;
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '%') {
            int high = i + 2 < size ? hex_value(text[i + 1]) : -1;
            int low = i + 2 < size ? hex_value(text[i + 2]) : -1;
            if (high < 0 || low < 0)
                return false;
            c = (unsigned char)(high * 16 + low);
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        if (c < 0x20 || c == 0x7f || used + 1 >= out_bytes)
            return false;
        out[used++] = (char)c;
    }
    out[used] = '\0';
    return true;
}

/* A number of decimal digits alone. */
static bool parse_number(const char *text, uint64_t limit, uint64_t *out)
{
    if (text[0] == '\0' || strlen(text) > 19 || strspn(text, "0123456789") != strlen(text))
        return false;
    uint64_t value = strtoull(text, NULL, 10);
    if (value > limit)
        return false;
    *out = value;
    return true;
}

static bool is_true(const char *value)
{
    return strcmp(value, "true") == 0 || strcmp(value, "1") == 0 || value[0] == '\0';
}

/* The options that are no plain text. 0, or -EINVAL when the value is none for it. */
static int take_option(struct api_path *path, const char *name, const char *value)
{
    uint64_t number;
    if (strcmp(name, "resourceVersion") == 0) {
        if (value[0] == '\0')
            return 0;
        path->has_resource_version = true;
        return parse_number(value, INT64_MAX, &path->resource_version) ? 0 : -EINVAL;
    }
    if (strcmp(name, "limit") == 0)
        return parse_number(value, INT64_MAX, &path->limit) ? 0 : -EINVAL;
    if (strcmp(name, "timeoutSeconds") == 0)
        return parse_number(value, UINT32_MAX, &path->timeout_s) ? 0 : -EINVAL;
    if (strcmp(name, "gracePeriodSeconds") == 0) {
        if (!parse_number(value, UINT32_MAX, &number))
            return -EINVAL;
        path->grace_s = (int64_t)number;
        return 0;
    }
    if (strcmp(name, "watch") == 0)
        path->watch = is_true(value);
    else if (strcmp(name, "allowWatchBookmarks") == 0)
        path->bookmarks = is_true(value);
    else if (strcmp(name, "force") == 0)
        path->force = is_true(value);
    else if (strcmp(name, "sendInitialEvents") == 0) {
        path->has_initial_events = true;
        path->send_initial_events = is_true(value);
    } else if (strcmp(name, "dryRun") == 0) {
        path->dry_run = strcmp(value, "All") == 0;
        return path->dry_run ? 0 : -EINVAL;
    }
    return 0;
}

static int parse_option(const char *text, size_t size, struct api_path *path, char *why,
                        size_t why_bytes)
{
    char name[OPTION_NAME_BYTES];
    char value[API_PATH_SELECTOR_BYTES];
    const char *equals = memchr(text, '=', size);
    size_t name_size = equals != NULL ? (size_t)(equals - text) : size;
    if (!unescape(text, name_size, true, name, sizeof(name))) {
        snprintf(why, why_bytes, "an option of the query is malformed");
        return -EINVAL;
    }
    size_t value_size = equals != NULL ? size - name_size - 1 : 0;
    if (!unescape(text + size - value_size, value_size, true, value, sizeof(value))) {
        snprintf(why, why_bytes, "the option %s is malformed or too long", name);
        return -EINVAL;
    }
    for (unsigned i = 0; i < sizeof(text_options) / sizeof(text_options[0]); i++) {
        const struct text_option *option = &text_options[i];
        if (strcmp(option->name, name) != 0)
            continue;
        if (strlen(value) >= option->size) {
            snprintf(why, why_bytes, "the option %s is too long", name);
            return -EINVAL;
        }
        strcpy((char *)path + option->offset, value);
        return 0;
    }
    if (take_option(path, name, value) < 0) {
        snprintf(why, why_bytes, "invalid value of the option %s: \"%.100s\"", name, value);
        return -EINVAL;
    }
    return 0;
}

static int parse_query(const char *query, struct api_path *path, char *why, size_t why_bytes)
{
    while (*query != '\0') {
        size_t size = strcspn(query, "&");
        if (size > 0 && parse_option(query, size, path, why, why_bytes) < 0)
            return -EINVAL;
        query += size;
        if (*query == '&')
            query++;
    }
    return 0;
}

/* [namespaces/NS/]RESOURCE[/NAME[/SUBRESOURCE]], or namespaces[/NAME[/SUBRESOURCE]]. */
static void place_objects(struct api_path *path, char segments[][API_PATH_SEGMENT_BYTES],
                          unsigned count)
{
    static const char *const own[] = {"status", "finalize"};
    unsigned at = 0;
    bool in_namespace = count >= 3 && strcmp(segments[0], "namespaces") == 0;
    if (in_namespace && count == 3)
        for (unsigned i = 0; i < 2; i++)
            in_namespace = in_namespace && strcmp(segments[2], own[i]) != 0;
    if (in_namespace) {
        strcpy(path->namespace, segments[1]);
        at = 2;
    }
    if (count - at > 3)
        return;
    path->kind = API_PATH_OBJECTS;
    strcpy(path->resource, segments[at]);
    if (count - at > 1)
        strcpy(path->name, segments[at + 1]);
    if (count - at > 2)
        strcpy(path->subresource, segments[at + 2]);
}

static bool is_health(const char *name)
{
    return strcmp(name, "healthz") == 0 || strcmp(name, "livez") == 0 ||
           strcmp(name, "readyz") == 0;
}

static void place(struct api_path *path, char segments[][API_PATH_SEGMENT_BYTES], unsigned count)
{
    bool core = count > 0 && strcmp(segments[0], "api") == 0;
    bool grouped = count > 0 && strcmp(segments[0], "apis") == 0;
    unsigned before = core ? 2 : 3; /* Segments in front of the objects'. */
    if (count == 1 && (core || grouped))
        path->kind = core ? API_PATH_API : API_PATH_APIS;
    else if (count == 1 && strcmp(segments[0], "version") == 0)
        path->kind = API_PATH_VERSION;
    else if (count == 1 && is_health(segments[0]))
        path->kind = API_PATH_HEALTH;
    else if (count == 2 && strcmp(segments[0], "openapi") == 0 && strcmp(segments[1], "v2") == 0)
        path->kind = API_PATH_OPENAPI;
    if (count < 2 || (!core && !grouped))
        return;
    if (grouped)
        strcpy(path->group, segments[1]);
    if (grouped && count == 2) {
        path->kind = API_PATH_GROUP;
        return;
    }
    strcpy(path->version, segments[before - 1]);
    if (count == before)
        path->kind = API_PATH_RESOURCES;
    else
        place_objects(path, segments + before, count - before);
}

int api_path_parse(const char *target, struct api_path *out, char *why, size_t why_bytes)
{
    char segments[MAX_SEGMENTS][API_PATH_SEGMENT_BYTES];
    unsigned count = 0;
    memset(out, 0, sizeof(*out));
    out->grace_s = -1;
    if (target[0] != '/' || strlen(target) >= API_PATH_BYTES) {
        snprintf(why, why_bytes, "the request's path is no path, or too long");
        return -EINVAL;
    }
    size_t end = strcspn(target, "?#");
    for (size_t at = 0; at < end;) {
        at++; /* The slash. */
        size_t size = strcspn(target + at, "/?#");
        if (size == 0)
            continue; /* Two slashes, or one at the end, are as one or none. */
        if (count == MAX_SEGMENTS ||
            !unescape(target + at, size, false, segments[count], API_PATH_SEGMENT_BYTES) ||
            strchr(segments[count], '/') != NULL) {
            snprintf(why, why_bytes, "a part of the request's path is malformed or too long");
            return -EINVAL;
        }
        count++;
        at += size;
    }
    place(out, segments, count);
    return target[end] == '?' ? parse_query(target + end + 1, out, why, why_bytes) : 0;
}
