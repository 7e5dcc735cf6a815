/* The undo journal: what is left to be put back after any end of a run. */
#include "run/journal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "tests/unit/rundir/scratch.h"

#define CHANGE(n)                                                                                  \
    "{\"n\":" #n ",\"at\":5,\"text\":\"t" #n                                                       \
    "\",\"object\":\"deployment/a\",\"undo\":{\"method\":\"DELETE\",\"path\":\"/"                  \
    "x\",\"body\":{\"kind\":\"DeleteOptions\"}}}\n"

static void what_is_left(void **state)
{
    static const struct {
        const char *lines;
        bool left; /* Number 1. */
    } rows[] = {
        {CHANGE(1), true}, /* Killed before the answer. */
        {CHANGE(1) "{\"done\":1,\"uid\":\"u\"}\n", true},
        {CHANGE(1) "{\"failed\":1}\n", false},
        {CHANGE(1) "{\"done\":1}\n{\"undone\":1}\n", false},
        {CHANGE(1) CHANGE(2) "{\"undone\":2}\n", true},
        {CHANGE(1) "{\"undone\":1", true},                           /* The line was cut. */
        {CHANGE(1) CHANGE(2) "{\"done\":\n{\"undone\":1}\n", false}, /* And undo's own behind it. */
        {CHANGE(1) "garbage\n{\"undone\":1}\n", false},
        {"{\"n\":1,\"text\":\"delete a\",\"object\":\"deployment/a\"}\n", false}, /* No way back. */
        {"{\"undone\":1}\n", false},
        {"{\"n\":1025,\"text\":\"x\",\"undo\":{}}\n{\"n\":-1}\n{\"done\":0}\n" CHANGE(1), true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct journal *journal;
        assert_int_equal(journal_parse(rows[i].lines, strlen(rows[i].lines), &journal, NULL), 0);
        if (journal_is_left(journal, 1) != rows[i].left)
            fail_msg("row %zu", i);
        journal_free(journal);
    }
}

static void deletion_is_of_that_very_object(void **state)
{
    static const char lines[] = CHANGE(1) CHANGE(2) "{\"done\":1,\"uid\":\"u-1\"}\n";
    struct journal *journal;
    (void)state;
    assert_int_equal(journal_parse(lines, sizeof(lines) - 1, &journal, NULL), 0);
    char *text = journal_undo_text(&journal->entries[0]);
    assert_string_equal(text, "{\"method\":\"DELETE\",\"path\":\"/x\",\"body\":{\"kind\":"
                              "\"DeleteOptions\",\"preconditions\":{\"uid\":\"u-1\"}}}");
    free(text);
    text = journal_undo_text(&journal->entries[1]); /* Nobody knows its uid. */
    assert_null(strstr(text, "preconditions"));
    free(text);
    journal_free(journal);
}

static void what_is_written_is_read(void **state)
{
    struct rundir rundir;
    struct journal *journal;
    struct journal_cluster cluster = {
        .server = "https://s:1", .kubeconfig = "/etc/k", .context = "c", .namespace = "n"};
    char path[256];
    snprintf(path, sizeof(path), "%s/run", (char *)*state);
    assert_int_equal(rundir_create(&rundir, path, "x", NULL), 0);
    assert_int_equal(journal_add_cluster(&rundir, &cluster, NULL), 0);
    assert_int_equal(
        journal_add_change(&rundir, 1, 7, "set image", "deployment/a", "{\"a\":1}", NULL), 0);
    assert_int_equal(journal_add_change(&rundir, 2, 8, "delete a", "deployment/a", "", NULL), 0);
    assert_int_equal(journal_add_part(&rundir, 1, "pod d/a evicted", NULL), 0);
    assert_int_equal(journal_add_part(&rundir, 1, "pod d/b evicted", NULL), 0);
    assert_int_equal(journal_add_done(&rundir, 1, "u", NULL), 0);
    assert_int_equal(journal_add_failed(&rundir, 2, NULL), 0);
    rundir_close(&rundir);
    assert_int_equal(journal_read(path, &journal, NULL), 0);
    assert_string_equal(journal->cluster.server, "https://s:1");
    assert_string_equal(journal->cluster.kubeconfig, "/etc/k");
    assert_string_equal(journal->cluster.context, "c");
    assert_string_equal(journal->cluster.namespace, "n");
    assert_int_equal(journal->count, 2);
    assert_string_equal(journal->entries[0].text, "set image");
    assert_string_equal(journal->entries[0].undo, "{\"a\":1}");
    assert_string_equal(journal->entries[0].uid, "u");
    assert_string_equal(text_str(&journal->entries[0].parts), "pod d/a evicted\npod d/b evicted\n");
    assert_true(journal->entries[0].done && !journal->entries[0].failed);
    assert_true(journal->entries[1].failed && journal->entries[1].undo == NULL);
    journal_free(journal);
}

static void no_journal(void **state)
{
    struct error err = {0};
    struct journal *journal;
    assert_true(journal_read(*state, &journal, &err) < 0);
    assert_null(journal);
    assert_non_null(strstr(err.text, "undo.jsonl"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_left),
        cmocka_unit_test(deletion_is_of_that_very_object),
        cmocka_unit_test_setup_teardown(what_is_written_is_read, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(no_journal, scratch_setup, scratch_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
