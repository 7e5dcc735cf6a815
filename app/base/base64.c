#include "base/base64.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_add(struct text *out, const void *bytes, size_t count)
{
    const uint8_t *in = bytes;
    for (size_t i = 0; i < count; i += 3) {
        size_t left = count - i;
        uint32_t three = (uint32_t)in[i] << 16 | (left > 1 ? (uint32_t)in[i + 1] << 8 : 0) |
                         (left > 2 ? in[i + 2] : 0);
        char four[4] = {digits[three >> 18], digits[three >> 12 & 63],
                        left > 1 ? digits[three >> 6 & 63] : '=',
                        left > 2 ? digits[three & 63] : '='};
        text_add_bytes(out, four, sizeof(four));
    }
}

char *base64_decode(const char *base64, size_t *size)
{
    char *out = malloc(strlen(base64) / 4 * 3 + 4);
    unsigned bits = 0, count = 0, padding = 0;
    size_t written = 0;
    for (; out != NULL && *base64 != '\0'; base64++) {
        if (strchr(" \t\r\n", *base64) != NULL)
            continue;
        const char *digit = strchr(digits, *base64);
        padding += *base64 == '=';
        if ((digit == NULL && *base64 != '=') || (digit != NULL && padding > 0) || padding > 2) {
            free(out);
            return NULL;
        }
        bits = bits << 6 | (digit == NULL ? 0 : (unsigned)(digit - digits));
        if (++count % 4 == 0) {
            out[written++] = (char)(bits >> 16);
            out[written++] = (char)(bits >> 8);
            out[written++] = (char)bits;
        }
    }
    if (out == NULL || count % 4 != 0) {
        free(out);
        return NULL;
    }
    written -= padding;
    out[written] = '\0';
    if (size != NULL)
        *size = written;
    return out;
}
