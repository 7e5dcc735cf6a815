#include "net/pmtu.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct address address(const char *text)
{
    struct address parsed;
    assert_int_equal(address_parse(text, &parsed, NULL), 0);
    return parsed;
}

#define SECOND_NS UINT64_C(1000000000)

/* A transcript: an error says `told` (unless it is `none`), and then the path has `mtu`. */
static void test_transcript(void **state)
{
    (void)state;
    enum {
        none = -1
    };
    static const struct {
        uint64_t time_s;
        const char *remote;
        int told;
        uint16_t news;
        uint16_t mtu;
    } rows[] = {
        {0, "10.9.0.1", none, 0, 1500},    {1, "10.9.0.1", 1400, 1400, 1400},
        {1, "10.9.0.2", none, 0, 1500}, /* Another path. */
        {2, "10.9.0.1", 1450, 0, 1400}, /* Larger: not believed while the entry lives. */
        {3, "10.9.0.1", 1300, 1300, 1300}, {4, "10.9.0.1", 68, 552, 552}, /* Not below the floor. */
        {604, "10.9.0.1", none, 0, 1500},                                 /* Ten minutes later. */
        {605, "10.9.0.1", 0, 576, 576},   /* An old router does not tell. */
        {606, "10.9.0.3", 1500, 0, 1500}, /* No news. */
        {606, "10.9.0.3", 9000, 0, 1500},  {607, "fd00::9", 1300, 1300, 1300},
        {608, "fd00::9", 600, 1280, 1280}, /* IPv6's minimum. */
    };
    struct pmtu pmtu = {0};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct address remote = address(rows[i].remote);
        const uint64_t now_ns = rows[i].time_s * SECOND_NS;
        if (rows[i].told != none)
            assert_int_equal(pmtu_tell(&pmtu, &remote, (uint32_t)rows[i].told, 1500, now_ns),
                             rows[i].news);
        assert_int_equal(pmtu_bytes(&pmtu, &remote, 1500, now_ns), rows[i].mtu);
    }
}

static void test_a_full_table_forgets_the_oldest(void **state)
{
    (void)state;
    struct pmtu pmtu = {0};
    const struct address first = address("10.9.0.0");
    for (unsigned i = 0; i <= PMTU_ENTRIES; i++) {
        const struct address remote = address_plus(first, i);
        assert_int_equal(pmtu_tell(&pmtu, &remote, 1400, 1500, i), 1400);
    }
    for (unsigned i = 0; i <= PMTU_ENTRIES; i++) {
        const struct address remote = address_plus(first, i);
        assert_int_equal(pmtu_bytes(&pmtu, &remote, 1500, 100), i == 0 ? 1500 : 1400);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_transcript),
        cmocka_unit_test(test_a_full_table_forgets_the_oldest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
