#include "lab/api_watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "lab/api_status.h"

#define SECOND_NS INT64_C(1000000000)

enum {
    BOOKMARK_PERIOD_S = 10,
    DEFAULT_LIMIT_S = 2700
};

struct api_watch {
    const struct store *store;              /* Where the changes are. */
    const struct api_resource *resource;    /* Which kind. */
    const uint64_t *expired_before;         /* The fault that makes versions old. */
    const uint64_t *visible;                /* The fault that keeps changes back. */
    struct api_selector selector;           /* Which objects. */
    char namespace[API_PATH_SEGMENT_BYTES]; /* Whose; "": all. */
    enum api_table_include include;         /* Of Tables' rows. */
    bool as_table;                          /* Objects go out as Tables. */
    bool wants_state;                       /* The state has not been sent yet. */
    bool marks_state;                       /* The end of the state is marked by a bookmark. */
    bool bookmarks;                         /* Bookmarks are wanted. */
    uint64_t cursor;                        /* The version up to which the log was read. */
    uint64_t told;                          /* The newest version that the client knows. */
    int64_t next_bookmark_ns;               /* UTC. */
    int64_t end_ns;                         /* UTC: timeoutSeconds after the start. */
};

static void send_state(struct api_watch *watch, struct text *out, int64_t utc_ns);
static bool send_changes(struct api_watch *watch, struct text *out, int64_t utc_ns);
static void send_bookmark(struct api_watch *watch, struct text *out, bool ends_state);
static void send_line(struct text *out, const char *type, cJSON *object);

struct api_watch *api_watch_new(const struct api_watch_options *options)
{
    const struct api_path *path = options->path;
    struct api_watch *watch = calloc(1, sizeof(*watch));
    if (watch == NULL)
        return NULL;
    uint64_t limit_s = path->timeout_s != 0 ? path->timeout_s : DEFAULT_LIMIT_S;
    watch->store = options->store;
    watch->resource = options->resource;
    watch->expired_before = options->expired_before;
    watch->visible = options->visible;
    watch->selector = *options->selector;
    strcpy(watch->namespace, path->namespace);
    watch->include = options->include;
    watch->as_table = options->as_table;
    const bool from_start = path->resource_version == 0;
    watch->wants_state = path->has_initial_events ? path->send_initial_events : from_start;
    watch->marks_state = path->send_initial_events && path->bookmarks;
    watch->bookmarks = path->bookmarks;
    watch->cursor = from_start ? store_version(options->store) : path->resource_version;
    watch->told = watch->cursor;
    watch->next_bookmark_ns = options->utc_ns + BOOKMARK_PERIOD_S * SECOND_NS;
    watch->end_ns = options->utc_ns + (int64_t)limit_s * SECOND_NS;
    return watch;
}

void api_watch_free(struct api_watch *watch)
{
    free(watch);
}

bool api_watch_is_due(const struct api_watch *watch, int64_t utc_ns)
{
    const struct store_event *next = store_event_after(watch->store, watch->cursor, NULL);
    return watch->wants_state || (next != NULL && next->version <= *watch->visible) ||
           utc_ns >= watch->end_ns || (watch->bookmarks && utc_ns >= watch->next_bookmark_ns) ||
           watch->cursor < *watch->expired_before;
}

bool api_watch_fill(struct api_watch *watch, struct text *out, int64_t utc_ns)
{
    if (watch->wants_state)
        send_state(watch, out, utc_ns);
    if (!send_changes(watch, out, utc_ns))
        return false;
    bool over = utc_ns >= watch->end_ns;
    if (watch->bookmarks && (over || utc_ns >= watch->next_bookmark_ns)) {
        watch->next_bookmark_ns = utc_ns + BOOKMARK_PERIOD_S * SECOND_NS;
        if (watch->told < watch->cursor)
            send_bookmark(watch, out, false);
    }
    return !over;
}

static bool selects(const struct api_watch *watch, const cJSON *object)
{
    if (object == NULL)
        return false;
    if (watch->namespace[0] != '\0' &&
        strcmp(json_string(object, "metadata.namespace", ""), watch->namespace) != 0)
        return false;
    return api_selector_matches(&watch->selector, object);
}

/* The same object, at VERSION. Takes VIEW. */
static cJSON *at_version(cJSON *view, uint64_t version)
{
    char text[24];
    snprintf(text, sizeof(text), "%llu", (unsigned long long)version);
    if (strcmp(json_string(view, "metadata.resourceVersion", ""), text) == 0)
        return view;
    cJSON *metadata = cJSON_Duplicate(json_member(view, "metadata"), true);
    cJSON_ReplaceItemInObjectCaseSensitive(metadata, "resourceVersion", cJSON_CreateString(text));
    cJSON_ReplaceItemInObjectCaseSensitive(view, "metadata", metadata);
    return view;
}

static void send_object(struct api_watch *watch, struct text *out, const char *type,
                        const cJSON *object, uint64_t version, int64_t utc_ns)
{
    cJSON *view = at_version(api_resource_view(watch->resource, object), version);
    watch->told = version;
    if (!watch->as_table) {
        send_line(out, type, view);
        return;
    }
    cJSON *metadata = cJSON_CreateObject();
    cJSON_AddStringToObject(metadata, "resourceVersion",
                            json_string(view, "metadata.resourceVersion", ""));
    cJSON *table = api_table_new(watch->resource, metadata);
    api_table_add(table, watch->resource, view, watch->include, utc_ns);
    send_line(out, type, table);
    cJSON_Delete(view);
}

static void send_state(struct api_watch *watch, struct text *out, int64_t utc_ns)
{
    const cJSON *object = NULL;
    enum store_kind kind = watch->resource->kind;
    while ((object = store_next(watch->store, kind, watch->namespace, object)) != NULL) {
        if (selects(watch, object))
            send_object(watch, out, "ADDED", object,
                        strtoull(json_string(object, "metadata.resourceVersion", "0"), NULL, 10),
                        utc_ns);
    }
    watch->wants_state = false;
    watch->cursor = store_version(watch->store);
    if (watch->marks_state)
        send_bookmark(watch, out, true);
}

static void send_event(struct api_watch *watch, struct text *out, const struct store_event *event,
                       int64_t utc_ns)
{
    if (event->kind != watch->resource->kind)
        return;
    bool before = selects(watch, event->previous);
    bool after = event->type != STORE_DELETED && selects(watch, event->object);
    if (after)
        send_object(watch, out, before ? "MODIFIED" : "ADDED", event->object, event->version,
                    utc_ns);
    else if (before)
        send_object(watch, out, "DELETED",
                    event->type == STORE_DELETED ? event->object : event->previous, event->version,
                    utc_ns);
}

/* False: changes are missing, and the client has been told. */
static bool send_changes(struct api_watch *watch, struct text *out, int64_t utc_ns)
{
    while (out->size < API_WATCH_FILL_BYTES) {
        bool expired = false;
        const struct store_event *event = store_event_after(watch->store, watch->cursor, &expired);
        if (expired || watch->cursor < *watch->expired_before) {
            uint64_t oldest = event != NULL ? event->version : watch->cursor + 1;
            if (oldest < *watch->expired_before)
                oldest = *watch->expired_before;
            send_line(out, "ERROR", api_status_watch_expired(watch->cursor, oldest));
            return false;
        }
        if (event == NULL || event->version > *watch->visible)
            return true;
        watch->cursor = event->version;
        send_event(watch, out, event, utc_ns);
    }
    return true;
}

static void send_bookmark(struct api_watch *watch, struct text *out, bool ends_state)
{
    char version[24];
    snprintf(version, sizeof(version), "%llu", (unsigned long long)watch->cursor);
    cJSON *metadata = cJSON_CreateObject();
    cJSON_AddStringToObject(metadata, "resourceVersion", version);
    if (ends_state)
        cJSON_AddStringToObject(cJSON_AddObjectToObject(metadata, "annotations"),
                                "k8s.io/initial-events-end", "true");
    watch->told = watch->cursor;
    if (watch->as_table) {
        send_line(out, "BOOKMARK", api_table_new(watch->resource, metadata));
        return;
    }
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "kind", watch->resource->kind_name);
    cJSON_AddStringToObject(object, "apiVersion", watch->resource->api_version);
    cJSON_AddItemToObject(object, "metadata", metadata);
    send_line(out, "BOOKMARK", object);
}

/* Takes OBJECT. */
static void send_line(struct text *out, const char *type, cJSON *object)
{
    char *printed = json_print(object, false);
    if (printed != NULL)
        text_addf(out, "{\"type\":\"%s\",\"object\":%s}\n", type, printed);
    free(printed);
    cJSON_Delete(object);
}
