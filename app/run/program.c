#include "run/program.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
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

/* In the child: become the program. Returns the errno of what did not work. */
static int become(const struct program_plan *plan, char *const *env, pid_t parent)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        return errno;
    if (getppid() != parent)
        return ESRCH;
    int in = open("/dev/null", O_RDONLY);
    int out = open(plan->log, O_WRONLY | O_CREAT | O_APPEND, 0666);
    if (in < 0 || out < 0 || dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
        dup2(out, STDERR_FILENO) < 0 || chdir(plan->folder) < 0 || setpgid(0, 0) < 0)
        return errno;
    close(in);
    close(out);
    /* Devices, hugepages and sockets that libraries opened are ours alone. */
    if (close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
        return errno;
    signal(SIGPIPE, SIG_DFL);
    execvpe(plan->arguments[0], (char *const *)(uintptr_t)plan->arguments, env);
    return errno;
}

/* The pipe closes when the program runs; before that it brings what did not work. */
static int spawn(pid_t *pid, const struct program_plan *plan, char *const *env)
{
    int pipe_fds[2], problem = 0;
    pid_t parent = getpid();
    if (pipe2(pipe_fds, O_CLOEXEC) < 0)
        return -errno;
    *pid = fork();
    if (*pid == 0) {
        problem = become(plan, env, parent);
        while (write(pipe_fds[1], &problem, sizeof(problem)) < 0 && errno == EINTR)
            continue;
        _exit(127);
    }
    problem = *pid < 0 ? errno : 0;
    close(pipe_fds[1]);
    ssize_t got;
    while (*pid > 0 && (got = read(pipe_fds[0], &problem, sizeof(problem))) < 0 && errno == EINTR)
        continue;
    close(pipe_fds[0]);
    if (problem != 0 && *pid > 0)
        waitpid(*pid, NULL, 0);
    return -problem;
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
