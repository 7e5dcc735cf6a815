#include "run/translate.h"

#include <stdio.h>
#include <string.h>

#include "kube/rollout.h"

static struct timeline_event begin(const struct kube_event *event, enum timeline_kind kind)
{
    struct timeline_event out = {
        .not_before_ns = event->not_before_ns, .not_after_ns = event->not_after_ns, .kind = kind};
    if (event->type == KUBE_PRESENT)
        out.not_before_ns = 0;
    if (out.not_before_ns > out.not_after_ns)
        out.not_before_ns = out.not_after_ns;
    return out;
}

static void add(struct timeline *out, struct timeline_event event, const char *object,
                const char *node, const char *text)
{
    snprintf(event.object, sizeof(event.object), "%s", object);
    snprintf(event.node, sizeof(event.node), "%s", node);
    snprintf(event.text, sizeof(event.text), "%s", text);
    timeline_add(out, &event);
}

static void add_pod(const struct kube_event *event, struct timeline *out, enum timeline_kind kind,
                    const char *text)
{
    const struct kube_object *pod = event->object;
    add(out, begin(event, kind), pod->meta.name, pod->pod.node, text);
}

static void translate_pod(const struct kube_event *event, struct timeline *out)
{
    const struct kube_object *pod = event->object, *before = event->previous;
    bool is_new = event->type == KUBE_ADDED || event->type == KUBE_PRESENT;
    char why[160] = "";
    if (is_new)
        add_pod(event, out, TIMELINE_POD_CREATED, pod->meta.owner_name);
    if (event->type == KUBE_DELETED) {
        add_pod(event, out, TIMELINE_POD_GONE, "");
        return;
    }
    if (pod->pod.node[0] && (before == NULL || !before->pod.node[0]))
        add_pod(event, out, TIMELINE_POD_SCHEDULED, "");
    if (pod->pod.ready && (before == NULL || !before->pod.ready))
        add_pod(event, out, TIMELINE_POD_READY,
                kube_pod_is_probed(&pod->pod) ? "readiness probe" : "");
    if (!pod->pod.ready && before != NULL && before->pod.ready) {
        kube_pod_why_not_ready(&pod->pod, why, sizeof(why));
        add_pod(event, out, TIMELINE_POD_NOT_READY, why);
    }
    if (kube_object_terminating(pod) && (before == NULL || !kube_object_terminating(before))) {
        snprintf(why, sizeof(why), "grace %lld s%s", (long long)pod->meta.grace_s,
                 kube_pod_has_hook(&pod->pod) ? ", preStop hook" : "");
        add_pod(event, out, TIMELINE_POD_TERMINATING, why);
    }
}

static const struct kube_endpoint *find_endpoint(const struct kube_object *slice,
                                                 const struct kube_endpoint *wanted)
{
    if (slice == NULL)
        return NULL;
    for (unsigned i = 0; i < slice->endpointslice.endpoints_count; i++) {
        const struct kube_endpoint *endpoint = &slice->endpointslice.endpoints[i];
        if (strcmp(endpoint->pod_uid, wanted->pod_uid) == 0 &&
            strcmp(endpoint->pod, wanted->pod) == 0)
            return endpoint;
    }
    return NULL;
}

static void add_endpoint(const struct kube_event *event, struct timeline *out,
                         enum timeline_kind kind, const struct kube_endpoint *endpoint)
{
    const struct kube_endpointslice *slice = &event->object->endpointslice;
    char text[160];
    snprintf(text, sizeof(text), "service %s, %s", slice->service,
             slice->address_type == KUBE_ADDRESS_IPV6 ? "IPv6" : "IPv4");
    add(out, begin(event, kind), endpoint->pod, endpoint->node, text);
}

static void translate_slice(const struct kube_event *event, struct timeline *out)
{
    const struct kube_object *now = event->type == KUBE_DELETED ? NULL : event->object;
    const struct kube_object *before =
        event->type == KUBE_DELETED ? event->object : event->previous;
    for (unsigned i = 0; now != NULL && i < now->endpointslice.endpoints_count; i++) {
        const struct kube_endpoint *endpoint = &now->endpointslice.endpoints[i];
        const struct kube_endpoint *old = find_endpoint(before, endpoint);
        if (endpoint->ready && (old == NULL || !old->ready))
            add_endpoint(event, out, TIMELINE_ENDPOINT_READY, endpoint);
        if (endpoint->terminating && (old == NULL || !old->terminating))
            add_endpoint(event, out, TIMELINE_ENDPOINT_TERMINATING, endpoint);
    }
    for (unsigned i = 0; before != NULL && i < before->endpointslice.endpoints_count; i++) {
        const struct kube_endpoint *endpoint = &before->endpointslice.endpoints[i];
        if (find_endpoint(now, endpoint) == NULL)
            add_endpoint(event, out, TIMELINE_ENDPOINT_REMOVED, endpoint);
    }
}

static void translate_rollout(const struct kube_event *event, struct timeline *out)
{
    struct kube_rollout now, before = {.state = KUBE_ROLLOUT_COMPLETE};
    if (event->type == KUBE_DELETED)
        return;
    kube_rollout_status(event->object, &now);
    if (event->previous != NULL)
        kube_rollout_status(event->previous, &before);
    if (event->previous != NULL && strcmp(now.text, before.text) == 0)
        return;
    if (now.state == KUBE_ROLLOUT_COMPLETE && before.state == KUBE_ROLLOUT_COMPLETE)
        return;
    enum timeline_kind kind =
        now.state == KUBE_ROLLOUT_FAILED ? TIMELINE_ROLLOUT_FAILED : TIMELINE_ROLLOUT_PROGRESS;
    if (now.state == KUBE_ROLLOUT_COMPLETE)
        kind = TIMELINE_ROLLOUT_COMPLETE;
    add(out, begin(event, kind), event->object->meta.name, "", now.text);
}

static void translate_node(const struct kube_event *event, struct timeline *out)
{
    if (event->previous == NULL || event->type == KUBE_DELETED)
        return;
    const struct kube_node *now = &event->object->node, *before = &event->previous->node;
    if (now->ready == before->ready && now->unschedulable == before->unschedulable)
        return;
    char text[64];
    snprintf(text, sizeof(text), "%s, %s", now->ready ? "Ready" : "not Ready",
             now->unschedulable ? "cordoned" : "schedulable");
    add(out, begin(event, TIMELINE_NODE_CHANGED), event->object->meta.name,
        event->object->meta.name, text);
}

static void translate_service(const struct kube_event *event, struct timeline *out)
{
    if (event->type == KUBE_PRESENT)
        return;
    const struct kube_service *now = &event->object->service;
    const char *text = event->type == KUBE_DELETED ? "deleted" : "created";
    if (event->previous != NULL) {
        if (event->previous->service.ingress_ips.count == now->ingress_ips.count)
            return;
        text = "its load balancer's addresses changed";
    }
    add(out, begin(event, TIMELINE_SERVICE_CHANGED), event->object->meta.name, "", text);
}

static void translate_object(const struct kube_event *event, struct timeline *out)
{
    switch (event->kind) {
    case KUBE_POD: translate_pod(event, out); break;
    case KUBE_ENDPOINTSLICE: translate_slice(event, out); break;
    case KUBE_DEPLOYMENT:
    case KUBE_STATEFULSET:
    case KUBE_DAEMONSET: translate_rollout(event, out); break;
    case KUBE_NODE: translate_node(event, out); break;
    case KUBE_SERVICE: translate_service(event, out); break;
    default: break;
    }
}

size_t translate_event(const struct kube_event *event, struct timeline *out)
{
    size_t before = out->count;
    const char *kind =
        event->kind < KUBE_KIND_COUNT ? kube_resource_of(event->kind)->plural : "objects";
    struct timeline_event gap = begin(event, TIMELINE_WATCH_GAP);
    switch (event->type) {
    case KUBE_PRESENT:
    case KUBE_ADDED:
    case KUBE_MODIFIED:
    case KUBE_DELETED: translate_object(event, out); break;
    case KUBE_UNSEEN:
        gap.unseen = true;
        add(out, gap, kind, "", event->text ? event->text : "");
        break;
    case KUBE_BROKEN:
        add(out, begin(event, TIMELINE_WATCH_BROKEN), kind, "", event->text ? event->text : "");
        break;
    case KUBE_STOPPED:
        add(out, begin(event, TIMELINE_NOTE), kind, "",
            event->text ? event->text : "the watch ended");
        break;
    default: break;
    }
    return out->count - before;
}
