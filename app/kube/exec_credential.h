/* exec_credential.h - credentials that a program gives: the `exec` of a kubeconfig's user, as cloud
 * clusters have it (aws eks get-token, gke-gcloud-auth-plugin, kubelogin, ...).
 *
 * The program is run as it stands there, with its arguments and environment, without a shell, and
 * without a terminal: it cannot ask anything (interactiveMode Always is refused). It gets
 * KUBERNETES_EXEC_INFO, and prints an ExecCredential of client.authentication.k8s.io/v1 or v1beta1:
 * a token, or a client certificate with its key, and perhaps when they expire. What it prints on
 * stderr is seen.
 *
 * It is run when the kubeconfig is loaded, and again shortly before its token expires or when the
 * server knows it no more (kube/kube.h). Both block, for KUBE_EXEC_MS at most; then it is killed. A
 * certificate is not renewed: a run should not outlast it.
 *
 * Threads: control only. Memory: the kubeconfig's.
 * Source: Kubernetes documentation, "Authenticating", client-go credential plugins.
 */
#ifndef KUBE_EXEC_CREDENTIAL_H
#define KUBE_EXEC_CREDENTIAL_H

#include <cjson/cJSON.h>

#include "kube/kubeconfig.h"

enum {
    KUBE_EXEC_MS = 30000,
    KUBE_EXEC_BYTES_MAX = 1 << 20, /* Of what it may print. */
    KUBE_EXEC_WORDS_MAX = 128      /* Of its arguments, and of its environment's variables. */
};

/* Whether EXEC, of a kubeconfig, is one that can be run. 0, or -errno with ERR. */
int kube_exec_check(const cJSON *exec, struct error *err);
/* Run CONFIG's program and take its credentials. 0, or -errno with ERR; CONFIG is then as before.
 * */
int kube_exec_run(struct kubeconfig *config, struct error *err);
/* Take the credentials out of what it printed. RENEW: only the token. 0, or -errno with ERR. */
int kube_exec_take(struct kubeconfig *config, const char *bytes, size_t size, bool renew,
                   struct error *err);

#endif
