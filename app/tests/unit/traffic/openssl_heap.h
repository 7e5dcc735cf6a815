/* openssl_heap.h - what OpenSSL has from the heap, for tests that prove that nothing is left. */
#ifndef TESTS_OPENSSL_HEAP_H
#define TESTS_OPENSSL_HEAP_H

#include <stddef.h>

/* Before all else that OpenSSL does in this process. */
void openssl_heap_watch(void);
/* Blocks it has now. */
size_t openssl_heap_blocks(void);

#endif
