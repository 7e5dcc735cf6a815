#include "lab/api_patch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* What an object is before, the patch, and after; AFTER NULL: refused. */
struct row {
    enum store_kind kind;
    const char *before;
    const char *patch;
    const char *after;
};

/* RFC 7386, appendix A. */
static const struct row merge_rows[] = {
    {STORE_POD, "{'a':'b'}", "{'a':'c'}", "{'a':'c'}"},
    {STORE_POD, "{'a':'b'}", "{'b':'c'}", "{'a':'b','b':'c'}"},
    {STORE_POD, "{'a':'b'}", "{'a':null}", "{}"},
    {STORE_POD, "{'a':'b','b':'c'}", "{'a':null}", "{'b':'c'}"},
    {STORE_POD, "{'a':['b']}", "{'a':'c'}", "{'a':'c'}"},
    {STORE_POD, "{'a':'c'}", "{'a':['b']}", "{'a':['b']}"},
    {STORE_POD, "{'a':{'b':'c'}}", "{'a':{'b':'d','c':null}}", "{'a':{'b':'d'}}"},
    {STORE_POD, "{'a':[{'b':'c'}]}", "{'a':[1]}", "{'a':[1]}"},
    {STORE_POD, "['a','b']", "['c','d']", "['c','d']"},
    {STORE_POD, "{'a':'b'}", "['c']", "['c']"},
    {STORE_POD, "{'a':'foo'}", "null", "null"},
    {STORE_POD, "{'a':'foo'}", "'bar'", "'bar'"},
    {STORE_POD, "{'e':null}", "{'a':1}", "{'e':null,'a':1}"},
    {STORE_POD, "[1,2]", "{'a':'b','c':null}", "{'a':'b'}"},
    {STORE_POD, "{}", "{'a':{'bb':{'ccc':null}}}", "{'a':{'bb':{}}}"},
};

#define TEMPLATE(containers) "{'spec':{'template':{'spec':{'containers':" containers "}}}}"
#define POD(spec) "{'spec':{" spec "}}"

static const struct row strategic_rows[] = {
    /* kubectl set image */
    {STORE_DEPLOYMENT,
     TEMPLATE("[{'name':'a','image':'x:1','ports':[{'containerPort':1}]},"
              "{'name':'b','image':'y:1'}]"),
     "{'spec':{'template':{'spec':{'$setElementOrder/containers':[{'name':'a'},{'name':'b'}],"
     "'containers':[{'image':'x:2','name':'a'}]}}}}",
     TEMPLATE("[{'name':'a','image':'x:2','ports':[{'containerPort':1}]},"
              "{'name':'b','image':'y:1'}]")},
    /* kubectl rollout restart */
    {STORE_DEPLOYMENT, "{'spec':{'template':{'metadata':{'labels':{'a':'b'}}}}}",
     "{'spec':{'template':{'metadata':{'annotations':{'kubectl.kubernetes.io/restartedAt':'t'}}}}}",
     "{'spec':{'template':{'metadata':{'labels':{'a':'b'},"
     "'annotations':{'kubectl.kubernetes.io/restartedAt':'t'}}}}}"},
    /* kubectl apply: a strategy of another type, with $retainKeys */
    {STORE_DEPLOYMENT,
     "{'spec':{'replicas':8,'strategy':{'type':'RollingUpdate','rollingUpdate':{'maxSurge':1}}}}",
     "{'spec':{'strategy':{'$retainKeys':['type'],'rollingUpdate':null,'type':'Recreate'}}}",
     "{'spec':{'replicas':8,'strategy':{'type':'Recreate'}}}"},
    {STORE_DEPLOYMENT, "{'spec':{'strategy':{'type':'A','rollingUpdate':{}}}}",
     "{'spec':{'strategy':{'$retainKeys':['type'],'type':'B'}}}",
     "{'spec':{'strategy':{'type':'B'}}}"},
    /* kubectl cordon and uncordon */
    {STORE_NODE, "{'spec':{}}", "{'spec':{'unschedulable':true}}",
     "{'spec':{'unschedulable':true}}"},
    {STORE_NODE, "{'spec':{'unschedulable':true}}", "{'spec':{'unschedulable':null}}",
     "{'spec':{}}"},
    /* kubectl set env: an element deep below is merged by name, removed by $patch */
    {STORE_DEPLOYMENT,
     TEMPLATE("[{'name':'a','env':[{'name':'X','value':'1'},"
              "{'name':'Y','value':'2'}]}]"),
     TEMPLATE("[{'name':'a','env':[{'name':'Y','value':'3'},{'name':'X','$patch':'delete'}]}]"),
     TEMPLATE("[{'name':'a','env':[{'name':'Y','value':'3'}]}]")},
    /* of which none is left */
    {STORE_DEPLOYMENT, TEMPLATE("[{'name':'a','env':[{'name':'X','value':'1'}]}]"),
     TEMPLATE("[{'name':'a','env':[{'name':'X','$patch':'delete'}]}]"), TEMPLATE("[{'name':'a'}]")},
    /* Ports have another key in a Service than in a container; both are strict about it. */
    {STORE_SERVICE, POD("'ports':[{'port':80,'name':'a'}]"),
     POD("'ports':[{'port':80,'targetPort':8080},{'port':81}]"),
     POD("'ports':[{'port':80,'name':'a','targetPort':8080},{'port':81}]")},
    {STORE_POD, POD("'ports':[]"), POD("'ports':[{'port':80}]"), NULL},
    {STORE_ENDPOINTSLICE, "{'ports':[{'port':80,'name':'a'}]}", "{'ports':[{'port':81}]}",
     "{'ports':[{'port':81}]}"},
    /* Volumes, mounts, conditions, addresses */
    {STORE_POD, POD("'volumes':[{'name':'v','emptyDir':{}}]"),
     POD("'volumes':[{'name':'v','$retainKeys':['name','hostPath'],'hostPath':{'path':'/x'}}]"),
     POD("'volumes':[{'name':'v','hostPath':{'path':'/x'}}]")},
    {STORE_POD, POD("'volumeMounts':[{'mountPath':'/a','name':'v'}]"),
     POD("'volumeMounts':[{'mountPath':'/a','readOnly':true}]"),
     POD("'volumeMounts':[{'mountPath':'/a','name':'v','readOnly':true}]")},
    {STORE_POD, "{'status':{'conditions':[{'type':'Ready','status':'True','x':1}]}}",
     "{'status':{'conditions':[{'type':'Ready','status':'False'}]}}",
     "{'status':{'conditions':[{'type':'Ready','status':'False','x':1}]}}"},
    /* Lists that no rule names are replaced. */
    {STORE_POD, POD("'args':['a','b']"), POD("'args':['c']"), POD("'args':['c']")},
    {STORE_POD, POD("'tolerations':[{'key':'a'}]"), POD("'tolerations':[{'key':'b'}]"),
     POD("'tolerations':[{'key':'b'}]")},
    /* $patch of a list, of an object, and in a place where nothing was */
    {STORE_POD, POD("'containers':[{'name':'a'},{'name':'b'}]"),
     POD("'containers':[{'$patch':'replace'},{'name':'c'}]"), POD("'containers':[{'name':'c'}]")},
    {STORE_POD, POD("'containers':[{'name':'a','image':'x'}]"),
     POD("'containers':[{'name':'a','$patch':'replace','tty':true}]"),
     POD("'containers':[{'name':'a','tty':true}]")},
    {STORE_POD, POD("'securityContext':{'a':1}"), POD("'securityContext':{'$patch':'delete'}"),
     POD("")},
    {STORE_POD, POD("'a':{'b':1}"), POD("'a':{'$patch':'replace','c':2}"), POD("'a':{'c':2}")},
    {STORE_POD, "{}", POD("'a':{'$retainKeys':['b'],'b':1,'c':null}"), POD("'a':{'b':1}")},
    /* Order: what is listed comes in that order, what is not stays in front of what it was before. */
    {STORE_POD, POD("'containers':[{'name':'s'},{'name':'a'},{'name':'b'}]"),
     POD("'$setElementOrder/containers':[{'name':'b'},{'name':'a'},{'name':'n'}],"
         "'containers':[{'name':'n'}]"),
     POD("'containers':[{'name':'s'},{'name':'b'},{'name':'a'},{'name':'n'}]")},
    {STORE_POD, POD("'containers':[{'name':'a'},{'name':'b'}]"),
     POD("'$setElementOrder/containers':[{'name':'b'},{'name':'a'}]"),
     POD("'containers':[{'name':'b'},{'name':'a'}]")},
    /* Sets of plain values */
    {STORE_POD, "{'metadata':{'finalizers':['a','b']}}", "{'metadata':{'finalizers':['b','c']}}",
     "{'metadata':{'finalizers':['a','b','c']}}"},
    {STORE_POD, "{'metadata':{'finalizers':['a','b']}}",
     "{'metadata':{'$deleteFromPrimitiveList/finalizers':['a']}}",
     "{'metadata':{'finalizers':['b']}}"},
    /* Refused */
    {STORE_POD, POD("'containers':[]"), POD("'containers':[{'image':'x'}]"), NULL},
    {STORE_POD, POD("'containers':[]"), POD("'containers':['x']"), NULL},
    {STORE_POD, "{}", POD("'a':{'$patch':'explode'}"), NULL},
    {STORE_POD, "{}", POD("'$nonsense':1"), NULL},
    {STORE_POD, "{}", "[]", NULL},
};

/* The rows are written with ' for ". */
static cJSON *parse(const char *text)
{
    char *copy = strdup(text);
    for (char *c = copy; *c != '\0'; c++)
        *c = *c == '\'' ? '"' : *c;
    cJSON *item = cJSON_Parse(copy);
    if (item == NULL)
        fail_msg("the test's own text is no JSON: %s", text);
    free(copy);
    return item;
}

static void check_row(const struct row *row, cJSON *after)
{
    if (row->after == NULL) {
        assert_null(after);
        return;
    }
    cJSON *expected = parse(row->after);
    char *text = cJSON_PrintUnformatted(after);
    char *wanted = cJSON_PrintUnformatted(expected);
    if (after == NULL || !cJSON_Compare(after, expected, true))
        fail_msg("%s with %s gives %s, not %s", row->before, row->patch, text, wanted);
    free(text);
    free(wanted);
    cJSON_Delete(expected);
    cJSON_Delete(after);
}

static void test_merge(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof(merge_rows) / sizeof(merge_rows[0]); i++) {
        cJSON *before = parse(merge_rows[i].before);
        cJSON *patch = parse(merge_rows[i].patch);
        check_row(&merge_rows[i], api_patch_merge(before, patch));
        cJSON_Delete(before);
        cJSON_Delete(patch);
    }
}

static void test_strategic(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof(strategic_rows) / sizeof(strategic_rows[0]); i++) {
        char why[256] = "";
        const struct row *row = &strategic_rows[i];
        cJSON *before = parse(row->before);
        cJSON *copy = cJSON_Duplicate(before, true);
        cJSON *patch = parse(row->patch);
        check_row(row, api_patch_strategic(row->kind, before, patch, why, sizeof(why)));
        assert_true(cJSON_Compare(before, copy, true));
        assert_true((why[0] != '\0') == (row->after == NULL));
        cJSON_Delete(before);
        cJSON_Delete(copy);
        cJSON_Delete(patch);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_merge),
        cmocka_unit_test(test_strategic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
