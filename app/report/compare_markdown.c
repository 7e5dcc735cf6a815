/* compare_markdown.c - a comparison as Markdown, for a merge request or a wiki. */
#include "report/compare_priv.h"
#include "report/escape.h"

static void add_limits(struct text *out, enum compare_figure figure, double value,
                       struct limits limits, bool with_sign)
{
    compare_add_value(out, figure, value, with_sign);
    text_add(out, " (");
    compare_add_value(out, figure, limits.low, with_sign);
    text_add(out, " .. ");
    compare_add_value(out, figure, limits.high, with_sign);
    text_add(out, ") | ");
}

static void add_side(struct text *out, const struct compare_row *row,
                     const struct compare_figure_of *side)
{
    if (side->runs == 0)
        text_add(out, "- | ");
    else
        add_limits(out, row->figure, side->value, side->interval, false);
}

static void add_row(struct text *out, const struct compare_row *row)
{
    bool marked = row->verdict == COMPARE_WORSE || row->verdict == COMPARE_BETTER;
    text_add(out, "| ");
    escape_markdown_words(out, row->stream);
    text_addf(out, " | %s | ", compare_figure_word(row->figure));
    add_side(out, row, &row->base);
    add_side(out, row, &row->next);
    if (row->base.runs > 0 && row->next.runs > 0)
        add_limits(out, row->figure, row->change, row->change_interval, true);
    else
        text_add(out, "- | ");
    if (row->in_family)
        text_addf(out, "%.2g | ", row->adjusted);
    else
        text_add(out, "- | ");
    text_addf(out, "%s%s%s%s%s |\n", marked ? "**" : "", compare_told(row), marked ? "**" : "",
              row->why[0] != '\0' ? ": " : "", row->why);
}

static void add_runs(struct text *out, const char *name, const struct compare_side *side)
{
    text_addf(out, "- %s: %zu of ", name, side->count);
    escape_markdown_words(out, side->runs[0].directory);
    text_add(out, side->count > 1 ? " and so on\n" : "\n");
}

void compare_markdown(const struct compare_account *account, struct text *out)
{
    const struct comparison *comparison = account->comparison;
    const struct remarks *remarks = account->remarks;
    struct text verdict = {0};

    compare_verdict(comparison, &verdict);
    text_add(out, "**");
    escape_markdown_words(out, text_str(&verdict));
    text_add(out, "**\n\n");
    text_free(&verdict);
    add_runs(out, "Base", account->base);
    add_runs(out, "New", account->next);
    text_add(out, "- Judged by: ");
    compare_add_test(account, out);
    text_add(out, "\n");
    for (size_t i = 0; i < remarks->count; i++) {
        text_add(out, remarks->items[i].objection ? "- **Not alike**: " : "- Warning: ");
        escape_markdown_words(out, remarks->items[i].text);
        text_add(out, "\n");
    }
    if (!comparison->repeated)
        text_add(out, "- One run on each side: how much runs vary is not known.\n");
    text_add(out, "\n| stream | figure | base | new | change | p | verdict |\n"
                  "|---|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < comparison->row_count; i++)
        add_row(out, &comparison->rows[i]);
}
