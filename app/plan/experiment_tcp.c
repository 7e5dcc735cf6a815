/* The key "tcp": how the tester's own TCP behaves. */
#include "plan/experiment_priv.h"

static int check_tcp(struct reader *reader, void *object);

enum {
    WINDOW_UNSCALED = 65535,
    WINDOW_MAX = 1 << 30 /* RFC 7323 2.3. */
};

static const struct reader_word congestion_words[] = {
    {"cubic", EXPERIMENT_CONGESTION_CUBIC},
    {"reno", EXPERIMENT_CONGESTION_RENO},
    {NULL, 0},
};

#define AT(member) offsetof(struct experiment_tcp, member)

static const struct reader_field keep_alive_fields[] = {
    {.key = "idle",
     .type = READER_DURATION,
     .offset = AT(keep_alive_ns),
     .max = 86400e9,
     .otherwise = "0s"},
    {.key = "interval",
     .type = READER_DURATION,
     .offset = AT(keep_alive_interval_ns),
     .min = 1e6,
     .max = 86400e9,
     .otherwise = "75s"},
    {.key = "probes",
     .type = READER_COUNT,
     .offset = AT(keep_alive_probes),
     .min = 1,
     .max = 255,
     .otherwise = "9"},
    {.key = NULL},
};
static const struct reader_object keep_alive_object = {"keepAlive", keep_alive_fields, NULL, NULL};

static const struct reader_field ports_fields[] = {
    {.key = "first",
     .type = READER_COUNT,
     .offset = AT(port_first),
     .min = 1,
     .max = 65535,
     .otherwise = "1024"},
    {.key = "last",
     .type = READER_COUNT,
     .offset = AT(port_last),
     .min = 1,
     .max = 65535,
     .otherwise = "65535"},
    {.key = "reuseAfter",
     .type = READER_DURATION,
     .offset = AT(port_reuse_after_ns),
     .max = 86400e9,
     .otherwise = "120s"},
    {.key = NULL},
};
static const struct reader_object ports_object = {"ports", ports_fields, NULL, NULL};

static const struct reader_field tcp_fields[] = {
    {.key = "congestion",
     .type = READER_WORD,
     .offset = AT(congestion),
     .otherwise = "cubic",
     .words = congestion_words},
    {.key = "ecn", .type = READER_BOOL, .offset = AT(ecn)},
    {.key = "sack", .type = READER_BOOL, .offset = AT(sack), .otherwise = "true"},
    {.key = "timestamps", .type = READER_BOOL, .offset = AT(timestamps), .otherwise = "true"},
    {.key = "windowScale", .type = READER_BOOL, .offset = AT(window_scale), .otherwise = "true"},
    {.key = "window",
     .type = READER_SIZE,
     .offset = AT(window_bytes),
     .min = 1024,
     .max = WINDOW_MAX,
     .otherwise = "256KiB"},
    {.key = "initialWindow",
     .type = READER_COUNT,
     .offset = AT(initial_window),
     .min = 1,
     .max = 64,
     .otherwise = "10"},
    {.key = "delayedAck",
     .type = READER_DURATION,
     .offset = AT(delayed_ack_ns),
     .max = 499e6,
     .otherwise = "0s"},
    {.key = "rtoInitial",
     .type = READER_DURATION,
     .offset = AT(rto_initial_ns),
     .min = 1e6,
     .max = 60e9,
     .otherwise = "1s"},
    {.key = "rtoMin",
     .type = READER_DURATION,
     .offset = AT(rto_min_ns),
     .min = 1e6,
     .max = 60e9,
     .otherwise = "200ms"},
    {.key = "keepAlive", .type = READER_OBJECT, .offset = 0, .object = &keep_alive_object},
    {.key = "ports", .type = READER_OBJECT, .offset = 0, .object = &ports_object},
    {.key = NULL},
};
const struct reader_object experiment_tcp_object = {"tcp", tcp_fields, NULL, check_tcp};

static int check_tcp(struct reader *reader, void *object)
{
    const struct experiment_tcp *tcp = object;

    if (!tcp->window_scale && tcp->window_bytes > WINDOW_UNSCALED)
        return reader_refuse(reader, "window: without windowScale want 65535 bytes at most");
    if (tcp->rto_initial_ns < tcp->rto_min_ns)
        return reader_refuse(reader, "rtoInitial: want no less than rtoMin");
    if (tcp->port_last < tcp->port_first)
        return reader_refuse(reader, "ports.last: got %u, want no less than ports.first, %u",
                             tcp->port_last, tcp->port_first);
    return 0;
}
