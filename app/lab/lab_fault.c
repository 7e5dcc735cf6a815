/* What `seamline-lab fault` does on purpose. Each fault is a line of the table, its begin and its
 * end are lines of truth.jsonl. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#include "lab/api_server.h"
#include "lab/lab.h"

enum {
    WORDS_MAX = 8
};

/* The words after `fault`. */
struct words {
    char *each[WORDS_MAX]; /* The first is the fault's name. */
    unsigned count;
};

struct fault {
    const char *name;
    const char *operands;                                     /* As the usage shows them. */
    unsigned count;                                           /* Of operands. */
    int (*begin)(struct lab *lab, const struct words *words); /* 0 or -EINVAL: bad operands. */
};

static int api_outage(struct lab *lab, const struct words *words);
static int gone_410(struct lab *lab, const struct words *words);
static int slow_watch(struct lab *lab, const struct words *words);

static const struct fault faults[] = {
    {"api-outage", "DURATION", 1, api_outage},
    {"gone-410", "", 0, gone_410},
    {"slow-watch", "DELAY DURATION", 2, slow_watch},
};

static void log_fault(struct lab *lab, const char *event, const char *name)
{
    truth_log(&lab->truth, truth_now_ns(), event, "fault", name, NULL, NULL);
}

static int parse_duration(const char *text, int64_t *out_ns)
{
    const char *end;

    if (profile_parse_duration(text, out_ns, &end) < 0 || *end != '\0' || *out_ns <= 0)
        return -EINVAL;
    return 0;
}

/* The server is killed, and started again after a time; what it stored is there again. */
static int api_outage(struct lab *lab, const struct words *words)
{
    int64_t duration_ns;

    if (parse_duration(words->each[1], &duration_ns) < 0)
        return -EINVAL;
    log_fault(lab, "fault-begun", "api-outage");
    lab_unwatch(lab, api_server_fd(lab->api));
    api_server_go_away(lab->api);
    lab->api_back_ns = lab->now_ns + duration_ns;
    return 0;
}

/* All versions so far are compacted away, and watches have to begin again. */
static int gone_410(struct lab *lab, const struct words *words)
{
    (void)words;
    log_fault(lab, "fault-begun", "gone-410");
    api_server_expire(lab->api, store_version(lab->store) + 1);
    api_server_drop_watches(lab->api);
    return 0;
}

static int slow_watch(struct lab *lab, const struct words *words)
{
    int64_t delay_ns, duration_ns;

    if (parse_duration(words->each[1], &delay_ns) < 0 ||
        parse_duration(words->each[2], &duration_ns) < 0)
        return -EINVAL;
    log_fault(lab, "fault-begun", "slow-watch");
    api_server_slow_watches(lab->api, delay_ns);
    lab->watches_fast_ns = lab->now_ns + duration_ns;
    return 0;
}

static void come_back(struct lab *lab)
{
    if (api_server_come_back(lab->api) < 0 ||
        lab_watch(lab, api_server_fd(lab->api), EPOLLIN, &lab->api_source) < 0) {
        lab_say(lab, "the API's port is taken; it is tried again");
        lab->api_back_ns = lab->now_ns + INT64_C(100000000);
        return;
    }
    lab->api_back_ns = INT64_MAX;
    log_fault(lab, "fault-ended", "api-outage");
}

void lab_fault_run(struct lab *lab)
{
    if (lab->now_ns >= lab->api_back_ns)
        come_back(lab);
    if (lab->now_ns >= lab->watches_fast_ns) {
        lab->watches_fast_ns = INT64_MAX;
        api_server_slow_watches(lab->api, 0);
        log_fault(lab, "fault-ended", "slow-watch");
    }
}

int64_t lab_fault_due(const struct lab *lab)
{
    return lab->api_back_ns < lab->watches_fast_ns ? lab->api_back_ns : lab->watches_fast_ns;
}

static void split(char *text, struct words *words)
{
    char *word;

    words->count = 0;
    while ((word = strsep(&text, " ")) != NULL && words->count < WORDS_MAX) {
        if (word[0] != '\0')
            words->each[words->count++] = word;
    }
}

/* The usage of all, after what was wrong. */
static void complain(const char *name, int fd)
{
    dprintf(fd, "error: \"%s\" is no fault with these operands; there are:", name);
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
        dprintf(fd, "%s %s%s%s", i > 0 ? "," : "", faults[i].name, faults[i].count > 0 ? " " : "",
                faults[i].operands);
    dprintf(fd, "\n");
}

void lab_fault(struct lab *lab, char *text, int fd)
{
    struct words words;

    split(text, &words);
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        if (words.count == 0 || strcmp(faults[i].name, words.each[0]) != 0)
            continue;
        if (lab->api == NULL || api_server_fd(lab->api) < 0) {
            dprintf(fd, "error: this lab has no API at present\n");
            return;
        }
        if (words.count - 1 != faults[i].count || faults[i].begin(lab, &words) < 0)
            break;
        dprintf(fd, "ok\n");
        return;
    }
    complain(words.count > 0 ? words.each[0] : "", fd);
}
