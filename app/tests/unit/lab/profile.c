#include "lab/profile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void test_find(void **state)
{
    struct profile profile;
    struct error err = {0};

    (void)state;
    assert_int_equal(profile_find("kubeadm", &profile, &err), 0);
    assert_true(profile.delays[PROFILE_POD_READY].least_ns == 500000000);
    assert_true(profile.delays[PROFILE_POD_READY].most_ns == 2600000000);
    assert_int_equal(profile_find("aks-2019", &profile, &err), 0);
    assert_false(profile.terminating_endpoints);
    assert_true(profile_find("fast", &profile, &err) < 0);
    assert_non_null(strstr(err.text, "kubeadm"));
}

static void test_set(void **state)
{
    static const struct {
        const char *assignment;
        int64_t least_ns, most_ns; /* Of podReady; -1: refused. */
    } rows[] = {
        {"podReady=2s", 2000000000, 2000000000},
        {"podReady=0.5s-2.6s", 500000000, 2600000000},
        {"podReady=100ms", 100000000, 100000000},
        {"podReady=1m", 60000000000, 60000000000},
        {"podReady=0s", 0, 0},
        {"podReady=3s-2s", -1, 0},
        {"podReady=2", -1, 0},
        {"podReady=-2s", -1, 0},
        {"podReady=2h", -1, 0},
        {"podReady=2s extra", -1, 0},
        {"podReady=", -1, 0},
        {"podReady", -1, 0},
        {"podreddy=2s", -1, 0},
        {"podReady=99999999999s", -1, 0},
        {"podReady=nan", -1, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct profile profile;
        struct error err = {0};

        assert_int_equal(profile_find("ideal", &profile, NULL), 0);
        if (rows[i].least_ns < 0) {
            assert_true(profile_set(&profile, rows[i].assignment, &err) < 0);
            assert_true(strlen(err.text) > 20);
            continue;
        }
        assert_int_equal(profile_set(&profile, rows[i].assignment, &err), 0);
        assert_true(profile.delays[PROFILE_POD_READY].least_ns == rows[i].least_ns);
        assert_true(profile.delays[PROFILE_POD_READY].most_ns == rows[i].most_ns);
        assert_string_equal(profile.name, "ideal+"); /* A report must not call it ideal. */
    }
}

static void test_set_others(void **state)
{
    struct profile profile;

    (void)state;
    assert_int_equal(profile_find("kubeadm", &profile, NULL), 0);
    assert_int_equal(profile_set(&profile, "proxyBurst=5", NULL), 0);
    assert_int_equal(profile.proxy_burst, 5);
    assert_true(profile_set(&profile, "proxyBurst=0", NULL) < 0);
    assert_int_equal(profile_set(&profile, "terminatingEndpoints=false", NULL), 0);
    assert_false(profile.terminating_endpoints);
    assert_int_equal(profile_set(&profile, "goneIP=unreachable", NULL), 0);
    assert_true(profile.gone_unreachable);
    assert_true(profile_set(&profile, "goneIP=maybe", NULL) < 0);
}

/* Draws stay inside the range, reach both halves, and repeat with the seed. */
static void test_draw(void **state)
{
    struct profile profile;
    struct random one, two;
    int high = 0;

    (void)state;
    assert_int_equal(profile_find("kubeadm", &profile, NULL), 0);
    random_seed(&one, 7);
    random_seed(&two, 7);
    for (int i = 0; i < 1000; i++) {
        int64_t draw = profile_draw(&profile, PROFILE_POD_READY, &one);
        assert_true(draw == profile_draw(&profile, PROFILE_POD_READY, &two));
        assert_true(draw >= 500000000 && draw <= 2600000000);
        high += draw > 1550000000;
    }
    assert_in_range(high, 400, 600);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_set),
        cmocka_unit_test(test_set_others),
        cmocka_unit_test(test_draw),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
