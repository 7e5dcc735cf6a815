#include "tcp/tcp_isn.h"

enum {
    ISN_STEP_NS = 4000
};

/* No other use of the key hashes as many bytes as either. */
uint64_t tcp_isn_secret(const struct hash_key *key, const struct tuple *tuple)
{
    const uint32_t v4[3] = {address_v4_word(&tuple->local), address_v4_word(&tuple->remote),
                            (uint32_t)tuple->local_port << 16 | tuple->remote_port};

    return address_is_v4(&tuple->local) ? hash_sip_here(key, v4, sizeof(v4))
                                        : hash_sip(key, tuple, sizeof(*tuple));
}

uint32_t tcp_isn(uint64_t secret, uint64_t now_ns)
{
    return (uint32_t)(now_ns / ISN_STEP_NS) + (uint32_t)secret;
}

uint32_t tcp_isn_after(uint32_t isn, uint32_t last)
{
    return (int32_t)(isn - last) > 0 ? isn : last + UINT16_MAX + 1;
}

uint32_t tcp_isn_timestamp_offset(uint64_t secret)
{
    return (uint32_t)(secret >> 32);
}
