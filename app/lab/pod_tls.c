#include "lab/pod_tls.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <stdlib.h>
#include <string.h>

struct pod_tls_server {
    gnutls_certificate_credentials_t credentials;
};

struct pod_tls {
    gnutls_session_t session;
    bool shaken;   /* The handshake is over. */
    bool blocked;  /* The last call wanted room to send. */
    size_t unsent; /* Bytes of a record that GnuTLS has encrypted and not sent. */
};

int pod_tls_server_open(struct pod_tls_server **out, const char *certificate, const char *key,
                        struct error *err)
{
    struct pod_tls_server *server;
    int rc;

    if (certificate == NULL || key == NULL)
        return error_set(err, EXIT_USAGE, -EINVAL,
                         "HTTPS needs a certificate: --certificate FILE --key FILE");
    server = calloc(1, sizeof(*server));
    if (server == NULL)
        abort();
    gnutls_certificate_allocate_credentials(&server->credentials);
    rc = gnutls_certificate_set_x509_key_file(server->credentials, certificate, key,
                                              GNUTLS_X509_FMT_PEM);
    if (rc < 0) {
        pod_tls_server_close(server);
        return error_set(err, EXIT_USAGE, -EINVAL, "certificate %s with key %s: %s", certificate,
                         key, gnutls_strerror(rc));
    }
    *out = server;
    return 0;
}

void pod_tls_server_close(struct pod_tls_server *server)
{
    if (server == NULL)
        return;
    gnutls_certificate_free_credentials(server->credentials);
    free(server);
}

struct pod_tls *pod_tls_open(struct pod_tls_server *server, int fd)
{
    struct pod_tls *tls = calloc(1, sizeof(*tls));

    if (tls == NULL ||
        gnutls_init(&tls->session, GNUTLS_SERVER | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL) < 0)
        abort();
    gnutls_set_default_priority(tls->session);
    gnutls_credentials_set(tls->session, GNUTLS_CRD_CERTIFICATE, server->credentials);
    gnutls_transport_set_int(tls->session, fd);
    return tls;
}

void pod_tls_close(struct pod_tls *tls)
{
    if (tls == NULL)
        return;
    if (tls->shaken)
        gnutls_bye(tls->session, GNUTLS_SHUT_WR);
    gnutls_deinit(tls->session);
    free(tls);
}

static ssize_t result(struct pod_tls *tls, ssize_t rc)
{
    tls->blocked = rc == GNUTLS_E_AGAIN && gnutls_record_get_direction(tls->session) == 1;
    if (rc >= 0)
        return rc;
    if (rc == GNUTLS_E_AGAIN || rc == GNUTLS_E_INTERRUPTED || !gnutls_error_is_fatal((int)rc))
        return -EAGAIN;
    return rc == GNUTLS_E_PREMATURE_TERMINATION ? -ECONNRESET : -EPROTO;
}

static ssize_t handshake(struct pod_tls *tls)
{
    ssize_t rc;

    if (tls->shaken)
        return 0;
    rc = result(tls, gnutls_handshake(tls->session));
    tls->shaken = rc == 0;
    return rc;
}

ssize_t pod_tls_receive(struct pod_tls *tls, uint8_t *bytes, size_t size)
{
    ssize_t rc = handshake(tls);

    return rc < 0 ? rc : result(tls, gnutls_record_recv(tls->session, bytes, size));
}

/* After -EAGAIN the same record has to be sent again: it is encrypted already. */
ssize_t pod_tls_send(struct pod_tls *tls, const uint8_t *bytes, size_t size)
{
    ssize_t rc = handshake(tls);

    if (rc < 0)
        return rc;
    if (tls->unsent > 0)
        rc = result(tls, gnutls_record_send(tls->session, NULL, 0));
    else
        rc = result(tls, gnutls_record_send(tls->session, bytes, size));
    tls->unsent = rc == -EAGAIN ? size : 0;
    return rc;
}

bool pod_tls_wants_out(const struct pod_tls *tls)
{
    return tls->blocked;
}

bool pod_tls_pending(const struct pod_tls *tls)
{
    return tls != NULL && gnutls_record_check_pending(tls->session) > 0;
}
