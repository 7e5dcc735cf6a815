/* Lines reach a reader as they come, and a slow or lost one holds nothing up. */
#include "run/events.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/seamline-events-XXXXXX";

static const char *path_of(const char *name)
{
    static char path[200];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static size_t take(int fd, char *out, size_t size)
{
    ssize_t got = read(fd, out, size - 1);
    out[got < 0 ? 0 : got] = '\0';
    return got < 0 ? 0 : (size_t)got;
}

/* Without a close or a flush in between. */
static void each_line_is_there_at_once(void **state)
{
    struct events events;
    struct text file = {0};
    (void)state;
    assert_int_equal(events_open(&events, path_of("file"), NULL), 0);
    events_add(&events, "{\"kind\":\"one\"}");
    assert_int_equal(text_read_file(&file, path_of("file"), 1000), 0);
    assert_string_equal(text_str(&file), "{\"kind\":\"one\"}\n");
    events_close(&events, 0);
    text_clear(&file);
    assert_int_equal(events_open(&events, path_of("file"), NULL), 0);
    events_add(&events, "{}");
    events_close(&events, 0);
    assert_int_equal(text_read_file(&file, path_of("file"), 1000), 0);
    assert_string_equal(text_str(&file), "{\"kind\":\"one\"}\n{}\n");
    text_free(&file);
    unlink(path_of("file"));
}

static void a_slow_reader_loses_whole_lines_only(void **state)
{
    static char line[60001], got[1 << 20];
    struct events events;
    unsigned added = 100, seen = 0;
    size_t partial = 0, size;
    (void)state;
    assert_int_equal(mkfifo(path_of("fifo"), 0600), 0);
    int reader = open(path_of("fifo"), O_RDONLY | O_NONBLOCK);
    assert_int_equal(events_open(&events, path_of("fifo"), NULL), 0);
    memset(line, 'x', 60000);
    for (unsigned i = 0; i < added; i++)
        events_add(&events, line);
    assert_true(events.dropped > 0 && events.dropped < added);
    assert_true(events.waiting.size <= EVENTS_WAITING_BYTES);
    assert_int_equal(events.failed, 0);
    while ((size = take(reader, got, sizeof(got))) > 0) {
        for (size_t i = 0; i < size; i++) {
            if (got[i] == '\n') {
                assert_int_equal(partial, 60000);
                seen++;
            }
            partial = got[i] == '\n' ? 0 : partial + 1;
        }
        events_send(&events);
    }
    assert_int_equal(partial, 0);
    assert_int_equal(seen + events.dropped, added);
    close(reader);
    events_add(&events, "{}");
    assert_int_equal(events.failed, -EPIPE);
    events_add(&events, "{}"); /* Neither kept nor sent. */
    events_close(&events, 1000);
    unlink(path_of("fifo"));
}

static void refused_where_nobody_reads(void **state)
{
    struct events events;
    struct error err = {0};
    (void)state;
    assert_int_equal(mkfifo(path_of("fifo"), 0600), 0);
    assert_int_equal(events_open(&events, path_of("fifo"), &err), -ENXIO);
    assert_non_null(strstr(err.text, "nobody reads it"));
    unlink(path_of("fifo"));
    err = (struct error){0};
    assert_int_equal(events_open(&events, path_of("none/there"), &err), -ENOENT);
    assert_int_equal(err.status, EXIT_USAGE);
    assert_false(events.open);
}

static void none_asked_for(void **state)
{
    struct events events;
    (void)state;
    assert_int_equal(events_open(&events, NULL, NULL), 0);
    events_add(&events, "{}");
    assert_int_equal(events.waiting.size, 0);
    events_close(&events, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_line_is_there_at_once),
        cmocka_unit_test(a_slow_reader_loses_whole_lines_only),
        cmocka_unit_test(refused_where_nobody_reads),
        cmocka_unit_test(none_asked_for),
    };
    signal(SIGPIPE, SIG_IGN);
    if (mkdtemp(folder) == NULL)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(folder);
    return failed;
}
