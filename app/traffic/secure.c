#include "traffic/secure.h"

#include "traffic/request.h"

enum {
    HELD_BYTES = 65536 /* Of a connection, at most. */
};

static bool flush(struct traffic *traffic, const struct traffic_conn *conn, struct secure *secure);
static bool seal(struct traffic *traffic, struct traffic_conn *conn, struct secure *secure);
static uint32_t room_of(const struct traffic *traffic, const struct secure *secure);
static pool_handle *place_of(const struct traffic *traffic, const struct traffic_conn *conn);
static uint32_t smaller(uint64_t a, uint32_t b);

bool secure_begin(struct traffic *traffic, struct traffic_conn *conn)
{
    const struct traffic_stream *stream = &traffic->streams[conn->stream];
    uint32_t peer = (conn->flow - stream->flow_base) % stream->config.target_count;
    pool_handle handle = pool_take(&traffic->secures);
    struct secure *secure = pool_get(&traffic->secures, handle);
    uint8_t nothing[1];
    uint32_t count;
    if (secure == NULL)
        return false;
    *secure = (struct secure){0};
    if (!tls_open(&secure->tls, stream->tls) || !tls_resume(&secure->tls, stream->tls, peer)) {
        tls_close(&secure->tls);
        pool_free(&traffic->secures, handle);
        return false;
    }
    *place_of(traffic, conn) = handle;
    conn->secure = true;
    tls_read(&secure->tls, nothing, sizeof(nothing), &count); /* Makes the greeting. */
    secure_pump(traffic, conn);
    return true;
}

struct secure *secure_of(const struct traffic *traffic, const struct traffic_conn *conn)
{
    return pool_get(&traffic->secures, *place_of(traffic, conn));
}

void secure_pump(struct traffic *traffic, struct traffic_conn *conn)
{
    struct secure *secure = secure_of(traffic, conn);
    while (flush(traffic, conn, secure) && tls_can_write(&secure->tls) && conn->state == CONN_UP &&
           secure->sealed_bytes < conn->asked_bytes)
        if (!seal(traffic, conn, secure))
            return;
}

void secure_acked(struct traffic *traffic, struct traffic_conn *conn, uint64_t offset)
{
    struct secure *secure = secure_of(traffic, conn);
    hold_release(&secure->hold, &traffic->pieces, offset);
    if (conn->state != CONN_CLOSING)
        secure_pump(traffic, conn);
}

void secure_fill(const struct traffic *traffic, const struct traffic_conn *conn, uint64_t offset,
                 uint8_t *bytes, uint32_t count)
{
    hold_read(&secure_of(traffic, conn)->hold, &traffic->pieces, offset, bytes, count);
}

void secure_end(struct traffic *traffic, struct traffic_conn *conn)
{
    struct secure *secure = secure_of(traffic, conn);
    tls_end(&secure->tls);
    flush(traffic, conn, secure);
}

void secure_give_back(struct traffic *traffic, struct traffic_conn *conn)
{
    struct secure *secure = secure_of(traffic, conn);
    hold_clear(&secure->hold, &traffic->pieces);
    tls_close(&secure->tls);
    pool_free(&traffic->secures, *place_of(traffic, conn));
    conn->secure = false;
}

/* What is encrypted becomes part of the tcp's stream. False: not all of it can be held now. */
static bool flush(struct traffic *traffic, const struct traffic_conn *conn, struct secure *secure)
{
    uint8_t bytes[SECURE_PART_BYTES];
    uint32_t count, room;
    while ((room = room_of(traffic, secure)) > 0 &&
           (count = tls_take(&secure->tls, bytes, smaller(room, sizeof(bytes)))) > 0) {
        bool held = hold_add(&secure->hold, &traffic->pieces, bytes, count);
        assert(held);
        tcp_send(traffic->tcp, conn->tcp, count);
    }
    return tls_pending(&secure->tls) == 0;
}

/* One record of what is asked; all before it was flushed. False: TLS fails. */
static bool seal(struct traffic *traffic, struct traffic_conn *conn, struct secure *secure)
{
    uint8_t plain[SECURE_PART_BYTES];
    uint64_t offset = secure->sealed_bytes, from = secure->hold.end;
    uint32_t count = smaller(conn->asked_bytes - offset, sizeof(plain));
    request_fill(traffic, conn, offset, plain, count);
    if (!tls_write(&secure->tls, plain, count))
        return false;
    secure->sealed_bytes += count;
    request_sealed(traffic, conn, offset, count, from, from + tls_pending(&secure->tls));
    return true;
}

/* Bytes that may be held beside those that are. The spare pieces are what is free beyond those that
 * are somebody's own, as if none of these were in use. */
static uint32_t room_of(const struct traffic *traffic, const struct secure *secure)
{
    const struct pool *pieces = &traffic->pieces;
    uint32_t held = (uint32_t)(secure->hold.end - secure->hold.start);
    uint32_t own = SECURE_PIECES * HOLD_PIECE_BYTES;
    uint32_t unused = pieces->capacity - pieces->taken;
    uint32_t owned = SECURE_PIECES * traffic->secures.capacity;
    if (held < own)
        return own - held;
    if (unused <= owned || held >= HELD_BYTES)
        return 0;
    return smaller((uint64_t)(unused - owned) * HOLD_PIECE_BYTES, HELD_BYTES - held);
}

static pool_handle *place_of(const struct traffic *traffic, const struct traffic_conn *conn)
{
    pool_handle handle = pool_handle_of(&traffic->conns, conn);
    return &traffic->secure_at[handle & traffic->conns.index_mask];
}

static uint32_t smaller(uint64_t a, uint32_t b)
{
    return a < b ? (uint32_t)a : b;
}
