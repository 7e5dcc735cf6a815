/* certificate.h - the keys and certificates of one lab: its own authority, a server certificate for
 * the loopback addresses, one for what pods and the ingress serve, a client certificate for the
 * administrator. All are made fresh by each `seamline-lab up` and are good for nothing else.
 *
 * ECDSA P-256, SHA-256, valid from an hour before (clocks differ) to 30 days after they were made.
 * The client is of the organisation system:masters, as kubeadm's is.
 *
 * Threads: none. Memory: malloc; keys are cleared before they are freed. Source: RFC 5280.
 */
#ifndef LAB_CERTIFICATE_H
#define LAB_CERTIFICATE_H

#include <stdint.h>

#include "base/error.h"

/* The client's common name: the user in messages and access rules. */
#define CERTIFICATE_CLIENT_NAME "seamline-lab-admin"

struct certificate_set {
    char *authority;  /* PEM. Its key is not kept: nothing else will be signed. */
    char *server;     /* PEM: for localhost, kubernetes, 127.0.0.1 and ::1. */
    char *server_key; /* PEM, PKCS #8. */
    char *pods;       /* PEM: for seamline.lab, any name one label below it, and localhost. */
    char *pods_key;   /* PEM, PKCS #8. */
    char *client;     /* PEM. */
    char *client_key; /* PEM, PKCS #8. */
};

/* 0, or -EIO with ERR when libcrypto fails. */
int certificate_make(struct certificate_set *set, int64_t utc_ns, struct error *err);
void certificate_free(struct certificate_set *set);

#endif
