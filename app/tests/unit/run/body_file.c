/* Files as bodies: mapped once, whatever their number of uses; what is none is refused by name. */
#include "run/body_file.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "plan/experiment.h"

static char folder[] = "/tmp/seamline-body-XXXXXX";

static const char *in_folder(const char *name)
{
    static char path[100];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name, const char *text, off_t size)
{
    FILE *file = fopen(in_folder(name), "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    if (size > 0)
        assert_int_equal(truncate(in_folder(name), size), 0);
}

static int make(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    write_file("text", "five\n", 0);
    write_file("empty", "", 0);
    write_file("most", "head", EXPERIMENT_BODY_MAX);
    write_file("more", "", (off_t)EXPERIMENT_BODY_MAX + 1);
    return mkfifo(in_folder("pipe"), 0600);
}

static int clear(void **state)
{
    static const char *const names[] = {"text", "empty", "most", "more", "pipe"};
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        unlink(in_folder(names[i]));
    return rmdir(folder);
}

static void each_once_and_beside_the_experiment(void **state)
{
    struct body_files files = {0};
    const struct body_file *one, *two, *three;
    struct error err = {0};
    char beside[100];
    (void)state;
    snprintf(beside, sizeof(beside), "%s/experiment.json", folder);
    assert_int_equal(body_file_check(beside, "text", &err), 0);
    assert_int_equal(body_files_map(&files, beside, "text", &one, &err), 0);
    const uint8_t *bytes = one->bytes;
    assert_int_equal(one->size_bytes, 5);
    assert_memory_equal(bytes, "five\n", 5);
    assert_int_equal(body_files_map(&files, "elsewhere", in_folder("text"), &two, &err), 0);
    assert_ptr_equal(two->bytes, bytes);
    assert_int_equal(files.count, 1);
    assert_int_equal(body_files_map(&files, beside, "empty", &three, &err), 0);
    assert_null(three->bytes);
    assert_int_equal(three->size_bytes, 0);
    body_files_unmap(&files);
    assert_int_equal(files.count, 0);
    body_files_unmap(&files);
}

static void what_is_no_body_is_named(void **state)
{
    static const struct {
        const char *name, *why;
    } rows[] = {
        {"none", "No such file or directory"},
        {"more", "want a file of 1 GiB at most"},
        {"pipe", "want a file of 1 GiB at most"},
        {".", "want a file of 1 GiB at most"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct body_files files = {0};
        const struct body_file *file;
        struct error err = {0};
        char text[200];
        const char *path = in_folder(rows[i].name);
        snprintf(text, sizeof(text), "body %s: %s", path, rows[i].why);
        assert_true(body_files_map(&files, "", path, &file, &err) < 0);
        assert_string_equal(err.text, text);
        assert_int_equal(err.status, EXIT_USAGE);
        assert_int_equal(files.count, 0);
        assert_true(body_file_check("", path, &err) < 0);
        body_files_unmap(&files);
    }
}

static void the_largest_is_fit(void **state)
{
    struct error err = {0};
    (void)state;
    assert_int_equal(body_file_check("", in_folder("most"), &err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_once_and_beside_the_experiment),
        cmocka_unit_test(what_is_no_body_is_named),
        cmocka_unit_test(the_largest_is_fit),
    };
    return cmocka_run_group_tests(tests, make, clear);
}
