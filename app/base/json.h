/* json.h - reading and writing JSON by cJSON, without its traps.
 *
 * Reading: getters that never fail on an absent or mistyped member but return the given default,
 * for answers of a server (strict reading of a user's files is plan/'s). Paths are dot-separated
 * member names ("metadata.name"); names that contain dots need json_member().
 * Writing: integers of up to 2^53 print as integers.
 *
 * Threads: none of its own. Memory: cJSON's. cJSON's nesting limit (1000) holds for parsing.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Parse SIZE bytes, all of them (white space may follow). NULL with ERR filled as
 * "line L, column C: ..." when they are no JSON. */
cJSON *json_parse(const char *bytes, size_t size, struct error *err);
/* The same for a file of at most 64 MiB; ERR names the file. */
cJSON *json_parse_file(const char *path, struct error *err);

const cJSON *json_at(const cJSON *object, const char *path);     /* NULL when absent. */
const cJSON *json_member(const cJSON *object, const char *name); /* One step; case-sensitive. */
const char *json_string(const cJSON *object, const char *path, const char *otherwise);
int64_t json_integer(const cJSON *object, const char *path, int64_t otherwise);
double json_number(const cJSON *object, const char *path, double otherwise);
bool json_bool(const cJSON *object, const char *path, bool otherwise);

/* Add an integer that prints as one, whatever its size (cJSON's doubles lose ns since 1970). From
 * 10^15 on it is a raw item, which json_integer() and json_number() read as well. */
void json_add_integer(cJSON *object, const char *name, int64_t value);
cJSON *json_new_integer(int64_t value);

/* Follow PATH, making objects where there are none; returns the last one, never NULL unless out of
 * memory or a step is no object. */
cJSON *json_make(cJSON *object, const char *path);

/* Print to a fresh malloc'ed string; NULL when out of memory. */
char *json_print(const cJSON *item, bool indented);

/* RFC 3339 UTC, "2026-11-21T09:53:17Z" or with up to nine digits of a fraction, or with an offset.
 * Returns ns since 1970, or INT64_MIN when it is no such thing. */
int64_t json_parse_time(const char *text);
/* With FRACTION_DIGITS 0..9; OUT has at least 36 bytes. */
void json_format_time(int64_t utc_ns, unsigned fraction_digits, char out[36]);

#endif
