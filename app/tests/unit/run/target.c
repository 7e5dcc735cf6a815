/* Where packets go: by the machine's on-link prefixes, its next hops, its gateway, in this order;
 * and never where the machine may not send. */
#include "run/target.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct machine *machine(const char *port, const char *cores)
{
    char text[1000];
    struct machine *made = NULL;
    struct error err = {0};
    snprintf(text, sizeof(text),
             "{\"version\":1,\"name\":\"m\",\"ports\":[{\"name\":\"p\",\"profile\":\"af_xdp\","
             "\"iface\":\"x\",\"clients\":[\"10.9.0.0/24\"]%s}],\"cores\":{\"workers\":[%s]},"
             "\"allow\":[\"10.0.0.0/8\"]}",
             port, cores);
    if (machine_parse("m.json", text, strlen(text), &made, &err) < 0)
        fail_msg("%s", err.text);
    return made;
}

static struct experiment *experiment(const char *target)
{
    char text[2000];
    struct experiment *made = NULL;
    struct error err = {0};
    snprintf(text, sizeof(text),
             "{\"version\":1,\"name\":\"e\",\"streams\":[{\"name\":\"s\",\"protocol\":\"connect\","
             "\"rate\":\"1/s\",\"target\":%s}],\"steps\":[{\"do\":\"start\",\"streams\":[\"s\"]},"
             "{\"do\":\"stop\",\"streams\":[\"s\"]}]}",
             target);
    if (experiment_parse("e.json", text, strlen(text), NULL, &made, &err) < 0)
        fail_msg("%s", err.text);
    return made;
}

struct row {
    const char *port, *target;
    int code;
    const char *text; /* Of the target, or a part of the error. */
};

static void rows(void **state)
{
    (void)state;
    static const struct row table[] = {
        {",\"onLink\":[\"10.1.0.0/16\"]", "{\"address\":\"10.1.0.5\",\"port\":80}", 0,
         "connect://10.1.0.5:80"},
        {",\"nextHops\":[\"10.1.0.1\",\"10.1.0.2\"]", "{\"address\":\"10.2.0.5\",\"port\":80}", 0,
         "connect://10.2.0.5:80 by ECMP over 2 next hops"},
        {",\"gateway\":[\"10.1.0.1\"]", "{\"address\":\"10.2.0.5\",\"port\":80}", 0,
         "connect://10.2.0.5:80 by 10.1.0.1"},
        {"", "{\"address\":\"10.2.0.5\",\"port\":80}", -EHOSTUNREACH, "no way to 10.2.0.5"},
        {",\"onLink\":[\"11.0.0.0/8\"]", "{\"address\":\"11.2.0.5\",\"port\":80}", -EPERM, "allow"},
        {",\"onLink\":[\"10.9.0.0/24\"]", "{\"address\":\"10.9.0.5\",\"port\":80}", -EADDRINUSE,
         "10.9.0.5"},
    };
    for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct machine *of = machine(table[i].port, "1");
        struct experiment *with = experiment(table[i].target);
        struct target target = {.text = ""};
        struct error err = {0};
        int code = target_resolve(with, 0, of, &of->ports[0], NULL, &target, &err);
        if (code != table[i].code)
            fail_msg("row %u: %d, %s", i, code, err.text);
        if (code == 0)
            assert_string_equal(target.text, table[i].text);
        else if (strstr(err.text, table[i].text) == NULL)
            fail_msg("row %u: \"%s\" is not in \"%s\"", i, table[i].text, err.text);
        experiment_free(with);
        machine_free(of);
    }
}

/* Frames go from one port to the other's own address; that one's way leads back to their source. */
static void frames_between_two_ports(void **state)
{
    static const char second[] =
        ",\"onLink\":[\"10.8.0.0/24\"]},{\"name\":\"q\",\"profile\":\"af_xdp\","
        "\"iface\":\"y\",\"clients\":[\"10.8.0.0/24\"],\"onLink\":["
        "\"10.9.0.0/24\"]";
    static const char text[] =
        "{\"version\":1,\"name\":\"e\",\"streams\":[{\"name\":\"s\",\"protocol\":\"raw\",\"rate\":"
        "\"1/s\",\"target\":{\"address\":\"10.8.0.5\",\"port\":9},\"raw\":{\"sizes\":[64]}}],"
        "\"steps\":[{\"do\":\"start\"},{\"do\":\"stop\"}]}";
    struct experiment *with = NULL;
    struct target target;
    struct error err = {0};
    char address[ADDRESS_TEXT_BYTES];
    (void)state;
    struct machine *of = machine(second, "1,2");
    assert_int_equal(experiment_parse("e.json", text, strlen(text), NULL, &with, &err), 0);
    assert_int_equal(target_resolve(with, 0, of, &of->ports[0], NULL, &target, &err), 0);
    assert_true(target.sends);
    assert_string_equal(target.text, "raw://10.8.0.5:9");
    assert_int_equal(target_resolve(with, 0, of, &of->ports[1], NULL, &target, &err), 0);
    assert_false(target.sends);
    assert_int_equal(target.hop_count, 1);
    assert_string_equal(address_text(&target.hops[0], address), "10.9.0.1");
    experiment_free(with);
    machine_free(of);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(rows),
                                       cmocka_unit_test(frames_between_two_ports)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
