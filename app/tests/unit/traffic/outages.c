/* Outages under way, found by their flow. */
#include "traffic/outages.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void *start(struct outages *outages, uint32_t capacity)
{
    void *memory = aligned_alloc(64, outages_bytes(capacity));
    assert_non_null(memory);
    outages_init(outages, memory, capacity);
    return memory;
}

/* Of flows that share a chain: each is found, whichever goes first. */
static void chains(void **state)
{
    static const uint32_t orders[][3] = {{0, 1, 2}, {2, 1, 0}, {1, 0, 2}, {1, 2, 0}};
    static const uint32_t flows[] = {5, 5 + 8, 5 + 16};
    (void)state;
    for (unsigned order = 0; order < 4; order++) {
        struct outages outages;
        void *memory = start(&outages, 8);
        for (unsigned i = 0; i < 3; i++) {
            const struct record_outage record = {.lost = i};
            assert_null(outages_find(&outages, flows[i]));
            assert_non_null(outages_begin(&outages, flows[i], &record));
        }
        for (unsigned gone = 0; gone < 3; gone++) {
            for (unsigned i = gone; i < 3; i++) {
                const struct outage *found = outages_find(&outages, flows[orders[order][i]]);
                assert_non_null(found);
                assert_int_equal(found->record.lost, orders[order][i]);
            }
            outages_end(&outages, flows[orders[order][gone]]);
            assert_null(outages_find(&outages, flows[orders[order][gone]]));
        }
        assert_int_equal(outages.pool.taken, 0);
        free(memory);
    }
}

static void full(void **state)
{
    struct outages outages;
    const struct record_outage record = {.lost = 1};
    (void)state;
    void *memory = start(&outages, 1);
    assert_non_null(outages_begin(&outages, 7, &record));
    assert_null(outages_begin(&outages, 8, &record));
    assert_null(outages_find(&outages, 8));
    outages_end(&outages, 7);
    assert_non_null(outages_begin(&outages, 8, &record));
    free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chains),
        cmocka_unit_test(full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
