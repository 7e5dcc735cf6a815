/* experiment_priv.h - what the parts of plan/experiment share: tables and checks. */
#ifndef PLAN_EXPERIMENT_PRIV_H
#define PLAN_EXPERIMENT_PRIV_H

#include "plan/experiment.h"
#include "plan/reader.h"

/* experiment_keys.c: the whole file. Readers have the struct experiment as context. */
extern const struct reader_object experiment_object;
/* experiment_cluster.c, experiment_target.c: their parts of it. */
extern const struct reader_object experiment_cluster_object;
extern const struct reader_object experiment_rollout_object;
/* "kind/name", as a struct experiment_change. */
int experiment_read_change(struct reader *reader, const cJSON *item, void *object);
cJSON *experiment_print_change(const void *object, const void *context);
extern const struct reader_object experiment_impair_object;
extern const struct reader_object experiment_target_object;
extern const struct reader_object experiment_stream_object;
/* experiment_tcp.c: "tcp". */
extern const struct reader_object experiment_tcp_object;
/* experiment_http.c, experiment_tls.c: "http" and "tls" of a stream. */
extern const struct reader_object experiment_http_object;
extern const struct reader_object experiment_tls_object;
/* experiment_raw.c: "raw" of a stream; what one part says against the others, as below. */
extern const struct reader_object experiment_raw_object;
int experiment_check_raw(struct reader *reader, struct experiment_stream *stream);
/* experiment_rate.c: "rate" of a stream: its reader and printer, and whether law and unit are ones
 * that the stream, known by now, can have. Fills in what bits a request has. */
int experiment_read_rate(struct reader *reader, const cJSON *item, void *object);
cJSON *experiment_print_rate(const void *object, const void *context);
int experiment_check_rate(struct reader *reader, struct experiment_stream *stream);
#define EXPERIMENT_RATE_WANT                                                                       \
    "a rate such as \"400/s\" or \"10k/s\", from 1/h to 1000M/s, or a law (docs/experiment.md)"
/* Datagrams that come back. */
bool experiment_is_datagrams(const struct experiment_stream *stream);
/* experiment_steps.c: one step; the name of a stream. ITEM names no stream, or no step: say which
 * there are. */
extern const struct reader_object experiment_step_object;
int experiment_read_step_stream(struct reader *reader, const cJSON *item, void *object);
cJSON *experiment_print_step_stream(const void *object, const void *context);
int experiment_refuse_name(struct reader *reader, const char *what, const cJSON *item, bool steps);
/* experiment_expect.c: one expectation. */
extern const struct reader_object experiment_expect_object;
/* experiment_variants.c: "variants" and "matrix", and the values of their free keys. */
extern const struct reader_field experiment_variant_item;
extern const struct reader_field experiment_axis_item;
int experiment_read_variants(struct reader *reader, const cJSON *item, void *object);
cJSON *experiment_print_variants(const void *object, const void *context);
int experiment_read_matrix(struct reader *reader, const cJSON *item, void *object);
cJSON *experiment_print_matrix(const void *object, const void *context);
extern const struct reader_word experiment_verb_words[];
extern const struct reader_word experiment_until_words[];
extern const struct reader_word experiment_protocol_words[];
extern const struct reader_word experiment_scheduler_words[];
extern const struct reader_word experiment_proxy_mode_words[];
extern const struct reader_word experiment_balancer_words[];
extern const struct reader_word experiment_profile_words[];
extern const struct reader_word experiment_outcome_words[];
extern const struct reader_word experiment_format_words[];

/* experiment_check.c: what one part says against the others; also fills in defaults that depend on
 * other parts. 0 or -EINVAL by the reader's error. */
int experiment_check(struct reader *reader, struct experiment *experiment);

#endif
