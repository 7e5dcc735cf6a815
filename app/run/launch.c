#include "run/launch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"

double launch_planned_seconds(const struct experiment *experiment)
{
    double seconds = 30;
    /* A step that waits for a rollout cannot last longer than its deadline. */
    for (uint32_t i = 0; i < experiment->step_count; i++) {
        const struct experiment_step *step = &experiment->steps[i];
        if (step->verb == EXPERIMENT_WAIT)
            seconds += (double)step->for_ns / 1e9;
        else if ((step->until >= EXPERIMENT_UNTIL_ROLLOUT_STARTED &&
                  step->verb != EXPERIMENT_APPLY) ||
                 step->verb == EXPERIMENT_EXEC || step->verb == EXPERIMENT_OBSERVE)
            seconds += (double)step->deadline_ns / 1e9;
    }
    return seconds;
}

/* What was chosen for it is told at once, and stands in the result's notes. */
static void note_target(struct session *session, unsigned stream, const struct target *target)
{
    const char *name = session->experiment->streams[stream].name;
    if (target->note[0] == '\0')
        return;
    fprintf(stderr, "seamline: streams.%s: %s\n", name, target->note);
    text_addf(&session->fleet.warnings, "streams.%s: %s\n", name, target->note);
}

int launch_workers(struct session *session, struct error *err)
{
    const struct experiment *experiment = session->experiment;
    struct target *targets = calloc(RECORD_STREAMS * FLEET_NICS, sizeof(*targets));
    if (targets == NULL)
        return error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory for targets");
    int code = 0;
    for (unsigned s = 0; s < experiment->stream_count && code == 0; s++) {
        for (unsigned n = 0; n < session->fleet.nic_count && code == 0; n++)
            code = target_resolve(experiment, s, session->machine, session->fleet.nics[n].config,
                                  session->cluster.kube, &targets[s * FLEET_NICS + n], err);
        for (unsigned n = session->fleet.nic_count; n-- > 0 && code == 0;)
            if (targets[s * FLEET_NICS + n].sends)
                snprintf(session->meta.streams[s].target, sizeof(session->meta.streams[s].target),
                         "%s", targets[s * FLEET_NICS + n].text);
    }
    if (code == 0 && session->options->pcap)
        code = pieces_start(&session->pieces, &session->fleet, experiment, err);
    for (unsigned s = 0; s < experiment->stream_count && code == 0; s++)
        note_target(session, s, &targets[s * FLEET_NICS]);
    if (code == 0) {
        code = fleet_launch(&session->fleet, experiment, targets, session->rundir.path,
                            launch_planned_seconds(experiment), err);
        session->launched = code == 0;
        if (code == -EAGAIN)
            code = -EHOSTUNREACH;
    }
    free(targets);
    return code;
}
