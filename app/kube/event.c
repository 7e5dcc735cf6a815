#include "kube/event.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct kube_event *kube_events_add(struct kube_events *events, enum kube_event_type type,
                                   enum kube_kind kind, uint64_t now_ns)
{
    struct kube_event *event = NULL;
    if (events->count < KUBE_EVENTS_MAX)
        event = calloc(1, sizeof(*event));
    if (event == NULL) {
        events->refused++;
        return NULL;
    }
    event->type = type;
    event->kind = kind;
    event->not_after_ns = now_ns;
    if (events->last == NULL)
        events->first = event;
    else
        events->last->next = event;
    events->last = event;
    events->count++;
    return event;
}

struct kube_event *kube_events_take(struct kube_events *events)
{
    struct kube_event *event = events->first;
    if (event == NULL)
        return NULL;
    events->first = event->next;
    if (events->first == NULL)
        events->last = NULL;
    events->count--;
    event->next = NULL;
    return event;
}

void kube_events_free(struct kube_events *events)
{
    while (events->first != NULL)
        kube_event_free(kube_events_take(events));
}

void kube_event_free(struct kube_event *event)
{
    if (event == NULL)
        return;
    kube_object_drop(event->object);
    kube_object_drop(event->previous);
    free(event->text);
    free(event);
}

void kube_event_say(struct kube_event *event, const char *format, ...)
{
    va_list args;
    char *text = NULL;
    va_start(args, format);
    if (vasprintf(&text, format, args) < 0)
        text = NULL;
    va_end(args);
    free(event->text);
    event->text = text;
}

const char *kube_event_type_text(enum kube_event_type type)
{
    static const char *const texts[] = {
        [KUBE_PRESENT] = "present", [KUBE_ADDED] = "added",       [KUBE_MODIFIED] = "modified",
        [KUBE_DELETED] = "deleted", [KUBE_SYNCED] = "synced",     [KUBE_BROKEN] = "broken",
        [KUBE_UNSEEN] = "unseen",   [KUBE_STOPPED] = "stopped",   [KUBE_PREPARED] = "prepared",
        [KUBE_DID] = "did",         [KUBE_FINISHED] = "finished",
    };
    return texts[type];
}
