#include "rundir/due_bins.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

enum {
    SLICE_US = 1 << 16,
    ENTRIES_MAX = SLICE_US / 2 /* More take as much as counts of all. */
};

struct due_entry {
    uint16_t at; /* Microsecond in the slice. */
    uint16_t count;
};

struct due_slice {
    uint64_t number;           /* us / SLICE_US. */
    uint64_t due;              /* In all of it. */
    uint16_t *counts;          /* SLICE_US of them; NULL: there are entries alone. */
    struct due_entry *entries; /* By `at` after due_bins_sort(). */
    uint32_t entry_count, entry_capacity;
};

static int by_number(const void *a, const void *b)
{
    const struct due_slice *x = a, *y = b;
    return (x->number > y->number) - (x->number < y->number);
}

static int by_number_of(const void *a, const void *b)
{
    return by_number(*(struct due_slice *const *)a, *(struct due_slice *const *)b);
}

static int by_at(const void *a, const void *b)
{
    return ((const struct due_entry *)a)->at - ((const struct due_entry *)b)->at;
}

/* ---- adding ---- */

static struct due_slice *make_slice(struct due_bins *bins, uint64_t number)
{
    if (bins->count == bins->capacity) {
        size_t capacity = bins->capacity ? 2 * bins->capacity : 16;
        struct due_slice **grown = realloc(bins->slices, capacity * sizeof(struct due_slice *));
        if (grown == NULL)
            return NULL;
        bins->slices = grown;
        bins->capacity = capacity;
    }
    struct due_slice *slice = calloc(1, sizeof(*slice));
    if (slice == NULL)
        return NULL;
    slice->number = number;
    if (tsearch(slice, &bins->tree, by_number) == NULL) {
        free(slice);
        return NULL;
    }
    bins->slices[bins->count++] = slice;
    return slice;
}

/* Most are in that of the one before. */
static struct due_slice *slice_of(struct due_bins *bins, uint64_t number)
{
    struct due_slice key = {.number = number};
    if (bins->newest != NULL && bins->newest->number == number)
        return bins->newest;
    void *found = tfind(&key, &bins->tree, by_number);
    struct due_slice *slice =
        found != NULL ? *(struct due_slice **)found : make_slice(bins, number);
    if (slice != NULL)
        bins->newest = slice;
    return slice;
}

static int add_entry(struct due_slice *slice, uint16_t at, uint16_t count)
{
    struct due_entry *last =
        slice->entry_count > 0 ? &slice->entries[slice->entry_count - 1] : NULL;
    if (last != NULL && last->at == at && last->count + count <= UINT16_MAX) {
        last->count = (uint16_t)(last->count + count);
        return 0;
    }
    if (slice->entry_count == slice->entry_capacity) {
        uint32_t capacity = slice->entry_capacity ? 2 * slice->entry_capacity : 2;
        struct due_entry *grown = realloc(slice->entries, capacity * sizeof(*grown));
        if (grown == NULL)
            return -ENOMEM;
        slice->entries = grown;
        slice->entry_capacity = capacity;
    }
    slice->entries[slice->entry_count++] = (struct due_entry){at, count};
    return 0;
}

static int add(struct due_slice *slice, uint16_t at, uint16_t count);

/* From entries to counts. */
static int open_counts(struct due_slice *slice)
{
    struct due_entry *entries = slice->entries;
    uint32_t count = slice->entry_count;
    int code = 0;
    slice->counts = calloc(SLICE_US, sizeof(*slice->counts));
    if (slice->counts == NULL)
        return -ENOMEM;
    slice->entries = NULL;
    slice->entry_count = slice->entry_capacity = 0;
    for (uint32_t i = 0; i < count && code == 0; i++)
        code = add(slice, entries[i].at, entries[i].count);
    free(entries);
    return code;
}

static int add(struct due_slice *slice, uint16_t at, uint16_t count)
{
    if (slice->counts == NULL && slice->entry_count == ENTRIES_MAX && open_counts(slice) < 0)
        return -ENOMEM;
    if (slice->counts == NULL)
        return add_entry(slice, at, count);
    uint16_t room = (uint16_t)(UINT16_MAX - slice->counts[at]);
    uint16_t here = count < room ? count : room;
    slice->counts[at] = (uint16_t)(slice->counts[at] + here);
    return count > here ? add_entry(slice, at, (uint16_t)(count - here)) : 0;
}

int due_bins_add(struct due_bins *bins, uint64_t us, uint32_t count)
{
    struct due_slice *slice = slice_of(bins, us / SLICE_US);
    if (slice == NULL)
        return -ENOMEM;
    while (count > 0) {
        uint16_t part = count < UINT16_MAX ? (uint16_t)count : UINT16_MAX;
        if (add(slice, us % SLICE_US, part) < 0)
            return -ENOMEM;
        slice->due += part;
        bins->due += part;
        count -= part;
    }
    return 0;
}

void due_bins_sort(struct due_bins *bins)
{
    if (bins->count > 1)
        qsort(bins->slices, bins->count, sizeof(*bins->slices), by_number_of);
    for (size_t i = 0; i < bins->count; i++)
        if (bins->slices[i]->entry_count > 1)
            qsort(bins->slices[i]->entries, bins->slices[i]->entry_count, sizeof(struct due_entry),
                  by_at);
}

static void keep(void *slice)
{
    (void)slice; /* It is in the list, too. */
}

void due_bins_free(struct due_bins *bins)
{
    if (bins->tree != NULL)
        tdestroy(bins->tree, keep);
    for (size_t i = 0; i < bins->count; i++) {
        free(bins->slices[i]->counts);
        free(bins->slices[i]->entries);
        free(bins->slices[i]);
    }
    free(bins->slices);
    memset(bins, 0, sizeof(*bins));
}

/* ---- reading ---- */

static void go_to_next(struct due_place *place)
{
    *place = (struct due_place){.slice = place->slice + 1};
}

/* How many were due in SLICE from PLACE to before UNTIL, where it moves. */
static uint64_t take(const struct due_slice *slice, struct due_place *place, uint32_t until)
{
    uint64_t due = 0;
    for (uint32_t at = place->at; slice->counts != NULL && at < until; at++)
        due += slice->counts[at];
    for (; place->entry < slice->entry_count && slice->entries[place->entry].at < until;
         place->entry++)
        due += slice->entries[place->entry].count;
    place->at = until;
    return due;
}

uint64_t due_bins_take(const struct due_bins *bins, struct due_place *place, uint64_t until_us)
{
    uint64_t due = 0;
    while (place->slice < bins->count) {
        const struct due_slice *slice = bins->slices[place->slice];
        if (slice->number > until_us / SLICE_US)
            break;
        if (slice->number == until_us / SLICE_US) {
            if (until_us % SLICE_US > place->at)
                due += take(slice, place, until_us % SLICE_US);
            break;
        }
        due += place->at == 0 ? slice->due : take(slice, place, SLICE_US);
        go_to_next(place);
    }
    return due;
}

bool due_bins_peek(const struct due_bins *bins, struct due_place *place, uint64_t *us)
{
    for (; place->slice < bins->count; go_to_next(place)) {
        const struct due_slice *slice = bins->slices[place->slice];
        uint32_t until =
            place->entry < slice->entry_count ? slice->entries[place->entry].at : SLICE_US;
        if (slice->counts == NULL)
            place->at = until;
        while (place->at < until && slice->counts[place->at] == 0)
            place->at++;
        if (place->at == SLICE_US)
            continue;
        *us = slice->number * SLICE_US + place->at;
        return true;
    }
    return false;
}

struct due_place due_bins_place(const struct due_bins *bins, uint64_t us)
{
    size_t low = 0, high = bins->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (bins->slices[middle]->number < us / SLICE_US)
            low = middle + 1;
        else
            high = middle;
    }
    struct due_place place = {.slice = low};
    due_bins_take(bins, &place, us);
    return place;
}

uint64_t due_bins_last_us(const struct due_bins *bins)
{
    struct due_place place = {.slice = bins->count > 0 ? bins->count - 1 : 0};
    uint64_t us = 0;
    while (due_bins_peek(bins, &place, &us))
        due_bins_take(bins, &place, us + 1);
    return us;
}
