/* Bytes held until they are acknowledged: what is read is what was written, for any pieces, and at
 * the end the pool has all its pieces again. */
#include "traffic/hold.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/random.h"

enum {
    PIECES = 8,
    STEPS = 20000,
    BYTES_MAX = 5000
};

static struct pool pieces;
static void *memory;

static uint8_t byte_at(uint64_t offset)
{
    return (uint8_t)(offset * 31 + offset / 251);
}

static int set_up(void **state)
{
    (void)state;
    memory = aligned_alloc(64, pool_bytes(PIECES, sizeof(struct hold_piece)));
    pool_init(&pieces, memory, PIECES, sizeof(struct hold_piece));
    return memory != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    free(memory);
    return 0;
}

static void what_is_read_is_what_was_written(void **state)
{
    struct hold hold;
    struct random random;
    uint64_t acked = 0;
    uint8_t bytes[BYTES_MAX];
    (void)state;
    random_seed(&random, 7);
    hold_init(&hold);
    for (unsigned step = 0; step < STEPS; step++) {
        uint32_t count = (uint32_t)random_below(&random, BYTES_MAX);
        for (uint32_t i = 0; i < count; i++)
            bytes[i] = byte_at(hold.end + i);
        uint64_t end = hold.end;
        bool added = hold_add(&hold, &pieces, bytes, count);
        assert_int_equal(hold.end, added ? end + count : end);
        if (!added) /* There was no room: only when it was much. */
            assert_true(hold.end - acked + count > (PIECES - 2) * HOLD_PIECE_BYTES);
        uint64_t from = acked + random_below(&random, hold.end - acked + 1);
        uint32_t run = (uint32_t)random_below(&random, BYTES_MAX);
        run = run > hold.end - from ? (uint32_t)(hold.end - from) : run;
        hold_read(&hold, &pieces, from, bytes, run);
        for (uint32_t i = 0; i < run; i++)
            assert_int_equal(bytes[i], byte_at(from + i));
        if (!added || random_below(&random, 3) == 0) {
            acked += random_below(&random, hold.end - acked + 1);
            hold_release(&hold, &pieces, acked);
        }
    }
    hold_release(&hold, &pieces, hold.end);
    assert_int_equal(pieces.taken, 0);
}

static void what_does_not_fit_is_refused_whole(void **state)
{
    static const uint8_t bytes[PIECES * HOLD_PIECE_BYTES + 1];
    struct hold hold, other;
    (void)state;
    hold_init(&hold);
    hold_init(&other);
    assert_false(hold_add(&hold, &pieces, bytes, sizeof(bytes)));
    assert_int_equal(pieces.taken, 0);
    assert_true(hold_add(&hold, &pieces, bytes, sizeof(bytes) - 1));
    assert_false(hold_add(&hold, &pieces, bytes, 1));
    assert_false(hold_add(&other, &pieces, bytes, 1));
    hold_release(&hold, &pieces, HOLD_PIECE_BYTES - 1);
    assert_false(hold_add(&other, &pieces, bytes, 1));
    hold_release(&hold, &pieces, HOLD_PIECE_BYTES);
    assert_true(hold_add(&other, &pieces, bytes, 1));
    hold_clear(&hold, &pieces);
    hold_clear(&other, &pieces);
    assert_int_equal(pieces.taken, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_read_is_what_was_written),
        cmocka_unit_test(what_does_not_fit_is_refused_whole),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
