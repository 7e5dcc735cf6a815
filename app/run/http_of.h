/* http_of.h - an experiment's HTTP streams as traffic/ wants them: requests made and what is
 * expected of the answers, shared by all workers.
 *
 * Threads: control; the workers read what was made. Memory: http_of_make() to http_of_free().
 */
#ifndef RUN_HTTP_OF_H
#define RUN_HTTP_OF_H

#include "plan/experiment.h"
#include "run/body_file.h"
#include "run/target.h"
#include "traffic/http.h"
#include "traffic/http_message.h"

struct http_of {
    struct http_message *messages; /* The requests, in turn: count of them. */
    uint32_t count;
    struct body_files bodies;  /* That are files. */
    struct http_expect expect; /* Of each answer. */
};

/* For STREAM of the experiment file EXPERIMENT toward TARGET. 0 or -errno with ERR, OUT untouched.
 * STREAM's texts are borrowed. */
int http_of_make(const char *experiment, const struct experiment_stream *stream,
                 const struct target *target, struct http_of *out, struct error *err);
/* Harmless on a zeroed one. */
void http_of_free(struct http_of *http);

#endif
