#include "lab/delay_line.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "lab/command.h"
#include "lab/netns.h"

enum {
    FRAME_BYTES = 9216, /* The tap's peer is a veth of 1500; it has no offloads. */
    MARK = 0x5ea1
};

static int64_t clock_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* The device is of the namespace that the descriptor was opened in, and goes with it. */
static int open_tap(const struct delay_line *line)
{
    struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
    int fd, rc = netns_enter(line->netns_fd);

    if (rc < 0)
        return rc;
    snprintf(request.ifr_name, sizeof(request.ifr_name), "delay-%s", line->device);
    fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    rc = fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0 ? -errno : 0;
    if (netns_enter(line->home_fd) < 0)
        abort();
    if (rc < 0 && fd >= 0)
        close(fd);
    return rc < 0 ? rc : fd;
}

/* Up, with a queue for what comes while the daemon is busy, and nothing to say for itself. */
static int tap_up(const struct delay_line *line, struct error *err)
{
    static const char *const argv[] = {"ip", "-batch", "-", NULL};
    char text[96];
    int rc;

    snprintf(text, sizeof(text), "ipv6/conf/delay-%s/disable_ipv6", line->device);
    rc = netns_sysctl(line->netns_fd, line->home_fd, text, "1");
    if (rc < 0)
        return error_set(err, EXIT_ENVIRONMENT, rc, "net/%s cannot be set: %s", text,
                         strerror(-rc));
    snprintf(text, sizeof(text), "link set delay-%s txqueuelen %d arp off up\n", line->device,
             DELAY_LINE_FRAMES);
    return command_run(line->netns_fd, line->home_fd, argv, text, NULL, err);
}

static int nft(const struct delay_line *line, const char *rules, struct error *err)
{
    static const char *const argv[] = {"nft", "-f", "-", NULL};

    return command_run(line->netns_fd, line->home_fd, argv, rules, NULL, err);
}

static int divert(const struct delay_line *line, struct error *err)
{
    const char *device = line->device;
    char rules[512];

    snprintf(rules, sizeof(rules),
             "table netdev delay_%s {\n"
             "chain back { type filter hook ingress device \"delay-%s\" priority 0;"
             " meta mark set %d fwd to \"%s\"; }\n"
             "chain out { type filter hook egress device \"%s\" priority 0;"
             " meta mark != %d fwd to \"delay-%s\"; }\n"
             "}\n",
             device, device, MARK, device, device, MARK, device);
    return nft(line, rules, err);
}

int delay_line_open(struct delay_line *line, int netns_fd, int home_fd, const char *device,
                    int64_t delay_ns, struct error *err)
{
    int rc;

    *line = (struct delay_line){.netns_fd = netns_fd, .home_fd = home_fd, .delay_ns = delay_ns};
    snprintf(line->device, sizeof(line->device), "%s", device);
    line->frames = calloc(DELAY_LINE_FRAMES, sizeof(*line->frames));
    line->tap_fd = line->frames != NULL ? open_tap(line) : -ENOMEM;
    rc = line->tap_fd;
    if (rc < 0)
        error_set(err, EXIT_ENVIRONMENT, rc, "no device by /dev/net/tun: %s", strerror(-rc));
    else
        rc = tap_up(line, err);
    if (rc == 0)
        rc = divert(line, err);
    if (rc < 0) {
        if (line->tap_fd >= 0)
            close(line->tap_fd);
        free(line->frames);
        *line = (struct delay_line){.tap_fd = -1};
    }
    return rc;
}

static void hold(struct delay_line *line, const unsigned char *bytes, uint32_t size)
{
    unsigned char *copy = line->count < DELAY_LINE_FRAMES ? malloc(size) : NULL;

    if (copy == NULL) {
        line->dropped++;
        return;
    }
    memcpy(copy, bytes, size);
    line->frames[(line->first + line->count++) % DELAY_LINE_FRAMES] =
        (struct delay_frame){.due_ns = clock_ns() + line->delay_ns, .size = size, .bytes = copy};
}

/* The kernel has sent it on by the return of write(). */
static void pass_first(struct delay_line *line)
{
    struct delay_frame *frame = &line->frames[line->first];

    if (write(line->tap_fd, frame->bytes, frame->size) < 0)
        line->dropped++;
    free(frame->bytes);
    line->first = (line->first + 1) % DELAY_LINE_FRAMES;
    line->count--;
}

static void pass_all(struct delay_line *line)
{
    while (line->count > 0)
        pass_first(line);
}

/* All that the tap's queue can have had: a flood does not keep the daemon from its other work. */
void delay_line_take(struct delay_line *line)
{
    unsigned char bytes[FRAME_BYTES];

    for (int i = 0; i < DELAY_LINE_FRAMES; i++) {
        ssize_t size = read(line->tap_fd, bytes, sizeof(bytes));

        if (size <= 0)
            return;
        hold(line, bytes, (uint32_t)size);
    }
}

void delay_line_pass(struct delay_line *line, int64_t now_ns)
{
    while (delay_line_due(line) <= now_ns)
        pass_first(line);
}

int64_t delay_line_due(const struct delay_line *line)
{
    return line->count > 0 ? line->frames[line->first].due_ns : INT64_MAX;
}

/* First nothing more is diverted, then what was goes on, then the way back goes. */
void delay_line_close(struct delay_line *line)
{
    char rules[64];

    if (line->tap_fd < 0)
        return;
    snprintf(rules, sizeof(rules), "flush chain netdev delay_%s out\n", line->device);
    nft(line, rules, NULL);
    pass_all(line);
    delay_line_take(line);
    pass_all(line);
    snprintf(rules, sizeof(rules), "delete table netdev delay_%s\n", line->device);
    nft(line, rules, NULL);
    close(line->tap_fd);
    free(line->frames);
    *line = (struct delay_line){.tap_fd = -1};
}
