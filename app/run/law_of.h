/* law_of.h - a stream's rate, as the plan has it, as a pacing law for workers.
 *
 * Rates become integers: thousandths of a request an hour, so that what people write (0.5/s, 7/m,
 * 1/h, 5003/s, 1.25k/s) is exact, and anything else within 3 * 10^-7 requests a second. Rates of
 * bits are thousandths of a bit an hour first; constant, ramping and stepped ones are then divided
 * by the bits of a request without rounding, where 53 bits hold the result. A sine's, and others of
 * too many digits, are divided before: within 3 * 10^-7 requests a second again.
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
