#include "plan/rollout.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

enum {
    AMOUNT_MAX = 1000000,
    AMOUNT_DIGITS_MAX = 7,
    DEFAULT_PERCENT = 25
};

static struct rollout_amount or_default(const struct rollout_amount *amount);
static uint32_t resolve(uint32_t replicas, const struct rollout_amount *amount, bool up);
static uint32_t least(uint32_t a, uint32_t b);

int rollout_read_amount(const cJSON *item, struct rollout_amount *out)
{
    const char *text = cJSON_GetStringValue(item);
    size_t digits = text != NULL ? strspn(text, "0123456789") : 0;
    double value = cJSON_IsNumber(item) ? item->valuedouble : -1;

    if (digits > 0 && digits <= AMOUNT_DIGITS_MAX && strcmp(text + digits, "%") == 0)
        value = strtod(text, NULL);
    if (value < 0 || value > AMOUNT_MAX || value != (double)(uint32_t)value)
        return -EINVAL;
    *out =
        (struct rollout_amount){.given = true, .percent = text != NULL, .value = (uint32_t)value};
    return 0;
}

cJSON *rollout_print_amount(const struct rollout_amount *amount)
{
    char text[16];

    if (!amount->given)
        return NULL;
    if (!amount->percent)
        return json_new_integer(amount->value);
    snprintf(text, sizeof(text), "%u%%", amount->value);
    return cJSON_CreateString(text);
}

int rollout_resolve(uint32_t replicas, const struct rollout_amount *max_surge,
                    const struct rollout_amount *max_unavailable, struct rollout_limits *out,
                    struct error *err)
{
    struct rollout_amount surge = or_default(max_surge);
    struct rollout_amount unavailable = or_default(max_unavailable);
    struct rollout_limits limits = {.replicas = replicas};

    if (surge.value == 0 && unavailable.value == 0)
        return error_set(err, EXIT_USAGE, -EINVAL,
                         "maxSurge and maxUnavailable are both 0: no pod could ever be replaced, "
                         "and the API server refuses it; make one of them at least 1");
    if (unavailable.percent && unavailable.value > 100)
        return error_set(err, EXIT_USAGE, -EINVAL, "maxUnavailable is %u%%, want at most 100%%",
                         unavailable.value);
    limits.surge = resolve(replicas, &surge, true);
    limits.unavailable = resolve(replicas, &unavailable, false);
    if (limits.surge == 0 && limits.unavailable == 0)
        limits.unavailable = 1;
    limits.unavailable = least(limits.unavailable, replicas);
    limits.min_available = replicas - limits.unavailable;
    limits.max_total = replicas + limits.surge;
    *out = limits;
    return 0;
}

uint32_t rollout_scale_up(const struct rollout_limits *limits, const struct rollout_state *state)
{
    uint32_t total = state->new_pods + state->old_pods;

    if (total >= limits->max_total || state->new_pods >= limits->replicas)
        return 0;
    return least(limits->max_total - total, limits->replicas - state->new_pods);
}

uint32_t rollout_scale_down(const struct rollout_limits *limits, const struct rollout_state *state)
{
    uint32_t total = state->new_pods + state->old_pods;
    uint32_t new_unavailable = state->new_pods - least(state->new_available, state->new_pods);
    uint32_t old_unavailable = state->old_pods - least(state->old_available, state->old_pods);
    uint32_t available = state->new_available + state->old_available;
    uint32_t most, cleaned, left;

    if (total <= limits->min_available + new_unavailable)
        return 0;
    /* First what is not available anyway, within the same bound; then available ones down to the
     * minimum. */
    most = total - limits->min_available - new_unavailable;
    cleaned = least(old_unavailable, most);
    left = available > limits->min_available ? available - limits->min_available : 0;
    return least(state->old_pods, cleaned + left);
}

static struct rollout_amount or_default(const struct rollout_amount *amount)
{
    if (amount != NULL && amount->given)
        return *amount;
    return (struct rollout_amount){.given = true, .percent = true, .value = DEFAULT_PERCENT};
}

static uint32_t resolve(uint32_t replicas, const struct rollout_amount *amount, bool up)
{
    uint64_t pods = amount->value;

    if (amount->percent)
        pods = ((uint64_t)replicas * amount->value + (up ? 99 : 0)) / 100;
    return pods > UINT32_MAX - replicas ? UINT32_MAX - replicas : (uint32_t)pods;
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}
