#include "report/report.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/json.h"
#include "report/report_priv.h"

static const struct {
    const char *name, *file, *sentence;
    int (*make)(const struct result *result, struct text *out, struct error *err);
} formats[REPORT_FORMAT_COUNT] = {
#define X(id, function, name, file, sentence) {name, file, sentence, report_##function},
    REPORT_FORMATS(X)
#undef X
};

bool report_format_find(const char *name, enum report_format *format)
{
    for (unsigned i = 0; i < REPORT_FORMAT_COUNT; i++) {
        if (strcmp(name, formats[i].name) == 0) {
            *format = (enum report_format)i;
            return true;
        }
    }
    return false;
}

const char *report_format_name(enum report_format format)
{
    return (unsigned)format < REPORT_FORMAT_COUNT ? formats[format].name : "?";
}

const char *report_format_file(enum report_format format)
{
    return (unsigned)format < REPORT_FORMAT_COUNT ? formats[format].file : "?";
}

void report_format_help(struct text *out)
{
    for (unsigned i = 0; i < REPORT_FORMAT_COUNT; i++)
        text_addf(out, "    %-22s %s\n", formats[i].name, formats[i].sentence);
}

int report_recorded(const struct result *result, unsigned stream, struct error *err)
{
    const struct meta_stream *meta = &result->meta.streams[stream];
    uint64_t logged = result->logs.logged[stream], due = result->streams[stream].due;
    if (logged == due)
        return 0;
    if (result->streams[stream].exact && result->meta.records_refused > 0)
        return error_set(err, EXIT_USAGE, -ENODATA,
                         "stream %s: full logs refused records, and %" PRIu64 " of %" PRIu64
                         " requests are left; what is to tell of each would tell of a part",
                         meta->name, logged, due);
    return error_set(err, EXIT_USAGE, -ENODATA,
                     "stream %s: %" PRIu64 " of %" PRIu64 " requests have a record of their own "
                     "(%s); want a run with record \"full\", for this tells of each request",
                     meta->name, logged, due,
                     meta->record[0] ? meta->record : "not all were recorded");
}

void report_utc(struct utc *utc, const struct meta *meta)
{
    /* A killed run has its start alone. */
    int64_t started_ns = json_parse_time(meta->started);
    for (uint32_t i = 0; i < meta->utc_count; i++)
        utc_add(utc, meta->utc[i]);
    if (utc->count == 0)
        utc_add(utc, (struct utc_sample){.utc_ns = started_ns > 0 ? started_ns : 0});
}

int report_make(const struct result *result, enum report_format format, struct text *out,
                struct error *err)
{
    int code =
        (unsigned)format < REPORT_FORMAT_COUNT
            ? formats[format].make(result, out, err)
            : error_set(err, EXIT_USAGE, -EINVAL, "there is no format number %d", (int)format);
    if (code == 0 && out->failed)
        code = -ENOMEM;
    if (code == -ENOMEM)
        return error_set(err, EXIT_ENVIRONMENT, code, "format %s: out of memory",
                         report_format_name(format));
    if (code == -ENODATA)
        error_wrap(err, "format %s", report_format_name(format));
    return code;
}
