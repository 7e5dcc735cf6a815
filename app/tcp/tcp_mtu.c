/* What a segment may hold on this path: told by ICMP (RFC 1191, RFC 8201), with the checks of
 * RFC 5927; guessed when nothing gets through (RFC 8899's idea); and, in time, more again. */
#include "tcp/tcp_priv.h"

#define RAISE_NS (UINT64_C(600) * 1000000000) /* RFC 1191 6.3, RFC 8201 5.3: 10 minutes. */

enum {
    MTU_MIN_V4 =
        576, /* Differs: RFC 791 says 68, but smaller than this are attacks (RFC 5927 7). */
    MTU_MIN_V6 = 1280,       /* RFC 8200 5. */
    MTU_BASE = 1280,         /* Passes nearly everywhere; RFC 8899 5.1.2 has 1200 of payload. */
    TIMEOUTS_SUSPICIOUS = 2, /* In a row, without progress. */
};

static void remember(struct tcp *tcp, const struct address *remote, uint64_t now_ns,
                     uint16_t mtu_bytes);
static struct tcp_path *path_of(struct tcp *tcp, const struct address *remote);
static void lower(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns, uint16_t mss,
                  enum tcp_cause cause);

uint32_t tcp_mtu_of(const struct tcp *tcp, const struct address *remote, uint64_t now_ns)
{
    for (uint32_t i = 0; i < tcp->path_count; i++) {
        const struct tcp_path *path = &tcp->paths[i];
        if (address_equal(&path->remote, remote) && now_ns - path->told_ns < RAISE_NS)
            return path->mtu_bytes;
    }
    return tcp->config.mtu_bytes;
}

bool tcp_mtu_told(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns, uint32_t mtu_bytes)
{
    uint32_t lowest = address_is_v4(&tcb->tuple.local) ? MTU_MIN_V4 : MTU_MIN_V6;
    uint16_t mss;

    if (tcb->state < TCP_ESTABLISHED || mtu_bytes >= tcp->config.mtu_bytes)
        return false;
    if (mtu_bytes < lowest)
        mtu_bytes = lowest;
    mss = tcp_options_mss(tcb, mtu_bytes);
    if (mss >= tcb->mss)
        return false;
    /* RFC 5927 7.2: larger ones got through, and still do unless a time-out says otherwise. */
    if (mss < tcb->acked_mss && tcb->timeouts == 0) {
        tcp->counters.icmp_mtu_doubted++;
        return false;
    }
    lower(tcp, tcb, now_ns, mss, TCP_CAUSE_MTU);
    remember(tcp, &tcb->tuple.remote, now_ns, (uint16_t)mtu_bytes);
    return true;
}

void tcp_mtu_suspect(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns)
{
    const struct tcp_segment *first = STAILQ_FIRST(&tcb->segments);
    uint16_t mss;

    if (tcb->timeouts != TIMEOUTS_SUSPICIOUS || tcp->config.mtu_bytes <= MTU_BASE || first == NULL)
        return;
    mss = tcp_options_mss(tcb, MTU_BASE);
    if (mss >= tcb->mss || first->length <= mss)
        return;
    tcp->counters.mtu_black_holes++;
    lower(tcp, tcb, now_ns, mss, TCP_CAUSE_RTO);
}

void tcp_mtu_raise(const struct tcp *tcp, struct tcb *tcb, uint64_t now_ns)
{
    if (now_ns - tcp->mtu_lowered_ns < RAISE_NS)
        return;
    tcb->mss = tcp_options_mss(tcb, tcp->config.mtu_bytes);
}

/* RFC 8201 5.2: what one connection was told is of the path. */
static void remember(struct tcp *tcp, const struct address *remote, uint64_t now_ns,
                     uint16_t mtu_bytes)
{
    *path_of(tcp, remote) =
        (struct tcp_path){.remote = *remote, .told_ns = now_ns, .mtu_bytes = mtu_bytes};
}

/* Its own entry, a new one, or the oldest. */
static struct tcp_path *path_of(struct tcp *tcp, const struct address *remote)
{
    struct tcp_path *oldest = tcp->paths;

    for (uint32_t i = 0; i < tcp->path_count; i++) {
        if (address_equal(&tcp->paths[i].remote, remote))
            return &tcp->paths[i];
        if (tcp->paths[i].told_ns < oldest->told_ns)
            oldest = &tcp->paths[i];
    }
    return tcp->path_count < TCP_PATHS_MAX ? &tcp->paths[tcp->path_count++] : oldest;
}

static void lower(struct tcp *tcp, struct tcb *tcb, uint64_t now_ns, uint16_t mss,
                  enum tcp_cause cause)
{
    tcb->mss = mss;
    tcb->acked_mss = 0;
    tcp->mtu_lowered_ns = now_ns;
    tcp_ack_lose_all(tcp, tcb, cause, mss);
}
