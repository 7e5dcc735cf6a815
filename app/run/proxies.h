/* proxies.h - how the nodes' kube-proxy balances, as the experiment's `cluster.proxy` wants it.
 *
 * Its configuration is compared before anything is changed. Where it differs, and `mayChange` names
 * configmap/kube-proxy and daemonset/kube-proxy, it is changed for the run: the ConfigMap, then the
 * pods are made again, one node after another as the DaemonSet says, and awaited. Both changes are
 * temporary: put back by cluster_put_back(), or by `seamline undo`, the ConfigMap before the pods,
 * which read it when they start.
 *
 * A cluster that shows no kube-proxy, or does not let us look, is said to be one; then nothing is
 * compared.
 *
 * Threads: control only; these block.
 */
#ifndef RUN_PROXIES_H
#define RUN_PROXIES_H

#include "run/session.h"

/* Whether mode and scheduler go together. Here, and not where the file is read, since one of them
 * may be typed for all variants of the other. 0, or -EINVAL with ERR. */
int proxies_check(const struct experiment *experiment, struct error *err);
/* Look, and say what will be done. 0, or -errno with ERR: it differs and may not be changed, or is
 * to be changed and cannot. */
int proxies_compare(struct session *session, struct error *err);
/* Make the change, if there is one, and wait until it took. 0 or -errno with ERR; -EINTR without a
 * text for a signal. */
int proxies_set(struct session *session, struct error *err);
/* It was put back: wait until that took, unless a signal wants the end. 0 or -errno with ERR. */
int proxies_settle(struct session *session, struct error *err);

#endif
