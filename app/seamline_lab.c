/* seamline_lab.c - the command line of the pocket cluster. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/option.h"
#include "base/suggest.h"
#include "lab/api_discovery.h"
#include "lab/lab.h"
#include "lab/netns.h"

enum {
    READY_BYTES = 2048,
    READY_FD = 3,
    TERMINATING_ENDPOINTS_SINCE = 26 /* Proxies used them from then on (KEP-1669). */
};

static const char usage[] =
    "Usage: seamline-lab COMMAND [OPTION]...\n"
    "\n"
    "A cluster on this machine, of network namespaces, processes and nftables rules, with an API "
    "that\n"
    "kubectl and seamline use as they would any other.\n"
    "\n"
    "  up          bring a pocket cluster up and return when it is ready; it lives until `down`\n"
    "  static      the same without a cluster's API: bare pods behind a kernel balancer\n"
    "  status      what is running, as JSON\n"
    "  kubeconfig  print the kubeconfig (context seamline-lab)\n"
    "  kill POD    send a signal to a pod's process, stamped in truth.jsonl (--signal TERM|KILL)\n"
    "  fault NAME...  make something go wrong: api-outage DURATION, gone-410, slow-watch DELAY "
    "DURATION,\n"
    "                 drop NODE PERCENT DURATION, blackhole NODE DURATION, delay NODE|POD DELAY "
    "DURATION,\n"
    "                 conntrack-flush NODE, freeze POD DURATION, kill POD\n"
    "  exec NAME -- COMMAND...  run a command in the network of a pod, a node (n1...), the "
    "`balancer`,\n"
    "                 or `lab`, the bridge between them\n"
    "  down        take everything away; truth.jsonl and lab.log stay\n"
    "  help        this\n"
    "  --version   which version this is\n"
    "\n"
    "Options of all:\n"
    "  --dir DIR         where its files are (default /run/seamline-lab)\n"
    "\n"
    "Options of up and static:\n"
    "  --profile NAME    delays: ideal, kubeadm (default), aks-2019\n"
    "  --set NAME=VALUE  change one of them: podReady=2s, proxyApply=50ms-150ms, "
    "goneIP=unreachable; all\n"
    "                    names are in docs/lab.md; may be given again\n"
    "  --nodes N         1 to 32 (default 4)\n"
    "  --seed N          of all draws (default 1)\n"
    "  --proxy MODE      rr (default, emulated), random or sh (by source address), by nftables;\n"
    "                    ipvs-rr, ipvs-lc, ipvs-wlc, ipvs-sh where the kernel has IPVS\n"
    "  --balancer KIND   in front of the nodes: ecmp (default: the sender chooses) or probing\n"
    "  --image IMAGE=PROGRAM  what runs for an image (default for all: seamline-pod); may have "
    "arguments;\n"
    "                    nginx alone gets a configuration; may be given again\n"
    "  --kube-proxy      show the nodes' proxies as kube-system's DaemonSet and ConfigMap "
    "kube-proxy\n"
    "  --ingress         an ingress: real nginx in a pod, balancing in Lua, behind a VIP of its "
    "own\n"
    "  --allow-commands  containers' `command` and `args` run on this machine, as root, with all "
    "its files:\n"
    "                    whoever may use the lab's API may then do anything here (default: they "
    "are ignored)\n"
    "  --inside WHAT     what the lab runs in, for reports: \"a virtual machine\"\n"
    "  --iface NAME      the link left in this namespace (default seamline0)\n"
    "  --port PORT       of the API on 127.0.0.1 (default: any free one)\n"
    "  --kubernetes 1.N  the version that the API answers as: 1.20 to 1.36 (default)\n"
    "  --deny VERB:RESOURCE   what the API refuses (403), e.g. patch:deployments/scale; may be "
    "given again\n"
    "\n"
    "Options of static:\n"
    "  --pods N          1 to 200 (default 8)\n"
    "  --vip ADDRESS     of the balancer; once a family (default: from the lab's range)\n"
    "\n"
    "  seamline-lab up --nodes 2 --set podReady=500ms\n"
    "  kubectl --kubeconfig /run/seamline-lab/kubeconfig -n seamline apply -f config/mserver.yaml\n"
    "  seamline-lab fault freeze mserver-7d9c-x2x5k 2s\n"
    "  seamline-lab exec n1 -- nft list table inet proxy\n"
    "  seamline-lab down\n"
    "\n"
    "Exit status: 0 done; 2 bad usage; 3 the environment failed, or no lab is up.\n";

struct options {
    struct lab_config config;
    const char *profile;
    unsigned pods; /* --pods. */
    int signal;    /* --signal. */
    unsigned vip_count;
    bool help;
};

static int parse_number(const char *text, unsigned long least, unsigned long most,
                        unsigned long *out)
{
    char *end;
    unsigned long number = strtoul(text, &end, 10);

    if (text[0] < '0' || text[0] > '9' || *end != '\0' || number < least || number > most)
        return -EINVAL;
    *out = number;
    return 0;
}

static int copy_text(char *out, size_t capacity, const char *text)
{
    if (text[0] == '\0' || strlen(text) >= capacity)
        return -EINVAL;
    strcpy(out, text);
    return 0;
}

static int add_text(const char **list, unsigned *count, unsigned capacity, const char *text)
{
    if (*count == capacity)
        return -E2BIG;
    list[(*count)++] = text;
    return 0;
}

static int add_vip(struct options *options, const char *text)
{
    struct address address;

    if (options->vip_count == 2 || address_parse(text, &address, NULL) < 0)
        return -EINVAL;
    return copy_text(options->config.vips[options->vip_count++], sizeof(options->config.vips[0]),
                     text);
}

static int parse_mode(const char *text, enum proxy_mode *out)
{
    for (int i = 0; i < PROXY_MODES; i++) {
        if (strcmp(text, proxy_mode_word((enum proxy_mode)i)) == 0) {
            *out = (enum proxy_mode)i;
            return 0;
        }
    }
    return -EINVAL;
}

static int parse_balancer(const char *text, bool *out)
{
    if (strcmp(text, "ecmp") != 0 && strcmp(text, "probing") != 0)
        return -EINVAL;
    *out = strcmp(text, "probing") == 0;
    return 0;
}

static int parse_signal(const char *text, int *out)
{
    if (strcmp(text, "TERM") != 0 && strcmp(text, "KILL") != 0)
        return -EINVAL;
    *out = strcmp(text, "KILL") == 0 ? SIGKILL : SIGTERM;
    return 0;
}

/* It stands in reports. */
static int parse_inside(const char *text, const char **out)
{
    for (const char *c = text; *c != '\0'; c++) {
        if (*c < ' ' || *c > '~')
            return -EINVAL;
    }
    *out = text;
    return text[0] == '\0' || strlen(text) > 40 ? -EINVAL : 0;
}

static int set_option(int option, const char *value, struct options *options)
{
    struct lab_config *config = &options->config;
    unsigned long number = 0;
    int rc = 0;

    switch (option) {
    case 'd': return copy_text(config->dir, sizeof(config->dir), value);
    case 'i': return copy_text(config->iface, sizeof(config->iface), value);
    case 'p': options->profile = value; return 0;
    case 'W': return parse_inside(value, &config->inside);
    case 's': return add_text(config->settings, &config->setting_count, LAB_SETTINGS_MAX, value);
    case 'm': return add_text(config->images, &config->image_count, LAB_IMAGES_MAX, value);
    case 'y': return add_text(config->deny, &config->deny_count, LAB_IMAGES_MAX, value);
    case 'x': return parse_mode(value, &config->proxy_mode);
    case 'b': return parse_balancer(value, &config->balancer);
    case 'v': return add_vip(options, value);
    case 'I': config->ingress = true; return 0;
    case 'K': config->kube_proxy = true; return 0;
    case 'a': config->allow_commands = true; return 0;
    case 'g': return parse_signal(value, &options->signal);
    case 'n':
        rc = parse_number(value, 1, FABRIC_NODES_MAX, &number);
        config->nodes = (unsigned)number;
        return rc;
    case 'e':
        rc = parse_number(value, 0, 1000000000, &number);
        config->seed = number;
        return rc;
    case 'k':
        if (strncmp(value, "1.", 2) != 0)
            return -EINVAL;
        rc = parse_number(value + 2, API_KUBERNETES_OLDEST, API_KUBERNETES_MINOR, &number);
        config->minor = (unsigned)number;
        return rc;
    case 'o':
        rc = parse_number(value, 0, 65535, &number);
        config->api_port = (uint16_t)number;
        return rc;
    case 'c':
        rc = parse_number(value, 1, LAB_STATIC_PODS_MAX, &number);
        options->pods = (unsigned)number;
        return rc;
    default: return -EINVAL;
    }
}

static int apply_profile(struct options *options)
{
    struct error err = {0};
    int rc = profile_find(options->profile, &options->config.profile, &err);

    if (rc == 0 && options->config.minor < TERMINATING_ENDPOINTS_SINCE)
        options->config.profile.terminating_endpoints = false;
    for (unsigned i = 0; i < options->config.setting_count && rc == 0; i++)
        rc = profile_set(&options->config.profile, options->config.settings[i], &err);
    for (unsigned i = 0; i < options->config.image_count && rc == 0; i++) {
        if (strchr(options->config.images[i], '=') == NULL)
            rc = error_set(&err, EXIT_USAGE, -EINVAL, "--image %s: write IMAGE=PROGRAM",
                           options->config.images[i]);
    }
    if (rc == 0 && options->config.kube_proxy &&
        proxy_mode_ipvs(options->config.proxy_mode) != NULL)
        rc = error_set(&err, EXIT_USAGE, -EINVAL,
                       "--kube-proxy changes between the ways of nftables only: leave it out, or "
                       "--proxy %s",
                       proxy_mode_word(options->config.proxy_mode));
    if (rc < 0)
        fprintf(stderr, "seamline-lab: %s\n", err.text);
    return rc;
}

/* The lab's process: a session of its own, nothing of the caller's but its namespace. Above all no
 * pipe of the caller's, whose reader would wait for the end of the lab. */
static _Noreturn void become_lab(const struct lab_config *config, int ready_fd)
{
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

    setsid();
    dup2(null_fd, 0);
    dup2(null_fd, 1);
    dup2(null_fd, 2);
    if (ready_fd != READY_FD)
        dup3(ready_fd, READY_FD, O_CLOEXEC);
    close_range(READY_FD + 1, ~0U, 0);
    exit(lab_run(config, READY_FD));
}

/* Warnings and "ok", or what went wrong. */
static int wait_ready(int fd, pid_t pid)
{
    static const char good[] = "ok\n";
    char text[READY_BYTES];
    size_t size = 0, ok_size = sizeof(good) - 1;
    ssize_t got;

    while (size < sizeof(text) - 1 && (got = read(fd, text + size, sizeof(text) - 1 - size)) > 0)
        size += (size_t)got;
    text[size] = '\0';
    close(fd);
    if (size >= ok_size && strcmp(text + size - ok_size, good) == 0) {
        fprintf(stderr, "%.*s", (int)(size - ok_size), text);
        return EXIT_MET;
    }
    waitpid(pid, NULL, 0);
    fprintf(stderr, "seamline-lab: %s", size > 0 ? text : "the lab ended before it was ready\n");
    return EXIT_ENVIRONMENT;
}

static int bring_up(struct options *options, int count, char **words)
{
    struct text answer = {0};
    int fds[2], rc;
    pid_t pid;

    (void)count;
    (void)words;
    if (apply_profile(options) < 0)
        return EXIT_USAGE;
    if (geteuid() != 0) {
        fprintf(stderr, "seamline-lab: namespaces need root; try sudo\n");
        return EXIT_ENVIRONMENT;
    }
    if (lab_control_ask(options->config.dir, "status", &answer) == 0) {
        fprintf(stderr, "seamline-lab: a lab is up in %s already; seamline-lab down --dir %s\n",
                options->config.dir, options->config.dir);
        text_free(&answer);
        return EXIT_ENVIRONMENT;
    }
    if (mkdir(options->config.dir, 0755) < 0 && errno != EEXIST) {
        fprintf(stderr, "seamline-lab: %s: %s; choose another --dir\n", options->config.dir,
                strerror(errno));
        return EXIT_ENVIRONMENT;
    }
    if (pipe2(fds, O_CLOEXEC) < 0)
        return EXIT_ENVIRONMENT;
    pid = fork();
    if (pid == 0) {
        close(fds[0]);
        become_lab(&options->config, fds[1]);
    }
    close(fds[1]);
    rc = pid < 0 ? EXIT_ENVIRONMENT : wait_ready(fds[0], pid);
    if (rc == EXIT_MET)
        printf("lab up: %s (profile %s, %u nodes); files in %s\n", options->config.iface,
               options->config.profile.name, options->config.nodes, options->config.dir);
    return rc;
}

static int bring_up_static(struct options *options, int count, char **words)
{
    options->config.static_pods = options->pods;
    return bring_up(options, count, words);
}

static int not_up(const struct options *options)
{
    fprintf(stderr,
            "seamline-lab: no lab is up in %s; `seamline-lab up` brings one up, --dir says "
            "where another one is\n",
            options->config.dir);
    return EXIT_ENVIRONMENT;
}

static int ask(const struct options *options, const char *command)
{
    struct text answer = {0};
    int rc = EXIT_MET;

    if (lab_control_ask(options->config.dir, command, &answer) < 0)
        return not_up(options);
    if (strncmp(text_str(&answer), "error: ", 7) == 0) {
        fprintf(stderr, "seamline-lab: %s", text_str(&answer) + 7);
        rc = EXIT_USAGE;
    } else if (strncmp(text_str(&answer), "failed: ", 8) == 0) {
        fprintf(stderr, "seamline-lab: %s", text_str(&answer) + 8);
        rc = EXIT_ENVIRONMENT;
    } else if (strcmp(text_str(&answer), "ok\n") != 0) {
        fputs(text_str(&answer), stdout);
    }
    text_free(&answer);
    return rc;
}

/* A lab that was killed has left nothing but files. */
static int take_down(struct options *options, int count, char **words)
{
    struct text answer = {0};

    (void)count;
    (void)words;
    if (lab_control_ask(options->config.dir, "down", &answer) < 0)
        lab_files_remove(options->config.dir);
    text_free(&answer);
    return EXIT_MET;
}

static int print_kubeconfig(struct options *options, int count, char **words)
{
    struct text text = {0};
    char path[LAB_PATH_BYTES + 32];
    int rc;

    (void)count;
    (void)words;
    snprintf(path, sizeof(path), "%s/kubeconfig", options->config.dir);
    rc = text_read_file(&text, path, 1 << 20);
    if (rc == 0)
        fputs(text_str(&text), stdout);
    text_free(&text);
    return rc < 0 ? not_up(options) : EXIT_MET;
}

static int print_status(struct options *options, int count, char **words)
{
    (void)count;
    (void)words;
    return ask(options, "status");
}

static int kill_pod(struct options *options, int count, char **words)
{
    char command[LAB_CONTROL_BYTES];

    (void)count;
    snprintf(command, sizeof(command), "kill %.300s %s", words[0],
             options->signal == SIGKILL ? "KILL" : "TERM");
    return ask(options, command);
}

/* The daemon knows the faults, and says what is wrong with one. */
static int make_fault(struct options *options, int count, char **words)
{
    char command[LAB_CONTROL_BYTES] = "fault";
    size_t size = strlen(command);

    for (int i = 0; i < count; i++) {
        if (size + strlen(words[i]) + 2 > sizeof(command)) {
            fprintf(stderr, "seamline-lab: that is too long for a fault\n");
            return EXIT_USAGE;
        }
        size += (size_t)snprintf(command + size, sizeof(command) - size, " %s", words[i]);
    }
    return ask(options, command);
}

/* WORDS: the name, perhaps "--", and a command. */
static int exec_in(struct options *options, int count, char **words)
{
    char **argv = words + (strcmp(words[1], "--") == 0 ? 2 : 1);
    struct text answer = {0};
    char command[LAB_CONTROL_BYTES];
    char *path;
    int fd;

    (void)count;
    if (argv[0] == NULL) {
        fprintf(stderr, "seamline-lab: exec %.80s --: a command is missing\n", words[0]);
        return EXIT_USAGE;
    }
    snprintf(command, sizeof(command), "netns %.300s", words[0]);
    if (lab_control_ask(options->config.dir, command, &answer) < 0)
        return not_up(options);
    path = answer.data;
    if (path == NULL || path[0] != '/') {
        fprintf(stderr, "seamline-lab: %s", path == NULL ? "no answer\n" : path + 7);
        return EXIT_USAGE;
    }
    path[strcspn(path, "\n")] = '\0';
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || netns_enter(fd) < 0) {
        fprintf(stderr, "seamline-lab: %s: %s\n", path, strerror(errno));
        return EXIT_ENVIRONMENT;
    }
    execvp(argv[0], argv);
    fprintf(stderr, "seamline-lab: %s: %s\n", argv[0], strerror(errno));
    return EXIT_USAGE;
}

struct lab_command {
    const char *name, *operands;
    int least, most;     /* How many operands. */
    const char *options; /* Those that it takes, besides --dir and --help. */
    int (*make)(struct options *options, int count, char **words);
};

static const struct lab_command commands[] = {
    {"up", "no operand", 0, 0, "sbikpmyxneoaKIW", bring_up},
    {"static", "no operand", 0, 0, "sbikpmyxneoaKIWcv", bring_up_static},
    {"status", "no operand", 0, 0, "", print_status},
    {"kubeconfig", "no operand", 0, 0, "", print_kubeconfig},
    {"kill", "one operand, POD", 1, 1, "g", kill_pod},
    {"fault", "NAME and its operands, such as freeze POD 2s", 1, INT_MAX, "", make_fault},
    {"exec", "NAME -- COMMAND, such as n1 -- nft list ruleset", 2, INT_MAX, "", exec_in},
    {"down", "no operand", 0, 0, "", take_down},
};

static const struct lab_command *find_command(const char *name, struct error *err)
{
    struct suggest suggest = {.word = name};

    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
        suggest_offer(&suggest, commands[i].name);
    }
    const char *best = suggest_best(&suggest);
    error_set(err, EXIT_USAGE, -EINVAL, "\"%.80s\" is no command%s%s%s; see seamline-lab --help",
              name, best != NULL ? "; did you mean \"" : "", best != NULL ? best : "",
              best != NULL ? "\"?" : "");
    return NULL;
}

/* What the value of an option must be. */
static const char *wanted(int option)
{
    switch (option) {
    case 'd': return "a path of less than 256 bytes";
    case 'i': return "a link's name of up to 15 bytes";
    case 'W': return "up to 40 printable characters";
    case 'x':
        return "rr, random or sh, or with a kernel that has IPVS ipvs-rr, ipvs-lc, ipvs-wlc or "
               "ipvs-sh; nftables counts no open connections, so that there is no lc without IPVS";
    case 'b': return "ecmp or probing";
    case 'v': return "an IP address, of each family one";
    case 'g': return "TERM or KILL";
    case 'n': return "a number from 1 to 32";
    case 'e': return "a number from 0 to 1000000000";
    case 'k': return "1.20 to 1.36";
    case 'o': return "a number from 0 to 65535; 0 is any free port";
    case 'c': return "a number from 1 to 200";
    default: return "it at most 32 times";
    }
}

static const struct option option_list[] = {
    {"balancer", required_argument, NULL, 'b'},
    {"dir", required_argument, NULL, 'd'},
    {"iface", required_argument, NULL, 'i'},
    {"inside", required_argument, NULL, 'W'},
    {"kubernetes", required_argument, NULL, 'k'},
    {"profile", required_argument, NULL, 'p'},
    {"set", required_argument, NULL, 's'},
    {"image", required_argument, NULL, 'm'},
    {"deny", required_argument, NULL, 'y'},
    {"proxy", required_argument, NULL, 'x'},
    {"vip", required_argument, NULL, 'v'},
    {"signal", required_argument, NULL, 'g'},
    {"nodes", required_argument, NULL, 'n'},
    {"seed", required_argument, NULL, 'e'},
    {"port", required_argument, NULL, 'o'},
    {"pods", required_argument, NULL, 'c'},
    {"allow-commands", no_argument, NULL, 'a'},
    {"kube-proxy", no_argument, NULL, 'K'},
    {"ingress", no_argument, NULL, 'I'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static const char *option_name(int option)
{
    const struct option *at = option_list;

    while (at->name != NULL && at->val != option)
        at++;
    return at->name;
}

/* Those of COMMAND. What follows the operand of exec belongs to the command that it names. */
static int parse_options(const struct lab_command *command, int argc, char **argv,
                         struct options *options, struct error *err)
{
    const char *letters = command->make == exec_in ? "+:h" : ":h";
    int option;

    while ((option = option_next("seamline-lab --help", argc, argv, letters, option_list, err)) >
           0) {
        const char *name = option_name(option);
        if (option == 'h') {
            options->help = true;
            continue;
        }
        if (option != 'd' && strchr(command->options, option) == NULL)
            return error_set(err, EXIT_USAGE, -EINVAL,
                             "--%s is no option of %s; see seamline-lab --help", name,
                             command->name);
        if (set_option(option, optarg, options) < 0)
            return error_set(err, EXIT_USAGE, -EINVAL, "--%s %.200s: want %s", name, optarg,
                             wanted(option));
    }
    return option == OPTION_BAD ? -EINVAL : 0;
}

static int check_operands(const struct lab_command *command, int count, char **operands,
                          struct error *err)
{
    if (count > command->most)
        return error_set(err, EXIT_USAGE, -EINVAL,
                         "%s: want %s, got \"%s\"; see seamline-lab --help", command->name,
                         command->operands, operands[command->most]);
    if (count < command->least)
        return error_set(err, EXIT_USAGE, -EINVAL, "%s: want %s; see seamline-lab --help",
                         command->name, command->operands);
    return 0;
}

int main(int argc, char **argv)
{
    struct options options = {
        .config = {.dir = "/run/seamline-lab",
                   .iface = "seamline0",
                   .minor = API_KUBERNETES_MINOR,
                   .nodes = 4,
                   .seed = 1},
        .profile = "kubeadm",
        .pods = 8,
        .signal = SIGTERM,
    };
    struct error err = {0};

    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        fputs(usage, argc < 2 ? stderr : stdout);
        return argc < 2 ? EXIT_USAGE : EXIT_MET;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("seamline-lab " SEAMLINE_VERSION);
        return EXIT_MET;
    }
    const struct lab_command *command = find_command(argv[1], &err);
    int rc = command == NULL ? -EINVAL : parse_options(command, argc - 1, argv + 1, &options, &err);
    if (rc == 0 && options.help) {
        fputs(usage, stdout);
        return EXIT_MET;
    }
    argc -= 1 + optind;
    argv += 1 + optind;
    if (rc == 0)
        rc = check_operands(command, argc, argv, &err);
    if (rc < 0) {
        fprintf(stderr, "seamline-lab: %s\n", err.text);
        return EXIT_USAGE;
    }
    return command->make(&options, argc, argv);
}
