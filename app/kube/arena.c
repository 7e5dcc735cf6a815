#include "kube/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    BLOCK_BYTES = 2048
};

struct kube_arena_block {
    struct kube_arena_block *next; /* Older. */
    size_t used;                   /* Of `bytes`. */
    size_t size;                   /* Of `bytes`. */
    alignas(max_align_t) char bytes[];
};

static struct kube_arena_block *block_new(struct kube_arena *arena, size_t bytes);

void *kube_arena_take(struct kube_arena *arena, size_t count, size_t size_bytes)
{
    size_t bytes;
    if (count == 0 || size_bytes == 0 || arena->failed)
        return NULL;
    if (count > KUBE_ARENA_LIMIT_BYTES / size_bytes) {
        arena->failed = true;
        return NULL;
    }
    bytes = (count * size_bytes + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    struct kube_arena_block *block = arena->blocks;
    if (block == NULL || block->size - block->used < bytes)
        block = block_new(arena, bytes);
    if (block == NULL)
        return NULL;
    void *taken = block->bytes + block->used;
    block->used += bytes;
    return memset(taken, 0, bytes);
}

const char *kube_arena_text(struct kube_arena *arena, const char *text)
{
    if (text == NULL || text[0] == '\0')
        return "";
    size_t bytes = strlen(text) + 1;
    char *copy = kube_arena_take(arena, 1, bytes);
    return copy == NULL ? "" : memcpy(copy, text, bytes);
}

void kube_arena_free(struct kube_arena *arena)
{
    while (arena->blocks != NULL) {
        struct kube_arena_block *block = arena->blocks;
        arena->blocks = block->next;
        free(block);
    }
    *arena = (struct kube_arena){0};
}

static struct kube_arena_block *block_new(struct kube_arena *arena, size_t bytes)
{
    size_t size = bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES;
    struct kube_arena_block *block = NULL;
    if (arena->taken_bytes + size <= KUBE_ARENA_LIMIT_BYTES)
        block = malloc(sizeof(*block) + size);
    if (block == NULL) {
        arena->failed = true;
        return NULL;
    }
    *block = (struct kube_arena_block){.next = arena->blocks, .size = size};
    arena->blocks = block;
    arena->taken_bytes += size;
    return block;
}
