#include "plan/machine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/json.h"
#include "plan/command.h"
#include "plan/experiment.h"
#include "plan/setting.h"

static const char base_json[] =
    "{\"version\":1,\"name\":\"m\",\"ports\":[{\"name\":\"p\",\"profile\":\"af_xdp\",\"iface\":"
    "\"v0\",\"clients\":[\"10.1.0.64/26\",\"fd00::/112\"],\"gateway\":\"10.1.0.1\"}],\"cores\":"
    "{\"workers\":[1]},\"allow\":[\"10.9.0.0/16\"]}";

/* BASE with one place changed. */
static int parse_with(const char *path, const char *value, struct machine **out, struct error *err)
{
    cJSON *tree = json_parse(base_json, strlen(base_json), NULL);
    cJSON *item = json_parse(value, strlen(value), NULL);
    char *text;
    int result;

    assert_non_null(item);
    assert_int_equal(setting_put(tree, machine_shape(), path, item, err), 0);
    text = json_print(tree, false);
    result = machine_parse("m.json", text, strlen(text), out, err);
    cJSON_free(text);
    cJSON_Delete(item);
    cJSON_Delete(tree);
    return result;
}

static void a_machine_is_read(void **state)
{
    struct machine *machine;
    struct error err = {0};
    struct address address;

    (void)state;
    assert_int_equal(machine_parse("m.json", base_json, strlen(base_json), &machine, &err), 0);
    assert_int_equal(machine->port_count, 1);
    assert_string_equal(machine->ports[0].iface, "v0");
    assert_int_equal(machine->ports[0].mtu, 1500);
    assert_int_equal(machine->ports[0].queues, 1);
    assert_int_equal(machine->control, -1);
    assert_int_equal(machine->memory_megabytes, 512);
    assert_true(machine->ports[0].gateway_v4_given);
    assert_int_equal(machine_client_count(&machine->ports[0], true), 64);
    assert_int_equal(machine_client_count(&machine->ports[0], false), 65536);
    address_parse("10.1.0.127", &address, NULL);
    assert_int_equal(machine_port_of_client(machine, &address), 0);
    address_parse("10.1.0.128", &address, NULL);
    assert_int_equal(machine_port_of_client(machine, &address), -1);
    machine_free(machine);
}

static void mistakes_are_named(void **state)
{
    static const struct {
        const char *path;
        const char *value;
        const char *message;
    } rows[] = {
        {"version", "2",
         "m.json: version: got 2, want 1, the version of machine files that this "
         "seamline reads"},
        {"ports[0].mtu", "100", "m.json: ports[0].mtu: got 100, want an integer from 576 to 9978"},
        {"ports[0].mtu", "1000",
         "m.json: ports[0]: mtu: 1000 is too small for the IPv6 clients, "
         "want at least 1280"},
        {"ports[0].vlan", "4095",
         "m.json: ports[0].vlan: got 4095, want an integer from 0 to 4094"},
        {"ports[0].pci", "\"0000:00:04.0\"",
         "m.json: ports[0]: want exactly one of \"iface\" (a netdev), \"pci\" (an address such as "
         "\"0000:3b:00.0\") and \"socket\" (vhost-user)"},
        {"ports[0].clients", "[\"10.1.0.65/26\"]",
         "m.json: ports[0].clients[0]: got \"10.1.0.65/26\", want a prefix such as \"10.0.0.0/24\" "
         "or \"2001:db8::/112\", host bits zero"},
        {"ports[0].clients", "[\"10.1.0.0/24\",\"10.1.0.128/25\"]",
         "m.json: ports[0]: gateway: 10.1.0.1 is an own address, in clients[0]; take it out of "
         "one"},
        {"ports[0].clients", "[\"10.1.1.0/24\",\"10.1.1.128/25\"]",
         "m.json: ports[0].clients[1]: 10.1.1.128/25 overlaps ports[0].clients[0], 10.1.1.0/24"},
        {"ports[0].clients", "[\"fd00::/112\"]",
         "m.json: ports[0]: gateway: 10.1.0.1 is of a family that \"clients\" has none of"},
        {"ports[0].gateway", "[\"10.1.0.1\",\"10.1.0.2\"]",
         "m.json: ports[0].gateway[1]: there is already an IPv4 gateway; several are nextHops"},
        {"ports[0].queues", "2",
         "m.json: cores.workers: 1 workers, and ports[].queues ask for 2; each worker has one "
         "queue "
         "of one port: want as many of both"},
        {"ports[0].queues", "17", "m.json: ports[0].queues: got 17, want an integer from 1 to 16"},
        {"cores.workers", "[1,1]", "m.json: cores.workers[1]: core 1 is there twice"},
        {"cores.control", "1",
         "m.json: cores.control: core 1 is a worker's; want another, or \"any\""},
        {"cores.control", "\"all\"",
         "m.json: cores.control: got \"all\", want a core's number from "
         "0 to 1023, or \"any\""},
        {"memory.hugepages", "true",
         "m.json: memory.hugepages: got true, want \"auto\", \"yes\" or \"no\""},
        {"allow", "[\"10.9.0.0/33\"]",
         "m.json: allow[0]: got \"10.9.0.0/33\", want a prefix such as \"10.0.0.0/24\" or "
         "\"2001:db8::/112\", host bits zero"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct machine *machine = NULL;
        struct error err = {0};
        if (parse_with(rows[i].path, rows[i].value, &machine, &err) == 0)
            fail_msg("%s = %s was taken", rows[i].path, rows[i].value);
        assert_string_equal(err.text, rows[i].message);
        assert_int_equal(err.status, EXIT_USAGE);
        assert_null(machine);
    }
}

static void allow_is_required(void **state)
{
    static const char json[] = "{\"version\":1,\"name\":\"m\",\"ports\":[{\"name\":\"p\","
                               "\"profile\":\"tap\",\"iface\":\"t\",\"clients\":[\"10.1.0.2\"]}],"
                               "\"cores\":{\"workers\":[1]}}";
    struct machine *machine;
    struct error err = {0};

    (void)state;
    assert_true(machine_parse("m.json", json, strlen(json), &machine, &err) < 0);
    assert_string_equal(err.text, "m.json: \"allow\" is missing from a machine file");
}

static void targets_are_checked(void **state)
{
    static const struct {
        const char *address;
        bool typed;
        const char *message; /* NULL: may be sent to. */
    } rows[] = {
        {"10.9.3.4", false, NULL},
        {"10.10.0.1", true, NULL},
        {"10.10.0.1", false,
         "service/x: 10.10.0.1 is outside \"allow\" in m.json; add a prefix that contains it if "
         "traffic may go there"},
        {"10.1.0.70", true,
         "service/x: 10.1.0.70 is an own address of port \"p\" in m.json; take it out of ports[0]."
         "clients or name another target"},
    };
    struct machine *machine;
    struct error err = {0};
    struct address address;

    (void)state;
    assert_int_equal(machine_parse("m.json", base_json, strlen(base_json), &machine, &err), 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        int result;
        err.text[0] = '\0';
        address_parse(rows[i].address, &address, NULL);
        result = machine_check_target(machine, &address, rows[i].typed, "service/x", &err);
        assert_int_equal(result < 0, rows[i].message != NULL);
        assert_string_equal(err.text, rows[i].message != NULL ? rows[i].message : "");
    }
    machine_free(machine);
    err.text[0] = '\0';
    assert_int_equal(parse_with("ports[0].clients", "[\"10.1.0.64/26\"]", &machine, &err), 0);
    address_parse("2001:db8::1", &address, NULL);
    assert_true(machine_check_target(machine, &address, true, "service/x", &err) < 0);
    assert_string_equal(err.text,
                        "service/x: 2001:db8::1 is IPv6, and no port in m.json has an IPv6 "
                        "client; add a prefix to ports[0].clients");
    machine_free(machine);
}

struct frames_row {
    const char *raw; /* Keys beside "sizes". */
    const char *target;
    const char *part; /* Of the message; NULL: it may be sent. */
};

/* Every address of a range counts, of destinations and of sources that are not ours. */
static void whole_ranges_are_checked(void **state)
{
    static const struct frames_row rows[] = {
        {"\"destinations\":256", "10.9.255.0", NULL},
        {"\"destinations\":257", "10.9.255.0", "10.10.0.0, one of 257 addresses, is outside"},
        {"\"destinations\":2", "10.8.255.255", "10.8.255.255, one of 2 addresses, is outside"},
        /* Two prefixes that join. */
        {"\"destinations\":512", "10.20.0.0", NULL},
        {"\"destinations\":513", "10.20.0.0", "10.20.2.0"},
        /* Own ones: of one port, or none. */
        {"\"destinations\":64", "10.2.0.64", NULL},
        {"\"destinations\":65", "10.2.0.64", "some of its 65 addresses are own ones of port \"q\""},
        {"\"destinations\":2", "10.2.0.63", "some of its 2 addresses are own ones"},
        {"\"source\":\"10.1.0.65\",\"sources\":63", "10.9.0.1", NULL},
        {"\"source\":\"10.1.0.65\",\"sources\":64", "10.9.0.1", "no other port in m.json has all"},
        {"\"source\":\"10.2.0.65\"", "10.2.0.66", "no other port in m.json has all sources"},
        {"\"source\":\"10.9.0.1\",\"sources\":9,\"foreignSources\":true", "10.9.0.1", NULL},
        {"\"source\":\"10.9.255.255\",\"sources\":2,\"foreignSources\":true", "10.9.0.1",
         "raw.source: 10.10.0.0, one of 2"},
        {"\"destinations\":1", "fd01::1", "fd01::1, one of 1 addresses, is outside"},
    };
    static const char two_ports[] =
        "[{\"name\":\"p\",\"profile\":\"af_xdp\",\"iface\":\"v0\",\"clients\":[\"10.1.0.64/26\"]},"
        "{\"name\":\"q\",\"profile\":\"af_xdp\",\"iface\":\"v1\",\"clients\":[\"10.2.0.64/26\"]}]";
    struct machine *machine;
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct experiment *x = NULL;
        struct error err = {0};
        char text[1000];
        snprintf(
            text, sizeof(text),
            "{\"version\":1,\"name\":\"e\",\"streams\":[{\"name\":\"s\",\"protocol\":\"raw\","
            "\"rate\":\"1/s\",\"target\":{\"address\":\"%s\",\"port\":9},\"raw\":{\"sizes\":[99],"
            "%s}}],\"steps\":[{\"do\":\"start\"},{\"do\":\"stop\"}]}",
            rows[i].target, rows[i].raw);
        cJSON *tree = json_parse(base_json, strlen(base_json), NULL);
        cJSON_ReplaceItemInObject(tree, "ports", json_parse(two_ports, strlen(two_ports), NULL));
        cJSON_ReplaceItemInObject(cJSON_GetObjectItem(tree, "cores"), "workers",
                                  json_parse("[1,2]", 5, NULL));
        cJSON_AddItemToArray(cJSON_GetObjectItem(tree, "allow"),
                             cJSON_CreateString("10.20.1.0/24"));
        cJSON_AddItemToArray(cJSON_GetObjectItem(tree, "allow"),
                             cJSON_CreateString("10.20.0.0/24"));
        char *printed = json_print(tree, false);
        if (machine_parse("m.json", printed, strlen(printed), &machine, &err) < 0 ||
            experiment_parse("e.json", text, strlen(text), NULL, &x, &err) < 0)
            fail_msg("row %zu: %s", i, err.text);
        int result = machine_check_experiment(machine, x, &err);
        if ((result == 0) != (rows[i].part == NULL))
            fail_msg("row %zu: %d %s", i, result, err.text);
        if (rows[i].part != NULL && strstr(err.text, rows[i].part) == NULL)
            fail_msg("row %zu: \"%s\" does not say \"%s\"", i, err.text, rows[i].part);
        cJSON_free(printed);
        cJSON_Delete(tree);
        experiment_free(x);
        machine_free(machine);
    }
}

/* What was typed is allowed, and no more than that. */
static void a_maximum_has_no_bound(void **state)
{
    static const char *const sets[] = {"streams.traffic.raw.destinations=2"};
    struct experiment_options options = {.sets = sets, .set_count = 1};
    struct command command = {.url = "raw://10.77.0.1:9", .rate = "max"};
    struct machine *machine;
    struct experiment *x;
    struct error err = {0};
    (void)state;
    assert_int_equal(parse_with("limits", "{\"rate\":\"2k/s\"}", &machine, &err), 0);
    assert_int_equal(command_experiment(&command, NULL, &x, &err), 0);
    assert_true(machine_check_experiment(machine, x, &err) < 0);
    assert_non_null(strstr(err.text, "a maximum has no bound, and limits.rate of m.json is 2k/s"));
    experiment_free(x);
    err = (struct error){0};
    command.rate = "1/s";
    assert_int_equal(command_experiment(&command, NULL, &x, &err), 0);
    assert_int_equal(machine_check_experiment(machine, x, &err), 0);
    experiment_free(x);
    assert_int_equal(command_experiment(&command, &options, &x, &err), 0);
    assert_true(machine_check_experiment(machine, x, &err) < 0);
    assert_non_null(strstr(err.text, "10.77.0.2, one of 2 addresses, is outside"));
    experiment_free(x);
    machine_free(machine);
}

static void limits_hold_for_the_sum_of_streams(void **state)
{
    static const char *const sets[] = {"streams.traffic.rate=2k/s",
                                       "streams.traffic.connections=9"};
    struct experiment_options options = {sets, 2, NULL};
    struct experiment *experiment;
    struct machine *machine;
    struct error err = {0};
    struct command command = {.url = "ctraffic://10.99.0.1", .duration = "1s"};

    (void)state;
    assert_int_equal(command_experiment(&command, &options, &experiment, &err), 0);
    assert_int_equal(parse_with("limits", "{\"rate\":\"2k/s\",\"connections\":9}", &machine, &err),
                     0);
    assert_int_equal(machine_check_experiment(machine, experiment, &err), 0);
    machine_free(machine);
    assert_int_equal(parse_with("limits.rate", "\"1k/s\"", &machine, &err), 0);
    assert_true(machine_check_experiment(machine, experiment, &err) < 0);
    assert_string_equal(err.text, "ctraffic://10.99.0.1: the streams' rates add up to 2k/s, "
                                  "over limits.rate 1k/s of m.json");
    machine_free(machine);
    err.text[0] = '\0';
    assert_int_equal(parse_with("limits.connections", "8", &machine, &err), 0);
    assert_true(machine_check_experiment(machine, experiment, &err) < 0);
    assert_string_equal(err.text, "ctraffic://10.99.0.1: the streams' connections add up to 9, "
                                  "over limits.connections 8 of m.json");
    machine_free(machine);
    experiment_free(experiment);
}

static void the_samples_are_read_and_printed_again(void **state)
{
    static const char *const files[] = {"machine-veth.json", "machine-rack.json"};

    (void)state;
    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
        char path[500], *once, *twice;
        struct machine *machine, *again;
        struct error err = {0};
        snprintf(path, sizeof(path), "%s/%s", getenv("CONFIG_DIR"), files[i]);
        if (machine_load(path, &machine, &err) < 0)
            fail_msg("%s", err.text);
        once = json_print(machine->resolved, true);
        if (machine_parse("again", once, strlen(once), &again, &err) < 0)
            fail_msg("%s", err.text);
        twice = json_print(again->resolved, true);
        assert_string_equal(once, twice);
        cJSON_free(once);
        cJSON_free(twice);
        machine_free(machine);
        machine_free(again);
    }
}

static void a_missing_file_is_named(void **state)
{
    struct machine *machine;
    struct error err = {0};

    (void)state;
    assert_true(machine_load("no/such.json", &machine, &err) < 0);
    assert_string_equal(err.text, "no/such.json: No such file or directory; want a machine file, "
                                  "such as config/machine-rack.json");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_machine_is_read),
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(allow_is_required),
        cmocka_unit_test(targets_are_checked),
        cmocka_unit_test(whole_ranges_are_checked),
        cmocka_unit_test(a_maximum_has_no_bound),
        cmocka_unit_test(limits_hold_for_the_sum_of_streams),
        cmocka_unit_test(the_samples_are_read_and_printed_again),
        cmocka_unit_test(a_missing_file_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
