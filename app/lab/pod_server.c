#include "lab/pod_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lab/pod_protocol.h"
#include "lab/pod_tls.h"
#include "lab/process.h"

enum {
    LISTENERS_MAX = 16,
    TICK_EVENTS = 256,
    BACKLOG = 4096,
    TURN_READS = 16
};

enum source_kind {
    SOURCE_SIGNAL,
    SOURCE_LISTENER,
    SOURCE_DATAGRAM,
    SOURCE_CONNECTION,
};

/* What an epoll event points at; the first member of each of the following. */
struct source {
    enum source_kind kind;
    int fd; /* -1 when closed. */
};

struct listener {
    struct source source;
    enum pod_protocol protocol;
    bool tls;              /* HTTPS. */
    char local[64];        /* "[::]:5003", for truth. */
    const char *transport; /* "tcp" or "udp". */
};

struct connection {
    struct source source;
    struct connection *next, *prev;        /* All open ones. */
    struct sockaddr_storage local, remote; /* As the kernel says. */
    uint32_t events;                       /* What is watched for. */
    struct pod_tls *tls;                   /* NULL: none. */
    struct connection *later, *sooner;     /* Neighbours among those whose answer waits. */
    int64_t answer_at_ns;                  /* When it is due; 0: none waits. */
    struct pod_stream stream;              /* Its protocol's state. */
};

struct server {
    struct pod_config *config;
    int epoll_fd;
    struct source signals;                    /* The signalfd. */
    struct listener listeners[LISTENERS_MAX]; /* Of all protocols and families. */
    size_t listener_count;                    /* In use, also when closed. */
    struct connection *connections;           /* Open ones. */
    size_t connection_count;                  /* Of them. */
    struct connection *garbage;               /* Closed in this turn, to be freed after it. */
    struct connection *first, *last;          /* Whose answers wait, by answer_at_ns. */
    struct pod_tls_server *tls;               /* Of HTTPS; NULL: not served. */
    int64_t start_ns;                         /* CLOCK_MONOTONIC. */
    int spare_fd;                             /* Given up to refuse when none is left. */
    bool draining;                            /* SIGTERM was told to drain. */
    bool done;                                /* Leave the loop. */
};

static int64_t monotonic_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void endpoint_text(const struct sockaddr_storage *address, char out[64])
{
    char ip[INET6_ADDRSTRLEN] = "?";
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)address;
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;

    if (address->ss_family == AF_INET6) {
        inet_ntop(AF_INET6, &v6->sin6_addr, ip, sizeof(ip));
        snprintf(out, 64, "[%s]:%u", ip, ntohs(v6->sin6_port));
    } else {
        inet_ntop(AF_INET, &v4->sin_addr, ip, sizeof(ip));
        snprintf(out, 64, "%s:%u", ip, ntohs(v4->sin_port));
    }
}

static cJSON *truth_line(struct server *server, const char *event, const char *transport,
                         const char *local)
{
    cJSON *line = truth_begin(&server->config->truth, truth_now_ns(), event);

    cJSON_AddStringToObject(line, "pod", server->config->host);
    cJSON_AddStringToObject(line, "protocol", transport);
    cJSON_AddStringToObject(line, "local", local);
    return line;
}

static int watch(struct server *server, struct source *source, uint32_t events, int operation)
{
    struct epoll_event event = {.events = events, .data.ptr = source};

    return epoll_ctl(server->epoll_fd, operation, source->fd, &event);
}

static void listener_close(struct server *server, struct listener *listener, const char *reason)
{
    cJSON *line;

    if (listener->source.fd < 0)
        return;
    line = truth_line(server, "listener-closed", listener->transport, listener->local);
    cJSON_AddStringToObject(line, "reason", reason);
    close(listener->source.fd);
    listener->source.fd = -1;
    truth_batch(&server->config->truth, line);
}

static struct pod_manner manner(const struct server *server)
{
    const struct pod_config *config = server->config;

    return (struct pod_manner){
        .host = config->host,
        .last = server->draining,
        .starting = config->starting_for_ns > 0 &&
                    monotonic_ns() - server->start_ns < config->starting_for_ns,
        .answer_after_ns = config->answer_after_ns,
        .answer_bytes = config->answer_bytes,
    };
}

/* Most wait equally long: the place is near the end. */
static void wait_begin(struct server *server, struct connection *connection)
{
    struct connection *before = server->last;

    connection->answer_at_ns = monotonic_ns() + connection->stream.answer_after_ns;
    while (before != NULL && before->answer_at_ns > connection->answer_at_ns)
        before = before->sooner;
    connection->sooner = before;
    connection->later = before == NULL ? server->first : before->later;
    if (connection->later != NULL)
        connection->later->sooner = connection;
    else
        server->last = connection;
    if (before != NULL)
        before->later = connection;
    else
        server->first = connection;
}

static void wait_end(struct server *server, struct connection *connection)
{
    if (connection->answer_at_ns == 0)
        return;
    connection->answer_at_ns = 0;
    if (connection->later != NULL)
        connection->later->sooner = connection->sooner;
    else
        server->last = connection->sooner;
    if (connection->sooner != NULL)
        connection->sooner->later = connection->later;
    else
        server->first = connection->later;
}

/* The stamp is taken right before close(); the line is written after it, by truth_flush(). */
static void connection_close(struct server *server, struct connection *connection,
                             const char *reason)
{
    char local[64], remote[64];
    cJSON *line;

    endpoint_text(&connection->local, local);
    endpoint_text(&connection->remote, remote);
    wait_end(server, connection);
    line = truth_line(server, "connection-closed", "tcp", local);
    pod_tls_close(connection->tls);
    close(connection->source.fd);
    connection->source.fd = -1;
    cJSON_AddStringToObject(line, "remote", remote);
    cJSON_AddStringToObject(line, "reason", reason);
    truth_batch(&server->config->truth, line);

    if (connection->prev != NULL)
        connection->prev->next = connection->next;
    else
        server->connections = connection->next;
    if (connection->next != NULL)
        connection->next->prev = connection->prev;
    server->connection_count--;
    connection->next = server->garbage;
    server->garbage = connection;
}

static void free_garbage(struct server *server)
{
    while (server->garbage != NULL) {
        struct connection *next = server->garbage->next;
        free(server->garbage);
        server->garbage = next;
    }
}

static ssize_t connection_write(struct connection *connection, const uint8_t *bytes, size_t size)
{
    ssize_t sent;

    if (connection->tls != NULL)
        return pod_tls_send(connection->tls, bytes, size);
    sent = send(connection->source.fd, bytes, size, MSG_NOSIGNAL);
    return sent < 0 ? -errno : sent;
}

static ssize_t connection_read(struct connection *connection, uint8_t *bytes, size_t size)
{
    ssize_t got;

    if (connection->tls != NULL)
        return pod_tls_receive(connection->tls, bytes, size);
    got = recv(connection->source.fd, bytes, size, 0);
    return got < 0 ? -errno : got;
}

/* Room to send is of interest while there is something to send, the peer's end alone while a
 * request waits for its answer. */
static void watch_for(struct server *server, struct connection *connection)
{
    const struct pod_stream *stream = &connection->stream;
    uint32_t events = EPOLLIN;

    if (stream->out_begin < stream->out_end ||
        (connection->tls != NULL && pod_tls_wants_out(connection->tls)))
        events = EPOLLOUT;
    else if (stream->whole)
        events = EPOLLRDHUP;
    if (events == connection->events)
        return;
    connection->events = events;
    watch(server, &connection->source, events, EPOLL_CTL_MOD);
}

static const char *failure(int rc)
{
    return rc == -ECONNRESET ? "reset" : "error";
}

/* Answer what is to be answered at once, and send what can be sent. False when it was closed. */
static bool connection_send(struct server *server, struct connection *connection)
{
    struct pod_stream *stream = &connection->stream;

    if (stream->whole && stream->answer_after_ns == 0) {
        struct pod_manner how = manner(server);
        pod_stream_answer(stream, &how);
    } else if (stream->whole && connection->answer_at_ns == 0) {
        wait_begin(server, connection);
    }
    while (stream->out_begin < stream->out_end || pod_stream_more(stream)) {
        ssize_t sent = connection_write(connection, stream->out + stream->out_begin,
                                        stream->out_end - stream->out_begin);
        if (sent == -EAGAIN)
            break;
        if (sent < 0) {
            connection_close(server, connection, failure((int)sent));
            return false;
        }
        stream->out_begin += (size_t)sent;
    }
    if (stream->out_begin == stream->out_end && stream->close_after) {
        connection_close(server, connection, server->draining ? "drained" : "answered");
        return false;
    }
    watch_for(server, connection);
    return true;
}

static bool connection_feed(struct server *server, struct connection *connection,
                            const uint8_t *bytes, size_t size)
{
    struct pod_stream *stream = &connection->stream;
    struct pod_manner how = manner(server);

    while (size > 0) {
        size_t room = pod_stream_room(stream);
        int64_t taken = pod_stream_input(stream, bytes, size < room ? size : room, &how);
        if (taken < 0) {
            connection_close(server, connection, "error");
            return false;
        }
        bytes += taken;
        size -= (size_t)taken;
        if (!connection_send(server, connection))
            return false;
        if (size > 0 && pod_stream_room(stream) == 0) {
            /* A peer that sends without reading, or the next request before the answer. */
            connection_close(server, connection, "error");
            return false;
        }
    }
    return true;
}

static void connection_input(struct server *server, struct connection *connection)
{
    uint8_t bytes[POD_PROTOCOL_BUFFER_BYTES];

    /* What TLS has read already no event would tell of. */
    for (int i = 0; i < TURN_READS || pod_tls_pending(connection->tls); i++) {
        size_t room = pod_stream_room(&connection->stream);
        ssize_t size;

        if (room == 0)
            return;
        size = connection_read(connection, bytes, room);
        if (size == -EAGAIN || size == -EINTR) {
            watch_for(server, connection);
            return;
        }
        if (size <= 0) {
            connection_close(server, connection, size == 0 ? "peer" : failure((int)size));
            return;
        }
        if (!connection_feed(server, connection, bytes, (size_t)size))
            return;
    }
}

/* Those whose time has come. What came in the meantime is read after it. */
static void answer_waiting(struct server *server)
{
    int64_t now_ns = monotonic_ns();

    while (server->first != NULL && server->first->answer_at_ns <= now_ns) {
        struct connection *connection = server->first;
        struct pod_manner how = manner(server);

        wait_end(server, connection);
        pod_stream_answer(&connection->stream, &how);
        if (connection_send(server, connection))
            connection_input(server, connection);
    }
}

/* A connection that there is no descriptor for would stay in the queue, and have the loop spin: it
 * is taken by the spare one, and closed. */
static int accept_next(struct server *server, const struct listener *listener,
                       struct sockaddr_storage *remote)
{
    socklen_t size = sizeof(*remote);
    int fd = accept4(listener->source.fd, (struct sockaddr *)remote, &size,
                     SOCK_NONBLOCK | SOCK_CLOEXEC);

    while (fd < 0 && (errno == EMFILE || errno == ENFILE) && server->spare_fd >= 0) {
        close(server->spare_fd);
        fd = accept4(listener->source.fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0)
            close(fd);
        server->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            return -1;
        size = sizeof(*remote);
        fd = accept4(listener->source.fd, (struct sockaddr *)remote, &size,
                     SOCK_NONBLOCK | SOCK_CLOEXEC);
    }
    return fd;
}

static void listener_accept(struct server *server, struct listener *listener)
{
    struct connection *connection;
    struct sockaddr_storage remote;
    socklen_t size;
    int fd, one = 1;

    while ((fd = accept_next(server, listener, &remote)) >= 0) {
        connection =
            server->connection_count < POD_CONNECTIONS_MAX ? malloc(sizeof(*connection)) : NULL;
        if (connection == NULL) {
            close(fd);
            continue;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        connection->source = (struct source){SOURCE_CONNECTION, fd};
        connection->remote = remote;
        size = sizeof(connection->local);
        getsockname(fd, (struct sockaddr *)&connection->local, &size);
        connection->events = EPOLLIN;
        connection->answer_at_ns = 0;
        connection->tls = listener->tls ? pod_tls_open(server->tls, fd) : NULL;
        connection->prev = NULL;
        connection->next = server->connections;
        if (server->connections != NULL)
            server->connections->prev = connection;
        server->connections = connection;
        server->connection_count++;
        pod_stream_init(&connection->stream, listener->protocol, server->config->host);
        watch(server, &connection->source, EPOLLIN, EPOLL_CTL_ADD);
        connection_send(server, connection);
    }
}

static void datagrams(struct server *server, struct listener *listener)
{
    uint8_t bytes[65536];
    struct sockaddr_storage remote;

    for (int i = 0; i < TURN_READS * 4; i++) {
        socklen_t length = sizeof(remote);
        ssize_t size = recvfrom(listener->source.fd, bytes, sizeof(bytes), 0,
                                (struct sockaddr *)&remote, &length);
        if (size < 0)
            return;
        size = (ssize_t)pod_datagram(listener->protocol, bytes, (size_t)size, sizeof(bytes),
                                     server->config->host);
        sendto(listener->source.fd, bytes, (size_t)size, 0, (struct sockaddr *)&remote, length);
    }
}

static void address_any(int family, uint16_t port, struct sockaddr_storage *out, socklen_t *size)
{
    memset(out, 0, sizeof(*out));
    out->ss_family = (sa_family_t)family;
    if (family == AF_INET6) {
        ((struct sockaddr_in6 *)(void *)out)->sin6_port = htons(port);
        *size = sizeof(struct sockaddr_in6);
    } else {
        ((struct sockaddr_in *)(void *)out)->sin_port = htons(port);
        *size = sizeof(struct sockaddr_in);
    }
}

static int listener_open(struct server *server, int family, int type, enum pod_protocol protocol,
                         uint16_t port, bool tls)
{
    struct listener *listener = &server->listeners[server->listener_count];
    struct sockaddr_storage address;
    socklen_t size;
    int one = 1, rc = 0;
    int fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return errno == EAFNOSUPPORT ? 0 : -errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
    address_any(family, port, &address, &size);
    if (bind(fd, (struct sockaddr *)&address, size) < 0 ||
        (type == SOCK_STREAM && listen(fd, BACKLOG) < 0)) {
        rc = errno == EADDRNOTAVAIL && family == AF_INET6 ? 0 : -errno;
        close(fd);
        return rc;
    }
    listener->source = (struct source){type == SOCK_STREAM ? SOURCE_LISTENER : SOURCE_DATAGRAM, fd};
    listener->protocol = protocol;
    listener->tls = tls;
    listener->transport = type == SOCK_STREAM ? "tcp" : "udp";
    endpoint_text(&address, listener->local);
    server->listener_count++;
    watch(server, &listener->source, EPOLLIN, EPOLL_CTL_ADD);
    truth_batch(&server->config->truth,
                truth_line(server, "listening", listener->transport, listener->local));
    return 0;
}

static int listen_all(struct server *server, struct error *err)
{
    const struct pod_config *config = server->config;
    const struct {
        enum pod_protocol protocol;
        uint16_t port;
        int type;
        bool tls;
    } wanted[] = {
        {POD_CTRAFFIC, config->ctraffic_port, SOCK_STREAM, false},
        {POD_CTRAFFIC, config->ctraffic_port, SOCK_DGRAM, false},
        {POD_MCONNECT, config->mconnect_port, SOCK_STREAM, false},
        {POD_MCONNECT, config->mconnect_port, SOCK_DGRAM, false},
        {POD_HTTP, config->http_port, SOCK_STREAM, false},
        {POD_HTTP, config->https_port, SOCK_STREAM, true},
    };

    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        for (int v6 = 0; v6 < 2 && wanted[i].port != 0; v6++) {
            int rc = listener_open(server, v6 ? AF_INET6 : AF_INET, wanted[i].type,
                                   wanted[i].protocol, wanted[i].port, wanted[i].tls);
            if (rc < 0)
                return error_set(err, EXIT_ENVIRONMENT, rc,
                                 "port %u cannot be served: %s; free it or choose another",
                                 wanted[i].port, strerror(-rc));
        }
    }
    truth_flush(&server->config->truth);
    return 0;
}

static void close_listeners(struct server *server, const char *reason)
{
    for (size_t i = 0; i < server->listener_count; i++)
        listener_close(server, &server->listeners[i], reason);
}

static void close_connections(struct server *server, const char *reason)
{
    while (server->connections != NULL)
        connection_close(server, server->connections, reason);
}

/* Whoever the kernel has accepted is served; who is between two requests is not waited for. */
static void drain(struct server *server)
{
    struct connection *next;

    for (size_t i = 0; i < server->listener_count; i++) {
        struct listener *listener = &server->listeners[i];
        if (listener->source.kind == SOURCE_LISTENER && listener->source.fd >= 0)
            listener_accept(server, listener);
    }
    server->draining = true;
    close_listeners(server, "drained");
    for (struct connection *connection = server->connections; connection != NULL;
         connection = next) {
        next = connection->next;
        connection_input(server, connection);
        if (connection->source.fd >= 0 && pod_stream_idle(&connection->stream))
            connection_close(server, connection, "drained");
    }
}

static void terminate(struct server *server)
{
    switch (server->config->on_term) {
    case POD_IGNORE: break;
    case POD_DRAIN:
        if (!server->draining)
            drain(server);
        break;
    case POD_EXIT:
        close_listeners(server, "exit");
        close_connections(server, "exit");
        server->done = true;
        break;
    }
}

static void connection_event(struct server *server, struct connection *connection, uint32_t events)
{
    if (connection->stream.whole && (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
        connection_close(server, connection, "peer");
    else if ((events & EPOLLOUT) == 0 || connection_send(server, connection))
        connection_input(server, connection);
}

static void handle(struct server *server, struct source *source, uint32_t events)
{
    struct signalfd_siginfo info;

    if (source->fd < 0)
        return;
    switch (source->kind) {
    case SOURCE_SIGNAL:
        if (read(source->fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
            terminate(server);
        break;
    case SOURCE_LISTENER: listener_accept(server, (struct listener *)(void *)source); break;
    case SOURCE_DATAGRAM: datagrams(server, (struct listener *)(void *)source); break;
    case SOURCE_CONNECTION:
        connection_event(server, (struct connection *)(void *)source, events);
        break;
    }
}

/* -1: for ever. */
static int wait_ms(const struct server *server, bool listening, int64_t listen_ns)
{
    int64_t due_ns = INT64_MAX, wait_ns;

    if (server->first != NULL)
        due_ns = server->first->answer_at_ns;
    if (!listening && !server->draining && listen_ns < due_ns)
        due_ns = listen_ns;
    if (due_ns == INT64_MAX)
        return -1;
    wait_ns = due_ns - monotonic_ns();
    return wait_ns <= 0 ? 0 : (int)(wait_ns / 1000000) + 1;
}

static int serve(struct server *server, struct error *err)
{
    int64_t listen_ns = server->start_ns + server->config->listen_after_ns;
    struct epoll_event events[TICK_EVENTS];
    bool listening = false;

    while (!server->done) {
        int count;

        if (!listening && monotonic_ns() >= listen_ns && !server->draining) {
            int rc = listen_all(server, err);
            if (rc < 0)
                return rc;
            listening = true;
        }
        count = epoll_wait(server->epoll_fd, events, TICK_EVENTS,
                           wait_ms(server, listening, listen_ns));
        for (int i = 0; i < count && !server->done; i++)
            handle(server, events[i].data.ptr, events[i].events);
        if (!server->done)
            answer_waiting(server);
        truth_flush(&server->config->truth);
        free_garbage(server);
        if (server->draining && server->connection_count == 0)
            server->done = true;
    }
    return 0;
}

int pod_server_run(struct pod_config *config, struct error *err)
{
    struct server *server = calloc(1, sizeof(*server));
    sigset_t signals;
    int rc = 0;

    if (server == NULL)
        return error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory");
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    process_allow_files();
    server->config = config;
    server->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    server->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    server->signals = (struct source){SOURCE_SIGNAL, signalfd(-1, &signals, SFD_CLOEXEC)};
    watch(server, &server->signals, EPOLLIN, EPOLL_CTL_ADD);
    server->start_ns = monotonic_ns();
    if (config->https_port != 0)
        rc = pod_tls_server_open(&server->tls, config->certificate, config->key, err);
    if (rc == 0)
        rc = serve(server, err);
    close_listeners(server, "exit");
    close_connections(server, "exit");
    truth_flush(&config->truth);
    free_garbage(server);
    pod_tls_server_close(server->tls);
    close(server->signals.fd);
    close(server->epoll_fd);
    if (server->spare_fd >= 0)
        close(server->spare_fd);
    free(server);
    return rc;
}
