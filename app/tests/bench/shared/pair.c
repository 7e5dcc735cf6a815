#include "tests/bench/shared/pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_launch.h>

enum {
    WORKER,
    RESPONDER,
    TAKE_EVERY_MS = 5
};
#define S UINT64_C(1000000000)

static struct net_port_config port_of(const char *name, const char *profile, const char *device)
{
    return (struct net_port_config){.name = name,
                                    .profile = profile,
                                    .device = device,
                                    .checksum = NET_CHECKSUM_SOFTWARE,
                                    .pool_count = 1};
}

/* The back end first: it makes the socket. */
static int open_ports(struct pair *pair, struct error *err)
{
    char path[PAIR_PATH_BYTES + 8];
    snprintf(path, sizeof(path), "%s/socket", pair->folder);
    const char *drivers = getenv("SEAMLINE_DRIVERS");
    struct net_port_config far = port_of("far", "vhost", path);
    struct net_port_config near = port_of("near", "virtio-user", path);
    far.options = "client=0";
    far.serves = true;
    if (prefix_parse("10.9.0.0/24", &far.pools[0], err) < 0 ||
        prefix_parse("10.1.0.0/24", &near.pools[0], err) < 0)
        return -1;
    pair->clients = near.pools[0];
    if (net_port_open(&far, drivers, &pair->far, NULL, err) < 0 ||
        net_port_open(&near, drivers, &pair->near, NULL, err) < 0)
        return -1;
    return 0;
}

static int start_responder(struct pair *pair, const struct server_config *server,
                           const struct address *client, struct error *err)
{
    struct responder_config config = responder_config_default();
    struct error unheard = {0};
    if (net_group_add(pair->far, client, 1, err) < 0)
        return -1;
    /* It hears of the worker's port when that asks. */
    net_resolve(pair->far, &pair->clock, S / 20, &unheard);
    config.clock = &pair->clock;
    config.port = pair->far;
    config.server = *server;
    snprintf(config.server.name, sizeof(config.server.name), "bench");
    config.time_wait_ns = S / 1000; /* Long enough to acknowledge the client's FIN. */
    pair->responder = responder_setup(&config, err);
    if (pair->responder == NULL)
        return -1;
    rte_eal_remote_launch(responder_main, pair->responder, net_worker_lcore(RESPONDER));
    return 0;
}

int pair_open(struct pair *pair, const int cpus[2], const struct server_config *server,
              struct error *err)
{
    const struct net_eal_config eal = {.main_core = -1,
                                       .worker_cores = {cpus[0], cpus[1]},
                                       .worker_count = 2,
                                       .memory = NET_MEMORY_AUTO,
                                       .memory_mib = 256};
    struct address client;
    const char *base = getenv("TMPDIR");
    *pair = (struct pair){0};
    clock_start(&pair->clock, 200 * S / 1000);
    snprintf(pair->folder, sizeof(pair->folder), "%.60s/seamline-bench-XXXXXX",
             base != NULL ? base : "/tmp");
    if (mkdtemp(pair->folder) == NULL)
        return error_set(err, EXIT_ENVIRONMENT, -1, "no folder %s can be made", pair->folder);
    pair->eal = net_eal_start(&eal, NULL, err) == 0;
    if (!pair->eal || address_parse("10.1.0.1", &client, err) < 0 ||
        address_parse("10.9.0.1", &pair->target.address, err) < 0 || open_ports(pair, err) < 0 ||
        start_responder(pair, server, &client, err) < 0)
        return -1;
    int group = net_group_add(pair->near, &pair->target.address, 1, err);
    if (group < 0 || net_resolve(pair->near, &pair->clock, 10 * S, err) < 0)
        return -1;
    pair->target.group = (uint16_t)group;
    pair->target.port = server->listeners[0].port;
    return 0;
}

struct worker_config pair_config(const struct pair *pair)
{
    struct worker_config config = worker_config_default();
    config.clock = &pair->clock;
    config.port = pair->near;
    config.time_wait_ns = 0;
    config.traffic.quarantine_ns = 0;
    config.traffic.pools[0] = pair->clients;
    config.traffic.pool_count = 1;
    config.traffic.stream_count = 1;
    return config;
}

int pair_start(struct pair *pair, const struct worker_config *config, struct error *err)
{
    pair->worker = worker_setup(config, err);
    if (pair->worker == NULL)
        return -1;
    worker_command(pair->worker, &(struct worker_command){.kind = WORKER_START});
    rte_eal_remote_launch(worker_main, pair->worker, net_worker_lcore(WORKER));
    return 0;
}

/* Hosts stay. */
static void take_records(struct record *record)
{
    for (unsigned type = 0; type < RECORD_TYPE_COUNT; type++)
        if (type != RECORD_HOSTS)
            record_take(record, type, record_count(record, type));
    for (uint32_t i = 0; i < record->stream_count; i++)
        while (intervals_oldest(&record->streams[i].intervals) != NULL)
            intervals_give_back(&record->streams[i].intervals);
}

void pair_wait(struct pair *pair, unsigned ms)
{
    for (unsigned i = 0; i < ms; i += TAKE_EVERY_MS) {
        usleep(TAKE_EVERY_MS * 1000);
        take_records(worker_record(pair->worker));
    }
}

void pair_close(struct pair *pair)
{
    char path[PAIR_PATH_BYTES + 8];
    if (pair->worker != NULL) {
        worker_command(pair->worker, &(struct worker_command){.kind = WORKER_QUIT});
        rte_eal_wait_lcore(net_worker_lcore(WORKER));
    }
    if (pair->responder != NULL) {
        responder_stop(pair->responder);
        rte_eal_wait_lcore(net_worker_lcore(RESPONDER));
    }
    worker_free(pair->worker);
    responder_free(pair->responder);
    if (pair->near != NULL)
        net_port_close(pair->near);
    if (pair->far != NULL)
        net_port_close(pair->far);
    snprintf(path, sizeof(path), "%s/socket", pair->folder);
    unlink(path);
    rmdir(pair->folder);
    if (pair->eal)
        net_eal_stop();
}
