#include "worker/worker_icmp.h"

#include <netinet/in.h>

static bool icmp_kind(enum icmp_kind kind, enum tcp_icmp_kind *out);

/* RFC 1122 and 4443 as the tcp has them; a parameter problem tells nothing about the way. */
void worker_take_icmp(struct tcp *tcp, struct net_port *port, uint64_t now_ns,
                      const struct net_packet *packet)
{
    const struct icmp_error *error = &packet->error;
    enum tcp_icmp_kind kind;
    if (error->quoted.protocol != IPPROTO_TCP || !icmp_kind(error->kind, &kind))
        return;
    if (tcp_icmp(tcp, now_ns, &error->quoted, error->quoted_seq, kind, error->mtu_bytes) &&
        kind == TCP_ICMP_TOO_BIG)
        net_path_mtu_told(port, &error->quoted.remote, error->mtu_bytes, now_ns);
}

static bool icmp_kind(enum icmp_kind kind, enum tcp_icmp_kind *out)
{
    switch (kind) {
    case ICMP_NET_UNREACHABLE: *out = TCP_ICMP_NET; return true;
    case ICMP_HOST_UNREACHABLE: *out = TCP_ICMP_HOST; return true;
    case ICMP_PROTO_UNREACHABLE: *out = TCP_ICMP_PROTOCOL; return true;
    case ICMP_PORT_UNREACHABLE: *out = TCP_ICMP_PORT; return true;
    case ICMP_PROHIBITED: *out = TCP_ICMP_ADMIN; return true;
    case ICMP_TOO_BIG: *out = TCP_ICMP_TOO_BIG; return true;
    case ICMP_TIME_EXCEEDED: *out = TCP_ICMP_TIME_EXCEEDED; return true;
    default: return false;
    }
}
