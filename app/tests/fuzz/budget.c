/* fuzz: deps plan */
/* A PodDisruptionBudget beside a Deployment: what is advised of them is said, and its patch is made,
 * whatever its selector and its amounts are. */
#include <stdlib.h>
#include <string.h>

#include "plan/advice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char deployment[] =
    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 3, selector: "
    "{matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {containers: "
    "[{name: c, image: i}]}}}\n---\napiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: "
    "{name: web}\nspec: ";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct advice_conditions conditions = {5000000000, 0, 10000000000};
    struct manifest manifest = {0};
    struct advice advice;
    struct error err = {0};
    struct text yaml = {0}, out = {0};
    text_add(&yaml, deployment);
    text_add_bytes(&yaml, (const char *)data, size);
    if (manifest_parse("fuzz", text_str(&yaml), yaml.size, &manifest, &err) == 0 &&
        advice_make(&manifest, manifest.objects[0], &conditions, &advice, &err) == 0) {
        advice_print(&advice, &out);
        if (out.size == 0)
            abort(); /* That held connections end is always said. */
        advice_print_patch(&advice, &out);
        advice_free(&advice);
    } else if (err.text[0] == '\0') {
        abort();
    }
    text_free(&out);
    text_free(&yaml);
    manifest_free(&manifest);
    return 0;
}
