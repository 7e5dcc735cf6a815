/* discovery.h - which versions of its resources a server has.
 *
 * What is asked: /apis for the groups, and /api/v1 and /apis/GROUP/VERSION for single resources.
 * What is chosen: the newest version that both sides know. Servers before 1.21 have endpointslices
 * and budgets in v1beta1 only; Evictions are policy/v1 from 1.22 and policy/v1beta1 before, found
 * at pods/eviction in /api/v1.
 * A server without endpointslices has core/v1 Endpoints in their place.
 *
 * Threads: pure. Memory: none.
 */
#ifndef KUBE_DISCOVERY_H
#define KUBE_DISCOVERY_H

#include <cjson/cJSON.h>

#include "base/error.h"
#include "kube/resource.h"

struct kube_discovery {
    struct kube_resource resources[KUBE_KIND_COUNT]; /* With the server's versions. */
    bool served[KUBE_KIND_COUNT]; /* The server has it at all, as far as is known. */
    char eviction_version[64];    /* "policy/v1"; "" when the server cannot evict. */
};

/* What the server says of itself. */
struct kube_server {
    char version[64]; /* "v1.30.1"; "" when it does not say. */
    char lab[192]; /* "lab, profile kubeadm, rr, emulated" of a seamline-lab; "" of all others. */
};

void kube_discovery_init(struct kube_discovery *discovery); /* Before any answer: the usual. */
/* The answer to GET /apis (APIGroupList). 0 or -EBADMSG with ERR. */
int kube_discovery_groups(struct kube_discovery *discovery, const cJSON *json, struct error *err);
/* The answer to GET /api/v1 (APIResourceList). 0 or -EBADMSG with ERR. */
int kube_discovery_core(struct kube_discovery *discovery, const cJSON *json, struct error *err);
/* The answer to GET /version. */
void kube_discovery_server(const cJSON *json, struct kube_server *out);
/* Path of the list of resources of an apiVersion: "/api/v1", "/apis/apps/v1". */
void kube_discovery_path(struct text *path, const char *api_version);
/* Find KIND in the answer to that path. 0, or -ENOENT when it has none, or -EBADMSG. */
int kube_discovery_find(const cJSON *json, const char *api_version, const char *kind,
                        struct kube_resource *out, struct error *err);

#endif
