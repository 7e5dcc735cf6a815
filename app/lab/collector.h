/* collector.h - garbage collection: what goes when its owner has gone.
 *
 * Pure. An object that names owners of which none exists any longer is deleted; so is the Endpoints
 * object of a Service that has gone. (What is in a namespace that ends is the API server's
 * business.)
 */
#ifndef LAB_COLLECTOR_H
#define LAB_COLLECTOR_H

#include "lab/change.h"

/* Scan the whole store. Pods that are already being deleted are left to their kubelet. */
void collector_scan(const struct store *store, struct changes *changes);

#endif
