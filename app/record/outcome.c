#include "record/outcome.h"

const char *outcome_text(enum outcome outcome)
{
    static const char *const texts[OUTCOME_COUNT] = {
#define X(id, text, loss) [OUTCOME_##id] = text,
        OUTCOMES(X)
#undef X
    };
    return (unsigned)outcome < OUTCOME_COUNT ? texts[outcome] : "?";
}

const char *unsent_reason_text(enum unsent_reason reason)
{
    static const char *const texts[UNSENT_COUNT] = {
#define X(id, text) [UNSENT_##id] = text,
        UNSENT_REASONS(X)
#undef X
    };
    return (unsigned)reason < UNSENT_COUNT ? texts[reason] : "?";
}

const char *connection_end_text(enum connection_end end)
{
    static const char *const texts[CONNECTION_END_COUNT] = {
#define X(id, text) [CONNECTION_##id] = text,
        CONNECTION_ENDS(X)
#undef X
    };
    return (unsigned)end < CONNECTION_END_COUNT ? texts[end] : "?";
}

bool connection_end_is_broken(enum connection_end end)
{
    switch (end) {
    case CONNECTION_RST:
    case CONNECTION_FIN:
    case CONNECTION_SILENCE:
    case CONNECTION_ICMP:
    case CONNECTION_BAD_ANSWER: return true;
    default: return false;
    }
}

const char *tester_fault_text(enum tester_fault fault)
{
    static const char *const texts[FAULT_COUNT] = {
#define X(id, text) [FAULT_##id] = text,
        TESTER_FAULTS(X)
#undef X
    };
    return (unsigned)fault < FAULT_COUNT ? texts[fault] : "?";
}

const char *datagram_count_key(enum datagram_count what)
{
    static const char *const keys[DATAGRAM_COUNT] = {
#define X(id, key, sentence) [DATAGRAM_##id] = key,
        DATAGRAM_COUNTS(X)
#undef X
    };
    return (unsigned)what < DATAGRAM_COUNT ? keys[what] : "?";
}

const char *datagram_count_sentence(enum datagram_count what)
{
    static const char *const sentences[DATAGRAM_COUNT] = {
#define X(id, key, sentence) [DATAGRAM_##id] = sentence,
        DATAGRAM_COUNTS(X)
#undef X
    };
    return (unsigned)what < DATAGRAM_COUNT ? sentences[what] : "?";
}
