#include "tcp/tcp_isn.h"

enum {
    ISN_STEP_NS = 4000
};

/* Keeps the uses of one key apart. */
enum use {
    USE_ISN = 1,
    USE_TIMESTAMP = 2,
};

static uint32_t keyed(const struct hash_key *key, const struct tuple *tuple, uint64_t use)
{
    struct {
        struct tuple tuple;
        uint64_t use;
    } input = {.tuple = *tuple, .use = use};
    _Static_assert(sizeof(input) == sizeof(struct tuple) + sizeof(uint64_t),
                   "no padding is hashed");

    return (uint32_t)hash_sip(key, &input, sizeof(input));
}

uint32_t tcp_isn(const struct hash_key *key, const struct tuple *tuple, uint64_t now_ns)
{
    return (uint32_t)(now_ns / ISN_STEP_NS) + keyed(key, tuple, USE_ISN);
}

uint32_t tcp_isn_after(uint32_t isn, uint32_t last)
{
    return (int32_t)(isn - last) > 0 ? isn : last + UINT16_MAX + 1;
}

uint32_t tcp_isn_timestamp_offset(const struct hash_key *key, const struct tuple *tuple)
{
    return keyed(key, tuple, USE_TIMESTAMP);
}
