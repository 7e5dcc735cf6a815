/* A device is held by listening on an abstract socket of its name: the kernel frees it with the
 * process, and like network interfaces such names are of one network namespace. */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "net/net_device.h"

static socklen_t lock_address(const char *device, struct sockaddr_un *address)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    /* The first byte is 0: abstract. */
    const int chars =
        snprintf(address->sun_path + 1, sizeof(address->sun_path) - 1, "seamline-port:%s", device);
    const size_t most = sizeof(address->sun_path) - 2;
    const size_t used = (size_t)chars < most ? (size_t)chars : most;
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + used);
}

/* Process id of the holder, 0 when it cannot be told. */
static int holder_of(const struct sockaddr_un *address, socklen_t length)
{
    struct ucred holder = {0};
    socklen_t size = sizeof(holder);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return 0;
    if (connect(fd, (const struct sockaddr *)address, length) < 0 ||
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &holder, &size) < 0)
        holder.pid = 0;
    close(fd);
    return holder.pid;
}

int net_lock(const char *device, struct error *err)
{
    struct sockaddr_un address;
    const socklen_t length = lock_address(device, &address);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return error_set(err, EXIT_ENVIRONMENT, -errno, "cannot make a socket to hold %s: %s",
                         device, strerror(errno));
    if (bind(fd, (const struct sockaddr *)&address, length) == 0 && listen(fd, 8) == 0)
        return fd;
    const int code = errno == EADDRINUSE ? -EBUSY : -errno;
    close(fd);
    if (code != -EBUSY)
        return error_set(err, EXIT_ENVIRONMENT, code, "cannot hold %s: %s", device,
                         strerror(-code));
    return error_set(
        err, EXIT_ENVIRONMENT, code,
        "%s is held by another seamline (process %d): let it end, or name another port", device,
        holder_of(&address, length));
}
