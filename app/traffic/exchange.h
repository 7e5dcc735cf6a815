/* exchange.h - what is said on a connection: the protocol's side of a request.
 *
 * A pattern (pattern.h) decides when a request goes on which connection; the exchange says which
 * bytes it is made of and what its answer must be. Its state is lent with the request and goes
 * back with it, so that a quiet connection costs nothing here.
 *
 *     request_ask(): begin() -> bytes of our stream; fill() for each segment, again for each that
 *     is sent again; receive() for what arrives, until WHOLE or BAD; fin() if the peer closes
 *     before.
 *
 * Threads: the owning worker. Memory: none of its own.
 */
#ifndef TRAFFIC_EXCHANGE_H
#define TRAFFIC_EXCHANGE_H

#include "traffic/traffic_priv.h"

enum exchange_verdict {
    EXCHANGE_MORE,  /* Right so far, and not whole. */
    EXCHANGE_WHOLE, /* The answer is whole; `outcome` says whether it is the one wanted. */
    EXCHANGE_BAD    /* It is not what the protocol allows: the connection is of no more use. */
};

struct exchange_answer {
    uint8_t verdict; /* enum exchange_verdict. */
    uint8_t outcome; /* WHOLE: OUTCOME_OK, or OUTCOME_BAD_STATUS or BAD_ANSWER for a whole answer
                            that was not wanted. BAD: ignored. */
    uint8_t reason;  /* What is wrong with a bad answer: enum http_reason; 0: not told. */
    bool last;       /* WHOLE: the connection takes no further request. */
    uint16_t status; /* That the answer gave; 0: none. */
    uint32_t used_bytes; /* Of what was given to receive(); the rest belongs to the next answer. */
};

struct exchange {
    /* A request begins on CONN: its state, its bytes' number. NULL: a request is to connect, no
     * more. */
    uint64_t (*begin)(struct traffic *traffic, const struct traffic_conn *conn,
                      struct traffic_request *request);
    /* Write COUNT of its bytes from byte OFFSET of it on. NULL: it has none. */
    void (*fill)(const struct traffic *traffic, const struct traffic_request *request,
                 uint64_t offset, uint8_t *bytes, uint32_t count);
    /* COUNT bytes, 1 at least, arrived for it. It may make request->bytes larger: more is sent
     * then. */
    void (*receive)(struct traffic *traffic, struct traffic_conn *conn,
                    struct traffic_request *request, const uint8_t *bytes, uint32_t count,
                    struct exchange_answer *answer);
    /* The peer has sent all it will: WHOLE if that ends the answer, else MORE. NULL: never. */
    void (*fin)(struct traffic *traffic, struct traffic_conn *conn, struct traffic_request *request,
                struct exchange_answer *answer);
};

/* All of REQUEST, as long as it is by now, has left. */
static inline bool request_is_sent(const struct traffic_request *request)
{
    return request->sent_to >= request->to;
}

/* By enum traffic_protocol. */
extern const struct exchange *const exchanges[TRAFFIC_PROTOCOL_COUNT];

static inline const struct exchange *exchange_of(const struct traffic *traffic, uint32_t stream)
{
    return exchanges[traffic->streams[stream].config.protocol];
}

#endif
