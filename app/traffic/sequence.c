#include "traffic/sequence.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

enum {
    WORD_BITS = 64
};

static void advance(struct sequence *sequence, uint64_t number);
static void clear(struct sequence *sequence, uint64_t from, uint64_t count);
static uint64_t leading_after(const struct sequence *sequence, uint64_t number);

static inline uint64_t bit_of(uint64_t number)
{
    return UINT64_C(1) << (number % WORD_BITS);
}

static inline uint32_t word_of(const struct sequence *sequence, uint64_t number)
{
    return (uint32_t)(number & (sequence->window - 1)) / WORD_BITS;
}

uint32_t sequence_window(uint64_t count)
{
    uint32_t window = SEQUENCE_WINDOW_MIN;
    while (window < count && window < SEQUENCE_WINDOW_MAX)
        window *= 2;
    return window;
}

size_t sequence_bytes(uint32_t window)
{
    return 2 * (size_t)window / 8 + (size_t)window * sizeof(uint32_t);
}

void sequence_init(struct sequence *sequence, void *memory, uint32_t window)
{
    assert(window >= SEQUENCE_WINDOW_MIN);
    assert((window & (window - 1)) == 0);
    uint64_t *words = memory;
    sequence->window = window;
    sequence->met = words;
    sequence->leading = words + window / WORD_BITS;
    sequence->arrival = (uint32_t *)(words + 2 * (size_t)window / WORD_BITS);
    sequence_reset(sequence);
}

void sequence_reset(struct sequence *sequence)
{
    sequence->next = 0;
    sequence->arrivals = 0;
    memset(sequence->met, 0, sequence->window / 8);
    memset(sequence->leading, 0, sequence->window / 8);
}

enum sequence_verdict sequence_arrive(struct sequence *sequence, uint64_t number, uint32_t *extent)
{
    if (number >= sequence->next) {
        advance(sequence, number);
        return SEQUENCE_IN_ORDER;
    }
    if (sequence->next - number > sequence->window)
        return SEQUENCE_OLD;
    uint64_t *met = &sequence->met[word_of(sequence, number)];
    if ((*met & bit_of(number)) != 0)
        return SEQUENCE_DUPLICATE;
    *met |= bit_of(number);
    uint64_t earliest = leading_after(sequence, number);
    *extent = (uint32_t)sequence->arrivals - sequence->arrival[earliest & (sequence->window - 1)];
    sequence->arrivals++;
    return SEQUENCE_REORDERED;
}

static void advance(struct sequence *sequence, uint64_t number)
{
    if (number > sequence->next)
        clear(sequence, sequence->next, number - sequence->next);
    sequence->met[word_of(sequence, number)] |= bit_of(number);
    sequence->leading[word_of(sequence, number)] |= bit_of(number);
    sequence->arrival[number & (sequence->window - 1)] = (uint32_t)sequence->arrivals;
    sequence->arrivals++;
    sequence->next = number + 1;
}

/* COUNT numbers from FROM on have not arrived: their places held older ones. */
static void clear(struct sequence *sequence, uint64_t from, uint64_t count)
{
    if (count >= sequence->window) {
        memset(sequence->met, 0, sequence->window / 8);
        memset(sequence->leading, 0, sequence->window / 8);
        return;
    }
    for (uint64_t end = from + count; from < end;) {
        uint64_t part = WORD_BITS - from % WORD_BITS;
        if (part > end - from)
            part = end - from;
        uint64_t ones = part == WORD_BITS ? UINT64_MAX : (UINT64_C(1) << part) - 1;
        uint64_t mask = ones << (from % WORD_BITS);
        sequence->met[word_of(sequence, from)] &= ~mask;
        sequence->leading[word_of(sequence, from)] &= ~mask;
        from += part;
    }
}

/* The first number behind NUMBER, which is within the window, that arrived in order. There is one:
 * next - 1 is. */
static uint64_t leading_after(const struct sequence *sequence, uint64_t number)
{
    uint64_t at = number + 1;
    for (;;) {
        uint64_t word = sequence->leading[word_of(sequence, at)] >> (at % WORD_BITS);
        if (word != 0)
            return at + (uint64_t)__builtin_ctzll(word);
        at += WORD_BITS - at % WORD_BITS;
    }
}
