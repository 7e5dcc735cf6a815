/* A run directory is made once, holds whole files, and never takes over another run. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/text.h"
#include "rundir/rundir.h"
#include "rundir/timeline.h"
#include "tests/unit/rundir/scratch.h"

static void is_made_with_its_parents_and_only_once(void **state)
{
    char path[256];
    struct rundir first, second;
    struct error err = {0};
    snprintf(path, sizeof(path), "%s/a/b/c//", (char *)*state);
    assert_int_equal(rundir_create(&first, path, "x", &err), 0);
    assert_int_equal(first.path[strlen(first.path) - 1], 'c');
    assert_int_equal(rundir_create(&second, path, "x", &err), -EEXIST);
    assert_non_null(strstr(err.text, "already holds a run"));
    rundir_close(&first);
}

/* An experiment that is run with -o to its own directory is neither written over nor removed. */
static void files_of_the_user_are_left_alone(void **state)
{
    static const char *const names[] = {"experiment.json", "machine.json", "meta.json",
                                        "undo.jsonl", "series.json"};
    struct text mine = {0}, back = {0};
    char path[300], file[340];
    text_add(&mine, "mine");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct rundir rundir;
        struct error err = {0};
        snprintf(path, sizeof(path), "%s/%zu", (char *)*state, i);
        snprintf(file, sizeof(file), "%s/%s", path, names[i]);
        assert_int_equal(mkdir(path, 0777), 0);
        assert_int_equal(text_write_file(&mine, file), 0);
        assert_int_equal(rundir_create(&rundir, path, "x", &err), -EEXIST);
        assert_non_null(strstr(err.text, names[i]));
        text_clear(&back);
        assert_int_equal(text_read_file(&back, file, 10), 0);
        assert_string_equal(text_str(&back), "mine");
        snprintf(file, sizeof(file), "%s/cluster.jsonl", path);
        assert_int_equal(access(file, F_OK), -1);
    }
    text_free(&mine);
    text_free(&back);
}

static void a_file_is_no_directory(void **state)
{
    struct text mine = {0};
    struct rundir rundir;
    struct error err = {0};
    char path[300];
    snprintf(path, sizeof(path), "%s/file", (char *)*state);
    text_add(&mine, "mine");
    assert_int_equal(text_write_file(&mine, path), 0);
    assert_int_equal(rundir_create(&rundir, path, "x", &err), -ENOTDIR);
    assert_non_null(strstr(err.text, "/file: Not a directory; give a directory"));
    text_free(&mine);
}

static void cannot_be_made(void **state)
{
    (void)state;
    struct rundir rundir;
    struct error err = {0};
    assert_true(rundir_create(&rundir, "/proc/none/x", "x", &err) < 0);
    assert_non_null(strstr(err.text, "-o"));
    err.text[0] = '\0';
    assert_int_equal(rundir_create(&rundir, "", "x", &err), -EINVAL);
}

static void events_and_undo_entries_are_lines(void **state)
{
    struct rundir rundir;
    struct error err = {0};
    char path[256];
    snprintf(path, sizeof(path), "%s/run", (char *)*state);
    assert_int_equal(rundir_create(&rundir, path, "x", &err), 0);
    struct timeline_event event = {.not_before_ns = 5,
                                   .not_after_ns = 9,
                                   .kind = TIMELINE_POD_READY,
                                   .object = "mserver-1",
                                   .node = "n1"};
    assert_int_equal(rundir_add_event(&rundir, &event, &err), 0);
    event.not_after_ns = 10;
    assert_int_equal(rundir_add_event(&rundir, &event, &err), 0);
    cJSON *entry = cJSON_CreateObject();
    cJSON_AddStringToObject(entry, "change", "two\nlines");
    assert_int_equal(rundir_add_undo(&rundir, entry, &err), 0);
    assert_int_equal(rundir_write_json(&rundir, "x.json", entry, &err), 0);
    cJSON_Delete(entry);
    rundir_close(&rundir);

    struct timeline timeline = {0};
    snprintf(path, sizeof(path), "%s/run/cluster.jsonl", (char *)*state);
    assert_int_equal(timeline_read(path, &timeline), 0);
    assert_false(timeline.cut);
    assert_int_equal(timeline.count, 2);
    assert_int_equal(timeline.events[1].not_after_ns, 10);
    timeline_free(&timeline);
    struct text undo = {0};
    snprintf(path, sizeof(path), "%s/run/undo.jsonl", (char *)*state);
    assert_int_equal(text_read_file(&undo, path, 1000), 0);
    assert_string_equal(undo.data, "{\"change\":\"two\\nlines\"}\n");
    text_free(&undo);
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600); /* An applied Secret is in it. */
}

static void one_that_came_to_nothing_is_removed(void **state)
{
    struct rundir rundir;
    char path[256], file[300];
    snprintf(path, sizeof(path), "%s/run", (char *)*state);
    assert_int_equal(rundir_create(&rundir, path, "x", NULL), 0);
    assert_int_equal(rundir_write_text(&rundir, "meta.json", "{}", NULL), 0);
    rundir_discard(&rundir);
    assert_int_equal(access(path, F_OK), -1);
    /* A directory that was there stays, and so does what is not ours. */
    assert_int_equal(mkdir(path, 0777), 0);
    assert_int_equal(rundir_create(&rundir, path, "x", NULL), 0);
    assert_int_equal(rundir_write_text(&rundir, "mine.txt", "x", NULL), 0);
    rundir_discard(&rundir);
    snprintf(file, sizeof(file), "%s/mine.txt", path);
    assert_int_equal(access(file, F_OK), 0);
    snprintf(file, sizeof(file), "%s/cluster.jsonl", path);
    assert_int_equal(access(file, F_OK), -1);
}

/* The first failure is kept, each is counted. */
static void event_that_cannot_be_written(void **state)
{
    struct rundir rundir;
    struct timeline_event event = {.not_after_ns = 1, .kind = TIMELINE_NOTE, .object = "x"};
    char path[256];
    snprintf(path, sizeof(path), "%s/run", (char *)*state);
    assert_int_equal(rundir_create(&rundir, path, "x", NULL), 0);
    close(rundir.timeline_fd);
    rundir.timeline_fd = open("/dev/full", O_WRONLY);
    assert_true(rundir_add_event(&rundir, &event, NULL) < 0);
    assert_true(rundir_add_event(&rundir, &event, NULL) < 0);
    assert_non_null(strstr(rundir.trouble.text, "cluster.jsonl: No space left on device"));
    rundir_close(&rundir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(is_made_with_its_parents_and_only_once, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(files_of_the_user_are_left_alone, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(a_file_is_no_directory, scratch_setup, scratch_teardown),
        cmocka_unit_test(cannot_be_made),
        cmocka_unit_test_setup_teardown(one_that_came_to_nothing_is_removed, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(event_that_cannot_be_written, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(events_and_undo_entries_are_lines, scratch_setup,
                                        scratch_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
