#include "rundir/rundir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"
#include "base/text.h"
#include "rundir/timeline.h"

/* What a run writes before it measures anything: rundir_discard() removes it, so a directory that
 * has one of them already, of a run or of the user's own, is none to begin a run in. */
static const char *const first_files[] = {"cluster.jsonl", "undo.jsonl", "experiment.json",
                                          "machine.json", "meta.json"};

enum {
    FIRST_FILES = sizeof(first_files) / sizeof(first_files[0])
};

static void default_path(char *out, size_t size, const char *experiment)
{
    time_t now = time(NULL);
    struct tm tm;
    char stamp[32];
    gmtime_r(&now, &tm);
    strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm);
    snprintf(out, size, "seamline-%.100s-%s", experiment, stamp);
    /* Another run of this second has it. */
    size_t length = strlen(out);
    for (unsigned n = 2; n < 100 && access(out, F_OK) == 0; n++)
        snprintf(out + length, size - length, "-%u", n);
}

/* Like mkdir -p; *MADE tells whether the last one was not there. */
static int make_directories(char *path, bool *made)
{
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        int result = mkdir(path, 0777);
        *slash = '/';
        if (result < 0 && errno != EEXIST)
            return -errno;
    }
    *made = mkdir(path, 0777) == 0;
    if (!*made && errno != EEXIST)
        return -errno;
    struct stat at;
    return stat(path, &at) == 0 && !S_ISDIR(at.st_mode) ? -ENOTDIR : 0;
}

static bool has_file(const struct rundir *rundir, const char *name)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s", rundir->path, name);
    return access(path, F_OK) == 0;
}

static void remove_file(const struct rundir *rundir, const char *name)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s", rundir->path, name);
    unlink(path);
}

static int refuse_taken(const struct rundir *rundir, const char *name, struct error *err)
{
    return error_set(err, EXIT_USAGE, -EEXIST,
                     "%s already holds a run, or files like one's (%s); give another directory by "
                     "-o",
                     rundir->path, name);
}

static int open_file(const struct rundir *rundir, const char *name, mode_t mode, struct error *err)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s", rundir->path, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, mode);
    if (fd < 0 && errno == EEXIST)
        return refuse_taken(rundir, name, err);
    if (fd < 0)
        return error_set(err, EXIT_ENVIRONMENT, -errno, "%s: %s", path, strerror(errno));
    return fd;
}

static int open_growing(struct rundir *rundir, struct error *err)
{
    rundir->timeline_fd = open_file(rundir, "cluster.jsonl", 0666, err);
    if (rundir->timeline_fd < 0)
        return rundir->timeline_fd;
    /* It has what was changed as it was before, an applied Secret too. */
    rundir->undo_fd = open_file(rundir, "undo.jsonl", 0600, err);
    if (rundir->undo_fd < 0) {
        close(rundir->timeline_fd);
        remove_file(rundir, "cluster.jsonl");
        return rundir->undo_fd;
    }
    /* `seamline undo` keeps out while it is held. A file system without locks has none. */
    flock(rundir->undo_fd, LOCK_EX | LOCK_NB);
    return 0;
}

int rundir_make(struct rundir *rundir, const char *path, const char *experiment, struct error *err)
{
    struct rundir made = {.timeline_fd = -1, .undo_fd = -1};
    if (path == NULL)
        default_path(made.path, sizeof(made.path), experiment);
    else if (path[0] == '\0' || strlen(path) >= sizeof(made.path))
        return error_set(err, EXIT_USAGE, -EINVAL, "-o: the directory's name is empty or too long");
    else
        snprintf(made.path, sizeof(made.path), "%s", path);
    size_t length = strlen(made.path);
    while (length > 1 && made.path[length - 1] == '/')
        made.path[--length] = '\0';
    int result = make_directories(made.path, &made.made);
    if (result < 0)
        return error_set(err, EXIT_ENVIRONMENT, result,
                         "%s: %s; give a directory that can be made by -o", made.path,
                         strerror(-result));
    if (has_file(&made, "series.json"))
        return refuse_taken(&made, "series.json", err);
    for (size_t i = 0; i < FIRST_FILES; i++)
        if (has_file(&made, first_files[i]))
            return refuse_taken(&made, first_files[i], err);
    *rundir = made;
    return 0;
}

int rundir_create(struct rundir *rundir, const char *path, const char *experiment,
                  struct error *err)
{
    struct rundir made;
    int result = rundir_make(&made, path, experiment, err);
    if (result == 0)
        result = open_growing(&made, err);
    if (result == 0)
        *rundir = made;
    return result;
}

void rundir_close(struct rundir *rundir)
{
    if (rundir->timeline_fd >= 0)
        close(rundir->timeline_fd);
    if (rundir->undo_fd >= 0)
        close(rundir->undo_fd);
    rundir->timeline_fd = rundir->undo_fd = -1;
}

void rundir_discard(struct rundir *rundir)
{
    rundir_close(rundir);
    for (size_t i = 0; i < FIRST_FILES; i++)
        remove_file(rundir, first_files[i]);
    if (rundir->made)
        rmdir(rundir->path);
}

int rundir_write_text(struct rundir *rundir, const char *name, const char *text, struct error *err)
{
    char path[PATH_MAX];
    struct text content = {0};
    snprintf(path, sizeof(path), "%s/%s", rundir->path, name);
    text_add(&content, text);
    int result = text_write_file(&content, path);
    text_free(&content);
    if (result < 0)
        return error_set(err, EXIT_ENVIRONMENT, result, "%s: %s", path, strerror(-result));
    return 0;
}

int rundir_write_json(struct rundir *rundir, const char *name, const cJSON *item, struct error *err)
{
    char *printed = json_print(item, true);
    if (printed == NULL)
        return error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "%s: out of memory", name);
    struct text content = {0};
    text_addf(&content, "%s\n", printed);
    free(printed);
    int result = content.failed
                     ? error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "%s: out of memory", name)
                     : rundir_write_text(rundir, name, content.data, err);
    text_free(&content);
    return result;
}

/* A line goes out by one write: after a crash the file ends with a whole line, or with one that a
 * reader can tell is cut. One that a full disk has cut is taken back. */
static int append_line(const struct rundir *rundir, int fd, const char *name, struct text *line,
                       struct error *err)
{
    text_add(line, "\n");
    if (line->failed)
        return error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "%s: out of memory", name);
    off_t end = lseek(fd, 0, SEEK_END);
    ssize_t written = write(fd, line->data, line->size);
    if (written == (ssize_t)line->size)
        return 0;
    int code = written < 0 ? -errno : -ENOSPC;
    if (written > 0 && end >= 0 && ftruncate(fd, end) < 0)
        code = -errno;
    return error_set(err, EXIT_ENVIRONMENT, code,
                     "%s/%s: %s; make room there or give another disk by -o", rundir->path, name,
                     strerror(-code));
}

int rundir_add_event(struct rundir *rundir, const struct timeline_event *event, struct error *err)
{
    struct error failure = {0};
    struct text line = {0};
    if (rundir->also != NULL)
        timeline_add(rundir->also, event);
    timeline_print(event, &line);
    int result = append_line(rundir, rundir->timeline_fd, "cluster.jsonl", &line, &failure);
    text_free(&line);
    if (result == 0)
        return 0;
    if (rundir->trouble.text[0] == '\0')
        rundir->trouble = failure;
    return error_set(err, failure.status, result, "%s", failure.text);
}

int rundir_add_undo(struct rundir *rundir, const cJSON *entry, struct error *err)
{
    struct text line = {0};
    char *printed = json_print(entry, false);
    text_add(&line, printed ? printed : "");
    line.failed = line.failed || printed == NULL;
    free(printed);
    int result = append_line(rundir, rundir->undo_fd, "undo.jsonl", &line, err);
    text_free(&line);
    if (result == 0 && fsync(rundir->undo_fd) < 0 && errno != EINVAL)
        return error_set(err, EXIT_ENVIRONMENT, -errno, "%s/undo.jsonl: %s", rundir->path,
                         strerror(errno));
    return result;
}
