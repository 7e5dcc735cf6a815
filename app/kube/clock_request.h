/* clock_request.h - asking an API server for nothing but the Date of its answer: /version, which
 * everybody may read, at the moments that server_clock.h finds best, until its clock is known well.
 *
 * Threads: the control thread alone. A request that fails is one of those that may be made.
 */
#ifndef KUBE_CLOCK_REQUEST_H
#define KUBE_CLOCK_REQUEST_H

#include "kube/transport.h"

struct clock_request {
    unsigned left;    /* To be made, at most. */
    uint64_t request; /* Under way; 0: none. The owner clears it at the answer. */
    uint64_t due_ns;  /* Of the next one, in run time; 0: not chosen yet. */
};

void clock_request_run(struct clock_request *of, struct kube_transport *transport, uint64_t now_ns);

#endif
