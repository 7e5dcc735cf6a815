#include "plan/experiment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/json.h"
#include "plan/setting.h"

static char *config_path(const char *file)
{
    static char path[500];

    snprintf(path, sizeof(path), "%s/%s", getenv("CONFIG_DIR"), file);
    return path;
}

static struct experiment *load(const char *const *sets, size_t count, const char *variant)
{
    struct experiment_options options = {.sets = sets, .set_count = count, .variant = variant};
    struct experiment *experiment = NULL;
    struct error err = {0};

    if (experiment_load(config_path("k8s-app-upgrade.json"), &options, &experiment, &err) < 0)
        fail_msg("%s", err.text);
    return experiment;
}

static void the_main_job_is_read(void **state)
{
    struct experiment *x = load(NULL, 0, NULL);
    const struct experiment_stream *held = &x->streams[0], *probe = &x->streams[1];

    (void)state;
    assert_string_equal(x->name, "k8s-app-upgrade");
    assert_true(x->cluster.given && x->cluster.lab_cluster && x->cluster.lab.given);
    assert_int_equal(x->cluster.lab.pod_ready.low_ns, 2000000000);
    assert_int_equal(x->cluster.lab.pod_ready.high_ns, 2000000000);
    assert_int_equal(x->cluster.lab.image_count, 2);
    assert_string_equal(x->cluster.lab.images[1].image, "mserver:v2");
    assert_int_equal(x->cluster.proxy.scheduler, EXPERIMENT_SCHEDULER_RR);
    assert_int_equal(x->rollout.replicas, 8);
    assert_int_equal(x->rollout.max_surge.value, 1);
    assert_true(x->rollout.max_unavailable.given);
    assert_int_equal(x->stream_count, 2);
    assert_int_equal(held->connections, 80);
    assert_true(held->rate_per_s == 400);
    assert_int_equal(held->connect_timeout_ns, 1500000000);
    assert_int_equal(held->retries, 10);
    /* Inherited but for the service; as many may be open as a silent target would hold. */
    assert_string_equal(probe->target.service, "mserver-probe");
    assert_string_equal(probe->target.service_port_name, "ctraffic");
    assert_int_equal(probe->target.route, EXPERIMENT_ROUTE_NODE);
    assert_int_equal(probe->target.route_index, 1);
    assert_int_equal(probe->connections, 516);
    assert_int_equal(x->windows.opens, 0xff8);
    assert_int_equal(x->step_count, 7);
    assert_int_equal(x->steps[0].deadline_ns, 300000000000);
    assert_int_equal(x->steps[2].deadline_ns, 30000000000);
    assert_int_equal(x->steps[6].stream_count, 2);
    assert_int_equal(x->expects[0].from_step, -1);
    assert_int_equal(x->expects[2].bound, EXPERIMENT_BOUND_MAX);
    assert_int_equal(x->expects[3].from_step, 4);
    assert_true(x->expects[3].value == 1e8);
    assert_string_equal(x->expects[3].value_text, "100ms");
    assert_true(experiment_may_change(x, "Deployment", "mserver"));
    assert_false(experiment_may_change(x, "deployment", "other"));
    assert_false(experiment_may_change(x, "configmap", "kube-proxy"));
    experiment_free(x);
}

static void assignments_and_variants_apply(void **state)
{
    static const char *sets[] = {"streams.held.rate=800/s", "cluster.lab.podReady=[\"1s\",\"2s\"]",
                                 "cluster.proxy.scheduler=random"};
    struct experiment *x = load(sets, 2, "lc");

    (void)state;
    assert_true(x->streams[0].rate_per_s == 800);
    assert_int_equal(x->streams[0].catch_up, EXPERIMENT_CATCH_UP_SEND_LATE);
    assert_int_equal(x->cluster.lab.pod_ready.low_ns, 1000000000);
    assert_int_equal(x->cluster.lab.pod_ready.high_ns, 2000000000);
    assert_int_equal(x->cluster.proxy.scheduler, EXPERIMENT_SCHEDULER_LC);
    experiment_free(x);
    x = load(sets, 3, "lc"); /* What was typed wins over the variant. */
    assert_int_equal(x->cluster.proxy.scheduler, EXPERIMENT_SCHEDULER_RANDOM);
    assert_int_equal(x->cluster.proxy.mode, EXPERIMENT_PROXY_ANY);
    experiment_free(x);
    sets[0] = "cluster.proxy.mode=ipvs";
    x = load(sets, 1, "lc");
    assert_int_equal(x->cluster.proxy.mode, EXPERIMENT_PROXY_IPVS);
    experiment_free(x);
}

static void what_is_resolved_reads_the_same_again(void **state)
{
    struct experiment *x = load(NULL, 0, "ecmp"), *again = NULL;
    struct error err = {0};
    char *once = json_print(x->resolved, true), *twice;

    (void)state;
    if (experiment_parse("again", once, strlen(once), NULL, &again, &err) < 0)
        fail_msg("%s", err.text);
    twice = json_print(again->resolved, true);
    assert_string_equal(once, twice);
    assert_int_equal(again->streams[1].target.route, EXPERIMENT_ROUTE_ECMP);
    cJSON_free(once);
    cJSON_free(twice);
    experiment_free(again);
    experiment_free(x);
}

/* A law as an object, as text, and changed by --set, all come out as the same object. */
static void laws_are_resolved(void **state)
{
    static const char *const as_text[] = {"streams.held.rate=poisson:ramp:100/s..10k/s:60s",
                                          "streams.held.catchUp=skip",
                                          "streams.new.rate=burst:10:1s"};
    static const char *const as_object[] = {
        "streams.held.rate={\"law\":\"ramp\",\"arrivals\":\"poisson\",\"from\":\"100/s\","
        "\"to\":\"1/s\",\"over\":\"1m\"}",
        "streams.held.rate.to=10k/s", "streams.held.catchUp=skip",
        "streams.new.rate={\"law\":\"burst\",\"count\":10,\"every\":\"1s\"}"};
    struct experiment *x = load(as_text, 3, NULL), *y = load(as_object, 4, NULL);
    char *of_text = json_print(x->resolved, true), *of_object = json_print(y->resolved, true);

    (void)state;
    assert_string_equal(of_text, of_object);
    assert_true(x->streams[0].rate_per_s == 10000);
    assert_true(x->streams[1].rate_per_s == 10);
    assert_int_equal(x->streams[0].pace.arrivals, PACE_POISSON);
    assert_int_equal(x->streams[0].catch_up, EXPERIMENT_CATCH_UP_SKIP);
    cJSON_free(of_text);
    cJSON_free(of_object);
    experiment_free(x);
    experiment_free(y);
}

#define RAW_WITH(rate, keys)                                                                       \
    "streams.new={\"name\":\"new\",\"protocol\":\"raw\",\"rate\":\"" rate "\",\"target\":"         \
    "{\"address\":\"10.0.0.1\",\"port\":65000},\"raw\":{" keys "}}"

/* What rates count is converted by what is known of a request; of a maximum nothing is known. */
static void frames_and_their_rates(void **state)
{
    static const struct {
        const char *assignment;
        double rate_per_s;
    } rows[] = {
        {RAW_WITH("10kpps", "\"sizes\":[64]"), 10000},
        {RAW_WITH("512Mbit/s", "\"sizes\":[64]"), 1000000},
        {RAW_WITH("672Mbit/s L1", "\"sizes\":[64]"), 1000000},
        {RAW_WITH("1024kbit/s", "\"sizes\":[64,192]"), 1000},
        {RAW_WITH("max", "\"sizes\":[64]"), 0},
        {"streams.new={\"name\":\"new\",\"protocol\":\"udp\",\"rate\":\"2kpps\"}", 2000},
        {"streams.new.rate=500 connections/s", 500},
        {"streams.new={\"name\":\"new\",\"protocol\":\"http\",\"keepAlive\":false,"
         "\"rate\":\"5 connections/s\"}",
         5},
    };
    static const char *const all[] = {
        "expect=[]",
        RAW_WITH("1/s",
                 "\"sizes\":[64,1518],\"source\":\"10.1.0.1\",\"sources\":254,\"sourcePorts\":9,"
                 "\"destinations\":256,\"destinationPorts\":536,\"random\":[\"sourcePorts\"]")};
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *const sets[] = {"expect=[]", rows[i].assignment};
        struct experiment *x = load(sets, 2, NULL);
        if (x->streams[1].rate_per_s != rows[i].rate_per_s)
            fail_msg("%s: %g", rows[i].assignment, x->streams[1].rate_per_s);
        experiment_free(x);
    }
    struct experiment *x = load(all, 2, NULL);
    const struct experiment_raw *raw = &x->streams[1].raw;
    assert_int_equal(raw->size_count, 2);
    assert_int_equal(raw->counts[EXPERIMENT_RAW_SOURCES], 254);
    assert_int_equal(raw->counts[EXPERIMENT_RAW_DESTINATIONS], 256);
    assert_int_equal(raw->counts[EXPERIMENT_RAW_DESTINATION_PORTS], 536);
    assert_int_equal(raw->random, 1u << EXPERIMENT_RAW_SOURCE_PORTS);
    assert_int_equal(raw->source_port, 1024);
    assert_true(raw->source_given && !raw->foreign_sources);
    assert_int_equal(x->streams[1].connections, 0);
    experiment_free(x);
}

/* The main job with one place changed: a person's typos, and what they get told. */
static void mistakes_are_named(void **state)
{
    static const struct {
        const char *assignment;
        const char *message; /* Behind the file's name. */
    } rows[] = {
        {"version=2",
         "version: got 2, want 1, the version of experiments that this seamline reads"},
        {"streams[0]={\"name\":\"held\",\"protocol\":\"ctraffic\",\"conections\":80,\"rate\":\"1/"
         "s\"}",
         "streams[0]: unknown key \"conections\"; did you mean \"connections\"?"},
        {"streams.held.rate=400", "streams[0].rate: got 400, want a rate such as \"400/s\" or "
                                  "\"10k/s\", from 1/h to 1000M/s, or a law "
                                  "(docs/experiment.md)"},
        {"streams.held.rate={\"law\":\"ramp\",\"from\":\"1/s\",\"to\":\"2/s\"}",
         "streams[0].rate: over: want a duration up to 12h for a ramp"},
        {"streams.held.rate={\"law\":\"sine\",\"to\":\"2/s\"}",
         "streams[0].rate: key \"to\" does not fit here; with its other keys a rate takes: law, "
         "arrivals, unit, mean, amplitude, period"},
        {"streams.held.rate=ramp:1/s..2/s", "streams[0].rate: rate \"ramp:1/s..2/s\": column 14: "
                                            "want \":\", as in ramp:100/s..10k/s:60s"},
        {"streams.new.rate=1Mbit/s",
         "streams[1]: rate: \"connect\" carries no bits that are known; want requests, "
         "such as \"400/s\""},
        {"streams.held.catchUp=slip", "streams[0].catchUp: got \"slip\", want \"send-late\" or "
                                      "\"skip\"; did you mean \"skip\"?"},
        {"streams.held.rate=400 KB/s", "streams[0].rate: got \"400 KB/s\", want a rate such as "
                                       "\"400/s\" or \"10k/s\", from 1/h to 1000M/s, or a law "
                                       "(docs/experiment.md)"},
        {"streams.held.size=32", "streams[0].size: got 32, want a number of bytes such as 1024 or "
                                 "\"64KiB\", from 64B to 64KiB"},
        {"streams.held.protocol=ctrafic",
         "streams[0].protocol: got \"ctrafic\", want \"ctraffic\", \"connect\", \"udp\", \"icmp\", "
         "\"http\", \"https\", \"mconnect\" or \"raw\"; did you mean \"ctraffic\"?"},
        {"streams.new.size=1024",
         "streams[1]: key \"size\" does not fit here; with its other keys a stream takes: name, "
         "protocol, mode, target, connections, rate, turn, turns, catchUp, catchUpWithin, "
         "connectTimeout, "
         "record, "
         "recordLimit"},
        {"streams.new={\"name\":\"new\",\"protocol\":\"udp\",\"rate\":\"1/"
         "s\",\"reconnect\":\"never\"}",
         "streams[1]: key \"reconnect\" does not fit here; with its other keys a stream takes: "
         "name, "
         "protocol, target, connections, rate, turn, turns, catchUp, catchUpWithin, size, timeout, "
         "record, "
         "recordLimit"},
        {"streams.new={\"name\":\"new\",\"protocol\":\"icmp\",\"rate\":\"1/s\",\"size\":8193}",
         "streams[1]: size: datagrams have 64 to 8192 bytes"},
        {"streams.new.rate=max", "streams[1]: rate: a maximum is for \"raw\", which nobody "
                                 "answers; want a rate, or no rate "
                                 "and mode \"closed\": as fast as answers come"},
        {"streams.held.rate=10kpps",
         "streams[0]: rate: how many packets a request of \"ctraffic\" takes is not known before; "
         "want requests, such as \"400/s\""},
        {"streams.held.rate=10 connections/s",
         "streams[0]: rate: \"ctraffic\" opens no connection for each request; want requests, such "
         "as \"400/s\""},
        {"streams.held.rate=1Mbit/s L1",
         "streams[0]: rate: only frames of \"raw\" are known down to the line (L1); want requests, "
         "such as \"400/s\", or bits of payload, such as \"100Mbit/s\""},
        {RAW_WITH("1/s", "\"sizes\":[64]"), "expect[3]: frames of stream \"new\" are only counted; "
                                            "want lostRequests, unsentRequests or "
                                            "goodRatio, without \"from\""},
        {"streams.new={\"name\":\"new\",\"protocol\":\"raw\",\"rate\":\"1/s\"}",
         "streams[1]: \"raw\" is missing from a stream"},
        {RAW_WITH("1/s", "\"sizes\":[]"),
         "streams[1].raw.sizes: got a list of 0 items, want a list of 1 to 64 items"},
        {RAW_WITH("1/s", "\"sizes\":[63]"),
         "streams[1].raw.sizes[0]: got 63, want an integer from 64 to 1518"},
        {RAW_WITH("1/s", "\"sizes\":[64],\"destinationPorts\":537"),
         "streams[1]: raw.destinationPorts: 537 from 65000 on go beyond 65535"},
        {RAW_WITH("1/s", "\"sizes\":[64],\"sourcePort\":65535,\"sourcePorts\":2"),
         "streams[1]: raw.sourcePorts: 2 from 65535 on go beyond 65535"},
        {RAW_WITH("1/s", "\"sizes\":[64],\"source\":\"255.255.255.255\",\"sources\":2"),
         "streams[1]: raw.sources: a range of addresses must not leave their last 4 bytes"},
        {RAW_WITH("1/s", "\"sizes\":[64],\"source\":\"fd00::1\""),
         "streams[1]: raw.source: is not of the target's family"},
        {RAW_WITH("1/s", "\"sizes\":[64],\"foreignSources\":true"),
         "streams[1]: raw.foreignSources: there is no \"source\" to be foreign"},
        {"cluster.proxy.mode=ebpf",
         "cluster.proxy.mode: got \"ebpf\", want \"iptables\", \"ipvs\" or \"nftables\""},
        {"tcp.congestion=bbr", "tcp.congestion: got \"bbr\", want \"cubic\" or \"reno\""},
        {"tcp.windowScale=false", "tcp: window: without windowScale want 65535 bytes at most"},
        {"tcp.rtoInitial=100ms", "tcp: rtoInitial: want no less than rtoMin"},
        {"tcp.ports.first=0", "tcp.ports.first: got 0, want an integer from 1 to 65535"},
        {"tcp.ports.last=1023", "tcp: ports.last: got 1023, want no less than ports.first, 1024"},
        {"tcp.initialWindow=65", "tcp.initialWindow: got 65, want an integer from 1 to 64"},
        {"streams.new.name=held", "streams[1]: name: there is already a stream \"held\""},
        {"streams.new.target.port=80",
         "streams[1].target: key \"port\" does not fit here; with its other keys a target takes: "
         "address, service, servicePort, via, family, vip, route"},
        {"streams.new.target={\"address\":\"10.0.0.1\"}",
         "streams[1].target: \"port\" is missing: with \"address\" it must be said"},
        {"target.route=node", "target.route: got \"node\", want \"machine\", \"ecmp\", \"node:1\" "
                              "(the first Ready node by name) or \"node:NAME\""},
        {"target.vip=fd00::1", "target: vip is not of the family \"ipv4\", which \"family\" says"},
        {"target.vip=web", "target.vip: got \"web\", want an IP address"},
        {"target.via=loadbalancer",
         "target.via: got \"loadbalancer\", want \"loadBalancer\", "
         "\"clusterIP\" or \"nodePort\"; did you mean \"loadBalancer\"?"},
        {"target={}",
         "target: want \"service\", the name of a Service, or \"address\" with \"port\""},
        {"cluster.mayChange=[\"deploy/mserver\"]",
         "cluster.mayChange[0]: unknown kind \"deploy\"; did you mean \"deployment\"?"},
        {"cluster.mayChange=[\"mserver\"]", "cluster.mayChange[0]: got \"mserver\", want KIND/NAME "
                                            "such as \"deployment/mserver\""},
        {"cluster.mayChange=[\"deployment/other\"]",
         "steps[4]: deployment: it may not be changed; add \"deployment/mserver\" to "
         "cluster.mayChange if it may"},
        {"cluster.mayChange=[]",
         "steps[0]: nothing may be changed; list what the files hold in cluster.mayChange, such as "
         "\"deployment/NAME\""},
        {"cluster.lab.balancer=robin",
         "cluster.lab.balancer: got \"robin\", want \"ecmp\" or \"probing\""},
        {"cluster.lab.settings={\"probe Lag\":\"1s\"}",
         "cluster.lab.settings.probe Lag: got \"1s\", want a setting of seamline-lab --set, such "
         "as "
         "\"probeLag\": \"10s\""},
        {"cluster.lab.settings={\"probeLag\":[1]}",
         "cluster.lab.settings.probeLag: got a list of 1 items, want a setting of seamline-lab "
         "--set, such as "
         "\"probeLag\": \"10s\""},
        {"cluster.lab.nodes=33", "cluster.lab.nodes: got 33, want an integer from 1 to 32"},
        {"cluster.lab.podReady=[\"3s\",\"2s\"]",
         "cluster.lab.podReady: 3s to 2s is no range; want the least first, at most 1h"},
        {"rollout.maxSurge=0",
         "rollout: maxSurge and maxUnavailable are both 0: no pod could ever be replaced, and the "
         "API server refuses it; make one of them at least 1"},
        {"rollout.maxSurge=\"1\"",
         "rollout.maxSurge: got \"1\", want a number of pods such as 1, or "
         "a share such as \"25%\""},
        {"rollout.maxSurge=-1", "rollout.maxSurge: got -1, want a number of pods such as 1, or a "
                                "share such as \"25%\""},
        {"windows.late=0s", "windows.late: got \"0s\", want a duration such as \"1.5s\" or "
                            "\"500ms\", from 1us to 1h"},
        {"windows.opens=[\"ok\"]", "windows: opens: \"ok\" can open no window: it is no loss"},
        {"windows.opens=[\"rest\"]",
         "windows.opens[0]: got \"rest\", want \"ok\", \"repaired\", \"late\", \"refused\", "
         "\"connect-timeout\", \"unreachable\", \"reset\", \"closed\", \"stalled\", "
         "\"bad-status\", "
         "\"bad-answer\", \"blocked\", \"unsent\", \"unfinished\" or \"sent\"; did you mean "
         "\"reset\"?"},
        {"steps[3]={\"do\":\"wait\"}", "steps[3]: \"for\" is missing from this step"},
        {"steps[3].for=6", "steps[3].for: got 6, want a duration such as \"1.5s\" or \"500ms\", "
                           "from 1ms to 24h"},
        {"steps[3]={\"do\":\"wiat\",\"for\":\"6s\"}",
         "steps[3].do: got \"wiat\", want \"apply\", \"start\", \"wait\", \"set-image\", "
         "\"scale\", \"set-env\", \"move\", \"restart\", \"rollout-undo\", \"patch\", \"cordon\", "
         "\"uncordon\", "
         "\"drain\", \"evict\", "
         "\"delete-pod\", \"exec\", \"observe\", \"stop\" or \"delete-applied\"; did you mean "
         "\"wait\"?"},
        {"steps[3].streams=[\"held\"]", "steps[3]: key \"streams\" does not fit here; with its "
                                        "other keys this step takes: do, id, for"},
        {"steps[2].streams=[\"hold\"]",
         "steps[2].streams[0]: there is no stream \"hold\"; there are: \"held\", \"new\""},
        {"steps[2].until=rollout-complete",
         "steps[2]: until: \"rollout-complete\" is no end of \"start\", want \"done\" or "
         "\"steady\""},
        {"steps[2].streams=[\"held\"]",
         "steps[6].streams: \"new\" is not running here: no step before starts it"},
        {"steps[3]={\"do\":\"start\",\"streams\":[\"held\"]}",
         "steps[3].streams: \"held\" was started before"},
        {"steps[5]={\"do\":\"stop\"}",
         "steps[6].streams: \"held\" is not running here: it was stopped before"},
        {"steps=[{\"do\":\"start\",\"streams\":[\"held\"]}]",
         "expect[3].from: there is no step \"upgrade\"; there are: none"},
        {"steps[3].id=upgrade", "steps[4]: id: there is already a step \"upgrade\""},
        {"after=[{\"do\":\"stop\"}]",
         "after[0].do: \"stop\" cannot be done there, only \"delete-applied\" and \"wait\""},
        {"expect[0].stream=helt", "expect[0].stream: there is no stream \"helt\"; there are: "
                                  "\"held\", \"new\""},
        {"expect[0].figure=lostConnections",
         "expect[0].figure: got \"lostConnections\", want \"lastingConnections\", "
         "\"brokenConnections\", \"failedConnects\", \"lostRequests\", \"blockedRequests\", "
         "\"requests\", \"unsentRequests\", \"goodRatio\", \"windows\", \"longestWindow\", "
         "\"totalWindow\", "
         "\"longestOutage\", \"latencyP50\", \"latencyP99\" or \"latencyMax\"; did you mean "
         "\"lastingConnections\"?"},
        {"expect[0].equals=80ms", "expect[0].equals: got \"80ms\", want a number: this figure is a "
                                  "count"},
        {"expect[0].atMost=90", "expect[0].atMost: only one of \"equals\", \"atMost\", \"atLeast\" "
                                "can be said; write two expectations"},
        {"expect[0]={\"stream\":\"held\",\"figure\":\"windows\"}",
         "expect[0]: want one of \"equals\", \"atMost\", \"atLeast\""},
        {"expect[0].equals=predicted.p99",
         "expect[0].equals: only brokenConnections is predicted, not lastingConnections"},
        {"expect[2].atMost=predicted.p98", "expect[2].atMost: got \"predicted.p98\", want "
                                           "predicted.mean, .min, .p1, .p50, .p99 or .max"},
        {"expect[3].atMost=100", "expect[3].atMost: got 100, want a duration such as \"100ms\": "
                                 "this figure is one"},
        {"expect[3].from=upgrad", "expect[3].from: there is no step \"upgrad\"; there are: "
                                  "\"settle\", \"baseline\", \"upgrade\", \"aftermath\""},
        {"expect[0].stream=new",
         "expect[0].figure: stream \"new\" holds no connections, lastingConnections is about those "
         "of mode held"},
        {"report.formats=[\"pdf\"]",
         "report.formats[0]: got \"pdf\", want \"text\", \"json\", \"html\", \"csv\", "
         "\"markdown\", \"junit\", \"openmetrics\", \"ctraffic\", \"ctraffic-hosts\", "
         "\"ctraffic-throughput\", \"ctraffic-connections\", \"check\", \"vegeta\", \"wrk\", "
         "\"svg\", \"update\" or \"hdr\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        const char *sets[] = {rows[i].assignment};
        struct experiment_options options = {.sets = sets, .set_count = 1};
        struct experiment *x = NULL;
        struct error err = {0};
        char expected[1024];
        if (experiment_load(config_path("k8s-app-upgrade.json"), &options, &x, &err) == 0)
            fail_msg("%s was taken", rows[i].assignment);
        snprintf(expected, sizeof(expected), "%s: %s", config_path("k8s-app-upgrade.json"),
                 rows[i].message);
        assert_string_equal(err.text, expected);
        assert_int_equal(err.status, EXIT_USAGE);
        assert_null(x);
    }
}

static void variants_are_tried_when_the_file_is_read(void **state)
{
    static const char *const sets[] = {"variants.lc.set={\"cluster.proxy.scheduler\":\"lx\"}"};
    static const char *const path_sets[] = {"variants.lc.set={\"cluster.porxy.scheduler\":\"lc\"}"};
    struct experiment_options options = {.sets = sets, .set_count = 1};
    struct experiment *x;
    struct error err = {0};

    (void)state;
    assert_true(experiment_load(config_path("k8s-app-upgrade.json"), &options, &x, &err) < 0);
    assert_non_null(strstr(err.text, "variant \"lc\": "));
    assert_non_null(strstr(err.text, "cluster.proxy.scheduler: got \"lx\", want \"rr\", \"lc\", "));
    assert_non_null(strstr(err.text, "; did you mean \"lc\"?"));
    options.sets = path_sets;
    err.text[0] = '\0';
    assert_true(experiment_load(config_path("k8s-app-upgrade.json"), &options, &x, &err) < 0);
    assert_non_null(strstr(err.text,
                           "variants.lc.set: cluster.porxy: cluster has no key \"porxy\"; "
                           "did you mean \"proxy\"? its keys are: kubeconfig, context, "
                           "namespace, mayChange, lab, proxy"));
    options = (struct experiment_options){.variant = "wlc"};
    err.text[0] = '\0';
    assert_true(experiment_load(config_path("k8s-app-upgrade.json"), &options, &x, &err) < 0);
    assert_non_null(strstr(err.text, "there is no variant \"wlc\" in variants; there are: \"rr\", "
                                     "\"lc\", \"random\", \"ipv6\", \"ecmp\""));
}

static void bad_syntax_has_its_line_and_column(void **state)
{
    static const char json[] = "{\n  \"version\": 1,\n  \"name\": x\n}";
    struct experiment *x;
    struct error err = {0};

    (void)state;
    assert_true(experiment_parse("e.json", json, strlen(json), NULL, &x, &err) < 0);
    assert_non_null(strstr(err.text, "e.json: line 3, column 11"));
    err.text[0] = '\0';
    assert_true(experiment_load("no/such.json", NULL, &x, &err) < 0);
    assert_string_equal(err.text,
                        "no/such.json: No such file or directory; want an experiment file, "
                        "such as one of config/");
}

static void a_static_target_needs_no_cluster(void **state)
{
    static const char json[] =
        "{\"version\":1,\"name\":\"a\",\"target\":{\"address\":\"fd00::5\",\"port\":5003,"
        "\"nextHops\":[\"fd00:1::1\",\"fd00:1::2\"]},\"streams\":[{\"name\":\"s\",\"protocol\":"
        "\"ctraffic\",\"rate\":\"10/s\"}],\"steps\":[{\"do\":\"start\"},{\"do\":\"wait\",\"for\":"
        "\"1s\"}]}";
    struct experiment *x = NULL;
    struct error err = {0};

    (void)state;
    if (experiment_parse("a.json", json, strlen(json), NULL, &x, &err) < 0)
        fail_msg("%s", err.text);
    assert_false(x->cluster.given);
    assert_int_equal(x->streams[0].target.via, EXPERIMENT_VIA_STATIC);
    assert_int_equal(x->streams[0].target.family, EXPERIMENT_IPV6);
    assert_int_equal(x->streams[0].target.route, EXPERIMENT_ROUTE_HOPS);
    assert_int_equal(x->streams[0].target.hop_count, 2);
    assert_int_equal(x->streams[0].connections, 1);
    assert_int_equal(x->formats[0], EXPERIMENT_FORMAT_TEXT);
    experiment_free(x);
}

/* What an HTTP stream says, what it does not, and what does not fit together. */
static void http_streams(void **state)
{
    static const char form[] =
        "{\"version\":1,\"name\":\"a\",\"target\":{\"address\":\"10.0.0.5\",\"port\":80},"
        "\"streams\":[{\"name\":\"s\",\"protocol\":\"%s\",%s}],\"steps\":[{\"do\":\"start\"}]}";
    static const struct {
        const char *protocol, *keys, *problem;
    } rows[] = {
        {"http", "\"rate\":\"10/s\"", NULL},
        {"http", "\"mode\":\"closed\",\"thinkTime\":\"5ms\",\"keepAlive\":false", NULL},
        {"http", "\"mode\":\"held\",\"rate\":\"10/s\",\"pipelining\":4,\"connections\":2", NULL},
        {"mconnect", "\"rate\":\"10/s\"", NULL},
        {"http", "\"thinkTime\":\"5ms\"", "key \"thinkTime\" does not fit here"},
        {"http", "\"mode\":\"closed\",\"rate\":\"1/s\"", "key \"rate\" does not fit here"},
        {"http", "\"keepAlive\":true", "\"rate\" is missing"},
        {"http", "\"mode\":\"closed\",\"pipelining\":2,\"keepAlive\":false", "needs keepAlive"},
        {"http", "\"mode\":\"closed\",\"pipelining\":2,\"thinkTime\":\"1s\"", "without thinkTime"},
        {"connect", "\"mode\":\"held\",\"rate\":\"1/s\"", "it cannot be held"},
        {"connect", "\"rate\":\"1/s\",\"http\":{}", "key \"http\" does not fit here"},
        {"https", "\"rate\":\"1/s\",\"http\":{},\"tls\":{\"ca\":\"a.pem\",\"resume\":false}", NULL},
        {"https", "\"rate\":\"1/s\",\"tls\":{\"cert\":\"a\",\"key\":\"b\",\"minVersion\":\"1.3\"}",
         NULL},
        {"http", "\"rate\":\"1/s\",\"tls\":{}", "key \"tls\" does not fit here"},
        {"https", "\"rate\":\"1/s\",\"tls\":{\"cert\":\"a\"}",
         "tls: \"cert\" and \"key\" go together"},
        {"https", "\"rate\":\"1/s\",\"tls\":{\"key\":\"a\"}", "\"cert\" is missing"},
        {"https", "\"rate\":\"1/s\",\"tls\":{\"ca\":\"a\",\"insecure\":true}",
         "exclude each other"},
        {"https", "\"rate\":\"1/s\",\"tls\":{\"minVersion\":\"1.3\",\"maxVersion\":\"1.2\"}",
         "a later one"},
        {"https", "\"rate\":\"1/s\",\"tls\":{\"minVersion\":\"1.1\"}", "want \"1.2\" or \"1.3\""},
        {"http", "\"rate\":\"1/s\",\"http\":{\"path\":\"x\"}", "want one that begins with /"},
        {"http", "\"rate\":\"1/s\",\"http\":{\"headers\":[\"x\"]}", "want \"Name: value\""},
        {"http", "\"rate\":\"1/s\",\"http\":{\"body\":\"x\",\"bodySize\":9}", "exclude each other"},
        {"http", "\"rate\":\"1/s\",\"http\":{\"headers\":[\": x\"]}", "want \"Name: value\""},
        {"http", "\"rate\":\"1/s\",\"http\":{\"headers\":[\"host: x\"]}", "Host follows from"},
        {"http", "\"rate\":\"1/s\",\"http\":{\"headers\":[\"Hosts: x\"]}", NULL},
        {"http", "\"rate\":\"1/s\",\"http\":{\"method\":\"CONNECT\"}", "method: CONNECT"},
        {"http", "\"rate\":\"1/s\",\"http\":{\"host\":\"a b\"}", "host: got \"a b\""},
        {"http", "\"rate\":\"1/s\",\"http\":{\"bodyFile\":\"x\",\"bodySize\":9}",
         "exclude each other"},
        {"http", "\"rate\":\"1/s\",\"http\":{\"chunkSize\":9}", "no body to cut"},
        {"http", "\"rate\":\"1/s\",\"http\":{\"bodySize\":\"2GiB\"}", "from 0B to 1GiB"},
        {"http", "\"rate\":\"1/s\",\"http\":{\"limitSize\":5,\"expectSize\":6}", "over limitSize"},
        {"http", "\"rate\":\"1/s\",\"http\":{\"expectSha256\":\"abc\"}", "want 64 hexadecimal"},
        {"http", "\"rate\":\"1/s\",\"turn\":[1,3],\"turns\":3,\"http\":{\"requests\":[{}]}", NULL},
        {"http", "\"rate\":\"1/s\",\"turn\":[1,4],\"turns\":3", "turn: got 4 of 3 turns"},
        {"http", "\"rate\":\"1/s\",\"turn\":[2,2],\"turns\":3", "a list of rising ones"},
        {"http", "\"rate\":\"1/s\",\"turn\":[]", "a list of rising ones"},
        {"http", "\"rate\":\"1/s\",\"turn\":0", "a turn from 1 to 10000"},
        {"http", "\"mode\":\"held\",\"rate\":\"1/s\",\"turn\":[1,2],\"turns\":2", "mode \"open\""},
        {"udp", "\"rate\":\"1/s\",\"turn\":[1,2],\"turns\":2", "need connections"},
        {"http", "\"rate\":\"1/s\",\"http\":{\"requests\":[{},{\"path\":\"x\"}]}",
         "http.requests[1]: path: got"},
        {"http", "\"rate\":\"1/s\",\"http\":{\"requests\":[{\"bodySize\":1,\"body\":\"x\"}]}",
         "http.requests[0]: \"body\", "},
        {"http", "\"rate\":\"1/s\",\"http\":{\"expectContinue\":true}", "no body to wait with"},
        {"http", "\"rate\":\"1/s\",\"http\":{\"expectStatus\":[\"2xx\"]}", "want a status"},
        {"http", "\"rate\":\"1/s\",\"http\":{\"expectStatus\":[\"300-200\"]}", "want a status"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct experiment *x = NULL;
        struct error err = {0};
        char json[600];
        snprintf(json, sizeof(json), form, rows[i].protocol, rows[i].keys);
        int result = experiment_parse("a.json", json, strlen(json), NULL, &x, &err);
        if (rows[i].problem == NULL && result < 0)
            fail_msg("row %zu: %s", i, err.text);
        if (rows[i].problem != NULL && strstr(err.text, rows[i].problem) == NULL)
            fail_msg("row %zu: %s", i, err.text);
        if (i == 0) {
            assert_int_equal(x->streams[0].mode, EXPERIMENT_MODE_OPEN);
            assert_true(x->streams[0].keep_alive);
            assert_string_equal(x->streams[0].http.request.path, "/");
            assert_string_equal(x->streams[0].http.request.method, "GET");
            /* A silent target: 10/s for both time-outs, and 16. */
            assert_int_equal(x->streams[0].connections, 25 + 16);
        }
        experiment_free(x);
    }
}

static void statuses(void **state)
{
    static const struct {
        const char *text;
        uint16_t first, last; /* 0: refused. */
    } rows[] = {{"200", 200, 200},  {"200-299", 200, 299}, {"599", 599, 599}, {"", 0, 0},
                {"99", 0, 0},       {"600", 0, 0},         {"200-", 0, 0},    {"-200", 0, 0},
                {"200-2999", 0, 0}, {" 200", 0, 0},        {"200x", 0, 0},    {"299-200", 0, 0}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        uint16_t first = 0, last = 0;
        bool good = experiment_status_range(rows[i].text, &first, &last);
        assert_int_equal(good, rows[i].first != 0);
        assert_int_equal(first, rows[i].first);
        assert_int_equal(last, rows[i].last);
    }
}

static void a_service_needs_a_cluster(void **state)
{
    static const char *const rows[][2] = {
        {"{\"version\":1,\"name\":\"a\",\"target\":{\"service\":\"s\"},\"streams\":[{\"name\":"
         "\"s\","
         "\"protocol\":\"ctraffic\",\"rate\":\"10/s\"}],\"steps\":[{\"do\":\"start\"}]}",
         "a.json: streams[0].target: service \"s\" needs \"cluster\" to look it up; or give "
         "\"address\" and \"port\""},
        {"{\"version\":1,\"name\":\"a\",\"streams\":[{\"name\":\"s\",\"protocol\":\"ctraffic\","
         "\"rate\":\"10/s\"}],\"steps\":[{\"do\":\"start\"}]}",
         "a.json: streams[0]: \"target\" is missing: the experiment has none for all"},
        {"{\"version\":1,\"name\":\"a\",\"target\":{\"address\":\"10.0.0.1\",\"port\":1},"
         "\"streams\":"
         "[{\"name\":\"s\",\"protocol\":\"ctraffic\",\"rate\":\"10/s\"}],\"steps\":[{\"do\":"
         "\"observe\",\"deployment\":\"d\"}]}",
         "a.json: steps[0]: \"observe\" needs \"cluster\": kubeconfig, context and namespace"},
        {"{\"version\":1,\"name\":\"a\",\"target\":{\"address\":\"10.0.0.1\",\"port\":1},"
         "\"streams\":"
         "[{\"name\":\"s\",\"protocol\":\"ctraffic\",\"rate\":\"10/s\"}],\"steps\":[{\"do\":"
         "\"wait\",\"for\":\"1s\"}]}",
         "a.json: streams[0]: no step starts \"s\""},
        {"{\"version\":1,\"name\":\"a\",\"target\":{\"address\":\"10.0.0.1\",\"port\":1,"
         "\"service\":"
         "\"s\"},\"streams\":[],\"steps\":[]}",
         "a.json: target: key \"service\" does not fit here; with its other keys a target takes: "
         "address, port, nextHops"},
        {"[]", "a.json: got a list of 0 items, want an object: an experiment"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct experiment *x;
        struct error err = {0};
        assert_true(experiment_parse("a.json", rows[i][0], strlen(rows[i][0]), NULL, &x, &err) < 0);
        assert_string_equal(err.text, rows[i][1]);
    }
}

/* A step of the main job, in the place of its upgrade. */
static void steps_are_checked_when_the_file_is_read(void **state)
{
    static const struct {
        const char *step, *may_change, *message; /* NULL: it is right. */
    } rows[] = {
        {"\"restart\",\"deployment\":\"mserver\",\"until\":\"ready\"", "deployment/mserver", NULL},
        {"\"restart\"", "deployment/mserver", "\"restart\" lacks \"deployment\" or \"object\""},
        {"\"restart\",\"object\":\"statefulset/db\",\"until\":\"ready\"", "statefulset/db", NULL},
        {"\"restart\",\"object\":\"daemonset/log\"", "daemonset/log", NULL},
        {"\"restart\",\"object\":\"statefulset/db\"", "deployment/db",
         "add \"statefulset/db\" to cluster.mayChange"},
        {"\"restart\",\"object\":\"service/db\"", "service/db",
         "\"restart\" is of a deployment, statefulset or daemonset, and not of a service"},
        {"\"restart\",\"deployment\":\"a\",\"object\":\"statefulset/db\"", "statefulset/db",
         "want one of the two"},
        {"\"scale\",\"object\":\"daemonset/log\",\"replicas\":2", "daemonset/log", "no replicas"},
        {"\"scale\",\"object\":\"statefulset/db\",\"replicas\":2", "statefulset/db", NULL},
        {"\"observe\",\"object\":\"statefulset/db\"", "pod/x", NULL},
        {"\"scale\",\"deployment\":\"x\",\"replicas\":1", "deployment/mserver",
         "deployment: it may not be changed; add \"deployment/x\""},
        {"\"cordon\",\"node\":\"n1\",\"temporary\":true", "node/n1", NULL},
        {"\"cordon\"", "node/n1", "\"node\" is missing from this step"},
        {"\"cordon\",\"node\":\"n1\",\"until\":\"ready\"", "node/n1",
         "\"until\" does not fit here"},
        {"\"uncordon\",\"node\":\"n1\",\"until\":\"ready\"", "node/n1", NULL},
        {"\"observe\",\"node\":\"n1\"", "pod/x", NULL},
        {"\"observe\",\"node\":\"n1\",\"until\":\"steady\"", "pod/x",
         "of a node \"observe\" waits until it is \"ready\""},
        {"\"observe\",\"node\":\"n1\",\"deployment\":\"mserver\",\"until\":\"ready\"", "pod/x",
         "of a node \"observe\" waits until it is \"ready\""},
        {"\"cordon\",\"node\":\"n1\"", "node/n2", "node: it may not be changed; add \"node/n1\""},
        {"\"evict\",\"pod\":\"mserver-*\",\"grace\":\"5s\",\"until\":\"gone\"", "pod/mserver-*",
         NULL},
        {"\"evict\",\"pod\":\"mserver-1\"", "pod/mserver-*", NULL},
        {"\"evict\",\"pod\":\"x\",\"grace\":\"1500ms\"", "pod/x",
         "grace: the API takes whole seconds only"},
        {"\"delete-pod\",\"pod\":\"other-1\"", "pod/mserver-*",
         "pod: it may not be changed; add \"pod/other-1\""},
        {"\"evict\",\"pod\":\"x\",\"until\":\"ready\"", "pod/x",
         "until: \"ready\" is no end of \"evict\", want \"done\" or \"gone\""},
        {"\"cordon\",\"node\":\"n1\"", "node/n*", "cluster.mayChange[1]: got \"node/n*\""},
        {"\"evict\",\"pod\":\"x\"", "pod/*", "cluster.mayChange[1]: got \"pod/*\""},
        {"\"patch\",\"object\":\"service/s\",\"patch\":{\"spec\":{}}", "service/s", NULL},
        {"\"patch\",\"object\":\"service/s\",\"patch\":[]", "service/s",
         "patch: got a list of 0 items, want an object of what changes"},
        {"\"patch\",\"object\":\"service/s\",\"patchType\":\"json\",\"patch\":[]", "service/s",
         NULL},
        {"\"patch\",\"object\":\"service/s\",\"patch\":{},\"until\":\"rollout-complete\"",
         "service/s", "\"rollout-complete\" is about pods of a template, and a service has none"},
        {"\"patch\",\"object\":\"deployment/d\",\"patch\":{},\"until\":\"rollout-complete\"",
         "deployment/d", NULL},
        {"\"patch\",\"object\":\"gadget/d\",\"patch\":{}", "deployment/d", "unknown kind"},
        {"\"exec\",\"command\":[\"helm\",\"upgrade\"],\"env\":{\"A\":\"b\"}", "pod/x", NULL},
        {"\"set-env\",\"deployment\":\"mserver\",\"env\":{\"A\":\"b\",\"C\":null}",
         "deployment/mserver", NULL},
        {"\"set-env\",\"deployment\":\"mserver\"", "deployment/mserver",
         "\"set-env\" lacks \"env\""},
        {"\"move\",\"deployment\":\"mserver\",\"node\":\"n1\",\"until\":\"rollout-complete\"",
         "deployment/mserver", NULL},
        {"\"rollout-undo\",\"deployment\":\"mserver\",\"temporary\":true,\"until\":\"ready\"",
         "deployment/mserver", NULL},
        {"\"rollout-undo\",\"object\":\"daemonset/log\",\"toRevision\":3", "daemonset/log", NULL},
        {"\"rollout-undo\",\"object\":\"daemonset/log\",\"toRevision\":0", "daemonset/log",
         "toRevision: got 0, want an integer from 1 to"},
        {"\"rollout-undo\",\"deployment\":\"other\"", "deployment/mserver",
         "deployment: it may not be changed; add \"deployment/other\""},
        {"\"restart\",\"deployment\":\"mserver\",\"toRevision\":1", "deployment/mserver",
         "key \"toRevision\" does not fit here"},
        {"\"drain\",\"node\":\"n1\",\"force\":true,\"temporary\":true", "node/n1", NULL},
        {"\"exec\",\"command\":[\"x\"],\"env\":{\"A\":null}", "pod/x", "got null, want a string"},
        {"\"exec\",\"command\":[]", "pod/x", "command: got a list of 0 items"},
        {"\"exec\",\"command\":[\"x\"],\"env\":{\"A=B\":\"c\"}", "pod/x", "\"A=B\" is no name"},
        {"\"exec\",\"command\":[\"x\"],\"env\":{\"A\":1}", "pod/x", "got 1, want a string"},
        {"\"observe\",\"until\":\"windows-closed\"", "pod/x", NULL},
        {"\"observe\",\"until\":\"steady\"", "pod/x", NULL},
        {"\"observe\",\"until\":\"ready\"", "pod/x",
         "\"observe\" lacks \"deployment\" or \"object\""},
        {"\"observe\"", "pod/x", "\"observe\" lacks \"deployment\" or \"object\""},
        {"\"observe\",\"until\":\"done\",\"deployment\":\"mserver\"", "pod/x", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char step[400], may[200];
        const char *sets[] = {step, may, "expect=[]"};
        struct experiment_options options = {.sets = sets, .set_count = 3};
        struct experiment *x = NULL;
        struct error err = {0};
        snprintf(step, sizeof(step), "steps.upgrade={\"id\":\"upgrade\",\"do\":%s}", rows[i].step);
        snprintf(may, sizeof(may), "cluster.mayChange=[\"namespace/seamline\",\"%s\"]",
                 rows[i].may_change);
        int code = experiment_load(config_path("k8s-app-upgrade.json"), &options, &x, &err);
        if ((code == 0) != (rows[i].message == NULL) ||
            (code < 0 && strstr(err.text, rows[i].message) == NULL))
            fail_msg("%zu: %s", i, err.text);
        experiment_free(x);
    }
}

static void requests_are_expected_by_outcome(void **state)
{
    static const char *const sets[] = {
        "expect=[{\"stream\":\"new\",\"figure\":\"requests\",\"outcomes\":[\"refused\","
        "\"reset\"],\"equals\":0},{\"stream\":\"new\",\"figure\":\"requests\",\"atLeast\":1}]"};
    static const char *const bad[] = {
        "expect=[{\"stream\":\"new\",\"figure\":\"windows\",\"outcomes\":[\"ok\"],\"equals\":0}]"};
    struct experiment_options options = {.sets = bad, .set_count = 1};
    struct experiment *x = load(sets, 1, NULL);
    struct error err = {0};

    (void)state;
    assert_int_equal(x->expects[0].outcomes,
                     1 << EXPERIMENT_OUTCOME_REFUSED | 1 << EXPERIMENT_OUTCOME_RESET);
    assert_int_equal(x->expects[1].outcomes, 0);
    experiment_free(x);
    assert_true(experiment_load(config_path("k8s-app-upgrade.json"), &options, &x, &err) < 0);
    assert_non_null(strstr(err.text, "expect[0]: key \"outcomes\" does not fit here"));
}

static void a_run_may_only_observe(void **state)
{
    static const char *const sets[] = {
        "steps[4]={\"do\":\"observe\",\"id\":\"upgrade\",\"deployment\":\"mserver\"}",
        "steps[0]={\"do\":\"wait\",\"for\":\"1s\"}", "after=[]", "cluster.mayChange=[]"};
    struct experiment *x = load(sets, 4, NULL);

    (void)state;
    assert_int_equal(x->steps[4].until, EXPERIMENT_UNTIL_ROLLOUT_COMPLETE);
    assert_true(experiment_rolls(&x->steps[4]));
    assert_false(experiment_rolls(&x->steps[0]));
    experiment_free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_main_job_is_read),
        cmocka_unit_test(assignments_and_variants_apply),
        cmocka_unit_test(what_is_resolved_reads_the_same_again),
        cmocka_unit_test(laws_are_resolved),
        cmocka_unit_test(frames_and_their_rates),
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(steps_are_checked_when_the_file_is_read),
        cmocka_unit_test(requests_are_expected_by_outcome),
        cmocka_unit_test(variants_are_tried_when_the_file_is_read),
        cmocka_unit_test(bad_syntax_has_its_line_and_column),
        cmocka_unit_test(a_static_target_needs_no_cluster),
        cmocka_unit_test(http_streams),
        cmocka_unit_test(statuses),
        cmocka_unit_test(a_service_needs_a_cluster),
        cmocka_unit_test(a_run_may_only_observe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
