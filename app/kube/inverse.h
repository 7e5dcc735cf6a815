/* inverse.h - the patch that takes a patch back.
 *
 * Both give a merge patch (RFC 7396) for the object as it stands after the change: members that it
 * touches get their old value, arrays as a whole; those that were not there become null; what it
 * does not touch stays as it is by then.
 *
 * Threads: pure. Memory: cJSON's; the caller deletes what it gets. NULL when out of memory, or
 * when there is no inverse: of a JSON patch that copies or moves something over an object.
 */
#ifndef KUBE_INVERSE_H
#define KUBE_INVERSE_H

#include <cjson/cJSON.h>
#include <stdbool.h>

/* Of a merge patch or a strategic one. An object of which a strategic one has a directive
 * ("$patch", "$retainKeys"...) gets all its members back. */
cJSON *kube_inverse_merge(const cJSON *before, const cJSON *patch);
/* Of a JSON patch (RFC 6902): the members on the way of each operation's path, and of the `from` of
 * a move. Paths that are no JSON pointer are left out: the server refuses them. */
cJSON *kube_inverse_operations(const cJSON *before, const cJSON *operations);
/* A patch of either kind that replaces the object itself, its identity too: there is no inverse. */
bool kube_inverse_is_of_whole(const cJSON *patch);
/* What a server-side apply of CONFIG takes away, because MANAGER has applied it before and CONFIG
 * lacks it, is added to INVERSE. False when out of memory. */
bool kube_inverse_released(cJSON *inverse, const cJSON *before, const cJSON *config,
                           const char *manager);

#endif
