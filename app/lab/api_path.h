/* api_path.h - the address line of a request: what is asked for, and with which options.
 *
 * Threads: none. Memory: fixed; what does not fit is refused. Input is hostile: every length is
 * bounded, percent escapes are checked, no byte below 0x20 gets through.
 * Source: Kubernetes API reference, "API concepts: Resource URIs".
 */
#ifndef LAB_API_PATH_H
#define LAB_API_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    API_PATH_SEGMENT_BYTES = 254, /* A name has at most 253 characters. */
    API_PATH_SELECTOR_BYTES = 4096,
    API_PATH_CONTINUE_BYTES = 1024,
    API_PATH_BYTES = 16384, /* A whole request target. */
};

enum api_path_kind {
    API_PATH_UNKNOWN,   /* Well-formed, but nothing is there. */
    API_PATH_HEALTH,    /* /healthz, /livez, /readyz. */
    API_PATH_VERSION,   /* /version */
    API_PATH_OPENAPI,   /* /openapi/v2 */
    API_PATH_API,       /* /api */
    API_PATH_APIS,      /* /apis */
    API_PATH_GROUP,     /* /apis/GROUP */
    API_PATH_RESOURCES, /* /api/v1 or /apis/GROUP/VERSION */
    API_PATH_OBJECTS,   /* A collection, an object or a subresource. */
};

struct api_path {
    enum api_path_kind kind;                  /* Which of the following are set. */
    char group[API_PATH_SEGMENT_BYTES];       /* "" is the core group. */
    char version[API_PATH_SEGMENT_BYTES];     /* "v1". */
    char namespace[API_PATH_SEGMENT_BYTES];   /* "": all of them, or a kind without. */
    char resource[API_PATH_SEGMENT_BYTES];    /* Plural. */
    char name[API_PATH_SEGMENT_BYTES];        /* "": the collection. */
    char subresource[API_PATH_SEGMENT_BYTES]; /* "": the object itself. */

    char label_selector[API_PATH_SELECTOR_BYTES]; /* As given, unescaped. */
    char field_selector[API_PATH_SELECTOR_BYTES]; /* As given, unescaped. */
    char continue_token[API_PATH_CONTINUE_BYTES]; /* Of the page before; "" for the first. */
    char version_match[32];                       /* resourceVersionMatch. */
    char include_object[16];                      /* includeObject, of Tables. */
    char propagation[32];                         /* propagationPolicy. */
    char field_manager[129];                      /* fieldManager; "": not given. */
    bool has_resource_version;                    /* resourceVersion was given and is not empty. */
    uint64_t resource_version;                    /* Its value. */
    uint64_t limit;                               /* Objects a page; 0: all. */
    uint64_t timeout_s;       /* timeoutSeconds of a watch; 0: the server's choice. */
    int64_t grace_s;          /* gracePeriodSeconds; -1: not given. */
    bool watch;               /* Changes are wanted, not the state. */
    bool bookmarks;           /* allowWatchBookmarks. */
    bool has_initial_events;  /* sendInitialEvents was given. */
    bool send_initial_events; /* A watch that begins with the state. */
    bool dry_run;             /* dryRun=All: nothing is stored. */
    bool force;               /* An apply takes what others own. */
};

/* TARGET is the request target as it came, with its query. 0; -EINVAL when it is malformed (OUT
 * then undefined), WHY (of WHY_BYTES) saying what is wrong with it. Unknown options are ignored. */
int api_path_parse(const char *target, struct api_path *out, char *why, size_t why_bytes);

#endif
