#include "tcp/tcp_reassembly.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"

enum {
    CHUNK = 64,
    CHUNKS = 12,
    QUEUE = 8,
    STREAM = 2000,
    ROUNDS = 300
};

static struct tcp_reassembly pool;
static struct tcp_reassembly_queue queue;

static int make(void **state)
{
    void *memory = aligned_alloc(64, tcp_reassembly_bytes(CHUNKS, CHUNK));

    if (memory == NULL)
        return -1;
    queue = (struct tcp_reassembly_queue){0};
    tcp_reassembly_init(&pool, memory, CHUNKS, CHUNK, QUEUE);
    *state = memory;
    return 0;
}

static int drop(void **state)
{
    free(*state);
    return 0;
}

static uint8_t byte_at(uint64_t pos)
{
    return (uint8_t)(pos * 37 + 11);
}

static uint32_t insert(uint64_t pos, uint32_t bytes, bool *full)
{
    uint8_t data[512];

    for (uint32_t i = 0; i < bytes; i++)
        data[i] = byte_at(pos + i);
    return tcp_reassembly_insert(&pool, &queue, pos, data, bytes, full);
}

static void keeps_the_first_copy(void **state)
{
    bool full;
    const struct tcp_chunk *chunk;

    (void)state;
    assert_int_equal(tcp_reassembly_insert(&pool, &queue, 10, (const uint8_t *)"abcd", 4, &full),
                     4);
    assert_int_equal(tcp_reassembly_insert(&pool, &queue, 8, (const uint8_t *)"XXXXXXXX", 8, &full),
                     4);
    assert_null(tcp_reassembly_next(&pool, &queue, 7));
    chunk = tcp_reassembly_next(&pool, &queue, 8);
    assert_int_equal(chunk->bytes, 2);
    assert_memory_equal(chunk->data + chunk->start, "XX", 2);
    chunk = tcp_reassembly_next(&pool, &queue, 10);
    /* What followed had room behind the first copy. */
    assert_int_equal(chunk->bytes, 6);
    assert_memory_equal(chunk->data + chunk->start, "abcdXX", 6);
    tcp_reassembly_reclaim(&pool);
    assert_int_equal(pool.in_use, 0);
}

static void lends_until_reclaimed(void **state)
{
    bool full;

    (void)state;
    insert(100, CHUNK, &full);
    const struct tcp_chunk *chunk = tcp_reassembly_next(&pool, &queue, 110);
    assert_int_equal(chunk->bytes, CHUNK - 10);
    tcp_reassembly_discard(&pool, &queue);
    assert_int_equal(pool.in_use, 1);
    assert_int_equal(chunk->data[chunk->start], byte_at(110));
    tcp_reassembly_reclaim(&pool);
    assert_int_equal(pool.in_use, 0);
}

static void is_bounded(void **state)
{
    bool full;
    uint32_t chunks = 0;

    (void)state;
    for (uint64_t pos = 10; chunks < QUEUE; pos += 10, chunks++)
        assert_int_equal(insert(pos, 1, &full), 1);
    assert_int_equal(insert(1000, 1, &full), 0);
    assert_true(full);
    assert_int_equal(insert(11, 1, &full), 1); /* Room behind the first needs no chunk. */
    assert_false(full);
    tcp_reassembly_discard(&pool, &queue);
    assert_int_equal(insert(10, 8 * CHUNK, &full), 8 * CHUNK);
    tcp_reassembly_discard(&pool, &queue);
    assert_int_equal(pool.in_use, 0);
}

/* Pieces in random order, overlapping, again and again, until the whole stream came through: each
 * byte once, in order, and right. */
static void delivers_all_in_order(void **state)
{
    struct random random;

    (void)state;
    random_seed(&random, 7);
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint64_t pos = 1;
        while (pos < STREAM) {
            uint64_t at = pos + random_below(&random, 400);
            uint32_t bytes = (uint32_t)random_below(&random, 150) + 1;
            const struct tcp_chunk *chunk;
            bool full;
            uint32_t kept = insert(at, bytes, &full);
            assert_true(kept <= bytes);
            assert_true(queue.count <= QUEUE);
            while ((chunk = tcp_reassembly_next(&pool, &queue, pos)) != NULL) {
                assert_int_equal(chunk->pos, pos);
                assert_true(chunk->bytes > 0);
                for (uint32_t i = 0; i < chunk->bytes; i++)
                    assert_int_equal(chunk->data[chunk->start + i], byte_at(pos + i));
                pos += chunk->bytes;
            }
            if (random_below(&random, 4) == 0)
                pos += random_below(&random, 20); /* What came in order by itself. */
            tcp_reassembly_reclaim(&pool);
            assert_int_equal(pool.in_use, queue.count);
        }
        tcp_reassembly_discard(&pool, &queue);
        assert_int_equal(pool.in_use, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keeps_the_first_copy, make, drop),
        cmocka_unit_test_setup_teardown(lends_until_reclaimed, make, drop),
        cmocka_unit_test_setup_teardown(is_bounded, make, drop),
        cmocka_unit_test_setup_teardown(delivers_all_in_order, make, drop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
