#include "traffic/ports.h"

#include <assert.h>
#include <string.h>

#include "base/random.h"

#define FREE_EVER UINT32_C(0)
#define IN_USE UINT32_MAX

enum {
    NS_PER_MS = 1000000
};

static bool comes_home(const struct ports *ports, uint32_t remote, const struct tuple *tuple);
static bool is_free(const struct ports *ports, uint32_t slot, uint64_t now_ns);
static uint32_t slot_count(const struct ports *ports);

uint32_t ports_of_address(uint16_t first, uint16_t last, uint16_t stride)
{
    return last < first ? 0 : (uint32_t)(last - first) / stride + 1;
}

void ports_init(struct ports *ports, const struct address addresses[], uint32_t address_count,
                uint16_t first, uint16_t last, uint16_t stride, uint32_t released[], uint64_t seed,
                uint64_t quarantine_ns)
{
    assert(stride > 0);
    *ports = (struct ports){.addresses = addresses,
                            .released = released,
                            .address_count = address_count,
                            .port_count = ports_of_address(first, last, stride),
                            .port_first = first,
                            .stride = stride,
                            .quarantine_ns = quarantine_ns};
    uint32_t slots = slot_count(ports);
    assert(slots > 0);
    memset(released, 0, (size_t)slots * sizeof(released[0]));
    struct random random;
    random_seed(&random, seed);
    ports->cursor = (uint32_t)random_below(&random, slots);
}

uint32_t ports_take(struct ports *ports, uint64_t now_ns, struct tuple *tuple)
{
    uint32_t slots = slot_count(ports);
    uint32_t look = slots < PORTS_LOOK ? slots : PORTS_LOOK;
    bool hashed = ports->steering != NULL && steering_is_hashed(ports->steering, tuple);
    uint32_t remote = hashed ? steering_remote(ports->steering, tuple) : 0;
    for (uint32_t i = 0; i < look; i++) {
        uint32_t slot = ports->cursor;
        ports->cursor = slot + 1 == slots ? 0 : slot + 1;
        if (!is_free(ports, slot, now_ns))
            continue;
        ports_local(ports, slot, tuple);
        if (hashed && !comes_home(ports, remote, tuple))
            continue;
        ports->released[slot] = IN_USE;
        ports->in_use++;
        return slot;
    }
    return PORTS_NONE;
}

void ports_local(const struct ports *ports, uint32_t slot, struct tuple *tuple)
{
    tuple->local = ports->addresses[slot % ports->address_count];
    tuple->local_port = (uint16_t)(ports->port_first + slot / ports->address_count * ports->stride);
}

/* A quarantine too long by up to a millisecond is harmless, one too short is not: round up. */
void ports_release(struct ports *ports, uint32_t slot, uint64_t now_ns)
{
    assert(slot < slot_count(ports));
    assert(ports->released[slot] == IN_USE);
    ports->released[slot] = (uint32_t)(now_ns / NS_PER_MS) + 1;
    ports->in_use--;
}

uint32_t ports_addresses_of(const struct prefix *pool, struct address out[], uint32_t max)
{
    uint64_t size = prefix_size(pool);
    bool v4 = address_is_v4(&pool->address);
    uint64_t first = size > 2 ? 1 : 0;
    uint64_t end = size > 2 && v4 ? size - 1 : size;
    uint32_t count = 0;
    for (uint64_t i = first; i < end && count < max; i++)
        out[count++] = address_plus(pool->address, i);
    return count;
}

/* Does the NIC bring the answers to this worker? REMOTE is the remote side's part of the hash. */
static bool comes_home(const struct ports *ports, uint32_t remote, const struct tuple *tuple)
{
    const struct steering *steering = ports->steering;
    uint32_t hash = remote ^ steering_local(steering, tuple) ^ steering_port(steering, tuple);
    return steering_queue(steering, hash) == ports->worker;
}

static bool is_free(const struct ports *ports, uint32_t slot, uint64_t now_ns)
{
    uint32_t released = ports->released[slot];
    if (released == FREE_EVER)
        return true;
    if (released == IN_USE)
        return false;
    return now_ns >= (uint64_t)released * NS_PER_MS + ports->quarantine_ns;
}

static uint32_t slot_count(const struct ports *ports)
{
    return ports->address_count * ports->port_count;
}
