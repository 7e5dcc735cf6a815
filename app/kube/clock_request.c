#include "kube/clock_request.h"

#include "base/utc.h"

void clock_request_run(struct clock_request *of, struct kube_transport *transport, uint64_t now_ns)
{
    static const struct kube_request request = {.method = "GET", .path = "/version"};
    const struct server_clock *clock = kube_transport_clock(transport);
    if (of->left == 0 || of->request != 0 || clock->answers == 0)
        return;
    if (of->due_ns == 0) {
        const int64_t utc_ns = utc_now_ns();
        of->due_ns = now_ns + (uint64_t)(server_clock_best_ns(clock, utc_ns) - utc_ns);
    }
    if (now_ns < of->due_ns)
        return;
    of->due_ns = 0;
    of->left = server_clock_is_narrow(clock) ? 0 : of->left - 1;
    if (of->left > 0)
        kube_transport_start(transport, &request, &of->request);
}
