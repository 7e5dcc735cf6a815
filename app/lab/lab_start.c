#include "lab/lab.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "lab/object.h"

enum {
    WORDS_MAX = 48,
    ENVIRONMENT_MAX = 64,
    OWN_WORDS = 8
};

static const char pod_program[] = "seamline-pod";

struct words {
    char *text;                  /* Copy that the words point into. */
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

static bool is_own(const char *program)
{
    const char *base = strrchr(program, '/');
    return strcmp(base != NULL ? base + 1 : program, pod_program) == 0;
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

static size_t environment_of(const cJSON *container, char **out)
{
    const cJSON *item;
    size_t count = 0;

    out[count++] = strdup("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    cJSON_ArrayForEach(item, json_at(container, "env"))
    {
        const char *name = json_string(item, "name", ""), *value = json_string(item, "value", "");
        size_t size = strlen(name) + strlen(value) + 2;

        if (name[0] == '\0' || count == ENVIRONMENT_MAX - 1)
            continue;
        out[count] = malloc(size);
        if (out[count] != NULL)
            snprintf(out[count++], size, "%s=%s", name, value);
    }
    out[count] = NULL;
    return count;
}

static int run(struct lab *lab, struct lab_pod *pod, struct process *process,
               struct lab_source *source, const char *const *argv, const cJSON *container,
               bool own_pids)
{
    char *environment[ENVIRONMENT_MAX] = {0};
    size_t count = environment_of(container, environment);
    const struct process_spec spec = {
        .argv = argv,
        .environment = environment,
        .hostname = pod->name,
        .netns_fd = pod->place.netns_fd,
        .output_fd = lab->log_fd,
        .truth_fd = lab->truth.fd,
        .own_pids = own_pids,
    };
    int rc = process_start(process, &spec);

    for (size_t i = 0; i < count; i++)
        free(environment[i]);
    if (rc == 0)
        rc = lab_watch(lab, process->pid_fd, EPOLLIN, source);
    return rc;
}

int lab_pod_start(struct lab *lab, struct lab_pod *pod, const cJSON *object)
{
    const cJSON *container = cJSON_GetArrayItem(json_at(object, "spec.containers"), 0);
    char own[512], start[32];
    struct words words;
    int rc = -ENOENT;

    split(&words, program_of(lab->config, pod->image));
    if (words.count > 0 && is_own(words.argv[0])) {
        own_program(own);
        words.argv[0] = own;
        snprintf(start, sizeof(start), "%lld", (long long)lab->truth.start_ns);
        words.argv[words.count++] = "--hostname";
        words.argv[words.count++] = pod->name;
        words.argv[words.count++] = "--truth-fd";
        words.argv[words.count++] = "3";
        words.argv[words.count++] = "--truth-start";
        words.argv[words.count++] = start;
        words.argv[words.count] = NULL;
    }
    if (words.count > 0 && executable(words.argv[0]))
        rc = run(lab, pod, &pod->process, &pod->process_source, words.argv, container, true);
    free(words.text);
    return rc;
}

int lab_pod_start_hook(struct lab *lab, struct lab_pod *pod, const cJSON *object)
{
    const cJSON *container = cJSON_GetArrayItem(json_at(object, "spec.containers"), 0);
    const char *argv[WORDS_MAX] = {0};
    const cJSON *word;
    int count = 0;

    cJSON_ArrayForEach(word, json_at(container, "lifecycle.preStop.exec.command"))
    {
        if (cJSON_IsString(word) && count < WORDS_MAX - 1)
            argv[count++] = word->valuestring;
    }
    if (count == 0)
        return -ENOENT;
    return run(lab, pod, &pod->hook, &pod->hook_source, argv, container, false);
}
