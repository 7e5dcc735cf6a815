/* What the way makes of addresses and ports that were used before: of TCP, and of UDP flows. */
#include "tests/unit/analyze/cause_scene.h"

/* Client port PORT, from FROM_MS to TO_MS: answered by HOST, or an attempt that failed. */
static void connection(struct scene *scene, uint16_t port, double from_ms, double to_ms,
                       uint16_t host)
{
    struct record_connection made = {.tuple.local_port = port,
                                     .opened_ns = MS(from_ms),
                                     .connected_ns = host != 0 ? MS(from_ms + 1) : 0,
                                     .ended_ns = MS(to_ms),
                                     .id = (uint32_t)scene->logs.connection_count + 1,
                                     .host = host,
                                     .stream = 1};
    made.end = (uint8_t)(host != 0 ? CONNECTION_DONE : CONNECTION_SILENCE);
    SCENE_ADD(scene, connection, made);
}

/* COUNT attempts from FROM_MS on, one in 10 ms, on client ports from PORT on. */
static void lost_attempts(struct scene *scene, uint16_t port, double from_ms, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        connection(scene, (uint16_t)(port + i), from_ms + 10 * i, from_ms + 10 * i + 300, 0);
        lost(scene, from_ms + 10 * i, 1, OUTCOME_CONNECT_TIMEOUT, 300, 0, 0);
        scene->logs.requests[scene->logs.request_count - 1].connection =
            (uint32_t)scene->logs.connection_count;
    }
}

/* Without an event of the cluster: pod a, which had answered, goes on. */
static void a_tuple_that_was_used(void **state)
{
    static const struct {
        const char *what;
        bool used, others_used; /* The tuple of what is lost, and of what is taken meanwhile. */
        enum cause cause;
        enum cause_confidence confidence;
    } rows[] = {
        {"the tuple was used", true, false, CAUSE_CONNTRACK, CAUSE_MEDIUM},
        {"another tuple was used", false, false, CAUSE_UNEXPLAINED, CAUSE_NONE},
        {"all tuples were used", true, true, CAUSE_UNEXPLAINED, CAUSE_NONE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct scene scene;
        open_service(&scene);
        uint16_t a = pod(&scene, "a", "n1");
        scene_request(&scene, 0, 0, 4100, 1, OUTCOME_OK, a);
        connection(&scene, rows[i].used ? 1000 : 1001, 2000, 2100, a);
        connection(&scene, rows[i].others_used ? 2000 : 2001, 2000, 2100, a);
        connection(&scene, 2000, 4100, 4200, a);
        lost_attempts(&scene, 1000, 4000, 1);
        outage(&scene, 4000, 4500, 1, 0, 7);
        judge(&scene, rows[i].what, rows[i].cause, rows[i].confidence);
    }
}

/* Pod a is told to end at 4000 and gone later; b answers on. Attempts on tuples that were used
 * before meet nobody. */
static void tuples_that_the_way_keeps(void **state)
{
    enum {
        PORT = 1000,
        COUNT = 20
    };
    static const struct {
        const char *what;
        double gone_ms;      /* Pod a is. */
        double from_ms;      /* What is lost. */
        double failed_ms[2]; /* When attempts on the same tuples failed; 0: none did. */
        double ready_ms;     /* Of pod c, which answers nobody; 0: there is none. */
        char answered;       /* By whom one was at 2300; 0: nobody. */
        char others;         /* Are answered: '+' on and on, '~' not for a while, '-' never. */
        enum cause cause;
        enum cause_confidence confidence;
    } rows[] = {
        {"the ending pod had answered", 4200, 7500, {0}, 0, 'a', '+', CAUSE_CONNTRACK, CAUSE_HIGH},
        {"attempts had met it", 4200, 7500, {4250}, 0, 0, '+', CAUSE_CONNTRACK, CAUSE_HIGH},
        {"some before had", 4200, 8500, {4250, 6800}, 0, 0, '+', CAUSE_CONNTRACK, CAUSE_HIGH},
        {"rules may still name it", 4200, 4300, {0}, 0, 'a', '+', CAUSE_RACE, CAUSE_MEDIUM},
        {"and for a while", 4200, 6500, {0}, 0, 'a', '+', CAUSE_RACE, CAUSE_MEDIUM},
        {"a pod that takes its time", 7000, 7500, {0}, 0, 'a', '+', CAUSE_RACE, CAUSE_MEDIUM},
        {"another pod had answered", 4200, 7500, {0}, 0, 'b', '+', CAUSE_UNEXPLAINED, CAUSE_NONE},
        {"they failed before that", 4200, 7500, {3000}, 0, 0, '+', CAUSE_UNEXPLAINED, CAUSE_NONE},
        {"nobody had used them", 4200, 7500, {0}, 0, 0, '+', CAUSE_UNEXPLAINED, CAUSE_NONE},
        {"nobody else is answered", 4200, 7500, {0}, 0, 'a', '-', CAUSE_UNEXPLAINED, CAUSE_NONE},
        {"others fall silent", 4200, 7500, {0}, 0, 'a', '~', CAUSE_UNEXPLAINED, CAUSE_NONE},
        {"another pod is new", 4200, 7500, {0}, 7000, 'a', '+', CAUSE_UNEXPLAINED, CAUSE_NONE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct scene scene;
        open_service(&scene);
        uint16_t a = pod(&scene, "a", "n1"), b = pod(&scene, "b", "n2");
        ending(&scene, "a", 4000, "n1");
        told(&scene, TIMELINE_POD_GONE, "a", rows[i].gone_ms, "", "n1");
        if (rows[i].ready_ms > 0)
            told(&scene, TIMELINE_POD_READY, "c", rows[i].ready_ms, "", "n1");
        for (uint16_t k = 0; k < COUNT && rows[i].answered != 0; k++)
            connection(&scene, PORT + k, 2300, 2310, rows[i].answered == 'a' ? a : b);
        for (unsigned n = 0; n < 2; n++)
            for (uint16_t k = 0; k < COUNT && rows[i].failed_ms[n] > 0; k++)
                connection(&scene, PORT + k, rows[i].failed_ms[n], rows[i].failed_ms[n] + 300, 0);
        uint16_t d = pod(&scene, "d", "n2");
        for (double at_ms = 2500; at_ms < 9500 && rows[i].others != '-'; at_ms += 20)
            if (rows[i].others == '+' || at_ms < 7450 || at_ms >= 8600) {
                scene_request(&scene, 0, 2, at_ms, 1, OUTCOME_OK, b);
                scene_request(&scene, 0, 3, at_ms, 1, OUTCOME_OK, d);
            }
        lost_attempts(&scene, PORT, rows[i].from_ms, COUNT);
        outage(&scene, rows[i].from_ms, rows[i].from_ms + 600, COUNT, 0, 7);
        judge(&scene, rows[i].what, rows[i].cause, rows[i].confidence);
    }
}

/* UDP flows of pod a, which is told to end at 4000: their datagrams go on, and meet nobody. */
static void datagrams_that_the_way_keeps(void **state)
{
    static const struct {
        const char *what;
        double from_ms;
        bool met, told, others; /* Pod a had answered; is told to end; pod b answers on. */
        enum cause cause;
        enum cause_confidence confidence;
    } rows[] = {
        {"long after the rules know", 7100, true, true, true, CAUSE_CONNTRACK, CAUSE_HIGH},
        {"for longer than the rules take", 4300, true, true, true, CAUSE_CONNTRACK, CAUSE_MEDIUM},
        {"nobody had answered it", 7100, false, true, true, CAUSE_UNEXPLAINED, CAUSE_NONE},
        {"the pod goes on", 7100, true, false, true, CAUSE_UNEXPLAINED, CAUSE_NONE},
        {"nobody else is answered", 7100, true, true, false, CAUSE_UNEXPLAINED, CAUSE_NONE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct scene scene;
        open_service(&scene);
        snprintf(scene.meta.streams[1].protocol, sizeof(scene.meta.streams[1].protocol), "udp");
        uint16_t a = pod(&scene, "a", "n1"), b = pod(&scene, "b", "n2");
        if (rows[i].told) {
            ending(&scene, "a", 4000, "n1");
            told(&scene, TIMELINE_POD_GONE, "a", 4200, "", "n1");
        }
        scene_request(&scene, 1, 7, 2500, 1, OUTCOME_OK, rows[i].met ? a : 0);
        if (rows[i].others)
            scene_request(&scene, 1, 8, 10500, 1, OUTCOME_OK, b);
        unsigned count = (unsigned)((10000 - rows[i].from_ms) / 100);
        for (unsigned k = 0; k < count; k++)
            scene_request(&scene, 1, 7, rows[i].from_ms + 100 * k, 50, OUTCOME_STALLED, 0);
        outage(&scene, rows[i].from_ms, 10100, count, a, 7);
        judge(&scene, rows[i].what, rows[i].cause, rows[i].confidence);
    }
}

/* The rules knew in time: a race. */
static void datagrams_that_meet_another(void **state)
{
    struct scene scene;
    (void)state;
    open_service(&scene);
    snprintf(scene.meta.streams[1].protocol, sizeof(scene.meta.streams[1].protocol), "udp");
    uint16_t a = pod(&scene, "a", "n1"), b = pod(&scene, "b", "n2");
    ending(&scene, "a", 4000, "n1");
    scene_request(&scene, 1, 7, 2500, 1, OUTCOME_OK, a);
    lost(&scene, 4100, 20, OUTCOME_STALLED, 50, 0, 0);
    scene_request(&scene, 1, 7, 4400, 1, OUTCOME_OK, b);
    outage(&scene, 4100, 4400, 20, a, 7);
    judge(&scene, "datagrams that meet another", CAUSE_RACE, CAUSE_MEDIUM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tuple_that_was_used),
        cmocka_unit_test(tuples_that_the_way_keeps),
        cmocka_unit_test(datagrams_that_the_way_keeps),
        cmocka_unit_test(datagrams_that_meet_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
