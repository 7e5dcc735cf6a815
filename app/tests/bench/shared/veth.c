#include "tests/bench/shared/veth.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define VETH_FAR "slbench1"
/* The near end's own, while the kernel's client uses it. */
#define NEAR_ADDRESS "10.78.0.2/24"

enum {
    SOURCE_BYTES = 4 << 20, /* Sent again and again. */
    BUFFER_BYTES = 256 << 10,
    HEAD_BYTES = 4096
};

static const char get[] = "GET / HTTP/1.1\r\nHost: " VETH_SERVER "\r\n\r\n";

static int run(struct error *err, const char *command)
{
    int status = system(command);
    return status == 0 ? 0 : error_set(err, EXIT_ENVIRONMENT, -1, "failed: %s", command);
}

static int failed(struct error *err, const char *what)
{
    return error_set(err, EXIT_ENVIRONMENT, -1, "%s: %s", what, strerror(errno));
}

static int bind_to(int cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((unsigned)cpu, &set);
    return sched_setaffinity(0, sizeof(set), &set);
}

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static struct sockaddr_in server_address(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(VETH_PORT)};
    inet_pton(AF_INET, VETH_SERVER, &address.sin_addr);
    return address;
}

/* ---- The server: a process of its own ---- */

/* Up to the empty line of a request; false: there is none any more. */
static bool read_request(int fd)
{
    char head[HEAD_BYTES];
    size_t size = 0;
    while (size < sizeof(head)) {
        ssize_t got = recv(fd, head + size, sizeof(head) - size, 0);
        if (got <= 0)
            return false;
        size += (size_t)got;
        if (memmem(head, size, "\r\n\r\n", 4) != NULL)
            return true;
    }
    return false;
}

static bool write_answer(int fd, int source, uint64_t body_bytes)
{
    char head[128];
    int size = snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %llu\r\n\r\n",
                        (unsigned long long)body_bytes);
    if (send(fd, head, (size_t)size, MSG_NOSIGNAL | MSG_MORE) != size)
        return false;
    while (body_bytes > 0) {
        off_t at = 0;
        ssize_t sent = sendfile(fd, source, &at,
                                body_bytes < SOURCE_BYTES ? (size_t)body_bytes : SOURCE_BYTES);
        if (sent <= 0)
            return false;
        body_bytes -= (uint64_t)sent;
    }
    return true;
}

static void serve(int listener, uint64_t body_bytes)
{
    int source = memfd_create("body", MFD_CLOEXEC);
    if (source < 0 || ftruncate(source, SOURCE_BYTES) < 0)
        _exit(1);
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        while (fd >= 0 && read_request(fd) && write_answer(fd, source, body_bytes))
            continue;
        close(fd);
    }
}

static int listen_far(void)
{
    const struct sockaddr_in address = server_address();
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    return bind(listener, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
                   listen(listener, 8) == 0
               ? listener
               : -1;
}

/* READY: a byte is written when the namespace is there, and when it listens. GO: its end of the
 * pair is in it. */
static void be_server(int cpu, uint64_t body_bytes, int ready, int go)
{
    char byte = 0;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGPIPE, SIG_IGN);
    if (bind_to(cpu) < 0 || unshare(CLONE_NEWNET) < 0 || write(ready, &byte, 1) != 1 ||
        read(go, &byte, 1) != 1 ||
        run(NULL,
            "ip link set lo up; ip addr add " VETH_SERVER "/24 dev " VETH_FAR
            " && ethtool -K " VETH_FAR " tx off tso off gso off gro off >/dev/null"
            " && ip link set " VETH_FAR " up && ip route add " VETH_CLIENTS " dev " VETH_FAR) < 0)
        _exit(1);
    int listener = listen_far();
    if (listener < 0 || write(ready, &byte, 1) != 1)
        _exit(1);
    serve(listener, body_bytes);
}

/* ---- This side ---- */

static int make_pair(pid_t server, struct error *err)
{
    char command[400];
    snprintf(command, sizeof(command),
             "ip link set lo up; ip link add " VETH_NEAR " numrxqueues 1 numtxqueues 1 type veth "
             "peer name " VETH_FAR " numrxqueues 1 numtxqueues 1 netns %d "
             "&& sysctl -qw net.ipv6.conf." VETH_NEAR ".disable_ipv6=1 "
             "&& ethtool -K " VETH_NEAR " tx off tso off gso off gro off >/dev/null "
             "&& ip link set " VETH_NEAR " up",
             (int)server);
    return run(err, command);
}

static int start_server(struct veth *veth, int cpu, struct error *err)
{
    int ready[2], go[2], status = -1;
    char byte = 0;
    if (pipe(ready) < 0 || pipe(go) < 0)
        return failed(err, "pipe");
    veth->server = fork();
    if (veth->server == 0) {
        close(ready[0]);
        close(go[1]);
        be_server(cpu, veth->body_bytes, ready[1], go[0]);
    }
    close(ready[1]);
    close(go[0]);
    if (veth->server < 0) {
        veth->server = 0;
        failed(err, "fork");
    } else if (read(ready[0], &byte, 1) != 1) {
        error_set(err, EXIT_ENVIRONMENT, 0, "no network namespace for the server: is this root?");
    } else if (make_pair(veth->server, err) == 0) {
        status = write(go[1], &byte, 1) == 1 && read(ready[0], &byte, 1) == 1 ? 0 : -1;
        if (status < 0)
            error_set(err, EXIT_ENVIRONMENT, 0, "the server cannot listen on " VETH_SERVER);
    }
    close(ready[0]);
    close(go[1]);
    return status;
}

int veth_open(struct veth *veth, int cpu, uint64_t body_bytes, struct error *err)
{
    *veth = (struct veth){.body_bytes = body_bytes};
    if (unshare(CLONE_NEWNET) < 0)
        return failed(err, "a network namespace of its own");
    return start_server(veth, cpu, err);
}

void veth_close(struct veth *veth)
{
    if (veth->server == 0)
        return;
    kill(veth->server, SIGKILL);
    waitpid(veth->server, NULL, 0);
    veth->server = 0;
}

/* Read one answer from FD, BUFFER having BUFFER_BYTES. */
static bool read_answer(int fd, char *buffer, uint64_t body_bytes)
{
    uint64_t left = UINT64_MAX;
    size_t size = 0;
    while (left > 0) {
        ssize_t got = recv(fd, buffer + size, (size_t)BUFFER_BYTES - size, 0);
        if (got <= 0)
            return false;
        if (left != UINT64_MAX) {
            left -= (uint64_t)got;
            continue;
        }
        size += (size_t)got;
        const char *end = memmem(buffer, size, "\r\n\r\n", 4);
        if (end == NULL)
            continue;
        left = body_bytes - (size - (size_t)(end + 4 - buffer));
        size = 0;
    }
    return true;
}

static int download(const struct veth *veth, unsigned count, uint64_t took_ns[], struct error *err)
{
    const struct sockaddr_in address = server_address();
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char *buffer = malloc(BUFFER_BYTES);
    bool good = fd >= 0 && buffer != NULL &&
                connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
    for (unsigned i = 0; i < count && good; i++) {
        const uint64_t start_ns = now_ns();
        good = send(fd, get, sizeof(get) - 1, MSG_NOSIGNAL) == sizeof(get) - 1 &&
               read_answer(fd, buffer, veth->body_bytes);
        took_ns[i] = now_ns() - start_ns;
    }
    if (!good)
        failed(err, "the kernel's client");
    free(buffer);
    close(fd);
    return good ? 0 : -1;
}

int veth_client(const struct veth *veth, int cpu, unsigned count, uint64_t took_ns[],
                struct error *err)
{
    cpu_set_t before;
    if (run(err, "ip addr add " NEAR_ADDRESS " dev " VETH_NEAR) < 0)
        return -1;
    sched_getaffinity(0, sizeof(before), &before);
    bind_to(cpu);
    int status = download(veth, count, took_ns, err);
    sched_setaffinity(0, sizeof(before), &before);
    return run(err, "ip addr del " NEAR_ADDRESS " dev " VETH_NEAR) < 0 ? -1 : status;
}
