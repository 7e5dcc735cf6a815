/* How exactly 100,000 UDP datagrams a second depart when they are due, over virtio-user to vhost:
 * the share within 1 us. Usage: pacing_100k [CPU CPU], the worker's and the responder's. */
#include "tests/bench/shared/pacing.h"

int main(int argc, char **argv)
{
    struct bench bench = {
        .name = "pacing-100k", .unit = "% of sent", .must = 95, .aim = 99.5, .judged = true};
    return pacing_bench(&bench, 100000, argc, argv);
}
