/* transport.h - requests to one API server over HTTPS, without blocking and without callbacks.
 *
 * libcurl's multi interface does the work, inside kube_transport_poll(), on the caller's thread.
 * What comes back is a list: pieces of a streamed answer as they arrive, and one end a request. The
 * caller fetches them; nothing calls into it.
 *
 *     kube_transport_poll(transport, 10);
 *     while ((answer = kube_transport_take(transport)) != NULL) {
 *         handle(answer);
 *         kube_answer_free(answer);
 *     }
 *
 * Differs: HTTP/1.1 is asked for, although API servers speak HTTP/2. A watch then has a connection
 * of its own, so that neither another watch's burst nor its lost segment delays an arrival stamp.
 *
 * Threads: the control thread alone. libcurl may use a thread of its own to resolve a host name.
 * Memory: malloc; an unstreamed answer has at most KUBE_BODY_MAX bytes, else it fails. Full: at
 * most KUBE_REQUESTS_MAX at a time, else -EBUSY.
 */
#ifndef KUBE_TRANSPORT_H
#define KUBE_TRANSPORT_H

#include "kube/failure.h"
#include "kube/kubeconfig.h"
#include "kube/server_clock.h"

enum {
    KUBE_BODY_MAX = 64 << 20,
    KUBE_REQUESTS_MAX = 256,
    KUBE_CONNECT_MS = 10000, /* Default limit for connecting, handshake included. */
    KUBE_ANSWER_MS = 30000,  /* Default limit for a whole answer that is not streamed. */
};

struct kube_transport; /* Opaque: libcurl's handles and what is under way. */

struct kube_request {
    const char *method; /* "GET", "POST", "PATCH", "PUT", "DELETE". */
    const char *path;   /* From the server's root, with its query: "/api/v1/pods?limit=500". */
    const char *content_type; /* Of the body; NULL: application/json. */
    const char *body;         /* NULL: none. Copied. */
    size_t body_bytes;        /* Of the body. */
    bool stream;              /* Hand over the bytes of a 200 as they come. */
    unsigned answer_ms;       /* Limit for the whole; 0: the transport's (a stream has none). */
};

struct kube_answer {
    struct kube_answer *next; /* In the list; NULL in what was taken. */
    uint64_t request;         /* As kube_transport_start() gave it. */
    bool end;                 /* The request is over; false: a piece of a stream. */
    enum kube_reason
        reason;             /* At the end: of the transport only; SUCCESS when an answer came whole,
                                whatever its code. */
    bool unknown;           /* At the end: the server does not know us (401), or refused our
                               certificate; nothing was done there. */
    long http_code;         /* 0 when there was no answer. */
    unsigned retry_after_s; /* Retry-After, 0 when absent. */
    struct text body;   /* The piece, or the whole answer, or of a failed stream what it said. */
    struct error error; /* When the transport failed: where, and what to change. */
};

/* CONFIG is borrowed for the transport's life. CONNECT_MS and ANSWER_MS 0: the defaults. 0 or
 * -errno. */
int kube_transport_open(const struct kubeconfig *config, unsigned connect_ms, unsigned answer_ms,
                        struct kube_transport **out, struct error *err);
void kube_transport_close(struct kube_transport *transport); /* Drops what is under way. */

/* Begin a request; its number (never 0) in *ID. 0, -EBUSY when full, -ENOMEM. */
int kube_transport_start(struct kube_transport *transport, const struct kube_request *request,
                         uint64_t *id);
/* Forget a request: no more answers of it will be in the list. Unknown ones are ignored. */
void kube_transport_cancel(struct kube_transport *transport, uint64_t id);

/* Wait at most TIMEOUT_MS for something to happen (0: only look), then do all that can be done
 * without waiting. The number of answers in the list, or -errno. */
int kube_transport_poll(struct kube_transport *transport, unsigned timeout_ms);
struct kube_answer *kube_transport_take(struct kube_transport *transport); /* NULL: none. */
void kube_answer_free(struct kube_answer *answer);                         /* NULL is harmless. */
/* The JSON of an answer to CALL that came whole and with 200. 0 with *OUT, the caller's, or -errno
 * with ERR. */
int kube_answer_json(const struct kube_answer *answer, const struct kube_call *call,
                     const struct kubeconfig *config, cJSON **out, struct error *err);

/* Of all answers so far. Borrowed. */
const struct server_clock *kube_transport_clock(const struct kube_transport *transport);

#endif
