#include "record/http_reason.h"

const char *http_reason_name(enum http_reason reason)
{
    static const char *const names[] = {
#define X(id, name, text) name,
        HTTP_REASONS(X)
#undef X
    };
    return names[reason];
}

const char *http_reason_text(enum http_reason reason)
{
    static const char *const texts[] = {
#define X(id, name, text) text,
        HTTP_REASONS(X)
#undef X
    };
    return texts[reason];
}
