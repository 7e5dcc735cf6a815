#include "lab/kubelet_status.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/object.h"

static const int64_t second_ns = INT64_C(1000000000);

static cJSON *condition(cJSON *conditions, const cJSON *pod, const char *type, bool value,
                        int64_t utc_ns)
{
    const cJSON *before = object_condition(pod, type);
    const char *text = value ? "True" : "False";
    cJSON *item = cJSON_CreateObject();

    cJSON_AddStringToObject(item, "type", type);
    cJSON_AddStringToObject(item, "status", text);
    cJSON_AddNullToObject(item, "lastProbeTime");
    if (before != NULL && strcmp(json_string(before, "status", ""), text) == 0 &&
        json_at(before, "lastTransitionTime") != NULL)
        cJSON_AddItemToObject(item, "lastTransitionTime",
                              cJSON_Duplicate(json_at(before, "lastTransitionTime"), true));
    else
        object_put_time(item, "lastTransitionTime", utc_ns);
    cJSON_AddItemToArray(conditions, item);
    return item;
}

static void ready_condition(cJSON *conditions, const cJSON *pod, const char *type,
                            const struct kubelet_facts *facts, const char *name, int64_t utc_ns)
{
    cJSON *item = condition(conditions, pod, type, facts->ready, utc_ns);
    char message[128];

    if (facts->ready)
        return;
    if (facts->ended) {
        object_put_string(item, "reason", facts->exit_code == 0 ? "PodCompleted" : "PodFailed");
        return;
    }
    object_put_string(item, "reason", "ContainersNotReady");
    snprintf(message, sizeof(message), "containers with unready status: [%.80s]", name);
    object_put_string(item, "message", message);
}

static void put_conditions(cJSON *status, const cJSON *pod, const struct kubelet_facts *facts,
                           const char *name, int64_t utc_ns)
{
    static const char *const own[] = {"PodReadyToStartContainers", "Initialized", "Ready",
                                      "ContainersReady", "PodScheduled"};
    cJSON *conditions = cJSON_CreateArray();
    const cJSON *other;

    condition(conditions, pod, own[0], facts->pod_v4[0] != '\0' && !facts->ended, utc_ns);
    condition(conditions, pod, own[1], true, utc_ns);
    ready_condition(conditions, pod, own[2], facts, name, utc_ns);
    ready_condition(conditions, pod, own[3], facts, name, utc_ns);
    condition(conditions, pod, own[4], true, utc_ns);
    cJSON_ArrayForEach(other, json_at(pod, "status.conditions"))
    {
        bool known = false;
        for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
            known = known || strcmp(json_string(other, "type", ""), own[i]) == 0;
        if (!known)
            cJSON_AddItemToArray(conditions, cJSON_Duplicate(other, true));
    }
    object_put(status, "conditions", conditions);
}

static cJSON *ended_state(const struct kubelet_facts *facts)
{
    cJSON *state = cJSON_CreateObject();

    cJSON_AddNumberToObject(state, "exitCode", facts->exit_code);
    cJSON_AddStringToObject(state, "reason", facts->exit_code == 0 ? "Completed" : "Error");
    object_put_time(state, "startedAt", facts->started_ns);
    object_put_time(state, "finishedAt", facts->ended_ns);
    return state;
}

static cJSON *container_state(const struct kubelet_facts *facts)
{
    cJSON *state = cJSON_CreateObject(), *inner;

    if (facts->waiting != NULL) {
        inner = cJSON_AddObjectToObject(state, "waiting");
        cJSON_AddStringToObject(inner, "reason", facts->waiting);
        if (facts->message != NULL)
            cJSON_AddStringToObject(inner, "message", facts->message);
    } else if (facts->ended_ns != 0) {
        cJSON_AddItemToObject(state, "terminated", ended_state(facts));
    } else {
        inner = cJSON_AddObjectToObject(state, "running");
        object_put_time(inner, "startedAt", facts->started_ns);
    }
    return state;
}

static void put_container(cJSON *status, const cJSON *container, const struct kubelet_facts *facts)
{
    cJSON *list = cJSON_CreateArray(), *item = cJSON_CreateObject();
    cJSON *last = cJSON_CreateObject();
    char id[64];

    if (facts->waiting != NULL && facts->ended_ns != 0)
        cJSON_AddItemToObject(last, "terminated", ended_state(facts));
    snprintf(id, sizeof(id), "seamline://%016llx", (unsigned long long)facts->container);
    cJSON_AddStringToObject(item, "name", json_string(container, "name", ""));
    cJSON_AddItemToObject(item, "state", container_state(facts));
    cJSON_AddItemToObject(item, "lastState", last);
    cJSON_AddBoolToObject(item, "ready", facts->ready);
    cJSON_AddNumberToObject(item, "restartCount", facts->restarts);
    cJSON_AddStringToObject(item, "image", json_string(container, "image", ""));
    cJSON_AddStringToObject(item, "imageID",
                            facts->started_ns != 0 ? json_string(container, "image", "") : "");
    if (facts->started_ns != 0)
        cJSON_AddStringToObject(item, "containerID", id);
    cJSON_AddBoolToObject(item, "started", facts->waiting == NULL && facts->ended_ns == 0);
    cJSON_AddItemToArray(list, item);
    object_put(status, "containerStatuses", list);
}

static void put_addresses(cJSON *status, const char *one, const char *many, const char *v4,
                          const char *v6)
{
    cJSON *list = cJSON_CreateArray(), *item;

    if (v4[0] == '\0') {
        cJSON_Delete(list);
        return;
    }
    object_put_string(status, one, v4);
    item = cJSON_CreateObject();
    cJSON_AddStringToObject(item, "ip", v4);
    cJSON_AddItemToArray(list, item);
    item = cJSON_CreateObject();
    cJSON_AddStringToObject(item, "ip", v6);
    cJSON_AddItemToArray(list, item);
    object_put(status, many, list);
}

cJSON *kubelet_status(const cJSON *pod, const struct kubelet_facts *facts, int64_t utc_ns)
{
    const cJSON *container = cJSON_GetArrayItem(json_at(pod, "spec.containers"), 0);
    cJSON *object = cJSON_Duplicate(pod, true);
    cJSON *status = json_make(object, "status");
    const char *phase = "Running";

    if (facts->ended)
        phase = facts->exit_code == 0 ? "Succeeded" : "Failed";
    else if (facts->started_ns == 0)
        phase = "Pending";
    object_put_string(status, "phase", phase);
    put_conditions(status, pod, facts, json_string(container, "name", ""), utc_ns);
    put_addresses(status, "hostIP", "hostIPs", facts->host_v4, facts->host_v6);
    put_addresses(status, "podIP", "podIPs", facts->pod_v4, facts->pod_v6);
    if (json_at(status, "startTime") == NULL)
        object_put_time(status, "startTime", utc_ns);
    put_container(status, container, facts);
    if (json_at(status, "qosClass") == NULL)
        object_put_string(status, "qosClass", "BestEffort");
    return object;
}

/* "2", "2s", "0.5": what sleep(1) takes. */
static bool parse_sleep(const char *text, int64_t *out_ns)
{
    char *end;
    double seconds = strtod(text, &end);

    if (end == text || (*end != '\0' && strcmp(end, "s") != 0) || !(seconds >= 0) ||
        seconds > 86400)
        return false;
    *out_ns = (int64_t)(seconds * 1e9);
    return true;
}

static const char *word(const cJSON *command, int index)
{
    const char *text = cJSON_GetStringValue(cJSON_GetArrayItem(command, index));
    return text == NULL ? "" : text;
}

/* ["sleep", "2"] and ["/bin/sh", "-c", "sleep 2"] need no process. */
static bool command_is_sleep(const cJSON *command, int64_t *out_ns)
{
    int count = cJSON_GetArraySize(command);
    const char *name = strrchr(word(command, 0), '/');

    name = name != NULL ? name + 1 : word(command, 0);
    if (count == 2 && strcmp(name, "sleep") == 0)
        return parse_sleep(word(command, 1), out_ns);
    return count == 3 && (strcmp(name, "sh") == 0 || strcmp(name, "bash") == 0) &&
           strcmp(word(command, 1), "-c") == 0 && strncmp(word(command, 2), "sleep ", 6) == 0 &&
           parse_sleep(word(command, 2) + 6, out_ns);
}

static void read_hook(const cJSON *container, struct kubelet_settings *settings)
{
    const cJSON *hook = json_at(container, "lifecycle.preStop");
    const cJSON *command = json_at(hook, "exec.command");

    settings->hook = KUBELET_NO_HOOK;
    settings->hook_sleep_ns = 0;
    if (json_at(hook, "sleep.seconds") != NULL) {
        settings->hook = KUBELET_SLEEP_HOOK;
        settings->hook_sleep_ns = json_integer(hook, "sleep.seconds", 0) * second_ns;
    } else if (command_is_sleep(command, &settings->hook_sleep_ns)) {
        settings->hook = KUBELET_SLEEP_HOOK;
    } else if (cJSON_GetArraySize(command) > 0) {
        settings->hook = KUBELET_PROGRAM_HOOK;
    }
}

static int64_t at_least(int64_t value, int64_t least)
{
    return value < least ? least : value;
}

void kubelet_settings_of(const cJSON *pod, struct kubelet_settings *settings)
{
    const cJSON *container = cJSON_GetArrayItem(json_at(pod, "spec.containers"), 0);
    const cJSON *probe = json_at(container, "readinessProbe");

    read_hook(container, settings);
    settings->probes = json_at(probe, "httpGet") != NULL || json_at(probe, "tcpSocket") != NULL;
    settings->probe_first_ns = json_integer(probe, "initialDelaySeconds", 0) * second_ns;
    settings->probe_period_ns = at_least(json_integer(probe, "periodSeconds", 10), 1) * second_ns;
    settings->probe_successes = (uint32_t)at_least(json_integer(probe, "successThreshold", 1), 1);
    settings->probe_failures = (uint32_t)at_least(json_integer(probe, "failureThreshold", 3), 1);
    settings->restarts = strcmp(json_string(pod, "spec.restartPolicy", "Always"), "Always") == 0;
}

int kubelet_stop_signal(const cJSON *pod)
{
    static const int signals[] = {SIGTERM, SIGQUIT, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGKILL};
    const cJSON *container = cJSON_GetArrayItem(json_at(pod, "spec.containers"), 0);
    const char *name = json_string(container, "lifecycle.stopSignal", "");

    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        if (strncmp(name, "SIG", 3) == 0 && strcmp(name + 3, sigabbrev_np(signals[i])) == 0)
            return signals[i];
    }
    return SIGTERM;
}
