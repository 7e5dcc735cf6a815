#include "base/clock.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Enough for one bracket between two interrupts, also on a busy virtual machine. */
enum {
    BRACKETS = 64,
    LINE_BYTES = 16384, /* The flags of a CPU take 2000. */
    NS_PER_S = 1000000000
};

/* One moment on both clocks. */
struct moment {
    uint64_t tsc;         /* Middle of the bracket. */
    uint64_t width_ticks; /* Its width. */
    uint64_t raw_ns;      /* CLOCK_MONOTONIC_RAW inside it. */
};

static struct moment tightest_moment(void);
static uint64_t raw_clock_ns(void);
static void sleep_ns(uint64_t duration_ns);
static bool has_word(const char *line, const char *word);

int clock_start(struct clock *clock, uint64_t calibrate_ns)
{
    struct moment first = tightest_moment();
    sleep_ns(calibrate_ns);
    struct moment last = tightest_moment();
    uint64_t ticks = last.tsc - first.tsc;
    uint64_t elapsed_ns = last.raw_ns - first.raw_ns;
    wide_uint widths_ns = (wide_uint)(first.width_ticks + last.width_ticks) * elapsed_ns / ticks;

    /* Each reading of the clock is somewhere in its bracket: half a width from the middle. */
    clock_set_rate(clock, last.tsc, ticks, elapsed_ns, (uint64_t)widths_ns / 2 + 1);
    return clock_tsc_is_invariant("/proc/cpuinfo") ? 0 : -ENOTSUP;
}

bool clock_tsc_is_invariant(const char *cpuinfo)
{
    FILE *file = fopen(cpuinfo, "re");
    char line[LINE_BYTES];
    bool invariant = false;

    if (file == NULL)
        return false;
    while (fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, "flags", 5) == 0) {
            invariant = has_word(line, "constant_tsc") && has_word(line, "nonstop_tsc");
            break;
        }
    }
    fclose(file);
    return invariant;
}

static struct moment tightest_moment(void)
{
    struct moment best = {.width_ticks = UINT64_MAX};

    for (unsigned i = 0; i < BRACKETS; i++) {
        uint64_t before = clock_tsc();
        uint64_t raw_ns = raw_clock_ns();
        uint64_t width = clock_tsc() - before;

        if (width < best.width_ticks)
            best = (struct moment){before + width / 2, width, raw_ns};
    }
    return best;
}

static uint64_t raw_clock_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC_RAW, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static void sleep_ns(uint64_t duration_ns)
{
    struct timespec left = {
        .tv_sec = (time_t)(duration_ns / NS_PER_S),
        .tv_nsec = (long)(duration_ns % NS_PER_S),
    };

    while (nanosleep(&left, &left) < 0 && errno == EINTR)
        continue;
}

static bool has_word(const char *line, const char *word)
{
    size_t size = strlen(word);

    for (const char *at = line; (at = strstr(at, word)) != NULL; at += size) {
        if (at > line && at[-1] == ' ' && strchr(" \n", at[size]) != NULL)
            return true;
    }
    return false;
}
