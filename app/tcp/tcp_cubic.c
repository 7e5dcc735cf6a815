#include "tcp/tcp_cubic.h"

#include <stdbool.h>

#include "base/wide.h"

#define NS_PER_MS UINT64_C(1000000)
/* So much longer the curve goes up alone than any window allows. */
#define TIME_MAX_NS (INT64_C(10000) * 1000000000)

static void begin(struct tcp_cubic *cubic, uint64_t now_ns, uint32_t cwnd, uint32_t mss);
static uint64_t cube_root(uint64_t value);
static int64_t curve(const struct tcp_cubic *cubic, uint64_t since_ns, uint32_t mss);
static void grow_reno(struct tcp_cubic *cubic, uint32_t cwnd, uint32_t acked, uint32_t mss);

uint32_t tcp_cubic_part(uint32_t bytes)
{
    return (uint32_t)((uint64_t)bytes * 7 / 10);
}

void tcp_cubic_reduced(struct tcp_cubic *cubic, uint32_t cwnd)
{
    bool converge = cwnd < cubic->max_bytes;

    cubic->max_bytes = converge ? (uint32_t)((uint64_t)cwnd * 17 / 20) : cwnd;
    cubic->prior_bytes = cwnd;
    cubic->epoch_ns = 0;
}

void tcp_cubic_timeout(struct tcp_cubic *cubic)
{
    cubic->max_bytes = 0;
    cubic->epoch_ns = 0;
}

void tcp_cubic_idle(struct tcp_cubic *cubic)
{
    cubic->epoch_ns = 0;
}

uint32_t tcp_cubic_acked(struct tcp_cubic *cubic, uint64_t now_ns, uint64_t rtt_ns, uint32_t cwnd,
                         uint32_t acked, uint32_t mss)
{
    if (cubic->epoch_ns == 0)
        begin(cubic, now_ns, cwnd, mss);
    grow_reno(cubic, cwnd, acked, mss);

    uint64_t since_ns = now_ns - cubic->epoch_ns;
    int64_t target = curve(cubic, since_ns + rtt_ns, mss);
    int64_t highest = (int64_t)cwnd + cwnd / 2;
    if (curve(cubic, since_ns, mss) < (int64_t)cubic->reno_bytes)
        return cubic->reno_bytes > cwnd ? cubic->reno_bytes : cwnd;
    if (target > highest)
        target = highest;
    if (target <= (int64_t)cwnd)
        return cwnd;
    return cwnd + (uint32_t)((uint64_t)(target - cwnd) * (acked < cwnd ? acked : cwnd) / cwnd);
}

static void begin(struct tcp_cubic *cubic, uint64_t now_ns, uint32_t cwnd, uint32_t mss)
{
    cubic->epoch_ns = now_ns;
    cubic->reno_bytes = cwnd;
    cubic->acked_bytes = 0;
    cubic->k_ns = 0;
    if (cubic->max_bytes <= cwnd) {
        cubic->max_bytes = cwnd;
        return;
    }
    /* In ms: 1 / 0.4 s^3 are 2.5 10^9 ms^3. */
    uint64_t cube = (uint64_t)(cubic->max_bytes - cwnd) * UINT64_C(2500000000) / mss;
    cubic->k_ns = cube_root(cube) * NS_PER_MS;
}

/* Rounded down. */
static uint64_t cube_root(uint64_t value)
{
    uint64_t root = 0;

    for (uint64_t bit = UINT64_C(1) << 20; bit > 0; bit >>= 1) {
        uint64_t next = root | bit;
        if (next * next * next <= value)
            root = next;
    }
    return root;
}

/* W_cubic. */
static int64_t curve(const struct tcp_cubic *cubic, uint64_t since_ns, uint32_t mss)
{
    int64_t t = (int64_t)since_ns - (int64_t)cubic->k_ns;

    if (t > TIME_MAX_NS)
        t = TIME_MAX_NS;
    t /= 1000; /* us: its cube times an MSS has 128 bits room. */
    wide_int cube = (wide_int)t * t * t;
    return (int64_t)(cube * mss * 4 / 10 / ((wide_int)1000000000 * 1000000000)) +
           (int64_t)cubic->max_bytes;
}

static void grow_reno(struct tcp_cubic *cubic, uint32_t cwnd, uint32_t acked, uint32_t mss)
{
    uint64_t needed = cwnd; /* Bytes acknowledged for a segment more. */

    if (cubic->reno_bytes < cubic->prior_bytes)
        needed = needed * 17 / 9;
    cubic->acked_bytes += acked < cwnd ? acked : cwnd;
    if (cubic->acked_bytes >= needed) {
        cubic->acked_bytes -= (uint32_t)needed;
        cubic->reno_bytes += mss;
    }
}
