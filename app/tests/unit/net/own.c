#include "net/own.h"

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

static struct prefix prefix(const char *text)
{
    struct prefix parsed;
    assert_int_equal(prefix_parse(text, &parsed, NULL), 0);
    return parsed;
}

static void test_pools_and_single_addresses(void **state)
{
    (void)state;
    static const struct {
        const char *address;
        bool ours;
    } rows[] = {
        {"10.1.0.0", true},  {"10.1.3.255", true}, {"10.1.4.0", false},     {"10.9.9.9", true},
        {"10.9.9.8", false}, {"fd00:1::1", true},  {"fd00:1:0:1::", false}, {"fe80::1", false},
    };
    struct own own = {0};
    const struct prefix v4 = prefix("10.1.0.0/22");
    const struct prefix v6 = prefix("fd00:1::/64");
    const struct address single = address("10.9.9.9");
    assert_true(own_add(&own, &v4));
    assert_true(own_add(&own, &v6));
    assert_true(own_add_address(&own, &single));
    assert_true(own_add_address(&own, &single)); /* Known already: takes no place. */
    assert_int_equal(own.count, 3);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct address asked = address(rows[i].address);
        assert_int_equal(own_contains(&own, &asked), rows[i].ours);
        if (address_is_v4(&asked))
            assert_int_equal(own_contains_v4(&own, address_v4_word(&asked)), rows[i].ours);
    }
    while (own.count < OWN_MAX)
        assert_true(own_add(&own, &v4));
    assert_false(own_add(&own, &v4));
}

static void test_link_local_is_made_of_the_mac(void **state)
{
    (void)state;
    /* The example of RFC 2464, 4: 34-56-78-9A-BC-DE. */
    static const uint8_t mac[6] = {0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde};
    const struct address made = own_link_local(mac);
    const struct address expected = address("fe80::3656:78ff:fe9a:bcde");
    assert_true(address_equal(&made, &expected));
}

static void test_first_host(void **state)
{
    (void)state;
    static const struct {
        const char *prefix;
        const char *first;
    } rows[] = {
        {"10.1.0.0/24", "10.1.0.1"},  {"10.1.0.4/31", "10.1.0.4"}, {"10.1.0.7", "10.1.0.7"},
        {"fd00:1::/64", "fd00:1::1"}, {"fd00:1::7", "fd00:1::7"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct prefix pool = prefix(rows[i].prefix);
        const struct address first = own_first_host(&pool);
        const struct address expected = address(rows[i].first);
        assert_true(address_equal(&first, &expected));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pools_and_single_addresses),
        cmocka_unit_test(test_link_local_is_made_of_the_mac),
        cmocka_unit_test(test_first_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
