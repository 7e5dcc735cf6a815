#include "kube/pod.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"

static bool say_waits(const struct kube_containers *containers, const char *word, char *out,
                      unsigned out_bytes);
static void list_read(struct kube_arena *arena, const cJSON *array,
                      struct kube_containers *containers);
static void states_read(struct kube_arena *arena, const cJSON *statuses,
                        struct kube_containers *containers);
static void state_read(struct kube_arena *arena, const cJSON *status,
                       struct kube_container *container);
static unsigned bounded_size(const cJSON *array, unsigned max);

void kube_pod_read(struct kube_arena *arena, const cJSON *json, struct kube_pod *pod)
{
    const cJSON *ips = json_at(json, "status.podIPs"), *ip;
    *pod = (struct kube_pod){0};
    cJSON_ArrayForEach(ip, ips)
    {
        kube_addresses_add(arena, &pod->ips, json_string(ip, "ip", ""));
    }
    if (pod->ips.count == 0)
        kube_addresses_add(arena, &pod->ips, json_string(json, "status.podIP", ""));
    pod->node = kube_arena_text(arena, json_string(json, "spec.nodeName", ""));
    pod->reason = kube_arena_text(arena, json_string(json, "status.reason", ""));
    const char *phase = json_string(json, "status.phase", "");
    for (int i = KUBE_POD_PENDING; i <= KUBE_POD_FAILED; i++) {
        if (strcmp(phase, kube_pod_phase_text((enum kube_pod_phase)i)) == 0)
            pod->phase = (enum kube_pod_phase)i;
    }
    kube_containers_read(arena, json_at(json, "spec"), &pod->containers);
    states_read(arena, json_at(json, "status.containerStatuses"), &pod->containers);
    list_read(arena, json_at(json, "spec.initContainers"), &pod->inits);
    states_read(arena, json_at(json, "status.initContainerStatuses"), &pod->inits);
    kube_conditions_read(arena, json_at(json, "status.conditions"), &pod->conditions);
    const struct kube_condition *ready = kube_condition_find(&pod->conditions, "Ready");
    pod->ready = ready != NULL && strcmp(ready->status, "True") == 0;
}

const char *kube_pod_phase_text(enum kube_pod_phase phase)
{
    static const char *const texts[] = {"Unknown", "Pending", "Running", "Succeeded", "Failed"};
    return texts[phase];
}

void kube_pod_why_not_ready(const struct kube_pod *pod, char *out, unsigned out_bytes)
{
    const struct kube_condition *scheduled = kube_condition_find(&pod->conditions, "PodScheduled");
    out[0] = '\0';
    if (pod->ready)
        return;
    if (scheduled != NULL && strcmp(scheduled->status, "False") == 0) {
        snprintf(out, out_bytes, "not scheduled: %s: %s", scheduled->reason, scheduled->message);
        return;
    }
    if (say_waits(&pod->inits, "init container", out, out_bytes) ||
        say_waits(&pod->containers, "container", out, out_bytes))
        return;
    for (unsigned i = 0; i < pod->containers.count; i++) {
        const struct kube_container *one = &pod->containers.each[i];
        if (!one->ready && one->state == KUBE_CONTAINER_RUNNING) {
            snprintf(out, out_bytes, "container %s runs, but its readiness probe does not pass",
                     one->name);
            return;
        }
    }
    if (pod->reason[0] != '\0')
        snprintf(out, out_bytes, "%s", pod->reason);
    else
        snprintf(out, out_bytes, "not ready, phase %s", kube_pod_phase_text(pod->phase));
}

/* The first of CONTAINERS that is not ready and for which there is a word why. Init containers end,
 * one after another: those behind the one that runs, or fails, only wait for it. */
static bool say_waits(const struct kube_containers *containers, const char *word, char *out,
                      unsigned out_bytes)
{
    bool init = word[0] == 'i';
    for (unsigned i = 0; i < containers->count; i++) {
        const struct kube_container *one = &containers->each[i];
        bool runs = init && one->state == KUBE_CONTAINER_RUNNING;
        if (one->ready || (one->reason[0] == '\0' && !runs))
            continue;
        int size = runs ? snprintf(out, out_bytes, "%s %s is not done yet", word, one->name)
                        : snprintf(out, out_bytes, "%s %s: %s%s%s", word, one->name, one->reason,
                                   one->message[0] == '\0' ? "" : ": ", one->message);
        if (one->state == KUBE_CONTAINER_WAITING && one->exit_code != 0 &&
            (unsigned)size < out_bytes)
            snprintf(out + size, out_bytes - (unsigned)size,
                     "; it ended with exit code %" PRId64 " last", one->exit_code);
        return true;
    }
    return false;
}

bool kube_pod_is_probed(const struct kube_pod *pod)
{
    for (unsigned i = 0; i < pod->containers.count; i++)
        if (pod->containers.each[i].readiness_probe)
            return true;
    return false;
}

bool kube_pod_has_hook(const struct kube_pod *pod)
{
    for (unsigned i = 0; i < pod->containers.count; i++)
        if (pod->containers.each[i].pre_stop)
            return true;
    return false;
}

void kube_conditions_read(struct kube_arena *arena, const cJSON *array,
                          struct kube_conditions *conditions)
{
    unsigned size = bounded_size(array, KUBE_CONDITIONS_MAX);
    const cJSON *item;
    *conditions = (struct kube_conditions){
        .each = kube_arena_take(arena, size, sizeof(struct kube_condition))};
    if (conditions->each == NULL)
        return;
    cJSON_ArrayForEach(item, array)
    {
        if (conditions->count == size)
            break;
        conditions->each[conditions->count++] = (struct kube_condition){
            .type = kube_arena_text(arena, json_string(item, "type", "")),
            .status = kube_arena_text(arena, json_string(item, "status", "")),
            .reason = kube_arena_text(arena, json_string(item, "reason", "")),
            .message = kube_arena_text(arena, json_string(item, "message", "")),
        };
    }
}

const struct kube_condition *kube_condition_find(const struct kube_conditions *conditions,
                                                 const char *type)
{
    for (unsigned i = 0; i < conditions->count; i++) {
        if (strcmp(conditions->each[i].type, type) == 0)
            return &conditions->each[i];
    }
    return NULL;
}

void kube_containers_read(struct kube_arena *arena, const cJSON *pod_spec,
                          struct kube_containers *containers)
{
    list_read(arena, json_member(pod_spec, "containers"), containers);
}

static void list_read(struct kube_arena *arena, const cJSON *array,
                      struct kube_containers *containers)
{
    const cJSON *item;
    unsigned size = bounded_size(array, KUBE_CONTAINERS_MAX);
    *containers = (struct kube_containers){
        .each = kube_arena_take(arena, size, sizeof(struct kube_container))};
    if (containers->each == NULL)
        return;
    cJSON_ArrayForEach(item, array)
    {
        if (containers->count == size)
            break;
        containers->each[containers->count++] = (struct kube_container){
            .name = kube_arena_text(arena, json_string(item, "name", "")),
            .image = kube_arena_text(arena, json_string(item, "image", "")),
            .readiness_probe = cJSON_IsObject(json_member(item, "readinessProbe")),
            .pre_stop = cJSON_IsObject(json_at(item, "lifecycle.preStop")),
            .reason = "",
            .message = "",
        };
    }
}

void kube_addresses_add(struct kube_arena *arena, struct kube_addresses *addresses,
                        const char *text)
{
    struct address address;
    if (addresses->count == KUBE_ADDRESSES_MAX || address_parse(text, &address, NULL) < 0)
        return;
    /* Powers of two: a new array when the old one is full. */
    if ((addresses->count & (addresses->count - 1)) == 0) {
        size_t room = addresses->count == 0 ? 1 : 2 * (size_t)addresses->count;
        struct address *more = kube_arena_take(arena, room, sizeof(*more));
        if (more == NULL)
            return;
        if (addresses->count > 0)
            memcpy(more, addresses->each, addresses->count * sizeof(*more));
        addresses->each = more;
    }
    addresses->each[addresses->count++] = address;
}

static void states_read(struct kube_arena *arena, const cJSON *statuses,
                        struct kube_containers *containers)
{
    const cJSON *status;
    cJSON_ArrayForEach(status, statuses)
    {
        const char *name = json_string(status, "name", "");
        for (unsigned i = 0; i < containers->count; i++) {
            if (strcmp(containers->each[i].name, name) == 0)
                state_read(arena, status, &containers->each[i]);
        }
    }
}

static void state_read(struct kube_arena *arena, const cJSON *status,
                       struct kube_container *container)
{
    static const struct {
        const char *name;
        enum kube_container_state state;
    } states[] = {{"waiting", KUBE_CONTAINER_WAITING},
                  {"running", KUBE_CONTAINER_RUNNING},
                  {"terminated", KUBE_CONTAINER_TERMINATED}};
    const cJSON *all = json_member(status, "state");
    container->ready = json_bool(status, "ready", false);
    container->exit_code = json_integer(status, "lastState.terminated.exitCode", 0);
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        const cJSON *state = json_member(all, states[i].name);
        if (!cJSON_IsObject(state))
            continue;
        container->state = states[i].state;
        container->reason = kube_arena_text(arena, json_string(state, "reason", ""));
        container->message = kube_arena_text(arena, json_string(state, "message", ""));
        if (container->state != KUBE_CONTAINER_WAITING)
            container->exit_code = json_integer(state, "exitCode", 0);
    }
}

static unsigned bounded_size(const cJSON *array, unsigned max)
{
    int size = cJSON_IsArray(array) ? cJSON_GetArraySize(array) : 0;
    return (unsigned)size > max ? max : (unsigned)size;
}
