/* drain.h - taking the pods off a node as `kubectl drain` does: a part of kube/action.h, which
 * alone uses it.
 *
 *     READ the node --> PODS on it --> PREPARED --> CHANGE: cordon
 *                                                     |
 *                  +----------------------------------+
 *                  v
 *          EVICT each that is due --> PAUSE --> PODS: who is still there? --> none: OVER
 *                  ^                                    |
 *                  +------------------------------------+
 *
 * What is known of the pods decides before anything is changed: pods of DaemonSets and mirror pods
 * stay; a pod without a controller would come back nowhere, and one with an emptyDir loses its
 * data: both refuse the drain unless the order says `force`, `delete_empty_dir`. Pods that have
 * ended go without a question.
 *
 * An eviction that a budget refuses (429 with the cause DisruptionBudget) is asked again after its
 * Retry-After, or after KUBE_DRAIN_BUDGET_NS; one that the server throttles after its Retry-After,
 * or a second; what cannot be reached, likewise. 404 means gone; so does another uid under the
 * name. The owner has the deadline: kube_drain_holds() names what is still there and why.
 *
 * A pod that was evicted is gone when the node's kubelet says so. While pods are going the node is
 * looked at every KUBE_DRAIN_NODE_NS, and it is told that it is not ready.
 *
 * Threads: pure. Memory: malloc, for at most KUBE_DRAIN_PODS pods; more are found by later lists.
 * Source: Kubernetes documentation, "Safely Drain a Node", "API-initiated Eviction".
 */
#ifndef KUBE_DRAIN_H
#define KUBE_DRAIN_H

#include "kube/action.h"

enum {
    KUBE_DRAIN_PODS = 512
};
#define KUBE_DRAIN_BUDGET_NS UINT64_C(5000000000)
#define KUBE_DRAIN_LOOK_NS UINT64_C(500000000)  /* Between two lists, while pods are going. */
#define KUBE_DRAIN_NODE_NS UINT64_C(5000000000) /* Between two looks at the node, likewise. */

struct kube_drain_pod {
    char namespace[KUBE_NAMESPACE_BYTES]; /* Never "". */
    char name[KUBE_NAME_BYTES];           /* Of the pod. */
    char uid[64];                         /* Of that very one. */
    bool evicted;                         /* The server took the eviction: it is going. */
    bool present;                         /* The list under way has it. */
    uint64_t due_ns;                      /* Not to be asked again before. */
    char why[256];                        /* What the last refusal said; "" when there was none. */
};

struct kube_drain {
    bool begun;                   /* The cordon was answered. */
    bool force, delete_empty_dir; /* As ordered. */
    bool cordoned;                /* The node was so before. */
    char unready[200];            /* Why the node is not ready; "": it is. */
    uint64_t node_due_ns;         /* It is not looked at again before. */
    unsigned daemons, mirrors;    /* Pods that stay. */
    unsigned count;               /* Of pods to go. */
    unsigned at;                  /* The one whose eviction is asked for. */
    unsigned beyond; /* Pods of the last list for which there was no place: a later one has them. */
    struct kube_drain_pod pods[KUBE_DRAIN_PODS]; /* Those that are not gone. */
};

enum kube_drain_end {
    KUBE_DRAIN_ON,      /* The action's request is filled, or it pauses. */
    KUBE_DRAIN_OVER,    /* No pod is left. */
    KUBE_DRAIN_REFUSED, /* result.error says why. */
};

/* Ask for the pods of the node. */
void kube_drain_ask_pods(struct kube_action *action);
/* That list. Before the cordon, it is what decides whether the drain may begin, and fills the
 * cordon's request. */
enum kube_drain_end kube_drain_take_pods(struct kube_action *action, const cJSON *list,
                                         uint64_t now_ns);
/* The cordon was answered. */
enum kube_drain_end kube_drain_begin(struct kube_action *action, uint64_t now_ns);
/* An eviction was answered, or failed in a way that is worth another try. SAID: the server's words.
 * */
enum kube_drain_end kube_drain_take_eviction(struct kube_action *action, enum kube_reason reason,
                                             unsigned retry_after_s, const char *said,
                                             uint64_t now_ns);
/* Whether a failure of that reason is taken care of by asking again. */
bool kube_drain_endures(enum kube_reason reason);
/* The node was read: action->result.object, NULL when it was deleted. What is new about it is told
 * once the drain has begun. */
void kube_drain_take_node(struct kube_action *action, uint64_t now_ns);
/* Whether a line of an action's news tells of a pod that was evicted: what no undo brings back. */
bool kube_drain_is_eviction(const char *news);
/* Append what keeps the node from ending pods, if anything does, and the pods that are still there,
 * each with its reason. */
void kube_drain_holds(const struct kube_action *action, struct text *out);

#endif
