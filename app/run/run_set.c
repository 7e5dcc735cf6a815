#include "run/run_set.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/text.h"
#include "report/series.h"

static bool holds(const char *directory, const char *file)
{
    char path[PATH_MAX];
    int size = snprintf(path, sizeof(path), "%s/%s", directory, file);
    return size < (int)sizeof(path) && access(path, F_OK) == 0;
}

static int add_directory(struct run_set *set, const char *directory, struct error *err)
{
    if (set->count == RUN_SET_MAX)
        return error_set(err, EXIT_USAGE, -E2BIG, "%s: more than %d runs", directory, RUN_SET_MAX);
    void *grown = realloc(set->directories, (set->count + 1) * sizeof(*set->directories));
    if (grown == NULL)
        return error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory");
    set->directories = grown;
    if (snprintf(set->directories[set->count], PATH_MAX, "%s", directory) >= PATH_MAX)
        return error_set(err, EXIT_USAGE, -ENAMETOOLONG, "%.200s...: the path is too long",
                         directory);
    set->count++;
    return 0;
}

/* A run that met its expectations or did not has measured all that it was to. */
static bool is_whole(const struct series_run *run)
{
    return run->state == SERIES_ENDED && (run->status == EXIT_MET || run->status == EXIT_NOT_MET);
}

static int add_runs(struct run_set *set, const char *directory, const struct series *series,
                    const char *name, struct error *err)
{
    size_t before = set->count, found = 0;
    for (uint32_t i = 0; i < series->count; i++) {
        char path[2 * PATH_MAX];
        if (strcmp(series->runs[i].name, name) != 0)
            continue;
        found++;
        if (!is_whole(&series->runs[i])) {
            set->left_out++;
            continue;
        }
        snprintf(path, sizeof(path), "%s/%s", directory, series->runs[i].directory);
        int code = add_directory(set, path, err);
        if (code < 0)
            return code;
    }
    if (found == 0)
        return error_set(err, EXIT_USAGE, -ENOENT, "%s: this series has no run %.100s", directory,
                         name);
    return set->count > before
               ? 0
               : error_set(err, EXIT_USAGE, -ENODATA, "%s: no run %.100s of this series has ended",
                           directory, name);
}

/* The only name of all its runs; NULL with ERR when there are several. */
static const char *only_name(const char *directory, const struct series *series, struct error *err)
{
    struct text names = {0};
    const char *name = series->count > 0 ? series->runs[0].name : "";
    bool several = false;
    for (uint32_t i = 0; i < series->count; i++) {
        if (series_is_first(series, i))
            text_addf(&names, "%s%s", names.size > 0 ? ", " : "", series->runs[i].name);
        several |= strcmp(series->runs[i].name, name) != 0;
    }
    if (several)
        error_set(err, EXIT_USAGE, -EINVAL,
                  "%s has runs of several names: say which, as %s/NAME; there are: %.600s",
                  directory, directory, text_str(&names));
    text_free(&names);
    return several ? NULL : name;
}

static int add_series(struct run_set *set, const char *directory, const char *name,
                      struct error *err)
{
    char path[PATH_MAX];
    struct series series;

    if (snprintf(path, sizeof(path), "%s/series.json", directory) >= (int)sizeof(path))
        return error_set(err, EXIT_USAGE, -ENAMETOOLONG, "%.200s...: the path is too long",
                         directory);
    cJSON *tree = json_parse_file(path, err);
    if (tree == NULL)
        return -EINVAL;
    int code = series_read(tree, &series);
    if (code < 0) {
        cJSON_Delete(tree);
        return error_set(err, EXIT_USAGE, code, "%s: this is no series of runs", path);
    }
    if (name == NULL)
        name = only_name(directory, &series, err);
    code = name == NULL ? -EINVAL : add_runs(set, directory, &series, name, err);
    free(series.runs);
    cJSON_Delete(tree);
    return code;
}

int run_set_add(struct run_set *set, const char *path, struct error *err)
{
    char parent[PATH_MAX];
    size_t size = strlen(path);

    if (size == 0 || size >= sizeof(parent))
        return error_set(err, EXIT_USAGE, -EINVAL, "\"%.100s\" is no directory of runs", path);
    memcpy(parent, path, size + 1);
    while (size > 1 && parent[size - 1] == '/')
        parent[--size] = '\0';
    if (holds(parent, "series.json"))
        return add_series(set, parent, NULL, err);
    if (holds(parent, "meta.json"))
        return add_directory(set, parent, err);
    char *slash = strrchr(parent, '/');
    if (slash != NULL && slash != parent) {
        *slash = '\0';
        if (holds(parent, "series.json"))
            return add_series(set, parent, slash + 1, err);
    }
    return error_set(err, EXIT_USAGE, -ENOENT,
                     "%s: neither a run directory (meta.json) nor a series of runs (series.json)",
                     path);
}

void run_set_free(struct run_set *set)
{
    free(set->directories);
    *set = (struct run_set){0};
}
