#include "base/option.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
    WORDS_MAX = 6,
    OPTION_LEVEL = 256
};

static const struct option list[] = {{"rate", required_argument, NULL, 'r'},
                                     {"quiet", no_argument, NULL, 'q'},
                                     {"variant", required_argument, NULL, 'V'},
                                     {"variants", no_argument, NULL, OPTION_LEVEL},
                                     {0}};

static void what_is_wrong_is_said(void **state)
{
    static const struct {
        const char *words[WORDS_MAX];
        const char *text; /* Of the first error. */
    } rows[] = {
        {{"--speed", "5"}, "there is no option --speed; see help"},
        {{"--rte=5"}, "there is no option --rte; did you mean --rate? All are in help"},
        {{"--Quiet"}, "there is no option --Quiet; did you mean --quiet? All are in help"},
        {{"--var", "x"}, "--var is short for several options: --variant, --variants"},
        {{"-x"}, "there is no option -x; see help"},
        {{"-qx"}, "there is no option -x; see help"},
        {{"-xq"}, "there is no option -x; see help"},
        {{"--rate=5", "-xq"}, "there is no option -x; see help"},
        {{"--rate"}, "--rate wants a value; see help"},
        {{"-r"}, "-r wants a value; see help"},
        {{"-qr"}, "-r wants a value; see help"},
        {{"--quiet=3"}, "--quiet takes no value; see help"},
        {{"--variants=all"}, "--variants takes no value; see help"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        char words[WORDS_MAX + 1][32] = {"command"}, *argv[WORDS_MAX + 2] = {words[0]};
        struct error err = {0};
        int argc = 1, option;
        for (; argc <= WORDS_MAX && rows[i].words[argc - 1] != NULL; argc++)
            argv[argc] = strcpy(words[argc], rows[i].words[argc - 1]);
        optind = 0; /* Anew, also within a word of letters. */
        while ((option = option_next("help", argc, argv, ":r:qV:", list, &err)) > 0)
            ;
        assert_int_equal(option, OPTION_BAD);
        assert_string_equal(err.text, rows[i].text);
        assert_int_equal(err.status, EXIT_USAGE);
    }
}

static void options_and_operands_are_taken(void **state)
{
    char words[][16] = {"command", "--rate=5", "a", "-q", "--variants", "--", "-r"};
    char *argv[] = {words[0], words[1], words[2], words[3], words[4], words[5], words[6], NULL};
    struct error err = {0};
    (void)state;
    optind = 0;
    assert_int_equal(option_next("help", 7, argv, ":r:qV:", list, &err), 'r');
    assert_string_equal(optarg, "5");
    assert_int_equal(option_next("help", 7, argv, ":r:qV:", list, &err), 'q');
    assert_int_equal(option_next("help", 7, argv, ":r:qV:", list, &err), OPTION_LEVEL);
    assert_int_equal(option_next("help", 7, argv, ":r:qV:", list, &err), OPTION_END);
    assert_string_equal(argv[optind], "a");
    assert_string_equal(argv[optind + 1], "-r");
    assert_string_equal(err.text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_wrong_is_said),
        cmocka_unit_test(options_and_operands_are_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
