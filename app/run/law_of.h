/* law_of.h - a stream's rate, as the plan has it, as a pacing law for workers.
 *
 * Rates become integers: thousandths of a request an hour, so that what people write (0.5/s, 7/m,
 * 1/h, 5003/s, 1.25k/s) is exact, and anything else within 3 * 10^-7 requests a second.
 *
 * Threads: pure.
 */
#ifndef RUN_LAW_OF_H
#define RUN_LAW_OF_H

#include "plan/pace.h"
#include "traffic/law.h"

/* PACE was checked. law_check() may still refuse the result: too many digits over too long. */
struct law law_of(const struct pace *pace);

#endif
