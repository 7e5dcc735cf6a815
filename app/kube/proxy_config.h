/* proxy_config.h - kube-proxy's configuration, as the ConfigMap kube-proxy in kube-system holds it:
 * which backend it uses (`mode`), and by which scheduler IPVS chooses (`ipvs.scheduler`).
 *
 * kube-proxy reads it when it starts, so a change takes when its pods are made again. The changed
 * text is JSON, which is YAML too: comments are gone from it. Whoever puts the change back puts the
 * text back as it was.
 *
 * Source: Kubernetes documentation, "kube-proxy Configuration (v1alpha1)": mode "" is iptables,
 * ipvs.scheduler "" is rr. kubeadm makes such a ConfigMap; other installers may not.
 *
 * Threads: pure. Memory: malloc.
 */
#ifndef KUBE_PROXY_CONFIG_H
#define KUBE_PROXY_CONFIG_H

#include "base/error.h"

#define KUBE_PROXY_CONFIG_KEY "config.conf" /* In the ConfigMap's data. */
#define KUBE_PROXY_NAMESPACE "kube-system"
#define KUBE_PROXY_NAME "kube-proxy" /* Of the ConfigMap and of the DaemonSet. */

struct kube_proxy_config {
    const char *mode; /* Wanted: "ipvs", "iptables", "nftables"; "": any that chooses at random,
                              iptables where there is none. */
    const char *scheduler; /* Wanted of ipvs; "": as it is. */
    char before[80];       /* "iptables", "ipvs, rr". */
    char after[80];        /* The same. */
    char *text;            /* The configuration to write; NULL: it is like that already. */
};

/* Fill `before`, `after` and `text` from TEXT, the configuration (NULL: the ConfigMap has none). 0;
 * kube_proxy_config_free() is then to be called; or -EINVAL with ERR. */
int kube_proxy_config_change(const char *text, struct kube_proxy_config *config, struct error *err);
void kube_proxy_config_free(struct kube_proxy_config *config);

#endif
