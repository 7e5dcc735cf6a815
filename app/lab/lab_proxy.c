#include "lab/lab.h"

#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#include "lab/api_default.h"
#include "lab/kube_proxy.h"
#include "lab/netns.h"
#include "lab/object.h"

#define RETRY_NS INT64_C(1000000000)

/* What kube-proxy's mode ipvs sets on its node, and the device that has all its addresses. */
static int prepare_ipvs(struct lab *lab, unsigned node, struct error *err)
{
    static const char *const settings[][2] = {
        {"ipv4/vs/conntrack", "1"},        {"ipv4/vs/expire_nodest_conn", "1"},
        {"ipv4/vs/conn_reuse_mode", "0"},  {"ipv4/vs/expire_quiescent_template", "1"},
        {"ipv4/conf/all/arp_ignore", "1"}, {"ipv4/conf/all/arp_announce", "2"},
    };
    static const char *const device[] = {"ip", "link", "add", "kube-ipvs0", "type", "dummy", NULL};
    int fd = lab->fabric.node_fds[node], home_fd = lab->fabric.home_fd;

    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        int rc = netns_sysctl(fd, home_fd, settings[i][0], settings[i][1]);
        if (rc < 0)
            return error_set(err, EXIT_ENVIRONMENT, rc,
                             "net/%s cannot be set: %s; --proxy %s needs a kernel with IPVS "
                             "(modprobe ip_vs), as scripts/vm-lab brings one",
                             settings[i][0], strerror(-rc),
                             proxy_mode_word(lab->config->proxy_mode));
    }
    return command_run(fd, home_fd, device, NULL, NULL, err);
}

int lab_proxy_init(struct lab *lab, struct error *err)
{
    int rc = 0;

    for (unsigned i = 0; i < lab->config->nodes; i++) {
        struct lab_proxy *proxy = &lab->proxies[i];
        const struct profile *profile = &lab->config->profile;
        char v4[20], v6[32];

        fabric_node_v4(i, v4);
        fabric_node_v6(i, v6);
        proxy->node = i;
        snprintf(proxy->node_name, sizeof(proxy->node_name), "n%u", i + 1);
        proxy->view.node = proxy->node_name;
        proxy->view.terminating_endpoints = profile->terminating_endpoints;
        proxy->view.masquerade = profile->masquerade;
        address_parse(v4, &proxy->view.node_v4, NULL);
        address_parse(v6, &proxy->view.node_v6, NULL);
        proxy->source = (struct lab_source){LAB_PROXY_COMMAND, proxy};
        proxy_init(&proxy->proxy, lab->config->proxy_mode);
        proxy_limiter_init(&proxy->limiter, profile->delays[PROFILE_PROXY_MIN_SYNC].least_ns,
                           profile->proxy_burst, lab->now_ns);
        proxy_limiter_want(&proxy->limiter, lab->now_ns);
        if (rc == 0 && proxy_mode_ipvs(lab->config->proxy_mode) != NULL)
            rc = prepare_ipvs(lab, i, err);
    }
    return rc;
}

void lab_proxy_event(struct lab *lab, const struct store_event *event)
{
    if (event->kind != STORE_SERVICE && event->kind != STORE_ENDPOINTSLICE)
        return;
    for (unsigned i = 0; i < lab->config->nodes; i++)
        proxy_limiter_want(
            &lab->proxies[i].limiter,
            lab->now_ns + profile_draw(&lab->config->profile, PROFILE_PROXY_APPLY, &lab->random));
}

bool lab_proxy_is(const struct lab *lab, const struct lab_pod *pod)
{
    return lab->config->kube_proxy && strcmp(pod->namespace, KUBE_PROXY_NAMESPACE) == 0 &&
           strcmp(pod->image, KUBE_PROXY_IMAGE) == 0;
}

void lab_proxy_create(struct lab *lab)
{
    cJSON *daemonset = kube_proxy_daemonset();

    api_default(STORE_DAEMONSET, daemonset);
    store_create(lab->store, STORE_CONFIGMAP, kube_proxy_configmap(lab->config->proxy_mode),
                 lab->utc_ns, NULL);
    store_create(lab->store, STORE_DAEMONSET, daemonset, lab->utc_ns, NULL);
}

void lab_proxy_started(struct lab *lab, const struct lab_pod *pod)
{
    struct lab_proxy *proxy = &lab->proxies[pod->node];
    const cJSON *configmap =
        store_get(lab->store, STORE_CONFIGMAP, KUBE_PROXY_NAMESPACE, KUBE_PROXY_NAME);
    enum proxy_mode mode = proxy->proxy.mode;
    char why[300];

    if (kube_proxy_mode(configmap, &mode, why, sizeof(why)) < 0)
        lab_say(lab, "pod %s: %s; node %s keeps %s", pod->name, why, proxy->node_name,
                proxy_mode_text(proxy->proxy.mode));
    if (mode == proxy->proxy.mode)
        return;
    truth_log(&lab->truth, truth_now_ns(), "proxy-mode", "node", proxy->node_name, "mode",
              proxy_mode_text(mode));
    proxy_change_mode(&proxy->proxy, mode);
    proxy_limiter_want(&proxy->limiter, lab->now_ns);
}

static void make_plan(struct lab *lab, struct lab_proxy *proxy)
{
    const cJSON *service = NULL, *slice = NULL;
    const cJSON *slices[512];
    size_t count = 0;

    while (count < sizeof(slices) / sizeof(slices[0]) &&
           (slice = store_next(lab->store, STORE_ENDPOINTSLICE, "", slice)) != NULL)
        slices[count++] = slice;
    proxy_plan_free(&proxy->plan);
    while ((service = store_next(lab->store, STORE_SERVICE, "", service)) != NULL)
        proxy_plan_add(&proxy->plan, &proxy->view, service, slices, count);
}

static size_t usable_endpoints(const struct proxy_plan *plan)
{
    size_t count = 0;

    for (size_t i = 0; i < plan->count; i++)
        count += plan->ports[i].endpoint_count;
    return count;
}

/* One line a service port that changes. */
static void log_change(struct lab *lab, const struct lab_proxy *proxy, int64_t stamp_ns,
                       const char *event)
{
    for (size_t i = 0; i < proxy->plan.count; i++) {
        const struct proxy_port *port = &proxy->plan.ports[i];
        cJSON *line, *list;

        if (!port->changed)
            continue;
        line = truth_begin(&lab->truth, stamp_ns, event);
        cJSON_AddStringToObject(line, "node", proxy->node_name);
        cJSON_AddStringToObject(line, "service", port->key);
        list = cJSON_AddArrayToObject(line, "endpoints");
        for (size_t n = 0; n < port->endpoint_count; n++) {
            char text[ADDRESS_TEXT_BYTES];
            cJSON_AddItemToArray(
                list, cJSON_CreateString(address_text(&port->endpoints[n].address, text)));
        }
        truth_batch(&lab->truth, line);
    }
    truth_flush(&lab->truth);
}

/* Whatever the node has now, the next sync, soon, starts from nothing. */
static void failed(struct lab *lab, struct lab_proxy *proxy, const char *words)
{
    static const char *const clear[] = {"ipvsadm", "-C", NULL};
    static const char *const flush[] = {"ip", "addr", "flush", "dev", "kube-ipvs0", NULL};
    int fd = lab->fabric.node_fds[proxy->node];

    proxy->failures++;
    lab_say(lab, "node %s: loading rules failed: %.1000s", proxy->node_name, words);
    proxy_forget(&proxy->proxy);
    if (proxy_mode_ipvs(proxy->proxy.mode) != NULL) {
        command_run(fd, lab->fabric.home_fd, clear, NULL, NULL, NULL);
        command_run(fd, lab->fabric.home_fd, flush, NULL, NULL, NULL);
    }
    proxy_limiter_want(&proxy->limiter, lab->now_ns + RETRY_NS);
}

static void start_command(struct lab *lab, struct lab_proxy *proxy, const char *const *argv,
                          const char *input, enum lab_proxy_state state)
{
    int rc = command_start(&proxy->command, lab->fabric.node_fds[proxy->node], lab->fabric.home_fd,
                           argv, input);
    char why[128];

    if (rc == 0) {
        rc = lab_watch(lab, proxy->command.pid_fd, EPOLLIN, &proxy->source);
        if (rc < 0)
            command_finish(&proxy->command, NULL);
    }
    proxy->state = rc < 0 ? LAB_PROXY_IDLE : state;
    if (rc < 0) {
        snprintf(why, sizeof(why), "%s cannot be started: %s", argv[0], strerror(-rc));
        failed(lab, proxy, why);
    }
}

/* The first tool from LOAD on that has something to do is started. False when there is none. */
static bool start_load(struct lab *lab, struct lab_proxy *proxy, enum lab_proxy_load load)
{
    static const char *const tools[LAB_LOADS][4] = {
        [LAB_LOAD_RULES] = {"nft", "-f", "-", NULL},
        [LAB_LOAD_ADDRESSES] = {"ip", "-batch", "-", NULL},
        [LAB_LOAD_SERVERS] = {"ipvsadm", "-R", NULL},
    };

    while (load < LAB_LOADS && proxy->loads[load].size == 0)
        load++;
    if (load == LAB_LOADS)
        return false;
    proxy->load = load;
    start_command(lab, proxy, tools[load], text_str(&proxy->loads[load]), LAB_PROXY_LOADING);
    return true;
}

static void load(struct lab *lab, struct lab_proxy *proxy)
{
    for (int i = 0; i < LAB_LOADS; i++)
        text_clear(&proxy->loads[i]);
    text_clear(&proxy->stale_flows);
    if (proxy_mode_ipvs(proxy->proxy.mode) != NULL)
        proxy_sync_ipvs(&proxy->proxy, &proxy->plan, &proxy->loads[LAB_LOAD_ADDRESSES],
                        &proxy->loads[LAB_LOAD_SERVERS]);
    else if (lab->config->profile.clean_udp)
        proxy_stale_flows(&proxy->proxy, &proxy->plan, &proxy->stale_flows);
    proxy_sync(&proxy->proxy, &proxy->plan, &proxy->loads[LAB_LOAD_RULES]);
    proxy->began_ns = truth_now_ns();
    start_load(lab, proxy, 0);
}

static void sync(struct lab *lab, struct lab_proxy *proxy)
{
    static const char *const argv[] = {"nft",   "-j",   "list",  "counters",
                                       "table", "inet", "proxy", NULL};

    proxy_limiter_take(&proxy->limiter, lab->now_ns);
    make_plan(lab, proxy);
    if (!proxy_differs(&proxy->proxy, &proxy->plan)) {
        lab_health_update(lab, proxy);
        return;
    }
    if (proxy->proxy.loaded && proxy->proxy.mode == PROXY_RR)
        start_command(lab, proxy, argv, NULL, LAB_PROXY_COUNTING);
    else
        load(lab, proxy);
}

/* As kube-proxy does once its rules are in force. The rules hold without it. */
static void end_stale_flows(struct lab *lab, struct lab_proxy *proxy)
{
    static const char *const argv[] = {"conntrack", "-R", "-", NULL};
    struct error err = {0};

    if (proxy->stale_flows.size > 0 &&
        command_run(lab->fabric.node_fds[proxy->node], lab->fabric.home_fd, argv,
                    text_str(&proxy->stale_flows), NULL, &err) < 0)
        lab_say(lab, "node %s: flows of UDP stay where they are: %s", proxy->node_name, err.text);
}

static void loaded(struct lab *lab, struct lab_proxy *proxy)
{
    end_stale_flows(lab, proxy);
    proxy->syncs++;
    lab_health_update(lab, proxy);
    log_change(lab, proxy, proxy->began_ns, "rule-changing");
    log_change(lab, proxy, truth_now_ns(), "rule-changed");
    lab_say(lab, "node %s: %zu service ports, %zu endpoints", proxy->node_name, proxy->plan.count,
            usable_endpoints(&proxy->plan));
}

void lab_proxy_command_ended(struct lab *lab, struct lab_proxy *proxy)
{
    struct text output = {0};
    enum lab_proxy_state state = proxy->state;
    int rc;

    if (proxy->command.pid == 0)
        return;
    lab_unwatch(lab, proxy->command.pid_fd);
    rc = command_finish(&proxy->command, &output);

    proxy->state = LAB_PROXY_IDLE;
    if (rc < 0) {
        failed(lab, proxy, text_str(&output));
    } else if (state == LAB_PROXY_COUNTING) {
        cJSON *counters = json_parse(text_str(&output), output.size, NULL);
        proxy_count(&proxy->proxy, counters);
        cJSON_Delete(counters);
        load(lab, proxy);
    } else if (!start_load(lab, proxy, proxy->load + 1)) {
        loaded(lab, proxy);
    }
    text_free(&output);
}

void lab_proxy_run(struct lab *lab)
{
    for (unsigned i = 0; i < lab->config->nodes; i++) {
        struct lab_proxy *proxy = &lab->proxies[i];
        if (proxy->state == LAB_PROXY_IDLE && proxy_limiter_due(&proxy->limiter) <= lab->now_ns)
            sync(lab, proxy);
    }
}

int64_t lab_proxy_due(const struct lab *lab)
{
    int64_t due_ns = INT64_MAX;

    for (unsigned i = 0; i < lab->config->nodes; i++) {
        const struct lab_proxy *proxy = &lab->proxies[i];
        int64_t sync_ns = proxy_limiter_due(&proxy->limiter);
        if (proxy->state == LAB_PROXY_IDLE && sync_ns < due_ns)
            due_ns = sync_ns;
    }
    return due_ns;
}

bool lab_proxy_settled(const struct lab *lab)
{
    for (unsigned i = 0; i < lab->config->nodes; i++) {
        if (lab->proxies[i].state != LAB_PROXY_IDLE ||
            proxy_limiter_due(&lab->proxies[i].limiter) != INT64_MAX)
            return false;
    }
    return true;
}

void lab_proxy_free(struct lab *lab)
{
    for (unsigned i = 0; i < lab->config->nodes; i++) {
        struct lab_proxy *proxy = &lab->proxies[i];
        if (proxy->state != LAB_PROXY_IDLE)
            command_finish(&proxy->command, NULL);
        for (int n = 0; n < LAB_LOADS; n++)
            text_free(&proxy->loads[n]);
        text_free(&proxy->stale_flows);
        proxy_plan_free(&proxy->plan);
        proxy_free(&proxy->proxy);
    }
}
