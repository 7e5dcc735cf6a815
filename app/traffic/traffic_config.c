#include "traffic/traffic_config.h"

#include <errno.h>

#include "base/pool.h"
#include "traffic/ctraffic.h"
#include "traffic/mark.h"
#include "traffic/raw.h"

enum {
    SPARE = 64,           /* Of anything, for what ends and begins in one turn. */
    CLOSING_SPARE = 4096, /* Connections being closed, of a closed stream without keep-alive. */
    QUEUE_MAX = 1 << 18,  /* Requests that wait for a connection. */
    DEPTH_MAX = 256,      /* Requests in flight on a connection. */
    TIME_WAITS = 1 << 16  /* Of a stream that closes few connections, or as many as it likes. */
};

#define MS UINT64_C(1000000)
#define S UINT64_C(1000000000)
#define STALL_NS S       /* What is due in a stall of this length finds room. */
#define PAUSE_NS (2 * S) /* A connection without work sleeps after this at the latest. */

static uint64_t stream_connections(const struct traffic_config *config,
                                   const struct traffic_stream_config *stream);
static uint64_t stream_requests(const struct traffic_config *config,
                                const struct traffic_stream_config *stream);
static uint64_t stream_awake(const struct traffic_config *config,
                             const struct traffic_stream_config *stream);
static uint64_t stream_time_waits(const struct traffic_stream_config *stream,
                                  uint64_t time_wait_ns);
static uint64_t closing(const struct traffic_stream_config *stream);
static uint32_t own_slots(const struct traffic_stream_config *stream);
static bool are_slots_of_all(const struct traffic_stream_config *stream);
static uint64_t requests_in(const struct traffic_stream_config *stream, uint64_t time_ns);
static uint64_t due_in(const struct traffic_stream_config *stream, uint64_t time_ns);
static struct port_range given_ports(const struct traffic_config *config);
static struct port_range split(const struct traffic_config *config, struct port_range all);
static bool is_hashed(const struct traffic_config *config, bool v4);
static unsigned distinct_targets(const struct traffic_config *config, bool v4);
static int wrong_key(const struct traffic_stream_config *stream, const char *wrong,
                     struct error *err);
static const char *wrong_pattern(const struct traffic_stream_config *stream);
static const char *wrong_protocol(const struct traffic_stream_config *stream);
static int check_stream(const struct traffic_config *config, uint32_t index, struct error *err);
static int check_targets(const struct traffic_config *config,
                         const struct traffic_stream_config *stream, struct error *err);
static bool has_family(const struct traffic_config *config, bool v4);
static uint32_t bounded(uint64_t connections);

struct traffic_stream_config traffic_stream_default(enum traffic_protocol protocol)
{
    struct traffic_stream_config stream = {.protocol = protocol,
                                           .flows = 80,
                                           .law = law_constant(400, S),
                                           .size_bytes = 1024,
                                           .keep_alive = true,
                                           .depth = 1,
                                           .timeout_ns = S,
                                           .connect_timeout_ns = 1500 * MS,
                                           .late_ns = 500 * MS,
                                           .reconnect = TRAFFIC_RECONNECT_AT_ONCE,
                                           .back_off_ns = 100 * MS,
                                           .back_off_max_ns = S};
    if (protocol != TRAFFIC_CTRAFFIC) {
        stream.law = law_constant(500, S);
        stream.connect_timeout_ns = S;
        stream.size_bytes = 0;
        stream.flows = 1;
        stream.pattern = TRAFFIC_OPEN;
        stream.keep_alive = protocol == TRAFFIC_HTTP;
    }
    if (protocol == TRAFFIC_UDP || protocol == TRAFFIC_ICMP) {
        stream.size_bytes = 64;
        stream.pattern = TRAFFIC_ECHO;
    } else if (protocol == TRAFFIC_RAW) {
        stream.pattern = TRAFFIC_ONE_WAY;
        stream.raw.template.size_bytes[0] = TEMPLATE_SIZE_MIN;
        stream.raw.template.size_count = 1;
    }
    return stream;
}

struct traffic_config traffic_config_default(void)
{
    return (struct traffic_config){.worker_count = 1,
                                   .quarantine_ns = 120 * S,
                                   .sent_late_ns = MS,
                                   .close_timeout_ns = 2 * S,
                                   .steady_ns = S};
}

uint32_t traffic_connections_needed(const struct traffic_config *config)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < config->stream_count; i++)
        sum += stream_connections(config, &config->streams[i]);
    return bounded(sum);
}

uint32_t traffic_secures_needed(const struct traffic_config *config)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < config->stream_count; i++)
        if (config->streams[i].tls != NULL)
            sum += stream_connections(config, &config->streams[i]);
    return bounded(sum);
}

bool traffic_acked_needed(const struct traffic_config *config)
{
    return traffic_secures_needed(config) > 0;
}

uint32_t traffic_requests_needed(const struct traffic_config *config)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < config->stream_count; i++)
        sum += stream_requests(config, &config->streams[i]);
    return bounded(sum);
}

uint32_t traffic_time_waits_needed(const struct traffic_config *config, uint64_t time_wait_ns)
{
    uint64_t sum = SPARE;
    for (uint32_t i = 0; i < config->stream_count; i++)
        sum += stream_time_waits(&config->streams[i], time_wait_ns);
    return bounded(sum);
}

uint32_t traffic_awake_needed(const struct traffic_config *config)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < config->stream_count; i++)
        sum += stream_awake(config, &config->streams[i]);
    return bounded(sum);
}

int traffic_config_check(const struct traffic_config *config, struct error *err)
{
    if (config->stream_count == 0 || config->stream_count > RECORD_STREAMS)
        return error_set(err, EXIT_USAGE, -EINVAL, "streams: there are %u; 1 to %d are possible",
                         config->stream_count, RECORD_STREAMS);
    if (config->pool_count == 0 || config->pool_count > TRAFFIC_POOLS)
        return error_set(err, EXIT_USAGE, -EINVAL,
                         "client pools: there are %u; 1 to %d are possible", config->pool_count,
                         TRAFFIC_POOLS);
    if (config->worker_count == 0 || config->worker >= config->worker_count)
        return error_set(err, EXIT_USAGE, -EINVAL, "worker %u of %u cannot be", config->worker,
                         config->worker_count);
    const struct port_range all = given_ports(config);
    if (split(config, all).first > all.last)
        return error_set(err, EXIT_USAGE, -EINVAL,
                         "client ports %u to %u: none is left for worker %u; give a wider range",
                         config->port_first, config->port_last, config->worker);
    for (uint32_t i = 0; i < config->stream_count; i++) {
        int code = check_stream(config, i, err);
        if (code < 0)
            return code;
    }
    return 0;
}

/* Where the NIC tells workers apart, all ports are open to each, and ports.h skips those whose
 * answers go elsewhere. But two targets of one family may be Services of the same pods, and then
 * two workers must not use the same client end toward them: the NIC brings the answers of one to
 * this worker and of the other to that one. */
struct port_range traffic_config_ports(const struct traffic_config *config, bool v4)
{
    const struct port_range all = given_ports(config);
    return is_hashed(config, v4) && distinct_targets(config, v4) < 2 ? all : split(config, all);
}

static struct port_range given_ports(const struct traffic_config *config)
{
    if (config->port_last == 0)
        return (struct port_range){.first = 1024, .last = 65535, .stride = 1};
    return (struct port_range){.first = config->port_first, .last = config->port_last, .stride = 1};
}

/* The ports that leave `worker` when divided by the number of workers: steering_owner(). */
static struct port_range split(const struct traffic_config *config, struct port_range all)
{
    const uint32_t count = config->worker_count;
    const uint32_t ahead = (config->worker + count - all.first % count) % count;
    return (struct port_range){
        .first = all.first + ahead, .last = all.last, .stride = (uint16_t)count};
}

static bool is_hashed(const struct traffic_config *config, bool v4)
{
    const struct steering *steering = config->steering;
    if (steering == NULL || steering->table_size == 0)
        return false;
    return v4 ? steering->hashed[STEERING_TCP4] && steering->hashed[STEERING_UDP4]
              : steering->hashed[STEERING_TCP6] && steering->hashed[STEERING_UDP6];
}

/* 2 stands for more as well. */
static unsigned distinct_targets(const struct traffic_config *config, bool v4)
{
    const struct traffic_target *first = NULL;
    for (uint32_t i = 0; i < config->stream_count; i++) {
        for (uint32_t j = 0; j < config->streams[i].target_count; j++) {
            const struct traffic_target *target = &config->streams[i].targets[j];
            if (address_is_v4(&target->address) != v4)
                continue;
            if (first != NULL &&
                (target->port != first->port || !address_equal(&target->address, &first->address)))
                return 2;
            first = target;
        }
    }
    return first != NULL;
}

/* A held or closed flow has its connection, and those before it that are being closed. A closed one
 * whose connections serve one request each leaves many of them. */
static uint64_t stream_connections(const struct traffic_config *config,
                                   const struct traffic_stream_config *stream)
{
    uint64_t open_ns = stream->connect_timeout_ns + config->close_timeout_ns;
    if (stream->protocol != TRAFFIC_CONNECT)
        open_ns += stream->timeout_ns;
    switch (stream->pattern) {
    case TRAFFIC_ECHO:
    case TRAFFIC_ONE_WAY: return 1; /* None, but a pool is not empty. */
    case TRAFFIC_HELD: return stream->flows + closing(stream);
    case TRAFFIC_CLOSED:
        return stream->flows + closing(stream) + (stream->keep_alive ? 0 : CLOSING_SPARE);
    default: break;
    }
    if (stream->keep_alive && stream->connections != 0)
        return (uint64_t)stream->connections * 2 + SPARE;
    return requests_in(stream, open_ns) + SPARE;
}

/* Of a held or closed stream. */
static uint64_t closing(const struct traffic_stream_config *stream)
{
    return (stream->flows < TRAFFIC_CLOSING ? stream->flows : TRAFFIC_CLOSING) + SPARE;
}

/* Beside what OpenSSL has for a connection, that of its being awake is nothing. */
static uint64_t stream_awake(const struct traffic_config *config,
                             const struct traffic_stream_config *stream)
{
    uint64_t connections = stream_connections(config, stream);
    if (stream->pattern != TRAFFIC_HELD || stream->tls != NULL)
        return connections;
    uint64_t awake =
        due_in(stream, stream->timeout_ns + PAUSE_NS) + TRAFFIC_CONNECTING + closing(stream);
    return awake < connections ? awake : connections;
}

/* A held stream closes nothing before it ends, unless the peer asks it to. */
static uint64_t stream_time_waits(const struct traffic_stream_config *stream, uint64_t time_wait_ns)
{
    uint64_t pairs = (uint64_t)stream->flows * 2;
    uint64_t of_flows = pairs < TIME_WAITS ? pairs : TIME_WAITS;
    switch (stream->pattern) {
    case TRAFFIC_OPEN: return requests_in(stream, time_wait_ns);
    case TRAFFIC_HELD: return of_flows;
    case TRAFFIC_CLOSED: return of_flows + (stream->keep_alive ? 0 : TIME_WAITS);
    default: return 0;
    }
}

uint32_t traffic_queue_max(const struct traffic_stream_config *stream)
{
    uint64_t due = requests_in(stream, stream->timeout_ns) + SPARE;
    if (stream->pattern != TRAFFIC_OPEN || stream->connections == 0)
        return 0;
    if (stream->queue != 0)
        return stream->queue;
    return (uint32_t)(due < QUEUE_MAX ? due : QUEUE_MAX);
}

/* One waits in the queue for the timeout, and then on a connection for as long as that may take:
 * all that were due meanwhile are behind it, decided or not. */
uint32_t traffic_order_needed(const struct traffic_stream_config *stream, uint64_t late_ns)
{
    uint64_t time_ns = late_ns + stream->connect_timeout_ns;
    if (stream->protocol != TRAFFIC_CONNECT && stream->timeout_ns > stream->connect_timeout_ns)
        time_ns = late_ns + stream->timeout_ns;
    if (stream->connections != 0)
        time_ns += stream->timeout_ns;
    return bounded(requests_in(stream, time_ns) + SPARE);
}

/* Requests that can be under way at once. Slots of a held stream are dealt out at random: all those
 * that are due in a time may be of one worker. */
static uint64_t stream_requests(const struct traffic_config *config,
                                const struct traffic_stream_config *stream)
{
    if (stream->pattern == TRAFFIC_ECHO || stream->pattern == TRAFFIC_ONE_WAY)
        return 1;
    if (stream->pattern == TRAFFIC_OPEN)
        return stream_connections(config, stream) + traffic_queue_max(stream);
    uint64_t most = (uint64_t)stream->flows * stream->depth;
    if (stream->pattern == TRAFFIC_CLOSED)
        return most;
    uint64_t due = due_in(stream, stream->timeout_ns + STALL_NS) + SPARE;
    return due < most ? due : most;
}

/* Held streams: flows. Otherwise all due requests are one slot's, or that of each turn. */
static uint32_t own_slots(const struct traffic_stream_config *stream)
{
    if (stream->pattern == TRAFFIC_HELD || stream->pattern == TRAFFIC_CLOSED)
        return stream->flows;
    return stream->turn_count != 0 ? stream->turn_count : 1;
}

static bool are_slots_of_all(const struct traffic_stream_config *stream)
{
    uint64_t end = (uint64_t)stream->slot_first + own_slots(stream);
    if (stream->turn_count == 0)
        return stream->slot_stride == 0 || end <= stream->slot_stride;
    for (uint32_t i = 0; i < stream->turn_count; i++)
        if (stream->turns[i] <= (i > 0 ? stream->turns[i - 1] : 0))
            return false;
    uint64_t last = stream->turns[stream->turn_count - 1] - 1;
    return stream->slot_first + last * stream->slot_step < stream->slot_stride;
}

/* Of a stream that is not held. */
static uint64_t requests_in(const struct traffic_stream_config *stream, uint64_t time_ns)
{
    uint32_t all = stream->slot_stride != 0 ? stream->slot_stride : 1, own = own_slots(stream);
    uint64_t count = law_most(&stream->law, time_ns) * own / all + (all > own ? own : 0);
    return count > POOL_CAPACITY_MAX ? POOL_CAPACITY_MAX : (uint64_t)count;
}

/* Of the whole stream, at all its workers. */
static uint64_t due_in(const struct traffic_stream_config *stream, uint64_t time_ns)
{
    uint64_t count = law_most(&stream->law, time_ns);
    return count > POOL_CAPACITY_MAX ? POOL_CAPACITY_MAX : count;
}

static int check_stream(const struct traffic_config *config, uint32_t index, struct error *err)
{
    const struct traffic_stream_config *stream = &config->streams[index];
    const char *wrong = NULL;
    if ((unsigned)stream->protocol >= TRAFFIC_PROTOCOL_COUNT)
        wrong = "protocol: must be ctraffic, connect, http, mconnect, udp, icmp or raw";
    else if ((wrong = wrong_pattern(stream)) != NULL || (wrong = wrong_protocol(stream)) != NULL)
        return wrong_key(stream, wrong, err);
    else if (stream->connect_timeout_ns == 0)
        wrong = "connectTimeout: must be more than 0";
    else if (stream->law.arrivals != LAW_MAXIMUM && law_peak(&stream->law, S) > S)
        wrong = "rate: must be at most one request a nanosecond";
    else if ((unsigned)stream->catch_up > TRAFFIC_SKIP)
        wrong = "catchUp: must be send-late or skip";
    else if (!are_slots_of_all(stream))
        wrong = "slots: this worker's are not among those of all";
    else if (stream->target_count == 0 || stream->target_count > TRAFFIC_TARGETS)
        wrong = "target: 1 to 16 addresses are possible";
    else if (stream->protocol == TRAFFIC_RAW)
        wrong = raw_wrong(config, stream);
    if (wrong != NULL)
        return wrong_key(stream, wrong, err);
    if (law_check(&stream->law, err) < 0) {
        error_wrap(err, "stream \"%s\", rate", stream->name);
        return -EINVAL;
    }
    return check_targets(config, stream, err);
}

static int wrong_key(const struct traffic_stream_config *stream, const char *wrong,
                     struct error *err)
{
    return error_set(err, EXIT_USAGE, -EINVAL, "stream \"%s\", %s", stream->name, wrong);
}

static bool is_datagrams(const struct traffic_stream_config *stream)
{
    return stream->protocol == TRAFFIC_UDP || stream->protocol == TRAFFIC_ICMP;
}

static const char *wrong_pattern(const struct traffic_stream_config *stream)
{
    bool open = stream->pattern == TRAFFIC_OPEN;
    bool connects = stream->protocol == TRAFFIC_CONNECT || stream->protocol == TRAFFIC_MCONNECT;
    if ((unsigned)stream->pattern >= TRAFFIC_PATTERN_COUNT)
        return "mode: must be held, open or closed";
    if (is_datagrams(stream) != (stream->pattern == TRAFFIC_ECHO) ||
        (stream->protocol == TRAFFIC_RAW) != (stream->pattern == TRAFFIC_ONE_WAY))
        return "mode: datagrams have no connections";
    if (stream->law.arrivals == LAW_MAXIMUM && stream->pattern != TRAFFIC_ONE_WAY &&
        stream->pattern != TRAFFIC_CLOSED)
        return "rate: requests that are answered need one";
    if (connects && (stream->pattern == TRAFFIC_HELD || stream->keep_alive))
        return "protocol: a connection of a connect or mconnect stream serves one request";
    if ((stream->pattern == TRAFFIC_HELD || stream->pattern == TRAFFIC_CLOSED) &&
        stream->back_off_ns == 0)
        return "back-off: must be more than 0";
    if (!open && stream->flows == 0)
        return "connections: must be 1 at least";
    if (!open && (stream->depth == 0 || stream->depth > DEPTH_MAX))
        return "pipelining: must be 1 to 256";
    if (stream->depth > 1 && (stream->protocol == TRAFFIC_CTRAFFIC || connects))
        return "pipelining: this protocol has one request in flight a connection";
    if (stream->depth > 1 && (stream->think_ns > 0 || (!stream->keep_alive && !open)))
        return "pipelining: needs keep-alive, and no think time";
    return NULL;
}

static const char *wrong_protocol(const struct traffic_stream_config *stream)
{
    if (stream->protocol != TRAFFIC_CONNECT && stream->timeout_ns == 0)
        return "timeout: must be more than 0";
    if (stream->protocol == TRAFFIC_CTRAFFIC && (stream->size_bytes < TRAFFIC_SIZE_MIN_BYTES ||
                                                 stream->size_bytes > TRAFFIC_SIZE_MAX_BYTES))
        return "size: must be 64 to 1048576 bytes";
    if (is_datagrams(stream) &&
        (stream->size_bytes < MARK_ECHO_BYTES || stream->size_bytes > TRAFFIC_DATAGRAM_MAX_BYTES))
        return "size: must be 32 to 8192 bytes";
    if (stream->protocol != TRAFFIC_HTTP)
        return stream->tls != NULL ? "tls: only http goes over TLS" : NULL;
    if (stream->message_count == 0 || stream->expect == NULL)
        return "requests: HTTP needs one at least, and what to expect";
    for (uint32_t i = 0; i < stream->message_count; i++)
        if (stream->messages[i].is_continue && stream->depth > 1)
            return "pipelining: a request that waits for 100 Continue has the connection alone";
    return NULL;
}

static int check_targets(const struct traffic_config *config,
                         const struct traffic_stream_config *stream, struct error *err)
{
    for (uint32_t i = 0; i < stream->target_count; i++) {
        const struct traffic_target *target = &stream->targets[i];
        char text[ADDRESS_TEXT_BYTES];
        bool v4 = address_is_v4(&target->address);
        address_text(&target->address, text);
        if (target->port == 0 && stream->protocol != TRAFFIC_ICMP)
            return error_set(err, EXIT_USAGE, -EINVAL, "stream \"%s\", target %s: its port is 0",
                             stream->name, text);
        uint32_t packet_bytes = stream->size_bytes + 8 + (v4 ? 20 : 40);
        if (is_datagrams(stream) && config->mtu_bytes != 0 && packet_bytes > config->mtu_bytes)
            return error_set(
                err, EXIT_USAGE, -EINVAL,
                "stream \"%s\", size: %u bytes to %s make packets of %u bytes, and the "
                "NIC port's MTU is %u",
                stream->name, stream->size_bytes, text, packet_bytes, config->mtu_bytes);
        if (!has_family(config, v4))
            return error_set(err, EXIT_USAGE, -EINVAL,
                             "stream \"%s\", target %s: no client pool of the NIC port has %s "
                             "addresses; add one to the machine file",
                             stream->name, text, v4 ? "IPv4" : "IPv6");
    }
    return 0;
}

static bool has_family(const struct traffic_config *config, bool v4)
{
    for (uint32_t i = 0; i < config->pool_count; i++)
        if (address_is_v4(&config->pools[i].address) == v4)
            return true;
    return false;
}

static uint32_t bounded(uint64_t connections)
{
    return connections > POOL_CAPACITY_MAX ? POOL_CAPACITY_MAX : (uint32_t)connections;
}
