/* What people write becomes the law that they mean, in small whole numbers. */
#include "run/law_of.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define S UINT64_C(1000000000)

struct law_row {
    const char *text;
    uint64_t period_ns;
    uint32_t pieces;
    struct law_piece first, last;
};

static void texts_become_laws(void **state)
{
    static const struct law_row rows[] = {
        {"400/s", 2500000, 1, {LAW_FOR_EVER, 1, 1}, {LAW_FOR_EVER, 1, 1}},
        {"1/h", 3600 * S, 1, {LAW_FOR_EVER, 1, 1}, {LAW_FOR_EVER, 1, 1}},
        {"7/m", 60 * S, 1, {LAW_FOR_EVER, 7, 7}, {LAW_FOR_EVER, 7, 7}},
        {"5003/s", S, 1, {LAW_FOR_EVER, 5003, 5003}, {LAW_FOR_EVER, 5003, 5003}},
        {"0.5/s", 2 * S, 1, {LAW_FOR_EVER, 1, 1}, {LAW_FOR_EVER, 1, 1}},
        {"1000M/s", 1, 1, {LAW_FOR_EVER, 1, 1}, {LAW_FOR_EVER, 1, 1}},
        {"8192kbit/s", 1000000, 1, {LAW_FOR_EVER, 1, 1}, {LAW_FOR_EVER, 1, 1}},
        {"ramp:0/s..1k/s:10s", 1000000, 2, {10 * S, 0, 1}, {LAW_FOR_EVER, 1, 1}},
        {"steps:1k/s*10s,3k/s*1s", 1000000, 2, {10 * S, 1, 1}, {LAW_FOR_EVER, 3, 3}},
        {"repeat:1k/s*10s,3k/s*1s", 1000000, 2, {10 * S, 1, 1}, {S, 3, 3}},
        {"burst:100:1s", 10000000, 1, {LAW_FOR_EVER, 1, 1}, {LAW_FOR_EVER, 1, 1}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct pace pace;
        struct error err = {0};
        if (pace_parse(rows[i].text, &pace, &err) < 0)
            fail_msg("%s", err.text);
        pace.request_bits = 8 * 1024;
        pace.request_count = 1;
        struct law law = law_of(&pace);
        const struct law_piece *last = &law.pieces[law.count - 1];
        assert_int_equal(law_check(&law, &err), 0);
        assert_int_equal(law.period_ns, rows[i].period_ns);
        assert_int_equal(law.count, rows[i].pieces);
        assert_int_equal(law.pieces[0].duration_ns, rows[i].first.duration_ns);
        assert_int_equal(law.pieces[0].from, rows[i].first.from);
        assert_int_equal(law.pieces[0].to, rows[i].first.to);
        assert_int_equal(last->duration_ns, rows[i].last.duration_ns);
        assert_int_equal(last->from, rows[i].last.from);
        assert_int_equal(last->to, rows[i].last.to);
    }
}

/* Arrivals, bursts, and sines of any length that the plan lets through. */
static void the_rest_comes_along(void **state)
{
    static const char *const sines[] = {"sine:1k/s+-500/s:60s", "sine:1001.7/s+-999.3/s:100h",
                                        "sine:1M/s+-1M/s:1ms", "sine:10/s+-0/s:1s"};
    struct pace pace;
    struct error err = {0};
    (void)state;
    assert_int_equal(pace_parse("poisson:5k/s", &pace, &err), 0);
    assert_int_equal(law_of(&pace).arrivals, LAW_POISSON);
    assert_int_equal(pace_parse("max", &pace, &err), 0);
    assert_int_equal(law_of(&pace).arrivals, LAW_MAXIMUM);
    assert_int_equal(pace_parse("burst:100:1s", &pace, &err), 0);
    assert_int_equal(law_of(&pace).arrivals, LAW_BURST);
    assert_int_equal(law_of(&pace).burst, 100);
    for (size_t i = 0; i < sizeof(sines) / sizeof(sines[0]); i++) {
        assert_int_equal(pace_parse(sines[i], &pace, &err), 0);
        struct law law = law_of(&pace);
        if (law_check(&law, &err) < 0)
            fail_msg("%s: %s", sines[i], err.text);
        assert_true(law.repeats);
    }
}

struct bits_row {
    const char *text;
    uint32_t bits, count; /* So many bits are carried by so many frames. */
    struct law_piece first;
    uint64_t period_ns;
};

/* To the frame, however long the run: a rate of bits is a ratio of whole numbers. */
static void bits_are_exact(void **state)
{
    static const struct bits_row rows[] = {
        /* 64-byte frames: 10^9 / 512 and, with 20 bytes more of the line each, 10^9 / 672. */
        {"1Gbit/s", 512, 1, {LAW_FOR_EVER, 1, 1}, 512},
        {"10Gbit/s L1", 672, 1, {LAW_FOR_EVER, 5, 5}, 336},
        /* IMIX: 7 of 64, 4 of 594, 1 of 1518 bytes. */
        {"1Gbit/s", 8 * (7 * 64 + 4 * 594 + 1518), 12, {LAW_FOR_EVER, 3, 3}, 8684},
        {"999.999Mbit/s", 12144, 1, {LAW_FOR_EVER, 30303, 30303}, 368000000},
        {"ramp:0bit/s..1Gbit/s:10s", 512, 1, {10 * S, 0, 1}, 512},
        {"steps:1Gbit/s*1s,512bit/s*1s", 512, 1, {S, 1953125, 1953125}, S},
    };
    struct error err = {0};
    struct pace pace;
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(pace_parse(rows[i].text, &pace, &err), 0);
        pace.request_bits = rows[i].bits;
        pace.request_count = rows[i].count;
        struct law law = law_of(&pace);
        assert_int_equal(law_check(&law, &err), 0);
        assert_int_equal(law.pieces[0].duration_ns, rows[i].first.duration_ns);
        assert_int_equal(law.pieces[0].from, rows[i].first.from);
        assert_int_equal(law.pieces[0].to, rows[i].first.to);
        assert_int_equal(law.period_ns, rows[i].period_ns);
    }
    /* Too many digits: rounded, and near. */
    assert_int_equal(pace_parse("sine:1.234567891Gbit/s+-1Mbit/s:7s", &pace, &err), 0);
    pace.request_bits = 12121;
    pace.request_count = 1;
    struct law law = law_of(&pace);
    assert_int_equal(law_check(&law, &err), 0);
    double mean = (double)law.pieces[0].from / (double)law.period_ns * 1e9;
    assert_true(mean > 101853.6 && mean < 101853.7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_become_laws),
        cmocka_unit_test(the_rest_comes_along),
        cmocka_unit_test(bits_are_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
