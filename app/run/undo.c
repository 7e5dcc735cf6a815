#include "run/undo.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "kube/kube.h"
#include "plan/experiment.h"
#include "run/cluster.h"
#include "run/pocket.h"
#include "rundir/rundir.h"

struct entry {
    char *text; /* NULL: no such entry. */
    char *undo; /* JSON; NULL: nothing to put back. */
    bool done, undone;
};

struct journal {
    struct entry entries[CLUSTER_CHANGES_MAX];
    unsigned count; /* Highest number. */
};

static void free_journal(struct journal *journal)
{
    for (unsigned i = 0; i < CLUSTER_CHANGES_MAX; i++) {
        free(journal->entries[i].text);
        free(journal->entries[i].undo);
    }
}

static struct entry *entry_at(struct journal *journal, int64_t number)
{
    if (number < 1 || number > CLUSTER_CHANGES_MAX)
        return NULL;
    if (number > journal->count)
        journal->count = (unsigned)number;
    return &journal->entries[number - 1];
}

static void read_line(struct journal *journal, const cJSON *line)
{
    struct entry *entry = entry_at(journal, json_integer(line, "n", 0));
    if (entry != NULL && entry->text == NULL) {
        entry->text = strdup(json_string(line, "text", "?"));
        const cJSON *undo = json_member(line, "undo");
        entry->undo = undo ? json_print(undo, false) : NULL;
    }
    entry = entry_at(journal, json_integer(line, "done", 0));
    if (entry != NULL)
        entry->done = true;
    entry = entry_at(journal, json_integer(line, "undone", 0));
    if (entry != NULL)
        entry->undone = true;
}

static int read_journal(const char *directory, struct journal *journal, struct error *err)
{
    char path[PATH_MAX];
    struct text file = {0};
    snprintf(path, sizeof(path), "%s/undo.jsonl", directory);
    int code = text_read_file(&file, path, 16 << 20);
    if (code < 0) {
        text_free(&file);
        return error_set(err, EXIT_USAGE, code, "%s: %s; is this a run directory?", path,
                         strerror(-code));
    }
    const char *at = text_str(&file), *end = at + file.size, *newline;
    while ((newline = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        cJSON *line = json_parse(at, (size_t)(newline - at), NULL);
        if (line != NULL)
            read_line(journal, line);
        cJSON_Delete(line);
        at = newline + 1;
    }
    text_free(&file);
    return 0;
}

/* Drive ACTION to its end; 0 or its error. */
static int drive(struct kube *kube, int action, struct error *err)
{
    struct kube_event *event;
    for (unsigned turns = 0; turns < 1200; turns++) {
        const struct kube_result *result = kube_result(kube, action);
        if (result != NULL && result->done == KUBE_DONE_FAILED &&
            result->reason != KUBE_REASON_NOT_FOUND)
            return error_set(err, EXIT_ENVIRONMENT, result->code, "%s", result->error.text);
        if (result != NULL)
            return 0;
        kube_poll(kube, 50);
        while ((event = kube_take(kube)) != NULL)
            kube_event_free(event);
    }
    return error_set(err, EXIT_ENVIRONMENT, -ETIMEDOUT, "no answer within 60 s");
}

static int put_back(struct kube *kube, const char *directory, struct journal *journal,
                    struct error *err)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/undo.jsonl", directory);
    for (unsigned left = journal->count; left > 0; left--) {
        struct entry *entry = &journal->entries[left - 1];
        if (entry->text == NULL || entry->undone || entry->undo == NULL)
            continue;
        int action = kube_start_undo(kube, entry->undo, err);
        int code = action < 0 ? action : drive(kube, action, err);
        if (code < 0) {
            error_wrap(err, "putting back \"%s\"", entry->text);
            return code;
        }
        FILE *file = fopen(path, "ae");
        if (file != NULL) {
            fprintf(file, "{\"undone\":%u}\n", left);
            fclose(file);
        }
        printf("put back: %s\n", entry->text);
    }
    return 0;
}

static int open_cluster(const struct experiment *experiment, const struct clock *clock,
                        struct kube **kube, struct error *err)
{
    if (!experiment->cluster.given)
        return error_set(err, EXIT_USAGE, -EINVAL, "that run had no cluster: nothing to put back");
    struct kube_options options = {.kubeconfig = experiment->cluster.lab_cluster
                                                     ? POCKET_DIRECTORY "/kubeconfig"
                                                     : experiment->cluster.kubeconfig,
                                   .context = experiment->cluster.context,
                                   .namespace = experiment->cluster.namespace,
                                   .clock = clock};
    int code = kube_open(&options, kube, err);
    return code < 0 ? code : kube_discover(*kube, 10000, err);
}

static unsigned tell(const struct journal *journal)
{
    unsigned left = 0;
    for (unsigned i = journal->count; i > 0; i--) {
        const struct entry *entry = &journal->entries[i - 1];
        if (entry->text == NULL || entry->undone || entry->undo == NULL)
            continue;
        printf("to put back: %s%s\n", entry->text,
               entry->done ? "" : " (the run ended before it knew whether this was made)");
        left++;
    }
    if (left == 0)
        printf("nothing to put back\n");
    return left;
}

enum exit_status undo_run(const char *directory, bool dry, struct error *err)
{
    char path[PATH_MAX];
    struct experiment *experiment = NULL;
    struct kube *kube = NULL;
    struct clock clock;
    struct journal *journal = calloc(1, sizeof(*journal));
    if (journal == NULL) {
        error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory");
        return err->status;
    }
    snprintf(path, sizeof(path), "%s/experiment.json", directory);
    int code = read_journal(directory, journal, err);
    if (code == 0)
        code = experiment_load(path, NULL, &experiment, err);
    if (code == 0 && tell(journal) > 0 && !dry) {
        clock_start(&clock, 20000000);
        code = open_cluster(experiment, &clock, &kube, err);
        if (code == 0)
            code = put_back(kube, directory, journal, err);
    }
    kube_close(kube);
    experiment_free(experiment);
    free_journal(journal);
    free(journal);
    return code < 0 ? err->status : EXIT_MET;
}
