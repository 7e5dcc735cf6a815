#include "plan/url.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/suggest.h"

enum {
    CTRAFFIC_PORT = 5003,
    MCONNECT_PORT = 5001,
    HTTP_PORT = 80,
    HTTPS_PORT = 443,
    PORT_DIGITS_MAX = 5
};

static const struct {
    const char *word;
    const char *protocol; /* In experiments. */
    uint16_t port;        /* 0: must be said. */
    bool path;            /* One may follow. */
} schemes[] = {
    [URL_CTRAFFIC] = {"ctraffic", "ctraffic", CTRAFFIC_PORT, false},
    [URL_TCP] = {"tcp", "connect", 0, false},
    [URL_HTTP] = {"http", "http", HTTP_PORT, true},
    [URL_HTTPS] = {"https", "https", HTTPS_PORT, true},
    [URL_MCONNECT] = {"mconnect", "mconnect", MCONNECT_PORT, false},
    [URL_UDP] = {"udp", "udp", 0, false},
    [URL_ICMP] = {"icmp", "icmp", 1, false},
    [URL_RAW] = {"raw", "raw", 0, false},
};
enum {
    SCHEMES = sizeof(schemes) / sizeof(*schemes)
};

static int parse_rest(const char *text, enum url_scheme scheme, struct url *out, struct error *err);
static int refuse_scheme(const char *text, size_t size, struct error *err);
static const char *take_host(const char *text, char host[URL_HOST_BYTES], bool *brackets);
static int parse_port(const char *text, uint16_t *out);
static bool is_host_name(const char *host);

int url_parse(const char *text, struct url *out, struct error *err)
{
    const char *mark = strstr(text, "://");
    size_t size = mark != NULL ? (size_t)(mark - text) : 0;
    unsigned scheme = 0;
    struct url url;
    int result;

    if (mark == NULL)
        return error_set(
            err, EXIT_USAGE, -EINVAL,
            "\"%.200s\" has no scheme; want one such as http://HOST or tcp://HOST:PORT", text);
    while (scheme < SCHEMES &&
           (strlen(schemes[scheme].word) != size || memcmp(schemes[scheme].word, text, size) != 0))
        scheme++;
    if (scheme == SCHEMES)
        return refuse_scheme(text, size, err);
    result = parse_rest(mark + 3, (enum url_scheme)scheme, &url, err);
    if (result < 0) {
        error_wrap(err, "%.200s", text);
        return result;
    }
    url.scheme = (enum url_scheme)scheme;
    *out = url;
    return 0;
}

/* The host ends where a path, a query or a fragment begins: RFC 3986 3.2. */
static int parse_rest(const char *text, enum url_scheme scheme, struct url *out, struct error *err)
{
    size_t size = schemes[scheme].path ? strcspn(text, "/?#") : strlen(text);
    const char *path = text + size;
    char authority[URL_HOST_BYTES + 16];
    int result;

    if (size >= sizeof(authority))
        return error_set(err, EXIT_USAGE, -EINVAL, "the host has more than %d characters",
                         URL_HOST_BYTES - 1);
    snprintf(authority, sizeof(authority), "%.*s", (int)size, text);
    result = url_parse_host_port(authority, schemes[scheme].port, out, err);
    if (result < 0 || *path == '\0')
        return result;
    if (strlen(path) + 2 > URL_PATH_BYTES)
        return error_set(err, EXIT_USAGE, -EINVAL, "the path has more than %d characters",
                         URL_PATH_BYTES - 2);
    for (const char *at = path; *at != '\0'; at++)
        if (*at <= ' ' || *at > '~' || *at == '#')
            return error_set(err, EXIT_USAGE, -EINVAL,
                             "column %zu of the path: a space, a fragment or another character "
                             "that must be written as %%XX",
                             (size_t)(at - path) + 1);
    snprintf(out->path, sizeof(out->path), "%s%s", *path == '?' ? "/" : "", path);
    return 0;
}

int url_parse_host_port(const char *text, uint16_t otherwise_port, struct url *out,
                        struct error *err)
{
    struct url url = {.port = otherwise_port};
    bool brackets = false;
    const char *end = take_host(text, url.host, &brackets);

    if (end == NULL)
        return error_set(err, EXIT_USAGE, -EINVAL,
                         "\"%.200s\" names no host; want HOST:PORT, an IPv6 address in brackets",
                         text);
    url.is_address = address_parse(url.host, &url.address, NULL) == 0;
    if (brackets && (!url.is_address || address_is_v4(&url.address)))
        return error_set(err, EXIT_USAGE, -EINVAL, "\"[%.200s]\" is no IPv6 address", url.host);
    if (!url.is_address && !is_host_name(url.host))
        return error_set(err, EXIT_USAGE, -EINVAL,
                         "\"%.200s\" is neither an address nor a host name; an IPv6 address needs "
                         "brackets: [2001:db8::1]:5003",
                         text);
    if (*end == '/' && end[1] == '\0')
        end++;
    if (*end == ':' && parse_port(end + 1, &url.port) < 0)
        return error_set(err, EXIT_USAGE, -EINVAL, "port \"%.20s\" is no number from 1 to 65535",
                         end + 1);
    if (*end != ':' && *end != '\0')
        return error_set(err, EXIT_USAGE, -EINVAL,
                         "\"%.40s\" after the host; want :PORT or nothing", end);
    if (url.port == 0)
        return error_set(err, EXIT_USAGE, -EINVAL, "the port is missing: %.200s:PORT", text);
    *out = url;
    return 0;
}

const char *url_text(const struct url *url, char out[URL_TEXT_BYTES])
{
    bool v6 = url->is_address && !address_is_v4(&url->address);

    snprintf(out, URL_TEXT_BYTES, "%s://%s%s%s:%u", schemes[url->scheme].word, v6 ? "[" : "",
             url->host, v6 ? "]" : "", url->port);
    return out;
}

const char *url_scheme_word(enum url_scheme scheme)
{
    return schemes[scheme].word;
}

const char *url_scheme_protocol(enum url_scheme scheme)
{
    return schemes[scheme].protocol;
}

const char *url_authority(const struct url *url, char out[URL_TEXT_BYTES])
{
    bool v6 = strchr(url->host, ':') != NULL;
    int size = snprintf(out, URL_TEXT_BYTES, "%s%s%s", v6 ? "[" : "", url->host, v6 ? "]" : "");

    if (url->port != schemes[url->scheme].port)
        snprintf(out + size, URL_TEXT_BYTES - (size_t)size, ":%u", url->port);
    return out;
}

static int refuse_scheme(const char *text, size_t size, struct error *err)
{
    char word[SUGGEST_WORD_MAX];
    struct suggest suggest = {.word = word};
    const char *best;

    snprintf(word, sizeof(word), "%.*s", (int)(size < 40 ? size : 40), text);
    for (unsigned i = 0; i < SCHEMES; i++)
        suggest_offer(&suggest, schemes[i].word);
    best = suggest_best(&suggest);
    return error_set(
        err, EXIT_USAGE, -EINVAL,
        "unknown scheme \"%s\"%s%s%s; want ctraffic, tcp, http, https, mconnect, udp, icmp or raw",
        word, best != NULL ? "; did you mean \"" : "", best != NULL ? best : "",
        best != NULL ? "\"?" : "");
}

/* Returns what is behind the host, or NULL. */
static const char *take_host(const char *text, char host[URL_HOST_BYTES], bool *brackets)
{
    const char *end;

    *brackets = *text == '[';
    if (*brackets)
        text++;
    end = text + strcspn(text, *brackets ? "]" : ":/");
    if (end == text || end - text >= URL_HOST_BYTES || (*brackets && *end == '\0'))
        return NULL;
    memcpy(host, text, (size_t)(end - text));
    host[end - text] = '\0';
    return *brackets ? end + 1 : end;
}

static int parse_port(const char *text, uint16_t *out)
{
    size_t digits = strspn(text, "0123456789");
    unsigned long port = strtoul(text, NULL, 10);

    if (digits == 0 || digits > PORT_DIGITS_MAX || port == 0 || port > UINT16_MAX ||
        (text[digits] != '\0' && strcmp(text + digits, "/") != 0))
        return -EINVAL;
    *out = (uint16_t)port;
    return 0;
}

/* RFC 1123 2.1; only digits and dots are a mistyped address. */
static bool is_host_name(const char *host)
{
    if (strspn(host, "0123456789.") == strlen(host) || !isalnum((unsigned char)host[0]))
        return false;
    for (; *host != '\0'; host++)
        if (!isalnum((unsigned char)*host) && *host != '-' && *host != '.')
            return false;
    return true;
}
