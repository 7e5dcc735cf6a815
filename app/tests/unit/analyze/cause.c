/* Each cause from a timeline written by hand, and near misses that must stay unexplained. */
#include "tests/unit/analyze/cause_scene.h"

/* New connections that meet nobody, from 4000 ms on. */
static void attempts(void **state)
{
    static const struct {
        const char *what;
        double ending_ms;  /* Of pod a; 0: it goes on. */
        double ready_ms;   /* Of pod c, which answers at 6000; 0: there is none. */
        double stopped_ms; /* The containers of pod a; 0: not seen. */
        enum cause cause;
        enum cause_confidence confidence;
    } rows[] = {
        {"a pod is ending", 3990, 0, 0, CAUSE_RACE, CAUSE_HIGH},
        {"a pod is ready and was not heard of", 0, 3900, 0, CAUSE_READY_EARLY, CAUSE_HIGH},
        {"both at once", 3990, 3900, 0, CAUSE_UNEXPLAINED, CAUSE_NONE},
        {"both, and the ending one has just stopped", 3990, 3900, 4050, CAUSE_RACE, CAUSE_MEDIUM},
        {"both, and the ending one stops much later", 3990, 3900, 6000, CAUSE_UNEXPLAINED,
         CAUSE_NONE},
        {"neither", 0, 0, 0, CAUSE_UNEXPLAINED, CAUSE_NONE},
        {"it was told to end only later", 4900, 0, 0, CAUSE_UNEXPLAINED, CAUSE_NONE},
        {"it became ready only later", 0, 4900, 0, CAUSE_UNEXPLAINED, CAUSE_NONE},
        {"ready first, then another ending", 4250, 3900, 0, CAUSE_READY_EARLY, CAUSE_MEDIUM},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct scene scene;
        open_service(&scene);
        pod(&scene, "a", "n1");
        pod(&scene, "b", "n2");
        if (rows[i].ready_ms > 0) {
            told(&scene, TIMELINE_POD_CREATED, "c", rows[i].ready_ms - 500, "", "n1");
            told(&scene, TIMELINE_POD_READY, "c", rows[i].ready_ms, "", "n1");
            uint16_t c = scene_host(&scene, "c");
            scene_request(&scene, 0, 1, 6000, 1, OUTCOME_OK, c);
        }
        if (rows[i].ending_ms > 0)
            ending(&scene, "a", rows[i].ending_ms, "n1");
        if (rows[i].stopped_ms > 0)
            told(&scene, TIMELINE_POD_NOT_READY, "a", rows[i].stopped_ms, "", "n1");
        lost(&scene, 4000, 50, OUTCOME_REFUSED, 0.2, 0, 0);
        outage(&scene, 4000, 4500, 50, 0, 7);
        judge(&scene, rows[i].what, rows[i].cause, rows[i].confidence);
    }
}

/* A rollout: pod a has ended before, b has just stopped, and c is new. */
static void one_of_two_ending_pods_has_just_stopped(void **state)
{
    struct scene scene;
    (void)state;
    open_service(&scene);
    pod(&scene, "a", "n1");
    pod(&scene, "b", "n2");
    pod(&scene, "d", "n2");
    ending(&scene, "a", 2500, "n1");
    told(&scene, TIMELINE_POD_NOT_READY, "a", 2600, "", "n1");
    ending(&scene, "b", 3990, "n2");
    told(&scene, TIMELINE_POD_NOT_READY, "b", 4050, "", "n2");
    told(&scene, TIMELINE_POD_READY, "c", 3900, "", "n1");
    scene_request(&scene, 0, 1, 6000, 1, OUTCOME_OK, scene_host(&scene, "c"));
    lost(&scene, 4000, 50, OUTCOME_REFUSED, 0.2, 0, 0);
    outage(&scene, 4000, 4500, 50, 0, 7);
    judge(&scene, "one of two", CAUSE_RACE, CAUSE_MEDIUM);
}

/* Work that pod a had in hand. It is told to end at 4000, with 2 s of grace. */
static void work_in_flight(void **state)
{
    static const struct {
        const char *what;
        double sent_ms, after_ms;
        bool is_told;
        enum cause cause;
    } rows[] = {
        {"dropped at once", 4100, 20, true, CAUSE_NOT_GRACEFUL},
        {"asked for before, dropped at once", 3950, 100, true, CAUSE_NOT_GRACEFUL},
        {"asked for before, and killed", 3900, 2150, true, CAUSE_GRACE_SHORT},
        {"it still took new work, and was killed", 5950, 60, true, CAUSE_SIGTERM_IGNORED},
        {"it was not told to end", 4100, 20, false, CAUSE_UNEXPLAINED},
        {"it was dropped before", 3500, 100, true, CAUSE_UNEXPLAINED},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct scene scene;
        open_service(&scene);
        uint16_t a = pod(&scene, "a", "n1");
        pod(&scene, "b", "n2");
        if (rows[i].is_told)
            ending(&scene, "a", 4000, "n1");
        lost(&scene, rows[i].sent_ms, 4, OUTCOME_RESET, rows[i].after_ms, a, 0);
        outage(&scene, rows[i].sent_ms, rows[i].sent_ms + rows[i].after_ms + 100, 4, a, 7);
        judge(&scene, rows[i].what, rows[i].cause,
              rows[i].cause == CAUSE_UNEXPLAINED ? CAUSE_NONE : CAUSE_HIGH);
    }
}

/* Requests on connections that nobody had answered on. Pod a is told to end at 4000, with 2 s of
 * grace; b is not. */
static void work_of_a_pod_that_never_answered(void **state)
{
    static const struct {
        const char *what;
        double sent_ms, after_ms;
        double stopped_ms; /* The containers of a. */
        enum outcome outcome;
        enum cause cause;
    } rows[] = {
        {"dropped as it stopped", 3900, 1000, 4900, OUTCOME_CLOSED, CAUSE_NOT_GRACEFUL},
        {"killed", 3900, 2150, 6100, OUTCOME_CLOSED, CAUSE_GRACE_SHORT},
        {"reset long before it stopped", 3900, 300, 5900, OUTCOME_RESET, CAUSE_UNEXPLAINED},
        {"asked for since, dropped as it stopped", 4100, 100, 4200, OUTCOME_RESET, CAUSE_RACE},
        {"taken, and never answered", 4100, 400, 4200, OUTCOME_STALLED, CAUSE_UNEXPLAINED},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct scene scene;
        open_service(&scene);
        pod(&scene, "a", "n1");
        pod(&scene, "b", "n2");
        ending(&scene, "a", 4000, "n1");
        told(&scene, TIMELINE_POD_NOT_READY, "a", rows[i].stopped_ms, "", "n1");
        lost(&scene, rows[i].sent_ms, 4, rows[i].outcome, rows[i].after_ms, 0, 0);
        outage(&scene, rows[i].sent_ms, rows[i].sent_ms + rows[i].after_ms + 100, 4, 0, 7);
        judge(&scene, rows[i].what, rows[i].cause,
              rows[i].cause == CAUSE_UNEXPLAINED ? CAUSE_NONE : CAUSE_HIGH);
    }
}

static void no_endpoint_and_rollouts_that_are_stuck(void **state)
{
    static const struct {
        const char *what;
        bool both, failed, completed;
        enum cause cause;
    } rows[] = {
        {"none is left", true, false, false, CAUSE_NO_ENDPOINT},
        {"one is left", false, false, false, CAUSE_RACE},
        {"none, of a rollout that failed", true, true, false, CAUSE_ROLLOUT_STUCK},
        {"none, of one that failed and then was completed", true, true, true, CAUSE_NO_ENDPOINT},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct scene scene;
        open_service(&scene);
        pod(&scene, "a", "n1");
        pod(&scene, "b", "n2");
        if (rows[i].failed)
            told(&scene, TIMELINE_ROLLOUT_FAILED, "m", 2500, "", "");
        if (rows[i].completed)
            told(&scene, TIMELINE_ROLLOUT_COMPLETE, "m", 2700, "", "");
        ending(&scene, "a", 3900, "n1");
        if (rows[i].both)
            ending(&scene, "b", 3900, "n2");
        lost(&scene, 4000, 50, OUTCOME_REFUSED, 0.2, 0, 0);
        outage(&scene, 4000, 4500, 50, 0, 7);
        judge(&scene, rows[i].what, rows[i].cause, CAUSE_HIGH);
    }
}

/* 502 and the like, from 4000 ms on. */
static void answers_of_a_proxy(void **state)
{
    static const struct {
        const char *what;
        uint16_t status;
        double ending_ms;   /* Of pod a; 0: it goes on. */
        const char *probed; /* Pod c is ready at 3900, by that, and answers at 6000; NULL: none. */
        enum cause cause;
        enum cause_confidence confidence;
    } rows[] = {
        {"502 after a pod's end", 502, 3000, NULL, CAUSE_STALE_UPSTREAM, CAUSE_HIGH},
        {"504 after a pod's end", 504, 3000, NULL, CAUSE_STALE_UPSTREAM, CAUSE_HIGH},
        {"502, and none ended", 502, 0, NULL, CAUSE_UNEXPLAINED, CAUSE_NONE},
        {"502 before one ended", 502, 4900, NULL, CAUSE_UNEXPLAINED, CAUSE_NONE},
        {"504 of one asked for before it ended", 504, 4900, NULL, CAUSE_UNEXPLAINED, CAUSE_NONE},
        {"500 is the application's own", 500, 3000, NULL, CAUSE_UNEXPLAINED, CAUSE_NONE},
        {"502, and one is new", 502, 0, "", CAUSE_READY_EARLY, CAUSE_HIGH},
        {"502, one ended and one is new", 502, 3000, "", CAUSE_UNEXPLAINED, CAUSE_NONE},
        {"502, one ended and one is new, and listened", 502, 3000, "readiness probe",
         CAUSE_STALE_UPSTREAM, CAUSE_MEDIUM},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct scene scene;
        open_service(&scene);
        pod(&scene, "a", "n1");
        pod(&scene, "b", "n2");
        if (rows[i].probed != NULL) {
            told(&scene, TIMELINE_POD_READY, "c", 3900, rows[i].probed, "n1");
            scene_request(&scene, 0, 1, 6000, 1, OUTCOME_OK, scene_host(&scene, "c"));
        }
        if (rows[i].ending_ms > 0)
            ending(&scene, "a", rows[i].ending_ms, "n1");
        double after_ms = rows[i].status == 504 ? 600 : 1; /* Silence. */
        lost(&scene, 4000, 50, OUTCOME_BAD_STATUS, after_ms, 0, rows[i].status);
        outage(&scene, 4000, 4500 + after_ms, 50, 0, 7);
        judge(&scene, rows[i].what, rows[i].cause, rows[i].confidence);
    }
}

/* Pod a has COUNT requests in hand that a proxy had sent to it, the last one WAIT_MS and the others
 * 100 ms apart before END_MS; it is told to end at 4000, and the proxy says 502 of all at END_MS. */
static void work_in_flight_through_a_proxy(void **state)
{
    static const struct {
        const char *what, *grace;
        double end_ms, wait_ms;
        unsigned count;
        double gone_ms;       /* Pod a; 0: not seen. */
        double other_gone_ms; /* Pod b; 0: it goes on. */
        enum cause cause;
        enum cause_confidence confidence;
    } rows[] = {
        {"dropped at once", "grace 5 s", 4100, 100, 10, 4250, 0, CAUSE_NOT_GRACEFUL, CAUSE_HIGH},
        {"some of it quite new", "grace 5 s", 4100, 10, 5, 4250, 0, CAUSE_NOT_GRACEFUL,
         CAUSE_MEDIUM},
        {"dropped, and another pod was gone", "grace 5 s", 4100, 100, 10, 4250, 2500,
         CAUSE_NOT_GRACEFUL, CAUSE_MEDIUM},
        {"killed, asked for before", "grace 2 s", 6050, 1900, 10, 6200, 0, CAUSE_GRACE_SHORT,
         CAUSE_HIGH},
        {"killed, and never seen to be gone", "grace 2 s", 6050, 1900, 10, 0, 0, CAUSE_GRACE_SHORT,
         CAUSE_HIGH},
        {"killed, asked for since", "grace 5 s", 9050, 2000, 20, 9200, 0, CAUSE_SIGTERM_IGNORED,
         CAUSE_HIGH},
        {"killed, asked for since, by a hook", "grace 5 s, preStop hook", 9050, 2000, 20, 9200, 0,
         CAUSE_GRACE_SHORT, CAUSE_MEDIUM},
        {"killed, asked for after the hook", "grace 5 s, preStop hook", 9050, 100, 10, 9200, 0,
         CAUSE_SIGTERM_IGNORED, CAUSE_HIGH},
        {"pods that are gone were silent first", "grace 2 s", 9500, 100, 10, 6200, 0,
         CAUSE_STALE_UPSTREAM, CAUSE_HIGH},
        {"nothing ended then", "grace 5 s", 4900, 100, 5, 0, 0, CAUSE_UNEXPLAINED, CAUSE_NONE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct scene scene;
        double first_ms = rows[i].end_ms - rows[i].wait_ms - 100 * (rows[i].count - 1);
        open_service(&scene);
        pod(&scene, "a", "n1");
        pod(&scene, "b", "n2");
        if (rows[i].other_gone_ms > 0) {
            told(&scene, TIMELINE_POD_TERMINATING, "b", 2000, "grace 5 s", "n2");
            told(&scene, TIMELINE_POD_GONE, "b", rows[i].other_gone_ms, "", "n2");
        }
        told(&scene, TIMELINE_POD_TERMINATING, "a", 4000, rows[i].grace, "n1");
        if (rows[i].gone_ms > 0)
            told(&scene, TIMELINE_POD_GONE, "a", rows[i].gone_ms, "", "n1");
        for (unsigned k = 0; k < rows[i].count; k++) {
            double sent_ms = first_ms + 100 * k;
            scene_request(&scene, 1, 7, sent_ms, rows[i].end_ms - sent_ms, OUTCOME_BAD_STATUS, 0);
            scene.logs.requests[scene.logs.request_count - 1].status = 502;
        }
        outage(&scene, first_ms, rows[i].end_ms + 10, rows[i].count, 0, 7);
        judge(&scene, rows[i].what, rows[i].cause, rows[i].confidence);
    }
}

/* Pod a ends at about 4100. A proxy says 502, mostly of requests that had not waited long. */
static void short_work_through_a_proxy(void **state)
{
    static const struct {
        const char *what;
        double at_ms[3][2]; /* When they were sent and told; 0: no more of them. */
        unsigned answered;  /* Requests from 4165 on, one in 10 ms. */
        double ready_ms;    /* Of pod c; 0: there is none. */
        enum cause cause;
        enum cause_confidence confidence;
    } rows[] = {
        {"all as it ended, and many were answered after it",
         {{4085, 4100}, {4090, 4100}, {4095, 4100}},
         40,
         0,
         CAUSE_NOT_GRACEFUL,
         CAUSE_MEDIUM},
        {"few were answered after it",
         {{4085, 4100}, {4090, 4100}, {4095, 4100}},
         4,
         0,
         CAUSE_UNEXPLAINED,
         CAUSE_NONE},
        {"a pod is new",
         {{4085, 4100}, {4090, 4100}, {4095, 4100}},
         40,
         3500,
         CAUSE_UNEXPLAINED,
         CAUSE_NONE},
        {"one is refused later",
         {{4085, 4100}, {4090, 4100}, {4160, 4161}},
         40,
         0,
         CAUSE_STALE_UPSTREAM,
         CAUSE_MEDIUM},
        {"one after another",
         {{4096, 4097}, {4098, 4099}, {4100, 4101}},
         40,
         0,
         CAUSE_STALE_UPSTREAM,
         CAUSE_MEDIUM},
        {"not all at once",
         {{4085, 4100}, {4090, 4130}},
         40,
         0,
         CAUSE_STALE_UPSTREAM,
         CAUSE_MEDIUM},
        {"slow work had ended before",
         {{3900, 4100}, {4150, 4151}},
         40,
         0,
         CAUSE_UNEXPLAINED,
         CAUSE_NONE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct scene scene;
        unsigned count = 0;
        open_service(&scene);
        pod(&scene, "a", "n1");
        pod(&scene, "b", "n2");
        told(&scene, TIMELINE_POD_TERMINATING, "a", 3800, "grace 5 s", "n1");
        told(&scene, TIMELINE_POD_GONE, "a", 4250, "", "n1");
        if (rows[i].ready_ms > 0)
            told(&scene, TIMELINE_POD_READY, "c", rows[i].ready_ms, "", "n1");
        for (; count < 3 && rows[i].at_ms[count][0] > 0; count++) {
            const double *at_ms = rows[i].at_ms[count];
            scene_request(&scene, 1, 7, at_ms[0], at_ms[1] - at_ms[0], OUTCOME_BAD_STATUS, 0);
            scene.logs.requests[scene.logs.request_count - 1].status = 502;
        }
        for (unsigned k = 0; k < rows[i].answered; k++)
            scene_request(&scene, 1, 7, 4165 + 10 * k, 5, OUTCOME_OK, 0);
        outage(&scene, rows[i].at_ms[0][0], 4170, count, 0, 7);
        judge(&scene, rows[i].what, rows[i].cause, rows[i].confidence);
    }
}

/* What decides is told, and what could be the other as well. */
static void a_doubt_is_told(void **state)
{
    struct scene scene;
    (void)state;
    open_service(&scene);
    pod(&scene, "a", "n1");
    pod(&scene, "b", "n2");
    ending(&scene, "a", 3000, "n1");
    told(&scene, TIMELINE_POD_READY, "c", 4150, "", "n1");
    scene_request(&scene, 0, 1, 6000, 1, OUTCOME_OK, scene_host(&scene, "c"));
    lost(&scene, 4000, 50, OUTCOME_BAD_STATUS, 1, 0, 502);
    outage(&scene, 4000, 4500, 50, 0, 7);
    struct result *result = scene_analyze(&scene);
    assert_int_equal(result->causes[0].cause, CAUSE_STALE_UPSTREAM);
    assert_int_equal(result->causes[0].confidence, CAUSE_MEDIUM);
    assert_non_null(strstr(result->causes[0].text, "; 35 are stale-upstream or ready-too-early"));
    result_free(result);
}

/* Neither has enough: both are named. */
static void several_causes(void **state)
{
    struct scene scene;
    (void)state;
    open_service(&scene);
    pod(&scene, "a", "n1");
    pod(&scene, "b", "n2");
    told(&scene, TIMELINE_POD_TERMINATING, "a", 4000, "grace 5 s", "n1");
    told(&scene, TIMELINE_POD_GONE, "a", 4250, "", "n1");
    for (unsigned k = 0; k < 10; k++) {
        scene_request(&scene, 1, 7, 3100 + 90 * k, 1000 - 90 * k, OUTCOME_BAD_STATUS, 0);
        scene.logs.requests[scene.logs.request_count - 1].status = 502;
    }
    lost(&scene, 4200, 10, OUTCOME_BAD_STATUS, 1, 0, 502);
    outage(&scene, 3100, 4400, 20, 0, 7);
    struct result *result = scene_analyze(&scene);
    assert_int_equal(result->causes[0].cause, CAUSE_UNEXPLAINED);
    assert_non_null(strstr(result->causes[0].text, "10 of 20 lost requests speak for "));
    assert_non_null(strstr(result->causes[0].text, cause_word(CAUSE_NOT_GRACEFUL)));
    assert_non_null(strstr(result->causes[0].text, cause_word(CAUSE_STALE_UPSTREAM)));
    result_free(result);
}

/* Node n1 is cordoned at 3000, its pod a told to end at ENDING_MS, and connections time out. */
static void a_drained_node(void **state)
{
    static const struct {
        const char *what, *node;
        double ending_ms;
        enum outcome outcome;
        enum cause cause;
        enum cause_confidence confidence;
    } rows[] = {
        {"long after the rules know", "n1", 3050, OUTCOME_CONNECT_TIMEOUT, CAUSE_DRAINED_NODE,
         CAUSE_HIGH},
        {"while rules may not know yet", "n1", 6900, OUTCOME_CONNECT_TIMEOUT, CAUSE_UNEXPLAINED,
         CAUSE_NONE},
        {"refused: somebody is there", "n1", 6900, OUTCOME_REFUSED, CAUSE_RACE, CAUSE_HIGH},
        {"another node's pod ended", "n2", 6900, OUTCOME_CONNECT_TIMEOUT, CAUSE_RACE, CAUSE_HIGH},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct scene scene;
        open_service(&scene);
        pod(&scene, "a", rows[i].node);
        pod(&scene, "b", "n3");
        told(&scene, TIMELINE_NODE_CHANGED, "n1", 3000, "Ready, cordoned", "n1");
        ending(&scene, "a", rows[i].ending_ms, rows[i].node);
        lost(&scene, 7000, 50, rows[i].outcome, 300, 0, 0);
        outage(&scene, 7000, 7900, 50, 0, 7);
        judge(&scene, rows[i].what, rows[i].cause, rows[i].confidence);
    }
}

/* Silence, and nothing happened in the cluster since long. */
static void without_an_event(void **state)
{
    static const struct {
        const char *what;
        bool both;      /* Pods. */
        double slow_ms; /* Good answers before take so long; else 1 ms. */
        bool near;      /* Something happened in the cluster. */
        enum cause cause;
    } rows[] = {
        {"two pods fall silent", true, 1, false, CAUSE_NETWORK},
        {"one pod falls silent", false, 1, false, CAUSE_UNEXPLAINED},
        {"two pods, and an event was near", true, 1, true, CAUSE_UNEXPLAINED},
        {"answers took longer before", true, 400, false, CAUSE_OVERLOAD},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct scene scene;
        open_service(&scene);
        scene.meta.streams[0].stopped_ns = scene.meta.streams[1].stopped_ns = MS(45000);
        scene.meta.ended_ns = MS(46000);
        uint16_t a = pod(&scene, "a", "n1"), b = pod(&scene, "b", "n2");
        for (unsigned k = 0; k < 10; k++)
            scene_request(&scene, 0, 1, 38000 + 100 * k, rows[i].slow_ms, OUTCOME_OK, a);
        if (rows[i].near)
            told(&scene, TIMELINE_POD_NOT_READY, "z", 39900, "", "n1");
        lost(&scene, 40000, 10, OUTCOME_STALLED, 1000, a, 0);
        outage(&scene, 40000, 42000, 10, a, 7);
        if (rows[i].both) {
            lost(&scene, 40200, 10, OUTCOME_STALLED, 1000, b, 0);
            outage(&scene, 40200, 42000, 10, b, 8);
        }
        judge(&scene, rows[i].what, rows[i].cause,
              rows[i].cause == CAUSE_UNEXPLAINED ? CAUSE_NONE : CAUSE_MEDIUM);
    }
}

/* Good answers of HOST each 20 ms, from 2000 to 9000 ms but not from SILENT_MS to 5000. */
static void answers_but(struct scene *scene, uint16_t host, double silent_ms, double took_ms,
                        unsigned retransmits)
{
    for (double at_ms = 2200; at_ms < 9000; at_ms += 20) {
        bool later = at_ms >= 3900;
        if (at_ms >= silent_ms && at_ms < 5000)
            continue;
        scene_request(scene, 1, 8, at_ms, later ? took_ms : 1, OUTCOME_OK, host);
        if (later)
            scene->logs.requests[scene->logs.request_count - 1].retransmits = (uint8_t)retransmits;
    }
}

/* New connections in a run whose pods came up shortly before. Losses at 4000 ms. */
static void what_good_answers_say(void **state)
{
    static const struct {
        const char *what;
        double silent_a_ms, silent_b_ms; /* From then on; 9000: they are not. */
        double took_ms;                  /* From 3900 ms on. */
        unsigned retransmits;
        enum outcome outcome;
        bool late_ready; /* Another pod became ready at 3500. */
        enum cause cause;
    } rows[] = {
        {"both fall silent", 4000, 4000, 1, 0, OUTCOME_CONNECT_TIMEOUT, false, CAUSE_NETWORK},
        {"one falls silent", 4000, 9000, 1, 0, OUTCOME_STALLED, false, CAUSE_UNEXPLAINED},
        {"both fall silent, and one came up", 4000, 4000, 1, 0, OUTCOME_STALLED, true,
         CAUSE_UNEXPLAINED},
        {"both have to be asked again", 9000, 9000, 1, 1, OUTCOME_STALLED, false, CAUSE_NETWORK},
        {"both become slow", 9000, 9000, 400, 0, OUTCOME_STALLED, false, CAUSE_OVERLOAD},
        {"both become late", 9000, 9000, 600, 0, OUTCOME_LATE, false, CAUSE_OVERLOAD},
        {"slow as they are asked again", 9000, 9000, 400, 1, OUTCOME_STALLED, false, CAUSE_NETWORK},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct scene scene;
        open_service(&scene);
        scene.experiment->windows.opens |= 1u << EXPERIMENT_OUTCOME_LATE;
        uint16_t a = pod(&scene, "a", "n1"), b = pod(&scene, "b", "n2");
        if (rows[i].late_ready)
            told(&scene, TIMELINE_POD_READY, "z", 3500, "", "n1");
        answers_but(&scene, a, rows[i].silent_a_ms, rows[i].took_ms, rows[i].retransmits);
        answers_but(&scene, b, rows[i].silent_b_ms, rows[i].took_ms, rows[i].retransmits);
        lost(&scene, 4000, 20, rows[i].outcome, 600, 0, 0);
        outage(&scene, 4000, 5000, 20, 0, 7);
        judge(&scene, rows[i].what, rows[i].cause,
              rows[i].cause == CAUSE_UNEXPLAINED ? CAUSE_NONE : CAUSE_MEDIUM);
    }
}

/* Pods that nobody told to end reset what they had in hand. */
static void connections_that_the_way_forgot(void **state)
{
    static const struct {
        const char *what;
        bool both; /* Pods. */
        enum outcome outcome;
        enum cause cause;
    } rows[] = {
        {"of both at once", true, OUTCOME_RESET, CAUSE_CONNTRACK},
        {"of one: it may have crashed", false, OUTCOME_RESET, CAUSE_UNEXPLAINED},
        {"closed in order by both", true, OUTCOME_CLOSED, CAUSE_UNEXPLAINED},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct scene scene;
        open_service(&scene);
        uint16_t a = pod(&scene, "a", "n1"), b = pod(&scene, "b", "n2");
        lost(&scene, 4000, 5, rows[i].outcome, 0.2, a, 0);
        outage(&scene, 4000, 4100, 5, a, 7);
        if (rows[i].both) {
            lost(&scene, 4005, 5, rows[i].outcome, 0.2, b, 0);
            outage(&scene, 4005, 4100, 5, b, 8);
        }
        judge(&scene, rows[i].what, rows[i].cause,
              rows[i].cause == CAUSE_UNEXPLAINED ? CAUSE_NONE : CAUSE_MEDIUM);
    }
}

/* Answers that are overdue and come after all. */
static void nothing_but_blocked_slots(void **state)
{
    struct scene scene;
    (void)state;
    open_service(&scene);
    pod(&scene, "a", "n1");
    pod(&scene, "b", "n1");
    lost(&scene, 4000, 5, OUTCOME_BLOCKED, 0, 0, 0);
    outage(&scene, 4000, 4100, 5, 1, 7);
    outage(&scene, 4000, 4100, 5, 2, 8);
    judge(&scene, "blocked slots", CAUSE_UNEXPLAINED, CAUSE_NONE);
}

/* Half of the pods are left, and those refuse some. */
static void too_few_are_left(void **state)
{
    (void)state;
    for (unsigned left = 1; left <= 2; left++) {
        static const char *const names[] = {"a", "b", "c"};
        struct scene scene;
        open_service(&scene);
        uint16_t a = pod(&scene, "a", "n1");
        pod(&scene, "b", "n1");
        pod(&scene, "c", "n1");
        for (unsigned i = left; i < 3; i++)
            told(&scene, TIMELINE_ENDPOINT_REMOVED, names[i], 3500, "service m, IPv4", "n1");
        lost(&scene, 4000, 20, OUTCOME_BAD_STATUS, 1, a, 500);
        outage(&scene, 4000, 4500, 20, a, 7);
        judge(&scene, left == 1 ? "one of three is left" : "two of three are left",
              left == 1 ? CAUSE_TOO_FEW : CAUSE_UNEXPLAINED, left == 1 ? CAUSE_MEDIUM : CAUSE_NONE);
    }
}

/* That a pod was not ready long ago does not make it ready since: the watch's word is soon. */
static void a_loose_lower_bound_makes_no_suspect(void **state)
{
    struct scene scene;
    (void)state;
    open_service(&scene);
    pod(&scene, "a", "n1");
    pod(&scene, "b", "n2");
    ending(&scene, "a", 3990, "n1");
    scene_event(&scene, TIMELINE_POD_READY, "c", 300, 4700);
    scene_host(&scene, "c");
    lost(&scene, 4000, 50, OUTCOME_REFUSED, 0.2, 0, 0);
    outage(&scene, 4000, 4500, 50, 0, 7);
    judge(&scene, "a loose bound", CAUSE_RACE, CAUSE_HIGH);
}

/* The tester stood still: that explains silence, and no refusal. */
static void the_tester_s_own_faults(void **state)
{
    static const struct {
        const char *what;
        double stall_ms; /* One after another; 0: a link that was down. */
        enum outcome outcome;
        enum cause cause;
    } rows[] = {
        {"silence", 620, OUTCOME_CONNECT_TIMEOUT, CAUSE_TESTER},
        {"refusals", 620, OUTCOME_REFUSED, CAUSE_UNEXPLAINED},
        {"silence, and short stalls", 31, OUTCOME_CONNECT_TIMEOUT, CAUSE_UNEXPLAINED},
        {"slots that wait for an answer", 31, OUTCOME_BLOCKED, CAUSE_TESTER},
        {"silence, and its link was down", 0, OUTCOME_CONNECT_TIMEOUT, CAUSE_TESTER},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct scene scene;
        open_service(&scene);
        pod(&scene, "a", "n1");
        struct record_fault fault = {.start_ns = MS(3980), .end_ns = MS(4600), .kind = FAULT_LINK};
        double stall_ms = rows[i].stall_ms;
        if (stall_ms <= 0)
            SCENE_ADD(&scene, fault, fault);
        fault.kind = FAULT_STALL;
        for (double at_ms = 3980; stall_ms > 0 && at_ms < 4600; at_ms += stall_ms) {
            fault.start_ns = MS(at_ms);
            fault.end_ns = MS(at_ms + stall_ms);
            SCENE_ADD(&scene, fault, fault);
        }
        lost(&scene, 4000, 50, rows[i].outcome, 0.2, 0, 0);
        outage(&scene, 4000, 4500, 50, 0, 7);
        judge(&scene, rows[i].what, rows[i].cause,
              rows[i].cause == CAUSE_UNEXPLAINED ? CAUSE_NONE : CAUSE_MEDIUM);
    }
}

/* What a broken watch did not see may have been another cause. */
static void a_gap_lessens_confidence(void **state)
{
    struct scene scene;
    (void)state;
    open_service(&scene);
    pod(&scene, "a", "n1");
    pod(&scene, "b", "n2");
    ending(&scene, "a", 3990, "n1");
    told(&scene, TIMELINE_WATCH_GAP, "pods", 3500, "", "");
    lost(&scene, 4000, 50, OUTCOME_REFUSED, 0.2, 0, 0);
    outage(&scene, 4000, 4500, 50, 0, 7);
    judge(&scene, "a gap", CAUSE_RACE, CAUSE_MEDIUM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attempts),
        cmocka_unit_test(one_of_two_ending_pods_has_just_stopped),
        cmocka_unit_test(work_in_flight),
        cmocka_unit_test(work_of_a_pod_that_never_answered),
        cmocka_unit_test(no_endpoint_and_rollouts_that_are_stuck),
        cmocka_unit_test(answers_of_a_proxy),
        cmocka_unit_test(work_in_flight_through_a_proxy),
        cmocka_unit_test(short_work_through_a_proxy),
        cmocka_unit_test(a_doubt_is_told),
        cmocka_unit_test(several_causes),
        cmocka_unit_test(a_drained_node),
        cmocka_unit_test(without_an_event),
        cmocka_unit_test(what_good_answers_say),
        cmocka_unit_test(connections_that_the_way_forgot),
        cmocka_unit_test(nothing_but_blocked_slots),
        cmocka_unit_test(too_few_are_left),
        cmocka_unit_test(a_loose_lower_bound_makes_no_suspect),
        cmocka_unit_test(the_tester_s_own_faults),
        cmocka_unit_test(a_gap_lessens_confidence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
