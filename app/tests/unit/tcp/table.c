#include "tcp/tcp_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/random.h"

enum {
    CAPACITY = 200,
    REFS = 400,
    STEPS = 50000
};

static struct tcp_table *make(uint32_t capacity)
{
    struct tcp_table *table = malloc(sizeof(*table));
    void *memory = aligned_alloc(64, (tcp_table_bytes(capacity) + 63) / 64 * 64);

    assert_non_null(table);
    assert_non_null(memory);
    tcp_table_init(table, memory, capacity);
    return table;
}

static void drop(struct tcp_table *table)
{
    free(table->entries);
    free(table);
}

static bool holds(const struct tcp_table *table, uint32_t hash, uint32_t ref)
{
    struct tcp_table_walk walk = tcp_table_walk(table, hash);
    uint32_t at;

    while ((at = tcp_table_next(table, &walk)) != 0) {
        if (at == ref)
            return true;
    }
    return false;
}

static void finds_what_was_put(void **state)
{
    struct tcp_table *table = make(3);

    (void)state;
    assert_false(holds(table, 7, 11));
    assert_true(tcp_table_insert(table, 7, 11));
    assert_true(tcp_table_insert(table, UINT32_MAX, 22));
    assert_true(tcp_table_insert(table, 7, 33));  /* Another with this hash. */
    assert_false(tcp_table_insert(table, 9, 44)); /* Full. */
    assert_true(holds(table, 7, 11));
    assert_true(holds(table, 7, 33));
    assert_true(holds(table, UINT32_MAX, 22));
    assert_false(holds(table, 7, 22)); /* That has another hash. */
    assert_true(tcp_table_remove(table, 7, 11));
    assert_false(tcp_table_remove(table, 7, 11));
    assert_false(holds(table, 7, 11));
    assert_true(holds(table, 7, 33));
    assert_int_equal(table->count, 2);
    drop(table);
}

/* Eight hashes that differ in the low bits alone have the eight places of a line, at the ends of the
 * table, too. */
static void neighbours_share_a_line(void **state)
{
    const uint32_t hashes[] = {0, 0x12345678, 0xdeadbee8, UINT32_MAX - 7};
    struct tcp_table *table = make(CAPACITY);

    (void)state;
    assert_int_equal(table->slots % TCP_TABLE_LINE, 0);
    for (size_t i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++) {
        uint32_t first = tcp_table_home(table, hashes[i]);
        assert_int_equal(first % TCP_TABLE_LINE, 0);
        assert_true(first + TCP_TABLE_LINE <= table->slots);
        for (uint32_t low = 1; low < TCP_TABLE_LINE; low++)
            assert_int_equal(tcp_table_home(table, hashes[i] + low), first + low);
    }
    assert_int_not_equal(tcp_table_home(table, 0), tcp_table_home(table, hashes[3]));
    drop(table);
}

/* Few hashes, at both ends of the table, so that runs are long and wrap. */
static uint32_t hash_of(unsigned i)
{
    return i % 2 == 0 ? i % 16 * 40000000 : UINT32_MAX - i % 8;
}

/* Random steps beside a plain array: removal has to keep every other entry findable. */
static void agrees_with_a_model(void **state)
{
    static bool model[REFS];
    struct tcp_table *table = make(CAPACITY);
    struct random random;
    uint32_t count = 0;

    (void)state;
    random_seed(&random, 42);
    for (unsigned step = 1; step <= STEPS; step++) {
        unsigned i = 1 + (unsigned)random_below(&random, REFS - 1);
        if (random_below(&random, 2) == 0 && !model[i]) {
            model[i] = count < CAPACITY;
            count += model[i];
            assert_int_equal(tcp_table_insert(table, hash_of(i), i), model[i]);
        } else {
            assert_int_equal(tcp_table_remove(table, hash_of(i), i), model[i]);
            count -= model[i];
            model[i] = false;
        }
        assert_int_equal(table->count, count);
        for (unsigned j = 1; step % 100 == 0 && j < REFS; j++)
            assert_int_equal(holds(table, hash_of(j), j), model[j]);
    }
    drop(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_was_put),
        cmocka_unit_test(neighbours_share_a_line),
        cmocka_unit_test(agrees_with_a_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
