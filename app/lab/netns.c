#include "lab/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

int netns_current(void)
{
    int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int netns_enter(int netns_fd)
{
    return setns(netns_fd, CLONE_NEWNET) < 0 ? -errno : 0;
}

static int loopback_up(void)
{
    struct ifreq request = {.ifr_flags = IFF_UP | IFF_LOOPBACK};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int rc;

    if (fd < 0)
        return -errno;
    strcpy(request.ifr_name, "lo");
    rc = ioctl(fd, SIOCSIFFLAGS, &request) < 0 ? -errno : 0;
    close(fd);
    return rc;
}

int netns_new(void)
{
    int home_fd = netns_current();
    int fd, rc;

    if (home_fd < 0)
        return home_fd;
    if (unshare(CLONE_NEWNET) < 0) {
        rc = -errno;
        close(home_fd);
        return rc;
    }
    rc = loopback_up();
    fd = rc < 0 ? rc : netns_current();
    rc = netns_enter(home_fd);
    close(home_fd);
    if (rc < 0 && fd >= 0)
        close(fd);
    return rc < 0 ? rc : fd;
}

static int write_sysctl(const char *name, const char *value)
{
    char path[256];
    ssize_t done;
    int fd, rc = 0;

    snprintf(path, sizeof(path), "/proc/sys/net/%s", name);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    done = write(fd, value, strlen(value));
    if (done < 0)
        rc = -errno;
    close(fd);
    return rc;
}

int netns_sysctl(int netns_fd, int home_fd, const char *name, const char *value)
{
    int rc = netns_enter(netns_fd);

    if (rc < 0)
        return rc;
    rc = write_sysctl(name, value);
    return netns_enter(home_fd) < 0 ? -EIO : rc;
}
