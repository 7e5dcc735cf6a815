#include "run/doctor_command.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/stop.h"
#include "kube/in_cluster.h"
#include "kube/rights.h"
#include "run/by_hand.h"

enum {
    ANSWER_MS = 10000,
    VERBS_MAX = 8,
    OPTION_CLUSTER = 256,
    OPTION_CONTEXT,
    OPTION_READ_ONLY,
    OPTION_IN_CLUSTER
};

const char doctor_help[] =
    "Usage: seamline doctor --cluster --kubeconfig FILE --context NAME -n NAMESPACE [--read-only]\n"
    "\n"
    "Says whether a cluster is ready for a run: that it answers, its version, which versions of\n"
    "its resources it serves, each right, asked for by SelfSubjectAccessReview, and how far its\n"
    "clock is from ours. Nothing is changed. Rights that are missing are printed as the RBAC\n"
    "rules that would grant them; config/rbac.yaml and config/rbac-readonly.yaml have all.\n"
    "\n"
    "  -k, --kubeconfig FILE  or \"lab\": the lab that is up\n"
    "      --in-cluster       as a pod: by its service account\n"
    "      --context NAME     in the kubeconfig\n"
    "  -n, --namespace NAME   of the experiment\n"
    "      --read-only        only what a run needs that observes\n"
    "\n"
    "Exit status: 0 all is there; 2 bad usage; 3 something is missing, or the cluster cannot be\n"
    "reached.\n";

static const struct option long_options[] = {
    {"cluster", no_argument, NULL, OPTION_CLUSTER},
    {"kubeconfig", required_argument, NULL, 'k'},
    {"context", required_argument, NULL, OPTION_CONTEXT},
    {"namespace", required_argument, NULL, 'n'},
    {"in-cluster", no_argument, NULL, OPTION_IN_CLUSTER},
    {"read-only", no_argument, NULL, OPTION_READ_ONLY},
    {"help", no_argument, NULL, 'h'},
    {0},
};

struct arguments {
    struct by_hand_options options;
    bool cluster, read_only, help;
};

static int parse(int argc, char **argv, struct arguments *arguments, struct error *err)
{
    int option;
    optind = 1;
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":k:n:h", long_options, NULL)) != -1) {
        switch (option) {
        case 'k': arguments->options.kubeconfig = optarg; break;
        case 'n': arguments->options.namespace = optarg; break;
        case 'h': arguments->help = true; return 0;
        case OPTION_IN_CLUSTER: arguments->options.kubeconfig = KUBE_IN_CLUSTER; break;
        case OPTION_CLUSTER: arguments->cluster = true; break;
        case OPTION_CONTEXT: arguments->options.context = optarg; break;
        case OPTION_READ_ONLY: arguments->read_only = true; break;
        default:
            return error_set(err, EXIT_USAGE, -EINVAL, "%s: %s; see seamline help doctor",
                             argv[optind - 1],
                             option == ':' ? "wants a value" : "there is no such option");
        }
    }
    if (!arguments->cluster || optind < argc)
        return error_set(err, EXIT_USAGE, -EINVAL,
                         "want --cluster and no operand; see seamline help doctor");
    return by_hand_check_access(&arguments->options, true, err);
}

/* 1 when CALL is allowed, 0 when it is denied, or -errno with ERR. */
static int may(struct kube *kube, const struct kube_call *call, struct error *err)
{
    struct kube_order order = {.verb = KUBE_MAY, .may = call};
    struct kube_result result;
    int code = stop_is_wanted() ? error_set(err, EXIT_INTERRUPTED, -EINTR, "interrupted")
                                : kube_run(kube, &order, ANSWER_MS, &result, err);
    return code < 0 ? code : result.done == KUBE_DONE_ALLOWED;
}

/* Ask for each verb of RIGHT, print its line, and append the rules that are missing. How many are,
 * or -errno with ERR. */
static int check_right(struct kube *kube, const struct kube_right *right, struct text *rules,
                       struct error *err)
{
    char verb[32];
    struct kube_call call;
    struct text missing = {0};
    int code = 1, count = 0;
    for (unsigned i = 0; code >= 0 && kube_right_call(right, i, kube_namespace(kube), verb, &call);
         i++) {
        code = may(kube, &call, err);
        if (code != 0)
            continue;
        count++;
        text_addf(&missing, "%s%s", missing.size > 0 ? " " : "", verb);
        text_add(rules, rules->size > 0 ? "\n---\n" : "");
        kube_failure_rule(rules, &call);
    }
    if (code >= 0)
        printf("  %-3s  %-20s  %s%s%s%s: %s\n", count == 0 ? "yes" : "NO",
               count == 0 ? right->verbs : text_str(&missing), right->resource,
               right->subresource[0] == '\0' ? "" : "/", right->subresource,
               right->all ? " everywhere" : "", right->what_for);
    text_free(&missing);
    return code < 0 ? code : count;
}

static int check_rights(struct kube *kube, bool read_only, struct error *err)
{
    struct text rules = {0};
    int missing = 0, code = 0;
    for (unsigned i = 0; i < kube_rights_count && code >= 0; i++) {
        if (read_only && kube_rights[i].need != KUBE_RIGHT_READ)
            continue;
        code = check_right(kube, &kube_rights[i], &rules, err);
        missing += code > 0 ? code : 0;
    }
    if (code >= 0 && missing > 0)
        printf("Rules that would grant what is missing:\n%s\n", text_str(&rules));
    text_free(&rules);
    if (code < 0)
        return code;
    return missing == 0 ? 0
                        : error_set(err, EXIT_ENVIRONMENT, -EPERM, "%d right%s missing (see above)",
                                    missing, missing == 1 ? " is" : "s are");
}

static void print_versions(const struct kube *kube, char *version)
{
    const struct kube_discovery *discovery = kube_discovered(kube);
    printf("server %s, context %s, namespace %s: it answers\n", kube_config(kube)->server,
           kube_config(kube)->context, kube_namespace(kube));
    text_tame(version);
    printf("Kubernetes %s\n", version[0] == '\0' ? "of a version it does not say" : version);
    for (int i = 0; i < KUBE_KIND_COUNT; i++) {
        const struct kube_resource *resource = &discovery->resources[i];
        printf("  %-3s  %s%s%s %s\n", discovery->served[i] ? "yes" : "NO", resource->group,
               resource->group[0] == '\0' ? "" : "/", resource->version, resource->plural);
    }
    printf("  %-3s  evictions%s%s\n", discovery->eviction_version[0] == '\0' ? "NO" : "yes",
           discovery->eviction_version[0] == '\0' ? "" : " of ", discovery->eviction_version);
}

/* By the Dates of all its answers. */
static void print_clock(const struct kube *kube)
{
    const struct server_clock *clock = kube_server_clock(kube);
    struct text least = {0}, most = {0};
    if (clock->answers == 0) {
        printf("its clock: its answers have no Date\n");
        return;
    }
    text_add_duration(&least, clock->least_ns);
    text_add_duration(&most, clock->most_ns);
    printf("its clock: between %s and %s ahead of ours, by %u answers\n", text_str(&least),
           text_str(&most), clock->answers);
    text_free(&least);
    text_free(&most);
}

enum exit_status doctor_command(int argc, char **argv, struct error *err)
{
    struct arguments arguments = {.options.timeout_ns = INT64_C(300000000000)};
    struct by_hand hand = {0};
    char version[64];
    int code = parse(argc, argv, &arguments, err);
    if (code == 0 && arguments.help) {
        fputs(doctor_help, stdout);
        return EXIT_MET;
    }
    if (code == 0) {
        stop_on_signals();
        code = by_hand_open(&hand, &arguments.options, err);
        if (code == 0)
            code = kube_version(hand.kube, ANSWER_MS, version, err);
        if (code == 0) {
            print_versions(hand.kube, version);
            code = check_rights(hand.kube, arguments.read_only, err);
            print_clock(hand.kube);
        }
        by_hand_close(&hand);
    }
    if (code == 0)
        return EXIT_MET;
    error_wrap(err, "doctor");
    return err->text[0] == '\0' ? EXIT_ENVIRONMENT : err->status;
}
