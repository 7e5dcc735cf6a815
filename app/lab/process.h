/* process.h - the processes of pods.
 *
 * A pod's process is the first of a PID namespace of its own, so that all its children end with it,
 * and is killed by the kernel when the daemon ends. As in a container, SIGTERM does nothing to a
 * program that does not handle it, and a preStop program is in the same namespace: the pod's
 * process is its number 1, and what it leaves behind ends with the pod.
 *
 * Threads: the daemon's one. Root.
 */
#ifndef LAB_PROCESS_H
#define LAB_PROCESS_H

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
    int beside_fd;            /* pid_fd of the process whose PID namespace it joins; -1: it is the
                               * first of a new one. */
};

/* 0 or -errno; -ESRCH when there is nothing left beside which it could run. A program that cannot
 * be executed exits with 127. */
int process_start(struct process *process, const struct process_spec *spec);
/* Send SIGNAL; -ESRCH when it has ended. */
int process_signal(const struct process *process, int signal);
/* Let the calling process, and what it starts, have as many open files as the machine allows it:
 * what is usual without asking (1024) is less than a pod's connections, or the pods of a lab. */
void process_allow_files(void);
/* Once pid_fd is readable (or to wait): take the wait status and forget the process. */
int process_reap(struct process *process);

#endif
