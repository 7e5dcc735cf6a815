#include "report/html_page.h"

#include <string.h>

void html_page_make(const struct html_page *page, const struct text *json, struct text *out)
{
    const char *at = text_str(json), *end = at + json->size;
    text_add_bytes(out, page->before, page->before_size);
    while (at < end) {
        const char *sign = memchr(at, '<', (size_t)(end - at));
        const char *stop = sign != NULL ? sign : end;
        text_add_bytes(out, at, (size_t)(stop - at));
        if (sign != NULL)
            text_add(out, "\\u003c");
        at = stop + (sign != NULL);
    }
    text_add(out, "\n");
    text_add_bytes(out, page->after, page->after_size);
    out->failed = out->failed || json->failed;
}
