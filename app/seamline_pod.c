/* seamline_pod.c - the program that runs in the lab's pods. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lab/pod_protocol.h"
#include "lab/pod_server.h"
#include "lab/profile.h"

static const char usage[] =
    "usage: seamline-pod [options]\n"
    "Serves ctraffic (TCP and UDP), mconnect (TCP and UDP), HTTP and HTTPS, on IPv4 and IPv6.\n"
    "  --hostname NAME       the name in answers (default: the system's)\n"
    "  --ctraffic PORT       default 5003; 0: not served\n"
    "  --mconnect PORT       default 5001\n"
    "  --http PORT           default 8080\n"
    "  --https PORT          default: not served; needs the next two\n"
    "  --certificate FILE --key FILE   PEM, for HTTPS\n"
    "  --listen-after TIME   listen this long after the start (default 0s)\n"
    "  --starting-for TIME   HTTP: answer 500 this long after the start (default 0s)\n"
    "  --answer-after TIME   HTTP: from a request to its answer (default 0s; /?delay=TIME)\n"
    "  --answer-size BYTES   HTTP: of the body, to 1 GiB (default: the name; /?size=BYTES)\n"
    "  --on-term WHAT        exit (default), drain or ignore\n"
    "  --truth-fd FD --truth-start NS\n"
    "                        append what closes, and when, to FD; NS: start of the lab, since "
    "1970\n"
    "The options from https on may also come from the environment, so that a manifest can set "
    "them:\n"
    "SEAMLINE_POD_HTTPS and so on.\n";

static int parse_port(const char *text, uint16_t *out)
{
    char *end;
    unsigned long number = strtoul(text, &end, 10);

    if (end == text || *end != '\0' || number > 65535)
        return -EINVAL;
    *out = (uint16_t)number;
    return 0;
}

static int parse_on_term(const char *text, enum pod_on_term *out)
{
    static const char *const names[] = {
        [POD_EXIT] = "exit", [POD_DRAIN] = "drain", [POD_IGNORE] = "ignore"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(text, names[i]) == 0) {
            *out = (enum pod_on_term)i;
            return 0;
        }
    }
    return -EINVAL;
}

static int parse_integer(const char *text, int64_t *out)
{
    char *end;

    *out = strtoll(text, &end, 10);
    return end == text || *end != '\0' ? -EINVAL : 0;
}

static int parse_bytes(const char *text, uint64_t *out)
{
    int64_t number = -1;
    int rc = parse_integer(text, &number);

    if (rc < 0 || number < 0 || (uint64_t)number > POD_ANSWER_BYTES_MAX)
        return -EINVAL;
    *out = (uint64_t)number;
    return 0;
}

static int parse_host(const char *text, char out[POD_HOST_BYTES])
{
    if (text[0] == '\0' || strlen(text) >= POD_HOST_BYTES)
        return -EINVAL;
    strcpy(out, text);
    return 0;
}

static int set_option(int option, const char *value, struct pod_config *config)
{
    int64_t number = 0;
    int rc;

    switch (option) {
    case 'n': return parse_host(value, config->host);
    case 'c': return parse_port(value, &config->ctraffic_port);
    case 'm': return parse_port(value, &config->mconnect_port);
    case 'w': return parse_port(value, &config->http_port);
    case 'p': return parse_port(value, &config->https_port);
    case 'C': config->certificate = value; return 0;
    case 'k': config->key = value; return 0;
    case 'l': return profile_parse_duration(value, &config->listen_after_ns, NULL);
    case 'S': return profile_parse_duration(value, &config->starting_for_ns, NULL);
    case 'a': return profile_parse_duration(value, &config->answer_after_ns, NULL);
    case 'b': return parse_bytes(value, &config->answer_bytes);
    case 't': return parse_on_term(value, &config->on_term);
    case 's': return parse_integer(value, &config->truth.start_ns);
    case 'f':
        rc = parse_integer(value, &number);
        config->truth.fd = (int)number;
        return number > 1048576 ? -EINVAL : rc;
    default: return -EINVAL;
    }
}

static int from_environment(struct pod_config *config)
{
    static const struct {
        const char *name;
        int option;
    } variables[] = {
        {"SEAMLINE_POD_HTTPS", 'p'},        {"SEAMLINE_POD_CERTIFICATE", 'C'},
        {"SEAMLINE_POD_KEY", 'k'},          {"SEAMLINE_POD_LISTEN_AFTER", 'l'},
        {"SEAMLINE_POD_STARTING_FOR", 'S'}, {"SEAMLINE_POD_ANSWER_AFTER", 'a'},
        {"SEAMLINE_POD_ANSWER_SIZE", 'b'},  {"SEAMLINE_POD_ON_TERM", 't'},
    };

    for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
        const char *value = getenv(variables[i].name);
        if (value != NULL && set_option(variables[i].option, value, config) < 0) {
            fprintf(stderr,
                    "seamline-pod: %s=%s in the environment: not a value for it; see --help\n",
                    variables[i].name, value);
            return -EINVAL;
        }
    }
    return 0;
}

static int from_arguments(int argc, char **argv, struct pod_config *config)
{
    static const struct option options[] = {
        {"hostname", required_argument, NULL, 'n'},
        {"ctraffic", required_argument, NULL, 'c'},
        {"mconnect", required_argument, NULL, 'm'},
        {"http", required_argument, NULL, 'w'},
        {"https", required_argument, NULL, 'p'},
        {"certificate", required_argument, NULL, 'C'},
        {"key", required_argument, NULL, 'k'},
        {"listen-after", required_argument, NULL, 'l'},
        {"starting-for", required_argument, NULL, 'S'},
        {"answer-after", required_argument, NULL, 'a'},
        {"answer-size", required_argument, NULL, 'b'},
        {"on-term", required_argument, NULL, 't'},
        {"truth-fd", required_argument, NULL, 'f'},
        {"truth-start", required_argument, NULL, 's'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (option == 'h') {
            fputs(usage, stdout);
            exit(EXIT_MET);
        }
        if (option == '?' || set_option(option, optarg, config) < 0) {
            if (option != '?')
                fprintf(stderr, "seamline-pod: \"%s\" is not a value for its option; see --help\n",
                        optarg);
            return -EINVAL;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "seamline-pod: \"%s\" is too much; see --help\n", argv[optind]);
        return -EINVAL;
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct pod_config config = {
        .ctraffic_port = 5003,
        .mconnect_port = 5001,
        .http_port = 8080,
        .on_term = POD_EXIT,
        .truth.fd = -1,
    };
    struct error err = {0};
    int rc;

    if (gethostname(config.host, sizeof(config.host) - 1) < 0)
        strcpy(config.host, "pod");
    if (from_environment(&config) < 0 || from_arguments(argc, argv, &config) < 0)
        return EXIT_USAGE;
    rc = pod_server_run(&config, &err);
    truth_close(&config.truth);
    if (rc < 0) {
        fprintf(stderr, "seamline-pod: %s\n", err.text);
        return (int)err.status;
    }
    return EXIT_MET;
}
