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

#include "base/base64.h"
#include "base/json.h"
#include "base/stop.h"
#include "base/text.h"

extern char **environ;

enum {
    LOOK_MS = 20
};

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
static char *make_info(const struct kubeconfig *config);
static void command_free(struct command *command);
static int start(const struct command *command, int out_fd, pid_t *pid);
static int read_some(struct kube_exec *run);
static int judge(int status, struct error *err);
static int copy_pem(const cJSON *json, const char *path, char **out);
static void replace(char **what, char *with);
static void wipe(char *secret);
static void name_program(const struct kubeconfig *config, struct error *err);
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

int kube_exec_start(struct kube_exec *run, const struct kubeconfig *config, struct error *err)
{
    struct command *command = calloc(1, sizeof(*command));
    int fds[2];
    *run = (struct kube_exec){.end_ms = monotonic_ms() + KUBE_EXEC_MS};
    if (command == NULL)
        return error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory");
    int code = prepare(config, command, err);
    if (code == 0 && pipe2(fds, O_CLOEXEC) < 0)
        code = error_set(err, EXIT_ENVIRONMENT, -errno, "pipe: %s", strerror(errno));
    else if (code == 0) {
        code = start(command, fds[1], &run->pid);
        close(fds[1]);
        run->out_fd = fds[0];
        if (code < 0) {
            close(fds[0]);
            error_set(err, EXIT_ENVIRONMENT, code, "%s; is it installed?", strerror(-code));
        } else {
            fcntl(run->out_fd, F_SETFL, O_NONBLOCK);
        }
    }
    command_free(command);
    if (code < 0) {
        *run = (struct kube_exec){0};
        name_program(config, err);
    }
    return code;
}

int kube_exec_look(struct kube_exec *run, struct kubeconfig *config, struct error *err)
{
    int status = 0;
    /* First: what an ended program printed is all there. */
    pid_t ended = waitpid(run->pid, &status, WNOHANG);
    int code = read_some(run);
    if (code == 0 && ended == 0 && monotonic_ms() < run->end_ms)
        return 1;
    if (ended != 0)
        run->pid = 0;
    if (code < 0 || ended == 0)
        error_set(err, EXIT_ENVIRONMENT, code < 0 ? code : -ETIMEDOUT,
                  "it did not end within %d s, or printed more than %d bytes", KUBE_EXEC_MS / 1000,
                  KUBE_EXEC_BYTES_MAX);
    if (code == 0)
        code = ended == 0 ? -ETIMEDOUT : judge(status, err);
    if (code == 0)
        code = kube_exec_take(config, text_str(&run->out), run->out.size, err);
    kube_exec_stop(run);
    if (code < 0)
        name_program(config, err);
    return code;
}

void kube_exec_stop(struct kube_exec *run)
{
    if (run->pid > 0) {
        kill(-run->pid, SIGKILL);
        while (waitpid(run->pid, NULL, 0) < 0 && errno == EINTR)
            continue;
    }
    if (run->end_ms != 0 && run->out_fd >= 0)
        close(run->out_fd);
    if (run->out.data != NULL)
        explicit_bzero(run->out.data, run->out.size);
    text_free(&run->out);
    *run = (struct kube_exec){0};
}

int kube_exec_run(struct kubeconfig *config, struct error *err)
{
    struct kube_exec run;
    int code = kube_exec_start(&run, config, err);
    if (code < 0)
        return code;
    while ((code = kube_exec_look(&run, config, err)) == 1) {
        struct pollfd wait = {.fd = run.out_fd, .events = POLLIN};
        if (stop_is_wanted()) {
            kube_exec_stop(&run);
            return error_set(err, EXIT_INTERRUPTED, -EINTR, "interrupted");
        }
        poll(&wait, 1, LOOK_MS); /* Its end need not be seen there. */
    }
    return code;
}

int kube_exec_take(struct kubeconfig *config, const char *bytes, size_t size, struct error *err)
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
    if (code == 0)
        code = copy_pem(json, "status.clientCertificateData", &cert);
    if (code == 0)
        code = copy_pem(json, "status.clientKeyData", &key);
    if (code < 0 || (cert == NULL) != (key == NULL) || strpbrk(token, "\r\n") != NULL)
        code = error_set(err, EXIT_ENVIRONMENT, -EBADMSG,
                         "its token has a line break, or certificate and key are no PEM of both");
    else if (token[0] == '\0' && cert == NULL)
        code = error_set(err, EXIT_ENVIRONMENT, -EBADMSG, "it gave neither token nor certificate");
    else if (token[0] != '\0' && (copy = strdup(token)) == NULL)
        code = error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory");
    if (code == 0) {
        int64_t utc_ns = expires[0] == '\0' ? INT64_MIN : json_parse_time(expires);
        config->expires_utc_ns = utc_ns == INT64_MIN ? INT64_MAX : utc_ns;
        replace(&config->token, copy);
        replace(&config->client_cert_pem, cert);
        replace(&config->client_key_pem, key);
    } else {
        wipe(cert);
        wipe(key);
    }
    cJSON_Delete(json);
    return code;
}

/* By WITH, unless that is NULL. */
static void replace(char **what, char *with)
{
    if (with == NULL)
        return;
    wipe(*what);
    *what = with;
}

static void wipe(char *secret)
{
    if (secret != NULL)
        explicit_bzero(secret, strlen(secret));
    free(secret);
}

static void name_program(const struct kubeconfig *config, struct error *err)
{
    error_wrap(err, "credentials of exec %s", json_string(config->exec, "command", ""));
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
    char *info = make_info(config);
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

/* The cluster is told where the user says so (provideClusterInfo). */
static char *make_info(const struct kubeconfig *config)
{
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "apiVersion", json_string(config->exec, "apiVersion", ""));
    cJSON_AddStringToObject(json, "kind", "ExecCredential");
    cJSON *spec = json_make(json, "spec");
    cJSON_AddFalseToObject(spec, "interactive");
    if (json_bool(config->exec, "provideClusterInfo", false)) {
        struct text authority = {0};
        cJSON *cluster = cJSON_AddObjectToObject(spec, "cluster");
        cJSON_AddStringToObject(cluster, "server", config->server);
        cJSON_AddBoolToObject(cluster, "insecure-skip-tls-verify", config->insecure);
        if (config->tls_server_name != NULL)
            cJSON_AddStringToObject(cluster, "tls-server-name", config->tls_server_name);
        if (config->proxy_url != NULL)
            cJSON_AddStringToObject(cluster, "proxy-url", config->proxy_url);
        if (config->ca_pem != NULL)
            base64_add(&authority, config->ca_pem, strlen(config->ca_pem));
        if (authority.size > 0)
            cJSON_AddStringToObject(cluster, "certificate-authority-data", text_str(&authority));
        text_free(&authority);
    }
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

static int start(const struct command *command, int out_fd, pid_t *pid)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none, ours;
    sigemptyset(&none);
    sigemptyset(&ours);
    sigaddset(&ours, SIGPIPE);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &ours); /* What was ignored would stay so. */
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                              POSIX_SPAWN_SETSIGDEF);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, out_fd, STDOUT_FILENO);
    /* A device or hugepage of ours that it kept would be busy for the next run. */
    posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
    int code =
        posix_spawnp(pid, command->path, &files, &attributes, command->argv, command->environment);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    return -code;
}

/* What is there now. 0, or -errno. */
static int read_some(struct kube_exec *run)
{
    char part[4096];
    ssize_t got;
    while (run->out_fd >= 0) {
        got = read(run->out_fd, part, sizeof(part));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return errno == EAGAIN ? 0 : -errno;
        if (got == 0) {
            close(run->out_fd);
            run->out_fd = -1;
        } else {
            text_add_bytes(&run->out, part, (size_t)got);
        }
        if (run->out.size > KUBE_EXEC_BYTES_MAX)
            return -EFBIG;
    }
    return 0;
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
