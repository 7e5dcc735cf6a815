#include "base/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>

static struct address parsed(const char *text)
{
    struct address address;
    struct error err = {0};

    assert_int_equal(address_parse(text, &address, &err), 0);
    return address;
}

static void addresses_print_as_they_are_written(void **state)
{
    static const struct {
        const char *text, *printed;
    } rows[] = {
        {"10.0.0.1", "10.0.0.1"},
        {"255.255.255.255", "255.255.255.255"},
        {"2001:db8::1", "2001:db8::1"},
        {"2001:0DB8:0:0:0:0:0:1", "2001:db8::1"}, /* RFC 5952. */
        {"::", "::"},
        {"::ffff:192.0.2.7", "192.0.2.7"}, /* The same address, by definition. */
        {"fe80:1:2:3:4:5:6:7", "fe80:1:2:3:4:5:6:7"},
    };
    char out[ADDRESS_TEXT_BYTES];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct address address = parsed(rows[i].text);

        assert_string_equal(address_text(&address, out), rows[i].printed);
    }
}

static void families(void **state)
{
    struct address v4 = parsed("10.1.2.3"), v6 = parsed("::10.1.2.3");
    uint8_t bytes[4] = {10, 1, 2, 3};
    struct address again = address_from_v4(bytes), whole = address_from_v6(v4.bytes);

    (void)state;
    assert_true(address_is_v4(&v4));
    assert_false(address_is_v4(&v6));
    assert_false(address_equal(&v4, &v6));
    assert_true(address_equal(&v4, &again));
    assert_true(address_equal(&v4, &whole));
}

static void bad_addresses_are_refused(void **state)
{
    static const char *const rows[] = {"",          "10.0.0",     "10.0.0.256", "10.0.0.1 ",
                                       "1.2.3.4.5", "fe80::1%0",  "2001:db8:g", "host",
                                       ":::",       "10.0.0.1/24"};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct address address = {.bytes = {77}};
        struct error err = {0};

        assert_int_equal(address_parse(rows[i], &address, &err), -EINVAL);
        assert_int_equal(err.status, EXIT_USAGE);
        assert_non_null(strstr(err.text, rows[i]));
        assert_int_equal(address.bytes[0], 77); /* Untouched. */
    }
}

static void plus_carries_in_its_own_bytes(void **state)
{
    static const struct {
        const char *text;
        uint64_t n;
        const char *expected;
    } rows[] = {
        {"10.0.0.1", 0, "10.0.0.1"},
        {"10.0.0.250", 10, "10.0.1.4"},
        {"10.0.255.255", 1, "10.1.0.0"},
        {"255.255.255.255", 1, "0.0.0.0"}, /* Stays IPv4. */
        {"2001:db8::ffff", 1, "2001:db8::1:0"},
        {"2001:db8::", UINT64_C(0x100000000), "2001:db8::1:0:0"},
        {"2001:db8::ffff:ffff:ffff:ffff", 1, "2001:db8::"},
    };
    char out[ADDRESS_TEXT_BYTES];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct address address = address_plus(parsed(rows[i].text), rows[i].n);

        assert_string_equal(address_text(&address, out), rows[i].expected);
    }
}

static void prefixes(void **state)
{
    static const struct {
        const char *text, *printed, *inside, *outside;
        uint64_t size;
    } rows[] = {
        {"10.0.0.0/24", "10.0.0.0/24", "10.0.0.255", "10.0.1.0", 256},
        {"10.9.0.1", "10.9.0.1/32", "10.9.0.1", "10.9.0.0", 1},
        {"10.0.0.128/25", "10.0.0.128/25", "10.0.0.200", "10.0.0.127", 128},
        {"10.0.0.6/31", "10.0.0.6/31", "10.0.0.7", "10.0.0.5", 2},
        {"0.0.0.0/0", "0.0.0.0/0", "203.0.113.9", "2001:db8::1", UINT64_C(1) << 32},
        {"2001:db8::/32", "2001:db8::/32", "2001:db8:ffff::1", "2001:db9::", UINT64_MAX},
        {"2001:db8::/65", "2001:db8::/65", "2001:db8::7fff:0:0:1", "2001:db8::8000:0:0:0",
         UINT64_C(1) << 63},
        {"2001:db8::/64", "2001:db8::/64", "2001:db8::1", "2001:db8:0:1::1", UINT64_MAX},
        {"::1", "::1/128", "::1", "::2", 1},
    };
    char out[PREFIX_TEXT_BYTES];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct address inside = parsed(rows[i].inside), outside = parsed(rows[i].outside);
        struct prefix prefix;

        assert_int_equal(prefix_parse(rows[i].text, &prefix, NULL), 0);
        assert_string_equal(prefix_text(&prefix, out), rows[i].printed);
        assert_true(prefix_contains(&prefix, &inside));
        assert_false(prefix_contains(&prefix, &outside));
        assert_true(prefix_size(&prefix) == rows[i].size);
    }
}

static void bad_prefixes_say_what_is_right(void **state)
{
    static const struct {
        const char *text, *hint;
    } rows[] = {
        {"10.0.0.5/24", "10.0.0.0/24"},
        {"2001:db8::1/64", "2001:db8::/64"},
        {"10.0.0.0/33", "0 to 32"},
        {"2001:db8::/129", "0 to 128"},
        {"10.0.0.0/", "0 to 32"},
        {"10.0.0.0/-1", "0 to 32"},
        {"10.0.0.0/ 8", "0 to 32"},
        {"10.0.0.0/8x", "0 to 32"},
        {"10.0.0.0/99999999999999999999", "0 to 32"},
        {"/24", "no IP address"},
        {"", "no IP address"},
        {"10.0.0/24", "no IP address"},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
         "no prefix"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct prefix prefix = {.length_bits = 77};
        struct error err = {0};

        assert_int_equal(prefix_parse(rows[i].text, &prefix, &err), -EINVAL);
        assert_non_null(strstr(err.text, rows[i].hint));
        assert_int_equal(prefix.length_bits, 77);
    }
}

static void tuples(void **state)
{
    struct tuple a = {.local = parsed("10.0.0.1"),
                      .remote = parsed("10.9.0.1"),
                      .local_port = 40000,
                      .remote_port = 5003,
                      .protocol = IPPROTO_TCP};
    struct tuple b = a;
    char out[TUPLE_TEXT_BYTES];

    (void)state;
    assert_true(tuple_equal(&a, &b));
    assert_string_equal(tuple_text(&a, out), "10.0.0.1:40000->10.9.0.1:5003");
    b.protocol = IPPROTO_UDP;
    assert_false(tuple_equal(&a, &b));
    b.local = parsed("1111:2222:3333:4444:5555:6666:7777:8888");
    b.remote = parsed("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
    b.local_port = b.remote_port = 65535;
    assert_string_equal(tuple_text(&b, out), "[1111:2222:3333:4444:5555:6666:7777:8888]:65535->"
                                             "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535");
    assert_int_equal(sizeof(struct tuple), 40); /* Hashed as bytes: no hidden padding. */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_print_as_they_are_written),
        cmocka_unit_test(families),
        cmocka_unit_test(bad_addresses_are_refused),
        cmocka_unit_test(plus_carries_in_its_own_bytes),
        cmocka_unit_test(prefixes),
        cmocka_unit_test(bad_prefixes_say_what_is_right),
        cmocka_unit_test(tuples),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
