/* kubeconfig_writer.h - the file by which kubectl and seamline find the lab's API server.
 *
 * One cluster, one user, one context, all called `seamline-lab`; certificates and key inline. The
 * file is its owner's alone (0600) from the moment it exists, since it holds a key.
 *
 * Threads: none. Source: Kubernetes reference, "kubeconfig (v1)".
 */
#ifndef LAB_KUBECONFIG_WRITER_H
#define LAB_KUBECONFIG_WRITER_H

#include "base/error.h"
#include "lab/certificate.h"

#define KUBECONFIG_WRITER_CONTEXT "seamline-lab"

/* Write PATH by way of a new file and a rename: a reader never sees half of it. SERVER is a URL,
 * "https://127.0.0.1:6443". 0, or -errno with ERR. */
int kubeconfig_write(const char *path, const char *server, const struct certificate_set *set,
                     struct error *err);

#endif
