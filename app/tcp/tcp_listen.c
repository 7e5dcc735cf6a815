/* Listeners, and what comes for them without a connection: RFC 9293 3.10.1 (passive), 3.10.7.2. */
#include "tcp/tcp_listen.h"

#include "tcp/tcp_cookie.h"
#include "tcp/tcp_isn.h"
#include "tcp/tcp_priv.h"

static struct tcp_listener *find(const struct tcp *tcp, const struct address *address,
                                 uint16_t port);
static enum tcp_verdict syn_input(struct tcp *tcp, const struct tcp_arrival *in);
static void answer_with_cookie(struct tcp *tcp, const struct tcp_listener *listener,
                               const struct tcp_arrival *in);
static enum tcp_verdict ack_input(struct tcp *tcp, const struct tcp_arrival *in, struct tcb **tcb);

void tcp_listen_init(struct tcp *tcp, struct tcp_listener *listeners,
                     struct tcp_half_open *half_opens)
{
    struct tcp_listen *listen = &tcp->listen;

    listen->listeners = listeners;
    listen->half_open_array = half_opens;
    TAILQ_INIT(&listen->free);
    for (uint32_t i = 0; i < tcp->config.half_opens; i++)
        TAILQ_INSERT_TAIL(&listen->free, &half_opens[i], link);
    for (unsigned i = 0; i <= TCP_SYN_ACK_RETRIES_MAX; i++)
        TAILQ_INIT(&listen->waiting[i]);
}

bool tcp_listen(struct tcp *tcp, const struct address *address, uint16_t port, uint64_t user)
{
    if (find(tcp, address, port) != NULL)
        return false;
    for (uint32_t i = 0; i < tcp->config.listeners; i++) {
        struct tcp_listener *listener = &tcp->listen.listeners[i];
        if (listener->open)
            continue;
        *listener =
            (struct tcp_listener){.user = user, .port = port, .any = address == NULL, .open = true};
        if (address != NULL)
            listener->address = *address;
        tcp->listen.listeners_open++;
        return true;
    }
    return false;
}

bool tcp_unlisten(struct tcp *tcp, const struct address *address, uint16_t port)
{
    struct tcp_listener *listener = find(tcp, address, port);

    if (listener == NULL)
        return false;
    tcp_half_open_discard(tcp, listener);
    listener->open = false;
    tcp->listen.listeners_open--;
    return true;
}

const struct tcp_listener *tcp_listener_of(const struct tcp *tcp, const struct tuple *tuple)
{
    const struct tcp_listener *listener;

    if (tcp->listen.listeners_open == 0)
        return NULL;
    listener = find(tcp, &tuple->local, tuple->local_port);
    return listener != NULL ? listener : find(tcp, NULL, tuple->local_port);
}

enum tcp_verdict tcp_listen_input(struct tcp *tcp, const struct tcp_arrival *in, struct tcb **tcb)
{
    /* First, the RST. */
    if (in->header.flags & TCP_RST)
        return TCP_DROP_NO_CONNECTION_RST;
    /* Second, the ACK; third, the SYN. */
    if (in->header.flags & TCP_ACK)
        return ack_input(tcp, in, tcb);
    return syn_input(tcp, in);
}

static struct tcp_listener *find(const struct tcp *tcp, const struct address *address,
                                 uint16_t port)
{
    for (uint32_t i = 0; i < tcp->config.listeners; i++) {
        struct tcp_listener *listener = &tcp->listen.listeners[i];
        if (!listener->open || listener->port != port || listener->any != (address == NULL))
            continue;
        if (listener->any || address_equal(&listener->address, address))
            return listener;
    }
    return NULL;
}

/* Differs: text on a SYN is not kept, nor acknowledged: the peer sends it again. */
static enum tcp_verdict syn_input(struct tcp *tcp, const struct tcp_arrival *in)
{
    const struct tcp_listener *listener = tcp_listener_of(tcp, in->tuple);

    if (!tcp_slot_is_free(tcp))
        return TCP_DROP_FULL;
    if (!tcp_half_open_begin(tcp, listener, in, NULL))
        answer_with_cookie(tcp, listener, in);
    return TCP_TAKEN;
}

/* Differs: RFC 9293 3.4.1 wants an ISN of the clock; a cookie carries the peer's MSS in its place
 * (RFC 4987 3.6). */
static void answer_with_cookie(struct tcp *tcp, const struct tcp_listener *listener,
                               const struct tcp_arrival *in)
{
    struct tcp_half_open unkept = {
        .tuple = *in->tuple, .syn = in->header, .sent_ns = in->now_ns, .listener = listener};
    uint32_t offset = tcp_isn_timestamp_offset(tcp_isn_secret(&tcp->config.key, in->tuple));
    uint32_t clock = tcp_options_timestamp(offset, in->now_ns);

    unkept.iss = tcp_cookie_make(&tcp->config.key, in->tuple, in->header.seq,
                                 tcp_options_peer_mss(in->tuple, &in->header), in->now_ns);
    if (!in->header.has_timestamps || !tcp->config.timestamps) {
        unkept.syn.has_window_scale = false;
        unkept.syn.sack_permitted = false;
    }
    unkept.syn.flags = TCP_SYN; /* A cookie has no room for ECN. */
    tcp_half_open_answer(tcp, &unkept, tcp_cookie_timestamp(clock, &unkept.syn));
    tcp->listen.cookies_until_ns = in->now_ns + TCP_COOKIE_LIFE_NS;
    tcp->counters.syn_cookies_sent++;
}

/* An ACK is for nothing in LISTEN, unless it brings a cookie. */
static enum tcp_verdict ack_input(struct tcp *tcp, const struct tcp_arrival *in, struct tcb **tcb)
{
    struct tcp_half_open back = {.tuple = *in->tuple,
                                 .hash = in->hash,
                                 .syn = {.seq = in->header.seq - 1,
                                         .window = in->header.window,
                                         .has_mss = true,
                                         .has_timestamps = in->header.has_timestamps,
                                         .tsval = in->header.tsval},
                                 .iss = in->header.ack - 1,
                                 .sent_ns = TCP_NEVER_NS,
                                 .listener = tcp_listener_of(tcp, in->tuple)};

    if ((in->header.flags & TCP_SYN) || in->now_ns >= tcp->listen.cookies_until_ns) {
        tcp_reply_reset(tcp, in);
        return TCP_DROP_NO_CONNECTION;
    }
    if (!tcp_cookie_check(&tcp->config.key, in->tuple, back.syn.seq, back.iss, in->now_ns,
                          &back.syn.mss)) {
        /* Text may come before the first text, which was lost with the ACK, and is sent again. */
        if (in->bytes == 0 && !in->fin)
            tcp_reply_reset(tcp, in);
        return TCP_DROP_COOKIE;
    }
    if (in->header.has_timestamps && tcp->config.timestamps)
        tcp_cookie_options(in->header.tsecr, &back.syn);
    *tcb = tcp_half_open_accept(tcp, &back, in->now_ns);
    if (*tcb == NULL)
        return TCP_DROP_FULL;
    tcp->counters.syn_cookies_taken++;
    return TCP_TAKEN;
}
