#include "run/undo.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/text.h"
#include "kube/kube.h"
#include "plan/experiment.h"
#include "run/journal.h"
#include "run/pocket.h"

enum {
    ANSWER_TURNS = 1200, /* Of 50 ms. */
    REACH_MS = 10000
};

/* Drive ACTION to its end. 0 with *HOW it ended, or its error. That the object is gone, or that
 * another has its name by now, leaves nothing to put back. */
static int drive(struct kube *kube, int action, const char **how, struct error *err)
{
    struct kube_event *event;
    for (unsigned turns = 0; turns < ANSWER_TURNS; turns++) {
        const struct kube_result *result = kube_result(kube, action);
        if (result != NULL && result->done == KUBE_DONE_FAILED) {
            *how = result->reason == KUBE_REASON_NOT_FOUND  ? "is gone already"
                   : result->reason == KUBE_REASON_CONFLICT ? "is another's by now, left alone"
                                                            : NULL;
            return *how != NULL
                       ? 0
                       : error_set(err, EXIT_ENVIRONMENT, result->code, "%s", result->error.text);
        }
        if (result != NULL) {
            *how = "put back";
            return 0;
        }
        kube_poll(kube, 50);
        while ((event = kube_take(kube)) != NULL)
            kube_event_free(event);
    }
    return error_set(err, EXIT_ENVIRONMENT, -ETIMEDOUT, "no answer within 60 s");
}

/* The server wrote a part of TEXT. */
static void say(const char *what, const char *text, const char *more)
{
    struct text line = {0};
    text_addf(&line, "%s: %s%s\n", what, text, more);
    if (line.data != NULL)
        text_tame(line.data);
    fputs(text_str(&line), stdout);
    text_free(&line);
}

static int put_back_one(struct kube *kube, const struct journal_entry *entry, struct error *err)
{
    const char *how = "";
    char *undo = journal_undo_text(entry);
    if (undo == NULL)
        return error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory");
    int action = kube_start_undo(kube, undo, err);
    int code = action < 0 ? action : drive(kube, action, &how, err);
    free(undo);
    if (code == 0)
        say(how, entry->text, "");
    else
        error_wrap(err, "putting back \"%s\"", entry->text);
    return code;
}

/* On a line of its own: the run may have been killed in the middle of one. */
static void note_undone(const char *directory, unsigned number)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/undo.jsonl", directory);
    FILE *file = fopen(path, "ae");
    if (file == NULL)
        return;
    fprintf(file, "\n{\"undone\":%u}\n", number);
    fclose(file);
}

/* The last change first. One that cannot be put back does not keep the others from it; the first
 * such error is the caller's. */
static int put_back(struct kube *kube, const char *directory, const struct journal *journal,
                    struct error *err)
{
    int first = 0;
    for (unsigned number = journal->count; number > 0; number--) {
        struct error one = {0};
        if (!journal_is_left(journal, number))
            continue;
        int code = put_back_one(kube, &journal->entries[number - 1], &one);
        if (code == 0)
            note_undone(directory, number);
        else if (first == 0)
            first = error_set(err, one.status, code, "%s", one.text);
        else
            fprintf(stderr, "seamline: %s\n", one.text);
    }
    return first;
}

/* A journal of a run that was killed before it wrote which cluster it was, has no change either. */
static int open_cluster(const struct journal *journal, const struct clock *clock,
                        struct kube **kube, struct error *err)
{
    const struct journal_cluster *of = &journal->cluster;
    struct kube_options options = {.kubeconfig = of->kubeconfig,
                                   .context = of->context,
                                   .namespace = of->namespace,
                                   .clock = clock};
    if (of->kubeconfig[0] == '\0')
        return error_set(err, EXIT_USAGE, -EINVAL,
                         "the journal does not say which cluster was changed");
    int code = kube_open(&options, kube, err);
    if (code < 0)
        return code;
    if (strcmp(kube_config(*kube)->server, of->server) != 0)
        return error_set(err, EXIT_USAGE, -EXDEV,
                         "that run changed the cluster at %s, but context %s of %s is now %s: name "
                         "the former there again",
                         of->server, of->context, of->kubeconfig, kube_config(*kube)->server);
    return kube_discover(*kube, REACH_MS, err);
}

/* What no undo brings back: controllers have made other pods in their places. */
static void tell_parts(const char *parts)
{
    for (const char *end; (end = strchr(parts, '\n')) != NULL; parts = end + 1) {
        char line[320];
        snprintf(line, sizeof(line), "%.*s", (int)(end - parts), parts);
        say("  stays as it is", line, "");
    }
}

static unsigned tell(const struct journal *journal)
{
    unsigned left = 0;
    for (unsigned number = journal->count; number > 0; number--) {
        const struct journal_entry *entry = &journal->entries[number - 1];
        if (!journal_is_left(journal, number))
            continue;
        say("to put back", entry->text,
            entry->done ? "" : " (the run ended before it knew whether this was made)");
        tell_parts(text_str(&entry->parts));
        left++;
    }
    if (left == 0)
        printf("nothing to put back\n");
    return left;
}

/* A run that goes on puts back by itself what is temporary, and another undo would do all twice.
 * The file descriptor that keeps others out, -1 where the file system has no locks, or an error. */
static int keep_others_out(const char *directory, int *fd, struct error *err)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/undo.jsonl", directory);
    *fd = open(path, O_RDONLY | O_CLOEXEC);
    if (*fd < 0 || flock(*fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
        return 0;
    return error_set(err, EXIT_ENVIRONMENT, -EBUSY,
                     "%s: its run, or another undo of it, still goes on: let it end (a run ends in "
                     "order by SIGINT), then ask again",
                     directory);
}

/* The pocket cluster keeps nothing: with it, all that was changed in it is gone. One that is up
 * now may be another. */
static bool lab_is_gone(const struct journal *journal)
{
    struct kubeconfig config;
    struct error err = {0};
    const struct journal_cluster *of = &journal->cluster;
    if (strncmp(of->kubeconfig, POCKET_DIRECTORY "/", sizeof(POCKET_DIRECTORY)) != 0)
        return false;
    if (access(of->kubeconfig, F_OK) < 0)
        return true;
    if (kubeconfig_load(of->kubeconfig, of->context, &config, &err) < 0)
        return false;
    bool other = strcmp(config.server, of->server) != 0;
    kubeconfig_free(&config);
    return other;
}

enum exit_status undo_run(const char *directory, bool dry, struct error *err)
{
    struct kube *kube = NULL;
    struct clock clock;
    struct journal *journal = NULL;
    int held = -1;
    int code = dry ? 0 : keep_others_out(directory, &held, err);
    if (code == 0)
        code = journal_read(directory, &journal, err);
    if (code == 0 && tell(journal) > 0 && !dry) {
        if (lab_is_gone(journal)) {
            printf("the lab that this run changed is gone, and its changes with it\n");
        } else {
            clock_start(&clock, 20000000);
            code = open_cluster(journal, &clock, &kube, err);
            if (code == 0)
                code = put_back(kube, directory, journal, err);
        }
    }
    kube_close(kube);
    journal_free(journal);
    if (held >= 0)
        close(held);
    if (code < 0)
        return err->text[0] ? err->status : EXIT_ENVIRONMENT;
    return EXIT_MET;
}
