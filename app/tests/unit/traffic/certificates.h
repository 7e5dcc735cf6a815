/* certificates.h - certificates for tests, valid now: an authority, another one that nobody trusts,
 * and a server's of the first, for web.example and 10.0.0.1. */
#ifndef TESTS_CERTIFICATES_H
#define TESTS_CERTIFICATES_H

struct certificates { /* Paths of PEM files. */
    char folder[32];
    char ca[64];
    char other_ca[64];
    char own[64];
    char key[64]; /* Of own. */
};

/* 0 or -1. */
int certificates_make(struct certificates *files);
int certificates_remove(const struct certificates *files);

#endif
