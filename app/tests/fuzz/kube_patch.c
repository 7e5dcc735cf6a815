/* fuzz: deps kube lab */
/* Patches and what takes them back: [KIND, object, patch]. What the lab's API makes of the object
 * by the patch, and of that by the inverse, is the object again. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "kube/inverse.h"
#include "lab/api_json_patch.h"
#include "lab/api_patch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A merge patch cannot leave a null behind, and of directives api_patch_merge() knows nothing. */
static bool is_plain(const cJSON *item)
{
    if (cJSON_IsNull(item) || (item->string != NULL && item->string[0] == '$'))
        return false;
    for (const cJSON *child = item->child; child != NULL; child = child->next) {
        if (!is_plain(child) || (cJSON_IsObject(item) && json_member(item, child->string) != child))
            return false;
    }
    return true;
}

static void take_back(const cJSON *before, const cJSON *after, cJSON *inverse)
{
    cJSON *back = api_patch_merge(after, inverse);
    if (!cJSON_Compare(before, back, true))
        abort();
    cJSON_Delete(back);
}

static void merge(const cJSON *before, const cJSON *patch)
{
    cJSON *inverse = kube_inverse_merge(before, patch);
    cJSON *after = api_patch_merge(before, patch);
    if (inverse == NULL)
        abort();
    take_back(before, after, inverse);
    cJSON_Delete(after);
    cJSON_Delete(inverse);
}

static void operate(const cJSON *before, const cJSON *patch)
{
    char why[200];
    cJSON *after = NULL;
    cJSON *inverse =
        kube_inverse_is_of_whole(patch) ? NULL : kube_inverse_operations(before, patch);
    if (api_json_patch(before, patch, &after, why, sizeof(why)) == 0 && inverse != NULL)
        take_back(before, after, inverse);
    cJSON_Delete(after);
    cJSON_Delete(inverse);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cJSON *both = json_parse((const char *)data, size, NULL);
    const cJSON *before = cJSON_GetArrayItem(both, 0), *patch = cJSON_GetArrayItem(both, 1);
    if (cJSON_IsObject(before) && is_plain(before) && cJSON_IsArray(patch) && is_plain(patch))
        operate(before, patch);
    if (cJSON_IsObject(before) && is_plain(before) && cJSON_IsObject(patch)) {
        cJSON *inverse = kube_inverse_merge(before, patch); /* Whatever is in it. */
        kube_inverse_released(inverse, before, patch, "m");
        cJSON_Delete(inverse);
        if (is_plain(patch))
            merge(before, patch);
    }
    cJSON_Delete(both);
    return 0;
}
