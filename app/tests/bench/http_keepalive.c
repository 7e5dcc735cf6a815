/* What an HTTP request on an open connection costs a client worker: its busy cycles per request,
 * over virtio-user to vhost. Usage: http_keepalive [CPU CPU], the worker's and the responder's. */
#include "tests/bench/shared/http.h"

int main(int argc, char **argv)
{
    struct bench bench = {.name = "http-keepalive",
                          .unit = "cycles",
                          .must = 1000,
                          .aim = 500,
                          .less_is_better = true,
                          .judged = true};
    return http_bench(&bench, true, argc, argv);
}
