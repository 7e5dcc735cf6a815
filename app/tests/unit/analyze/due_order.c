/* due_order: whatever stretches are asked for, each microsecond has its requests and what became of
 * them, and no stretch of several holds one that went wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analyze/due_order.h"
#include "base/random.h"

enum {
    SPAN_US = 3000,
    FOLDS = 40
};

/* What there is in truth. */
struct model {
    uint64_t due[SPAN_US], wrong[SPAN_US][OUTCOME_COUNT];
};

static struct record_fold any_fold(struct random *random)
{
    return (struct record_fold){.first_ns = random_below(random, SPAN_US / 2 * 1000),
                                .step_ns = random_below(random, 100000),
                                .count = 1 + (uint32_t)random_below(random, 10),
                                .stream = (uint8_t)random_below(random, 2),
                                .outcome = 1 + (uint8_t)random_below(random, 5)};
}

static int by_first(const void *a, const void *b)
{
    const struct record_fold *x = a, *y = b;
    return (x->first_ns > y->first_ns) - (x->first_ns < y->first_ns);
}

static void make(struct logs *logs, struct model *model, struct random *random)
{
    logs->folds = calloc(FOLDS, sizeof(*logs->folds));
    assert_non_null(logs->folds);
    logs->fold_count = FOLDS;
    for (unsigned i = 0; i < FOLDS; i++)
        logs->folds[i] = any_fold(random);
    qsort(logs->folds, FOLDS, sizeof(*logs->folds), by_first);
    for (unsigned i = 0; i < FOLDS; i++) {
        const struct record_fold *fold = &logs->folds[i];
        for (uint32_t k = 0; k < fold->count && fold->stream == 0; k++) {
            uint64_t us = (fold->first_ns + k * fold->step_ns) / 1000;
            model->due[us]++;
            model->wrong[us][fold->outcome]++;
            assert_int_equal(due_bins_add(&logs->bins[0], us, 1), 0);
        }
    }
    for (unsigned i = 0; i < SPAN_US / 2; i++) {
        uint64_t us = random_below(random, SPAN_US);
        model->due[us]++;
        assert_int_equal(due_bins_add(&logs->bins[0], us, 1), 0);
    }
    due_bins_sort(&logs->bins[0]);
}

static void check(const struct model *model, uint64_t from_us, uint64_t to_us,
                  const struct due_group *group)
{
    struct due_group wanted = {0};
    for (uint64_t us = from_us; us < to_us && us < SPAN_US; us++) {
        uint64_t wrong = 0;
        for (unsigned i = 1; i < OUTCOME_COUNT; i++) {
            wanted.outcomes[i] += model->wrong[us][i];
            wrong += model->wrong[us][i];
        }
        assert_true(wrong == 0 || to_us == from_us + 1);
        wanted.count += model->due[us];
        wanted.outcomes[OUTCOME_OK] += model->due[us] - wrong;
    }
    assert_int_equal(group->count, wanted.count);
    assert_memory_equal(group->outcomes, wanted.outcomes, sizeof(wanted.outcomes));
}

static void any_stretches(void **state)
{
    (void)state;
    for (unsigned seed = 0; seed < 50; seed++) {
        struct logs logs = {0};
        struct model *model = calloc(1, sizeof(*model));
        struct due_order order;
        struct due_group group;
        struct random random;
        uint64_t due_ns, us, next_us;
        random_seed(&random, seed);
        assert_non_null(model);
        make(&logs, model, &random);
        us = seed % 2 ? random_below(&random, SPAN_US) : 0;
        assert_int_equal(due_order_start(&order, &logs, 0, us * 1000), 0);
        while (due_order_peek(&order, &due_ns)) {
            for (; us < due_ns / 1000; us++)
                assert_int_equal(model->due[us], 0);
            uint64_t until_us = us + random_below(&random, 40);
            due_order_take(&order, until_us * 1000, &group);
            assert_int_equal(group.due_ns, due_ns);
            if (!due_order_peek(&order, &due_ns))
                due_ns = SPAN_US * 1000;
            /* It ends by what was asked for, or before the next one. */
            next_us = due_ns / 1000 < until_us ? due_ns / 1000 : until_us;
            next_us = next_us > us ? next_us : us + 1;
            check(model, us, group.outcomes[OUTCOME_OK] < group.count ? us + 1 : next_us, &group);
            us = group.outcomes[OUTCOME_OK] < group.count ? us + 1 : next_us;
        }
        for (; us < SPAN_US; us++)
            assert_int_equal(model->due[us], 0);
        due_order_free(&order);
        logs_free(&logs);
        free(model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(any_stretches)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
