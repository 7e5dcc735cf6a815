/* Rates as people write them: the short text, and what is wrong with it, by column. */
#include "plan/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct good_row {
    const char *text;
    enum pace_law law;
    enum pace_arrivals arrivals;
    double peak, mean; /* Requests a second. */
};

static void good(void **state)
{
    static const struct good_row rows[] = {
        {"5000", PACE_CONSTANT, PACE_EVEN, 5000, 5000},
        {"5000/s", PACE_CONSTANT, PACE_EVEN, 5000, 5000},
        {"100k", PACE_CONSTANT, PACE_EVEN, 100000, 100000},
        {"1.5k/s", PACE_CONSTANT, PACE_EVEN, 1500, 1500},
        {"30/m", PACE_CONSTANT, PACE_EVEN, 0.5, 0.5},
        {"8Mbit/s", PACE_CONSTANT, PACE_EVEN, 1000, 1000},
        {"8M bit/s L1", PACE_CONSTANT, PACE_EVEN, 1000, 1000},
        {"10kpps", PACE_CONSTANT, PACE_EVEN, 10000, 10000},
        {"60 packets/m", PACE_CONSTANT, PACE_EVEN, 1, 1},
        {"500 connections/s", PACE_CONSTANT, PACE_EVEN, 500, 500},
        {"ramp:1kpps..3kpps:1s", PACE_RAMP, PACE_EVEN, 3000, 2000},
        {"max", PACE_MAXIMUM, PACE_EVEN, 0, 0},
        {"poisson:5k/s", PACE_CONSTANT, PACE_POISSON, 5000, 5000},
        {"ramp:100/s..10k/s:60s", PACE_RAMP, PACE_EVEN, 10000, 5050},
        {"ramp:10k..0:1m", PACE_RAMP, PACE_EVEN, 10000, 5000},
        {"poisson:ramp:0..100:1m", PACE_RAMP, PACE_POISSON, 100, 50},
        {"steps:1k/s*10s,3k/s*30s", PACE_STEPS, PACE_EVEN, 3000, 2500},
        {"repeat:0*1s,4k*1s", PACE_STEPS, PACE_EVEN, 4000, 2000},
        {"sine:1k/s+-500/s:60s", PACE_SINE, PACE_EVEN, 1500, 1000},
        {"burst:100:500ms", PACE_BURST, PACE_EVEN, 200, 200},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct pace pace;
        struct error err = {0};
        if (pace_parse(rows[i].text, &pace, &err) < 0)
            fail_msg("%s", err.text);
        pace.request_bits = 24000;
        pace.request_count = 3;
        assert_int_equal(pace.law, rows[i].law);
        assert_int_equal(pace.arrivals, rows[i].arrivals);
        assert_true(pace_peak(&pace) == rows[i].peak);
        assert_true(pace_mean(&pace) == rows[i].mean);
    }
}

struct bad_row {
    const char *text, *part;
};

static void bad(void **state)
{
    static const struct bad_row rows[] = {
        {"", "column 1: want a rate"},
        {"fast", "column 1: want a rate"},
        {"5000/x", "column 1: want a rate"},
        {"5000/s!", "column 7: want the end"},
        {"0/s", "want one from 1/h"},
        {"2000M/s", "to 1000M/s"},
        {"99999999999999999999999999999999999999999999999/s", "fewer digits"},
        {"ramp:1/s", "column 9: want \"..\""},
        {"ramp:1/s..", "column 11: want a rate"},
        {"ramp:1/s..2/s", "column 14: want \":\", as in ramp:100/s..10k/s:60s"},
        {"ramp:1/s..2/s:", "column 15: want a duration"},
        {"ramp:1/s..2/s:13h", "12h"},
        {"ramp:0/s..0/s:1s", "above 0"},
        {"ramp:1kbit/s..2/s:1s", "one unit"},
        {"ramp:1kbit/s..2kbit/s L1:1s", "one unit"},
        {"1kpps/s", "column 3: want the end"},
        {"1kbit", "column 3: want the end"},
        {"5 cars/s", "column 2: want the end, or a unit: /s, "},
        {"400/s L1", "column 6: want the end"},
        {"maximal", "column 4: want the end"},
        {"poisson:max", "column 9: want a rate"},
        {"steps:", "column 7: want a rate"},
        {"steps:1/s*1s,", "column 14: want a rate"},
        {"steps:0*1s", "above 0"},
        {"repeat:1/s*1ms", "a request each time"},
        {"sine:1/s+-2/s:1s", "no less than the amplitude"},
        {"sine:1/s:1s", "column 9: want \"+-\""},
        {"sine:9/s+-2/s:99ns", "period"},
        {"burst:0:1s", "count"},
        {"burst:x:1s", "column 7: want a number"},
        {"burst:1048577:1h", "1048576"},
        {"burst:1048576:1us", "1000M/s"},
        {"poisson:burst:5:1s", "column 9: want a rate"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct pace pace = {.count = 7};
        struct error err = {0};
        assert_int_not_equal(pace_parse(rows[i].text, &pace, &err), 0);
        assert_int_equal(pace.count, 7);
        if (strstr(err.text, rows[i].part) == NULL)
            fail_msg("%s: \"%s\"", rows[i].text, err.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good),
        cmocka_unit_test(bad),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
