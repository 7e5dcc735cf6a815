#include "run/pocket.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/json.h"
#include "base/text.h"
#include "run/prediction.h"

enum {
    POCKET_ARGS = 64 + 2 * EXPERIMENT_IMAGES_MAX + 2 * EXPERIMENT_SETTINGS_MAX,
    POCKET_TEXT = 320,
    STATUS_BYTES_MAX = 1 << 20
};

extern char **environ;

struct arguments {
    char text[POCKET_ARGS][POCKET_TEXT];
    char *argv[POCKET_ARGS + 1];
    int count;
    int cut; /* Number from 1 of one that was too long; 0: none. */
};

static void add(struct arguments *arguments, const char *format, const char *a, const char *b)
{
    if (arguments->count == POCKET_ARGS)
        return;
    char *to = arguments->text[arguments->count];
    if (snprintf(to, POCKET_TEXT, format, a, b) >= POCKET_TEXT)
        arguments->cut = arguments->count + 1;
    arguments->argv[arguments->count++] = to;
    arguments->argv[arguments->count] = NULL;
}

/* seamline-lab stands beside seamline, in a build folder as when installed. */
static void add_program(struct arguments *arguments, const char *program)
{
    char self[POCKET_TEXT - 16];
    ssize_t size = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (size < 0)
        size = snprintf(self, sizeof(self), "%s", program ? program : "");
    self[size] = '\0';
    char *slash = strrchr(self, '/');
    if (slash != NULL)
        *slash = '\0';
    add(arguments, "%s/%s", slash ? self : ".", "seamline-lab");
}

/* What a program of the lab inherits: none of the terminal's signals, SIGPIPE as usual. */
static int set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t defaults;
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    int code = posix_spawnattr_init(attributes);
    if (code == 0)
        code = posix_spawnattr_setsigdefault(attributes, &defaults);
    if (code == 0)
        code = posix_spawnattr_setpgroup(attributes, 0);
    if (code == 0)
        code = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    return code;
}

/* Its stdout goes to OUT_FD, and is seen by nobody else; -1: to our stderr. */
static int start(struct arguments *arguments, int out_fd, pid_t *pid, struct error *err)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    int code = set_attributes(&attributes);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, out_fd < 0 ? STDERR_FILENO : out_fd, STDOUT_FILENO);
    if (out_fd >= 0)
        posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    if (code == 0)
        code = posix_spawnp(pid, arguments->argv[0], &files, &attributes, arguments->argv, environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    return code == 0 ? 0
                     : error_set(err, EXIT_ENVIRONMENT, -code,
                                 "%s: %s; build it, or install it beside seamline",
                                 arguments->argv[0], strerror(code));
}

/* Run it to its end: 0, or minus its exit status. OUT: takes what it prints; NULL: let it print. */
static int spawn(struct arguments *arguments, struct text *out, struct error *err)
{
    int fds[2] = {-1, -1}, status;
    char part[4096];
    ssize_t got;
    pid_t pid;
    if (out != NULL && pipe2(fds, O_CLOEXEC) < 0)
        return error_set(err, EXIT_ENVIRONMENT, -errno, "pipe: %s", strerror(errno));
    int code = start(arguments, fds[1], &pid, err);
    if (fds[1] >= 0)
        close(fds[1]);
    while (code == 0 && out != NULL &&
           ((got = read(fds[0], part, sizeof(part))) > 0 || (got < 0 && errno == EINTR)))
        if (got > 0 && out->size < STATUS_BYTES_MAX)
            text_add_bytes(out, part, (size_t)got);
    if (fds[0] >= 0)
        close(fds[0]);
    if (code < 0)
        return code;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return WIFEXITED(status) ? -WEXITSTATUS(status) : -EXIT_ENVIRONMENT;
}

static void add_duration(struct arguments *arguments, const char *name, int64_t low_ns,
                         int64_t high_ns)
{
    char value[64];
    if (low_ns == high_ns)
        snprintf(value, sizeof(value), "%lldms", (long long)(low_ns / 1000000));
    else
        snprintf(value, sizeof(value), "%lldms-%lldms", (long long)(low_ns / 1000000),
                 (long long)(high_ns / 1000000));
    add(arguments, "%s", "--set", "");
    add(arguments, "%s=%s", name, value);
}

static void add_settings(struct arguments *arguments, const struct experiment *experiment)
{
    const struct experiment_lab *lab = &experiment->cluster.lab;
    char number[16];
    add(arguments, "%s", "--profile", "");
    add(arguments, "%s", experiment_profile_word(lab->profile), "");
    snprintf(number, sizeof(number), "%u", lab->nodes);
    add(arguments, "%s", "--nodes", "");
    add(arguments, "%s", number, "");
    snprintf(number, sizeof(number), "%u", lab->seed);
    add(arguments, "%s", "--seed", "");
    add(arguments, "%s", number, "");
    if (experiment->cluster.proxy.scheduler != EXPERIMENT_SCHEDULER_ANY) {
        bool ipvs = pocket_needs_ipvs(experiment->cluster.proxy.scheduler);
        add(arguments, "%s", "--proxy", "");
        add(arguments, "%s%s", ipvs ? "ipvs-" : "",
            experiment_scheduler_word(experiment->cluster.proxy.scheduler));
    }
    if (lab->pod_ready_given)
        add_duration(arguments, "podReady", lab->pod_ready.low_ns, lab->pod_ready.high_ns);
    add(arguments, "%s", "--set", "");
    add(arguments, "goneIP=%s",
        lab->gone_ip == EXPERIMENT_GONE_UNREACHABLE ? "unreachable" : "blackhole", "");
    add(arguments, "%s", "--balancer", "");
    add(arguments, "%s", experiment_balancer_word(lab->balancer), "");
    for (uint32_t i = 0; i < lab->setting_count; i++) {
        add(arguments, "%s", "--set", "");
        add(arguments, "%s", lab->settings[i], "");
    }
    if (lab->ingress)
        add(arguments, "%s", "--ingress", "");
    for (uint32_t i = 0; i < lab->image_count; i++) {
        add(arguments, "%s", "--image", "");
        add(arguments, "%s=%s", lab->images[i].image, lab->images[i].program);
    }
}

/* Run `seamline-lab COMMAND --dir DIRECTORY`, with the settings of EXPERIMENT unless NULL. */
static int command(const char *program, const char *name, const char *directory,
                   const struct experiment *experiment, struct text *out, struct error *err)
{
    struct arguments *arguments = calloc(1, sizeof(*arguments));
    if (arguments == NULL)
        return error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory");
    add_program(arguments, program);
    add(arguments, "%s", name, "");
    add(arguments, "%s", "--dir", "");
    add(arguments, "%s", directory, "");
    if (experiment != NULL)
        add_settings(arguments, experiment);
    int code = arguments->cut == 0
                   ? spawn(arguments, out, err)
                   : error_set(err, EXIT_USAGE, -ENAMETOOLONG,
                               "cluster.lab: \"%.60s...\" is too long: the lab takes %d characters",
                               arguments->text[arguments->cut - 1], POCKET_TEXT - 1);
    free(arguments);
    return code;
}

/* The lab's name for a profile that settings have changed ends with "+". */
static bool is_profile(const char *name, const char *wanted)
{
    size_t size = strlen(wanted);
    return strncmp(name, wanted, size) == 0 && (name[size] == '\0' || name[size] == '+');
}

static bool has_setting(const cJSON *status, const char *wanted)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, json_at(status, "settings"))
    {
        if (cJSON_IsString(item) && strcmp(item->valuestring, wanted) == 0)
            return true;
    }
    return false;
}

/* What the lab was told besides its profile; a lab that tells nothing of it has nothing of it. */
static int check_settings(const struct experiment_lab *lab, const cJSON *status, struct error *err)
{
    const char *balancer = json_string(status, "balancer", "ecmp");
    const char *wanted = experiment_balancer_word(lab->balancer);
    if (strcmp(balancer, wanted) != 0)
        return error_set(err, EXIT_USAGE, -EINVAL,
                         "a lab is up already, with the balancer %.20s, and the experiment wants "
                         "%s: take it down (seamline-lab down), or change cluster.lab.balancer",
                         balancer, wanted);
    for (uint32_t i = 0; i < lab->setting_count; i++)
        if (!has_setting(status, lab->settings[i]))
            return error_set(err, EXIT_USAGE, -EINVAL,
                             "a lab is up already, without %s: take it down (seamline-lab down), "
                             "or change cluster.lab.settings",
                             lab->settings[i]);
    return 0;
}

bool pocket_has_scheduler(enum experiment_scheduler scheduler)
{
    return scheduler == EXPERIMENT_SCHEDULER_ANY || scheduler == EXPERIMENT_SCHEDULER_RANDOM ||
           scheduler == EXPERIMENT_SCHEDULER_RR || scheduler == EXPERIMENT_SCHEDULER_SH ||
           pocket_needs_ipvs(scheduler);
}

bool pocket_needs_ipvs(enum experiment_scheduler scheduler)
{
    return scheduler == EXPERIMENT_SCHEDULER_LC || scheduler == EXPERIMENT_SCHEDULER_WLC;
}

/* "rr, emulated" is of the scheduler rr. One that shows its kube-proxy can be told another, but for
 * those of IPVS, which none has that does. */
static int check_scheduler(const struct experiment *experiment, const cJSON *status,
                           struct error *err)
{
    enum experiment_scheduler scheduler = experiment->cluster.proxy.scheduler;
    const char *wanted = experiment_scheduler_word(scheduler);
    const char *proxy = json_string(status, "proxy", wanted);
    size_t size = strlen(wanted);
    bool same = strncmp(proxy, wanted, size) == 0 && (proxy[size] == '\0' || proxy[size] == ',');
    bool told = json_bool(status, "kubeProxy", false) && !pocket_needs_ipvs(scheduler) &&
                experiment_may_change(experiment, "configmap", "kube-proxy");
    if (same || told || scheduler == EXPERIMENT_SCHEDULER_ANY)
        return 0;
    return error_set(err, EXIT_USAGE, -EINVAL,
                     "a lab is up already, with the scheduler %.60s, and the experiment wants %s: "
                     "take it down (seamline-lab down), or change cluster.proxy.scheduler",
                     proxy, wanted);
}

int pocket_check(const struct experiment *experiment, const char *status, char environment[256],
                 struct error *err)
{
    const char *wanted_profile = experiment_profile_word(experiment->cluster.lab.profile);
    cJSON *json = json_parse(status, strlen(status), NULL);
    const char *profile = json_string(json, "profile", "unknown");
    const char *proxy = json_string(json, "proxy", "proxy unknown");
    struct predict_range ready = prediction_pod_ready(experiment);
    int code = 0;
    snprintf(environment, 256, "lab, profile %.60s, %.60s%s", profile, proxy,
             strcmp(json_string(json, "balancer", ""), "probing") == 0 ? ", probing balancer" : "");
    if (json_member(json, "profile") != NULL && !is_profile(profile, wanted_profile))
        code = error_set(err, EXIT_USAGE, -EINVAL,
                         "a lab is up already, with profile %.60s, and the experiment wants %s: "
                         "take it down (seamline-lab down), or --set cluster.lab.profile=%.60s",
                         profile, wanted_profile, profile);
    else if (json_integer(json, "podReady.low", ready.low_ns) != ready.low_ns ||
             json_integer(json, "podReady.high", ready.high_ns) != ready.high_ns)
        code = error_set(err, EXIT_USAGE, -EINVAL,
                         "a lab is up already, with another podReady than the experiment's: take "
                         "it down (seamline-lab down), or change cluster.lab.podReady");
    else if (experiment->cluster.lab.ingress && !cJSON_IsTrue(json_member(json, "ingress")))
        code = error_set(err, EXIT_USAGE, -EINVAL,
                         "a lab is up already, without an ingress: take it down (seamline-lab "
                         "down), or bring it up with --ingress");
    else
        code = check_scheduler(experiment, json, err);
    if (code == 0)
        code = check_settings(&experiment->cluster.lab, json, err);
    cJSON_Delete(json);
    return code;
}

static int bring_up(const struct experiment *experiment, const char *program, const char *directory,
                    struct text *status, struct error *err)
{
    int code = command(program, "up", directory, experiment, NULL, err);
    if (code < 0)
        return error_set(err, EXIT_ENVIRONMENT, -EIO,
                         "the lab did not come up (see above); `seamline-lab down` removes what is "
                         "left of an earlier one");
    text_free(status);
    if (command(program, "status", directory, NULL, status, err) < 0)
        return error_set(err, EXIT_ENVIRONMENT, -EIO, "the lab came up, and does not answer");
    return 0;
}

int pocket_up(const struct experiment *experiment, const char *program, char directory[256],
              char environment[256], bool *started, struct error *err)
{
    struct text status = {0};
    int code = 0;
    snprintf(directory, 256, "%s", POCKET_DIRECTORY);
    *started = false;
    if (command(program, "status", directory, NULL, &status, NULL) < 0) {
        code = bring_up(experiment, program, directory, &status, err);
        *started = code == 0;
    }
    if (code == 0)
        code = pocket_check(experiment, text_str(&status), environment, err);
    text_free(&status);
    return code;
}

int pocket_down(const char *program, const char *directory, struct error *err)
{
    if (command(program, "down", directory, NULL, NULL, err) == 0)
        return 0;
    return error_set(err, EXIT_ENVIRONMENT, -EIO,
                     "the lab did not go down in order; run `seamline-lab down` again");
}
