/* How exactly 1,000,000 UDP datagrams a second depart when they are due, over virtio-user to vhost:
 * the share within 1 us. Usage: pacing_1m [CPU CPU], the worker's and the responder's. */
#include "tests/bench/shared/pacing.h"

int main(int argc, char **argv)
{
    struct bench bench = {
        .name = "pacing-1m", .unit = "% of sent", .must = 95, .aim = 99.5, .judged = true};
    return pacing_bench(&bench, 1000000, argc, argv);
}
