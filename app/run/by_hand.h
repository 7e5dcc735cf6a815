/* by_hand.h - changes to a cluster outside of a run: `seamline kube ...`.
 *
 * What a run journals, this prints: each change before it is sent waits for consent, and each has
 * its line when it is over, with the time at which it was sent, to the microsecond:
 *
 *     2026-11-21T21:02:03.123456Z  scale deployment/web: 8 -> 3: changed; answered after 3.214 ms
 *
 * Consent is as in a run: on the lab none is asked for; else server, context and namespace are
 * printed, and without `yes` nothing is changed. A dry run needs none.
 *
 * Times are of this machine's CLOCK_REALTIME: an upper bound of when the server heard of it is
 * `sent`, plus what it took to answer.
 *
 * Threads: control only. Memory: malloc. Every wait ends by the deadline that the options give, or
 * by a signal (base/stop.h).
 */
#ifndef RUN_BY_HAND_H
#define RUN_BY_HAND_H

#include "base/clock.h"
#include "base/utc.h"
#include "kube/kube.h"

struct by_hand_options {
    const char *kubeconfig; /* "lab", "in-cluster", or a file. Named, never guessed. */
    const char *context;    /* Named, never guessed; NULL with "lab": the lab's only one. */
    const char *namespace;  /* NULL: what is ordered is in none, or in the account's own. */
    bool yes;               /* May change a cluster that is no lab. */
    bool dry_run;           /* The server checks and changes nothing. */
    int64_t timeout_ns;     /* For all that is done. */
};

/* A change under way. */
struct by_hand_change {
    int action;       /* kube's number; 0: free. */
    char text[512];   /* What it does; "" until it is known. */
    char object[320]; /* "pod/p1", likewise. */
};

struct by_hand {
    struct by_hand_options options;
    struct clock clock;
    struct utc *utc;
    struct kube *kube;
    uint64_t deadline_ns; /* Run time. */
    bool refused;         /* Something was not done for want of consent. */
    bool watching;        /* What the watches tell is printed. */
    struct by_hand_change changes[KUBE_ACTIONS_MAX];
};

/* Whether OPTIONS name kubeconfig, context and (when what is ordered is in one) namespace. 0, or
 * -EINVAL with ERR. */
int by_hand_check_access(const struct by_hand_options *options, bool in_namespace,
                         struct error *err);
/* Read the kubeconfig and reach the server. 0 or -errno with ERR; by_hand_close() is to be called
 * in both cases. */
int by_hand_open(struct by_hand *hand, const struct by_hand_options *options, struct error *err);
void by_hand_close(struct by_hand *hand);

/* Begin a change; `confirm` and `dry_run` are set here. kube's number, or -errno with ERR; -EBUSY
 * when too many are under way. */
int by_hand_begin(struct by_hand *hand, struct kube_order *order, struct error *err);
/* Drive what is under way; wait at most 50 ms. Prints what is over. 0, or -errno with ERR: the
 * deadline, or a signal. What was under way is then given up, and its results are there. */
int by_hand_turn(struct by_hand *hand, struct error *err);
/* Begin and drive to its end. 0 with *OUT (whose object, if any, the caller drops), or -errno with
 * ERR. */
int by_hand_make(struct by_hand *hand, struct kube_order *order, struct kube_result *out,
                 struct error *err);
/* Wait for a rollout, and print how it goes on. SINCE: the change that began it, or NULL. */
int by_hand_wait_rollout(struct by_hand *hand, enum kube_kind kind, const char *name,
                         const struct kube_result *since, struct error *err);
/* Follow what a run does, and print each event as a run puts it on its timeline, by the time of its
 * arrival, until the deadline or a signal. What was not seen while a watch could not go on is said
 * to be so. 0, or -errno with ERR when a watch stopped for good, or none could begin by the
 * deadline. */
int by_hand_watch(struct by_hand *hand, struct error *err);
/* Print a line: the UTC of RUN_NS, and the text. */
void by_hand_say(struct by_hand *hand, uint64_t run_ns, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
