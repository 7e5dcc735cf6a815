/* api_handler.h - one request to the API in, one answer out; no sockets, no clock.
 *
 *     struct api_request request = {.method = "GET", .target = "/api/v1/pods", ...};
 *     struct api_answer answer;
 *     api_handle(&handler, &request, &answer);
 *     ... send answer.code, answer.content_type, answer.body, or go on with answer.watch ...
 *     api_answer_free(&answer);
 *
 * Order of a request: client known (401), path understood (400, 404), method allowed (405), action
 * allowed (403), body read (413, 415, 400), object found (404), types (400), defaults, validation
 * (422), stored (409). What is graceful about deletion: a pod that runs on a node gets a
 * deletionTimestamp, and the kubelet removes it; a namespace is emptied first, by
 * api_handler_step(); all else goes at once. Of the propagation policies, Foreground is treated as
 * Background: the garbage collector removes dependents after their owner. Finalizers are kept but
 * wait for nobody. Whoever writes owns what they wrote (api_managed.h).
 *
 * Threads: one, the lab daemon's. Memory: answers are malloc'ed.
 * Source: Kubernetes API concepts; recorded answers of a real server.
 */
#ifndef LAB_API_HANDLER_H
#define LAB_API_HANDLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "lab/api_service.h"
#include "lab/api_watch.h"
#include "lab/store.h"

enum {
    API_DENY_RULES = 32
};

/* An action that is refused, so that clients can be tested against missing rights. */
struct api_deny {
    char verb[24];     /* get, list, watch, create, ..., or "*". */
    char resource[48]; /* "pods", "deployments/scale", or "*". */
};

struct api_handler {
    struct store *store;                  /* Borrowed. */
    const char *user;                     /* For messages; borrowed. */
    unsigned minor;                       /* It answers as Kubernetes 1.minor. */
    char description[192];                /* In /version: what lab it is; "": nothing. */
    struct api_deny deny[API_DENY_RULES]; /* What nobody may do. */
    unsigned deny_count;                  /* Rules in use. */
    uint64_t expired_before;              /* Versions below this count as expired; 0: none. */
    uint64_t visible;                     /* Watches tell of changes up to this version. */
    struct api_service_ranges ranges;     /* Of what Services are given. */
};

struct api_request {
    const char *method;       /* "GET" ... */
    const char *target;       /* Path and query as they came. */
    const char *content_type; /* NULL when not given. */
    const char *accept;       /* NULL when not given. */
    const char *user_agent;   /* NULL when not given. */
    const char *body;         /* `body_bytes` of it; may be NULL when 0. */
    size_t body_bytes;        /* More than API_BODY_BYTES get 413, unread. */
    bool authenticated;       /* The client showed a certificate of the lab's CA. */
    int64_t utc_ns;           /* Now. */
};

struct api_answer {
    unsigned code;            /* HTTP status. */
    const char *content_type; /* Static. */
    unsigned retry_after_s;   /* For the header of that name; 0: none. */
    struct text body;         /* Empty for a watch. */
    struct api_watch *watch;  /* Not NULL: the answer goes on, see api_watch.h. */
};

/* "verb:resource[/subresource]", either may be "*". 0, or -EINVAL when it is none or there is no
 * room. */
int api_handler_deny(struct api_handler *handler, const char *rule);
void api_handle(struct api_handler *handler, const struct api_request *request,
                struct api_answer *answer);
void api_answer_free(struct api_answer *answer);
/* Work on namespaces that are being deleted. Call after any change of the store. */
void api_handler_step(struct api_handler *handler, int64_t utc_ns);

#endif
