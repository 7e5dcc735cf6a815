#include "base/suggest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *nearest(const char *word, const char *const *candidates)
{
    struct suggest suggest = {.word = word};

    for (; *candidates != NULL; candidates++)
        suggest_offer(&suggest, *candidates);
    return suggest_best(&suggest);
}

static void typos_find_their_word(void **state)
{
    static const char *const keys[] = {"connections", "rate",           "size",
                                       "timeout",     "connectTimeout", NULL};
    static const struct {
        const char *typed;
        const char *meant; /* NULL: nothing is near. */
    } rows[] = {
        {"conections", "connections"},
        {"Connections", "connections"},
        {"raet", "rate"},
        {"szie", "size"},
        {"connecttimeout", "connectTimeout"},
        {"timeouts", "timeout"},
        {"rates", "rate"},
        {"r", NULL},
        {"bandwidth", NULL},
        {"", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        const char *found = nearest(rows[i].typed, keys);
        if (found != rows[i].meant &&
            (found == NULL || rows[i].meant == NULL || strcmp(found, rows[i].meant) != 0))
            fail_msg("\"%s\": %s", rows[i].typed, found);
    }
}

static void a_swap_is_one_edit(void **state)
{
    static const char *const keys[] = {"lc", "rr", NULL};

    (void)state;
    assert_string_equal(nearest("cl", keys), "lc");
}

static void long_words_are_never_near(void **state)
{
    static const char *const keys[] = {"rate", NULL};
    char word[2000];

    (void)state;
    memset(word, 'r', sizeof(word) - 1);
    word[sizeof(word) - 1] = '\0';
    assert_null(nearest(word, keys));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(typos_find_their_word),
        cmocka_unit_test(a_swap_is_one_edit),
        cmocka_unit_test(long_words_are_never_near),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
