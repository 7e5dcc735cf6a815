#include "plan/forecast.h"

#include <inttypes.h>

#include "plan/manifest.h"

enum {
    STEPS_SHOWN = 20,
    STEPS_MAX = 10000
};

static void print_steps(const struct rollout_limits *limits, struct text *out);
static bool take_step(const struct rollout_limits *limits, struct rollout_state *state,
                      uint32_t *made, uint32_t *deleted);
static int print_broken(const struct manifest_deployment *of, const struct rollout_limits *limits,
                        const struct predict_profile *profile, uint32_t connections,
                        struct text *out, struct error *err);

int forecast_print(const cJSON *deployment, const struct predict_profile *profile,
                   uint32_t connections, struct text *out, struct error *err)
{
    struct manifest_deployment of;
    struct rollout_limits limits;
    int code = manifest_read_deployment(deployment, &of, err);

    if (code == 0)
        code = rollout_resolve(of.replicas, &of.max_surge, &of.max_unavailable, &limits, err);
    if (code < 0)
        return code;
    if (of.recreate) {
        text_addf(out,
                  "deployment/%s: %" PRIu32 " replicas, Recreate: all pods end before a new one is "
                  "made; every connection breaks, and none can be made in between\n",
                  of.name, of.replicas);
        return 0;
    }
    text_addf(out,
              "deployment/%s: %" PRIu32 " replicas, surge %" PRIu32 ", unavailable %" PRIu32 "\n"
              "  available pods: at least %" PRIu32 "; pods that are not ending: at most %" PRIu32
              "\n",
              of.name, limits.replicas, limits.surge, limits.unavailable, limits.min_available,
              limits.max_total);
    print_steps(&limits, out);
    return print_broken(&of, &limits, profile, connections, out, err);
}

static void print_steps(const struct rollout_limits *limits, struct text *out)
{
    struct rollout_state state = {.old_pods = limits->replicas, .old_available = limits->replicas};
    uint32_t made, deleted, steps = 0;

    text_add(out, "  steps, each when all new pods are available:\n");
    while (steps < STEPS_MAX && take_step(limits, &state, &made, &deleted))
        if (++steps <= STEPS_SHOWN)
            text_addf(out,
                      "    %3" PRIu32 "  make %" PRIu32 ", end %" PRIu32 ": %" PRIu32
                      " new and %" PRIu32 " old pods\n",
                      steps, made, deleted, state.new_pods, state.old_pods);
    if (steps > STEPS_SHOWN)
        text_addf(out, "    and %" PRIu32 " more\n", steps - STEPS_SHOWN);
}

/* False: there is nothing more to do. */
static bool take_step(const struct rollout_limits *limits, struct rollout_state *state,
                      uint32_t *made, uint32_t *deleted)
{
    state->new_available = state->new_pods;
    *made = rollout_scale_up(limits, state);
    state->new_pods += *made;
    *deleted = rollout_scale_down(limits, state);
    state->old_pods -= *deleted;
    state->old_available = state->old_pods;
    return *made > 0 || *deleted > 0;
}

static int print_broken(const struct manifest_deployment *of, const struct rollout_limits *limits,
                        const struct predict_profile *profile, uint32_t connections,
                        struct text *out, struct error *err)
{
    static const char *const words[] = {"rr", "lc", "random"};

    text_addf(out, "  of %" PRIu32 " held connections break, with the delays of profile %s%s:\n",
              connections, profile->name,
              of->pre_stop_known ? "" : " and no preStop, for want of knowing its length");
    for (unsigned i = PREDICT_RR; i <= PREDICT_RANDOM; i++) {
        struct predict_input input = {.scheduler = (enum predict_scheduler)i,
                                      .limits = *limits,
                                      .connections = connections,
                                      .pre_stop_ns = of->pre_stop_ns,
                                      .grace_ns = of->grace_ns,
                                      .min_ready_ns = of->min_ready_ns,
                                      .delays = profile->delays,
                                      .seed = 1};
        struct predict_result made;
        int code = predict_broken(&input, &made, err);
        if (code < 0)
            return code;
        text_addf(out,
                  "    %-6s  mean %.1f, p1 %" PRIu32 ", p50 %" PRIu32 ", p99 %" PRIu32
                  ", max %" PRIu32 "\n",
                  words[i], made.mean, made.p1, made.p50, made.p99, made.max);
        predict_result_free(&made);
    }
    return 0;
}
