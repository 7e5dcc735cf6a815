/* story.h - the run that the golden files tell: an upgrade that replaces pod-a.
 *
 * held: flow 0 is on pod-a, flow 1 on pod-b, each with a request every 200 ms. new: a connection
 * every 10 ms. The change is at 5 s. At 6.1 s pod-a closes with a request in flight; flow 0 is
 * refused once, loses a slot, and is on pod-c at 6.45 s. Meanwhile three new connections are
 * refused. One answer at 8 s comes 150 ms late and costs flow 1 nothing but a slot.
 */
#ifndef TESTS_UNIT_REPORT_STORY_H
#define TESTS_UNIT_REPORT_STORY_H

#include "tests/unit/analyze/scene.h"

static inline struct tuple story_tuple(uint16_t local_port)
{
    struct tuple tuple = {.local_port = local_port, .remote_port = 5003, .protocol = 6};
    assert_int_equal(address_parse("10.1.0.1", &tuple.local, NULL), 0);
    assert_int_equal(address_parse("10.0.0.9", &tuple.remote, NULL), 0);
    return tuple;
}

static inline struct record_connection story_connection(uint32_t id, uint32_t flow,
                                                        double opened_ms, double ended_ms,
                                                        enum connection_end end, uint16_t host)
{
    bool up = end != CONNECTION_REFUSED;
    return (struct record_connection){.tuple = story_tuple((uint16_t)(40000 + id)),
                                      .opened_ns = MS(opened_ms),
                                      .connected_ns = up ? MS(opened_ms + 0.25) : 0,
                                      .ended_ns = MS(ended_ms),
                                      .largest_rtt_ns = 400000,
                                      .id = id,
                                      .flow = flow,
                                      .host = host,
                                      .end = (uint8_t)end};
}

static inline void story_held(struct scene *scene, uint16_t a, uint16_t b, uint16_t c)
{
    for (unsigned i = 0; i < 50; i++) {
        double due_ms = 1000 + 200 * i;
        enum outcome flow1 = i == 36 ? OUTCOME_BLOCKED : OUTCOME_OK;
        if (i < 25)
            scene_request(scene, 0, 0, due_ms, 0.5, OUTCOME_OK, a);
        else if (i > 26)
            scene_request(scene, 0, 0, due_ms + 50, 0.5, OUTCOME_OK, c);
        scene_request(scene, 0, 1, due_ms + 100, i == 35 ? 350 : i == 36 ? 0 : 0.5, flow1, b);
    }
    for (size_t i = 0; i < scene->logs.request_count; i++)
        scene->logs.requests[i].connection = scene->logs.requests[i].host == b ? 2 : 0;
    scene_request(scene, 0, 0, 6050, 50, OUTCOME_CLOSED, a);
    scene_request(scene, 0, 0, 6250, 0, OUTCOME_BLOCKED, 0);
    struct record_connection first = story_connection(1, 0, 1000, 6100, CONNECTION_FIN, a);
    first.sent = 26;
    first.received = 25;
    struct record_connection refused = story_connection(3, 0, 6100, 6100.3, CONNECTION_REFUSED, 0);
    struct record_connection next = story_connection(4, 0, 6200.3, 11000, CONNECTION_LASTING, c);
    next.sent = next.received = 23;
    struct record_connection lasting = story_connection(2, 1, 1000, 11000, CONNECTION_LASTING, b);
    lasting.sent = lasting.received = 49;
    lasting.blocked = 1;
    SCENE_ADD(scene, connection, first);
    SCENE_ADD(scene, connection, refused);
    SCENE_ADD(scene, connection, next);
    SCENE_ADD(scene, connection, lasting);
}

static inline void story_outages(struct scene *scene, uint16_t a, uint16_t b, uint16_t c)
{
    struct record_outage broken = {.last_good_sent_ns = MS(5800),
                                   .last_good_done_ns = MS(5800.5),
                                   .signal_ns = MS(6100),
                                   .first_unanswered_ns = MS(6050),
                                   .first_attempt_ns = MS(6100),
                                   .connected_ns = MS(6200.55),
                                   .recovered_sent_ns = MS(6450),
                                   .recovered_done_ns = MS(6450.5),
                                   .largest_rtt_ns = 400000,
                                   .arrival_uncertainty_ns = 12000,
                                   .recovery_uncertainty_ns = 9000,
                                   .connection = 1,
                                   .successor = 4,
                                   .attempts = 2,
                                   .lost = 2,
                                   .host = a,
                                   .successor_host = c,
                                   .signal = CONNECTION_FIN};
    struct record_outage slow = {.last_good_sent_ns = MS(7900),
                                 .last_good_done_ns = MS(7900.5),
                                 .signal_ns = MS(8300),
                                 .first_unanswered_ns = MS(8100),
                                 .recovered_sent_ns = MS(8100),
                                 .recovered_done_ns = MS(8450),
                                 .largest_rtt_ns = 500000,
                                 .flow = 1,
                                 .connection = 2,
                                 .successor = 2,
                                 .lost = 1,
                                 .host = b,
                                 .successor_host = b,
                                 .signal = CONNECTION_SILENCE};
    SCENE_ADD(scene, outage, broken);
    SCENE_ADD(scene, outage, slow);
}

static inline void story_new(struct scene *scene)
{
    for (unsigned i = 0; i < 1000; i++) {
        double due_ms = 1005 + 10 * i;
        bool lost = i >= 510 && i < 513;
        scene_request(scene, 1, 0, due_ms, 0.3, lost ? OUTCOME_REFUSED : OUTCOME_OK, 0);
        struct record_connection connection = story_connection(
            1000 + i, 0, due_ms, due_ms + 0.3, lost ? CONNECTION_REFUSED : CONNECTION_DONE, 0);
        connection.stream = 1;
        connection.sent = 1;
        connection.received = !lost;
        SCENE_ADD(scene, connection, connection);
    }
    struct record_outage outage = {.last_good_sent_ns = MS(6095),
                                   .last_good_done_ns = MS(6095.3),
                                   .signal_ns = MS(6105.3),
                                   .recovered_sent_ns = MS(6135),
                                   .recovered_done_ns = MS(6135.3),
                                   .largest_rtt_ns = 300000,
                                   .attempts = 3,
                                   .lost = 3,
                                   .stream = 1,
                                   .successor = 1513,
                                   .signal = CONNECTION_REFUSED};
    SCENE_ADD(scene, outage, outage);
}

static inline void story_events(struct scene *scene)
{
    scene_event(scene, TIMELINE_RUN_START, "", 0, 0);
    scene_event(scene, TIMELINE_STREAM_START, "held", 1000, 1000);
    scene_event(scene, TIMELINE_STREAM_STEADY, "held", 2000, 2000);
    scene_event(scene, TIMELINE_STEP_START, "upgrade", 5000, 5000);
    scene_event(scene, TIMELINE_CHANGE, "deployment/mserver", 5000, 5004);
    scene_event(scene, TIMELINE_POD_CREATED, "pod-c", 5000, 5020);
    scene_event(scene, TIMELINE_POD_READY, "pod-c", 5900, 5960);
    scene_event(scene, TIMELINE_POD_TERMINATING, "pod-a", 6000, 6020);
    scene_event(scene, TIMELINE_POD_GONE, "pod-a", 0, 7300);
    struct timeline_event gap = {.kind = TIMELINE_WATCH_GAP,
                                 .unseen = true,
                                 .not_before_ns = MS(7000),
                                 .not_after_ns = MS(7250),
                                 .object = "endpointslices",
                                 .text = "410 Gone, listed again"};
    assert_true(timeline_add(&scene->timeline, &gap));
    scene_event(scene, TIMELINE_ROLLOUT_COMPLETE, "mserver", 0, 7400);
    scene_event(scene, TIMELINE_STEP_END, "upgrade", 10000, 10000);
}

static inline void story_meta(struct meta *meta)
{
    snprintf(meta->environment, sizeof(meta->environment), "lab, profile kubeadm, rr emulated");
    meta->lab = true;
    meta->change_ns = MS(5000);
    meta->prediction =
        (struct meta_prediction){.given = true,
                                 .mean = 1.25,
                                 .min = 1,
                                 .p1 = 1,
                                 .p50 = 1,
                                 .p99 = 2,
                                 .max = 2,
                                 .basis = "rr, 2 pods, preStop 0 s, profile kubeadm"};
    meta->port_count = 1;
    meta->ports[0] = (struct meta_port){.name = "veth",
                                        .driver = "net_af_packet on seamline0",
                                        .rx_packets = 3300,
                                        .tx_packets = 4400,
                                        .imissed = 2};
    meta->notes = strdup("veth: dropped 5 (not for us)");
}

static inline void story_open(struct scene *scene)
{
    scene_open(
        scene,
        ",\"expect\":[{\"stream\":\"held\",\"figure\":\"lastingConnections\",\"equals\":2},"
        "{\"stream\":\"held\",\"figure\":\"brokenConnections\",\"atMost\":\"predicted.p99\"},"
        "{\"stream\":\"new\",\"figure\":\"longestWindow\",\"atMost\":\"20ms\","
        "\"from\":\"upgrade\"}]");
    uint16_t a = scene_host(scene, "pod-a"), b = scene_host(scene, "pod-b");
    uint16_t c = scene_host(scene, "pod-c");
    story_held(scene, a, b, c);
    story_outages(scene, a, b, c);
    story_new(scene);
    story_events(scene);
    story_meta(&scene->meta);
    SCENE_ADD(scene, fault,
              ((struct record_fault){
                  .start_ns = MS(9000), .end_ns = MS(9001.2), .count = 1, .kind = FAULT_STALL}));
    SCENE_ADD(scene, fault,
              ((struct record_fault){
                  .start_ns = MS(9000), .end_ns = MS(9001.2), .count = 2, .kind = FAULT_MISSED}));
}

#endif
