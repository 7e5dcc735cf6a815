/* fuzz: deps kube */
/* A manifest of any content: refused with a text, or objects that all have what they must. */
#include <stdint.h>
#include <stdlib.h>

#include "kube/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kube_manifest manifest;
    struct error err = {0};
    if (kube_manifest_parse((const char *)data, size, "m", &manifest, &err) == 0) {
        for (unsigned i = 0; i < manifest.count; i++) {
            if (manifest.objects[i].name[0] == '\0' || manifest.objects[i].kind[0] == '\0')
                abort();
        }
        kube_manifest_free(&manifest);
    } else if (err.text[0] == '\0') {
        abort();
    }
    return 0;
}
