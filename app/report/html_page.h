/* html_page.h - a page of HTML that is one file, with its data in it.
 *
 * The page itself (skeleton, styles, scripts, the charting library) is put together when seamline
 * is built, by report/html/page.py. At run time one JSON value is put in, into an element of type
 * application/json, from which the page's script reads it: what comes from a cluster is never
 * markup.
 *
 * Threads: pure.
 */
#ifndef REPORT_HTML_PAGE_H
#define REPORT_HTML_PAGE_H

#include <stddef.h>

#include "base/text.h"

struct html_page {
    const char *before; /* What stands before the data. Not NUL-terminated. */
    size_t before_size;
    const char *after; /* And after it. */
    size_t after_size;
};

extern const struct html_page html_report;  /* html/report.html */
extern const struct html_page html_compare; /* html/compare.html */

/* Append PAGE with JSON in it, each '<' of which becomes an escape, so that nothing in a string
 * ends the element or begins a comment. */
void html_page_make(const struct html_page *page, const struct text *json, struct text *out);

#endif
