/* exec_credential.h - credentials that a program gives: the `exec` of a kubeconfig's user, as cloud
 * clusters have it (aws eks get-token, gke-gcloud-auth-plugin, kubelogin, ...).
 *
 * The program is run as it stands there, with its arguments and environment, without a shell, and
 * without a terminal: it cannot ask anything (interactiveMode Always is refused). It gets
 * KUBERNETES_EXEC_INFO, with the cluster where the user has provideClusterInfo (without the
 * cluster's extensions), and prints an ExecCredential of client.authentication.k8s.io/v1 or
 * v1beta1: a token, or a client certificate with its key, and perhaps when they expire. What it
 * prints on stderr is seen. No file of ours is open in it.
 *
 * It is run when the kubeconfig is loaded, which blocks, and again shortly before what it gave
 * expires, or when the server knows us no more (kube/kube.h): then it runs beside all else, and its
 * output is taken as it comes. After KUBE_EXEC_MS it is killed, with all that it started.
 *
 *     kube_exec_start(&run, &config, &err);
 *     while ((code = kube_exec_look(&run, &config, &err)) == 1)
 *         ...                                  other work
 *
 * Threads: control only. Memory: the kubeconfig's, and of a run what was printed so far.
 * Source: Kubernetes documentation, "Authenticating", client-go credential plugins.
 */
#ifndef KUBE_EXEC_CREDENTIAL_H
#define KUBE_EXEC_CREDENTIAL_H

#include <cjson/cJSON.h>
#include <sys/types.h>

#include "base/text.h"
#include "kube/kubeconfig.h"

enum {
    KUBE_EXEC_MS = 30000,
    KUBE_EXEC_BYTES_MAX = 1 << 20, /* Of what it may print. */
    KUBE_EXEC_WORDS_MAX = 128      /* Of its arguments, and of its environment's variables. */
};

/* Whether EXEC, of a kubeconfig, is one that can be run. 0, or -errno with ERR. */
int kube_exec_check(const cJSON *exec, struct error *err);
/* A run of the program; all zero: none is under way. */
struct kube_exec {
    pid_t pid;       /* 0: it does not run. */
    int out_fd;      /* Its output; -1: at its end. */
    struct text out; /* What it printed so far. */
    int64_t end_ms;  /* When it is killed, of CLOCK_MONOTONIC. */
};

/* Start CONFIG's program. 0, or -errno with ERR. */
int kube_exec_start(struct kube_exec *run, const struct kubeconfig *config, struct error *err);
/* 1 while it runs; 0 when it ended and CONFIG has its credentials; or -errno with ERR, and CONFIG
 * is as before. Does not block. */
int kube_exec_look(struct kube_exec *run, struct kubeconfig *config, struct error *err);
/* Kill it, if it runs. */
void kube_exec_stop(struct kube_exec *run);
/* All three: start it and wait for its end. 0, or -errno with ERR; CONFIG is then as before. */
int kube_exec_run(struct kubeconfig *config, struct error *err);
/* Take the credentials out of what it printed: what it gives takes the place of what was there. 0,
 * or -errno with ERR; CONFIG is then as before. */
int kube_exec_take(struct kubeconfig *config, const char *bytes, size_t size, struct error *err);

#endif
