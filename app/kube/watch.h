/* watch.h - follows one kind of object: list, watch, and what to do when that breaks.
 *
 * A state machine without I/O: its owner asks it what request to make, hands it the bytes that come
 * back, and reads events from the list that it appends to. `now_ns` is always an argument.
 *
 *             +--------> LIST --(all pages)--> FOLLOW --(stream ends)--+
 *             |           |  ^                  |   ^                  |
 *             |     fails |  | 410              |   +--- from the last |
 *             |           v  +-----(410)--------+        version ------+
 *             +--(pause)-- PAUSE <-------(fails, or ends at once)
 *
 *     if (kube_watch_due(&watch, now_ns))
 *         kube_watch_ask(&watch, &path, &stream, now_ns);    (make that request)
 *     kube_watch_bytes(&watch, bytes, size, now_ns);         (pieces of a stream)
 *     kube_watch_end(&watch, reason, code, body, now_ns);    (its end)
 *
 * List: pages of KUBE_LIST_LIMIT objects by `limit` and `continue`, the version of the first page
 * being that of the whole; a `continue` that expired (410) starts over. Follow: from that version,
 * with bookmarks, asking the server to end it after timeoutSeconds. Lines may come cut anywhere; a
 * last line without its newline is dropped, since it may be half of an event, and comes again after
 * reconnecting. A version that is forgotten (410 as a code or as an ERROR event) makes a new list;
 * what it finds different is told as events, after one KUBE_UNSEEN with
 * [last byte of the old stream, new list complete].
 *
 * Pause law: the n-th failure in a row waits KUBE_PAUSE_MIN_NS * 2^(n-1), at most
 * KUBE_PAUSE_MAX_NS, minus up to half of it at random by the watch's own seed. An answer that made
 * progress resets n.
 *
 * 401 and 403 stop it (KUBE_STOPPED) when it has never listed: rights do not come by waiting. Later
 * ones pause like any failure, since tokens rotate.
 *
 * Threads: one owner. Memory: the cache, and a line of at most KUBE_LINE_MAX bytes; a longer line
 * breaks the stream and makes a new list.
 */
#ifndef KUBE_WATCH_H
#define KUBE_WATCH_H

#include "base/random.h"
#include "base/text.h"
#include "kube/cache.h"
#include "kube/event.h"
#include "kube/failure.h"

enum {
    KUBE_LIST_LIMIT = 500,
    KUBE_LINE_MAX = 8 << 20,
    KUBE_WATCH_SECONDS = 300, /* Asked of the server as the length of one stream. */
    KUBE_FLOORS = 32,         /* Bounds by resourceVersion that are remembered. */
    KUBE_VERSION_BYTES = 64,  /* Of a resourceVersion. */
};
#define KUBE_PAUSE_MIN_NS UINT64_C(100000000)
#define KUBE_PAUSE_MAX_NS UINT64_C(10000000000)

/* "Whatever has a version above this one happened after that time." */
struct kube_floor {
    uint64_t version; /* resourceVersion as a number. */
    uint64_t ns;      /* Run time at which the request that told it was sent. */
};

/* Shared by all watches of a client: versions are of the whole server. Newest last; when full, the
 * oldest is forgotten, which makes bounds wider, never wrong. */
struct kube_floors {
    unsigned count;                      /* Of those in use. */
    struct kube_floor each[KUBE_FLOORS]; /* Oldest first. */
};

void kube_floors_add(struct kube_floors *floors, uint64_t version, uint64_t ns);
/* The greatest ns of those whose version is below VERSION; 0 when there is none. */
uint64_t kube_floors_get(const struct kube_floors *floors, uint64_t version);

enum kube_watch_state {
    KUBE_WATCH_LIST,    /* Wants to ask, or waits for, a page of the list. */
    KUBE_WATCH_FOLLOW,  /* Wants to open, or reads, the stream. */
    KUBE_WATCH_STOPPED, /* For good. */
};

struct kube_watch {
    enum kube_watch_state state;          /* What it does next. */
    struct kube_resource resource;        /* What is watched, with the server's version. */
    char namespace[KUBE_NAMESPACE_BYTES]; /* "" for all. */
    char selector[KUBE_SELECTOR_BYTES];   /* labelSelector; "" for all. */
    struct kube_events *events;           /* Where to append. Borrowed. */
    struct kube_floors *floors;           /* Shared bounds. Borrowed. */
    struct random random;                 /* For the pauses. */
    bool asked;                           /* A request is under way. */
    bool synced;                          /* Has listed once. */
    bool gap;                             /* The list under way closes a gap. */
    bool progress;                        /* This stream brought something: resets the pause. */
    unsigned failures;                    /* In a row. */
    uint64_t due_ns;                      /* Not to ask before this. */
    uint64_t opened_ns;                   /* When the stream was asked for. */
    uint64_t asked_ns;                    /* When the first page of the list was asked. */
    uint64_t seen_ns; /* Last byte of a stream, or end of a list: until here all is seen. */
    char version[KUBE_VERSION_BYTES]; /* To go on from; of the last event, bookmark or list. */
    struct text line;                 /* What of a line has come. */
    struct text token;                /* `continue` of the list under way; empty: first page. */
    struct kube_cache cache;          /* As it is now. */
    struct kube_cache fresh;          /* The list under way. */
    uint64_t bookmarks, relists;      /* Since the start, for tests. */
    uint64_t malformed;               /* Likewise: lists and lines that were none. */
};

/* RESOURCE is copied, EVENTS and FLOORS are borrowed for the watch's life. 0 or -EINVAL when
 * namespace or selector are too long. */
int kube_watch_init(struct kube_watch *watch, const struct kube_resource *resource,
                    const char *namespace, const char *selector, struct kube_events *events,
                    struct kube_floors *floors, uint64_t seed);
void kube_watch_free(struct kube_watch *watch);

/* True when a request should be made now. */
bool kube_watch_due(const struct kube_watch *watch, uint64_t now_ns);
/* When it will want one; UINT64_MAX while one is under way, or when stopped. */
uint64_t kube_watch_wake_ns(const struct kube_watch *watch);
/* Append the path of the request to make (GET) to PATH; *STREAM says whether its answer streams. */
void kube_watch_ask(struct kube_watch *watch, struct text *path, bool *stream, uint64_t now_ns);
/* What the request is, for texts. */
struct kube_call kube_watch_call(const struct kube_watch *watch);
/* A piece of the stream. False: it cannot go on; drop the request, the watch has already arranged
 * for the next. */
bool kube_watch_bytes(struct kube_watch *watch, const char *bytes, size_t size, uint64_t now_ns);
/* The request came to nothing, and is to be made again as it was. */
void kube_watch_again(struct kube_watch *watch);
/* Do not ask before UNTIL_NS: the server said so (Retry-After). */
void kube_watch_hold(struct kube_watch *watch, uint64_t until_ns);
/* The request's end: transport reason, HTTP code, body (of a list, or of a refusal). FAILURE is the
 * transport's text, may be NULL. */
void kube_watch_end(struct kube_watch *watch, enum kube_reason reason, long http_code,
                    const struct text *body, const struct error *failure, uint64_t now_ns);

#endif
