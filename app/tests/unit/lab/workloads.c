/* What the controllers of StatefulSets and DaemonSets do next, a row a situation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lab/controller_daemonset.h"
#include "lab/controller_deployment.h"
#include "lab/controller_statefulset.h"
#include "lab/object.h"

#define NOW_NS INT64_C(1795254797000000000)
#define TEMPLATE "'template':{'metadata':{'labels':{'app':'w'}},'spec':{%s}}"

enum {
    PODS_MAX = 8
};

static cJSON *parse(const char *format, ...) __attribute__((format(printf, 1, 2)));

static cJSON *parse(const char *format, ...)
{
    char text[2048];
    struct error err = {0};
    cJSON *object;
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    for (char *c = text; *c != '\0'; c++)
        *c = *c == '\'' ? '"' : *c;
    object = json_parse(text, strlen(text), &err);
    if (object == NULL)
        fail_msg("%s: %s", text, err.text);
    return object;
}

/* The pods that TEXT lists: a place each, and R (ready), u (not ready), x (going), of the present
 * template, or O, o of an old one. The hash of a pod is LABEL or "old". */
static size_t make_pods(const char *text, bool by_node, const char *label, cJSON *out[PODS_MAX])
{
    size_t count = 0;

    for (; text[0] != '\0' && text[1] != '\0'; text += 2) {
        bool old = text[1] == 'O' || text[1] == 'o';
        bool ready = text[1] != 'o' && text[1] != 'u';
        char name[16], node[16];

        snprintf(name, sizeof(name), "w-%c", text[0]);
        snprintf(node, sizeof(node), "n%c", text[0]);
        out[count++] = parse(
            "{'metadata':{'name':'%s','namespace':'d','labels':{'controller-revision-hash':'%s'}%s}"
            ","
            "'spec':{'nodeName':'%s'},'status':{'conditions':[{'type':'Ready','status':'%s'}]}}",
            name, old ? "old" : label,
            text[1] == 'x' ? ",'deletionTimestamp':'2026-11-21T09:10:00Z'" : "",
            by_node ? node : "n1", ready ? "True" : "False");
    }
    return count;
}

/* "+w-1 -w-0 " for pods made and removed; of a DaemonSet the node stands for the pod. */
static void describe(const struct changes *changes, char out[200])
{
    size_t used = 0;

    out[0] = '\0';
    for (size_t i = 0; i < changes->count; i++) {
        const struct change *change = &changes->items[i];
        const char *name = change->name;
        const cJSON *terms =
            json_at(change->object, "spec.affinity.nodeAffinity."
                                    "requiredDuringSchedulingIgnoredDuringExecution"
                                    ".nodeSelectorTerms");
        if (change->kind != STORE_POD)
            continue;
        if (change->verb == CHANGE_CREATE)
            name = terms != NULL ? json_at(json_at(terms->child, "matchFields")->child, "values")
                                       ->child->valuestring
                                 : object_name(change->object);
        used += (size_t)snprintf(out + used, 200 - used, "%c%s ",
                                 change->verb == CHANGE_CREATE ? '+' : '-', name);
    }
}

static const cJSON *status_of(const struct changes *changes)
{
    return json_at(changes->items[changes->count - 1].object, "status");
}

static const struct {
    const char *what;
    const char *spec; /* Beside replicas. */
    int replicas;
    const char *pods; /* Ordinal and state each. */
    const char *expected;
} stateful_rows[] = {
    {"the first", "", 3, "", "+w-0 "},
    {"it is not ready", "", 3, "0u", ""},
    {"the next", "", 3, "0R", "+w-1 "},
    {"all are there", "", 3, "0R1R2R", ""},
    {"one in the middle is gone", "", 3, "0R2R", "+w-1 "},
    {"one is going", "", 3, "0R1x2R", ""},
    {"all at once", "'podManagementPolicy':'Parallel',", 3, "1u", "+w-0 +w-2 "},
    {"the highest is too many", "", 1, "0R1R2R", "-w-2 "},
    {"and is going", "", 1, "0R1R2x", ""},
    {"all that are too many", "'podManagementPolicy':'Parallel',", 1, "0R1R2R", "-w-2 -w-1 "},
    {"an update begins with the last", "", 3, "0O1O2O", "-w-2 "},
    {"waits for it", "", 3, "0O1O2u", ""},
    {"goes on", "", 3, "0O1O2R", "-w-1 "},
    {"one of the old ones is not ready", "", 3, "0o1O2O", ""},
    {"down to the partition", "'updateStrategy':{'rollingUpdate':{'partition':2}},", 3, "0O1O2R",
     ""},
    {"not by itself", "'updateStrategy':{'type':'OnDelete'},", 3, "0O1O2O", ""},
    {"down to none", "", 0, "0R", "-w-0 "},
};

static void test_stateful(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(stateful_rows) / sizeof(stateful_rows[0]); i++) {
        char hash[REVISION_HASH_BYTES], label[REVISION_NAME_BYTES], seen[200];
        cJSON *pods[PODS_MAX];
        cJSON *set = parse("{'metadata':{'name':'w','namespace':'d','uid':'s'},'spec':{%s"
                           "'replicas':%d," TEMPLATE "},'status':{'currentRevision':'old'}}",
                           stateful_rows[i].spec, stateful_rows[i].replicas, "");
        struct revision_view view = {.set = set, .kind = STORE_STATEFULSET};
        struct changes changes = {0};

        deployment_template_hash(json_at(set, "spec.template"), hash);
        revision_name(set, hash, label);
        view.pod_count = make_pods(stateful_rows[i].pods, false, label, pods);
        view.pods = (const cJSON *const *)pods;
        controller_statefulset(&view, NOW_NS, &changes);
        describe(&changes, seen);
        if (strcmp(seen, stateful_rows[i].expected) != 0)
            fail_msg("%s: \"%s\"", stateful_rows[i].what, seen);
        changes_free(&changes);
        for (size_t p = 0; p < view.pod_count; p++)
            cJSON_Delete(pods[p]);
        cJSON_Delete(set);
    }
}

/* Nodes n1 and n2, n3 cordoned, n4 with a taint of its own. */
static const struct {
    const char *what;
    const char *spec;     /* Of the set. */
    const char *pod_spec; /* Of its template. */
    const char *pods;     /* Node and state each. */
    const char *expected;
    int desired, ready, updated; /* Of the status. */
} daemon_rows[] = {
    {"one a node, cordoned or not", "", "", "", "+n1 +n2 +n3 ", 3, 0, 0},
    {"the missing one", "", "", "1R3R", "+n2 ", 3, 2, 2},
    {"the next when the last is gone", "", "", "1R2x3R", "", 3, 2, 2},
    {"tolerated", "", "'tolerations':[{'operator':'Exists'}]", "1R2R3R", "+n4 ", 4, 3, 3},
    {"selected", "", "'nodeSelector':{'disk':'ssd'}", "1R2R", "-w-2 ", 1, 1, 1},
    {"one at a time", "", "", "1O2O3O", "-w-1 ", 3, 3, 0},
    {"waits for the new one", "", "", "1u2O3O", "", 3, 2, 1},
    {"two at a time", "'updateStrategy':{'rollingUpdate':{'maxUnavailable':2}},", "", "1O2O3O",
     "-w-1 -w-2 ", 3, 3, 0},
    {"half, rounded up", "'updateStrategy':{'rollingUpdate':{'maxUnavailable':'50%'}},", "",
     "1O2O3O", "-w-1 -w-2 ", 3, 3, 0},
    {"what is not ready costs nothing", "", "", "1O2o3O", "-w-2 ", 3, 2, 0},
    {"not by itself", "'updateStrategy':{'type':'OnDelete'},", "", "1O2O3O", "", 3, 3, 0},
};

static void test_daemons(void **state)
{
    cJSON *nodes[] = {
        parse("{'metadata':{'name':'n1','labels':{'disk':'ssd'}}}"),
        parse("{'metadata':{'name':'n2'}}"),
        parse("{'metadata':{'name':'n3'},'spec':{'unschedulable':true,'taints':[{'key':"
              "'node.kubernetes.io/unschedulable','effect':'NoSchedule'}]}}"),
        parse("{'metadata':{'name':'n4'},'spec':{'taints':[{'key':'a','effect':'NoSchedule'}]}}"),
    };

    (void)state;
    for (size_t i = 0; i < sizeof(daemon_rows) / sizeof(daemon_rows[0]); i++) {
        char hash[REVISION_HASH_BYTES], seen[200];
        cJSON *pods[PODS_MAX];
        cJSON *set =
            parse("{'metadata':{'name':'w','namespace':'d','uid':'s'},'spec':{%s" TEMPLATE "}}",
                  daemon_rows[i].spec, daemon_rows[i].pod_spec);
        struct revision_view view = {.set = set, .kind = STORE_DAEMONSET};
        struct changes changes = {0};

        deployment_template_hash(json_at(set, "spec.template"), hash);
        view.pod_count = make_pods(daemon_rows[i].pods, true, hash, pods);
        view.pods = (const cJSON *const *)pods;
        controller_daemonset(&view, (const cJSON *const *)nodes, 4, NOW_NS, &changes);
        describe(&changes, seen);
        if (strcmp(seen, daemon_rows[i].expected) != 0)
            fail_msg("%s: \"%s\"", daemon_rows[i].what, seen);
        assert_int_equal(json_integer(status_of(&changes), "desiredNumberScheduled", -1),
                         daemon_rows[i].desired);
        assert_int_equal(json_integer(status_of(&changes), "numberReady", -1),
                         daemon_rows[i].ready);
        assert_int_equal(json_integer(status_of(&changes), "updatedNumberScheduled", -1),
                         daemon_rows[i].updated);
        changes_free(&changes);
        for (size_t p = 0; p < view.pod_count; p++)
            cJSON_Delete(pods[p]);
        cJSON_Delete(set);
    }
    for (int n = 0; n < 4; n++)
        cJSON_Delete(nodes[n]);
}

/* A template makes a revision; one that comes again gets the highest number; the oldest goes. */
static void test_revisions(void **state)
{
    cJSON *set =
        parse("{'metadata':{'name':'w','namespace':'d','uid':'s'},'spec':{"
              "'revisionHistoryLimit':1,'selector':{'matchLabels':{'app':'w'}}," TEMPLATE "}}",
              "");
    struct revision_view view = {.set = set, .kind = STORE_DAEMONSET};
    struct changes changes = {0};
    char hash[REVISION_HASH_BYTES];
    char *printed;

    (void)state;
    revision_sync(&view, hash, &changes);
    assert_int_equal(changes.count, 1);
    cJSON *first = cJSON_Duplicate(changes.items[0].object, true);
    assert_int_equal(json_integer(first, "revision", 0), 1);
    assert_string_equal(object_controller_uid(first), "s");
    printed = json_print(json_at(first, "data"), false);
    assert_string_equal(printed,
                        "{\"spec\":{\"template\":{\"metadata\":{\"labels\":{\"app\":\"w\"}},"
                        "\"spec\":{},\"$patch\":\"replace\"}}}");
    cJSON_free(printed);
    changes_free(&changes);
    cJSON *second = parse("{'metadata':{'name':'w-2','namespace':'d'},'revision':2}");
    cJSON *third = parse("{'metadata':{'name':'w-3','namespace':'d'},'revision':3}");
    const cJSON *revisions[] = {third, first, second};
    view.revisions = revisions;
    view.revision_count = 3;
    revision_sync(&view, hash, &changes);
    assert_int_equal(changes.count, 2);
    assert_int_equal(json_integer(changes.items[0].object, "revision", 0), 4);
    assert_int_equal(changes.items[1].verb, CHANGE_DELETE);
    assert_string_equal(changes.items[1].name, "w-2");
    assert_non_null(revision_template(&view, object_name(first)));
    assert_null(revision_template(&view, "nobody"));
    changes_free(&changes);
    cJSON_Delete(set);
    cJSON_Delete(first);
    cJSON_Delete(second);
    cJSON_Delete(third);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stateful),
        cmocka_unit_test(test_daemons),
        cmocka_unit_test(test_revisions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
