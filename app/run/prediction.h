/* prediction.h - what plan/predict says of an experiment's rollout. Pure. */
#ifndef RUN_PREDICTION_H
#define RUN_PREDICTION_H

#include "plan/experiment.h"
#include "plan/manifest.h"
#include "plan/predict.h"
#include "rundir/meta.h"

/* Fill OUT (and, when RESULT is not NULL, the distribution) for the held stream and the Deployment
 * that the first set-image or observe step is about. OUT->given stays false, and 0 is returned,
 * when the experiment has no such step, no held stream, or no manifest of that Deployment, or when
 * that is not updated by rolling (OUT->basis says so). -errno with ERR for values that cannot be
 * simulated. */
int prediction_make(const struct experiment *experiment, const struct manifest *manifests,
                    size_t manifest_count, struct meta_prediction *out,
                    struct predict_result *result, struct error *err);
/* How long a pod takes to be ready, by the experiment's lab profile and podReady. */
struct predict_range prediction_pod_ready(const struct experiment *experiment);

#endif
