#include "run/series.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"
#include "base/stop.h"
#include "plan/matrix.h"
#include "report/series.h"
#include "run/events.h"
#include "run/prepare.h"
#include "rundir/rundir.h"

#define SERIES_FILE "series.json"

enum {
    LOOK_MS = 200, /* For a signal that came between two polls. */
    DIRECTORY_BYTES = MATRIX_NAME_BYTES + 16
};

/* A run, and the memory of what `series_run` in it borrows. */
struct entry {
    const struct matrix_cell *cell;
    char directory[DIRECTORY_BYTES];
    struct error why;
    struct text settings;
};

struct work {
    const struct run_options *options;
    struct experiment *experiment;
    struct matrix matrix;
    struct rundir rundir;
    struct series series;
    struct entry *entries; /* As many as series.runs. */
    char started[36];
};

static int load(struct work *work, struct error *err);
static bool is_series(const struct work *work);
static void list_runs(const struct work *work);
static bool is_wanted(const struct work *work, const struct matrix_cell *cell, uint32_t repeat);
static bool any_wanted(const struct work *work, const struct matrix_cell *cell,
                       const char *const *only, uint32_t count);
static int refuse_only(const struct work *work, struct error *err);
static int make_runs(struct work *work, struct error *err);
static void make_run(struct work *work, const struct matrix_cell *cell, uint32_t repeat);
static int check_runs(struct work *work, struct error *err);
static void options_of(const struct work *work, uint32_t index, char directory[PATH_MAX],
                       struct run_options *out);
static bool lacks(const struct work *work, const struct matrix_cell *cell, struct error *why);
static bool part_lacks(const struct work *work, const struct experiment_variant *part,
                       struct error *why);
static enum exit_status go_through(struct work *work, struct error *err);
static int run_one(struct work *work, uint32_t index, struct error *err);
static void be_child(const struct run_options *options, pid_t parent, int fd)
    __attribute__((noreturn));
static void await(struct work *work, uint32_t index, pid_t pid, int fd);
static void read_why(pid_t pid, int fd, struct error *why);
static void take_figures(const char *directory, struct series_run *run);
static int save(struct work *work, struct error *err);
static void close_work(struct work *work);

enum exit_status series_run(const struct run_options *options, struct error *err)
{
    struct work work = {.options = options};
    enum exit_status status = EXIT_USAGE;
    int code = load(&work, err);

    if (code == 0 && !is_series(&work) && !options->list && options->only_count == 0) {
        close_work(&work);
        return run_experiment(options, err);
    }
    if (code == 0)
        code = refuse_only(&work, err);
    if (code == 0 && options->list) {
        list_runs(&work);
        close_work(&work);
        return EXIT_MET;
    }
    if (code == 0)
        code = make_runs(&work, err);
    if (code == 0)
        code = check_runs(&work, err);
    if (code == 0)
        code = rundir_make(&work.rundir, options->directory, work.experiment->name, err);
    if (code == 0)
        status = go_through(&work, err);
    else
        status = err->status == EXIT_MET ? EXIT_ENVIRONMENT : err->status;
    close_work(&work);
    return status;
}

bool series_is(const char *directory)
{
    char path[PATH_MAX];

    snprintf(path, sizeof(path), "%s/%s", directory, SERIES_FILE);
    return access(path, F_OK) == 0;
}

int series_report(const char *directory, bool json, struct text *out, enum exit_status *status,
                  struct error *err)
{
    char path[PATH_MAX];
    struct series series;
    cJSON *tree;

    snprintf(path, sizeof(path), "%s/%s", directory, SERIES_FILE);
    tree = json_parse_file(path, err);
    if (tree == NULL)
        return -EINVAL;
    if (series_read(tree, &series) < 0) {
        cJSON_Delete(tree);
        return error_set(err, EXIT_USAGE, -EINVAL, "%s: this is no series of runs", path);
    }
    for (uint32_t i = 0; i < series.count; i++) {
        snprintf(path, sizeof(path), "%s/%s", directory, series.runs[i].directory);
        if (series.runs[i].state != SERIES_WAITING && !series.runs[i].figures.given)
            take_figures(path, &series.runs[i]);
    }
    *status = (enum exit_status)series_worst(&series);
    if (json) {
        char *printed = json_print(tree, true);
        text_addf(out, "%s\n", printed != NULL ? printed : "");
        free(printed);
    } else {
        series_table(&series, out);
    }
    free(series.runs);
    cJSON_Delete(tree);
    return 0;
}

static int load(struct work *work, struct error *err)
{
    const struct run_options *options = work->options;
    struct experiment_options how = {
        .sets = options->sets, .set_count = options->set_count, .variant = options->variant};
    int code = experiment_load(options->experiment, &how, &work->experiment, err);

    if (code < 0)
        return code;
    if (options->variants && options->variant != NULL)
        return error_set(err, EXIT_USAGE, -EINVAL,
                         "--variant and --variants exclude each other: one, or all");
    if (options->variants && work->experiment->variant_count == 0)
        return error_set(err, EXIT_USAGE, -EINVAL, "%s: --variants: it has none",
                         options->experiment);
    work->series.repeats = options->repeats > 0 ? options->repeats : work->experiment->repeats;
    return matrix_make(work->experiment, options->variants, &work->matrix, err);
}

static bool is_series(const struct work *work)
{
    return work->options->variants || work->experiment->axis_count > 0 || work->series.repeats > 1;
}

static void list_runs(const struct work *work)
{
    for (uint32_t i = 0; i < work->matrix.count; i++) {
        const struct matrix_cell *cell = &work->matrix.cells[i];
        struct text settings = {0};
        if (!any_wanted(work, cell, work->options->only, work->options->only_count))
            continue;
        matrix_settings(cell, &settings);
        printf("%s%s%s\n", cell->name, settings.size > 0 ? "  " : "", text_str(&settings));
        text_free(&settings);
    }
    fflush(stdout);
}

static bool is_wanted(const struct work *work, const struct matrix_cell *cell, uint32_t repeat)
{
    const struct run_options *options = work->options;

    return options->only_count == 0 ||
           matrix_matches(cell, repeat, options->only, options->only_count);
}

/* Is any repeat of CELL among ONLY? None given is all. */
static bool any_wanted(const struct work *work, const struct matrix_cell *cell,
                       const char *const *only, uint32_t count)
{
    for (uint32_t repeat = 1; count > 0 && repeat <= work->series.repeats; repeat++)
        if (matrix_matches(cell, repeat, only, count))
            return true;
    return count == 0;
}

/* A pattern that names nothing is a mistake. */
static int refuse_only(const struct work *work, struct error *err)
{
    for (uint32_t p = 0; p < work->options->only_count; p++) {
        struct text names = {0};
        bool found = false;
        for (uint32_t i = 0; i < work->matrix.count; i++) {
            found |= any_wanted(work, &work->matrix.cells[i], &work->options->only[p], 1);
            text_addf(&names, "%s%s", i > 0 ? ", " : "", work->matrix.cells[i].name);
        }
        if (!found)
            error_set(err, EXIT_USAGE, -EINVAL,
                      "--only %.100s: no run has such a name; there %s %s", work->options->only[p],
                      work->matrix.count > 1 ? "are:" : "is only", text_str(&names));
        text_free(&names);
        if (!found)
            return -EINVAL;
    }
    return 0;
}

/* Round after round, in the matrix' order. */
static int make_runs(struct work *work, struct error *err)
{
    uint32_t most = work->matrix.count * work->series.repeats;
    int64_t now_ns = (int64_t)time(NULL) * 1000000000;

    json_format_time(now_ns, 0, work->started);
    work->series.experiment = work->experiment->name;
    work->series.started = work->started;
    work->entries = calloc(most, sizeof(*work->entries));
    work->series.runs = calloc(most, sizeof(*work->series.runs));
    if (work->entries == NULL || work->series.runs == NULL)
        return error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory");
    for (uint32_t repeat = 1; repeat <= work->series.repeats; repeat++)
        for (uint32_t i = 0; i < work->matrix.count; i++)
            if (is_wanted(work, &work->matrix.cells[i], repeat))
                make_run(work, &work->matrix.cells[i], repeat);
    return 0;
}

static void make_run(struct work *work, const struct matrix_cell *cell, uint32_t repeat)
{
    struct entry *entry = &work->entries[work->series.count];

    entry->cell = cell;
    matrix_settings(cell, &entry->settings);
    if (work->series.repeats > 1)
        snprintf(entry->directory, sizeof(entry->directory), "%s/%" PRIu32, cell->name, repeat);
    else
        snprintf(entry->directory, sizeof(entry->directory), "%s", cell->name);
    bool skip = lacks(work, cell, &entry->why);
    work->series.runs[work->series.count++] =
        (struct series_run){.name = cell->name,
                            .repeat = repeat,
                            .directory = entry->directory,
                            .settings = text_str(&entry->settings),
                            .state = skip ? SERIES_SKIPPED : SERIES_WAITING,
                            .why = entry->why.text};
}

/* Each cell as it will be run. A mistake is not to come up after hours. */
static int check_runs(struct work *work, struct error *err)
{
    bool any = false;

    for (uint32_t i = 0; i < work->series.count; i++) {
        struct run_options options;
        char directory[PATH_MAX];
        if (work->series.runs[i].state == SERIES_SKIPPED)
            continue;
        any = true;
        if (!series_is_first(&work->series, i))
            continue;
        options_of(work, i, directory, &options);
        int code = prepare_check(&options, err);
        if (code < 0) {
            error_wrap(err, "%s", work->series.runs[i].name);
            return code;
        }
    }
    return any ? 0
               : error_set(err, EXIT_ENVIRONMENT, -ENODATA, "no run can be made: %s",
                           work->series.runs[0].why);
}

static void options_of(const struct work *work, uint32_t index, char directory[PATH_MAX],
                       struct run_options *out)
{
    const struct matrix_cell *cell = work->entries[index].cell;

    *out = *work->options;
    snprintf(directory, PATH_MAX, "%s/%s", work->rundir.path, work->entries[index].directory);
    out->directory = directory;
    out->single = true;
    out->repeat = work->series.runs[index].repeat;
    if (cell->variant != NULL)
        out->variant = cell->variant->name;
    for (uint32_t i = 0; i < cell->axis_count; i++)
        out->alternatives[i] = cell->alternatives[i]->name;
}

static bool lacks(const struct work *work, const struct matrix_cell *cell, struct error *why)
{
    bool result = cell->variant != NULL && part_lacks(work, cell->variant, why);

    for (uint32_t i = 0; i < cell->axis_count && !result; i++)
        result = part_lacks(work, cell->alternatives[i], why);
    return result;
}

/* Of another cluster than the lab nothing is known before; the run finds out. */
static bool part_lacks(const struct work *work, const struct experiment_variant *part,
                       struct error *why)
{
    for (uint32_t i = 0; i < part->need_count; i++) {
        if (strcmp(part->needs[i], "ipvs") != 0 || !work->experiment->cluster.lab_cluster ||
            access("/proc/net/ip_vs", F_OK) == 0)
            continue;
        error_set(why, EXIT_ENVIRONMENT, -ENOENT, "%s needs ipvs, which this kernel has not loaded",
                  part->name);
        return true;
    }
    return false;
}

static enum exit_status go_through(struct work *work, struct error *err)
{
    struct series *series = &work->series;
    struct text table = {0};
    /* Held open: a FIFO's reader is not to take each run's end for its own. */
    struct events events = {0};
    int code = save(work, err);
    char path[PATH_MAX];

    if (code == 0)
        code = events_open(&events, work->options->events, err);
    stop_on_signals();
    for (uint32_t i = 0; i < series->count && code == 0 && !stop_is_wanted(); i++)
        if (series->runs[i].state == SERIES_WAITING)
            code = run_one(work, i, err);
    events_close(&events, 0);
    series_table(series, &table);
    if (run_prints(work->options))
        fputs(text_str(&table), stdout);
    fflush(stdout);
    snprintf(path, sizeof(path), "%s/report.txt", work->rundir.path);
    if (text_write_file(&table, path) < 0)
        fprintf(stderr, "seamline: %s: %s\n", path, strerror(errno));
    text_free(&table);
    fprintf(stderr, "seamline: the series is in %s\n", work->rundir.path);
    if (code < 0)
        return err->status == EXIT_MET ? EXIT_ENVIRONMENT : err->status;
    if (stop_is_wanted()) {
        error_set(err, EXIT_INTERRUPTED, -EINTR, "interrupted: what was done is saved");
        return EXIT_INTERRUPTED;
    }
    return (enum exit_status)series_worst(series);
}

/* 0, or -errno with ERR when no other may follow. */
static int run_one(struct work *work, uint32_t index, struct error *err)
{
    struct series_run *run = &work->series.runs[index];
    struct run_options options;
    char directory[PATH_MAX];
    pid_t parent = getpid(), pid;
    int fds[2];

    options_of(work, index, directory, &options);
    fprintf(stderr, "seamline: run %" PRIu32 " of %" PRIu32 ": %s\n", index + 1, work->series.count,
            run->directory);
    if (pipe2(fds, O_CLOEXEC) < 0)
        return error_set(err, EXIT_ENVIRONMENT, -errno, "pipe: %s", strerror(errno));
    run->state = SERIES_RUNNING;
    save(work, NULL);
    fflush(NULL);
    pid = fork();
    if (pid == 0) {
        close(fds[0]);
        be_child(&options, parent, fds[1]);
    }
    close(fds[1]);
    if (pid < 0) {
        close(fds[0]);
        return error_set(err, EXIT_ENVIRONMENT, -errno, "fork: %s", strerror(errno));
    }
    await(work, index, pid, fds[0]);
    take_figures(directory, run);
    int code = save(work, err);
    if (run->state != SERIES_KILLED)
        return code;
    return error_set(err, EXIT_ENVIRONMENT, -EINTR,
                     "%s was killed by signal %d, and may have left the cluster changed: the runs "
                     "after it were not made; `seamline undo %s` puts back what it changed",
                     run->directory, run->status, directory);
}

/* Its own process group: the terminal's signals reach it through the parent alone, once each. */
static void be_child(const struct run_options *options, pid_t parent, int fd)
{
    struct error err = {0};
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(EXIT_INTERRUPTED);
    if (null >= 0 && run_prints(options))
        dup2(null, STDOUT_FILENO); /* Its report.txt has it. */
    enum exit_status status = run_experiment(options, &err);
    if (err.text[0] != '\0') {
        fprintf(stderr, "seamline: %s\n", err.text);
        if (write(fd, err.text, strlen(err.text)) < 0)
            perror("seamline: pipe");
    }
    exit((int)status);
}

static void await(struct work *work, uint32_t index, pid_t pid, int fd)
{
    struct series_run *run = &work->series.runs[index];
    struct error *why = &work->entries[index].why;
    int status = 0;

    read_why(pid, fd, why);
    close(fd);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    run->state = WIFEXITED(status) ? SERIES_ENDED : SERIES_KILLED;
    run->status = WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status);
    if (run->state == SERIES_KILLED)
        error_set(why, EXIT_ENVIRONMENT, 0, "by signal %d", run->status);
}

/* Until it ends. Our own signal is passed on to it once. */
static void read_why(pid_t pid, int fd, struct error *why)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    bool told = false;
    size_t size = 0;

    for (;;) {
        if (stop_is_wanted() && !told)
            told = kill(pid, SIGTERM) == 0;
        if (poll(&wait, 1, LOOK_MS) <= 0)
            continue;
        ssize_t got = read(fd, why->text + size, sizeof(why->text) - 1 - size);
        if (got == 0 || (got < 0 && errno != EINTR))
            break;
        size += got > 0 ? (size_t)got : 0;
    }
    why->text[size] = '\0';
}

/* Nothing when the run gave no account: its directory may not even be there. */
static void take_figures(const char *directory, struct series_run *run)
{
    char path[PATH_MAX];
    struct error err = {0};
    cJSON *account;

    snprintf(path, sizeof(path), "%s/run.json", directory);
    if (access(path, R_OK) < 0)
        return;
    account = json_parse_file(path, &err);
    if (account == NULL)
        fprintf(stderr, "seamline: %s\n", err.text);
    series_figures(account, &run->figures);
    cJSON_Delete(account);
}

static int save(struct work *work, struct error *err)
{
    cJSON *json = series_json(&work->series);
    int code = rundir_write_json(&work->rundir, SERIES_FILE, json, err);

    cJSON_Delete(json);
    return code;
}

static void close_work(struct work *work)
{
    for (uint32_t i = 0; i < work->series.count; i++)
        text_free(&work->entries[i].settings);
    free(work->entries);
    free(work->series.runs);
    matrix_free(&work->matrix);
    experiment_free(work->experiment);
}
