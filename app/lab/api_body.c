#include "lab/api_body.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/yaml_tree.h"

/* What is wrong with ITEM or what is in it; NULL when nothing is. */
static const char *fault_of(const cJSON *item, unsigned depth)
{
    if (!cJSON_IsObject(item) && !cJSON_IsArray(item))
        return NULL;
    if (depth == API_BODY_DEPTH)
        return "the body is nested too deeply";
    unsigned count = 0;
    bool is_object = cJSON_IsObject(item);
    for (const cJSON *child = item->child; child != NULL; child = child->next) {
        if (++count > (is_object ? API_BODY_MEMBERS : API_BODY_ELEMENTS))
            return is_object ? "an object of the body has too many members"
                             : "an array of the body has too many elements";
        if (is_object && json_member(item, child->string) != child)
            return "an object of the body has a member twice";
        const char *fault = fault_of(child, depth + 1);
        if (fault != NULL)
            return fault;
    }
    return NULL;
}

/* BODY itself, or NULL with WHY. */
static cJSON *checked(cJSON *body, char *why, size_t why_bytes)
{
    const char *fault = fault_of(body, 0);
    if (fault == NULL)
        return body;
    snprintf(why, why_bytes, "%s", fault);
    cJSON_Delete(body);
    return NULL;
}

cJSON *api_body_parse(const char *bytes, size_t size, char *why, size_t why_bytes)
{
    struct error err = {0};
    if (memchr(bytes, '\0', size) != NULL) {
        snprintf(why, why_bytes, "the body has a NUL byte");
        return NULL;
    }
    cJSON *body = json_parse(bytes, size, &err);
    if (body != NULL)
        return checked(body, why, why_bytes);
    snprintf(why, why_bytes, "%s", size == 0 ? "unexpected end of JSON input" : err.text);
    return NULL;
}

cJSON *api_body_parse_yaml(const char *bytes, size_t size, char *why, size_t why_bytes)
{
    struct error err = {0};
    cJSON *documents = yaml_tree_parse(bytes, size, &err);
    if (documents == NULL) {
        snprintf(why, why_bytes, "%s", err.text);
        return NULL;
    }
    cJSON *body = NULL;
    if (cJSON_GetArraySize(documents) == 1)
        body = cJSON_DetachItemFromArray(documents, 0);
    else
        snprintf(why, why_bytes, "the body must be one YAML document");
    cJSON_Delete(documents);
    return body != NULL ? checked(body, why, why_bytes) : NULL;
}
