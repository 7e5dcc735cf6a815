/* forecast.h - what the next rollout of a Deployment will do, from its manifest alone: how many
 * pods there are at least and at most, in which steps they are replaced, and how many held
 * connections break under each scheduler.
 *
 * Steps are the controller's turns when each of them waits until all new pods are available:
 * plan/rollout.h. Broken connections are simulated: plan/predict.h.
 *
 * Threads: pure; a second or so.
 */
#ifndef PLAN_FORECAST_H
#define PLAN_FORECAST_H

#include <cjson/cJSON.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"
#include "plan/predict.h"

/* Append it for DEPLOYMENT, with the delays of PROFILE, of CONNECTIONS that are held. 0, or -errno
 * with ERR. */
int forecast_print(const cJSON *deployment, const struct predict_profile *profile,
                   uint32_t connections, struct text *out, struct error *err);

#endif
