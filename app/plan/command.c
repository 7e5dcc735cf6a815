#include "plan/command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/json.h"
#include "base/text.h"
#include "plan/experiment_priv.h"
#include "plan/pace.h"
#include "plan/quantity.h"
#include "plan/targets.h"
#include "plan/url.h"

/* A stream that is being made of one URL, or of all targets at an address. */
struct stream {
    struct address address;
    uint16_t port;
    enum url_scheme scheme;
    char server[URL_HOST_BYTES]; /* https: whom its certificate must name, in the URL. */
    bool typed;                  /* The address stood on the command line. */
    bool hosted;                 /* Targets: a header of the command line is the Host of all. */
    cJSON *tree;                 /* Belongs to the experiment's, as the rest. */
    cJSON *requests;             /* Targets: as they stand in the file. */
    cJSON *turns;                /* Targets: their turns, until take_turns(). */
};

struct streams {
    struct stream items[EXPERIMENT_STREAMS_MAX];
    uint32_t count;
    cJSON *tree; /* The experiment's. */
};

static cJSON *make_tree(const struct command *command, struct streams *streams, struct error *err);
static int make_url(const struct command *command, struct streams *streams, struct error *err);
static int make_targets(const struct command *command, struct streams *streams, struct error *err);
static int make_target(const struct command *command, const struct targets_item *item,
                       uint32_t index, struct streams *streams, unsigned *line, struct error *err);
static int take_headers(const struct targets_item *item, struct command *own, unsigned *line,
                        struct error *err);
static int begin_requests(const struct command *command, struct stream *stream, struct error *err);
static void take_turns(struct streams *streams, size_t turns);
static struct stream *stream_at(const struct command *command, const struct url *url, bool typed,
                                struct streams *streams, struct error *err);
static bool is_at(const struct stream *stream, const struct url *url);
static int find_address(const struct command *command, struct url *url, bool *mapped,
                        struct error *err);
static int resolve(const char *option, bool with_port, struct url *url, bool *found,
                   struct error *err);
static bool same_host(const struct url *url, const char *host, size_t size);
static int refuse_mapping(const char *option, bool with_port, struct error *err);
static int check_fit(const struct command *command, enum url_scheme scheme, struct error *err);
static bool is_http(enum url_scheme scheme);
static int add_stream(const struct command *command, const struct url *url, cJSON *stream,
                      struct error *err);
static void add_frames(const struct command *command, cJSON *stream);
static cJSON *size_of(const char *text);
static int add_rate(const struct command *command, cJSON *stream, struct error *err);
static int add_number(cJSON *to, const char *key, const char *option, const char *text,
                      struct error *err);
static void add_http(const struct command *command, cJSON *stream);
static int add_request(const struct command *command, const struct url *url, bool hosted,
                       cJSON *request, struct error *err);
static bool is_host(const char *header);
static const char *host_of(const char *header);
static bool add_headers(const struct command *command, cJSON *request);
static int add_body(const char *body, cJSON *http, struct error *err);
static int add_file(const char *what, const char *file, cJSON *to, const char *key,
                    struct error *err);
static int add_tls(const struct command *command, const struct url *url, cJSON *stream,
                   struct error *err);
static void add_statuses(const char *expect, cJSON *http);
static int add_steps(const struct command *command, cJSON *tree, struct error *err);
static cJSON *add_step(cJSON *steps, const char *verb);
static void add_formats(const struct command *command, cJSON *tree);

cJSON *command_tree(const struct command *command, struct error *err)
{
    struct streams streams = {0};
    return make_tree(command, &streams, err);
}

int command_experiment(const struct command *command, const struct experiment_options *options,
                       struct experiment **out, struct error *err)
{
    const char *name = command->targets != NULL ? command->targets : command->url;
    struct streams streams = {0};
    cJSON *tree = make_tree(command, &streams, err);
    int result = tree != NULL ? experiment_from_tree(name, tree, options, out, err) : -EINVAL;

    if (result < 0)
        return result;
    for (uint32_t i = 0; i < (*out)->stream_count; i++) {
        struct experiment_target *target = &(*out)->streams[i].target;
        for (uint32_t j = 0; j < streams.count; j++)
            target->typed |= streams.items[j].typed &&
                             address_equal(&target->address, &streams.items[j].address);
    }
    return 0;
}

static cJSON *make_tree(const struct command *command, struct streams *streams, struct error *err)
{
    cJSON *tree = cJSON_CreateObject();
    int result;

    json_add_integer(tree, "version", EXPERIMENT_VERSION);
    cJSON_AddStringToObject(tree, "name", "traffic");
    streams->tree = cJSON_AddArrayToObject(tree, "streams");
    if (command->targets != NULL)
        result = make_targets(command, streams, err);
    else
        result = make_url(command, streams, err);
    add_formats(command, tree);
    if (result < 0 || add_steps(command, tree, err) < 0 ||
        add_number(tree, "seed", "--seed", command->seed, err) < 0) {
        cJSON_Delete(tree);
        return NULL;
    }
    return tree;
}

static int make_url(const struct command *command, struct streams *streams, struct error *err)
{
    bool mapped = false;
    struct stream *stream;
    struct url url;

    if (url_parse(command->url, &url, err) < 0 || check_fit(command, url.scheme, err) < 0 ||
        find_address(command, &url, &mapped, err) < 0)
        return -EINVAL;
    stream = stream_at(command, &url, true, streams, err);
    if (stream == NULL || !is_http(url.scheme))
        return stream != NULL ? 0 : -EINVAL;
    return add_request(command, &url, false, cJSON_GetObjectItem(stream->tree, "http"), err);
}

/* One stream for all at an address; streams take turns at the one law, in the file's order. */
static int make_targets(const struct command *command, struct streams *streams, struct error *err)
{
    struct targets targets;
    int result = 0;

    if (command->method != NULL)
        return error_set(err, EXIT_USAGE, -EINVAL,
                         "--targets and --method exclude each other: each target has its own");
    if (targets_load(command->targets, &targets, err) < 0)
        return -EINVAL;
    for (uint32_t i = 0; i < targets.count && result == 0; i++) {
        unsigned line = targets.items[i].line;
        result = make_target(command, &targets.items[i], i, streams, &line, err);
        if (result == 0 && command->closed && streams->count > 1)
            result = error_set(err, EXIT_USAGE, -EINVAL,
                               "another address: with --closed all targets are at one");
        if (result < 0)
            error_wrap(err, "%s:%u", command->targets, line);
    }
    take_turns(streams, targets.count);
    targets_free(&targets);
    return result;
}

/* What the command line says is of all of them: here is what is the target's own. *LINE becomes
 * that of what is refused, if it is not the first. */
static int make_target(const struct command *command, const struct targets_item *item,
                       uint32_t index, struct streams *streams, unsigned *line, struct error *err)
{
    struct command own = {.url = item->url,
                          .method = item->method,
                          .body = item->body,
                          .resolves = command->resolves,
                          .connects = command->connects};
    bool mapped = false;
    struct stream *stream;
    struct url url;
    cJSON *request;

    if (command->headers.count + item->header_count > COMMAND_LIST_MAX)
        return error_set(err, EXIT_USAGE, -E2BIG, "more than %d headers", COMMAND_LIST_MAX);
    if (take_headers(item, &own, line, err) < 0)
        return -EINVAL;
    if (url_parse(item->url, &url, err) < 0 || check_fit(command, url.scheme, err) < 0 ||
        find_address(&own, &url, &mapped, err) < 0)
        return -EINVAL;
    if (!is_http(url.scheme))
        return error_set(err, EXIT_USAGE, -EINVAL, "%s: want http:// or https://", item->url);
    stream = stream_at(command, &url, mapped, streams, err);
    if (stream == NULL)
        return -EINVAL;
    if (stream->requests == NULL && begin_requests(command, stream, err) < 0)
        return -EINVAL;
    request = cJSON_CreateObject();
    cJSON_AddItemToArray(stream->requests, request);
    cJSON_AddItemToArray(stream->turns, json_new_integer((int64_t)index + 1));
    if (item->body != NULL)
        *line = item->body_line;
    return add_request(&own, &url, stream->hosted, request, err);
}

static int take_headers(const struct targets_item *item, struct command *own, unsigned *line,
                        struct error *err)
{
    for (size_t i = 0; i < item->header_count; i++) {
        const char *header = own->headers.items[own->headers.count++] = item->headers[i];
        char why[EXPERIMENT_WHY_BYTES] = "want a name, or ADDRESS:PORT";
        if (is_host(header) ? strpbrk(host_of(header), " \t") == NULL
                            : experiment_header(header, why))
            continue;
        *line = item->header_lines[i];
        return error_set(err, EXIT_USAGE, -EINVAL, "\"%.100s\": %s", header, why);
    }
    return 0;
}

/* What the command line says of all requests of STREAM. */
static int begin_requests(const struct command *command, struct stream *stream, struct error *err)
{
    cJSON *http = cJSON_GetObjectItem(stream->tree, "http");

    stream->hosted = add_headers(command, http);
    stream->requests = cJSON_AddArrayToObject(http, "requests");
    stream->turns = cJSON_CreateArray();
    return command->body != NULL ? add_body(command->body, http, err) : 0;
}

/* One stream alone has them all. */
static void take_turns(struct streams *streams, size_t turns)
{
    for (uint32_t i = 0; i < streams->count; i++) {
        struct stream *stream = &streams->items[i];
        if (streams->count > 1) {
            cJSON_AddItemToObject(stream->tree, "turn", stream->turns);
            json_add_integer(stream->tree, "turns", (int64_t)turns);
        } else {
            cJSON_Delete(stream->turns);
        }
        stream->turns = NULL;
    }
}

/* The stream toward URL's address, a new one if there is none; NULL with ERR. An address in a file
 * is not TYPED. */
static struct stream *stream_at(const struct command *command, const struct url *url, bool typed,
                                struct streams *streams, struct error *err)
{
    struct stream *stream = streams->items, *end = stream + streams->count;
    char text[ADDRESS_TEXT_BYTES], name[16] = "traffic";
    cJSON *target;

    while (stream < end && !is_at(stream, url))
        stream++;
    if (stream == end && streams->count == EXPERIMENT_STREAMS_MAX) {
        error_set(err, EXIT_USAGE, -E2BIG,
                  "more than %d addresses and ports: each is a stream of its own",
                  EXPERIMENT_STREAMS_MAX);
        return NULL;
    }
    stream->typed |= typed;
    if (stream < end)
        return stream;
    streams->count++;
    stream->address = url->address;
    stream->port = url->port;
    stream->scheme = url->scheme;
    if (url->scheme == URL_HTTPS)
        snprintf(stream->server, sizeof(stream->server), "%s", url->host);
    stream->tree = cJSON_CreateObject();
    cJSON_AddItemToArray(streams->tree, stream->tree);
    if (command->targets != NULL)
        snprintf(name, sizeof(name), "target-%u", streams->count);
    cJSON_AddStringToObject(stream->tree, "name", name);
    target = cJSON_AddObjectToObject(stream->tree, "target");
    cJSON_AddStringToObject(target, "address", address_text(&url->address, text));
    json_add_integer(target, "port", url->port);
    return add_stream(command, url, stream->tree, err) == 0 ? stream : NULL;
}

static bool is_at(const struct stream *stream, const struct url *url)
{
    return stream->port == url->port && stream->scheme == url->scheme &&
           address_equal(&stream->address, &url->address) &&
           (url->scheme != URL_HTTPS || strcasecmp(stream->server, url->host) == 0);
}

/* --connect-to wins over --resolve, as it does for curl: it says more. */
static int find_address(const struct command *command, struct url *url, bool *mapped,
                        struct error *err)
{
    int result = 0;

    for (size_t i = 0; i < command->connects.count && result == 0 && !*mapped; i++)
        result = resolve(command->connects.items[i], true, url, mapped, err);
    for (size_t i = 0; i < command->resolves.count && result == 0 && !*mapped; i++)
        result = resolve(command->resolves.items[i], false, url, mapped, err);
    if (result == 0 && !*mapped && !url->is_address)
        result = error_set(err, EXIT_USAGE, -EINVAL,
                           "%s: want an IP address instead of a host name, for none is looked up; "
                           "or say --resolve %s:%u:ADDRESS",
                           command->url, url->host, url->port);
    return result;
}

/* HOST:PORT:ADDRESS, and with a port HOST:PORT:ADDRESS:PORT; an IPv6 address in brackets. An
 * empty HOST or PORT of --connect-to stands for any, an empty last one for the same: as curl's. */
static int resolve(const char *option, bool with_port, struct url *url, bool *found,
                   struct error *err)
{
    size_t host = option[0] == '[' ? strcspn(option, "]") + 1 : strcspn(option, ":");
    const char *port = option + host, *to, *end;
    struct address address;
    char word[ADDRESS_TEXT_BYTES], *after;
    unsigned long number, other;

    if (host > strlen(option) || *port != ':')
        return refuse_mapping(option, with_port, err);
    number = strtoul(port + 1, &after, 10);
    to = after;
    if ((to == port + 1 && !with_port) || *to != ':' || number > UINT16_MAX)
        return refuse_mapping(option, with_port, err);
    to++;
    end = *to == '[' ? strchr(to, ']') : with_port ? strrchr(to, ':') : to + strlen(to);
    if (end == NULL || end <= to)
        return refuse_mapping(option, with_port, err);
    snprintf(word, sizeof(word), "%.*s", (int)(end - to - (*to == '[')), to + (*to == '['));
    end += *to == '[';
    if (address_parse(word, &address, NULL) < 0 || (with_port ? *end != ':' : *end != '\0'))
        return refuse_mapping(option, with_port, err);
    other = with_port && end[1] != '\0' ? strtoul(end + 1, &after, 10) : number;
    if (other > UINT16_MAX || (with_port && end[1] != '\0' && (*after != '\0' || other == 0)))
        return refuse_mapping(option, with_port, err);
    *found = (number == 0 || number == url->port) &&
             ((host == 0 && with_port) || same_host(url, option, host));
    if (!*found)
        return 0;
    url->address = address;
    if (with_port && other != 0)
        url->port = (uint16_t)other;
    return 0;
}

static bool same_host(const struct url *url, const char *host, size_t size)
{
    if (host[0] == '[') {
        host++;
        size -= 2;
    }
    return strlen(url->host) == size && strncasecmp(url->host, host, size) == 0;
}

static int refuse_mapping(const char *option, bool with_port, struct error *err)
{
    return error_set(err, EXIT_USAGE, -EINVAL, "%s: \"%.100s\" is none; want %s",
                     with_port ? "--connect-to" : "--resolve", option,
                     with_port ? "HOST:PORT:ADDRESS:PORT" : "HOST:PORT:ADDRESS");
}

static bool is_http(enum url_scheme scheme)
{
    return scheme == URL_HTTP || scheme == URL_HTTPS;
}

/* Options that mean nothing with a scheme are mistakes. */
static int check_fit(const struct command *command, enum url_scheme scheme, struct error *err)
{
    bool http = is_http(scheme), https = scheme == URL_HTTPS;
    bool sized =
        scheme == URL_CTRAFFIC || scheme == URL_UDP || scheme == URL_ICMP || scheme == URL_RAW;
    const char *wrong = NULL;

    if (!http && command->method != NULL)
        wrong = "--method";
    else if (!http && command->body != NULL)
        wrong = "--body";
    else if (!http && command->headers.count > 0)
        wrong = "--header";
    else if (!http && command->expect != NULL)
        wrong = "--expect";
    else if (!http && command->expect_size != NULL)
        wrong = "--expect-size";
    else if (!http && command->expect_text != NULL)
        wrong = "--expect-text";
    else if (!http && command->expect_sha256 != NULL)
        wrong = "--expect-sha256";
    else if (!http && command->no_keepalive)
        wrong = "--no-keepalive";
    else if (!https && command->ca != NULL)
        wrong = "--cacert";
    else if (!https && command->cert != NULL)
        wrong = "--cert";
    else if (!https && command->key != NULL)
        wrong = "--key";
    else if (!https && command->server_name != NULL)
        wrong = "--sni";
    else if (!https && command->insecure)
        wrong = "--insecure";
    else if (!sized && command->size != NULL)
        wrong = "--size";
    else if (scheme == URL_RAW && command->connections != NULL)
        wrong = "--connections";
    else if (scheme == URL_RAW && command->closed)
        wrong = "--closed";
    if (wrong != NULL)
        return error_set(err, EXIT_USAGE, -EINVAL,
                         "%s does not fit %s://; see seamline help "
                         "traffic",
                         wrong, url_scheme_word(scheme));
    if (command->closed && command->rate != NULL)
        return error_set(err, EXIT_USAGE, -EINVAL,
                         "--closed and --rate exclude each other: a closed loop's rate is what the "
                         "answers make it");
    return 0;
}

static int add_stream(const struct command *command, const struct url *url, cJSON *stream,
                      struct error *err)
{
    enum url_scheme scheme = url->scheme;
    bool connects =
        scheme == URL_CTRAFFIC || scheme == URL_TCP || scheme == URL_MCONNECT || is_http(scheme);

    cJSON_AddStringToObject(stream, "protocol", url_scheme_protocol(scheme));
    if (command->closed)
        cJSON_AddStringToObject(stream, "mode", "closed");
    if (command->timeout != NULL && scheme != URL_TCP)
        cJSON_AddStringToObject(stream, "timeout", command->timeout);
    if (command->timeout != NULL && connects)
        cJSON_AddStringToObject(stream, "connectTimeout", command->timeout);
    if (scheme == URL_RAW)
        add_frames(command, stream);
    else if (command->size != NULL)
        cJSON_AddItemToObject(stream, "size", size_of(command->size));
    if (add_number(stream, "connections", "--connections", command->connections, err) < 0 ||
        (!command->closed && add_rate(command, stream, err) < 0))
        return -EINVAL;
    if (is_http(scheme))
        add_http(command, stream);
    return scheme == URL_HTTPS ? add_tls(command, url, stream, err) : 0;
}

/* The smallest that there are, unless sizes are given, by commas; the experiment's reader judges
 * them. */
static void add_frames(const struct command *command, cJSON *stream)
{
    cJSON *sizes = cJSON_AddArrayToObject(cJSON_AddObjectToObject(stream, "raw"), "sizes");
    const char *size = command->size;

    if (size == NULL)
        size = strchr(json_string(stream, "target.address", ""), ':') == NULL ? "64" : "82";
    for (;;) {
        size_t length = strcspn(size, ",");
        char word[16];
        snprintf(word, sizeof(word), "%.*s", (int)(length < 15 ? length : 15), size);
        cJSON_AddItemToArray(sizes, size_of(word));
        if (size[length] == '\0')
            return;
        size += length + 1;
    }
}

/* "512" is a number of bytes; the experiment's reader judges "64KiB". */
static cJSON *size_of(const char *text)
{
    if (strspn(text, "0123456789") == strlen(text) && strlen(text) < 10)
        return json_new_integer(atoll(text));
    return cJSON_CreateString(text);
}

/* A bare number is per second here. */
static int add_rate(const struct command *command, cJSON *stream, struct error *err)
{
    const char *rate = command->rate != NULL ? command->rate : "100/s";
    struct pace pace;
    char text[QUANTITY_TEXT_BYTES];

    if (pace_parse(rate, &pace, err) < 0) {
        error_wrap(err, "--rate");
        return -EINVAL;
    }
    if (pace_is_plain(&pace))
        rate = quantity_rate_text(pace.rate_per_s, text);
    cJSON_AddStringToObject(stream, "rate", rate);
    return 0;
}

static int add_number(cJSON *to, const char *key, const char *option, const char *text,
                      struct error *err)
{
    if (text == NULL)
        return 0;
    if (text[0] == '\0' || strspn(text, "0123456789") != strlen(text) || strlen(text) > 10)
        return error_set(err, EXIT_USAGE, -EINVAL, "%s: \"%.40s\" is no number", option, text);
    json_add_integer(to, key, atoll(text));
    return 0;
}

/* All but the requests. */
static void add_http(const struct command *command, cJSON *stream)
{
    cJSON *http = cJSON_AddObjectToObject(stream, "http");

    if (command->no_keepalive)
        cJSON_AddFalseToObject(stream, "keepAlive");
    if (command->expect != NULL)
        add_statuses(command->expect, http);
    if (command->expect_size != NULL)
        cJSON_AddItemToObject(http, "expectSize", size_of(command->expect_size));
    if (command->expect_text != NULL)
        cJSON_AddStringToObject(http, "expectText", command->expect_text);
    if (command->expect_sha256 != NULL)
        cJSON_AddStringToObject(http, "expectSha256", command->expect_sha256);
}

/* Its Host is what a header says, else what one of all requests says (HOSTED), else the URL's,
 * whatever that stands for. */
static int add_request(const struct command *command, const struct url *url, bool hosted,
                       cJSON *request, struct error *err)
{
    char text[URL_TEXT_BYTES];

    cJSON_AddStringToObject(request, "path", url->path[0] != '\0' ? url->path : "/");
    if (command->method != NULL)
        cJSON_AddStringToObject(request, "method", command->method);
    if (!add_headers(command, request) && !hosted)
        cJSON_AddStringToObject(request, "host", url_authority(url, text));
    return command->body != NULL ? add_body(command->body, request, err) : 0;
}

static bool is_host(const char *header)
{
    return strncasecmp(header, "Host:", 5) == 0;
}

static const char *host_of(const char *header)
{
    return header + 5 + strspn(header + 5, " \t");
}

/* Host is a key of its own: was it among them? */
static bool add_headers(const struct command *command, cJSON *request)
{
    cJSON *headers = NULL;
    const char *host = NULL;

    for (size_t i = 0; i < command->headers.count; i++) {
        const char *header = command->headers.items[i];
        if (is_host(header)) {
            host = host_of(header);
            continue;
        }
        if (headers == NULL)
            headers = cJSON_AddArrayToObject(request, "headers");
        cJSON_AddItemToArray(headers, cJSON_CreateString(header));
    }
    if (host != NULL)
        cJSON_AddStringToObject(request, "host", host);
    return host != NULL;
}

static int add_body(const char *body, cJSON *http, struct error *err)
{
    if (body[0] == '@')
        return add_file("body @", body + 1, http, "bodyFile", err);
    cJSON_AddStringToObject(http, "body", body);
    return 0;
}

/* A file is named by its whole path, so that the experiment can be run from anywhere. */
static int add_file(const char *what, const char *file, cJSON *to, const char *key,
                    struct error *err)
{
    char *path;

    if (file == NULL)
        return 0;
    path = realpath(file, NULL);
    if (path == NULL || access(path, R_OK) < 0) {
        free(path);
        return error_set(err, EXIT_USAGE, -errno, "%s%s: %s; want a file", what, file,
                         strerror(errno));
    }
    cJSON_AddStringToObject(to, key, path);
    free(path);
    return 0;
}

/* The URL's host is who must be there, wherever --connect-to leads. */
static int add_tls(const struct command *command, const struct url *url, cJSON *stream,
                   struct error *err)
{
    cJSON *tls = cJSON_AddObjectToObject(stream, "tls");

    cJSON_AddStringToObject(tls, "serverName",
                            command->server_name != NULL ? command->server_name : url->host);
    if (command->insecure)
        cJSON_AddTrueToObject(tls, "insecure");
    if (add_file("--cacert: ", command->ca, tls, "ca", err) < 0 ||
        add_file("--cert: ", command->cert, tls, "cert", err) < 0 ||
        add_file("--key: ", command->key, tls, "key", err) < 0)
        return -EINVAL;
    return 0;
}

/* Separated by commas; the experiment's reader judges them. */
static void add_statuses(const char *expect, cJSON *http)
{
    cJSON *statuses = cJSON_AddArrayToObject(http, "expectStatus");

    for (;;) {
        size_t size = strcspn(expect, ",");
        char word[16];
        snprintf(word, sizeof(word), "%.*s", (int)(size < 15 ? size : 15), expect);
        cJSON_AddItemToArray(statuses, cJSON_CreateString(word));
        if (expect[size] == '\0')
            return;
        expect += size + 1;
    }
}

static int add_steps(const struct command *command, cJSON *tree, struct error *err)
{
    const char *duration = command->duration != NULL ? command->duration : "10s";
    cJSON *steps = cJSON_AddArrayToObject(tree, "steps");
    int64_t duration_ns;

    if (quantity_parse_duration(duration, &duration_ns) < 0)
        return error_set(err, EXIT_USAGE, -EINVAL,
                         "--duration: \"%.40s\" is no duration; want one such as 10s or 5m",
                         duration);
    cJSON_AddStringToObject(add_step(steps, "start"), "until", "done");
    cJSON_AddStringToObject(add_step(steps, "wait"), "for", duration);
    add_step(steps, "stop");
    return 0;
}

static cJSON *add_step(cJSON *steps, const char *verb)
{
    cJSON *step = cJSON_CreateObject();

    cJSON_AddStringToObject(step, "do", verb);
    cJSON_AddItemToArray(steps, step);
    return step;
}

/* Who says what is good, and asks one after another, checks for downtime. */
static void add_formats(const struct command *command, cJSON *tree)
{
    cJSON *formats;

    if (!command->closed || command->expect == NULL)
        return;
    formats = cJSON_AddArrayToObject(cJSON_AddObjectToObject(tree, "report"), "formats");
    cJSON_AddItemToArray(formats, cJSON_CreateString("text"));
    cJSON_AddItemToArray(formats, cJSON_CreateString("check"));
}
