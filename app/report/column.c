#include "report/column.h"

void column_add(struct column *column, uint64_t value)
{
    uint8_t octets[10];
    size_t size = 0;
    while (value > 0x7f) {
        octets[size++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    octets[size++] = (uint8_t)value;
    text_add_bytes(&column->bytes, octets, size);
}

void column_step(struct column *column, uint64_t value)
{
    int64_t step = (int64_t)(value - column->last);
    column->last = value;
    column_add(column, (uint64_t)step << 1 ^ (uint64_t)(step >> 63));
}

void column_print(struct column *column, const char *name, struct text *out)
{
    text_addf(out, "\"%s\":\"", name);
    column_base64(text_str(&column->bytes), column->bytes.size, out);
    text_add(out, "\"");
    out->failed = out->failed || column->bytes.failed;
    column_free(column);
}

void column_free(struct column *column)
{
    text_free(&column->bytes);
    column->last = 0;
}

void column_base64(const void *bytes, size_t count, struct text *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
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
