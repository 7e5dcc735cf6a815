#include "tests/packets/script.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool read_line(char *text, unsigned number, struct script *out, uint64_t *last_ns,
                      char *error);
static unsigned split_words(char *text, char words[][SCRIPT_TEXT_BYTES], unsigned max);
static bool read_expects(char *text, struct script_line *line);
static bool fail(char *error, unsigned number, const char *what, const char *text);

bool script_time(const char *text, uint64_t *out_ns)
{
    static const struct {
        const char *unit;
        double ns;
    } units[] = {{"s", 1e9}, {"ms", 1e6},   {"us", 1e3},    {"ns", 1},
                 {"", 1e9},  {"h", 3600e9}, {"d", 86400e9}, {"min", 60e9}};
    char *end;
    double value = strtod(text, &end);

    if (end == text || value < 0)
        return false;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(end, units[i].unit) == 0) {
            *out_ns = (uint64_t)(value * units[i].ns + 0.5);
            return true;
        }
    }
    return false;
}

bool script_read(const char *path, struct script *out, char error[SCRIPT_TEXT_BYTES])
{
    char text[1024];
    uint64_t last_ns = 0;
    unsigned number = 0;
    bool ok = true;
    FILE *file = fopen(path, "r");

    memset(out, 0, sizeof(*out));
    if (file == NULL) {
        snprintf(error, SCRIPT_TEXT_BYTES, "cannot be opened");
        return false;
    }
    while (ok && fgets(text, sizeof(text), file) != NULL)
        ok = read_line(text, ++number, out, &last_ns, error);
    fclose(file);
    if (ok && (out->proves[0] == '\0' || out->line_count == 0))
        return fail(error, 1, "a script begins with a comment that says what it proves", "");
    return ok;
}

static bool read_line(char *text, unsigned number, struct script *out, uint64_t *last_ns,
                      char *error)
{
    char *comment = strchr(text, '#');
    char *expects;
    struct script_line *line;
    uint64_t time_ns;

    text[strcspn(text, "\n")] = '\0';
    if (comment == text && out->proves[0] == '\0')
        snprintf(out->proves, sizeof(out->proves), "%.200s", text + 2);
    if (comment != NULL)
        *comment = '\0';
    if (text[strspn(text, " \t")] == '\0')
        return true;

    expects = strchr(text, '!');
    if (expects != NULL)
        *expects++ = '\0';
    if (strncmp(text, "config ", 7) == 0) {
        if (out->config_count == 32 ||
            split_words(text + 7, out->configs[out->config_count].words, SCRIPT_WORDS_MAX) != 2)
            return fail(error, number, "config NAME VALUE is wanted", text);
        out->configs[out->config_count++].number = number;
        return true;
    }
    if (out->line_count == SCRIPT_LINES_MAX)
        return fail(error, number, "too many lines", "");
    line = &out->lines[out->line_count++];
    line->number = number;
    if (text[0] == ' ') { /* More expectations at the time of the line before. */
        line->at_ns = *last_ns;
        line->word_count = split_words(text, line->words, SCRIPT_WORDS_MAX);
    } else {
        char *rest = text + strcspn(text, " \t");
        if (*rest != '\0')
            *rest++ = '\0';
        if (!script_time(text[0] == '+' ? text + 1 : text, &time_ns))
            return fail(error, number, "not a time", text);
        line->at_ns = text[0] == '+' ? *last_ns + time_ns : time_ns;
        line->word_count = split_words(rest, line->words, SCRIPT_WORDS_MAX);
    }
    if (line->at_ns < *last_ns)
        return fail(error, number, "time goes back", text);
    *last_ns = line->at_ns;
    if (expects != NULL && !read_expects(expects, line))
        return fail(error, number, "too many expectations", "");
    return true;
}

/* Words at white space; what begins with "<" and another character goes on to ">". */
static unsigned split_words(char *text, char words[][SCRIPT_TEXT_BYTES], unsigned max)
{
    unsigned count = 0;

    for (;;) {
        text += strspn(text, " \t");
        if (*text == '\0' || count == max)
            return count;
        size_t length = strcspn(text, " \t");
        if (text[0] == '<' && length > 1 && strchr(text, '>') != NULL)
            length = (size_t)(strchr(text, '>') - text) + 1;
        if (length >= SCRIPT_TEXT_BYTES)
            return 0;
        memcpy(words[count], text, length);
        words[count++][length] = '\0';
        text += length;
    }
}

static bool read_expects(char *text, struct script_line *line)
{
    char *save = NULL;

    for (char *part = strtok_r(text, ",", &save); part != NULL; part = strtok_r(NULL, ",", &save)) {
        char words[SCRIPT_WORDS_MAX][SCRIPT_TEXT_BYTES];
        unsigned count = split_words(part, words, SCRIPT_WORDS_MAX);
        char *out = line->expects[line->expect_count];
        size_t used = 0;

        if (line->expect_count++ == SCRIPT_EXPECTS_MAX)
            return false;
        for (unsigned i = 0; i < count; i++)
            used += (size_t)snprintf(out + used, SCRIPT_TEXT_BYTES - used, "%s%s", i > 0 ? " " : "",
                                     words[i]);
    }
    return true;
}

static bool fail(char *error, unsigned number, const char *what, const char *text)
{
    snprintf(error, SCRIPT_TEXT_BYTES, "line %u: %s: '%.100s'", number, what, text);
    return false;
}
