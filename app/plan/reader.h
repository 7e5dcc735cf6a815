/* reader.h - strict reading of a user's JSON by tables, and what else the tables can do.
 *
 * A table describes one object: each key with its type, bounds, default and place in a struct. The
 * same table
 *   - reads: unknown keys, keys given twice, wrong types and values out of range are refused with
 *     "FILE: JSON.path: got X, want Y", and with the nearest known key for a typo;
 *   - prints the struct back with every default written out;
 *   - tells plan/setting which keys a path may name;
 *   - is compared with the JSON Schema in config/ by a test.
 * Keys are read in the table's order, whatever the file's, so that a key's reader may look at those
 * before it.
 *
 * Threads: pure; a struct reader belongs to its caller. Memory: strings in the struct point into
 * the cJSON tree or are constants; lists are in the struct, unless their field says otherwise.
 * Full: a list longer than its array is refused.
 */
#ifndef PLAN_READER_H
#define PLAN_READER_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum {
    READER_PATH_BYTES = 512,
    READER_NAME_MAX = 63,
    READER_LABEL_MAX = 63,      /* RFC 1123. */
    READER_SUBDOMAIN_MAX = 253, /* RFC 1123. */
    READER_TEXT_MAX = 1024
};

/* What names are to be, as messages say it. */
#define READER_LABEL_WANT                                                                          \
    "a name of Kubernetes of up to 63 lower-case letters, digits and '-', with a letter or digit " \
    "first and last"
#define READER_SUBDOMAIN_WANT                                                                      \
    "a name of Kubernetes of up to 253 lower-case letters, digits, '-' and '.', with a letter or " \
    "digit first and last, and beside each '.'"

/* In brackets: the C type in the struct, and what min and max mean. */
enum reader_type {
    READER_BOOL,     /* bool. */
    READER_COUNT,    /* An integer [uint32_t, the value]. */
    READER_DURATION, /* "1.5s" [int64_t ns, ns]. */
    READER_RATE,     /* "400/s" [double, per second]. */
    READER_SIZE,     /* 1024 or "64KiB" [uint32_t, bytes]. */
    READER_TEXT,     /* Not empty, no control characters [const char *, bytes]. */
    READER_NAME,     /* One of ours: letters, digits, '.', '_', '-' [const char *, -]. */
    /* One of Kubernetes (Object Names and IDs) [const char *, -]. */
    READER_LABEL,     /* Of a Service, a Namespace, a container. */
    READER_SUBDOMAIN, /* Of most kinds: a Deployment, a node, a pod. */
    READER_WORD,      /* One of `words` [an enum, -]. */
    READER_WORDS,     /* A list of different words [uint32_t of bits 1 << value, -]. */
    READER_OBJECT,    /* An object of `object` [its struct, -]. */
    READER_LIST,      /* A list of `item` [array, number of items]. */
    READER_CUSTOM,    /* By `read` and `print`. */
};

struct reader;

struct reader_word {
    const char *word; /* In the file; NULL ends the list. */
    unsigned value;   /* In the struct. */
};

struct reader_object;

struct reader_field {
    const char *key;       /* In the file; NULL ends the table. */
    enum reader_type type; /* See above. */
    size_t offset;         /* In the struct; of an item: 0. */
    bool required;         /* Absence is refused. */
    double min, max;       /* Inclusive; max 0: the type's own limit. */
    const char *otherwise; /* Default as text of the type; NULL: the struct stays as it is. */
    const struct reader_word *words;    /* WORD, WORDS. */
    const struct reader_object *object; /* OBJECT; of CUSTOM: its keys, for setting and schema. */
    size_t given_offset;                /* OBJECT: a bool that says it was there; 0: none. */
    const struct reader_field *item;    /* LIST; of CUSTOM: the values of free keys. */
    size_t item_bytes;                  /* LIST: size of an array element. */
    size_t count_offset;                /* LIST: a uint32_t. */
    bool
        allocated; /* LIST: the struct has a pointer to the array, which is the caller's to free. */
    /* CUSTOM: read ITEM into the struct OBJECT (whole, not the field). 0 or -errno by
     * reader_refuse(). */
    int (*read)(struct reader *reader, const cJSON *item, void *object);
    /* CUSTOM: a fresh item, or NULL to leave the key out. CONTEXT as reader's. */
    cJSON *(*print)(const void *object, const void *context);
    const char *want; /* CUSTOM: what is right, for messages. */
};

struct reader_object {
    const char *what;                  /* "a stream", for messages. */
    const struct reader_field *fields; /* Ends with a NULL key. */
    /* Whether a key makes sense in OBJECT as read so far; NULL: all do. A key that does not is
     * refused when given, and not printed. */
    bool (*takes)(const void *object, const char *key);
    /* What else must hold, after all keys; NULL: nothing. */
    int (*check)(struct reader *reader, void *object);
};

struct reader {
    const char *file;             /* For messages. */
    struct error *err;            /* Where messages go. */
    void *context;                /* For custom readers. */
    char path[READER_PATH_BYTES]; /* Of the item being read; "" at the root. */
};

/* Set the defaults of OBJECT's fields in STRUCTURE (which was zeroed). */
void reader_defaults(const struct reader_object *object, void *structure);
/* Defaults, then reader_fill(). */
int reader_read(struct reader *reader, const struct reader_object *object, const cJSON *json,
                void *structure);
/* Read what is there over what STRUCTURE holds. 0 or -errno with the reader's error. */
int reader_fill(struct reader *reader, const struct reader_object *object, const cJSON *json,
                void *structure);
/* Read ITEM as FIELD (whose offset is within STRUCTURE), without key handling. */
int reader_read_field(struct reader *reader, const struct reader_field *field, const cJSON *item,
                      void *structure);
/* A fresh object with all keys; NULL when out of memory. */
cJSON *reader_print(const struct reader_object *object, const void *structure, const void *context);
/* NULL: no such key. */
const struct reader_field *reader_find(const struct reader_object *object, const char *key);

/* Go down into a key or an item of a list; returns what reader_leave() wants. */
size_t reader_enter_key(struct reader *reader, const char *key);
size_t reader_enter_index(struct reader *reader, unsigned index);
void reader_leave(struct reader *reader, size_t mark);

/* "FILE: PATH: <formatted>"; returns -EINVAL. */
int reader_refuse(struct reader *reader, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* "FILE: PATH: got ITEM, want WANT"; returns -EINVAL. */
int reader_want(struct reader *reader, const cJSON *item, const char *want);

/* Words: NULL, or the default, when not found. */
const char *reader_word_of(const struct reader_word *words, unsigned value);
const struct reader_word *reader_word_find(const struct reader_word *words, const char *word);
/* Ready-made readers and printers for CUSTOM fields: "$schema", which is for editors alone; and a
 * struct address, for items of lists (OBJECT is the address itself). */
int reader_read_nothing(struct reader *reader, const cJSON *item, void *object);
int reader_read_address(struct reader *reader, const cJSON *item, void *object);
cJSON *reader_print_address(const void *object, const void *context);
/* Is TEXT a READER_NAME, READER_LABEL, READER_SUBDOMAIN? */
bool reader_is_name(const char *text);
bool reader_is_label(const char *text);
bool reader_is_subdomain(const char *text);

#endif
