#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "traffic/server_priv.h"

static void close_tls(struct server *server);
static int fill(struct server *server, const struct server_config *config, struct error *err);
static int make_messages(struct server *server, const struct server_config *config,
                         struct error *err);
static int make_pair(struct server *server, enum server_message whole,
                     const struct http_answer_config *config, struct error *err);
static int make_continue(struct http_message *message, struct error *err);
static int take_pieces(struct server *server, uint32_t bytes, struct error *err);
static int listen_on(struct server *server, const struct server_config *config, struct error *err);
static int make_tls(struct server *server, const struct server_config *config, struct error *err);

struct server *server_setup(const struct server_config *config, struct tcp *tcp, struct error *err)
{
    struct server *server = calloc(1, sizeof(*server));
    if (server == NULL) {
        error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "not enough memory for a server");
        return NULL;
    }
    server->tcp = tcp;
    server->idle_ns = config->idle_ns;
    server->handshake_ns = config->handshake_ns;
    TAILQ_INIT(&server->holders);
    wheel_init(&server->wheel, SERVER_TICK_NS, 0);
    if (fill(server, config, err) < 0) {
        server_free(server);
        return NULL;
    }
    return server;
}

void server_free(struct server *server)
{
    if (server == NULL)
        return;
    for (unsigned i = 0; i < SERVER_MESSAGES; i++) {
        bool shared = i == SERVER_ANSWER_HEAD || i == SERVER_CLOSE_HEAD || i == SERVER_OLD_HEAD;
        if (!shared)
            http_message_free(&server->messages[i]);
    }
    close_tls(server);
    tls_context_free(server->tls);
    free(server->conns);
    free(server->pieces_memory);
    free(server);
}

/* Of connections that nobody ended. */
static void close_tls(struct server *server)
{
    tcp_conn conn = 0;
    if (server->tls == NULL)
        return;
    while ((conn = tcp_conn_next(server->tcp, conn)) != 0)
        tls_close(&server_conn_of(server, conn)->tls);
}

static int fill(struct server *server, const struct server_config *config, struct error *err)
{
    server->name_bytes = (uint32_t)strnlen(config->name, SERVER_NAME_BYTES - 1);
    memcpy(server->name, config->name, server->name_bytes);
    if (server->name_bytes == 0)
        return error_set(err, EXIT_USAGE, -EINVAL, "a server needs a name");
    server->conns = calloc(config->connections, sizeof(*server->conns));
    if (server->conns == NULL)
        return error_set(err, EXIT_ENVIRONMENT, -ENOMEM,
                         "not enough memory for %u connections; give fewer", config->connections);
    if (make_messages(server, config, err) < 0 || take_pieces(server, config->held_bytes, err) < 0)
        return -1;
    return listen_on(server, config, err);
}

static int make_messages(struct server *server, const struct server_config *config,
                         struct error *err)
{
    struct http_answer_config answer = config->http;
    answer.close = false;
    int rc = make_pair(server, SERVER_ANSWER, &answer, err);
    answer.close = true;
    if (rc == 0)
        rc = make_pair(server, SERVER_CLOSE, &answer, err);
    answer.body.chunk_bytes = 0;
    if (rc == 0)
        rc = make_pair(server, SERVER_OLD, &answer, err);
    struct http_answer_config bad = {.status = 400, .close = true};
    if (rc == 0)
        rc = http_message_answer(&server->messages[SERVER_BAD], &bad, err);
    return rc < 0 ? rc : make_continue(&server->messages[SERVER_CONTINUE], err);
}

/* A message, and its head alone. */
static int make_pair(struct server *server, enum server_message whole,
                     const struct http_answer_config *config, struct error *err)
{
    struct http_message *message = &server->messages[whole];
    int rc = http_message_answer(message, config, err);
    if (rc < 0)
        return rc;
    message[1] = (struct http_message){.head = message->head,
                                       .head_bytes = message->head_bytes,
                                       .total_bytes = message->head_bytes};
    return 0;
}

static int make_continue(struct http_message *message, struct error *err)
{
    static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    message->head = (uint8_t *)strdup(text);
    message->head_bytes = sizeof(text) - 1;
    message->total_bytes = sizeof(text) - 1;
    return message->head != NULL
               ? 0
               : error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "not enough memory for a server");
}

static int take_pieces(struct server *server, uint32_t bytes, struct error *err)
{
    uint32_t count = bytes / HOLD_PIECE_BYTES + 1;
    if (count > POOL_CAPACITY_MAX)
        count = POOL_CAPACITY_MAX;
    server->pieces_memory = aligned_alloc(64, pool_bytes(count, sizeof(struct hold_piece)));
    if (server->pieces_memory == NULL)
        return error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "not enough memory to hold %u bytes",
                         bytes);
    pool_init(&server->pieces, server->pieces_memory, count, sizeof(struct hold_piece));
    return 0;
}

static int listen_on(struct server *server, const struct server_config *config, struct error *err)
{
    if (config->listener_count == 0 || config->listener_count > SERVER_LISTENERS)
        return error_set(err, EXIT_USAGE, -EINVAL, "a server listens on 1 to %d ports, not %u",
                         SERVER_LISTENERS, config->listener_count);
    for (uint32_t i = 0; i < config->listener_count; i++) {
        const struct server_listener *listener = &config->listeners[i];
        bool stream = listener->protocol != SERVER_UDP;
        if (listener->port == 0 || (stream && !tcp_listen(server->tcp, NULL, listener->port, i)))
            return error_set(err, EXIT_USAGE, -EINVAL, "%s: port %u is 0, or listened on already",
                             server_protocol_text(listener->protocol), listener->port);
        if (listener->protocol == SERVER_HTTPS && make_tls(server, config, err) < 0)
            return -1;
        server->listeners[i] = *listener;
        server->listener_count++;
    }
    return 0;
}

/* One context serves all ports. */
static int make_tls(struct server *server, const struct server_config *config, struct error *err)
{
    const struct tls_config tls = {.server = true,
                                   .certificate_file = config->certificate_file,
                                   .key_file = config->key_file,
                                   .resume = true};
    if (server->tls == NULL)
        server->tls = tls_context_new(&tls, err);
    return server->tls != NULL ? 0 : -1;
}
