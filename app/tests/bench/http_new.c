/* What an HTTP request on a connection of its own costs a client worker, from the SYN to both FINs:
 * its busy cycles per connection, over virtio-user to vhost. Client ports are used again at once:
 * neither side keeps TIME-WAIT. Usage: http_new [CPU CPU], the worker's and the responder's. */
#include "tests/bench/shared/http.h"

int main(int argc, char **argv)
{
    struct bench bench = {.name = "http-new",
                          .unit = "cycles",
                          .must = 1600,
                          .aim = 780,
                          .less_is_better = true,
                          .judged = true};
    return http_bench(&bench, false, argc, argv);
}
