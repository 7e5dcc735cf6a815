#include "report/escape.h"

#include <string.h>

#define REPLACEMENT UINT32_C(0xfffd)

/* Bytes of the character at AT by its first one; 0: none begins so. */
static unsigned length_at(const unsigned char *at)
{
    if (*at < 0x80)
        return 1;
    return *at >= 0xc2 && *at < 0xe0   ? 2
           : *at >= 0xe0 && *at < 0xf0 ? 3
           : *at >= 0xf0 && *at < 0xf5 ? 4
                                       : 0;
}

/* The character at *AT, which moves behind it. REPLACEMENT moves one byte. */
static uint32_t decode(const unsigned char **at)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *from = (*at)++;
    unsigned length = length_at(from);
    if (length < 2)
        return length == 1 ? *from : REPLACEMENT;
    uint32_t c = *from & (0x7fu >> length);
    for (unsigned i = 1; i < length; i++) {
        if ((from[i] & 0xc0) != 0x80)
            return REPLACEMENT;
        c = c << 6 | (from[i] & 0x3fu);
    }
    if (c < least[length] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) || (c & 0xfffe) == 0xfffe)
        return REPLACEMENT;
    *at = from + length;
    return c;
}

static bool turns_direction(uint32_t c)
{
    return c == 0x061c || c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) ||
           (c >= 0x2066 && c <= 0x2069);
}

/* The next harmless character; 0 at the end. U+2028 and U+2029 end lines too. */
static uint32_t next(const unsigned char **at)
{
    if (**at == 0)
        return 0;
    uint32_t c = decode(at);
    if (c == '\n' || c == '\t' || c == '\r' || c == 0x2028 || c == 0x2029)
        return ' ';
    return c < ' ' || (c >= 0x7f && c < 0xa0) || turns_direction(c) ? REPLACEMENT : c;
}

static void add(struct text *out, uint32_t c)
{
    char bytes[4];
    size_t size = 0;
    if (c < 0x80) {
        bytes[size++] = (char)c;
    } else if (c < 0x800) {
        bytes[size++] = (char)(0xc0 | c >> 6);
        bytes[size++] = (char)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        bytes[size++] = (char)(0xe0 | c >> 12);
        bytes[size++] = (char)(0x80 | (c >> 6 & 0x3f));
        bytes[size++] = (char)(0x80 | (c & 0x3f));
    } else {
        bytes[size++] = (char)(0xf0 | c >> 18);
        bytes[size++] = (char)(0x80 | (c >> 12 & 0x3f));
        bytes[size++] = (char)(0x80 | (c >> 6 & 0x3f));
        bytes[size++] = (char)(0x80 | (c & 0x3f));
    }
    text_add_bytes(out, bytes, size);
}

void escape_plain(struct text *out, const char *string)
{
    const unsigned char *at = (const unsigned char *)string;
    for (uint32_t c; (c = next(&at)) != 0;)
        add(out, c);
}

void escape_lines(struct text *out, const char *string)
{
    const unsigned char *at = (const unsigned char *)string;
    while (*at != 0) {
        bool ends = *at == '\n';
        uint32_t c = next(&at);
        add(out, ends ? '\n' : c);
    }
}

void escape_utf8(struct text *out, const char *string)
{
    const unsigned char *at = (const unsigned char *)string, *from = at;
    while (*at != 0) {
        const unsigned char *before = at;
        if (decode(&at) != REPLACEMENT || at != before + 1)
            continue;
        text_add_bytes(out, from, (size_t)(before - from));
        add(out, REPLACEMENT);
        from = at;
    }
    text_add_bytes(out, from, (size_t)(at - from));
}

static void add_xml(struct text *out, uint32_t c)
{
    switch (c) {
    case '<': text_add(out, "&lt;"); break;
    case '>': text_add(out, "&gt;"); break;
    case '&': text_add(out, "&amp;"); break;
    case '"': text_add(out, "&quot;"); break;
    case '\'': text_add(out, "&#39;"); break;
    default: add(out, c);
    }
}

void escape_xml(struct text *out, const char *string)
{
    const unsigned char *at = (const unsigned char *)string;
    for (uint32_t c; (c = next(&at)) != 0;)
        add_xml(out, c);
}

void escape_xml_lines(struct text *out, const char *string)
{
    const unsigned char *at = (const unsigned char *)string;
    while (*at != 0) {
        bool ends = *at == '\n';
        uint32_t c = next(&at);
        add_xml(out, ends ? '\n' : c);
    }
}

void escape_csv(struct text *out, const char *string)
{
    const unsigned char *at = (const unsigned char *)string;
    size_t blank = strspn(string, " \t\r\n");
    bool formula = string[blank] != '\0' && strchr("=+-@", string[blank]) != NULL;
    bool quoted = formula || strpbrk(string, ",\"\t\r\n '") != NULL;
    text_add(out, quoted ? "\"" : "");
    text_add(out, formula ? "'" : "");
    for (uint32_t c; (c = next(&at)) != 0;) {
        text_add(out, c == '"' ? "\"" : "");
        add(out, c);
    }
    text_add(out, quoted ? "\"" : "");
}

/* Backquotes cannot hold all: whether a bar after a backslash ends a cell is the renderer's. */
void escape_markdown(struct text *out, const char *string)
{
    const unsigned char *at = (const unsigned char *)string;
    bool hard = strpbrk(string, "`|\\") != NULL || string[strspn(string, " \t\r\n")] == '\0';
    text_add(out, hard ? "<code>" : "`");
    for (uint32_t c; (c = next(&at)) != 0;) {
        bool letter = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (hard && c < 0x80 && !letter && c != ' ')
            text_addf(out, "&#%u;", c);
        else
            add(out, c);
    }
    text_add(out, hard ? "</code>" : "`");
}

void escape_markdown_words(struct text *out, const char *string)
{
    const unsigned char *at = (const unsigned char *)string;
    for (uint32_t c; (c = next(&at)) != 0;) {
        if (c < 0x80 && strchr("\\`*_[]#!|~<>&@", (int)c) != NULL)
            text_addf(out, "&#%u;", c);
        else
            add(out, c);
    }
}

void escape_label(struct text *out, const char *string)
{
    const unsigned char *at = (const unsigned char *)string;
    for (uint32_t c; (c = next(&at)) != 0;) {
        text_add(out, c == '"' || c == '\\' ? "\\" : "");
        add(out, c);
    }
}
