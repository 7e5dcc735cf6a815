#include "lab/process.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    TRUTH_FD = 3
};

/* In the child, up to exec; only calls that are safe after fork. */
static _Noreturn void child(const struct process_spec *spec)
{
    sigset_t none;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (setns(spec->netns_fd, CLONE_NEWNET) < 0)
        _exit(126);
    if (spec->hostname != NULL && sethostname(spec->hostname, strlen(spec->hostname)) < 0)
        _exit(126);
    dup2(spec->output_fd, 1);
    dup2(spec->output_fd, 2);
    close(0);
    if (spec->truth_fd >= 0 && dup2(spec->truth_fd, TRUTH_FD) < 0)
        _exit(126);
    execvpe(spec->argv[0], (char *const *)(uintptr_t)spec->argv, spec->environment);
    dprintf(2, "%s: %s\n", spec->argv[0], strerror(errno));
    _exit(127);
}

static int start(struct process *process, const struct process_spec *spec, unsigned long flags)
{
    int pid_fd = -1;
    long pid = syscall(SYS_clone, flags, NULL, &pid_fd, NULL, 0);

    if (pid < 0)
        return -errno;
    if (pid == 0)
        child(spec);
    process->pid = (pid_t)pid;
    process->pid_fd = pid_fd;
    return 0;
}

/* Entering a PID namespace is for the children that come after it. */
static int start_beside(struct process *process, const struct process_spec *spec,
                        unsigned long flags)
{
    int own_fd = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
    int rc = own_fd < 0 || setns(spec->beside_fd, CLONE_NEWPID) < 0 ? -errno : 0;

    if (rc == 0) {
        rc = start(process, spec, flags);
        if (setns(own_fd, CLONE_NEWPID) < 0)
            abort(); /* Whatever is started from here on would end with that pod. */
    }
    if (own_fd >= 0)
        close(own_fd);
    return rc;
}

int process_start(struct process *process, const struct process_spec *spec)
{
    unsigned long flags = CLONE_PIDFD | SIGCHLD;

    if (spec->hostname != NULL)
        flags |= CLONE_NEWUTS;
    if (spec->beside_fd >= 0)
        return start_beside(process, spec, flags);
    return start(process, spec, flags | CLONE_NEWPID);
}

void process_allow_files(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

int process_signal(const struct process *process, int signal)
{
    if (process->pid == 0)
        return -ESRCH;
    return pidfd_send_signal(process->pid_fd, signal, NULL, 0) < 0 ? -errno : 0;
}

int process_reap(struct process *process)
{
    int status = 0;

    while (waitpid(process->pid, &status, 0) < 0 && errno == EINTR)
        ;
    close(process->pid_fd);
    *process = (struct process){.pid_fd = -1};
    return status;
}
