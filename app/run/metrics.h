/* metrics.h - the run as it is now, for Prometheus to scrape (--metrics): GET /metrics by HTTP/1.1.
 *
 * It is served from the control loop, between two of its turns, and never waits for a client:
 * METRICS_CLIENTS connections at most, each ended after METRICS_IDLE_S of silence. What it tells is
 * the last look of run/live.h.
 *
 * Threads: control only. Memory: libmicrohttpd's.
 */
#ifndef RUN_METRICS_H
#define RUN_METRICS_H

#include "base/error.h"
#include "run/live.h"

enum {
    METRICS_CLIENTS = 16,
    METRICS_IDLE_S = 5,
    METRICS_REQUEST_BYTES = 8192 /* And the answer's head. */
};

struct MHD_Daemon;

struct metrics {
    struct MHD_Daemon *daemon; /* NULL: not asked for. */
    const struct live *live;
    char where[80]; /* "http://127.0.0.1:9100/metrics". */
};

/* WHERE: "PORT" on 127.0.0.1, "ADDRESS:PORT" or "[ADDRESS]:PORT"; port 0 is any that is free; NULL:
 * none. LIVE is borrowed. 0 or -errno with ERR. */
int metrics_open(struct metrics *metrics, const char *where, const struct live *live,
                 struct error *err);
/* Answer who has asked. */
void metrics_turn(struct metrics *metrics);
void metrics_close(struct metrics *metrics);

#endif
