#include "lab/api_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <microhttpd.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "base/utc.h"
#include "lab/api_body.h"
#include "lab/api_handler.h"
#include "lab/api_path.h"

#define SECOND_NS INT64_C(1000000000)

enum {
    MAX_CONNECTIONS = 512,
    MAX_STREAMS = 256,
    IDLE_TIMEOUT_S = 120,
    CONNECTION_BYTES = 64 * 1024,
    STREAM_BLOCK_BYTES = 16 * 1024,
    SEEN_VERSIONS = 4096,
    MAX_ROUNDS = 32, /* Of one run: a client cannot hold the daemon for longer. */
    MAX_WAIT_MS = 1000,
};

/* A watch and the connection that it goes out on. */
struct stream {
    struct stream *next, **link;       /* In the server's list. */
    struct api_server *server;         /* For the clock and the list. */
    struct api_watch *watch;           /* What there is to tell. */
    struct MHD_Connection *connection; /* Suspended and resumed. */
    struct text out;                   /* Lines that have not been sent. */
    bool suspended;                    /* Nothing to send at present. */
    bool over;                         /* The watch ended: so does the answer, after `out`. */
    bool cut;                          /* The connection is to break off. */
};

/* When the store was found at a version, for watches that are kept back. */
struct seen {
    uint64_t version;
    int64_t utc_ns;
};

struct api_server {
    struct MHD_Daemon *daemon;                  /* libmicrohttpd's state; NULL while it is away. */
    const struct certificate_set *certificates; /* Borrowed. */
    int64_t delay_ns;                           /* Of watches; 0: none. */
    struct seen *seen;              /* Ring of SEEN_VERSIONS: what may not be told yet. */
    uint64_t seen_first, seen_next; /* Those in use. */
    struct api_handler handler;     /* Answers requests. */
    struct stream *streams;         /* All watches. */
    unsigned stream_count;          /* Their number. */
    uint16_t port;                  /* Where it listens. */
    uint64_t stepped_version;       /* Of the store, when namespaces were last worked on. */
    int64_t utc_ns;                 /* Of the present run. */
    int64_t next_look_ns;           /* When to look for clients that have gone. */
};

/* A request that is being read. */
struct exchange {
    char *target;      /* As it came; NULL when out of memory. */
    struct text body;  /* At most API_BODY_BYTES. */
    bool is_too_large; /* The body has more. */
    bool is_started;   /* The headers have been seen. */
};

static int listen_on(uint16_t port, struct error *err);
static struct MHD_Daemon *start_daemon(struct api_server *server, int listener);
static void keep_back(struct api_server *server);
static uint16_t port_of(int listener);
static void resume_due(struct api_server *server);
static void look_for_gone(struct api_server *server);
static void resume(struct stream *stream);
/* As a real API server's, by the exact clock: the library's own is time(2), which lags behind for
 * as long as a busy machine keeps the kernel from its tick. */
static void add_date(struct MHD_Response *response)
{
    const time_t now = (time_t)(utc_now_ns() / 1000000000);
    char text[64];
    struct tm parts;

    if (gmtime_r(&now, &parts) == NULL)
        return;
    strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    MHD_add_response_header(response, "Date", text);
}

static enum MHD_Result answer_request(struct api_server *server, struct MHD_Connection *connection,
                                      const char *method, const struct exchange *exchange);

int api_server_start(const struct api_server_config *config, struct api_server **out,
                     struct error *err)
{
    struct api_server *server = calloc(1, sizeof(*server));
    if (server == NULL)
        return error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory");
    server->handler.store = config->store;
    server->handler.user = CERTIFICATE_CLIENT_NAME;
    server->handler.minor = config->minor;
    if (config->description != NULL)
        snprintf(server->handler.description, sizeof(server->handler.description), "%s",
                 config->description);
    server->handler.visible = UINT64_MAX;
    server->certificates = config->certificates;
    for (unsigned i = 0; i < config->deny_count; i++) {
        if (api_handler_deny(&server->handler, config->deny[i]) == 0)
            continue;
        free(server);
        return error_set(err, EXIT_USAGE, -EINVAL,
                         "deny \"%s\": must be \"verb:resource\", like \"patch:deployments\", and "
                         "there may be %d of them",
                         config->deny[i], API_DENY_RULES);
    }
    int listener = listen_on(config->port, err);
    if (listener < 0) {
        free(server);
        return listener;
    }
    server->port = port_of(listener);
    server->daemon = start_daemon(server, listener);
    if (server->daemon == NULL) {
        close(listener);
        free(server);
        return error_set(err, EXIT_ENVIRONMENT, -EIO,
                         "the lab's API server does not start: libmicrohttpd refuses the "
                         "certificates or lacks TLS");
    }
    *out = server;
    return 0;
}

void api_server_stop(struct api_server *server)
{
    if (server == NULL)
        return;
    api_server_go_away(server);
    free(server->seen);
    free(server);
}

void api_server_go_away(struct api_server *server)
{
    if (server->daemon == NULL)
        return;
    api_server_drop_watches(server);
    MHD_run(server->daemon);
    MHD_stop_daemon(server->daemon);
    server->daemon = NULL;
}

int api_server_come_back(struct api_server *server)
{
    struct error err = {0};
    int listener = listen_on(server->port, &err);
    if (listener < 0)
        return listener;
    server->daemon = start_daemon(server, listener);
    if (server->daemon != NULL) {
        api_server_expire(server, store_version(server->handler.store));
        return 0;
    }
    close(listener);
    return -EIO;
}

int api_server_fd(const struct api_server *server)
{
    if (server->daemon == NULL)
        return -1;
    return MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
}

uint16_t api_server_port(const struct api_server *server)
{
    return server->port;
}

int api_server_wait_ms(const struct api_server *server)
{
    MHD_UNSIGNED_LONG_LONG timeout_ms;
    if (server->daemon == NULL)
        return MAX_WAIT_MS;
    if (server->seen_first != server->seen_next)
        return (int)(API_SERVER_LATE_NS / 1000000);
    if (MHD_get_timeout(server->daemon, &timeout_ms) == MHD_YES && timeout_ms < MAX_WAIT_MS)
        return (int)timeout_ms;
    return MAX_WAIT_MS;
}

void api_server_run(struct api_server *server, int64_t utc_ns)
{
    server->utc_ns = utc_ns;
    if (server->daemon == NULL) {
        api_handler_step(&server->handler, utc_ns); /* Controllers go on without their server. */
        return;
    }
    keep_back(server);
    if (utc_ns >= server->next_look_ns || utc_ns + SECOND_NS < server->next_look_ns) {
        server->next_look_ns = utc_ns + SECOND_NS;
        look_for_gone(server);
    }
    for (unsigned round = 0; round < MAX_ROUNDS; round++) {
        struct store *store = server->handler.store;
        if (server->stepped_version != store_version(store)) {
            api_handler_step(&server->handler, utc_ns);
            server->stepped_version = store_version(store);
        }
        keep_back(server);
        resume_due(server);
        MHD_run(server->daemon);
        if (server->stepped_version == store_version(store) && api_server_wait_ms(server) != 0)
            return;
    }
}

unsigned api_server_watch_count(const struct api_server *server)
{
    return server->stream_count;
}

void api_server_drop_watches(struct api_server *server)
{
    for (struct stream *stream = server->streams; stream != NULL; stream = stream->next) {
        stream->cut = true;
        resume(stream);
    }
}

void api_server_slow_watches(struct api_server *server, int64_t delay_ns)
{
    if (server->seen == NULL)
        server->seen = calloc(SEEN_VERSIONS, sizeof(*server->seen));
    server->delay_ns = server->seen != NULL ? delay_ns : 0;
    server->seen_first = server->seen_next = 0;
    server->handler.visible = delay_ns > 0 ? store_version(server->handler.store) : UINT64_MAX;
}

/* Note the store's version, and let watches have those that are old enough. When the ring is full
 * the oldest is told of early. */
static void keep_back(struct api_server *server)
{
    uint64_t version = store_version(server->handler.store);
    if (server->delay_ns == 0)
        return;
    uint64_t newest = server->seen_first != server->seen_next
                          ? server->seen[(server->seen_next - 1) % SEEN_VERSIONS].version
                          : server->handler.visible;
    if (version > newest)
        server->seen[server->seen_next++ % SEEN_VERSIONS] = (struct seen){version, server->utc_ns};
    while (server->seen_first != server->seen_next) {
        const struct seen *oldest = &server->seen[server->seen_first % SEEN_VERSIONS];
        bool full = server->seen_next - server->seen_first == SEEN_VERSIONS;
        if (!full && oldest->utc_ns + server->delay_ns > server->utc_ns)
            break;
        server->handler.visible = oldest->version;
        server->seen_first++;
    }
}

void api_server_expire(struct api_server *server, uint64_t version)
{
    server->handler.expired_before = version;
}

int api_server_deny(struct api_server *server, const char *rule)
{
    return api_handler_deny(&server->handler, rule);
}

void api_server_allow_all(struct api_server *server)
{
    server->handler.deny_count = 0;
}

/* A socket of our own, so that an error has its errno. */
static int listen_on(uint16_t port, struct error *err)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int on = 1;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
        bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 && listen(fd, 128) == 0)
        return fd;
    int code = -errno;
    if (fd >= 0)
        close(fd);
    return error_set(err, EXIT_ENVIRONMENT, code,
                     "the lab's API server cannot listen on 127.0.0.1:%u: %s; give it another port",
                     port, strerror(-code));
}

static uint16_t port_of(int listener)
{
    struct sockaddr_in address = {0};
    socklen_t size = sizeof(address);
    getsockname(listener, (struct sockaddr *)&address, &size);
    return ntohs(address.sin_port);
}

/* Called with the request line, before anything else of a request. */
static void *on_target(void *context, const char *target, struct MHD_Connection *connection)
{
    (void)context;
    (void)connection;
    struct exchange *exchange = calloc(1, sizeof(*exchange));
    if (exchange != NULL)
        exchange->target = strdup(target);
    return exchange;
}

static void on_completed(void *context, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode code)
{
    (void)context;
    (void)connection;
    (void)code;
    struct exchange *exchange = *state;
    *state = NULL;
    if (exchange == NULL)
        return;
    free(exchange->target);
    text_free(&exchange->body);
    free(exchange);
}

/* Called once when the headers are there, then with each piece of the body, then at its end. */
static enum MHD_Result on_access(void *context, struct MHD_Connection *connection, const char *url,
                                 const char *method, const char *version, const char *upload,
                                 size_t *upload_bytes, void **state)
{
    (void)url;
    (void)version;
    struct exchange *exchange = *state;
    if (exchange == NULL || exchange->target == NULL)
        return MHD_NO;
    if (!exchange->is_started) {
        exchange->is_started = true;
        return MHD_YES;
    }
    if (*upload_bytes == 0)
        return answer_request(context, connection, method, exchange);
    if (exchange->body.size + *upload_bytes > API_BODY_BYTES)
        exchange->is_too_large = true;
    else
        text_add_bytes(&exchange->body, upload, *upload_bytes);
    *upload_bytes = 0;
    return MHD_YES;
}

static struct MHD_Daemon *start_daemon(struct api_server *server, int listener)
{
    const struct certificate_set *certificates = server->certificates;
    return MHD_start_daemon(
        MHD_USE_TLS | MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_access, server,
        MHD_OPTION_LISTEN_SOCKET, listener, MHD_OPTION_HTTPS_MEM_CERT, certificates->server,
        MHD_OPTION_HTTPS_MEM_KEY, certificates->server_key, MHD_OPTION_HTTPS_MEM_TRUST,
        certificates->authority, MHD_OPTION_HTTPS_PRIORITIES,
        "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2", MHD_OPTION_URI_LOG_CALLBACK, on_target, NULL,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)MAX_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_TIMEOUT_S,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES, MHD_OPTION_END);
}

static void resume(struct stream *stream)
{
    if (!stream->suspended)
        return;
    stream->suspended = false;
    MHD_resume_connection(stream->connection);
}

static void resume_due(struct api_server *server)
{
    for (struct stream *stream = server->streams; stream != NULL; stream = stream->next) {
        if (stream->cut || api_watch_is_due(stream->watch, server->utc_ns))
            resume(stream);
    }
}

/* A suspended connection is not looked at by libmicrohttpd: nobody else sees that it was closed. */
static void look_for_gone(struct api_server *server)
{
    struct pollfd fds[MAX_STREAMS];
    nfds_t count = 0;
    for (struct stream *stream = server->streams; stream != NULL; stream = stream->next) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(stream->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        fds[count].fd = info->connect_fd;
        fds[count++].events = POLLRDHUP;
    }
    if (count == 0 || poll(fds, count, 0) <= 0)
        return;
    count = 0;
    for (struct stream *stream = server->streams; stream != NULL; stream = stream->next) {
        if ((fds[count++].revents & (POLLRDHUP | POLLHUP | POLLERR)) == 0)
            continue;
        stream->cut = true;
        resume(stream);
    }
}

/* libmicrohttpd asks for the next bytes of a watch. */
static ssize_t on_read(void *context, uint64_t position, char *buffer, size_t room)
{
    (void)position;
    struct stream *stream = context;
    if (stream->cut)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (stream->out.size == 0 && !stream->over)
        stream->over = !api_watch_fill(stream->watch, &stream->out, stream->server->utc_ns);
    if (stream->out.size == 0 && stream->over)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (stream->out.size == 0) {
        stream->suspended = true;
        MHD_suspend_connection(stream->connection);
        return 0;
    }
    size_t size = stream->out.size < room ? stream->out.size : room;
    memcpy(buffer, stream->out.data, size);
    text_consume(&stream->out, size);
    return (ssize_t)size;
}

static void on_stream_end(void *context)
{
    struct stream *stream = context;
    *stream->link = stream->next;
    if (stream->next != NULL)
        stream->next->link = stream->link;
    stream->server->stream_count--;
    api_watch_free(stream->watch);
    text_free(&stream->out);
    free(stream);
}

/* Takes WATCH when it succeeds; NULL: it does not. */
static struct MHD_Response *stream_response(struct api_server *server,
                                            struct MHD_Connection *connection,
                                            struct api_watch *watch)
{
    struct stream *stream = calloc(1, sizeof(*stream));
    if (stream == NULL)
        return NULL;
    struct MHD_Response *response = MHD_create_response_from_callback(
        MHD_SIZE_UNKNOWN, STREAM_BLOCK_BYTES, on_read, stream, on_stream_end);
    if (response == NULL) {
        free(stream);
        return NULL;
    }
    *stream = (struct stream){
        .next = server->streams,
        .link = &server->streams,
        .server = server,
        .watch = watch,
        .connection = connection,
    };
    if (stream->next != NULL)
        stream->next->link = &stream->next;
    server->streams = stream;
    server->stream_count++;
    return response;
}

/* The client showed a certificate for clients that our authority signed and that is valid now. */
static bool is_authenticated(struct MHD_Connection *connection)
{
    static char purpose[] = GNUTLS_KP_TLS_WWW_CLIENT;
    gnutls_typed_vdata_st data = {.type = GNUTLS_DT_KEY_PURPOSE_OID,
                                  .data = (unsigned char *)purpose};
    unsigned status = 0;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    return info != NULL &&
           gnutls_certificate_verify_peers(info->tls_session, &data, 1, &status) == 0 &&
           status == 0;
}

static const char *header(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static void answer_too_many(struct api_answer *answer)
{
    api_answer_free(answer);
    answer->code = 429;
    answer->retry_after_s = 1;
    text_add(&answer->body,
             "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\","
             "\"message\":\"too many watches, please try again later\","
             "\"reason\":\"TooManyRequests\",\"details\":{\"retryAfterSeconds\":1},"
             "\"code\":429}\n");
}

static void add_retry_after(struct MHD_Response *response, unsigned seconds)
{
    char text[16];
    if (seconds == 0)
        return;
    snprintf(text, sizeof(text), "%u", seconds);
    MHD_add_response_header(response, "Retry-After", text);
}

static enum MHD_Result answer_request(struct api_server *server, struct MHD_Connection *connection,
                                      const char *method, const struct exchange *exchange)
{
    struct api_answer answer;
    const struct api_request request = {
        .method = method,
        .target = exchange->target,
        .content_type = header(connection, "Content-Type"),
        .accept = header(connection, "Accept"),
        .user_agent = header(connection, "User-Agent"),
        .body = text_str(&exchange->body),
        .body_bytes = exchange->is_too_large ? (size_t)API_BODY_BYTES + 1 : exchange->body.size,
        .authenticated = is_authenticated(connection),
        .utc_ns = server->utc_ns,
    };
    api_handle(&server->handler, &request, &answer);
    if (answer.watch != NULL && server->stream_count == MAX_STREAMS)
        answer_too_many(&answer);

    struct MHD_Response *response;
    if (answer.watch != NULL) {
        response = stream_response(server, connection, answer.watch);
        if (response != NULL)
            answer.watch = NULL;
    } else {
        response = MHD_create_response_from_buffer(
            answer.body.size, (void *)(uintptr_t)text_str(&answer.body), MHD_RESPMEM_MUST_COPY);
    }
    enum MHD_Result result = MHD_NO;
    if (response != NULL) {
        MHD_add_response_header(response, "Content-Type", answer.content_type);
        MHD_add_response_header(response, "Cache-Control", "no-cache, private");
        add_retry_after(response, answer.retry_after_s);
        add_date(response);
        result = MHD_queue_response(connection, answer.code, response);
        MHD_destroy_response(response);
    }
    api_answer_free(&answer);
    return result;
}
