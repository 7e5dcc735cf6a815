/* prediction.h - what plan/predict says of an experiment's rollout. Pure. */
#ifndef RUN_PREDICTION_H
#define RUN_PREDICTION_H

#include "plan/experiment.h"
#include "plan/manifest.h"
#include "plan/predict.h"
#include "rundir/meta.h"

/* Fill OUT (and, when RESULT is not NULL, the distribution) for the held stream and the Deployment
 * that the first set-image step changes. OUT->given stays false, and 0 is returned, when the
 * experiment has no such step, no held stream, or no manifest of that Deployment. -errno with ERR
 * for values that cannot be simulated. */
int prediction_make(const struct experiment *experiment, const struct manifest *manifests,
                    size_t manifest_count, struct meta_prediction *out,
                    struct predict_result *result, struct error *err);

#endif
