/* api_fields.h - sets of an object's fields, in the form of metadata.managedFields (FieldsV1), and
 * what server-side apply does with them.
 *
 * A set is a tree of JSON objects. Its members are steps: "f:NAME" into an object, "k:{...}" to
 * the element of a list that has this key, "v:VALUE" to an element of a list of plain values, "."
 * the element itself. An object without members is the end of a path: that field, with all below.
 * What the key of a list is says the table below; lists that are not in it are one field, replaced
 * as a whole. An element of a keyed list without its key stands in no set.
 *
 * Threads: pure. Memory: results are fresh trees of the caller's; nothing of the inputs is kept.
 * Cost: the product of the lengths of a list in two objects, or in a set and an object.
 * Source: Kubernetes documentation, "Server-Side Apply".
 */
#ifndef LAB_API_FIELDS_H
#define LAB_API_FIELDS_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "base/text.h"
#include "lab/store.h"

/* All fields of OBJECT but those that nobody owns: kind, apiVersion, the server's metadata. */
cJSON *api_fields_of(enum store_kind kind, const cJSON *object);
/* Those of AFTER that BEFORE has not, or has otherwise. */
cJSON *api_fields_changed(enum store_kind kind, const cJSON *before, const cJSON *after);

cJSON *api_fields_union(const cJSON *a, const cJSON *b);
cJSON *api_fields_common(const cJSON *a, const cJSON *b);
cJSON *api_fields_without(const cJSON *a, const cJSON *b);
/* What of SET is still in OBJECT. */
cJSON *api_fields_present(enum store_kind kind, const cJSON *set, const cJSON *object);
bool api_fields_empty(const cJSON *set);

/* LIVE with the values of CONFIG laid over it. */
cJSON *api_fields_merge(enum store_kind kind, const cJSON *live, const cJSON *config);
/* Take the fields of SET out of OBJECT, and objects and lists that become empty by it. */
void api_fields_remove(enum store_kind kind, const cJSON *set, cJSON *object);

/* The paths of SET as ".spec.containers[name=\"c\"].image": CALL is called for each. */
void api_fields_each(const cJSON *set, void (*call)(void *context, const char *path),
                     void *context);

#endif
