/* api_validate.h - refusing what a real API server refuses, in its words' shape.
 *
 * Two steps: members of the wrong type make a body undecodable (400); a well-formed object may
 * still be invalid (422, one cause a fault, each with the field's path). Only faults that would
 * change what the lab's controllers do, or that the client must show to a user, are looked for.
 *
 * Threads: pure. Source: Kubernetes API reference; shapes from a recorded server.
 */
#ifndef LAB_API_VALIDATE_H
#define LAB_API_VALIDATE_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

#include "lab/store.h"

/* True when each known member of OBJECT is of its type (or null). Else WHY names the first that is
 * not. Everything after this may rely on the types of these members. */
bool api_validate_types(enum store_kind kind, const cJSON *object, char *why, size_t why_bytes);

/* The causes (see api_status_cause()) for which OBJECT is refused; an empty array when there are
 * none. OBJECT is complete: defaults are filled in. OLD is NULL for a new object. */
cJSON *api_validate(enum store_kind kind, const cJSON *object, const cJSON *old);

/* "a-b.c": lower-case letters, digits, '-' and, with DOTS, '.'; no more than LIMIT characters. */
bool api_validate_name(const char *name, bool dots, size_t limit);

#endif
