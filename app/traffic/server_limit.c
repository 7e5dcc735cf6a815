/* Limits: how much a connection may hold, and how long it may wait. */
#include "traffic/server_priv.h"

static void expire(struct server *server, uint64_t now_ns, struct server_conn *conn);
static uint64_t patience_ns(const struct server *server, const struct server_conn *conn);
static bool owes_nothing(const struct server_conn *conn);

uint32_t server_timers(struct server *server, uint64_t now_ns)
{
    struct wheel_timer *timer;
    uint32_t count = 0;
    for (; (timer = wheel_expire(&server->wheel, now_ns)) != NULL; count++) {
        void *conn = (uint8_t *)timer - offsetof(struct server_conn, timer);
        expire(server, now_ns, conn);
    }
    return count;
}

void server_watch(struct server *server, uint64_t now_ns, struct server_conn *conn)
{
    uint64_t wait_ns = patience_ns(server, conn);
    conn->last_ns = now_ns;
    if (wait_ns != 0)
        wheel_set(&server->wheel, &conn->timer, now_ns + wait_ns);
    else
        wheel_cancel(&server->wheel, &conn->timer);
}

void server_forget(struct server *server, struct server_conn *conn)
{
    wheel_cancel(&server->wheel, &conn->timer);
    server_let_go(server, conn);
}

bool server_hold(struct server *server, uint64_t now_ns, struct server_conn *conn,
                 const uint8_t *bytes, uint32_t count)
{
    while (!conn->ended && !hold_add(&conn->hold, &server->pieces, bytes, count)) {
        struct server_conn *oldest = TAILQ_FIRST(&server->holders);
        server_reset(server, now_ns, oldest != NULL ? oldest : conn, &server->counters.held_full);
    }
    if (!conn->ended && !conn->holds && count > 0) {
        conn->holds = true;
        TAILQ_INSERT_TAIL(&server->holders, conn, hold_link);
    }
    return !conn->ended;
}

void server_release(struct server *server, struct server_conn *conn, uint64_t offset)
{
    hold_release(&conn->hold, &server->pieces, offset);
    if (!conn->holds)
        return;
    TAILQ_REMOVE(&server->holders, conn, hold_link);
    conn->holds = conn->hold.first != 0;
    if (conn->holds)
        TAILQ_INSERT_TAIL(&server->holders, conn, hold_link);
}

void server_let_go(struct server *server, struct server_conn *conn)
{
    hold_clear(&conn->hold, &server->pieces);
    if (conn->holds)
        TAILQ_REMOVE(&server->holders, conn, hold_link);
    conn->holds = false;
}

/* The timer is not moved by what happens: so it may have come too early. */
static void expire(struct server *server, uint64_t now_ns, struct server_conn *conn)
{
    uint64_t wait_ns = patience_ns(server, conn);
    if (wait_ns == 0)
        return;
    if (conn->last_ns + wait_ns > now_ns) {
        wheel_set(&server->wheel, &conn->timer, conn->last_ns + wait_ns);
    } else if (conn->protocol == SERVER_HTTPS && !conn->tls.ready) {
        server_reset(server, now_ns, conn, &server->counters.handshake_late);
    } else if (conn->closing || !owes_nothing(conn)) {
        server_reset(server, now_ns, conn, &server->counters.stuck);
    } else {
        server_count(&server->counters.idle, 1);
        server_watch(server, now_ns, conn);
        server_close(server, now_ns, conn);
    }
}

/* 0: for ever. */
static uint64_t patience_ns(const struct server *server, const struct server_conn *conn)
{
    bool handshake = conn->protocol == SERVER_HTTPS && !conn->tls.ready;
    return handshake ? server->handshake_ns : server->idle_ns;
}

/* Has the peer acknowledged all that it was sent? */
static bool owes_nothing(const struct server_conn *conn)
{
    return conn->acked == (conn->protocol == SERVER_HTTPS ? conn->hold.end : conn->said);
}
