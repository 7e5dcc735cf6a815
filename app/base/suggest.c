#include "base/suggest.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

static unsigned distance(const char *a, const char *b);
static unsigned least(unsigned a, unsigned b);

void suggest_offer(struct suggest *suggest, const char *candidate)
{
    unsigned d = distance(suggest->word, candidate);

    if (suggest->best == NULL || d < suggest->distance) {
        suggest->best = candidate;
        suggest->distance = d;
    }
}

const char *suggest_best(const struct suggest *suggest)
{
    size_t size = strlen(suggest->word);
    size_t most = size / 3 > 1 ? size / 3 : 1;

    if (size > SUGGEST_WORD_MAX)
        return NULL;
    return suggest->best != NULL && suggest->distance <= most ? suggest->best : NULL;
}

/* Optimal string alignment; three rows are enough. */
static unsigned distance(const char *a, const char *b)
{
    size_t a_size = strlen(a), b_size = strlen(b);
    unsigned rows[3][SUGGEST_WORD_MAX + 1];
    unsigned *before = rows[0], *above = rows[1], *row = rows[2];

    if (a_size > SUGGEST_WORD_MAX || b_size > SUGGEST_WORD_MAX)
        return 2 * SUGGEST_WORD_MAX;
    for (size_t j = 0; j <= b_size; j++)
        above[j] = before[j] = (unsigned)j;
    for (size_t i = 1; i <= a_size; i++) {
        unsigned *free_row = before;
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_size; j++) {
            int x = tolower((unsigned char)a[i - 1]), y = tolower((unsigned char)b[j - 1]);
            row[j] = least(above[j - 1] + (x != y), least(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && x == tolower((unsigned char)b[j - 2]) &&
                y == tolower((unsigned char)a[i - 2]))
                row[j] = least(row[j], before[j - 2] + 1);
        }
        before = above;
        above = row;
        row = free_row;
    }
    return above[b_size];
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}
