/* The words for enums that reports print. */
#include "tcp/tcp.h"

const char *tcp_state_text(enum tcp_state state)
{
    static const char *const texts[TCP_STATE_COUNT] = {
#define X(name, text) [TCP_##name] = text,
        TCP_STATES(X)
#undef X
    };

    return (unsigned)state < TCP_STATE_COUNT ? texts[state] : "?";
}

const char *tcp_verdict_text(enum tcp_verdict verdict)
{
    static const char *const texts[TCP_VERDICT_COUNT] = {
#define X(name, text) [TCP_##name] = text,
        TCP_VERDICTS(X)
#undef X
    };

    return (unsigned)verdict < TCP_VERDICT_COUNT ? texts[verdict] : "?";
}

const char *tcp_verdict_name(enum tcp_verdict verdict)
{
    static const char *const names[TCP_VERDICT_COUNT] = {
#define X(name, text) [TCP_##name] = #name,
        TCP_VERDICTS(X)
#undef X
    };

    return (unsigned)verdict < TCP_VERDICT_COUNT ? names[verdict] : "?";
}

const char *tcp_event_name(enum tcp_event_kind kind)
{
    static const char *const names[TCP_EVENT_KINDS] = {
        [TCP_EVENT_CONNECTED] = "connected",
        [TCP_EVENT_ACCEPTED] = "accepted",
        [TCP_EVENT_DATA] = "data",
        [TCP_EVENT_ACKED] = "acked",
        [TCP_EVENT_PEER_FIN] = "peer-fin",
        [TCP_EVENT_LOCAL_CLOSED] = "local-closed",
        [TCP_EVENT_RETRANSMIT] = "retransmit",
        [TCP_EVENT_REFUSED] = "refused",
        [TCP_EVENT_RESET] = "reset",
        [TCP_EVENT_UNREACHABLE] = "unreachable",
        [TCP_EVENT_SYN_TIMEOUT] = "syn-timeout",
        [TCP_EVENT_TIMED_OUT] = "timed-out",
        [TCP_EVENT_GONE] = "gone",
    };

    return (unsigned)kind < TCP_EVENT_KINDS ? names[kind] : "?";
}
