/* The view on a terminal of its own, whose screen is worked out from what was written to it. */
#include "run/view.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <fcntl.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

#include <cmocka.h>

#include "run/progress.h"

#define MS UINT64_C(1000000)

enum {
    ROWS = 100,
    COLUMNS = 300
};

/* One that wraps again what is too wide when it becomes narrower. */
struct terminal {
    int master;
    FILE *stream; /* The other side: where the view is drawn. */
    unsigned columns;
    char rows[ROWS][COLUMNS + 1];
    unsigned row, column; /* The cursor. */
    bool styled;          /* Attributes are on. */
    bool colours;         /* Some were, ever. */
};

static void set_size(struct terminal *terminal, unsigned columns, unsigned rows)
{
    struct winsize size = {.ws_col = (unsigned short)columns, .ws_row = (unsigned short)rows};
    terminal->columns = columns;
    assert_int_equal(ioctl(terminal->master, TIOCSWINSZ, &size), 0);
}

static int setup(void **state)
{
    struct terminal *terminal = calloc(1, sizeof(*terminal));
    terminal->master = posix_openpt(O_RDWR | O_NOCTTY);
    assert_true(terminal->master >= 0);
    assert_int_equal(grantpt(terminal->master), 0);
    assert_int_equal(unlockpt(terminal->master), 0);
    terminal->stream = fdopen(open(ptsname(terminal->master), O_WRONLY | O_NOCTTY), "w");
    assert_non_null(terminal->stream);
    setvbuf(terminal->stream, NULL, _IONBF, 0);
    set_size(terminal, 80, 24);
    setenv("TERM", "xterm", 1);
    unsetenv("NO_COLOR");
    *state = terminal;
    return 0;
}

static int teardown(void **state)
{
    struct terminal *terminal = *state;
    fclose(terminal->stream);
    close(terminal->master);
    free(terminal);
    return 0;
}

static void sequence(struct terminal *terminal, const char *numbers, char what)
{
    unsigned number = (unsigned)strtoul(numbers, NULL, 10);
    switch (what) {
    case 'A':
        assert_true(number <= terminal->row);
        terminal->row -= number;
        break;
    case 'J':
        for (unsigned i = terminal->row + 1; i < ROWS; i++)
            memset(terminal->rows[i], 0, sizeof(terminal->rows[i]));
        __attribute__((fallthrough));
    case 'K':
        memset(terminal->rows[terminal->row] + terminal->column, 0, COLUMNS - terminal->column);
        break;
    case 'm':
        terminal->styled = number != 0;
        terminal->colours |= terminal->styled;
        break;
    default: fail_msg("ESC [ %s %c", numbers, what);
    }
}

static char next(const struct terminal *terminal)
{
    char c;
    assert_int_equal(read(terminal->master, &c, 1), 1);
    return c;
}

static void escape(struct terminal *terminal)
{
    char numbers[16] = "", c = next(terminal);
    assert_int_equal(c, '[');
    for (size_t i = 0; (c = next(terminal)) >= '0' && c <= '9' && i < sizeof(numbers) - 1; i++)
        numbers[i] = c;
    sequence(terminal, numbers, c);
}

/* Take all that was written so far: up to a mark that is written now. */
static void settle(struct terminal *terminal)
{
    char c;
    assert_int_equal(write(fileno(terminal->stream), "\001", 1), 1);
    while ((c = next(terminal)) != '\001') {
        assert_true(terminal->row < ROWS);
        if (c == '\r') {
            terminal->column = 0;
        } else if (c == '\n') {
            terminal->row++;
        } else if (c == '\033') {
            escape(terminal);
        } else {
            assert_true(c >= ' ' && c <= '~');
            assert_true(terminal->column < terminal->columns); /* Nothing may wrap. */
            terminal->rows[terminal->row][terminal->column++] = c;
        }
    }
}

/* As terminals do that wrap what is there already. The cursor stands in its first column. */
static void make_narrower(struct terminal *terminal, unsigned columns)
{
    char old[ROWS][COLUMNS + 1];
    unsigned to = 0, cursor = 0;
    memcpy(old, terminal->rows, sizeof(old));
    memset(terminal->rows, 0, sizeof(terminal->rows));
    for (unsigned i = 0; i < ROWS && to < ROWS; i++) {
        size_t at = 0, size = strlen(old[i]);
        cursor = i == terminal->row ? to : cursor;
        do {
            memcpy(terminal->rows[to++], old[i] + at, size - at < columns ? size - at : columns);
            at += columns;
        } while (at < size && to < ROWS);
    }
    terminal->row = cursor;
    set_size(terminal, columns, 24);
}

static void expect_row(const struct terminal *terminal, unsigned row, const char *text)
{
    assert_string_equal(terminal->rows[row], text);
}

/* Rows of one character each. */
static void draw(struct terminal *terminal, struct screen *screen, const char *characters,
                 uint64_t now_ns)
{
    struct screen_rows rows = {0};
    for (const char *c = characters; *c != '\0'; c++) {
        rows.each[rows.count].start = rows.text.size;
        text_add_bytes(&rows.text, c, 1);
        rows.each[rows.count].end = rows.text.size;
        rows.each[rows.count++].columns = 1;
    }
    screen_draw(screen, &rows, now_ns);
    text_free(&rows.text);
    settle(terminal);
}

static void draws_in_place(void **state)
{
    struct terminal *terminal = *state;
    struct screen screen;
    fputs("before\n", terminal->stream);
    screen_start(&screen, terminal->stream);
    draw(terminal, &screen, "abc", 1);
    expect_row(terminal, 3, "c");
    draw(terminal, &screen, "defg", 2);
    expect_row(terminal, 4, "g");
    draw(terminal, &screen, "h", 3);
    screen_stop(&screen);
    fputs("after\n", terminal->stream);
    settle(terminal);
    expect_row(terminal, 0, "before");
    expect_row(terminal, 1, "h");
    expect_row(terminal, 2, "after");
    expect_row(terminal, 3, "");
}

static void what_others_print_stays_above(void **state)
{
    struct terminal *terminal = *state;
    struct screen screen;
    screen_start(&screen, terminal->stream);
    draw(terminal, &screen, "ab", 1);
    fputs("told\n", terminal->stream);
    settle(terminal);
    expect_row(terminal, 2, ""); /* Not yet: it would stand in the middle of the next drawing. */
    draw(terminal, &screen, "cd", 2);
    fputs("last\n", terminal->stream);
    screen_stop(&screen);
    settle(terminal);
    expect_row(terminal, 0, "told");
    expect_row(terminal, 1, "c");
    expect_row(terminal, 2, "d");
    expect_row(terminal, 3, "last");
}

/* By then the shell has written. */
static void begins_anew_after_a_stop(void **state)
{
    struct terminal *terminal = *state;
    struct screen screen;
    screen_start(&screen, terminal->stream);
    draw(terminal, &screen, "ab", SCREEN_GAP_NS);
    draw(terminal, &screen, "cd", 2 * SCREEN_GAP_NS);
    draw(terminal, &screen, "ef", 3 * SCREEN_GAP_NS + 1);
    screen_stop(&screen);
    expect_row(terminal, 0, "c");
    expect_row(terminal, 2, "e");
    expect_row(terminal, 3, "f");
}

/* Ctrl-S does not hold the run up. */
static void does_not_wait_for_a_stopped_terminal(void **state)
{
    struct terminal *terminal = *state;
    struct screen_rows rows = {.count = 1};
    struct screen screen;
    screen_start(&screen, terminal->stream);
    assert_int_equal(tcflow(fileno(terminal->stream), TCOOFF), 0);
    screen_draw(&screen, &rows, 1);
    assert_int_equal(screen.drawn, 0);
    assert_int_equal(tcflow(fileno(terminal->stream), TCOON), 0);
    draw(terminal, &screen, "a", 2);
    screen_stop(&screen);
    expect_row(terminal, 0, "a");
    expect_row(terminal, 1, "");
}

/* A run with two streams, three notes, and names that would like to be more than names. */
static struct live *make_live(void)
{
    static struct live live;
    memset(&live, 0, sizeof(live));
    live.name = "main";
    live.stream_count = 2;
    live.worker_count = 2;
    live.now.now_ns = 14200 * MS;
    live.now.phase = LIVE_CHANGE;
    snprintf(live.now.step, sizeof(live.now.step), "4/6 upgrade");
    live.streams[0] =
        (struct live_stream){.name = "held",
                             .sent_pps = 400,
                             .good_pps = 396,
                             .lost_pps = 4,
                             .window = {.open = true, .count = 3, .from_ns = 13800 * MS}};
    live.now.streams[0] =
        (struct fleet_counts){.lost = 12, .up = 79, .broken = 31, .connecting = 1};
    live.streams[1] = (struct live_stream){.name = "\033[2Jnew\r\n\xff"};
    live.loads[0] = 0.2;
    live.loads[1] = 0.4;
    live.now.workers[1] = (struct live_worker_counts){.stalls = 2, .longest_ns = 350000};
    live.now.pods = (struct live_pods){true, 5, 4, 4, 3};
    live.note_count = LIVE_NOTES + 3;
    for (unsigned i = 0; i < LIVE_NOTES; i++)
        snprintf(live.notes[i].text, LIVE_NOTE_BYTES, "note %u", i < 3 ? i + LIVE_NOTES : i);
    return &live;
}

static const char *row_of(const struct screen_rows *rows, unsigned index, char out[400])
{
    assert_true(index < rows->count);
    snprintf(out, 400, "%.*s", (int)(rows->each[index].end - rows->each[index].start),
             text_str(&rows->text) + rows->each[index].start);
    return out;
}

static void shows_the_run(void **state)
{
    static const char *const wanted[] = {
        "main  14.2 s  change  4/6 upgrade",
        "stream          sent/s     ok/s  lost/s     lost      up  broken  windows",
        "held               400      396       4       12      79      31  3, open 0.4 s, 1 "
        "connecting",
        "?[2Jnew???           0        0       0        0       0       0  none",
        "pods ready: old 4 of 5, new 3 of 4",
        "2 workers, load 30 % (20 to 40 %), 2 stalls, longest gap 0.350 ms",
        "    0.000  note 17",
        "    0.000  note 18",
    };
    struct screen_rows rows = {0};
    char row[400];
    (void)state;
    view_rows(make_live(), false, 100, 8, &rows);
    assert_int_equal(rows.count, 8);
    for (unsigned i = 0; i < rows.count; i++)
        assert_string_equal(row_of(&rows, i, row), wanted[i]);
    text_free(&rows.text);
}

static void fits_any_size(void **state)
{
    struct screen_rows rows = {0};
    char row[400];
    (void)state;
    for (unsigned columns = 1; columns < 120; columns++) {
        for (unsigned most = 1; most < 30; most++) {
            view_rows(make_live(), false, columns, most, &rows);
            assert_true(rows.count >= 1 && rows.count <= most);
            for (unsigned i = 0; i < rows.count; i++) {
                assert_true(strlen(row_of(&rows, i, row)) <= columns);
                assert_int_equal(strlen(row), rows.each[i].columns);
                for (const char *c = row; *c != '\0'; c++)
                    assert_true(*c >= ' ' && *c <= '~');
            }
        }
    }
    text_free(&rows.text);
}

/* Each of the first name's characters takes two columns; what turns the direction takes none. */
static void measures_characters(void **state)
{
    struct screen_rows rows = {0};
    struct live *live = make_live();
    char row[400];
    locale_t locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    (void)state;
    assert_true(locale != (locale_t)0);
    locale_t before = uselocale(locale);
    live->name = "\u6e2c\u8a66\xe2\x80\xae";
    view_rows(live, false, 80, 1, &rows);
    assert_string_equal(row_of(&rows, 0, row), "\u6e2c\u8a66?  14.2 s  change  4/6 upgrade");
    assert_int_equal(rows.each[0].columns, strlen("12345  14.2 s  change  4/6 upgrade"));
    view_rows(live, false, 3, 1, &rows);
    assert_string_equal(row_of(&rows, 0, row), "\u6e2c "); /* Half of the other does not go. */
    live->name = "main";
    live->streams[0].name = "\u6e2c\u8a66";
    view_rows(live, false, 80, 3, &rows);
    assert_int_equal(rows.each[2].columns, strlen(row_of(&rows, 2, row)) - 2);
    uselocale(before);
    freelocale(locale);
    text_free(&rows.text);
}

static void follows_the_terminals_size(void **state)
{
    struct terminal *terminal = *state;
    struct progress *progress = calloc(1, sizeof(*progress));
    struct live *live = make_live();
    progress_start(progress, terminal->stream, false);
    assert_true(progress->view);
    progress_tick(progress, live);
    settle(terminal);
    assert_true(terminal->colours);
    assert_false(terminal->styled);
    expect_row(terminal, 0, "main  14.2 s  change  4/6 upgrade");
    assert_int_equal(terminal->row, 16);
    live->now.now_ns += 100 * MS; /* Too soon. */
    progress_tick(progress, live);
    settle(terminal);
    expect_row(terminal, 0, "main  14.2 s  change  4/6 upgrade");
    make_narrower(terminal, 20);
    live->now.now_ns += 100 * MS;
    progress_tick(progress, live);
    settle(terminal);
    progress_end(progress);
    expect_row(terminal, 0, "main  14.4 s  chang");
    expect_row(terminal, 2, "held               ");
    expect_row(terminal, 5, "2 workers, load 30 ");
    assert_int_equal(terminal->row, 16);
    for (unsigned i = 16; i < ROWS; i++)
        expect_row(terminal, i, "");
    free(progress);
}

static void colours_only_where_they_are_wanted(void **state)
{
    struct terminal *terminal = *state;
    struct progress *progress = calloc(1, sizeof(*progress));
    setenv("NO_COLOR", "1", 1);
    progress_start(progress, terminal->stream, false);
    progress_tick(progress, make_live());
    settle(terminal);
    progress_end(progress);
    assert_false(terminal->colours);
    assert_int_equal(terminal->row, 16);
    free(progress);
}

/* A terminal that knows no sequences, no terminal, and a quiet run. */
static void plain_lines_elsewhere(void **state)
{
    struct terminal *terminal = *state;
    struct progress *progress = calloc(1, sizeof(*progress));
    struct live *live = make_live();
    char line[256], got[600];
    setenv("TERM", "dumb", 1);
    progress_start(progress, terminal->stream, false);
    progress_end(progress);
    assert_false(progress->view);
    setenv("TERM", "xterm", 1);
    FILE *file = tmpfile();
    progress_start(progress, file, true);
    progress_tick(progress, live);
    progress_end(progress);
    assert_int_equal(ftell(file), 0);
    progress_start(progress, file, false);
    for (unsigned i = 0; i < 15; i++, live->now.now_ns += 100 * MS)
        progress_tick(progress, live); /* Two of them are a second apart. */
    progress_end(progress);
    rewind(file);
    for (unsigned i = 0; i < 2; i++) {
        assert_non_null(fgets(got, sizeof(got), file));
        live->now.now_ns = (14200 + 1000 * i) * MS;
        progress_text(live, line);
        assert_memory_equal(got, line, strlen(line));
        assert_string_equal(got + strlen(line), "\n");
    }
    assert_null(fgets(got, sizeof(got), file));
    fclose(file);
    free(progress);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(draws_in_place, setup, teardown),
        cmocka_unit_test_setup_teardown(what_others_print_stays_above, setup, teardown),
        cmocka_unit_test_setup_teardown(begins_anew_after_a_stop, setup, teardown),
        cmocka_unit_test_setup_teardown(does_not_wait_for_a_stopped_terminal, setup, teardown),
        cmocka_unit_test(shows_the_run),
        cmocka_unit_test(fits_any_size),
        cmocka_unit_test(measures_characters),
        cmocka_unit_test_setup_teardown(follows_the_terminals_size, setup, teardown),
        cmocka_unit_test_setup_teardown(colours_only_where_they_are_wanted, setup, teardown),
        cmocka_unit_test_setup_teardown(plain_lines_elsewhere, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
