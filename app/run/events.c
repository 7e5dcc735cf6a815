#include "run/events.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

int events_open(struct events *events, const char *path, struct error *err)
{
    *events = (struct events){0};
    if (path == NULL)
        return 0;
    events->fd = STDOUT_FILENO;
    if (strcmp(path, "-") != 0) /* A FIFO without a reader would be waited for. */
        events->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_CLOEXEC, 0666);
    if (events->fd < 0 && errno == ENXIO)
        return error_set(err, EXIT_USAGE, -ENXIO,
                         "--events %s: nobody reads it; start its reader first", path);
    if (events->fd < 0)
        return error_set(err, EXIT_USAGE, -errno, "--events %s: %s", path, strerror(errno));
    events->open = true;
    return 0;
}

/* A pipe that has room takes PIPE_BUF bytes without waiting. */
static bool has_room(const struct events *events, int timeout_ms)
{
    struct pollfd wanted = {.fd = events->fd, .events = POLLOUT};
    return poll(&wanted, 1, timeout_ms) > 0;
}

static void send_within(struct events *events, int timeout_ms)
{
    size_t gone = 0;
    while (events->open && events->failed == 0 && gone < events->waiting.size &&
           has_room(events, timeout_ms)) {
        size_t left = events->waiting.size - gone;
        ssize_t sent =
            write(events->fd, events->waiting.data + gone, left < PIPE_BUF ? left : PIPE_BUF);
        if (sent >= 0)
            gone += (size_t)sent;
        else if (errno == EAGAIN)
            break;
        else if (errno != EINTR)
            events->failed = -errno;
    }
    text_consume(&events->waiting, gone);
}

void events_send(struct events *events)
{
    send_within(events, 0);
}

void events_add(struct events *events, const char *line)
{
    if (!events->open || events->failed < 0)
        return;
    if (events->waiting.size + strlen(line) >= EVENTS_WAITING_BYTES) {
        events->dropped++;
    } else {
        text_add(&events->waiting, line);
        text_add(&events->waiting, "\n");
    }
    events_send(events);
}

void events_close(struct events *events, unsigned timeout_ms)
{
    send_within(events, (int)timeout_ms);
    if (events->open && events->fd != STDOUT_FILENO)
        close(events->fd);
    text_free(&events->waiting);
    events->open = false;
}
