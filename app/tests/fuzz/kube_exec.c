/* fuzz: deps kube */
/* What a credential plugin prints: taken whole, or refused with a text and nothing is changed. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "kube/exec_credential.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char exec[] =
    "{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"command\":\"give\"}";

static void check(const struct kubeconfig *config)
{
    if ((config->client_cert_pem == NULL) != (config->client_key_pem == NULL) ||
        strpbrk(config->token, "\r\n") != NULL)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kubeconfig config = {.expires_utc_ns = 7, .token = strdup("before")};
    struct error err = {0};
    config.exec = json_parse(exec, sizeof(exec) - 1, NULL);
    if (kube_exec_take(&config, (const char *)data, size, &err) < 0 &&
        (err.text[0] == '\0' || strcmp(config.token, "before") != 0 || config.expires_utc_ns != 7))
        abort();
    check(&config);
    kubeconfig_free(&config);
    return 0;
}
