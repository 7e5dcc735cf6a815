/* Where a pod goes: one row a rule, over the same four nodes. */
#include "lab/scheduler.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lab/object.h"

#define NOW_NS INT64_C(1795254797000000000)

enum {
    NODES = 4,
    PODS_MAX = 8
};

/* Zones a, a, b and none; n4 is tainted. */
static const char *const node_texts[NODES] = {
    "{'metadata':{'name':'n1','labels':{'kubernetes.io/hostname':'n1','zone':'a','disk':'ssd'}},",
    "{'metadata':{'name':'n2','labels':{'kubernetes.io/hostname':'n2','zone':'a'}},",
    "{'metadata':{'name':'n3','labels':{'kubernetes.io/hostname':'n3','zone':'b'}},",
    "{'metadata':{'name':'n4','labels':{'kubernetes.io/hostname':'n4'}},'spec':{'taints':[{'key':"
    "'dedicated','value':'x','effect':'NoSchedule'},{'key':'soft','effect':'PreferNoSchedule'}]},",
};

#define TOLERATES "'tolerations':[{'key':'dedicated','operator':'Exists'}]"
#define SPREAD(how)                                                                                \
    "'topologySpreadConstraints':[{'maxSkew':1,'topologyKey':'zone','whenUnsatisfiable':'" how     \
    "','labelSelector':{'matchLabels':{'app':'web'}}}]"
#define AFFINITY(terms)                                                                            \
    "'affinity':{'nodeAffinity':{'requiredDuringSchedulingIgnoredDuringExecution':{"               \
    "'nodeSelectorTerms':[" terms "]}}}"

static cJSON *parse(const char *text)
{
    char *json = strdup(text);
    struct error err = {0};
    cJSON *object;

    for (char *c = json; *c != '\0'; c++)
        *c = *c == '\'' ? '"' : *c;
    object = json_parse(json, strlen(json), &err);
    if (object == NULL)
        fail_msg("%s: %s", json, err.text);
    free(json);
    return object;
}

/* CORDONED: the name of a node; "" for none. UNREADY likewise. */
static cJSON *node(unsigned index, const char *cordoned, const char *unready)
{
    char text[600], name[8];

    snprintf(name, sizeof(name), "n%u", index + 1);
    snprintf(text, sizeof(text), "%s'status':{'conditions':[{'type':'Ready','status':'%s'}]}}",
             node_texts[index], strcmp(unready, name) == 0 ? "False" : "True");
    cJSON *object = parse(text);
    if (strcmp(cordoned, name) == 0)
        object_put(json_make(object, "spec"), "unschedulable", cJSON_CreateTrue());
    return object;
}

/* Pods of one set on the nodes that PLACES names by a digit each; an "x" after it: being deleted. */
static size_t place_pods(const char *places, cJSON *out[PODS_MAX])
{
    size_t count = 0;

    for (; *places != '\0'; places++) {
        char text[400];
        bool deleting = places[1] == 'x';
        snprintf(text, sizeof(text),
                 "{'metadata':{'name':'p%zu','namespace':'d','labels':{'app':'web'},%s"
                 "'ownerReferences':[{'uid':'rs','controller':true}]},'spec':{'nodeName':'n%c'}}",
                 count, deleting ? "'deletionTimestamp':'2026-11-21T09:10:00Z'," : "", *places);
        out[count++] = parse(text);
        places += deleting;
    }
    return count;
}

static const struct {
    const char *what;
    const char *spec;     /* Of the pod. */
    const char *places;   /* Where others of its set are. */
    const char *cordoned; /* Node. */
    const char *unready;  /* Node. */
    const char *expected; /* The node, or what the message has after "available". */
} rows[] = {
    {"the first of equals", "", "", "", "", "n1"},
    {"the fewest of the same set", "", "12", "", "", "n3"},
    {"pods that are going do not count", "", "123x", "", "", "n3"},
    {"cordoned", "", "", "n1", "", "n2"},
    {"not ready", "", "", "", "n1", "n2"},
    {"cordon tolerated, as a DaemonSet's pods do",
     "'tolerations':[{'key':'node.kubernetes.io/unschedulable','operator':'Exists','effect':"
     "'NoSchedule'}]",
     "23", "n1", "", "n1"},
    {"node selector", "'nodeSelector':{'zone':'b'}", "3", "", "", "n3"},
    {"a selector nobody meets", "'nodeSelector':{'zone':'c'}", "", "n1", "",
     ": 1 node(s) had untolerated taint {dedicated: x}, 1 node(s) were unschedulable, 2 node(s) "
     "didn't match Pod's node affinity/selector."},
    {"taint", "", "123", "", "", "n1"},
    {"taint tolerated", TOLERATES, "123", "", "", "n4"},
    {"taint of another value",
     "'tolerations':[{'key':'dedicated','value':'y'}],'nodeSelector':{'kubernetes.io/hostname':"
     "'n4'}",
     "", "", "",
     ": 1 node(s) had untolerated taint {dedicated: x}, 3 node(s) didn't match Pod's node "
     "affinity/selector."},
    {"everything tolerated", "'tolerations':[{'operator':'Exists'}]", "123", "", "", "n4"},
    {"affinity by label", AFFINITY("{'matchExpressions':[{'key':'disk','operator':'Exists'}]}"),
     "111", "", "", "n1"},
    {"affinity by name",
     AFFINITY("{'matchFields':[{'key':'metadata.name','operator':'In','values':['n2']}]}"), "22",
     "", "", "n2"},
    {"one of the terms is enough",
     AFFINITY("{'matchExpressions':[{'key':'zone','operator':'In','values':['c']}]},"
              "{'matchExpressions':[{'key':'zone','operator':'In','values':['b']}]}"),
     "", "", "", "n3"},
    {"an empty term matches nothing", AFFINITY("{}"), "", "", "",
     ": 1 node(s) had untolerated taint {dedicated: x}, 3 node(s) didn't match Pod's node "
     "affinity/selector."},
    {"spread over zones, not nodes", SPREAD("DoNotSchedule"), "13", "", "", "n2"},
    {"skew is kept", SPREAD("DoNotSchedule"), "1", "", "", "n3"},
    {"skew cannot be kept", SPREAD("DoNotSchedule"), "1", "n3", "",
     ": 1 node(s) had untolerated taint {dedicated: x}, 1 node(s) were unschedulable, 2 node(s) "
     "didn't match pod topology spread constraints."},
    {"skew would rather be kept", SPREAD("ScheduleAnyway"), "1", "n3", "", "n2"},
    {"a wish goes before the number of pods", SPREAD("ScheduleAnyway"), "1", "", "", "n3"},
    {"a node without the key", TOLERATES "," SPREAD("DoNotSchedule"), "123", "", "", "n3"},
};

static void check(size_t i, const struct changes *changes)
{
    const cJSON *pod = NULL;
    const char *where;

    for (size_t c = 0; c < changes->count; c++)
        pod = changes->items[c].kind == STORE_POD ? changes->items[c].object : pod;
    assert_non_null(pod);
    where = json_string(pod, "spec.nodeName", "");
    if (where[0] == '\0') {
        const cJSON *condition = object_condition(pod, "PodScheduled");
        assert_string_equal(json_string(condition, "status", ""), "False");
        where = json_string(condition, "message", "") + strlen("0/4 nodes are available");
    }
    if (strcmp(where, rows[i].expected) != 0)
        fail_msg("%s: %s", rows[i].what, where);
}

static void test_places(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        cJSON *nodes[NODES], *pods[PODS_MAX], *pod;
        size_t count = place_pods(rows[i].places, pods);
        struct changes changes = {0};
        char text[1024];

        for (unsigned n = 0; n < NODES; n++)
            nodes[n] = node(n, rows[i].cordoned, rows[i].unready);
        snprintf(text, sizeof(text),
                 "{'metadata':{'name':'new','namespace':'d','labels':{'app':'web'},"
                 "'ownerReferences':[{'uid':'rs','controller':true}]},'spec':{%s}}",
                 rows[i].spec);
        pod = parse(text);
        scheduler_place(pod, (const cJSON *const *)nodes, NODES, (const cJSON *const *)pods, count,
                        NOW_NS, &changes);
        check(i, &changes);
        changes_free(&changes);
        cJSON_Delete(pod);
        for (unsigned n = 0; n < NODES; n++)
            cJSON_Delete(nodes[n]);
        for (size_t p = 0; p < count; p++)
            cJSON_Delete(pods[p]);
    }
}

/* A pod that stays pending is told of once, and again when there is another reason. */
static void test_pending_is_told_once(void **state)
{
    cJSON *pod = parse("{'metadata':{'name':'new','namespace':'d'},'spec':{}}"), *next;
    cJSON *cordoned = node(0, "n1", ""), *unready = node(0, "", "n1");
    const cJSON *nodes[] = {cordoned};
    struct changes changes = {0};

    (void)state;
    scheduler_place(pod, nodes, 1, NULL, 0, NOW_NS, &changes);
    assert_int_equal(changes.count, 2);
    assert_int_equal(changes.items[0].kind, STORE_EVENT);
    assert_string_equal(json_string(changes.items[0].object, "message", ""),
                        "0/1 nodes are available: 1 node(s) were unschedulable.");
    next = cJSON_Duplicate(changes.items[1].object, true);
    changes_free(&changes);
    scheduler_place(next, nodes, 1, NULL, 0, NOW_NS, &changes);
    assert_int_equal(changes.count, 1);
    assert_true(cJSON_Compare(next, changes.items[0].object, true));
    changes_free(&changes);
    nodes[0] = unready;
    scheduler_place(next, nodes, 1, NULL, 0, NOW_NS, &changes);
    assert_int_equal(changes.count, 2);
    changes_free(&changes);
    cJSON_Delete(pod);
    cJSON_Delete(next);
    cJSON_Delete(cordoned);
    cJSON_Delete(unready);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_pending_is_told_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
