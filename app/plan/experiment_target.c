#include "plan/experiment_priv.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "plan/quantity.h"

static bool target_takes(const void *object, const char *key);
static int read_address(struct reader *reader, const cJSON *item, void *object);
static cJSON *print_address(const void *object, const void *context);
static int read_service_port(struct reader *reader, const cJSON *item, void *object);
static cJSON *print_service_port(const void *object, const void *context);
static int read_vip(struct reader *reader, const cJSON *item, void *object);
static cJSON *print_vip(const void *object, const void *context);
static int read_route(struct reader *reader, const cJSON *item, void *object);
static cJSON *print_route(const void *object, const void *context);
static int read_port(struct reader *reader, const cJSON *item, void *object);
static cJSON *print_port(const void *object, const void *context);
static int check_target(struct reader *reader, void *object);
static int read_stream_target(struct reader *reader, const cJSON *item, void *object);
static cJSON *print_stream_target(const void *object, const void *context);
static int read_turn(struct reader *reader, const cJSON *item, void *object);
static cJSON *print_turn(const void *object, const void *context);
static int check_turns(struct reader *reader, const struct experiment_stream *stream);
static bool stream_takes(const void *object, const char *key);
static int check_stream(struct reader *reader, void *object);
static bool is_port(const cJSON *item);

enum {
    CONNECTIONS_MAX = 1000000,
    CONNECT_SPARE = 16, /* Over those that a wholly silent target holds open. */
    DATAGRAM_MAX = 8192 /* Bytes of a payload. */
};

const struct reader_word experiment_protocol_words[] = {
    {"ctraffic", EXPERIMENT_PROTOCOL_CTRAFFIC},
    {"connect", EXPERIMENT_PROTOCOL_CONNECT},
    {"udp", EXPERIMENT_PROTOCOL_UDP},
    {"icmp", EXPERIMENT_PROTOCOL_ICMP},
    {"http", EXPERIMENT_PROTOCOL_HTTP},
    {"https", EXPERIMENT_PROTOCOL_HTTPS},
    {"mconnect", EXPERIMENT_PROTOCOL_MCONNECT},
    {"raw", EXPERIMENT_PROTOCOL_RAW},
    {NULL, 0},
};

static const struct reader_word via_words[] = {
    {"loadBalancer", EXPERIMENT_VIA_LOAD_BALANCER},
    {"clusterIP", EXPERIMENT_VIA_CLUSTER_IP},
    {"nodePort", EXPERIMENT_VIA_NODE_PORT},
    {NULL, 0},
};

static const struct reader_word family_words[] = {
    {"ipv4", EXPERIMENT_IPV4},
    {"ipv6", EXPERIMENT_IPV6},
    {NULL, 0},
};

static const struct reader_word record_words[] = {
    {"full", EXPERIMENT_RECORD_FULL},
    {"sampled", EXPERIMENT_RECORD_SAMPLED},
    {"failures", EXPERIMENT_RECORD_FAILURES},
    {NULL, 0},
};

static const struct reader_word mode_words[] = {
    {"held", EXPERIMENT_MODE_HELD},
    {"open", EXPERIMENT_MODE_OPEN},
    {"closed", EXPERIMENT_MODE_CLOSED},
    {NULL, 0},
};

static const struct reader_word reconnect_words[] = {
    {"at-once", EXPERIMENT_RECONNECT_AT_ONCE},
    {"never", EXPERIMENT_RECONNECT_NEVER},
    {NULL, 0},
};

static const struct reader_word catch_up_words[] = {
    {"send-late", EXPERIMENT_CATCH_UP_SEND_LATE},
    {"skip", EXPERIMENT_CATCH_UP_SKIP},
    {NULL, 0},
};

#define TURN_WANT "a turn from 1 to 10000, or a list of rising ones"

#define AT(type, member) offsetof(struct type, member)

static const struct reader_field hop_item = {
    .key = "",
    .type = READER_CUSTOM,
    .read = reader_read_address,
    .print = reader_print_address,
    .want = "an IP address",
};

/* address comes first: whether it is there decides what else fits. */
static const struct reader_field target_fields[] = {
    {.key = "address",
     .type = READER_CUSTOM,
     .read = read_address,
     .print = print_address,
     .want = "an IP address"},
    {.key = "port",
     .type = READER_CUSTOM,
     .read = read_port,
     .print = print_port,
     .want = "a port from 1 to 65535"},
    {.key = "nextHops",
     .type = READER_LIST,
     .offset = AT(experiment_target, hops),
     .max = EXPERIMENT_HOPS_MAX,
     .item = &hop_item,
     .item_bytes = sizeof(struct address),
     .count_offset = AT(experiment_target, hop_count)},
    {.key = "service", .type = READER_LABEL, .offset = AT(experiment_target, service)},
    {.key = "servicePort",
     .type = READER_CUSTOM,
     .read = read_service_port,
     .print = print_service_port,
     .want = "a port of the Service, by name or number"},
    {.key = "via",
     .type = READER_WORD,
     .offset = AT(experiment_target, via),
     .otherwise = "loadBalancer",
     .words = via_words},
    {.key = "family",
     .type = READER_WORD,
     .offset = AT(experiment_target, family),
     .otherwise = "ipv4",
     .words = family_words},
    {.key = "vip",
     .type = READER_CUSTOM,
     .read = read_vip,
     .print = print_vip,
     .want = "an IP address"},
    {.key = "route",
     .type = READER_CUSTOM,
     .read = read_route,
     .print = print_route,
     .want = "\"machine\", \"ecmp\", \"node:1\" (the first Ready node by name) or \"node:NAME\""},
    {.key = NULL},
};
const struct reader_object experiment_target_object = {"a target", target_fields, target_takes,
                                                       check_target};

static const struct reader_field stream_fields[] = {
    {.key = "name", .type = READER_NAME, .offset = AT(experiment_stream, name), .required = true},
    {.key = "protocol",
     .type = READER_WORD,
     .offset = AT(experiment_stream, protocol),
     .required = true,
     .words = experiment_protocol_words},
    {.key = "mode",
     .type = READER_WORD,
     .offset = AT(experiment_stream, mode),
     .words = mode_words},
    {.key = "http",
     .type = READER_OBJECT,
     .offset = AT(experiment_stream, http),
     .object = &experiment_http_object},
    {.key = "raw",
     .type = READER_OBJECT,
     .offset = AT(experiment_stream, raw),
     .required = true,
     .object = &experiment_raw_object},
    {.key = "tls",
     .type = READER_OBJECT,
     .offset = AT(experiment_stream, tls),
     .object = &experiment_tls_object},
    {.key = "keepAlive",
     .type = READER_BOOL,
     .offset = AT(experiment_stream, keep_alive),
     .otherwise = "true"},
    {.key = "pipelining",
     .type = READER_COUNT,
     .offset = AT(experiment_stream, pipelining),
     .min = 1,
     .max = 256,
     .otherwise = "1"},
    {.key = "thinkTime",
     .type = READER_DURATION,
     .offset = AT(experiment_stream, think_ns),
     .max = 3600e9},
    {.key = "target",
     .type = READER_CUSTOM,
     .object = &experiment_target_object,
     .read = read_stream_target,
     .print = print_stream_target,
     .want = "a target"},
    {.key = "connections",
     .type = READER_COUNT,
     .offset = AT(experiment_stream, connections),
     .min = 1,
     .max = CONNECTIONS_MAX},
    {.key = "rate",
     .type = READER_CUSTOM,
     .object = &pace_object,
     .required = true,
     .read = experiment_read_rate,
     .print = experiment_print_rate,
     .want = EXPERIMENT_RATE_WANT},
    {.key = "turn",
     .type = READER_CUSTOM,
     .read = read_turn,
     .print = print_turn,
     .want = TURN_WANT},
    {.key = "turns",
     .type = READER_COUNT,
     .offset = AT(experiment_stream, turns),
     .min = 1,
     .max = EXPERIMENT_REQUESTS_MAX,
     .otherwise = "1"},
    {.key = "catchUp",
     .type = READER_WORD,
     .offset = AT(experiment_stream, catch_up),
     .otherwise = "send-late",
     .words = catch_up_words},
    {.key = "catchUpWithin",
     .type = READER_DURATION,
     .offset = AT(experiment_stream, catch_up_within_ns),
     .max = 3600e9},
    {.key = "size",
     .type = READER_SIZE,
     .offset = AT(experiment_stream, size_bytes),
     .min = 64,
     .max = 65536,
     .otherwise = "1024"},
    {.key = "timeout",
     .type = READER_DURATION,
     .offset = AT(experiment_stream, timeout_ns),
     .min = 1e6,
     .max = 3600e9,
     .otherwise = "1s"},
    {.key = "connectTimeout",
     .type = READER_DURATION,
     .offset = AT(experiment_stream, connect_timeout_ns),
     .min = 1e6,
     .max = 3600e9,
     .otherwise = "1.5s"},
    {.key = "reconnect",
     .type = READER_WORD,
     .offset = AT(experiment_stream, reconnect),
     .otherwise = "at-once",
     .words = reconnect_words},
    {.key = "retries",
     .type = READER_COUNT,
     .offset = AT(experiment_stream, retries),
     .min = 1,
     .max = 100000,
     .otherwise = "10"},
    {.key = "record",
     .type = READER_WORD,
     .offset = AT(experiment_stream, record),
     .otherwise = "full",
     .words = record_words},
    {.key = "recordLimit",
     .type = READER_RATE,
     .offset = AT(experiment_stream, record_limit_per_s),
     .min = 1},
    {.key = NULL},
};
const struct reader_object experiment_stream_object = {"a stream", stream_fields, stream_takes,
                                                       check_stream};

/* What is at an address has no Service, and the other way round. */
static bool target_takes(const void *object, const char *key)
{
    const struct experiment_target *target = object;
    bool of_static = strcmp(key, "port") == 0 || strcmp(key, "nextHops") == 0;

    return strcmp(key, "address") == 0 || of_static == (target->via == EXPERIMENT_VIA_STATIC);
}

static int read_address(struct reader *reader, const cJSON *item, void *object)
{
    struct experiment_target *target = object;
    const char *text = cJSON_GetStringValue(item);

    if (text == NULL || address_parse(text, &target->address, NULL) < 0)
        return reader_want(reader, item, "an IP address");
    target->via = EXPERIMENT_VIA_STATIC;
    target->family = address_is_v4(&target->address) ? EXPERIMENT_IPV4 : EXPERIMENT_IPV6;
    return 0;
}

static cJSON *print_address(const void *object, const void *context)
{
    const struct experiment_target *target = object;
    char text[ADDRESS_TEXT_BYTES];

    (void)context;
    if (target->via != EXPERIMENT_VIA_STATIC)
        return NULL;
    return cJSON_CreateString(address_text(&target->address, text));
}

static int read_port(struct reader *reader, const cJSON *item, void *object)
{
    struct experiment_target *target = object;

    if (!is_port(item))
        return reader_want(reader, item, "a port from 1 to 65535");
    target->port = (uint16_t)item->valueint;
    return 0;
}

static cJSON *print_port(const void *object, const void *context)
{
    (void)context;
    return json_new_integer(((const struct experiment_target *)object)->port);
}

static int read_service_port(struct reader *reader, const cJSON *item, void *object)
{
    struct experiment_target *target = object;
    const char *text = cJSON_GetStringValue(item);

    if (text != NULL ? !reader_is_name(text) : !is_port(item))
        return reader_want(reader, item, "a port of the Service, by name or number");
    target->service_port_name = text;
    target->service_port = text != NULL ? 0 : (uint16_t)item->valueint;
    return 0;
}

static cJSON *print_service_port(const void *object, const void *context)
{
    const struct experiment_target *target = object;

    (void)context;
    if (target->service_port_name != NULL)
        return cJSON_CreateString(target->service_port_name);
    return target->service_port != 0 ? json_new_integer(target->service_port) : NULL;
}

static int read_vip(struct reader *reader, const cJSON *item, void *object)
{
    struct experiment_target *target = object;

    target->vip_given = true;
    return reader_read_address(reader, item, &target->vip);
}

static cJSON *print_vip(const void *object, const void *context)
{
    const struct experiment_target *target = object;

    return target->vip_given ? reader_print_address(&target->vip, context) : NULL;
}

static int read_route(struct reader *reader, const cJSON *item, void *object)
{
    struct experiment_target *target = object;
    const char *text = cJSON_GetStringValue(item);
    const char *node = text != NULL && strncmp(text, "node:", 5) == 0 ? text + 5 : NULL;

    target->route_index = 0;
    target->route_node = NULL;
    if (text != NULL && strcmp(text, "machine") == 0) {
        target->route = EXPERIMENT_ROUTE_MACHINE;
        return 0;
    }
    if (text != NULL && strcmp(text, "ecmp") == 0) {
        target->route = EXPERIMENT_ROUTE_ECMP;
        return 0;
    }
    if (node == NULL || !reader_is_subdomain(node) || strcmp(node, "0") == 0)
        return reader_want(reader, item, reader_find(&experiment_target_object, "route")->want);
    target->route = EXPERIMENT_ROUTE_NODE;
    if (strlen(node) <= 4 && strspn(node, "0123456789") == strlen(node))
        target->route_index = (uint32_t)atoi(node);
    else
        target->route_node = node;
    return 0;
}

static cJSON *print_route(const void *object, const void *context)
{
    const struct experiment_target *target = object;
    char text[READER_SUBDOMAIN_MAX + 8];

    (void)context;
    if (target->route != EXPERIMENT_ROUTE_NODE)
        return cJSON_CreateString(target->route == EXPERIMENT_ROUTE_ECMP ? "ecmp" : "machine");
    if (target->route_node != NULL)
        snprintf(text, sizeof(text), "node:%s", target->route_node);
    else
        snprintf(text, sizeof(text), "node:%u", target->route_index);
    return cJSON_CreateString(text);
}

static int check_target(struct reader *reader, void *object)
{
    struct experiment_target *target = object;
    bool v4 = target->family == EXPERIMENT_IPV4;

    if (target->via != EXPERIMENT_VIA_STATIC && target->service == NULL)
        return reader_refuse(reader, "want \"service\", the name of a Service, or \"address\" "
                                     "with \"port\"");
    if (target->vip_given && address_is_v4(&target->vip) != v4)
        return reader_refuse(reader, "vip is not of the family \"%s\", which \"family\" says",
                             v4 ? "ipv4" : "ipv6");
    if (target->via != EXPERIMENT_VIA_STATIC)
        return 0;
    if (target->port == 0)
        return reader_refuse(reader, "\"port\" is missing: with \"address\" it must be said");
    for (uint32_t i = 0; i < target->hop_count; i++)
        if (address_is_v4(&target->hops[i]) != v4)
            return reader_refuse(reader, "nextHops[%u] is not of the address's family", i);
    target->route = target->hop_count > 0 ? EXPERIMENT_ROUTE_HOPS : EXPERIMENT_ROUTE_MACHINE;
    return 0;
}

/* What the stream says goes over the experiment's target; between a Service and an address nothing
 * is kept. */
static int read_stream_target(struct reader *reader, const cJSON *item, void *object)
{
    struct experiment_stream *stream = object;
    const struct experiment *experiment = reader->context;
    bool address = json_member(item, "address") != NULL;
    bool service = json_member(item, "service") != NULL;
    bool was_static = experiment->target.via == EXPERIMENT_VIA_STATIC;

    if (experiment->target_given && !(was_static ? service : address))
        stream->target = experiment->target;
    else
        reader_defaults(&experiment_target_object, &stream->target);
    return reader_fill(reader, &experiment_target_object, item, &stream->target);
}

static cJSON *print_stream_target(const void *object, const void *context)
{
    const struct experiment_stream *stream = object;

    return reader_print(&experiment_target_object, &stream->target, context);
}

static bool is_turn(const cJSON *item)
{
    return cJSON_IsNumber(item) && item->valuedouble >= 1 &&
           item->valuedouble <= EXPERIMENT_REQUESTS_MAX &&
           item->valuedouble == (double)item->valueint;
}

static int read_turn(struct reader *reader, const cJSON *item, void *object)
{
    struct experiment_stream *stream = object;
    const cJSON *child;

    if (is_turn(item)) {
        stream->turn = (uint32_t)item->valueint;
        return 0;
    }
    if (!cJSON_IsArray(item) || item->child == NULL)
        return reader_want(reader, item, TURN_WANT);
    stream->turn_list = calloc((size_t)cJSON_GetArraySize(item), sizeof(uint32_t));
    if (stream->turn_list == NULL)
        return error_set(reader->err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory");
    cJSON_ArrayForEach(child, item)
    {
        if (!is_turn(child) || (uint32_t)child->valueint <= stream->turn)
            return reader_want(reader, item, TURN_WANT);
        stream->turn = (uint32_t)child->valueint;
        stream->turn_list[stream->turn_count++] = stream->turn;
    }
    return 0;
}

static cJSON *print_turn(const void *object, const void *context)
{
    const struct experiment_stream *stream = object;
    cJSON *list;

    (void)context;
    if (stream->turn_list == NULL)
        return json_new_integer(stream->turn);
    list = cJSON_CreateArray();
    for (uint32_t i = 0; i < stream->turn_count; i++)
        cJSON_AddItemToArray(list, json_new_integer(stream->turn_list[i]));
    return list;
}

/* `turn` is the last of a list: those before it are smaller. */
static int check_turns(struct reader *reader, const struct experiment_stream *stream)
{
    if (stream->turn > stream->turns)
        return reader_refuse(reader, "turn: got %u of %u turns", stream->turn, stream->turns);
    if (stream->turn_list != NULL &&
        (stream->mode != EXPERIMENT_MODE_OPEN || experiment_is_datagrams(stream) ||
         stream->protocol == EXPERIMENT_PROTOCOL_RAW))
        return reader_refuse(reader, "turn: several turns need connections and mode \"open\"");
    return 0;
}

bool experiment_is_datagrams(const struct experiment_stream *stream)
{
    return stream->protocol == EXPERIMENT_PROTOCOL_UDP ||
           stream->protocol == EXPERIMENT_PROTOCOL_ICMP;
}

static enum experiment_mode mode_of(const struct experiment_stream *stream)
{
    if (stream->mode != EXPERIMENT_MODE_DEFAULT)
        return stream->mode;
    return stream->protocol == EXPERIMENT_PROTOCOL_CTRAFFIC ? EXPERIMENT_MODE_HELD
                                                            : EXPERIMENT_MODE_OPEN;
}

/* Which keys go with which protocols and modes, bit by bit; those that are not listed, with all. */
static bool stream_takes(const void *object, const char *key)
{
    enum {
        CTRAFFIC = 1 << EXPERIMENT_PROTOCOL_CTRAFFIC,
        CONNECT = 1 << EXPERIMENT_PROTOCOL_CONNECT,
        DATAGRAMS = 1 << EXPERIMENT_PROTOCOL_UDP | 1 << EXPERIMENT_PROTOCOL_ICMP,
        HTTPS = 1 << EXPERIMENT_PROTOCOL_HTTPS,
        HTTP = 1 << EXPERIMENT_PROTOCOL_HTTP | HTTPS,
        RAW = 1 << EXPERIMENT_PROTOCOL_RAW,
        HELD = 1 << EXPERIMENT_MODE_HELD,
        OPEN = 1 << EXPERIMENT_MODE_OPEN,
        CLOSED = 1 << EXPERIMENT_MODE_CLOSED
    };
    static const struct {
        const char *key;
        unsigned protocols, modes;
    } rows[] = {
        {"mode", ~(unsigned)(DATAGRAMS | RAW), ~0u},
        {"size", CTRAFFIC | DATAGRAMS, ~0u},
        {"connectTimeout", ~(unsigned)(DATAGRAMS | RAW), ~0u},
        {"connections", ~(unsigned)RAW, ~0u},
        {"raw", RAW, ~0u},
        {"record", ~(unsigned)RAW, ~0u},
        {"recordLimit", ~(unsigned)RAW, ~0u},
        {"timeout", ~(unsigned)CONNECT, ~0u},
        {"http", HTTP, ~0u},
        {"tls", HTTPS, ~0u},
        {"keepAlive", HTTP, OPEN | CLOSED},
        {"pipelining", HTTP, HELD | CLOSED},
        {"thinkTime", ~0u, CLOSED},
        {"rate", ~0u, HELD | OPEN},
        {"turn", ~0u, HELD | OPEN},
        {"turns", ~0u, HELD | OPEN},
        {"catchUp", ~0u, HELD | OPEN},
        {"catchUpWithin", ~0u, HELD | OPEN},
        {"reconnect", ~0u, HELD},
        {"retries", ~0u, HELD},
    };
    const struct experiment_stream *stream = object;
    unsigned protocol = 1u << stream->protocol, mode = 1u << mode_of(stream);

    if (strcmp(key, "catchUpWithin") == 0 && stream->catch_up != EXPERIMENT_CATCH_UP_SEND_LATE)
        return false;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (strcmp(key, rows[i].key) == 0)
            return (rows[i].protocols & protocol) != 0 && (rows[i].modes & mode) != 0;
    return true;
}

/* Values that exclude each other. */
static int check_mode(struct reader *reader, struct experiment_stream *stream)
{
    bool short_lived = stream->protocol == EXPERIMENT_PROTOCOL_CONNECT ||
                       stream->protocol == EXPERIMENT_PROTOCOL_MCONNECT;
    bool closed = stream->mode == EXPERIMENT_MODE_CLOSED;

    if (short_lived && stream->mode == EXPERIMENT_MODE_HELD)
        return reader_refuse(reader,
                             "mode: a connection of \"%s\" serves one request, it cannot be "
                             "held; want \"open\" or \"closed\"",
                             experiment_protocol_word(stream->protocol));
    if (short_lived)
        stream->keep_alive = false;
    if (stream->pipelining > 1 && closed && !stream->keep_alive)
        return reader_refuse(reader, "pipelining: needs keepAlive");
    if (stream->pipelining > 1 && stream->think_ns > 0)
        return reader_refuse(reader, "pipelining: goes without thinkTime");
    if (stream->pipelining > 1 && stream->http.expect_continue)
        return reader_refuse(reader, "pipelining: goes without expectContinue");
    return 0;
}

static int check_stream(struct reader *reader, void *object)
{
    struct experiment_stream *stream = object;
    const struct experiment *experiment = reader->context;
    bool raw = stream->protocol == EXPERIMENT_PROTOCOL_RAW;
    double open;

    /* The ones before this are counted, this one is not. */
    if (experiment_stream_index(experiment, stream->name) >= 0)
        return reader_refuse(reader, "name: there is already a stream \"%s\"", stream->name);
    if (stream->target.service == NULL && stream->target.via != EXPERIMENT_VIA_STATIC) {
        if (!experiment->target_given)
            return reader_refuse(reader, "\"target\" is missing: the experiment has none for all");
        stream->target = experiment->target;
    }
    stream->mode = mode_of(stream);
    if (check_mode(reader, stream) < 0)
        return -EINVAL;
    if (stream->turn == 0)
        stream->turn = 1;
    if (check_turns(reader, stream) < 0)
        return -EINVAL;
    if (raw && experiment_check_raw(reader, stream) < 0)
        return -EINVAL;
    if (experiment_check_rate(reader, stream) < 0)
        return -EINVAL;
    if (stream->record_limit_per_s <= 0)
        stream->record_limit_per_s = stream->record == EXPERIMENT_RECORD_SAMPLED ? 1000 : 100000;
    if (stream->connections == 0 && stream->mode == EXPERIMENT_MODE_OPEN && !raw &&
        !experiment_is_datagrams(stream)) {
        int64_t open_ns = stream->connect_timeout_ns;
        if (stream->protocol != EXPERIMENT_PROTOCOL_CONNECT)
            open_ns += stream->timeout_ns;
        open = ceil(stream->rate_per_s * (double)open_ns / 1e9) + CONNECT_SPARE;
        stream->connections = open < CONNECTIONS_MAX ? (uint32_t)open : CONNECTIONS_MAX;
    } else if (stream->connections == 0 && !raw) {
        stream->connections = 1;
    }
    if (experiment_is_datagrams(stream) && stream->size_bytes > DATAGRAM_MAX)
        return reader_refuse(reader, "size: datagrams have 64 to 8192 bytes");
    return 0;
}

static bool is_port(const cJSON *item)
{
    return cJSON_IsNumber(item) && item->valuedouble >= 1 && item->valuedouble <= UINT16_MAX &&
           item->valuedouble == (double)item->valueint;
}
