#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/seamline-text-XXXXXX";
static char path[64];

static int make_folder(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    (void)snprintf(path, sizeof(path), "%s/file", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(folder); /* Fails when a temporary file was left. */
}

static void grows_and_ends_with_nul(void **state)
{
    struct text text = {0};
    char expected[4001];

    (void)state;
    assert_string_equal(text_str(&text), "");
    for (unsigned i = 0; i < 1000; i++) {
        text_add(&text, "ab");
        text_add_bytes(&text, "cx", 1);
        text_addf(&text, "%u", i % 10);
        assert_int_equal(text.size, strlen(text_str(&text)));
        (void)snprintf(expected + (size_t)4 * i, 5, "abc%u", i % 10);
    }
    assert_string_equal(text_str(&text), expected);
    text_clear(&text);
    assert_string_equal(text_str(&text), "");
    text_add(&text, "again");
    assert_string_equal(text_str(&text), "again");
    text_free(&text);
    assert_null(text.data);
    text_add(&text, "");
    assert_string_equal(text_str(&text), "");
    text_free(&text);
}

static void consume_takes_from_the_front(void **state)
{
    struct text text = {0};

    (void)state;
    text_consume(&text, 5);
    text_add(&text, "one two");
    text_consume(&text, 4);
    assert_string_equal(text_str(&text), "two");
    text_consume(&text, 0);
    assert_int_equal(text.size, 3);
    text_consume(&text, 99);
    assert_int_equal(text.size, 0);
    assert_string_equal(text_str(&text), "");
    text_free(&text);
}

static void failure_sticks_until_cleared(void **state)
{
    struct text text = {0};

    (void)state;
    text_add(&text, "kept");
    text_add_bytes(&text, "", (size_t)TEXT_LIMIT_BYTES); /* Refused before a byte is read. */
    assert_true(text.failed);
    text_add(&text, "ignored");
    text_addf(&text, "%d", 1);
    assert_string_equal(text_str(&text), "kept");
    assert_int_equal(text_write_file(&text, path), -ENOMEM);
    assert_int_equal(access(path, F_OK), -1);
    text_clear(&text);
    assert_false(text.failed);
    text_free(&text);
}

static void files_come_back_whole(void **state)
{
    struct text text = {0}, back = {0};
    struct stat status;

    (void)state;
    for (unsigned i = 0; i < 50000; i++)
        text_add_bytes(&text, "a\0\n", 3);
    assert_int_equal(text_write_file(&text, path), 0);
    text_add(&back, "before:");
    assert_int_equal(text_read_file(&back, path, text.size), 0);
    assert_int_equal(back.size, text.size + 7);
    assert_memory_equal(back.data, "before:", 7);
    assert_memory_equal(back.data + 7, text.data, text.size);
    text_clear(&text);
    assert_int_equal(text_write_file(&text, path), 0); /* Replaces it, also with nothing. */
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_size, 0);
    text_free(&text);
    text_free(&back);
}

static unsigned mode_of(const char *file)
{
    struct stat status;

    assert_int_equal(stat(file, &status), 0);
    return status.st_mode & 0777;
}

static void files_are_whose_the_umask_says(void **state)
{
    struct text text = {0};
    mode_t before = umask(022);

    (void)state;
    text_add(&text, "x");
    assert_int_equal(text_write_file(&text, path), 0);
    assert_int_equal(mode_of(path), 0644);
    assert_int_equal(text_write_private(&text, path), 0);
    assert_int_equal(mode_of(path), 0600);
    umask(027);
    assert_int_equal(text_write_file(&text, path), 0);
    assert_int_equal(mode_of(path), 0640);
    umask(before);
    text_free(&text);
}

static void file_errors_leave_the_text(void **state)
{
    struct text text = {0}, small = {0};
    char missing[80];

    (void)state;
    text_add(&text, "0123456789");
    assert_int_equal(text_write_file(&text, path), 0);
    text_add(&small, "x");
    assert_int_equal(text_read_file(&small, path, 9), -EFBIG);
    assert_string_equal(text_str(&small), "x");
    (void)snprintf(missing, sizeof(missing), "%s/none/file", folder);
    assert_int_equal(text_read_file(&small, missing, 9), -ENOENT);
    assert_int_equal(text_read_file(&small, folder, 9), -EISDIR);
    assert_int_equal(text_write_file(&text, missing), -ENOENT);
    assert_true(text_write_file(&text, folder) < 0); /* A folder is in its place. */
    assert_string_equal(text_str(&small), "x");
    text_free(&text);
    text_free(&small);
}

static void durations(void **state)
{
    static const struct {
        int64_t ns;
        const char *expected;
    } rows[] = {
        {0, "0 ns"},
        {800, "800 ns"},
        {999, "999 ns"},
        {1000, "1 us"},
        {37000, "37 us"},
        {37004, "37.004 us"},
        {999999, "999.999 us"},
        {1000000, "1 ms"},
        {12500000, "12.5 ms"},
        {12500499, "12.5 ms"},
        {12500500, "12.501 ms"},
        {999999499, "999.999 ms"},
        {999999500, "1 s"},
        {1234567000, "1.234567 s"},
        {1234567499, "1.234567 s"},
        {3600000000000, "3600 s"},
        {-1500, "-1.5 us"},
        {INT64_MIN, "-9223372036.854776 s"},
    };
    struct text text = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        text_clear(&text);
        text_add_duration(&text, rows[i].ns);
        assert_string_equal(text_str(&text), rows[i].expected);
    }
    text_free(&text);
}

static void control_characters_are_tamed(void **state)
{
    char text[] = "a\033[2Jb\tc\nd\re\177f\302\233g \303\274\302\240\302";

    (void)state;
    text_tame(text);
    assert_string_equal(text, "a?[2Jb\tc\nd?e?f??g \303\274\302\240\302");
}

static void a_name_stays_in_its_line(void **state)
{
    char text[] = "a\nb\r\nc\td e";

    (void)state;
    text_flatten(text);
    assert_string_equal(text, "a b  c d e");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_and_ends_with_nul),
        cmocka_unit_test(consume_takes_from_the_front),
        cmocka_unit_test(failure_sticks_until_cleared),
        cmocka_unit_test(files_come_back_whole),
        cmocka_unit_test(files_are_whose_the_umask_says),
        cmocka_unit_test(file_errors_leave_the_text),
        cmocka_unit_test(durations),
        cmocka_unit_test(control_characters_are_tamed),
        cmocka_unit_test(a_name_stays_in_its_line),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
