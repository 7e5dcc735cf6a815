/* netns.h - network namespaces without names.
 *
 * A namespace is an open file descriptor of the daemon and nothing else: when the daemon ends,
 * however it ends, the kernel takes the namespace and all links in it away. Nothing is left to be
 * swept.
 *
 * Threads: the daemon's one; netns_enter() changes the calling thread. Root.
 */
#ifndef LAB_NETNS_H
#define LAB_NETNS_H

/* The namespace that the thread is in; an fd (close-on-exec) or -errno. */
int netns_current(void);
/* A fresh one, with lo up; the thread stays where it was. An fd (close-on-exec) or -errno. */
int netns_new(void);
/* 0 or -errno. */
int netns_enter(int netns_fd);
/* Write VALUE to /proc/sys/net/NAME inside NETNS_FD, coming back to HOME_FD. 0 or -errno. */
int netns_sysctl(int netns_fd, int home_fd, const char *name, const char *value);

#endif
