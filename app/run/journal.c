#include "run/journal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"

enum {
    FILE_BYTES_MAX = 64 << 20
};

/* ---- writing ---- */

/* Takes ENTRY. */
static int add(struct rundir *rundir, cJSON *entry, struct error *err)
{
    int code = entry == NULL ? error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory")
                             : rundir_add_undo(rundir, entry, err);
    cJSON_Delete(entry);
    return code;
}

int journal_add_cluster(struct rundir *rundir, const struct journal_cluster *cluster,
                        struct error *err)
{
    cJSON *entry = cJSON_CreateObject();
    cJSON *of = cJSON_AddObjectToObject(entry, "cluster");
    cJSON_AddStringToObject(of, "server", cluster->server);
    cJSON_AddStringToObject(of, "kubeconfig", cluster->kubeconfig);
    cJSON_AddStringToObject(of, "context", cluster->context);
    cJSON_AddStringToObject(of, "namespace", cluster->namespace);
    return add(rundir, entry, err);
}

int journal_add_change(struct rundir *rundir, unsigned number, uint64_t at_ns, const char *text,
                       const char *object, const char *undo, struct error *err)
{
    cJSON *entry = cJSON_CreateObject();
    json_add_integer(entry, "n", number);
    json_add_integer(entry, "at", (int64_t)at_ns);
    cJSON_AddStringToObject(entry, "text", text);
    cJSON_AddStringToObject(entry, "object", object);
    if (undo[0] != '\0') {
        cJSON *json = cJSON_Parse(undo);
        if (json == NULL || !cJSON_AddItemToObject(entry, "undo", json)) {
            cJSON_Delete(json);
            cJSON_Delete(entry);
            return error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory");
        }
    }
    return add(rundir, entry, err);
}

static int add_mark(struct rundir *rundir, const char *what, unsigned number, const char *uid,
                    struct error *err)
{
    cJSON *entry = cJSON_CreateObject();
    json_add_integer(entry, what, number);
    if (uid[0] != '\0')
        cJSON_AddStringToObject(entry, "uid", uid);
    return add(rundir, entry, err);
}

int journal_add_done(struct rundir *rundir, unsigned number, const char *uid, struct error *err)
{
    return add_mark(rundir, "done", number, uid, err);
}

int journal_add_part(struct rundir *rundir, unsigned number, const char *text, struct error *err)
{
    cJSON *entry = cJSON_CreateObject();
    json_add_integer(entry, "part", number);
    cJSON_AddStringToObject(entry, "text", text);
    return add(rundir, entry, err);
}

int journal_add_failed(struct rundir *rundir, unsigned number, struct error *err)
{
    return add_mark(rundir, "failed", number, "", err);
}

int journal_add_undone(struct rundir *rundir, unsigned number, struct error *err)
{
    return add_mark(rundir, "undone", number, "", err);
}

/* ---- reading ---- */

static struct journal_entry *entry_at(struct journal *journal, int64_t number)
{
    if (number < 1 || number > JOURNAL_ENTRIES_MAX)
        return NULL;
    if (number > journal->count)
        journal->count = (unsigned)number;
    return &journal->entries[number - 1];
}

static void read_cluster(struct journal_cluster *cluster, const cJSON *of)
{
    snprintf(cluster->server, sizeof(cluster->server), "%s", json_string(of, "server", ""));
    snprintf(cluster->kubeconfig, sizeof(cluster->kubeconfig), "%s",
             json_string(of, "kubeconfig", ""));
    snprintf(cluster->context, sizeof(cluster->context), "%s", json_string(of, "context", ""));
    snprintf(cluster->namespace, sizeof(cluster->namespace), "%s",
             json_string(of, "namespace", ""));
}

static void read_line(struct journal *journal, const cJSON *line)
{
    struct journal_entry *entry = entry_at(journal, json_integer(line, "n", 0));
    const cJSON *of = json_member(line, "cluster");
    if (of != NULL)
        read_cluster(&journal->cluster, of);
    if (entry != NULL && entry->text == NULL) {
        const cJSON *undo = json_member(line, "undo");
        entry->text = strdup(json_string(line, "text", "?"));
        entry->undo = cJSON_IsObject(undo) ? json_print(undo, false) : NULL;
    }
    entry = entry_at(journal, json_integer(line, "done", 0));
    if (entry != NULL) {
        entry->done = true;
        snprintf(entry->uid, sizeof(entry->uid), "%s", json_string(line, "uid", ""));
    }
    entry = entry_at(journal, json_integer(line, "part", 0));
    if (entry != NULL)
        text_addf(&entry->parts, "%s\n", json_string(line, "text", "?"));
    entry = entry_at(journal, json_integer(line, "failed", 0));
    if (entry != NULL)
        entry->failed = true;
    entry = entry_at(journal, json_integer(line, "undone", 0));
    if (entry != NULL)
        entry->undone = true;
}

int journal_parse(const char *bytes, size_t size, struct journal **out, struct error *err)
{
    const char *at = bytes, *end = bytes + size, *newline;
    struct journal *journal = calloc(1, sizeof(*journal));
    *out = NULL;
    if (journal == NULL)
        return error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory for the journal");
    while (at < end && (newline = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        cJSON *line = json_parse(at, (size_t)(newline - at), NULL);
        if (line != NULL)
            read_line(journal, line);
        cJSON_Delete(line);
        at = newline + 1;
    }
    *out = journal;
    return 0;
}

int journal_read(const char *directory, struct journal **out, struct error *err)
{
    char path[PATH_MAX];
    struct text file = {0};
    *out = NULL;
    snprintf(path, sizeof(path), "%s/undo.jsonl", directory);
    int code = text_read_file(&file, path, FILE_BYTES_MAX);
    if (code < 0)
        error_set(err, EXIT_USAGE, code, "%s: %s; is this a run directory?", path, strerror(-code));
    else
        code = journal_parse(text_str(&file), file.size, out, err);
    text_free(&file);
    return code;
}

void journal_free(struct journal *journal)
{
    for (unsigned i = 0; journal != NULL && i < journal->count; i++) {
        free(journal->entries[i].text);
        text_free(&journal->entries[i].parts);
        free(journal->entries[i].undo);
    }
    free(journal);
}

bool journal_is_left(const struct journal *journal, unsigned number)
{
    const struct journal_entry *entry = &journal->entries[number - 1];
    return entry->text != NULL && entry->undo != NULL && !entry->undone && !entry->failed;
}

char *journal_undo_text(const struct journal_entry *entry)
{
    cJSON *undo = cJSON_Parse(entry->undo);
    if (undo != NULL && entry->uid[0] != '\0' &&
        strcmp(json_string(undo, "method", ""), "DELETE") == 0) {
        cJSON *preconditions = json_make(undo, "body.preconditions");
        cJSON_DeleteItemFromObjectCaseSensitive(preconditions, "uid");
        cJSON_AddStringToObject(preconditions, "uid", entry->uid);
    }
    char *text = undo == NULL ? NULL : json_print(undo, false);
    cJSON_Delete(undo);
    return text;
}
