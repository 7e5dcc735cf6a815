#include <ctype.h>
#include <string.h>

#include "traffic/http.h"
#include "traffic/http_priv.h"

void http_expect_init(struct http_expect *expect)
{
    *expect = (struct http_expect){.body_limit_bytes = HTTP_BODY_MAX_BYTES,
                                   .body_bytes = HTTP_ANY_LENGTH};
    http_expect_statuses(expect, 200, 399);
}

void http_expect_no_status(struct http_expect *expect)
{
    memset(expect->statuses, 0, sizeof(expect->statuses));
}

bool http_expect_statuses(struct http_expect *expect, uint32_t first, uint32_t last)
{
    if (first < 100 || first > last || last > 599)
        return false;
    for (uint32_t bit = first - 100; bit <= last - 100; bit++)
        expect->statuses[bit / 64] |= UINT64_C(1) << (bit % 64);
    return true;
}

bool http_expect_name(struct http_expect *expect, const char *field)
{
    size_t bytes = strlen(field);
    if (bytes > HTTP_FIELD_BYTES || !http_is_token((const uint8_t *)field, (uint32_t)bytes))
        return false;
    for (size_t i = 0; i < bytes; i++)
        expect->name_field[i] = (char)tolower((unsigned char)field[i]);
    expect->name_field_bytes = (uint8_t)bytes;
    return true;
}

/* The borders of all beginnings of the text, by Knuth, Morris and Pratt. */
bool http_expect_match(struct http_expect *expect, const uint8_t *bytes, uint32_t count)
{
    uint16_t border = 0;
    if (count == 0 || count > HTTP_MATCH_BYTES)
        return false;
    memcpy(expect->match, bytes, count);
    expect->match_bytes = (uint16_t)count;
    expect->match_border[0] = 0;
    for (uint32_t i = 1; i < count; i++) {
        while (border > 0 && bytes[i] != bytes[border])
            border = expect->match_border[border - 1];
        if (bytes[i] == bytes[border])
            border++;
        expect->match_border[i] = border;
    }
    return true;
}
