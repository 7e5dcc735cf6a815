/* api_status.h - the Status objects by which an API server says how a request ended.
 *
 * Each function returns a fresh object (cJSON, the caller's). `code` in it is the HTTP status, see
 * api_status_code(). The shapes are those of a real server; which member is where matters to
 * clients: kubectl reads details.kind, seamline reads reason and details.causes.
 *
 * Threads: none. Source: Kubernetes API conventions, "Response Status Kind".
 */
#ifndef LAB_API_STATUS_H
#define LAB_API_STATUS_H

#include <cjson/cJSON.h>

#include "lab/api_resource.h"

/* What a client may not do: for the message of a 403. */
struct api_denial {
    const struct api_resource *resource; /* NULL: only `plural` and `group` are known. */
    const char *user;                    /* As the client's certificate names it. */
    const char *verb;                    /* get, list, watch, create, update, patch, delete. */
    const char *subresource;             /* "" when there is none. */
    const char *namespace;               /* "": cluster scope. */
    const char *name;                    /* "": a collection. */
};

unsigned api_status_code(const cJSON *status);

cJSON *api_status_failure(unsigned code, const char *reason, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
cJSON *api_status_bad_request(const char *format, ...) __attribute__((format(printf, 1, 2)));
cJSON *api_status_unauthorized(void);
cJSON *api_status_forbidden(const struct api_denial *denial);
cJSON *api_status_not_found(const struct api_resource *resource, const char *name);
cJSON *api_status_no_such_path(void);
cJSON *api_status_method_not_allowed(void);
cJSON *api_status_exists(const struct api_resource *resource, const char *name);
cJSON *api_status_conflict(const struct api_resource *resource, const char *name);
cJSON *api_status_unsupported_type(void);
/* 422: a JSON Patch does not fit the object. */
cJSON *api_status_unfit_patch(const char *why);
/* 409: what was applied is owned by others. Takes CAUSES, of reason FieldManagerConflict. */
cJSON *api_status_apply_conflict(cJSON *causes);
/* CAUSES is an array made by api_status_cause(); it is taken. */
cJSON *api_status_invalid(const struct api_resource *resource, const char *name, cJSON *causes);
/* 429: a PodDisruptionBudget does not allow an eviction. WHY tells of the budget; RETRY_S 0: the
 * answer says nothing of when to try again. */
cJSON *api_status_budget(const char *why, unsigned retry_s);
cJSON *api_status_success(unsigned code);
cJSON *api_status_deleted(const struct api_resource *resource, const cJSON *object);
/* The error event of a watch from a version that is gone; the oldest one that there is. */
cJSON *api_status_watch_expired(uint64_t version, uint64_t oldest);
cJSON *api_status_list_expired(void);
cJSON *api_status_version_ahead(uint64_t wanted, uint64_t present);

/* Add {reason, message, field} to CAUSES. REASON is FieldValueInvalid, FieldValueRequired,
 * FieldValueNotSupported, FieldValueDuplicate or FieldValueForbidden. */
void api_status_cause(cJSON *causes, const char *field, const char *reason, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
