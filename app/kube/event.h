/* event.h - what the client tells its caller, one typed event after another.
 *
 * All that happens in the cluster, to a watch or to an action becomes an event in one list, in the
 * order in which it was learned. Nothing calls back.
 *
 * Two stamps say when the thing itself happened, in run time:
 *
 *     not_before_ns <= happened <= not_after_ns
 *
 * not_after_ns is the arrival here, stamped after the bytes were read. not_before_ns follows from
 * the order of resourceVersions: a list answered with version R was asked at time t, so whatever
 * carries a version above R happened after t; the same holds for the versions that own changes
 * returned. It is a true bound and often a wide one (back to the list). What a relist finds changed
 * happened somewhere in the gap, and the gap's limits are its stamps; the earlier one is when the
 * last byte arrived, so that it too is late by what the stream's delivery took.
 *
 * Threads: one owner. Memory: malloc an event; the caller frees what it has taken. The list is
 * bounded by KUBE_EVENTS_MAX: beyond, `refused` counts, and the watch that ran into it relists
 * later with its gap marked, so that nothing is lost in silence.
 */
#ifndef KUBE_EVENT_H
#define KUBE_EVENT_H

#include "kube/object.h"

enum {
    KUBE_EVENTS_MAX = 65536
};

enum kube_event_type {
    /* About an object: `object` is set. */
    KUBE_PRESENT, /* Was there when the watch's first list was made. */
    KUBE_ADDED,
    KUBE_MODIFIED, /* `previous` is what it was. */
    KUBE_DELETED,  /* `object` is its last state. */
    /* About a watch: `kind` and `text` are set. */
    KUBE_SYNCED,  /* Its list is complete; from here on it follows. */
    KUBE_BROKEN,  /* The stream ended and is being made again; nothing is lost yet. */
    KUBE_UNSEEN,  /* What happened in [not_before, not_after] to this kind was not seen: only what
                      was different afterwards, told by events with the same two stamps right after
                      this. */
    KUBE_STOPPED, /* It will not go on: text says why and what to change (rights, mostly). */
    /* About an action: `action` and `text` are set. */
    KUBE_PREPARED, /* It knows what it will change and waits for kube_commit(). */
    KUBE_DID,      /* A part of it was done, by a request of its own: between the two stamps. */
    KUBE_FINISHED, /* It ended; its result can be read. */
};

struct kube_event {
    struct kube_event *next;      /* In the list; NULL in what the caller has taken. */
    enum kube_event_type type;    /* What happened. */
    enum kube_kind kind;          /* Of the object or watch; KUBE_OTHER for an action's. */
    uint32_t action;              /* Which action; 0 for the others. */
    uint64_t not_before_ns;       /* Run time; 0 when nothing is known. */
    uint64_t not_after_ns;        /* Run time. */
    struct kube_object *object;   /* One reference; NULL for events about watches and actions. */
    struct kube_object *previous; /* One reference; NULL when there was none. */
    char *text;                   /* Why, for people; NULL when there is nothing to say. */
};

struct kube_events {
    struct kube_event *first; /* Oldest; NULL when empty. */
    struct kube_event *last;  /* Newest. */
    unsigned count;           /* Events in it. */
    uint64_t refused;         /* Events that found the list full or no memory. */
};

/* A zeroed event at the end of EVENTS, to be filled; NULL when full (counted). */
struct kube_event *kube_events_add(struct kube_events *events, enum kube_event_type type,
                                   enum kube_kind kind, uint64_t now_ns);
/* The oldest one, now the caller's; NULL when there is none. */
struct kube_event *kube_events_take(struct kube_events *events);
void kube_events_free(struct kube_events *events); /* Frees all that are in it. */
void kube_event_free(struct kube_event *event);    /* NULL is harmless. */
void kube_event_say(struct kube_event *event, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
const char *kube_event_type_text(enum kube_event_type type); /* "added", ... */

#endif
