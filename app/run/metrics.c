#include "run/metrics.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/text.h"
#include "report/openmetrics.h"

/* ---- where ---- */

static int parse_port(const char *text, uint16_t *out)
{
    unsigned port = 0;
    if (text[0] == '\0' || strlen(text) > 5)
        return -EINVAL;
    for (const char *c = text; *c != '\0'; c++) {
        if (*c < '0' || *c > '9')
            return -EINVAL;
        port = port * 10 + (unsigned)(*c - '0');
    }
    *out = (uint16_t)port;
    return port > UINT16_MAX ? -EINVAL : 0;
}

/* Of IPv6 without its brackets. */
static int parse_address(const char *text, size_t size, struct address *out)
{
    char host[ADDRESS_TEXT_BYTES];
    bool brackets = size > 1 && text[0] == '[' && text[size - 1] == ']';
    if (brackets) {
        text++;
        size -= 2;
    }
    if (size >= sizeof(host))
        return -EINVAL;
    memcpy(host, text, size);
    host[size] = '\0';
    if (brackets != (strchr(host, ':') != NULL))
        return -EINVAL;
    return address_parse(host, out, NULL);
}

static int parse(const char *where, struct address *address, uint16_t *port, struct error *err)
{
    const char *colon = strrchr(where, ':');
    const char *host = colon != NULL ? where : "127.0.0.1";
    size_t size = colon != NULL ? (size_t)(colon - where) : strlen(host);
    if (parse_address(host, size, address) < 0 ||
        parse_port(colon != NULL ? colon + 1 : where, port) < 0)
        return error_set(err, EXIT_USAGE, -EINVAL,
                         "--metrics %.100s: want PORT, ADDRESS:PORT or [ADDRESS]:PORT", where);
    return 0;
}

/* ---- answers ---- */

/* Takes TEXT's memory. */
static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status, struct text *text,
                              const char *type)
{
    const char *bytes = text_str(text);
    struct MHD_Response *response = MHD_create_response_from_buffer(
        text->size, (void *)(uintptr_t)bytes, MHD_RESPMEM_MUST_COPY);
    text_free(text);
    if (response == NULL)
        return MHD_NO;
    MHD_add_response_header(response, "Content-Type", type);
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(response, "Allow", "GET, HEAD");
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result on_access(void *context, struct MHD_Connection *connection, const char *url,
                                 const char *method, const char *version, const char *upload,
                                 size_t *upload_size, void **state)
{
    const struct metrics *metrics = context;
    struct text text = {0};
    (void)version, (void)upload;
    if (*state == NULL || *upload_size > 0) { /* Its body, if any, is not looked at. */
        *state = context;
        *upload_size = 0;
        return MHD_YES;
    }
    if (strcmp(url, "/metrics") != 0) {
        text_add(&text, "there is only /metrics\n");
        return answer(connection, MHD_HTTP_NOT_FOUND, &text, "text/plain");
    }
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
        return answer(connection, MHD_HTTP_METHOD_NOT_ALLOWED, &text, "text/plain");
    live_metrics(metrics->live, &text);
    return answer(connection, MHD_HTTP_OK, &text, OPENMETRICS_TYPE);
}

/* ---- the server ---- */

static struct MHD_Daemon *start(struct metrics *metrics, const struct address *address,
                                uint16_t port)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    bool is_v4 = address_is_v4(address);
    memcpy(&v4.sin_addr, address->bytes + 12, 4);
    memcpy(&v6.sin6_addr, address->bytes, 16);
    const struct sockaddr *at = is_v4 ? (const void *)&v4 : (const void *)&v6;
    return MHD_start_daemon(
        MHD_USE_EPOLL | (is_v4 ? 0U : (unsigned)MHD_USE_IPv6), port, NULL, NULL, on_access, metrics,
        MHD_OPTION_SOCK_ADDR, at, MHD_OPTION_CONNECTION_LIMIT, (unsigned)METRICS_CLIENTS,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)METRICS_IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)METRICS_REQUEST_BYTES, MHD_OPTION_END);
}

int metrics_open(struct metrics *metrics, const char *where, const struct live *live,
                 struct error *err)
{
    struct address address = {0};
    char text[ADDRESS_TEXT_BYTES];
    uint16_t port = 0;
    *metrics = (struct metrics){.live = live};
    int code = where != NULL ? parse(where, &address, &port, err) : 0;
    if (where == NULL || code < 0)
        return code;
    errno = 0;
    metrics->daemon = start(metrics, &address, port);
    if (metrics->daemon == NULL)
        return error_set(err, EXIT_USAGE, errno != 0 ? -errno : -EIO,
                         "--metrics %.100s: %s; is another program there?", where,
                         errno != 0 ? strerror(errno) : "it cannot be served");
    port = MHD_get_daemon_info(metrics->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
    address_text(&address, text);
    snprintf(metrics->where, sizeof(metrics->where),
             address_is_v4(&address) ? "http://%s:%u/metrics" : "http://[%s]:%u/metrics", text,
             port);
    return 0;
}

void metrics_turn(struct metrics *metrics)
{
    if (metrics->daemon != NULL)
        MHD_run(metrics->daemon);
}

void metrics_close(struct metrics *metrics)
{
    if (metrics->daemon != NULL)
        MHD_stop_daemon(metrics->daemon);
    metrics->daemon = NULL;
}
