/* world.h - a struct traffic on its tcp, in virtual time, against servers that do as they are told.
 *
 * The peers are ctraffic servers, or HTTP servers that give one answer to all, in the clear or over
 * TLS, written from the protocol's description, on a TCP of their own that knows no loss: pods, taken in turn by new connections. A test is a transcript of what
 * happens to them. Time goes from one event to the next; a round trip takes 2 * WORLD_WAY_NS; a
 * segment is stamped as sent WORLD_STAMP_NS after the turn's time.
 */
#ifndef TESTS_WORLD_H
#define TESTS_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "traffic/tls.h"
#include "traffic/traffic.h"

#define MS UINT64_C(1000000)
#define S UINT64_C(1000000000)
#define WORLD_WAY_NS UINT64_C(50000)
#define WORLD_STAMP_NS UINT64_C(700)
#define WORLD_POLL_NS UINT64_C(3000) /* Uncertainty of every arrival. */

enum {
    WORLD_PODS = 8,
    WORLD_CONNS = 4096,
    WORLD_QUEUE = 4096,
    WORLD_PACKET_BYTES = 1600
};

/* What a pod does with new connections. */
enum pod_door {
    POD_ACCEPT,
    POD_REFUSE,          /* RST to the SYN. */
    POD_SILENT,          /* Nobody answers the SYN. */
    POD_SLAM,            /* Accepts, and closes at once. */
    POD_HOST_UNREACHABLE /* An ICMP error. */
};

/* And with packets on established ones. */
enum pod_manner {
    POD_ECHO,
    POD_MUTE,     /* Takes and acknowledges nothing. */
    POD_ACK_ONLY, /* Acknowledges, and does not answer. */
    POD_RESET,    /* RST in answer to a packet. */
    POD_CLOSE,    /* FIN in answer to a packet. */
    POD_WRONG,    /* One byte of the answer, or of each TLS record's segment, is wrong. */
    POD_DROP_ONE  /* The next packet is lost on the way; then POD_ECHO. */
};

struct pod {
    const char *name;
    enum pod_door door;
    enum pod_manner manner;
    uint64_t delay_ns;       /* Of answers, beyond the way. */
    uint32_t piece_bytes;    /* Answers come in pieces of this size; 0: whole. */
    const char *answer;      /* To each HTTP request, this; NULL: it speaks ctraffic. */
    bool closes;             /* FIN right after an answer; over TLS with a close_notify before, */
    bool rude;               /* unless it is rude. */
    struct tls_context *tls; /* NULL: in the clear. Borrowed. */
    bool hasty;              /* Answers as soon as the first byte of a request came. */
    const char *greeting;    /* Said to whoever connects; NULL: nothing. */
};

struct world_conn {
    struct tuple tuple; /* As the tester sees it. */
    uint32_t rcv_nxt;
    uint32_t snd_nxt;
    uint32_t said_nxt;   /* snd_nxt when it was last looked at. */
    uint32_t read_bytes; /* Of the stream: the 64-byte rule. */
    struct http request; /* That is being read. */
    struct tls tls;      /* Of a pod with TLS. */
    bool greeted;        /* Its handshake is over. */
    uint8_t pod;
    bool up;
    bool closed; /* Our FIN is sent. */
};

struct world_packet {
    uint64_t at_ns;
    uint64_t order; /* Of putting, for those of one time. */
    struct tuple tuple;
    uint16_t bytes;
    bool icmp; /* A host-unreachable for the SYN `seq`. */
    uint32_t seq;
    uint8_t l4[WORLD_PACKET_BYTES];
};

struct world {
    uint64_t now_ns;
    struct tcp *tcp;
    struct record *record;
    struct traffic *traffic;
    uint32_t pods;       /* In use. */
    uint32_t next_pod;   /* Round robin over new connections. */
    bool drop_syn;       /* The next SYN is lost on the way. */
    bool tx_full;        /* The port has no room. */
    bool no_hop;         /* The next hop is unresolved. */
    bool burst;          /* What came in a turn is acted on when all of it was taken. */
    uint32_t syns;       /* Seen by anybody. */
    uint32_t resets;     /* Seen. */
    uint32_t fins;       /* Seen. */
    uint64_t syn_ns[64]; /* When the first ones were sent. */
    struct pod pod[WORLD_PODS];
    struct world_conn conns[WORLD_CONNS];
    uint32_t conn_count;
    struct world_packet queue[WORLD_QUEUE];
    struct world_packet taken[WORLD_QUEUE]; /* In this turn: events point into them. */
    uint32_t queued;
    uint64_t order;
    char heard[512];      /* The beginning of all that came for HTTP servers. */
    uint32_t heard_bytes; /* Of it. */
    uint32_t requests;    /* Whole HTTP requests seen. */
    uint32_t handshakes;  /* TLS handshakes done, */
    uint32_t resumed;     /* of which resumed a session. */
    uint32_t farewells;   /* close_notify seen. */
};

/* One target, 10.9.0.1:5003; clients 10.0.0.0/29; one stream of CONFIG. One pod, which accepts. */
struct world *world_new(const struct traffic_stream_config *stream);
/* The same from a whole configuration, streams' targets filled in. */
struct world *world_new_config(struct traffic_config *config);
/* Let time go by until AT_NS. */
void world_run(struct world *world, uint64_t at_ns);
/* The worker does nothing until AT_NS. */
void world_stall(struct world *world, uint64_t at_ns);
/* All connections of POD: RST or FIN, now. */
void world_reset(struct world *world, uint32_t pod);
void world_close(struct world *world, uint32_t pod);
/* Stop stream 0, let it drain, and prove that nothing is left and each due request has an
 * outcome. Frees WORLD. */
void world_stop(struct world *world);
void world_free(struct world *world);

/* "ok 12, reset 1": outcomes of stream 0 that are not 0, in the order of their list. */
void assert_outcomes(const struct world *world, const char *expected);
/* "lasting 2, reset 1": how connections ended. */
void assert_ends(const struct world *world, const char *expected);
const struct record_outage *world_outage(const struct world *world, uint64_t index);
const struct record_connection *world_connection(const struct world *world, uint64_t index);
uint64_t world_count(const struct world *world, enum record_type type);
uint64_t world_due(const struct world *world);

#endif
