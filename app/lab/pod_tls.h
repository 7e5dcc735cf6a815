/* pod_tls.h - TLS of a pod's HTTPS connections, by GnuTLS on sockets that do not block.
 *
 * Threads: the server's one. Memory: GnuTLS's, a session a connection.
 */
#ifndef LAB_POD_TLS_H
#define LAB_POD_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

struct pod_tls_server; /* Certificate and key, for all connections. */
struct pod_tls;        /* One connection. */

/* CERTIFICATE and KEY are PEM files. 0, or -EINVAL with ERR. */
int pod_tls_server_open(struct pod_tls_server **out, const char *certificate, const char *key,
                        struct error *err);
void pod_tls_server_close(struct pod_tls_server *server);

/* The server's side on FD, which stays the caller's. Out of memory ends the process. */
struct pod_tls *pod_tls_open(struct pod_tls_server *server, int fd);
/* Say goodbye, as far as it does not block, and free. NULL is nothing. */
void pod_tls_close(struct pod_tls *tls);

/* The first calls do the handshake. Bytes, 0 at the peer's end (receive), -EAGAIN when FD has to
 * become ready, another -errno when the connection has failed. */
ssize_t pod_tls_receive(struct pod_tls *tls, uint8_t *bytes, size_t size);
ssize_t pod_tls_send(struct pod_tls *tls, const uint8_t *bytes, size_t size);

/* -EAGAIN was for want of room to send. */
bool pod_tls_wants_out(const struct pod_tls *tls);
/* Decrypted bytes wait: receive would not return -EAGAIN. NULL has none. */
bool pod_tls_pending(const struct pod_tls *tls);

#endif
