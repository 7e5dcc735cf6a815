#include "run/prediction.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

static const struct experiment_step *changing_step(const struct experiment *experiment)
{
    for (uint32_t i = 0; i < experiment->step_count; i++)
        if (experiment_rolls(&experiment->steps[i]) &&
            strcmp(experiment->steps[i].object.kind, "deployment") == 0)
            return &experiment->steps[i];
    return NULL;
}

static const struct experiment_stream *held_stream(const struct experiment *experiment)
{
    for (uint32_t i = 0; i < experiment->stream_count; i++)
        if (experiment->streams[i].protocol == EXPERIMENT_PROTOCOL_CTRAFFIC)
            return &experiment->streams[i];
    return NULL;
}

static const cJSON *find_deployment(const struct manifest *manifests, size_t count,
                                    const char *name)
{
    for (size_t i = 0; i < count; i++) {
        const cJSON *found = manifest_find(&manifests[i], "Deployment", name);
        if (found != NULL)
            return found;
    }
    return NULL;
}

/* False: there is no model of it. kube-proxy gives all endpoints the same weight. */
static bool scheduler_of(const struct experiment *experiment, enum predict_scheduler *out)
{
    switch (experiment->cluster.proxy.scheduler) {
    case EXPERIMENT_SCHEDULER_RR:
    case EXPERIMENT_SCHEDULER_WRR: *out = PREDICT_RR; return true;
    case EXPERIMENT_SCHEDULER_LC:
    case EXPERIMENT_SCHEDULER_WLC: *out = PREDICT_LC; return true;
    case EXPERIMENT_SCHEDULER_ANY: /* kube-proxy's iptables and nftables modes. */
    case EXPERIMENT_SCHEDULER_RANDOM: *out = PREDICT_RANDOM; return true;
    default: return false;
    }
}

static void set_delays(const struct experiment *experiment, struct predict_delays *delays)
{
    const struct experiment_lab *lab = &experiment->cluster.lab;
    *delays = predict_profile_find(experiment_profile_word(lab->profile))->delays;
    if (lab->pod_ready_given)
        delays->pod_ready = (struct predict_range){lab->pod_ready.low_ns, lab->pod_ready.high_ns};
}

static void describe(const struct experiment *experiment, const struct manifest_deployment *of,
                     const struct predict_input *input, struct meta_prediction *out)
{
    struct text text = {0};
    text_addf(&text, "%s, %u pods, surge %u, unavailable %u, ready after ",
              input->scheduler == PREDICT_RR   ? "rr"
              : input->scheduler == PREDICT_LC ? "lc"
                                               : "random",
              input->limits.replicas, input->limits.surge, input->limits.unavailable);
    text_add_duration(&text, input->delays.pod_ready.low_ns);
    if (input->delays.pod_ready.high_ns != input->delays.pod_ready.low_ns) {
        text_add(&text, " to ");
        text_add_duration(&text, input->delays.pod_ready.high_ns);
    }
    text_add(&text, ", preStop ");
    text_add_duration(&text, input->pre_stop_ns);
    if (!of->pre_stop_known)
        text_add(&text, " for want of knowing: the hook is no plain sleep");
    text_addf(&text, ", delays of profile %s",
              experiment_profile_word(experiment->cluster.lab.profile));
    snprintf(out->basis, sizeof(out->basis), "%s", text_str(&text));
    text_free(&text);
}

static int set_input(const struct experiment *experiment, const struct manifest_deployment *of,
                     const struct experiment_stream *stream, struct predict_input *input,
                     struct error *err)
{
    *input = (struct predict_input){.scheduler = input->scheduler,
                                    .connections = stream->connections,
                                    .pre_stop_ns = of->pre_stop_ns,
                                    .grace_ns = of->grace_ns,
                                    .min_ready_ns = of->min_ready_ns,
                                    .seed = experiment->seed};
    set_delays(experiment, &input->delays);
    return rollout_resolve(of->replicas, &of->max_surge, &of->max_unavailable, &input->limits, err);
}

static void fill(const struct predict_result *made, struct meta_prediction *out)
{
    out->given = true;
    out->mean = made->mean;
    out->min = made->min;
    out->p1 = made->p1;
    out->p50 = made->p50;
    out->p99 = made->p99;
    out->max = made->max;
}

int prediction_make(const struct experiment *experiment, const struct manifest *manifests,
                    size_t manifest_count, struct meta_prediction *out,
                    struct predict_result *result, struct error *err)
{
    const struct experiment_step *step = changing_step(experiment);
    const struct experiment_stream *stream = held_stream(experiment);
    memset(out, 0, sizeof(*out));
    if (step == NULL || stream == NULL)
        return 0;
    const cJSON *deployment = find_deployment(manifests, manifest_count, step->object.name);
    if (deployment == NULL)
        return 0;
    struct manifest_deployment of;
    struct predict_input input;
    struct predict_result made;
    int code = manifest_read_deployment(deployment, &of, err);
    if (code == 0 && of.recreate) {
        snprintf(out->basis, sizeof(out->basis),
                 "deployment/%s has the strategy Recreate: no rolling update", of.name);
        return 0;
    }
    if (code == 0 && !scheduler_of(experiment, &input.scheduler)) {
        snprintf(out->basis, sizeof(out->basis), "nothing is predicted for the scheduler %s",
                 experiment_scheduler_word(experiment->cluster.proxy.scheduler));
        return 0;
    }
    if (code == 0)
        code = set_input(experiment, &of, stream, &input, err);
    if (code == 0)
        code = predict_broken(&input, &made, err);
    if (code < 0) {
        error_wrap(err, "prediction");
        return code;
    }
    fill(&made, out);
    describe(experiment, &of, &input, out);
    if (result != NULL)
        *result = made;
    else
        predict_result_free(&made);
    return 0;
}

struct predict_range prediction_pod_ready(const struct experiment *experiment)
{
    struct predict_delays delays;
    set_delays(experiment, &delays);
    return delays.pod_ready;
}
