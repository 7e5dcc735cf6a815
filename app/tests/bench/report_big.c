/* What the account of a large run takes, on one core: 60 s at a million requests a second, 100,000
 * of which went wrong (shared/big_run.h), are read, analysed and reported in every format that a
 * sample allows. The value is CPU time, the second line the largest resident set: both of a process
 * that does nothing else.
 *
 * Usage: report_big [DIR]. The run directory is made in TMPDIR, or /tmp, and removed; DIR is made
 * if it is not there, and kept. */
#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "analyze/analyze.h"
#include "base/clock.h"
#include "report/report.h"

#include "tests/bench/bench.h"
#include "tests/bench/shared/big_run.h"

enum {
    REPEATS = 3
};

static int complain(const struct error *err)
{
    fprintf(stderr, "report_big: %s\n", err->text);
    return EXIT_ENVIRONMENT;
}

/* Into the run directory, as a run does. What tells of each request needs the records of all. */
static int write_report(const struct result *result, enum report_format format, const char *rundir)
{
    char path[PATH_MAX];
    struct text text = {0};
    struct error err = {0};
    int code = report_make(result, format, &text, &err);
    snprintf(path, sizeof(path), "%s/%s", rundir, report_format_file(format));
    if (code == 0)
        code = text_write_file(&text, path);
    text_free(&text);
    return code;
}

static uint64_t failures(const struct result *result)
{
    uint64_t lost = 0;
    for (unsigned i = 0; i < result->meta.stream_count; i++)
        lost += result->streams[i].lost;
    return lost;
}

static int report_all(const char *rundir)
{
    struct error err = {0};
    struct result *result = NULL;
    unsigned made = 0;
    if (analyze_rundir(rundir, &result, &err) < 0)
        return complain(&err);
    for (unsigned i = 0; i < REPORT_FORMAT_COUNT; i++) {
        int code = write_report(result, (enum report_format)i, rundir);
        made += code == 0;
        if (code < 0 && code != -ENODATA)
            error_set(&err, EXIT_ENVIRONMENT, code, "%s: %s",
                      report_format_name((enum report_format)i), strerror(-code));
    }
    if (failures(result) != BIG_RUN_FAILURES || !result->streams[0].complete)
        error_set(&err, EXIT_ENVIRONMENT, -EINVAL, "the account of the run is wrong");
    printf("%u formats, %zu windows of %zu outages\n", made, result->windows.count,
           result->logs.outage_count);
    result_free(result);
    return err.text[0] ? complain(&err) : EXIT_MET;
}

/* WHAT in a process of its own: its exit status, and what it used. */
static int apart(int (*what)(const char *), const char *rundir, struct rusage *used)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        int code = what(rundir);
        fflush(stdout);
        _exit(code);
    }
    if (child < 0 || wait4(child, &status, 0, used) < 0 || !WIFEXITED(status))
        return EXIT_ENVIRONMENT;
    return WEXITSTATUS(status);
}

static int make_run(const char *rundir)
{
    struct error err = {0};
    return big_run_write(rundir, &err) < 0 ? complain(&err) : EXIT_MET;
}

static int remove_one(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
    (void)stat, (void)type, (void)ftw;
    return remove(path);
}

static double seconds(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static int measure(const char *rundir, struct bench *time, struct bench *memory)
{
    struct clock clock;
    struct rusage used;
    clock_start(&clock, 200000000);
    int code = access(rundir, F_OK) == 0 ? EXIT_MET : apart(make_run, rundir, &used);
    for (unsigned i = 0; i < REPEATS && code == EXIT_MET; i++) {
        code = apart(report_all, rundir, &used);
        double took = seconds(used.ru_utime) + seconds(used.ru_stime);
        bench_add(time, took, took * (double)clock.hz / ((double)BIG_RUN_SECONDS * BIG_RUN_RATE));
        bench_add(memory, (double)used.ru_maxrss * 1024 / 1e9, 0);
    }
    return code;
}

int main(int argc, char **argv)
{
    char folder[200], rundir[220];
    const char *base = getenv("TMPDIR");
    struct bench time = {.name = "report-big",
                         .unit = "s of CPU",
                         .must = 10,
                         .aim = 5,
                         .less_is_better = true,
                         .judged = true,
                         .note = "60 s at 1 M requests/s, 100,000 failures: read, analysed, and "
                                 "reported in every format that a sample allows"};
    struct bench memory = {.name = "report-big-rss",
                           .unit = "GB",
                           .must = 1,
                           .aim = 0.5,
                           .less_is_better = true,
                           .judged = true,
                           .note = "the same: the largest resident set"};
    snprintf(folder, sizeof(folder), "%s/seamline-bench-XXXXXX", base ? base : "/tmp");
    if (argc < 2 && mkdtemp(folder) == NULL) {
        perror("report_big");
        return EXIT_ENVIRONMENT;
    }
    snprintf(rundir, sizeof(rundir), "%s/run", folder);
    int code = measure(argc > 1 ? argv[1] : rundir, &time, &memory);
    if (argc < 2)
        nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    if (code == EXIT_MET) {
        bench_print(&time);
        bench_print(&memory);
    }
    return code;
}
