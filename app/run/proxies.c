#include "run/proxies.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/stop.h"
#include "kube/proxy_config.h"
#include "kube/rollout.h"
#include "run/pocket.h"

enum {
    ANSWER_MS = 10000,
    LOOK_MS = 250
};
#define DEADLINE_NS UINT64_C(300000000000)
#define CONFIGMAP "configmap/" KUBE_PROXY_NAME
#define DAEMONSET "daemonset/" KUBE_PROXY_NAME

static struct kube_order order_of(const struct experiment_proxy *proxy);
static int look(struct kube *kube, const struct clock *clock, struct kube_order *order,
                struct kube_result *result, char differs[320], struct error *err);
static int judge_unknown(const struct experiment *experiment, const struct kube_result *result,
                         struct error *err);
static bool may_change(const struct experiment *experiment);
static int change_config(struct session *session, struct error *err);
static void note_environment(struct meta *meta, const char *change);
static int wait_for(struct session *session, int index, bool over, struct error *err);
static int await_pods(struct session *session, struct error *err);

int proxies_check(const struct experiment *experiment, struct error *err)
{
    const struct experiment_proxy *proxy = &experiment->cluster.proxy;
    bool random = proxy->scheduler == EXPERIMENT_SCHEDULER_RANDOM;
    if (experiment->cluster.lab_cluster && !pocket_has_scheduler(proxy->scheduler))
        return error_set(err, EXIT_USAGE, -EOPNOTSUPP,
                         "cluster.proxy.scheduler: the lab has no %s: want random, rr or sh, or lc "
                         "or wlc, which need a kernel with IPVS",
                         experiment_scheduler_word(proxy->scheduler));
    if (proxy->mode == EXPERIMENT_PROXY_ANY || (proxy->mode != EXPERIMENT_PROXY_IPVS) == random)
        return 0;
    if (random)
        return error_set(err, EXIT_USAGE, -EINVAL,
                         "cluster.proxy: ipvs does not choose at random: want the mode iptables or "
                         "nftables, or a scheduler of IPVS, such as rr or lc");
    return error_set(err, EXIT_USAGE, -EINVAL,
                     "cluster.proxy: %s chooses at random: want the scheduler random, or the mode "
                     "ipvs",
                     experiment_proxy_mode_word(proxy->mode));
}

int proxies_compare(struct session *session, struct error *err)
{
    const struct experiment *experiment = session->experiment;
    struct kube_result result;
    char differs[320] = "";
    if (session->cluster.kube == NULL || !experiment->cluster.proxy.given)
        return 0;
    struct kube_order order = order_of(&experiment->cluster.proxy);
    int code = look(session->cluster.kube, &session->clock, &order, &result, differs, err);
    if (code == 0 && differs[0] == '\0' && result.done == KUBE_DONE_FAILED)
        code = judge_unknown(experiment, &result, err);
    else if (code == 0 && differs[0] == '\0')
        fprintf(stderr, "seamline: kube-proxy balances as is wanted: %s\n", result.previous);
    else if (code == 0 && may_change(experiment))
        session->proxies_differ = true;
    else if (code == 0)
        code = error_set(err, EXIT_USAGE, -EPERM,
                         "the experiment would have to %s: name \"" CONFIGMAP "\" and \"" DAEMONSET
                         "\" in cluster.mayChange if that is to be done for the run, or set "
                         "cluster.proxy to what there is",
                         differs);
    if (code == 0 && session->proxies_differ)
        fprintf(stderr,
                "seamline: for this run: %s; its pods are restarted and awaited, and all is put "
                "back at the end\n",
                differs);
    if (code < 0)
        error_wrap(err, "cluster.proxy");
    return code;
}

int proxies_set(struct session *session, struct error *err)
{
    if (!session->proxies_differ)
        return 0;
    int code = change_config(session, err);
    if (code == 0)
        code = await_pods(session, err);
    if (code < 0 && code != -EINTR)
        error_wrap(err, "cluster.proxy");
    return code;
}

int proxies_settle(struct session *session, struct error *err)
{
    if (!session->proxies_restarted || stop_is_wanted())
        return 0;
    int code = await_pods(session, err);
    if (code == -EINTR)
        return 0; /* They go on by themselves. */
    if (code < 0)
        error_wrap(err, "kube-proxy was put back, and its pods");
    return code;
}

static struct kube_order order_of(const struct experiment_proxy *proxy)
{
    bool random = proxy->scheduler == EXPERIMENT_SCHEDULER_RANDOM;
    bool said = proxy->mode != EXPERIMENT_PROXY_ANY;
    return (struct kube_order){
        .verb = KUBE_SET_PROXY,
        .namespace = KUBE_PROXY_NAMESPACE,
        .name = KUBE_PROXY_NAME,
        .proxy_mode = said     ? experiment_proxy_mode_word(proxy->mode)
                      : random ? ""
                               : "ipvs",
        .proxy_scheduler = random ? "" : experiment_scheduler_word(proxy->scheduler),
    };
}

/* Let ORDER be prepared, and no more. 0 with what it would do in DIFFERS, or with *RESULT (without
 * an object) when it ended before. */
static int look(struct kube *kube, const struct clock *clock, struct kube_order *order,
                struct kube_result *result, char differs[320], struct error *err)
{
    struct kube_prepared prepared;
    uint64_t deadline_ns = clock_now_ns(clock) + ANSWER_MS * UINT64_C(1000000);
    order->confirm = true;
    int code = 0, action = kube_start(kube, order, err);
    if (action < 0)
        return action;
    while (code == 0 && kube_result(kube, action) == NULL &&
           kube_prepared(kube, action, &prepared) < 0) {
        if (stop_is_wanted())
            code = -EINTR;
        else if (clock_now_ns(clock) > deadline_ns || kube_poll(kube, 20) < 0)
            code = error_set(err, EXIT_ENVIRONMENT, -ETIMEDOUT, "no answer within %d s",
                             ANSWER_MS / 1000);
    }
    if (code == 0 && kube_result(kube, action) == NULL)
        snprintf(differs, 320, "%s", prepared.text);
    else if (code == 0)
        *result = *kube_result(kube, action);
    result->object = NULL;
    kube_forget(kube, action);
    return code;
}

/* That there is none, or that it may not be seen, matters only to those who want it changed. */
static int judge_unknown(const struct experiment *experiment, const struct kube_result *result,
                         struct error *err)
{
    char why[sizeof(result->error.text) + 200];
    bool absent = result->reason == KUBE_REASON_NOT_FOUND;
    bool unseen =
        absent || result->reason == KUBE_REASON_FORBIDDEN || result->reason == KUBE_REASON_SUCCESS;
    if (absent)
        snprintf(why, sizeof(why),
                 "this cluster shows no kube-proxy: there is no ConfigMap " KUBE_PROXY_NAME
                 " in " KUBE_PROXY_NAMESPACE
                 ". Another program balances there, or its configuration is elsewhere");
    else
        snprintf(why, sizeof(why), "%s", result->error.text);
    if (!unseen || may_change(experiment))
        return error_set(err, EXIT_ENVIRONMENT, result->code, "%s%s", why,
                         absent ? ": choose the scheduler there, and take " CONFIGMAP
                                  " out of cluster.mayChange"
                                : "");
    if (!experiment->cluster.lab_cluster) /* The lab was held against cluster.proxy already. */
        fprintf(stderr,
                "seamline: cluster.proxy is not compared, the prediction believes in %s: %s\n",
                experiment_scheduler_word(experiment->cluster.proxy.scheduler), why);
    return 0;
}

static bool may_change(const struct experiment *experiment)
{
    return experiment_may_change(experiment, "configmap", KUBE_PROXY_NAME) &&
           experiment_may_change(experiment, "daemonset", KUBE_PROXY_NAME);
}

/* The restart comes later, but is prepared first: changes are put back from the last to the first,
 * and pods that start must find the old configuration. */
static int change_config(struct session *session, struct error *err)
{
    struct cluster *cluster = &session->cluster;
    struct kube_order restart = {.verb = KUBE_RESTART,
                                 .kind = KUBE_DAEMONSET,
                                 .namespace = KUBE_PROXY_NAMESPACE,
                                 .name = KUBE_PROXY_NAME};
    struct kube_order config = order_of(&session->experiment->cluster.proxy);
    int later = cluster_change(cluster, &restart, err);
    if (later < 0)
        return later;
    cluster->changes[later].held = cluster->changes[later].temporary = true;
    int code = wait_for(session, later, false, err);
    if (code < 0)
        return code;
    int first = cluster_change(cluster, &config, err);
    if (first < 0)
        return first;
    cluster->changes[first].temporary = true;
    code = wait_for(session, first, true, err);
    if (code < 0)
        return code;
    cluster_release(cluster, (unsigned)later);
    code = wait_for(session, later, true, err);
    session->proxies_restarted = code == 0;
    if (code == 0)
        note_environment(&session->meta, cluster->changes[first].text);
    return code;
}

/* What the run was made on is another than it found. */
static void note_environment(struct meta *meta, const char *change)
{
    size_t size = strlen(meta->environment);
    snprintf(meta->environment + size, sizeof(meta->environment) - size, "; for the run: %s",
             change);
}

/* Until change INDEX is over, or (unless OVER) ready to be made. */
static int wait_for(struct session *session, int index, bool over, struct error *err)
{
    const struct cluster_change *change = &session->cluster.changes[index];
    uint64_t deadline_ns = clock_now_ns(&session->clock) + 2 * ANSWER_MS * UINT64_C(1000000);
    while (!change->over && (over || !change->journalled)) {
        if (stop_is_wanted())
            return -EINTR;
        if (clock_now_ns(&session->clock) > deadline_ns)
            return error_set(err, EXIT_ENVIRONMENT, -ETIMEDOUT, "\"%s\": no answer within %d s",
                             change->text, 2 * ANSWER_MS / 1000);
        int code = cluster_poll(&session->cluster, 20, err);
        if (code < 0)
            return code;
    }
    if (!change->over || change->result.done != KUBE_DONE_FAILED)
        return 0;
    return error_set(err, change->result.error.status,
                     change->result.code < 0 ? change->result.code : -EIO, "%s",
                     change->result.error.text);
}

/* By asking for the DaemonSet: nothing of kube-system is to be on the timeline. */
static int await_pods(struct session *session, struct error *err)
{
    struct kube_order order = {.verb = KUBE_GET,
                               .kind = KUBE_DAEMONSET,
                               .namespace = KUBE_PROXY_NAMESPACE,
                               .name = KUBE_PROXY_NAME};
    struct kube_rollout rollout;
    uint64_t now_ns = clock_now_ns(&session->clock);
    uint64_t deadline_ns = now_ns + DEADLINE_NS, look_ns = now_ns;
    for (;;) {
        struct kube_result result;
        int code = cluster_poll(&session->cluster, 20, err);
        now_ns = clock_now_ns(&session->clock);
        if (code < 0 || stop_is_wanted())
            return code < 0 ? code : -EINTR;
        if (now_ns < look_ns)
            continue;
        code = kube_run(session->cluster.kube, &order, ANSWER_MS, &result, err);
        if (code < 0)
            return code;
        kube_rollout_status(result.object, &rollout);
        kube_object_drop(result.object);
        if (rollout.state == KUBE_ROLLOUT_COMPLETE)
            return 0;
        if (rollout.state == KUBE_ROLLOUT_PAUSED || now_ns > deadline_ns)
            return error_set(err, EXIT_ENVIRONMENT, -ETIMEDOUT, DAEMONSET " does not roll out: %s",
                             rollout.text);
        look_ns = now_ns + LOOK_MS * UINT64_C(1000000);
    }
}
