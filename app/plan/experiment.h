/* experiment.h - what a run does: the typed form of an experiment file (docs/experiment.md).
 *
 * experiment_load() reads a file strictly (plan/reader), applies `--set` assignments and a variant,
 * fills in defaults, lets streams inherit the experiment's target, and checks what one part says
 * against the others. Whoever gets a struct experiment need not check it again: every enum is in
 * range, every count within its array, every name that refers to a stream or a step exists.
 *
 * Neighbours: run/ acts on it, analyze/ reads windows and expectations, report/ prints names.
 * Threads: read-only after loading; any thread may read. Units: in the names; durations are ns.
 * Memory: one allocation tree, freed by experiment_free(); all strings belong to it. An absent
 * string is NULL. Full: a list longer than its limit below is refused when the file is read.
 */
#ifndef PLAN_EXPERIMENT_H
#define PLAN_EXPERIMENT_H

#include <cjson/cJSON.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/error.h"
#include "plan/pace.h"
#include "plan/rollout.h"

struct reader_object;

enum {
    EXPERIMENT_VERSION = 1,
    EXPERIMENT_STREAMS_MAX = 16,
    EXPERIMENT_STEPS_MAX = 64,
    EXPERIMENT_EXPECTS_MAX = 64,
    EXPERIMENT_VARIANTS_MAX = 32,
    EXPERIMENT_SETS_MAX = 32, /* Assignments in one variant. */
    EXPERIMENT_AXES_MAX = 6,
    EXPERIMENT_ALTERNATIVES_MAX = 16, /* Of one axis. */
    EXPERIMENT_REPEATS_MAX = 1000,
    EXPERIMENT_CHANGES_MAX = 32,
    EXPERIMENT_IMAGES_MAX = 32,
    EXPERIMENT_SETTINGS_MAX = 16,
    EXPERIMENT_SETTING_BYTES = 96,
    EXPERIMENT_FILES_MAX = 16,
    EXPERIMENT_HOPS_MAX = 32,
    EXPERIMENT_HEADERS_MAX = 32,
    EXPERIMENT_STATUSES_MAX = 16,
    EXPERIMENT_FORMATS_MAX = 16,
    EXPERIMENT_NEEDS_MAX = 8,
    EXPERIMENT_ARGUMENTS_MAX = 32, /* Of a command. */
    EXPERIMENT_ENV_MAX = 32,
    EXPERIMENT_SIZES_MAX = 64,
    EXPERIMENT_VALUE_BYTES = 40,
    EXPERIMENT_SHA256_BYTES = 32,
    EXPERIMENT_WHY_BYTES = 100,
    EXPERIMENT_REQUESTS_MAX = 10000, /* Of a stream, in turn; and turns at a law. */
    EXPERIMENT_BODY_MAX = 1 << 30,   /* Bytes of an HTTP body. */
};

/* ---- cluster ---- */

enum experiment_profile {
    EXPERIMENT_PROFILE_IDEAL,
    EXPERIMENT_PROFILE_KUBEADM,
    EXPERIMENT_PROFILE_AKS_2019,
};

enum experiment_gone_ip {
    EXPERIMENT_GONE_BLACKHOLE,   /* Packets to a pod that is gone vanish. */
    EXPERIMENT_GONE_UNREACHABLE, /* They are answered by an ICMP error. */
};

enum experiment_balancer {
    EXPERIMENT_BALANCER_ECMP,    /* Nothing: the sender chooses a node. */
    EXPERIMENT_BALANCER_PROBING, /* A hop that probes the nodes' health. */
};

enum experiment_scheduler {
    EXPERIMENT_SCHEDULER_ANY,    /* Not said: whatever the cluster has. */
    EXPERIMENT_SCHEDULER_RANDOM, /* kube-proxy's modes iptables and nftables. */
    EXPERIMENT_SCHEDULER_RR,     /* From here on those that its mode ipvs knows. */
    EXPERIMENT_SCHEDULER_WRR,
    EXPERIMENT_SCHEDULER_LC,
    EXPERIMENT_SCHEDULER_WLC,
    EXPERIMENT_SCHEDULER_LBLC,
    EXPERIMENT_SCHEDULER_LBLCR,
    EXPERIMENT_SCHEDULER_SH,
    EXPERIMENT_SCHEDULER_DH,
    EXPERIMENT_SCHEDULER_SED,
    EXPERIMENT_SCHEDULER_NQ,
    EXPERIMENT_SCHEDULER_MH,
};

/* A duration drawn evenly from [low, high]; both equal when the file gives one. */
struct experiment_range {
    int64_t low_ns;  /* At least 0. */
    int64_t high_ns; /* At least low_ns. */
};

struct experiment_image {
    const char *image;   /* As the manifest names it: "mserver:v1". */
    const char *program; /* The local program that stands for it: "seamline-pod". */
};

/* The pocket cluster's settings; without effect on another cluster. */
struct experiment_lab {
    bool given;                        /* The file has cluster.lab. */
    enum experiment_profile profile;   /* Which table of delays (LAB profiles of plan/predict). */
    uint32_t nodes;                    /* 1..32. */
    uint32_t seed;                     /* Of the lab's jitter. */
    bool pod_ready_given;              /* podReady overrides the profile. */
    struct experiment_range pod_ready; /* From creation to Ready published. */
    enum experiment_gone_ip gone_ip;   /* What becomes of packets to a pod that is gone. */
    bool ingress;                      /* There is one. */
    enum experiment_balancer balancer; /* What is in front of the nodes. */
    uint32_t setting_count;            /* Of settings. */
    char settings[EXPERIMENT_SETTINGS_MAX][EXPERIMENT_SETTING_BYTES]; /* "probeLag=10s", as for
                                                                         seamline-lab --set. */
    uint32_t image_count;                                             /* Of images. */
    struct experiment_image images[EXPERIMENT_IMAGES_MAX]; /* What stands for which image. */
};

enum experiment_proxy_mode {
    EXPERIMENT_PROXY_ANY, /* Not said: what the scheduler needs. */
    EXPERIMENT_PROXY_IPTABLES,
    EXPERIMENT_PROXY_IPVS,
    EXPERIMENT_PROXY_NFTABLES,
};

/* How kube-proxy is to balance. */
struct experiment_proxy {
    bool given;                          /* The file has cluster.proxy. */
    enum experiment_scheduler scheduler; /* rr on the lab is emulated. */
    enum experiment_proxy_mode mode;     /* That has the scheduler. */
};

/* "deployment/mserver". */
struct experiment_change {
    const char *kind; /* Lower case, singular: "deployment". */
    const char *name; /* The object's; of a pod also a pattern, "mserver-*", but not "*". */
};

struct experiment_cluster {
    bool given;             /* Without it, all targets are static and no step touches a cluster. */
    bool lab_cluster;       /* kubeconfig is "lab": the pocket cluster of this machine. */
    const char *kubeconfig; /* "lab", or a file. */
    const char *context;    /* The context in it; never guessed. */
    const char *namespace;  /* Where the objects are. */
    uint32_t may_change_count;                                   /* Of may_change. */
    struct experiment_change may_change[EXPERIMENT_CHANGES_MAX]; /* All else is refused. */
    struct experiment_lab lab;     /* Settings of the pocket cluster. */
    struct experiment_proxy proxy; /* How kube-proxy is to balance. */
};

/* ---- rollout: written over the applied Deployment's manifest ---- */

struct experiment_rollout {
    bool given;                            /* The file has rollout. */
    const char *deployment;                /* NULL: the only Deployment of the applied files. */
    uint32_t replicas;                     /* 0: as the manifest says. */
    struct rollout_amount max_surge;       /* .given false: as the manifest says. */
    struct rollout_amount max_unavailable; /* The same. */
    int64_t deadline_ns;                   /* For until: rollout-complete; default 5 minutes. */
};

/* ---- target ---- */

enum experiment_via {
    EXPERIMENT_VIA_LOAD_BALANCER, /* The Service's VIP, an address or a host name. */
    EXPERIMENT_VIA_CLUSTER_IP,    /* Its ClusterIP, routed to a node. */
    EXPERIMENT_VIA_NODE_PORT,     /* A node's address and the NodePort. */
    EXPERIMENT_VIA_STATIC,        /* An address of the file or the command line. */
};

enum experiment_family {
    EXPERIMENT_IPV4,
    EXPERIMENT_IPV6,
};

enum experiment_route {
    EXPERIMENT_ROUTE_MACHINE, /* As the machine file says: on-link, its next hops, its gateway. */
    EXPERIMENT_ROUTE_NODE,    /* One node: the route_index-th Ready one by name, or route_node. */
    EXPERIMENT_ROUTE_ECMP,    /* All Ready nodes, by 5-tuple. */
    EXPERIMENT_ROUTE_HOPS,    /* The next hops listed in the target (static). */
};

struct experiment_target {
    enum experiment_via via; /* By which address. */
    const char *service;     /* NULL when static. */
    const char
        *service_port_name; /* The Service's port by name; NULL: by number, or the only one. */
    uint16_t service_port;  /* By number; 0: by name, or the only one. */
    enum experiment_family family; /* Which of the Service's addresses; of `address` when static. */
    bool vip_given;                /* Which of several; else the first. */
    struct address vip;            /* Of that family. */
    enum experiment_route route;   /* How the next hop is found. */
    uint32_t route_index;          /* node:N, 1 = the first Ready node by name; 0: by route_node. */
    const char *route_node;        /* node:NAME. */
    struct address address;        /* Static only. */
    uint16_t port;                 /* Static only. */
    bool typed;                    /* Typed on the command line: allowed without `allow`. */
    uint32_t hop_count;            /* Static only; 0: the machine file's. */
    struct address hops[EXPERIMENT_HOPS_MAX]; /* Next hops, by 5-tuple. */
};

/* ---- streams ---- */

enum experiment_protocol {
    EXPERIMENT_PROTOCOL_CTRAFFIC, /* Echo, one packet in flight a connection; see docs/. */
    EXPERIMENT_PROTOCOL_CONNECT,  /* Connect and close, a new connection per request. */
    EXPERIMENT_PROTOCOL_UDP,      /* Datagrams that the target sends back. */
    EXPERIMENT_PROTOCOL_ICMP,     /* Echo requests; the target's port is not used. */
    EXPERIMENT_PROTOCOL_HTTP,     /* HTTP/1.1. */
    EXPERIMENT_PROTOCOL_MCONNECT, /* Connect, read the backend's name, close. */
    EXPERIMENT_PROTOCOL_RAW,      /* Frames of a template that nobody answers. */
    EXPERIMENT_PROTOCOL_HTTPS,    /* HTTP/1.1 over TLS. */
};

/* How a stream uses connections. */
enum experiment_mode {
    EXPERIMENT_MODE_DEFAULT, /* Not said: ctraffic is held, the others are open. */
    EXPERIMENT_MODE_HELD,    /* `connections` are held, requests on each by schedule. */
    EXPERIMENT_MODE_OPEN,    /* Open loop, requests by schedule. */
    EXPERIMENT_MODE_CLOSED,  /* Closed loop of `connections`. */
};

/* An HTTP request. */
struct experiment_request {
    const char *path;                            /* As in the request line. */
    const char *host;                            /* NULL: the target's address and port. */
    const char *method;                          /* Such as GET. */
    uint32_t header_count;                       /* Of headers. */
    const char *headers[EXPERIMENT_HEADERS_MAX]; /* "Name: value". */
    const char *body;                            /* NULL: none, or one of these two: */
    const char *body_file;                       /* The file that holds it, relative to the
                                                    experiment's folder. */
    uint32_t body_bytes;                         /* Of a body that is made up; 0: none. */
};

/* An HTTP stream's request, and what is expected of the answer. */
struct experiment_http {
    struct experiment_request request;   /* The only one, or what the others leave unsaid. */
    uint32_t request_count;              /* Of requests; 0: there is the one. */
    struct experiment_request *requests; /* In turn; experiment_http_request() is the whole. */
    uint32_t chunk_bytes;                /* The body is sent in chunks; 0: as it is. */
    bool expect_continue;                /* The body waits for 100 Continue. */
    const char *sequence_header;         /* That numbers the requests; NULL: none. */
    uint32_t status_count;               /* Of statuses; 0: any 2xx and 3xx. */
    const char *statuses[EXPERIMENT_STATUSES_MAX]; /* For experiment_status_range(). */
    uint32_t expect_bytes;                         /* Size of the answer's body; 0: any. */
    uint32_t limit_bytes;       /* A longer body of an answer is a bad one; 0: none is. */
    const char *expect_text;    /* That the answer's body contains; NULL: anything. */
    const char *expect_sha256;  /* Of its body, for experiment_sha256(); NULL: any. */
    const char *backend_header; /* Of the answer, with the backend's name. */
};

/* Fields of a raw stream's frames that vary. */
enum experiment_raw_field {
    EXPERIMENT_RAW_SOURCES,
    EXPERIMENT_RAW_DESTINATIONS,
    EXPERIMENT_RAW_SOURCE_PORTS,
    EXPERIMENT_RAW_DESTINATION_PORTS,
    EXPERIMENT_RAW_FIELDS
};

/* The frames of a raw stream: UDP. Destinations count from the target's address and port. */
struct experiment_raw {
    bool source_given;                      /* `source` is the first one; else the sending port's */
    struct address source;                  /* first client address is. */
    uint16_t source_port;                   /* The first one. */
    uint32_t counts[EXPERIMENT_RAW_FIELDS]; /* Values of each field, 1 at least. */
    uint32_t random;                        /* Bit 1 << field: drawn, not in turn. */
    uint32_t size_count;                    /* Of sizes. */
    uint32_t sizes[EXPERIMENT_SIZES_MAX];   /* In turn: bytes of a frame, with FCS. */
    bool foreign_sources;                   /* Sources need not be client addresses. */
};

enum experiment_tls_version {
    EXPERIMENT_TLS_1_2,
    EXPERIMENT_TLS_1_3,
};

/* The TLS of an https stream. Files are PEM, relative to the experiment's folder. */
struct experiment_tls {
    const char *ca;          /* Whom to trust; NULL: the system's authorities. */
    const char *cert;        /* The client's chain, own first; NULL: none. */
    const char *key;         /* Of cert; NULL with it. */
    const char *server_name; /* SNI, and whom the server's certificate must name; NULL: the Host
                                header's host, or the target's address. */
    bool insecure;           /* Any certificate will do. */
    enum experiment_tls_version min_version;
    enum experiment_tls_version max_version; /* Not below. */
    bool resume;                             /* Sessions. */
};

enum experiment_reconnect {
    EXPERIMENT_RECONNECT_AT_ONCE, /* After a loss; attempts that fail back off 100 ms .. 1 s. */
    EXPERIMENT_RECONNECT_NEVER,   /* A broken connection stays broken. */
};

enum experiment_catch_up {
    EXPERIMENT_CATCH_UP_SEND_LATE, /* Sent late, up to a bound. */
    EXPERIMENT_CATCH_UP_SKIP,      /* Not sent: no burst after a stall. */
};

enum experiment_record {
    EXPERIMENT_RECORD_FULL,     /* Every request, up to record_limit_per_s; above, a sample. */
    EXPERIMENT_RECORD_SAMPLED,  /* A sample of the good ones. */
    EXPERIMENT_RECORD_FAILURES, /* Only what a loss and its end are made of. */
};

struct experiment_stream {
    const char *name;                  /* Unique in the experiment. */
    enum experiment_protocol protocol; /* What it speaks. */
    struct experiment_target target;   /* Own members over those of the experiment's target. */
    enum experiment_mode mode;         /* Resolved: not DEFAULT. */
    bool keep_alive;                   /* http, open and closed: connections are used again. */
    uint32_t pipelining;         /* http, held and closed: requests in flight on a connection. */
    int64_t think_ns;            /* closed: between a request's end and the next. */
    struct experiment_http http; /* http, https. */
    struct experiment_tls tls;   /* https. */
    struct experiment_raw raw;
    uint32_t connections; /* held: flows. closed: loops. open: most that may be open at a time.
                             udp, icmp: client ends. raw: 0. */
    struct pace pace;     /* Requests over all flows. */
    double rate_per_s;    /* The greatest rate of it, in requests: this stream's. closed, and a
                             maximum: 0. */
    uint32_t turn;        /* Streams that share a law: this one takes the turn-th, from 1, */
    uint32_t turn_count;  /* or this many, */
    uint32_t *turn_list;  /* rising, which experiment_turns() gives; NULL: the one, */
    uint32_t turns;       /* of each so many requests. */
    enum experiment_catch_up catch_up; /* What becomes of requests that the tester is late with. */
    int64_t catch_up_within_ns;        /* send-late: sent up to so late; 0: as docs/accuracy.md. */
    uint32_t size_bytes; /* ctraffic: of a packet, 64..65536; udp, icmp: a payload, 64..8192. */
    int64_t timeout_ns;  /* No answer for so long: stalled. raw: what comes so long after the stop
                            still counts as received. */
    int64_t connect_timeout_ns;          /* No connection for so long: connect-timeout. */
    enum experiment_reconnect reconnect; /* ctraffic: what follows a broken connection. */
    uint32_t retries;              /* At most connections x retries connection records in all. */
    enum experiment_record record; /* Which requests get a record of their own. */
    double record_limit_per_s;     /* Good ones a second that do, at most. */
};

/* ---- tcp: how the tester's own TCP behaves, on all streams ---- */

enum experiment_congestion {
    EXPERIMENT_CONGESTION_CUBIC, /* RFC 9438. */
    EXPERIMENT_CONGESTION_RENO,  /* RFC 5681. */
};

struct experiment_tcp {
    enum experiment_congestion congestion;
    bool ecn;                       /* Offered (RFC 3168); a peer that offers it gets it anyhow. */
    bool sack;                      /* Offered (RFC 2018). */
    bool timestamps;                /* Offered (RFC 7323). */
    bool window_scale;              /* Offered (RFC 7323). */
    uint32_t window_bytes;          /* Receive window; over 65535 needs window_scale. */
    uint32_t initial_window;        /* Segments, 1..64 (RFC 6928). */
    int64_t delayed_ack_ns;         /* Below 500 ms; 0: at once. */
    int64_t rto_initial_ns;         /* RFC 6298 (2.1); at least rto_min_ns. */
    int64_t rto_min_ns;             /* RFC 6298 (2.4). */
    int64_t keep_alive_ns;          /* Silence before the first probe; 0: none are sent. */
    int64_t keep_alive_interval_ns; /* Between probes. */
    uint32_t keep_alive_probes;     /* Unanswered ones that end a connection; at least 1. */
    uint32_t port_first, port_last; /* Client ports of connections and UDP flows, both included. */
    int64_t port_reuse_after_ns;    /* From a connection's end to the next one on its 5-tuple. */
};

/* ---- windows ---- */

/* The outcomes of a request, in the order of docs/accuracy.md. record/ has the same list; whoever
 * uses both maps by name. */
#define EXPERIMENT_OUTCOMES(X)                                                                     \
    X(OK, "ok")                                                                                    \
    X(REPAIRED, "repaired")                                                                        \
    X(LATE, "late")                                                                                \
    X(REFUSED, "refused")                                                                          \
    X(CONNECT_TIMEOUT, "connect-timeout")                                                          \
    X(UNREACHABLE, "unreachable")                                                                  \
    X(RESET, "reset")                                                                              \
    X(CLOSED, "closed")                                                                            \
    X(STALLED, "stalled")                                                                          \
    X(BAD_STATUS, "bad-status")                                                                    \
    X(BAD_ANSWER, "bad-answer")                                                                    \
    X(BLOCKED, "blocked")                                                                          \
    X(UNSENT, "unsent")                                                                            \
    X(UNFINISHED, "unfinished")                                                                    \
    X(SENT, "sent")

enum experiment_outcome {
#define X(id, word) EXPERIMENT_OUTCOME_##id,
    EXPERIMENT_OUTCOMES(X)
#undef X
    EXPERIMENT_OUTCOME_COUNT
};

struct experiment_windows {
    int64_t hold_off_ns; /* Outages closer than this are one window. */
    uint32_t validate;   /* Consecutive good requests per flow hit that end one; at least 1. */
    int64_t late_ns;     /* An answer later than this after it was sent is late. */
    uint32_t opens;      /* Bit 1 << enum experiment_outcome: these open a window. */
};

/* ---- impair: faults made between the NIC ports and the workers ---- */

/* One direction; packets in a million. app/net/impair.h says what each is. */
struct experiment_impairment {
    uint32_t drop_ppm;      /* Dropped. */
    uint32_t flip_ppm;      /* One bit flipped. */
    uint32_t duplicate_ppm; /* Come twice. */
    uint32_t delay_ppm;     /* Late by delay_ns. */
    uint32_t reorder_ppm;   /* Put behind `distance` later ones. */
    int64_t delay_ns;       /* 0..10 s. */
    uint32_t distance;      /* 1..1000. */
};

struct experiment_impair {
    bool given;                           /* The file has impair. */
    struct experiment_impairment receive; /* From the network. */
    struct experiment_impairment send;    /* To it. */
};

/* ---- steps ---- */

enum experiment_verb {
    EXPERIMENT_APPLY,        /* Create or patch the objects of `files`. */
    EXPERIMENT_START,        /* Start `streams`. */
    EXPERIMENT_WAIT,         /* Let `for_ns` pass. */
    EXPERIMENT_SET_IMAGE,    /* A new image for one container of a Deployment. */
    EXPERIMENT_SCALE,        /* Another number of replicas. */
    EXPERIMENT_SET_ENV,      /* Variables of one container of a Deployment. */
    EXPERIMENT_MOVE,         /* A Deployment's pods to another node, by its template's nodeName. */
    EXPERIMENT_RESTART,      /* All pods of a Deployment anew, by its template's annotation. */
    EXPERIMENT_ROLLOUT_UNDO, /* A Deployment's template back to that of an earlier revision. */
    EXPERIMENT_PATCH,        /* What `patch` says of one object. */
    EXPERIMENT_CORDON,       /* No new pods for a node. */
    EXPERIMENT_UNCORDON,     /* Pods for it again. */
    EXPERIMENT_DRAIN,        /* Cordon a node, evict its pods, wait until they are gone. */
    EXPERIMENT_EVICT,        /* One pod, as a drain does: budgets are heeded. */
    EXPERIMENT_DELETE_POD,   /* One pod. */
    EXPERIMENT_EXEC,         /* A program of this machine: someone else's change. */
    EXPERIMENT_OBSERVE,      /* Wait for a state, or for a rollout that someone else begins. */
    EXPERIMENT_STOP,         /* Stop `streams`. */
    EXPERIMENT_DELETE_APPLIED, /* Delete what apply created; nothing else. */
    EXPERIMENT_VERB_COUNT
};

enum experiment_until {
    EXPERIMENT_UNTIL_DONE,             /* The action itself was accepted. */
    EXPERIMENT_UNTIL_STEADY,           /* Every flow of its streams answered for 1 s. */
    EXPERIMENT_UNTIL_ROLLOUT_STARTED,  /* The Deployment's controller works on it. */
    EXPERIMENT_UNTIL_ROLLOUT_COMPLETE, /* All replicas are updated and available, no old one left
                                          but terminating ones. */
    EXPERIMENT_UNTIL_READY,            /* As many pods as wanted are available, old or new. Of a
                                          node: its kubelet says so, and it takes pods. */
    EXPERIMENT_UNTIL_GONE,             /* The pod's object is gone. */
    EXPERIMENT_UNTIL_WINDOWS_CLOSED,   /* No stream that runs has lost anything for the hold-off. */
};

enum experiment_patch_type {
    EXPERIMENT_PATCH_STRATEGIC,
    EXPERIMENT_PATCH_MERGE, /* RFC 7386. */
    EXPERIMENT_PATCH_JSON,  /* RFC 6902. */
};

struct experiment_env {
    const char *name;
    const char *value; /* NULL: set-env takes it away. */
};

struct experiment_step {
    enum experiment_verb verb;   /* What is done. */
    const char *id;              /* Unique when given; expectations and the timeline name it. */
    enum experiment_until until; /* When the step is over. */
    int64_t deadline_ns;         /* Of `until`; the rollout's or 30 s for steady when not given. */
    int64_t for_ns;              /* wait. */
    uint32_t file_count;         /* apply. */
    const char *files[EXPERIMENT_FILES_MAX];  /* As written; relative to the experiment's folder. */
    uint32_t stream_count;                    /* start, stop. */
    uint32_t streams[EXPERIMENT_STREAMS_MAX]; /* Indexes into the experiment's streams. */
    const char *container;                    /* set-image, set-env; NULL: the only one. */
    const char *image;                        /* set-image. */
    uint32_t replicas;                        /* scale. */
    uint32_t to_revision;                     /* rollout-undo; 0: the one before the newest. */
    const char *node;      /* cordon, uncordon, drain, observe; move: where to. */
    bool force;            /* drain: also pods without a controller. */
    bool delete_empty_dir; /* drain: also pods with an emptyDir. */
    const char *pod;       /* evict, delete-pod: a name, or a pattern of the shell: the first that
                               is ready by name. */
    int64_t grace_ns;      /* evict, delete-pod, drain; 0: the pod's own. */
    struct experiment_change object; /* set-image, set-env, move, restart, rollout-undo, scale,
                                        observe: of pods; patch: any. kind NULL: none. */
    enum experiment_patch_type patch_type; /* patch. */
    const cJSON *patch;                    /* patch: an object; of a JSON patch an array. */
    uint32_t command_count;                /* exec: a program and its arguments. */
    const char *command[EXPERIMENT_ARGUMENTS_MAX];
    uint32_t env_count; /* exec: its environment, beside PATH and HOME. set-env. */
    struct experiment_env env[EXPERIMENT_ENV_MAX];
    bool temporary; /* What it changed is put back at the end of the run. */
};

/* ---- expectations ---- */

enum experiment_unit {
    EXPERIMENT_UNIT_COUNT,
    EXPERIMENT_UNIT_NS,
    EXPERIMENT_UNIT_RATIO, /* 0..1. */
};

/* What an expectation may be about: name in files, unit, and what it counts. */
#define EXPERIMENT_FIGURES(X)                                                                      \
    X(LASTING_CONNECTIONS, "lastingConnections", COUNT, "connections alive when the stream ended") \
    X(BROKEN_CONNECTIONS, "brokenConnections", COUNT,                                              \
      "connections that were established and broke")                                               \
    X(FAILED_CONNECTS, "failedConnects", COUNT, "attempts to connect that failed")                 \
    X(LOST_REQUESTS, "lostRequests", COUNT,                                                        \
      "requests that were sent or blocked and got no good answer")                                 \
    X(BLOCKED_REQUESTS, "blockedRequests", COUNT,                                                  \
      "requests whose slot came without a usable connection")                                      \
    X(REQUESTS, "requests", COUNT, "requests of some outcomes, or all that were due")              \
    X(UNSENT_REQUESTS, "unsentRequests", COUNT, "requests that the tester could not send")         \
    X(GOOD_RATIO, "goodRatio", RATIO, "good requests over due ones")                               \
    X(WINDOWS, "windows", COUNT, "loss windows")                                                   \
    X(LONGEST_WINDOW, "longestWindow", NS, "the longest loss window")                              \
    X(TOTAL_WINDOW, "totalWindow", NS, "the sum of all loss windows")                              \
    X(LONGEST_OUTAGE, "longestOutage", NS, "the longest outage of one flow")                       \
    X(LATENCY_P50, "latencyP50", NS, "the median latency from due")                                \
    X(LATENCY_P99, "latencyP99", NS, "the 99th percentile of the latency from due")                \
    X(LATENCY_MAX, "latencyMax", NS, "the longest latency from due")

enum experiment_figure {
#define X(id, word, unit, meaning) EXPERIMENT_FIGURE_##id,
    EXPERIMENT_FIGURES(X)
#undef X
    EXPERIMENT_FIGURE_COUNT
};

enum experiment_compare {
    EXPERIMENT_EQUALS,
    EXPERIMENT_AT_MOST,
    EXPERIMENT_AT_LEAST,
};

/* What a figure is compared with. */
enum experiment_bound {
    EXPERIMENT_BOUND_VALUE, /* A fixed value. */
    EXPERIMENT_BOUND_MEAN,  /* predicted.mean, of brokenConnections; the others likewise. */
    EXPERIMENT_BOUND_MIN,
    EXPERIMENT_BOUND_P1,
    EXPERIMENT_BOUND_P50,
    EXPERIMENT_BOUND_P99,
    EXPERIMENT_BOUND_MAX,
};

struct experiment_expect {
    uint32_t stream;                 /* Index into the experiment's streams. */
    enum experiment_figure figure;   /* What. */
    uint32_t outcomes;               /* REQUESTS: bit 1 << enum experiment_outcome; 0: all. */
    enum experiment_compare compare; /* How. */
    enum experiment_bound bound;     /* With what. */
    double value;                    /* BOUND_VALUE: count, ns or ratio, as the figure's unit. */
    char value_text[EXPERIMENT_VALUE_BYTES]; /* As the file has it: "100ms", "predicted.p99". */
    int32_t from_step; /* Only what happened from this step (index) on; -1: the stream's life. */
};

/* ---- report, variants, matrix ---- */

/* id, word: those of report/report.h, which plan/ does not know; a test of report/ compares. */
#define EXPERIMENT_FORMATS(X)                                                                      \
    X(TEXT, "text")                                                                                \
    X(JSON, "json")                                                                                \
    X(HTML, "html")                                                                                \
    X(CSV, "csv")                                                                                  \
    X(MARKDOWN, "markdown")                                                                        \
    X(JUNIT, "junit")                                                                              \
    X(OPENMETRICS, "openmetrics")                                                                  \
    X(CTRAFFIC, "ctraffic")                                                                        \
    X(CTRAFFIC_HOSTS, "ctraffic-hosts")                                                            \
    X(CTRAFFIC_THROUGHPUT, "ctraffic-throughput")                                                  \
    X(CTRAFFIC_CONNECTIONS, "ctraffic-connections")                                                \
    X(CHECK, "check")                                                                              \
    X(VEGETA, "vegeta")                                                                            \
    X(WRK, "wrk")                                                                                  \
    X(SVG, "svg")                                                                                  \
    X(UPDATE, "update")                                                                            \
    X(HDR, "hdr")

enum experiment_format {
#define X(id, word) EXPERIMENT_FORMAT_##id,
    EXPERIMENT_FORMATS(X)
#undef X
    EXPERIMENT_FORMAT_COUNT
};

/* A named set of assignments: a variant, or an alternative of an axis. */
struct experiment_variant {
    const char *name;                         /* Its key in the file. */
    uint32_t set_count;                       /* Of paths and values. */
    const char *paths[EXPERIMENT_SETS_MAX];   /* As for --set. */
    const cJSON *values[EXPERIMENT_SETS_MAX]; /* What to put there. */
    uint32_t need_count;                      /* Without these the variant is skipped. */
    const char *needs[EXPERIMENT_NEEDS_MAX];  /* "ipvs". */
};

/* One axis of the matrix: each run has one of its alternatives (plan/matrix.h). */
struct experiment_axis {
    const char *name;                                                    /* Its key in the file. */
    uint32_t alternative_count;                                          /* At least 1. */
    struct experiment_variant alternatives[EXPERIMENT_ALTERNATIVES_MAX]; /* As in the file. */
};

/* ---- the whole ---- */

struct experiment {
    const char *path; /* The file's name, or what stands for it in messages. */
    const char *name; /* Of letters, digits, '.', '_', '-'. */
    uint32_t seed;    /* Of the tester's own random choices (first sends, ports). */
    struct experiment_cluster cluster; /* What is tested. */
    struct experiment_rollout rollout; /* Written over the manifest. */
    bool target_given;                 /* The file has a target for all streams. */
    struct experiment_target target;   /* Streams have their own copy. */
    uint32_t stream_count;             /* At least 1. */
    struct experiment_stream streams[EXPERIMENT_STREAMS_MAX]; /* The traffic. */
    struct experiment_tcp tcp;                                /* Of all connections. */
    struct experiment_windows windows;                        /* What a loss window is. */
    struct experiment_impair impair; /* Of every NIC port; without it packets pass as they are. */
    uint32_t step_count;             /* At least 1. */
    struct experiment_step steps[EXPERIMENT_STEPS_MAX]; /* In order. */
    uint32_t after_count; /* Steps that always run, also after a failure or a signal. */
    struct experiment_step after[EXPERIMENT_STEPS_MAX];          /* wait and delete-applied only. */
    uint32_t expect_count;                                       /* Of expects. */
    struct experiment_expect expects[EXPERIMENT_EXPECTS_MAX];    /* All must hold. */
    uint32_t format_count;                                       /* At least 1. */
    enum experiment_format formats[EXPERIMENT_FORMATS_MAX];      /* What is written. */
    uint32_t variant_count;                                      /* Of variants. */
    struct experiment_variant variants[EXPERIMENT_VARIANTS_MAX]; /* In the file's order. */
    uint32_t axis_count;                                         /* 0: no matrix. */
    struct experiment_axis axes[EXPERIMENT_AXES_MAX];            /* In the file's order. */
    uint32_t repeats;                                            /* Of each run; at least 1. */
    cJSON *source;   /* The file's tree with all assignments made; strings above point into it. */
    cJSON *resolved; /* The same with every default written out: experiment.json of a run. */
};

struct experiment_options {
    const char *const *sets; /* "path=value", in order; may be NULL. */
    size_t set_count;        /* Of sets. */
    const char *variant;     /* Its assignments are made before `sets`; NULL: none. */
    /* One run of those that the file stands for: `alternatives` has one of each axis, made after
     * the variant and before `sets`; variants, matrix and repeats are then taken out. */
    bool single;
    /* Which of its repeats, from 1; 0 is as 1. Its own draws are those of
     *     seed = the file's + (repeat - 1), modulo 2^32
     * for `seed` and `cluster.lab.seed`: the same for all runs of the matrix, which are so compared
     * under the same delays, and the file's own in the first. */
    uint32_t repeat;
    const char *alternatives[EXPERIMENT_AXES_MAX];
};

/* All of these: 0, or -errno with ERR ("FILE: JSON.path: what; want what"); *OUT is then untouched.
 * OPTIONS may be NULL. -ENOENT and the like when the file cannot be read, -EINVAL otherwise. */
int experiment_load(const char *path, const struct experiment_options *options,
                    struct experiment **out, struct error *err);
/* NAME stands for the file in messages. */
int experiment_parse(const char *name, const char *bytes, size_t size,
                     const struct experiment_options *options, struct experiment **out,
                     struct error *err);
/* TREE is a whole experiment, and is taken also on failure. */
int experiment_from_tree(const char *name, cJSON *tree, const struct experiment_options *options,
                         struct experiment **out, struct error *err);
void experiment_free(struct experiment *experiment);

/* Is STEP's rollout awaited, or somebody else's? */
bool experiment_rolls(const struct experiment_step *step);
/* Of a kind whose pods are made from a template: a Deployment, StatefulSet or DaemonSet. */
bool experiment_is_workload(const struct experiment_change *object);
/* Of a pod, `mayChange` may have a pattern. */
bool experiment_may_change(const struct experiment *experiment, const char *kind, const char *name);
/* The turns of STREAM at its law, 1 at least: how many, and *LIST of them. */
uint32_t experiment_turns(const struct experiment_stream *stream, const uint32_t **list);
/* Request INDEX of HTTP, with what it leaves unsaid: below request_count, or 0. */
struct experiment_request experiment_http_request(const struct experiment_http *http,
                                                  uint32_t index);
/* FILE, as the experiment in the file EXPERIMENT names it: relative to its folder. */
void experiment_file_path(const char *experiment, const char *file, char out[PATH_MAX]);
/* STREAM speaks HTTP, over TLS or not. */
static inline bool experiment_is_http(const struct experiment_stream *stream)
{
    return stream->protocol == EXPERIMENT_PROTOCOL_HTTP ||
           stream->protocol == EXPERIMENT_PROTOCOL_HTTPS;
}
/* Index of the stream or of the step with that id, or -1. */
int experiment_stream_index(const struct experiment *experiment, const char *name);
int experiment_step_index(const struct experiment *experiment, const char *id);

/* The table of all keys, for the test against the JSON Schema. */
const struct reader_object *experiment_shape(void);

/* Words as in files. */
const char *experiment_verb_word(enum experiment_verb verb);
const char *experiment_until_word(enum experiment_until until);
/* "200" or "200-299": both ends included. False: neither, or not within 100 to 599. */
bool experiment_status_range(const char *text, uint16_t *first, uint16_t *last);
/* "Name: value" that a request may have. False: WHY not. */
bool experiment_header(const char *text, char why[EXPERIMENT_WHY_BYTES]);
/* 64 hexadecimal digits. False: others. */
bool experiment_sha256(const char *text, uint8_t out[EXPERIMENT_SHA256_BYTES]);
const char *experiment_protocol_word(enum experiment_protocol protocol);
const char *experiment_proxy_mode_word(enum experiment_proxy_mode mode); /* "": ANY. */
const char *experiment_scheduler_word(enum experiment_scheduler scheduler);
const char *experiment_balancer_word(enum experiment_balancer balancer);
const char *experiment_profile_word(enum experiment_profile profile);
const char *experiment_outcome_word(enum experiment_outcome outcome);
const char *experiment_format_word(enum experiment_format format);
const char *experiment_compare_word(enum experiment_compare compare);
const char *experiment_figure_word(enum experiment_figure figure);
enum experiment_unit experiment_figure_unit(enum experiment_figure figure);

#endif
