#include "kube/watch.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

enum {
    EVENTS_WAITING_MAX = 4096
};
static_assert(2 * KUBE_CACHE_MAX + EVENTS_WAITING_MAX + 2 <= KUBE_EVENTS_MAX,
              "all differences of two lists have room");

static void list_page(struct kube_watch *watch, const struct text *body, uint64_t now_ns);
static bool list_items(struct kube_watch *watch, const cJSON *items);
static void list_done(struct kube_watch *watch, uint64_t now_ns);
static void tell_differences(struct kube_watch *watch, uint64_t now_ns);
static void tell_gone(struct kube_watch *watch, uint64_t now_ns);
static bool take_line(struct kube_watch *watch, const char *line, size_t size, uint64_t now_ns);
static bool take_change(struct kube_watch *watch, const char *type, const cJSON *json,
                        uint64_t now_ns);
static void put_change(struct kube_watch *watch, struct kube_object *object, uint64_t now_ns);
static void drop_change(struct kube_watch *watch, struct kube_object *object, uint64_t now_ns);
static void relist(struct kube_watch *watch);
static void pause_after(struct kube_watch *watch, uint64_t now_ns);
static void pause_from_second(struct kube_watch *watch, uint64_t now_ns);
static void fail(struct kube_watch *watch, enum kube_reason reason, const struct error *why,
                 uint64_t now_ns);
static struct kube_event *tell(struct kube_watch *watch, enum kube_event_type type,
                               struct kube_object *object, struct kube_object *previous,
                               uint64_t now_ns);
static void set_version(struct kube_watch *watch, const char *version);

void kube_floors_add(struct kube_floors *floors, uint64_t version, uint64_t ns)
{
    if (version == 0)
        return;
    if (floors->count == KUBE_FLOORS) {
        memmove(&floors->each[0], &floors->each[1], (KUBE_FLOORS - 1) * sizeof(floors->each[0]));
        floors->count--;
    }
    floors->each[floors->count++] = (struct kube_floor){.version = version, .ns = ns};
}

uint64_t kube_floors_get(const struct kube_floors *floors, uint64_t version)
{
    uint64_t ns = 0;
    for (unsigned i = 0; i < floors->count; i++) {
        if (floors->each[i].version < version && floors->each[i].ns > ns)
            ns = floors->each[i].ns;
    }
    return ns;
}

int kube_watch_init(struct kube_watch *watch, const struct kube_resource *resource,
                    const char *namespace, const char *selector, struct kube_events *events,
                    struct kube_floors *floors, uint64_t seed)
{
    if (strlen(namespace) >= sizeof(watch->namespace) ||
        strlen(selector) >= sizeof(watch->selector))
        return -EINVAL;
    *watch = (struct kube_watch){
        .state = KUBE_WATCH_LIST, .resource = *resource, .events = events, .floors = floors};
    strcpy(watch->namespace, namespace);
    strcpy(watch->selector, selector);
    random_seed(&watch->random, seed);
    return 0;
}

void kube_watch_free(struct kube_watch *watch)
{
    kube_cache_free(&watch->cache);
    kube_cache_free(&watch->fresh);
    text_free(&watch->line);
    text_free(&watch->token);
    watch->state = KUBE_WATCH_STOPPED;
}

bool kube_watch_due(const struct kube_watch *watch, uint64_t now_ns)
{
    return kube_watch_wake_ns(watch) <= now_ns;
}

uint64_t kube_watch_wake_ns(const struct kube_watch *watch)
{
    if (watch->asked || watch->state == KUBE_WATCH_STOPPED)
        return UINT64_MAX;
    /* A whole list must find room for its events, or its differences would be lost. */
    if (watch->state == KUBE_WATCH_LIST && watch->events->count >= EVENTS_WAITING_MAX)
        return UINT64_MAX;
    return watch->due_ns;
}

void kube_watch_ask(struct kube_watch *watch, struct text *path, bool *stream, uint64_t now_ns)
{
    char number[24];
    kube_resource_path(path, &watch->resource, watch->namespace, NULL, NULL);
    if (watch->selector[0] != '\0')
        kube_resource_query(path, "labelSelector", watch->selector);
    *stream = watch->state == KUBE_WATCH_FOLLOW;
    if (*stream) {
        snprintf(number, sizeof(number), "%d", KUBE_WATCH_SECONDS);
        kube_resource_query(path, "watch", "1");
        kube_resource_query(path, "allowWatchBookmarks", "true");
        kube_resource_query(path, "resourceVersion", watch->version);
        kube_resource_query(path, "timeoutSeconds", number);
        text_clear(&watch->line);
        watch->opened_ns = now_ns;
    } else {
        snprintf(number, sizeof(number), "%d", KUBE_LIST_LIMIT);
        kube_resource_query(path, "limit", number);
        if (watch->token.size > 0)
            kube_resource_query(path, "continue", text_str(&watch->token));
        else
            watch->asked_ns = now_ns;
    }
    watch->asked = true;
    watch->progress = false;
}

struct kube_call kube_watch_call(const struct kube_watch *watch)
{
    return (struct kube_call){
        .verb = watch->state == KUBE_WATCH_FOLLOW ? "watch" : "list",
        .group = watch->resource.group,
        .resource = watch->resource.plural,
        .subresource = "",
        .namespace = watch->namespace,
        .name = "",
    };
}

bool kube_watch_bytes(struct kube_watch *watch, const char *bytes, size_t size, uint64_t now_ns)
{
    while (size > 0) {
        const char *newline = memchr(bytes, '\n', size);
        size_t part = newline == NULL ? size : (size_t)(newline - bytes);
        if (watch->line.size + part > KUBE_LINE_MAX) {
            watch->malformed++;
            relist(watch);
            return false;
        }
        text_add_bytes(&watch->line, bytes, part);
        if (newline == NULL)
            break;
        bool good = watch->line.failed || watch->line.size == 0 ||
                    take_line(watch, text_str(&watch->line), watch->line.size, now_ns);
        if (watch->line.failed) {
            relist(watch);
            good = false;
        }
        text_clear(&watch->line);
        if (!good)
            return false;
        bytes += part + 1;
        size -= part + 1;
    }
    watch->seen_ns = now_ns;
    return true;
}

void kube_watch_again(struct kube_watch *watch)
{
    watch->asked = false;
}

void kube_watch_hold(struct kube_watch *watch, uint64_t until_ns)
{
    if (watch->due_ns < until_ns)
        watch->due_ns = until_ns;
}

void kube_watch_end(struct kube_watch *watch, enum kube_reason reason, long http_code,
                    const struct text *body, const struct error *failure, uint64_t now_ns)
{
    bool list = watch->state == KUBE_WATCH_LIST;
    bool answered = reason == KUBE_REASON_SUCCESS && http_code >= 200 && http_code < 300;
    watch->asked = false;
    text_clear(&watch->line);
    if (list && answered) {
        list_page(watch, body, now_ns);
        return;
    }
    if (!list && http_code == 200) { /* The stream's end, clean or cut: go on from there. */
        struct kube_event *event =
            answered ? NULL
                     : kube_events_add(watch->events, KUBE_BROKEN, watch->resource.kind, now_ns);
        if (event != NULL)
            kube_event_say(event, "%s", failure == NULL ? "cut" : failure->text);
        watch->progress |= now_ns - watch->opened_ns > KUBE_PAUSE_MAX_NS;
        if (watch->progress)
            watch->failures = 0;
        if (!watch->progress || !answered)
            pause_after(watch, now_ns);
        return;
    }
    struct kube_call call = kube_watch_call(watch);
    if (reason == KUBE_REASON_SUCCESS)
        reason = kube_failure_reason(&call, http_code, body == NULL ? NULL : text_str(body),
                                     body == NULL ? 0 : body->size);
    fail(watch, reason, failure, now_ns);
}

static void list_page(struct kube_watch *watch, const struct text *body, uint64_t now_ns)
{
    cJSON *json = body == NULL ? NULL : json_parse(text_str(body), body->size, NULL);
    const cJSON *items = json_member(json, "items");
    const char *version = json_string(json, "metadata.resourceVersion", "");
    if (!(cJSON_IsArray(items) || cJSON_IsNull(items)) || version[0] == '\0' ||
        !list_items(watch, items)) {
        cJSON_Delete(json);
        watch->malformed++;
        fail(watch, KUBE_REASON_MALFORMED, NULL, now_ns);
        return;
    }
    /* All pages are of the version of the first one. */
    set_version(watch, version);
    text_clear(&watch->token);
    text_add(&watch->token, json_string(json, "metadata.continue", ""));
    cJSON_Delete(json);
    watch->due_ns = now_ns;
    if (watch->token.size == 0)
        list_done(watch, now_ns);
}

static bool list_items(struct kube_watch *watch, const cJSON *items)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, items)
    {
        struct kube_object *previous;
        struct kube_object *object = kube_object_read(watch->resource.kind, item, NULL);
        if (object == NULL || kube_cache_put(&watch->fresh, object, &previous) < 0)
            return false;
        kube_object_drop(previous);
    }
    return true;
}

static void list_done(struct kube_watch *watch, uint64_t now_ns)
{
    if (watch->gap) {
        struct kube_event *event =
            kube_events_add(watch->events, KUBE_UNSEEN, watch->resource.kind, now_ns);
        watch->relists++;
        if (event != NULL) {
            event->not_before_ns = watch->seen_ns;
            kube_event_say(event, "what happened to %s here was not seen, only what it led to",
                           watch->resource.plural);
        }
    }
    tell_differences(watch, now_ns);
    kube_cache_free(&watch->cache);
    watch->cache = watch->fresh;
    watch->fresh = (struct kube_cache){0};
    kube_floors_add(watch->floors, strtoull(watch->version, NULL, 10), watch->asked_ns);
    kube_events_add(watch->events, KUBE_SYNCED, watch->resource.kind, now_ns);
    watch->state = KUBE_WATCH_FOLLOW;
    watch->synced = true;
    watch->gap = false;
    watch->seen_ns = watch->asked_ns;
}

/* Objects of the new list against those of the old one. */
static void tell_differences(struct kube_watch *watch, uint64_t now_ns)
{
    if (watch->synced)
        tell_gone(watch, now_ns);
    for (unsigned i = 0; i < watch->fresh.count; i++) {
        struct kube_object *object = watch->fresh.objects[i];
        struct kube_object *old =
            kube_cache_find(&watch->cache, object->meta.namespace, object->meta.name);
        bool same = old != NULL && strcmp(old->meta.uid, object->meta.uid) == 0;
        if (!watch->synced)
            tell(watch, KUBE_PRESENT, object, NULL, now_ns);
        else if (!same)
            tell(watch, KUBE_ADDED, object, NULL, now_ns);
        else if (strcmp(old->meta.version, object->meta.version) != 0)
            tell(watch, KUBE_MODIFIED, object, old, now_ns);
    }
}

static void tell_gone(struct kube_watch *watch, uint64_t now_ns)
{
    for (unsigned i = 0; i < watch->cache.count; i++) {
        struct kube_object *old = watch->cache.objects[i];
        const struct kube_object *now =
            kube_cache_find(&watch->fresh, old->meta.namespace, old->meta.name);
        if (now == NULL || strcmp(now->meta.uid, old->meta.uid) != 0)
            tell(watch, KUBE_DELETED, old, NULL, now_ns);
    }
}

static bool take_line(struct kube_watch *watch, const char *line, size_t size, uint64_t now_ns)
{
    cJSON *json = json_parse(line, size, NULL);
    const char *type = json_string(json, "type", "");
    const cJSON *object = json_member(json, "object");
    bool good = true;
    if (strcmp(type, "ERROR") == 0) {
        /* 410 and everything else alike: what came before it holds, what follows is unknown. */
        bool forgotten = json_integer(object, "code", 0) == 410;
        relist(watch);
        if (forgotten)
            pause_from_second(watch, now_ns);
        else
            pause_after(watch, now_ns);
        good = false;
    } else if (strcmp(type, "BOOKMARK") == 0) {
        watch->bookmarks++;
        set_version(watch, json_string(object, "metadata.resourceVersion", ""));
    } else {
        good = take_change(watch, type, object, now_ns);
    }
    cJSON_Delete(json);
    if (good) {
        watch->progress = true;
        watch->failures = 0;
    }
    return good;
}

static bool take_change(struct kube_watch *watch, const char *type, const cJSON *json,
                        uint64_t now_ns)
{
    bool put = strcmp(type, "ADDED") == 0 || strcmp(type, "MODIFIED") == 0;
    bool known = put || strcmp(type, "DELETED") == 0;
    struct kube_object *object = known ? kube_object_read(watch->resource.kind, json, NULL) : NULL;
    if (object == NULL) {
        watch->malformed++;
        relist(watch);
        pause_after(watch, now_ns);
        return false;
    }
    set_version(watch, object->meta.version);
    if (put)
        put_change(watch, object, now_ns);
    else
        drop_change(watch, object, now_ns);
    return watch->state == KUBE_WATCH_FOLLOW;
}

/* An object of another uid under the same name is another object: the old one is gone. */
static void put_change(struct kube_watch *watch, struct kube_object *object, uint64_t now_ns)
{
    struct kube_object *old =
        kube_cache_find(&watch->cache, object->meta.namespace, object->meta.name);
    if (old != NULL && strcmp(old->meta.uid, object->meta.uid) != 0) {
        struct kube_event *event = tell(watch, KUBE_DELETED, old, NULL, now_ns);
        if (event != NULL && object->meta.version_number > 0)
            event->not_before_ns = kube_floors_get(watch->floors, object->meta.version_number);
        old = NULL;
    }
    bool told = tell(watch, old == NULL ? KUBE_ADDED : KUBE_MODIFIED, object, old, now_ns) != NULL;
    struct kube_object *previous;
    int code = kube_cache_put(&watch->cache, object, &previous);
    kube_object_drop(previous);
    if (!told || code < 0)
        relist(watch);
}

static void drop_change(struct kube_watch *watch, struct kube_object *object, uint64_t now_ns)
{
    kube_object_drop(kube_cache_remove(&watch->cache, object->meta.namespace, object->meta.name));
    bool told = tell(watch, KUBE_DELETED, object, NULL, now_ns) != NULL;
    kube_object_drop(object);
    if (!told)
        relist(watch);
}

/* From here on nothing is known until a new list is complete. */
static void relist(struct kube_watch *watch)
{
    watch->state = KUBE_WATCH_LIST;
    watch->asked = false;
    watch->gap = watch->synced;
    text_clear(&watch->token);
    text_clear(&watch->line);
    kube_cache_free(&watch->fresh);
}

static void pause_after(struct kube_watch *watch, uint64_t now_ns)
{
    unsigned doublings = watch->failures < 10 ? watch->failures : 10;
    uint64_t pause_ns = KUBE_PAUSE_MIN_NS << doublings;
    if (pause_ns > KUBE_PAUSE_MAX_NS)
        pause_ns = KUBE_PAUSE_MAX_NS;
    watch->failures++;
    watch->due_ns = now_ns + pause_ns - random_below(&watch->random, pause_ns / 2);
}

/* The first time in a row there is nothing to wait for. */
static void pause_from_second(struct kube_watch *watch, uint64_t now_ns)
{
    if (watch->failures == 0)
        watch->failures++;
    else
        pause_after(watch, now_ns);
}

static void fail(struct kube_watch *watch, enum kube_reason reason, const struct error *why,
                 uint64_t now_ns)
{
    bool rights = reason == KUBE_REASON_UNAUTHORIZED || reason == KUBE_REASON_FORBIDDEN ||
                  reason == KUBE_REASON_NOT_FOUND;
    bool first = watch->failures == 0;
    struct kube_event *event = NULL;
    if (rights && !watch->synced) {
        watch->state = KUBE_WATCH_STOPPED;
        event = kube_events_add(watch->events, KUBE_STOPPED, watch->resource.kind, now_ns);
    } else {
        bool forgotten = reason == KUBE_REASON_GONE && watch->state == KUBE_WATCH_FOLLOW;
        if (watch->state == KUBE_WATCH_LIST || reason == KUBE_REASON_GONE)
            relist(watch);
        if (forgotten)
            pause_from_second(watch, now_ns);
        else
            pause_after(watch, now_ns);
        if (first)
            event = kube_events_add(watch->events, KUBE_BROKEN, watch->resource.kind, now_ns);
    }
    if (event != NULL)
        kube_event_say(event, "%s",
                       why != NULL && why->text[0] != '\0' ? why->text : kube_reason_text(reason));
}

static struct kube_event *tell(struct kube_watch *watch, enum kube_event_type type,
                               struct kube_object *object, struct kube_object *previous,
                               uint64_t now_ns)
{
    struct kube_event *event = kube_events_add(watch->events, type, watch->resource.kind, now_ns);
    if (event == NULL)
        return NULL;
    event->object = kube_object_take(object);
    event->previous = previous == NULL ? NULL : kube_object_take(previous);
    if (watch->gap)
        event->not_before_ns = watch->seen_ns;
    else if (type != KUBE_PRESENT)
        event->not_before_ns = kube_floors_get(watch->floors, object->meta.version_number);
    return event;
}

static void set_version(struct kube_watch *watch, const char *version)
{
    size_t length = strlen(version);
    if (length > 0 && length < sizeof(watch->version))
        memcpy(watch->version, version, length + 1);
}
