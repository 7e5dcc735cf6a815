/* api_call_priv.h - a request on its way through the handler, shared by the parts of
 * lab/api_handler: api_read.c, api_write.c, api_scale.c, api_delete.c, api_evict.c.
 *
 * Each part ends by api_call_answer() or api_call_fail(), exactly once.
 */
#ifndef LAB_API_CALL_PRIV_H
#define LAB_API_CALL_PRIV_H

#include "lab/api_handler.h"
#include "lab/api_path.h"
#include "lab/api_resource.h"

enum {
    API_CALL_WHY_BYTES = 512
};

struct api_call {
    struct api_handler *handler;         /* Store, rules, faults. */
    const struct api_request *request;   /* As it came. */
    const struct api_path *path;         /* Its target, parsed. */
    const struct api_resource *resource; /* What the path names. */
    unsigned code;                       /* HTTP status of the answer. */
    cJSON *result;                       /* The answer. */
    struct api_watch *watch;             /* Or the watch that it becomes. */
};

/* Both take RESULT; the first may be called with a view, which is printed before the store
 * changes. */
void api_call_answer(struct api_call *call, unsigned code, cJSON *result);
void api_call_fail(struct api_call *call, cJSON *status);
/* Whether the client wants Tables. */
bool api_call_wants_table(const struct api_call *call);
/* What the rows of its Tables shall carry. */
enum api_table_include api_call_include(const struct api_call *call);
/* Answer with OBJECT of the call's resource, or with its Table. */
void api_call_answer_object(struct api_call *call, unsigned code, const cJSON *object);
/* The request's body, JSON or (by its type) YAML; NULL after api_call_fail(). */
cJSON *api_call_body(struct api_call *call, const char *complaint);
/* The object that the path names; NULL after api_call_fail(). */
const cJSON *api_call_object(struct api_call *call);

void api_read_get(struct api_call *call);
void api_read_list(struct api_call *call);
void api_read_watch(struct api_call *call);

void api_write_create(struct api_call *call);
void api_write_update(struct api_call *call);
void api_write_patch(struct api_call *call);
/* Check and store NEXT (taken) in the place of OLD. NULL after api_call_fail(); the stored object,
 * or NEXT itself, also as *UNSTORED, for a dry run (the caller deletes it). */
const cJSON *api_write_replace(struct api_call *call, cJSON *next, const cJSON *old,
                               cJSON **unstored);
/* Apply the request's patch to BEFORE: NULL after api_call_fail(). */
cJSON *api_write_patched(struct api_call *call, const cJSON *before);

void api_scale_get(struct api_call *call);
void api_scale_update(struct api_call *call);
void api_scale_patch(struct api_call *call);

/* How an object is to go. */
struct api_delete_manner {
    int64_t grace_s; /* For pods; -1: as the pod says. */
    bool orphan;     /* Dependents lose their owner instead of being collected. */
    bool dry_run;    /* Nothing is stored. */
    int64_t utc_ns;  /* Now. */
};

/* From the query and OPTIONS (DeleteOptions; NULL: none). False after api_call_fail(): OBJECT (may
 * be NULL) is not the one that they want. */
bool api_delete_manner(struct api_call *call, const cJSON *options, const cJSON *object,
                       struct api_delete_manner *manner);
/* What is left of OBJECT: NULL when it is gone. */
const cJSON *api_delete_object(struct api_handler *handler, enum store_kind kind,
                               const cJSON *object, const struct api_delete_manner *manner);
void api_delete_one(struct api_call *call);
void api_delete_collection(struct api_call *call);

void api_evict(struct api_call *call);

#endif
