#include "kube/rights.h"

#include <stdio.h>
#include <string.h>

#include "kube/proxy_config.h"

#define APPLY "get create patch delete"

const struct kube_right kube_rights[] = {
    {"", "pods", "", "get list watch", false, KUBE_RIGHT_READ, "to follow pods"},
    {"", "services", "", "get list watch", false, KUBE_RIGHT_READ, "to find targets"},
    {"discovery.k8s.io", "endpointslices", "", "get list watch", false, KUBE_RIGHT_READ,
     "to follow endpoints"},
    {"apps", "deployments", "", "get list watch", false, KUBE_RIGHT_READ, "to follow rollouts"},
    {"apps", "statefulsets", "", "get list watch", false, KUBE_RIGHT_READ, "to follow rollouts"},
    {"apps", "daemonsets", "", "get list watch", false, KUBE_RIGHT_READ, "to follow rollouts"},
    {"", "nodes", "", "get list watch", true, KUBE_RIGHT_READ,
     "next hops (route ecmp, node:N), targets by nodePort"},
    {"apps", "deployments", "", "create patch delete", false, KUBE_RIGHT_CHANGE,
     "apply, set-image, set-env, move, restart, patch"},
    {"apps", "statefulsets", "", "create patch delete", false, KUBE_RIGHT_CHANGE,
     "the same of StatefulSets"},
    {"apps", "daemonsets", "", "create patch delete", false, KUBE_RIGHT_CHANGE,
     "the same of DaemonSets"},
    {"apps", "deployments", "scale", "get patch", false, KUBE_RIGHT_CHANGE, "scale"},
    {"apps", "statefulsets", "scale", "get patch", false, KUBE_RIGHT_CHANGE, "scale"},
    {"apps", "replicasets", "", "list", false, KUBE_RIGHT_CHANGE, "rollout undo of Deployments"},
    {"apps", "controllerrevisions", "", "list", false, KUBE_RIGHT_CHANGE,
     "rollout undo of StatefulSets and DaemonSets"},
    {"", "services", "", "create patch delete", false, KUBE_RIGHT_CHANGE, "apply"},
    {"", "configmaps", "", APPLY, false, KUBE_RIGHT_CHANGE, "apply"},
    {"networking.k8s.io", "ingresses", "", APPLY, false, KUBE_RIGHT_CHANGE, "apply"},
    {"policy", "poddisruptionbudgets", "", APPLY, false, KUBE_RIGHT_CHANGE, "apply"},
    {"", "pods", "", "patch delete", false, KUBE_RIGHT_CHANGE, "patch, delete-pod"},
    {"", "pods", "eviction", "create", false, KUBE_RIGHT_CHANGE, "evict"},
    {"", "nodes", "", "patch", true, KUBE_RIGHT_NODE, "cordon, uncordon, drain"},
    {"", "pods", "", "list", true, KUBE_RIGHT_NODE, "drain: which pods are on the node"},
    {"", "pods", "eviction", "create", true, KUBE_RIGHT_NODE, "drain"},
    {"", "namespaces", "", APPLY, true, KUBE_RIGHT_NODE, "apply of a manifest with its Namespace"},
    {"", "configmaps", "", "get patch", false, KUBE_RIGHT_PROXY, "cluster.proxy",
     KUBE_PROXY_NAMESPACE, KUBE_PROXY_NAME},
    {"apps", "daemonsets", "", "get patch", false, KUBE_RIGHT_PROXY,
     "cluster.proxy: kube-proxy's pods are made again", KUBE_PROXY_NAMESPACE, KUBE_PROXY_NAME},
};
const unsigned kube_rights_count = sizeof(kube_rights) / sizeof(kube_rights[0]);

bool kube_right_call(const struct kube_right *right, unsigned index, const char *namespace,
                     const struct kube_discovery *discovery, char verb[32], struct kube_call *out)
{
    const struct kube_resource *usual = kube_resource_named(right->resource);
    const char *at = right->verbs;
    for (unsigned i = 0; i < index; i++) {
        at = strchr(at, ' ');
        if (at == NULL)
            return false;
        at++;
    }
    snprintf(verb, 32, "%.*s", (int)strcspn(at, " "), at);
    *out = (struct kube_call){.verb = verb,
                              .group = right->group,
                              .resource = right->resource,
                              .subresource = right->subresource,
                              .namespace = right->all                 ? ""
                                           : right->namespace != NULL ? right->namespace
                                                                      : namespace,
                              .name = right->name != NULL ? right->name : ""};
    if (discovery != NULL && usual != NULL && strcmp(usual->group, right->group) == 0) {
        out->group = discovery->resources[usual->kind].group;
        out->resource = discovery->resources[usual->kind].plural;
    }
    return true;
}
