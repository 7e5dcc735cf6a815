/* Slots: what each connection has for all of its life. The rest is lent to it while it is awake. */
#include "tcp/tcp_slot.h"

#include <netinet/in.h>
#include <string.h>

#include "tcp/tcp_isn.h"
#include "tcp/tcp_priv.h"

#define NS_PER_HOUR (UINT64_C(3600) * 1000000000)

#define SCALE_MASK 15u   /* Scales are at most TCP_WINDOW_SCALE_MAX. */
#define BACKOFF_MASK 63u /* Doublings are at most that. */

static bool pack_tuple(struct tcp *tcp, struct tcp_slot *slot, const struct tuple *tuple);
static void unpack_tuple(const struct tcp *tcp, const struct tcp_slot *slot, struct tuple *tuple);
static struct tcb *take_tcb(struct tcp *tcp);
static uint16_t saturate_16(uint64_t value);
static uint32_t pack_ns(uint64_t ns);
static uint64_t unpack_ns(uint32_t units);
static void pack(const struct tcb *tcb, struct tcp_slot *slot);
static void unpack(const struct tcp *tcp, tcp_conn conn, const struct tcp_slot *slot,
                   struct tcb *tcb);
static void wait_for_tcb(struct tcp *tcp, struct tcp_slot *slot);
static void wait_no_more(struct tcp *tcp, struct tcp_slot *slot);
static uint32_t *next_waiting(struct tcp *tcp, uint32_t ref);

uint32_t tcp_tuple_hash_v6(const struct tcp *tcp, const struct tuple *tuple)
{
    uint32_t words[HASH_WORDS_MAX] = {0};

    memcpy(words, &tuple->local, sizeof(tuple->local));
    memcpy(words + 4, &tuple->remote, sizeof(tuple->remote));
    words[8] = tcp_tuple_ports(tuple);
    return hash_words(&tcp->table_key, words, 10);
}

bool tcp_slot_is_v6(const struct tcp *tcp, const struct tcp_slot *slot, const struct tuple *tuple)
{
    return address_equal(tcp_addresses_get(&tcp->addresses, slot->tuple.local), &tuple->local) &&
           address_equal(tcp_addresses_get(&tcp->addresses, slot->tuple.remote), &tuple->remote);
}

bool tcp_ref_waits_for(const struct tcp *tcp, uint32_t ref, const struct tuple *tuple)
{
    if (ref & TCP_REF_TIME_WAIT)
        return tuple_equal(&tcp_time_wait_of_ref(tcp, ref)->tuple, tuple);
    return tuple_equal(&tcp_half_open_of_ref(tcp, ref)->tuple, tuple);
}

bool tcp_slot_is_free(const struct tcp *tcp)
{
    return tcp->pool.taken < tcp->pool.capacity && !SLIST_EMPTY(&tcp->free_tcbs);
}

struct tcb *tcp_slot_take(struct tcp *tcp, const struct tuple *tuple, uint32_t hash, uint64_t user)
{
    tcp_conn conn;
    struct tcp_slot *slot;
    struct tcb *tcb;

    if (!tcp_slot_is_free(tcp))
        return NULL;
    conn = pool_take(&tcp->pool);
    slot = pool_get(&tcp->pool, conn);
    if (!pack_tuple(tcp, slot, tuple)) {
        pool_free(&tcp->pool, conn);
        return NULL;
    }
    tcb = take_tcb(tcp);
    tcb->conn = conn;
    tcb->tuple = *tuple;
    tcb->hash = hash;
    tcb->user = user;
    tcb->slot = slot;
    slot->user = user;
    slot->kind = TCP_SLOT_AWAKE;
    slot->tcb = tcb;
    tcp_table_insert(&tcp->table, hash, tcp_ref_of_slot(tcp, slot));
    return tcb;
}

struct tcb *tcp_slot_wake_quiet(struct tcp *tcp, struct tcp_slot *slot)
{
    struct tcb *tcb;
    tcp_conn conn;

    if (SLIST_EMPTY(&tcp->free_tcbs)) {
        tcp->counters.actives_full++;
        return NULL;
    }
    if (slot->kind == TCP_SLOT_WAITING)
        wait_no_more(tcp, slot);
    conn = tcp_conn_of_ref(tcp, tcp_ref_of_slot(tcp, slot));
    tcb = take_tcb(tcp);
    unpack(tcp, conn, slot, tcb);
    tcb->slot = slot;
    slot->kind = TCP_SLOT_AWAKE;
    slot->tcb = tcb;
    tcp_ready(tcp, tcb); /* For the timer, too, that puts it to sleep again. */
    return tcb;
}

void tcp_slot_sleep(struct tcp *tcp, struct tcb *tcb)
{
    struct tcp_slot *slot = tcb->slot;

    wheel_cancel(&tcp->wheel, &tcb->timer);
    pack(tcb, slot);
    slot->kind = TCP_SLOT_QUIET;
    tcp_tcb_free(tcp, tcb);
}

bool tcp_slot_may_sleep(const struct tcb *tcb)
{
    return tcb->state == TCP_ESTABLISHED && tcb->snd_una == tcb->stream_end &&
           tcb->snd_nxt == tcb->stream_end && tcb->stream_end < TCP_QUIET_POSITIONS &&
           tcb->rcv_nxt < TCP_QUIET_POSITIONS && !tcb->ready && !tcb->fin_wanted &&
           !tcb->rcv_fin_known && tcb->queue.count == 0 && !tcb->ack_now &&
           tcb->dup_acks_owed == 0 && tcb->last_ack_sent == tcb->rcv_nxt && tcb->rtt.samples > 0;
}

void tcp_slot_peek(const struct tcp *tcp, const struct tcp_slot *slot, struct tcb *out)
{
    memset(out, 0, sizeof(*out));
    unpack(tcp, pool_handle_of(&tcp->pool, slot), slot, out);
    out->slot = NULL;
}

uint64_t tcp_slot_rtt_max_ns(const struct tcp_slot *slot)
{
    return unpack_ns(slot->quiet.rtt_max);
}

bool tcp_slot_send(struct tcp *tcp, struct tcp_slot *slot, uint64_t bytes)
{
    uint64_t end = slot->quiet.stream_end + bytes;

    if (slot->fin_wanted || end >= TCP_QUIET_POSITIONS)
        return false;
    slot->quiet.stream_end = end & (TCP_QUIET_POSITIONS - 1);
    wait_for_tcb(tcp, slot);
    return true;
}

bool tcp_slot_close(struct tcp *tcp, struct tcp_slot *slot)
{
    if (slot->fin_wanted)
        return false;
    slot->fin_wanted = true;
    wait_for_tcb(tcp, slot);
    return true;
}

bool tcp_slot_can_wake_waiting(const struct tcp *tcp)
{
    return tcp->first_waiting != 0 && !SLIST_EMPTY(&tcp->free_tcbs);
}

void tcp_slot_wake_waiting(struct tcp *tcp)
{
    while (tcp_slot_can_wake_waiting(tcp))
        tcp_slot_wake(tcp, tcp_slot_of_ref(tcp, tcp->first_waiting));
}

void tcp_slot_end(struct tcp *tcp, struct tcp_slot *slot, uint32_t hash,
                  const struct tcp_ended *ended)
{
    uint32_t ref = tcp_ref_of_slot(tcp, slot);

    tcp_table_remove(&tcp->table, hash, ref);
    if (slot->v6) {
        tcp_addresses_release(&tcp->addresses, slot->tuple.local);
        tcp_addresses_release(&tcp->addresses, slot->tuple.remote);
    }
    if (slot->kind == TCP_SLOT_WAITING)
        wait_no_more(tcp, slot);
    if (tcp->first_ended == 0 && tcp_event_add_end(tcp, ref, slot->user, ended))
        return;
    slot->kind = TCP_SLOT_ENDED;
    slot->ended = *ended;
    slot->ended.next = 0;
    if (tcp->first_ended == 0)
        tcp->first_ended = ref;
    else
        tcp_slot_of_ref(tcp, tcp->last_ended)->ended.next = ref;
    tcp->last_ended = ref;
    tcp->ended_count++;
}

void tcp_tcb_free(struct tcp *tcp, struct tcb *tcb)
{
    SLIST_INSERT_HEAD(&tcp->free_tcbs, tcb, free_link);
    tcp->tcbs_in_use--;
}

/* All zero but for what is written before it is read. */
static struct tcb *take_tcb(struct tcp *tcp)
{
    struct tcb *tcb = SLIST_FIRST(&tcp->free_tcbs);

    SLIST_REMOVE_HEAD(&tcp->free_tcbs, free_link);
    tcp->tcbs_in_use++;
    memset(tcb, 0, offsetof(struct tcb, sack_report.recent));
    return tcb;
}

static bool pack_tuple(struct tcp *tcp, struct tcp_slot *slot, const struct tuple *tuple)
{
    struct tcp_tuple *own = &slot->tuple;

    own->local_port = tuple->local_port;
    own->remote_port = tuple->remote_port;
    slot->v6 = !address_is_v4(&tuple->local);
    if (!slot->v6) {
        memcpy(&own->local, tuple->local.bytes + 12, sizeof(own->local));
        memcpy(&own->remote, tuple->remote.bytes + 12, sizeof(own->remote));
        return true;
    }
    own->local = tcp_addresses_take(&tcp->addresses, &tuple->local);
    if (own->local == 0)
        return false;
    own->remote = tcp_addresses_take(&tcp->addresses, &tuple->remote);
    if (own->remote == 0)
        tcp_addresses_release(&tcp->addresses, own->local);
    return own->remote != 0;
}

static void unpack_tuple(const struct tcp *tcp, const struct tcp_slot *slot, struct tuple *tuple)
{
    const struct tcp_tuple *own = &slot->tuple;
    uint8_t bytes[4];

    *tuple = (struct tuple){
        .local_port = own->local_port, .remote_port = own->remote_port, .protocol = IPPROTO_TCP};
    if (slot->v6) {
        tuple->local = *tcp_addresses_get(&tcp->addresses, own->local);
        tuple->remote = *tcp_addresses_get(&tcp->addresses, own->remote);
        return;
    }
    memcpy(bytes, &own->local, sizeof(bytes));
    tuple->local = address_from_v4(bytes);
    memcpy(bytes, &own->remote, sizeof(bytes));
    tuple->remote = address_from_v4(bytes);
}

static uint16_t saturate_16(uint64_t value)
{
    return (uint16_t)(value < UINT16_MAX ? value : UINT16_MAX);
}

/* Times of a round trip, in units of 64 ns: up to 274 s. */
static uint32_t pack_ns(uint64_t ns)
{
    uint64_t units = ns / 64;

    return units < UINT32_MAX ? (uint32_t)units : UINT32_MAX;
}

static uint64_t unpack_ns(uint32_t units)
{
    return UINT64_C(64) * units;
}

/* Windows are as exact as the header says them. */
static void pack(const struct tcb *tcb, struct tcp_slot *slot)
{
    uint64_t largest = tcb->snd_wnd_max + (UINT64_C(1) << tcb->snd_wscale) - 1;

    slot->quiet = (struct tcp_quiet){
        .stream_end = tcb->stream_end & (TCP_QUIET_POSITIONS - 1),
        .received = tcb->rcv_nxt & (TCP_QUIET_POSITIONS - 1),
        .mss = tcb->mss,
        .peer_mss = tcb->peer_mss,
        .sent = tcb->snd_nxt & (TCP_QUIET_POSITIONS - 1),
        .retransmits = saturate_16(tcb->retransmits),
        .iss = tcb->iss,
        .irs = tcb->irs,
        .snd_wnd = tcb->snd_wnd,
        .ts_recent = tcb->ts_recent,
        .ssthresh_bytes = tcb->congestion.ssthresh_bytes,
        .srtt = pack_ns(tcb->rtt.srtt_ns),
        .rttvar = pack_ns(tcb->rtt.rttvar_ns),
        .rtt_max = pack_ns(tcb->rtt.max_ns),
        .snd_wnd_max = saturate_16(largest >> tcb->snd_wscale),
        .rcv_wnd = saturate_16(tcb->rcv_wnd >> tcb->rcv_wscale),
        .rcv_left = saturate_16((tcb->rcv_adv - tcb->rcv_nxt) >> tcb->rcv_wscale),
        .cwnd_segs = (uint8_t)(tcb->congestion.cwnd_bytes / tcb->mss < UINT8_MAX
                                   ? tcb->congestion.cwnd_bytes / tcb->mss
                                   : UINT8_MAX),
        .snd_wscale = tcb->snd_wscale & SCALE_MASK,
        .rcv_wscale = tcb->rcv_wscale & SCALE_MASK};
    slot->backoff = tcb->rtt.backoff & BACKOFF_MASK;
    slot->ts_recent_hour = (uint16_t)(tcb->ts_recent_ns / NS_PER_HOUR);
    slot->timestamps = tcb->timestamps;
    slot->scaled = tcb->scaled;
    slot->sack = tcb->sack;
    slot->ecn = tcb->ecn;
    slot->ecn_echo = tcb->ecn_echo;
    slot->ecn_reduced = tcb->congestion.reduced;
    slot->fin_wanted = false;
}

/* TCB is all zero. */
static void unpack(const struct tcp *tcp, tcp_conn conn, const struct tcp_slot *slot,
                   struct tcb *tcb)
{
    const struct tcp_quiet *quiet = &slot->quiet;

    tcb->conn = conn;
    tcb->user = slot->user;
    unpack_tuple(tcp, slot, &tcb->tuple);
    tcb->hash = tcp_tuple_hash(tcp, &tcb->tuple);
    tcb->state = TCP_ESTABLISHED;
    tcb->snd_una = quiet->sent;
    tcb->snd_nxt = quiet->sent;
    tcb->stream_end = quiet->stream_end;
    tcb->fin_wanted = slot->fin_wanted;
    tcb->rcv_nxt = quiet->received;
    tcb->last_ack_sent = quiet->received;
    tcb->iss = quiet->iss;
    tcb->irs = quiet->irs;
    tcb->mss = quiet->mss;
    tcb->peer_mss = quiet->peer_mss;
    tcb->retransmits = quiet->retransmits;
    tcb->snd_wscale = quiet->snd_wscale;
    tcb->rcv_wscale = quiet->rcv_wscale;
    tcb->timestamps = slot->timestamps;
    tcb->scaled = slot->scaled;
    tcb->sack = slot->sack;
    tcb->ecn = slot->ecn;
    tcb->ecn_echo = slot->ecn_echo;
    tcb->snd_wnd = quiet->snd_wnd;
    tcb->snd_wnd_max = (uint32_t)quiet->snd_wnd_max << quiet->snd_wscale;
    tcb->snd_wl1 = quiet->received;
    tcb->snd_wl2 = quiet->sent;
    tcb->rcv_wnd = (uint32_t)quiet->rcv_wnd << quiet->rcv_wscale;
    tcb->rcv_adv = tcb->rcv_nxt + ((uint64_t)quiet->rcv_left << quiet->rcv_wscale);
    tcb->ts_recent = quiet->ts_recent;
    tcb->ts_recent_ns = slot->ts_recent_hour * NS_PER_HOUR;
    tcb->ts_offset = tcp_isn_timestamp_offset(tcp_isn_secret(&tcp->config.key, &tcb->tuple));
    tcb->deadline_ns = TCP_NEVER_NS;
    tcb->ack_deadline_ns = TCP_NEVER_NS;
    tcb->rack.deadline_ns = TCP_NEVER_NS;
    STAILQ_INIT(&tcb->segments);
    tcp_rtt_resume(&tcb->rtt, &tcp->rtt_limits, unpack_ns(quiet->srtt), unpack_ns(quiet->rttvar),
                   unpack_ns(quiet->rtt_max));
    tcb->rtt.backoff = slot->backoff;
    tcp_congestion_resume(&tcb->congestion, tcp->config.congestion, tcp->config.initial_window_segs,
                          quiet->cwnd_segs, quiet->ssthresh_bytes, quiet->mss);
    tcb->congestion.scoreboard = tcb->sack;
    tcb->congestion.reduced = slot->ecn_reduced;
}

static void wait_for_tcb(struct tcp *tcp, struct tcp_slot *slot)
{
    uint32_t ref = tcp_ref_of_slot(tcp, slot);

    if (slot->kind == TCP_SLOT_WAITING)
        return;
    slot->kind = TCP_SLOT_WAITING;
    slot->quiet.next = 0;
    slot->quiet.previous = tcp->last_waiting;
    *next_waiting(tcp, tcp->last_waiting) = ref;
    tcp->last_waiting = ref;
}

/* It is the first, unless an arrival wakes it or the caller ends it. */
static void wait_no_more(struct tcp *tcp, struct tcp_slot *slot)
{
    uint32_t next = slot->quiet.next, previous = slot->quiet.previous;

    *next_waiting(tcp, previous) = next;
    if (next != 0)
        tcp_slot_of_ref(tcp, next)->quiet.previous = previous;
    else
        tcp->last_waiting = previous;
    slot->kind = TCP_SLOT_QUIET;
}

/* What names the one behind REF; 0 stands for the head. */
static uint32_t *next_waiting(struct tcp *tcp, uint32_t ref)
{
    return ref != 0 ? &tcp_slot_of_ref(tcp, ref)->quiet.next : &tcp->first_waiting;
}
