#include "lab/lab.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lab/api_server.h"
#include "lab/kubeconfig_writer.h"
#include "lab/object.h"

enum {
    TURN_EVENTS = 64,
    TURN_PASSES = 64,
    WAIT_MAX_MS = 1000,
    HELD_UP_NS = 50000000
};

static const int64_t second_ns = INT64_C(1000000000);

static int64_t clock_read(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * second_ns + now.tv_nsec;
}

void lab_clock(struct lab *lab)
{
    lab->now_ns = clock_read(CLOCK_MONOTONIC);
    lab->utc_ns = clock_read(CLOCK_REALTIME);
}

int lab_watch(struct lab *lab, int fd, uint32_t events, struct lab_source *source)
{
    struct epoll_event event = {.events = events, .data.ptr = source};

    return epoll_ctl(lab->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

void lab_unwatch(struct lab *lab, int fd)
{
    if (fd >= 0)
        epoll_ctl(lab->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
}

void lab_say(struct lab *lab, const char *format, ...)
{
    char text[1400];
    va_list args;
    int size;

    va_start(args, format);
    size = vsnprintf(text, sizeof(text) - 1, format, args);
    va_end(args);
    if (size < 0)
        return;
    if ((size_t)size > sizeof(text) - 2)
        size = sizeof(text) - 2;
    text[size] = '\n';
    text[size + 1] = '\0';
    dprintf(lab->log_fd, "%.3f %s",
            (double)(truth_now_ns() - lab->truth.start_ns) / (double)second_ns, text);
}

/* The daemon is to be told once, and only once, how it went. */
static void tell(struct lab *lab, const char *text)
{
    if (lab->ready_fd < 0)
        return;
    dprintf(lab->ready_fd, "%s\n", text);
    close(lab->ready_fd);
    lab->ready_fd = -1;
}

static void handle(struct lab *lab, struct lab_source *source)
{
    struct signalfd_siginfo info;

    switch (source->kind) {
    case LAB_API: break; /* Served in every turn. */
    case LAB_SIGNALS:
        if (read(lab->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
            lab->down = true;
        break;
    case LAB_CONTROL: lab_control_accept(lab); break;
    case LAB_POD_PROCESS: lab_pod_process_ended(lab, source->owner); break;
    case LAB_POD_HOOK: lab_pod_hook_ended(lab, source->owner); break;
    case LAB_POD_PROBE: lab_probe_event(lab, source->owner); break;
    case LAB_INGRESS_HAND: lab_ingress_hand_event(lab, source->owner); break;
    case LAB_PROXY_COMMAND: lab_proxy_command_ended(lab, source->owner); break;
    case LAB_HEALTH: lab_health_event(source->owner); break;
    case LAB_BALANCER_PROBE: lab_balancer_probe_event(lab, source->owner); break;
    case LAB_BALANCER_COMMAND: lab_balancer_command_ended(lab); break;
    case LAB_DELAY: delay_line_take(source->owner); break;
    }
}

static void read_store(struct lab *lab)
{
    const struct store_event *event;
    bool expired = false;

    while ((event = store_event_after(lab->store, lab->cursor, &expired)) != NULL) {
        lab->cursor = event->version;
        if (event->kind == STORE_POD)
            lab_pod_event(lab, event);
        lab_proxy_event(lab, event);
        lab_balancer_event(lab, event);
        lab_ingress_event(lab, event);
    }
}

/* All that can be done now; what the parts do to the store is seen by the others in the next
 * pass. */
static void turn(struct lab *lab)
{
    lab_fault_run(lab);
    for (int i = 0; i < TURN_PASSES; i++) {
        uint64_t version = store_version(lab->store);

        if (lab->api != NULL)
            api_server_run(lab->api, lab->utc_ns);
        cluster_run(&lab->cluster, lab->now_ns, lab->utc_ns);
        read_store(lab);
        lab_pod_run(lab);
        read_store(lab);
        lab_proxy_run(lab);
        lab_balancer_run(lab);
        lab_ingress_run(lab);
        lab_health_run(lab);
        if (store_version(lab->store) == version)
            return;
        lab_clock(lab);
    }
}

static int wait_ms(const struct lab *lab)
{
    const int64_t dues_ns[] = {
        cluster_due(&lab->cluster), lab_pod_due(lab),     lab_proxy_due(lab),
        lab_balancer_due(lab),      lab_ingress_due(lab), lab_fault_due(lab),
    };
    int64_t due_ns = INT64_MAX, wait_ns;
    int most = lab->api != NULL ? api_server_wait_ms(lab->api) : WAIT_MAX_MS;

    for (size_t i = 0; i < sizeof(dues_ns) / sizeof(dues_ns[0]); i++)
        due_ns = dues_ns[i] < due_ns ? dues_ns[i] : due_ns;
    wait_ns = due_ns - clock_read(CLOCK_MONOTONIC);
    if (due_ns <= lab->now_ns || wait_ns <= 0)
        return 0;
    if (due_ns == INT64_MAX || wait_ns / 1000000 >= most)
        return most;
    return (int)(wait_ns / 1000000) + 1;
}

/* Up: the rules are loaded; in static mode, with all pods in them. */
static bool is_up(struct lab *lab)
{
    if (!lab_proxy_settled(lab) || !lab_balancer_settled(lab) || !lab_ingress_is_up(lab))
        return false;
    for (unsigned i = 0; i < lab->config->static_pods; i++) {
        if (i >= lab->pod_count || !lab->pods[i]->machine.ready)
            return false;
    }
    return cluster_due(&lab->cluster) == INT64_MAX || lab->config->static_pods == 0;
}

/* A lab that is kept from its work keeps no delays: who holds a run against them is told. */
static void log_held_up(struct lab *lab, int64_t expected_ns)
{
    cJSON *line;

    if (lab->now_ns - expected_ns < HELD_UP_NS)
        return;
    line = truth_begin(&lab->truth, lab->utc_ns, "held-up");
    json_add_integer(line, "for", lab->now_ns - expected_ns);
    truth_end(&lab->truth, line);
}

/* Of what the machine sets to the lab. The rules of nodes have loaded what has the limit. */
static void warn(const struct lab *lab)
{
    struct text text = {0};

    if (text_read_file(&text, "/proc/sys/net/netfilter/nf_conntrack_max", 32) == 0) {
        unsigned long conntrack_max = strtoul(text_str(&text), NULL, 10);

        text_clear(&text);
        fabric_limits_text(&lab->fabric, conntrack_max, &text);
        dprintf(lab->ready_fd, "%s", text_str(&text));
    }
    text_free(&text);
}

static void loop(struct lab *lab)
{
    struct epoll_event events[TURN_EVENTS];

    while (!lab->down) {
        int count, most_ms;
        int64_t begun_ns;

        lab_clock(lab);
        begun_ns = lab->now_ns;
        turn(lab);
        if (lab->ready_fd >= 0 && is_up(lab)) {
            warn(lab);
            tell(lab, "ok");
        }
        most_ms = wait_ms(lab);
        count = epoll_wait(lab->epoll_fd, events, TURN_EVENTS, most_ms);
        lab_clock(lab);
        log_held_up(lab, begun_ns + most_ms * INT64_C(1000000));
        lab->handling = true;
        for (int i = 0; i < count; i++)
            handle(lab, events[i].data.ptr);
        lab->handling = false;
    }
}

static int open_files(struct lab *lab, struct error *err)
{
    char path[LAB_PATH_BYTES + 32];
    char start[36];
    cJSON *line;
    int rc;

    snprintf(path, sizeof(path), "%s/lab.log", lab->config->dir);
    lab->log_fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
    if (lab->log_fd < 0)
        return error_set(err, EXIT_ENVIRONMENT, -errno, "%s: %s; choose another --dir", path,
                         strerror(errno));
    snprintf(path, sizeof(path), "%s/truth.jsonl", lab->config->dir);
    rc = truth_create(&lab->truth, path, truth_now_ns());
    if (rc < 0)
        return error_set(err, EXIT_ENVIRONMENT, rc, "%s: %s", path, strerror(-rc));
    json_format_time(lab->truth.start_ns, 9, start);
    line = truth_begin(&lab->truth, lab->truth.start_ns, "lab-started");
    cJSON_AddStringToObject(line, "start", start);
    cJSON_AddStringToObject(line, "profile", lab->config->profile.name);
    json_add_integer(line, "seed", (int64_t)lab->config->seed);
    truth_end(&lab->truth, line);
    return 0;
}

static int open_loop(struct lab *lab, struct error *err)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    lab->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    lab->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC);
    lab->signal_source.kind = LAB_SIGNALS;
    if (lab->epoll_fd < 0 || lab_watch(lab, lab->signal_fd, EPOLLIN, &lab->signal_source) < 0)
        return error_set(err, EXIT_ENVIRONMENT, -EMFILE, "no event loop: %s", strerror(errno));
    return lab_control_open(lab, err);
}

/* The kernel's setting has whole seconds, and 0 would be none at all. */
static unsigned conntrack_seconds(const struct profile *profile)
{
    int64_t seconds = profile->delays[PROFILE_TIME_WAIT].least_ns / second_ns;

    return seconds < 1 ? 1 : (unsigned)seconds;
}

static int open_network(struct lab *lab, struct error *err)
{
    const struct lab_config *config = lab->config;

    lab->fabric.node_count = config->nodes;
    lab->fabric.balancer = config->balancer;
    lab->fabric.gone_unreachable = config->profile.gone_unreachable;
    lab->fabric.time_wait_s = conntrack_seconds(&config->profile);
    snprintf(lab->fabric.iface, sizeof(lab->fabric.iface), "%s", config->iface);
    snprintf(lab->fabric.id, sizeof(lab->fabric.id), "seamline-lab %d", (int)getpid());
    return fabric_up(&lab->fabric, err);
}

void lab_describe(const struct lab_config *config, char out[LAB_DESCRIPTION_BYTES])
{
    snprintf(out, LAB_DESCRIPTION_BYTES, "lab%s%.40s, profile %.60s, %s%s",
             config->inside != NULL ? " in " : "", config->inside != NULL ? config->inside : "",
             config->profile.name, proxy_mode_text(config->proxy_mode),
             config->balancer ? ", probing balancer" : "");
}

static int open_api(struct lab *lab, const struct certificate_set *certificates, struct error *err)
{
    char description[LAB_DESCRIPTION_BYTES];
    const struct api_server_config config = {
        .store = lab->store,
        .description = description,
        .certificates = certificates,
        .port = lab->config->api_port,
        .minor = lab->config->minor,
        .deny = lab->config->deny,
        .deny_count = lab->config->deny_count,
    };
    char path[LAB_PATH_BYTES + 32], url[64];
    int rc;

    lab_describe(lab->config, description);
    rc = api_server_start(&config, &lab->api, err);
    if (rc < 0)
        return rc;
    lab->api_source.kind = LAB_API;
    rc = lab_watch(lab, api_server_fd(lab->api), EPOLLIN, &lab->api_source);
    if (rc < 0)
        return error_set(err, EXIT_ENVIRONMENT, rc, "API server: %s", strerror(-rc));
    snprintf(path, sizeof(path), "%s/kubeconfig", lab->config->dir);
    snprintf(url, sizeof(url), "https://127.0.0.1:%u", api_server_port(lab->api));
    return kubeconfig_write(path, url, certificates, err);
}

static int open_all(struct lab *lab, struct certificate_set *certificates, struct error *err)
{
    int rc = open_files(lab, err);

    if (rc == 0)
        rc = open_loop(lab, err);
    if (rc == 0)
        rc = open_network(lab, err);
    if (rc < 0)
        return rc;
    lab_clock(lab);
    random_seed(&lab->random, lab->config->seed);
    lab->store = store_new(lab->config->seed);
    cluster_init(&lab->cluster, lab->store, &lab->config->profile, &lab->random,
                 lab->config->minor);
    rc = lab_proxy_init(lab, err);
    lab_balancer_init(lab);
    lab_files_nodes(lab);
    if (rc == 0)
        rc = certificate_make(certificates, lab->utc_ns, err);
    if (rc == 0)
        rc = lab_files_pods(lab, certificates, err);
    if (rc == 0 && lab->config->static_pods > 0)
        lab_files_static(lab);
    else if (rc == 0)
        rc = open_api(lab, certificates, err);
    if (rc == 0 && lab->config->kube_proxy)
        lab_proxy_create(lab);
    if (rc == 0)
        rc = lab_ingress_open(lab, err);
    return rc < 0 ? rc : lab_files_machine(lab, err);
}

static void close_fd(int fd)
{
    if (fd >= 0)
        close(fd);
}

static void close_all(struct lab *lab)
{
    api_server_stop(lab->api);
    lab_fault_free(lab);
    lab_pod_kill_all(lab);
    if (lab->store != NULL) {
        lab_health_free(lab);
        lab_balancer_free(lab);
        lab_proxy_free(lab);
        lab_ingress_free(lab);
        cluster_free(&lab->cluster);
        store_free(lab->store);
    }
    fabric_down(&lab->fabric);
    if (lab->control_fd >= 0)
        lab_files_remove(lab->config->dir);
    truth_close(&lab->truth);
    close_fd(lab->control_fd);
    close_fd(lab->signal_fd);
    close_fd(lab->epoll_fd);
    close_fd(lab->log_fd);
}

int lab_run(const struct lab_config *config, int ready_fd)
{
    struct lab *lab = calloc(1, sizeof(*lab));
    struct certificate_set certificates = {0};
    struct error err = {.status = EXIT_ENVIRONMENT};
    int rc;

    if (lab == NULL)
        return EXIT_ENVIRONMENT;
    process_allow_files();
    *lab = (struct lab){
        .config = config,
        .epoll_fd = -1,
        .log_fd = -1,
        .signal_fd = -1,
        .control_fd = -1,
        .down_fd = -1,
        .api_back_ns = INT64_MAX,
        .watches_fast_ns = INT64_MAX,
        .ready_fd = ready_fd,
        .truth.fd = -1,
        .fabric = {.home_fd = -1, .lab_fd = -1, .balancer_fd = -1},
    };
    for (unsigned i = 0; i < FABRIC_NODES_MAX; i++)
        lab->fabric.node_fds[i] = -1;
    rc = open_all(lab, &certificates, &err);
    if (rc < 0)
        tell(lab, err.text);
    else
        loop(lab);
    close_all(lab);
    certificate_free(&certificates);
    close_fd(lab->ready_fd);
    if (lab->down_fd >= 0) {
        dprintf(lab->down_fd, "down\n");
        close(lab->down_fd);
    }
    free(lab);
    return rc < 0 ? (int)err.status : EXIT_MET;
}
