#include "run/kube_command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/option.h"
#include "base/stop.h"
#include "base/yaml_tree.h"
#include "kube/in_cluster.h"
#include "plan/manifest.h"
#include "plan/quantity.h"
#include "run/by_hand.h"

enum {
    PATCH_BYTES_MAX = 1 << 20,
    OPERANDS_MAX = 64,
    SECONDS_MAX = 86400
};

const char kube_help[] =
    "Usage: seamline kube ACTION --kubeconfig FILE --context NAME -n NAMESPACE [OPTION]...\n"
    "\n"
    "One change of a cluster, without a run. Each prints what it did and when it was sent, to the\n"
    "microsecond. OBJECT is KIND/NAME: deployment (default), statefulset or daemonset.\n"
    "\n"
    "  set-image OBJECT IMAGE        -c names the container, where there are several\n"
    "  set-env OBJECT NAME=VALUE...  NAME- takes a variable away\n"
    "  restart OBJECT                as kubectl rollout restart\n"
    "  move OBJECT NODE              its pods to one node, by nodeName; \"\": by the scheduler "
    "again\n"
    "  scale OBJECT REPLICAS         how many pods\n"
    "  patch KIND/NAME PATCH         a strategic merge patch, YAML or JSON; @FILE reads it there\n"
    "  apply FILE...                 server-side, by the manager \"seamline\"; documents in order\n"
    "  delete FILE...                what a manifest names, last document first\n"
    "  cordon NODE, uncordon NODE    no new pods on it; again\n"
    "  drain NODE                    cordon it, evict its pods, and wait until they are gone;\n"
    "                                pods of DaemonSets and mirror pods stay\n"
    "  evict POD, delete-pod POD     a budget that refuses is asked again every 5 s\n"
    "  rollout OBJECT                waits until its rollout is over, and prints how it goes on\n"
    "  rollout undo OBJECT           back to the template of the revision before, or of\n"
    "                                --to-revision NUMBER\n"
    "  watch                         prints what happens to pods, endpoints, deployments, "
    "services\n"
    "                                and nodes, until --timeout or a signal; needs to read only\n"
    "\n"
    "  -k, --kubeconfig FILE  or \"lab\": the lab that is up, whose context is the default\n"
    "      --in-cluster       as a pod: by its service account; -n is then its own namespace\n"
    "      --context NAME     in the kubeconfig; neither is guessed\n"
    "  -n, --namespace NAME   of what is in one; not guessed either\n"
    "      --dry-run          the server checks the change (dryRun=All) and makes nothing\n"
    "  -y, --yes              may change a cluster that is no lab\n"
    "  -w, --wait             until the rollout is over, the pod gone\n"
    "  -t, --timeout TIME     for all of it; default 5m\n"
    "  -c, --container NAME   set-image, set-env\n"
    "      --even-rolling     also while another rollout is under way\n"
    "      --grace SECONDS    evict, delete-pod, drain; default the pod's own\n"
    "      --force            drain: also pods without a controller, which come back nowhere\n"
    "      --delete-emptydir-data  drain: also pods with an emptyDir, whose data is lost\n"
    "      --force-conflicts  apply: take over fields that others manage\n"
    "      --type TYPE        patch: strategic (default), merge (RFC 7396), json (RFC 6902)\n"
    "\n"
    "  seamline kube set-image mserver mserver:v2 -k lab -n seamline --wait\n"
    "  seamline kube scale statefulset/db 3 -k admin.conf --context rack -n prod --dry-run\n";

struct arguments {
    struct by_hand_options options;
    struct kube_order order; /* What options say of it. */
    bool wait, help;
    unsigned count;                     /* Of operands, */
    const char *operands[OPERANDS_MAX]; /* after the action's name. */
};

/* Beyond the letters. */
enum {
    OPTION_CONTEXT = 256,
    OPTION_DRY_RUN,
    OPTION_EVEN_ROLLING,
    OPTION_GRACE,
    OPTION_TYPE,
    OPTION_FORCE,
    OPTION_EMPTY_DIR,
    OPTION_REVISION,
    OPTION_IN_CLUSTER
};

static const struct option long_options[] = {
    {"kubeconfig", required_argument, NULL, 'k'},
    {"context", required_argument, NULL, OPTION_CONTEXT},
    {"namespace", required_argument, NULL, 'n'},
    {"dry-run", no_argument, NULL, OPTION_DRY_RUN},
    {"yes", no_argument, NULL, 'y'},
    {"wait", no_argument, NULL, 'w'},
    {"timeout", required_argument, NULL, 't'},
    {"container", required_argument, NULL, 'c'},
    {"even-rolling", no_argument, NULL, OPTION_EVEN_ROLLING},
    {"grace", required_argument, NULL, OPTION_GRACE},
    {"type", required_argument, NULL, OPTION_TYPE},
    {"force", no_argument, NULL, OPTION_FORCE},
    {"force-conflicts", no_argument, NULL, OPTION_FORCE},
    {"delete-emptydir-data", no_argument, NULL, OPTION_EMPTY_DIR},
    {"to-revision", required_argument, NULL, OPTION_REVISION},
    {"in-cluster", no_argument, NULL, OPTION_IN_CLUSTER},
    {"help", no_argument, NULL, 'h'},
    {0},
};

static int change(struct by_hand *hand, struct arguments *arguments, struct error *err);
static int patch(struct by_hand *hand, struct arguments *arguments, struct error *err);
static int rollout(struct by_hand *hand, struct arguments *arguments, struct error *err);
static int apply(struct by_hand *hand, struct arguments *arguments, struct error *err);
static int watch(struct by_hand *hand, struct arguments *arguments, struct error *err);

static const struct action {
    const char *name;
    int (*make)(struct by_hand *hand, struct arguments *arguments, struct error *err);
    enum kube_verb verb;
    enum kube_kind kind; /* Of an object whose operand has no slash. */
    unsigned least, most;
    const char *operands; /* For texts. */
} actions[] = {
    {"set-image", change, KUBE_SET_IMAGE, KUBE_DEPLOYMENT, 2, 2, "OBJECT IMAGE"},
    {"set-env", change, KUBE_SET_ENV, KUBE_DEPLOYMENT, 2, OPERANDS_MAX, "OBJECT NAME=VALUE..."},
    {"restart", change, KUBE_RESTART, KUBE_DEPLOYMENT, 1, 1, "OBJECT"},
    {"move", change, KUBE_MOVE, KUBE_DEPLOYMENT, 2, 2, "OBJECT NODE"},
    {"scale", change, KUBE_SCALE, KUBE_DEPLOYMENT, 2, 2, "OBJECT REPLICAS"},
    {"patch", patch, KUBE_PATCH, KUBE_DEPLOYMENT, 2, 2, "KIND/NAME PATCH"},
    {"apply", apply, KUBE_APPLY, KUBE_DEPLOYMENT, 1, OPERANDS_MAX, "FILE..."},
    {"delete", apply, KUBE_DELETE, KUBE_DEPLOYMENT, 1, OPERANDS_MAX, "FILE..."},
    {"cordon", change, KUBE_CORDON, KUBE_NODE, 1, 1, "NODE"},
    {"uncordon", change, KUBE_UNCORDON, KUBE_NODE, 1, 1, "NODE"},
    {"drain", change, KUBE_DRAIN, KUBE_NODE, 1, 1, "NODE"},
    {"evict", change, KUBE_EVICT, KUBE_POD, 1, 1, "POD"},
    {"delete-pod", change, KUBE_DELETE, KUBE_POD, 1, 1, "POD"},
    {"rollout undo", change, KUBE_ROLLOUT_UNDO, KUBE_DEPLOYMENT, 1, 1, "OBJECT"},
    {"rollout", rollout, KUBE_GET, KUBE_DEPLOYMENT, 1, 1, "OBJECT"},
    {"watch", watch, KUBE_GET, KUBE_POD, 0, 0, "no operand"},
};

/* ---- what is ordered ---- */

/* "statefulset/db", or a name alone. */
static int read_object(const struct action *action, const char *operand, struct kube_order *order,
                       struct error *err)
{
    char kind[64];
    order->kind = action->kind;
    if (operand == NULL || action->make == apply) /* A file's objects say what they are. */
        return 0;
    const char *slash = strchr(operand, '/');
    order->name = slash == NULL ? operand : slash + 1;
    if (slash == NULL)
        return 0;
    snprintf(kind, sizeof(kind), "%.*s", (int)(slash - operand), operand);
    const struct kube_resource *resource = kube_resource_named(kind);
    if (resource == NULL)
        return error_set(err, EXIT_USAGE, -EINVAL, "%s: \"%s\" is no kind that is known here",
                         operand, kind);
    bool own =
        action->verb != KUBE_PATCH && !kube_verb_rolls_out(action->verb) && action->make != rollout;
    bool fits = own                          ? resource->kind == action->kind
                : action->verb != KUBE_PATCH ? kube_kind_is_workload(resource->kind)
                                             : true;
    order->kind = resource->kind;
    if (fits)
        return 0;
    return error_set(err, EXIT_USAGE, -EINVAL, "%s: not of a %s: want %s", action->name,
                     resource->name, action->operands);
}

static int read_number(const char *text, const char *what, int64_t *out, struct error *err)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0)
        return error_set(err, EXIT_USAGE, -EINVAL, "\"%.40s\" is no number of %s", text, what);
    *out = value;
    return 0;
}

static int change(struct by_hand *hand, struct arguments *arguments, struct error *err)
{
    struct kube_order *order = &arguments->order;
    struct kube_result result;
    int code = 0;
    order->wait_gone = arguments->wait;
    switch (order->verb) {
    case KUBE_SET_IMAGE: order->image = arguments->operands[1]; break;
    case KUBE_MOVE: order->node = arguments->operands[1]; break;
    case KUBE_SCALE:
        code = read_number(arguments->operands[1], "replicas", &order->replicas, err);
        break;
    case KUBE_SET_ENV:
        order->env = &arguments->operands[1];
        order->env_count = arguments->count - 1;
        break;
    default: break;
    }
    if (code == 0)
        code = by_hand_make(hand, order, &result, err);
    if (code < 0)
        return code;
    if (arguments->wait && kube_verb_rolls_out(order->verb) && !result.dry_run)
        code = by_hand_wait_rollout(hand, order->kind, order->name, &result, err);
    kube_object_drop(result.object);
    return code;
}

/* The patch, as YAML or JSON, of the operand or the file that it names. */
static cJSON *read_patch(const char *operand, struct error *err)
{
    struct text text = {0};
    const char *name = operand[0] == '@' ? operand + 1 : "the patch";
    int code = 0;
    if (operand[0] == '@')
        code = text_read_file(&text, name, PATCH_BYTES_MAX);
    else
        text_add(&text, operand);
    if (code < 0) {
        error_set(err, EXIT_USAGE, code, "%s: %s", name, strerror(-code));
        text_free(&text);
        return NULL;
    }
    cJSON *documents = yaml_tree_parse(text_str(&text), text.size, err);
    int count = cJSON_GetArraySize(documents);
    cJSON *patch = count == 1 ? cJSON_DetachItemFromArray(documents, 0) : NULL;
    if (documents == NULL)
        error_wrap(err, "%s", name);
    else if (count != 1)
        error_set(err, EXIT_USAGE, -EINVAL, "%s: %d documents; want one patch", name, count);
    cJSON_Delete(documents);
    text_free(&text);
    return patch;
}

static int patch(struct by_hand *hand, struct arguments *arguments, struct error *err)
{
    struct kube_result result;
    cJSON *body = read_patch(arguments->operands[1], err);
    if (body == NULL)
        return -EINVAL;
    arguments->order.object = body;
    int code = by_hand_make(hand, &arguments->order, &result, err);
    if (code == 0 && arguments->wait && kube_kind_is_workload(arguments->order.kind) &&
        !result.dry_run)
        code =
            by_hand_wait_rollout(hand, arguments->order.kind, arguments->order.name, &result, err);
    if (code == 0)
        kube_object_drop(result.object);
    cJSON_Delete(body);
    return code;
}

/* Manifests are for the namespace that was named, or for none of their own. */
static int check_namespace(const char *namespace, const char *file, const cJSON *object,
                           struct error *err)
{
    const char *own = json_string(object, "metadata.namespace", "");
    if (own[0] == '\0' || strcmp(own, namespace) == 0)
        return 0;
    return error_set(err, EXIT_USAGE, -EINVAL, "%s: %s/%s is of namespace %s, and -n says %s", file,
                     json_string(object, "kind", ""), json_string(object, "metadata.name", ""), own,
                     namespace);
}

static int apply_object(struct by_hand *hand, struct arguments *arguments, const cJSON *object,
                        struct error *err)
{
    struct kube_order order = arguments->order;
    struct kube_result result;
    order.object = object;
    order.wait_gone = arguments->wait;
    int code = by_hand_make(hand, &order, &result, err);
    if (code < 0)
        return code;
    if (arguments->wait && order.verb == KUBE_APPLY && !result.dry_run &&
        kube_kind_is_workload(result.resource.kind))
        code = by_hand_wait_rollout(hand, result.resource.kind, result.name, &result, err);
    kube_object_drop(result.object);
    return code;
}

/* All files are read before anything is changed; a deletion goes from the last object to the first,
 * so that what was made later goes earlier. */
static int apply(struct by_hand *hand, struct arguments *arguments, struct error *err)
{
    struct manifest *manifests = calloc(arguments->count, sizeof(*manifests));
    bool deletes = arguments->order.verb == KUBE_DELETE;
    int code = 0;
    if (manifests == NULL)
        return error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory");
    for (unsigned i = 0; i < arguments->count && code == 0; i++) {
        code = manifest_load(arguments->operands[i], &manifests[i], err);
        for (uint32_t k = 0; k < manifests[i].count && code == 0; k++)
            code = check_namespace(kube_namespace(hand->kube), arguments->operands[i],
                                   manifests[i].objects[k], err);
    }
    for (unsigned i = 0; i < arguments->count && code == 0; i++) {
        unsigned file = deletes ? arguments->count - 1 - i : i;
        const struct manifest *manifest = &manifests[file];
        for (uint32_t k = 0; k < manifest->count && code == 0; k++) {
            uint32_t which = deletes ? manifest->count - 1 - k : k;
            code = apply_object(hand, arguments, manifest->objects[which], err);
        }
        if (code < 0)
            error_wrap(err, "%s", arguments->operands[file]);
    }
    for (unsigned i = 0; i < arguments->count; i++)
        manifest_free(&manifests[i]);
    free(manifests);
    return code;
}

static int rollout(struct by_hand *hand, struct arguments *arguments, struct error *err)
{
    return by_hand_wait_rollout(hand, arguments->order.kind, arguments->order.name, NULL, err);
}

static int watch(struct by_hand *hand, struct arguments *arguments, struct error *err)
{
    (void)arguments;
    return by_hand_watch(hand, err);
}

/* ---- options ---- */

static int read_grace(const char *text, int64_t *out, struct error *err)
{
    char *end;
    long value = strtol(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || value > SECONDS_MAX)
        return error_set(err, EXIT_USAGE, -EINVAL, "--grace: want whole seconds, 0 to %d",
                         SECONDS_MAX);
    *out = value == 0 ? KUBE_GRACE_NONE : value;
    return 0;
}

static int read_type(const char *text, const char **out, struct error *err)
{
    static const struct {
        const char *word, *type;
    } types[] = {{"strategic", KUBE_PATCH_STRATEGIC},
                 {"merge", KUBE_PATCH_MERGE},
                 {"json", KUBE_PATCH_JSON}};
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcmp(types[i].word, text) == 0) {
            *out = types[i].type;
            return 0;
        }
    }
    return error_set(err, EXIT_USAGE, -EINVAL,
                     "--type: \"%.40s\" is none of strategic, merge and json", text);
}

static int take(struct arguments *arguments, int option, struct error *err)
{
    switch (option) {
    case 'k': arguments->options.kubeconfig = optarg; return 0;
    case 'n': arguments->options.namespace = optarg; return 0;
    case 'c': arguments->order.container = optarg; return 0;
    case 'y': arguments->options.yes = true; return 0;
    case 'w': arguments->wait = true; return 0;
    case 'h': arguments->help = true; return 0;
    case OPTION_IN_CLUSTER: arguments->options.kubeconfig = KUBE_IN_CLUSTER; return 0;
    case OPTION_CONTEXT: arguments->options.context = optarg; return 0;
    case OPTION_DRY_RUN: arguments->options.dry_run = true; return 0;
    case OPTION_EVEN_ROLLING: arguments->order.even_rolling = true; return 0;
    case OPTION_FORCE: arguments->order.force = true; return 0;
    case OPTION_EMPTY_DIR: arguments->order.delete_empty_dir = true; return 0;
    case OPTION_GRACE: return read_grace(optarg, &arguments->order.grace_s, err);
    case OPTION_REVISION: return read_number(optarg, "a revision", &arguments->order.revision, err);
    case OPTION_TYPE: return read_type(optarg, &arguments->order.content_type, err);
    default: break;
    }
    if (quantity_parse_duration(optarg, &arguments->options.timeout_ns) < 0 ||
        arguments->options.timeout_ns <= 0)
        return error_set(err, EXIT_USAGE, -EINVAL, "--timeout: \"%.40s\" is no time; want 30s, 5m",
                         optarg);
    return 0;
}

static int parse(int argc, char **argv, struct arguments *arguments, struct error *err)
{
    int option, code = 0;
    optind = 1;
    while (code == 0 && (option = option_next("seamline help kube", argc, argv, ":k:n:c:t:ywh",
                                              long_options, err)) > 0)
        code = take(arguments, option, err);
    if (code == 0 && option == OPTION_BAD)
        code = -EINVAL;
    if (code < 0 || arguments->help)
        return code;
    for (int i = optind; i < argc; i++) {
        if (arguments->count == OPERANDS_MAX)
            return error_set(err, EXIT_USAGE, -E2BIG, "more than %d operands", OPERANDS_MAX);
        arguments->operands[arguments->count++] = argv[i];
    }
    return 0;
}

static int check_operands(const struct action *action, const struct arguments *arguments,
                          struct error *err)
{
    if (arguments->count < action->least || arguments->count > action->most)
        return error_set(err, EXIT_USAGE, -EINVAL, "want %s %s", action->name, action->operands);
    return 0;
}

/* "rollout undo" is two words. How many arguments name it in *WORDS. */
static const struct action *find_action(int argc, char **argv, int *words)
{
    const char *name = argc > 1 ? argv[1] : "";
    *words = 1;
    if (argc > 2 && strcmp(name, "rollout") == 0 && strcmp(argv[2], "undo") == 0) {
        name = "rollout undo";
        *words = 2;
    }
    for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
        if (strcmp(actions[i].name, name) == 0)
            return &actions[i];
    return NULL;
}

static int make(const struct action *action, struct arguments *arguments, struct error *err)
{
    struct by_hand hand = {0};
    int code = check_operands(action, arguments, err);
    arguments->order.verb = action->verb;
    if (code == 0)
        code = read_object(action, arguments->operands[0], &arguments->order, err);
    if (code == 0)
        code = by_hand_check_access(&arguments->options,
                                    kube_resource_of(arguments->order.kind)->namespaced, err);
    if (code < 0)
        return code;
    stop_on_signals();
    code = by_hand_open(&hand, &arguments->options, err);
    if (code == 0)
        code = action->make(&hand, arguments, err);
    by_hand_close(&hand);
    return code;
}

enum exit_status kube_command(int argc, char **argv, struct error *err)
{
    struct arguments arguments = {.options.timeout_ns = INT64_C(300000000000)};
    int words;
    const struct action *action = find_action(argc, argv, &words);
    bool help = argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);
    int code = 0;
    if (action == NULL && !help)
        code = error_set(err, EXIT_USAGE, -EINVAL, "%s%s%s; see seamline help kube",
                         argc > 1 ? "\"" : "want an action", argc > 1 ? argv[1] : "",
                         argc > 1 ? "\" is no action" : "");
    else if (!help)
        code = parse(argc - words, argv + words, &arguments, err);
    if (code == 0 && (help || arguments.help))
        fputs(kube_help, stdout);
    else if (code == 0)
        code = make(action, &arguments, err);
    if (code == 0)
        return EXIT_MET;
    error_wrap(err, "kube");
    return err->text[0] == '\0' ? EXIT_ENVIRONMENT : err->status;
}
