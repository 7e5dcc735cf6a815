/* How many connections one client worker holds open and quiet: 10 million, or as many as
 * there is memory for. Usage: conn_count.
 *
 * A smaller worker is made first, to know what they take: more than nine tenths of the memory that
 * is available is not asked for. The pools have room for these connections alone. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"

#include "tests/bench/bench.h"
#include "tests/bench/shared/quiet.h"

enum {
    WANTED = 10000000,
    TRIED = 500000
};

static uint64_t available_bytes(void)
{
    char line[128];
    unsigned long long kib = 0;
    FILE *file = fopen("/proc/meminfo", "re");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL)
        if (sscanf(line, "MemAvailable: %llu", &kib) == 1)
            break;
    if (file != NULL)
        fclose(file);
    return kib * 1024;
}

int main(void)
{
    char note[200];
    struct bench bench = {.name = "conn-count",
                          .unit = "connections",
                          .must = WANTED,
                          .aim = 50e6,
                          .judged = true,
                          .note = note};
    struct error err = {0};
    struct quiet quiet = {0};
    if (quiet_start(&err) < 0 || quiet_hold(TRIED, true, &quiet, &err) < 0) {
        fprintf(stderr, "conn_count: %s\n", err.text);
        return EXIT_ENVIRONMENT;
    }
    const double each = (double)quiet.bytes / TRIED;
    const double room = 0.9 * (double)available_bytes() / each;
    const uint32_t count = room < WANTED ? (uint32_t)room : WANTED;
    if (quiet_hold(count, true, &quiet, &err) < 0) {
        fprintf(stderr, "conn_count: %s\n", err.text);
        return EXIT_ENVIRONMENT;
    }
    bench_add(&bench, quiet.connections, quiet.ticks);
    snprintf(note, sizeof(note),
             "%u opened, %.2f GB in all: %.0f bytes each; memory here is for %.1f million; cycles "
             "are those to open one",
             count, (double)quiet.bytes / 1e9, (double)quiet.bytes / count, room / 1e6);
    bench_print(&bench);
    quiet_stop();
    return EXIT_MET;
}
