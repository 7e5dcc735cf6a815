#include "tests/unit/traffic/openssl_heap.h"

#include <stdlib.h>

#include <openssl/crypto.h>

static size_t blocks;

static void *count_malloc(size_t size, const char *file, int line)
{
    (void)file, (void)line;
    void *memory = malloc(size);
    blocks += memory != NULL;
    return memory;
}

static void *count_realloc(void *memory, size_t size, const char *file, int line)
{
    (void)file, (void)line;
    blocks += memory == NULL;
    return realloc(memory, size);
}

static void count_free(void *memory, const char *file, int line)
{
    (void)file, (void)line;
    blocks -= memory != NULL;
    free(memory);
}

void openssl_heap_watch(void)
{
    CRYPTO_set_mem_functions(count_malloc, count_realloc, count_free);
}

size_t openssl_heap_blocks(void)
{
    return blocks;
}
