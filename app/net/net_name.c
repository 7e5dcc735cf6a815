#include "net/net.h"

const char *net_hop_state_name(enum net_hop_state state)
{
    static const char *const names[] = {"idle", "asking", "resolved", "checking", "unresolved"};
    return (unsigned)state < sizeof(names) / sizeof(names[0]) ? names[state] : "?";
}

const char *net_event_name(enum net_event_kind kind)
{
    static const char *const names[] = {"resolved", "unresolved", "mac-changed",
                                        "conflict", "path-mtu",   "clock"};
    return (unsigned)kind < sizeof(names) / sizeof(names[0]) ? names[kind] : "?";
}
