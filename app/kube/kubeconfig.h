/* kubeconfig.h - where the cluster is and who we are there.
 *
 * The context is named by the caller and never guessed: `current-context` is not used. CA, client
 * certificate, key and token are taken inline (`*-data`, base64) or from files, whose relative
 * paths start at the kubeconfig's own folder. `insecure-skip-tls-verify` is honoured. The program
 * of a user's `exec` is run by kubeconfig_load() (kube/exec_credential.h); users of an
 * `auth-provider` are refused with what to do instead.
 *
 * Threads: pure but for reading files. Memory: one owner, kubeconfig_free(). Secrets are wiped
 * there. Source: Kubernetes documentation, "kubeconfig (v1)".
 */
#ifndef KUBE_KUBECONFIG_H
#define KUBE_KUBECONFIG_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct kubeconfig {
    char *path;             /* The file, for messages. */
    char *context;          /* As named. */
    char *cluster;          /* Its name in the file, for messages. */
    char *user;             /* Its name in the file, for messages; "" when the context has none. */
    char *server;           /* "https://host:port", without a final slash. */
    char *namespace;        /* Of the context; "default" when it has none. */
    char *tls_server_name;  /* Name that the certificate must have; NULL: the URL's. */
    char *proxy_url;        /* NULL: what the environment says. */
    bool insecure;          /* The server's certificate is not checked. */
    char *ca_pem;           /* NULL: the system's CAs. */
    char *client_cert_pem;  /* NULL: none. */
    char *client_key_pem;   /* NULL: none. */
    char *token;            /* NULL: none. */
    char *token_path;       /* Read again for each request, since it may be rotated; NULL: none. */
    char *ca_origin;        /* Where the CA came from, for messages. */
    cJSON *exec;            /* What gives token or certificate; NULL: none. */
    int64_t expires_utc_ns; /* When what it gave does; INT64_MAX: never, as far as it says. */
    char *renewal;          /* What was done last to renew token or certificate, for messages, as
                               the end of a sentence; NULL: nothing. */
};

/* Reads PATH and takes CONTEXT from it; "in-cluster" is no file (kube/in_cluster.h). 0, or -errno
 * with ERR (which then names the file and, where the context is unknown, those that exist). OUT is
 * untouched on failure. */
int kubeconfig_load(const char *path, const char *context, struct kubeconfig *out,
                    struct error *err);
/* The same from memory: PATH is for messages, and relative paths start at its folder. No program is
 * run. */
int kubeconfig_parse(const char *bytes, size_t size, const char *path, const char *context,
                     struct kubeconfig *out, struct error *err);
void kubeconfig_free(struct kubeconfig *config);

#endif
