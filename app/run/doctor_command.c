#include "run/doctor_command.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/stop.h"
#include "kube/in_cluster.h"
#include "run/doctor_cluster.h"
#include "run/doctor_machine.h"

enum {
    OPTION_CLUSTER = 256,
    OPTION_CONTEXT,
    OPTION_READ_ONLY,
    OPTION_IN_CLUSTER,
    OPTION_KUBE_PROXY,
    OPTION_ROOT
};

const char doctor_help[] =
    "Usage: seamline doctor [-m MACHINE.json] [CLUSTER] [OPTION]...\n"
    "       seamline doctor --cluster CLUSTER [OPTION]...\n"
    "\n"
    "Says whether all is ready for a run, a line each: ok; warn, a run works, and measures less\n"
    "well; fail, a run cannot; and what mends it. Nothing is changed.\n"
    "\n"
    "The machine: cores, their isolation, governor and interrupts, hugepages, TSC, NUMA nodes,\n"
    "whether the system's clock is synchronized; with a machine file, for its cores.\n"
    "The cluster, when one is given: that it answers, its version, which versions of its\n"
    "resources it serves, each right, asked for by SelfSubjectAccessReview, and how far its clock\n"
    "is from ours. What mends a right that is missing is the RBAC rule; config/rbac.yaml,\n"
    "config/rbac-readonly.yaml and config/rbac-kube-proxy.yaml have all.\n"
    "\n"
    "  -m, --machine FILE     the machine file of the runs to come\n"
    "  -k, --kubeconfig FILE  or \"lab\": the lab that is up\n"
    "      --in-cluster       as a pod: by its service account\n"
    "      --context NAME     in the kubeconfig\n"
    "  -n, --namespace NAME   of the experiment\n"
    "      --read-only        only the rights that a run needs which observes\n"
    "      --kube-proxy       also those to change kube-proxy's configuration (cluster.proxy)\n"
    "      --cluster          only the cluster\n"
    "  -f, --format FORMAT    text (default) or json\n"
    "      --root DIR         read /sys and /proc below DIR, such as a copy of another machine's\n"
    "\n"
    "Exit status: 0 nothing failed; 2 bad usage; 3 something failed.\n";

static const struct option long_options[] = {
    {"machine", required_argument, NULL, 'm'},
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
    const char *machine, *root;
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
    case 'f': return take_format(arguments, optarg, err);
    case 'h': arguments->help = true; return 0;
    case OPTION_IN_CLUSTER: arguments->access.kubeconfig = KUBE_IN_CLUSTER; return 0;
    case OPTION_CLUSTER: arguments->cluster = true; return 0;
    case OPTION_CONTEXT: arguments->access.context = optarg; return 0;
    case OPTION_READ_ONLY: arguments->read_only = true; return 0;
    case OPTION_KUBE_PROXY: arguments->kube_proxy = true; return 0;
    case OPTION_ROOT: arguments->root = optarg; return 0;
    }
    return -EINVAL;
}

static int parse(int argc, char **argv, struct arguments *arguments, struct error *err)
{
    const struct by_hand_options *access = &arguments->access;
    int option;
    optind = 1;
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":m:k:n:f:h", long_options, NULL)) != -1) {
        if (option == '?' || option == ':')
            return error_set(err, EXIT_USAGE, -EINVAL, "%s: %s; see seamline help doctor",
                             argv[optind - 1],
                             option == ':' ? "wants a value" : "there is no such option");
        if (take_option(arguments, option, err) < 0)
            return -EINVAL;
    }
    if (arguments->help)
        return 0;
    if (optind < argc)
        return error_set(err, EXIT_USAGE, -EINVAL, "%s: want no operand; see seamline help doctor",
                         argv[optind]);
    if (access->kubeconfig == NULL && !arguments->cluster && access->context == NULL &&
        access->namespace == NULL)
        return 0;
    return by_hand_check_access(access, true, err);
}

static int examine_machine(const struct arguments *arguments, struct findings *out,
                           struct error *err)
{
    struct machine *machine = NULL;
    const struct doctor_time time = doctor_time_now();
    int code = arguments->machine != NULL ? machine_load(arguments->machine, &machine, err) : 0;
    if (code == 0)
        doctor_machine(arguments->root, machine, false, &time, out);
    machine_free(machine);
    return code;
}

static int examine(const struct arguments *arguments, struct findings *out, struct error *err)
{
    unsigned rights = arguments->read_only ? DOCTOR_RIGHTS_READ : DOCTOR_RIGHTS_USUAL;
    rights |= arguments->kube_proxy ? DOCTOR_RIGHTS_PROXY : 0;
    int code = arguments->cluster ? 0 : examine_machine(arguments, out, err);
    if (code == 0 && arguments->access.kubeconfig != NULL)
        code = doctor_cluster(&arguments->access, rights, out, err);
    return code;
}

enum exit_status doctor_command(int argc, char **argv, struct error *err)
{
    struct arguments arguments = {.access.timeout_ns = INT64_C(300000000000), .root = ""};
    struct findings findings = {0};
    struct text text = {0};
    int code = parse(argc, argv, &arguments, err);
    if (code == 0 && arguments.help) {
        fputs(doctor_help, stdout);
        return EXIT_MET;
    }
    if (code == 0) {
        stop_on_signals();
        code = examine(&arguments, &findings, err);
    }
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
