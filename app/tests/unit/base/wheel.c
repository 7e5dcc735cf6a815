#include "base/wheel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/random.h"

enum {
    TICK_NS = 1000,
    MODEL_TIMERS = 300
};

#define RANGE_NS (UINT64_C(4294967296) * TICK_NS)

static int make_wheel(void **state)
{
    *state = malloc(sizeof(struct wheel));
    wheel_init(*state, TICK_NS, 0);
    return 0;
}

static int free_wheel(void **state)
{
    struct wheel *wheel = *state;
    bool empty = wheel->count == 0 && wheel->next_ns == UINT64_MAX;

    free(wheel);
    return empty ? 0 : -1; /* Every test ends with an empty wheel that knows it. */
}

static void never_early_and_on_time(void **state)
{
    /* Set at `now`, for `expires`: the first turn that returns it. */
    static const struct {
        uint64_t now_ns, expires_ns, first_ns;
    } rows[] = {
        {0, 1, 1000},                            /* Rounded up to a tick. */
        {0, 1000, 1000},                         /* Exactly a tick. */
        {0, 1001, 2000},                         /* Just over one. */
        {500, 700, 1000},                        /* Inside the present tick: the next one. */
        {0, 255000, 255000},                     /* Last of level 0. */
        {0, 256000, 256000},                     /* First of level 1. */
        {255000, 256000, 256000},                /* One tick, over the edge of a level. */
        {1000, 65536000, 65536000},              /* First of level 2. */
        {0, 65535999, 65536000},                 /* Rounded up over that edge. */
        {0, 16777216000, 16777216000},           /* First of level 3. */
        {16777215000, 16777217000, 16777217000}, /* Over three edges at once. */
        {0, RANGE_NS - 1000, RANGE_NS - 1000},   /* Last of the range. */
        {0, RANGE_NS, RANGE_NS},                 /* First beyond it. */
        {RANGE_NS - 1000, RANGE_NS + 1000, RANGE_NS + 1000}, /* Over the range's edge. */
        {7000, 5 * RANGE_NS + 3000, 5 * RANGE_NS + 3000},    /* Five ranges on. */
    };
    struct wheel *wheel = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct wheel_timer timer = {0};

        wheel_init(wheel, TICK_NS, rows[i].now_ns);
        wheel_set(wheel, &timer, rows[i].expires_ns);
        assert_true(wheel_is_set(&timer));
        assert_true(wheel->next_ns <= rows[i].first_ns);
        assert_null(wheel_expire(wheel, rows[i].now_ns));
        assert_null(wheel_expire(wheel, rows[i].first_ns - 1));
        assert_ptr_equal(wheel_expire(wheel, rows[i].first_ns), &timer);
        assert_false(wheel_is_set(&timer));
        assert_null(wheel_expire(wheel, rows[i].first_ns));
        assert_int_equal(wheel->count, 0);
        assert_true(wheel->next_ns == UINT64_MAX);
    }
}

/* The latest time that can be written is set without wrapping round to the past. */
static void the_end_of_time_is_far(void **state)
{
    struct wheel *wheel = *state;
    struct wheel_timer timer = {0};

    wheel_set(wheel, &timer, UINT64_MAX);
    assert_null(wheel_expire(wheel, 0));
    assert_null(wheel_expire(wheel, 300 * RANGE_NS));
    assert_true(wheel_is_set(&timer));
    wheel_cancel(wheel, &timer);
}

static void the_past_expires_at_the_next_call(void **state)
{
    struct wheel *wheel = *state;
    struct wheel_timer timer = {0}, beside = {0};

    wheel_set(wheel, &beside, 50000);
    assert_ptr_equal(wheel_expire(wheel, 50000), &beside);
    wheel_set(wheel, &timer, 3000);
    wheel_set(wheel, &beside, 50000); /* The tick that has just been processed. */
    assert_ptr_equal(wheel_expire(wheel, 50000), &timer);
    assert_ptr_equal(wheel_expire(wheel, 50000), &beside);
    assert_null(wheel_expire(wheel, 50000));
}

/* One tick, set from far away (level 2), from near and at once: still in the order of setting. */
static void one_tick_keeps_the_order_of_setting(void **state)
{
    struct wheel *wheel = *state;
    struct wheel_timer timers[4] = {0}, other = {0};

    wheel_set(wheel, &timers[0], 70000 * TICK_NS);
    wheel_set(wheel, &other, 69000 * TICK_NS);
    assert_ptr_equal(wheel_expire(wheel, 69000 * TICK_NS), &other);
    wheel_set(wheel, &timers[1], 70000 * TICK_NS - 1);
    wheel_set(wheel, &other, 69999 * TICK_NS);
    assert_ptr_equal(wheel_expire(wheel, 69999 * TICK_NS), &other);
    wheel_set(wheel, &timers[2], 70000 * TICK_NS);
    wheel_set(wheel, &timers[3], 70000 * TICK_NS - 999);
    for (unsigned i = 0; i < 4; i++)
        assert_ptr_equal(wheel_expire(wheel, 90000 * TICK_NS), &timers[i]);
    assert_null(wheel_expire(wheel, 90000 * TICK_NS));
}

static void cancelled_timers_never_come(void **state)
{
    struct wheel *wheel = *state;
    struct wheel_timer a = {0}, b = {0}, c = {0};

    wheel_cancel(wheel, &a); /* Not set: harmless. */
    wheel_set(wheel, &a, 5000);
    wheel_set(wheel, &b, 5000);
    wheel_set(wheel, &c, 5000);
    wheel_cancel(wheel, &b);
    wheel_cancel(wheel, &b);
    assert_false(wheel_is_set(&b));
    assert_ptr_equal(wheel_expire(wheel, 5000), &a);
    wheel_cancel(wheel, &c); /* Expired, not yet fetched. */
    assert_null(wheel_expire(wheel, 5000));
    wheel_set(wheel, &a, 2 * RANGE_NS);
    wheel_cancel(wheel, &a);
    assert_null(wheel_expire(wheel, 3 * RANGE_NS));
}

static void a_moved_timer_comes_once_at_its_last_time(void **state)
{
    struct wheel *wheel = *state;
    struct wheel_timer timer = {0};

    wheel_set(wheel, &timer, 5000);
    wheel_set(wheel, &timer, 900000);
    assert_int_equal(wheel->count, 1);
    assert_null(wheel_expire(wheel, 899999));
    wheel_set(wheel, &timer, 901000); /* The usual case: put off before it fires. */
    assert_null(wheel_expire(wheel, 900999));
    assert_ptr_equal(wheel_expire(wheel, 901000), &timer);
    wheel_set(wheel, &timer, 990000);
    wheel_set(wheel, &timer, 950000); /* Nearer. */
    assert_true(wheel->next_ns <= 950000);
    assert_ptr_equal(wheel_expire(wheel, 950000), &timer);
    assert_null(wheel_expire(wheel, 999000));
}

/* What a handler sets between the tick of its own timer and now comes in its place by time. */
static void timers_set_while_handling(void **state)
{
    struct wheel *wheel = *state;
    struct wheel_timer first = {0}, between = {0}, last = {0};

    wheel_set(wheel, &first, 1000);
    wheel_set(wheel, &last, 600000);
    assert_ptr_equal(wheel_expire(wheel, 700000), &first);
    wheel_set(wheel, &between, 300000);
    wheel_set(wheel, &first, 700001); /* After now. */
    assert_ptr_equal(wheel_expire(wheel, 700000), &between);
    assert_ptr_equal(wheel_expire(wheel, 700000), &last);
    assert_null(wheel_expire(wheel, 700000));
    assert_ptr_equal(wheel_expire(wheel, 701000), &first);
}

/* The naive model: an array; the next is the one with the lowest tick, then the lowest order. */
struct model {
    struct wheel wheel;                      /* Under test. */
    struct wheel_timer timers[MODEL_TIMERS]; /* Its timers. */
    uint64_t tick[MODEL_TIMERS];             /* When each must come. */
    uint64_t order[MODEL_TIMERS];            /* Order of setting; 0: not set. */
    uint64_t orders;                         /* Given so far. */
    uint64_t processed_tick; /* Tick of the last that came out, or of the last now. */
    struct random random;    /* Of the test. */
};

static void model_set(struct model *model, unsigned i, uint64_t expires_ns)
{
    uint64_t tick = (expires_ns + TICK_NS - 1) / TICK_NS;

    wheel_set(&model->wheel, &model->timers[i], expires_ns);
    model->tick[i] = tick < model->processed_tick ? model->processed_tick : tick;
    model->order[i] = ++model->orders;
}

static void model_cancel(struct model *model, unsigned i)
{
    wheel_cancel(&model->wheel, &model->timers[i]);
    model->order[i] = 0;
}

/* -1 when none is due. */
static int model_next(const struct model *model, uint64_t now_ns)
{
    int best = -1;

    for (int i = 0; i < MODEL_TIMERS; i++) {
        if (model->order[i] == 0 || model->tick[i] > now_ns / TICK_NS)
            continue;
        if (best < 0 || model->tick[i] < model->tick[best] ||
            (model->tick[i] == model->tick[best] && model->order[i] < model->order[best]))
            best = i;
    }
    return best;
}

/* Distances of all sizes, up to three ranges, with many that are near or equal. */
static uint64_t random_distance_ns(struct random *random)
{
    uint64_t bits = random_below(random, 34);

    return random_below(random, (UINT64_C(1) << bits) * TICK_NS + 1);
}

static void change_some(struct model *model, uint64_t now_ns)
{
    for (uint64_t n = random_below(&model->random, 20); n > 0; n--) {
        unsigned i = (unsigned)random_below(&model->random, MODEL_TIMERS);

        if (random_below(&model->random, 4) == 0)
            model_cancel(model, i);
        else
            model_set(model, i, now_ns + random_distance_ns(&model->random));
    }
}

static void fetch_all(struct model *model, uint64_t now_ns)
{
    struct wheel_timer *timer;

    while ((timer = wheel_expire(&model->wheel, now_ns)) != NULL) {
        int i = (int)(timer - model->timers);

        assert_int_equal(i, model_next(model, now_ns));
        model->processed_tick = model->tick[i];
        model->order[i] = 0;
        if (random_below(&model->random, 3) == 0)
            model_set(model, (unsigned)i, now_ns + 1 + random_distance_ns(&model->random));
    }
    assert_int_equal(model_next(model, now_ns), -1);
    model->processed_tick = now_ns / TICK_NS;
}

static void agrees_with_a_naive_model(void **state)
{
    struct model *model = calloc(1, sizeof(*model));
    uint64_t now_ns = RANGE_NS - 5000000;

    (void)state;
    wheel_init(&model->wheel, TICK_NS, now_ns);
    random_seed(&model->random, 20);
    model->processed_tick = now_ns / TICK_NS;
    for (unsigned turn = 0; turn < 20000; turn++) {
        unsigned set = 0;

        change_some(model, now_ns);
        for (unsigned i = 0; i < MODEL_TIMERS; i++) {
            set += model->order[i] != 0;
            assert_int_equal(wheel_is_set(&model->timers[i]), model->order[i] != 0);
            if (model->order[i] != 0)
                assert_true(model->wheel.next_ns <= model->tick[i] * TICK_NS);
        }
        assert_int_equal(model->wheel.count, set);
        now_ns += random_distance_ns(&model->random) / 16;
        fetch_all(model, now_ns);
    }
    assert_true(now_ns > 20 * RANGE_NS); /* It did wrap over the whole wheel. */
    free(model);
}

/* A tick that is a power of two is reckoned by shifts: never early, and on time. */
static void ticks_of_a_power_of_two(void **state)
{
    static const uint64_t times_ns[] = {1, 1023, 1024, 1025, 65536, 1000000007, UINT64_MAX / 3};
    struct wheel *wheel = malloc(sizeof(*wheel));

    (void)state;
    for (size_t i = 0; i < sizeof(times_ns) / sizeof(times_ns[0]); i++) {
        uint64_t first_ns = (times_ns[i] + 1023) / 1024 * 1024;
        struct wheel_timer timer = {0};
        wheel_init(wheel, 1024, 0);
        wheel_set(wheel, &timer, times_ns[i]);
        assert_null(wheel_expire(wheel, first_ns - 1));
        assert_ptr_equal(wheel_expire(wheel, first_ns), &timer);
        assert_null(wheel_expire(wheel, first_ns));
    }
    free(wheel);
}

/* As its first turn tells, not its time: both are rounded up to ticks. */
static void later_by_a_tick(void **state)
{
    static const struct {
        uint64_t set_ns, other_ns;
        bool later;
    } rows[] = {
        {5000, 5000, false}, {5001, 5000, true},  {6000, 5001, false},
        {6000, 5000, true},  {5000, 6000, false}, {4001, 4999, false},
    };
    struct wheel *wheel = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct wheel_timer timer = {0};
        wheel_set(wheel, &timer, rows[i].set_ns);
        assert_int_equal(wheel_is_later(wheel, &timer, rows[i].other_ns), rows[i].later);
        wheel_cancel(wheel, &timer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(never_early_and_on_time, make_wheel, free_wheel),
        cmocka_unit_test_setup_teardown(the_end_of_time_is_far, make_wheel, free_wheel),
        cmocka_unit_test_setup_teardown(the_past_expires_at_the_next_call, make_wheel, free_wheel),
        cmocka_unit_test_setup_teardown(one_tick_keeps_the_order_of_setting, make_wheel,
                                        free_wheel),
        cmocka_unit_test_setup_teardown(cancelled_timers_never_come, make_wheel, free_wheel),
        cmocka_unit_test_setup_teardown(a_moved_timer_comes_once_at_its_last_time, make_wheel,
                                        free_wheel),
        cmocka_unit_test_setup_teardown(later_by_a_tick, make_wheel, free_wheel),
        cmocka_unit_test_setup_teardown(timers_set_while_handling, make_wheel, free_wheel),
        cmocka_unit_test(agrees_with_a_naive_model),
        cmocka_unit_test(ticks_of_a_power_of_two),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
