/* fuzz: deps plan */
/* Manifests: YAML of any kind, its Deployments read and written over. */
#include "plan/manifest.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_and_write(cJSON *object)
{
    const struct rollout_amount surge = {true, false, 1}, unavailable = {true, true, 25};
    struct manifest_deployment deployment;
    struct error err = {0};

    if (manifest_read_deployment(object, &deployment, &err) < 0) {
        if (err.text[0] == '\0')
            abort();
        return;
    }
    if (deployment.pre_stop_ns < 0 || deployment.grace_ns < 0 ||
        (!deployment.pre_stop_known && deployment.pre_stop_ns != 0))
        abort();
    if (manifest_write_rollout(object, 3, &surge, &unavailable) == 0 &&
        (manifest_read_deployment(object, &deployment, &err) < 0 || deployment.replicas != 3))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct manifest manifest = {0};
    struct error err = {0};

    if (manifest_parse("fuzz", (const char *)data, size, &manifest, &err) == 0)
        for (uint32_t i = 0; i < manifest.count; i++)
            read_and_write(manifest.objects[i]);
    else if (err.text[0] == '\0')
        abort();
    manifest_free(&manifest);
    return 0;
}
