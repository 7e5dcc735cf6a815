#include "run/doctor_cluster.h"

#include <errno.h>
#include <string.h>

#include "base/stop.h"

#define PART "cluster"

enum {
    ANSWER_MS = 10000
};
#define APART_NS INT64_C(1000000000) /* Clocks that differ by more are not synchronized. */

static int look(struct kube *kube, unsigned rights, struct findings *out, struct error *err);
static void check_resources(const struct kube *kube, struct findings *out);
static int check_rights(struct kube *kube, unsigned rights, struct findings *out,
                        struct error *err);
static void check_clock(const struct kube *kube, struct findings *out);

int doctor_cluster(const struct by_hand_options *access, unsigned rights, struct findings *out,
                   struct error *err)
{
    struct by_hand hand = {0};
    struct error failed = {0};
    int code = by_hand_open(&hand, access, &failed);
    if (code == 0)
        code = look(hand.kube, rights, out, &failed);
    by_hand_close(&hand);
    if (stop_is_wanted())
        return error_set(err, EXIT_INTERRUPTED, -EINTR, "interrupted");
    if (code < 0)
        findings_add(out, FINDING_FAIL, PART, "server", "%s", failed.text);
    return 0;
}

static int look(struct kube *kube, unsigned rights, struct findings *out, struct error *err)
{
    const struct kubeconfig *config = kube_config(kube);
    struct kube_server server = {0};
    int code = kube_version(kube, ANSWER_MS, &server, err);
    if (code < 0)
        return code;
    findings_add(out, FINDING_OK, PART, "server", "%s answers: context %s, namespace %s",
                 config->server, config->context, kube_namespace(kube));
    findings_add(out, FINDING_OK, PART, "version", "Kubernetes %s%s%s",
                 server.version[0] == '\0' ? "of a version that it does not say" : server.version,
                 server.lab[0] == '\0' ? "" : ": ", server.lab);
    check_resources(kube, out);
    code = check_rights(kube, rights, out, err);
    if (code == 0)
        check_clock(kube, out);
    return code;
}

static void check_resources(const struct kube *kube, struct findings *out)
{
    const struct kube_discovery *discovery = kube_discovered(kube);
    for (int i = 0; i < KUBE_KIND_COUNT; i++) {
        const struct kube_resource *resource = &discovery->resources[i];
        findings_add(out, discovery->served[i] ? FINDING_OK : FINDING_WARN, PART, "resource",
                     "%s%s%s %s%s", resource->group, resource->group[0] == '\0' ? "" : "/",
                     resource->version, resource->plural,
                     discovery->served[i] ? "" : " are not served");
    }
    if (discovery->eviction_version[0] == '\0')
        findings_add(out, FINDING_WARN, PART, "resource",
                     "evictions are not served: drain and evict cannot be done");
    else
        findings_add(out, FINDING_OK, PART, "resource", "%s evictions",
                     discovery->eviction_version);
}

/* 1 when CALL is allowed, 0 when it is denied, or -errno with ERR. */
static int may(struct kube *kube, const struct kube_call *call, struct error *err)
{
    struct kube_order order = {.verb = KUBE_MAY, .may = call};
    struct kube_result result;
    int code = stop_is_wanted() ? error_set(err, EXIT_INTERRUPTED, -EINTR, "interrupted")
                                : kube_run(kube, &order, ANSWER_MS, &result, err);
    return code < 0 ? code : result.done == KUBE_DONE_ALLOWED;
}

/* Ask for each verb of RIGHT. 0 or -errno with ERR. */
static int check_right(struct kube *kube, const struct kube_right *right, struct findings *out,
                       struct error *err)
{
    char verb[32];
    struct kube_call call;
    struct text missing = {0}, rules = {0}, what = {0};
    int code = 1;
    for (unsigned i = 0; code >= 0 && kube_right_call(right, i, kube_namespace(kube),
                                                      kube_discovered(kube), verb, &call);
         i++) {
        text_clear(&what);
        text_addf(&what, "%s%s%s%s%s%s%s", call.resource, call.subresource[0] == '\0' ? "" : "/",
                  call.subresource, call.name[0] == '\0' ? "" : " ", call.name,
                  right->all                 ? " everywhere"
                  : right->namespace != NULL ? " in "
                                             : "",
                  right->namespace != NULL ? right->namespace : "");
        code = may(kube, &call, err);
        if (code != 0)
            continue;
        text_addf(&missing, "%s%s", missing.size > 0 ? " " : "", verb);
        text_add(&rules, rules.size > 0 ? "\n---\n" : "");
        kube_failure_rule(&rules, &call);
    }
    if (code >= 0 && missing.size == 0) {
        findings_add(out, FINDING_OK, PART, "right", "%s %s: %s", right->verbs, text_str(&what),
                     right->what_for);
    } else if (code >= 0) {
        findings_add(out, FINDING_FAIL, PART, "right", "may not %s %s: %s", text_str(&missing),
                     text_str(&what), right->what_for);
        findings_mend(out, "%s", text_str(&rules));
    }
    text_free(&missing);
    text_free(&rules);
    text_free(&what);
    return code < 0 ? code : 0;
}

static int check_rights(struct kube *kube, unsigned rights, struct findings *out, struct error *err)
{
    int code = 0;
    for (unsigned i = 0; i < kube_rights_count && code == 0; i++)
        if ((rights & 1U << kube_rights[i].need) != 0)
            code = check_right(kube, &kube_rights[i], out, err);
    return code;
}

/* By the Dates of all its answers. */
static void check_clock(const struct kube *kube, struct findings *out)
{
    const struct server_clock *clock = kube_server_clock(kube);
    struct text least = {0}, most = {0};
    if (clock->answers == 0) {
        findings_add(out, FINDING_WARN, PART, "clock", "its answers have no Date");
        return;
    }
    text_add_duration(&least, clock->least_ns);
    text_add_duration(&most, clock->most_ns);
    const bool apart = clock->least_ns > APART_NS || clock->most_ns < -APART_NS;
    findings_add(out, apart ? FINDING_WARN : FINDING_OK, PART, "clock",
                 "between %s and %s ahead of ours, by %u answers", text_str(&least),
                 text_str(&most), clock->answers);
    if (apart)
        findings_mend(out, "timedatectl set-ntp true, here or there: whichever is wrong");
    text_free(&least);
    text_free(&most);
}
