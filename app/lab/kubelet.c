#include "lab/kubelet.h"

void kubelet_init(struct kubelet_pod *pod, const struct kubelet_settings *settings,
                  int64_t created_ns)
{
    *pod = (struct kubelet_pod){
        .settings = *settings,
        .state = KUBELET_WAITING,
        .ready_at_ns = created_ns + settings->ready_delay_ns,
        .start_at_ns = created_ns,
        .act_at_ns = INT64_MAX,
    };
}

static int64_t min64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t max64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Nothing was started, so nothing has to end. */
static void end_without_process(struct kubelet_pod *pod, int64_t now_ns)
{
    pod->state = KUBELET_ENDED;
    pod->namespace_until_ns = now_ns;
    pod->object_until_ns = now_ns;
}

void kubelet_deleted(struct kubelet_pod *pod, int64_t now_ns, int64_t start_delay_ns,
                     int64_t grace_ns)
{
    int64_t grace_end_ns;

    if (pod->deleting) {
        grace_end_ns = now_ns + grace_ns;
        if (pod->state == KUBELET_DYING || pod->state == KUBELET_HOOK)
            pod->act_at_ns = min64(pod->act_at_ns, grace_end_ns);
        pod->grace_ns = min64(pod->grace_ns, grace_end_ns - pod->deleted_ns);
        return;
    }
    pod->deleting = true;
    pod->deleted_ns = now_ns;
    pod->grace_ns = grace_ns;
    if (pod->state == KUBELET_ENDED || pod->state == KUBELET_GONE) {
        pod->object_until_ns = now_ns;
        pod->state = KUBELET_ENDED;
    } else if (pod->state == KUBELET_WAITING) {
        end_without_process(pod, now_ns);
    } else {
        pod->state = KUBELET_DELETED;
        pod->act_at_ns = now_ns + start_delay_ns;
    }
}

void kubelet_forced(struct kubelet_pod *pod, int64_t now_ns)
{
    pod->forced = true;
    pod->deleting = true;
    if (pod->process) {
        pod->state = KUBELET_DYING;
        pod->act_at_ns = now_ns;
    } else if (pod->state != KUBELET_ENDED) {
        end_without_process(pod, now_ns);
    }
}

static int64_t backoff_ns(uint32_t restarts)
{
    int64_t backoff = KUBELET_BACKOFF_NS;

    if (restarts <= 1)
        return 0;
    for (uint32_t i = 2; i < restarts && backoff < KUBELET_BACKOFF_MAX_NS; i++)
        backoff *= 2;
    return min64(backoff, KUBELET_BACKOFF_MAX_NS);
}

void kubelet_exited(struct kubelet_pod *pod, int64_t now_ns, int64_t object_gone_delay_ns)
{
    pod->process = false;
    pod->ready = false;
    pod->publish = !pod->forced;
    pod->good_probes = 0;
    if (!pod->deleting && pod->settings.restarts) {
        pod->restarts++;
        pod->state = KUBELET_WAITING;
        pod->start_at_ns = now_ns + backoff_ns(pod->restarts);
        return;
    }
    pod->state = KUBELET_ENDED;
    pod->act_at_ns = INT64_MAX;
    pod->namespace_until_ns = now_ns + KUBELET_NAMESPACE_STAYS_NS;
    pod->object_until_ns = pod->deleting ? now_ns + object_gone_delay_ns : INT64_MAX;
}

void kubelet_hook_ended(struct kubelet_pod *pod, int64_t now_ns)
{
    if (pod->state == KUBELET_HOOK)
        pod->act_at_ns = now_ns;
}

void kubelet_probed(struct kubelet_pod *pod, bool good)
{
    if (good) {
        pod->bad_probes = 0;
        if (pod->good_probes < pod->settings.probe_successes)
            pod->good_probes++;
        return;
    }
    pod->good_probes = 0;
    if (++pod->bad_probes >= pod->settings.probe_failures && pod->ready) {
        pod->ready = false;
        pod->publish = true;
    }
}

static bool probes_agree(const struct kubelet_pod *pod)
{
    return !pod->settings.probes || pod->good_probes >= pod->settings.probe_successes;
}

static enum kubelet_action start(struct kubelet_pod *pod, int64_t now_ns)
{
    if (now_ns < pod->start_at_ns)
        return KUBELET_NONE;
    pod->state = KUBELET_RUNNING;
    pod->process = true;
    pod->namespace = true;
    pod->publish = true;
    pod->probe_at_ns = now_ns + pod->settings.probe_first_ns;
    return KUBELET_START;
}

static enum kubelet_action run(struct kubelet_pod *pod, int64_t now_ns)
{
    if (!pod->ready && now_ns >= pod->ready_at_ns && probes_agree(pod)) {
        pod->ready = true;
        return KUBELET_PUBLISH;
    }
    if (pod->settings.probes && now_ns >= pod->probe_at_ns) {
        pod->probe_at_ns = now_ns + pod->settings.probe_period_ns;
        return KUBELET_PROBE;
    }
    return KUBELET_NONE;
}

static enum kubelet_action begin_end(struct kubelet_pod *pod, int64_t now_ns)
{
    int64_t limit_ns = pod->deleted_ns + pod->grace_ns;

    if (pod->settings.hook == KUBELET_NO_HOOK) {
        pod->state = KUBELET_TERMINATE;
        return KUBELET_NONE;
    }
    pod->state = KUBELET_HOOK;
    pod->act_at_ns = limit_ns;
    if (pod->settings.hook == KUBELET_SLEEP_HOOK)
        pod->act_at_ns = min64(limit_ns, now_ns + pod->settings.hook_sleep_ns);
    return KUBELET_HOOK_BEGIN;
}

static enum kubelet_action clear_up(struct kubelet_pod *pod, int64_t now_ns)
{
    if (pod->namespace && now_ns >= pod->namespace_until_ns) {
        pod->namespace = false;
        return KUBELET_REMOVE_NAMESPACE;
    }
    if (pod->deleting && !pod->forced && now_ns >= pod->object_until_ns) {
        pod->forced = true;
        return KUBELET_DELETE_OBJECT;
    }
    if (pod->forced && !pod->namespace)
        pod->state = KUBELET_GONE;
    return KUBELET_NONE;
}

static enum kubelet_action step(struct kubelet_pod *pod, int64_t now_ns)
{
    switch (pod->state) {
    case KUBELET_WAITING: return start(pod, now_ns);
    case KUBELET_RUNNING: return run(pod, now_ns);
    case KUBELET_DELETED:
        if (now_ns < pod->act_at_ns)
            return KUBELET_NONE;
        return begin_end(pod, now_ns);
    case KUBELET_HOOK:
        if (now_ns < pod->act_at_ns)
            return KUBELET_NONE;
        pod->state = KUBELET_TERMINATE;
        return KUBELET_HOOK_END;
    case KUBELET_TERMINATE:
        pod->state = KUBELET_DYING;
        pod->act_at_ns = max64(pod->deleted_ns + pod->grace_ns, now_ns + KUBELET_LEAST_GRACE_NS);
        return KUBELET_TERM;
    case KUBELET_DYING:
        if (now_ns < pod->act_at_ns)
            return KUBELET_NONE;
        pod->state = KUBELET_KILLED;
        return KUBELET_KILL;
    case KUBELET_ENDED: return clear_up(pod, now_ns);
    case KUBELET_KILLED:
    case KUBELET_GONE: break;
    }
    return KUBELET_NONE;
}

enum kubelet_action kubelet_next(struct kubelet_pod *pod, int64_t now_ns)
{
    enum kubelet_state before = pod->state;
    enum kubelet_action action;

    if (pod->publish) {
        pod->publish = false;
        return KUBELET_PUBLISH;
    }
    action = step(pod, now_ns);
    /* A state that only leads on to another one. */
    if (action == KUBELET_NONE && pod->state != before && pod->state == KUBELET_TERMINATE)
        action = step(pod, now_ns);
    return action;
}

static int64_t run_due(const struct kubelet_pod *pod)
{
    int64_t due_ns = INT64_MAX;

    if (!pod->ready && probes_agree(pod))
        due_ns = pod->ready_at_ns;
    if (pod->settings.probes)
        due_ns = min64(due_ns, pod->probe_at_ns);
    return due_ns;
}

static int64_t end_due(const struct kubelet_pod *pod)
{
    int64_t due_ns = INT64_MAX;

    if (pod->namespace)
        due_ns = pod->namespace_until_ns;
    if (pod->deleting && !pod->forced)
        due_ns = min64(due_ns, pod->object_until_ns);
    return pod->forced && !pod->namespace ? INT64_MIN : due_ns;
}

int64_t kubelet_due(const struct kubelet_pod *pod)
{
    if (pod->publish)
        return INT64_MIN;
    switch (pod->state) {
    case KUBELET_WAITING: return pod->start_at_ns;
    case KUBELET_RUNNING: return run_due(pod);
    case KUBELET_DELETED:
    case KUBELET_HOOK:
    case KUBELET_DYING: return pod->act_at_ns;
    case KUBELET_TERMINATE: return INT64_MIN;
    case KUBELET_ENDED: return end_due(pod);
    case KUBELET_KILLED:
    case KUBELET_GONE: break;
    }
    return INT64_MAX;
}
