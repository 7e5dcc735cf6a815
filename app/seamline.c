/* seamline - what a change in a Kubernetes cluster does to traffic: the command line. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/analyze.h"
#include "base/error.h"
#include "base/option.h"
#include "base/suggest.h"
#include "base/text.h"
#include "plan/experiment.h"
#include "report/report.h"
#include "run/advise_command.h"
#include "run/compare_command.h"
#include "run/doctor_command.h"
#include "run/kube_command.h"
#include "run/merge_command.h"
#include "run/predict_command.h"
#include "run/respond.h"
#include "run/run.h"
#include "run/series.h"
#include "run/traffic_command.h"
#include "run/undo.h"

enum {
    SETS_MAX = 64,
    ONLY_MAX = 32,
    OPTION_VARIANTS = 256, /* Options without a letter. */
    OPTION_ONLY,
    OPTION_REPEAT,
    OPTION_LIST,
    OPTION_ALLOW_EXEC,
    OPTION_EVENTS,
    OPTION_METRICS,
    OPTION_TELEMETRY,
    OPTION_DRIVERS
};

static const char general_help[] =
    "Usage: seamline COMMAND [ARGUMENT]...\n"
    "\n"
    "What does a change in a Kubernetes cluster do to traffic? seamline sends precisely paced\n"
    "traffic at a Service, makes the change, and accounts for every request and connection.\n"
    "\n"
    "  run EXPERIMENT.json    the main job: traffic, a change, the account\n"
    "  traffic URL            traffic alone, no cluster\n"
    "  respond                the server side, on NIC ports of this machine\n"
    "  predict FILE|NAME      how many connections a rollout will break, without doing it\n"
    "  advise FILE|NAME       what of a Deployment will lose traffic, and the patch that mends it\n"
    "  report DIR             print a finished (or killed) run again, in any format\n"
    "  compare BASE NEW       two runs, or sets of repeats, side by side: what became worse\n"
    "  merge DIR DIR...       shares of one run, sent by several appliances, as one\n"
    "  kube ACTION            one change of a cluster, without a run\n"
    "  doctor                 whether machine and cluster are ready for a run, and what mends it\n"
    "  undo DIR               put back what a killed run left changed\n"
    "  help COMMAND           more about a command\n"
    "  --version              which version this is\n"
    "\n"
    "First steps: `scripts/demo`, or as root `seamline run config/k8s-app-upgrade.json`, which\n"
    "needs no cluster: it brings up the built-in lab.\n"
    "\n"
    "Exit status: 0 expectations met; 1 not met; 2 bad usage or input; 3 the environment failed\n"
    "(port, cluster, permission); 4 interrupted, the partial result is saved.\n";

static const char run_help[] =
    "Usage: seamline run EXPERIMENT.json [OPTION]...\n"
    "\n"
    "  -m, --machine FILE     NIC ports, cores, client addresses, and where may be sent to\n"
    "                         (docs/machine.md); on the lab its own is the default\n"
    "  -s, --set PATH=VALUE   change a value of the experiment, e.g. --set "
    "streams.held.rate=800/s;\n"
    "                         may be given again; arrays by index, id or name\n"
    "  -V, --variant NAME     with the assignments of that variant\n"
    "      --variants         all variants, one after another\n"
    "      --only NAME        of several runs only these, e.g. --only 'host-*', or one repeat,\n"
    "                         --only host/3; may be given again\n"
    "      --repeat N         each run N times, each time by other seeds; default the\n"
    "                         experiment's `repeats`\n"
    "      --list             only tell which runs there are, and what each sets\n"
    "  -o, --output DIR       run directory; default seamline-NAME-TIME\n"
    "  -y, --yes              may change a cluster that is no lab\n"
    "      --allow-exec       `exec` steps may run programs of this machine\n"
    "  -q, --quiet            no progress\n"
    "  -p, --pcap             keep the last packets, and write those around each loss into the\n"
    "                         run directory: capture-N.pcapng\n"
    "      --events FILE      a line of JSON for each event as it happens, after what is in FILE;\n"
    "                         -: on standard output, instead of the report\n"
    "      --metrics [ADDRESS:]PORT\n"
    "                         serve the run's figures to Prometheus while it goes on, at\n"
    "                         http://ADDRESS:PORT/metrics; ADDRESS is 127.0.0.1 unless given\n"
    "      --telemetry        answer dpdk-telemetry.py while the run goes on: commands "
    "/seamline/...\n"
    "      --drivers DIR      folder of driver profiles; default drivers-cfg\n"
    "\n"
    "An experiment (docs/experiment.md) says what to send, what to change and what to expect:\n"
    "\n"
    "  seamline run config/k8s-app-upgrade.json\n"
    "  seamline run config/k8s-app-upgrade.json --set cluster.lab.podReady=500ms -o out\n"
    "  seamline run config/k8s-app-upgrade.json --machine my-rack.json \\\n"
    "      --set cluster.kubeconfig=admin.conf --set cluster.context=rack --yes\n"
    "\n"
    "An experiment with a `matrix` or `repeats` is several runs, as is one with --variants: each\n"
    "has a run directory of its own, DIR/NAME, and a table over all comes at the end. The exit\n"
    "status is the worst.\n"
    "\n"
    "  seamline run config/k8s-app-upgrade.json --variants --only 'r*' --repeat 10\n"
    "\n"
    "SIGINT or SIGTERM ends the run in order: traffic stops, `after` steps are made, the partial\n"
    "result is saved (exit status 4). A second one ends it at once: then see `seamline undo`.\n";

static const char report_help[] =
    "Usage: seamline report DIR [-f FORMAT]\n"
    "\n"
    "  -f, --format FORMAT    text (default) or another of those below\n"
    "\n"
    "Everything is made again from the logs in DIR; a killed run gives what it had written. Of\n"
    "several runs (--variants, a matrix, repeats) it is the table over all, as text or json.\n"
    "\n"
    "Formats (docs/file-formats.md):\n"
    "\n";

static const char undo_help[] =
    "Usage: seamline undo DIR [--dry-run]\n"
    "\n"
    "  -n, --dry-run          only say what would be put back\n"
    "\n"
    "Reads the journal that a run writes before each change, and puts back what was not.\n";

struct arguments {
    const char *operand; /* The only one. */
    const char *machine, *output, *variant, *format, *drivers, *events, *metrics;
    const char *sets[SETS_MAX];
    size_t set_count;
    const char *only[ONLY_MAX];
    uint32_t only_count, repeats;
    bool yes, quiet, pcap, dry, help, variants, list, allow_exec, telemetry;
};

static const struct option run_options[] = {
    {"machine", required_argument, NULL, 'm'},
    {"set", required_argument, NULL, 's'},
    {"variant", required_argument, NULL, 'V'},
    {"output", required_argument, NULL, 'o'},
    {"yes", no_argument, NULL, 'y'},
    {"quiet", no_argument, NULL, 'q'},
    {"pcap", no_argument, NULL, 'p'},
    {"drivers", required_argument, NULL, OPTION_DRIVERS},
    {"help", no_argument, NULL, 'h'},
    {"variants", no_argument, NULL, OPTION_VARIANTS},
    {"only", required_argument, NULL, OPTION_ONLY},
    {"repeat", required_argument, NULL, OPTION_REPEAT},
    {"list", no_argument, NULL, OPTION_LIST},
    {"allow-exec", no_argument, NULL, OPTION_ALLOW_EXEC},
    {"events", required_argument, NULL, OPTION_EVENTS},
    {"metrics", required_argument, NULL, OPTION_METRICS},
    {"telemetry", no_argument, NULL, OPTION_TELEMETRY},
    {0},
};

static const struct option report_options[] = {
    {"format", required_argument, NULL, 'f'},
    {"help", no_argument, NULL, 'h'},
    {0},
};

static const struct option undo_options[] = {
    {"dry-run", no_argument, NULL, 'n'},
    {"help", no_argument, NULL, 'h'},
    {0},
};

static int take_repeats(struct arguments *arguments, const char *text, struct error *err)
{
    char *end;
    unsigned long count = strtoul(text, &end, 10);
    if (end == text || *end != '\0' || count < 1 || count > EXPERIMENT_REPEATS_MAX)
        return error_set(err, EXIT_USAGE, -EINVAL, "--repeat: \"%.40s\" is no number from 1 to %d",
                         text, EXPERIMENT_REPEATS_MAX);
    arguments->repeats = (uint32_t)count;
    return 0;
}

static int take_only(struct arguments *arguments, const char *text, struct error *err)
{
    if (arguments->only_count == ONLY_MAX)
        return error_set(err, EXIT_USAGE, -E2BIG, "--only: at most %d", ONLY_MAX);
    arguments->only[arguments->only_count++] = text;
    return 0;
}

static int take_set(struct arguments *arguments, const char *text, struct error *err)
{
    if (arguments->set_count == SETS_MAX)
        return error_set(err, EXIT_USAGE, -E2BIG, "--set: at most %d", SETS_MAX);
    arguments->sets[arguments->set_count++] = text;
    return 0;
}

static int take_option(struct arguments *arguments, int option, struct error *err)
{
    switch (option) {
    case OPTION_VARIANTS: arguments->variants = true; return 0;
    case OPTION_ALLOW_EXEC: arguments->allow_exec = true; return 0;
    case OPTION_LIST: arguments->list = true; return 0;
    case OPTION_EVENTS: arguments->events = optarg; return 0;
    case OPTION_METRICS: arguments->metrics = optarg; return 0;
    case OPTION_TELEMETRY: arguments->telemetry = true; return 0;
    case OPTION_REPEAT: return take_repeats(arguments, optarg, err);
    case OPTION_ONLY: return take_only(arguments, optarg, err);
    case OPTION_DRIVERS: arguments->drivers = optarg; return 0;
    case 'm': arguments->machine = optarg; return 0;
    case 'V': arguments->variant = optarg; return 0;
    case 'o': arguments->output = optarg; return 0;
    case 'f': arguments->format = optarg; return 0;
    case 'y': arguments->yes = true; return 0;
    case 'q': arguments->quiet = true; return 0;
    case 'p': arguments->pcap = true; return 0;
    case 'n': arguments->dry = true; return 0;
    case 'h': arguments->help = true; return 0;
    default: return take_set(arguments, optarg, err);
    }
}

/* It may quote a server. */
static enum exit_status complain(enum exit_status status, struct error *err)
{
    text_tame(err->text);
    if (err->text[0])
        fprintf(stderr, "seamline: %s\n", err->text);
    return status;
}

static void set_options(struct run_options *options, const struct arguments *arguments,
                        const char *program)
{
    *options = (struct run_options){.machine = arguments->machine,
                                    .directory = arguments->output,
                                    .variant = arguments->variant,
                                    .sets = arguments->sets,
                                    .set_count = arguments->set_count,
                                    .drivers = arguments->drivers,
                                    .program = program,
                                    .yes = arguments->yes,
                                    .quiet = arguments->quiet,
                                    .events = arguments->events,
                                    .metrics = arguments->metrics,
                                    .telemetry = arguments->telemetry,
                                    .pcap = arguments->pcap,
                                    .variants = arguments->variants,
                                    .only = arguments->only,
                                    .only_count = arguments->only_count,
                                    .repeats = arguments->repeats,
                                    .list = arguments->list,
                                    .allow_exec = arguments->allow_exec};
}

static enum exit_status command_run(const struct arguments *arguments, const char *program)
{
    struct run_options options;
    struct error err = {0};
    set_options(&options, arguments, program);
    options.experiment = arguments->operand;
    return complain(series_run(&options, &err), &err);
}

/* Its options are its own: see run/traffic_command.h. */
static enum exit_status command_traffic(int argc, char **argv, const char *program)
{
    struct error err = {0};
    return complain(traffic_command(argc, argv, program, &err), &err);
}

/* Likewise. */
static enum exit_status command_advise(int argc, char **argv)
{
    struct error err = {0};
    return complain(advise_command(argc, argv, &err), &err);
}

static enum exit_status command_predict(int argc, char **argv)
{
    struct error err = {0};
    return complain(predict_command(argc, argv, &err), &err);
}

static enum exit_status command_kube(int argc, char **argv)
{
    struct error err = {0};
    return complain(kube_command(argc, argv, &err), &err);
}

static enum exit_status command_compare(int argc, char **argv)
{
    struct error err = {0};
    return complain(compare_command(argc, argv, &err), &err);
}

static enum exit_status command_merge(int argc, char **argv)
{
    struct error err = {0};
    return complain(merge_command(argc, argv, &err), &err);
}

static enum exit_status command_doctor(int argc, char **argv, const char *program)
{
    struct error err = {0};
    return complain(doctor_command(argc, argv, program, &err), &err);
}

static enum exit_status report_series(const char *directory, enum report_format format)
{
    struct error err = {0};
    struct text text = {0};
    enum exit_status status = EXIT_USAGE;
    int code;
    if (format == REPORT_TEXT || format == REPORT_JSON)
        code = series_report(directory, format == REPORT_JSON, &text, &status, &err);
    else
        code = error_set(&err, EXIT_USAGE, -EINVAL,
                         "%s has several runs, which are text or json together: name one of them, "
                         "%s/NAME",
                         directory, directory);
    if (code == 0)
        fputs(text_str(&text), stdout);
    text_free(&text);
    return code < 0 ? complain(err.status, &err) : status;
}

/* Only the texts for people say so themselves. */
static void warn_partial(const struct result *result)
{
    struct text limits = {0};
    report_limits(result, &limits);
    if (limits.size > 0) {
        text_tame(limits.data);
        fprintf(stderr, "seamline: what is reported is partial:\n%s", limits.data);
    }
    text_free(&limits);
}

static enum exit_status command_report(const struct arguments *arguments)
{
    struct error err = {0};
    struct result *result;
    struct text text = {0};
    enum report_format format = REPORT_TEXT;
    if (arguments->format != NULL && !report_format_find(arguments->format, &format)) {
        error_set(&err, EXIT_USAGE, -EINVAL, "-f: \"%.40s\" is no format; see seamline help report",
                  arguments->format);
        return complain(EXIT_USAGE, &err);
    }
    if (series_is(arguments->operand))
        return report_series(arguments->operand, format);
    if (analyze_rundir(arguments->operand, &result, &err) < 0)
        return complain(err.status, &err);
    int code = report_make(result, format, &text, &err);
    if (code == 0 && format != REPORT_TEXT && format != REPORT_MARKDOWN)
        warn_partial(result);
    if (code == 0)
        fputs(text_str(&text), stdout);
    enum exit_status status = result->verdict == VERDICT_MET ? EXIT_MET : EXIT_NOT_MET;
    text_free(&text);
    result_free(result);
    return code < 0 ? complain(err.status, &err) : status;
}

static enum exit_status command_undo(const struct arguments *arguments)
{
    struct error err = {0};
    return complain(undo_run(arguments->operand, arguments->dry, &err), &err);
}

enum command {
    COMMAND_RUN,
    COMMAND_TRAFFIC,
    COMMAND_RESPOND,
    COMMAND_KUBE,
    COMMAND_DOCTOR,
    COMMAND_ADVISE,
    COMMAND_COMPARE,
    COMMAND_MERGE,
    COMMAND_PREDICT,
    COMMAND_REPORT,
    COMMAND_UNDO,
    COMMAND_COUNT
};

/* Those without LIST have options of their own. */
static const struct {
    const char *name, *operand, *letters, *help;
    const struct option *list;
} commands[COMMAND_COUNT] = {
    [COMMAND_RUN] = {"run", "an experiment, such as config/k8s-app-upgrade.json", ":m:s:V:o:yqph",
                     run_help, run_options},
    [COMMAND_TRAFFIC] = {"traffic", .help = traffic_help},
    [COMMAND_RESPOND] = {"respond", .help = respond_help},
    [COMMAND_KUBE] = {"kube", .help = kube_help},
    [COMMAND_DOCTOR] = {"doctor", .help = doctor_help},
    [COMMAND_ADVISE] = {"advise", .help = advise_help},
    [COMMAND_COMPARE] = {"compare", .help = compare_help},
    [COMMAND_MERGE] = {"merge", .help = merge_help},
    [COMMAND_PREDICT] = {"predict", .help = predict_help},
    [COMMAND_REPORT] = {"report", "a run directory", ":f:h", report_help, report_options},
    [COMMAND_UNDO] = {"undo", "a run directory", ":nh", undo_help, undo_options},
};

/* COMMAND's options and its operand. 0, or -EINVAL with ERR. */
static int parse(int command, int argc, char **argv, struct arguments *arguments, struct error *err)
{
    char help[40];
    int option, code = 0;
    snprintf(help, sizeof(help), "seamline help %s", commands[command].name);
    optind = 1;
    while (code == 0 && (option = option_next(help, argc, argv, commands[command].letters,
                                              commands[command].list, err)) > 0)
        code = take_option(arguments, option, err);
    if (code < 0 || option == OPTION_BAD)
        return -EINVAL;
    if (arguments->help)
        return 0;
    if (argc - optind != 1)
        return error_set(err, EXIT_USAGE, -EINVAL, "%s: want %s, and nothing else; see %s",
                         commands[command].name, commands[command].operand, help);
    arguments->operand = argv[optind];
    return 0;
}

static void print_help(int command)
{
    struct text formats = {0};
    fputs(commands[command].help, stdout);
    if (command == COMMAND_REPORT)
        report_format_help(&formats);
    fputs(text_str(&formats), stdout);
    fputs(command == COMMAND_TRAFFIC ? traffic_examples : "", stdout);
    text_free(&formats);
}

/* The command of that name; -1 after a message. */
static int find_command(const char *name)
{
    struct suggest suggest = {.word = name};
    for (int i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(name, commands[i].name) == 0)
            return i;
        suggest_offer(&suggest, commands[i].name);
    }
    const char *best = suggest_best(&suggest);
    fprintf(stderr, "seamline: \"%s\" is no command%s%s%s; `seamline help` lists them\n", name,
            best != NULL ? "; did you mean \"" : "", best != NULL ? best : "",
            best != NULL ? "\"?" : "");
    return -1;
}

static enum exit_status dispatch(int command, int argc, char **argv, const char *program)
{
    struct arguments arguments = {0};
    struct error err = {0};
    switch (command) {
    case COMMAND_TRAFFIC: return command_traffic(argc, argv, program);
    case COMMAND_RESPOND: return respond_command(argc, argv, program);
    case COMMAND_KUBE: return command_kube(argc, argv);
    case COMMAND_DOCTOR: return command_doctor(argc, argv, program);
    case COMMAND_ADVISE: return command_advise(argc, argv);
    case COMMAND_COMPARE: return command_compare(argc, argv);
    case COMMAND_MERGE: return command_merge(argc, argv);
    case COMMAND_PREDICT: return command_predict(argc, argv);
    default: break;
    }
    if (parse(command, argc, argv, &arguments, &err) < 0)
        return complain(EXIT_USAGE, &err);
    if (arguments.help) {
        print_help(command);
        return EXIT_MET;
    }
    switch (command) {
    case COMMAND_RUN: return command_run(&arguments, program);
    case COMMAND_REPORT: return command_report(&arguments);
    default: return command_undo(&arguments);
    }
}

static enum exit_status command_help(const char *name)
{
    int command = name != NULL ? find_command(name) : 0;
    if (command < 0)
        return EXIT_USAGE;
    if (name != NULL)
        print_help(command);
    else
        fputs(general_help, stdout);
    return EXIT_MET;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fputs(general_help, stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("seamline " SEAMLINE_VERSION);
        return EXIT_MET;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0)
        return command_help(argv[2]);
    int command = find_command(argv[1]);
    return command < 0 ? EXIT_USAGE : dispatch(command, argc - 1, argv + 1, argv[0]);
}
