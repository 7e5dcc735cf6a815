#include "run/pocket.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    POCKET_ARGS = 64 + 2 * EXPERIMENT_IMAGES_MAX,
    POCKET_TEXT = 320
};

extern char **environ;

struct arguments {
    char text[POCKET_ARGS][POCKET_TEXT];
    char *argv[POCKET_ARGS + 1];
    int count;
};

static void add(struct arguments *arguments, const char *format, const char *a, const char *b)
{
    if (arguments->count == POCKET_ARGS)
        return;
    char *to = arguments->text[arguments->count];
    snprintf(to, POCKET_TEXT, format, a, b);
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

/* QUIET: what it prints is of no interest, its exit status is. */
static int spawn(struct arguments *arguments, bool quiet, struct error *err)
{
    pid_t pid;
    int status;
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    if (quiet) {
        posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
        posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    }
    int code = posix_spawnp(&pid, arguments->argv[0], &files, NULL, arguments->argv, environ);
    posix_spawn_file_actions_destroy(&files);
    if (code != 0)
        return error_set(err, EXIT_ENVIRONMENT, -code,
                         "%s: %s; build it, or install it beside seamline", arguments->argv[0],
                         strerror(code));
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (WIFEXITED(status))
        return -WEXITSTATUS(status);
    return -EXIT_ENVIRONMENT;
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
    if (experiment->cluster.proxy.scheduler == EXPERIMENT_SCHEDULER_RR ||
        experiment->cluster.proxy.scheduler == EXPERIMENT_SCHEDULER_RANDOM) {
        add(arguments, "%s", "--proxy", "");
        add(arguments, "%s", experiment_scheduler_word(experiment->cluster.proxy.scheduler), "");
    }
    if (lab->pod_ready_given)
        add_duration(arguments, "podReady", lab->pod_ready.low_ns, lab->pod_ready.high_ns);
    add(arguments, "%s", "--set", "");
    add(arguments, "goneIP=%s",
        lab->gone_ip == EXPERIMENT_GONE_UNREACHABLE ? "unreachable" : "blackhole", "");
    for (uint32_t i = 0; i < lab->image_count; i++) {
        add(arguments, "%s", "--image", "");
        add(arguments, "%s=%s", lab->images[i].image, lab->images[i].program);
    }
}

static bool is_up(const char *program, const char *directory)
{
    struct arguments *arguments = calloc(1, sizeof(*arguments));
    if (arguments == NULL)
        return false;
    add_program(arguments, program);
    add(arguments, "%s", "status", "");
    add(arguments, "%s", "--dir", "");
    add(arguments, "%s", directory, "");
    bool up = spawn(arguments, true, NULL) == 0;
    free(arguments);
    return up;
}

int pocket_up(const struct experiment *experiment, const char *program, char directory[256],
              bool *started, struct error *err)
{
    snprintf(directory, 256, "%s", POCKET_DIRECTORY);
    *started = false;
    if (experiment->cluster.proxy.scheduler == EXPERIMENT_SCHEDULER_LC)
        return error_set(
            err, EXIT_USAGE, -EOPNOTSUPP,
            "cluster.proxy.scheduler: the lab has rr (emulated) and random; lc needs a "
            "cluster with IPVS");
    if (is_up(program, directory))
        return 0;
    struct arguments *arguments = calloc(1, sizeof(*arguments));
    if (arguments == NULL)
        return error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory");
    add_program(arguments, program);
    add(arguments, "%s", "up", "");
    add(arguments, "%s", "--dir", "");
    add(arguments, "%s", directory, "");
    add_settings(arguments, experiment);
    int code = spawn(arguments, false, err);
    free(arguments);
    if (code < 0)
        return error_set(err, EXIT_ENVIRONMENT, -EIO,
                         "the lab did not come up (see above); `seamline-lab down` removes what is "
                         "left of an earlier one");
    *started = true;
    return 0;
}

int pocket_down(const char *program, const char *directory, struct error *err)
{
    struct arguments *arguments = calloc(1, sizeof(*arguments));
    if (arguments == NULL)
        return error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory");
    add_program(arguments, program);
    add(arguments, "%s", "down", "");
    add(arguments, "%s", "--dir", "");
    add(arguments, "%s", directory, "");
    int code = spawn(arguments, false, err);
    free(arguments);
    if (code < 0)
        return error_set(err, EXIT_ENVIRONMENT, -EIO,
                         "the lab did not go down in order; run `seamline-lab down` again");
    return 0;
}

const char *pocket_describe(const struct experiment *experiment, char out[256])
{
    const struct experiment_lab *lab = &experiment->cluster.lab;
    snprintf(out, 256, "lab, profile %s, %s", experiment_profile_word(lab->profile),
             experiment->cluster.proxy.scheduler == EXPERIMENT_SCHEDULER_RR ? "rr emulated"
                                                                            : "random");
    return out;
}
