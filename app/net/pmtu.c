#include "net/pmtu.h"

/* Index, or count when it is not there. */
static uint32_t find(const struct pmtu *pmtu, const struct address *remote)
{
    uint32_t i = 0;
    while (i < pmtu->count && !address_equal(&pmtu->entries[i].remote, remote))
        i++;
    return i;
}

static struct pmtu_entry *free_or_oldest(struct pmtu *pmtu)
{
    if (pmtu->count < PMTU_ENTRIES)
        return &pmtu->entries[pmtu->count++];
    struct pmtu_entry *oldest = &pmtu->entries[0];
    for (uint32_t i = 1; i < PMTU_ENTRIES; i++) {
        if (pmtu->entries[i].told_ns < oldest->told_ns)
            oldest = &pmtu->entries[i];
    }
    return oldest;
}

static bool is_alive(const struct pmtu_entry *entry, uint64_t now_ns)
{
    return now_ns - entry->told_ns < PMTU_LIFE_NS;
}

uint16_t pmtu_tell(struct pmtu *pmtu, const struct address *remote, uint32_t told_bytes,
                   uint16_t port_bytes, uint64_t now_ns)
{
    const bool v4 = address_is_v4(remote);
    const uint32_t least_bytes = v4 ? PMTU_V4_MIN_BYTES : PMTU_V6_MIN_BYTES;
    if (told_bytes == 0)
        told_bytes = v4 ? PMTU_V4_UNTOLD_BYTES : PMTU_V6_MIN_BYTES;
    if (told_bytes < least_bytes)
        told_bytes = least_bytes;
    if (told_bytes >= port_bytes)
        return 0;
    const uint32_t index = find(pmtu, remote);
    const bool known = index < pmtu->count;
    struct pmtu_entry *entry = known ? &pmtu->entries[index] : free_or_oldest(pmtu);
    if (known && is_alive(entry, now_ns) && entry->mtu_bytes <= told_bytes) {
        if (entry->mtu_bytes == told_bytes)
            entry->told_ns = now_ns;
        return 0;
    }
    *entry = (struct pmtu_entry){*remote, now_ns, (uint16_t)told_bytes};
    return entry->mtu_bytes;
}

uint16_t pmtu_bytes(const struct pmtu *pmtu, const struct address *remote, uint16_t port_bytes,
                    uint64_t now_ns)
{
    const uint32_t index = find(pmtu, remote);
    if (index == pmtu->count)
        return port_bytes;
    const struct pmtu_entry *entry = &pmtu->entries[index];
    return is_alive(entry, now_ns) && entry->mtu_bytes < port_bytes ? entry->mtu_bytes : port_bytes;
}
