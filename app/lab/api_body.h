/* api_body.h - reading a request's body, which may be anything.
 *
 * cJSON takes nesting of up to 1000 and any number of members; the work done later on an object
 * (looking up members, merging lists) grows with the square of what one level holds. So a body is
 * refused that is deeper or wider than any real object, or that has a member twice.
 *
 * Threads: pure.
 */
#ifndef LAB_API_BODY_H
#define LAB_API_BODY_H

#include <cjson/cJSON.h>
#include <stddef.h>

enum {
    API_BODY_BYTES = 1 << 20,   /* Larger ones get 413. */
    API_OBJECT_BYTES = 3 << 19, /* 1.5 MiB, as etcd: no patch makes an object larger. */
    API_BODY_DEPTH = 64,        /* Levels. */
    API_BODY_MEMBERS = 512,     /* Members of one object. */
    API_BODY_ELEMENTS = 2048,   /* Elements of one array. */
};

/* NULL with WHY when SIZE bytes are no JSON, or not of that kind. */
cJSON *api_body_parse(const char *bytes, size_t size, char *why, size_t why_bytes);

/* The same for YAML, of which JSON is a part: one document. */
cJSON *api_body_parse_yaml(const char *bytes, size_t size, char *why, size_t why_bytes);

#endif
