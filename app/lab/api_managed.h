/* api_managed.h - metadata.managedFields: who set which field, and server-side apply by it.
 *
 * Every write through the API is some manager's: a write of a whole object or a patch (operation
 * Update) makes it the owner of what it changed, and nobody else's; an apply makes it an owner of
 * all that it says. Fields that a manager applied before and says no more go, unless another
 * manager owns them. What differs from the value of another owner is a conflict, unless forced.
 *
 * Differs: the lab's own controllers and kubelets leave no entries, and what one version of a
 * group said is not translated for another.
 *
 * Threads: pure. Source: Kubernetes documentation, "Server-Side Apply".
 */
#ifndef LAB_API_MANAGED_H
#define LAB_API_MANAGED_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "lab/store.h"

enum {
    API_MANAGER_BYTES = 129
}; /* A real server takes names of up to 128 characters. */

struct api_manager {
    char name[API_MANAGER_BYTES]; /* fieldManager, or who the client says that it is. */
    const char *api_version;      /* In which the object was written. */
    const char *subresource;      /* "" for the object itself. */
    int64_t utc_ns;               /* Now. */
};

/* NEXT takes the place of OLD (NULL: it is new): write its managedFields. */
void api_managed_update(enum store_kind kind, const cJSON *old, cJSON *next,
                        const struct api_manager *manager);

/* LIVE (NULL: there is none) after CONFIG was applied, with its managedFields. NULL: there are
 * conflicts, added to CAUSES (as of a Status' details), and FORCE was not said. */
cJSON *api_managed_apply(enum store_kind kind, const cJSON *live, const cJSON *config,
                         const struct api_manager *manager, bool force, cJSON *causes);

#endif
