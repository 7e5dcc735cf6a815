#include "run/merge_command.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analyze/analyze.h"
#include "analyze/merge.h"
#include "base/option.h"
#include "plan/quantity.h"
#include "report/report.h"
#include "rundir/rundir.h"

const char merge_help[] =
    "Usage: seamline merge DIR DIR... -e EXPERIMENT.json [OPTION]...\n"
    "\n"
    "The run directories of appliances that each sent a share of one experiment, at the same "
    "time,\n"
    "become one, which every report works on; expectations are judged on the whole.\n"
    "\n"
    "  -e, --experiment FILE  the experiment of the whole. The shares' streams are its own, but\n"
    "                         for `rate` and `connections`, which add up to it; at most one share\n"
    "                         changes the cluster\n"
    "  -s, --set PATH=VALUE   change a value of it; may be given again\n"
    "  -o, --output DIR       run directory; default seamline-NAME-TIME\n"
    "      --clock-error TIME  how far the appliances' clocks may be apart, as NTP or PTP know\n"
    "                         it; default what the API server's clock told each of them\n"
    "\n"
    "  seamline run x.json --set streams.held.connections=40 --set streams.held.rate=200/s -o a\n"
    "  seamline run x.json --set streams.held.connections=40 --set streams.held.rate=200/s \\\n"
    "      --set 'steps=[...]' -o b              # on another machine; it observes\n"
    "  seamline merge a b -e x.json -o both --clock-error 100us\n"
    "\n"
    "Exit status: 0 the whole met its expectations; 1 it did not; 2 bad usage, or these are no\n"
    "shares of one run, and why.\n";

enum {
    OPTION_CLOCK = 256,
    SETS_MAX = 64
};

struct options {
    const char *experiment, *output;
    const char *sets[SETS_MAX];
    size_t set_count;
    struct merge_options clock;
    bool help;
};

/* All that is read, and what becomes of it. */
struct work {
    struct merge_share shares[MERGE_SHARES_MAX];
    struct experiment *experiments[MERGE_SHARES_MAX];
    struct timeline timelines[MERGE_SHARES_MAX];
    size_t count;
    struct experiment *whole;
    struct rundir rundir;
    uint32_t written; /* Logs of the whole. */
};

static int take_clock(struct options *options, const char *text, struct error *err)
{
    int64_t time_ns;
    if (quantity_parse_duration(text, &time_ns) < 0 || time_ns < 0)
        return error_set(err, EXIT_USAGE, -EINVAL, "--clock-error: \"%.40s\" is no time, as 100us",
                         text);
    options->clock = (struct merge_options){true, (uint64_t)time_ns};
    return 0;
}

static int take_option(struct options *options, int option, struct error *err)
{
    switch (option) {
    case 'e': options->experiment = optarg; return 0;
    case 'o': options->output = optarg; return 0;
    case 'h': options->help = true; return 0;
    case OPTION_CLOCK: return take_clock(options, optarg, err);
    default: break;
    }
    if (options->set_count == SETS_MAX)
        return error_set(err, EXIT_USAGE, -EINVAL, "--set: at most %d", SETS_MAX);
    options->sets[options->set_count++] = optarg;
    return 0;
}

static int parse(int argc, char **argv, struct options *options, struct error *err)
{
    static const struct option list[] = {
        {"experiment", required_argument, NULL, 'e'},
        {"set", required_argument, NULL, 's'},
        {"output", required_argument, NULL, 'o'},
        {"clock-error", required_argument, NULL, OPTION_CLOCK},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    int option, code = 0;
    optind = 1;
    while (code == 0 &&
           (option = option_next("seamline help merge", argc, argv, ":e:s:o:h", list, err)) > 0)
        code = take_option(options, option, err);
    if (code == 0 && option == OPTION_BAD)
        code = -EINVAL;
    if (code < 0 || options->help)
        return code;
    if (options->experiment == NULL || argc - optind < 2 || argc - optind > MERGE_SHARES_MAX)
        return error_set(err, EXIT_USAGE, -EINVAL,
                         "merge: want -e EXPERIMENT.json and 2 to %d run directories; see seamline "
                         "help merge",
                         MERGE_SHARES_MAX);
    return 0;
}

static int load_share(struct work *work, const char *directory, struct error *err)
{
    struct merge_share *share = &work->shares[work->count];
    struct timeline *timeline = &work->timelines[work->count];
    char path[PATH_MAX];
    int code = meta_read(&share->meta, directory, err);

    if (code < 0)
        return code;
    share->directory = directory;
    share->timeline = timeline;
    work->count++;
    snprintf(path, sizeof(path), "%s/experiment.json", directory);
    code = experiment_load(path, NULL, &work->experiments[work->count - 1], err);
    share->experiment = work->experiments[work->count - 1];
    snprintf(path, sizeof(path), "%s/cluster.jsonl", directory);
    int missing = code == 0 ? timeline_read(path, timeline) : 0;
    if (missing < 0)
        fprintf(stderr, "seamline: %s: %s; its events are missing in the whole\n", path,
                strerror(-missing));
    if (timeline->cut || timeline->damaged > 0)
        fprintf(stderr, "seamline: %s: damaged lines that are left out: %zu%s\n", path,
                timeline->damaged, timeline->cut ? ", and the last, which was cut off" : "");
    return code;
}

static int write_timeline(struct work *work, struct error *err)
{
    struct timeline timeline;
    int code = merge_timeline(work->shares, work->count, &timeline);
    for (size_t i = 0; i < timeline.count && code == 0; i++)
        code = rundir_add_event(&work->rundir, &timeline.events[i], err);
    timeline_free(&timeline);
    return code;
}

static int write_meta(struct work *work, struct error *err)
{
    struct meta meta;
    int code = merge_meta(work->shares, work->count, work->whole, &meta);
    if (code < 0)
        return error_set(err, EXIT_ENVIRONMENT, code, "out of memory");
    code = meta_write(&meta, work->rundir.path, err);
    meta_free(&meta);
    return code;
}

static int write_logs(struct work *work, struct error *err)
{
    int code = 0;
    for (size_t i = 0; i < work->count; i++)
        for (uint32_t worker = 0; worker < work->shares[i].meta.worker_count; worker++) {
            code = log_share_copy(work->shares[i].directory, worker, &work->shares[i].place,
                                  work->rundir.path, err);
            if (code < 0)
                return code;
            work->written++;
        }
    return code;
}

static int write_report(struct work *work, const struct result *result, enum report_format format,
                        const char *file, struct error *err)
{
    struct text text = {0};
    int code = report_make(result, format, &text, err);
    if (code == 0)
        code = rundir_write_text(&work->rundir, file, text_str(&text), err);
    if (code == 0 && format == REPORT_TEXT)
        fputs(text_str(&text), stdout);
    text_free(&text);
    return code;
}

/* 1: the whole did not meet its expectations. */
static int report(struct work *work, struct error *err)
{
    struct result *result;
    int code = analyze_rundir(work->rundir.path, &result, err);
    if (code < 0)
        return code;
    code = write_report(work, result, REPORT_JSON, "run.json", err);
    if (code == 0)
        code = write_report(work, result, REPORT_HTML, "report.html", err);
    if (code == 0)
        code = write_report(work, result, REPORT_TEXT, "report.txt", err);
    code = code < 0 ? code : result->verdict != VERDICT_MET;
    result_free(result);
    return code;
}

static int write_parts(struct work *work, struct error *err)
{
    int code = rundir_write_json(&work->rundir, "experiment.json", work->whole->resolved, err);
    if (code == 0)
        code = write_meta(work, err);
    if (code == 0)
        code = write_timeline(work, err);
    return code == 0 ? write_logs(work, err) : code;
}

/* A part of the whole is no run, and would keep the next try from its directory. */
static void discard(struct work *work)
{
    char path[PATH_MAX];
    for (uint32_t worker = 0; worker < work->written; worker++) {
        snprintf(path, sizeof(path), "%s/worker-%u.log", work->rundir.path, worker);
        unlink(path);
    }
    rundir_discard(&work->rundir);
}

static int write_whole(struct work *work, const struct options *options, struct error *err)
{
    int code = rundir_create(&work->rundir, options->output, work->whole->name, err);
    if (code < 0)
        return code;
    code = write_parts(work, err);
    if (code < 0) {
        discard(work);
        return code;
    }
    code = report(work, err);
    if (code >= 0)
        fprintf(stderr, "seamline: the whole is in %s\n", work->rundir.path);
    rundir_close(&work->rundir);
    return code;
}

static int merge(struct work *work, const struct options *options, char **directories, size_t count,
                 struct error *err)
{
    const struct experiment_options how = {.sets = options->sets, .set_count = options->set_count};
    int code = experiment_load(options->experiment, &how, &work->whole, err);
    for (size_t i = 0; i < count && code == 0; i++)
        code = load_share(work, directories[i], err);
    if (code == 0)
        code = merge_place(work->shares, work->count, work->whole, &options->clock, err);
    return code < 0 ? code : write_whole(work, options, err);
}

enum exit_status merge_command(int argc, char **argv, struct error *err)
{
    struct options options = {0};
    int code = parse(argc, argv, &options, err);

    if (code < 0)
        return err->status;
    if (options.help) {
        fputs(merge_help, stdout);
        return EXIT_MET;
    }
    struct work *work = calloc(1, sizeof(*work));
    if (work == NULL) {
        error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory");
        return EXIT_ENVIRONMENT;
    }
    code = merge(work, &options, argv + optind, (size_t)(argc - optind), err);
    for (size_t i = 0; i < work->count; i++) {
        meta_free(&work->shares[i].meta);
        experiment_free(work->experiments[i]);
        timeline_free(&work->timelines[i]);
    }
    experiment_free(work->whole);
    free(work);
    return code < 0 ? err->status : code > 0 ? EXIT_NOT_MET : EXIT_MET;
}
