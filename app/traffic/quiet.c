#include "traffic/quiet.h"

#include "traffic/conn.h"

enum {
    ID_BITS = 24 /* Of a connection's id, that are not the worker's. */
};

static struct traffic_conn *wake(struct traffic *traffic, struct traffic_flow *flow,
                                 pool_handle handle, uint64_t asked_bytes);
static bool may_sleep(const struct traffic *traffic, const struct traffic_conn *conn);
static bool fits(const struct traffic_conn *conn);

void quiet_rest(struct traffic *traffic, struct traffic_conn *conn, uint64_t now_ns)
{
    struct traffic_flow *flow = &traffic->flows[conn->flow];
    const struct conn_account *account = &conn->account;
    uint32_t events_waiting;
    if (!may_sleep(traffic, conn))
        return;
    tcp_events(traffic->tcp, &events_waiting);
    if (events_waiting > 0) {
        wheel_set(&traffic->wheel, &conn->timer.wheel, now_ns + TRAFFIC_TIMER_TICK_NS);
        return;
    }
    tcp_user_set(traffic->tcp, conn->tcp, flow_user(traffic, flow, QUIET_USER | conn->flow));
    flow->asleep = true;
    flow->failed_connects = (uint16_t)account->failed_connects;
    flow->quiet = (struct flow_quiet){.opened_ns = account->opened_ns & ((UINT64_C(1) << 56) - 1),
                                      .blocked = (uint8_t)account->blocked,
                                      .connect_ns = (account->connected_ns - account->opened_ns) &
                                                    ((UINT64_C(1) << 40) - 1),
                                      .id = conn->id & ((UINT32_C(1) << ID_BITS) - 1),
                                      .tcp = conn->tcp,
                                      .port_slot = conn->port_slot,
                                      .largest_rtt_ns = account->largest_rtt_ns,
                                      .sent = account->sent,
                                      .received = account->received,
                                      .name = conn->name,
                                      .retransmits = (uint16_t)account->retransmits};
    pool_free(&traffic->conns, pool_handle_of(&traffic->conns, conn));
    traffic->asleep++;
}

struct traffic_conn *quiet_wake(struct traffic *traffic, struct traffic_flow *flow, uint64_t now_ns)
{
    uint64_t asked_bytes;
    if (!tcp_queued(traffic->tcp, flow->quiet.tcp, &asked_bytes))
        return NULL;
    pool_handle handle = conn_take(traffic, traffic->conns_spare, now_ns);
    return handle != 0 ? wake(traffic, flow, handle, asked_bytes) : NULL;
}

struct traffic_conn *quiet_wake_by_event(struct traffic *traffic, struct traffic_flow *flow,
                                         uint64_t now_ns)
{
    uint64_t asked_bytes = 0;
    pool_handle handle = traffic->woken_count < TRAFFIC_WAKES ? conn_take(traffic, 0, now_ns) : 0;
    if (handle == 0)
        return NULL;
    tcp_queued(traffic->tcp, flow->quiet.tcp, &asked_bytes);
    traffic->woken[traffic->woken_count++] = handle;
    return wake(traffic, flow, handle, asked_bytes);
}

struct traffic_flow *quiet_flow(const struct traffic *traffic, uint64_t user, tcp_conn conn)
{
    if ((user & QUIET_USER) == 0)
        return NULL;
    struct traffic_flow *flow = &traffic->flows[(uint32_t)user];
    return flow->asleep && flow->quiet.tcp == conn ? flow : NULL;
}

/* The last ones first: what ends a connection is two events, one after the other. */
struct traffic_conn *quiet_woken(const struct traffic *traffic, tcp_conn tcp)
{
    for (uint32_t i = traffic->woken_count; i > 0; i--) {
        struct traffic_conn *conn = pool_get(&traffic->conns, traffic->woken[i - 1]);
        if (conn != NULL && conn->tcp == tcp)
            return conn;
    }
    return NULL;
}

/* HANDLE is its place in the pool, ASKED_BYTES the length of its stream. */
static struct traffic_conn *wake(struct traffic *traffic, struct traffic_flow *flow,
                                 pool_handle handle, uint64_t asked_bytes)
{
    const struct flow_quiet quiet = flow->quiet;
    const uint64_t connected_ns = quiet.opened_ns + quiet.connect_ns;
    struct traffic_conn *conn = pool_get(&traffic->conns, handle);
    *conn = (struct traffic_conn){
        .timer.kind = TRAFFIC_TIMER_CONN,
        .tcp = quiet.tcp,
        .flow = flow_number(traffic, flow),
        .port_slot = quiet.port_slot,
        .stream = flow->stream,
        .state = CONN_UP,
        .syn_sent = true,
        .name = quiet.name,
        .id = traffic->record->worker << ID_BITS | (uint32_t)quiet.id,
        .asked_bytes = asked_bytes,
        .account = {.opened_ns = quiet.opened_ns,
                    .connected_ns = connected_ns,
                    .last_good_sent_ns = quiet.received > 0 ? flow->good_sent_ns : quiet.opened_ns,
                    .last_good_done_ns = quiet.received > 0 ? flow->good_done_ns : connected_ns,
                    .largest_rtt_ns = quiet.largest_rtt_ns,
                    .sent = quiet.sent,
                    .received = quiet.received,
                    .blocked = quiet.blocked,
                    .retransmits = quiet.retransmits,
                    .failed_connects = flow->failed_connects}};
    flow->asleep = false;
    flow->timer =
        (struct traffic_timer){.kind = TRAFFIC_TIMER_FLOW, .flow = flow_number(traffic, flow)};
    flow->conn = handle;
    flow->failures = 0;
    tcp_user_set(traffic->tcp, conn->tcp, flow_user(traffic, flow, handle));
    traffic->asleep--;
    return conn;
}

static bool may_sleep(const struct traffic *traffic, const struct traffic_conn *conn)
{
    const struct traffic_flow *flow = &traffic->flows[conn->flow];
    const struct conn_account *account = &conn->account;
    bool idle = conn->state == CONN_UP && conn->requests == 0 && !wheel_is_set(&conn->timer.wheel);
    bool well = !conn->no_hop && !conn->icmp && !conn->cut && !conn->secure && flow->failures == 0;
    bool known = account->received == 0 ? account->last_good_sent_ns == account->opened_ns
                                        : account->last_good_done_ns == flow->good_done_ns;
    return traffic->streams[conn->stream].config.pattern == TRAFFIC_HELD && idle && well && known &&
           fits(conn);
}

/* Its account is held exactly by struct flow_quiet. */
static bool fits(const struct traffic_conn *conn)
{
    const struct conn_account *account = &conn->account;
    return account->opened_ns >> 56 == 0 &&
           (account->connected_ns - account->opened_ns) >> 40 == 0 &&
           account->blocked <= UINT8_MAX && account->retransmits <= UINT16_MAX &&
           account->failed_connects <= UINT16_MAX;
}
