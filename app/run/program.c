#include "run/program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"

enum {
    ENV_MAX = 64,
    LOG_BYTES_MAX = 64 << 20,
    TAIL_BYTES = 400
};

/* What a variable of ours is called there, with its value; or NULL. */
static char *inherited(const char *name)
{
    const char *value = getenv(name);
    char *text = NULL;
    if (value == NULL || asprintf(&text, "%s=%s", name, value) < 0)
        return NULL;
    return text;
}

static int set_up(posix_spawn_file_actions_t *files, posix_spawnattr_t *attributes,
                  const struct program_plan *plan)
{
    sigset_t defaults;
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    int code = posix_spawn_file_actions_addopen(files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (code == 0)
        code = posix_spawn_file_actions_addopen(files, STDOUT_FILENO, plan->log,
                                                O_WRONLY | O_CREAT | O_APPEND, 0666);
    if (code == 0)
        code = posix_spawn_file_actions_adddup2(files, STDOUT_FILENO, STDERR_FILENO);
    if (code == 0)
        code = posix_spawn_file_actions_addchdir_np(files, plan->folder);
    if (code == 0)
        code = posix_spawnattr_setsigdefault(attributes, &defaults);
    if (code == 0)
        code = posix_spawnattr_setpgroup(attributes, 0);
    if (code == 0)
        code = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    return code;
}

static int spawn(pid_t *pid, const struct program_plan *plan, char *const *env)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attributes);
    int code = set_up(&files, &attributes, plan);
    if (code == 0)
        code = posix_spawnp(pid, plan->arguments[0], &files, &attributes,
                            (char *const *)(uintptr_t)plan->arguments, env);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    return -code;
}

int program_start(struct program *program, const struct program_plan *plan, struct error *err)
{
    char *env[ENV_MAX + 1] = {NULL}, *own[] = {inherited("PATH"), inherited("HOME")};
    char absolute[PATH_MAX];
    size_t count = 0;
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        if (own[i] != NULL)
            env[count++] = own[i];
    for (size_t i = 0; plan->env[i] != NULL && count < ENV_MAX; i++)
        env[count++] = (char *)(uintptr_t)plan->env[i];
    snprintf(program->name, sizeof(program->name), "%s", plan->arguments[0]);
    /* The log is opened before the working directory is changed, yet it is not looked up there. */
    if (plan->log[0] != '/' && realpath(".", absolute) != NULL)
        snprintf(program->log, sizeof(program->log), "%.*s/%.*s", PATH_MAX / 2, absolute,
                 PATH_MAX / 2 - 2, plan->log);
    else
        snprintf(program->log, sizeof(program->log), "%s", plan->log);
    int code = spawn(&program->pid, plan, env);
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        free(own[i]);
    if (code == 0)
        return 0;
    program->pid = 0;
    return error_set(err, EXIT_USAGE, code,
                     "%s: %s; a path is relative to %s, a name is looked for in PATH",
                     program->name, strerror(-code), plan->folder);
}

/* The last of what it said. */
static void add_tail(const struct program *program, struct text *out)
{
    struct text log = {0};
    if (text_read_file(&log, program->log, LOG_BYTES_MAX) == 0 && log.size > 0) {
        size_t from = log.size > TAIL_BYTES ? log.size - TAIL_BYTES : 0;
        text_addf(out, ":\n%s", text_str(&log) + from);
    }
    text_free(&log);
}

int program_look(struct program *program, struct error *err)
{
    int status;
    pid_t ended = waitpid(program->pid, &status, WNOHANG);
    if (ended == 0 || (ended < 0 && errno == EINTR))
        return 1;
    pid_t group = program->pid;
    program->pid = 0;
    if (ended < 0)
        return error_set(err, EXIT_ENVIRONMENT, -errno, "%s: %s", program->name, strerror(errno));
    kill(-group, SIGKILL); /* What it left running. */
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    struct text tail = {0};
    add_tail(program, &tail);
    int code =
        error_set(err, EXIT_ENVIRONMENT, -ECHILD, "%s %s %d%s", program->name,
                  WIFEXITED(status) ? "ended with exit status" : "was killed by signal",
                  WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status), text_str(&tail));
    text_free(&tail);
    return code;
}

void program_kill(struct program *program)
{
    int status;
    if (program->pid == 0)
        return;
    kill(-program->pid, SIGKILL);
    while (waitpid(program->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    program->pid = 0;
}
