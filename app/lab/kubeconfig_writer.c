#include "lab/kubeconfig_writer.h"

#include <openssl/crypto.h>
#include <string.h>

#include "base/base64.h"
#include "base/text.h"

/* "    NAME: <base64 of TEXT>\n" */
static void add_data(struct text *out, const char *name, const char *text)
{
    text_addf(out, "    %s: ", name);
    base64_add(out, text, strlen(text));
    text_add(out, "\n");
}

static void compose(struct text *out, const char *server, const struct certificate_set *set)
{
    text_add(out, "apiVersion: v1\nkind: Config\nclusters:\n- name: " KUBECONFIG_WRITER_CONTEXT
                  "\n  cluster:\n");
    text_addf(out, "    server: %s\n", server);
    add_data(out, "certificate-authority-data", set->authority);
    text_add(out, "users:\n- name: " CERTIFICATE_CLIENT_NAME "\n  user:\n");
    add_data(out, "client-certificate-data", set->client);
    add_data(out, "client-key-data", set->client_key);
    text_add(out, "contexts:\n- name: " KUBECONFIG_WRITER_CONTEXT "\n  context:\n"
                  "    cluster: " KUBECONFIG_WRITER_CONTEXT "\n"
                  "    user: " CERTIFICATE_CLIENT_NAME "\n"
                  "current-context: " KUBECONFIG_WRITER_CONTEXT "\n");
}

int kubeconfig_write(const char *path, const char *server, const struct certificate_set *set,
                     struct error *err)
{
    struct text config = {0};
    compose(&config, server, set);
    int result = text_write_private(&config, path);
    if (config.data != NULL)
        OPENSSL_cleanse(config.data, config.size);
    text_free(&config);
    if (result < 0)
        return error_set(err, EXIT_ENVIRONMENT, result,
                         "the kubeconfig %s cannot be written: %s; choose another place", path,
                         strerror(-result));
    return 0;
}
