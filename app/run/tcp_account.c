#include "run/tcp_account.h"

#include <inttypes.h>
#include <stddef.h>

/* What every run has is not told: connections, segments, bytes. */
#define UNUSUAL(X)                                                                                 \
    X(half_opens_timed_out)                                                                        \
    X(syn_cookies_sent)                                                                            \
    X(syn_cookies_taken)                                                                           \
    X(challenge_acks)                                                                              \
    X(challenge_acks_limited)                                                                      \
    X(replies_full)                                                                                \
    X(actives_full)                                                                                \
    X(segments_full)                                                                               \
    X(chunks_full)                                                                                 \
    X(time_waits_evicted)                                                                          \
    X(icmp_no_connection)                                                                          \
    X(icmp_sequence)                                                                               \
    X(icmp_mtu_doubted)                                                                            \
    X(mtu_black_holes)

static const char *sentence_at(size_t offset);
static uint64_t sum_at(const struct tcp_counters *const counters[], uint32_t count, size_t offset);

void tcp_account(const struct tcp_counters *const counters[], uint32_t count, struct text *lines)
{
    static const size_t unusual[] = {
#define X(name) offsetof(struct tcp_counters, name),
        UNUSUAL(X)
#undef X
    };

    for (unsigned verdict = TCP_TAKEN + 1; verdict < TCP_VERDICT_COUNT; verdict++) {
        size_t offset =
            offsetof(struct tcp_counters, verdicts) + verdict * sizeof(counters[0]->verdicts[0]);
        uint64_t dropped = sum_at(counters, count, offset);
        if (dropped > 0)
            text_addf(lines, "TCP dropped %" PRIu64 ": %s\n", dropped, tcp_verdict_text(verdict));
    }
    for (size_t i = 0; i < sizeof(unusual) / sizeof(unusual[0]); i++) {
        uint64_t counted = sum_at(counters, count, unusual[i]);
        if (counted > 0)
            text_addf(lines, "TCP counted %" PRIu64 ": %s\n", counted, sentence_at(unusual[i]));
    }
}

static const char *sentence_at(size_t offset)
{
    static const struct {
        size_t offset;
        const char *sentence;
    } rows[] = {
#define X(name, text) {offsetof(struct tcp_counters, name), text},
        TCP_COUNTERS(X)
#undef X
    };
    size_t row = 0;

    while (rows[row].offset != offset)
        row++;
    return rows[row].sentence;
}

static uint64_t sum_at(const struct tcp_counters *const counters[], uint32_t count, size_t offset)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < count; i++)
        sum += *(const uint64_t *)(const void *)((const uint8_t *)counters[i] + offset);
    return sum;
}
