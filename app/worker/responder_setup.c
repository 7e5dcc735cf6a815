#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "worker/responder_priv.h"

#define S UINT64_C(1000000000)

static int fill(struct responder *responder, const struct responder_config *config,
                struct error *err);

struct responder_config responder_config_default(void)
{
    return (struct responder_config){.server = {.connections = 65536,
                                                .held_bytes = 64 << 20,
                                                .idle_ns = 300 * S,
                                                .handshake_ns = 10 * S,
                                                .http = {.status = 200}},
                                     .time_wait_ns = 60 * S};
}

struct responder *responder_setup(const struct responder_config *config, struct error *err)
{
    assert(config->clock != NULL);
    assert(config->port != NULL);
    size_t bytes = (sizeof(struct responder) + 63) & ~(size_t)63;
    struct responder *responder = aligned_alloc(64, bytes);
    if (responder == NULL) {
        error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "not enough memory for a responder");
        return NULL;
    }
    memset(responder, 0, bytes);
    if (fill(responder, config, err) < 0) {
        responder_free(responder);
        return NULL;
    }
    return responder;
}

void responder_free(struct responder *responder)
{
    if (responder == NULL)
        return;
    server_free(responder->server);
    tcp_teardown(responder->tcp);
    free(responder);
}

/* A client that is gone without a word is noticed when it acknowledges nothing. */
static int fill(struct responder *responder, const struct responder_config *config,
                struct error *err)
{
    struct tcp_config tcp = tcp_config_default(config->server.connections);
    tcp.key = config->key;
    tcp.user_timeout_ns = 60 * S;
    tcp.fin_wait_2_ns = 60 * S;
    tcp.time_wait_ns = config->time_wait_ns;
    tcp.listeners = SERVER_LISTENERS;
    tcp.half_opens = config->server.connections < 16384 ? config->server.connections : 16384;
    tcp.mtu_bytes = net_mtu_bytes(config->port);
    responder->port = config->port;
    responder->clock = config->clock;
    responder->group_v4 = config->group_v4;
    responder->group_v6 = config->group_v6;
    responder->tcp = tcp_setup(&tcp, 0, err);
    if (responder->tcp == NULL)
        return -1;
    responder->server = server_setup(&config->server, responder->tcp, err);
    return responder->server != NULL ? 0 : -1;
}
