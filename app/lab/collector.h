/* collector.h - garbage collection: what goes when its owner or its namespace has gone.
 *
 * Pure. An object that names owners of which none exists any longer is deleted; so is everything
 * in a namespace that is being deleted, and then the namespace.
 */
#ifndef LAB_COLLECTOR_H
#define LAB_COLLECTOR_H

#include <stdbool.h>

#include "lab/change.h"

/* Scan the whole store. Pods that are already being deleted are left to their kubelet. */
void collector_scan(const struct store *store, struct changes *changes);

#endif
