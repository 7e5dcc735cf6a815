/* api_selector.h - label and field selectors: which objects a list or a watch is about.
 *
 * Labels: "a", "!a", "a=x", "a==x", "a!=x", "a in (x, y)", "a notin (x, y)", joined by commas, all
 * of which must hold. "!=" and "notin" hold for an object without the label, as in a real server.
 * Fields: "path=x", "path==x", "path!=x" over the few fields that a real server knows for the
 * kind; a field that is absent counts as empty (a boolean as "false").
 *
 * Threads: pure. Memory: fixed, a struct may be copied. Full: refused.
 * Source: Kubernetes documentation, "Labels and Selectors", "Field Selectors".
 */
#ifndef LAB_API_SELECTOR_H
#define LAB_API_SELECTOR_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lab/store.h"

enum {
    API_SELECTOR_TEXT_BYTES = 4096,
    API_SELECTOR_TERMS = 32,
    API_SELECTOR_VALUES = 128,
};

enum api_selector_relation {
    API_SELECTOR_IN,         /* Present, and one of the values. */
    API_SELECTOR_NOT_IN,     /* Absent, or none of the values. */
    API_SELECTOR_EXISTS,     /* Present. */
    API_SELECTOR_NOT_EXISTS, /* Absent. */
};

struct api_selector_term {
    enum api_selector_relation relation; /* How to compare. */
    bool is_field;                       /* The key is a field's path, not a label's. */
    uint16_t key;                        /* Offset in the text. */
    uint16_t first_value;                /* Index into `values`. */
    uint16_t value_count;                /* How many of them. */
};

struct api_selector {
    char text[2 * API_SELECTOR_TEXT_BYTES];             /* Keys and values, each with its NUL. */
    size_t text_bytes;                                  /* Used of it. */
    struct api_selector_term terms[API_SELECTOR_TERMS]; /* All must hold. */
    unsigned term_count;                                /* Terms in use; 0 selects everything. */
    uint16_t values[API_SELECTOR_VALUES];               /* Offsets in the text. */
    unsigned value_count;                               /* Values in use. */
};

/* Both may be "". 0, or -EINVAL with WHY. */
int api_selector_parse(enum store_kind kind, const char *labels, const char *fields,
                       struct api_selector *out, char *why, size_t why_bytes);
/* Narrow SELECTOR to the object of NAME: 0, or -EINVAL when there is no room. */
int api_selector_add_name(struct api_selector *selector, const char *name);
bool api_selector_matches(const struct api_selector *selector, const cJSON *object);

#endif
