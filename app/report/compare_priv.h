/* compare_priv.h - the parts of report/compare. */
#ifndef REPORT_COMPARE_PRIV_H
#define REPORT_COMPARE_PRIV_H

#include "report/compare.h"

void compare_text(const struct compare_account *account, struct text *out);
void compare_json(const struct compare_account *account, struct text *out);
void compare_markdown(const struct compare_account *account, struct text *out);

/* VALUE of FIGURE in its unit: "0.42 %", "12.5 ms", "81"; with a sign when SIGNED. */
void compare_add_value(struct text *out, enum compare_figure figure, double value, bool with_sign);
/* "Rank sum test over runs, ...": what was tested, for people. */
void compare_add_test(const struct compare_account *account, struct text *out);
/* "WORSE" and so on. */
const char *compare_told(const struct compare_row *row);

#endif
