/* view.h - the run as it is now, as rows for a terminal.
 *
 *     k8s-app-upgrade  14.2 s  change  4/6 upgrade
 *     stream          sent/s     ok/s  lost/s     lost      up  broken  windows
 *     held               400      396       4       12      79      31  3, open 0.4 s, 1 connecting
 *     new                500      500       0        0       1       0  none
 *     pods ready: old 5 of 5, new 3 of 4
 *     2 workers, load 25 % (23 to 27 %), 0 stalls, longest gap 0.041 ms
 *       13.904  pod-ready mserver-7c9x5 on n1
 *       14.101  window 3 of held opened
 *
 * A row is cut to the terminal's width, and the rows to its height: what matters most stands first.
 * Names and texts of others are held to characters that take a column or two; all else, also what
 * turns the direction of writing, becomes '?'.
 *
 * Threads: pure, but for the thread's locale, by which characters are decoded and measured.
 */
#ifndef RUN_VIEW_H
#define RUN_VIEW_H

#include "run/live.h"
#include "run/screen.h"

/* Fill ROWS, which is emptied first: at most MOST rows, each at most COLUMNS wide. */
void view_rows(const struct live *live, bool colour, unsigned columns, unsigned most,
               struct screen_rows *rows);

#endif
