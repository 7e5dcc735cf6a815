/* api_json_patch.h - JSON Patch (RFC 6902): a list of operations on places (JSON Pointer, RFC
 * 6901).
 *
 * cJSON's own utilities are not used: they take "/a/0x" for an index, and do not tell what failed.
 *
 * Threads: pure. Memory: the result is a fresh tree. Cost: `copy` can double an object each time,
 * so that the operations together may not add more than API_JSON_PATCH_ITEMS and
 * API_JSON_PATCH_BYTES, nor nest it deeper than a body may be (API_BODY_DEPTH).
 */
#ifndef LAB_API_JSON_PATCH_H
#define LAB_API_JSON_PATCH_H

#include <cjson/cJSON.h>
#include <errno.h>
#include <stddef.h>

enum {
    API_JSON_PATCH_ITEMS = 65536,  /* Members and elements that operations may add. */
    API_JSON_PATCH_BYTES = 4 << 20 /* Of names and texts that they may add. */
};

/* *OUT is BEFORE after the operations of PATCH. 0; -EINVAL with WHY when the patch is malformed;
 * -ENOENT with WHY when it does not fit the object: a place that is not there, a failed test. */
int api_json_patch(const cJSON *before, const cJSON *patch, cJSON **out, char *why,
                   size_t why_bytes);

#endif
