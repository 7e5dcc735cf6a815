/* suggest.h - "did you mean": the candidate nearest to a mistyped word.
 *
 *     struct suggest suggest = {.word = "conections"};
 *     for each known word: suggest_offer(&suggest, known);
 *     nearest = suggest_best(&suggest);      // NULL: none is near enough
 *
 * Near means an edit distance (insert, delete, change, swap of neighbours, each 1; case alone is
 * free) of at most a third of the word's length, and at least 1. Of equals the first offered wins.
 * Threads: pure. Memory: fixed; words over SUGGEST_WORD_MAX bytes are never near.
 */
#ifndef BASE_SUGGEST_H
#define BASE_SUGGEST_H

enum {
    SUGGEST_WORD_MAX = 64
};

struct suggest {
    const char *word;  /* What was typed. */
    const char *best;  /* The nearest candidate so far; NULL: none offered. */
    unsigned distance; /* Of best. */
};

void suggest_offer(struct suggest *suggest, const char *candidate);
const char *suggest_best(const struct suggest *suggest);

#endif
