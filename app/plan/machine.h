/* machine.h - this tester: its NIC ports, cores, memory, and where it may send (docs/machine.md).
 *
 * The typed form of a machine file, read as strictly as an experiment. It is about the appliance
 * and the wires it hangs on, never about a cluster, so that experiments are portable between
 * machines.
 *
 * Threads: read-only after loading. Memory: as of experiment.h; machine_free() frees all. Full: a
 * list longer than its limit is refused.
 */
#ifndef PLAN_MACHINE_H
#define PLAN_MACHINE_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/error.h"

struct experiment;
struct experiment_stream;
struct experiment_raw;
struct reader_object;

enum {
    MACHINE_VERSION = 1,
    MACHINE_PORTS_MAX = 8,
    MACHINE_CLIENTS_MAX = 32,
    MACHINE_HOPS_MAX = 32,
    MACHINE_ON_LINK_MAX = 16,
    MACHINE_WORKERS_MAX = 64,
    MACHINE_QUEUES_MAX = 16,
    MACHINE_ALLOW_MAX = 64,
};

enum machine_timestamps {
    MACHINE_TIMESTAMPS_AUTO, /* The NIC's where it has them. */
    MACHINE_TIMESTAMPS_OFF,  /* The worker's always. */
};

struct machine_port {
    const char *name;      /* Unique in the file. */
    const char *profile;   /* A file of drivers-cfg/ without ".json": "af_xdp". */
    const char *iface;     /* A netdev; exactly one of iface, pci, socket is not NULL. */
    const char *pci;       /* "0000:3b:00.0". */
    const char *socket;    /* A vhost-user socket. */
    uint32_t mtu;          /* 576..9978; at least 1280 with an IPv6 client. */
    uint32_t vlan;         /* 1..4094; 0: untagged. */
    uint32_t queues;       /* Queue pairs and workers of it; an equal share of the workers unless
                              said. All ports' together are worker_count. */
    uint32_t client_count; /* At least 1. */
    struct prefix clients[MACHINE_CLIENTS_MAX]; /* Own addresses; ARP and ND is answered for all. */
    uint32_t on_link_count;                     /* Of on_link. */
    struct prefix on_link[MACHINE_ON_LINK_MAX]; /* Targets in these are neighbours themselves. */
    uint32_t next_hop_count;                    /* Of next_hops. */
    struct address next_hops[MACHINE_HOPS_MAX]; /* For other targets: a group by 5-tuple a family,
                                                   unless the experiment's route names nodes. */
    enum machine_timestamps timestamps;         /* Whose stamps packets get. */
    bool gateway_v4_given;                      /* gateway_v4 holds one. */
    bool gateway_v6_given;                      /* gateway_v6 holds one. */
    struct address gateway_v4; /* For what is neither on-link nor has a next hop. */
    struct address gateway_v6; /* Likewise. */
};

enum machine_hugepages {
    MACHINE_HUGEPAGES_AUTO, /* Used if there are any. */
    MACHINE_HUGEPAGES_YES,  /* Refuse to start without. */
    MACHINE_HUGEPAGES_NO,   /* --no-huge. */
};

struct machine {
    const char *path;                             /* The file's name, for messages. */
    const char *name;                             /* Of the tester; in reports. */
    uint32_t port_count;                          /* At least 1. */
    struct machine_port ports[MACHINE_PORTS_MAX]; /* In the order of the file. */
    uint32_t worker_count;                        /* At least 1. */
    uint32_t workers[MACHINE_WORKERS_MAX];        /* Core numbers, all different. */
    int32_t control;                        /* The control thread's core; -1: any that is free. */
    enum machine_hugepages hugepages;       /* Whether to use them. */
    uint32_t memory_megabytes;              /* For packets and connections. */
    uint32_t allow_count;                   /* 0: nothing but what was typed. */
    struct prefix allow[MACHINE_ALLOW_MAX]; /* Where it may send to by file or cluster. */
    double limit_rate_per_s;                /* Sum of all streams' rates; 0: no limit but the
                                                port's profile. */
    uint32_t limit_connections;             /* Sum of all streams' connections; 0: none. */
    cJSON *source;                          /* The file's tree; strings above point into it. */
    cJSON *resolved; /* With every default written out: machine.json of a run. */
};

/* 0, or -errno with ERR ("FILE: ports[0].mtu: ..."); *OUT is then untouched. */
int machine_load(const char *path, struct machine **out, struct error *err);
int machine_parse(const char *name, const char *bytes, size_t size, struct machine **out,
                  struct error *err);
void machine_free(struct machine *machine);

/* The port whose client pools contain ADDRESS, or -1: then it is not our own. */
int machine_port_of_client(const struct machine *machine, const struct address *address);
/* Addresses of PORT's pools of one family, saturated at UINT64_MAX. */
uint64_t machine_client_count(const struct machine_port *port, bool v4);

/* May traffic go to ADDRESS? Refused when it is an own address, when no port has a client of its
 * family, or when it is outside `allow` and was not TYPED on the command line. WHAT names it in the
 * message ("streams[0].target", "service/mserver"). 0 or -EPERM/-EADDRINUSE/-EAFNOSUPPORT. */
int machine_check_target(const struct machine *machine, const struct address *address, bool typed,
                         const char *what, struct error *err);
/* The same of all frames of the raw STREAM from DESTINATION on. They may also go to own addresses,
 * all of one port, which then receives what others send; sources that are no clients must be inside
 * `allow`, too. 0 or -EPERM/-EADDRINUSE/-EADDRNOTAVAIL: no port is left to send. */
int machine_check_raw(const struct machine *machine, const struct experiment_stream *stream,
                      const struct address *destination, const char *what, struct error *err);
/* Does PORT send frames of RAW to DESTINATION? Not to own addresses; with a source that is given
 * and is a client, only the port whose client it is. */
bool machine_port_sends(const struct machine_port *port, const struct experiment_raw *raw,
                        const struct address *destination);
/* Do the machine's limits admit the experiment, and its static targets pass the check above?
 * 0 or -errno with ERR. */
int machine_check_experiment(const struct machine *machine, const struct experiment *experiment,
                             struct error *err);

/* The table of all keys, for the test against the JSON Schema. */
const struct reader_object *machine_shape(void);

#endif
