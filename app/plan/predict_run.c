#include "plan/predict_run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    GROUPS_MAX = 256,                 /* A pod's connections break in at most so many events. */
    KILL_AFTER_HOOK_S = 2,            /* What is left to a process at least after its preStop. */
    RETRY_STEP_MS = 100,              /* The wait after a failed connect grows by this ... */
    RETRY_MAX_MS = 1000,              /* ... up to this. */
    EVENTS_PER_POD = GROUPS_MAX + 16, /* In the heap at a time. */
    CONTROLLERS_TO_ACT = 2,           /* The Deployment's, then the ReplicaSet's. */
    CONTROLLERS_TO_SEE = 1, /* The ReplicaSet's status, which the Deployment's looks at. */
};

enum event_kind {
    EVENT_CONTROL,      /* The controllers look at the state and act. */
    EVENT_READY,        /* A pod's Ready is published. */
    EVENT_AVAILABLE,    /* It has been ready long enough to count. */
    EVENT_IN_SLICE,     /* It is ready in the EndpointSlice. */
    EVENT_OUT_OF_SLICE, /* It is terminating in the EndpointSlice. */
    EVENT_SYNC,         /* The proxy syncs: what is in the slice gets into the rules. */
    EVENT_CLOSE,        /* A pod closes its connections. */
    EVENT_BREAK,        /* `count` of its connections break at their client, which reconnects. */
    EVENT_RETRY,        /* A connect that failed is tried again; `count` is the attempt. */
};

struct event {
    int64_t at_ns;        /* Since the change. */
    uint32_t key;         /* Order among events of one instant. */
    enum event_kind kind; /* What. */
    uint32_t pod;         /* Of which; of BREAK and RETRY of none. */
    uint32_t count;       /* See BREAK, RETRY. */
};

struct pod {
    bool is_new;          /* Of the new ReplicaSet. */
    bool available;       /* As the controller counts. */
    bool deleted;         /* Marked for deletion. */
    bool in_slice;        /* Ready in the slice. */
    bool terminating;     /* Serving and terminating in the slice. */
    bool in_rules;        /* In the proxy's rules. */
    int64_t close_ns;     /* When its connections close; INT64_MAX while it lives. */
    uint32_t connections; /* Established to it now. */
};

struct predict_run {
    const struct predict_input *input; /* Borrowed. */
    struct random *random;             /* Borrowed for one run. */
    int64_t now_ns;                    /* Of the event that is happening. */
    struct predict_outcome outcome;    /* So far. */
    struct pod *pods;                  /* Old ones first; new ones as they are created. */
    uint32_t pod_count;                /* Created so far. */
    struct rollout_state state;        /* What the controller sees. */
    bool control_due;                  /* An EVENT_CONTROL is on its way. */
    bool controlling;                  /* The controllers act just now. */
    uint32_t *rules;                   /* Pods in the proxy's rules, in their order. */
    uint32_t rule_count;               /* Of rules. */
    uint32_t next_rule;                /* Round robin: the next one. */
    uint32_t *synced;                  /* What the sync under way has seen of the slice. */
    uint32_t synced_count;             /* Of synced. */
    bool syncing;                      /* An EVENT_SYNC is due. */
    double tokens;                     /* Syncs that need not wait. */
    int64_t tokens_at_ns;              /* When tokens was true. */
    struct event *heap;                /* The least first. */
    size_t heap_count;                 /* Of heap. */
    size_t heap_capacity;              /* Of heap. */
    bool full;                         /* An event found no room. */
};

static void begin(struct predict_run *run);
static void happen(struct predict_run *run, const struct event *event);
static void post(struct predict_run *run, enum event_kind kind, int64_t delay_ns, uint32_t pod);
static void push(struct predict_run *run, struct event event);
static struct event pop(struct predict_run *run);
static bool before(const struct event *a, const struct event *b);
static int64_t draw(struct predict_run *run, const struct predict_range *range);
static void control_soon(struct predict_run *run, unsigned controllers);
static void control(struct predict_run *run);
static void create_pod(struct predict_run *run);
static void delete_old_pod(struct predict_run *run);
static int64_t close_time(struct predict_run *run);
static void slice_changed(struct predict_run *run);
static void fill_tokens(struct predict_run *run);
static int64_t token_wait(struct predict_run *run);
static void take_token(struct predict_run *run);
static void sync_read(struct predict_run *run);
static void sync_apply(struct predict_run *run);
static void close_pod(struct predict_run *run, struct pod *pod);
static void connect_one(struct predict_run *run, uint32_t attempt);
static struct pod *pick(struct predict_run *run);

struct predict_run *predict_run_new(const struct predict_input *input)
{
    struct predict_run *run = calloc(1, sizeof(*run));
    size_t pods = (size_t)input->limits.replicas * 2;

    if (run == NULL)
        return NULL;
    run->input = input;
    run->heap_capacity = pods * EVENTS_PER_POD + input->connections;
    run->pods = calloc(pods, sizeof(*run->pods));
    run->rules = calloc(pods, sizeof(*run->rules));
    run->synced = calloc(pods, sizeof(*run->synced));
    run->heap = calloc(run->heap_capacity, sizeof(*run->heap));
    if (run->pods == NULL || run->rules == NULL || run->synced == NULL || run->heap == NULL) {
        predict_run_free(run);
        return NULL;
    }
    return run;
}

void predict_run_free(struct predict_run *run)
{
    if (run == NULL)
        return;
    free(run->pods);
    free(run->rules);
    free(run->synced);
    free(run->heap);
    free(run);
}

int predict_run_once(struct predict_run *run, struct random *random, struct predict_outcome *out)
{
    uint32_t events = 0;

    run->random = random;
    begin(run);
    control_soon(run, CONTROLLERS_TO_ACT);
    while (run->heap_count > 0 && !run->full) {
        struct event event = pop(run);
        run->now_ns = event.at_ns;
        happen(run, &event);
        if (++events > PREDICT_EVENTS_MAX)
            run->full = true;
    }
    *out = run->outcome;
    return run->full ? -ENOSPC : 0;
}

/* All old pods available and in the rules, the connections spread over them. */
static void begin(struct predict_run *run)
{
    uint32_t replicas = run->input->limits.replicas;

    memset(run->pods, 0, sizeof(*run->pods) * replicas * 2);
    run->now_ns = 0;
    run->outcome = (struct predict_outcome){0};
    run->pod_count = replicas;
    run->state = (struct rollout_state){.old_pods = replicas, .old_available = replicas};
    run->control_due = run->controlling = run->syncing = run->full = false;
    run->tokens = run->input->delays.proxy_burst;
    run->tokens_at_ns = 0;
    run->heap_count = 0;
    run->rule_count = replicas;
    run->next_rule = (uint32_t)random_below(run->random, replicas);
    for (uint32_t i = 0; i < replicas; i++) {
        run->rules[i] = i;
        run->pods[i] = (struct pod){
            .available = true, .in_slice = true, .in_rules = true, .close_ns = INT64_MAX};
    }
    for (uint32_t i = 0; i < run->input->connections; i++)
        connect_one(run, 0);
}

static void happen(struct predict_run *run, const struct event *event)
{
    struct pod *pod = &run->pods[event->pod];
    const struct predict_delays *delays = &run->input->delays;

    switch (event->kind) {
    case EVENT_CONTROL:
        run->control_due = false;
        control(run);
        break;
    case EVENT_READY:
        post(run, EVENT_IN_SLICE, draw(run, &delays->endpoint_ready), event->pod);
        post(run, EVENT_AVAILABLE, run->input->min_ready_ns, event->pod);
        break;
    case EVENT_AVAILABLE:
        pod->available = true;
        run->state.new_available++;
        control_soon(run, CONTROLLERS_TO_SEE + CONTROLLERS_TO_ACT);
        break;
    case EVENT_IN_SLICE:
        pod->in_slice = true;
        slice_changed(run);
        break;
    case EVENT_OUT_OF_SLICE:
        pod->in_slice = false;
        pod->terminating = true;
        slice_changed(run);
        break;
    case EVENT_SYNC:
        run->syncing = false;
        take_token(run);
        sync_read(run);
        sync_apply(run);
        break;
    case EVENT_CLOSE: close_pod(run, pod); break;
    case EVENT_BREAK:
        for (uint32_t i = 0; i < event->count; i++)
            connect_one(run, 0);
        break;
    case EVENT_RETRY: connect_one(run, event->count); break;
    }
}

/* What takes no time belongs to the event that caused it. */
static void post(struct predict_run *run, enum event_kind kind, int64_t delay_ns, uint32_t pod)
{
    struct event event = {.at_ns = run->now_ns + delay_ns, .kind = kind, .pod = pod};

    if (delay_ns == 0) {
        happen(run, &event);
        return;
    }
    event.key = (uint32_t)(random_next(run->random) >> 32);
    push(run, event);
}

static void push(struct predict_run *run, struct event event)
{
    size_t at = run->heap_count;

    if (at == run->heap_capacity) {
        run->full = true;
        return;
    }
    run->heap_count++;
    while (at > 0 && before(&event, &run->heap[(at - 1) / 2])) {
        run->heap[at] = run->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    run->heap[at] = event;
}

static struct event pop(struct predict_run *run)
{
    struct event first = run->heap[0], last = run->heap[--run->heap_count];
    size_t at = 0;

    for (;;) {
        size_t child = at * 2 + 1;
        if (child >= run->heap_count)
            break;
        if (child + 1 < run->heap_count && before(&run->heap[child + 1], &run->heap[child]))
            child++;
        if (!before(&run->heap[child], &last))
            break;
        run->heap[at] = run->heap[child];
        at = child;
    }
    run->heap[at] = last;
    return first;
}

static bool before(const struct event *a, const struct event *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->key < b->key;
}

static int64_t draw(struct predict_run *run, const struct predict_range *range)
{
    if (range->high_ns == range->low_ns)
        return range->low_ns;
    return range->low_ns +
           (int64_t)random_below(run->random, (uint64_t)(range->high_ns - range->low_ns) + 1);
}

/* After as many CONTROLLERS have each taken their time, one after the other. */
static void control_soon(struct predict_run *run, unsigned controllers)
{
    int64_t delay_ns = 0;

    if (run->control_due)
        return;
    run->control_due = true;
    while (controllers-- > 0)
        delay_ns += draw(run, &run->input->delays.controller);
    if (!run->controlling)
        post(run, EVENT_CONTROL, delay_ns, 0);
}

/* First up, then down, as the deployment controller does; again while that changed something. */
static void control(struct predict_run *run)
{
    uint32_t up = rollout_scale_up(&run->input->limits, &run->state);
    uint32_t down;

    run->controlling = true;
    for (uint32_t i = 0; i < up; i++)
        create_pod(run);
    down = rollout_scale_down(&run->input->limits, &run->state);
    for (uint32_t i = 0; i < down; i++)
        delete_old_pod(run);
    run->controlling = false;
    if (up + down > 0 || run->control_due) {
        run->control_due = false;
        control_soon(run, CONTROLLERS_TO_ACT);
    }
}

static void create_pod(struct predict_run *run)
{
    uint32_t index = run->pod_count++;

    run->pods[index] = (struct pod){.is_new = true, .close_ns = INT64_MAX};
    run->state.new_pods++;
    post(run, EVENT_READY, draw(run, &run->input->delays.pod_ready), index);
}

/* Any of those left: which one the ReplicaSet takes depends on what no experiment fixes. */
static void delete_old_pod(struct predict_run *run)
{
    uint32_t choice = (uint32_t)random_below(run->random, run->state.old_pods), index = 0;
    struct pod *pod;

    while (run->pods[index].deleted || choice-- > 0)
        index++;
    pod = &run->pods[index];
    pod->deleted = true;
    run->state.old_pods--;
    run->state.old_available--;
    pod->close_ns = close_time(run);
    post(run, EVENT_OUT_OF_SLICE, draw(run, &run->input->delays.endpoint_terminating), index);
    /* First of its instant, so that what it breaks then falls among the other events of it. */
    push(run, (struct event){.at_ns = pod->close_ns, .kind = EVENT_CLOSE, .pod = index});
}

/* preStop within the grace period, then the time that the program takes after SIGTERM until the
 * grace period, or two seconds, are over. */
static int64_t close_time(struct predict_run *run)
{
    const struct predict_input *input = run->input;
    int64_t grace_ends_ns = run->now_ns + input->grace_ns;
    int64_t term_ns = run->now_ns + draw(run, &input->delays.stop_start) + input->pre_stop_ns;
    int64_t kill_ns, close_ns;

    if (term_ns > grace_ends_ns)
        term_ns = grace_ends_ns;
    kill_ns = term_ns + KILL_AFTER_HOOK_S * INT64_C(1000000000);
    if (kill_ns < grace_ends_ns)
        kill_ns = grace_ends_ns;
    close_ns = term_ns + draw(run, &input->drain);
    return close_ns < kill_ns ? close_ns : kill_ns;
}

/* The proxy will see this, and whatever else has changed when it gets to it. */
static void slice_changed(struct predict_run *run)
{
    int64_t delay_ns, token_ns;

    if (run->syncing)
        return;
    run->syncing = true;
    delay_ns = draw(run, &run->input->delays.proxy_apply);
    token_ns = token_wait(run);
    post(run, EVENT_SYNC, delay_ns > token_ns ? delay_ns : token_ns, 0);
}

/* A bucket of `burst` tokens, one more each interval. */
static void fill_tokens(struct predict_run *run)
{
    const struct predict_delays *delays = &run->input->delays;

    run->tokens += (double)(run->now_ns - run->tokens_at_ns) / (double)delays->proxy_interval_ns;
    run->tokens_at_ns = run->now_ns;
    if (run->tokens > delays->proxy_burst)
        run->tokens = delays->proxy_burst;
}

/* How long until there is one. */
static int64_t token_wait(struct predict_run *run)
{
    double interval_ns = (double)run->input->delays.proxy_interval_ns;

    if (run->input->delays.proxy_interval_ns == 0)
        return 0;
    fill_tokens(run);
    return run->tokens >= 1 ? 0 : (int64_t)((1 - run->tokens) * interval_ns);
}

static void take_token(struct predict_run *run)
{
    if (run->input->delays.proxy_interval_ns == 0)
        return;
    fill_tokens(run);
    run->tokens = run->tokens < 1 ? 0 : run->tokens - 1;
}

/* The ready endpoints; the terminating ones if there is no other (KEP-1669). Those that are in the
 * rules keep their order, others come behind. */
static void sync_read(struct predict_run *run)
{
    uint32_t ready = 0;
    bool fall_back;

    run->synced_count = 0;
    for (uint32_t i = 0; i < run->pod_count; i++)
        ready += run->pods[i].in_slice;
    fall_back = ready == 0 && run->input->delays.terminating_endpoints;
    for (int kept = 1; kept >= 0; kept--)
        for (uint32_t i = 0; i < (kept ? run->rule_count : run->pod_count); i++) {
            uint32_t index = kept ? run->rules[i] : i;
            const struct pod *pod = &run->pods[index];
            bool serving = pod->terminating && pod->close_ns > run->now_ns;
            if (pod->in_rules == (kept == 1) && (pod->in_slice || (fall_back && serving)))
                run->synced[run->synced_count++] = index;
        }
}

static void sync_apply(struct predict_run *run)
{
    uint32_t *old = run->rules, next = 0;

    for (uint32_t i = 0; i < run->pod_count; i++)
        run->pods[i].in_rules = false;
    for (uint32_t i = 0; i < run->synced_count; i++)
        run->pods[run->synced[i]].in_rules = true;
    for (uint32_t i = 0; i < run->next_rule && i < run->rule_count; i++)
        next += run->pods[old[i]].in_rules;
    run->rules = run->synced;
    run->rule_count = run->synced_count;
    run->synced = old;
    run->next_rule = run->rule_count > 0 ? next % run->rule_count : 0;
}

static void close_pod(struct predict_run *run, struct pod *pod)
{
    uint32_t group = (pod->connections + GROUPS_MAX - 1) / GROUPS_MAX;

    run->outcome.broken += pod->connections;
    run->outcome.duration_ns = run->now_ns;
    while (pod->connections > 0) {
        struct event event = {.at_ns = run->now_ns, .kind = EVENT_BREAK};
        event.key = (uint32_t)(random_next(run->random) >> 32);
        event.count = group < pod->connections ? group : pod->connections;
        pod->connections -= event.count;
        push(run, event);
    }
}

static void connect_one(struct predict_run *run, uint32_t attempt)
{
    struct pod *pod = pick(run);
    uint32_t wait_ms = (attempt + 1) * RETRY_STEP_MS;

    if (pod != NULL && pod->close_ns > run->now_ns) {
        pod->connections++;
        return;
    }
    run->outcome.failed_connects++;
    push(run, (struct event){
                  .at_ns = run->now_ns +
                           INT64_C(1000000) * (wait_ms < RETRY_MAX_MS ? wait_ms : RETRY_MAX_MS),
                  .key = (uint32_t)(random_next(run->random) >> 32),
                  .kind = EVENT_RETRY,
                  .count = attempt + 1 < RETRY_MAX_MS ? attempt + 1 : attempt,
              });
}

static struct pod *pick(struct predict_run *run)
{
    uint32_t choice = 0;

    if (run->rule_count == 0)
        return NULL;
    switch (run->input->scheduler) {
    case PREDICT_RR:
        choice = run->next_rule;
        run->next_rule = (run->next_rule + 1) % run->rule_count;
        break;
    case PREDICT_LC:
        for (uint32_t i = 1; i < run->rule_count; i++)
            if (run->pods[run->rules[i]].connections < run->pods[run->rules[choice]].connections)
                choice = i;
        break;
    case PREDICT_RANDOM: choice = (uint32_t)random_below(run->random, run->rule_count); break;
    }
    return &run->pods[run->rules[choice]];
}
