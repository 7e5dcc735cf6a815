/* column.h - many integers in few bytes, for a page to read.
 *
 * A column is a base64 string (RFC 4648 4) of LEB128 numbers: seven bits a byte, the lowest first,
 * all but the last with the high bit. A column of steps holds the first value and then how far each
 * is from the one before, as zigzag code (2 n, or -2 n - 1 when negative). Values are below 2^53,
 * which JavaScript's numbers hold exactly.
 *
 * Threads: one owner. Memory: a struct text, freed by column_free().
 */
#ifndef REPORT_COLUMN_H
#define REPORT_COLUMN_H

#include <stdint.h>

#include "base/text.h"

struct column {
    struct text bytes;
    uint64_t last; /* The value before, of a column of steps. */
};

void column_add(struct column *column, uint64_t value);
/* Of a column of steps. */
void column_step(struct column *column, uint64_t value);
/* Append it as a JSON member, `"NAME":"..."`, and free it. */
void column_print(struct column *column, const char *name, struct text *out);
void column_free(struct column *column);

#endif
