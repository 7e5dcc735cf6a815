/* failure.h - what went wrong with a request, as a reason to act on and a text to mend it by.
 *
 * Every answer that is not a success becomes one enum kube_reason. The text names verb, resource,
 * namespace and object; for 403 it also has the RBAC rule, as YAML, that would allow it; for a
 * failed connection or handshake it says what in the kubeconfig to look at.
 *
 * Source: Kubernetes API conventions, "Response Status Kind", "HTTP Status codes".
 * Threads: pure.
 */
#ifndef KUBE_FAILURE_H
#define KUBE_FAILURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"
#include "kube/kubeconfig.h"

/* id, errno, what it is called in reports. */
#define KUBE_REASONS(X)                                                                            \
    X(SUCCESS, 0, "success")                                                                       \
    X(BAD_REQUEST, EINVAL, "bad request")               /* 400 */                                  \
    X(UNAUTHORIZED, EACCES, "unauthorized")             /* 401: who are you */                     \
    X(FORBIDDEN, EPERM, "forbidden")                    /* 403: you may not */                     \
    X(NOT_FOUND, ENOENT, "not found")                   /* 404 */                                  \
    X(EXISTS, EEXIST, "already exists")                 /* 409 on create */                        \
    X(CONFLICT, EBUSY, "conflict")                      /* 409 on change */                        \
    X(MANAGED, EBUSY, "owned by another manager")       /* 409 of an apply */                      \
    X(GONE, ESTALE, "too old")                          /* 410: a resourceVersion is forgotten */  \
    X(UNSUPPORTED, EOPNOTSUPP, "unsupported")           /* 405, 406, 415 */                        \
    X(INVALID, EINVAL, "invalid")                       /* 422 */                                  \
    X(BUDGET, EAGAIN, "refused by a disruption budget") /* 429 of an eviction */                   \
    X(THROTTLED, EAGAIN, "throttled")                   /* 429 otherwise */                        \
    X(SERVER, EIO, "server error")                      /* 5xx */                                  \
    X(TIMEOUT, ETIMEDOUT, "timeout")                    /* no answer in time */                    \
    X(UNREACHABLE, ECONNREFUSED, "unreachable")         /* no name, no route, refused */           \
    X(TLS, EPROTO, "TLS failure")                       /* certificates */                         \
    X(CUT, ECONNRESET, "connection cut")                /* ended before its end */                 \
    X(MALFORMED, EBADMSG, "malformed answer")           /* no JSON, or not what was asked for */

enum kube_reason {
#define X(id, code, text) KUBE_REASON_##id,
    KUBE_REASONS(X)
#undef X
    KUBE_REASON_COUNT
};

/* What was asked, in RBAC's words: for texts and rules. */
struct kube_call {
    const char *verb;        /* "get", "list", "watch", "create", "patch", "update", "delete". */
    const char *group;       /* "" for core. */
    const char *resource;    /* Plural; "" for what is no resource (discovery). */
    const char *subresource; /* "scale"; "" for none. */
    const char *namespace;   /* "" for none or all. */
    const char *name;        /* "" for a collection. */
};

int kube_reason_errno(enum kube_reason reason); /* Negative, or 0 for success. */
const char *kube_reason_text(enum kube_reason reason);
/* Worth trying again after a while, without anyone changing anything. */
bool kube_reason_transient(enum kube_reason reason);

/* The reason of an HTTP answer by its code and, where that is not enough, its Status body. */
enum kube_reason kube_failure_reason(const struct kube_call *call, long http_code, const char *body,
                                     size_t size);
/* Fill ERR with the text for an HTTP answer that is no success; returns its reason. CONFIG may be
 * NULL; it gives names for the message. */
enum kube_reason kube_failure_set(struct error *err, const struct kubeconfig *config,
                                  const struct kube_call *call, long http_code, const char *body,
                                  size_t size);
/* Append the rule that would allow CALL: a Role and its rules, or a ClusterRole. */
void kube_failure_rule(struct text *out, const struct kube_call *call);

#endif
