#include "lab/lab.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "lab/object.h"
#include "lab/pod_server.h"

enum {
    WORDS_MAX = 48,
    ENVIRONMENT_MAX = 64,
    OWN_WORDS = 12
};

static const char pod_program[] = "seamline-pod";
static const char nginx_program[] = "nginx";

struct words {
    char *text;                  /* Copy that the first words point into. */
    char paths[3][512];          /* What the lab adds to them. */
    char start[32];              /* The lab's start, likewise. */
    char host[POD_HOST_BYTES];   /* The pod's host name, likewise. */
    const char *argv[WORDS_MAX]; /* NULL-terminated. */
    int count;                   /* Without the NULL. */
};

/* The program of IMAGE: as mapped, else seamline-pod. */
static const char *program_of(const struct lab_config *config, const char *image)
{
    size_t size = strlen(image);

    for (unsigned i = 0; i < config->image_count; i++) {
        if (strncmp(config->images[i], image, size) == 0 && config->images[i][size] == '=')
            return config->images[i] + size + 1;
    }
    return pod_program;
}

static void split(struct words *words, const char *program)
{
    char *rest, *word;

    words->text = strdup(program);
    words->count = 0;
    rest = words->text;
    while ((word = strsep(&rest, " ")) != NULL && words->count < WORDS_MAX - OWN_WORDS - 1) {
        if (word[0] != '\0')
            words->argv[words->count++] = word;
    }
    words->argv[words->count] = NULL;
}

/* seamline-pod stands beside seamline-lab, also in a build folder. */
static void own_program(char out[512])
{
    ssize_t size = readlink("/proc/self/exe", out, 500 - sizeof(pod_program));
    char *slash;

    if (size <= 0)
        size = 0;
    out[size] = '\0';
    slash = strrchr(out, '/');
    strcpy(slash != NULL ? slash + 1 : out, pod_program);
}

static bool is_program(const char *path, const char *program)
{
    const char *base = strrchr(path, '/');
    return strcmp(base != NULL ? base + 1 : path, program) == 0;
}

/* Found by PATH, as execvpe() will. */
static bool executable(const char *program)
{
    char path[512];
    static const char *const folders[] = {"/usr/local/sbin", "/usr/local/bin", "/usr/sbin",
                                          "/usr/bin",        "/sbin",          "/bin"};

    if (strchr(program, '/') != NULL)
        return access(program, X_OK) == 0;
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", folders[i], program);
        if (access(path, X_OK) == 0)
            return true;
    }
    return false;
}

/* By which a program takes code that nobody chose by --image. */
static bool loads_code(const char *name)
{
    static const char *const beginnings[] = {"LD_", "GCONV_PATH", "OPENSSL_"};

    for (size_t i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++) {
        if (strncmp(name, beginnings[i], strlen(beginnings[i])) == 0)
            return true;
    }
    return false;
}

static size_t environment_of(const cJSON *container, bool allowed, char **out)
{
    const cJSON *item;
    size_t count = 0;

    out[count++] = strdup("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    cJSON_ArrayForEach(item, json_at(container, "env"))
    {
        const char *name = json_string(item, "name", ""), *value = json_string(item, "value", "");
        size_t size = strlen(name) + strlen(value) + 2;

        if (name[0] == '\0' || count == ENVIRONMENT_MAX - 1 || (!allowed && loads_code(name)))
            continue;
        out[count] = malloc(size);
        if (out[count] != NULL)
            snprintf(out[count++], size, "%s=%s", name, value);
    }
    out[count] = NULL;
    return count;
}

/* A host name has at most 63 bytes. As a kubelet does, that of a pod with a longer name is cut. */
static void hostname_of(const struct lab_pod *pod, char out[POD_HOST_BYTES])
{
    size_t size = strnlen(pod->name, POD_HOST_BYTES - 1);

    while (size > 0 && (pod->name[size - 1] == '-' || pod->name[size - 1] == '.'))
        size--;
    snprintf(out, POD_HOST_BYTES, "%.*s", (int)size, pod->name);
}

static int run(struct lab *lab, struct lab_pod *pod, struct process *process,
               struct lab_source *source, const char *const *argv, const cJSON *container,
               int beside_fd)
{
    char *environment[ENVIRONMENT_MAX] = {0}, hostname[POD_HOST_BYTES];
    size_t count = environment_of(container, lab->config->allow_commands, environment);
    const struct process_spec spec = {
        .argv = argv,
        .environment = environment,
        .hostname = hostname,
        .netns_fd = pod->place.netns_fd,
        .output_fd = lab->log_fd,
        .truth_fd = lab->truth.fd,
        .beside_fd = beside_fd,
    };
    int rc;

    hostname_of(pod, hostname);
    rc = process_start(process, &spec);
    for (size_t i = 0; i < count; i++)
        free(environment[i]);
    if (rc < 0)
        return rc;
    rc = lab_watch(lab, process->pid_fd, EPOLLIN, source);
    if (rc < 0) { /* Nobody would hear of its end. */
        process_signal(process, SIGKILL);
        process_reap(process);
    }
    return rc;
}

static void add_word(struct words *words, const char *word)
{
    if (words->count == WORDS_MAX - 1)
        return;
    words->argv[words->count++] = word;
    words->argv[words->count] = NULL;
}

static void add_list(struct words *words, const cJSON *list)
{
    const cJSON *word;

    cJSON_ArrayForEach(word, list)
    {
        if (cJSON_IsString(word))
            add_word(words, word->valuestring);
    }
}

static const char *path_in(const struct lab *lab, char out[512], const char *name)
{
    snprintf(out, 512, "%s/%s", lab->config->dir, name);
    return out;
}

static void complete_own(const struct lab *lab, const struct lab_pod *pod, struct words *words)
{
    own_program(words->paths[0]);
    words->argv[0] = words->paths[0];
    snprintf(words->start, sizeof(words->start), "%lld", (long long)lab->truth.start_ns);
    hostname_of(pod, words->host);
    add_word(words, "--hostname");
    add_word(words, words->host);
    add_word(words, "--truth-fd");
    add_word(words, "3");
    add_word(words, "--truth-start");
    add_word(words, words->start);
    add_word(words, "--certificate");
    add_word(words, path_in(lab, words->paths[1], "tls.crt"));
    add_word(words, "--key");
    add_word(words, path_in(lab, words->paths[2], "tls.key"));
}

/* As a container runtime does: `command` stands instead of the image's program, `args` after it. */
static void words_of(const struct lab *lab, const struct lab_pod *pod, const cJSON *container,
                     struct words *words)
{
    const cJSON *command = json_at(container, "command");
    bool allowed = lab->config->allow_commands;

    *words = (struct words){0};
    if (lab_proxy_is(lab, pod)) {
        /* The work is the daemon's: this is there to be started, and to end when it is told. */
        add_word(words, "sh");
        add_word(words, "-c");
        add_word(words, "trap 'exit 0' TERM; sleep infinity & wait");
        return;
    }
    if (allowed && cJSON_GetArraySize(command) > 0)
        add_list(words, command);
    else
        split(words,
              lab_ingress_is(lab, pod) ? nginx_program : program_of(lab->config, pod->image));
    if (words->count > 0 && is_program(words->argv[0], pod_program)) {
        complete_own(lab, pod, words);
    } else if (words->count == 1 && is_program(words->argv[0], nginx_program)) {
        add_word(words, "-c");
        add_word(words, path_in(lab, words->paths[0],
                                lab_ingress_is(lab, pod) ? "ingress.conf" : "nginx.conf"));
    }
    if (allowed)
        add_list(words, json_at(container, "args"));
}

bool lab_pod_has_command(const cJSON *object)
{
    const cJSON *container = cJSON_GetArrayItem(json_at(object, "spec.containers"), 0);

    return cJSON_GetArraySize(json_at(container, "command")) > 0 ||
           cJSON_GetArraySize(json_at(container, "args")) > 0;
}

int lab_pod_start(struct lab *lab, struct lab_pod *pod, const cJSON *object)
{
    const cJSON *container = cJSON_GetArrayItem(json_at(object, "spec.containers"), 0);
    struct words words;
    int rc = -ENOENT;

    words_of(lab, pod, container, &words);
    if (words.count > 0 && executable(words.argv[0]))
        rc = run(lab, pod, &pod->process, &pod->process_source, words.argv, container, -1);
    free(words.text);
    return rc;
}

int lab_pod_start_hook(struct lab *lab, struct lab_pod *pod, const cJSON *object)
{
    const cJSON *container = cJSON_GetArrayItem(json_at(object, "spec.containers"), 0);
    const char *argv[WORDS_MAX] = {0};
    const cJSON *word;
    int count = 0;

    if (!lab->config->allow_commands)
        return -EPERM;
    cJSON_ArrayForEach(word, json_at(container, "lifecycle.preStop.exec.command"))
    {
        if (cJSON_IsString(word) && count < WORDS_MAX - 1)
            argv[count++] = word->valuestring;
    }
    if (count == 0)
        return -ENOENT;
    return run(lab, pod, &pod->hook, &pod->hook_source, argv, container, pod->process.pid_fd);
}
