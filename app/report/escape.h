/* escape.h - what others wrote (names of pods, messages, headers), made harmless for a format.
 *
 * Bytes that are no UTF-8, control characters, and characters that turn the direction of writing,
 * become U+FFFD; a line's end and a tab become a space. Each function appends to OUT.
 *
 * Threads: pure.
 */
#ifndef REPORT_ESCAPE_H
#define REPORT_ESCAPE_H

#include "base/text.h"

/* Nothing but the above: within a line that people read. */
void escape_plain(struct text *out, const char *string);
/* The same with its lines kept. */
void escape_lines(struct text *out, const char *string);
/* Only bytes that are no UTF-8: of JSON, which has its own escapes for the rest. */
void escape_utf8(struct text *out, const char *string);
/* Text or a quoted attribute of XML 1.0 or HTML. */
void escape_xml(struct text *out, const char *string);
/* The same with its lines kept. */
void escape_xml_lines(struct text *out, const char *string);
/* A field of CSV (RFC 4180), quoted where it must be. What a spreadsheet would take for a formula
 * (it begins with =, +, -, @) gets an apostrophe before it. */
void escape_csv(struct text *out, const char *string);
/* A code span of GitHub's Markdown, also in a table's cell: no markup, link or mention in it is
 * one. */
void escape_markdown(struct text *out, const char *string);
/* The same amid a sentence of ours. */
void escape_markdown_words(struct text *out, const char *string);
/* A label's value in OpenMetrics, without its quotes. */
void escape_label(struct text *out, const char *string);

#endif
