/* quantity.h - durations, rates and sizes as people write them, both ways.
 *
 *     duration = { decimal unit }     unit = ns us ms s m h       "6s" "500ms" "1.5s" "1m30s"
 *     rate     = decimal [k|M|G] "/" (s|m|h)                      "400/s" "10k/s" "30/m"
 *     size     = integer [B|kB|MB|GB|KiB|MiB|GiB]                 "1024" "64KiB"
 *
 * Durations and sizes are exact: what is finer than 1 ns, or over the type's range, is refused
 * rather than rounded. What is printed parses back to the same value.
 *
 * Threads: pure. Neighbours: plan/reader, and mains for their options.
 */
#ifndef PLAN_QUANTITY_H
#define PLAN_QUANTITY_H

#include <stdint.h>

enum {
    QUANTITY_TEXT_BYTES = 40
};

/* All parse the whole of TEXT. 0, -EINVAL when it is no such quantity, -ERANGE when it is one that
 * cannot be held; *OUT is then untouched. */
int quantity_parse_duration(const char *text, int64_t *out_ns);
int quantity_parse_rate(const char *text, double *out_per_s);
int quantity_parse_size(const char *text, uint64_t *out_bytes);

/* All print to OUT and return it. */
const char *quantity_duration_text(int64_t duration_ns, char out[QUANTITY_TEXT_BYTES]);
const char *quantity_rate_text(double rate_per_s, char out[QUANTITY_TEXT_BYTES]);
const char *quantity_size_text(uint64_t size_bytes, char out[QUANTITY_TEXT_BYTES]);

#endif
