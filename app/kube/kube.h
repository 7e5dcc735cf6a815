/* kube.h - the cluster, seen from the control thread.
 *
 * Why. A run has to know, at any moment, which pods, endpoints and nodes there are, learn of each
 * change as soon as the API server tells it, make changes itself, and meanwhile keep doing other
 * work: sampling clocks, draining logs, printing progress. So nothing here blocks, nothing calls
 * back, and nothing runs by itself. One struct kube is one API server seen through one context;
 * its owner polls it and takes typed events out of a list.
 *
 *     struct kube_options options = {.kubeconfig = "kc", .context = "lab", .clock = &clock};
 *     struct kube *kube;
 *     if (kube_open(&options, &kube, &err) < 0)
 *         ...                                          err.text says where and what to change
 *     kube_follow_usual(kube, "seamline", &err);       pods, slices, deployments, ..., nodes
 *     for (;;) {
 *         kube_poll(kube, 20);                         waits at most 20 ms
 *         while ((event = kube_take(kube)) != NULL) {
 *             note(event);                             -> the timeline
 *             kube_event_free(event);
 *         }
 *         if (kube_synced(kube))
 *             ...                                      caches are whole: targets can be resolved
 *     }
 *
 * What is known now. Each watch keeps a cache: kube_find() and kube_objects() read it, and the pure
 * functions of kube/rollout.h and kube/target.h work on it. Objects in a cache are valid until the
 * next kube_poll(); who keeps one longer takes a reference. Waiting for a rollout is therefore no
 * call but a condition, looked at after each poll:
 *
 *     deployment = kube_find(kube, KUBE_DEPLOYMENT, "seamline", "mserver");
 *     kube_rollout_status(deployment, &rollout);       complete, progressing (with a text), failed
 *
 * After a change of one's own, look at the status only when the cache has caught up with it:
 * kube_caught_up() compares the cache with the action's result. Otherwise the old, complete state
 * would be taken for the end of the new rollout. kube/rollout_state.h does all this.
 *
 * Changes. kube_start() begins an action and returns its number; KUBE_FINISHED comes as an event,
 * with kube_result() to read. With `confirm` the action first halts as KUBE_PREPARED: nothing is
 * changed yet, kube_prepared() says what would be and how to undo it; journal that, then
 * kube_commit(). Several actions may be under way. For a plain command, kube_run() does the same
 * and blocks until it is over.
 *
 *     struct kube_order order = {.verb = KUBE_SET_IMAGE, .name = "mserver", .image = "mserver:v2",
 *                                .confirm = true};
 *     int number = kube_start(kube, &order, &err);
 *     ... event KUBE_PREPARED: journal kube_prepared(kube, number)->undo;
 *         kube_commit(kube, number);
 *     ... event KUBE_FINISHED: result = kube_result(kube, number); ...; kube_forget(kube, number);
 *
 * Delete what was applied: keep each object of a manifest whose result was KUBE_DONE_CREATED with
 * its uid, and later order
 * {.verb = KUBE_DELETE, .object = json, .uid = uid, .wait_gone = true}.
 *
 * Time. Events are stamped with run time of the given clock, read after the bytes were: see
 * kube/event.h for what the two stamps promise. How long an arrival may have waited for a look is
 * the caller's polling interval; poll often (kube_poll() returns as soon as there is something).
 *
 * When things break. A watch that ends is opened again from where it was; one that cannot go on
 * from there is listed anew and the gap is told (KUBE_UNSEEN); pauses between attempts grow. Only
 * missing rights stop a watch (KUBE_STOPPED). An action fails with a reason, an errno and a text. A
 * transport that cannot reach the server is the business of both alike. Where the server does not
 * know us, and the credentials can be renewed, whatever was asked is asked once more with the new
 * ones (kube/renewal.h) before anybody hears of it.
 *
 * Threads: the control thread alone. Memory: malloc; caches as large as the cluster's namespace.
 * Limits: KUBE_WATCHES_MAX watches, KUBE_ACTIONS_MAX actions not yet forgotten; beyond, -EBUSY
 * with ERR.
 */
#ifndef KUBE_KUBE_H
#define KUBE_KUBE_H

#include "base/clock.h"
#include "kube/action.h"
#include "kube/discovery.h"
#include "kube/event.h"
#include "kube/kubeconfig.h"
#include "kube/server_clock.h"
#include "kube/target.h"
#include "kube/watch.h"

enum {
    KUBE_WATCHES_MAX = 64,
    KUBE_ACTIONS_MAX = 64,
    KUBE_CLOCK_REQUESTS = 16
};

struct kube; /* Opaque. */

struct kube_options {
    const char *kubeconfig;    /* Path. Named, never guessed. */
    const char *context;       /* Named, never guessed. */
    const char *namespace;     /* For what names none; NULL: the context's. */
    const struct clock *clock; /* Of the run; borrowed for the client's life. */
    unsigned connect_ms;       /* Limit for connecting; 0: KUBE_CONNECT_MS. */
    unsigned answer_ms;        /* Limit for an answer that is not streamed; 0: KUBE_ANSWER_MS. */
    uint64_t seed;             /* Of the jitter in pauses. */
    bool measure_clock;        /* Ask for /version up to KUBE_CLOCK_REQUESTS times, a second apart,
                                  until the server's clock is known well. */
};

/* Reads the kubeconfig; sends nothing yet. 0, or -errno with ERR. */
int kube_open(const struct kube_options *options, struct kube **out, struct error *err);
void kube_close(struct kube *kube); /* Drops all that is under way. NULL is harmless. */

const struct kubeconfig *kube_config(const struct kube *kube);
const char *kube_namespace(const struct kube *kube);
const struct kube_discovery *kube_discovered(const struct kube *kube);

/* Ask for the server's API groups and then for core resources, waiting at most DEADLINE_MS for
 * each: the first thing to do, since it is also the test whether the server can be reached and
 * knows us. Blocks. 0, or -errno with ERR; -EINTR without a text when the process is to stop
 * (base/stop.h). Without it the versions of a present-day server are assumed. */
int kube_discover(struct kube *kube, unsigned deadline_ms, struct error *err);

/* Ask for /version. Blocks and fails likewise. */
int kube_version(struct kube *kube, unsigned deadline_ms, struct kube_server *out,
                 struct error *err);

/* Read an object of the client's namespace (or of none), or with NAME NULL the list of all, as the
 * server answers it. Blocks like kube_discover(), and fails like it; -ENOENT: there is none. The
 * caller deletes *OUT. */
int kube_read(struct kube *kube, const struct kube_resource *resource, const char *name,
              unsigned deadline_ms, cJSON **out, struct error *err);

/* Do what can be done; wait at most TIMEOUT_MS for something to come. The number of events that
 * can be taken, or -errno when libcurl itself failed. */
int kube_poll(struct kube *kube, unsigned timeout_ms);
struct kube_event *kube_take(struct kube *kube); /* NULL: none. The caller frees it. */

/* Follow KIND. NAMESPACE NULL: the client's; "*": all. SELECTOR NULL: all. The same watch twice is
 * one. 0 or -errno with ERR. */
int kube_follow(struct kube *kube, enum kube_kind kind, const char *namespace, const char *selector,
                struct error *err);
/* Pods, EndpointSlices, Deployments and Services of NAMESPACE, and all Nodes. */
int kube_follow_usual(struct kube *kube, const char *namespace, struct error *err);
bool kube_synced(const struct kube *kube); /* Every watch has listed (stopped ones don't count). */
/* The first text of a watch that has stopped or never came to list; "" when all is well. */
const char *kube_trouble(const struct kube *kube);
const char *kube_trouble_of(const struct kube *kube, enum kube_kind kind); /* Of those on KIND. */
/* When watches that have failed again and again since heard of the server last: what their caches
 * hold is of then. Run time; 0: there are none. */
uint64_t kube_heard_ns(const struct kube *kube);

/* NULL when there is none or it is not followed. NAMESPACE NULL: the client's ("" for nodes). */
const struct kube_object *kube_find(const struct kube *kube, enum kube_kind kind,
                                    const char *namespace, const char *name);
/* The cache of the first watch on KIND; an empty one when it is not followed. */
const struct kube_cache *kube_objects(const struct kube *kube, enum kube_kind kind);
/* The cache of the watch on KIND shows RESULT's object in the state that the change made, or a
 * later one; also true when it is not followed. */
bool kube_caught_up(const struct kube *kube, const struct kube_result *result);

/* How far the server's clock is from ours, by all its answers so far. Borrowed. */
const struct server_clock *kube_server_clock(const struct kube *kube);

/* Begin an action. Its number (> 0), or -errno with ERR when the order makes no sense. */
int kube_start(struct kube *kube, const struct kube_order *order, struct error *err);
/* Begin what an undo text says (struct kube_prepared). */
int kube_start_undo(struct kube *kube, const char *undo_json, struct error *err);

/* What an action that halts would do. */
struct kube_prepared {
    const char *text;   /* "set image of deployment seamline/mserver, container mserver: a -> b". */
    const char *undo;   /* JSON; "" when there is nothing to undo. */
    const char *object; /* "deployment/mserver", as in an experiment's mayChange. */
};
/* 0, or -EINVAL when the action is not prepared. The texts are valid until it goes on. */
int kube_prepared(const struct kube *kube, int action, struct kube_prepared *out);
void kube_commit(struct kube *kube, int action);
void kube_cancel(struct kube *kube, int action, const char *why); /* Finishes as failed. */
/* NULL while it is not over, or when there is no such action. Valid until kube_forget(). */
const struct kube_result *kube_result(const struct kube *kube, int action);
void kube_forget(struct kube *kube, int action); /* Its number and result are gone. */

/* Begin an action and wait for its end, at most DEADLINE_MS; the order's `confirm` is ignored. For
 * plain commands: events of watches pile up meanwhile. 0 with *OUT (whose object, if any, the
 * caller drops), or -errno with ERR. */
int kube_run(struct kube *kube, const struct kube_order *order, unsigned deadline_ms,
             struct kube_result *out, struct error *err);

#endif
