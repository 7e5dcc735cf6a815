#include "report/compare.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/compare_priv.h"
#include "report/html_page.h"
#include "report/print.h"

static const char *const names[COMPARE_FORMAT_COUNT] = {"text", "json", "markdown", "html"};

bool compare_format_find(const char *name, enum compare_format *format)
{
    for (unsigned i = 0; i < COMPARE_FORMAT_COUNT; i++) {
        if (strcmp(name, names[i]) == 0) {
            *format = (enum compare_format)i;
            return true;
        }
    }
    return false;
}

/* The page draws itself from the JSON. */
static void compare_html(const struct compare_account *account, struct text *out)
{
    struct text json = {0};
    compare_json(account, &json);
    html_page_make(&html_compare, &json, out);
    text_free(&json);
}

void compare_print(const struct compare_account *account, enum compare_format format,
                   struct text *out)
{
    switch (format) {
    case COMPARE_FORMAT_JSON: compare_json(account, out); return;
    case COMPARE_FORMAT_MARKDOWN: compare_markdown(account, out); return;
    case COMPARE_FORMAT_HTML: compare_html(account, out); return;
    default: compare_text(account, out); return;
    }
}

static void add_names(const struct comparison *comparison, enum compare_verdict verdict,
                      struct text *out)
{
    const char *sign = ": ";
    for (size_t i = 0; i < comparison->row_count; i++) {
        const struct compare_row *row = &comparison->rows[i];
        if (row->verdict != verdict)
            continue;
        text_addf(out, "%s%s.%s", sign, row->stream, compare_figure_word(row->figure));
        sign = ", ";
    }
}

void compare_verdict(const struct comparison *comparison, struct text *out)
{
    if (comparison->worse == 0)
        text_add(out, "no regression found");
    else
        print_count(out, comparison->worse, "regression", "regressions");
    add_names(comparison, COMPARE_WORSE, out);
    if (comparison->better == 0)
        return;
    text_add(out, "; ");
    print_count(out, comparison->better, "improvement", "improvements");
    add_names(comparison, COMPARE_BETTER, out);
}

void compare_add_value(struct text *out, enum compare_figure figure, double value, bool with_sign)
{
    if (with_sign)
        text_add(out, value > 0 ? "+" : value < 0 ? "-" : "");
    else if (value < 0)
        text_add(out, "-");
    value = fabs(value);
    switch (compare_figure_unit(figure)) {
    case COMPARE_UNIT_SHARE: text_addf(out, "%.3g %%", 100 * value); return;
    case COMPARE_UNIT_NS: print_span(out, (uint64_t)llround(value)); return;
    default: text_addf(out, "%.4g", value); return;
    }
}

void compare_add_test(const struct compare_account *account, struct text *out)
{
    const struct comparison *comparison = account->comparison;
    if (comparison->repeated)
        text_add(out, "rank sum test over the runs");
    else
        text_add(out, "within the two runs: Fisher's exact test, permutation of seconds");
    text_addf(out, "; level %.3g over %zu figures (Holm)", account->options->level,
              comparison->family);
}

const char *compare_told(const struct compare_row *row)
{
    static const char *const words[COMPARE_VERDICT_COUNT] = {
        [COMPARE_NOT_FOUND] = "no difference found",
        [COMPARE_WORSE] = "WORSE",
        [COMPARE_BETTER] = "better",
        [COMPARE_SLIGHT] = "differs, under the threshold",
        [COMPARE_NOT_JUDGED] = "not judged",
    };
    return words[row->verdict];
}
