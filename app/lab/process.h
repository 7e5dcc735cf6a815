/* process.h - the processes of pods.
 *
 * A pod's process is the first of a PID namespace of its own, so that all its children end with it,
 * and is killed by the kernel when the daemon ends. As in a container, SIGTERM does nothing to a
 * program that does not handle it.
 *
 * Threads: the daemon's one. Root.
 */
#ifndef LAB_PROCESS_H
#define LAB_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

struct process {
    pid_t pid;  /* As the daemon sees it; 0 when there is none. */
    int pid_fd; /* Readable when it has ended; -1 when there is none. */
};

struct process_spec {
    const char *const *argv;  /* NULL-terminated; argv[0] is a path. */
    char *const *environment; /* NULL-terminated. */
    const char *hostname;     /* NULL: the daemon's; no UTS namespace then. */
    int netns_fd;             /* Where it runs. */
    int output_fd;            /* Its standard output and error. */
    int truth_fd;             /* Becomes its descriptor 3; -1: none. */
    bool own_pids;            /* The first of a new PID namespace. */
};

/* 0 or -errno. A program that cannot be executed exits with 127. */
int process_start(struct process *process, const struct process_spec *spec);
/* Send SIGNAL; -ESRCH when it has ended. */
int process_signal(const struct process *process, int signal);
/* Once pid_fd is readable (or to wait): take the wait status and forget the process. */
int process_reap(struct process *process);

#endif
