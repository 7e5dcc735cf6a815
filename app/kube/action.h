/* action.h - changes to the cluster, each a small state machine without I/O.
 *
 * An action says what request it wants next, is handed the answer, and so on until it is over.
 * Before its one change it can halt (`confirm`), so that its owner can ask, journal, and then let
 * it go on:
 *
 *     READ --(answer)--> PREPARED --(commit)--> CHANGE --(answer)--> [WAIT] --> OVER
 *
 *     get         READ
 *     apply       READ, then server-side apply, which creates what is not there
 *     delete      READ, delete, WAIT until it is gone (404, or another uid under that name)
 *     set-image   READ, patch the one container
 *     set-env     READ, patch the environment of the one container
 *     move        READ, patch the template's nodeName
 *     scale       READ, patch the subresource scale
 *     restart     READ, patch the template's annotation kubectl.kubernetes.io/restartedAt
 *     rollout-undo  READ, list the revisions (kube/revision.h), patch the whole template
 *     set-proxy   READ, patch kube-proxy's configuration in its ConfigMap: kube/proxy_config.h
 *     cordon      READ, patch spec.unschedulable of a node; uncordon likewise
 *     evict       READ, post an Eviction; refused by a budget: again every 5 s
 *     drain       a node: kube/drain.h
 *     may         ask the server whether we may do something; changes nothing
 *     patch       READ, patch with a given body (strategic, merge or JSON)
 *
 * set-image, set-env, move and restart roll out: they refuse while another rollout is under way
 * (`even_rolling` overrides), and report KUBE_DONE_UNCHANGED when all is like that already: no
 * rollout will follow. rollout-undo does not refuse: it is what ends a rollout that is stuck.
 * set-image and set-env refuse a container that does not exist, naming those that do. scale and
 * these are for Deployments and StatefulSets, all but scale for DaemonSets.
 *
 * apply names the manager "seamline", and refuses fields that others manage (KUBE_REASON_MANAGED)
 * unless `force` takes them over. Its undo puts back what the manifest names; what an earlier apply
 * of seamline's had and this one has no more is not put back.
 *
 * A change that conflicts (409: somebody changed the object meanwhile) is begun again from READ, at
 * most five times; so is one that the server throttles (429), after its Retry-After. While the
 * server is away, what only reads, and an undo, is asked again, five times within 15 s; a change is
 * not: it may have been made.
 *
 * Dry run: the change is sent with dryRun=All: the server checks and answers as if it was made, and
 * stores nothing. There is nothing to undo, and nothing to wait for.
 *
 * Undo: when prepared, `undo` says how to put things back, as a JSON object {method, path,
 * contentType, body} that kube_action_undo() turns into an action again.
 *
 * Threads: one owner. Memory: malloc, freed by kube_action_free().
 * Sources: Kubernetes API concepts; "Server-Side Apply"; "Update API Objects in Place Using kubectl
 * patch".
 */
#ifndef KUBE_ACTION_H
#define KUBE_ACTION_H

#include "kube/discovery.h"
#include "kube/failure.h"
#include "kube/object.h"
#include "kube/order.h"

struct kube_drain;

/* How it ended. */
enum kube_done {
    KUBE_DONE_NOT_YET,
    KUBE_DONE_GOT, /* get: it exists. */
    KUBE_DONE_CREATED,
    KUBE_DONE_CHANGED,
    KUBE_DONE_UNCHANGED, /* It was like that already. */
    KUBE_DONE_DELETED,   /* Gone, or (without wait_gone) going. */
    KUBE_DONE_ABSENT,    /* delete, evict: there was nothing to do. */
    KUBE_DONE_ALLOWED,   /* may: we may. */
    KUBE_DONE_DENIED,    /* may: we may not. */
    KUBE_DONE_FAILED,    /* See reason and error. */
};

struct kube_result {
    enum kube_done done;           /* Which of the ends. */
    enum kube_reason reason;       /* When failed by an answer; else SUCCESS. */
    int code;                      /* Negative errno when failed, else 0. */
    struct error error;            /* When failed. */
    struct kube_object *object;    /* As the last answer showed it (typed kinds); may be NULL. */
    struct kube_resource resource; /* What kind of object it was about. */
    char namespace[KUBE_NAMESPACE_BYTES]; /* "" for none. */
    char name[KUBE_NAME_BYTES];           /* Of the object. */
    char uid[64];       /* Of the object changed or made; to delete just that one later. */
    bool dry_run;       /* Nothing was changed: `done` is what would have been. */
    char previous[512]; /* set-image: the image before; scale: the replicas before; move: the node
                           that the template named; set-proxy: "ipvs, rr". */
    uint64_t version;   /* resourceVersion that the change made, as a number; or 0. */
    uint64_t sent_ns, answered_ns; /* Of the request that made the change; 0 when none was. */
};

enum kube_action_state {
    KUBE_ACTION_REQUEST,  /* Wants `request` made. */
    KUBE_ACTION_ASKED,    /* Waits for its answer. */
    KUBE_ACTION_PREPARED, /* Waits for commit. */
    KUBE_ACTION_PAUSE,    /* Waits for time to pass. */
    KUBE_ACTION_OVER,     /* `result` is final. */
};

enum kube_action_step {
    KUBE_STEP_DISCOVER, /* Which resource a kind of a manifest is. */
    KUBE_STEP_READ,
    KUBE_STEP_HISTORY, /* rollout-undo: which revisions there are. */
    KUBE_STEP_CHANGE,
    KUBE_STEP_GONE,  /* Asks again and again whether it is still there. */
    KUBE_STEP_PODS,  /* drain: which pods are on the node. */
    KUBE_STEP_EVICT, /* drain: one of them. */
    KUBE_STEP_NODE,  /* drain: whether its kubelet is still there to end them. */
};

struct kube_action {
    enum kube_action_state state;           /* What it waits for. */
    enum kube_action_step step;             /* Which request of its conversation. */
    enum kube_verb verb;                    /* As ordered. */
    bool confirm, wait_gone, even_rolling;  /* As ordered. */
    bool dry_run, force;                    /* As ordered. */
    int64_t replicas;                       /* As ordered. */
    int64_t revision;                       /* As ordered. */
    int64_t utc_ns;                         /* As ordered. */
    char node[KUBE_NAME_BYTES];             /* As ordered. */
    int64_t grace_s;                        /* As it is sent; -1: not at all. */
    char container[KUBE_NAME_BYTES];        /* As ordered, or the only one. */
    char image[512];                        /* As ordered. */
    char proxy_mode[32];                    /* As ordered. */
    char proxy_scheduler[32];               /* As ordered. */
    char wanted_uid[64];                    /* As ordered; "": any. */
    char eviction_version[64];              /* Of the server. */
    char content_type[80];                  /* Of the patch. */
    char api_version[KUBE_GROUP_BYTES * 2]; /* Of a manifest's object. */
    cJSON *object; /* rollout-undo: as read; apply: what to apply; patch: the body; set-env: each
                                               name with its value, or null. */
    bool existed;  /* READ found it. */
    char version_before[64];   /* resourceVersion that READ found. */
    uint64_t read_sent_ns;     /* When READ was sent. */
    uint64_t due_ns;           /* End of a pause. */
    unsigned tries;            /* Of a step that is repeated. */
    struct kube_result result; /* Final when the state is OVER. */
    /* The request wanted now. */
    const char *method;                /* A constant. */
    const char *request_verb;          /* In RBAC's words; a constant. */
    const char *subresource;           /* A constant; "" for none. */
    const char *body_type;             /* Content type; a constant or content_type. */
    struct text path;                  /* With its query. */
    struct text body;                  /* Empty: none. */
    struct text about;                 /* What the change is, in one line, for people. */
    char target[KUBE_NAME_BYTES + 64]; /* "deployment/mserver". */
    struct text undo;                  /* JSON; empty when there is nothing to undo. */
    struct text news;                  /* What of it was done since it was last cleared, a line
                                          each: its owner's to clear. */
    struct kube_drain *drain;          /* drain: how far it is; else NULL. */
};

/* NAMESPACE is the client's, used where the order has none. 0, or -EINVAL with ERR when the order
 * makes no sense: a missing name or image, a bad name, negative replicas. */
int kube_action_init(struct kube_action *action, const struct kube_order *order,
                     const struct kube_discovery *discovery, const char *namespace,
                     struct error *err);
/* An order out of an undo text: a request that is made as it stands. 0 or -EINVAL with ERR. */
int kube_action_undo(struct kube_action *action, const char *undo_json, struct error *err);
void kube_action_free(struct kube_action *action);

struct kube_call
kube_action_call(const struct kube_action *action);                 /* Of the request wanted now. */
void kube_action_sent(struct kube_action *action, uint64_t now_ns); /* REQUEST -> ASKED. */
void kube_action_again(struct kube_action *action); /* ASKED -> REQUEST: it came to nothing. */
/* ASKED -> anything. CONFIG is for texts and may be NULL. */
void kube_action_answer(struct kube_action *action, enum kube_reason reason, long http_code,
                        unsigned retry_after_s, const struct text *body,
                        const struct error *failure, const struct kubeconfig *config,
                        uint64_t now_ns);
void kube_action_commit(struct kube_action *action); /* PREPARED -> REQUEST; else nothing. */
void kube_action_tick(struct kube_action *action, uint64_t now_ns); /* PAUSE -> REQUEST when due. */
/* PREPARED and others -> OVER, failed with -ECANCELED and TEXT. What was sent stays sent. */
void kube_action_cancel(struct kube_action *action, const char *text);

const char *kube_done_text(enum kube_done done); /* "created", ... */

#endif
