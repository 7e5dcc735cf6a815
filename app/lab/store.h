/* store.h - the lab's objects: what etcd is to a real API server.
 *
 * Objects are cJSON trees, immutable once stored: whoever reads keeps a `const` pointer that is
 * valid until the object's next change; whoever changes hands in a whole new tree. Every change
 * gets the next resourceVersion (one counter for all kinds, as etcd's revision) and one entry in a
 * bounded log, from which watches and controllers read by cursor. A cursor that has fallen off the
 * log's end is told so (410 Expired for a watch).
 *
 * The store sets metadata.uid, resourceVersion, creationTimestamp and generation (raised when spec
 * changes), and finishes generateName. It knows no kind's meaning: validation, defaults and
 * graceful deletion are in the API server (lab/api_*) and the kubelet.
 *
 * Threads: the lab daemon is one thread with an event loop; nothing here blocks. Time is an
 * argument: utc_ns. Memory: cJSON; STORE_LOG_EVENTS entries of log, each of which keeps its object
 * (and so the pointers that were handed out) alive until it falls off. Out of memory ends the
 * daemon.
 */
#ifndef LAB_STORE_H
#define LAB_STORE_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    STORE_LOG_EVENTS = 16384
};

/* The kinds that the lab serves; the API server's discovery lists the same. */
#define STORE_KINDS(X)                                                                             \
    X(NAMESPACE, "Namespace")                                                                      \
    X(NODE, "Node")                                                                                \
    X(SERVICE, "Service")                                                                          \
    X(POD, "Pod")                                                                                  \
    X(ENDPOINTS, "Endpoints")                                                                      \
    X(EVENT, "Event")                                                                              \
    X(DEPLOYMENT, "Deployment")                                                                    \
    X(REPLICASET, "ReplicaSet")                                                                    \
    X(ENDPOINTSLICE, "EndpointSlice")                                                              \
    X(BUDGET, "PodDisruptionBudget")                                                               \
    X(CONFIGMAP, "ConfigMap")                                                                      \
    X(STATEFULSET, "StatefulSet")                                                                  \
    X(DAEMONSET, "DaemonSet")                                                                      \
    X(REVISION, "ControllerRevision")                                                              \
    X(INGRESS, "Ingress")

enum store_kind {
#define X(id, kind) STORE_##id,
    STORE_KINDS(X)
#undef X
    STORE_KIND_COUNT
};

extern const char *const store_kind_name[STORE_KIND_COUNT];

enum store_event_type {
    STORE_ADDED,
    STORE_MODIFIED,
    STORE_DELETED,
};

struct store_event {
    uint64_t version; /* The resourceVersion that the change made. */
    enum store_event_type type;
    enum store_kind kind;
    const cJSON *object;   /* As it is after the change (deleted: as it last was, with the new
                              version). Owned by the log: valid until the entry falls off. */
    const cJSON *previous; /* As it was before (NULL for ADDED): a watch with a selector needs it to
                              tell "left the selection" (DELETED) from "changed". Same life. */
};

enum store_result {
    STORE_OK = 0,
    STORE_NOT_FOUND,
    STORE_EXISTS,   /* Create: the name is taken. */
    STORE_CONFLICT, /* Update: metadata.resourceVersion or uid was given, and is not the
                       present one. */
    STORE_INVALID,  /* No metadata.name (nor generateName), a namespaced kind without
                       metadata.namespace, or not an object. */
};

struct store;

struct store *store_new(uint64_t seed); /* SEED makes uids and generated names repeatable. */
void store_free(struct store *store);
/* Of the newest change; 1 when there was none (0 means "any" to a client). */
uint64_t store_version(const struct store *store);

/* Nodes and namespaces are not. */
bool store_kind_is_namespaced(enum store_kind kind);

/* NULL when there is none. Namespaced kinds want NAMESPACE; for the others it is NULL or "". */
const cJSON *store_get(const struct store *store, enum store_kind kind, const char *namespace,
                       const char *name);
/* Walk a kind in order of namespace and name: pass NULL first. NAMESPACE NULL or "": all. The
 * object passed may have been the one that was stored last time (do not change the store while
 * walking; collect names first). */
const cJSON *store_next(const struct store *store, enum store_kind kind, const char *namespace,
                        const cJSON *previous);

/* All take OBJECT, also on failure. *OUT (may be NULL) is the stored object. */
enum store_result store_create(struct store *store, enum store_kind kind, cJSON *object,
                               int64_t utc_ns, const cJSON **out);
/* Replace the object of the same name. An update that changes nothing makes no event and no new
 * version, as with a real server. uid and creationTimestamp are kept. */
enum store_result store_update(struct store *store, enum store_kind kind, cJSON *object,
                               int64_t utc_ns, const cJSON **out);
enum store_result store_delete(struct store *store, enum store_kind kind, const char *namespace,
                               const char *name, int64_t utc_ns);

/* The first event with a version > AFTER; NULL when there is none yet. *EXPIRED (may be NULL) is
 * set when events after AFTER have already fallen off. */
const struct store_event *store_event_after(const struct store *store, uint64_t after,
                                            bool *expired);

#endif
