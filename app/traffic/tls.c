#include "traffic/tls.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "traffic/tls_priv.h"

static bool set_peer(struct tls *tls, struct tls_context *context);
static enum tls_verdict fail(struct tls *tls);
static enum tls_reason reason_of_error(const struct tls *tls);
static enum tls_reason reason_of_certificate(const struct tls *tls);

bool tls_open(struct tls *tls, struct tls_context *context)
{
    *tls = (struct tls){.ssl = SSL_new(context->ssl)};
    tls->in = BIO_new(BIO_s_mem());
    tls->out = BIO_new(BIO_s_mem());
    if (tls->ssl == NULL || tls->in == NULL || tls->out == NULL) {
        BIO_free(tls->in);
        BIO_free(tls->out);
        SSL_free(tls->ssl);
        *tls = (struct tls){.reason = TLS_MEMORY};
        return false;
    }
    BIO_set_mem_eof_return(tls->in, -1); /* Empty is not the end. */
    SSL_set_bio(tls->ssl, tls->in, tls->out);
    if (context->server) {
        SSL_set_accept_state(tls->ssl);
        return true;
    }
    SSL_set_connect_state(tls->ssl);
    return set_peer(tls, context);
}

bool tls_resume(struct tls *tls, struct tls_context *context, uint32_t peer)
{
    struct tls_sessions *sessions = &context->sessions[peer % TLS_PEERS];
    if (!context->resume)
        return true;
    if (SSL_set_app_data(tls->ssl, sessions) != 1)
        return false;
    if (sessions->count == 0)
        return true;
    SSL_SESSION *newest = sessions->kept[sessions->count - 1];
    bool done = SSL_set_session(tls->ssl, newest) == 1;
    if (SSL_SESSION_get_protocol_version(newest) >= TLS1_3_VERSION) {
        SSL_SESSION_free(newest); /* The connection has its own reference. */
        sessions->count--;
    }
    return done;
}

/* A connection that was not ended in order leaves its session as it is: RFC 5246 7.2.1. */
void tls_close(struct tls *tls)
{
    if (tls->ssl != NULL && tls->reason == TLS_NONE)
        SSL_set_shutdown(tls->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(tls->ssl);
    *tls = (struct tls){0};
}

bool tls_put(struct tls *tls, const uint8_t *bytes, uint32_t count)
{
    if (count <= INT_MAX && BIO_write(tls->in, bytes, (int)count) == (int)count)
        return true;
    tls->reason = TLS_MEMORY;
    return false;
}

enum tls_verdict tls_read(struct tls *tls, uint8_t *bytes, uint32_t room, uint32_t *count)
{
    *count = 0;
    if (tls->reason != TLS_NONE)
        return TLS_BAD;
    ERR_clear_error();
    int read = SSL_read(tls->ssl, bytes, room < INT_MAX ? (int)room : INT_MAX);
    tls->ready = tls->ready || SSL_is_init_finished(tls->ssl) != 0;
    if (read > 0) {
        *count = (uint32_t)read;
        return TLS_DATA;
    }
    switch (SSL_get_error(tls->ssl, read)) {
    case SSL_ERROR_WANT_READ: return TLS_MORE;
    case SSL_ERROR_ZERO_RETURN: return TLS_ENDED;
    default: return fail(tls);
    }
}

bool tls_can_write(const struct tls *tls)
{
    return tls->ready && SSL_is_init_finished(tls->ssl) != 0;
}

bool tls_write(struct tls *tls, const uint8_t *bytes, uint32_t count)
{
    if (tls->reason != TLS_NONE)
        return false;
    ERR_clear_error();
    if (count == 0 || SSL_write(tls->ssl, bytes, (int)count) == (int)count)
        return true;
    fail(tls);
    return false;
}

void tls_end(struct tls *tls)
{
    ERR_clear_error();
    if (tls->ready && tls->reason == TLS_NONE)
        SSL_shutdown(tls->ssl);
}

uint32_t tls_take(struct tls *tls, uint8_t *bytes, uint32_t room)
{
    if (BIO_ctrl_pending(tls->out) == 0)
        return 0;
    int taken = BIO_read(tls->out, bytes, room < INT_MAX ? (int)room : INT_MAX);
    return taken > 0 ? (uint32_t)taken : 0;
}

uint32_t tls_pending(const struct tls *tls)
{
    return (uint32_t)BIO_ctrl_pending(tls->out);
}

bool tls_resumed(const struct tls *tls)
{
    return SSL_session_reused(tls->ssl) != 0;
}

/* Whom the client talks to. */
static bool set_peer(struct tls *tls, struct tls_context *context)
{
    bool done = true;
    if (context->named)
        done = SSL_set_tlsext_host_name(tls->ssl, context->host) == 1;
    if (context->checked && context->named)
        done = done && SSL_set1_host(tls->ssl, context->host) == 1;
    else if (context->checked)
        done = done && X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls->ssl), context->host) == 1;
    if (!done) {
        tls_close(tls);
        tls->reason = TLS_MEMORY;
    }
    return done;
}

static enum tls_verdict fail(struct tls *tls)
{
    tls->reason = (uint8_t)reason_of_error(tls);
    ERR_clear_error();
    return TLS_BAD;
}

static enum tls_reason reason_of_error(const struct tls *tls)
{
    int reason = ERR_GET_REASON(ERR_peek_error());
    switch (reason) {
    case SSL_R_CERTIFICATE_VERIFY_FAILED: return reason_of_certificate(tls);
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_NO_PROTOCOLS_AVAILABLE:
    case SSL_R_HTTP_REQUEST:
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION: return TLS_VERSION;
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE: return TLS_CERTIFICATE;
    case ERR_R_MALLOC_FAILURE: return TLS_MEMORY;
    default: break;
    }
    if (reason > SSL_AD_REASON_OFFSET && reason <= SSL_AD_REASON_OFFSET + UINT8_MAX)
        return TLS_ALERT;
    return tls->ready ? TLS_RECORD : TLS_HANDSHAKE;
}

static enum tls_reason reason_of_certificate(const struct tls *tls)
{
    switch (SSL_get_verify_result(tls->ssl)) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH: return TLS_NAME;
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID: return TLS_DATE;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN: return TLS_AUTHORITY;
    default: return TLS_CERTIFICATE;
    }
}
