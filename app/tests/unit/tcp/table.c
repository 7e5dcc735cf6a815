#include "tcp/tcp_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/random.h"

enum {
    CAPACITY = 200,
    TUPLES = 400,
    STEPS = 200000
};

static struct tuple tuple_of(unsigned i)
{
    return (struct tuple){
        .local_port = (uint16_t)(i & 31), .remote_port = (uint16_t)(i >> 5), .protocol = 6};
}

static struct tcp_table *make(uint32_t capacity)
{
    static const struct hash_key key = {7, 9};
    struct tcp_table *table = malloc(sizeof(*table));
    void *memory = aligned_alloc(64, (tcp_table_bytes(capacity) + 63) / 64 * 64);

    assert_non_null(table);
    assert_non_null(memory);
    tcp_table_init(table, memory, capacity, &key);
    return table;
}

static void drop(struct tcp_table *table)
{
    free(table->entries);
    free(table);
}

static void finds_what_was_put(void **state)
{
    struct tcp_table *table = make(2);
    struct tuple a = tuple_of(1), b = tuple_of(2), c = tuple_of(3);

    (void)state;
    assert_int_equal(tcp_table_find(table, &a), 0);
    assert_true(tcp_table_insert(table, &a, 11));
    assert_false(tcp_table_insert(table, &a, 12)); /* There already. */
    assert_true(tcp_table_insert(table, &b, 22));
    assert_false(tcp_table_insert(table, &c, 33)); /* Full. */
    assert_int_equal(tcp_table_find(table, &a), 11);
    assert_true(tcp_table_replace(table, &a, 15));
    assert_false(tcp_table_replace(table, &c, 15));
    assert_int_equal(tcp_table_find(table, &a), 15);
    assert_true(tcp_table_remove(table, &a));
    assert_false(tcp_table_remove(table, &a));
    assert_int_equal(tcp_table_find(table, &a), 0);
    assert_int_equal(tcp_table_find(table, &b), 22);
    drop(table);
}

/* Random steps beside a plain array: removal has to keep every other entry findable. */
static void agrees_with_a_model(void **state)
{
    static uint32_t model[TUPLES];
    struct tcp_table *table = make(CAPACITY);
    struct random random;
    uint32_t count = 0;

    (void)state;
    random_seed(&random, 42);
    for (unsigned step = 1; step <= STEPS; step++) {
        unsigned i = (unsigned)random_below(&random, TUPLES);
        struct tuple tuple = tuple_of(i);
        if (random_below(&random, 2) == 0) {
            bool fits = model[i] == 0 && count < CAPACITY;
            assert_int_equal(tcp_table_insert(table, &tuple, step), fits);
            if (fits) {
                model[i] = step;
                count++;
            }
        } else {
            assert_int_equal(tcp_table_remove(table, &tuple), model[i] != 0);
            count -= model[i] != 0;
            model[i] = 0;
        }
        assert_int_equal(table->count, count);
        if (step % 100 == 0) {
            for (unsigned j = 0; j < TUPLES; j++) {
                tuple = tuple_of(j);
                assert_int_equal(tcp_table_find(table, &tuple), model[j]);
            }
        }
    }
    drop(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_was_put),
        cmocka_unit_test(agrees_with_a_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
