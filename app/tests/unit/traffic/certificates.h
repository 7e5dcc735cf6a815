/* certificates.h - certificates for tests: an authority, another one that nobody trusts, and those
 * of servers for web.example and 10.0.0.1, which are the first one's, valid now, and all of one
 * key, unless said otherwise. */
#ifndef TESTS_CERTIFICATES_H
#define TESTS_CERTIFICATES_H

struct certificates { /* Paths of PEM files. */
    char folder[32];
    char ca[64];
    char other_ca[64];
    char own[64];
    char expired[64];
    char future[64];      /* Not valid yet. */
    char self_signed[64]; /* By its own key. */
    char of_clients[64];  /* For no server's use. */
    char key[64];         /* Of all servers. */
};

/* 0 or -1. */
int certificates_make(struct certificates *files);
int certificates_remove(const struct certificates *files);

#endif
