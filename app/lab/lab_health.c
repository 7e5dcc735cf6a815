#include "lab/lab.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

static void stop(struct lab *lab, struct lab_health *health)
{
    if (health->server != NULL)
        lab_unwatch(lab, health_server_fd(health->server));
    health_server_stop(health->server);
    *health = (struct lab_health){0};
}

static const struct proxy_health *wanted_at(const struct proxy_plan *plan, uint16_t port)
{
    for (size_t i = 0; i < plan->health_count; i++) {
        if (plan->health[i].port == port)
            return &plan->health[i];
    }
    return NULL;
}

static struct lab_health *slot_for(struct lab_proxy *proxy, uint16_t port)
{
    struct lab_health *empty = NULL;

    for (size_t i = 0; i < LAB_HEALTH_MAX; i++) {
        if (proxy->health[i].port == port)
            return &proxy->health[i];
        if (proxy->health[i].port == 0 && empty == NULL)
            empty = &proxy->health[i];
    }
    return empty;
}

/* A port that is taken (by a pod in the node's network) is tried again at the next sync. */
static void start(struct lab *lab, struct lab_proxy *proxy, struct lab_health *health,
                  uint16_t port)
{
    int rc = health_server_start(lab->fabric.node_fds[proxy->node], lab->fabric.home_fd, port,
                                 &health->server);

    if (rc == 0) {
        health->port = port;
        health->source = (struct lab_source){LAB_HEALTH, health};
        rc = lab_watch(lab, health_server_fd(health->server), EPOLLIN, &health->source);
    }
    if (rc < 0) {
        lab_say(lab, "node %s: no health check on port %u: %s", proxy->node_name, port,
                strerror(-rc));
        stop(lab, health);
    }
}

static void log_change(struct lab *lab, const struct lab_proxy *proxy,
                       const struct health_facts *facts)
{
    char service[2 * HEALTH_SERVER_NAME_BYTES + 2];
    cJSON *line = truth_begin(&lab->truth, truth_now_ns(), "health-changed");

    snprintf(service, sizeof(service), "%s/%s", facts->namespace, facts->name);
    cJSON_AddStringToObject(line, "node", proxy->node_name);
    cJSON_AddStringToObject(line, "service", service);
    json_add_integer(line, "localEndpoints", facts->local_endpoints);
    truth_end(&lab->truth, line);
}

static void update(struct lab *lab, struct lab_proxy *proxy, uint16_t port,
                   const struct health_facts *facts)
{
    struct lab_health *health = slot_for(proxy, port);
    bool fresh;

    if (health == NULL)
        return;
    fresh = health->server == NULL;
    if (fresh)
        start(lab, proxy, health, port);
    if (health->server == NULL)
        return;
    if (facts->name[0] != '\0' && (fresh || health->local_endpoints != facts->local_endpoints))
        log_change(lab, proxy, facts);
    health->local_endpoints = facts->local_endpoints;
    health_server_set(health->server, facts);
}

void lab_health_update(struct lab *lab, struct lab_proxy *proxy)
{
    struct health_facts facts = {.updated_ns = lab->utc_ns};

    for (size_t i = 0; i < LAB_HEALTH_MAX; i++) {
        struct lab_health *health = &proxy->health[i];
        if (health->port != 0 && health->port != HEALTH_SERVER_NODE_PORT &&
            wanted_at(&proxy->plan, health->port) == NULL)
            stop(lab, health);
    }
    update(lab, proxy, HEALTH_SERVER_NODE_PORT, &facts);
    for (size_t i = 0; i < proxy->plan.health_count; i++) {
        const struct proxy_health *wanted = &proxy->plan.health[i];

        snprintf(facts.namespace, sizeof(facts.namespace), "%s", wanted->namespace);
        snprintf(facts.name, sizeof(facts.name), "%s", wanted->name);
        facts.local_endpoints = wanted->local_ready;
        update(lab, proxy, wanted->port, &facts);
    }
}

void lab_health_event(struct lab_health *health)
{
    if (health->server != NULL)
        health_server_run(health->server);
}

/* Idle connections end by time, which no descriptor tells. */
void lab_health_run(struct lab *lab)
{
    static const int64_t second_ns = INT64_C(1000000000);

    if (lab->now_ns < lab->health_looked_ns + second_ns)
        return;
    lab->health_looked_ns = lab->now_ns;
    for (unsigned node = 0; node < lab->config->nodes; node++) {
        for (size_t i = 0; i < LAB_HEALTH_MAX; i++)
            lab_health_event(&lab->proxies[node].health[i]);
    }
}

void lab_health_free(struct lab *lab)
{
    for (unsigned node = 0; node < lab->config->nodes; node++) {
        for (size_t i = 0; i < LAB_HEALTH_MAX; i++)
            stop(lab, &lab->proxies[node].health[i]);
    }
}
