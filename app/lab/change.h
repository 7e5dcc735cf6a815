/* change.h - what a controller wants done to the store.
 *
 * Controllers are pure: objects and a time in, a list of changes out. cluster.c applies the list,
 * in its order; tests look at it.
 *
 * Threads: one owner. Memory: the list grows by malloc and owns its objects; when memory runs out
 * the process aborts (a laboratory daemon has nothing better to do).
 */
#ifndef LAB_CHANGE_H
#define LAB_CHANGE_H

#include <stddef.h>
#include <stdint.h>

#include "lab/store.h"

enum change_verb {
    CHANGE_CREATE,
    CHANGE_UPDATE,
    CHANGE_DELETE, /* A pod: with its grace. */
};

enum {
    CHANGE_NAME_BYTES = 256
};

struct change {
    enum change_verb verb;
    enum store_kind kind;
    cJSON *object;                     /* Whole new object; NULL for DELETE. */
    char namespace[CHANGE_NAME_BYTES]; /* DELETE only; else in the object. */
    char name[CHANGE_NAME_BYTES];      /* DELETE only. */
};

struct changes {
    struct change *items; /* In the order in which they were asked for. */
    size_t count;         /* Items in use. */
    size_t capacity;      /* Items allocated. */
};

void changes_free(struct changes *changes); /* Also makes it usable again. */

/* Both take OBJECT. */
void changes_create(struct changes *changes, enum store_kind kind, cJSON *object);
void changes_update(struct changes *changes, enum store_kind kind, cJSON *object);
void changes_delete(struct changes *changes, enum store_kind kind, const cJSON *object);

/* Create an Event about REGARDING. TYPE is "Normal" or "Warning". */
void changes_event(struct changes *changes, enum store_kind kind, const cJSON *regarding,
                   const char *component, const char *type, const char *reason, int64_t utc_ns,
                   const char *format, ...) __attribute__((format(printf, 8, 9)));

/* "v1", "apps/v1", "discovery.k8s.io/v1" or "policy/v1". */
const char *change_api_version(enum store_kind kind);

#endif
