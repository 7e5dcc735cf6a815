#include "run/traffic_command.h"

#include <errno.h>
#include <stdio.h>

#include "base/option.h"
#include "plan/command.h"
#include "plan/experiment.h"
#include "run/run.h"

enum {
    SETS_MAX = 64
};

const char traffic_help[] =
    "Usage: seamline traffic URL -m MACHINE.json [OPTION]...\n"
    "\n"
    "Traffic alone, no cluster: what ctraffic, wrk, vegeta or a downtime checker would do, with\n"
    "an account of every request.\n"
    "\n"
    "  URL   ctraffic://ADDRESS[:PORT]   packets over held connections, echoed (port 5003)\n"
    "        tcp://ADDRESS:PORT          connect and close, a new connection each\n"
    "        http[s]://HOST[:PORT][/PATH]  HTTP/1.1, over TLS\n"
    "        mconnect://ADDRESS[:PORT]   connect and read the backend's name (port 5001)\n"
    "        udp://ADDRESS:PORT          datagrams that come back\n"
    "        icmp://ADDRESS              echo requests\n"
    "        raw://ADDRESS:PORT          frames that nobody answers; other values by --set, e.g.\n"
    "                                    streams.traffic.raw.destinations=100\n"
    "\n"
    "How much:\n"
    "  -r, --rate RATE        requests, whatever becomes of those before (an open loop): 5000,\n"
    "                         5000/s, 100k, 30/m; default 100/s. In other units, where a request\n"
    "                         has them: 10kpps (udp, icmp, raw); '500 connections/s' (tcp,\n"
    "                         mconnect, http with --no-keepalive); 100Mbit/s of payload\n"
    "                         (ctraffic, udp, icmp) or of frames (raw); '1Gbit/s L1' with\n"
    "                         preamble and gap (raw). Or a law:\n"
    "                         ramp:100/s..10k/s:60s  steps:1k/s*10s,2k/s*10s  repeat:...\n"
    "                         sine:1k/s+-500/s:60s  burst:100:1s  poisson:5k/s\n"
    "                         max (raw): as fast as the device takes them\n"
    "      --closed           instead, the next request when the one before is over (a closed "
    "loop)\n"
    "  -c, --connections N    held connections, loops of --closed, or the most open at a time\n"
    "  -d, --duration TIME    how long: 10s (default), 5m\n"
    "  -t, --timeout TIME     of connecting, and of an answer\n"
    "      --size BYTES       of a packet (ctraffic, udp, icmp); raw: of frames with FCS, in\n"
    "                         turn: 64,594,1518\n"
    "      --no-keepalive     http: a connection for each request\n"
    "\n"
    "What (http):\n"
    "      --targets FILE     instead of a URL: up to 10000 of them at up to 16 addresses, which\n"
    "                         take turns; lines METHOD URL, Name: value, @body-file, # comment,\n"
    "                         as vegeta has them. Addresses must be in the machine file's `allow`\n"
    "  -X, --method METHOD    default GET\n"
    "  -H, --header 'K: V'    may be given again; 'Host: NAME' takes the URL's place\n"
    "      --body TEXT|@FILE  a text of up to 1024 bytes, or a file of up to 1 GiB\n"
    "      --expect STATUS    what is good: 200, or 200-299,404; default 200-399\n"
    "      --expect-size BYTES, --expect-text TEXT, --expect-sha256 HEX\n"
    "                         of the answer's body: how long it is, a part of it, its digest\n"
    "\n"
    "Over TLS (https):\n"
    "      --cacert FILE      authorities to trust, PEM; default the system's\n"
    "  -k, --insecure         any certificate will do\n"
    "      --cert FILE, --key FILE\n"
    "                         the client's own, PEM\n"
    "      --sni NAME         of the server, instead of the URL's host\n"
    "\n"
    "Where:\n"
    "      --resolve HOST:PORT:ADDRESS\n"
    "                         what a name in the URL stands for: none is looked up\n"
    "      --connect-to HOST:PORT:ADDRESS:PORT\n"
    "                         connect there instead; both as curl's, both may be given again\n"
    "  -m, --machine FILE     NIC ports, cores, client addresses (docs/machine.md). The address "
    "in\n"
    "                         the URL needs no place in its `allow`: you typed it\n"
    "\n"
    "  -s, --set PATH=VALUE   any other value of docs/experiment.md, such as\n"
    "                         streams.traffic.catchUp=skip, streams.traffic.pipelining=8,\n"
    "                         streams.traffic.http.expectContinue=true, windows.late=5s\n"
    "      --seed N           of random choices: client ports, first sends, Poisson\n"
    "  -o, --output DIR       run directory\n"
    "  -q, --quiet            no progress\n"
    "  -p, --pcap             keep the last packets, and write those around each loss into the\n"
    "                         run directory: capture-N.pcapng\n"
    "      --events FILE, --metrics [ADDRESS:]PORT, --telemetry\n"
    "                         see `seamline run`\n"
    "      --drivers DIR      folder of driver profiles\n";

const char traffic_examples[] =
    "\n"
    "As ctraffic, 80 connections that share 400 packets a second:\n"
    "  seamline traffic ctraffic://10.0.0.1 -m rack.json -c 80 -r 400/s -d 30s\n"
    "As vegeta with a connection a request:\n"
    "  seamline traffic http://10.0.0.1/x -m rack.json --rate 5000 --timeout 10s --no-keepalive\n"
    "As wrk with two connections:\n"
    "  seamline traffic http://10.0.0.1/ -m rack.json --connections 2 --closed\n"
    "As a downtime checker, one after another, each on a new connection; check.csv in the run\n"
    "directory has a row of time and seconds for each, -0.01 for those that failed:\n"
    "  seamline traffic http://10.0.0.1/ -m rack.json --closed --no-keepalive --expect 200\n"
    "New connections alone, faster and faster:\n"
    "  seamline traffic tcp://10.0.0.1:80 -m rack.json -r ramp:100/s..10k/s:60s -d 70s\n";

/* Beyond the letters. */
enum {
    OPTION_CLOSED = 256,
    OPTION_SIZE,
    OPTION_NO_KEEPALIVE,
    OPTION_BODY,
    OPTION_EXPECT,
    OPTION_EXPECT_SIZE,
    OPTION_EXPECT_TEXT,
    OPTION_EXPECT_SHA256,
    OPTION_CA,
    OPTION_CERT,
    OPTION_KEY,
    OPTION_SNI,
    OPTION_RESOLVE,
    OPTION_CONNECT_TO,
    OPTION_SEED,
    OPTION_TARGETS,
    OPTION_EVENTS,
    OPTION_METRICS,
    OPTION_TELEMETRY,
    OPTION_DRIVERS
};

static const struct option options[] = {
    {"rate", required_argument, NULL, 'r'},
    {"closed", no_argument, NULL, OPTION_CLOSED},
    {"connections", required_argument, NULL, 'c'},
    {"duration", required_argument, NULL, 'd'},
    {"timeout", required_argument, NULL, 't'},
    {"size", required_argument, NULL, OPTION_SIZE},
    {"no-keepalive", no_argument, NULL, OPTION_NO_KEEPALIVE},
    {"targets", required_argument, NULL, OPTION_TARGETS},
    {"method", required_argument, NULL, 'X'},
    {"header", required_argument, NULL, 'H'},
    {"body", required_argument, NULL, OPTION_BODY},
    {"expect", required_argument, NULL, OPTION_EXPECT},
    {"expect-size", required_argument, NULL, OPTION_EXPECT_SIZE},
    {"expect-text", required_argument, NULL, OPTION_EXPECT_TEXT},
    {"expect-sha256", required_argument, NULL, OPTION_EXPECT_SHA256},
    {"cacert", required_argument, NULL, OPTION_CA},
    {"cert", required_argument, NULL, OPTION_CERT},
    {"key", required_argument, NULL, OPTION_KEY},
    {"sni", required_argument, NULL, OPTION_SNI},
    {"insecure", no_argument, NULL, 'k'},
    {"resolve", required_argument, NULL, OPTION_RESOLVE},
    {"connect-to", required_argument, NULL, OPTION_CONNECT_TO},
    {"machine", required_argument, NULL, 'm'},
    {"set", required_argument, NULL, 's'},
    {"seed", required_argument, NULL, OPTION_SEED},
    {"output", required_argument, NULL, 'o'},
    {"quiet", no_argument, NULL, 'q'},
    {"pcap", no_argument, NULL, 'p'},
    {"events", required_argument, NULL, OPTION_EVENTS},
    {"metrics", required_argument, NULL, OPTION_METRICS},
    {"telemetry", no_argument, NULL, OPTION_TELEMETRY},
    {"drivers", required_argument, NULL, OPTION_DRIVERS},
    {"help", no_argument, NULL, 'h'},
    {0},
};

struct arguments {
    struct command command;
    struct run_options run;
    const char *sets[SETS_MAX];
    bool help;
};

static bool add(struct command_list *list, const char *item)
{
    if (list->count == COMMAND_LIST_MAX)
        return false;
    list->items[list->count++] = item;
    return true;
}

/* What can be given once, by letter; NULL: not such an option. */
static const char **value_of(struct arguments *arguments, int option)
{
    switch (option) {
    case 'r': return &arguments->command.rate;
    case 'c': return &arguments->command.connections;
    case 'd': return &arguments->command.duration;
    case 't': return &arguments->command.timeout;
    case 'X': return &arguments->command.method;
    case 'm': return &arguments->run.machine;
    case 'o': return &arguments->run.directory;
    case OPTION_SIZE: return &arguments->command.size;
    case OPTION_BODY: return &arguments->command.body;
    case OPTION_EXPECT: return &arguments->command.expect;
    case OPTION_EXPECT_SIZE: return &arguments->command.expect_size;
    case OPTION_EXPECT_TEXT: return &arguments->command.expect_text;
    case OPTION_EXPECT_SHA256: return &arguments->command.expect_sha256;
    case OPTION_CA: return &arguments->command.ca;
    case OPTION_CERT: return &arguments->command.cert;
    case OPTION_KEY: return &arguments->command.key;
    case OPTION_SNI: return &arguments->command.server_name;
    case OPTION_TARGETS: return &arguments->command.targets;
    case OPTION_SEED: return &arguments->command.seed;
    case OPTION_EVENTS: return &arguments->run.events;
    case OPTION_METRICS: return &arguments->run.metrics;
    case OPTION_DRIVERS: return &arguments->run.drivers;
    default: return NULL;
    }
}

/* False when there are too many of them, or it is none. */
static bool take(struct arguments *arguments, int option)
{
    const char **value = value_of(arguments, option);
    if (value != NULL) {
        *value = optarg;
        return true;
    }
    switch (option) {
    case OPTION_CLOSED: arguments->command.closed = true; return true;
    case OPTION_NO_KEEPALIVE: arguments->command.no_keepalive = true; return true;
    case 'k': arguments->command.insecure = true; return true;
    case 'q': arguments->run.quiet = true; return true;
    case 'p': arguments->run.pcap = true; return true;
    case OPTION_TELEMETRY: arguments->run.telemetry = true; return true;
    case 'h': arguments->help = true; return true;
    case 'H': return add(&arguments->command.headers, optarg);
    case OPTION_RESOLVE: return add(&arguments->command.resolves, optarg);
    case OPTION_CONNECT_TO: return add(&arguments->command.connects, optarg);
    case 's':
        if (arguments->run.set_count == SETS_MAX)
            return false;
        arguments->sets[arguments->run.set_count++] = optarg;
        return true;
    default: return false;
    }
}

static int parse(int argc, char **argv, struct arguments *arguments, struct error *err)
{
    int option;
    optind = 1;
    while ((option = option_next("seamline help traffic", argc, argv, ":r:c:d:t:X:H:m:s:o:kqph",
                                 options, err)) > 0)
        if (!take(arguments, option))
            return error_set(err, EXIT_USAGE, -E2BIG, "traffic: %s is given too often",
                             argv[optind - 1]);
    if (option == OPTION_BAD)
        return -EINVAL;
    if (arguments->help)
        return 0;
    if (argc - optind != (arguments->command.targets == NULL))
        return error_set(err, EXIT_USAGE, -EINVAL,
                         "traffic: want exactly one URL, or --targets; see seamline help traffic");
    arguments->command.url = argv[optind];
    return 0;
}

enum exit_status traffic_command(int argc, char **argv, const char *program, struct error *err)
{
    struct arguments arguments = {.run.program = program};
    if (parse(argc, argv, &arguments, err) < 0)
        return EXIT_USAGE;
    if (arguments.help) {
        fputs(traffic_help, stdout);
        fputs(traffic_examples, stdout);
        return EXIT_MET;
    }
    struct experiment_options assignments = {.sets = arguments.sets,
                                             .set_count = arguments.run.set_count};
    arguments.run.sets = arguments.sets;
    if (command_experiment(&arguments.command, &assignments, &arguments.run.given, err) < 0)
        return err->status;
    return run_experiment(&arguments.run, err);
}
