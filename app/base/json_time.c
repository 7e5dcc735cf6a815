/* RFC 3339 for json.h. Days are counted by the proleptic Gregorian calendar, from March on, so that
 * the leap day is a year's last. */
#include "base/json.h"

#include <inttypes.h>
#include <stdio.h>

#define NS_PER_S INT64_C(1000000000)
#define S_PER_DAY INT64_C(86400)

/* The fields of a date and time as they are written. */
struct civil {
    int64_t year;   /* 0..9999 */
    int64_t month;  /* 1..12 */
    int64_t day;    /* 1..31 */
    int64_t hour;   /* 0..23 */
    int64_t minute; /* 0..59 */
    int64_t second; /* 0..60: a leap second is the second after :59. */
};

static bool read_civil(const char **text, struct civil *out);
static bool read_fraction(const char **text, int64_t *out_ns);
static bool read_offset(const char **text, int64_t *out_s);
static bool read_digits(const char **text, unsigned count, int64_t most, int64_t *out);
static bool read_char(const char **text, char wanted);
static int64_t days_in_month(int64_t year, int64_t month);
static int64_t days_from_civil(int64_t year, int64_t month, int64_t day);
static struct civil civil_from_days(int64_t days);

int64_t json_parse_time(const char *text)
{
    struct civil civil;
    int64_t fraction_ns = 0, offset_s = 0, utc_ns;

    if (text == NULL || !read_civil(&text, &civil) || !read_fraction(&text, &fraction_ns) ||
        !read_offset(&text, &offset_s) || *text != '\0')
        return INT64_MIN;
    int64_t utc_s = days_from_civil(civil.year, civil.month, civil.day) * S_PER_DAY +
                    civil.hour * 3600 + civil.minute * 60 + civil.second - offset_s;
    if (__builtin_mul_overflow(utc_s, NS_PER_S, &utc_ns) ||
        __builtin_add_overflow(utc_ns, fraction_ns, &utc_ns))
        return INT64_MIN;
    return utc_ns;
}

void json_format_time(int64_t utc_ns, unsigned fraction_digits, char out[36])
{
    int64_t fraction_ns = (utc_ns % NS_PER_S + NS_PER_S) % NS_PER_S;
    int64_t utc_s = utc_ns / NS_PER_S - (utc_ns % NS_PER_S < 0);
    int64_t second = (utc_s % S_PER_DAY + S_PER_DAY) % S_PER_DAY;
    struct civil civil = civil_from_days(utc_s / S_PER_DAY - (utc_s % S_PER_DAY < 0));
    char fraction[12] = "";

    if (fraction_digits > 9)
        fraction_digits = 9;
    (void)snprintf(fraction, sizeof(fraction), ".%09u", (unsigned)fraction_ns % 1000000000u);
    fraction[fraction_digits == 0 ? 0 : fraction_digits + 1] = '\0';
    (void)snprintf(out, 36, "%04u-%02u-%02uT%02u:%02u:%02u%sZ", (unsigned)civil.year % 10000u,
                   (unsigned)civil.month % 100u, (unsigned)civil.day % 100u,
                   (unsigned)(second / 3600) % 100u, (unsigned)(second / 60 % 60),
                   (unsigned)(second % 60), fraction);
}

static bool read_civil(const char **text, struct civil *out)
{
    if (!read_digits(text, 4, 9999, &out->year) || !read_char(text, '-') ||
        !read_digits(text, 2, 12, &out->month) || !read_char(text, '-') ||
        !read_digits(text, 2, 31, &out->day))
        return false;
    if (!read_char(text, 'T') && !read_char(text, 't'))
        return false;
    if (!read_digits(text, 2, 23, &out->hour) || !read_char(text, ':') ||
        !read_digits(text, 2, 59, &out->minute) || !read_char(text, ':') ||
        !read_digits(text, 2, 60, &out->second))
        return false;
    return out->month >= 1 && out->day >= 1 && out->day <= days_in_month(out->year, out->month);
}

/* At most nine digits: more could not be kept. */
static bool read_fraction(const char **text, int64_t *out_ns)
{
    int64_t scale = NS_PER_S, digit;
    unsigned count = 0;

    if (!read_char(text, '.'))
        return true;
    for (; count < 9 && read_digits(text, 1, 9, &digit); count++) {
        scale /= 10;
        *out_ns += digit * scale;
    }
    return count > 0;
}

static bool read_offset(const char **text, int64_t *out_s)
{
    int64_t sign = **text == '-' ? -1 : 1, hours, minutes;

    if (read_char(text, 'Z') || read_char(text, 'z'))
        return true;
    if (!read_char(text, '+') && !read_char(text, '-'))
        return false;
    if (!read_digits(text, 2, 23, &hours) || !read_char(text, ':') ||
        !read_digits(text, 2, 59, &minutes))
        return false;
    *out_s = sign * (hours * 3600 + minutes * 60);
    return true;
}

static bool read_digits(const char **text, unsigned count, int64_t most, int64_t *out)
{
    int64_t value = 0;

    for (unsigned i = 0; i < count; i++) {
        char c = (*text)[i];

        if (c < '0' || c > '9')
            return false;
        value = value * 10 + (c - '0');
    }
    if (value > most)
        return false;
    *text += count;
    *out = value;
    return true;
}

static bool read_char(const char **text, char wanted)
{
    if (**text != wanted)
        return false;
    (*text)++;
    return true;
}

static int64_t days_in_month(int64_t year, int64_t month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    return days[month - 1] + (month == 2 && leap);
}

/* Days since 1970-01-01. A month that is the Mth from March begins on day (153 M + 2) / 5. */
static int64_t days_from_civil(int64_t year, int64_t month, int64_t day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t m = month <= 2 ? month + 9 : month - 3;
    int64_t era = (y + 400) / 400 - 1; /* y may be -1. */
    int64_t year_of_era = y - era * 400;

    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 +
           (153 * m + 2) / 5 + day - 1 - 719468;
}

/* From a year that is surely not later, onwards: at most a few steps. */
static struct civil civil_from_days(int64_t days)
{
    struct civil civil = {.year = 1970 + (days < 0 ? days / 365 - 2 : days / 366), .month = 1};

    while (days_from_civil(civil.year + 1, 1, 1) <= days)
        civil.year++;
    days -= days_from_civil(civil.year, 1, 1);
    for (; days >= days_in_month(civil.year, civil.month); civil.month++)
        days -= days_in_month(civil.year, civil.month);
    civil.day = days + 1;
    return civil;
}
