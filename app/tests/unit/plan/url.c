#include "plan/url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void urls_parse_and_print(void **state)
{
    static const struct {
        const char *text;
        const char *again;
        enum url_scheme scheme;
        uint16_t port;
        bool is_address;
    } rows[] = {
        {"ctraffic://10.0.0.1:5003", "ctraffic://10.0.0.1:5003", URL_CTRAFFIC, 5003, true},
        {"ctraffic://10.0.0.1", "ctraffic://10.0.0.1:5003", URL_CTRAFFIC, 5003, true},
        {"ctraffic://10.0.0.1/", "ctraffic://10.0.0.1:5003", URL_CTRAFFIC, 5003, true},
        {"tcp://[2001:db8::1]:80", "tcp://[2001:db8::1]:80", URL_TCP, 80, true},
        {"ctraffic://[fd00::1]", "ctraffic://[fd00::1]:5003", URL_CTRAFFIC, 5003, true},
        {"tcp://mserver.example:65535", "tcp://mserver.example:65535", URL_TCP, 65535, false},
        {"http://10.0.0.1", "http://10.0.0.1:80", URL_HTTP, 80, true},
        {"http://x.example:8080/a?b=c:d@e", "http://x.example:8080", URL_HTTP, 8080, false},
        {"https://[2001:db8::1]/", "https://[2001:db8::1]:443", URL_HTTPS, 443, true},
        {"mconnect://10.0.0.1", "mconnect://10.0.0.1:5001", URL_MCONNECT, 5001, true},
        {"udp://10.0.0.1:5003", "udp://10.0.0.1:5003", URL_UDP, 5003, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct error err = {0};
        struct url url;
        char text[URL_TEXT_BYTES];
        if (url_parse(rows[i].text, &url, &err) < 0)
            fail_msg("%s: %s", rows[i].text, err.text);
        assert_string_equal(url_text(&url, text), rows[i].again);
        assert_int_equal(url.scheme, rows[i].scheme);
        assert_int_equal(url.port, rows[i].port);
        assert_int_equal(url.is_address, rows[i].is_address);
    }
}

/* What a request line and a Host header hold of it. */
static void paths_and_authorities(void **state)
{
    static const struct {
        const char *text, *path, *authority;
    } rows[] = {
        {"http://10.0.0.1", "", "10.0.0.1"},
        {"http://10.0.0.1:80/", "/", "10.0.0.1"},
        {"http://x.example:8080/a/b?c=d", "/a/b?c=d", "x.example:8080"},
        {"http://x.example?c=/d", "/?c=/d", "x.example"},
        {"https://[2001:db8::1]:444/%20", "/%20", "[2001:db8::1]:444"},
        {"ctraffic://10.0.0.1/", "", "10.0.0.1"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct error err = {0};
        struct url url;
        char text[URL_TEXT_BYTES];
        if (url_parse(rows[i].text, &url, &err) < 0)
            fail_msg("%s", err.text);
        assert_string_equal(url.path, rows[i].path);
        assert_string_equal(url_authority(&url, text), rows[i].authority);
    }
}

static void bad_urls_say_what_is_wrong(void **state)
{
    static const struct {
        const char *text;
        const char *message;
    } rows[] = {
        {"10.0.0.1:80",
         "\"10.0.0.1:80\" has no scheme; want one such as http://HOST or tcp://HOST:PORT"},
        {"ctrafic://10.0.0.1", "unknown scheme \"ctrafic\"; did you mean \"ctraffic\"?; want "
                               "ctraffic, tcp, http, https, mconnect, udp, icmp or raw"},
        {"gopher://x:1",
         "unknown scheme \"gopher\"; want ctraffic, tcp, http, https, mconnect, udp, icmp or raw"},
        {"tcp://10.0.0.1", "tcp://10.0.0.1: the port is missing: 10.0.0.1:PORT"},
        {"tcp://10.0.0.1:0", "tcp://10.0.0.1:0: port \"0\" is no number from 1 to 65535"},
        {"tcp://10.0.0.1:65536",
         "tcp://10.0.0.1:65536: port \"65536\" is no number from 1 to 65535"},
        {"tcp://10.0.0.1:80x", "tcp://10.0.0.1:80x: port \"80x\" is no number from 1 to 65535"},
        {"tcp://10.0.0.1:80/path",
         "tcp://10.0.0.1:80/path: port \"80/path\" is no number from 1 to 65535"},
        {"http://10.0.0.1/a b", "http://10.0.0.1/a b: column 3 of the path: a space, a fragment or "
                                "another character that must be written as %XX"},
        {"http://10.0.0.1/a#b", "http://10.0.0.1/a#b: column 3 of the path: a space, a fragment or "
                                "another character that must be written as %XX"},
        {"http://", "http://: \"\" names no host; want HOST:PORT, an IPv6 address in brackets"},
        {"tcp://:80",
         "tcp://:80: \":80\" names no host; want HOST:PORT, an IPv6 address in brackets"},
        {"tcp://[::1:80",
         "tcp://[::1:80: \"[::1:80\" names no host; want HOST:PORT, an IPv6 address in brackets"},
        {"tcp://[10.0.0.1]:80", "tcp://[10.0.0.1]:80: \"[10.0.0.1]\" is no IPv6 address"},
        {"tcp://10.0.0.300:80",
         "tcp://10.0.0.300:80: \"10.0.0.300:80\" is neither an address nor a host name; an IPv6 "
         "address needs brackets: [2001:db8::1]:5003"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct error err = {0};
        struct url url;
        assert_true(url_parse(rows[i].text, &url, &err) < 0);
        assert_string_equal(err.text, rows[i].message);
        assert_int_equal(err.status, EXIT_USAGE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_parse_and_print),
        cmocka_unit_test(paths_and_authorities),
        cmocka_unit_test(bad_urls_say_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
