/* http.h - an HTTP client worker and a responder, by pair.h: what a request costs the worker. */
#ifndef TESTS_BENCH_SHARED_HTTP_H
#define TESTS_BENCH_SHARED_HTTP_H

#include <stdbool.h>

#include "base/error.h"
#include "tests/bench/bench.h"

/* 256 closed loops, on connections that are kept, or that serve a request each; the answer has a
 * body of 64 bytes. Every request is recorded in full. Prints BENCH: value and cycles are the
 * worker's busy cycles per good answer, in stretches of 5 ms in which nobody kept it from its CPU.
 * ARGUMENTS, if any: CPUs of the worker and of the responder. */
enum exit_status http_bench(struct bench *bench, bool keep_alive, int argc, char **argv);

#endif
