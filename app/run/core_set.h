/* core_set.h - sets of cores, as the kernel lists them: "0-3,8".
 *
 * Threads: pure but for core_set_read(). Memory: the caller's. Cores from CORE_SET_SIZE on are left
 * out. Source: Linux, Documentation/admin-guide/cputopology.rst.
 */
#ifndef RUN_CORE_SET_H
#define RUN_CORE_SET_H

#include <stdbool.h>

#include "base/text.h"

enum {
    CORE_SET_SIZE = 1024
};

struct core_set {
    bool has[CORE_SET_SIZE];
};

/* False, and the set is empty, when TEXT (to its end or the end of its line) is no list. */
bool core_set_parse(struct core_set *set, const char *text);
/* The first line of the file PATH. False, and empty, when there is none, or no list in it. */
bool core_set_read(struct core_set *set, const char *path);
unsigned core_set_count(const struct core_set *set);
void core_set_print(const struct core_set *set, struct text *out);

#endif
