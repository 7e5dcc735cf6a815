#include "run/predict_command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/option.h"
#include "plan/forecast.h"
#include "run/live_manifest.h"
#include "run/prepare.h"

enum {
    SETS_MAX = 64,
    HELD_CONNECTIONS = 80, /* That are assumed where no experiment says it. */
    OPTION_CONTEXT = 256
};

const char predict_help[] =
    "Usage: seamline predict EXPERIMENT.json [--set PATH=VALUE]... [--variant NAME]\n"
    "       seamline predict MANIFEST.yaml\n"
    "       seamline predict NAME -n NAMESPACE --kubeconfig FILE --context NAME\n"
    "\n"
    "Simulates the rollout many times over with the delays of the experiment's lab profile, and\n"
    "prints how many connections of the held stream break, as a distribution. No cluster is\n"
    "touched.\n"
    "\n"
    "Of a manifest (.yaml, .yml): for each Deployment how many pods there are at least and at "
    "most,\n"
    "in which steps they are replaced, and how many of 80 held connections break under rr, lc and\n"
    "random, with the delays of profile kubeadm. With --kubeconfig the same of one Deployment of\n"
    "that cluster, NAME or NAMESPACE/NAME, which is only read.\n"
    "\n"
    "  -s, --set PATH=VALUE, -V, --variant NAME   of an experiment, as for run\n"
    "  -k, --kubeconfig FILE  or \"lab\": the lab that is up, whose context is the default\n"
    "      --context NAME     in it; neither is guessed\n"
    "  -n, --namespace NAME   of the Deployment\n";

static const struct option long_options[] = {
    {"set", required_argument, NULL, 's'},
    {"variant", required_argument, NULL, 'V'},
    {"kubeconfig", required_argument, NULL, 'k'},
    {"context", required_argument, NULL, OPTION_CONTEXT},
    {"namespace", required_argument, NULL, 'n'},
    {"help", no_argument, NULL, 'h'},
    {0},
};

struct arguments {
    const char *operand, *variant;
    const char *sets[SETS_MAX];
    size_t set_count;
    struct live_manifest_options live;
    bool help;
};

static int take(struct arguments *arguments, int option, struct error *err)
{
    switch (option) {
    case 'V': arguments->variant = optarg; return 0;
    case 'k': arguments->live.kubeconfig = optarg; return 0;
    case 'n': arguments->live.namespace = optarg; return 0;
    case 'h': arguments->help = true; return 0;
    case OPTION_CONTEXT: arguments->live.context = optarg; return 0;
    default: break;
    }
    if (arguments->set_count == SETS_MAX)
        return error_set(err, EXIT_USAGE, -E2BIG, "--set: more than %d", SETS_MAX);
    arguments->sets[arguments->set_count++] = optarg;
    return 0;
}

static int parse(int argc, char **argv, struct arguments *arguments, struct error *err)
{
    int option;
    optind = 1;
    while ((option = option_next("seamline help predict", argc, argv, ":s:V:k:n:h", long_options,
                                 err)) > 0)
        if (take(arguments, option, err) < 0)
            return -EINVAL;
    if (option == OPTION_BAD)
        return -EINVAL;
    const struct live_manifest_options *live = &arguments->live;
    bool experiment = arguments->variant != NULL || arguments->set_count > 0;
    bool live_words = live->context != NULL || live->namespace != NULL;
    if (arguments->help)
        return 0;
    if (argc - optind != 1)
        return error_set(err, EXIT_USAGE, -EINVAL,
                         "want exactly one operand; see seamline help predict");
    if (live->kubeconfig == NULL && live_words)
        return error_set(err, EXIT_USAGE, -EINVAL,
                         "--context and -n are of a cluster: --kubeconfig is missing");
    if (live->kubeconfig != NULL && experiment)
        return error_set(err, EXIT_USAGE, -EINVAL, "--set and --variant are of experiments");
    arguments->operand = argv[optind];
    return 0;
}

static bool is_manifest(const char *file)
{
    const char *dot = strrchr(file, '.');
    return dot != NULL && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0);
}

static int forecast(const struct manifest *manifest, const char *name, struct text *out,
                    struct error *err)
{
    const struct predict_profile *profile = predict_profile_find("kubeadm");
    int code = 0;
    for (uint32_t i = 0; i < manifest->count && code == 0; i++)
        if (strcmp(json_string(manifest->objects[i], "kind", ""), "Deployment") == 0)
            code = forecast_print(manifest->objects[i], profile, HELD_CONNECTIONS, out, err);
    if (code == 0 && out->size == 0)
        code = error_set(err, EXIT_USAGE, -ENOENT, "%s: there is no Deployment in it", name);
    return code;
}

static int predict(const struct arguments *arguments, struct text *out, struct error *err)
{
    struct manifest manifest = {0};
    int code =
        arguments->live.kubeconfig == NULL ? live_manifest_check_file(arguments->operand, err) : 0;
    if (code < 0)
        return code;
    if (arguments->live.kubeconfig == NULL && !is_manifest(arguments->operand)) {
        struct run_options options = {.experiment = arguments->operand,
                                      .variant = arguments->variant,
                                      .sets = arguments->sets,
                                      .set_count = arguments->set_count};
        return prepare_predict(&options, out, err);
    }
    if (arguments->live.kubeconfig != NULL)
        code = live_manifest_read(&arguments->live, arguments->operand, &manifest, err);
    else if (arguments->variant != NULL || arguments->set_count > 0)
        code = error_set(err, EXIT_USAGE, -EINVAL, "--set and --variant are of experiments");
    else
        code = manifest_load(arguments->operand, &manifest, err);
    if (code == 0)
        code = forecast(&manifest, arguments->operand, out, err);
    manifest_free(&manifest);
    return code;
}

enum exit_status predict_command(int argc, char **argv, struct error *err)
{
    struct arguments arguments = {0};
    struct text out = {0};
    int code = parse(argc, argv, &arguments, err);
    if (code == 0 && arguments.help)
        text_add(&out, predict_help);
    else if (code == 0)
        code = predict(&arguments, &out, err);
    fputs(text_str(&out), stdout);
    text_free(&out);
    if (code == 0)
        return EXIT_MET;
    error_wrap(err, "predict");
    return err->status;
}
