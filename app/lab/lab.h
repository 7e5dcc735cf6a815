/* lab.h - the lab's daemon: one thread, one event loop, everything in it.
 *
 * `seamline-lab up` calls lab_run() in a child that lives until `down`. In the loop: the store's
 * changes go to the controllers (cluster.h), to the kubelets of pods (lab_pod.c) and to the proxies
 * of nodes (lab_proxy.c); the API server and the control socket are served; processes and tools are
 * waited for. Whatever has a time has it on CLOCK_MONOTONIC; what is written down is
 * CLOCK_REALTIME.
 *
 * Threads: one. Memory: fixed tables and malloc; LAB_PODS_MAX pods.
 */
#ifndef LAB_LAB_H
#define LAB_LAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/random.h"
#include "lab/balancer.h"
#include "lab/certificate.h"
#include "lab/cluster.h"
#include "lab/command.h"
#include "lab/delay_line.h"
#include "lab/fabric.h"
#include "lab/health_probe.h"
#include "lab/health_server.h"
#include "lab/ingress_plan.h"
#include "lab/kubelet.h"
#include "lab/process.h"
#include "lab/profile.h"
#include "lab/proxy.h"
#include "lab/truth.h"

enum {
    LAB_PODS_MAX = 1024,
    LAB_IMAGES_MAX = 32,
    LAB_SETTINGS_MAX = 32,
    LAB_PATH_BYTES = 256,
    LAB_CONTROL_BYTES = 512,
    LAB_DESCRIPTION_BYTES = 192,
    LAB_STATIC_PODS_MAX = 200,
    LAB_TIMED_FAULTS_MAX = 32,
    LAB_HEALTH_MAX = PROXY_HEALTH_MAX + 1, /* Health checks of a node, its own among them. */
};

/* What the pods of the ingress run. */
#define LAB_INGRESS_IMAGE "ingress-nginx/controller"

/* What to build; from the command line. */
struct lab_config {
    char dir[LAB_PATH_BYTES];               /* Where its files are. */
    char iface[FABRIC_IFACE_BYTES];         /* seamline's end of the link. */
    struct profile profile;                 /* Delays. */
    const char *settings[LAB_SETTINGS_MAX]; /* "podReady=2s": what changed it. */
    unsigned setting_count;                 /* In use. */
    unsigned nodes;                         /* 1..FABRIC_NODES_MAX. */
    uint64_t seed;                          /* Of all draws, uids and names. */
    uint16_t api_port;                      /* 0: any. */
    unsigned minor;                         /* The API is that of Kubernetes 1.minor. */
    enum proxy_mode proxy_mode;             /* How nodes balance. */
    bool balancer;                          /* A probing balancer is in front of the nodes. */
    const char *images[LAB_IMAGES_MAX];     /* "IMAGE=PROGRAM ARGUMENTS". */
    unsigned image_count;                   /* In use. */
    const char *deny[LAB_IMAGES_MAX];       /* "verb:resource": what the API refuses. */
    unsigned deny_count;                    /* In use. */
    bool ingress;                           /* There is an ingress. */
    bool kube_proxy;                        /* The proxies are a DaemonSet with a ConfigMap. */
    bool allow_commands;                    /* Manifests may name programs of this machine. */
    const char *inside;                     /* "a virtual machine": what it runs in; or NULL. */
    unsigned static_pods; /* > 0: no API, this many bare pods behind one Service. */
    char vips[2][48];     /* Of the static Service; "" = from the pool. */
};

/* What an epoll event means; a member of the object that it belongs to. Events come in batches, and
 * whoever handles one only takes note: what has ended is freed in the turn after it (lab.c), when
 * no event of the batch can lead to it any more. */
enum lab_source_kind {
    LAB_API,
    LAB_SIGNALS,
    LAB_CONTROL,
    LAB_POD_PROCESS,
    LAB_POD_HOOK,
    LAB_POD_PROBE,
    LAB_INGRESS_HAND,
    LAB_PROXY_COMMAND,
    LAB_HEALTH,
    LAB_BALANCER_PROBE,
    LAB_BALANCER_COMMAND,
    LAB_DELAY,
};

struct lab_source {
    enum lab_source_kind kind;
    void *
        owner; /* struct lab_pod, lab_proxy, lab_health, lab_balancer_probe, delay_line; by kind. */
};

/* Handing the ingress's backends to one of its pods. */
struct lab_hand {
    int fd;                  /* -1 when none is under way. */
    bool sent;               /* The request was, all of it. */
    struct text request;     /* What of it is to be sent. */
    uint64_t container;      /* The container that has what follows. */
    uint64_t version;        /* Of the plan that it has. */
    uint64_t handing;        /* Of the one that is under way. */
    uint64_t config_version; /* Of the configuration that it was told to load. */
    int64_t deadline_ns;     /* Of what is under way. */
    int64_t retry_at_ns;     /* Not before. */
};

struct lab_pod {
    char uid[64]; /* Of the object; tells it from a namesake. */
    char namespace[CHANGE_NAME_BYTES];
    char name[CHANGE_NAME_BYTES];
    char image[256];            /* Of the first container. */
    unsigned node;              /* 0-based. */
    struct kubelet_pod machine; /* Its life. */
    struct fabric_pod place;    /* Its namespace and addresses. */
    struct process process;     /* Of the first container. */
    struct process hook;        /* preStop, when it is a program. */
    struct health_probe probe;  /* Readiness. */
    struct lab_hand hand;       /* A pod of the ingress. */
    struct lab_source process_source, hook_source, probe_source, hand_source;
    const char *waiting;          /* Reason why it does not run, or NULL. */
    char message[256];            /* For it. */
    int exit_code;                /* Of the last process. */
    int64_t started_ns, ended_ns; /* UTC; see struct kubelet_facts. */
    uint64_t container;           /* Number of the present container. */
    bool reported_ready;          /* Ready as last published. */
};

struct lab;

enum lab_proxy_state {
    LAB_PROXY_IDLE,
    LAB_PROXY_COUNTING, /* nft lists the counters. */
    LAB_PROXY_LOADING,  /* Tools load what has changed, one after another. */
};

/* In this order. Only the first without IPVS. */
enum lab_proxy_load {
    LAB_LOAD_RULES,     /* nft. */
    LAB_LOAD_ADDRESSES, /* ip, of kube-ipvs0. */
    LAB_LOAD_SERVERS,   /* ipvsadm. */
    LAB_LOADS
};

/* A health check that a node's kube-proxy serves. */
struct lab_health {
    uint16_t port; /* 0: the slot is free. */
    struct health_server *server;
    unsigned local_endpoints; /* As it says now. */
    struct lab_source source;
};

struct lab_proxy {
    unsigned node; /* 0-based. */
    char node_name[16];
    struct proxy proxy;           /* What is loaded. */
    struct proxy_view view;       /* Whose rules. */
    struct proxy_limiter limiter; /* When it may sync. */
    enum lab_proxy_state state;
    struct proxy_plan plan; /* Being loaded. */
    struct command command; /* Under way. */
    struct lab_source source;
    struct text loads[LAB_LOADS]; /* For the tools; "": nothing to do. */
    struct text stale_flows;      /* For conntrack, after them. */
    enum lab_proxy_load load;     /* Under way. */
    int64_t began_ns;             /* UTC stamp before the first was started. */
    uint64_t syncs;               /* Done. */
    uint64_t failures;            /* A tool said no. */
    struct lab_health health[LAB_HEALTH_MAX];
};

/* The front balancer's probing of a node for a Service. */
struct lab_balancer_probe {
    struct health_probe probe;
    size_t service;  /* Index in struct balancer. */
    unsigned node;   /* 0-based. */
    bool begun;      /* At least once. */
    int64_t next_ns; /* When the next one begins. */
    struct lab_source source;
};

/* Both ends of a link. */
struct lab_delay {
    struct delay_line lines[2];
    struct lab_source sources[2];
};

/* A fault of a node or a pod that ends by itself. */
struct lab_timed_fault {
    const char *name;               /* "drop". */
    char target[CHANGE_NAME_BYTES]; /* Of the node or the pod. */
    int64_t end_ns;
    void (*end)(struct lab *lab, struct lab_timed_fault *fault);
    struct lab_delay *delay; /* Of the fault `delay`, owned; else NULL. */
};

/* The front balancer; unused in ECMP mode. */
struct lab_balancer {
    struct balancer wanted;  /* As it should be. */
    struct balancer loading; /* What nft is loading. */
    struct balancer loaded;  /* What its hop does. */
    bool stale;              /* `wanted` has changed since the last load began, or that failed. */
    int64_t load_ns;         /* Not loaded before. */
    bool busy;               /* nft is at work. */
    int64_t due_ns;          /* When Services and Nodes are looked at; INT64_MAX: not. */
    struct command command;
    struct lab_source source;
    struct lab_balancer_probe probes[BALANCER_SERVICES_MAX][BALANCER_NODES_MAX];
};

/* The controller of the ingress. */
struct lab_ingress {
    struct ingress_plan plan; /* As last synchronised. */
    uint64_t version;         /* Of the plan; 1 at first. */
    uint64_t config_version;  /* Version of the plan that changed the configuration last. */
    int64_t config_ns;        /* When it was written, UTC. */
    bool wanted;              /* Something has changed since. */
    int64_t sync_at_ns;       /* Not before. */
    int64_t look_ns;          /* How often a worker looks. */
};

struct lab {
    const struct lab_config *config;
    int epoll_fd;
    int log_fd;           /* Output of pods and of the daemon. */
    struct random random; /* All draws. */
    struct store *store;
    struct cluster cluster;
    uint64_t cursor;          /* Store events read for pods and proxies. */
    int64_t health_looked_ns; /* When health checks' idle connections were looked at. */
    struct fabric fabric;
    struct truth truth;
    struct lab_pod *pods[LAB_PODS_MAX];
    size_t pod_count; /* In use, the first ones. */
    struct lab_proxy proxies[FABRIC_NODES_MAX];
    struct lab_balancer balancer;
    struct lab_ingress ingress;
    uint64_t next_container; /* Numbers of containers. */
    struct api_server *api;  /* NULL in static mode. */
    int64_t api_back_ns;     /* When an outage of the API ends; INT64_MAX: there is none. */
    int64_t watches_fast_ns; /* When slow watches end; likewise. */
    struct lab_timed_fault timed_faults[LAB_TIMED_FAULTS_MAX]; /* Of nodes and pods. */
    unsigned timed_fault_count;                                /* In use, the first ones. */
    struct lab_source api_source, signal_source, control_source;
    int signal_fd;
    int control_fd;
    int down_fd;    /* Who asked for the end, told when all is gone; -1: nobody. */
    bool down;      /* Leave the loop. */
    bool handling;  /* A batch of events is: nothing that has a source may be freed. */
    bool ready;     /* The caller of `up` was told. */
    int ready_fd;   /* Where; -1 afterwards. */
    int64_t now_ns; /* CLOCK_MONOTONIC, once a turn. */
    int64_t utc_ns; /* CLOCK_REALTIME, once a turn. */
};

/* Be the lab until it is told to go down. READY_FD gets "ok\n" once it is up, or an error's text.
 * Returns the exit status. */
int lab_run(const struct lab_config *config, int ready_fd);

/* The rest is between the lab_*.c files. */

void lab_clock(struct lab *lab);
int lab_watch(struct lab *lab, int fd, uint32_t events, struct lab_source *source);
/* Before closing FD: a child between fork and exec may hold it open, and its events would still
 * come. */
void lab_unwatch(struct lab *lab, int fd);
void lab_say(struct lab *lab, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* What it is, for reports: "lab in a virtual machine, profile kubeadm, lc, by IPVS". */
void lab_describe(const struct lab_config *config, char out[LAB_DESCRIPTION_BYTES]);

/* lab_pod.c: a change of a Pod object; what is due; the ends of processes. */
void lab_pod_event(struct lab *lab, const struct store_event *event);
void lab_pod_run(struct lab *lab);
int64_t lab_pod_due(const struct lab *lab);
void lab_pod_process_ended(struct lab *lab, struct lab_pod *pod);
void lab_pod_hook_ended(struct lab *lab, struct lab_pod *pod);
/* Send SIGNAL to a pod's process, stamped. -ENOENT when there is no such pod. */
int lab_pod_kill(struct lab *lab, const char *name, int signal);
void lab_pod_kill_all(struct lab *lab);
/* Stop or continue a pod's process, for a fault. -ENOENT when there is no such pod. */
int lab_pod_freeze(struct lab *lab, const char *name, bool frozen);
struct lab_pod *lab_pod_find(struct lab *lab, const char *name);
void lab_pod_publish(struct lab *lab, struct lab_pod *pod);

/* lab_start.c: the process of a pod. */
bool lab_pod_has_command(const cJSON *object);
int lab_pod_start(struct lab *lab, struct lab_pod *pod, const cJSON *object);
int lab_pod_start_hook(struct lab *lab, struct lab_pod *pod, const cJSON *object);

/* lab_probe.c: readiness. */
void lab_probe_begin(struct lab *lab, struct lab_pod *pod, const cJSON *object);
void lab_probe_event(struct lab *lab, struct lab_pod *pod);
void lab_probe_expire(struct lab *lab, struct lab_pod *pod);
void lab_probe_cancel(struct lab *lab, struct lab_pod *pod);

/* lab_proxy.c: kube-proxy of each node. */
int lab_proxy_init(struct lab *lab, struct error *err);
/* With config->kube_proxy: its objects; whether POD is one of it; its pod on a node has started. */
void lab_proxy_create(struct lab *lab);
bool lab_proxy_is(const struct lab *lab, const struct lab_pod *pod);
void lab_proxy_started(struct lab *lab, const struct lab_pod *pod);
void lab_proxy_event(struct lab *lab, const struct store_event *event);
void lab_proxy_run(struct lab *lab);
int64_t lab_proxy_due(const struct lab *lab);
void lab_proxy_command_ended(struct lab *lab, struct lab_proxy *proxy);
bool lab_proxy_settled(const struct lab *lab);
void lab_proxy_free(struct lab *lab);

/* lab_health.c: what kube-proxy of each node tells front balancers, as of its last plan. */
void lab_health_update(struct lab *lab, struct lab_proxy *proxy);
void lab_health_event(struct lab_health *health);
void lab_health_run(struct lab *lab);
void lab_health_free(struct lab *lab);

/* lab_balancer.c: the front balancer. Without one, all of these do nothing. */
void lab_balancer_init(struct lab *lab);
void lab_balancer_event(struct lab *lab, const struct store_event *event);
void lab_balancer_run(struct lab *lab);
int64_t lab_balancer_due(const struct lab *lab);
void lab_balancer_probe_event(struct lab *lab, struct lab_balancer_probe *probe);
void lab_balancer_command_ended(struct lab *lab);
bool lab_balancer_settled(const struct lab *lab);
/* Add to SERVICES: for each Service the nodes that are in. */
void lab_balancer_status(const struct lab *lab, cJSON *services);
void lab_balancer_free(struct lab *lab);

/* lab_ingress.c: the ingress, which is a pod that runs nginx, and its controller. Not more often
 * than the profile's ingressSync allows, the controller makes a plan (ingress_plan.h), hands the
 * backends to each pod of the ingress, and has it load the configuration when that has changed. */
int lab_ingress_open(struct lab *lab, struct error *err);
void lab_ingress_event(struct lab *lab, const struct store_event *event);
void lab_ingress_run(struct lab *lab);
int64_t lab_ingress_due(const struct lab *lab);
void lab_ingress_hand_event(struct lab *lab, struct lab_pod *pod);
void lab_ingress_cancel(struct lab *lab, struct lab_pod *pod);
bool lab_ingress_is(const struct lab *lab, const struct lab_pod *pod);
bool lab_ingress_is_up(const struct lab *lab); /* Also when there is to be none. */
void lab_ingress_free(struct lab *lab);

/* lab_files.c: what `up` leaves in the directory, and the objects that a fresh cluster has. */
int lab_files_machine(const struct lab *lab, struct error *err);
/* Certificates and configuration of what pods serve. */
int lab_files_pods(const struct lab *lab, const struct certificate_set *set, struct error *err);
/* All files but truth.jsonl and lab.log, which are what the lab was for. */
void lab_files_remove(const char *dir);
void lab_files_nodes(struct lab *lab);
void lab_files_static(struct lab *lab);

/* lab_fault.c: what goes wrong on purpose. TEXT is the fault's name and its operands; FD gets "ok"
 * or "error: ...". */
void lab_fault(struct lab *lab, char *text, int fd);
void lab_fault_run(struct lab *lab);
int64_t lab_fault_due(const struct lab *lab);
/* The network of pod POD goes: what was done to it comes to its end. */
void lab_fault_end(struct lab *lab, const char *pod);
void lab_fault_free(struct lab *lab);

/* lab_control.c: the control socket. */
int lab_control_open(struct lab *lab, struct error *err);
void lab_control_accept(struct lab *lab);
/* Client side: send COMMAND to the lab in DIR, append its answer. 0, -ENOENT when none is
 * up, or it is just ending. */
int lab_control_ask(const char *dir, const char *command, struct text *answer);

#endif
