#include "lab/lab.h"

#include <string.h>
#include <sys/epoll.h>

static const int64_t second_ns = INT64_C(1000000000);

void lab_probe_cancel(struct lab *lab, struct lab_pod *pod)
{
    lab_unwatch(lab, pod->probe.fd);
    health_probe_end(&pod->probe);
}

static void finish(struct lab *lab, struct lab_pod *pod, bool good)
{
    lab_probe_cancel(lab, pod);
    kubelet_probed(&pod->machine, good);
}

static uint16_t probe_port(const cJSON *action, const cJSON *container)
{
    const cJSON *port = json_at(action, "port"), *item;
    int64_t number = json_integer(action, "port", 0);

    if (cJSON_IsString(port)) {
        cJSON_ArrayForEach(item, json_at(container, "ports"))
        {
            if (strcmp(json_string(item, "name", ""), port->valuestring) == 0)
                number = json_integer(item, "containerPort", 0);
        }
    }
    return number > 0 && number < 65536 ? (uint16_t)number : 0;
}

/* From the node, as the real kubelet does. */
void lab_probe_begin(struct lab *lab, struct lab_pod *pod, const cJSON *object)
{
    const cJSON *container = cJSON_GetArrayItem(json_at(object, "spec.containers"), 0);
    const cJSON *probe = json_at(container, "readinessProbe");
    const cJSON *http = json_at(probe, "httpGet");
    struct health_target target = {
        .port = probe_port(http != NULL ? http : json_at(probe, "tcpSocket"), container),
        .path = http != NULL ? json_string(http, "path", "/") : NULL,
        .agent = "kube-probe/lab",
    };

    if (pod->probe.fd >= 0)
        return; /* The last one is still under way: its timeout decides. */
    address_parse(pod->place.v4, &target.address, NULL);
    if (health_probe_begin(&pod->probe, lab->fabric.node_fds[pod->node], lab->fabric.home_fd,
                           &target, lab->now_ns,
                           json_integer(probe, "timeoutSeconds", 1) * second_ns) < 0 ||
        lab_watch(lab, pod->probe.fd, health_probe_events(&pod->probe), &pod->probe_source) < 0)
        finish(lab, pod, false);
}

void lab_probe_event(struct lab *lab, struct lab_pod *pod)
{
    struct epoll_event event = {.data.ptr = &pod->probe_source};
    enum health_verdict verdict;

    if (pod->probe.fd < 0)
        return;
    verdict = health_probe_advance(&pod->probe);
    event.events = health_probe_events(&pod->probe);
    if (verdict == HEALTH_PENDING)
        epoll_ctl(lab->epoll_fd, EPOLL_CTL_MOD, pod->probe.fd, &event);
    else
        finish(lab, pod, verdict == HEALTH_GOOD);
}

void lab_probe_expire(struct lab *lab, struct lab_pod *pod)
{
    if (pod->probe.fd >= 0 && lab->now_ns >= pod->probe.deadline_ns)
        finish(lab, pod, false);
}
