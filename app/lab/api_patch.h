/* api_patch.h - what a PATCH does to an object: JSON merge patch (RFC 7386) and Kubernetes'
 * strategic merge patch.
 *
 * A strategic patch is a merge patch in which a list of objects may be merged by a key instead of
 * being replaced. Directives that are understood:
 *   - `$patch: replace | merge | delete` in an object, or in an element of a list;
 *   - `$retainKeys: [..]`: what the object may have afterwards;
 *   - `$setElementOrder/LIST: [..]`: the order of the list's elements afterwards;
 *   - `$deleteFromPrimitiveList/LIST: [..]`.
 * A real server takes the key of each list from its types' declarations; here it is a table of the
 * lists that occur in the kinds served. Lists that are not in it are replaced as a whole.
 *
 * Threads: pure. Memory: the result is a new tree; nothing of the inputs is borrowed or changed.
 * Cost: the product of the lengths of a list before and in the patch, so that bodies must be
 * bounded before (api_body.h). Source: Kubernetes documentation, "Update API Objects in Place
 * Using kubectl patch".
 */
#ifndef LAB_API_PATCH_H
#define LAB_API_PATCH_H

#include <cjson/cJSON.h>
#include <stddef.h>

#include "lab/store.h"

/* RFC 7386. NULL only when out of memory. */
cJSON *api_patch_merge(const cJSON *before, const cJSON *patch);

/* NULL with WHY when the patch is malformed: an element without its list's key, an unknown
 * directive, a list where an object is wanted. */
cJSON *api_patch_strategic(enum store_kind kind, const cJSON *before, const cJSON *patch, char *why,
                           size_t why_bytes);

#endif
