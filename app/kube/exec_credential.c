#include "kube/exec_credential.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"
#include "base/text.h"

extern char **environ;

static const char *const versions[] = {"client.authentication.k8s.io/v1",
                                       "client.authentication.k8s.io/v1beta1"};

/* What it is started with. */
struct command {
    char path[PATH_MAX];
    char *argv[KUBE_EXEC_WORDS_MAX + 2];
    char **environment;
    size_t environment_count;
    char *own[KUBE_EXEC_WORDS_MAX + 1]; /* Those of it that are ours to free. */
    size_t own_count;
};

static int prepare(const struct kubeconfig *config, struct command *command, struct error *err);
static bool add_variable(struct command *command, const char *name, const char *value);
static char *make_info(const char *version);
static void command_free(struct command *command);
static int run(const struct command *command, struct text *out, struct error *err);
static int start(const struct command *command, int out_fd, pid_t *pid);
static int read_all(int fd, struct text *out);
static int judge(int status, struct error *err);
static int copy_pem(const cJSON *json, const char *path, char **out);
static int64_t monotonic_ms(void);

int kube_exec_check(const cJSON *exec, struct error *err)
{
    const char *version = json_string(exec, "apiVersion", "");
    const char *command = json_string(exec, "command", "");
    bool known = strcmp(version, versions[0]) == 0 || strcmp(version, versions[1]) == 0;
    if (command[0] == '\0')
        return error_set(err, EXIT_USAGE, -EINVAL, "exec: it has no command");
    if (!known)
        return error_set(err, EXIT_USAGE, -ENOTSUP,
                         "exec: %s: apiVersion \"%.80s\" is not known; want %s or v1beta1", command,
                         version, versions[0]);
    if (strcmp(json_string(exec, "interactiveMode", ""), "Always") == 0)
        return error_set(err, EXIT_USAGE, -ENOTSUP,
                         "exec: %s wants a terminal (interactiveMode Always), which it does not "
                         "get here: give a token instead",
                         command);
    if (cJSON_GetArraySize(json_member(exec, "args")) > KUBE_EXEC_WORDS_MAX ||
        cJSON_GetArraySize(json_member(exec, "env")) >= KUBE_EXEC_WORDS_MAX)
        return error_set(err, EXIT_USAGE, -E2BIG, "exec: %s: more than %d args or env", command,
                         KUBE_EXEC_WORDS_MAX);
    return 0;
}

int kube_exec_run(struct kubeconfig *config, struct error *err)
{
    struct command *command = calloc(1, sizeof(*command));
    struct text out = {0};
    bool renew = config->token != NULL || config->client_cert_pem != NULL;
    if (command == NULL)
        return error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory");
    int code = prepare(config, command, err);
    if (code == 0)
        code = run(command, &out, err);
    if (code == 0)
        code = kube_exec_take(config, text_str(&out), out.size, renew, err);
    if (code < 0)
        error_wrap(err, "credentials of exec %s", json_string(config->exec, "command", ""));
    if (out.data != NULL)
        explicit_bzero(out.data, out.size);
    text_free(&out);
    command_free(command);
    return code;
}

int kube_exec_take(struct kubeconfig *config, const char *bytes, size_t size, bool renew,
                   struct error *err)
{
    cJSON *json = json_parse(bytes, size, NULL);
    const char *token = json_string(json, "status.token", "");
    const char *version = json_string(json, "apiVersion", "");
    const char *expires = json_string(json, "status.expirationTimestamp", "");
    char *copy = NULL, *cert = NULL, *key = NULL;
    int code = 0;
    if (strcmp(json_string(json, "kind", ""), "ExecCredential") != 0 ||
        strcmp(version, json_string(config->exec, "apiVersion", "")) != 0)
        code = error_set(err, EXIT_ENVIRONMENT, -EBADMSG,
                         "it printed no ExecCredential of %s: run it by hand to see what it says",
                         json_string(config->exec, "apiVersion", ""));
    if (code == 0 && !renew)
        code = copy_pem(json, "status.clientCertificateData", &cert);
    if (code == 0 && !renew)
        code = copy_pem(json, "status.clientKeyData", &key);
    if (code < 0 || (cert == NULL) != (key == NULL) || strpbrk(token, "\r\n") != NULL)
        code = error_set(err, EXIT_ENVIRONMENT, -EBADMSG,
                         "its token has a line break, or certificate and key are no PEM of both");
    else if (token[0] == '\0' && cert == NULL && !renew)
        code = error_set(err, EXIT_ENVIRONMENT, -EBADMSG, "it gave neither token nor certificate");
    else if (token[0] != '\0' && (copy = strdup(token)) == NULL)
        code = error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory");
    if (code == 0) {
        int64_t utc_ns = expires[0] == '\0' ? INT64_MIN : json_parse_time(expires);
        config->expires_utc_ns = utc_ns == INT64_MIN ? INT64_MAX : utc_ns;
        if (copy != NULL) {
            if (config->token != NULL)
                explicit_bzero(config->token, strlen(config->token));
            free(config->token);
            config->token = copy;
        }
        config->client_cert_pem = cert != NULL ? cert : config->client_cert_pem;
        config->client_key_pem = key != NULL ? key : config->client_key_pem;
    } else {
        free(cert);
        free(key);
    }
    cJSON_Delete(json);
    return code;
}

/* A command with a slash starts at the kubeconfig's folder, others are looked for in PATH. */
static int prepare(const struct kubeconfig *config, struct command *command, struct error *err)
{
    const char *program = json_string(config->exec, "command", "");
    const char *slash = strrchr(config->path, '/');
    const cJSON *item;
    size_t count = 0;
    if (strchr(program, '/') != NULL && program[0] != '/' && slash != NULL)
        snprintf(command->path, sizeof(command->path), "%.*s/%s", (int)(slash - config->path),
                 config->path, program);
    else
        snprintf(command->path, sizeof(command->path), "%s", program);
    command->argv[count++] = command->path;
    cJSON_ArrayForEach(item, json_member(config->exec, "args"))
    {
        if (!cJSON_IsString(item))
            return error_set(err, EXIT_USAGE, -EINVAL, "args: want texts alone");
        command->argv[count++] = item->valuestring;
    }
    while (environ[command->environment_count] != NULL)
        command->environment_count++;
    command->environment =
        calloc(command->environment_count + KUBE_EXEC_WORDS_MAX + 2, sizeof(char *));
    char *info = make_info(json_string(config->exec, "apiVersion", ""));
    bool good = command->environment != NULL && info != NULL;
    if (good)
        memcpy(command->environment, environ, command->environment_count * sizeof(char *));
    good = good && add_variable(command, "KUBERNETES_EXEC_INFO", info);
    cJSON_ArrayForEach(item, json_member(config->exec, "env"))
    {
        good = good &&
               add_variable(command, json_string(item, "name", ""), json_string(item, "value", ""));
    }
    cJSON_free(info);
    return good ? 0 : error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory");
}

/* In the place of one of that name, or at the end. */
static bool add_variable(struct command *command, const char *name, const char *value)
{
    char *line = NULL;
    size_t size = strlen(name), at = 0;
    if (asprintf(&line, "%s=%s", name, value) < 0)
        return false;
    command->own[command->own_count++] = line;
    while (at < command->environment_count &&
           !(strncmp(command->environment[at], name, size) == 0 &&
             command->environment[at][size] == '='))
        at++;
    command->environment_count += at == command->environment_count;
    command->environment[at] = line;
    return true;
}

static char *make_info(const char *version)
{
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "apiVersion", version);
    cJSON_AddStringToObject(json, "kind", "ExecCredential");
    cJSON_AddFalseToObject(json_make(json, "spec"), "interactive");
    char *printed = json_print(json, false);
    cJSON_Delete(json);
    return printed;
}

static void command_free(struct command *command)
{
    for (size_t i = 0; i < command->own_count; i++)
        free(command->own[i]);
    free(command->environment);
    free(command);
}

/* To its end, or KUBE_EXEC_MS: it and what it started are killed then. */
static int run(const struct command *command, struct text *out, struct error *err)
{
    int fds[2], status = 0;
    pid_t pid;
    if (pipe2(fds, O_CLOEXEC) < 0)
        return error_set(err, EXIT_ENVIRONMENT, -errno, "pipe: %s", strerror(errno));
    int code = start(command, fds[1], &pid);
    close(fds[1]);
    if (code < 0) {
        close(fds[0]);
        return error_set(err, EXIT_ENVIRONMENT, code, "%s; is it installed?", strerror(-code));
    }
    code = read_all(fds[0], out);
    close(fds[0]);
    if (code < 0)
        kill(-pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (code < 0)
        return error_set(err, EXIT_ENVIRONMENT, code,
                         "it did not end within %d s, or printed more "
                         "than %d bytes",
                         KUBE_EXEC_MS / 1000, KUBE_EXEC_BYTES_MAX);
    return judge(status, err);
}

static int start(const struct command *command, int out_fd, pid_t *pid)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, out_fd, STDOUT_FILENO);
    int code =
        posix_spawnp(pid, command->path, &files, &attributes, command->argv, command->environment);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    return -code;
}

static int read_all(int fd, struct text *out)
{
    char part[4096];
    int64_t end_ms = monotonic_ms() + KUBE_EXEC_MS;
    for (;;) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        int64_t left_ms = end_ms - monotonic_ms();
        if (left_ms <= 0)
            return -ETIMEDOUT;
        int ready = poll(&wait, 1, (int)left_ms);
        if (ready < 0 && errno != EINTR)
            return -errno;
        if (ready <= 0)
            continue;
        ssize_t got = read(fd, part, sizeof(part));
        if (got == 0)
            return 0;
        if (got < 0 && errno != EINTR)
            return -errno;
        if (got > 0)
            text_add_bytes(out, part, (size_t)got);
        if (out->size > KUBE_EXEC_BYTES_MAX)
            return -EFBIG;
    }
}

static int judge(int status, struct error *err)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    if (WIFEXITED(status))
        return error_set(err, EXIT_ENVIRONMENT, -EACCES, "it ended with status %d (see above)",
                         WEXITSTATUS(status));
    return error_set(err, EXIT_ENVIRONMENT, -EACCES, "it was ended by signal %d", WTERMSIG(status));
}

/* NULL when there is none. */
static int copy_pem(const cJSON *json, const char *path, char **out)
{
    const char *pem = json_string(json, path, "");
    if (pem[0] == '\0')
        return 0;
    if (strstr(pem, "-----BEGIN ") == NULL)
        return -EBADMSG;
    *out = strdup(pem);
    return *out == NULL ? -ENOMEM : 0;
}

static int64_t monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}
