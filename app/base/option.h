/* option.h - the options of a command, as getopt_long() reads them, with errors of our own.
 *
 *     optind = 1;
 *     while ((option = option_next("seamline help merge", argc, argv, ":o:h", list, err)) > 0)
 *         take option and optarg;
 *     if (option == OPTION_BAD)
 *         return -EINVAL;               // the operands begin at argv[optind] else
 *
 * What getopt prints itself names neither the program nor what to do instead, and goes to stderr
 * from inside of a library. So ERR is filled here: with the option that is meant when one is near,
 * and with the command that lists them all.
 *
 * Threads: one at a time, as getopt. Memory: ERR alone.
 */
#ifndef BASE_OPTION_H
#define BASE_OPTION_H

#include <getopt.h>

#include "base/error.h"

enum {
    OPTION_END = -1,
    OPTION_BAD = -2
};

/* The next option: its `val` in LIST or its letter, above 0; OPTION_END when operands follow;
 * OPTION_BAD with ERR when there is none such, when it is short for several, or when its value is
 * missing or too much. LETTERS as for getopt, with the colon (or "+:") before them that makes a
 * missing value tell. HELP: the command that lists the options. */
int option_next(const char *help, int argc, char **argv, const char *letters,
                const struct option *list, struct error *err);

#endif
