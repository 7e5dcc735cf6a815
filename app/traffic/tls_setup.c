#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "traffic/tls_priv.h"

static const unsigned char alpn[] = "\x08http/1.1";

static int fill(struct tls_context *context, const struct tls_config *config, struct error *err);
static int load_files(struct tls_context *context, const struct tls_config *config,
                      struct error *err);
static int set_host(struct tls_context *context, const struct tls_config *config,
                    struct error *err);
static void set_sessions(struct tls_context *context);
static int new_session(SSL *ssl, SSL_SESSION *session);
static void drop_oldest(struct tls_sessions *sessions);
static int select_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_bytes,
                           const unsigned char *in, unsigned in_bytes, void *argument);
static bool can_read(const char *file, const char *what, struct error *err);
static int openssl_error(struct error *err, const char *what, const char *file);
static int version_of(enum tls_version version);

struct tls_context *tls_context_new(const struct tls_config *config, struct error *err)
{
    struct tls_context *context = calloc(1, sizeof(*context));
    if (context == NULL) {
        error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "no memory for TLS");
        return NULL;
    }
    if (fill(context, config, err) < 0) {
        tls_context_free(context);
        return NULL;
    }
    return context;
}

void tls_context_free(struct tls_context *context)
{
    if (context == NULL)
        return;
    for (unsigned i = 0; i < TLS_PEERS; i++)
        while (context->sessions[i].count > 0)
            drop_oldest(&context->sessions[i]);
    SSL_CTX_free(context->ssl);
    free(context);
}

static int fill(struct tls_context *context, const struct tls_config *config, struct error *err)
{
    ERR_clear_error();
    context->server = config->server;
    context->resume = config->resume;
    context->ssl = SSL_CTX_new(config->server ? TLS_server_method() : TLS_client_method());
    if (context->ssl == NULL)
        return openssl_error(err, "TLS", "");
    int min = config->min == TLS_ANY ? TLS1_2_VERSION : version_of(config->min);
    if (SSL_CTX_set_min_proto_version(context->ssl, min) != 1 ||
        SSL_CTX_set_max_proto_version(context->ssl, version_of(config->max)) != 1)
        return openssl_error(err, "TLS versions", "");
    SSL_CTX_set_mode(context->ssl, SSL_MODE_RELEASE_BUFFERS); /* A quiet connection has none. */
    int code = load_files(context, config, err);
    if (code == 0 && !config->server)
        code = set_host(context, config, err);
    if (code < 0)
        return code;
    if (config->server)
        SSL_CTX_set_alpn_select_cb(context->ssl, select_protocol, NULL);
    else if (SSL_CTX_set_alpn_protos(context->ssl, alpn, sizeof(alpn) - 1) != 0)
        return openssl_error(err, "ALPN", "");
    set_sessions(context);
    return 0;
}

static int load_files(struct tls_context *context, const struct tls_config *config,
                      struct error *err)
{
    bool verify = config->server ? config->ca_file != NULL : !config->insecure;
    int mode = SSL_VERIFY_PEER | (config->server ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0);
    SSL_CTX_set_verify(context->ssl, verify ? mode : SSL_VERIFY_NONE, NULL);
    if (config->server && (config->certificate_file == NULL || config->key_file == NULL))
        return error_set(err, EXIT_USAGE, -EINVAL, "a TLS server needs a certificate and its key");
    if (!can_read(config->ca_file, "certificates of authorities", err) ||
        !can_read(config->certificate_file, "certificate", err) ||
        !can_read(config->key_file, "key", err))
        return -EINVAL;
    if (config->ca_file != NULL &&
        SSL_CTX_load_verify_locations(context->ssl, config->ca_file, NULL) != 1)
        return openssl_error(err, "certificates of authorities", config->ca_file);
    if (verify && config->ca_file == NULL && SSL_CTX_set_default_verify_paths(context->ssl) != 1)
        return openssl_error(err, "certificates of authorities", "the system's");
    if (config->certificate_file != NULL &&
        SSL_CTX_use_certificate_chain_file(context->ssl, config->certificate_file) != 1)
        return openssl_error(err, "certificate", config->certificate_file);
    if (config->key_file != NULL &&
        SSL_CTX_use_PrivateKey_file(context->ssl, config->key_file, SSL_FILETYPE_PEM) != 1)
        return openssl_error(err, "key", config->key_file);
    return 0;
}

static int set_host(struct tls_context *context, const struct tls_config *config, struct error *err)
{
    struct in6_addr address;
    if (config->host == NULL || config->host[0] == '\0' ||
        strlen(config->host) >= sizeof(context->host))
        return error_set(err, EXIT_USAGE, -EINVAL, "TLS: a host of 1 to %d bytes is needed",
                         TLS_HOST_BYTES - 1);
    snprintf(context->host, sizeof(context->host), "%s", config->host);
    context->named = inet_pton(AF_INET, context->host, &address) != 1 &&
                     inet_pton(AF_INET6, context->host, &address) != 1;
    context->checked = !config->insecure;
    return 0;
}

/* A client keeps its sessions itself, by peer. */
static void set_sessions(struct tls_context *context)
{
    if (context->server) {
        static const unsigned char id[] = "seamline";
        SSL_CTX_set_session_id_context(context->ssl, id, sizeof(id) - 1);
        SSL_CTX_set_session_cache_mode(context->ssl, SSL_SESS_CACHE_OFF);
        if (!context->resume) {
            SSL_CTX_set_options(context->ssl, SSL_OP_NO_TICKET);
            SSL_CTX_set_num_tickets(context->ssl, 0);
        }
    } else if (context->resume) {
        SSL_CTX_set_session_cache_mode(context->ssl,
                                       SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(context->ssl, new_session);
    }
}

/* Returning 1 takes SESSION over. */
static int new_session(SSL *ssl, SSL_SESSION *session)
{
    struct tls_sessions *sessions = SSL_get_app_data(ssl);
    unsigned most = SSL_version(ssl) >= TLS1_3_VERSION ? TLS_SESSIONS : 1;
    if (sessions == NULL)
        return 0;
    while (sessions->count >= most)
        drop_oldest(sessions);
    sessions->kept[sessions->count++] = session;
    return 1;
}

static void drop_oldest(struct tls_sessions *sessions)
{
    SSL_SESSION_free(sessions->kept[0]);
    sessions->count--;
    memmove(sessions->kept, sessions->kept + 1, sessions->count * sizeof(sessions->kept[0]));
}

/* A client that offers others only is served all the same: it speaks HTTP/1.1 or not. */
static int select_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_bytes,
                           const unsigned char *in, unsigned in_bytes, void *argument)
{
    (void)ssl, (void)argument;
    unsigned char *chosen;
    if (SSL_select_next_proto(&chosen, out_bytes, alpn, sizeof(alpn) - 1, in, in_bytes) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_NOACK;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

/* OpenSSL would not say why it cannot. */
static bool can_read(const char *file, const char *what, struct error *err)
{
    FILE *opened = file != NULL ? fopen(file, "r") : NULL;
    if (file != NULL && opened == NULL)
        error_set(err, EXIT_USAGE, -errno, "%s of %s: %s", what, file, strerror(errno));
    if (opened != NULL)
        fclose(opened);
    return file == NULL || opened != NULL;
}

static int openssl_error(struct error *err, const char *what, const char *file)
{
    const char *text = ERR_reason_error_string(ERR_peek_last_error());
    int code = error_set(err, EXIT_USAGE, -EINVAL, "%s%s%s: %s", what, file[0] ? " of " : "", file,
                         text != NULL ? text : "cannot be used");
    ERR_clear_error();
    return code;
}

static int version_of(enum tls_version version)
{
    switch (version) {
    case TLS_1_2: return TLS1_2_VERSION;
    case TLS_1_3: return TLS1_3_VERSION;
    default: return 0;
    }
}
