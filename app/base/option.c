#include "base/option.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/suggest.h"

static void refuse_word(const char *help, const char *typed, const struct option *list,
                        struct error *err);
static const struct option *find(const struct option *list, int value);

int option_next(const char *help, int argc, char **argv, const char *letters,
                const struct option *list, struct error *err)
{
    opterr = 0;
    optopt = 0;
    int option = getopt_long(argc, argv, letters, list, NULL);
    const char *last = argv[optind > 0 ? optind - 1 : 0];

    if (option == ':' && strncmp(last, "--", 2) == 0)
        error_set(err, EXIT_USAGE, -EINVAL, "%.80s wants a value; see %s", last, help);
    else if (option == ':')
        error_set(err, EXIT_USAGE, -EINVAL, "-%c wants a value; see %s", optopt, help);
    else if (option == '?' && optopt == 0)
        refuse_word(help, last, list, err);
    else if (option == '?' && find(list, optopt) != NULL)
        error_set(err, EXIT_USAGE, -EINVAL, "--%s takes no value; see %s", find(list, optopt)->name,
                  help);
    else if (option == '?')
        error_set(err, EXIT_USAGE, -EINVAL, "there is no option -%c; see %s", optopt, help);
    return option == ':' || option == '?' ? OPTION_BAD : option;
}

/* TYPED, with its dashes, is none of LIST, or short for several. */
static void refuse_word(const char *help, const char *typed, const struct option *list,
                        struct error *err)
{
    char word[SUGGEST_WORD_MAX + 1], several[256] = "";
    struct suggest suggest = {.word = word};
    size_t size = 0;
    unsigned count = 0;

    snprintf(word, sizeof(word), "%.*s", (int)strcspn(typed + 2, "="), typed + 2);
    for (; list->name != NULL; list++) {
        suggest_offer(&suggest, list->name);
        if (strncmp(word, list->name, strlen(word)) != 0 || size >= sizeof(several))
            continue;
        size += (size_t)snprintf(several + size, sizeof(several) - size, "%s--%s",
                                 count++ > 0 ? ", " : "", list->name);
    }
    const char *best = suggest_best(&suggest);
    if (count > 1)
        error_set(err, EXIT_USAGE, -EINVAL, "--%s is short for several options: %s", word, several);
    else if (best != NULL)
        error_set(err, EXIT_USAGE, -EINVAL,
                  "there is no option --%s; did you mean --%s? All are in %s", word, best, help);
    else
        error_set(err, EXIT_USAGE, -EINVAL, "there is no option --%s; see %s", word, help);
}

static const struct option *find(const struct option *list, int value)
{
    for (; list->name != NULL; list++)
        if (list->val == value)
            return list;
    return NULL;
}
