/* order.h - what is to be done in the cluster: the verbs of kube/action.h, and what each needs.
 *
 * Threads: pure.
 */
#ifndef KUBE_ORDER_H
#define KUBE_ORDER_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "kube/failure.h"
#include "kube/resource.h"

enum kube_verb {
    KUBE_GET,
    KUBE_APPLY,
    KUBE_DELETE,
    KUBE_SET_IMAGE,
    KUBE_SET_ENV,
    KUBE_MOVE,
    KUBE_SCALE,
    KUBE_RESTART,
    KUBE_ROLLOUT_UNDO,
    KUBE_SET_PROXY,
    KUBE_CORDON,
    KUBE_UNCORDON,
    KUBE_EVICT,
    KUBE_DRAIN,
    KUBE_PATCH,
    KUBE_MAY,
    KUBE_VERB_COUNT
};

/* Content types of patches. */
#define KUBE_PATCH_STRATEGIC "application/strategic-merge-patch+json"
#define KUBE_PATCH_MERGE "application/merge-patch+json"
#define KUBE_PATCH_JSON "application/json-patch+json"
#define KUBE_PATCH_APPLY "application/apply-patch+yaml" /* JSON is YAML. */

/* Special values of kube_order.grace_s. What is zero by omission must not kill at once. */
enum {
    KUBE_GRACE_OWN = 0,   /* What the object's spec says. */
    KUBE_GRACE_NONE = -1, /* None: killed at once. */
};

/* What to do. All is copied. */
struct kube_order {
    enum kube_verb verb;         /* What kind of change. */
    enum kube_kind kind;         /* Of get, delete and patch. What rolls out:
                                 a kind of workload, 0 for a Deployment. Others know theirs. */
    const char *namespace;       /* NULL or "": the client's. */
    const char *name;            /* Of the object; not for apply. */
    const char *container;       /* set-image, set-env: which; NULL when the pod has just one. */
    const char *image;           /* set-image. */
    const char *const *env;      /* set-env: "NAME=VALUE", or "NAME-" to take one away. */
    unsigned env_count;          /* Of those. */
    const char *node;            /* move: its name; "" for wherever the scheduler will. */
    int64_t replicas;            /* scale. */
    int64_t revision;            /* rollout-undo: to which; 0: the one before the newest. */
    const char *proxy_mode;      /* set-proxy, as kube_proxy_config_change() takes it. */
    const char *proxy_scheduler; /* set-proxy, likewise. */
    const cJSON *object;         /* apply: the object; patch: the body (an array for a JSON patch);
                                 delete: the object as it was applied, instead of kind and name:
                                 any kind can be deleted so. */
    const struct kube_call *may; /* may: do what; its namespace is not the order's. */
    const char *content_type;    /* patch: NULL is a strategic merge patch. */
    const char *uid;       /* delete: only this very object; NULL or "": whatever has the name. */
    bool force;            /* drain: also pods without a controller; apply: also fields that
                              others manage. */
    bool delete_empty_dir; /* drain: also pods with an emptyDir. */
    int64_t grace_s;       /* delete, evict, drain: seconds of grace, or one of KUBE_GRACE_. */
    bool wait_gone;        /* delete, evict: over only when the object is gone. */
    bool even_rolling;     /* What rolls out: also while a rollout is under way. */
    bool dry_run;          /* The server only checks. */
    bool confirm;          /* Halt before the change, until kube_action_commit(). */
    int64_t utc_ns; /* restart: the time to write; 0: kube_start() asks the system's clock. */
};

const char *kube_verb_text(enum kube_verb verb); /* "set-image", ... */
bool kube_verb_rolls_out(enum kube_verb verb);   /* Changes the template, or the replicas. */

/* Of the object that ORDER is about, unless its manifest says so. */
enum kube_kind kube_order_kind(const struct kube_order *order);
/* Whether ORDER makes sense for an object of KIND, which is TARGET in texts ("deployment/web"). 0,
 * or -EINVAL with ERR. */
int kube_order_check(const struct kube_order *order, enum kube_kind kind, const char *target,
                     struct error *err);

#endif
