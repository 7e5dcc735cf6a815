#include "run/telemetry.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <rte_telemetry.h>

/* DPDK's commands are the process's, and have no argument for us. */
static struct {
    pthread_mutex_t lock;    /* Of `copy`. */
    struct live *copy;       /* What is told; NULL: nothing yet, or no more. */
    const struct live *live; /* Of the control thread; NULL: not open. */
    bool registered;         /* The commands are known to DPDK, for good. */
} telemetry = {.lock = PTHREAD_MUTEX_INITIALIZER};

static int tell_run(const struct live *live, const char *which, struct rte_tel_data *out);
static int tell_streams(const struct live *live, const char *which, struct rte_tel_data *out);
static int tell_stream(const struct live *live, const char *which, struct rte_tel_data *out);
static int tell_workers(const struct live *live, const char *which, struct rte_tel_data *out);
static int tell_worker(const struct live *live, const char *which, struct rte_tel_data *out);
static int tell_pods(const struct live *live, const char *which, struct rte_tel_data *out);

static const struct {
    const char *name;
    int (*tell)(const struct live *live, const char *which, struct rte_tel_data *out);
    const char *help;
} commands[] = {
    {"/seamline/run", tell_run, "The run: experiment, phase, step, time. No parameters"},
    {"/seamline/streams", tell_streams, "Names of the streams. No parameters"},
    {"/seamline/stream", tell_stream,
     "Counts, rates, connections and loss windows. Parameters: stream's name"},
    {"/seamline/workers", tell_workers, "Numbers of the workers. No parameters"},
    {"/seamline/worker", tell_worker, "Load, stalls, longest gap. Parameters: worker's number"},
    {"/seamline/pods", tell_pods, "Pods of the workload that is changed. No parameters"},
};

/* On a thread of DPDK's. What it cannot answer it answers null. */
static int on_command(const char *command, const char *which, struct rte_tel_data *out)
{
    int code = -ENOENT;
    pthread_mutex_lock(&telemetry.lock);
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        if (strcmp(commands[i].name, command) == 0 && telemetry.copy != NULL)
            code = commands[i].tell(telemetry.copy, which != NULL ? which : "", out);
    pthread_mutex_unlock(&telemetry.lock);
    return code;
}

int telemetry_open(const struct live *live, struct error *err)
{
    int code = 0;
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]) && !telemetry.registered; i++)
        code = code == 0
                   ? rte_telemetry_register_cmd(commands[i].name, on_command, commands[i].help)
                   : code;
    if (code < 0)
        return error_set(err, EXIT_ENVIRONMENT, code, "DPDK's telemetry takes no commands: %s",
                         strerror(-code));
    telemetry.registered = true;
    telemetry.live = live;
    return 0;
}

void telemetry_turn(void)
{
    const struct live *live = telemetry.live;
    if (live == NULL || live->meta == NULL)
        return;
    pthread_mutex_lock(&telemetry.lock);
    if (telemetry.copy == NULL)
        telemetry.copy = calloc(1, sizeof(*telemetry.copy));
    if (telemetry.copy != NULL && telemetry.copy->now.now_ns != live->now.now_ns)
        *telemetry.copy = *live;
    pthread_mutex_unlock(&telemetry.lock);
}

void telemetry_close(void)
{
    pthread_mutex_lock(&telemetry.lock);
    free(telemetry.copy);
    telemetry.copy = NULL;
    pthread_mutex_unlock(&telemetry.lock);
    telemetry.live = NULL;
}

/* ---- answers; a copy without a look has no names yet ---- */

static int tell_run(const struct live *live, const char *which, struct rte_tel_data *out)
{
    (void)which;
    rte_tel_data_start_dict(out);
    if (live->meta == NULL)
        return 0;
    rte_tel_data_add_dict_string(out, "experiment", live->name);
    rte_tel_data_add_dict_string(out, "started", live->meta->started);
    rte_tel_data_add_dict_string(out, "version", live->meta->version);
    rte_tel_data_add_dict_string(out, "phase", live_phase_text(live->now.phase));
    rte_tel_data_add_dict_string(out, "step", live->now.step);
    rte_tel_data_add_dict_u64(out, "run_ms", live->now.now_ns / 1000000);
    return 0;
}

static int tell_streams(const struct live *live, const char *which, struct rte_tel_data *out)
{
    (void)which;
    rte_tel_data_start_array(out, RTE_TEL_STRING_VAL);
    for (unsigned i = 0; i < live->stream_count; i++)
        rte_tel_data_add_array_string(out, live->streams[i].name);
    return 0;
}

static int tell_stream(const struct live *live, const char *which, struct rte_tel_data *out)
{
    unsigned i = 0;
    while (i < live->stream_count && strcmp(live->streams[i].name, which) != 0)
        i++;
    if (i == live->stream_count)
        return -ENOENT;
    const struct live_stream *stream = &live->streams[i];
    rte_tel_data_start_dict(out);
    for (unsigned c = 0; c < live_count_count; c++)
        rte_tel_data_add_dict_u64(out, live_counts[c].name + strlen(LIVE_METRICS_PREFIX),
                                  live_count_value(&live->now.streams[i], &live_counts[c]));
    rte_tel_data_add_dict_u64(out, "loss_windows", stream->window.count);
    rte_tel_data_add_dict_u64(out, "loss_window_open", stream->window.open);
    rte_tel_data_add_dict_u64(out, "sent_per_s", (uint64_t)stream->sent_pps);
    rte_tel_data_add_dict_u64(out, "good_per_s", (uint64_t)stream->good_pps);
    rte_tel_data_add_dict_u64(out, "lost_per_s", (uint64_t)stream->lost_pps);
    return 0;
}

static int tell_workers(const struct live *live, const char *which, struct rte_tel_data *out)
{
    (void)which;
    rte_tel_data_start_array(out, RTE_TEL_U64_VAL);
    for (unsigned i = 0; i < live->worker_count; i++)
        rte_tel_data_add_array_u64(out, i);
    return 0;
}

static int tell_worker(const struct live *live, const char *which, struct rte_tel_data *out)
{
    char *end;
    const unsigned long i = strtoul(which, &end, 10);
    if (which[0] < '0' || which[0] > '9' || *end != '\0' || i >= live->worker_count)
        return -ENOENT;
    rte_tel_data_start_dict(out);
    rte_tel_data_add_dict_u64(out, "load_permille", (uint64_t)(live->loads[i] * 1000 + 0.5));
    rte_tel_data_add_dict_u64(out, "stalls", live->now.workers[i].stalls);
    rte_tel_data_add_dict_u64(out, "longest_gap_ns", live->now.workers[i].longest_ns);
    return 0;
}

static int tell_pods(const struct live *live, const char *which, struct rte_tel_data *out)
{
    const struct live_pods *pods = &live->now.pods;
    (void)which;
    rte_tel_data_start_dict(out);
    if (!pods->known)
        return 0;
    rte_tel_data_add_dict_u64(out, "old", pods->old);
    rte_tel_data_add_dict_u64(out, "old_ready", pods->old_ready);
    rte_tel_data_add_dict_u64(out, "new", pods->new);
    rte_tel_data_add_dict_u64(out, "new_ready", pods->new_ready);
    return 0;
}
