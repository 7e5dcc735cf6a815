/* outcome.h - the words for what became of a request, of a connection, and of the tester itself.
 *
 * Exactly one outcome for each due request; the sum over all outcomes is the number due, always.
 * docs/accuracy.md explains each word. The X-lists keep each value and its text together; files and
 * reports print the text.
 */
#ifndef RECORD_OUTCOME_H
#define RECORD_OUTCOME_H

#include <stdbool.h>
#include <stdint.h>

/* id, text, loss (opens a loss window by default) */
#define OUTCOMES(X)                                                                                \
    X(OK, "ok", false)                                                                             \
    X(REPAIRED, "repaired", false) /* ok after a retransmission */                                 \
    X(LATE, "late", false)         /* past the delay threshold; wins over repaired */              \
    X(REFUSED, "refused", true)    /* RST or port unreachable to a SYN or datagram */              \
    X(CONNECT_TIMEOUT, "connect-timeout", true)                                                    \
    X(UNREACHABLE, "unreachable", true) /* other ICMP, next hop unresolved */                      \
    X(RESET, "reset", true)                                                                        \
    X(CLOSED, "closed", true)   /* FIN before the whole answer */                                  \
    X(STALLED, "stalled", true) /* no answer in time */                                            \
    X(BAD_STATUS, "bad-status", true)                                                              \
    X(BAD_ANSWER, "bad-answer", true)                                                              \
    X(BLOCKED, "blocked", true)        /* no usable connection, or predecessor unanswered */       \
    X(UNSENT, "unsent", false)         /* the tester could not: see enum unsent_reason */          \
    X(UNFINISHED, "unfinished", false) /* the run ended first */                                   \
    X(SENT, "sent", false)             /* it left; nobody is to answer it (raw) */

enum outcome {
#define X(id, text, loss) OUTCOME_##id,
    OUTCOMES(X)
#undef X
    OUTCOME_COUNT
};

#define UNSENT_REASONS(X)                                                                          \
    X(NONE, "none")                                                                                \
    X(POOL_FULL, "connection pool full")                                                           \
    X(NO_PORT, "no free client port")                                                              \
    X(TX_FULL, "transmit ring or mbuf pool full")                                                  \
    X(STALL, "worker stalled past the slot")                                                       \
    X(SKIPPED, "slot skipped, for the worker was late and is not to catch up")

enum unsent_reason {
#define X(id, text) UNSENT_##id,
    UNSENT_REASONS(X)
#undef X
    UNSENT_COUNT
};

/* How a connection, or an attempt at one, ended. */
#define CONNECTION_ENDS(X)                                                                         \
    X(LASTING, "lasting") /* Up when the stream was stopped. */                                    \
    X(DONE, "done")       /* We closed it, its work done (connect stream). */                      \
    X(RST, "reset")                                                                                \
    X(FIN, "closed")                                                                               \
    X(SILENCE, "stalled")                 /* An answer was overdue. */                             \
    X(ICMP, "unreachable")                /* An ICMP error, established or connecting. */          \
    X(REFUSED, "refused")                 /* RST to our SYN. */                                    \
    X(CONNECT_TIMEOUT, "connect-timeout") /* Nobody answered our SYN in time. */                   \
    X(BAD_ANSWER, "bad-answer")           /* It answered what it should not. */                    \
    X(UNSENT, "unsent")                   /* The tester could not open it. */                      \
    X(UNFINISHED, "unfinished")           /* Still connecting when the stream was stopped. */

enum connection_end {
#define X(id, text) CONNECTION_##id,
    CONNECTION_ENDS(X)
#undef X
    CONNECTION_END_COUNT
};

/* What came to a datagram stream besides one answer to each request; to a raw one, besides each
 * frame once. id, key in files, sentence. */
#define DATAGRAM_COUNTS(X)                                                                         \
    X(REORDERED, "reordered", "answers behind one to a later request of their flow (RFC 4737)")    \
    X(DUPLICATES, "duplicates", "answers that had come before")                                    \
    X(OVERDUE, "overdue", "first answers to requests that had been given up or refused")           \
    X(OLD, "old", "answers so late that they may have come before")                                \
    X(STRANGERS, "strangers", "answers and ICMP errors to no request of the run")

enum datagram_count {
#define X(id, key, sentence) DATAGRAM_##id,
    DATAGRAM_COUNTS(X)
#undef X
    DATAGRAM_COUNT
};

/* The tester's own faults, on the same timeline as what it measures. */
#define TESTER_FAULTS(X)                                                                           \
    X(STALL, "worker stall")    /* Loop gap over the threshold: [start, end]. */                   \
    X(MISSED, "imissed")        /* The NIC port dropped received frames: count. */                 \
    X(NO_MBUF, "rx_nombuf")     /* No buffer for received frames: count. */                        \
    X(TX_REFUSED, "tx refused") /* The driver took fewer packets than offered: count. */           \
    X(SENT_LATE, "sent late")   /* Requests sent later than due by over the threshold. */          \
    X(MAC_CHANGED, "next hop changed its MAC")                                                     \
    X(HOP_LOST, "next hop stopped answering")                                                      \
    X(LINK, "link changed")                                                                        \
    X(HANDOVER, "hand-over full") /* Frames for another worker, which did not take them: count. */ \
    X(NIC_CLOCK, "NIC clock set") /* Its stamps within [start, end] may be wrong. */

enum tester_fault {
#define X(id, text) FAULT_##id,
    TESTER_FAULTS(X)
#undef X
    FAULT_COUNT
};

const char *outcome_text(enum outcome outcome);
/* By default; a plan may choose others. */
static inline bool outcome_is_loss(enum outcome outcome)
{
    const uint32_t losses = 0
#define X(id, text, loss) | (uint32_t)(loss) << OUTCOME_##id
        OUTCOMES(X)
#undef X
        ;
    return (unsigned)outcome < OUTCOME_COUNT && (losses >> outcome & 1) != 0;
}
/* ok, repaired or late: an answer, and a right one. */
static inline bool outcome_is_good(enum outcome outcome)
{
    return outcome == OUTCOME_OK || outcome == OUTCOME_REPAIRED || outcome == OUTCOME_LATE;
}
const char *unsent_reason_text(enum unsent_reason reason);
const char *connection_end_text(enum connection_end end);
/* Broken: it was up, and then ended by the other side's doing. */
bool connection_end_is_broken(enum connection_end end);
const char *tester_fault_text(enum tester_fault fault);
const char *datagram_count_key(enum datagram_count what);      /* "reordered"; "?" out of range. */
const char *datagram_count_sentence(enum datagram_count what); /* The same. */

#endif
