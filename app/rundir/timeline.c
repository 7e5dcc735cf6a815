#include "rundir/timeline.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"

static const char *const kind_texts[TIMELINE_KIND_COUNT] = {
#define X(id, text) [TIMELINE_##id] = text,
    TIMELINE_KINDS(X)
#undef X
};

const char *timeline_kind_text(enum timeline_kind kind)
{
    return (unsigned)kind < TIMELINE_KIND_COUNT ? kind_texts[kind] : "?";
}

void timeline_free(struct timeline *timeline)
{
    free(timeline->events);
    memset(timeline, 0, sizeof(*timeline));
}

static bool grow(struct timeline *timeline)
{
    if (timeline->count < timeline->capacity)
        return true;
    size_t capacity = timeline->capacity ? 2 * timeline->capacity : 256;
    if (capacity > TIMELINE_EVENTS_MAX)
        return false;
    struct timeline_event *events = realloc(timeline->events, capacity * sizeof(*timeline->events));
    if (events == NULL)
        return false;
    timeline->events = events;
    timeline->capacity = capacity;
    return true;
}

bool timeline_add(struct timeline *timeline, const struct timeline_event *event)
{
    if (!grow(timeline)) {
        timeline->refused++;
        return false;
    }
    timeline->events[timeline->count++] = *event;
    return true;
}

void timeline_print(const struct timeline_event *event, struct text *out)
{
    cJSON *line = cJSON_CreateObject();
    json_add_integer(line, "notBefore", (int64_t)event->not_before_ns);
    json_add_integer(line, "notAfter", (int64_t)event->not_after_ns);
    cJSON_AddStringToObject(line, "kind", timeline_kind_text(event->kind));
    if (event->object[0])
        cJSON_AddStringToObject(line, "object", event->object);
    if (event->node[0])
        cJSON_AddStringToObject(line, "node", event->node);
    if (event->text[0])
        cJSON_AddStringToObject(line, "text", event->text);
    if (event->ours)
        cJSON_AddTrueToObject(line, "ours");
    if (event->unseen)
        cJSON_AddTrueToObject(line, "unseen");
    char *printed = json_print(line, false);
    text_add(out, printed ? printed : "");
    out->failed = out->failed || printed == NULL;
    free(printed);
    cJSON_Delete(line);
}

static bool find_kind(const char *text, enum timeline_kind *kind)
{
    for (unsigned i = 0; i < TIMELINE_KIND_COUNT; i++) {
        if (strcmp(text, kind_texts[i]) == 0) {
            *kind = i;
            return true;
        }
    }
    return false;
}

static void copy(char *to, size_t size, const char *from)
{
    size_t length = strnlen(from, size - 1);
    memcpy(to, from, length);
    to[length] = '\0';
}

int timeline_parse(const char *line, size_t size, struct timeline_event *out, struct error *err)
{
    cJSON *object = json_parse(line, size, err);
    if (object == NULL)
        return -EINVAL;
    struct timeline_event event = {0};
    const char *kind = json_string(object, "kind", "");
    int64_t not_before = json_integer(object, "notBefore", -1);
    int64_t not_after = json_integer(object, "notAfter", -1);
    int result = 0;
    if (!find_kind(kind, &event.kind))
        result = error_set(err, EXIT_USAGE, -EINVAL, "\"%.40s\" is no kind of event", kind);
    else if (not_before < 0 || not_after < not_before)
        result = error_set(err, EXIT_USAGE, -EINVAL, "notBefore and notAfter are no bracket");
    event.not_before_ns = (uint64_t)not_before;
    event.not_after_ns = (uint64_t)not_after;
    event.ours = json_bool(object, "ours", false);
    event.unseen = json_bool(object, "unseen", false);
    copy(event.object, sizeof(event.object), json_string(object, "object", ""));
    copy(event.node, sizeof(event.node), json_string(object, "node", ""));
    copy(event.text, sizeof(event.text), json_string(object, "text", ""));
    text_flatten(event.object);
    text_flatten(event.node);
    cJSON_Delete(object);
    if (result == 0)
        *out = event;
    return result;
}

void timeline_add_lines(struct timeline *timeline, const char *bytes, size_t size)
{
    const char *at = bytes, *end = bytes + size;
    for (size_t line = 1; at < end; line++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        struct timeline_event event;
        struct error why = {0};
        timeline->cut = newline == NULL;
        if (newline == NULL)
            return;
        if (timeline_parse(at, (size_t)(newline - at), &event, &why) == 0) {
            timeline_add(timeline, &event);
        } else if (timeline->damaged++ == 0) {
            timeline->first_damaged = line;
            copy(timeline->why, sizeof(timeline->why), why.text);
        }
        at = newline + 1;
    }
}

int timeline_read(const char *path, struct timeline *out)
{
    struct text file = {0};
    int result = text_read_file(&file, path, TEXT_LIMIT_BYTES - 1);
    if (result == 0)
        timeline_add_lines(out, text_str(&file), file.size);
    text_free(&file);
    return result;
}
