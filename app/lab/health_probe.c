#include "lab/health_probe.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lab/netns.h"

static int connect_in(int netns_fd, int home_fd, const struct health_target *target)
{
    struct sockaddr_in6 remote = {.sin6_family = AF_INET6, .sin6_port = htons(target->port)};
    int fd, rc = netns_enter(netns_fd);

    if (rc < 0)
        return rc;
    fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    rc = fd < 0 ? -errno : 0;
    if (netns_enter(home_fd) < 0)
        abort();
    if (rc < 0)
        return rc;
    memcpy(&remote.sin6_addr, target->address.bytes, sizeof(remote.sin6_addr));
    if (connect(fd, (const struct sockaddr *)&remote, sizeof(remote)) < 0 && errno != EINPROGRESS) {
        rc = -errno;
        close(fd);
        return rc;
    }
    return fd;
}

static void write_request(const struct health_target *target, struct health_probe *probe)
{
    char text[ADDRESS_TEXT_BYTES];
    bool v4 = address_is_v4(&target->address);

    snprintf(probe->request, sizeof(probe->request),
             "GET %.300s HTTP/1.1\r\nHost: %s%s%s:%u\r\nUser-Agent: %s\r\n"
             "Connection: close\r\n\r\n",
             target->path, v4 ? "" : "[", address_text(&target->address, text), v4 ? "" : "]",
             target->port, target->agent);
}

int health_probe_begin(struct health_probe *probe, int netns_fd, int home_fd,
                       const struct health_target *target, int64_t now_ns, int64_t timeout_ns)
{
    int rc = connect_in(netns_fd, home_fd, target);

    *probe = (struct health_probe){.fd = rc < 0 ? -1 : rc,
                                   .http = target->path != NULL,
                                   .began_ns = now_ns,
                                   .deadline_ns = now_ns + timeout_ns};
    if (probe->http)
        write_request(target, probe);
    return rc < 0 ? rc : 0;
}

uint32_t health_probe_events(const struct health_probe *probe)
{
    return probe->sent ? EPOLLIN : EPOLLOUT;
}

static enum health_verdict connected(struct health_probe *probe)
{
    size_t size = strlen(probe->request);
    int error = 0;
    socklen_t length = sizeof(error);

    getsockopt(probe->fd, SOL_SOCKET, SO_ERROR, &error, &length);
    if (error == 0 && !probe->http)
        return HEALTH_GOOD;
    if (error != 0 || send(probe->fd, probe->request, size, MSG_NOSIGNAL) != (ssize_t)size)
        return HEALTH_BAD;
    probe->sent = true;
    return HEALTH_PENDING;
}

enum health_verdict health_probe_advance(struct health_probe *probe)
{
    char answer[64] = "";
    ssize_t size;
    int code = 0;

    if (!probe->sent)
        return connected(probe);
    /* The status line comes in one segment from anything that can be well. */
    size = recv(probe->fd, answer, sizeof(answer) - 1, 0);
    if (size < 0 && errno == EAGAIN)
        return HEALTH_PENDING;
    if (size > 0 && sscanf(answer, "HTTP/1.%*d %d", &code) != 1)
        code = 0;
    return code >= 200 && code < 400 ? HEALTH_GOOD : HEALTH_BAD;
}

void health_probe_end(struct health_probe *probe)
{
    if (probe->fd >= 0)
        close(probe->fd);
    probe->fd = -1;
}
