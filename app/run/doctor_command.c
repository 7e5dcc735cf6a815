#include "run/doctor_command.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/option.h"
#include "base/stop.h"
#include "kube/in_cluster.h"
#include "kube/proxy_config.h"
#include "run/cluster.h"
#include "run/doctor_cluster.h"
#include "run/doctor_machine.h"
#include "run/doctor_ports.h"
#include "run/doctor_tracking.h"
#include "run/drivers.h"
#include "run/pocket.h"

enum {
    OPTION_CLUSTER = 256,
    OPTION_CONTEXT,
    OPTION_READ_ONLY,
    OPTION_IN_CLUSTER,
    OPTION_KUBE_PROXY,
    OPTION_DRIVERS,
    OPTION_ROOT,
    SETS_MAX = 64
};

const char doctor_help[] =
    "Usage: seamline doctor [EXPERIMENT.json] [-m MACHINE.json] [CLUSTER] [OPTION]...\n"
    "       seamline doctor --cluster CLUSTER [OPTION]...\n"
    "\n"
    "Says whether all is ready for a run, a line each: ok; warn, a run works, and measures less\n"
    "well; fail, a run cannot; and what mends it. Nothing is changed, but a port's MTU becomes\n"
    "the machine file's, as it would by a run.\n"
    "\n"
    "The machine: cores, their isolation, governor and interrupts, hugepages, TSC, NUMA nodes,\n"
    "whether the system's clock is synchronized; with a machine file, for its cores. Where this\n"
    "machine's kernel carries the traffic (the lab, a veth pair, a tap): whether its connection\n"
    "tracking has room for the experiment's connections.\n"
    "The ports of the machine file are opened as a run opens them: driver, link, queues, which\n"
    "steering and pacing will be used and why, and the other offloads. Next hops, those of the\n"
    "experiment's targets or else the machine file's, are asked for by ARP and neighbour\n"
    "discovery.\n"
    "The cluster, the experiment's or one that is given: that it answers, its version, which\n"
    "versions of its resources it serves, each right that the experiment needs, or else all,\n"
    "asked for by SelfSubjectAccessReview, and how far its clock is from ours. What mends a right\n"
    "that is missing is the RBAC rule; config/rbac.yaml, config/rbac-readonly.yaml and\n"
    "config/rbac-kube-proxy.yaml have all.\n"
    "\n"
    "  -m, --machine FILE     the machine file of the runs to come; of an experiment on the lab\n"
    "                         the lab's own is the default\n"
    "  -s, --set PATH=VALUE   change a value of the experiment; may be given again\n"
    "  -k, --kubeconfig FILE  or \"lab\": the lab that is up\n"
    "      --in-cluster       as a pod: by its service account\n"
    "      --context NAME     in the kubeconfig\n"
    "  -n, --namespace NAME   of the experiment\n"
    "      --read-only        only the rights that a run needs which observes\n"
    "      --kube-proxy       also those to change kube-proxy's configuration (cluster.proxy)\n"
    "      --cluster          only the cluster\n"
    "  -f, --format FORMAT    text (default) or json\n"
    "      --drivers DIR      folder of driver profiles; default drivers-cfg\n"
    "      --root DIR         only the machine, and read /sys and /proc below DIR, such as a copy\n"
    "                         of another machine's\n"
    "\n"
    "Exit status: 0 nothing failed; 2 bad usage; 3 something failed.\n";

static const struct option long_options[] = {
    {"machine", required_argument, NULL, 'm'},
    {"set", required_argument, NULL, 's'},
    {"drivers", required_argument, NULL, OPTION_DRIVERS},
    {"cluster", no_argument, NULL, OPTION_CLUSTER},
    {"kubeconfig", required_argument, NULL, 'k'},
    {"context", required_argument, NULL, OPTION_CONTEXT},
    {"namespace", required_argument, NULL, 'n'},
    {"in-cluster", no_argument, NULL, OPTION_IN_CLUSTER},
    {"read-only", no_argument, NULL, OPTION_READ_ONLY},
    {"kube-proxy", no_argument, NULL, OPTION_KUBE_PROXY},
    {"format", required_argument, NULL, 'f'},
    {"root", required_argument, NULL, OPTION_ROOT},
    {"help", no_argument, NULL, 'h'},
    {0},
};

struct arguments {
    struct by_hand_options access;
    const char *operand, *machine, *root, *drivers;
    const char *sets[SETS_MAX];
    size_t set_count;
    bool cluster, read_only, kube_proxy, json, help;
};

static int take_format(struct arguments *arguments, const char *format, struct error *err)
{
    arguments->json = strcmp(format, "json") == 0;
    if (arguments->json || strcmp(format, "text") == 0)
        return 0;
    return error_set(err, EXIT_USAGE, -EINVAL, "-f: \"%.40s\" is no format: want text or json",
                     format);
}

static int take_option(struct arguments *arguments, int option, struct error *err)
{
    switch (option) {
    case 'm': arguments->machine = optarg; return 0;
    case 'k': arguments->access.kubeconfig = optarg; return 0;
    case 'n': arguments->access.namespace = optarg; return 0;
    case 's':
        if (arguments->set_count == SETS_MAX)
            return error_set(err, EXIT_USAGE, -E2BIG, "-s: more than %d", SETS_MAX);
        arguments->sets[arguments->set_count++] = optarg;
        return 0;
    case 'f': return take_format(arguments, optarg, err);
    case 'h': arguments->help = true; return 0;
    case OPTION_IN_CLUSTER: arguments->access.kubeconfig = KUBE_IN_CLUSTER; return 0;
    case OPTION_CLUSTER: arguments->cluster = true; return 0;
    case OPTION_CONTEXT: arguments->access.context = optarg; return 0;
    case OPTION_READ_ONLY: arguments->read_only = true; return 0;
    case OPTION_KUBE_PROXY: arguments->kube_proxy = true; return 0;
    case OPTION_DRIVERS: arguments->drivers = optarg; return 0;
    case OPTION_ROOT: arguments->root = optarg; return 0;
    }
    return -EINVAL;
}

static int parse(int argc, char **argv, struct arguments *arguments, struct error *err)
{
    const struct by_hand_options *cluster = &arguments->access;
    int option;
    optind = 1;
    while ((option = option_next("seamline help doctor", argc, argv, ":m:s:k:n:f:h", long_options,
                                 err)) > 0)
        if (take_option(arguments, option, err) < 0)
            return -EINVAL;
    if (option == OPTION_BAD)
        return -EINVAL;
    if (arguments->help)
        return 0;
    if (argc - optind > 1 || (optind < argc && cluster->kubeconfig != NULL))
        return error_set(err, EXIT_USAGE, -EINVAL,
                         "%s: want one experiment, whose cluster it is then, or none; see seamline "
                         "help doctor",
                         argv[argc - 1]);
    arguments->operand = argv[optind];
    if (strlen(arguments->root) > DOCTOR_ROOT_MAX)
        return error_set(err, EXIT_USAGE, -ENAMETOOLONG, "--root: longer than %d bytes",
                         DOCTOR_ROOT_MAX);
    if (arguments->root[0] != '\0' && access(arguments->root, R_OK | X_OK) < 0)
        return error_set(err, EXIT_USAGE, -errno, "--root %s: %s", arguments->root,
                         strerror(errno));
    if (cluster->kubeconfig == NULL && cluster->context == NULL && cluster->namespace == NULL &&
        (!arguments->cluster || arguments->operand != NULL))
        return 0;
    return by_hand_check_access(cluster, true, err);
}

/* ---- what there is to look at ---- */

struct patient {
    const struct arguments *arguments;
    const char *program;
    struct experiment *experiment; /* NULL: none was named. */
    struct machine *machine;       /* The same. */
    struct by_hand_options access; /* Kubeconfig NULL: no cluster. */
    unsigned rights;
    bool lab; /* The pocket cluster is to be used. */
    struct clock clock;
    struct cluster cluster; /* For targets that are Services. */
};

/* A cluster's rights that the experiment needs: what it changes stands in mayChange. */
static unsigned rights_of(const struct experiment *experiment)
{
    unsigned rights = DOCTOR_RIGHTS_READ;
    for (uint32_t i = 0; i < experiment->cluster.may_change_count; i++) {
        const struct experiment_change *change = &experiment->cluster.may_change[i];
        if (strcmp(change->kind, "node") == 0 || strcmp(change->kind, "namespace") == 0)
            rights |= 1U << KUBE_RIGHT_NODE;
        else if (strcmp(change->name, KUBE_PROXY_NAME) != 0)
            rights |= 1U << KUBE_RIGHT_CHANGE;
    }
    if (experiment->cluster.proxy.given &&
        experiment_may_change(experiment, "configmap", KUBE_PROXY_NAME) &&
        experiment_may_change(experiment, "daemonset", KUBE_PROXY_NAME))
        rights |= DOCTOR_RIGHTS_PROXY;
    return rights;
}

static int load_experiment(struct patient *patient, struct error *err)
{
    const struct arguments *arguments = patient->arguments;
    const struct experiment_options how = {.sets = arguments->sets,
                                           .set_count = arguments->set_count};
    if (arguments->operand == NULL)
        return 0;
    int code = experiment_load(arguments->operand, &how, &patient->experiment, err);
    if (code < 0 || !patient->experiment->cluster.given)
        return code;
    patient->lab = patient->experiment->cluster.lab_cluster;
    patient->access.kubeconfig = patient->experiment->cluster.kubeconfig;
    patient->access.context = patient->experiment->cluster.context;
    patient->access.namespace = patient->experiment->cluster.namespace;
    patient->rights = rights_of(patient->experiment);
    return 0;
}

/* Of an experiment on the lab the lab's own is used, when the lab is up. */
static int load_machine(struct patient *patient, struct error *err)
{
    const char *path = patient->arguments->machine;
    if (path == NULL && patient->lab && access(POCKET_DIRECTORY "/machine.json", R_OK) == 0)
        path = POCKET_DIRECTORY "/machine.json";
    return path != NULL ? machine_load(path, &patient->machine, err) : 0;
}

/* ---- looking ---- */

/* Caches for targets that are Services; without them those are left out. Why there are none,
 * doctor_cluster() tells. */
static void open_cluster(struct patient *patient)
{
    const struct experiment *experiment = patient->experiment;
    struct error failed = {0};
    if (experiment == NULL || !experiment->cluster.given)
        return;
    const char *path = patient->lab ? POCKET_DIRECTORY "/kubeconfig" : patient->access.kubeconfig;
    if (cluster_open(&patient->cluster, experiment, path, &patient->clock, &failed) < 0)
        cluster_close(&patient->cluster);
}

static int look_at_ports(struct patient *patient, struct findings *out, struct error *err)
{
    char drivers[PATH_MAX];
    struct error failed = {0};
    if (patient->machine == NULL || patient->arguments->root[0] != '\0')
        return 0;
    if (patient->experiment != NULL &&
        machine_check_experiment(patient->machine, patient->experiment, &failed) < 0)
        findings_add(out, FINDING_FAIL, "ports", "limits", "%s", failed.text);
    clock_start(&patient->clock, 20000000);
    open_cluster(patient);
    const struct doctor_ports what = {
        .machine = patient->machine,
        .experiment = patient->experiment,
        .kube = patient->cluster.kube,
        .clock = &patient->clock,
        .drivers = drivers_folder(patient->arguments->drivers, drivers),
        .program = patient->program,
    };
    int code = doctor_ports(&what, out, err);
    cluster_close(&patient->cluster);
    return code;
}

static int look_at_cluster(struct patient *patient, struct findings *out, struct error *err)
{
    if (patient->access.kubeconfig == NULL || patient->arguments->root[0] != '\0')
        return 0;
    if (patient->experiment != NULL && patient->lab &&
        access(POCKET_DIRECTORY "/kubeconfig", R_OK) < 0) {
        findings_add(out, FINDING_WARN, "cluster", "lab",
                     "it is not up, and was not looked at: a run brings it up, with its port");
        findings_mend(out, "seamline-lab up");
        return 0;
    }
    if (patient->arguments->read_only)
        patient->rights = DOCTOR_RIGHTS_READ;
    patient->rights |= patient->arguments->kube_proxy ? DOCTOR_RIGHTS_PROXY : 0;
    return doctor_cluster(&patient->access, patient->rights, out, err);
}

static int look(struct patient *patient, struct findings *out, struct error *err)
{
    const bool all = !patient->arguments->cluster;
    const struct doctor_time time = doctor_time_now();
    int code = load_experiment(patient, err);
    if (code == 0 && all)
        code = load_machine(patient, err);
    if (code == 0 && all)
        doctor_machine(patient->arguments->root, patient->machine, patient->lab, &time, out);
    if (code == 0 && all)
        doctor_tracking(patient->arguments->root, patient->machine, patient->experiment,
                        patient->lab, out);
    if (code == 0 && all)
        code = look_at_ports(patient, out, err);
    if (code == 0)
        code = look_at_cluster(patient, out, err);
    machine_free(patient->machine);
    experiment_free(patient->experiment);
    return code;
}

/* How it went is in ERR, or in FINDINGS. */
static int examine(const struct arguments *arguments, const char *program,
                   struct findings *findings, struct error *err)
{
    struct patient *patient = calloc(1, sizeof(*patient));
    if (patient == NULL)
        return error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory");
    *patient = (struct patient){.arguments = arguments,
                                .program = program,
                                .access = arguments->access,
                                .rights = DOCTOR_RIGHTS_USUAL};
    stop_on_signals();
    int code = look(patient, findings, err);
    free(patient);
    return code;
}

enum exit_status doctor_command(int argc, char **argv, const char *program, struct error *err)
{
    struct arguments arguments = {.access.timeout_ns = INT64_C(300000000000), .root = ""};
    struct findings findings = {0};
    struct text text = {0};
    int code = parse(argc, argv, &arguments, err);
    if (code == 0 && arguments.help) {
        fputs(doctor_help, stdout);
        return EXIT_MET;
    }
    if (code == 0)
        code = examine(&arguments, program, &findings, err);
    const bool failed = findings.counts[FINDING_FAIL] > 0;
    if (code == 0 && arguments.json)
        findings_json(&findings, &text);
    else if (code == 0)
        findings_print(&findings, &text);
    fputs(text_str(&text), stdout);
    text_free(&text);
    findings_free(&findings);
    if (code == 0)
        return failed ? EXIT_ENVIRONMENT : EXIT_MET;
    error_wrap(err, "doctor");
    return err->status;
}
