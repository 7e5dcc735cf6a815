#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int error_set(struct error *err, enum exit_status status, int code, const char *format, ...)
{
    if (err != NULL && err->text[0] == '\0') {
        va_list args;

        err->status = status;
        va_start(args, format);
        (void)vsnprintf(err->text, sizeof(err->text), format, args);
        va_end(args);
    }
    return code;
}

void error_wrap(struct error *err, const char *format, ...)
{
    enum {
        LAST = sizeof(err->text) - 1
    };
    char place[LAST + 1];
    va_list args;

    if (err == NULL || err->text[0] == '\0')
        return;
    va_start(args, format);
    (void)vsnprintf(place, sizeof(place) - 2, format, args);
    va_end(args);
    strcat(place, ": ");
    size_t used = strlen(place);
    memmove(err->text + used, err->text, LAST - used);
    memcpy(err->text, place, used);
    err->text[LAST] = '\0';
}
