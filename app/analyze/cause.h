/* cause.h - why a loss window was: one cause, how sure that is, and the evidence, or `unexplained`.
 *
 * Pure: of the window, the timeline and the logs. Each lost request in the window is looked at by
 * itself: what it could have met when it was sent (a pod marked deleted that rules may still name,
 * one ready since just now that has not answered anybody, no ready endpoint at all), how it ended,
 * and on which pod. A request that only one cause fits counts for it; one that two fit counts for
 * neither, unless the others of the window decide between them. What most of the lost requests
 * speak for is the window's cause, if it is no wider than the cause can be: single pods, or a node,
 * do not make others fall silent.
 *
 *     share = those that speak for it / lost ones (blocked ones speak for nothing)
 *     high     share >= 0.9, and none that two causes fit
 *     medium   share >= 0.6
 *     else     unexplained: the text says what there was
 *
 * A gap of a watch around the window, or the own faults of the tester with silence (which such a
 * fault looks like), leave medium at most. Causes that rest on nothing having been seen (network,
 * overload) are medium at most.
 *
 * docs/accuracy.md has a sentence for each, and the judgment on planted causes.
 */
#ifndef ANALYZE_CAUSE_H
#define ANALYZE_CAUSE_H

/* id, word, sentence. */
#define CAUSES(X)                                                                                  \
    X(UNEXPLAINED, "unexplained", "nothing that was seen explains it")                             \
    X(RACE, "endpoint-removal-race",                                                               \
      "new connections went to a pod that was ending, since rules still named it")                 \
    X(NOT_GRACEFUL, "killed-not-graceful",                                                         \
      "a pod that was told to end dropped work in flight before its grace was over")               \
    X(GRACE_SHORT, "killed-grace-too-short",                                                       \
      "work that a pod had in hand when it was told to end was killed with its grace over")        \
    X(SIGTERM_IGNORED, "killed-sigterm-ignored",                                                   \
      "a pod went on serving after it was told to end, until its grace was over")                  \
    X(READY_EARLY, "ready-too-early", "a pod got traffic as ready before it could serve")          \
    X(STALE_UPSTREAM, "stale-upstream",                                                            \
      "a proxy in between sent to pods that were gone, and answered 502 or 504")                   \
    X(DRAINED_NODE, "drained-node-in-balancer",                                                    \
      "a balancer still sent to a node whose pods had been taken off")                             \
    X(NO_ENDPOINT, "no-ready-endpoint", "the Service had no ready endpoint")                       \
    X(TOO_FEW, "too-few-replicas", "at most half of the endpoints were left to serve")             \
    X(ROLLOUT_STUCK, "rollout-stuck", "a rollout that does not go on left too few endpoints")      \
    X(CONNTRACK, "connection-tracking",                                                            \
      "the way took a new connection for an old one, or forgot old ones")                          \
    X(OVERLOAD, "backend-overload", "answers took ever longer, without an event of the cluster")   \
    X(NETWORK, "network", "silence from several pods at once, without an event of the cluster")    \
    X(TESTER, "tester", "the tester's own faults could explain it")

enum cause {
#define X(id, word, sentence) CAUSE_##id,
    CAUSES(X)
#undef X
    CAUSE_COUNT
};

enum cause_confidence {
    CAUSE_NONE, /* Unexplained. */
    CAUSE_MEDIUM,
    CAUSE_HIGH,
};

const char *cause_word(enum cause cause);
const char *cause_sentence(enum cause cause);
const char *cause_confidence_word(enum cause_confidence confidence); /* "none", ... */

#endif
