#include "tests/unit/traffic/world.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "traffic/traffic_priv.h"

static void turn(struct world *world);
static uint64_t next_ns(const struct world *world);
static void arrive(struct world *world);
static void transmit(struct world *world);
static void deliver(struct world *world, const struct tcp_descriptor *descriptor,
                    const uint8_t *payload);
static void take_syn(struct world *world, const struct tcp_descriptor *descriptor);
static void take_bytes(struct world *world, struct world_conn *conn,
                       const struct tcp_descriptor *descriptor, const uint8_t *payload);
static void echo(struct world *world, struct world_conn *conn, const uint8_t *payload,
                 uint32_t bytes, uint64_t delay_ns);
static void serve(struct world *world, struct world_conn *conn, const uint8_t *payload,
                  uint32_t bytes);
static void serve_tls(struct world *world, struct world_conn *conn, const uint8_t *payload,
                      uint32_t bytes);
static void flush_tls(struct world *world, struct world_conn *conn);
static void say(struct world *world, struct world_conn *conn, const char *text);
static void put_stream(struct world *world, struct world_conn *conn, const uint8_t *bytes,
                       uint32_t count);
static void put_fin(struct world *world, struct world_conn *conn, uint64_t delay_ns);
static void put(struct world *world, const struct tuple *tuple, uint8_t flags, uint32_t seq,
                uint32_t ack, const uint8_t *payload, uint32_t bytes, uint64_t delay_ns);
static void put_icmp(struct world *world, const struct tcp_descriptor *descriptor);
static struct world_conn *find(struct world *world, const struct tuple *tuple);
static void sum_up(char *text, size_t size, uint64_t count, const char *word);

struct world *world_new(const struct traffic_stream_config *stream)
{
    struct traffic_config config = traffic_config_default();
    config.stream_count = 1;
    config.streams[0] = *stream;
    config.seed = 1; /* No slot within a round trip of its cycle's end. */
    return world_new_config(&config);
}

struct world *world_new_config(struct traffic_config *config)
{
    struct world *world = calloc(1, sizeof(*world));
    struct record_config record = {.stream_count = config->stream_count};
    struct error err = {0};
    assert_non_null(world);
    if (config->pool_count == 0) {
        config->pool_count = 1;
        assert_int_equal(prefix_parse("10.0.0.0/29", &config->pools[0], NULL), 0);
    }
    for (uint32_t i = 0; i < config->stream_count; i++) {
        if (config->streams[i].target_count == 0) {
            config->streams[i].target_count = 1;
            config->streams[i].targets[0].port = 5003;
            assert_int_equal(
                address_parse("10.9.0.1", &config->streams[i].targets[0].address, NULL), 0);
        }
    }
    uint32_t connections =
        config->connections != 0 ? config->connections : traffic_connections_needed(config);
    struct tcp_config tcp = tcp_config_default(connections);
    tcp.user_timeout_ns = 0;
    tcp.fin_wait_2_ns = 0;
    tcp.time_wait_ns = S;
    tcp.syn_retries = 16;
    world->tcp = tcp_setup(&tcp, 0, &err);
    world->record = record_setup(&record);
    assert_non_null(world->tcp);
    assert_non_null(world->record);
    world->traffic = traffic_setup(config, world->tcp, world->record, &err);
    assert_string_equal(err.text, "");
    assert_non_null(world->traffic);
    world->pods = 1;
    static const char *const names[WORLD_PODS] = {"pod-0", "pod-1", "pod-2", "pod-3",
                                                  "pod-4", "pod-5", "pod-6", "pod-7"};
    for (unsigned i = 0; i < WORLD_PODS; i++)
        world->pod[i].name = names[i];
    return world;
}

void world_run(struct world *world, uint64_t at_ns)
{
    turn(world);
    for (uint64_t next = next_ns(world); next <= at_ns; next = next_ns(world)) {
        if (next > world->now_ns)
            world->now_ns = next;
        turn(world);
    }
    world->now_ns = at_ns;
    turn(world);
}

void world_stall(struct world *world, uint64_t at_ns)
{
    assert_true(at_ns >= world->now_ns);
    world->now_ns = at_ns;
    turn(world);
}

void world_reset(struct world *world, uint32_t pod)
{
    for (uint32_t i = 0; i < world->conn_count; i++) {
        struct world_conn *conn = &world->conns[i];
        if (conn->up && conn->pod == pod) {
            put(world, &conn->tuple, TCP_RST | TCP_ACK, conn->snd_nxt, conn->rcv_nxt, NULL, 0, 0);
            conn->up = false;
        }
    }
}

void world_close(struct world *world, uint32_t pod)
{
    for (uint32_t i = 0; i < world->conn_count; i++) {
        struct world_conn *conn = &world->conns[i];
        if (conn->up && !conn->closed && conn->pod == pod) {
            put(world, &conn->tuple, TCP_FIN | TCP_ACK, conn->snd_nxt++, conn->rcv_nxt, NULL, 0, 0);
            conn->closed = true;
        }
    }
}

void world_stop(struct world *world)
{
    struct traffic_report report;
    bool stopped = false;
    assert_true(traffic_stop(world->traffic, 0, world->now_ns));
    assert_false(traffic_stop(world->traffic, 0, world->now_ns));
    world_run(world, world->now_ns + 10 * S);
    while (traffic_report(world->traffic, &report))
        stopped = report.kind == TRAFFIC_REPORT_STOPPED;
    assert_true(stopped);
    assert_int_equal(traffic_connections(world->traffic), 0);
    assert_int_equal(tcp_connections(world->tcp), 0);
    assert_int_equal(world->traffic->requests.taken, 0);
    assert_int_equal(world->traffic->secures.taken, 0);
    assert_int_equal(world->traffic->pieces.taken, 0);
    assert_true(tcp_is_empty(world->tcp));
    assert_true(record_sums_hold(world->record));
    assert_true(traffic_next_ns(world->traffic) == UINT64_MAX);
    const struct record_counters *counters = &world->record->streams[0].counters;
    assert_int_equal(record_count_read(&counters->connections_up), 0);
    assert_int_equal(record_count_read(&counters->connecting), 0);
    assert_int_equal(record_count_read(&counters->steady_flows), 0);
    assert_int_equal(record_count_read(&counters->due), world_count(world, RECORD_REQUESTS));
    world_free(world);
}

void world_free(struct world *world)
{
    for (uint32_t i = 0; i < world->conn_count; i++)
        tls_close(&world->conns[i].tls);
    traffic_free(world->traffic);
    tcp_teardown(world->tcp);
    record_free(world->record);
    free(world);
}

void assert_outcomes(const struct world *world, const char *expected)
{
    char text[512] = "";
    for (unsigned i = 0; i < OUTCOME_COUNT; i++)
        sum_up(text, sizeof(text),
               record_count_read(&world->record->streams[0].counters.outcomes[i]), outcome_text(i));
    assert_string_equal(text, expected);
}

void assert_ends(const struct world *world, const char *expected)
{
    char text[512] = "";
    uint64_t counts[CONNECTION_END_COUNT] = {0};
    for (uint64_t i = 0; i < world_count(world, RECORD_CONNECTIONS); i++)
        counts[world_connection(world, i)->end]++;
    for (unsigned i = 0; i < CONNECTION_END_COUNT; i++)
        sum_up(text, sizeof(text), counts[i], connection_end_text(i));
    assert_string_equal(text, expected);
}

const struct record_outage *world_outage(const struct world *world, uint64_t index)
{
    return record_at(world->record, RECORD_OUTAGES, index);
}

const struct record_connection *world_connection(const struct world *world, uint64_t index)
{
    return record_at(world->record, RECORD_CONNECTIONS, index);
}

uint64_t world_count(const struct world *world, enum record_type type)
{
    return record_count(world->record, type);
}

uint64_t world_due(const struct world *world)
{
    return record_count_read(&world->record->streams[0].counters.due);
}

/* As a worker's turn is. */
static void turn(struct world *world)
{
    arrive(world);
    traffic_events(world->traffic, world->now_ns, WORLD_POLL_NS);
    tcp_timers(world->tcp, world->now_ns);
    traffic_timers(world->traffic, world->now_ns);
    traffic_due(world->traffic, world->now_ns);
    traffic_events(world->traffic, world->now_ns, WORLD_POLL_NS);
    if (!world->tx_full)
        transmit(world);
    traffic_events(world->traffic, world->now_ns, WORLD_POLL_NS);
}

/* Timers lie on ticks, and are late by less than one: time goes on by a step then. */
static uint64_t next_ns(const struct world *world)
{
    uint64_t next = traffic_next_ns(world->traffic);
    uint64_t timer = tcp_next_timer_ns(world->tcp);
    if (timer < next)
        next = timer;
    for (uint32_t i = 0; i < world->queued; i++)
        if (world->queue[i].at_ns < next)
            next = world->queue[i].at_ns;
    return next <= world->now_ns ? world->now_ns + 1000 : next;
}

/* In the order of time. */
static void arrive(struct world *world)
{
    for (uint32_t taken = 0;; taken++) {
        struct world_packet *first = NULL;
        for (uint32_t i = 0; i < world->queued; i++) {
            struct world_packet *packet = &world->queue[i];
            if (packet->at_ns <= world->now_ns &&
                (first == NULL || packet->at_ns < first->at_ns ||
                 (packet->at_ns == first->at_ns && packet->order < first->order)))
                first = packet;
        }
        if (first == NULL)
            return;
        assert_true(taken < WORLD_QUEUE);
        struct world_packet *packet = &world->taken[taken];
        *packet = *first;
        *first = world->queue[--world->queued];
        if (packet->icmp)
            tcp_icmp(world->tcp, world->now_ns, &packet->tuple, packet->seq, TCP_ICMP_HOST, 0);
        else
            tcp_input(world->tcp, world->now_ns, &packet->tuple, packet->l4, packet->bytes);
        if (!world->burst)
            traffic_events(world->traffic, world->now_ns, WORLD_POLL_NS);
    }
}

static void transmit(struct world *world)
{
    struct tcp_descriptor descriptors[16];
    uint8_t payload[WORLD_PACKET_BYTES];
    uint32_t count;
    while ((count = tcp_output(world->tcp, world->now_ns, descriptors, 16)) > 0) {
        for (uint32_t i = 0; i < count; i++) {
            if (world->no_hop) {
                traffic_refused(world->traffic, &descriptors[i]);
                continue;
            }
            traffic_fill(world->traffic, &descriptors[i], payload);
            traffic_sent(world->traffic, &descriptors[i], world->now_ns + WORLD_STAMP_NS);
            deliver(world, &descriptors[i], payload);
        }
        traffic_events(world->traffic, world->now_ns, WORLD_POLL_NS);
    }
}

/* The peer's TCP: in order, no loss but what the test wants. */
static void deliver(struct world *world, const struct tcp_descriptor *descriptor,
                    const uint8_t *payload)
{
    struct world_conn *conn = find(world, &descriptor->tuple);
    bool rst = (descriptor->flags & TCP_RST) != 0;
    world->resets += rst;
    if ((descriptor->flags & TCP_SYN) != 0) {
        take_syn(world, descriptor);
        return;
    }
    if (conn == NULL || !conn->up) {
        if (!rst)
            put(world, &descriptor->tuple, TCP_RST, descriptor->ack, 0, NULL, 0, 0);
        return;
    }
    if (rst) {
        conn->up = false;
        return;
    }
    if (descriptor->payload_bytes > 0)
        take_bytes(world, conn, descriptor, payload);
    bool at_end = descriptor->seq + descriptor->payload_bytes == conn->rcv_nxt;
    if ((descriptor->flags & TCP_FIN) != 0 && at_end && world->pod[conn->pod].manner != POD_MUTE) {
        world->fins++;
        conn->rcv_nxt++;
        put(world, &conn->tuple, conn->closed ? TCP_ACK : TCP_FIN | TCP_ACK, conn->snd_nxt,
            conn->rcv_nxt, NULL, 0, 0);
        conn->snd_nxt += !conn->closed;
        conn->closed = true;
    }
}

static void take_syn(struct world *world, const struct tcp_descriptor *descriptor)
{
    uint32_t index = world->next_pod % world->pods;
    const struct pod *pod = &world->pod[index];
    struct world_conn *conn = find(world, &descriptor->tuple);
    if (world->syns < 64)
        world->syn_ns[world->syns] = world->now_ns + WORLD_STAMP_NS;
    world->syns++;
    if (world->drop_syn) {
        world->drop_syn = false;
        return;
    }
    if (pod->door == POD_SILENT)
        return;
    world->next_pod++;
    if (pod->door == POD_REFUSE) {
        put(world, &descriptor->tuple, TCP_RST | TCP_ACK, 0, descriptor->seq + 1, NULL, 0, 0);
        return;
    }
    if (pod->door == POD_HOST_UNREACHABLE) {
        put_icmp(world, descriptor);
        return;
    }
    if (conn == NULL) {
        assert_true(world->conn_count < WORLD_CONNS);
        conn = &world->conns[world->conn_count++];
    }
    tls_close(&conn->tls);
    *conn = (struct world_conn){.tuple = descriptor->tuple,
                                .rcv_nxt = descriptor->seq + 1,
                                .snd_nxt = 0x7fff0000u + world->conn_count,
                                .pod = (uint8_t)index,
                                .up = true};
    put(world, &conn->tuple, TCP_SYN | TCP_ACK, conn->snd_nxt++, conn->rcv_nxt, NULL, 0, 0);
    http_await(&conn->request);
    if (pod->tls != NULL)
        assert_true(tls_open(&conn->tls, pod->tls));
    if (pod->greeting != NULL)
        say(world, conn, pod->greeting);
    conn->said_nxt = conn->snd_nxt;
    if (pod->door == POD_SLAM) {
        put(world, &conn->tuple, TCP_FIN | TCP_ACK, conn->snd_nxt++, conn->rcv_nxt, NULL, 0, 1000);
        conn->closed = true;
    }
}

static void take_bytes(struct world *world, struct world_conn *conn,
                       const struct tcp_descriptor *descriptor, const uint8_t *payload)
{
    struct pod *pod = &world->pod[conn->pod];
    uint32_t bytes = descriptor->payload_bytes;
    if (pod->manner == POD_DROP_ONE) {
        pod->manner = POD_ECHO;
        return;
    }
    if (pod->manner == POD_MUTE)
        return;
    if (descriptor->seq != conn->rcv_nxt) {
        put(world, &conn->tuple, TCP_ACK, conn->snd_nxt, conn->rcv_nxt, NULL, 0, 0);
        return;
    }
    conn->rcv_nxt += bytes;
    switch (pod->manner) {
    case POD_RESET:
        put(world, &conn->tuple, TCP_RST | TCP_ACK, conn->snd_nxt, conn->rcv_nxt, NULL, 0, 0);
        conn->up = false;
        break;
    case POD_CLOSE:
        put(world, &conn->tuple, TCP_FIN | TCP_ACK, conn->snd_nxt++, conn->rcv_nxt, NULL, 0, 0);
        conn->closed = true;
        break;
    case POD_ACK_ONLY:
        put(world, &conn->tuple, TCP_ACK, conn->snd_nxt, conn->rcv_nxt, NULL, 0, 0);
        break;
    default:
        if (pod->tls != NULL)
            serve_tls(world, conn, payload, bytes);
        else if (pod->answer != NULL)
            serve(world, conn, payload, bytes);
        else
            echo(world, conn, payload, bytes, pod->delay_ns);
        break;
    }
}

/* Reads 64 bytes, writes its name over their start; echoes the rest. */
static void echo(struct world *world, struct world_conn *conn, const uint8_t *payload,
                 uint32_t bytes, uint64_t delay_ns)
{
    const struct pod *pod = &world->pod[conn->pod];
    uint8_t answer[WORLD_PACKET_BYTES];
    for (uint32_t i = 0; i < bytes; i++) {
        uint32_t at = conn->read_bytes++;
        answer[i] = at < 64 && at < strlen(pod->name) ? (uint8_t)pod->name[at] : payload[i];
    }
    if (pod->manner == POD_WRONG)
        answer[bytes - 1] ^= 1;
    uint32_t piece = pod->piece_bytes != 0 ? pod->piece_bytes : bytes;
    for (uint32_t at = 0; at < bytes; at += piece) {
        uint32_t run = bytes - at < piece ? bytes - at : piece;
        put(world, &conn->tuple, TCP_ACK | TCP_PSH, conn->snd_nxt, conn->rcv_nxt, answer + at, run,
            delay_ns);
        conn->snd_nxt += run;
    }
}

/* One answer to each whole request. */
static void serve(struct world *world, struct world_conn *conn, const uint8_t *payload,
                  uint32_t bytes)
{
    const struct pod *pod = &world->pod[conn->pod];
    uint32_t room = (uint32_t)sizeof(world->heard) - 1 - world->heard_bytes;
    uint32_t kept = bytes < room ? bytes : room;
    memcpy(world->heard + world->heard_bytes, payload, kept);
    world->heard_bytes += kept;
    if (pod->hasty && !conn->closed)
        say(world, conn, pod->answer);
    for (uint32_t done = 0; done < bytes && !pod->hasty && !conn->closed;) {
        uint32_t used;
        enum http_verdict verdict =
            http_receive(&conn->request, NULL, payload + done, bytes - done, &used);
        done += used;
        assert_int_not_equal(verdict, HTTP_BAD);
        if (http_continue_wanted(&conn->request))
            say(world, conn, "HTTP/1.1 100 Continue\r\n\r\n");
        if (verdict == HTTP_MORE)
            break;
        world->requests++;
        http_await(&conn->request);
        say(world, conn, pod->answer);
    }
    if (conn->snd_nxt != conn->said_nxt && pod->closes) {
        if (pod->tls != NULL && !pod->rude)
            tls_end(&conn->tls);
        put_fin(world, conn, pod->delay_ns);
    } else if (conn->snd_nxt == conn->said_nxt) {
        put(world, &conn->tuple, TCP_ACK, conn->snd_nxt, conn->rcv_nxt, NULL, 0, 0);
    }
    conn->said_nxt = conn->snd_nxt;
}

/* Decrypted, it is served as in the clear; what is no TLS, or ends it, is answered by a FIN. */
static void serve_tls(struct world *world, struct world_conn *conn, const uint8_t *payload,
                      uint32_t bytes)
{
    uint8_t plain[WORLD_PACKET_BYTES];
    uint32_t count, before = conn->snd_nxt;
    enum tls_verdict verdict;
    assert_true(tls_put(&conn->tls, payload, bytes));
    while ((verdict = tls_read(&conn->tls, plain, sizeof(plain), &count)) == TLS_DATA)
        serve(world, conn, plain, count);
    if (conn->tls.ready && !conn->greeted) {
        conn->greeted = true;
        world->handshakes++;
        world->resumed += tls_resumed(&conn->tls);
    }
    world->farewells += verdict == TLS_ENDED;
    flush_tls(world, conn);
    if (verdict != TLS_MORE && !conn->closed)
        put_fin(world, conn, 0);
    else if (conn->snd_nxt == before)
        put(world, &conn->tuple, TCP_ACK, conn->snd_nxt, conn->rcv_nxt, NULL, 0, 0);
}

static void flush_tls(struct world *world, struct world_conn *conn)
{
    uint8_t bytes[1400];
    uint32_t count;
    while (!conn->closed && (count = tls_take(&conn->tls, bytes, sizeof(bytes))) > 0) {
        if (world->pod[conn->pod].manner == POD_WRONG)
            bytes[count - 1] ^= 1;
        put_stream(world, conn, bytes, count);
    }
}

static void say(struct world *world, struct world_conn *conn, const char *text)
{
    if (world->pod[conn->pod].tls == NULL) {
        put_stream(world, conn, (const uint8_t *)text, (uint32_t)strlen(text));
        return;
    }
    assert_true(tls_write(&conn->tls, (const uint8_t *)text, (uint32_t)strlen(text)));
    flush_tls(world, conn);
}

static void put_stream(struct world *world, struct world_conn *conn, const uint8_t *bytes,
                       uint32_t count)
{
    const struct pod *pod = &world->pod[conn->pod];
    uint32_t piece = pod->piece_bytes != 0 ? pod->piece_bytes : 1400;
    for (uint32_t at = 0; at < count; at += piece) {
        uint32_t run = count - at < piece ? count - at : piece;
        put(world, &conn->tuple, TCP_ACK | TCP_PSH, conn->snd_nxt, conn->rcv_nxt, bytes + at, run,
            pod->delay_ns);
        conn->snd_nxt += run;
    }
}

static void put_fin(struct world *world, struct world_conn *conn, uint64_t delay_ns)
{
    if (conn->tls.ssl != NULL)
        flush_tls(world, conn);
    put(world, &conn->tuple, TCP_FIN | TCP_ACK, conn->snd_nxt++, conn->rcv_nxt, NULL, 0, delay_ns);
    conn->closed = true;
}

static void put(struct world *world, const struct tuple *tuple, uint8_t flags, uint32_t seq,
                uint32_t ack, const uint8_t *payload, uint32_t bytes, uint64_t delay_ns)
{
    assert_true(world->queued < WORLD_QUEUE);
    struct world_packet *packet = &world->queue[world->queued++];
    packet->at_ns = world->now_ns + 2 * WORLD_WAY_NS + delay_ns;
    packet->order = world->order++;
    packet->tuple = *tuple;
    packet->icmp = false;
    const uint8_t header[TCP_HEADER_BYTES] = {
        (uint8_t)(tuple->remote_port >> 8),
        (uint8_t)tuple->remote_port,
        (uint8_t)(tuple->local_port >> 8),
        (uint8_t)tuple->local_port,
        (uint8_t)(seq >> 24),
        (uint8_t)(seq >> 16),
        (uint8_t)(seq >> 8),
        (uint8_t)seq,
        (uint8_t)(ack >> 24),
        (uint8_t)(ack >> 16),
        (uint8_t)(ack >> 8),
        (uint8_t)ack,
        5 << 4,
        flags,
        0xff,
        0xff,
    };
    memcpy(packet->l4, header, sizeof(header));
    if (bytes > 0)
        memcpy(packet->l4 + sizeof(header), payload, bytes);
    packet->bytes = (uint16_t)(sizeof(header) + bytes);
}

static void put_icmp(struct world *world, const struct tcp_descriptor *descriptor)
{
    struct world_packet *packet = &world->queue[world->queued++];
    *packet = (struct world_packet){.at_ns = world->now_ns + 2 * WORLD_WAY_NS,
                                    .order = world->order++,
                                    .tuple = descriptor->tuple,
                                    .icmp = true,
                                    .seq = descriptor->seq};
}

static struct world_conn *find(struct world *world, const struct tuple *tuple)
{
    for (uint32_t i = world->conn_count; i > 0; i--)
        if (tuple_equal(&world->conns[i - 1].tuple, tuple))
            return &world->conns[i - 1];
    return NULL;
}

static void sum_up(char *text, size_t size, uint64_t count, const char *word)
{
    size_t used = strlen(text);
    if (count > 0)
        snprintf(text + used, size - used, "%s%s %llu", used > 0 ? ", " : "", word,
                 (unsigned long long)count);
}
