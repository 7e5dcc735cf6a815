#include "plan/targets.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

struct parser {
    const char *name;
    struct targets *out;
    struct targets_item *item; /* The one whose lines are read; NULL between two. */
    unsigned line;             /* From 1. */
    struct error *err;
};

static int parse_line(struct parser *parser, char *line);
static int parse_target(struct parser *parser, char *line, size_t method);
static int make_room(struct targets *targets);
static int parse_header(struct parser *parser, char *line);
static int parse_body(struct parser *parser, char *line);
static size_t method_size(const char *line);
static int refuse(const struct parser *parser, size_t column, const char *text);

int targets_parse(const char *name, const char *bytes, size_t size, struct targets *out,
                  struct error *err)
{
    struct targets targets = {.text = malloc(size + 1)};
    struct parser parser = {.name = name, .out = &targets, .err = err};
    char *line = targets.text, *end;
    int result = 0;

    *out = (struct targets){0};
    if (targets.text == NULL)
        return error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory");
    memcpy(targets.text, bytes, size);
    targets.text[size] = '\0';
    while (result == 0 && line < targets.text + size) {
        end = memchr(line, '\n', (size_t)(targets.text + size - line));
        if (end == NULL)
            end = targets.text + size;
        *end = '\0';
        parser.line++;
        if (strlen(line) != (size_t)(end - line)) {
            result = refuse(&parser, strlen(line) + 1, "a NUL character");
            break;
        }
        if (end > line && end[-1] == '\r')
            end[-1] = '\0';
        result = parse_line(&parser, line);
        line = end + 1;
    }
    if (result == 0 && targets.count == 0)
        result = error_set(err, EXIT_USAGE, -EINVAL,
                           "%s: no target; want lines such as GET http://10.0.0.1/", name);
    if (result < 0)
        targets_free(&targets);
    else
        *out = targets;
    return result;
}

int targets_load(const char *path, struct targets *out, struct error *err)
{
    struct text text = {0};
    int result = text_read_file(&text, path, TARGETS_FILE_MAX);

    *out = (struct targets){0};
    if (result < 0)
        error_set(err, EXIT_USAGE, result, "%s: %s; want a file of targets", path,
                  strerror(-result));
    else
        result = targets_parse(path, text_str(&text), text.size, out, err);
    text_free(&text);
    return result;
}

void targets_free(struct targets *targets)
{
    free(targets->text);
    free(targets->items);
    *targets = (struct targets){0};
}

static int parse_line(struct parser *parser, char *line)
{
    size_t method = method_size(line);

    for (const char *at = line; *at != '\0'; at++)
        if (iscntrl((unsigned char)*at) && *at != '\t')
            return refuse(parser, (size_t)(at - line) + 1, "a control character");
    if (line[0] == '#')
        return 0;
    if (line[strspn(line, " \t")] == '\0') {
        parser->item = NULL;
        return 0;
    }
    if (method > 0)
        return parse_target(parser, line, method);
    if (parser->item == NULL)
        return refuse(parser, 1, "want METHOD URL, such as GET http://10.0.0.1/");
    return line[0] == '@' ? parse_body(parser, line) : parse_header(parser, line);
}

static int parse_target(struct parser *parser, char *line, size_t method)
{
    char *url = line + method + 1;
    size_t size = strcspn(url, " \t");

    if (parser->out->count == TARGETS_MAX)
        return refuse(parser, 1, "more than 10000 targets");
    if (strncmp(line, "CONNECT ", method + 1) == 0)
        return refuse(parser, 1, "CONNECT is for proxies; want another method");
    if (size == 0)
        return refuse(parser, method + 2, "want a URL after one space");
    if (url[size] != '\0')
        return refuse(parser, method + size + 2, "want nothing after the URL");
    if (make_room(parser->out) < 0)
        return error_set(parser->err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory");
    line[method] = '\0';
    parser->item = &parser->out->items[parser->out->count++];
    *parser->item = (struct targets_item){.method = line, .url = url, .line = parser->line};
    return 0;
}

/* For one more: there is room for the next power of two. */
static int make_room(struct targets *targets)
{
    struct targets_item *items;

    if ((targets->count & (targets->count - 1)) != 0)
        return 0;
    items = realloc(targets->items, 2 * (targets->count + 1) * sizeof(*items));
    if (items == NULL)
        return -ENOMEM;
    targets->items = items;
    return 0;
}

/* A name is a token, RFC 9110 5.6.2. */
static int parse_header(struct parser *parser, char *line)
{
    static const char token[] = "!#$%&'*+-.^_`|~0123456789"
                                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    struct targets_item *item = parser->item;
    size_t name = strspn(line, token);

    if (name == 0 || line[name] != ':')
        return refuse(parser, name + 1, "want \"Name: value\", @FILE, or METHOD URL");
    if (line[name + 1 + strspn(line + name + 1, " \t")] == '\0')
        return refuse(parser, name + 2, "want a value");
    if (item->body != NULL)
        return refuse(parser, 1, "a header after the body's @FILE");
    if (item->header_count == TARGETS_HEADERS_MAX)
        return refuse(parser, 1, "more than 16 headers");
    item->header_lines[item->header_count] = parser->line;
    item->headers[item->header_count++] = line;
    return 0;
}

static int parse_body(struct parser *parser, char *line)
{
    if (line[1] == '\0')
        return refuse(parser, 2, "want a file after @");
    if (parser->item->body != NULL)
        return refuse(parser, 1, "a second body");
    parser->item->body = line;
    parser->item->body_line = parser->line;
    return 0;
}

/* Of the capital letters that a space follows; 0: no method. */
static size_t method_size(const char *line)
{
    size_t size = strspn(line, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");

    return line[size] == ' ' ? size : 0;
}

static int refuse(const struct parser *parser, size_t column, const char *text)
{
    return error_set(parser->err, EXIT_USAGE, -EINVAL, "%s:%u:%zu: %s", parser->name, parser->line,
                     column, text);
}
