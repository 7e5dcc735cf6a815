/* compare.h - a comparison of runs (analyze/compare.h) for people, as JSON (docs/file-formats.md),
 * as Markdown, or as a page of HTML in one file. Pure.
 *
 * Names and texts of run directories are others': what goes to a terminal is tamed by the caller
 * (text_tame); in JSON, Markdown and HTML they are escaped.
 */
#ifndef REPORT_COMPARE_H
#define REPORT_COMPARE_H

#include "analyze/comparable.h"
#include "analyze/compare.h"
#include "base/error.h"
#include "base/text.h"

struct compare_account {
    const struct compare_side *base, *next;
    const struct compare_options *options;
    const struct remarks *remarks;
    const struct comparison *comparison;
};

enum compare_format {
    COMPARE_FORMAT_TEXT,
    COMPARE_FORMAT_JSON,
    COMPARE_FORMAT_MARKDOWN,
    COMPARE_FORMAT_HTML,
    COMPARE_FORMAT_COUNT
};

/* "text", "json", "markdown", "html"; false when there is none of that name. */
bool compare_format_find(const char *name, enum compare_format *format);
/* Appends to OUT. */
void compare_print(const struct compare_account *account, enum compare_format format,
                   struct text *out);
/* What a gate would say, in a sentence. */
void compare_verdict(const struct comparison *comparison, struct text *out);

#endif
