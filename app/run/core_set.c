#include "run/core_set.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LINE_BYTES = 4096
};

/* "3" or "0-3" at *AT, which is moved behind it. */
static bool parse_range(const char **at, unsigned long *first, unsigned long *last)
{
    char *end;
    const char *from = *at;
    *first = *last = strtoul(from, &end, 10);
    if (end != from && *end == '-') {
        from = end + 1;
        *last = strtoul(from, &end, 10);
    }
    *at = end;
    return end != from;
}

bool core_set_parse(struct core_set *set, const char *text)
{
    unsigned long first, last;
    memset(set, 0, sizeof(*set));
    while (*text != '\0' && *text != '\n') {
        if (!parse_range(&text, &first, &last) || strchr(",\n", *text) == NULL) {
            memset(set, 0, sizeof(*set));
            return false;
        }
        for (unsigned long core = first; core <= last && core < CORE_SET_SIZE; core++)
            set->has[core] = true;
        text += *text == ',';
    }
    return true;
}

bool core_set_read(struct core_set *set, const char *path)
{
    char line[LINE_BYTES] = "";
    FILE *from = fopen(path, "re");
    memset(set, 0, sizeof(*set));
    if (from == NULL)
        return false;
    bool read = fgets(line, sizeof(line), from) != NULL && core_set_parse(set, line);
    fclose(from);
    return read;
}

unsigned core_set_count(const struct core_set *set)
{
    unsigned count = 0;
    for (unsigned core = 0; core < CORE_SET_SIZE; core++)
        count += set->has[core];
    return count;
}

void core_set_print(const struct core_set *set, struct text *out)
{
    const char *comma = "";
    for (unsigned core = 0; core < CORE_SET_SIZE; core++) {
        unsigned last = core;
        if (!set->has[core])
            continue;
        while (last + 1 < CORE_SET_SIZE && set->has[last + 1])
            last++;
        text_addf(out, last == core ? "%s%u" : "%s%u-%u", comma, core, last);
        comma = ",";
        core = last;
    }
}
