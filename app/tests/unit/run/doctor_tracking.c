/* What is said of connection tracking, by prepared trees of the kernel's files. */
#include "run/doctor_tracking.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/run/tree.h"

static char root[64];

static void put(const char *file, const char *content)
{
    tree_put(root, file, content);
}

static void set_limits(const char *most, const char *time_wait)
{
    put("proc/sys/net/netfilter/nf_conntrack_max", most);
    put("proc/sys/net/netfilter/nf_conntrack_tcp_timeout_time_wait", time_wait);
}

static int set_up(void **state)
{
    (void)state;
    strcpy(root, "/tmp/seamline-tracking-XXXXXX");
    assert_non_null(mkdtemp(root));
    put("sys/class/net/veth0/iflink", "9\n");
    put("sys/class/net/eth0/device/vendor", "0x8086\n");
    put("sys/class/net/vlan7/lower_eth0", "");
    return 0;
}

static int tear_down(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof(command), "rm -r %s", root);
    return system(command);
}

/* STREAM NULL: without an experiment. */
static struct experiment *experiment_of(const char *stream, const char *lab)
{
    char text[1024];
    struct experiment *experiment = NULL;
    struct experiment_options options = {0};
    struct error err = {0};
    if (stream == NULL)
        return NULL;
    int size = snprintf(text, sizeof(text),
                        "{\"version\":1,\"name\":\"x\",%s\"target\":{\"address\":\"10.77.9.1\","
                        "\"port\":80},\"streams\":[{\"name\":\"s\",%s}],\"steps\":[{\"do\":"
                        "\"start\"},{\"do\":\"wait\",\"for\":\"1s\"},{\"do\":\"stop\"}]}",
                        lab, stream);
    if (experiment_parse("x.json", text, (size_t)size, &options, &experiment, &err) < 0)
        fail_msg("%s", err.text);
    return experiment;
}

static struct machine *machine_of(const char *iface)
{
    char text[512];
    struct machine *machine = NULL;
    struct error err = {0};
    int size = snprintf(text, sizeof(text),
                        "{\"version\":1,\"name\":\"m\",\"allow\":[\"10.77.9.0/24\"],\"cores\":{"
                        "\"workers\":[0]},\"ports\":[{\"name\":\"p\",\"profile\":\"af_packet\","
                        "\"iface\":\"%s\",\"clients\":[\"10.77.9.64/28\"]}]}",
                        iface);
    if (machine_parse("m.json", text, (size_t)size, &machine, &err) < 0)
        fail_msg("%s", err.text);
    return machine;
}

/* All that is found, "ok TEXT" or "warn TEXT -> MEND"; "": nothing. */
static void expect(const char *iface, const char *stream, const char *lab, const char *wanted)
{
    struct findings found = {0};
    struct text said = {0};
    struct experiment *experiment = experiment_of(stream, lab == NULL ? "" : lab);
    struct machine *machine = machine_of(iface);
    doctor_tracking(root, machine, experiment, lab != NULL, &found);
    for (unsigned i = 0; i < found.count; i++) {
        const struct finding *one = &found.items[i];
        assert_string_equal(one->name, "conntrack");
        text_addf(&said, "%s %s%s%s", one->state == FINDING_OK ? "ok" : "warn",
                  text_str(&one->text), one->mend.size > 0 ? " -> " : "", text_str(&one->mend));
    }
    assert_string_equal(text_str(&said), wanted);
    text_free(&said);
    findings_free(&found);
    machine_free(machine);
    experiment_free(experiment);
}

#define CONNECT(rate) "\"protocol\":\"connect\",\"rate\":\"" rate "\""
#define LAB(settings)                                                                              \
    "\"cluster\":{\"kubeconfig\":\"lab\",\"namespace\":\"d\",\"context\":\"seamline-lab\","        \
    "\"mayChange\":[],\"lab\":{" settings "}},"

static void it_depends_on_the_port(void **state)
{
    (void)state;
    expect("veth0", CONNECT("5k/s"), NULL, "ok this kernel tracks no connections");
    set_limits("262144\n", "120\n");
    expect("eth0", CONNECT("5k/s"), NULL, "");
    expect("vlan7", CONNECT("5k/s"), NULL, "");
    expect("none0", CONNECT("5k/s"), NULL, "");
    expect("veth0", CONNECT("2k/s"), NULL, "ok 260000 entries of 262144 are needed");
    expect("veth0", CONNECT("5k/s"), NULL,
           "warn 650000 entries are needed for 5k/s new connections, each kept for 130 s after its "
           "end, and there are 262144: packets of what is beyond are dropped -> sysctl -w "
           "net.netfilter.nf_conntrack_max=650000 (outside of namespaces), or a smaller "
           "net.netfilter.nf_conntrack_tcp_timeout_time_wait in the namespace of the far end");
}

static void it_depends_on_the_streams(void **state)
{
    static const char unknown[] =
        "ok the kernel has 2600 entries, which up to 20 new connections a "
        "second fill: each is kept for 130 s after its end";
    (void)state;
    set_limits("2600\n", "120\n");
    expect("veth0", NULL, NULL, unknown);
    expect("veth0", "\"protocol\":\"ctraffic\",\"connections\":80,\"rate\":\"400/s\"", NULL,
           "ok 80 entries of 2600 are needed");
    expect("veth0", "\"protocol\":\"http\",\"rate\":\"400/s\",\"keepAlive\":true,\"connections\":7",
           NULL, "ok 7 entries of 2600 are needed");
    expect("veth0", "\"protocol\":\"http\",\"rate\":\"10/s\",\"keepAlive\":false", NULL,
           "ok 1300 entries of 2600 are needed");
    expect("veth0",
           "\"protocol\":\"http\",\"mode\":\"closed\",\"connections\":2,\"keepAlive\":false", NULL,
           unknown);
    set_limits("rubbish", "-");
    expect("veth0", NULL, NULL, "ok this kernel tracks no connections");
}

static void the_lab_has_a_time_of_its_own(void **state)
{
    (void)state;
    expect("eth0", CONNECT("5k/s"), LAB(""), ""); /* Its rules load what there will be. */
    set_limits("65536\n", "120\n");
    expect("eth0", CONNECT("3k/s"), LAB(""), "ok 60000 entries of 65536 are needed");
    expect("eth0", CONNECT("5k/s"), LAB("\"settings\":{\"conntrackTimeWait\":\"1s\"}"),
           "ok 55000 entries of 65536 are needed");
    expect("eth0", CONNECT("5k/s"), LAB(""),
           "warn 100000 entries are needed for 5k/s new connections, each kept for 20 s after its "
           "end by its node, and there are 65536: packets of what is beyond are dropped -> sysctl "
           "-w net.netfilter.nf_conntrack_max=100000 (outside of namespaces), or "
           "cluster.lab.settings {\"conntrackTimeWait\": \"1s\"}");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(it_depends_on_the_port),
        TEST(it_depends_on_the_streams),
        TEST(the_lab_has_a_time_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
