/* base64.h - bytes as text and back: the standard alphabet, with padding (RFC 4648 4).
 *
 * Threads: pure. Memory: malloc.
 */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include <stddef.h>

#include "base/text.h"

/* Append COUNT bytes in base64, without line breaks. */
void base64_add(struct text *out, const void *bytes, size_t count);
/* Into a fresh NUL-terminated string, the caller's to free; its length in *SIZE (may be NULL).
 * White space is passed over. NULL when BASE64 is none, or out of memory. */
char *base64_decode(const char *base64, size_t *size);

#endif
