#include "report/openmetrics.h"

void openmetrics_family(struct text *out, const char *name, const char *type, const char *unit,
                        const char *help)
{
    text_addf(out, "# TYPE %s %s\n", name, type);
    if (unit != NULL)
        text_addf(out, "# UNIT %s %s\n", name, unit);
    text_addf(out, "# HELP %s %s\n", name, help);
}

void openmetrics_end(struct text *out)
{
    text_add(out, "# EOF\n");
}
