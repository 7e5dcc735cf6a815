
#include "plan/experiment_priv.h"

static int check_streams(struct reader *reader, const struct experiment *experiment);
static int check_steps(struct reader *reader, const struct experiment *experiment);
static int check_lives(struct reader *reader, const struct experiment *experiment);
static int check_after(struct reader *reader, const struct experiment *experiment);
static int check_expects(struct reader *reader, const struct experiment *experiment);
static int check_cluster_step(struct reader *reader, const struct experiment *experiment,
                              const struct experiment_step *step);
static struct experiment_change changed_by(const struct experiment_step *step);
static bool needs_cluster(const struct experiment_step *step);

int experiment_check(struct reader *reader, struct experiment *experiment)
{
    int result = check_streams(reader, experiment);

    if (result == 0)
        result = check_steps(reader, experiment);
    if (result == 0)
        result = check_lives(reader, experiment);
    if (result == 0)
        result = check_after(reader, experiment);
    if (result == 0)
        result = check_expects(reader, experiment);
    if (result == 0 && experiment->rollout.given && !experiment->cluster.given)
        result = reader_refuse(reader, "\"rollout\" without \"cluster\": there is nothing to roll");
    if (result == 0 && experiment->format_count == 0)
        experiment->formats[experiment->format_count++] = EXPERIMENT_FORMAT_TEXT;
    return result;
}

static int check_streams(struct reader *reader, const struct experiment *experiment)
{
    for (uint32_t i = 0; i < experiment->stream_count; i++) {
        const struct experiment_stream *stream = &experiment->streams[i];
        if (stream->target.service != NULL && !experiment->cluster.given)
            return reader_refuse(reader,
                                 "streams[%u].target: service \"%s\" needs \"cluster\" to look it "
                                 "up; or give \"address\" and \"port\"",
                                 i, stream->target.service);
    }
    return 0;
}

static int check_steps(struct reader *reader, const struct experiment *experiment)
{
    for (uint32_t i = 0; i < experiment->step_count; i++) {
        const struct experiment_step *step = &experiment->steps[i];
        size_t mark = reader_enter_key(reader, "steps");
        int result = 0;
        reader_enter_index(reader, i);
        if (step->id != NULL && experiment_step_index(experiment, step->id) != (int)i)
            result = reader_refuse(reader, "id: there is already a step \"%s\"", step->id);
        if (result == 0)
            result = check_cluster_step(reader, experiment, step);
        if (result < 0)
            return result;
        reader_leave(reader, mark);
    }
    return 0;
}

/* Each stream is started once, and stopped after that, if at all. */
static int check_lives(struct reader *reader, const struct experiment *experiment)
{
    enum {
        UNBORN,
        RUNNING,
        STOPPED
    } lives[EXPERIMENT_STREAMS_MAX] = {UNBORN};
    int running = 0;

    for (uint32_t i = 0; i < experiment->step_count; i++) {
        const struct experiment_step *step = &experiment->steps[i];
        for (uint32_t j = 0; j < step->stream_count; j++) {
            uint32_t stream = step->streams[j];
            const char *name = experiment->streams[stream].name;
            if (step->verb == EXPERIMENT_START && lives[stream] != UNBORN)
                return reader_refuse(reader, "steps[%u].streams: \"%s\" was started before", i,
                                     name);
            if (step->verb == EXPERIMENT_STOP && lives[stream] != RUNNING)
                return reader_refuse(
                    reader, "steps[%u].streams: \"%s\" is not running here: %s", i, name,
                    lives[stream] == UNBORN ? "no step before starts it" : "it was stopped before");
            lives[stream] = step->verb == EXPERIMENT_START ? RUNNING : STOPPED;
            running += step->verb == EXPERIMENT_START ? 1 : -1;
        }
        if (step->verb == EXPERIMENT_OBSERVE && running == 0 &&
            (step->until == EXPERIMENT_UNTIL_STEADY ||
             step->until == EXPERIMENT_UNTIL_WINDOWS_CLOSED))
            return reader_refuse(reader, "steps[%u].until: \"%s\" is about streams, and none runs",
                                 i, experiment_until_word(step->until));
    }
    for (uint32_t i = 0; i < experiment->stream_count; i++)
        if (lives[i] == UNBORN)
            return reader_refuse(reader, "streams[%u]: no step starts \"%s\"", i,
                                 experiment->streams[i].name);
    return 0;
}

static int check_after(struct reader *reader, const struct experiment *experiment)
{
    for (uint32_t i = 0; i < experiment->after_count; i++) {
        const struct experiment_step *step = &experiment->after[i];
        bool applied = false;
        if (step->verb != EXPERIMENT_DELETE_APPLIED && step->verb != EXPERIMENT_WAIT)
            return reader_refuse(reader,
                                 "after[%u].do: \"%s\" cannot be done there, only "
                                 "\"delete-applied\" and \"wait\"",
                                 i, experiment_verb_word(step->verb));
        for (uint32_t j = 0; j < experiment->step_count; j++)
            applied = applied || experiment->steps[j].verb == EXPERIMENT_APPLY;
        if (step->verb == EXPERIMENT_DELETE_APPLIED && !applied)
            return reader_refuse(reader, "after[%u]: no step applies anything to delete", i);
    }
    return 0;
}

static int check_expects(struct reader *reader, const struct experiment *experiment)
{
    for (uint32_t i = 0; i < experiment->expect_count; i++) {
        const struct experiment_expect *expect = &experiment->expects[i];
        const struct experiment_stream *stream = &experiment->streams[expect->stream];
        bool of_held = expect->figure == EXPERIMENT_FIGURE_LASTING_CONNECTIONS ||
                       expect->figure == EXPERIMENT_FIGURE_BROKEN_CONNECTIONS;
        bool of_frames = expect->figure == EXPERIMENT_FIGURE_LOST_REQUESTS ||
                         expect->figure == EXPERIMENT_FIGURE_UNSENT_REQUESTS ||
                         expect->figure == EXPERIMENT_FIGURE_GOOD_RATIO;
        bool raw = stream->protocol == EXPERIMENT_PROTOCOL_RAW;
        bool rolls = false;
        if (raw && (!of_frames || expect->from_step >= 0))
            return reader_refuse(reader,
                                 "expect[%u]: frames of stream \"%s\" are only counted; want "
                                 "lostRequests, unsentRequests or goodRatio, without \"from\"",
                                 i, stream->name);
        if (of_held && stream->mode != EXPERIMENT_MODE_HELD)
            return reader_refuse(reader,
                                 "expect[%u].figure: stream \"%s\" holds no connections, %s is "
                                 "about those of mode held",
                                 i, stream->name, experiment_figure_word(expect->figure));
        for (uint32_t j = 0; j < experiment->step_count; j++)
            rolls = rolls || experiment_rolls(&experiment->steps[j]);
        if (expect->bound != EXPERIMENT_BOUND_VALUE && !rolls)
            return reader_refuse(reader,
                                 "expect[%u]: %s needs a rollout, and no step is set-image, "
                                 "set-env, move, restart, rollout-undo or observes one",
                                 i, expect->value_text);
    }
    return 0;
}

static int check_cluster_step(struct reader *reader, const struct experiment *experiment,
                              const struct experiment_step *step)
{
    const struct experiment_cluster *cluster = &experiment->cluster;
    struct experiment_change changed = changed_by(step);

    if (needs_cluster(step) && !cluster->given)
        return reader_refuse(reader, "\"%s\" needs \"cluster\": kubeconfig, context and namespace",
                             experiment_verb_word(step->verb));
    if (changed.kind != NULL && !experiment_may_change(experiment, changed.kind, changed.name))
        return reader_refuse(reader,
                             "%s: it may not be changed; add \"%s/%s\" to cluster.mayChange if it "
                             "may",
                             step->verb == EXPERIMENT_PATCH ? "object" : changed.kind, changed.kind,
                             changed.name);
    if (step->verb == EXPERIMENT_APPLY && cluster->may_change_count == 0)
        return reader_refuse(reader, "nothing may be changed; list what the files hold in "
                                     "cluster.mayChange, such as \"deployment/NAME\"");
    return 0;
}

/* What STEP changes, as far as it is known now; kind NULL: nothing. */
static struct experiment_change changed_by(const struct experiment_step *step)
{
    switch (step->verb) {
    case EXPERIMENT_CORDON:
    case EXPERIMENT_DRAIN:
    case EXPERIMENT_UNCORDON: return (struct experiment_change){"node", step->node};
    case EXPERIMENT_EVICT:
    case EXPERIMENT_DELETE_POD: return (struct experiment_change){"pod", step->pod};
    case EXPERIMENT_SET_IMAGE:
    case EXPERIMENT_SET_ENV:
    case EXPERIMENT_MOVE:
    case EXPERIMENT_SCALE:
    case EXPERIMENT_RESTART:
    case EXPERIMENT_ROLLOUT_UNDO:
    case EXPERIMENT_PATCH: return step->object;
    default: return (struct experiment_change){NULL, NULL};
    }
}

static bool needs_cluster(const struct experiment_step *step)
{
    switch (step->verb) {
    case EXPERIMENT_START:
    case EXPERIMENT_WAIT:
    case EXPERIMENT_EXEC:
    case EXPERIMENT_STOP: return false;
    case EXPERIMENT_OBSERVE: return step->object.kind != NULL || step->node != NULL;
    default: return true;
    }
}
