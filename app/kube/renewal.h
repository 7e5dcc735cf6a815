/* renewal.h - credentials that run out: how they are renewed, and which requests are then made
 * again.
 *
 * A program (kube/exec_credential.h) is run again, beside all else, shortly before what it gave
 * expires, or when the server does not know us any more. A token in a file is read for each request
 * anyway; a moment after a refusal its writer may have put another there.
 *
 * Law: a request that is refused because the server does not know us has changed nothing there. It
 * is made again as it was, once; a second refusal is told, with what was done about the first.
 *
 *     request --(401)--> waits for the renewal --> the same request --(401)--> told
 *                                                                   --(else)--> as ever
 *
 * A program is not run again within KUBE_RENEWAL_PAUSE_NS after it ended: one whose credentials are
 * never taken is not called in a loop. A refusal within that time is told at once, unless it is of
 * credentials that were renewed meanwhile.
 *
 * Threads: one owner. Memory: the kubeconfig's, and that of a run of the program.
 */
#ifndef KUBE_RENEWAL_H
#define KUBE_RENEWAL_H

#include "kube/exec_credential.h"

#define KUBE_RENEWAL_PAUSE_NS UINT64_C(10000000000)
#define KUBE_RENEWAL_FILE_NS UINT64_C(500000000) /* After which a token's file is read again. */

struct kube_renewal {
    struct kube_exec run; /* The program, while it runs. */
    uint64_t due_ns;      /* It is not run before. */
    uint64_t generation;  /* How often it has given new credentials. */
    bool wanted;          /* The server did not know us by those of this generation. */
};

/* What is remembered of a request. All zero: of one that was not made yet. */
struct kube_pass {
    uint64_t generation; /* Of the credentials that it was made with. */
    uint64_t due_ns;     /* Not to be made again before. */
    bool again;          /* It was refused, and is, or was, made again. */
};

/* Start, or look after, the program, when that is due. Does not block. A program that fails leaves
 * what it gave before, which may still do. */
void kube_renewal_run(struct kube_renewal *renewal, struct kubeconfig *config, uint64_t now_ns);
void kube_renewal_stop(struct kube_renewal *renewal); /* Ends the program. */

/* When a request may be made: at once (0), then, or when the program has ended (UINT64_MAX). */
uint64_t kube_renewal_wake_ns(const struct kube_renewal *renewal, const struct kube_pass *pass);
void kube_renewal_sent(const struct kube_renewal *renewal, struct kube_pass *pass);
/* A request was answered; UNKNOWN: by a refusal, as the server does not know us. True: nothing else
 * is to be done about that, it is to be made again. */
bool kube_renewal_answered(struct kube_renewal *renewal, struct kubeconfig *config,
                           struct kube_pass *pass, bool unknown, uint64_t now_ns);

#endif
