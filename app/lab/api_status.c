#include "lab/api_status.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/json.h"
#include "base/text.h"

static cJSON *status_new(const char *outcome)
{
    cJSON *status = cJSON_CreateObject();
    cJSON_AddStringToObject(status, "kind", "Status");
    cJSON_AddStringToObject(status, "apiVersion", "v1");
    cJSON_AddObjectToObject(status, "metadata");
    cJSON_AddStringToObject(status, "status", outcome);
    return status;
}

/* Takes DETAILS, which may be NULL. */
static cJSON *failure(unsigned code, const char *reason, cJSON *details, const char *message)
{
    cJSON *status = status_new("Failure");
    cJSON_AddStringToObject(status, "message", message);
    cJSON_AddStringToObject(status, "reason", reason);
    if (details != NULL)
        cJSON_AddItemToObject(status, "details", details);
    cJSON_AddNumberToObject(status, "code", code);
    return status;
}

static cJSON *details_of(const char *name, const char *group, const char *kind)
{
    cJSON *details = cJSON_CreateObject();
    if (name[0] != '\0')
        cJSON_AddStringToObject(details, "name", name);
    if (group[0] != '\0')
        cJSON_AddStringToObject(details, "group", group);
    cJSON_AddStringToObject(details, "kind", kind);
    return details;
}

unsigned api_status_code(const cJSON *status)
{
    return (unsigned)json_integer(status, "code", 200);
}

cJSON *api_status_failure(unsigned code, const char *reason, const char *format, ...)
{
    struct text message = {0};
    va_list args;
    va_start(args, format);
    text_addv(&message, format, args);
    va_end(args);
    cJSON *status = failure(code, reason, NULL, text_str(&message));
    text_free(&message);
    return status;
}

cJSON *api_status_bad_request(const char *format, ...)
{
    struct text message = {0};
    va_list args;
    va_start(args, format);
    text_addv(&message, format, args);
    va_end(args);
    cJSON *status = failure(400, "BadRequest", NULL, text_str(&message));
    text_free(&message);
    return status;
}

cJSON *api_status_unauthorized(void)
{
    return failure(401, "Unauthorized", NULL, "Unauthorized");
}

cJSON *api_status_forbidden(const struct api_denial *denial)
{
    char resource[API_RESOURCE_NAME_BYTES];
    struct text message = {0};
    text_add(&message, api_resource_name(denial->resource, resource));
    if (denial->name[0] != '\0')
        text_addf(&message, " \"%s\"", denial->name);
    text_addf(
        &message, " is forbidden: User \"%s\" cannot %s resource \"%s%s%s\" in API group \"%s\"",
        denial->user, denial->verb, denial->resource->plural,
        denial->subresource[0] != '\0' ? "/" : "", denial->subresource, denial->resource->group);
    if (denial->namespace[0] != '\0')
        text_addf(&message, " in the namespace \"%s\"", denial->namespace);
    else
        text_add(&message, " at the cluster scope");
    cJSON *details = details_of(denial->name, denial->resource->group, denial->resource->plural);
    cJSON *status = failure(403, "Forbidden", details, text_str(&message));
    text_free(&message);
    return status;
}

/* "<before><resource> "<name>"<after>" with details that name the object. */
static cJSON *about_object(unsigned code, const char *reason, const struct api_resource *resource,
                           const char *name, const char *before, const char *after)
{
    char qualified[API_RESOURCE_NAME_BYTES];
    struct text message = {0};
    text_addf(&message, "%s%s \"%s\"%s", before, api_resource_name(resource, qualified), name,
              after);
    cJSON *details = details_of(name, resource->group, resource->plural);
    cJSON *status = failure(code, reason, details, text_str(&message));
    text_free(&message);
    return status;
}

cJSON *api_status_not_found(const struct api_resource *resource, const char *name)
{
    return about_object(404, "NotFound", resource, name, "", " not found");
}

cJSON *api_status_no_such_path(void)
{
    return failure(404, "NotFound", cJSON_CreateObject(),
                   "the server could not find the requested resource");
}

cJSON *api_status_method_not_allowed(void)
{
    return failure(405, "MethodNotAllowed", cJSON_CreateObject(),
                   "the server does not allow this method on the requested resource");
}

cJSON *api_status_exists(const struct api_resource *resource, const char *name)
{
    return about_object(409, "AlreadyExists", resource, name, "", " already exists");
}

cJSON *api_status_conflict(const struct api_resource *resource, const char *name)
{
    return about_object(409, "Conflict", resource, name, "Operation cannot be fulfilled on ",
                        ": the object has been modified; please apply your changes to the latest "
                        "version and try again");
}

cJSON *api_status_unsupported_type(void)
{
    return failure(415, "UnsupportedMediaType", cJSON_CreateObject(),
                   "415: Unsupported Media Type");
}

cJSON *api_status_unfit_patch(const char *why)
{
    cJSON *details = cJSON_CreateObject();
    cJSON *cause = cJSON_CreateObject();
    cJSON_AddStringToObject(cause, "reason", "UnexpectedServerResponse");
    cJSON_AddStringToObject(cause, "message", why);
    cJSON_AddItemToArray(cJSON_AddArrayToObject(details, "causes"), cause);
    return failure(422, "Invalid", details,
                   "the server rejected our request due to an error in our request");
}

cJSON *api_status_apply_conflict(cJSON *causes)
{
    struct text message = {0};
    int count = cJSON_GetArraySize(causes);
    text_addf(&message, "Apply failed with %d conflict%s: ", count, count == 1 ? "" : "s");
    for (const cJSON *cause = causes->child; cause != NULL; cause = cause->next)
        text_addf(&message, "%s: %s%s", json_string(cause, "message", ""),
                  json_string(cause, "field", ""), cause->next != NULL ? ", " : "");
    cJSON *details = cJSON_CreateObject();
    cJSON_AddItemToObject(details, "causes", causes);
    cJSON *status = failure(409, "Conflict", details, text_str(&message));
    text_free(&message);
    return status;
}

cJSON *api_status_invalid(const struct api_resource *resource, const char *name, cJSON *causes)
{
    char kind[API_RESOURCE_NAME_BYTES];
    struct text message = {0};
    bool many = cJSON_GetArraySize(causes) > 1;
    text_addf(&message, "%s \"%s\" is invalid: %s", api_resource_kind(resource, kind), name,
              many ? "[" : "");
    for (const cJSON *cause = causes->child; cause != NULL; cause = cause->next)
        text_addf(&message, "%s: %s%s", json_string(cause, "field", ""),
                  json_string(cause, "message", ""), cause->next != NULL ? ", " : "");
    text_add(&message, many ? "]" : "");
    cJSON *details = details_of(name, resource->group, resource->kind_name);
    cJSON_AddItemToObject(details, "causes", causes);
    cJSON *status = failure(422, "Invalid", details, text_str(&message));
    text_free(&message);
    return status;
}

cJSON *api_status_budget(const char *why, unsigned retry_s)
{
    cJSON *details = cJSON_CreateObject();
    cJSON *cause = cJSON_CreateObject();
    cJSON_AddStringToObject(cause, "reason", "DisruptionBudget");
    cJSON_AddStringToObject(cause, "message", why);
    cJSON_AddItemToArray(cJSON_AddArrayToObject(details, "causes"), cause);
    if (retry_s > 0)
        cJSON_AddNumberToObject(details, "retryAfterSeconds", retry_s);
    return failure(429, "TooManyRequests", details,
                   "Cannot evict pod as it would violate the pod's disruption budget.");
}

cJSON *api_status_success(unsigned code)
{
    cJSON *status = status_new("Success");
    cJSON_AddNumberToObject(status, "code", code);
    return status;
}

cJSON *api_status_deleted(const struct api_resource *resource, const cJSON *object)
{
    cJSON *status = status_new("Success");
    cJSON *details =
        details_of(json_string(object, "metadata.name", ""), resource->group, resource->plural);
    cJSON_AddStringToObject(details, "uid", json_string(object, "metadata.uid", ""));
    cJSON_AddItemToObject(status, "details", details);
    return status;
}

cJSON *api_status_watch_expired(uint64_t version, uint64_t oldest)
{
    return api_status_failure(410, "Expired", "too old resource version: %llu (%llu)",
                              (unsigned long long)version, (unsigned long long)oldest);
}

cJSON *api_status_list_expired(void)
{
    return failure(410, "Expired", NULL, "The resourceVersion for the provided list is too old.");
}

cJSON *api_status_version_ahead(uint64_t wanted, uint64_t present)
{
    char message[128];
    snprintf(message, sizeof(message), "Too large resource version: %llu, current: %llu",
             (unsigned long long)wanted, (unsigned long long)present);
    cJSON *causes = cJSON_CreateArray();
    cJSON *cause = cJSON_CreateObject();
    cJSON_AddStringToObject(cause, "reason", "ResourceVersionTooLarge");
    cJSON_AddStringToObject(cause, "message", "Too large resource version");
    cJSON_AddItemToArray(causes, cause);
    cJSON *details = cJSON_CreateObject();
    cJSON_AddItemToObject(details, "causes", causes);
    cJSON_AddNumberToObject(details, "retryAfterSeconds", 1);
    return failure(504, "Timeout", details, message);
}

void api_status_cause(cJSON *causes, const char *field, const char *reason, const char *format, ...)
{
    struct text message = {0};
    va_list args;
    va_start(args, format);
    text_addv(&message, format, args);
    va_end(args);
    cJSON *cause = cJSON_CreateObject();
    cJSON_AddStringToObject(cause, "reason", reason);
    cJSON_AddStringToObject(cause, "message", text_str(&message));
    cJSON_AddStringToObject(cause, "field", field);
    cJSON_AddItemToArray(causes, cause);
    text_free(&message);
}
