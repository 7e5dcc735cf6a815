#include "lab/kubeconfig_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

/* "    NAME: <base64 of TEXT>\n" */
static void add_data(struct text *out, const char *name, const char *text)
{
    size_t size = strlen(text);
    unsigned char *encoded = malloc(size / 3 * 4 + 8);
    if (encoded == NULL) {
        out->failed = true;
        return;
    }
    int encoded_bytes = EVP_EncodeBlock(encoded, (const unsigned char *)text, (int)size);
    text_addf(out, "    %s: %s\n", name, (const char *)encoded);
    OPENSSL_cleanse(encoded, (size_t)encoded_bytes);
    free(encoded);
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

/* 0 or -errno. */
static int write_private(const char *path, const struct text *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -errno;
    int result = 0;
    for (size_t done = 0; done < text->size && result == 0;) {
        ssize_t size = write(fd, text->data + done, text->size - done);
        if (size < 0 && errno != EINTR)
            result = -errno;
        done += size > 0 ? (size_t)size : 0;
    }
    if (close(fd) < 0 && result == 0)
        result = -errno;
    return result;
}

int kubeconfig_write(const char *path, const char *server, const struct certificate_set *set,
                     struct error *err)
{
    struct text config = {0};
    struct text temporary = {0};
    compose(&config, server, set);
    text_addf(&temporary, "%s.%ld.tmp", path, (long)getpid());
    int result = config.failed || temporary.failed ? -ENOMEM : 0;
    if (result == 0) {
        unlink(text_str(&temporary));
        result = write_private(text_str(&temporary), &config);
    }
    if (result == 0 && rename(text_str(&temporary), path) < 0)
        result = -errno;
    if (result < 0)
        unlink(text_str(&temporary));
    if (config.data != NULL)
        OPENSSL_cleanse(config.data, config.size);
    text_free(&config);
    text_free(&temporary);
    if (result < 0)
        return error_set(err, EXIT_ENVIRONMENT, result,
                         "the kubeconfig %s cannot be written: %s; choose another place", path,
                         strerror(-result));
    return 0;
}
