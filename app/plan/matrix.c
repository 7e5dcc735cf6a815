#include "plan/matrix.h"

#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

static uint64_t count_of(const struct experiment *experiment, uint32_t variants);
static void fill(const struct experiment *experiment, uint32_t variants, uint64_t index,
                 struct matrix_cell *cell);
static int name(const struct experiment *experiment, struct matrix_cell *cell, struct error *err);
static int refuse_twins(const struct experiment *experiment, const struct matrix *matrix,
                        struct error *err);
static void add_settings(const struct experiment_variant *part, struct text *out);

int matrix_make(const struct experiment *experiment, bool variants, struct matrix *out,
                struct error *err)
{
    uint32_t variant_count = variants ? experiment->variant_count : 0;
    uint64_t count = count_of(experiment, variant_count);
    struct matrix matrix = {.count = (uint32_t)count};
    int result = 0;

    if (count > MATRIX_CELLS_MAX)
        return error_set(err, EXIT_USAGE, -E2BIG,
                         "%s: matrix: %llu runs; want at most %d: fewer axes or alternatives",
                         experiment->path, (unsigned long long)count, MATRIX_CELLS_MAX);
    matrix.cells = calloc(matrix.count, sizeof(*matrix.cells));
    if (matrix.cells == NULL)
        return error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory");
    for (uint32_t i = 0; i < matrix.count && result == 0; i++) {
        fill(experiment, variant_count, i, &matrix.cells[i]);
        result = name(experiment, &matrix.cells[i], err);
    }
    if (result == 0)
        result = refuse_twins(experiment, &matrix, err);
    if (result < 0)
        matrix_free(&matrix);
    else
        *out = matrix;
    return result;
}

void matrix_free(struct matrix *matrix)
{
    free(matrix->cells);
    *matrix = (struct matrix){0};
}

void matrix_options(const struct matrix_cell *cell, struct experiment_options *out)
{
    out->single = true;
    if (cell->variant != NULL)
        out->variant = cell->variant->name;
    for (uint32_t i = 0; i < cell->axis_count; i++)
        out->alternatives[i] = cell->alternatives[i]->name;
}

bool matrix_matches(const struct matrix_cell *cell, uint32_t repeat, const char *const *patterns,
                    uint32_t count)
{
    char one[MATRIX_NAME_BYTES + 16];

    snprintf(one, sizeof(one), "%s/%" PRIu32, cell->name, repeat);
    for (uint32_t i = 0; i < count; i++)
        if (fnmatch(patterns[i], cell->name, 0) == 0 || fnmatch(patterns[i], one, 0) == 0)
            return true;
    return false;
}

void matrix_settings(const struct matrix_cell *cell, struct text *out)
{
    if (cell->variant != NULL)
        add_settings(cell->variant, out);
    for (uint32_t i = 0; i < cell->axis_count; i++)
        add_settings(cell->alternatives[i], out);
}

static uint64_t count_of(const struct experiment *experiment, uint32_t variants)
{
    uint64_t count = variants > 0 ? variants : 1;

    for (uint32_t i = 0; i < experiment->axis_count; i++)
        count *= experiment->axes[i].alternative_count;
    return count;
}

static void fill(const struct experiment *experiment, uint32_t variants, uint64_t index,
                 struct matrix_cell *cell)
{
    cell->axis_count = experiment->axis_count;
    for (uint32_t i = experiment->axis_count; i > 0; i--) {
        const struct experiment_axis *axis = &experiment->axes[i - 1];
        cell->alternatives[i - 1] = &axis->alternatives[index % axis->alternative_count];
        index /= axis->alternative_count;
    }
    if (variants > 0)
        cell->variant = &experiment->variants[index];
}

static int name(const struct experiment *experiment, struct matrix_cell *cell, struct error *err)
{
    size_t size = 0;

    if (cell->variant != NULL)
        size += (size_t)snprintf(cell->name, sizeof(cell->name), "%s", cell->variant->name);
    for (uint32_t i = 0; i < cell->axis_count && size < sizeof(cell->name); i++)
        size += (size_t)snprintf(cell->name + size, sizeof(cell->name) - size, "%s%s",
                                 size > 0 ? "-" : "", cell->alternatives[i]->name);
    if (size == 0)
        size = (size_t)snprintf(cell->name, sizeof(cell->name), "%s", experiment->name);
    if (size < sizeof(cell->name))
        return 0;
    return error_set(err, EXIT_USAGE, -EINVAL,
                     "%s: matrix: a run would be named \"%s...\", which is too long for a "
                     "directory: shorten the names of alternatives",
                     experiment->path, cell->name);
}

/* "a-b" and "c" join to the same as "a" and "b-c". */
static int refuse_twins(const struct experiment *experiment, const struct matrix *matrix,
                        struct error *err)
{
    for (uint32_t i = 0; i < matrix->count; i++)
        for (uint32_t j = 0; j < i; j++)
            if (strcmp(matrix->cells[i].name, matrix->cells[j].name) == 0)
                return error_set(err, EXIT_USAGE, -EINVAL,
                                 "%s: matrix: two runs would be named \"%s\": give alternatives "
                                 "other names",
                                 experiment->path, matrix->cells[i].name);
    return 0;
}

static void add_settings(const struct experiment_variant *part, struct text *out)
{
    for (uint32_t i = 0; i < part->set_count; i++) {
        char *value = json_print(part->values[i], false);
        text_addf(out, "%s%s=%s", out->size > 0 ? " " : "", part->paths[i],
                  value != NULL ? value : "?");
        free(value);
    }
}
