#include "run/advise_command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/option.h"
#include "plan/advice.h"
#include "plan/quantity.h"
#include "run/live_manifest.h"

const char advise_help[] =
    "Usage: seamline advise FILE [OPTION]...\n"
    "       seamline advise NAME -n NAMESPACE --kubeconfig FILE --context NAME [OPTION]...\n"
    "\n"
    "What of a Deployment will lose traffic when pods are replaced, told apart for new "
    "connections,\n"
    "which a preStop hook saves, and held ones, which it does not; each with its reason and the\n"
    "Kubernetes document. FILE is YAML; Services and PodDisruptionBudgets in it count as well.\n"
    "With --kubeconfig it is of a Deployment of that cluster, NAME or NAMESPACE/NAME, which is "
    "only\n"
    "read, as are Services and PodDisruptionBudgets of its namespace, and nodes.\n"
    "\n"
    "  -k, --kubeconfig FILE  or \"lab\": the lab that is up, whose context is the default\n"
    "      --context NAME     in it; neither is guessed\n"
    "  -n, --namespace NAME   of the Deployment\n"
    "  -d, --deployment NAME  of a FILE, which; default all\n"
    "  -p, --patch FILE       write what mends one Deployment, and its PodDisruptionBudget; then\n"
    "                         seamline kube apply FILE --force-conflicts, or\n"
    "                         kubectl apply --server-side --force-conflicts -f FILE, or, without\n"
    "                         the budget, kubectl patch deployment NAME --patch-file FILE. An "
    "apply\n"
    "                         takes back what its own manager applied before and FILE leaves out\n"
    "      --removal TIME     longest until proxies and an ingress know that a pod ends; default "
    "5s\n"
    "      --probe-lag TIME   longest until a balancer in front takes out a node; default 0s: "
    "none\n"
    "      --longest-request TIME  default 10s\n"
    "\n"
    "Exit status: 0 nothing that the manifest could mend will lose traffic; 1 something will.\n";

enum {
    OPTION_REMOVAL = 256,
    OPTION_PROBE,
    OPTION_REQUEST,
    OPTION_CONTEXT
};

struct options {
    const char *file; /* Or the name of what is live. */
    const char *deployment, *patch;
    struct live_manifest_options live;
    struct advice_conditions conditions;
    bool help;
};

static int read_time(const char *name, const char *text, int64_t *out, struct error *err)
{
    if (quantity_parse_duration(text, out) == 0 && *out >= 0 && *out <= 3600 * INT64_C(1000000000))
        return 0;
    return error_set(err, EXIT_USAGE, -EINVAL, "%s: \"%.40s\" is no time up to 1h, such as 10s",
                     name, text);
}

static int take_option(struct options *options, int option, struct error *err)
{
    struct advice_conditions *conditions = &options->conditions;
    switch (option) {
    case 'd': options->deployment = optarg; return 0;
    case 'p': options->patch = optarg; return 0;
    case 'h': options->help = true; return 0;
    case 'k': options->live.kubeconfig = optarg; return 0;
    case 'n': options->live.namespace = optarg; return 0;
    case OPTION_CONTEXT: options->live.context = optarg; return 0;
    case OPTION_REMOVAL: return read_time("--removal", optarg, &conditions->removal_ns, err);
    case OPTION_PROBE: return read_time("--probe-lag", optarg, &conditions->probe_ns, err);
    default: return read_time("--longest-request", optarg, &conditions->request_ns, err);
    }
}

static int parse(int argc, char **argv, struct options *options, struct error *err)
{
    static const struct option list[] = {
        {"deployment", required_argument, NULL, 'd'},
        {"patch", required_argument, NULL, 'p'},
        {"removal", required_argument, NULL, OPTION_REMOVAL},
        {"probe-lag", required_argument, NULL, OPTION_PROBE},
        {"longest-request", required_argument, NULL, OPTION_REQUEST},
        {"kubeconfig", required_argument, NULL, 'k'},
        {"context", required_argument, NULL, OPTION_CONTEXT},
        {"namespace", required_argument, NULL, 'n'},
        {"help", no_argument, NULL, 'h'},
        {0}};
    int option;
    options->conditions = (struct advice_conditions){.removal_ns = INT64_C(5000000000),
                                                     .request_ns = INT64_C(10000000000)};
    optind = 1;
    while ((option = option_next("seamline help advise", argc, argv, ":d:p:k:n:h", list, err)) > 0)
        if (take_option(options, option, err) < 0)
            return -EINVAL;
    if (option == OPTION_BAD)
        return -EINVAL;
    if (!options->help && argc - optind != 1)
        return error_set(err, EXIT_USAGE, -EINVAL,
                         "advise: want exactly one file, or one name; see seamline help advise");
    const struct live_manifest_options *live = &options->live;
    if (live->kubeconfig == NULL && (live->context != NULL || live->namespace != NULL))
        return error_set(err, EXIT_USAGE, -EINVAL,
                         "advise: --context and -n are of a cluster: --kubeconfig is missing");
    if (live->kubeconfig != NULL && options->deployment != NULL)
        return error_set(err, EXIT_USAGE, -EINVAL, "advise: --deployment is of a file");
    options->file = argv[optind];
    return 0;
}

static int write_patch(const struct options *options, const struct advice *advice,
                       struct error *err)
{
    struct text text = {0};
    if (!advice_print_patch(advice, &text))
        return error_set(err, EXIT_USAGE, -ENODATA, "--patch: there is nothing that it could mend");
    int code = text_write_file(&text, options->patch);
    if (code < 0)
        error_set(err, EXIT_ENVIRONMENT, code, "%s: %s", options->patch, strerror(-code));
    text_free(&text);
    return code;
}

/* 1 when the manifest could mend what will be lost, else 0, or -errno with ERR. */
static int advise_one(const struct options *options, const struct manifest *manifest,
                      const cJSON *object, struct error *err)
{
    struct advice advice;
    struct text text = {0};
    int code = advice_make(manifest, object, &options->conditions, &advice, err);
    if (code < 0)
        return code;
    advice_print(&advice, &text);
    fputs(text_str(&text), stdout);
    text_free(&text);
    if (options->patch != NULL)
        code = write_patch(options, &advice, err);
    for (uint32_t i = 0; i < advice.count && code >= 0; i++)
        code |= advice.items[i].certain && advice.items[i].hits != ADVICE_HELD;
    advice_free(&advice);
    return code;
}

static int advise(const struct options *options, const struct manifest *manifest, struct error *err)
{
    int found = 0, lost = 0;
    for (uint32_t i = 0; i < manifest->count; i++) {
        const cJSON *object = manifest->objects[i];
        const char *name = json_string(object, "metadata.name", "");
        if (strcmp(json_string(object, "kind", ""), "Deployment") != 0 ||
            (options->deployment != NULL && strcmp(name, options->deployment) != 0))
            continue;
        if (found++ > 0 && options->patch != NULL)
            return error_set(err, EXIT_USAGE, -EINVAL,
                             "--patch: %s has several Deployments: say which by --deployment",
                             options->file);
        int code = advise_one(options, manifest, object, err);
        if (code < 0)
            return code;
        lost |= code;
    }
    if (found == 0)
        return error_set(err, EXIT_USAGE, -ENOENT, "%s: there is no Deployment%s%s in it",
                         options->file, options->deployment != NULL ? " " : "",
                         options->deployment != NULL ? options->deployment : "");
    return lost;
}

enum exit_status advise_command(int argc, char **argv, struct error *err)
{
    struct options options = {0};
    struct manifest manifest = {0};
    if (parse(argc, argv, &options, err) < 0)
        return EXIT_USAGE;
    if (options.help) {
        fputs(advise_help, stdout);
        return EXIT_MET;
    }
    int code = 0;
    if (options.live.kubeconfig != NULL)
        code = live_manifest_read(&options.live, options.file, &manifest, err);
    else if ((code = live_manifest_check_file(options.file, err)) == 0)
        code = manifest_load(options.file, &manifest, err);
    if (code < 0)
        return err->status;
    code = advise(&options, &manifest, err);
    manifest_free(&manifest);
    return code < 0 ? err->status : code > 0 ? EXIT_NOT_MET : EXIT_MET;
}
