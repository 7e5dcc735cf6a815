#include "run/respond.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include <rte_launch.h>

#include "base/clock.h"
#include "base/option.h"
#include "base/stop.h"
#include "base/text.h"
#include "net/net_setup.h"
#include "plan/machine.h"
#include "plan/quantity.h"
#include "run/drivers.h"
#include "run/tcp_account.h"
#include "worker/responder.h"

enum {
    FIELDS_MAX = 64,
    PARTS = 256 /* Of a second: how often a signal is looked for. */
};

struct options {
    const char *machine, *drivers;
    int64_t duration_ns; /* 0: until a signal. */
    bool help;
    struct server_config server;
    struct http_field fields[FIELDS_MAX]; /* The server's. */
};

/* One queue of a NIC port and its responder. */
struct respond_port {
    const struct machine_port *config;
    struct net_port *port;       /* NULL: not open. */
    uint16_t group_v4, group_v6; /* Next hops of answers. */
    struct responder *responder; /* NULL: not made. */
    bool running;                /* Launched, and not joined yet. */
};

struct respond {
    struct clock clock;
    struct machine *machine;
    unsigned count; /* Of ports, in the order of the machine file and of its workers. */
    bool eal;       /* The EAL was started. */
    struct respond_port ports[MACHINE_WORKERS_MAX];
};

const char respond_help[] =
    "Usage: seamline respond -m MACHINE.json [OPTION]...\n"
    "\n"
    "Answers on the NIC ports of the machine file, from all its `clients` addresses, until a "
    "signal.\n"
    "At least one of:\n"
    "\n"
    "      --http[=PORT]      HTTP/1.1 server (port 80)\n"
    "      --https[=PORT]     the same by TLS 1.2 or 1.3 (port 443); needs --cert and --key\n"
    "      --ctraffic[=PORT]  ctraffic server, TCP and UDP (port 5003)\n"
    "      --mconnect[=PORT]  mconnect server, TCP and UDP (port 5001)\n"
    "      --udp[=PORT]       datagrams echoed, as by ctraffic (port 5003)\n"
    "\n"
    "  -m, --machine FILE     NIC ports, cores, addresses, gateway (docs/machine.md)\n"
    "      --status N         HTTP status of each answer (200)\n"
    "      --header 'N: V'    header of each HTTP answer; may be repeated\n"
    "      --body SIZE        bytes of each HTTP body, e.g. 100, 64KiB, 1GB (0)\n"
    "      --chunk SIZE       send it in chunks of this size\n"
    "      --cert FILE        certificate chain, PEM\n"
    "      --key FILE         its key, PEM\n"
    "      --name NAME        of this server (host name)\n"
    "      --connections N    held at once, at most (65536)\n"
    "      --idle-timeout TIME  end a connection on which nothing happens for so long (5m; "
    "0s: never)\n"
    "  -d, --duration TIME    end after this time\n"
    "      --drivers DIR      folder of driver profiles\n"
    "\n"
    "  seamline respond -m responder.json --http --body 1KiB --ctraffic\n";

enum {
    OPTION_PROTOCOL = 256, /* + enum server_protocol. */
    OPTION_STATUS = OPTION_PROTOCOL + SERVER_PROTOCOLS,
    OPTION_HEADER,
    OPTION_BODY,
    OPTION_CHUNK,
    OPTION_CERT,
    OPTION_KEY,
    OPTION_NAME,
    OPTION_CONNECTIONS,
    OPTION_IDLE_TIMEOUT,
    OPTION_DRIVERS
};

static const struct option long_options[] = {
    {"http", optional_argument, NULL, OPTION_PROTOCOL + SERVER_HTTP},
    {"https", optional_argument, NULL, OPTION_PROTOCOL + SERVER_HTTPS},
    {"ctraffic", optional_argument, NULL, OPTION_PROTOCOL + SERVER_CTRAFFIC},
    {"mconnect", optional_argument, NULL, OPTION_PROTOCOL + SERVER_MCONNECT},
    {"udp", optional_argument, NULL, OPTION_PROTOCOL + SERVER_UDP},
    {"status", required_argument, NULL, OPTION_STATUS},
    {"header", required_argument, NULL, OPTION_HEADER},
    {"body", required_argument, NULL, OPTION_BODY},
    {"chunk", required_argument, NULL, OPTION_CHUNK},
    {"cert", required_argument, NULL, OPTION_CERT},
    {"key", required_argument, NULL, OPTION_KEY},
    {"name", required_argument, NULL, OPTION_NAME},
    {"connections", required_argument, NULL, OPTION_CONNECTIONS},
    {"idle-timeout", required_argument, NULL, OPTION_IDLE_TIMEOUT},
    {"machine", required_argument, NULL, 'm'},
    {"duration", required_argument, NULL, 'd'},
    {"drivers", required_argument, NULL, OPTION_DRIVERS},
    {"help", no_argument, NULL, 'h'},
    {0},
};

/* ---- the command line ---- */

static int parse_number(const char *name, const char *text, uint64_t max, uint64_t *out,
                        struct error *err)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || value == 0 || value > max)
        return error_set(err, EXIT_USAGE, -EINVAL, "--%s: \"%.40s\" is not a number from 1 to %llu",
                         name, text, (unsigned long long)max);
    *out = value;
    return 0;
}

static int parse_size(const char *name, const char *text, uint64_t max, uint64_t *out,
                      struct error *err)
{
    uint64_t value;
    if (quantity_parse_size(text, &value) < 0 || value > max)
        return error_set(err, EXIT_USAGE, -EINVAL,
                         "--%s: \"%.40s\" is no size up to %llu; want 100, 64KiB, 1GB", name, text,
                         (unsigned long long)max);
    *out = value;
    return 0;
}

static int parse_duration(const char *name, int64_t *out_ns, struct error *err)
{
    if (quantity_parse_duration(optarg, out_ns) == 0)
        return 0;
    return error_set(err, EXIT_USAGE, -EINVAL, "%s: \"%.40s\" is no duration; want 10s, 5m", name,
                     optarg);
}

static int add_listener(struct server_config *config, enum server_protocol protocol,
                        struct error *err)
{
    static const uint16_t defaults[SERVER_PROTOCOLS] = {[SERVER_HTTP] = 80,
                                                        [SERVER_HTTPS] = 443,
                                                        [SERVER_CTRAFFIC] = 5003,
                                                        [SERVER_MCONNECT] = 5001,
                                                        [SERVER_UDP] = 5003};
    uint64_t port = defaults[protocol];
    if (config->listener_count == SERVER_LISTENERS)
        return error_set(err, EXIT_USAGE, -E2BIG, "at most %d ports can be listened on",
                         SERVER_LISTENERS);
    if (optarg != NULL &&
        parse_number(server_protocol_text(protocol), optarg, UINT16_MAX, &port, err) < 0)
        return -EINVAL;
    config->listeners[config->listener_count++] =
        (struct server_listener){.protocol = protocol, .port = (uint16_t)port};
    return 0;
}

/* "Name: value", cut in place. */
static int add_header(struct options *options, char *text, struct error *err)
{
    char *colon = strchr(text, ':');
    if (colon == NULL)
        return error_set(err, EXIT_USAGE, -EINVAL, "--header: \"%.80s\" has no colon", text);
    if (options->server.http.field_count == FIELDS_MAX)
        return error_set(err, EXIT_USAGE, -E2BIG, "--header: at most %d", FIELDS_MAX);
    *colon = '\0';
    options->fields[options->server.http.field_count++] =
        (struct http_field){.name = text, .value = colon + 1 + strspn(colon + 1, " \t")};
    return 0;
}

static int take_option(struct options *options, int option, struct error *err)
{
    struct server_config *server = &options->server;
    uint64_t value = 0;
    int64_t duration_ns = 0;
    int code = 0;
    if (option >= OPTION_PROTOCOL && option < OPTION_STATUS)
        return add_listener(server, (enum server_protocol)(option - OPTION_PROTOCOL), err);
    switch (option) {
    case 'm': options->machine = optarg; break;
    case 'h': options->help = true; break;
    case OPTION_DRIVERS: options->drivers = optarg; break;
    case OPTION_CERT: server->certificate_file = optarg; break;
    case OPTION_KEY: server->key_file = optarg; break;
    case OPTION_NAME: snprintf(server->name, sizeof(server->name), "%s", optarg); break;
    case OPTION_HEADER: return add_header(options, optarg, err);
    case OPTION_STATUS:
        code = parse_number("status", optarg, 599, &value, err);
        server->http.status = (uint16_t)value;
        break;
    case OPTION_BODY:
        code = parse_size("body", optarg, UINT64_C(1) << 40, &server->http.body.size_bytes, err);
        break;
    case OPTION_CHUNK:
        code = parse_size("chunk", optarg, HTTP_MESSAGE_CHUNK_BYTES, &value, err);
        server->http.body.chunk_bytes = (uint32_t)value;
        break;
    case OPTION_CONNECTIONS:
        code = parse_number("connections", optarg, POOL_CAPACITY_MAX, &value, err);
        server->connections = (uint32_t)value;
        break;
    case OPTION_IDLE_TIMEOUT:
        code = parse_duration("--idle-timeout", &duration_ns, err);
        server->idle_ns = (uint64_t)duration_ns;
        break;
    default: code = parse_duration("-d", &options->duration_ns, err); break;
    }
    return code;
}

/* HTTPS has a certificate and its key. Said before any port is opened. */
static int check_certificate(const struct server_config *server, struct error *err)
{
    bool https = false;
    for (unsigned i = 0; i < server->listener_count; i++)
        https = https || server->listeners[i].protocol == SERVER_HTTPS;
    if (https && (server->certificate_file == NULL || server->key_file == NULL))
        return error_set(err, EXIT_USAGE, -EINVAL,
                         "--https needs a certificate and its key: --cert FILE --key FILE");
    return 0;
}

static int parse(int argc, char **argv, struct options *options, struct error *err)
{
    struct responder_config config = responder_config_default();
    int option, code = 0;
    options->server = config.server;
    options->server.http.fields = options->fields;
    if (gethostname(options->server.name, sizeof(options->server.name) - 1) < 0)
        snprintf(options->server.name, sizeof(options->server.name), "seamline");
    optind = 1;
    while (code == 0 && (option = option_next("seamline help respond", argc, argv, ":m:d:h",
                                              long_options, err)) > 0)
        code = take_option(options, option, err);
    if (code == 0 && option == OPTION_BAD)
        code = -EINVAL;
    if (code < 0 || options->help)
        return code;
    if (optind < argc)
        return error_set(err, EXIT_USAGE, -EINVAL,
                         "\"%.80s\": no operand is wanted; a port is given as --http=8080",
                         argv[optind]);
    if (options->machine == NULL)
        return error_set(err, EXIT_USAGE, -EINVAL, "a machine file is needed: -m FILE");
    if (options->server.listener_count == 0)
        return error_set(
            err, EXIT_USAGE, -EINVAL,
            "nothing to answer: give --http, --https, --ctraffic, --mconnect or --udp");
    return check_certificate(&options->server, err);
}

/* ---- ports and responders ---- */

static int start_eal(struct respond *respond, const char *program, struct error *err)
{
    const struct machine *machine = respond->machine;
    struct net_eal_config config = {
        .main_core = machine->control,
        .memory = machine->hugepages == MACHINE_HUGEPAGES_YES  ? NET_MEMORY_HUGE
                  : machine->hugepages == MACHINE_HUGEPAGES_NO ? NET_MEMORY_PAGES
                                                               : NET_MEMORY_AUTO,
        .memory_mib = machine->memory_megabytes,
        .worker_count = respond->count,
        .program = program};
    struct net_eal_report report;
    for (unsigned i = 0; i < respond->count; i++)
        config.worker_cores[i] = (int)machine->workers[i];
    for (unsigned i = 0; i < machine->port_count; i++)
        if (machine->ports[i].pci != NULL && config.pci_count < NET_PCI_MAX)
            config.pci[config.pci_count++] = machine->ports[i].pci;
    int code = net_eal_start(&config, &report, err);
    respond->eal = code == 0;
    if (code == 0 && report.note[0])
        fprintf(stderr, "seamline: %s\n", report.note);
    return code;
}

/* OF is the first of the NIC port's. */
static int open_port(struct respond_port *of, const char *drivers, struct error *err)
{
    const struct machine_port *port = of->config;
    struct net_port *queues[NET_QUEUES_MAX];
    char note[NET_NOTE_BYTES];
    struct net_port_config config = {.name = port->name,
                                     .profile = port->profile,
                                     .device = port->iface ? port->iface
                                               : port->pci ? port->pci
                                                           : port->socket,
                                     .mtu_bytes = (uint16_t)port->mtu,
                                     .vlan_id = (uint16_t)port->vlan,
                                     .queues = (uint16_t)port->queues,
                                     .serves = true,
                                     .stamping = NET_STAMPING_OFF};
    for (uint32_t i = 0; i < port->client_count && i < NET_POOLS_MAX; i++)
        config.pools[config.pool_count++] = port->clients[i];
    int code = net_port_open(&config, drivers, queues, note, err);
    for (unsigned i = 0; i < port->queues && code == 0; i++)
        of[i].port = queues[i];
    if (code == 0 && note[0])
        fprintf(stderr, "seamline: %s\n", note);
    return code;
}

/* Make the GROUP of one family's next hops, else its gateway; *GIVEN if there is any. 0 or
 * -errno. */
static int add_group(struct respond_port *of, bool v4, uint16_t *group, bool *given,
                     struct error *err)
{
    const struct machine_port *port = of->config;
    struct address hops[MACHINE_HOPS_MAX];
    unsigned count = 0;
    for (uint32_t i = 0; i < port->next_hop_count; i++)
        if (address_is_v4(&port->next_hops[i]) == v4)
            hops[count++] = port->next_hops[i];
    if (count == 0 && (v4 ? port->gateway_v4_given : port->gateway_v6_given))
        hops[count++] = v4 ? port->gateway_v4 : port->gateway_v6;
    int added = count > 0 ? net_group_add(of->port, hops, count, err) : 0;
    if (count == 0 || added < 0)
        return added;
    *group = (uint16_t)added;
    *given = true;
    return 0;
}

/* One family's hops stand for the other's: nobody of that can ask. */
static int add_groups(struct respond_port *of, struct error *err)
{
    bool v4 = false, v6 = false;
    int code = add_group(of, true, &of->group_v4, &v4, err);
    if (code == 0)
        code = add_group(of, false, &of->group_v6, &v6, err);
    if (code < 0)
        return code;
    if (!v4 && !v6)
        return error_set(err, EXIT_USAGE, -EHOSTUNREACH,
                         "the machine file says nothing of where answers go: give ports.%s.gateway "
                         "or nextHops (back to back: an address of the other side)",
                         of->config->name);
    if (!v4 || !v6)
        of->group_v4 = of->group_v6 = v4 ? of->group_v4 : of->group_v6;
    return 0;
}

/* The other side may come later: its next hops are asked for as long as the responder runs, and
 * heard when they ask for us. */
static void ask_hops(struct respond *respond, struct respond_port *of)
{
    struct error err = {0};
    int code = net_resolve(of->port, &respond->clock, UINT64_C(1000000000), &err);
    if (code < 0 && code != -EINTR)
        fprintf(stderr, "seamline: %s Answers wait for it.\n", err.text);
}

static int make_responder(struct respond *respond, struct respond_port *of,
                          const struct server_config *server, struct error *err)
{
    struct responder_config config = responder_config_default();
    ask_hops(respond, of);
    config.group_v4 = of->group_v4;
    config.group_v6 = of->group_v6;
    config.clock = &respond->clock;
    config.port = of->port;
    config.server = *server;
    if (getrandom(&config.key, sizeof(config.key), 0) != sizeof(config.key))
        return error_set(err, EXIT_ENVIRONMENT, -errno, "getrandom: %s", strerror(errno));
    of->responder = responder_setup(&config, err);
    return of->responder != NULL ? 0 : -ENOMEM;
}

static int open_all(struct respond *respond, const struct options *options, const char *program,
                    struct error *err)
{
    char drivers[PATH_MAX];
    int code = machine_load(options->machine, &respond->machine, err);
    if (code < 0)
        return code;
    for (unsigned i = 0; i < respond->machine->port_count; i++)
        for (unsigned q = 0; q < respond->machine->ports[i].queues; q++)
            respond->ports[respond->count++].config = &respond->machine->ports[i];
    if (clock_start(&respond->clock, 200000000) < 0)
        return error_set(err, EXIT_ENVIRONMENT, -EINVAL, "no steady clock on this machine");
    code = start_eal(respond, program, err);
    for (unsigned i = 0; i < respond->count && code == 0; i += respond->ports[i].config->queues)
        code = open_port(&respond->ports[i], drivers_folder(options->drivers, drivers), err);
    /* All queues know their next hops before any resolves its own: answers may come to any. */
    for (unsigned i = 0; i < respond->count && code == 0; i++)
        code = add_groups(&respond->ports[i], err);
    for (unsigned i = 0; i < respond->count && code == 0; i++)
        code = make_responder(respond, &respond->ports[i], &options->server, err);
    for (unsigned i = 0; i < respond->count && code == 0; i++) {
        struct respond_port *of = &respond->ports[i];
        code = rte_eal_remote_launch(responder_main, of->responder, net_worker_lcore(i));
        of->running = code == 0;
        if (code < 0)
            error_set(err, EXIT_ENVIRONMENT, code, "responder %u could not be launched: %s", i,
                      strerror(-code));
    }
    return code;
}

/* False with ERR when something is left over. */
static bool join_all(struct respond *respond, struct error *err)
{
    bool clean = true;
    for (unsigned i = 0; i < respond->count; i++) {
        struct respond_port *of = &respond->ports[i];
        if (!of->running)
            continue;
        responder_stop(of->responder);
        rte_eal_wait_lcore(net_worker_lcore(i));
        of->running = false;
        uint32_t left = responder_leftovers(of->responder);
        if (left == 0 || net_device_gone(of->port))
            continue;
        clean = false;
        error_set(err, EXIT_ENVIRONMENT, 0,
                  "the responder of port %s ended with %u objects still held: please report this "
                  "as a bug",
                  of->config->name, left);
    }
    return clean;
}

static void close_all(struct respond *respond)
{
    join_all(respond, NULL);
    for (unsigned i = 0; i < respond->count; i++)
        responder_free(respond->ports[i].responder);
    for (unsigned i = 0; i < respond->count; i += respond->ports[i].config->queues)
        if (respond->ports[i].port != NULL)
            net_port_close(respond->ports[i].port);
    if (respond->eal)
        net_eal_stop();
    machine_free(respond->machine);
}

/* ---- what is printed ---- */

static void announce(const struct respond *respond, const struct server_config *server)
{
    for (unsigned i = 0; i < respond->machine->port_count; i++) {
        const struct machine_port *port = &respond->machine->ports[i];
        char text[PREFIX_TEXT_BYTES];
        for (uint32_t k = 0; k < server->listener_count; k++)
            fprintf(stderr, "seamline: %s on port %u of %s%s (%s)\n",
                    server_protocol_text(server->listeners[k].protocol), server->listeners[k].port,
                    prefix_text(&port->clients[0], text), port->client_count > 1 ? ", ..." : "",
                    port->name);
    }
}

static void account_drops(const struct respond *respond);

/* Counters that are not 0, added up. */
static void account(const struct respond *respond)
{
#define X(id, text)                                                                                \
    {                                                                                              \
        uint64_t sum = 0;                                                                          \
        for (unsigned i = 0; i < respond->count; i++)                                              \
            sum += atomic_load(&responder_server_counters(respond->ports[i].responder)->id);       \
        if (sum > 0)                                                                               \
            printf("%12" PRIu64 "  %s\n", sum, text);                                              \
    }
    SERVER_COUNTERS(X)
#undef X
    for (unsigned i = 0; i < respond->count; i++) {
        const struct responder_counters *counters = responder_counters(respond->ports[i].responder);
        uint64_t hops = atomic_load(&counters->hop_refusals);
        uint64_t rooms = atomic_load(&counters->room_refusals);
        if (hops > 0)
            printf("%12" PRIu64 "  packets not sent: next hop unresolved (port %s)\n", hops,
                   respond->ports[i].config->name);
        if (rooms > 0)
            printf("%12" PRIu64 "  datagrams not answered: no room (port %s)\n", rooms,
                   respond->ports[i].config->name);
    }
    account_drops(respond);
}

/* What came and was not taken: by the NIC ports, and by TCP. */
static void account_drops(const struct respond *respond)
{
    const struct tcp_counters *tcp[MACHINE_WORKERS_MAX];
    struct text lines = {0};
    for (unsigned i = 0; i < respond->count; i++) {
        const struct net_counters *counters = net_counters(respond->ports[i].port);
        for (unsigned reason = 0; reason < NET_DROP_COUNT; reason++)
            if (counters->drops[reason] > 0)
                text_addf(&lines, "port %s dropped %" PRIu64 ": %s\n",
                          respond->ports[i].config->name, counters->drops[reason],
                          net_drop_sentence(reason));
        tcp[i] = responder_tcp_counters(respond->ports[i].responder);
    }
    tcp_account(tcp, respond->count, &lines);
    fputs(text_str(&lines), stdout);
    text_free(&lines);
}

static int device_gone(const struct respond *respond, struct error *err)
{
    for (unsigned i = 0; i < respond->count; i++)
        if (net_device_gone(respond->ports[i].port))
            return error_set(err, EXIT_ENVIRONMENT, -ENODEV, "the device of port %s is gone",
                             respond->ports[i].config->name);
    return 0;
}

static int serve(struct respond *respond, const struct options *options, struct error *err)
{
    uint64_t end_ns = options->duration_ns > 0
                          ? clock_now_ns(&respond->clock) + (uint64_t)options->duration_ns
                          : UINT64_MAX;
    int code = 0;
    announce(respond, &options->server);
    for (unsigned turn = 1;
         !stop_is_wanted() && code == 0 && clock_now_ns(&respond->clock) < end_ns; turn++) {
        usleep(1000000 / PARTS);
        if (turn % PARTS == 0)
            code = device_gone(respond, err);
    }
    if (!join_all(respond, err) && code == 0)
        code = -EBUSY;
    account(respond);
    return code;
}

enum exit_status respond_command(int argc, char **argv, const char *program)
{
    struct options options = {0};
    struct error err = {0};
    if (parse(argc, argv, &options, &err) < 0) {
        fprintf(stderr, "seamline respond: %s\n", err.text);
        return EXIT_USAGE;
    }
    if (options.help) {
        fputs(respond_help, stdout);
        return EXIT_MET;
    }
    stop_on_signals();
    struct respond *respond = calloc(1, sizeof(*respond));
    if (respond == NULL)
        return EXIT_ENVIRONMENT;
    int code = open_all(respond, &options, program, &err);
    if (code == 0)
        code = serve(respond, &options, &err);
    close_all(respond);
    free(respond);
    if (code < 0)
        fprintf(stderr, "seamline: %s\n", err.text);
    return code < 0 ? err.status : EXIT_MET;
}
