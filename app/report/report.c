#include "report/report.h"

#include <errno.h>
#include <string.h>

#include "report/report_priv.h"

static const char *const names[REPORT_FORMAT_COUNT] = {
    [REPORT_TEXT] = "text",
    [REPORT_JSON] = "json",
    [REPORT_HTML] = "html",
    [REPORT_CTRAFFIC] = "ctraffic",
    [REPORT_CTRAFFIC_HOSTS] = "ctraffic-hosts",
    [REPORT_CTRAFFIC_THROUGHPUT] = "ctraffic-throughput",
    [REPORT_CTRAFFIC_CONNECTIONS] = "ctraffic-connections",
    [REPORT_CHECK] = "check",
    [REPORT_UPDATE] = "update",
    [REPORT_HDR] = "hdr",
};

bool report_format_find(const char *name, enum report_format *format)
{
    for (unsigned i = 0; i < REPORT_FORMAT_COUNT; i++) {
        if (strcmp(name, names[i]) == 0) {
            *format = (enum report_format)i;
            return true;
        }
    }
    return false;
}

const char *report_format_name(enum report_format format)
{
    return (unsigned)format < REPORT_FORMAT_COUNT ? names[format] : "?";
}

static int make(const struct result *result, enum report_format format, struct text *out)
{
    switch (format) {
    case REPORT_TEXT: report_text(result, out); return 0;
    case REPORT_JSON: report_json(result, out); return 0;
    case REPORT_HTML: report_html(result, out); return 0;
    case REPORT_CTRAFFIC: return report_ctraffic(result, out);
    case REPORT_CTRAFFIC_HOSTS: return report_ctraffic_hosts(result, out);
    case REPORT_CTRAFFIC_THROUGHPUT: return report_ctraffic_throughput(result, out);
    case REPORT_CTRAFFIC_CONNECTIONS: return report_ctraffic_connections(result, out);
    case REPORT_CHECK: return report_check(result, out);
    case REPORT_UPDATE: return report_update(result, out);
    case REPORT_HDR: return report_hdr(result, out);
    default: return -EINVAL;
    }
}

int report_make(const struct result *result, enum report_format format, struct text *out,
                struct error *err)
{
    int code = make(result, format, out);
    if (code == 0 && out->failed)
        code = -ENOMEM;
    if (code == -ENODATA && format == REPORT_UPDATE)
        return error_set(err, EXIT_USAGE, code,
                         "format update: the run made or saw no change whose rollout was complete");
    if (code == -ENODATA)
        return error_set(err, EXIT_USAGE, code,
                         "format %s: the run had no stream of %s with a record of every request "
                         "(record: full)",
                         report_format_name(format),
                         format == REPORT_CHECK ? "mode \"closed\"" : "protocol \"ctraffic\"");
    if (code == -ENOMEM)
        return error_set(err, EXIT_ENVIRONMENT, code, "format %s: out of memory",
                         report_format_name(format));
    if (code < 0)
        return error_set(err, EXIT_USAGE, code, "there is no format number %d", (int)format);
    return 0;
}
