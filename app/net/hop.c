#include "net/hop.h"

#include <assert.h>

static bool step(struct hop *hop, uint64_t now_ns, bool *send);
static struct net_event event_of(const struct hop_table *table, const struct hop *hop,
                                 enum net_event_kind kind, uint64_t now_ns);

void hop_init(struct hop_table *table)
{
    *table = (struct hop_table){.due_ns = UINT64_MAX};
}

int hop_find(const struct hop_table *table, const struct address *address)
{
    for (uint32_t i = 0; i < table->count; i++) {
        if (address_equal(&table->hops[i].address, address))
            return (int)i;
    }
    return -1;
}

int hop_add(struct hop_table *table, const struct address *address)
{
    const int found = hop_find(table, address);
    if (found >= 0)
        return found;
    if (table->count == NET_HOPS_MAX)
        return -1;
    table->hops[table->count] = (struct hop){.address = *address, .state = NET_HOP_IDLE};
    table->due_ns = 0;
    return (int)table->count++;
}

/* Which states may follow which. */
static void set_state(struct hop *hop, enum net_hop_state state)
{
    static const uint8_t follows[] = {
        [NET_HOP_IDLE] = 1 << NET_HOP_ASKING | 1 << NET_HOP_RESOLVED,
        [NET_HOP_ASKING] = 1 << NET_HOP_RESOLVED | 1 << NET_HOP_UNRESOLVED,
        [NET_HOP_RESOLVED] = 1 << NET_HOP_RESOLVED | 1 << NET_HOP_CHECKING,
        [NET_HOP_CHECKING] = 1 << NET_HOP_RESOLVED | 1 << NET_HOP_UNRESOLVED,
        [NET_HOP_UNRESOLVED] = 1 << NET_HOP_RESOLVED | 1 << NET_HOP_IDLE,
    };
    assert((follows[hop->state] & 1 << state) != 0);
    hop->state = state;
    hop->tries = 0;
}

void hop_ask_again(struct hop_table *table)
{
    for (uint32_t i = 0; i < table->count; i++) {
        struct hop *hop = &table->hops[i];
        if (hop->state == NET_HOP_UNRESOLVED) {
            set_state(hop, NET_HOP_IDLE);
            hop->due_ns = 0;
            table->due_ns = 0;
        }
    }
}

bool hop_step(struct hop_table *table, uint64_t now_ns, struct hop_probe *probe, bool *send,
              struct net_event *event, bool *note)
{
    *send = false;
    *note = false;
    if (now_ns < table->due_ns)
        return false;
    uint64_t due_ns = UINT64_MAX;
    for (uint32_t i = 0; i < table->count; i++) {
        struct hop *hop = &table->hops[i];
        if (hop->due_ns <= now_ns) {
            *note = step(hop, now_ns, send);
            *event = event_of(table, hop, NET_EVENT_UNRESOLVED, now_ns);
            *probe = (struct hop_probe){.address = hop->address, .index = (uint16_t)i};
            probe->unicast =
                hop->state == NET_HOP_CHECKING && hop->tries <= HOP_CHECK_UNICAST_TRIES;
            memcpy(probe->mac, hop->mac, sizeof(probe->mac));
            return true; /* table->due_ns is still in the past: the caller asks again. */
        }
        if (hop->due_ns < due_ns)
            due_ns = hop->due_ns;
    }
    table->due_ns = due_ns;
    return false;
}

static void probe_in(struct hop *hop, uint64_t now_ns, uint64_t interval_ns, bool *send)
{
    hop->tries++;
    hop->interval_ns = interval_ns;
    hop->due_ns = now_ns + interval_ns;
    *send = true;
}

/* Gives up asking for now; true: an event. */
static bool give_up(struct hop *hop, uint64_t now_ns)
{
    set_state(hop, NET_HOP_UNRESOLVED);
    hop->interval_ns = HOP_GIVEN_UP_FIRST_NS;
    hop->due_ns = now_ns + hop->interval_ns;
    return true;
}

/* One due step of HOP; true when it became unresolved. */
static bool step(struct hop *hop, uint64_t now_ns, bool *send)
{
    switch (hop->state) {
    case NET_HOP_IDLE:
        set_state(hop, NET_HOP_ASKING);
        probe_in(hop, now_ns, HOP_ASK_FIRST_NS, send);
        return false;
    case NET_HOP_ASKING:
        if (hop->tries >= HOP_ASK_TRIES)
            return give_up(hop, now_ns);
        probe_in(hop, now_ns, hop->interval_ns * 2, send);
        return false;
    case NET_HOP_RESOLVED:
        if (!hop->used) {
            hop->due_ns = now_ns + HOP_REACHABLE_NS;
            return false;
        }
        set_state(hop, NET_HOP_CHECKING);
        probe_in(hop, now_ns, HOP_CHECK_NS, send);
        return false;
    case NET_HOP_CHECKING:
        if (hop->tries >= HOP_CHECK_UNICAST_TRIES + HOP_CHECK_GROUP_TRIES)
            return give_up(hop, now_ns);
        probe_in(hop, now_ns, HOP_CHECK_NS, send);
        return false;
    case NET_HOP_UNRESOLVED:
        probe_in(hop, now_ns, hop->interval_ns, send);
        if (hop->interval_ns < HOP_GIVEN_UP_LAST_NS)
            hop->interval_ns *= 2;
        return false;
    }
    return false;
}

static struct net_event event_of(const struct hop_table *table, const struct hop *hop,
                                 enum net_event_kind kind, uint64_t now_ns)
{
    struct net_event event = {.kind = kind, .at_ns = now_ns, .address = hop->address};
    event.hop = (uint16_t)(hop - table->hops);
    memcpy(event.mac, hop->mac, sizeof(event.mac));
    return event;
}

/* Confirmed now, or only told: then it is asked soon. */
static void settle(struct hop_table *table, struct hop *hop, bool confirmed, uint64_t now_ns)
{
    if (confirmed || !hop_usable(hop))
        set_state(hop, NET_HOP_RESOLVED);
    if (!confirmed && hop->state == NET_HOP_CHECKING)
        return; /* The check under way will tell. */
    hop->used = !confirmed;
    hop->due_ns = confirmed ? now_ns + HOP_REACHABLE_NS : now_ns;
    if (hop->due_ns < table->due_ns)
        table->due_ns = hop->due_ns;
}

bool hop_heard(struct hop_table *table, unsigned index, const uint8_t mac[6],
               enum hop_source source, uint64_t now_ns, struct net_event *event)
{
    assert(index < table->count);
    struct hop *hop = &table->hops[index];
    const bool was_usable = hop_usable(hop);
    const bool differs = hop->has_mac && memcmp(hop->mac, mac, sizeof(hop->mac)) != 0;
    const bool answer = source == HOP_ANSWER;

    if (was_usable && !differs) {
        if (answer)
            settle(table, hop, true, now_ns);
        return false; /* Nothing new. */
    }
    if (was_usable && source == HOP_MENTION) {
        settle(table, hop, false, now_ns); /* RFC 4861 7.2.5: keep the old one, but ask. */
        return false;
    }
    uint8_t old_mac[6];
    memcpy(old_mac, hop->mac, sizeof(old_mac));
    memcpy(hop->mac, mac, sizeof(hop->mac));
    hop->has_mac = true;
    settle(table, hop, answer, now_ns);
    *event = event_of(table, hop, was_usable ? NET_EVENT_MAC_CHANGED : NET_EVENT_RESOLVED, now_ns);
    if (differs)
        memcpy(event->old_mac, old_mac, sizeof(old_mac));
    return true;
}
