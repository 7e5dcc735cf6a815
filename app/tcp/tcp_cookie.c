#include "tcp/tcp_cookie.h"

enum {
    USE_COOKIE = 3, /* Keeps this use of the key apart from those of tcp_isn.c. */
    MINUTE_BIT = 31,
    INDEX_BIT = 28,
    INDEX_MASK = 7,
    HASH_MASK = (1 << INDEX_BIT) - 1,
    SHIFT_MASK = 0xf, /* Bits of a timestamp. */
    SHIFT_NONE = 0xf,
    SACK_BIT = 0x10,
    OPTION_BITS = 0x3f,
};
#define MINUTE_NS (UINT64_C(60) * 1000000000)

/* Common ones: the defaults of IPv4 and IPv6, tunnels, PPPoE, Ethernet, jumbo frames. */
static const uint16_t mss_table[INDEX_MASK + 1] = {48, 536, 1220, 1340, 1400, 1440, 1460, 8940};

static uint32_t hashed(const struct hash_key *key, const struct tuple *tuple, uint32_t irs,
                       uint64_t minute, uint32_t index);

uint32_t tcp_cookie_make(const struct hash_key *key, const struct tuple *tuple, uint32_t irs,
                         uint16_t mss, uint64_t now_ns)
{
    uint64_t minute = now_ns / MINUTE_NS;
    uint32_t index = INDEX_MASK;

    while (index > 0 && mss_table[index] > mss)
        index--;
    return (uint32_t)(minute & 1) << MINUTE_BIT | index << INDEX_BIT |
           hashed(key, tuple, irs, minute, index);
}

bool tcp_cookie_check(const struct hash_key *key, const struct tuple *tuple, uint32_t irs,
                      uint32_t cookie, uint64_t now_ns, uint16_t *mss)
{
    uint64_t minute = now_ns / MINUTE_NS;
    uint32_t index = cookie >> INDEX_BIT & INDEX_MASK;

    if ((minute & 1) != cookie >> MINUTE_BIT) {
        if (minute == 0)
            return false;
        minute--;
    }
    if ((cookie & HASH_MASK) != hashed(key, tuple, irs, minute, index))
        return false;
    *mss = mss_table[index];
    return true;
}

uint32_t tcp_cookie_timestamp(uint32_t clock, const struct tcp_header *syn)
{
    uint32_t bits = syn->has_window_scale ? syn->window_scale : SHIFT_NONE;
    uint32_t stamp;

    if (syn->sack_permitted)
        bits |= SACK_BIT;
    stamp = (clock & ~(uint32_t)OPTION_BITS) | bits;
    /* Not later than the clock: PAWS would drop what we send next. */
    if ((int32_t)(stamp - clock) > 0)
        stamp -= OPTION_BITS + 1;
    return stamp;
}

void tcp_cookie_options(uint32_t tsecr, struct tcp_header *syn)
{
    uint8_t shift = tsecr & SHIFT_MASK;

    syn->has_window_scale = shift <= TCP_WINDOW_SCALE_MAX;
    syn->window_scale = syn->has_window_scale ? shift : 0;
    syn->sack_permitted = (tsecr & SACK_BIT) != 0;
}

static uint32_t hashed(const struct hash_key *key, const struct tuple *tuple, uint32_t irs,
                       uint64_t minute, uint32_t index)
{
    struct {
        struct tuple tuple;
        uint32_t irs;
        uint32_t index;
        uint64_t minute;
        uint64_t use;
    } input = {.tuple = *tuple, .irs = irs, .index = index, .minute = minute, .use = USE_COOKIE};
    _Static_assert(sizeof(input) == sizeof(struct tuple) + 24, "no padding is hashed");

    return (uint32_t)hash_sip(key, &input, sizeof(input)) & HASH_MASK;
}
