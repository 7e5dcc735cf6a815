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

static struct experiment *experiment_with(const char *cluster, const char *target)
{
    char text[2000];
    struct experiment *made = NULL;
    struct error err = {0};
    snprintf(
        text, sizeof(text),
        "{\"version\":1,\"name\":\"e\",%s\"streams\":[{\"name\":\"s\",\"protocol\":\"connect\","
        "\"rate\":\"1/s\",\"target\":%s}],\"steps\":[{\"do\":\"start\",\"streams\":[\"s\"]},"
        "{\"do\":\"stop\",\"streams\":[\"s\"]}]}",
        cluster, target);
    if (experiment_parse("e.json", text, strlen(text), NULL, &made, &err) < 0)
        fail_msg("%s", err.text);
    return made;
}

static struct experiment *experiment(const char *target)
{
    return experiment_with("", target);
}

static struct experiment *of_cluster(const char *target)
{
    return experiment_with(
        "\"cluster\":{\"kubeconfig\":\"k\",\"context\":\"c\",\"namespace\":\"n\"},", target);
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

/* Of a Service that has several addresses: the first, and told; or the one that is wanted. */
static void several_addresses(void **state)
{
    static const struct {
        const char *target, *host;
        unsigned count;
        const char *address; /* NULL: refused. */
        const char *told;    /* A part of the note, or of the error; "" for none. */
    } table[] = {
        {"\"service\":\"web\"", "", 1, "10.0.0.1", ""},
        {"\"service\":\"web\"", "", 3, "10.0.0.1",
         "service/web has the addresses 10.0.0.1, 10.0.0.2, 10.0.0.3: the first is used, "
         "target.vip chooses another"},
        {"\"service\":\"web\",\"vip\":\"10.0.0.2\"", "", 3, "10.0.0.2", ""},
        {"\"service\":\"web\",\"vip\":\"10.0.0.9\"", "", 3, NULL,
         "target.vip: service/web has no address 10.0.0.9; there are: 10.0.0.1, 10.0.0.2"},
        {"\"service\":\"web\"", "lb.example", 1, "10.0.0.1",
         "service/web, by the name lb.example has the addresses 10.0.0.1: the first is used"},
        {"\"service\":\"web\",\"vip\":\"10.0.0.1\"", "lb.example", 2, "10.0.0.1", ""},
        {"\"service\":\"web\",\"via\":\"nodePort\"", "", 3, "10.0.0.1", ""},
        {"\"service\":\"web\",\"via\":\"nodePort\",\"vip\":\"10.0.0.3\"", "", 3, "10.0.0.3", ""},
    };
    (void)state;
    for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        char text[200];
        snprintf(text, sizeof(text), "{%s}", table[i].target);
        struct experiment *with = of_cluster(text);
        struct kube_target found = {.count = table[i].count, .host = table[i].host};
        struct target target = {.text = ""};
        struct error err = {0};
        for (uint8_t n = 0; n < found.count; n++)
            found.addresses[n] = address_from_v4((uint8_t[4]){10, 0, 0, (uint8_t)(n + 1)});
        int code = target_choose(&with->streams[0].target, &found, &target, &err);
        assert_int_equal(code, table[i].address == NULL ? -ENOENT : 0);
        if (code == 0)
            assert_string_equal(address_text(&target.address, text), table[i].address);
        const char *told = code == 0 ? target.note : err.text;
        if (table[i].told[0] == '\0' ? told[0] != '\0' : strstr(told, table[i].told) == NULL)
            fail_msg("row %u: \"%s\"", i, told);
        experiment_free(with);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(rows),
                                       cmocka_unit_test(frames_between_two_ports),
                                       cmocka_unit_test(several_addresses)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
