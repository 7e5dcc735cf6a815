/* What `seamline-lab fault` does on purpose. Each fault is a line of the table, its begin and its
 * end are lines of truth.jsonl. */
#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "lab/api_server.h"
#include "lab/lab.h"

enum {
    WORDS_MAX = 8
};

static const int64_t delay_max_ns = INT64_C(10000000000);

/* The words after `fault`. */
struct words {
    char *each[WORDS_MAX]; /* The first is the fault's name. */
    unsigned count;
};

struct fault {
    const char *name;
    const char *operands; /* As the usage shows them. */
    unsigned count;       /* Of operands. */
    bool api;             /* It is one of the API server. */
    int (*begin)(struct lab *lab,
                 const struct words *words); /* 0; -EINVAL: bad operands; -EBUSY: the target
                                              * has a fault already; -errno. */
};

static int api_outage(struct lab *lab, const struct words *words);
static int gone_410(struct lab *lab, const struct words *words);
static int slow_watch(struct lab *lab, const struct words *words);
static int drop(struct lab *lab, const struct words *words);
static int blackhole(struct lab *lab, const struct words *words);
static int conntrack_flush(struct lab *lab, const struct words *words);
static int delay(struct lab *lab, const struct words *words);
static int freeze(struct lab *lab, const struct words *words);
static int kill_pod(struct lab *lab, const struct words *words);

static const struct fault faults[] = {
    {"api-outage", "DURATION", 1, true, api_outage},
    {"gone-410", "", 0, true, gone_410},
    {"slow-watch", "DELAY DURATION", 2, true, slow_watch},
    {"drop", "NODE PERCENT DURATION", 3, false, drop},
    {"blackhole", "NODE DURATION", 2, false, blackhole},
    {"delay", "NODE|POD DELAY DURATION", 3, false, delay},
    {"conntrack-flush", "NODE", 1, false, conntrack_flush},
    {"freeze", "POD DURATION", 2, false, freeze},
    {"kill", "POD", 1, false, kill_pod},
};

static void log_fault(struct lab *lab, const char *event, const char *name)
{
    truth_log(&lab->truth, truth_now_ns(), event, "fault", name, NULL, NULL);
}

static int parse_duration(const char *text, int64_t *out_ns)
{
    return profile_parse_duration(text, out_ns, NULL) < 0 || *out_ns <= 0 ? -EINVAL : 0;
}

/* The server is killed, and started again after a time; what it stored is there again. */
static int api_outage(struct lab *lab, const struct words *words)
{
    int64_t duration_ns;

    if (parse_duration(words->each[1], &duration_ns) < 0)
        return -EINVAL;
    log_fault(lab, "fault-begun", "api-outage");
    lab_unwatch(lab, api_server_fd(lab->api));
    api_server_go_away(lab->api);
    lab->api_back_ns = lab->now_ns + duration_ns;
    return 0;
}

/* All versions so far are compacted away, and watches have to begin again. */
static int gone_410(struct lab *lab, const struct words *words)
{
    (void)words;
    log_fault(lab, "fault-begun", "gone-410");
    api_server_expire(lab->api, store_version(lab->store) + 1);
    api_server_drop_watches(lab->api);
    return 0;
}

static int slow_watch(struct lab *lab, const struct words *words)
{
    int64_t delay_ns, duration_ns;

    if (parse_duration(words->each[1], &delay_ns) < 0 ||
        parse_duration(words->each[2], &duration_ns) < 0)
        return -EINVAL;
    if (lab->watches_fast_ns != INT64_MAX)
        return -EBUSY;
    log_fault(lab, "fault-begun", "slow-watch");
    api_server_slow_watches(lab->api, delay_ns);
    lab->watches_fast_ns = lab->now_ns + duration_ns;
    return 0;
}

static void log_target(struct lab *lab, const char *event, const char *name, const char *target)
{
    truth_log(&lab->truth, truth_now_ns(), event, "fault", name, "target", target);
}

/* 0-based; -1: there is none. */
static int node_index(const struct lab *lab, const char *name)
{
    for (unsigned i = 0; i < lab->config->nodes; i++) {
        if (strcmp(lab->proxies[i].node_name, name) == 0)
            return (int)i;
    }
    return -1;
}

static int node_fd(const struct lab *lab, const char *name)
{
    int node = node_index(lab, name);

    return node < 0 ? -1 : lab->fabric.node_fds[node];
}

static bool is_faulty(const struct lab *lab, const char *target)
{
    for (unsigned i = 0; i < lab->timed_fault_count; i++) {
        if (strcmp(lab->timed_faults[i].target, target) == 0)
            return true;
    }
    return false;
}

/* One fault at a time of a node or pod. 0, -EBUSY, or -EINVAL: no name of any. */
static int may_begin(const struct lab *lab, const char *target)
{
    if (strlen(target) >= CHANGE_NAME_BYTES)
        return -EINVAL;
    return lab->timed_fault_count == LAB_TIMED_FAULTS_MAX || is_faulty(lab, target) ? -EBUSY : 0;
}

static struct lab_timed_fault *begun(struct lab *lab, const char *name, const char *target,
                                     int64_t duration_ns,
                                     void (*end)(struct lab *lab, struct lab_timed_fault *fault))
{
    struct lab_timed_fault *fault = &lab->timed_faults[lab->timed_fault_count++];

    *fault =
        (struct lab_timed_fault){.name = name, .end_ns = lab->now_ns + duration_ns, .end = end};
    snprintf(fault->target, sizeof(fault->target), "%s", target);
    return fault;
}

static int load_rules(struct lab *lab, const char *node, const char *rules)
{
    static const char *const argv[] = {"nft", "-f", "-", NULL};
    struct error err = {0};
    int rc = command_run(node_fd(lab, node), lab->fabric.home_fd, argv, rules, NULL, &err);

    if (rc < 0)
        lab_say(lab, "node %s: %s", node, err.text);
    return rc;
}

static void remove_rules(struct lab *lab, struct lab_timed_fault *fault)
{
    load_rules(lab, fault->target, "delete table inet fault\n");
}

/* PER_MILLE of the packets between NODE and the bridge are dropped, in each direction. */
static int lose(struct lab *lab, const char *name, const char *node, unsigned per_mille,
                int64_t duration_ns)
{
    char share[48] = "", rules[512];
    int rc = node_fd(lab, node) < 0 ? -EINVAL : may_begin(lab, node);

    if (rc < 0)
        return rc;
    if (per_mille < 1000)
        snprintf(share, sizeof(share), "numgen random mod 1000 < %u ", per_mille);
    snprintf(rules, sizeof(rules),
             "add table inet fault\n"
             "add chain inet fault in { type filter hook prerouting priority -310; }\n"
             "add rule inet fault in iifname \"eth0\" %sdrop\n"
             "add chain inet fault out { type filter hook postrouting priority 310; }\n"
             "add rule inet fault out oifname \"eth0\" %sdrop\n",
             share, share);
    log_target(lab, "fault-begun", name, node);
    if (load_rules(lab, node, rules) < 0) {
        log_target(lab, "fault-ended", name, node);
        return -EIO;
    }
    begun(lab, name, node, duration_ns, remove_rules);
    return 0;
}

static int drop(struct lab *lab, const struct words *words)
{
    char *end;
    double percent = strtod(words->each[2], &end);
    int64_t duration_ns;

    if (words->each[2][0] < '0' || words->each[2][0] > '9' || *end != '\0' ||
        !(percent >= 0.1 && percent <= 100) || parse_duration(words->each[3], &duration_ns) < 0)
        return -EINVAL;
    return lose(lab, "drop", words->each[1], (unsigned)(percent * 10 + 0.5), duration_ns);
}

static int blackhole(struct lab *lab, const struct words *words)
{
    int64_t duration_ns;

    if (parse_duration(words->each[2], &duration_ns) < 0)
        return -EINVAL;
    return lose(lab, "blackhole", words->each[1], 1000, duration_ns);
}

static void close_delay(struct lab *lab, struct lab_timed_fault *fault)
{
    assert(!lab->handling);
    for (size_t i = 0; i < 2; i++) {
        struct delay_line *line = &fault->delay->lines[i];

        if (line->dropped > 0)
            lab_say(lab, "delay %s: %llu packets dropped, there was no room for them",
                    fault->target, (unsigned long long)line->dropped);
        if (line->tap_fd >= 0)
            lab_unwatch(lab, line->tap_fd);
        delay_line_close(line);
    }
    free(fault->delay);
}

/* The two ends of a node's or a pod's link: namespace and device of each. */
struct link {
    int fds[2];
    const char *devices[2];
};

/* A pod of the node's own network has no link. */
static int find_link(struct lab *lab, const char *target, char port[16], struct link *out)
{
    int node = node_index(lab, target);
    const struct lab_pod *pod = node < 0 ? lab_pod_find(lab, target) : NULL;

    if (node >= 0) {
        snprintf(port, 16, "n%d", node + 1);
        *out = (struct link){{lab->fabric.lab_fd, lab->fabric.node_fds[node]}, {port, "eth0"}};
        return 0;
    }
    if (pod == NULL || pod->place.netns_fd < 0 || pod->place.host)
        return -EINVAL;
    *out = (struct link){{lab->fabric.node_fds[pod->node], pod->place.netns_fd},
                         {pod->place.link, "eth0"}};
    return 0;
}

static int open_delay(struct lab *lab, const struct link *link, int64_t delay_ns,
                      struct lab_delay *delay)
{
    struct error err = {0};
    int rc = 0;

    for (size_t i = 0; i < 2; i++)
        delay->lines[i].tap_fd = -1;
    for (size_t i = 0; i < 2 && rc == 0; i++) {
        rc = delay_line_open(&delay->lines[i], link->fds[i], lab->fabric.home_fd, link->devices[i],
                             delay_ns, &err);
        delay->sources[i] = (struct lab_source){LAB_DELAY, &delay->lines[i]};
        if (rc == 0)
            rc = lab_watch(lab, delay->lines[i].tap_fd, EPOLLIN, &delay->sources[i]);
    }
    if (rc < 0)
        lab_say(lab, "delay: %s", err.text[0] != '\0' ? err.text : strerror(-rc));
    return rc;
}

/* Each packet of the link arrives so much later, in both directions. */
static int delay(struct lab *lab, const struct words *words)
{
    const char *target = words->each[1];
    struct lab_timed_fault *fault;
    int64_t delay_ns, duration_ns;
    struct link link;
    char port[16];
    int rc;

    if (parse_duration(words->each[2], &delay_ns) < 0 || delay_ns > delay_max_ns ||
        parse_duration(words->each[3], &duration_ns) < 0 || find_link(lab, target, port, &link) < 0)
        return -EINVAL;
    rc = may_begin(lab, target);
    if (rc < 0)
        return rc;
    fault = begun(lab, "delay", target, duration_ns, close_delay);
    fault->delay = calloc(1, sizeof(*fault->delay));
    if (fault->delay == NULL)
        abort();
    log_target(lab, "fault-begun", "delay", target);
    if (open_delay(lab, &link, delay_ns, fault->delay) < 0) {
        fault->end_ns = lab->now_ns; /* What was done is undone in the next turn. */
        return -EIO;
    }
    return 0;
}

/* Nothing is left of connections: what comes of one is translated as if it were new, or not. */
static int conntrack_flush(struct lab *lab, const struct words *words)
{
    static const char *const argv[] = {"conntrack", "-F", NULL};
    int rc, fd = node_fd(lab, words->each[1]);
    struct error err = {0};

    if (fd < 0)
        return -EINVAL;
    log_target(lab, "fault-begun", "conntrack-flush", words->each[1]);
    rc = command_run(fd, lab->fabric.home_fd, argv, NULL, NULL, &err);
    if (rc < 0)
        lab_say(lab, "node %s: %s", words->each[1], err.text);
    log_target(lab, "fault-ended", "conntrack-flush", words->each[1]);
    return rc < 0 ? -EIO : 0;
}

static void thaw(struct lab *lab, struct lab_timed_fault *fault)
{
    lab_pod_freeze(lab, fault->target, false); /* It may have ended meanwhile. */
}

static bool is_running(struct lab *lab, const char *name)
{
    const struct lab_pod *pod = lab_pod_find(lab, name);

    return pod != NULL && pod->process.pid != 0;
}

/* Its sockets live on: connections are taken, and nobody answers. */
static int freeze(struct lab *lab, const struct words *words)
{
    const char *pod = words->each[1];
    int64_t duration_ns;
    int rc;

    if (parse_duration(words->each[2], &duration_ns) < 0 || !is_running(lab, pod))
        return -EINVAL;
    rc = may_begin(lab, pod);
    if (rc < 0)
        return rc;
    log_target(lab, "fault-begun", "freeze", pod);
    if (lab_pod_freeze(lab, pod, true) < 0) {
        log_target(lab, "fault-ended", "freeze", pod);
        return -EIO;
    }
    begun(lab, "freeze", pod, duration_ns, thaw);
    return 0;
}

/* Its process ends without a word, as one that ran out of memory. */
static int kill_pod(struct lab *lab, const struct words *words)
{
    const char *pod = words->each[1];
    int rc;

    if (!is_running(lab, pod))
        return -EINVAL;
    log_target(lab, "fault-begun", "kill", pod);
    rc = lab_pod_kill(lab, pod, SIGKILL);
    log_target(lab, "fault-ended", "kill", pod);
    return rc < 0 ? -EIO : 0;
}

static void end_fault(struct lab *lab, unsigned index)
{
    struct lab_timed_fault fault = lab->timed_faults[index];

    lab->timed_faults[index] = lab->timed_faults[--lab->timed_fault_count];
    fault.end(lab, &fault);
    log_target(lab, "fault-ended", fault.name, fault.target);
}

static void end_timed(struct lab *lab)
{
    for (unsigned i = 0; i < lab->timed_fault_count;) {
        if (lab->now_ns < lab->timed_faults[i].end_ns)
            i++;
        else
            end_fault(lab, i);
    }
}

/* A node of the same name keeps its own. */
void lab_fault_end(struct lab *lab, const char *pod)
{
    if (node_index(lab, pod) >= 0)
        return;
    for (unsigned i = 0; i < lab->timed_fault_count; i++) {
        if (strcmp(lab->timed_faults[i].target, pod) == 0) {
            end_fault(lab, i);
            return;
        }
    }
}

void lab_fault_free(struct lab *lab)
{
    while (lab->timed_fault_count > 0)
        end_fault(lab, 0);
}

static void pass_delayed(struct lab *lab)
{
    for (unsigned i = 0; i < lab->timed_fault_count; i++) {
        for (size_t end = 0; lab->timed_faults[i].delay != NULL && end < 2; end++)
            delay_line_pass(&lab->timed_faults[i].delay->lines[end], lab->now_ns);
    }
}

static void come_back(struct lab *lab)
{
    if (api_server_come_back(lab->api) < 0 ||
        lab_watch(lab, api_server_fd(lab->api), EPOLLIN, &lab->api_source) < 0) {
        lab_say(lab, "the API's port is taken; it is tried again");
        lab->api_back_ns = lab->now_ns + INT64_C(100000000);
        return;
    }
    lab->api_back_ns = INT64_MAX;
    log_fault(lab, "fault-ended", "api-outage");
}

void lab_fault_run(struct lab *lab)
{
    pass_delayed(lab);
    end_timed(lab);
    if (lab->now_ns >= lab->api_back_ns)
        come_back(lab);
    if (lab->now_ns >= lab->watches_fast_ns) {
        lab->watches_fast_ns = INT64_MAX;
        api_server_slow_watches(lab->api, 0);
        log_fault(lab, "fault-ended", "slow-watch");
    }
}

static int64_t earlier(int64_t a_ns, int64_t b_ns)
{
    return a_ns < b_ns ? a_ns : b_ns;
}

int64_t lab_fault_due(const struct lab *lab)
{
    int64_t due_ns = earlier(lab->api_back_ns, lab->watches_fast_ns);

    for (unsigned i = 0; i < lab->timed_fault_count; i++) {
        const struct lab_timed_fault *fault = &lab->timed_faults[i];

        due_ns = earlier(due_ns, fault->end_ns);
        for (size_t end = 0; fault->delay != NULL && end < 2; end++)
            due_ns = earlier(due_ns, delay_line_due(&fault->delay->lines[end]));
    }
    return due_ns;
}

static void split(char *text, struct words *words)
{
    char *word;

    words->count = 0;
    while ((word = strsep(&text, " ")) != NULL && words->count < WORDS_MAX) {
        if (word[0] != '\0')
            words->each[words->count++] = word;
    }
}

/* The usage of all, after what was wrong. */
static void complain(const char *name, int fd)
{
    dprintf(fd, "error: \"%s\" is no fault with these operands; there are:", name);
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
        dprintf(fd, "%s %s%s%s", i > 0 ? "," : "", faults[i].name, faults[i].count > 0 ? " " : "",
                faults[i].operands);
    dprintf(fd, "\n");
}

void lab_fault(struct lab *lab, char *text, int fd)
{
    struct words words;
    int rc = -EINVAL;

    split(text, &words);
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        if (words.count == 0 || strcmp(faults[i].name, words.each[0]) != 0)
            continue;
        if (faults[i].api && (lab->api == NULL || api_server_fd(lab->api) < 0)) {
            dprintf(fd, "error: this lab has no API at present\n");
            return;
        }
        if (words.count - 1 == faults[i].count)
            rc = faults[i].begin(lab, &words);
    }
    if (rc == 0)
        dprintf(fd, "ok\n");
    else if (rc == -EBUSY)
        dprintf(fd, "error: one fault at a time of a node, of a pod, and of the watches: the one "
                    "before has not ended\n");
    else if (rc == -EINVAL)
        complain(words.count > 0 ? words.each[0] : "", fd);
    else
        dprintf(fd, "failed: the fault cannot be planted here; lab.log says why\n");
}
