/* Frames given to another worker come out there, in order, once; a full lane refuses. */
#include "net/handover.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

/* Nothing here looks into a buffer: any pointers do. */
static struct rte_mbuf *frame(uintptr_t number)
{
    return (struct rte_mbuf *)(number << 6);
}

static struct handover *make(uint16_t workers)
{
    void *memory = aligned_alloc(64, handover_bytes(workers));
    assert_non_null(memory);
    return handover_init(memory, workers);
}

static void every_pair_has_its_lane(void **state)
{
    enum {
        WORKERS = 5
    };
    struct handover *handover = make(WORKERS);
    struct rte_mbuf *out[2 * WORKERS];
    uint64_t since_ns = 0;
    (void)state;
    for (uint16_t from = 0; from < WORKERS; from++)
        for (uint16_t to = 0; to < WORKERS; to++)
            if (from != to)
                assert_true(handover_put(handover, from, to, frame(100u * from + to + 1), 7));
    for (uint16_t to = 0; to < WORKERS; to++) {
        uint16_t first = 0;
        uintptr_t sum = 0;
        assert_int_equal(handover_take(handover, to, &first, out, 2 * WORKERS, &since_ns),
                         WORKERS - 1);
        for (unsigned i = 0; i < WORKERS - 1; i++)
            sum += (uintptr_t)out[i] >> 6;
        /* All but the worker's own: 0 to 4 hundreds less its own, and four times its number. */
        assert_int_equal(sum, 1000 - 100 * to + 4 * (to + 1));
        assert_int_equal(handover_take(handover, to, &first, out, 2 * WORKERS, &since_ns), 0);
    }
    free(handover);
}

static void a_full_lane_refuses(void **state)
{
    struct handover *handover = make(2);
    struct rte_mbuf *out[32];
    uint16_t first = 0;
    uint64_t since_ns = 0;
    (void)state;
    for (uintptr_t i = 0; i < HANDOVER_LANE_FRAMES; i++)
        assert_true(handover_put(handover, 0, 1, frame(i), 7));
    assert_false(handover_put(handover, 0, 1, frame(9999), 7));
    assert_true(handover_put(handover, 1, 0, frame(1), 7)); /* The other way is another lane. */
    assert_int_equal(handover_take(handover, 1, &first, out, 32, &since_ns), 32);
    for (uintptr_t i = 0; i < 32; i++)
        assert_ptr_equal(out[i], frame(i));
    assert_true(handover_put(handover, 0, 1, frame(9999), 7));
    free(handover);
}

/* One worker that gives without end does not keep another's frames waiting. */
static void lanes_take_turns(void **state)
{
    struct handover *handover = make(3);
    struct rte_mbuf *out[8];
    uint64_t since_ns = 0;
    uint16_t first = 0;
    bool came = false;
    (void)state;
    for (uintptr_t i = 0; i < HANDOVER_LANE_FRAMES; i++)
        assert_true(handover_put(handover, 0, 2, frame(1), 7));
    assert_true(handover_put(handover, 1, 2, frame(2), 7));
    for (unsigned turn = 0; turn < 2; turn++) {
        const uint16_t count = handover_take(handover, 2, &first, out, 8, &since_ns);
        for (uint16_t i = 0; i < count; i++)
            came = came || out[i] == frame(2);
    }
    assert_true(came);
    free(handover);
}

/* What is taken together is as uncertain as its oldest part; an own, older time stays. */
static void the_oldest_time_counts(void **state)
{
    struct handover *handover = make(3);
    struct rte_mbuf *out[8];
    uint16_t first = 0;
    uint64_t since_ns = 100;
    (void)state;
    assert_int_equal(handover_take(handover, 2, &first, out, 8, &since_ns), 0);
    assert_int_equal(since_ns, 100);
    assert_true(handover_put(handover, 0, 2, frame(1), 90));
    assert_true(handover_put(handover, 1, 2, frame(2), 80));
    assert_true(handover_put(handover, 0, 2, frame(3), 120));
    assert_int_equal(handover_take(handover, 2, &first, out, 8, &since_ns), 3);
    assert_int_equal(since_ns, 80);
    assert_true(handover_put(handover, 0, 2, frame(3), 120));
    assert_int_equal(handover_take(handover, 2, &first, out, 8, &since_ns), 1);
    assert_int_equal(since_ns, 80);
    free(handover);
}

static void all_must_have_finished(void **state)
{
    struct handover *handover = make(3);
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        assert_false(handover_all_finished(handover));
        handover_finish(handover);
    }
    assert_true(handover_all_finished(handover));
    free(handover);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pair_has_its_lane), cmocka_unit_test(a_full_lane_refuses),
        cmocka_unit_test(lanes_take_turns),        cmocka_unit_test(the_oldest_time_counts),
        cmocka_unit_test(all_must_have_finished),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
