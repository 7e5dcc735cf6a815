#include "report/column.h"

#include "base/base64.h"

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
    base64_add(out, text_str(&column->bytes), column->bytes.size);
    text_add(out, "\"");
    out->failed = out->failed || column->bytes.failed;
    column_free(column);
}

void column_free(struct column *column)
{
    text_free(&column->bytes);
    column->last = 0;
}
