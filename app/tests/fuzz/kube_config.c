/* fuzz: deps kube */
/* A kubeconfig of any content: refused with a text, or whole. Its folder does not exist, so that no
 * file is read. */
#include <stdint.h>
#include <stdlib.h>

#include "kube/kubeconfig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kubeconfig config;
    struct error err = {0};
    if (kubeconfig_parse((const char *)data, size, "/nonexistent/kc", "a", &config, &err) == 0) {
        if (config.server == NULL || config.namespace == NULL)
            abort();
        kubeconfig_free(&config);
    } else if (err.text[0] == '\0') {
        abort();
    }
    return 0;
}
