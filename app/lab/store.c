#include "lab/store.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/random.h"

enum {
    NAME_TRIES = 16,
    SUFFIX_CHARS = 5,
    GENERATED_CHARS = 63, /* Of a whole name that was generated. */
    VERSION_TEXT_BYTES = 24,
    UID_TEXT_BYTES = 40
};

/* A stored tree. It is shared by the collection and by the log's entries that name it. */
struct record {
    cJSON *tree;   /* Never changed again. */
    unsigned refs; /* Collection, events' object, events' previous. */
};

/* All objects of a kind in the order of namespace and name. */
struct collection {
    struct record **records; /* `count` of them are in use. */
    size_t count;            /* Objects. */
    size_t capacity;         /* Pointers allocated. */
};

/* One line of the log: what readers see, and the references behind it. */
struct entry {
    struct store_event event; /* As store_event_after() hands it out. */
    struct record *object;    /* Holds event.object. */
    struct record *previous;  /* Holds event.previous; may be NULL. */
};

struct store {
    struct collection collections[STORE_KIND_COUNT]; /* By kind. */
    struct entry *log;                               /* Ring: version modulo STORE_LOG_EVENTS. */
    uint64_t version;                                /* Of the newest change. */
    uint64_t oldest;                                 /* Of the oldest entry in the log. */
    struct random random;                            /* For uids and generated names. */
};

/* Version 0 means "any" to a client of the API, so that an empty store is at version 1. */
enum {
    FIRST_VERSION = 1
};

const char *const store_kind_name[STORE_KIND_COUNT] = {
#define X(id, kind) kind,
    STORE_KINDS(X)
#undef X
};

static int compare_names(const char *namespace, const char *name, const cJSON *tree);
static size_t lower_bound(const struct collection *set, const char *namespace, const char *name);
static struct record *find(const struct store *store, enum store_kind kind, const char *namespace,
                           const char *name);
static bool prepare_names(struct store *store, enum store_kind kind, cJSON *object);
static bool has_generation(enum store_kind kind);
static bool wants_new_generation(enum store_kind kind, const cJSON *before, const cJSON *after);
static void stamp(cJSON *object, const char *uid, uint64_t version, int64_t generation,
                  const char *created);
static const cJSON *publish(struct store *store, enum store_kind kind, enum store_event_type type,
                            struct record *object, struct record *previous);
static struct record *record_new(cJSON *tree);
static void record_drop(struct record *record);
static void collection_insert(struct collection *set, size_t at, struct record *record);
static void *must(void *memory);

struct store *store_new(uint64_t seed)
{
    struct store *store = must(calloc(1, sizeof(*store)));
    store->log = must(calloc(STORE_LOG_EVENTS, sizeof(*store->log)));
    store->version = FIRST_VERSION;
    store->oldest = FIRST_VERSION + 1;
    random_seed(&store->random, seed);
    return store;
}

void store_free(struct store *store)
{
    if (store == NULL)
        return;
    for (unsigned kind = 0; kind < STORE_KIND_COUNT; kind++) {
        struct collection *set = &store->collections[kind];
        for (size_t i = 0; i < set->count; i++)
            record_drop(set->records[i]);
        free(set->records);
    }
    for (unsigned i = 0; i < STORE_LOG_EVENTS; i++) {
        record_drop(store->log[i].object);
        record_drop(store->log[i].previous);
    }
    free(store->log);
    free(store);
}

uint64_t store_version(const struct store *store)
{
    return store->version;
}

bool store_kind_is_namespaced(enum store_kind kind)
{
    return kind != STORE_NAMESPACE && kind != STORE_NODE;
}

const cJSON *store_get(const struct store *store, enum store_kind kind, const char *namespace,
                       const char *name)
{
    const struct record *record = find(store, kind, namespace, name);
    return record != NULL ? record->tree : NULL;
}

const cJSON *store_next(const struct store *store, enum store_kind kind, const char *namespace,
                        const cJSON *previous)
{
    const struct collection *set = &store->collections[kind];
    bool all = namespace == NULL || namespace[0] == '\0' || !store_kind_is_namespaced(kind);
    size_t at = 0;
    if (previous != NULL) {
        const char *space = json_string(previous, "metadata.namespace", "");
        const char *name = json_string(previous, "metadata.name", "");
        at = lower_bound(set, space, name);
        if (at < set->count && compare_names(space, name, set->records[at]->tree) == 0)
            at++;
    } else if (!all) {
        at = lower_bound(set, namespace, "");
    }
    if (at >= set->count)
        return NULL;
    const cJSON *tree = set->records[at]->tree;
    if (!all && strcmp(json_string(tree, "metadata.namespace", ""), namespace) != 0)
        return NULL;
    return tree;
}

enum store_result store_create(struct store *store, enum store_kind kind, cJSON *object,
                               int64_t utc_ns, const cJSON **out)
{
    if (!prepare_names(store, kind, object)) {
        cJSON_Delete(object);
        return STORE_INVALID;
    }
    const char *namespace = json_string(object, "metadata.namespace", "");
    const char *name = json_string(object, "metadata.name", "");
    if (find(store, kind, namespace, name) != NULL) {
        cJSON_Delete(object);
        return STORE_EXISTS;
    }
    char uid[UID_TEXT_BYTES];
    char created[36];
    uint64_t high = random_next(&store->random);
    uint64_t low = random_next(&store->random);
    snprintf(uid, sizeof(uid), "%08x-%04x-4%03x-%04x-%012llx", (unsigned)(high >> 32),
             (unsigned)(high >> 16) & 0xffff, (unsigned)high & 0xfff,
             ((unsigned)(low >> 48) & 0x3fff) | 0x8000, (unsigned long long)(low & 0xffffffffffff));
    json_format_time(utc_ns, 0, created);
    stamp(object, uid, store->version + 1, has_generation(kind) ? 1 : 0, created);

    struct record *record = record_new(object);
    struct collection *set = &store->collections[kind];
    namespace = json_string(object, "metadata.namespace", "");
    name = json_string(object, "metadata.name", "");
    collection_insert(set, lower_bound(set, namespace, name), record);
    const cJSON *stored = publish(store, kind, STORE_ADDED, record, NULL);
    if (out != NULL)
        *out = stored;
    return STORE_OK;
}

/* What was asked for is not what is there now. */
static bool conflicts(const cJSON *present, const cJSON *object)
{
    static const char *const paths[] = {"metadata.resourceVersion", "metadata.uid"};
    for (unsigned i = 0; i < 2; i++) {
        const char *given = json_string(object, paths[i], "");
        if (given[0] != '\0' && strcmp(given, json_string(present, paths[i], "")) != 0)
            return true;
    }
    return false;
}

enum store_result store_update(struct store *store, enum store_kind kind, cJSON *object,
                               int64_t utc_ns, const cJSON **out)
{
    (void)utc_ns;
    struct collection *set = &store->collections[kind];
    const char *namespace = json_string(object, "metadata.namespace", "");
    const char *name = json_string(object, "metadata.name", "");
    if (!cJSON_IsObject(object) || name[0] == '\0') {
        cJSON_Delete(object);
        return STORE_INVALID;
    }
    struct record *old = find(store, kind, namespace, name);
    if (old == NULL || conflicts(old->tree, object)) {
        cJSON_Delete(object);
        return old == NULL ? STORE_NOT_FOUND : STORE_CONFLICT;
    }
    size_t at = lower_bound(set, store_kind_is_namespaced(kind) ? namespace : "", name);
    const char *uid = json_string(old->tree, "metadata.uid", "");
    const char *created = json_string(old->tree, "metadata.creationTimestamp", "");
    int64_t generation = json_integer(old->tree, "metadata.generation", 0);
    uint64_t version = strtoull(json_string(old->tree, "metadata.resourceVersion", "0"), NULL, 10);
    stamp(object, uid, version, generation, created);
    if (cJSON_Compare(object, old->tree, true)) {
        cJSON_Delete(object);
        if (out != NULL)
            *out = old->tree;
        return STORE_OK;
    }
    if (wants_new_generation(kind, old->tree, object))
        generation++;
    stamp(object, uid, store->version + 1, generation, created);
    set->records[at] = record_new(object);
    const cJSON *stored = publish(store, kind, STORE_MODIFIED, set->records[at], old);
    record_drop(old);
    if (out != NULL)
        *out = stored;
    return STORE_OK;
}

enum store_result store_delete(struct store *store, enum store_kind kind, const char *namespace,
                               const char *name, int64_t utc_ns)
{
    (void)utc_ns;
    struct record *old = find(store, kind, namespace, name);
    if (old == NULL)
        return STORE_NOT_FOUND;
    struct collection *set = &store->collections[kind];
    size_t at = lower_bound(set, json_string(old->tree, "metadata.namespace", ""), name);
    cJSON *last = must(cJSON_Duplicate(old->tree, true));
    stamp(last, json_string(old->tree, "metadata.uid", ""), store->version + 1,
          json_integer(old->tree, "metadata.generation", 0),
          json_string(old->tree, "metadata.creationTimestamp", ""));
    set->count--;
    memmove(&set->records[at], &set->records[at + 1], (set->count - at) * sizeof(*set->records));

    struct record *record = record_new(last);
    publish(store, kind, STORE_DELETED, record, old);
    record_drop(record);
    record_drop(old);
    return STORE_OK;
}

const struct store_event *store_event_after(const struct store *store, uint64_t after,
                                            bool *expired)
{
    bool gone = after + 1 < store->oldest && store->oldest > FIRST_VERSION + 1;
    if (expired != NULL)
        *expired = gone;
    uint64_t next = after + 1 < store->oldest ? store->oldest : after + 1;
    if (after >= store->version || next > store->version)
        return NULL;
    return &store->log[next % STORE_LOG_EVENTS].event;
}

static int compare_names(const char *namespace, const char *name, const cJSON *tree)
{
    int order = strcmp(namespace, json_string(tree, "metadata.namespace", ""));
    return order != 0 ? order : strcmp(name, json_string(tree, "metadata.name", ""));
}

/* The index of the first object that is not before NAMESPACE/NAME. */
static size_t lower_bound(const struct collection *set, const char *namespace, const char *name)
{
    size_t low = 0;
    size_t high = set->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_names(namespace, name, set->records[middle]->tree) > 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct record *find(const struct store *store, enum store_kind kind, const char *namespace,
                           const char *name)
{
    if (name == NULL)
        return NULL;
    if (namespace == NULL || !store_kind_is_namespaced(kind))
    namespace = "";
    const struct collection *set = &store->collections[kind];
    size_t at = lower_bound(set, namespace, name);
    if (at >= set->count || compare_names(namespace, name, set->records[at]->tree) != 0)
        return NULL;
    return set->records[at];
}

/* Finish generateName: five characters that spell no word, after as much as leaves a label's 63, as
 * a real server does. */
static void generate_name(struct store *store, enum store_kind kind, cJSON *metadata)
{
    static const char alphabet[] = "bcdfghjklmnpqrstvwxz2456789";
    const char *prefix = json_string(metadata, "generateName", "");
    const char *namespace = json_string(metadata, "namespace", "");
    size_t size = strnlen(prefix, GENERATED_CHARS - SUFFIX_CHARS);
    char *name = must(malloc(size + SUFFIX_CHARS + 1));
    memcpy(name, prefix, size);
    name[size + SUFFIX_CHARS] = '\0';
    for (unsigned i = 0; i < NAME_TRIES; i++) {
        for (unsigned c = 0; c < SUFFIX_CHARS; c++)
            name[size + c] = alphabet[random_below(&store->random, sizeof(alphabet) - 1)];
        if (find(store, kind, namespace, name) == NULL)
            break;
    }
    cJSON_DeleteItemFromObjectCaseSensitive(metadata, "name");
    must(cJSON_AddStringToObject(metadata, "name", name));
    free(name);
}

/* True when OBJECT has afterwards a name, and a namespace exactly if its kind wants one. */
static bool prepare_names(struct store *store, enum store_kind kind, cJSON *object)
{
    cJSON *metadata = cJSON_GetObjectItemCaseSensitive(object, "metadata");
    if (!cJSON_IsObject(object) || !cJSON_IsObject(metadata))
        return false;
    if (!store_kind_is_namespaced(kind))
        cJSON_DeleteItemFromObjectCaseSensitive(metadata, "namespace");
    else if (json_string(metadata, "namespace", "")[0] == '\0')
        return false;
    if (json_string(metadata, "name", "")[0] != '\0')
        return true;
    if (json_string(metadata, "generateName", "")[0] == '\0')
        return false;
    generate_name(store, kind, metadata);
    return true;
}

/* The kinds that a real server counts generations for. */
static bool has_generation(enum store_kind kind)
{
    return kind == STORE_DEPLOYMENT || kind == STORE_REPLICASET || kind == STORE_POD ||
           kind == STORE_ENDPOINTSLICE || kind == STORE_BUDGET || kind == STORE_STATEFULSET ||
           kind == STORE_DAEMONSET || kind == STORE_INGRESS;
}

/* A slice has no spec: its endpoints and ports are what is wished for. A deletion counts too. */
static bool wants_new_generation(enum store_kind kind, const cJSON *before, const cJSON *after)
{
    static const char *const members[] = {"spec", "endpoints", "ports"};
    if (!has_generation(kind))
        return false;
    if (json_at(before, "metadata.deletionTimestamp") == NULL &&
        json_at(after, "metadata.deletionTimestamp") != NULL)
        return true;
    for (unsigned i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        const cJSON *a = json_member(before, members[i]);
        const cJSON *b = json_member(after, members[i]);
        if (a == NULL && b == NULL)
            continue;
        if (a == NULL || b == NULL || !cJSON_Compare(a, b, true))
            return true;
    }
    return false;
}

static void set_string(cJSON *object, const char *name, const char *value)
{
    cJSON_DeleteItemFromObjectCaseSensitive(object, name);
    if (value[0] != '\0')
        must(cJSON_AddStringToObject(object, name, value));
}

/* Write the members of metadata that are the store's, and put metadata's members into the order in
 * which a real server prints them. GENERATION 0: none. */
static void stamp(cJSON *object, const char *uid, uint64_t version, int64_t generation,
                  const char *created)
{
    static const char *const order[] = {
        "name",       "generateName",     "namespace", "uid", "resourceVersion",
        "generation", "creationTimestamp"};
    char text[VERSION_TEXT_BYTES];
    cJSON *metadata = cJSON_GetObjectItemCaseSensitive(object, "metadata");
    assert(metadata != NULL);
    snprintf(text, sizeof(text), "%llu", (unsigned long long)version);
    set_string(metadata, "uid", uid);
    set_string(metadata, "resourceVersion", text);
    set_string(metadata, "creationTimestamp", created);
    cJSON_DeleteItemFromObjectCaseSensitive(metadata, "generation");
    if (generation > 0)
        must(cJSON_AddNumberToObject(metadata, "generation", (double)generation));
    for (unsigned i = sizeof(order) / sizeof(order[0]); i-- > 0;) {
        cJSON *item = cJSON_DetachItemFromObjectCaseSensitive(metadata, order[i]);
        if (item != NULL)
            cJSON_InsertItemInArray(metadata, 0, item);
    }
}

/* Write the log's next line, over the oldest one when the ring is full. */
static const cJSON *publish(struct store *store, enum store_kind kind, enum store_event_type type,
                            struct record *object, struct record *previous)
{
    uint64_t version = ++store->version;
    struct entry *entry = &store->log[version % STORE_LOG_EVENTS];
    if (entry->object != NULL)
        store->oldest = entry->event.version + 1;
    record_drop(entry->object);
    record_drop(entry->previous);
    object->refs++;
    if (previous != NULL)
        previous->refs++;
    entry->object = object;
    entry->previous = previous;
    entry->event = (struct store_event){
        .version = version,
        .type = type,
        .kind = kind,
        .object = object->tree,
        .previous = previous != NULL ? previous->tree : NULL,
    };
    return object->tree;
}

/* With one reference: the caller's. */
static struct record *record_new(cJSON *tree)
{
    struct record *record = must(malloc(sizeof(*record)));
    *record = (struct record){.tree = tree, .refs = 1};
    return record;
}

static void record_drop(struct record *record)
{
    if (record == NULL || --record->refs > 0)
        return;
    cJSON_Delete(record->tree);
    free(record);
}

static void collection_insert(struct collection *set, size_t at, struct record *record)
{
    if (set->count == set->capacity) {
        set->capacity = set->capacity == 0 ? 64 : set->capacity * 2;
        set->records = must(realloc(set->records, set->capacity * sizeof(*set->records)));
    }
    memmove(&set->records[at + 1], &set->records[at], (set->count - at) * sizeof(*set->records));
    set->records[at] = record;
    set->count++;
}

static void *must(void *memory)
{
    if (memory == NULL) {
        fputs("lab: out of memory\n", stderr);
        abort();
    }
    return memory;
}
