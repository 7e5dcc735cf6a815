/* in_cluster.h - the cluster that we run in, as a pod: by the service account that the kubelet put
 * there. Only when told to: the kubeconfig is then named "in-cluster", or "in-cluster:FOLDER" where
 * the account's files are elsewhere (a projected token).
 *
 *     KUBERNETES_SERVICE_HOST, KUBERNETES_SERVICE_PORT   the server, of the environment
 *     FOLDER/ca.crt                                      who vouches for it
 *     FOLDER/token                                       read again for each request: it is rotated
 *     FOLDER/namespace                                   for what names none; "default" without it
 *
 * Source: Kubernetes documentation, "Accessing the Kubernetes API from a Pod".
 * Threads: pure but for reading files.
 */
#ifndef KUBE_IN_CLUSTER_H
#define KUBE_IN_CLUSTER_H

#include "kube/kubeconfig.h"

#define KUBE_IN_CLUSTER "in-cluster" /* Also the name of the context. */
#define KUBE_IN_CLUSTER_FOLDER "/var/run/secrets/kubernetes.io/serviceaccount"

/* Whether PATH, of a kubeconfig, stands for that. */
bool kube_in_cluster(const char *path);
/* 0, or -errno with ERR. OUT is untouched on failure. */
int kube_in_cluster_load(const char *path, struct kubeconfig *out, struct error *err);

#endif
