/* live_manifest.h - a Deployment of a cluster as a manifest, with what plan/advice looks at beside
 * it: the Services and PodDisruptionBudgets of its namespace, and the nodes.
 *
 * It is read once, as it is then. What we may not read beside the Deployment is left out, with a
 * line on the standard error: what is said of the rest still holds.
 *
 * Threads: the main thread; blocks, by the deadlines of run/by_hand and of each answer.
 */
#ifndef RUN_LIVE_MANIFEST_H
#define RUN_LIVE_MANIFEST_H

#include "plan/manifest.h"
#include "run/by_hand.h"

struct live_manifest_options {
    const char *kubeconfig; /* "lab", or a file. NULL: what is wanted is no cluster's. */
    const char *context;    /* As run/by_hand has it. */
    const char *namespace;  /* NULL: DEPLOYMENT is NAMESPACE/NAME. */
};

/* 0, or -errno with ERR. manifest_free() is the caller's. */
int live_manifest_read(const struct live_manifest_options *options, const char *deployment,
                       struct manifest *out, struct error *err);
/* Of commands that take a file or, with a kubeconfig, a Deployment's name: whether OPERAND, given
 * without one, is a bare word that no file has. 0 when it is none; -ENOENT with ERR. */
int live_manifest_check_file(const char *operand, struct error *err);

#endif
