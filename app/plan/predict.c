#include "plan/predict.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "plan/predict_run.h"

/* Runs are fewer when each is long: so many connects over all of them. */
#define CONNECTS_MAX 4e6
#define DURATION_MAX_NS INT64_C(3600000000000)

#define MS(n) (INT64_C(1000000) * (n))
#define BETWEEN(low, high)                                                                         \
    {                                                                                              \
        MS(low), MS(high)                                                                          \
    }

static int check_input(const struct predict_input *input, struct error *err);
static uint32_t runs_of(const struct predict_input *input);
static void summarize(struct predict_result *result);
static int compare_counts(const void *a, const void *b);

/* The same numbers as the lab's; a test holds them together. */
static const struct predict_profile profiles[] = {
    {
        .name = "ideal",
        .delays =
            {
                .pod_ready = BETWEEN(100, 100),
                .proxy_burst = 2,
                .terminating_endpoints = true,
            },
    },
    {
        .name = "kubeadm",
        .delays =
            {
                .controller = BETWEEN(2, 20),
                .pod_ready = BETWEEN(500, 2600),
                .endpoint_ready = BETWEEN(5, 85),
                .endpoint_terminating = BETWEEN(5, 85),
                .stop_start = BETWEEN(4, 191),
                .object_gone = BETWEEN(0, 1000),
                .proxy_apply = BETWEEN(80, 120),
                .proxy_interval_ns = MS(1000),
                .proxy_burst = 2,
                .terminating_endpoints = true,
            },
    },
    {
        .name = "aks-2019",
        .delays =
            {
                .controller = BETWEEN(5, 50),
                .pod_ready = BETWEEN(1500, 4000),
                .endpoint_ready = BETWEEN(20, 200),
                .endpoint_terminating = BETWEEN(20, 200),
                .stop_start = BETWEEN(20, 400),
                .object_gone = BETWEEN(0, 2000),
                .proxy_apply = BETWEEN(100, 300),
                .proxy_interval_ns = MS(1000),
                .proxy_burst = 2,
                .terminating_endpoints = false,
            },
    },
};
enum {
    PROFILES = sizeof(profiles) / sizeof(*profiles)
};

const struct predict_profile *predict_profiles(size_t *count)
{
    *count = PROFILES;
    return profiles;
}

const struct predict_profile *predict_profile_find(const char *name)
{
    for (size_t i = 0; i < PROFILES; i++)
        if (strcmp(profiles[i].name, name) == 0)
            return &profiles[i];
    return NULL;
}

int predict_broken(const struct predict_input *input, struct predict_result *out, struct error *err)
{
    struct predict_result result = {.runs = runs_of(input)};
    struct predict_run *run;
    struct random random;
    int code = check_input(input, err);

    if (code < 0)
        return code;
    run = predict_run_new(input);
    result.broken = calloc(result.runs, sizeof(*result.broken));
    if (run == NULL || result.broken == NULL)
        code = error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory");
    random_seed(&random, input->seed);
    for (uint32_t i = 0; code == 0 && i < result.runs; i++) {
        struct predict_outcome outcome;
        code = predict_run_once(run, &random, &outcome);
        if (code < 0)
            error_set(err, EXIT_USAGE, code, "the simulated rollout does not end");
        result.broken[i] = outcome.broken;
        result.failed_connects_mean += (double)outcome.failed_connects / result.runs;
        result.duration_mean_ns += (double)outcome.duration_ns / result.runs;
    }
    predict_run_free(run);
    if (code < 0) {
        free(result.broken);
        return code;
    }
    summarize(&result);
    *out = result;
    return 0;
}

uint32_t predict_quantile(const struct predict_result *result, double fraction)
{
    double rank = ceil(fraction * result->runs);

    if (rank < 1)
        return result->broken[0];
    return result->broken[rank < result->runs ? (uint32_t)rank - 1 : result->runs - 1];
}

uint32_t predict_runs_at(const struct predict_result *result, uint32_t broken)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < result->runs; i++)
        count += result->broken[i] == broken;
    return count;
}

void predict_result_free(struct predict_result *result)
{
    free(result->broken);
    *result = (struct predict_result){0};
}

static int check_input(const struct predict_input *input, struct error *err)
{
    const struct predict_delays *delays = &input->delays;
    const struct predict_range ranges[] = {
        delays->controller,       delays->pod_ready,
        delays->stop_start,       delays->endpoint_ready,
        delays->object_gone,      delays->endpoint_terminating,
        delays->proxy_apply,      input->drain,
        {0, input->grace_ns},     {0, input->pre_stop_ns},
        {0, input->min_ready_ns}, {0, delays->proxy_interval_ns},
    };

    if (input->limits.replicas < 1 || input->limits.replicas > PREDICT_REPLICAS_MAX)
        return error_set(err, EXIT_USAGE, -EINVAL, "%u replicas cannot be simulated, want 1 to %d",
                         input->limits.replicas, PREDICT_REPLICAS_MAX);
    if (input->connections < 1 || input->connections > PREDICT_CONNECTIONS_MAX)
        return error_set(err, EXIT_USAGE, -EINVAL,
                         "%u connections cannot be simulated, want 1 to %d", input->connections,
                         PREDICT_CONNECTIONS_MAX);
    if (input->limits.surge == 0 && input->limits.unavailable == 0)
        return error_set(err, EXIT_USAGE, -EINVAL,
                         "neither surge nor unavailable: the rollout would never begin");
    for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++)
        if (ranges[i].low_ns < 0 || ranges[i].high_ns < ranges[i].low_ns ||
            ranges[i].high_ns > DURATION_MAX_NS)
            return error_set(err, EXIT_USAGE, -EINVAL,
                             "a delay is from %lld to %lld ns, want 0 to one hour, the least first",
                             (long long)ranges[i].low_ns, (long long)ranges[i].high_ns);
    if (delays->proxy_interval_ns > 0 && delays->proxy_burst == 0)
        return error_set(err, EXIT_USAGE, -EINVAL, "a proxy with no burst would never sync");
    return 0;
}

static uint32_t runs_of(const struct predict_input *input)
{
    double most = CONNECTS_MAX / ((double)input->connections + 1);

    if (input->scheduler == PREDICT_LC)
        most = most * 16 / ((double)input->limits.replicas + 16);
    if (input->runs > 0)
        return input->runs;
    return most > PREDICT_RUNS ? PREDICT_RUNS : most < 20 ? 20 : (uint32_t)most;
}

static void summarize(struct predict_result *result)
{
    double sum = 0, squares = 0;

    qsort(result->broken, result->runs, sizeof(*result->broken), compare_counts);
    for (uint32_t i = 0; i < result->runs; i++)
        sum += result->broken[i];
    result->mean = sum / result->runs;
    for (uint32_t i = 0; i < result->runs; i++)
        squares += (result->broken[i] - result->mean) * (result->broken[i] - result->mean);
    result->stdev = result->runs > 1 ? sqrt(squares / (result->runs - 1)) : 0;
    result->min = result->broken[0];
    result->p1 = predict_quantile(result, 0.01);
    result->p50 = predict_quantile(result, 0.5);
    result->p99 = predict_quantile(result, 0.99);
    result->max = result->broken[result->runs - 1];
}

static int compare_counts(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}
