/* text.h - a growing text buffer for the slow path.
 *
 * Append and forget: an allocation that fails sets `failed` and all later appends do nothing, so
 * that only the end needs a check. Always NUL-terminated; `text_str` never returns NULL.
 *
 * Threads: one owner. Memory: malloc; bounded by TEXT_LIMIT_BYTES (then `failed`).
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TEXT_LIMIT_BYTES = 1 << 30
};

struct text {
    char *data;      /* NULL until the first append. */
    size_t size;     /* Bytes used, without the NUL. */
    size_t capacity; /* Bytes allocated. */
    bool failed;     /* Out of memory or over the limit. */
};

void text_free(struct text *text);  /* Also makes it usable again. */
void text_clear(struct text *text); /* Empties it, keeps the memory, clears `failed`. */
const char *text_str(const struct text *text);

void text_add(struct text *text, const char *str);
void text_add_bytes(struct text *text, const void *bytes, size_t size);
void text_addf(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_addv(struct text *text, const char *format, va_list args);

/* Control characters but tab and newline, also those of two bytes in UTF-8 (U+0080 to U+009F),
 * become '?': what others wrote is not to steer a terminal. */
void text_tame(char *str);

/* What ends a line or is a tab becomes a space: for a name within a line. */
void text_flatten(char *str);

/* Remove the first SIZE bytes (all, if there are fewer). */
void text_consume(struct text *text, size_t size);

/* Read a whole file of at most LIMIT bytes; append it. 0, -errno, or -EFBIG. */
int text_read_file(struct text *text, const char *path, size_t limit_bytes);

/* Write TEXT to PATH by way of a temporary file beside it and rename, so that a reader or a crash
 * never sees half of it. Who may read it is up to the umask; a private file (a key, a token) is its
 * owner's alone from the moment it exists. 0 or -errno (-ENOMEM when `failed`). */
int text_write_file(const struct text *text, const char *path);
int text_write_private(const struct text *text, const char *path);

/* "1.234567 s", "12.5 ms", "37 us", "800 ns" and the like: three significant digits or more, unit
 * chosen by size. */
void text_add_duration(struct text *text, int64_t duration_ns);

#endif
