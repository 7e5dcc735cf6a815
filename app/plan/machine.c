#include "plan/machine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "plan/experiment.h"
#include "plan/quantity.h"
#include "plan/reader.h"

enum {
    FILE_BYTES_MAX = 1 << 20,
    CORES_MAX = 1024,
    IPV6_MTU_MIN = 1280
};

static int read_version(struct reader *reader, const cJSON *item, void *object);
static cJSON *print_version(const void *object, const void *context);
static int read_prefix(struct reader *reader, const cJSON *item, void *object);
static cJSON *print_prefix(const void *object, const void *context);
static int read_gateway(struct reader *reader, const cJSON *item, void *object);
static int read_one_gateway(struct reader *reader, const cJSON *item, struct machine_port *port);
static cJSON *print_gateway(const void *object, const void *context);
static int read_control(struct reader *reader, const cJSON *item, void *object);
static cJSON *print_control(const void *object, const void *context);
static int check_port(struct reader *reader, void *object);
static int check_own_addresses(struct reader *reader, const struct machine_port *port);
static int check_machine(struct reader *reader, void *object);
static int share_workers(struct reader *reader, struct machine *machine);
static int check_cores(struct reader *reader, const struct machine *machine);
static int check_pools(struct reader *reader, const struct machine *machine);
static bool prefixes_overlap(const struct prefix *a, const struct prefix *b);
static bool has_family(const struct machine_port *port, bool v4);

#define AT(type, member) offsetof(struct type, member)

static const struct reader_word hugepages_words[] = {
    {"auto", MACHINE_HUGEPAGES_AUTO},
    {"yes", MACHINE_HUGEPAGES_YES},
    {"no", MACHINE_HUGEPAGES_NO},
    {NULL, 0},
};

static const struct reader_word timestamps_words[] = {
    {"auto", MACHINE_TIMESTAMPS_AUTO},
    {"off", MACHINE_TIMESTAMPS_OFF},
    {NULL, 0},
};

static const struct reader_field prefix_item = {
    .key = "",
    .type = READER_CUSTOM,
    .read = read_prefix,
    .print = print_prefix,
    .want = "a prefix such as \"10.0.0.0/24\" or \"2001:db8::/112\", host bits zero",
};

static const struct reader_field hop_item = {
    .key = "",
    .type = READER_CUSTOM,
    .read = reader_read_address,
    .print = reader_print_address,
    .want = "an IP address",
};

static const struct reader_field port_fields[] = {
    {.key = "name", .type = READER_NAME, .offset = AT(machine_port, name), .required = true},
    {.key = "profile", .type = READER_NAME, .offset = AT(machine_port, profile), .required = true},
    {.key = "iface", .type = READER_TEXT, .offset = AT(machine_port, iface), .max = 15},
    {.key = "pci", .type = READER_TEXT, .offset = AT(machine_port, pci), .max = 32},
    {.key = "socket", .type = READER_TEXT, .offset = AT(machine_port, socket), .max = 107},
    {.key = "mtu",
     .type = READER_COUNT,
     .offset = AT(machine_port, mtu),
     .min = 576,
     .max = 9978,
     .otherwise = "1500"},
    {.key = "vlan", .type = READER_COUNT, .offset = AT(machine_port, vlan), .max = 4094},
    {.key = "queues",
     .type = READER_COUNT,
     .offset = AT(machine_port, queues),
     .min = 1,
     .max = MACHINE_QUEUES_MAX},
    {.key = "timestamps",
     .type = READER_WORD,
     .offset = AT(machine_port, timestamps),
     .otherwise = "auto",
     .words = timestamps_words},
    {.key = "clients",
     .type = READER_LIST,
     .offset = AT(machine_port, clients),
     .required = true,
     .min = 1,
     .max = MACHINE_CLIENTS_MAX,
     .item = &prefix_item,
     .item_bytes = sizeof(struct prefix),
     .count_offset = AT(machine_port, client_count)},
    {.key = "onLink",
     .type = READER_LIST,
     .offset = AT(machine_port, on_link),
     .max = MACHINE_ON_LINK_MAX,
     .item = &prefix_item,
     .item_bytes = sizeof(struct prefix),
     .count_offset = AT(machine_port, on_link_count)},
    {.key = "nextHops",
     .type = READER_LIST,
     .offset = AT(machine_port, next_hops),
     .max = MACHINE_HOPS_MAX,
     .item = &hop_item,
     .item_bytes = sizeof(struct address),
     .count_offset = AT(machine_port, next_hop_count)},
    {.key = "gateway",
     .type = READER_CUSTOM,
     .read = read_gateway,
     .print = print_gateway,
     .want = "an IP address, or a list of one of each family"},
    {.key = NULL},
};
static const struct reader_object port_object = {"a port", port_fields, NULL, check_port};
static const struct reader_field port_item = {
    .key = "", .type = READER_OBJECT, .object = &port_object};

static const struct reader_field worker_item = {
    .key = "", .type = READER_COUNT, .max = CORES_MAX - 1};

static const struct reader_field core_fields[] = {
    {.key = "workers",
     .type = READER_LIST,
     .offset = AT(machine, workers),
     .required = true,
     .min = 1,
     .max = MACHINE_WORKERS_MAX,
     .item = &worker_item,
     .item_bytes = sizeof(uint32_t),
     .count_offset = AT(machine, worker_count)},
    {.key = "control",
     .type = READER_CUSTOM,
     .read = read_control,
     .print = print_control,
     .want = "a core's number, or \"any\""},
    {.key = NULL},
};
static const struct reader_object core_object = {"cores", core_fields, NULL, NULL};

static const struct reader_field memory_fields[] = {
    {.key = "hugepages",
     .type = READER_WORD,
     .offset = AT(machine, hugepages),
     .otherwise = "auto",
     .words = hugepages_words},
    {.key = "megabytes",
     .type = READER_COUNT,
     .offset = AT(machine, memory_megabytes),
     .min = 64,
     .max = 1 << 20,
     .otherwise = "512"},
    {.key = NULL},
};
static const struct reader_object memory_object = {"memory", memory_fields, NULL, NULL};

static const struct reader_field limit_fields[] = {
    {.key = "rate", .type = READER_RATE, .offset = AT(machine, limit_rate_per_s), .min = 1},
    {.key = "connections",
     .type = READER_COUNT,
     .offset = AT(machine, limit_connections),
     .min = 1,
     .max = 100000000},
    {.key = NULL},
};
static const struct reader_object limit_object = {"limits", limit_fields, NULL, NULL};

static const struct reader_field machine_fields[] = {
    {.key = "$schema", .type = READER_CUSTOM, .read = reader_read_nothing, .want = "a string"},
    {.key = "version",
     .type = READER_CUSTOM,
     .required = true,
     .read = read_version,
     .print = print_version,
     .want = "1, the version of machine files that this seamline reads"},
    {.key = "name", .type = READER_NAME, .offset = AT(machine, name), .required = true},
    {.key = "ports",
     .type = READER_LIST,
     .offset = AT(machine, ports),
     .required = true,
     .min = 1,
     .max = MACHINE_PORTS_MAX,
     .item = &port_item,
     .item_bytes = sizeof(struct machine_port),
     .count_offset = AT(machine, port_count)},
    {.key = "cores", .type = READER_OBJECT, .required = true, .object = &core_object},
    {.key = "memory", .type = READER_OBJECT, .object = &memory_object},
    {.key = "allow",
     .type = READER_LIST,
     .offset = AT(machine, allow),
     .required = true,
     .max = MACHINE_ALLOW_MAX,
     .item = &prefix_item,
     .item_bytes = sizeof(struct prefix),
     .count_offset = AT(machine, allow_count)},
    {.key = "limits", .type = READER_OBJECT, .object = &limit_object},
    {.key = NULL},
};
static const struct reader_object machine_object = {"a machine file", machine_fields, NULL,
                                                    check_machine};

int machine_load(const char *path, struct machine **out, struct error *err)
{
    struct text text = {0};
    int result = text_read_file(&text, path, FILE_BYTES_MAX);

    if (result < 0)
        error_set(err, EXIT_USAGE, result,
                  "%s: %s; want a machine file, such as config/machine-rack.json", path,
                  strerror(-result));
    else
        result = machine_parse(path, text_str(&text), text.size, out, err);
    text_free(&text);
    return result;
}

int machine_parse(const char *name, const char *bytes, size_t size, struct machine **out,
                  struct error *err)
{
    struct machine *machine = calloc(1, sizeof(*machine));
    struct reader reader = {.file = name, .err = err, .context = machine};
    int result = -EINVAL;

    if (machine == NULL)
        return error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory");
    machine->control = -1;
    machine->path = strdup(name);
    machine->source = json_parse(bytes, size, err);
    if (machine->source == NULL)
        error_wrap(err, "%s", name);
    else
        result = reader_read(&reader, &machine_object, machine->source, machine);
    if (result == 0) {
        machine->resolved = reader_print(&machine_object, machine, machine);
        if (machine->resolved == NULL || machine->path == NULL)
            result = error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory");
    }
    if (result < 0)
        machine_free(machine);
    else
        *out = machine;
    return result;
}

void machine_free(struct machine *machine)
{
    if (machine == NULL)
        return;
    cJSON_Delete(machine->source);
    cJSON_Delete(machine->resolved);
    free((char *)(uintptr_t)machine->path);
    free(machine);
}

int machine_port_of_client(const struct machine *machine, const struct address *address)
{
    for (uint32_t i = 0; i < machine->port_count; i++)
        for (uint32_t j = 0; j < machine->ports[i].client_count; j++)
            if (prefix_contains(&machine->ports[i].clients[j], address))
                return (int)i;
    return -1;
}

uint64_t machine_client_count(const struct machine_port *port, bool v4)
{
    uint64_t count = 0;

    for (uint32_t i = 0; i < port->client_count; i++) {
        uint64_t size = prefix_size(&port->clients[i]);
        if (address_is_v4(&port->clients[i].address) == v4)
            count = size > UINT64_MAX - count ? UINT64_MAX : count + size;
    }
    return count;
}

int machine_check_target(const struct machine *machine, const struct address *address, bool typed,
                         const char *what, struct error *err)
{
    bool v4 = address_is_v4(address), reachable = false, allowed = typed;
    int own = machine_port_of_client(machine, address);
    char text[ADDRESS_TEXT_BYTES];

    address_text(address, text);
    if (own >= 0)
        return error_set(err, EXIT_USAGE, -EADDRINUSE,
                         "%s: %s is an own address of port \"%s\" in %s; take it out of ports[%d]."
                         "clients or name another target",
                         what, text, machine->ports[own].name, machine->path, own);
    for (uint32_t i = 0; i < machine->port_count; i++)
        reachable = reachable || has_family(&machine->ports[i], v4);
    if (!reachable)
        return error_set(err, EXIT_USAGE, -EAFNOSUPPORT,
                         "%s: %s is IPv%d, and no port in %s has an IPv%d client; add a prefix to "
                         "ports[0].clients",
                         what, text, v4 ? 4 : 6, machine->path, v4 ? 4 : 6);
    for (uint32_t i = 0; i < machine->allow_count; i++)
        allowed = allowed || prefix_contains(&machine->allow[i], address);
    if (!allowed)
        return error_set(err, EXIT_USAGE, -EPERM,
                         "%s: %s is outside \"allow\" in %s; add a prefix that contains it if "
                         "traffic may go there",
                         what, text, machine->path);
    return 0;
}

static int check_static(const struct machine *machine, const struct experiment_stream *stream,
                        const char *what, struct error *err)
{
    const struct experiment_target *target = &stream->target;

    if (stream->protocol == EXPERIMENT_PROTOCOL_RAW)
        return machine_check_raw(machine, stream, &target->address, what, err);
    return machine_check_target(machine, &target->address, target->typed, what, err);
}

int machine_check_experiment(const struct machine *machine, const struct experiment *experiment,
                             struct error *err)
{
    double rate_per_s = 0;
    uint64_t connections = 0;
    char what[QUANTITY_TEXT_BYTES], sum[QUANTITY_TEXT_BYTES], most[QUANTITY_TEXT_BYTES];

    for (uint32_t i = 0; i < experiment->stream_count; i++) {
        const struct experiment_stream *stream = &experiment->streams[i];
        int result = 0;
        snprintf(what, sizeof(what), "streams[%u].target", i);
        if (stream->target.via == EXPERIMENT_VIA_STATIC)
            result = check_static(machine, stream, what, err);
        if (result < 0)
            return result;
        if (stream->pace.law == PACE_MAXIMUM && machine->limit_rate_per_s > 0)
            return error_set(err, EXIT_USAGE, -ERANGE,
                             "%s: streams[%u].rate: a maximum has no bound, and limits.rate of %s "
                             "is %s; want a rate",
                             experiment->path, i, machine->path,
                             quantity_rate_text(machine->limit_rate_per_s, most));
        rate_per_s += stream->rate_per_s;
        connections += stream->connections;
    }
    if (machine->limit_rate_per_s > 0 && rate_per_s > machine->limit_rate_per_s)
        return error_set(err, EXIT_USAGE, -ERANGE,
                         "%s: the streams' rates add up to %s, over limits.rate %s of %s",
                         experiment->path, quantity_rate_text(rate_per_s, sum),
                         quantity_rate_text(machine->limit_rate_per_s, most), machine->path);
    if (machine->limit_connections > 0 && connections > machine->limit_connections)
        return error_set(err, EXIT_USAGE, -ERANGE,
                         "%s: the streams' connections add up to %llu, over limits.connections %u "
                         "of %s",
                         experiment->path, (unsigned long long)connections,
                         machine->limit_connections, machine->path);
    return 0;
}

const struct reader_object *machine_shape(void)
{
    return &machine_object;
}

static int read_version(struct reader *reader, const cJSON *item, void *object)
{
    (void)object;
    if (cJSON_IsNumber(item) && item->valuedouble == MACHINE_VERSION)
        return 0;
    return reader_want(reader, item, reader_find(&machine_object, "version")->want);
}

static cJSON *print_version(const void *object, const void *context)
{
    (void)object;
    (void)context;
    return json_new_integer(MACHINE_VERSION);
}

static int read_prefix(struct reader *reader, const cJSON *item, void *object)
{
    const char *text = cJSON_GetStringValue(item);

    if (text == NULL || prefix_parse(text, object, NULL) < 0)
        return reader_want(reader, item, prefix_item.want);
    return 0;
}

static cJSON *print_prefix(const void *object, const void *context)
{
    char text[PREFIX_TEXT_BYTES];

    (void)context;
    return cJSON_CreateString(prefix_text(object, text));
}

static int read_gateway(struct reader *reader, const cJSON *item, void *object)
{
    unsigned index = 0;

    if (!cJSON_IsArray(item))
        return read_one_gateway(reader, item, object);
    for (const cJSON *child = item->child; child != NULL; child = child->next) {
        size_t mark = reader_enter_index(reader, index++);
        int result = read_one_gateway(reader, child, object);
        if (result < 0)
            return result;
        reader_leave(reader, mark);
    }
    return 0;
}

static int read_one_gateway(struct reader *reader, const cJSON *item, struct machine_port *port)
{
    const char *text = cJSON_GetStringValue(item);
    struct address address;
    bool v4;

    if (text == NULL || address_parse(text, &address, NULL) < 0)
        return reader_want(reader, item, reader_find(&port_object, "gateway")->want);
    v4 = address_is_v4(&address);
    if (v4 ? port->gateway_v4_given : port->gateway_v6_given)
        return reader_refuse(reader, "there is already an IPv%d gateway; several are nextHops",
                             v4 ? 4 : 6);
    *(v4 ? &port->gateway_v4 : &port->gateway_v6) = address;
    *(v4 ? &port->gateway_v4_given : &port->gateway_v6_given) = true;
    return 0;
}

static cJSON *print_gateway(const void *object, const void *context)
{
    const struct machine_port *port = object;
    cJSON *list;

    if (!port->gateway_v4_given && !port->gateway_v6_given)
        return NULL;
    list = cJSON_CreateArray();
    if (port->gateway_v4_given)
        cJSON_AddItemToArray(list, reader_print_address(&port->gateway_v4, context));
    if (port->gateway_v6_given)
        cJSON_AddItemToArray(list, reader_print_address(&port->gateway_v6, context));
    return list;
}

static int read_control(struct reader *reader, const cJSON *item, void *object)
{
    struct machine *machine = object;
    const char *text = cJSON_GetStringValue(item);

    if (text != NULL && strcmp(text, "any") == 0) {
        machine->control = -1;
        return 0;
    }
    if (!cJSON_IsNumber(item) || item->valuedouble != (double)item->valueint ||
        item->valueint < 0 || item->valueint >= CORES_MAX)
        return reader_want(reader, item, "a core's number from 0 to 1023, or \"any\"");
    machine->control = item->valueint;
    return 0;
}

static cJSON *print_control(const void *object, const void *context)
{
    const struct machine *machine = object;

    (void)context;
    return machine->control < 0 ? cJSON_CreateString("any") : json_new_integer(machine->control);
}

static int check_port(struct reader *reader, void *object)
{
    const struct machine_port *port = object;
    int devices = (port->iface != NULL) + (port->pci != NULL) + (port->socket != NULL);

    if (devices != 1)
        return reader_refuse(reader,
                             "want exactly one of \"iface\" (a netdev), \"pci\" (an "
                             "address such as \"0000:3b:00.0\") and \"socket\" (vhost-user)");
    if (has_family(port, false) && port->mtu < IPV6_MTU_MIN)
        return reader_refuse(reader, "mtu: %u is too small for the IPv6 clients, want at least %d",
                             port->mtu, IPV6_MTU_MIN);
    return check_own_addresses(reader, port);
}

/* What is a neighbour must not be ourselves, and is of no use without a client of its family. */
static int check_own_addresses(struct reader *reader, const struct machine_port *port)
{
    struct address others[MACHINE_HOPS_MAX + 2];
    char text[ADDRESS_TEXT_BYTES];
    uint32_t count = port->next_hop_count;

    memcpy(others, port->next_hops, sizeof(port->next_hops));
    if (port->gateway_v4_given)
        others[count++] = port->gateway_v4;
    if (port->gateway_v6_given)
        others[count++] = port->gateway_v6;
    for (uint32_t i = 0; i < count; i++) {
        const char *key = i < port->next_hop_count ? "nextHops" : "gateway";
        address_text(&others[i], text);
        if (!has_family(port, address_is_v4(&others[i])))
            return reader_refuse(reader, "%s: %s is of a family that \"clients\" has none of", key,
                                 text);
        for (uint32_t j = 0; j < port->client_count; j++)
            if (prefix_contains(&port->clients[j], &others[i]))
                return reader_refuse(reader,
                                     "%s: %s is an own address, in clients[%u]; take it out of one",
                                     key, text, j);
    }
    return 0;
}

static int check_machine(struct reader *reader, void *object)
{
    struct machine *machine = object;

    for (uint32_t i = 0; i < machine->port_count; i++) {
        struct machine_port *port = &machine->ports[i];
        for (uint32_t j = 0; j < i; j++)
            if (strcmp(machine->ports[j].name, port->name) == 0)
                return reader_refuse(reader, "ports[%u].name: there is already a port \"%s\"", i,
                                     port->name);
    }
    if (share_workers(reader, machine) < 0 || check_cores(reader, machine) < 0)
        return -EINVAL;
    return check_pools(reader, machine);
}

/* Each worker has one queue pair of one port. Ports that do not say how many they want share evenly
 * what the others leave. */
static int share_workers(struct reader *reader, struct machine *machine)
{
    uint32_t said = 0, silent = 0;

    for (uint32_t i = 0; i < machine->port_count; i++) {
        said += machine->ports[i].queues;
        silent += machine->ports[i].queues == 0;
    }
    uint32_t left = said < machine->worker_count ? machine->worker_count - said : 0;
    uint32_t each = silent > 0 ? left / silent : 0;
    if (said + each * silent != machine->worker_count || (silent > 0 && each == 0) ||
        each > MACHINE_QUEUES_MAX)
        return reader_refuse(reader,
                             "cores.workers: %u workers, and ports[].queues ask for %u%s; each "
                             "worker has one queue of one port: want as many of both",
                             machine->worker_count, said,
                             silent > 0 ? ", the other ports for an equal share of the rest" : "");
    for (uint32_t i = 0; i < machine->port_count; i++)
        if (machine->ports[i].queues == 0)
            machine->ports[i].queues = each;
    return 0;
}

static int check_cores(struct reader *reader, const struct machine *machine)
{
    for (uint32_t i = 0; i < machine->worker_count; i++) {
        for (uint32_t j = 0; j < i; j++)
            if (machine->workers[i] == machine->workers[j])
                return reader_refuse(reader, "cores.workers[%u]: core %u is there twice", i,
                                     machine->workers[i]);
        if (machine->control >= 0 && machine->workers[i] == (uint32_t)machine->control)
            return reader_refuse(reader,
                                 "cores.control: core %u is a worker's; want another, or \"any\"",
                                 machine->workers[i]);
    }
    return 0;
}

static int check_pools(struct reader *reader, const struct machine *machine)
{
    char text[PREFIX_TEXT_BYTES], other_text[PREFIX_TEXT_BYTES];

    for (uint32_t i = 0; i < machine->port_count; i++)
        for (uint32_t j = 0; j < machine->ports[i].client_count; j++)
            for (uint32_t k = 0; k <= i; k++)
                for (uint32_t l = 0; l < (k < i ? machine->ports[k].client_count : j); l++) {
                    const struct prefix *one = &machine->ports[i].clients[j];
                    const struct prefix *other = &machine->ports[k].clients[l];
                    if (prefixes_overlap(one, other))
                        return reader_refuse(
                            reader, "ports[%u].clients[%u]: %s overlaps ports[%u].clients[%u], %s",
                            i, j, prefix_text(one, text), k, l, prefix_text(other, other_text));
                }
    return 0;
}

static bool prefixes_overlap(const struct prefix *a, const struct prefix *b)
{
    return prefix_contains(a, &b->address) || prefix_contains(b, &a->address);
}

static bool has_family(const struct machine_port *port, bool v4)
{
    for (uint32_t i = 0; i < port->client_count; i++)
        if (address_is_v4(&port->clients[i].address) == v4)
            return true;
    return false;
}
