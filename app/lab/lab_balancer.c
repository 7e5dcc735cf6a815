#include "lab/lab.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "lab/object.h"

static const int64_t tick_ns = INT64_C(100000000);     /* How exactly a fixed lag is kept. */
static const int64_t timeout_ns = INT64_C(1000000000); /* Of a probe. */
static const int64_t second_ns = INT64_C(1000000000);

/* With a fixed lag a node is looked at all the time, so that the lag begins when it does. */
static int64_t interval_ns(const struct lab *lab)
{
    const struct profile_range *delays = lab->config->profile.delays;
    int64_t interval = delays[PROFILE_PROBE_INTERVAL].least_ns;

    return interval < tick_ns || delays[PROFILE_PROBE_LAG].most_ns > 0 ? tick_ns : interval;
}

void lab_balancer_init(struct lab *lab)
{
    struct lab_balancer *balancer = &lab->balancer;

    balancer->due_ns = INT64_MAX;
    if (!lab->config->balancer)
        return;
    balancer->source = (struct lab_source){LAB_BALANCER_COMMAND, balancer};
    balancer->wanted.node_count = lab->config->nodes;
    balancer->due_ns = lab->now_ns;
    for (size_t i = 0; i < BALANCER_SERVICES_MAX; i++) {
        for (unsigned node = 0; node < lab->config->nodes; node++) {
            struct lab_balancer_probe *probe = &balancer->probes[i][node];
            *probe = (struct lab_balancer_probe){.probe.fd = -1, .service = i, .node = node};
            probe->source = (struct lab_source){LAB_BALANCER_PROBE, probe};
        }
    }
}

void lab_balancer_event(struct lab *lab, const struct store_event *event)
{
    if (!lab->config->balancer || (event->kind != STORE_SERVICE && event->kind != STORE_NODE))
        return;
    int64_t due_ns =
        lab->now_ns + profile_draw(&lab->config->profile, PROFILE_BALANCER, &lab->random);
    if (due_ns < lab->balancer.due_ns)
        lab->balancer.due_ns = due_ns;
}

static void end_probe(struct lab *lab, struct lab_balancer_probe *probe)
{
    lab_unwatch(lab, probe->probe.fd);
    health_probe_end(&probe->probe);
}

/* Services may have changed their places: all are probed anew, at once. */
static void restart_probes(struct lab *lab)
{
    for (size_t i = 0; i < BALANCER_SERVICES_MAX; i++) {
        for (unsigned node = 0; node < lab->config->nodes; node++) {
            struct lab_balancer_probe *probe = &lab->balancer.probes[i][node];
            end_probe(lab, probe);
            probe->next_ns = i < lab->balancer.wanted.service_count ? lab->now_ns : INT64_MAX;
        }
    }
}

static bool same_services(const struct balancer *balancer, const struct balancer_service *services,
                          size_t count)
{
    if (balancer->service_count != count)
        return false;
    for (size_t i = 0; i < count; i++) {
        const struct balancer_service *a = &balancer->services[i], *b = &services[i];
        if (strcmp(a->key, b->key) != 0 || a->probe_port != b->probe_port ||
            a->vip_count != b->vip_count || memcmp(a->vips, b->vips, sizeof(a->vips)) != 0)
            return false;
    }
    return true;
}

/* What the cluster's Services and Nodes say, as a cloud's controller would set it up. */
static void configure(struct lab *lab)
{
    struct balancer *wanted = &lab->balancer.wanted;
    struct balancer_service *services = calloc(BALANCER_SERVICES_MAX, sizeof(*services));
    const cJSON *object = NULL;
    size_t count = 0;

    if (services == NULL)
        abort();
    lab->balancer.due_ns = INT64_MAX;
    for (unsigned node = 0; node < lab->config->nodes; node++) {
        bool usable = balancer_node_usable(
            store_get(lab->store, STORE_NODE, "", lab->proxies[node].node_name));
        lab->balancer.stale = lab->balancer.stale || usable != wanted->pool[node];
        wanted->pool[node] = usable;
    }
    while (count < BALANCER_SERVICES_MAX &&
           (object = store_next(lab->store, STORE_SERVICE, "", object)) != NULL)
        count += balancer_service_of(object, &services[count]);
    if (!same_services(wanted, services, count)) {
        balancer_replace(wanted, services, count);
        lab->balancer.stale = true;
        restart_probes(lab);
    }
    free(services);
}

static void probed(struct lab *lab, struct lab_balancer_probe *probe, bool good)
{
    struct balancer_service *service = &lab->balancer.wanted.services[probe->service];
    int64_t lag_ns = profile_draw(&lab->config->profile, PROFILE_PROBE_LAG, &lab->random);

    end_probe(lab, probe);
    if (balancer_probed(&service->health[probe->node], good, probe->probe.began_ns, lab->now_ns,
                        lag_ns))
        lab->balancer.stale = true;
}

/* The first probes of all begin at once, and those that follow at times of their own. */
static void begin_probe(struct lab *lab, struct lab_balancer_probe *probe)
{
    const struct balancer_service *service = &lab->balancer.wanted.services[probe->service];
    struct health_target target = {
        .port = service->probe_port, .path = "/healthz", .agent = "seamline-lab"};
    int64_t interval = interval_ns(lab);
    char text[20];

    probe->next_ns = lab->now_ns + interval;
    if (!probe->begun)
        probe->next_ns -= (int64_t)random_below(&lab->random, (uint64_t)interval);
    probe->begun = true;
    fabric_node_v4(probe->node, text);
    address_parse(text, &target.address, NULL);
    if (health_probe_begin(&probe->probe, lab->fabric.balancer_fd, lab->fabric.home_fd, &target,
                           lab->now_ns, timeout_ns) < 0 ||
        lab_watch(lab, probe->probe.fd, EPOLLOUT, &probe->source) < 0)
        probed(lab, probe, false);
}

void lab_balancer_probe_event(struct lab *lab, struct lab_balancer_probe *probe)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &probe->source};
    enum health_verdict verdict;

    if (probe->probe.fd < 0)
        return;
    verdict = health_probe_advance(&probe->probe);
    if (verdict == HEALTH_PENDING)
        epoll_ctl(lab->epoll_fd, EPOLL_CTL_MOD, probe->probe.fd, &event);
    else
        probed(lab, probe, verdict == HEALTH_GOOD);
}

static void run_probe(struct lab *lab, struct lab_balancer_probe *probe)
{
    if (probe->probe.fd >= 0 && probe->probe.deadline_ns <= lab->now_ns)
        probed(lab, probe, false);
    if (probe->probe.fd < 0 && probe->next_ns <= lab->now_ns)
        begin_probe(lab, probe);
}

/* The hop does what it did before; it is told again, soon. */
static void failed(struct lab *lab, const char *words)
{
    lab_say(lab, "balancer: nft failed: %.1000s", words);
    lab->balancer.stale = true;
    lab->balancer.load_ns = lab->now_ns + second_ns;
}

static void load(struct lab *lab)
{
    static const char *const argv[] = {"nft", "-f", "-", NULL};
    struct lab_balancer *balancer = &lab->balancer;
    struct text rules = {0};
    int rc;

    balancer->stale = false;
    balancer->loading = balancer->wanted;
    balancer_rules(&balancer->loading, &rules);
    rc = command_start(&balancer->command, lab->fabric.balancer_fd, lab->fabric.home_fd, argv,
                       text_str(&rules));
    text_free(&rules);
    if (rc == 0) {
        rc = lab_watch(lab, balancer->command.pid_fd, EPOLLIN, &balancer->source);
        if (rc < 0)
            command_finish(&balancer->command, NULL);
    }
    balancer->busy = rc == 0;
    if (rc < 0)
        failed(lab, strerror(-rc));
}

static bool was_in(const struct balancer *before, const char *key, size_t node)
{
    for (size_t i = 0; i < before->service_count; i++) {
        if (strcmp(before->services[i].key, key) == 0)
            return balancer_in(before, &before->services[i], node);
    }
    return false;
}

static void log_node(struct lab *lab, int64_t stamp_ns, const struct balancer_service *service,
                     size_t node)
{
    bool in = balancer_in(&lab->balancer.loading, service, node);
    cJSON *line;

    if (in == was_in(&lab->balancer.loaded, service->key, node))
        return;
    line = truth_begin(&lab->truth, stamp_ns, in ? "balancer-node-in" : "balancer-node-out");
    cJSON_AddStringToObject(line, "node", lab->proxies[node].node_name);
    cJSON_AddStringToObject(line, "service", service->key);
    if (!in)
        cJSON_AddStringToObject(line, "reason",
                                lab->balancer.loading.pool[node] ? "probe" : "excluded");
    truth_batch(&lab->truth, line);
}

void lab_balancer_command_ended(struct lab *lab)
{
    struct lab_balancer *balancer = &lab->balancer;
    struct text output = {0};
    int64_t stamp_ns = truth_now_ns();

    if (!balancer->busy)
        return;
    lab_unwatch(lab, balancer->command.pid_fd);
    balancer->busy = false;
    if (command_finish(&balancer->command, &output) < 0) {
        failed(lab, text_str(&output));
    } else {
        for (size_t i = 0; i < balancer->loading.service_count; i++) {
            for (size_t node = 0; node < balancer->loading.node_count; node++)
                log_node(lab, stamp_ns, &balancer->loading.services[i], node);
        }
        truth_flush(&lab->truth);
        balancer->loaded = balancer->loading;
    }
    text_free(&output);
}

void lab_balancer_run(struct lab *lab)
{
    struct lab_balancer *balancer = &lab->balancer;

    if (balancer->due_ns <= lab->now_ns)
        configure(lab);
    for (size_t i = 0; i < balancer->wanted.service_count; i++) {
        for (unsigned node = 0; node < lab->config->nodes; node++)
            run_probe(lab, &balancer->probes[i][node]);
    }
    if (balancer->stale && !balancer->busy && balancer->load_ns <= lab->now_ns)
        load(lab);
}

int64_t lab_balancer_due(const struct lab *lab)
{
    int64_t due_ns = lab->balancer.due_ns;

    if (lab->balancer.stale && !lab->balancer.busy && lab->balancer.load_ns < due_ns)
        due_ns = lab->balancer.load_ns;
    for (size_t i = 0; i < lab->balancer.wanted.service_count; i++) {
        for (unsigned node = 0; node < lab->config->nodes; node++) {
            const struct lab_balancer_probe *probe = &lab->balancer.probes[i][node];
            int64_t probe_ns = probe->probe.fd >= 0 ? probe->probe.deadline_ns : probe->next_ns;
            if (probe_ns < due_ns)
                due_ns = probe_ns;
        }
    }
    return due_ns;
}

/* In static mode the lab is up when all nodes are in. */
bool lab_balancer_settled(const struct lab *lab)
{
    const struct lab_balancer *balancer = &lab->balancer;

    if (!lab->config->balancer)
        return true;
    if (balancer->busy || balancer->stale || balancer->due_ns != INT64_MAX)
        return false;
    for (unsigned node = 0; lab->config->static_pods > 0 && node < lab->config->nodes; node++) {
        if (balancer->loaded.service_count == 0 ||
            !balancer_in(&balancer->loaded, &balancer->loaded.services[0], node))
            return false;
    }
    return true;
}

void lab_balancer_status(const struct lab *lab, cJSON *services)
{
    const struct balancer *balancer = &lab->balancer.loaded;

    for (size_t i = 0; i < balancer->service_count; i++) {
        cJSON *list = cJSON_AddArrayToObject(services, balancer->services[i].key);
        for (size_t node = 0; node < balancer->node_count; node++) {
            if (balancer_in(balancer, &balancer->services[i], node))
                cJSON_AddItemToArray(list, cJSON_CreateString(lab->proxies[node].node_name));
        }
    }
}

void lab_balancer_free(struct lab *lab)
{
    if (!lab->config->balancer)
        return;
    if (lab->balancer.busy)
        command_finish(&lab->balancer.command, NULL);
    for (size_t i = 0; i < BALANCER_SERVICES_MAX; i++) {
        for (unsigned node = 0; node < lab->config->nodes; node++)
            end_probe(lab, &lab->balancer.probes[i][node]);
    }
}
