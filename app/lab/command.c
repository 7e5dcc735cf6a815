#include "lab/command.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab/netns.h"

enum {
    OUTPUT_LIMIT_BYTES = 8 << 20
};

static int memory_file(const char *content)
{
    int fd = memfd_create("seamline-lab", MFD_CLOEXEC);
    size_t left = content == NULL ? 0 : strlen(content);

    if (fd < 0)
        return -errno;
    while (left > 0) {
        ssize_t done = write(fd, content, left);
        if (done <= 0) {
            close(fd);
            return -ENOSPC;
        }
        content += done;
        left -= (size_t)done;
    }
    lseek(fd, 0, SEEK_SET);
    return fd;
}

static int spawn(struct command *command, int in_fd, const char *const *argv)
{
    static char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
    char *environment[] = {path, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    int rc;

    sigemptyset(&none);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in_fd, 0);
    posix_spawn_file_actions_adddup2(&actions, command->out_fd, 1);
    posix_spawn_file_actions_adddup2(&actions, command->out_fd, 2);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setsigmask(&attributes, &none);
    rc = -posix_spawnp(&command->pid, argv[0], &actions, &attributes,
                       (char *const *)(uintptr_t)argv, environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return rc;
}

int command_start(struct command *command, int netns_fd, int home_fd, const char *const *argv,
                  const char *input)
{
    int in_fd = memory_file(input);
    int rc;

    *command = (struct command){.pid_fd = -1, .out_fd = -1};
    if (in_fd < 0)
        return in_fd;
    command->out_fd = memory_file(NULL);
    rc = command->out_fd < 0 ? command->out_fd : netns_enter(netns_fd);
    if (rc == 0) {
        rc = spawn(command, in_fd, argv);
        if (netns_enter(home_fd) < 0)
            abort(); /* Going on in a pod's namespace would only do harm. */
    }
    close(in_fd);
    if (rc == 0) {
        command->pid_fd = pidfd_open(command->pid, 0);
        if (command->pid_fd >= 0)
            return 0;
        rc = -errno;
        kill(command->pid, SIGKILL);
        waitpid(command->pid, NULL, 0);
    }
    if (command->out_fd >= 0)
        close(command->out_fd);
    *command = (struct command){.pid_fd = -1, .out_fd = -1};
    return rc;
}

static void take_output(int fd, struct text *out)
{
    char bytes[4096];
    ssize_t size;

    if (out == NULL)
        return;
    lseek(fd, 0, SEEK_SET);
    while (out->size < OUTPUT_LIMIT_BYTES && (size = read(fd, bytes, sizeof(bytes))) > 0)
        text_add_bytes(out, bytes, (size_t)size);
}

int command_finish(struct command *command, struct text *out)
{
    int status = 0;

    while (waitpid(command->pid, &status, 0) < 0 && errno == EINTR)
        ;
    take_output(command->out_fd, out);
    close(command->pid_fd);
    close(command->out_fd);
    *command = (struct command){.pid_fd = -1, .out_fd = -1};
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EIO;
}

int command_run(int netns_fd, int home_fd, const char *const *argv, const char *input,
                struct text *out, struct error *err)
{
    struct command command;
    struct text own = {0};
    int rc = command_start(&command, netns_fd, home_fd, argv, input);

    if (rc < 0)
        return error_set(err, EXIT_ENVIRONMENT, rc, "%s cannot be started: %s; is it installed?",
                         argv[0], strerror(-rc));
    rc = command_finish(&command, &own);
    if (rc < 0)
        error_set(err, EXIT_ENVIRONMENT, rc, "%s %s failed: %.600s", argv[0],
                  argv[1] != NULL ? argv[1] : "", text_str(&own));
    if (out != NULL)
        text_add_bytes(out, text_str(&own), own.size);
    text_free(&own);
    return rc;
}
