/* kube_proxy.h - the objects by which a cluster shows its kube-proxy: the ConfigMap and the
 * DaemonSet kube-proxy in kube-system.
 *
 * A node's proxy reads the ConfigMap when its pod starts, as the real one does: who changes `mode`
 * or `ipvs.scheduler` in config.conf has to restart the pods. What there is:
 *
 *     mode ipvs, ipvs.scheduler rr (or "") or sh    as --proxy rr and sh
 *     mode "", iptables or nftables                 as --proxy random
 *
 * Anything else is refused, and the node's rules stay as they are.
 *
 * Threads: pure. Source: Kubernetes documentation, "kube-proxy Configuration (v1alpha1)".
 */
#ifndef LAB_KUBE_PROXY_H
#define LAB_KUBE_PROXY_H

#include <cjson/cJSON.h>
#include <stddef.h>

#include "lab/proxy.h"

#define KUBE_PROXY_IMAGE "registry.k8s.io/kube-proxy"
#define KUBE_PROXY_NAMESPACE "kube-system"
#define KUBE_PROXY_NAME "kube-proxy"

cJSON *kube_proxy_configmap(enum proxy_mode mode);
cJSON *kube_proxy_daemonset(void);

/* *OUT is what CONFIGMAP (NULL: there is none) says. 0, or -EINVAL with WHY. */
int kube_proxy_mode(const cJSON *configmap, enum proxy_mode *out, char *why, size_t why_bytes);

#endif
