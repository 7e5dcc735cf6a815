/* tls_of.h - the TLS of an experiment's https streams as traffic/ wants it.
 *
 * Threads: control. Memory: malloc, of the files' paths; tls_of_make() to tls_of_free().
 */
#ifndef RUN_TLS_OF_H
#define RUN_TLS_OF_H

#include "plan/experiment.h"
#include "run/target.h"
#include "traffic/tls.h"

enum {
    TLS_OF_HOST_BYTES = 256
};

struct tls_of {
    struct tls_config config; /* Of the rest. */
    char *ca;                 /* Paths; NULL: none. */
    char *certificate;
    char *key;
    char host[TLS_OF_HOST_BYTES]; /* Whom the peer's certificate must name. */
};

/* For STREAM of the experiment in file PATH, toward TARGET, which the certificate must be for
 * unless the stream has a name. 0 or -ENOMEM with ERR, OUT untouched. */
int tls_of_make(const char *path, const struct experiment_stream *stream,
                const struct target *target, struct tls_of *out, struct error *err);
/* Harmless on a zeroed one. */
void tls_of_free(struct tls_of *tls);
/* Can STREAM's files be read, and do they fit together? 0 or -errno with ERR, which names them. */
int tls_of_check(const char *path, const struct experiment_stream *stream, struct error *err);

#endif
