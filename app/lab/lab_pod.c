#include "lab/lab.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "lab/kubelet_status.h"
#include "lab/object.h"
#include "lab/socket_table.h"

enum {
    STATE_ESTABLISHED = 1,
    STATE_SYN_RECEIVED = 3,
    STATE_CLOSE_WAIT = 8
};

static const int64_t second_ns = INT64_C(1000000000);

static const cJSON *object_of(const struct lab *lab, const struct lab_pod *pod)
{
    const cJSON *object = store_get(lab->store, STORE_POD, pod->namespace, pod->name);

    return object != NULL && strcmp(object_uid(object), pod->uid) == 0 ? object : NULL;
}

struct lab_pod *lab_pod_find(struct lab *lab, const char *name)
{
    for (size_t i = 0; i < lab->pod_count; i++) {
        if (strcmp(lab->pods[i]->name, name) == 0)
            return lab->pods[i];
    }
    return NULL;
}

static struct lab_pod *pod_by_uid(struct lab *lab, const char *uid)
{
    for (size_t i = 0; i < lab->pod_count; i++) {
        if (strcmp(lab->pods[i]->uid, uid) == 0)
            return lab->pods[i];
    }
    return NULL;
}

static const char *node_name(const struct lab *lab, const struct lab_pod *pod)
{
    return lab->proxies[pod->node].node_name;
}

static void log_pod(struct lab *lab, int64_t stamp_ns, const char *event, const struct lab_pod *pod)
{
    truth_log(&lab->truth, stamp_ns, event, "pod", pod->name, "node", node_name(lab, pod));
}

static void pod_events(struct lab *lab, const struct lab_pod *pod, const char *type,
                       const char *reason, const char *message)
{
    const cJSON *object = object_of(lab, pod);
    struct changes changes = {0};

    if (object == NULL)
        return;
    changes_event(&changes, STORE_POD, object, "kubelet", type, reason, lab->utc_ns, "%s", message);
    cluster_apply(&lab->cluster, &changes, lab->utc_ns);
}

static int node_index(const struct lab *lab, const char *name)
{
    for (unsigned i = 0; i < lab->config->nodes; i++) {
        if (strcmp(lab->proxies[i].node_name, name) == 0)
            return (int)i;
    }
    return -1;
}

static void pod_new(struct lab *lab, const cJSON *object, int node)
{
    const cJSON *container = cJSON_GetArrayItem(json_at(object, "spec.containers"), 0);
    struct kubelet_settings settings = {0};
    struct lab_pod *pod;

    if (lab->pod_count == LAB_PODS_MAX) {
        lab_say(lab, "pod %s is not started: %d pods are the limit", object_name(object),
                LAB_PODS_MAX);
        return;
    }
    pod = calloc(1, sizeof(*pod));
    if (pod == NULL)
        abort();
    snprintf(pod->uid, sizeof(pod->uid), "%s", object_uid(object));
    snprintf(pod->namespace, sizeof(pod->namespace), "%s", object_namespace(object));
    snprintf(pod->name, sizeof(pod->name), "%s", object_name(object));
    snprintf(pod->image, sizeof(pod->image), "%s", json_string(container, "image", ""));
    pod->node = (unsigned)node;
    pod->place.netns_fd = -1;
    pod->process.pid_fd = -1;
    pod->hook.pid_fd = -1;
    pod->probe.fd = -1;
    pod->hand.fd = -1;
    pod->waiting = "ContainerCreating";
    pod->process_source = (struct lab_source){LAB_POD_PROCESS, pod};
    pod->hook_source = (struct lab_source){LAB_POD_HOOK, pod};
    pod->probe_source = (struct lab_source){LAB_POD_PROBE, pod};
    kubelet_settings_of(object, &settings);
    settings.ready_delay_ns = profile_draw(&lab->config->profile, PROFILE_POD_READY, &lab->random);
    kubelet_init(&pod->machine, &settings, lab->now_ns);
    lab->pods[lab->pod_count++] = pod;
}

static void pod_deleting(struct lab *lab, struct lab_pod *pod, const cJSON *object)
{
    int64_t grace_s = json_integer(object, "metadata.deletionGracePeriodSeconds", 30);
    cJSON *line;

    if (!pod->machine.deleting) {
        line = truth_begin(&lab->truth, lab->utc_ns, "pod-deletion-seen");
        cJSON_AddStringToObject(line, "pod", pod->name);
        cJSON_AddStringToObject(line, "node", node_name(lab, pod));
        json_add_integer(line, "graceSeconds", grace_s);
        truth_end(&lab->truth, line);
        pod_events(lab, pod, "Normal", "Killing", "Stopping container");
    }
    kubelet_deleted(&pod->machine, lab->now_ns,
                    profile_draw(&lab->config->profile, PROFILE_TERMINATION, &lab->random),
                    grace_s * second_ns);
}

void lab_pod_event(struct lab *lab, const struct store_event *event)
{
    struct lab_pod *pod = pod_by_uid(lab, object_uid(event->object));
    int node = node_index(lab, json_string(event->object, "spec.nodeName", ""));

    if (event->type == STORE_DELETED) {
        if (pod != NULL && !pod->machine.forced)
            kubelet_forced(&pod->machine, lab->now_ns);
        return;
    }
    if (pod == NULL && node >= 0 && !object_pod_finished(event->object)) {
        pod_new(lab, event->object, node);
        pod = pod_by_uid(lab, object_uid(event->object));
    }
    if (pod != NULL && object_deleting(event->object) &&
        (event->previous == NULL || !object_deleting(event->previous) ||
         json_integer(event->previous, "metadata.deletionGracePeriodSeconds", 0) !=
             json_integer(event->object, "metadata.deletionGracePeriodSeconds", 0)))
        pod_deleting(lab, pod, event->object);
}

static void start_failed(struct lab *lab, struct lab_pod *pod, int rc, const struct error *err)
{
    if (rc == -ENOENT) {
        pod->waiting = "ErrImagePull";
        snprintf(pod->message, sizeof(pod->message),
                 "no program stands for image \"%.150s\" in this lab; see seamline-lab up --image",
                 pod->image);
    } else {
        pod->waiting = "CreateContainerError";
        snprintf(pod->message, sizeof(pod->message), "%.200s",
                 err->text[0] != '\0' ? err->text : strerror(-rc));
    }
    lab_say(lab, "pod %s: %s: %s", pod->name, pod->waiting, pod->message);
    pod_events(lab, pod, "Warning", "Failed", pod->message);
    pod->machine.process = false;
    pod->machine.state = KUBELET_WAITING;
    pod->machine.start_at_ns = lab->now_ns + KUBELET_BACKOFF_NS;
}

static int make_place(struct lab *lab, struct lab_pod *pod, const cJSON *object, struct error *err)
{
    if (json_bool(object, "spec.hostNetwork", false))
        return fabric_pod_host(&lab->fabric, pod->node, &pod->place, err);
    return fabric_pod_add(&lab->fabric, pod->node, &pod->place, err);
}

static void start(struct lab *lab, struct lab_pod *pod)
{
    const cJSON *object = object_of(lab, pod);
    struct error err = {0};
    int64_t stamp_ns;
    cJSON *line;
    int rc = 0;

    if (object == NULL)
        return;
    if (pod->place.netns_fd < 0)
        rc = make_place(lab, pod, object, &err);
    stamp_ns = truth_now_ns();
    if (rc == 0)
        rc = lab_pod_start(lab, pod, object);
    if (rc < 0) {
        start_failed(lab, pod, rc, &err);
        return;
    }
    pod->waiting = NULL;
    pod->message[0] = '\0';
    pod->started_ns = stamp_ns;
    pod->ended_ns = 0;
    pod->container = ++lab->next_container;
    line = truth_begin(&lab->truth, stamp_ns, "process-started");
    cJSON_AddStringToObject(line, "pod", pod->name);
    cJSON_AddStringToObject(line, "node", node_name(lab, pod));
    cJSON_AddStringToObject(line, "image", pod->image);
    json_add_integer(line, "pid", pod->process.pid);
    truth_end(&lab->truth, line);
    pod_events(lab, pod, "Normal", "Started", "Started container");
    if (!lab->config->allow_commands && lab_pod_has_command(object))
        pod_events(lab, pod, "Warning", "CommandIgnored",
                   "the lab runs what --image says; command and args need seamline-lab up "
                   "--allow-commands");
}

void lab_pod_publish(struct lab *lab, struct lab_pod *pod)
{
    const cJSON *object = object_of(lab, pod);
    struct kubelet_facts facts = {
        .pod_v4 = pod->place.v4,
        .pod_v6 = pod->place.v6,
        .waiting = pod->waiting,
        .message = pod->message[0] != '\0' ? pod->message : NULL,
        .ready = pod->machine.ready,
        .ended = pod->machine.state == KUBELET_ENDED && pod->started_ns != 0,
        .exit_code = pod->exit_code,
        .started_ns = pod->started_ns,
        .ended_ns = pod->ended_ns,
        .restarts = pod->machine.restarts,
        .container = pod->container,
    };
    char v4[20], v6[32];

    fabric_node_v4(pod->node, v4);
    fabric_node_v6(pod->node, v6);
    facts.host_v4 = v4;
    facts.host_v6 = v6;
    if (object == NULL)
        return;
    if (facts.ready != pod->reported_ready) {
        pod->reported_ready = facts.ready;
        log_pod(lab, truth_now_ns(), facts.ready ? "pod-ready" : "pod-unready", pod);
        if (facts.ready && lab_proxy_is(lab, pod))
            lab_proxy_started(lab, pod);
    }
    store_update(lab->store, STORE_POD, kubelet_status(object, &facts, lab->utc_ns), lab->utc_ns,
                 NULL);
}

/* What a SIGKILL is about to break, read before it is sent and stamped at the same moment as it. */
static void log_killed(struct lab *lab, const struct lab_pod *pod, const struct socket_table *table,
                       int64_t stamp_ns)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct socket_entry *entry = &table->entries[i];
        char local[64], remote[64];
        cJSON *line;

        if (entry->state != STATE_ESTABLISHED && entry->state != STATE_CLOSE_WAIT &&
            entry->state != STATE_SYN_RECEIVED)
            continue;
        line = truth_begin(&lab->truth, stamp_ns, "connection-closed");
        cJSON_AddStringToObject(line, "pod", pod->name);
        cJSON_AddStringToObject(line, "protocol", "tcp");
        cJSON_AddStringToObject(line, "local",
                                socket_table_text(&entry->local, entry->local_port, local));
        cJSON_AddStringToObject(line, "remote",
                                socket_table_text(&entry->remote, entry->remote_port, remote));
        cJSON_AddStringToObject(line, "reason", "killed");
        truth_batch(&lab->truth, line);
    }
    truth_flush(&lab->truth);
}

/* In its node's network a pod's connections are not told from others'. */
static void read_sockets(const struct lab_pod *pod, struct socket_table *table)
{
    if (!pod->place.host)
        socket_table_read(table, pod->process.pid);
}

static int send_signal(struct lab *lab, struct lab_pod *pod, int signal)
{
    struct socket_table table = {0};
    char name[16];
    int64_t stamp_ns;
    int rc;

    snprintf(name, sizeof(name), "%s", sigabbrev_np(signal));
    if (signal == SIGKILL)
        read_sockets(pod, &table);
    stamp_ns = truth_now_ns();
    rc = process_signal(&pod->process, signal);
    if (rc == 0)
        truth_log(&lab->truth, stamp_ns, "signal-sent", "pod", pod->name, "signal", name);
    if (rc == 0 && signal == SIGKILL)
        log_killed(lab, pod, &table, stamp_ns);
    socket_table_free(&table);
    return rc;
}

static void hook_begin(struct lab *lab, struct lab_pod *pod)
{
    const cJSON *object = object_of(lab, pod);
    int rc;

    log_pod(lab, truth_now_ns(), "prestop-begun", pod);
    if (pod->machine.settings.hook == KUBELET_SLEEP_HOOK || object == NULL)
        return;
    rc = lab_pod_start_hook(lab, pod, object);
    if (rc < 0) {
        pod_events(lab, pod, "Warning", "FailedPreStopHook",
                   rc == -EPERM ? "PreStopHook: programs other than sleep need seamline-lab up "
                                  "--allow-commands"
                                : "PreStopHook failed to start");
        kubelet_hook_ended(&pod->machine, lab->now_ns);
    }
}

static void hook_end(struct lab *lab, struct lab_pod *pod)
{
    if (pod->hook.pid != 0)
        process_signal(&pod->hook, SIGKILL);
    log_pod(lab, truth_now_ns(), "prestop-ended", pod);
}

static void delete_object(struct lab *lab, struct lab_pod *pod)
{
    if (object_of(lab, pod) != NULL)
        store_delete(lab->store, STORE_POD, pod->namespace, pod->name, lab->utc_ns);
}

static void remove_namespace(struct lab *lab, struct lab_pod *pod)
{
    lab_fault_end(lab, pod->name); /* It may hold the namespace. */
    fabric_pod_remove(&lab->fabric, &pod->place);
}

static void carry_out(struct lab *lab, struct lab_pod *pod, enum kubelet_action action)
{
    switch (action) {
    case KUBELET_START: start(lab, pod); break;
    case KUBELET_PROBE: lab_probe_begin(lab, pod, object_of(lab, pod)); break;
    case KUBELET_PUBLISH: lab_pod_publish(lab, pod); break;
    case KUBELET_HOOK_BEGIN: hook_begin(lab, pod); break;
    case KUBELET_HOOK_END: hook_end(lab, pod); break;
    case KUBELET_TERM: send_signal(lab, pod, kubelet_stop_signal(object_of(lab, pod))); break;
    case KUBELET_KILL: send_signal(lab, pod, SIGKILL); break;
    case KUBELET_REMOVE_NAMESPACE: remove_namespace(lab, pod); break;
    case KUBELET_DELETE_OBJECT: delete_object(lab, pod); break;
    case KUBELET_NONE: break;
    }
}

static void pod_free(struct lab *lab, size_t index)
{
    struct lab_pod *pod = lab->pods[index];

    assert(!lab->handling);
    log_pod(lab, truth_now_ns(), "pod-removed", pod);
    lab_probe_cancel(lab, pod);
    lab_ingress_cancel(lab, pod);
    remove_namespace(lab, pod);
    lab->pods[index] = lab->pods[--lab->pod_count];
    free(pod);
}

/* By a fresh clock: what was done for other pods has taken its time, and a preStop hook that sleeps
 * for 2 s must not be cut by it. */
static enum kubelet_action next_action(struct lab *lab, struct lab_pod *pod)
{
    lab_clock(lab);
    return kubelet_next(&pod->machine, lab->now_ns);
}

void lab_pod_run(struct lab *lab)
{
    for (size_t i = 0; i < lab->pod_count;) {
        struct lab_pod *pod = lab->pods[i];
        enum kubelet_action action;

        lab_probe_expire(lab, pod);
        while ((action = next_action(lab, pod)) != KUBELET_NONE)
            carry_out(lab, pod, action);
        if (pod->machine.state == KUBELET_GONE && pod->process.pid == 0 && pod->hook.pid == 0)
            pod_free(lab, i);
        else
            i++;
    }
}

int64_t lab_pod_due(const struct lab *lab)
{
    int64_t due_ns = INT64_MAX;

    for (size_t i = 0; i < lab->pod_count; i++) {
        int64_t pod_ns = kubelet_due(&lab->pods[i]->machine);
        if (lab->pods[i]->probe.fd >= 0 && lab->pods[i]->probe.deadline_ns < pod_ns)
            pod_ns = lab->pods[i]->probe.deadline_ns;
        if (pod_ns < due_ns)
            due_ns = pod_ns;
    }
    return due_ns;
}

void lab_pod_process_ended(struct lab *lab, struct lab_pod *pod)
{
    int64_t stamp_ns = truth_now_ns();
    pid_t pid = pod->process.pid;
    cJSON *line;
    int status;

    if (pid == 0)
        return;
    lab_unwatch(lab, pod->process.pid_fd);
    status = process_reap(&pod->process);
    line = truth_begin(&lab->truth, stamp_ns, "process-reaped");

    pod->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    pod->ended_ns = stamp_ns;
    cJSON_AddStringToObject(line, "pod", pod->name);
    json_add_integer(line, "pid", pid);
    json_add_integer(line, "status", pod->exit_code);
    truth_end(&lab->truth, line);
    lab_probe_cancel(lab, pod);
    lab_ingress_cancel(lab, pod);
    kubelet_exited(&pod->machine, lab->now_ns,
                   profile_draw(&lab->config->profile, PROFILE_OBJECT_GONE, &lab->random));
    if (pod->machine.state == KUBELET_WAITING)
        pod->waiting = "CrashLoopBackOff";
}

void lab_pod_hook_ended(struct lab *lab, struct lab_pod *pod)
{
    if (pod->hook.pid == 0)
        return;
    lab_unwatch(lab, pod->hook.pid_fd);
    process_reap(&pod->hook);
    kubelet_hook_ended(&pod->machine, lab->now_ns);
}

int lab_pod_kill(struct lab *lab, const char *name, int signal)
{
    struct lab_pod *pod = lab_pod_find(lab, name);

    if (pod == NULL || pod->process.pid == 0)
        return -ENOENT;
    return send_signal(lab, pod, signal);
}

int lab_pod_freeze(struct lab *lab, const char *name, bool frozen)
{
    struct lab_pod *pod = lab_pod_find(lab, name);

    if (pod == NULL || pod->process.pid == 0)
        return -ENOENT;
    return process_signal(&pod->process, frozen ? SIGSTOP : SIGCONT);
}

void lab_pod_kill_all(struct lab *lab)
{
    for (size_t i = 0; i < lab->pod_count; i++) {
        struct lab_pod *pod = lab->pods[i];
        process_signal(&pod->process, SIGKILL);
        process_signal(&pod->hook, SIGKILL);
        /* The hook first: the first of a PID namespace ends when the others are gone. */
        if (pod->hook.pid != 0)
            process_reap(&pod->hook);
        if (pod->process.pid != 0)
            process_reap(&pod->process);
        lab_probe_cancel(lab, pod);
        lab_ingress_cancel(lab, pod);
        fabric_pod_remove(&lab->fabric, &pod->place);
        free(pod);
    }
    lab->pod_count = 0;
}
