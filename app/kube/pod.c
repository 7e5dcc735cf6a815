#include "kube/pod.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"

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
    pod->grace_s = json_integer(json, "spec.terminationGracePeriodSeconds", 30);
    const char *phase = json_string(json, "status.phase", "");
    for (int i = KUBE_POD_PENDING; i <= KUBE_POD_FAILED; i++) {
        if (strcmp(phase, kube_pod_phase_text((enum kube_pod_phase)i)) == 0)
            pod->phase = (enum kube_pod_phase)i;
    }
    kube_containers_read(arena, json_at(json, "spec"), &pod->containers);
    states_read(arena, json_at(json, "status.containerStatuses"), &pod->containers);
    kube_conditions_read(arena, json_at(json, "status.conditions"), &pod->conditions);
    const struct kube_condition *ready = kube_condition_find(&pod->conditions, "Ready");
    pod->ready = ready != NULL && strcmp(ready->status, "True") == 0;
    pod->ready_since_utc_ns = ready == NULL ? INT64_MIN : ready->since_utc_ns;
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
    for (unsigned i = 0; i < pod->containers.count; i++) {
        const struct kube_container *one = &pod->containers.each[i];
        if (one->ready || one->reason[0] == '\0')
            continue;
        const char *colon = one->message[0] == '\0' ? "" : ": ";
        snprintf(out, out_bytes, "container %s: %s%s%s", one->name, one->reason, colon,
                 one->message);
        return;
    }
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
            .since_utc_ns = json_parse_time(json_string(item, "lastTransitionTime", "")),
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

bool kube_condition_true(const struct kube_conditions *conditions, const char *type)
{
    const struct kube_condition *condition = kube_condition_find(conditions, type);
    return condition != NULL && strcmp(condition->status, "True") == 0;
}

void kube_containers_read(struct kube_arena *arena, const cJSON *pod_spec,
                          struct kube_containers *containers)
{
    const cJSON *array = json_member(pod_spec, "containers"), *item;
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
    container->restarts = json_integer(status, "restartCount", 0);
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        const cJSON *state = json_member(all, states[i].name);
        if (!cJSON_IsObject(state))
            continue;
        container->state = states[i].state;
        container->reason = kube_arena_text(arena, json_string(state, "reason", ""));
        container->message = kube_arena_text(arena, json_string(state, "message", ""));
        container->exit_code = json_integer(state, "exitCode", 0);
    }
}

static unsigned bounded_size(const cJSON *array, unsigned max)
{
    int size = cJSON_IsArray(array) ? cJSON_GetArraySize(array) : 0;
    return (unsigned)size > max ? max : (unsigned)size;
}
