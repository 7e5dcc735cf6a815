/* compare_text.c - a comparison for people. */
#include <string.h>

#include "report/compare_priv.h"
#include "report/print.h"

enum {
    FIGURE_WIDTH = 18,
    SIDE_WIDTH = 32,
    P_WIDTH = 8,
    RUNS_SHOWN = 3
};

/* "81 [79 .. 84]" */
static void add_estimate(struct text *out, enum compare_figure figure, double value,
                         struct limits interval, bool with_sign)
{
    compare_add_value(out, figure, value, with_sign);
    text_add(out, " [");
    compare_add_value(out, figure, interval.low, with_sign);
    text_add(out, " .. ");
    compare_add_value(out, figure, interval.high, with_sign);
    text_add(out, "]");
}

static void add_cell(struct text *out, const struct text *cell, int width)
{
    text_addf(out, "%-*s  ", width, text_str(cell));
}

static void add_side(struct text *out, const struct compare_row *row,
                     const struct compare_figure_of *side)
{
    struct text cell = {0};
    if (side->runs == 0)
        text_add(&cell, "-");
    else
        add_estimate(&cell, row->figure, side->value, side->interval, false);
    add_cell(out, &cell, SIDE_WIDTH);
    text_free(&cell);
}

static void add_row(struct text *out, const struct compare_row *row)
{
    struct text cell = {0};
    text_addf(out, "  %-*s  ", FIGURE_WIDTH, compare_figure_word(row->figure));
    add_side(out, row, &row->base);
    add_side(out, row, &row->next);
    if (row->base.runs > 0 && row->next.runs > 0)
        add_estimate(&cell, row->figure, row->change, row->change_interval, true);
    else
        text_add(&cell, "-");
    add_cell(out, &cell, SIDE_WIDTH);
    text_clear(&cell);
    if (row->in_family)
        text_addf(&cell, "%.2g", row->adjusted);
    else
        text_add(&cell, "-");
    add_cell(out, &cell, P_WIDTH);
    text_addf(out, "%s%s%s\n", compare_told(row), row->why[0] != '\0' ? ": " : "", row->why);
    text_free(&cell);
}

static void add_runs(struct text *out, const char *name, const struct compare_side *side)
{
    text_addf(out, "%-13s", name);
    print_count(out, side->count, "run", "runs");
    for (size_t i = 0; i < side->count && i < RUNS_SHOWN; i++)
        text_addf(out, "%s%s", i == 0 ? ": " : ", ", side->runs[i].directory);
    text_addf(out, "%s\n", side->count > RUNS_SHOWN ? ", ..." : "");
}

static void add_remarks(struct text *out, const struct remarks *remarks)
{
    for (size_t i = 0; i < remarks->count; i++)
        text_addf(out, "%-13s%s\n",
                  remarks->items[i].objection ? "NOT ALIKE:" : "Warning:", remarks->items[i].text);
    if (remarks->left_out > 0)
        text_addf(out, "%-13sand %zu more\n", "", remarks->left_out);
}

/* The least that a set of intervals has: of few runs less than was wanted. */
static double least_coverage(const struct comparison *comparison)
{
    double least = comparison->confidence;
    for (size_t i = 0; i < comparison->row_count; i++) {
        const struct compare_row *row = &comparison->rows[i];
        least = row->base.runs > 0 && row->base.coverage < least ? row->base.coverage : least;
        least = row->next.runs > 0 && row->next.coverage < least ? row->next.coverage : least;
    }
    return least;
}

static void add_notes(const struct comparison *comparison, struct text *out)
{
    double least = least_coverage(comparison);
    if (least < comparison->confidence)
        text_addf(out, "Few runs:    an interval of a median has at least %.3g %%, not %.3g %%\n",
                  100 * least, 100 * comparison->confidence);
    if (!comparison->repeated)
        text_add(out,
                 "One of each: how much runs vary is not known. Intervals are of what happened "
                 "within; what\n             is worse may be the run, and not what was "
                 "changed. Compare repeats to tell them apart.\n");
    if (comparison->runs_wanted > 0)
        text_addf(out,
                  "Too few:     whatever is in %zu and %zu runs, %zu figures cannot differ at this "
                  "level: %zu runs on each side can\n",
                  comparison->base_runs, comparison->next_runs, comparison->family,
                  comparison->runs_wanted);
}

static void add_rows(const struct comparison *comparison, struct text *out)
{
    const char *stream = "";
    for (size_t i = 0; i < comparison->row_count; i++) {
        const struct compare_row *row = &comparison->rows[i];
        if (row->stream != stream && (i == 0 || strcmp(row->stream, stream) != 0))
            text_addf(out, "\nStream %s\n  %-*s  %-*s  %-*s  %-*s  %-*s  %s\n", row->stream,
                      FIGURE_WIDTH, "", SIDE_WIDTH, "base", SIDE_WIDTH, "new", SIDE_WIDTH, "change",
                      P_WIDTH, "p", "verdict");
        stream = row->stream;
        add_row(out, row);
    }
}

void compare_text(const struct compare_account *account, struct text *out)
{
    const struct comparison *comparison = account->comparison;

    text_add(out, "Verdict:     ");
    compare_verdict(comparison, out);
    text_add(out, "\n");
    add_runs(out, "Base:", account->base);
    add_runs(out, "New:", account->next);
    text_add(out, "Judged by:   ");
    compare_add_test(account, out);
    text_addf(out, "; intervals of %.3g %%\n", 100 * comparison->confidence);
    add_remarks(out, account->remarks);
    add_notes(comparison, out);
    add_rows(comparison, out);
}
