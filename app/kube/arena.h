/* arena.h - the memory of one object: strings and small arrays that live and die together.
 *
 * A typed object (kube/object.h) is made of borrowed-looking strings and arrays; all of them stand
 * in the arena of that object, so that one call frees it and no member has an owner of its own.
 *
 * Threads: one owner. Memory: malloc, in blocks; bounded by KUBE_ARENA_LIMIT_BYTES an arena, after
 * which, or when malloc fails, `failed` is set and every call gives NULL ("" for text): only the
 * end needs a check.
 */
#ifndef KUBE_ARENA_H
#define KUBE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

enum {
    KUBE_ARENA_LIMIT_BYTES = 64 << 20
};

struct kube_arena_block;

struct kube_arena {
    struct kube_arena_block *blocks; /* Newest first; NULL when nothing was taken. */
    size_t taken_bytes;              /* Of all blocks, to hold the limit. */
    bool failed;                     /* Something could not be given. */
};

/* COUNT zeroed things of SIZE_BYTES each, aligned for any type. NULL when COUNT is 0 or on
 * failure. */
void *kube_arena_take(struct kube_arena *arena, size_t count, size_t size_bytes);
/* A copy of TEXT; "" for NULL or on failure, so the result can always be printed and compared. */
const char *kube_arena_text(struct kube_arena *arena, const char *text);
/* Frees all, and makes it usable again. */
void kube_arena_free(struct kube_arena *arena);

#endif
