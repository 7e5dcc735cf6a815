#include "lab/health_server.h"

#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/json.h"
#include "lab/netns.h"
#include "lab/truth.h"

enum {
    CONNECTIONS_MAX = 64,
    IDLE_TIMEOUT_S = 10,
    BACKLOG = 64,
};

struct health_server {
    struct MHD_Daemon *daemon;
    struct health_facts facts; /* As last set. */
};

/* The names are of a Service: letters, digits and hyphens. */
static unsigned answer_service(const struct health_facts *facts, struct text *body)
{
    text_addf(body,
              "{\n\t\"service\": {\n\t\t\"namespace\": \"%s\",\n\t\t\"name\": \"%s\"\n\t},\n"
              "\t\"localEndpoints\": %u,\n\t\"serviceProxyHealthy\": true\n}",
              facts->namespace, facts->name, facts->local_endpoints);
    return facts->local_endpoints > 0 ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE;
}

unsigned health_answer(const struct health_facts *facts, const char *path, int64_t utc_ns,
                       struct text *body)
{
    char updated[36], now[36];

    if (facts->name[0] != '\0')
        return answer_service(facts, body);
    if (strcmp(path, "/healthz") != 0 && strcmp(path, "/livez") != 0) {
        text_add(body, "404 page not found\n");
        return MHD_HTTP_NOT_FOUND;
    }
    json_format_time(facts->updated_ns, 9, updated);
    json_format_time(utc_ns, 9, now);
    text_addf(body, "{\"lastUpdated\": \"%s\",\"currentTime\": \"%s\", \"nodeEligible\": true}",
              updated, now);
    return MHD_HTTP_OK;
}

static enum MHD_Result on_access(void *context, struct MHD_Connection *connection, const char *url,
                                 const char *method, const char *version, const char *upload,
                                 size_t *upload_size, void **state)
{
    const struct health_server *server = context;
    struct MHD_Response *response;
    struct text body = {0};
    char weight[16];
    unsigned code;
    enum MHD_Result result;

    (void)method;
    (void)version;
    (void)upload;
    (void)state;
    if (*upload_size > 0) {
        *upload_size = 0; /* Whatever it says, it is not read. */
        return MHD_YES;
    }
    code = health_answer(&server->facts, url, truth_now_ns(), &body);
    response = MHD_create_response_from_buffer(body.size, (void *)(uintptr_t)text_str(&body),
                                               MHD_RESPMEM_MUST_COPY);
    text_free(&body);
    if (response == NULL)
        return MHD_NO;
    MHD_add_response_header(response, "Content-Type", "application/json");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    snprintf(weight, sizeof(weight), "%u", server->facts.local_endpoints);
    if (server->facts.name[0] != '\0')
        MHD_add_response_header(response, "X-Load-Balancing-Endpoint-Weight", weight);
    result = MHD_queue_response(connection, code, response);
    MHD_destroy_response(response);
    return result;
}

/* Of both families. A listening socket stays in the namespace that it was made in. */
static int listen_in(int netns_fd, int home_fd, uint16_t port)
{
    const struct sockaddr_in6 address = {
        .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_ANY_INIT};
    const int yes = 1, no = 0;
    int fd, rc = netns_enter(netns_fd);

    if (rc < 0)
        return rc;
    fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    rc = fd < 0 ? -errno : 0;
    if (netns_enter(home_fd) < 0)
        abort();
    if (rc < 0)
        return rc;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof(no));
    if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
        listen(fd, BACKLOG) < 0) {
        rc = -errno;
        close(fd);
        return rc;
    }
    return fd;
}

int health_server_start(int netns_fd, int home_fd, uint16_t port, struct health_server **out)
{
    int fd = listen_in(netns_fd, home_fd, port);
    struct health_server *server;

    if (fd < 0)
        return fd;
    server = calloc(1, sizeof(*server));
    if (server == NULL)
        abort();
    server->daemon =
        MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, on_access, server, MHD_OPTION_LISTEN_SOCKET,
                         fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
                         MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_TIMEOUT_S, MHD_OPTION_END);
    if (server->daemon == NULL) {
        close(fd);
        free(server);
        return -EIO;
    }
    *out = server;
    return 0;
}

void health_server_stop(struct health_server *server)
{
    if (server == NULL)
        return;
    MHD_stop_daemon(server->daemon);
    free(server);
}

void health_server_set(struct health_server *server, const struct health_facts *facts)
{
    server->facts = *facts;
}

int health_server_fd(const struct health_server *server)
{
    return MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
}

void health_server_run(struct health_server *server)
{
    MHD_run(server->daemon);
}
