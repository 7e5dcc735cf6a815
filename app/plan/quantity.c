#include "plan/quantity.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct unit {
    const char *word;
    int64_t factor; /* Of the base unit: ns, bytes. */
};

/* Longer words first where one is the beginning of another. */
static const struct unit duration_units[] = {
    {"ns", 1},         {"us", 1000},        {"ms", 1000000},
    {"s", 1000000000}, {"m", 60000000000L}, {"h", 3600000000000L},
};

static const struct unit size_units[] = {
    {"B", 1},         {"kB", 1000},     {"MB", 1000000},  {"GB", 1000000000},
    {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30},
};

static const char *parse_part(const char *text, int64_t *out_ns, int *result);
static const struct unit *find_unit(const struct unit *units, size_t count, const char *text,
                                    size_t size);
static const char *parse_decimal(const char *text, uint64_t *whole, uint64_t *nanos, int *result);

int quantity_parse_duration(const char *text, int64_t *out_ns)
{
    int64_t sum_ns = 0;
    int result = 0;

    if (*text == '\0')
        return -EINVAL;
    while (*text != '\0') {
        int64_t part_ns = 0;
        text = parse_part(text, &part_ns, &result);
        if (result < 0)
            return result;
        if (__builtin_add_overflow(sum_ns, part_ns, &sum_ns))
            return -ERANGE;
    }
    *out_ns = sum_ns;
    return 0;
}

int quantity_parse_rate(const char *text, double *out_per_s)
{
    uint64_t whole, nanos;
    int result = 0;
    const char *end = parse_decimal(text, &whole, &nanos, &result);
    double factor = 1, period_s = 0;

    if (result < 0)
        return result;
    if (*end == 'k')
        factor = 1e3;
    else if (*end == 'M')
        factor = 1e6;
    else if (*end == 'G')
        factor = 1e9;
    if (factor > 1)
        end++;
    if (strcmp(end, "/s") == 0)
        period_s = 1;
    else if (strcmp(end, "/m") == 0 || strcmp(end, "/min") == 0)
        period_s = 60;
    else if (strcmp(end, "/h") == 0)
        period_s = 3600;
    else
        return -EINVAL;
    *out_per_s = ((double)whole + (double)nanos / 1e9) * factor / period_s;
    return 0;
}

int quantity_parse_size(const char *text, uint64_t *out_bytes)
{
    uint64_t whole, nanos, bytes;
    int result = 0;
    const char *end = parse_decimal(text, &whole, &nanos, &result);
    const struct unit *unit = &size_units[0];

    if (result < 0)
        return result;
    if (memchr(text, '.', (size_t)(end - text)) != NULL)
        return -EINVAL;
    if (*end != '\0')
        unit = find_unit(size_units, sizeof(size_units) / sizeof(*size_units), end, strlen(end));
    if (unit == NULL)
        return -EINVAL;
    if (__builtin_mul_overflow(whole, (uint64_t)unit->factor, &bytes))
        return -ERANGE;
    *out_bytes = bytes;
    return 0;
}

const char *quantity_duration_text(int64_t duration_ns, char out[QUANTITY_TEXT_BYTES])
{
    static const struct unit exact[] = {{"h", 3600000000000L}, {"m", 60000000000L}};
    char digits[16];
    int last = 9;

    for (size_t i = 0; i < 2; i++) {
        if (duration_ns > 0 && duration_ns % exact[i].factor == 0) {
            snprintf(out, QUANTITY_TEXT_BYTES, "%" PRId64 "%s", duration_ns / exact[i].factor,
                     exact[i].word);
            return out;
        }
    }
    if (duration_ns < 1000000000) {
        size_t i = 0;
        while (i < 3 && duration_ns > 0 && duration_ns % duration_units[i + 1].factor == 0)
            i++;
        if (duration_ns == 0)
            i = 3;
        snprintf(out, QUANTITY_TEXT_BYTES, "%" PRId64 "%s", duration_ns / duration_units[i].factor,
                 duration_units[i].word);
        return out;
    }
    snprintf(digits, sizeof(digits), "%09" PRId64, duration_ns % 1000000000);
    while (last > 0 && digits[last - 1] == '0')
        last--;
    snprintf(out, QUANTITY_TEXT_BYTES, "%" PRId64 "%s%.*ss", duration_ns / 1000000000,
             last > 0 ? "." : "", last, digits);
    return out;
}

const char *quantity_rate_text(double rate_per_s, char out[QUANTITY_TEXT_BYTES])
{
    static const struct {
        const char *word;
        double per_s;
    } forms[] = {{"M/s", 1e6}, {"k/s", 1e3}, {"/s", 1}, {"/m", 1.0 / 60}, {"/h", 1.0 / 3600}};
    size_t count = sizeof(forms) / sizeof(*forms);

    for (size_t i = 0; i < count; i++) {
        double scaled = rate_per_s / forms[i].per_s, again;
        snprintf(out, QUANTITY_TEXT_BYTES, "%.9g%s", scaled, forms[i].word);
        if ((scaled >= 1 || i + 1 == count) && strchr(out, 'e') == NULL &&
            quantity_parse_rate(out, &again) == 0 && again == rate_per_s)
            return out;
    }
    snprintf(out, QUANTITY_TEXT_BYTES, "%.9f/s", rate_per_s);
    return out;
}

const char *quantity_size_text(uint64_t size_bytes, char out[QUANTITY_TEXT_BYTES])
{
    size_t i = 6;

    while (i > 3 && (size_bytes == 0 || size_bytes % (uint64_t)size_units[i].factor != 0))
        i--;
    if (i == 3)
        i = 0;
    snprintf(out, QUANTITY_TEXT_BYTES, "%" PRIu64 "%s", size_bytes / (uint64_t)size_units[i].factor,
             size_units[i].word);
    return out;
}

/* One "decimal unit"; returns what is behind it. */
static const char *parse_part(const char *text, int64_t *out_ns, int *result)
{
    uint64_t whole, nanos;
    const char *unit_text = parse_decimal(text, &whole, &nanos, result);
    const char *end = unit_text;
    const struct unit *unit;
    int64_t value_ns;
    uint64_t part;

    if (*result < 0)
        return text;
    while (isalpha((unsigned char)*end))
        end++;
    unit = find_unit(duration_units, sizeof(duration_units) / sizeof(*duration_units), unit_text,
                     (size_t)(end - unit_text));
    if (unit == NULL) {
        *result = -EINVAL;
        return text;
    }
    if (unit->factor >= 1000000000) {
        part = nanos * (uint64_t)(unit->factor / 1000000000);
    } else {
        part = nanos * (uint64_t)unit->factor;
        if (part % 1000000000 != 0)
            *result = -ERANGE;
        part /= 1000000000;
    }
    if (__builtin_mul_overflow((int64_t)whole, unit->factor, &value_ns) ||
        __builtin_add_overflow(value_ns, (int64_t)part, out_ns))
        *result = -ERANGE;
    return end;
}

static const struct unit *find_unit(const struct unit *units, size_t count, const char *text,
                                    size_t size)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(units[i].word) == size && memcmp(units[i].word, text, size) == 0)
            return &units[i];
    return NULL;
}

/* digits [ "." digits ]: at most 18 before the point and nine behind it. */
static const char *parse_decimal(const char *text, uint64_t *whole, uint64_t *nanos, int *result)
{
    const char *at = text;
    uint64_t place = 100000000;

    *whole = *nanos = 0;
    *result = -EINVAL;
    if (!isdigit((unsigned char)*at))
        return text;
    for (; isdigit((unsigned char)*at); at++) {
        if (at - text >= 18) {
            *result = -ERANGE;
            return text;
        }
        *whole = *whole * 10 + (uint64_t)(*at - '0');
    }
    if (*at == '.') {
        at++;
        if (!isdigit((unsigned char)*at))
            return text;
        for (; isdigit((unsigned char)*at); at++) {
            if (place == 0) {
                *result = -ERANGE;
                return text;
            }
            *nanos += place * (uint64_t)(*at - '0');
            place /= 10;
        }
    }
    *result = 0;
    return at;
}
