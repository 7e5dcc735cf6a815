/* translate.h - kube's events into events of the timeline. Pure.
 *
 * An event of an object becomes what changed in it: a pod became ready, an endpoint left the slice.
 * Both stamps come along: [not before, not after]. An object that was there when its watch began
 * has no lower stamp.
 */
#ifndef RUN_TRANSLATE_H
#define RUN_TRANSLATE_H

#include "kube/event.h"
#include "rundir/timeline.h"

/* Append to OUT what EVENT tells; the number of events appended. */
size_t translate_event(const struct kube_event *event, struct timeline *out);

#endif
