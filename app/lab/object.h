/* object.h - reading and building Kubernetes objects, as far as the lab's controllers need it.
 *
 * All functions accept objects of any shape (they come from users through the API): what is absent
 * or mistyped reads as empty, zero or false.
 *
 * Threads: none of its own; pure. Memory: cJSON's.
 */
#ifndef LAB_OBJECT_H
#define LAB_OBJECT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"

const char *object_name(const cJSON *object); /* "" when absent; so are the next two. */
const char *object_namespace(const cJSON *object);
const char *object_uid(const cJSON *object);
const char *object_annotation(const cJSON *object, const char *name); /* NULL when absent. */
const char *object_label(const cJSON *object, const char *name);      /* NULL when absent. */

/* metadata.deletionTimestamp is set. */
bool object_deleting(const cJSON *object);
/* metadata.creationTimestamp in ns since 1970; INT64_MIN when absent. */
int64_t object_created_ns(const cJSON *object);

/* The uid of the owner that has `controller: true`; "" when there is none. */
const char *object_controller_uid(const cJSON *object);

/* SELECTOR is a plain map of labels (a Service's); an empty one selects nothing. */
bool object_labels_match(const cJSON *selector, const cJSON *object);
/* SELECTOR has matchLabels and matchExpressions (a Deployment's). */
bool object_selector_matches(const cJSON *selector, const cJSON *object);

/* status.conditions[type == TYPE], or NULL. */
const cJSON *object_condition(const cJSON *object, const char *type);
bool object_condition_is_true(const cJSON *object, const char *type);

/* A pod that is Succeeded or Failed. */
bool object_pod_finished(const cJSON *pod);
/* Neither finished nor being deleted: it counts for its ReplicaSet. */
bool object_pod_active(const cJSON *pod);
bool object_pod_ready(const cJSON *pod);

/* VALUE is an integer or "25%" of OF, rounded up or down; OTHERWISE when it is neither. */
int64_t object_int_or_percent(const cJSON *value, int64_t of, bool round_up, const char *otherwise);

/* A fresh object with apiVersion, kind and metadata. NAMESPACE may be NULL. */
cJSON *object_new(const char *api_version, const char *kind, const char *namespace,
                  const char *name);
/* Append OWNER to metadata.ownerReferences, as its controller. */
void object_set_controller(cJSON *object, const cJSON *owner, const char *api_version,
                           const char *kind);

/* Set or replace a member of PARENT. */
void object_put(cJSON *parent, const char *name, cJSON *value);
void object_put_string(cJSON *parent, const char *name, const char *value);
void object_put_integer(cJSON *parent, const char *name, int64_t value);
/* The same with whole seconds, as Kubernetes writes times. */
void object_put_time(cJSON *parent, const char *name, int64_t utc_ns);

#endif
