#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "lab/api_call_priv.h"
#include "lab/api_status.h"

/* Only for messages: what is stored is the Deployment or ReplicaSet. */
static const struct api_resource scale_resource = {
    .group = "autoscaling",
    .version = "v1",
    .api_version = "autoscaling/v1",
    .plural = "scales",
    .kind_name = "Scale",
};

static void copy_text(cJSON *into, const cJSON *from, const char *name)
{
    const char *text = json_string(from, name, "");
    if (text[0] != '\0')
        cJSON_AddStringToObject(into, name, text);
}

/* A Scale of OBJECT: the part that `kubectl scale` works on. */
static cJSON *scale_of(const cJSON *object)
{
    static const char *const names[] = {"name", "namespace", "uid", "resourceVersion",
                                        "creationTimestamp"};
    struct text selector = {0};
    cJSON *scale = cJSON_CreateObject();
    cJSON_AddStringToObject(scale, "kind", "Scale");
    cJSON_AddStringToObject(scale, "apiVersion", "autoscaling/v1");
    cJSON *metadata = cJSON_AddObjectToObject(scale, "metadata");
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        copy_text(metadata, json_member(object, "metadata"), names[i]);
    cJSON_AddNumberToObject(cJSON_AddObjectToObject(scale, "spec"), "replicas",
                            json_number(object, "spec.replicas", 0));
    cJSON *status = cJSON_AddObjectToObject(scale, "status");
    cJSON_AddNumberToObject(status, "replicas", json_number(object, "status.replicas", 0));
    const cJSON *label;
    cJSON_ArrayForEach(label, json_at(object, "spec.selector.matchLabels"))
        text_addf(&selector, "%s%s=%s", selector.size > 0 ? "," : "", label->string,
                  cJSON_IsString(label) ? label->valuestring : "");
    cJSON_AddStringToObject(status, "selector", text_str(&selector));
    text_free(&selector);
    return scale;
}

void api_scale_get(struct api_call *call)
{
    const cJSON *object = api_call_object(call);
    if (object != NULL)
        api_call_answer(call, 200, scale_of(object));
}

/* Put the wish of SCALE (taken) into OBJECT. */
static void apply_scale(struct api_call *call, cJSON *scale, const cJSON *object)
{
    const cJSON *replicas = json_at(scale, "spec.replicas");
    double wish = cJSON_IsNumber(replicas) ? replicas->valuedouble : 0;
    if ((replicas != NULL && !cJSON_IsNumber(replicas)) || wish > 1e6 || wish != (int)wish) {
        api_call_fail(call, api_status_bad_request("spec.replicas must be an integer of at most "
                                                   "1000000"));
        cJSON_Delete(scale);
        return;
    }
    if (wish < 0) {
        cJSON *causes = cJSON_CreateArray();
        api_status_cause(causes, "spec.replicas", "FieldValueInvalid",
                         "Invalid value: %d: must be greater than or equal to 0", (int)wish);
        api_call_fail(call, api_status_invalid(&scale_resource, call->path->name, causes));
        cJSON_Delete(scale);
        return;
    }
    cJSON *next = cJSON_Duplicate(object, true);
    cJSON *spec = json_make(next, "spec");
    cJSON_DeleteItemFromObjectCaseSensitive(spec, "replicas");
    cJSON_AddNumberToObject(spec, "replicas", wish);
    const char *version = json_string(scale, "metadata.resourceVersion", "");
    cJSON *metadata = cJSON_GetObjectItemCaseSensitive(next, "metadata");
    if (version[0] != '\0')
        cJSON_ReplaceItemInObjectCaseSensitive(metadata, "resourceVersion",
                                               cJSON_CreateString(version));
    cJSON_Delete(scale);
    cJSON *unstored = NULL;
    const cJSON *stored = api_write_replace(call, next, object, &unstored);
    if (stored != NULL)
        api_call_answer(call, 200, scale_of(stored));
    cJSON_Delete(unstored);
}

void api_scale_update(struct api_call *call)
{
    const cJSON *object = api_call_object(call);
    cJSON *scale = object != NULL ? api_call_body(call, "error decoding the object") : NULL;
    if (scale != NULL)
        apply_scale(call, scale, object);
}

void api_scale_patch(struct api_call *call)
{
    const cJSON *object = api_call_object(call);
    if (object == NULL)
        return;
    cJSON *before = scale_of(object);
    cJSON *scale = api_write_patched(call, before);
    cJSON_Delete(before);
    if (scale != NULL)
        apply_scale(call, scale, object);
}
