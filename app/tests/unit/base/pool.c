#include "base/pool.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

enum {
    CAPACITY = 5,
    OBJECT_BYTES = 100
};

struct fixture {
    struct pool pool; /* Under test. */
    void *memory;     /* Its memory. */
};

static int make_pool(void **state)
{
    struct fixture *fixture = malloc(sizeof(*fixture));

    fixture->memory = aligned_alloc(64, pool_bytes(CAPACITY, OBJECT_BYTES));
    pool_init(&fixture->pool, fixture->memory, CAPACITY, OBJECT_BYTES);
    *state = fixture;
    return 0;
}

static int free_pool(void **state)
{
    struct fixture *fixture = *state;
    bool empty = fixture->pool.taken == 0;

    free(fixture->memory);
    free(fixture);
    return empty ? 0 : -1; /* Every test ends with an empty pool. */
}

static void free_all(struct pool *pool)
{
    for (pool_handle h = 0; (h = pool_next(pool, h)) != 0;)
        pool_free(pool, h);
}

static void objects_are_apart_and_aligned(void **state)
{
    struct pool *pool = &((struct fixture *)*state)->pool;
    uint8_t *seen[CAPACITY];

    for (unsigned i = 0; i < CAPACITY; i++) {
        pool_handle handle = pool_take(pool);

        assert_int_not_equal(handle, 0);
        seen[i] = pool_get(pool, handle);
        assert_int_equal((uintptr_t)seen[i] % 8, 0);
        assert_int_equal(pool_handle_of(pool, seen[i]), handle);
        memset(seen[i], (int)i + 1, OBJECT_BYTES);
    }
    for (unsigned i = 0; i < CAPACITY; i++) {
        for (unsigned j = 0; j < OBJECT_BYTES; j++)
            assert_int_equal(seen[i][j], i + 1);
    }
    assert_int_equal(pool->taken, CAPACITY);
    free_all(pool);
}

static void objects_of_any_size_are_found(void **state)
{
    (void)state;
    for (uint32_t bytes = 1; bytes <= 4096; bytes += bytes < 300 ? 1 : 97) {
        struct pool pool;
        void *memory = aligned_alloc(64, pool_bytes(CAPACITY, bytes));

        pool_init(&pool, memory, CAPACITY, bytes);
        for (unsigned i = 0; i < CAPACITY; i++) {
            pool_handle handle = pool_take(&pool);

            assert_int_equal(pool_handle_of(&pool, pool_get(&pool, handle)), handle);
        }
        free(memory);
    }
}

static void full_pool_refuses_and_counts(void **state)
{
    struct pool *pool = &((struct fixture *)*state)->pool;

    for (unsigned i = 0; i < CAPACITY; i++)
        assert_int_not_equal(pool_take(pool), 0);
    assert_int_equal(pool_take(pool), 0);
    assert_int_equal(pool_take(pool), 0);
    assert_int_equal(pool->refused, 2);
    assert_int_equal(pool->taken, CAPACITY);
    pool_handle one = pool_next(pool, 0);
    pool_free(pool, one);
    assert_int_not_equal(pool_take(pool), 0);
    free_all(pool);
}

static void stale_handles_get_nothing(void **state)
{
    struct pool *pool = &((struct fixture *)*state)->pool;
    pool_handle old = pool_take(pool);
    void *object = pool_get(pool, old);

    pool_free(pool, old);
    assert_null(pool_get(pool, old));
    pool_handle again = pool_take(pool);
    assert_ptr_equal(pool_get(pool, again), object); /* LIFO: the warmest first. */
    assert_ptr_equal(pool_at(pool, again), object);
    assert_int_not_equal(again, old);
    assert_null(pool_get(pool, old));
    assert_null(pool_get(pool, 0));
    assert_null(pool_get(pool, again + 1)); /* Never taken. */
    assert_null(pool_get(pool, UINT32_MAX));
    pool_free(pool, again);
}

/* In a pool of a million generations wrap after 4095, and never make handle 0 or the present one
 * too early. */
static void generations_wrap(void **state)
{
    const uint32_t million = (1 << 20) - 1;
    void *memory = aligned_alloc(64, pool_bytes(million, 1));
    struct pool pool;

    (void)state;
    pool_init(&pool, memory, million, 1);
    pool_handle first = pool_take(&pool);
    pool_free(&pool, first);
    for (unsigned i = 1; i < 4095; i++) {
        pool_handle handle = pool_take(&pool);

        assert_int_not_equal(handle, 0);
        assert_int_not_equal(handle, first);
        pool_free(&pool, handle);
    }
    pool_handle wrapped = pool_take(&pool);
    assert_int_equal(wrapped, first);
    pool_free(&pool, wrapped);
    free(memory);
}

static void iteration_sees_each_once_while_freeing(void **state)
{
    struct pool *pool = &((struct fixture *)*state)->pool;
    pool_handle taken[CAPACITY];
    unsigned seen = 0;

    assert_int_equal(pool_next(pool, 0), 0);
    for (unsigned i = 0; i < CAPACITY; i++)
        taken[i] = pool_take(pool);
    pool_free(pool, taken[0]);
    pool_free(pool, taken[3]);
    for (pool_handle h = pool_next(pool, 0); h != 0; h = pool_next(pool, h)) {
        assert_true(h == taken[1] || h == taken[2] || h == taken[4]);
        pool_free(pool, h);
        seen++;
    }
    assert_int_equal(seen, 3);
    assert_int_equal(pool->taken, 0);
}

/* The largest capacity, where the end of the free list looks most like an index. */
static void largest_capacity(void **state)
{
    struct pool pool;
    void *memory = aligned_alloc(64, pool_bytes(POOL_CAPACITY_MAX, 1));
    unsigned count = 0;

    (void)state;
    pool_init(&pool, memory, POOL_CAPACITY_MAX, 1);
    for (pool_handle h; (h = pool_take(&pool)) != 0; count++)
        assert_ptr_equal(pool_get(&pool, h), (uint8_t *)memory + (size_t)count * 8);
    assert_int_equal(count, POOL_CAPACITY_MAX);
    free_all(&pool);
    assert_int_equal(pool.taken, 0);
    free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(objects_are_apart_and_aligned, make_pool, free_pool),
        cmocka_unit_test_setup_teardown(objects_of_any_size_are_found, make_pool, free_pool),
        cmocka_unit_test_setup_teardown(full_pool_refuses_and_counts, make_pool, free_pool),
        cmocka_unit_test_setup_teardown(stale_handles_get_nothing, make_pool, free_pool),
        cmocka_unit_test(generations_wrap),
        cmocka_unit_test_setup_teardown(iteration_sees_each_once_while_freeing, make_pool,
                                        free_pool),
        cmocka_unit_test(largest_capacity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
