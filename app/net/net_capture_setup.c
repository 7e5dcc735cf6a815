#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "net/net_device.h"

void net_capture_begin(struct net_capture *capture)
{
    *capture = (struct net_capture){.saved_fd = -1, .file_fd = -1};
    fflush(stderr);
    const int file_fd = memfd_create("seamline-log", MFD_CLOEXEC);
    const int saved_fd = dup(STDERR_FILENO);
    if (file_fd < 0 || saved_fd < 0 || dup2(file_fd, STDERR_FILENO) < 0) {
        if (file_fd >= 0)
            close(file_fd);
        if (saved_fd >= 0)
            close(saved_fd);
        return;
    }
    *capture = (struct net_capture){.saved_fd = saved_fd, .file_fd = file_fd};
}

/* Of what was printed: the kernel's own reason, where there is one, or else the last line. */
static void best_line(int fd, char *text, size_t size)
{
    static const char kernel[] = "Kernel error message: ";
    char bytes[4096];
    const off_t end = lseek(fd, 0, SEEK_END);
    const off_t from = end > (off_t)sizeof(bytes) - 1 ? end - ((off_t)sizeof(bytes) - 1) : 0;
    const ssize_t got = pread(fd, bytes, sizeof(bytes) - 1, from);
    bytes[got > 0 ? got : 0] = '\0';
    for (char *place = NULL, *line = strtok_r(bytes, "\n", &place); line != NULL;
         line = strtok_r(NULL, "\n", &place)) {
        const char *reason = strstr(line, kernel);
        if (reason != NULL) {
            snprintf(text, size, "%s", reason + strlen(kernel));
            return;
        }
        if (strspn(line, " \t\r") != strlen(line))
            snprintf(text, size, "%s", line);
    }
}

void net_capture_end(struct net_capture *capture, char *text, size_t size)
{
    text[0] = '\0';
    if (capture->saved_fd < 0)
        return;
    fflush(stderr);
    dup2(capture->saved_fd, STDERR_FILENO);
    close(capture->saved_fd);
    best_line(capture->file_fd, text, size);
    close(capture->file_fd);
    capture->saved_fd = -1;
}
