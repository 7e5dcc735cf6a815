#include "run/compare_command.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/analyze.h"
#include "analyze/comparable.h"
#include "analyze/compare.h"
#include "base/option.h"
#include "plan/quantity.h"
#include "report/compare.h"
#include "run/run_set.h"

const char compare_help[] =
    "Usage: seamline compare BASE NEW [OPTION]...\n"
    "\n"
    "Each figure of two runs, or of two sets of repeats, side by side with its interval, and what\n"
    "became worse by a test (docs/accuracy.md). BASE and NEW are a run directory, a series of\n"
    "repeats (`seamline run --repeat`), or DIR/NAME for the repeats of one name of a series.\n"
    "\n"
    "  -b, --base DIR         further runs of the base; may be given again\n"
    "  -n, --new DIR          further runs of the new side; may be given again\n"
    "  -f, --format FORMAT    text (default), json, markdown, html (one file)\n"
    "      --figure NAME      judge only this figure; may be given again. Fewer figures need "
    "fewer\n"
    "                         runs. lostRequests, brokenConnections, failedConnects, windows,\n"
    "                         longestWindow, totalWindow, latencyP50, latencyP99, latencyP999\n"
    "      --threshold WHAT   changes that matter: 5% (default) of the base's value, for all\n"
    "                         figures; FIGURE=10% for one; latencyP99=1ms, brokenConnections=3:\n"
    "                         in addition at least so much; may be given again\n"
    "      --level SHARE      of the test, over all figures together; default 0.05\n"
    "      --force            compare in spite of another plan, other stamps, damaged or partial\n"
    "                         runs, or too few of them: the objections become warnings\n"
    "\n"
    "Six repeats on each side can show a difference in any figure; of single runs, only what\n"
    "happened within them is compared, for how much runs vary is not known then.\n"
    "\n"
    "  seamline run config/k8s-app-upgrade.json --repeat 8 -o old\n"
    "  seamline run config/k8s-app-upgrade.json --repeat 8 -o new\n"
    "  seamline compare old new --threshold latencyP99=200us\n"
    "\n"
    "Exit status: 0 no regression was found; 1 there is one; 2 bad usage, or the runs cannot be\n"
    "compared.\n";

enum {
    OPTION_FIGURE = 256,
    OPTION_THRESHOLD,
    OPTION_LEVEL,
    OPTION_FORCE
};

struct options {
    struct run_set base, next;
    struct compare_options judge;
    enum compare_format format;
    bool force, help, chosen; /* --figure was given. */
};

static int find_figure(const char *name, size_t size, enum compare_figure *figure,
                       struct error *err)
{
    for (unsigned i = 0; i < COMPARE_FIGURE_COUNT; i++) {
        const char *word = compare_figure_word(i);
        if (strlen(word) == size && strncmp(word, name, size) == 0) {
            *figure = i;
            return 0;
        }
    }
    return error_set(err, EXIT_USAGE, -EINVAL,
                     "\"%.*s\" is no figure that is compared; see seamline help compare",
                     (int)(size < 40 ? size : 40), name);
}

static int take_figure(struct options *options, const char *name, struct error *err)
{
    enum compare_figure figure;
    int code = find_figure(name, strlen(name), &figure, err);
    if (code < 0)
        return code;
    if (!options->chosen)
        memset(options->judge.wanted, 0, sizeof(options->judge.wanted));
    options->chosen = options->judge.wanted[figure] = true;
    return 0;
}

/* A number from 0 on, up to END. */
static bool read_number(const char *text, const char *end, double *out)
{
    char *stop;
    double number = strtod(text, &stop);
    if (stop == text || stop != end || !isfinite(number) || number < 0)
        return false;
    *out = number;
    return true;
}

/* "5%" is of the base's value, everything else an amount in the figure's unit. */
static bool read_threshold(const char *text, enum compare_unit unit,
                           struct compare_threshold *threshold)
{
    size_t size = strlen(text);
    double number;
    int64_t time_ns;
    if (size > 0 && text[size - 1] == '%') {
        if (!read_number(text, text + size - 1, &number))
            return false;
        threshold->share = number / 100;
        return true;
    }
    if (unit == COMPARE_UNIT_NS) {
        if (quantity_parse_duration(text, &time_ns) < 0 || time_ns < 0)
            return false;
        threshold->amount = (double)time_ns;
        return true;
    }
    return read_number(text, text + size, &threshold->amount);
}

static int take_threshold(struct options *options, const char *text, struct error *err)
{
    struct compare_threshold *thresholds = options->judge.thresholds;
    const char *sign = strchr(text, '=');
    enum compare_figure figure;
    bool good = true;
    if (sign != NULL) {
        int code = find_figure(text, (size_t)(sign - text), &figure, err);
        if (code < 0)
            return code;
        good = read_threshold(sign + 1, compare_figure_unit(figure), &thresholds[figure]);
    } else if (text[0] == '\0' || text[strlen(text) - 1] != '%') {
        good = false;
    } else {
        for (unsigned i = 0; i < COMPARE_FIGURE_COUNT && good; i++)
            good = read_threshold(text, compare_figure_unit(i), &thresholds[i]);
    }
    return good ? 0
                : error_set(err, EXIT_USAGE, -EINVAL,
                            "--threshold: want such as 5%%, latencyP99=10%%, latencyP99=1ms, "
                            "brokenConnections=3, not \"%.60s\"",
                            text);
}

static int take_level(struct options *options, const char *text, struct error *err)
{
    double level;
    if (!read_number(text, text + strlen(text), &level) || level < 0.0001 || level > 0.5)
        return error_set(err, EXIT_USAGE, -EINVAL, "--level: want 0.0001 to 0.5, not \"%.40s\"",
                         text);
    options->judge.level = level;
    return 0;
}

static int take_option(struct options *options, int option, struct error *err)
{
    switch (option) {
    case 'b': return run_set_add(&options->base, optarg, err);
    case 'n': return run_set_add(&options->next, optarg, err);
    case 'f':
        return compare_format_find(optarg, &options->format)
                   ? 0
                   : error_set(err, EXIT_USAGE, -EINVAL,
                               "-f: \"%.40s\" is no format; see seamline help compare", optarg);
    case 'h': options->help = true; return 0;
    case OPTION_FIGURE: return take_figure(options, optarg, err);
    case OPTION_THRESHOLD: return take_threshold(options, optarg, err);
    case OPTION_LEVEL: return take_level(options, optarg, err);
    default: options->force = true; return 0;
    }
}

static int parse(int argc, char **argv, struct options *options, struct error *err)
{
    static const struct option list[] = {
        {"base", required_argument, NULL, 'b'},
        {"new", required_argument, NULL, 'n'},
        {"format", required_argument, NULL, 'f'},
        {"help", no_argument, NULL, 'h'},
        {"figure", required_argument, NULL, OPTION_FIGURE},
        {"threshold", required_argument, NULL, OPTION_THRESHOLD},
        {"level", required_argument, NULL, OPTION_LEVEL},
        {"force", no_argument, NULL, OPTION_FORCE},
        {0},
    };
    int option, code = 0;
    optind = 1;
    while (code == 0 &&
           (option = option_next("seamline help compare", argc, argv, ":b:n:f:h", list, err)) > 0)
        code = take_option(options, option, err);
    if (code == 0 && option == OPTION_BAD)
        code = -EINVAL;
    if (code < 0 || options->help)
        return code;
    if (argc - optind != 2)
        return error_set(err, EXIT_USAGE, -EINVAL,
                         "compare: want BASE and NEW, further runs by --base and --new; see "
                         "seamline help compare");
    code = run_set_add(&options->base, argv[optind], err);
    return code < 0 ? code : run_set_add(&options->next, argv[optind + 1], err);
}

static void free_side(struct compare_side *side)
{
    for (size_t i = 0; i < side->count; i++)
        compare_run_free(&side->runs[i]);
    free(side->runs);
}

static int load_side(const struct run_set *set, bool blocks, struct compare_side *side,
                     struct error *err)
{
    int code = 0;
    side->runs = calloc(set->count, sizeof(*side->runs));
    if (side->runs == NULL)
        return error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory");
    while (side->count < set->count && code == 0) {
        const char *directory = set->directories[side->count];
        struct result *result;
        code = analyze_rundir(directory, &result, err);
        if (code < 0)
            break;
        code = compare_run_make(result, directory, blocks, &side->runs[side->count]);
        result_free(result);
        if (code < 0)
            return error_set(err, EXIT_ENVIRONMENT, code, "out of memory for %s", directory);
        side->count++;
    }
    return code;
}

static void remark_left_out(const struct run_set *set, const char *name, struct remarks *remarks)
{
    if (set->left_out > 0)
        remarks_add(remarks, false,
                    "left out of %s: %zu of the series' runs, which did not end in order", name,
                    set->left_out);
}

/* They quote what others wrote. */
static int object(struct remarks *remarks, struct error *err)
{
    for (size_t i = 0; i < remarks->count; i++) {
        text_tame(remarks->items[i].text);
        if (remarks->items[i].objection)
            fprintf(stderr, "seamline: %s\n", remarks->items[i].text);
    }
    return error_set(err, EXIT_USAGE, -EINVAL,
                     "these runs cannot be compared, as said above; --force does it nevertheless");
}

static int refuse(const struct comparison *comparison, struct error *err)
{
    if (comparison->row_count == 0)
        return error_set(err, EXIT_USAGE, -ENODATA,
                         "these runs cannot be compared: no stream is in all of them");
    return error_set(err, EXIT_USAGE, -ENODATA,
                     "%zu and %zu runs are too few: over %zu figures no difference, however large, "
                     "would be found at this level. Make at least %zu on each side, judge fewer "
                     "figures (--figure), or look at them side by side by --force",
                     comparison->base_runs, comparison->next_runs, comparison->family,
                     comparison->runs_wanted);
}

/* Names of streams and directories, and values of plans, are others'. */
static void print(const struct options *options, struct text *text)
{
    if (options->format == COMPARE_FORMAT_TEXT)
        text_tame(text->data);
    fputs(text_str(text), stdout);
}

/* 1: there is a regression. */
static int judge(const struct options *options, const struct compare_account *account,
                 struct comparison *comparison, struct error *err)
{
    struct text text = {0};
    int code = compare_sides(account->base, account->next, &options->judge, comparison);

    if (code < 0)
        return error_set(err, EXIT_ENVIRONMENT, code, "out of memory for the comparison");
    if (comparison->row_count == 0 || (comparison->runs_wanted > 0 && !options->force)) {
        code = refuse(comparison, err);
    } else {
        compare_print(account, options->format, &text);
        if (text.failed)
            code = error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory for the comparison");
        else
            print(options, &text);
        text_free(&text);
    }
    code = code < 0 ? code : comparison->worse > 0;
    comparison_free(comparison);
    return code;
}

static int compare(const struct options *options, struct error *err)
{
    struct compare_side base = {0}, next = {0};
    struct comparison comparison;
    struct remarks remarks = {0};
    bool blocks = options->base.count == 1 && options->next.count == 1;
    const struct compare_account account = {&base, &next, &options->judge, &remarks, &comparison};

    int code = load_side(&options->base, blocks, &base, err);
    if (code == 0)
        code = load_side(&options->next, blocks, &next, err);
    if (code == 0) {
        comparable_check(&base, &next, &remarks);
        remark_left_out(&options->base, "the base", &remarks);
        remark_left_out(&options->next, "the new side", &remarks);
        code = remarks.objections > 0 && !options->force
                   ? object(&remarks, err)
                   : judge(options, &account, &comparison, err);
    }
    free_side(&base);
    free_side(&next);
    return code;
}

enum exit_status compare_command(int argc, char **argv, struct error *err)
{
    struct options options = {.judge = compare_options_default()};
    int code = parse(argc, argv, &options, err);

    if (code == 0 && options.help)
        fputs(compare_help, stdout);
    else if (code == 0)
        code = compare(&options, err);
    run_set_free(&options.base);
    run_set_free(&options.next);
    return code < 0 ? err->status : code > 0 ? EXIT_NOT_MET : EXIT_MET;
}
