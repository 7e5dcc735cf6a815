#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "lab/api_call_priv.h"
#include "lab/api_status.h"

/* Where a page of a list goes on: after an object, as of a version. */
struct place {
    uint64_t version; /* Of the first page: what a watch after the list begins from. */
    cJSON *after;     /* An object with the metadata of the last one sent; NULL: the start. */
};

static bool initial_events_fit(struct api_call *call);
static bool read_selector(struct api_call *call, struct api_selector *selector);
static bool read_place(struct api_call *call, struct place *place);
static void write_token(const cJSON *last, uint64_t version, cJSON *metadata);
static bool version_is_served(struct api_call *call);
static void fill_list(struct api_call *call, const struct api_selector *selector,
                      const struct place *place);

void api_read_get(struct api_call *call)
{
    const cJSON *object = api_call_object(call);
    if (object != NULL)
        api_call_answer_object(call, 200, object);
}

void api_read_list(struct api_call *call)
{
    struct api_selector selector;
    struct place place = {.version = store_version(call->handler->store)};
    if (!initial_events_fit(call) || !read_selector(call, &selector) || !version_is_served(call) ||
        !read_place(call, &place))
        return;
    fill_list(call, &selector, &place);
    cJSON_Delete(place.after);
}

void api_read_watch(struct api_call *call)
{
    struct api_selector selector;
    uint64_t present = store_version(call->handler->store);
    if (!initial_events_fit(call) || !read_selector(call, &selector))
        return;
    if (call->path->resource_version > present) {
        api_call_fail(call, api_status_version_ahead(call->path->resource_version, present));
        return;
    }
    struct api_watch_options options = {
        .store = call->handler->store,
        .resource = call->resource,
        .path = call->path,
        .selector = &selector,
        .expired_before = &call->handler->expired_before,
        .visible = &call->handler->visible,
        .as_table = api_call_wants_table(call),
        .include = api_call_include(call),
        .utc_ns = call->request->utc_ns,
    };
    call->watch = api_watch_new(&options);
    call->code = 200;
    if (call->watch == NULL)
        api_call_fail(call, api_status_failure(500, "InternalError", "out of memory"));
}

/* The feature gate WatchList by default: clients that are refused list and watch instead. */
static bool has_watch_list(unsigned minor)
{
    return minor == 32 || minor >= 34;
}

/* Options that contradict each other are refused, in a real server's words. */
static bool initial_events_fit(struct api_call *call)
{
    static const struct api_resource list_options = {.group = "meta.k8s.io",
                                                     .kind_name = "ListOptions"};
    const struct api_path *path = call->path;
    const bool not_older = strcmp(path->version_match, "NotOlderThan") == 0;
    cJSON *causes = cJSON_CreateArray();
    if (path->has_initial_events && !path->watch)
        api_status_cause(causes, "sendInitialEvents", "FieldValueForbidden",
                         "Forbidden: sendInitialEvents is forbidden for list");
    if (path->has_initial_events && path->watch && !not_older)
        api_status_cause(causes, "resourceVersionMatch", "FieldValueForbidden",
                         "Forbidden: sendInitialEvents requires setting resourceVersionMatch to "
                         "NotOlderThan");
    if (path->has_initial_events && path->watch && !has_watch_list(call->handler->minor))
        api_status_cause(causes, "sendInitialEvents", "FieldValueForbidden",
                         "Forbidden: sendInitialEvents is forbidden for watch unless the WatchList "
                         "feature gate is enabled");
    if (!path->has_initial_events && path->watch && path->version_match[0] != '\0')
        api_status_cause(causes, "resourceVersionMatch", "FieldValueForbidden",
                         "Forbidden: resourceVersionMatch is forbidden for watch unless "
                         "sendInitialEvents is provided");
    if (cJSON_GetArraySize(causes) == 0) {
        cJSON_Delete(causes);
        return true;
    }
    api_call_fail(call, api_status_invalid(&list_options, "", causes));
    return false;
}

static bool read_selector(struct api_call *call, struct api_selector *selector)
{
    char why[API_CALL_WHY_BYTES];
    const struct api_path *path = call->path;
    int result = api_selector_parse(call->resource->kind, path->label_selector,
                                    path->field_selector, selector, why, sizeof(why));
    if (result == 0 && path->name[0] != '\0') {
        snprintf(why, sizeof(why), "the selector has too many terms");
        result = api_selector_add_name(selector, path->name);
    }
    if (result < 0)
        api_call_fail(call, api_status_bad_request("%s", why));
    return result == 0;
}

/* Only the present state can be listed. */
static bool version_is_served(struct api_call *call)
{
    const struct api_path *path = call->path;
    uint64_t present = store_version(call->handler->store);
    if (!path->has_resource_version)
        return true;
    if (path->resource_version > present) {
        api_call_fail(call, api_status_version_ahead(path->resource_version, present));
        return false;
    }
    if (strcmp(path->version_match, "Exact") == 0 && path->resource_version != present) {
        api_call_fail(call, api_status_list_expired());
        return false;
    }
    return true;
}

/* A token is the base64 (of the alphabet for URLs, without padding) of "VERSION/NAMESPACE/NAME". */
static void write_token(const cJSON *last, uint64_t version, cJSON *metadata)
{
    char plain[600];
    unsigned char token[900];
    int size = snprintf(plain, sizeof(plain), "%llu/%.253s/%.253s", (unsigned long long)version,
                        json_string(last, "metadata.namespace", ""),
                        json_string(last, "metadata.name", ""));
    EVP_EncodeBlock(token, (const unsigned char *)plain, size);
    for (unsigned char *c = token; *c != '\0'; c++)
        *c = *c == '+' ? '-' : *c == '/' ? '_' : *c == '=' ? '\0' : *c;
    cJSON_AddStringToObject(metadata, "continue", (const char *)token);
}

/* False: TOKEN is none of ours. */
static bool parse_token(const char *token, struct place *place)
{
    unsigned char padded[API_PATH_CONTINUE_BYTES + 4];
    unsigned char plain[API_PATH_CONTINUE_BYTES];
    size_t size = strlen(token);
    memcpy(padded, token, size);
    for (size_t i = 0; i < size; i++)
        padded[i] = padded[i] == '-' ? '+' : padded[i] == '_' ? '/' : padded[i];
    while (size % 4 != 0)
        padded[size++] = '=';
    int plain_size = EVP_DecodeBlock(plain, padded, (int)size);
    if (plain_size <= 0)
        return false;
    plain[plain_size] = '\0';
    char *name;
    char *end;
    place->version = strtoull((const char *)plain, &end, 10);
    if (*end != '/' || (name = strchr(end + 1, '/')) == NULL)
        return false;
    *name++ = '\0';
    place->after = cJSON_CreateObject();
    cJSON *metadata = cJSON_AddObjectToObject(place->after, "metadata");
    cJSON_AddStringToObject(metadata, "namespace", end + 1);
    cJSON_AddStringToObject(metadata, "name", name);
    return true;
}

static bool read_place(struct api_call *call, struct place *place)
{
    bool expired = false;
    if (call->path->continue_token[0] == '\0')
        return true;
    if (!parse_token(call->path->continue_token, place)) {
        api_call_fail(call, api_status_bad_request("continue key is not valid"));
        return false;
    }
    store_event_after(call->handler->store, place->version, &expired);
    if (!expired && place->version >= call->handler->expired_before)
        return true;
    cJSON_Delete(place->after);
    api_call_fail(call, api_status_failure(410, "Expired",
                                           "The provided continue parameter is too old to display "
                                           "a consistent list result."));
    return false;
}

static cJSON *new_list(const struct api_call *call, cJSON *metadata)
{
    char kind[API_RESOURCE_NAME_BYTES];
    if (api_call_wants_table(call))
        return api_table_new(call->resource, metadata);
    cJSON *list = cJSON_CreateObject();
    snprintf(kind, sizeof(kind), "%sList", call->resource->kind_name);
    cJSON_AddStringToObject(list, "kind", kind);
    cJSON_AddStringToObject(list, "apiVersion", call->resource->api_version);
    cJSON_AddItemToObject(list, "metadata", metadata);
    cJSON_AddArrayToObject(list, "items");
    return list;
}

/* Pages after the first show the present state, but carry the version of the first: whoever watches
 * from there hears of every change in between, some of them twice. */
static void fill_list(struct api_call *call, const struct api_selector *selector,
                      const struct place *place)
{
    char version[24];
    const struct store *store = call->handler->store;
    const struct api_path *path = call->path;
    enum store_kind kind = call->resource->kind;
    bool as_table = api_call_wants_table(call);
    cJSON *metadata = cJSON_CreateObject();
    snprintf(version, sizeof(version), "%llu", (unsigned long long)place->version);
    cJSON_AddStringToObject(metadata, "resourceVersion", version);
    cJSON *list = new_list(call, metadata);
    cJSON *items = cJSON_GetObjectItemCaseSensitive(list, as_table ? "rows" : "items");

    uint64_t count = 0;
    uint64_t left = 0;
    const cJSON *last = NULL;
    const cJSON *object = place->after;
    while ((object = store_next(store, kind, path->namespace, object)) != NULL) {
        if (!api_selector_matches(selector, object))
            continue;
        if (path->limit != 0 && count == path->limit) {
            left++;
            continue;
        }
        count++;
        last = object;
        if (as_table)
            api_table_add(list, call->resource, object, api_call_include(call),
                          call->request->utc_ns);
        else
            cJSON_AddItemToArray(items, api_resource_item_view(call->resource, object));
    }
    if (left > 0) {
        write_token(last, place->version, metadata);
        if (selector->term_count == 0)
            cJSON_AddNumberToObject(metadata, "remainingItemCount", (double)left);
    }
    api_call_answer(call, 200, list);
}
