/* pacing.h - how exactly a worker departs when it should: a UDP echo stream by pair.h. */
#ifndef TESTS_BENCH_SHARED_PACING_H
#define TESTS_BENCH_SHARED_PACING_H

#include <stdint.h>

#include "base/error.h"
#include "tests/bench/bench.h"

/* PER_S datagrams of 64 bytes payload a second, at constant distances, for some seconds, each
 * recorded in full. Prints BENCH: the value is the share of departures, in %, whose stamp is within
 * 1 us of their due time. What was due within a gap of more than 5 us between two turns of the
 * worker, whatever made it, is set apart, and its share is told. ARGUMENTS, if any: CPUs of the
 * worker and of the responder. */
enum exit_status pacing_bench(struct bench *bench, uint64_t per_s, int argc, char **argv);

#endif
