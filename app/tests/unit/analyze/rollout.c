/* A rolling upgrade as a model gives it, written as records: 8 pods, 80 connections, one pod at a
 * time replaced, new connections by round robin over the endpoints of that moment. */
#include <math.h>

#include "analyze/result.h"

#include "tests/unit/analyze/scene.h"

enum {
    PODS = 8,
    FLOWS = 80
};

struct flow {
    unsigned place; /* Index of its endpoint. */
    double opened_ms;
    uint32_t connection;
};

struct model {
    struct scene scene;
    uint16_t endpoints[PODS]; /* Host ids, in the order of the rules. */
    unsigned next;            /* Of the round robin; it outlives changes of the rules. */
    struct flow flows[FLOWS];
    uint32_t connections;
    unsigned broken_of[PODS]; /* By the old pod's index. */
};

static uint16_t add_pod(struct model *model, const char *series, unsigned number)
{
    char name[32];
    snprintf(name, sizeof(name), "%s-%u", series, number);
    return scene_host(&model->scene, name);
}

static void connect_flow(struct model *model, uint32_t index, double at_ms)
{
    model->flows[index] = (struct flow){
        .place = model->next++ % PODS, .opened_ms = at_ms, .connection = ++model->connections};
}

static void end_flow(struct model *model, uint32_t index, double at_ms, enum connection_end end)
{
    const struct flow *flow = &model->flows[index];
    SCENE_ADD(&model->scene, connection,
              ((struct record_connection){.opened_ns = MS(flow->opened_ms),
                                          .connected_ns = MS(flow->opened_ms + 0.2),
                                          .ended_ns = MS(at_ms),
                                          .id = flow->connection,
                                          .flow = index,
                                          .received = 1,
                                          .host = model->endpoints[flow->place],
                                          .end = (uint8_t)end}));
}

/* The connection was idle when it was closed: nothing is lost, and it is an outage. */
static void break_flow(struct model *model, uint32_t index, double at_ms)
{
    const struct flow *flow = &model->flows[index];
    SCENE_ADD(&model->scene, outage,
              ((struct record_outage){.last_good_sent_ns = MS(at_ms - 100),
                                      .last_good_done_ns = MS(at_ms - 99.5),
                                      .signal_ns = MS(at_ms),
                                      .connected_ns = MS(at_ms + 0.2),
                                      .recovered_sent_ns = MS(at_ms + 100),
                                      .recovered_done_ns = MS(at_ms + 100.5),
                                      .flow = index,
                                      .connection = flow->connection,
                                      .successor = model->connections + 1,
                                      .host = model->endpoints[flow->place],
                                      .signal = CONNECTION_FIN}));
}

/* The old pod at PLACE has left the rules for a new one, and now closes. */
static void replace(struct model *model, unsigned place, double at_ms)
{
    for (uint32_t i = 0; i < FLOWS; i++) {
        if (model->flows[i].place != place)
            continue;
        end_flow(model, i, at_ms, CONNECTION_FIN);
        break_flow(model, i, at_ms);
        model->broken_of[place]++;
        model->flows[i].place = PODS; /* Moved below, when all of this pod's are known. */
    }
    model->endpoints[place] = add_pod(model, "new", place);
    for (uint32_t i = 0; i < FLOWS; i++)
        if (model->flows[i].place == PODS)
            connect_flow(model, i, at_ms);
}

static struct result *upgrade(struct model *model)
{
    memset(model, 0, sizeof(*model));
    scene_open(&model->scene, "");
    for (unsigned i = 0; i < PODS; i++)
        model->endpoints[i] = add_pod(model, "old", i);
    for (uint32_t i = 0; i < FLOWS; i++)
        connect_flow(model, i, 1000);
    for (unsigned i = 0; i < PODS; i++)
        replace(model, i, 3000 + 1000 * i);
    for (uint32_t i = 0; i < FLOWS; i++)
        end_flow(model, i, 11000, CONNECTION_LASTING);
    return scene_analyze(&model->scene);
}

static void as_many_break_as_the_formula_says(void **state)
{
    struct model model;
    struct result *result = upgrade(&model);
    const struct result_stream *held = &result->streams[0];
    (void)state;
    assert_int_equal(held->broken, 125);
    assert_int_equal(held->broken, (unsigned)(80 * (pow(1.125, 8) - 1)));
    assert_int_equal(held->lasting, FLOWS);
    assert_int_equal(held->broken_by_end[CONNECTION_FIN], 125);
    assert_int_equal(held->failed_connects, 0);
    assert_int_equal(held->interruption.count, 125);
    assert_int_equal(held->interruption.max_ns, MS(200.5));
    assert_int_equal(held->onset_width.p50_ns, MS(100));
    assert_int_equal(result->windows.count, 0); /* Broken connections, and no lost request. */
    assert_int_equal(result->known, 125);
    result_free(result);
}

static void pods_add_up(void **state)
{
    struct model model;
    struct result *result = upgrade(&model);
    unsigned broken = 0, lasting = 0;
    (void)state;
    assert_int_equal(result->pod_count, 2 * PODS);
    for (unsigned i = 0; i < PODS; i++) {
        const struct result_pod *old = &result->pods[i], *new = &result->pods[PODS + i];
        assert_int_equal(old->broken, model.broken_of[i]);
        assert_int_equal(old->lasting, 0);
        assert_int_equal(new->broken, 0);
        assert_int_equal(old->onset.to_ns, MS(3000 + 1000 * i));
        broken += old->broken + new->broken;
        lasting += old->lasting + new->lasting;
        /* The last pod to go has more than the first: it took the others' in. */
        assert_true(i == 0 || old->broken >= result->pods[i - 1].broken);
    }
    assert_int_equal(result->pods[0].broken, 10);
    assert_int_equal(broken, 125);
    assert_int_equal(lasting, FLOWS);
    result_free(result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_many_break_as_the_formula_says),
        cmocka_unit_test(pods_add_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
