#include "lab/lab.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lab/netns.h"

static const int64_t second_ns = INT64_C(1000000000);

void lab_probe_cancel(struct lab *lab, struct lab_pod *pod)
{
    lab_unwatch(lab, pod->probe.fd);
    if (pod->probe.fd >= 0)
        close(pod->probe.fd);
    pod->probe.fd = -1;
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

/* A socket of the node, as the real kubelet's. */
static int connect_from_node(struct lab *lab, const struct lab_pod *pod, uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd, rc;

    inet_pton(AF_INET, pod->place.v4, &address.sin_addr);
    if (netns_enter(lab->fabric.node_fds[pod->node]) < 0)
        return -EIO;
    fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (netns_enter(lab->fabric.home_fd) < 0)
        abort();
    if (fd < 0)
        return -errno;
    rc = connect(fd, (struct sockaddr *)&address, sizeof(address));
    if (rc < 0 && errno != EINPROGRESS) {
        rc = -errno;
        close(fd);
        return rc;
    }
    return fd;
}

void lab_probe_begin(struct lab *lab, struct lab_pod *pod, const cJSON *object)
{
    const cJSON *container = cJSON_GetArrayItem(json_at(object, "spec.containers"), 0);
    const cJSON *probe = json_at(container, "readinessProbe");
    const cJSON *http = json_at(probe, "httpGet");
    uint16_t port = probe_port(http != NULL ? http : json_at(probe, "tcpSocket"), container);

    if (pod->probe.fd >= 0)
        return; /* The last one is still under way: its timeout decides. */
    pod->probe = (struct lab_probe){.fd = -1, .http = http != NULL};
    snprintf(pod->probe.request, sizeof(pod->probe.request),
             "GET %.300s HTTP/1.1\r\nHost: %s:%u\r\nUser-Agent: kube-probe/lab\r\n"
             "Connection: close\r\n\r\n",
             json_string(http, "path", "/"), pod->place.v4, port);
    pod->probe.deadline_ns = lab->now_ns + json_integer(probe, "timeoutSeconds", 1) * second_ns;
    pod->probe.fd = connect_from_node(lab, pod, port);
    if (pod->probe.fd < 0 || lab_watch(lab, pod->probe.fd, EPOLLOUT, &pod->probe_source) < 0)
        finish(lab, pod, false);
}

static void send_request(struct lab *lab, struct lab_pod *pod)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &pod->probe_source};
    size_t size = strlen(pod->probe.request);
    int error = 0;
    socklen_t length = sizeof(error);

    getsockopt(pod->probe.fd, SOL_SOCKET, SO_ERROR, &error, &length);
    if (error != 0 || !pod->probe.http) {
        finish(lab, pod, error == 0);
        return;
    }
    if (send(pod->probe.fd, pod->probe.request, size, MSG_NOSIGNAL) != (ssize_t)size) {
        finish(lab, pod, false);
        return;
    }
    pod->probe.sent = true;
    epoll_ctl(lab->epoll_fd, EPOLL_CTL_MOD, pod->probe.fd, &event);
}

void lab_probe_event(struct lab *lab, struct lab_pod *pod)
{
    char answer[64] = "";
    ssize_t size;
    int code = 0;

    if (pod->probe.fd < 0)
        return;
    if (!pod->probe.sent) {
        send_request(lab, pod);
        return;
    }
    /* The status line comes in one segment from anything that can be ready. */
    size = recv(pod->probe.fd, answer, sizeof(answer) - 1, 0);
    if (size < 0 && errno == EAGAIN)
        return;
    if (size > 0 && sscanf(answer, "HTTP/1.%*d %d", &code) != 1)
        code = 0;
    finish(lab, pod, code >= 200 && code < 400);
}

void lab_probe_expire(struct lab *lab, struct lab_pod *pod)
{
    if (pod->probe.fd >= 0 && lab->now_ns >= pod->probe.deadline_ns)
        finish(lab, pod, false);
}
