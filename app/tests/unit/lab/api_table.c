#include "lab/api_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"

#define NOW_NS INT64_C(1795254751000000000) /* 2026-11-21T09:52:31Z */
#define META "'metadata':{'name':'x','creationTimestamp':'2026-11-21T09:50:01Z'}"

static void test_ages(void **state)
{
    (void)state;
    static const struct {
        int64_t age_s;
        const char *text;
    } rows[] = {
        {-5, "0s"},        {0, "0s"},      {119, "119s"},      {120, "2m"},      {150, "2m30s"},
        {599, "9m59s"},    {600, "10m"},   {10799, "179m"},    {10800, "3h"},    {11700, "3h15m"},
        {28799, "7h59m"},  {28800, "8h"},  {172799, "47h"},    {172800, "2d"},   {180000, "2d2h"},
        {691199, "7d23h"}, {691200, "8d"}, {63071999, "729d"}, {63072000, "2y"}, {63158400, "2y1d"},
        {252288000, "8y"},
    };
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[32];
        api_table_format_age(rows[i].age_s, text);
        assert_string_equal(text, rows[i].text);
    }
}

static void test_cells(void **state)
{
    (void)state;
    static const struct {
        enum store_kind kind;
        const char *object;
        const char *cells;
    } rows[] = {
        {STORE_POD,
         "{" META ",'spec':{'nodeName':'n','containers':[{},{}]},'status':{'phase':'Running',"
         "'podIP':'10.0.0.1','containerStatuses':[{'ready':true,'restartCount':2,'state':"
         "{'running':{}},'lastState':{'terminated':{'finishedAt':'2026-11-21T09:51:31Z'}}},"
         "{'ready':false,'state':{'waiting':{'reason':'CrashLoopBackOff'}}}]}}",
         "['x','1/2','CrashLoopBackOff','2 (60s ago)','2m30s','10.0.0.1','n','<none>','<none>']"},
        {STORE_POD,
         "{'metadata':{'name':'x','deletionTimestamp':'y'},'status':{'phase':'Running'}}",
         "['x','0/0','Terminating','0','<unknown>','<none>','<none>','<none>','<none>']"},
        {STORE_POD,
         "{" META ",'status':{'phase':'Failed','containerStatuses':[{'state':{'terminated':"
         "{'exitCode':3}}}]}}",
         "['x','0/0','ExitCode:3','0','2m30s','<none>','<none>','<none>','<none>']"},
        {STORE_DEPLOYMENT,
         "{" META ",'spec':{'replicas':8,'selector':{'matchLabels':{'a':'b','c':'d'}},'template':"
         "{'spec':{'containers':[{'name':'p','image':'i'},{'name':'q','image':'j'}]}}},"
         "'status':{'readyReplicas':7,'updatedReplicas':3,'availableReplicas':6}}",
         "['x','7/8',3,6,'2m30s','p,q','i,j','a=b,c=d']"},
        {STORE_REPLICASET, "{" META ",'spec':{'replicas':2},'status':{'replicas':1}}",
         "['x',2,1,0,'2m30s','','','<none>']"},
        {STORE_SERVICE,
         "{" META ",'spec':{'type':'LoadBalancer','clusterIP':'10.96.0.1','ports':[{'port':80,"
         "'nodePort':30080,'protocol':'TCP'},{'port':53,'protocol':'UDP'}]},'status':"
         "{'loadBalancer':{'ingress':[{'ip':'192.0.2.1'},{'hostname':'lb'}]}}}",
         "['x','LoadBalancer','10.96.0.1','192.0.2.1,lb','80:30080/TCP,53/UDP','2m30s','<none>']"},
        {STORE_SERVICE, "{" META ",'spec':{'type':'LoadBalancer'}}",
         "['x','LoadBalancer','<none>','<pending>','<none>','2m30s','<none>']"},
        {STORE_NODE,
         "{'metadata':{'name':'x','labels':{'node-role.kubernetes.io/worker':''}},'spec':"
         "{'unschedulable':true},'status':{'conditions':[{'type':'Ready','status':'True'}]}}",
         "['x','Ready,SchedulingDisabled','worker','<unknown>','','<none>','<none>','<unknown>',"
         "'<unknown>','<unknown>']"},
        {STORE_ENDPOINTS,
         "{" META ",'subsets':[{'addresses':[{'ip':'10.0.0.1'},{'ip':'fd00::1'},{'ip':'10.0.0.3'},"
         "{'ip':'10.0.0.4'},{'ip':'10.0.0.5'}],'ports':[{'port':80}]}]}",
         "['x','10.0.0.1:80,[fd00::1]:80,10.0.0.3:80 + 2 more...','2m30s']"},
        {STORE_ENDPOINTS, "{" META "}", "['x','<none>','2m30s']"},
        {STORE_ENDPOINTSLICE,
         "{" META ",'addressType':'IPv4','ports':[{'port':80},{'port':81}],'endpoints':"
         "[{'addresses':['10.0.0.1']},{'addresses':['10.0.0.2']}]}",
         "['x','IPv4','80,81','10.0.0.1,10.0.0.2','2m30s']"},
        {STORE_EVENT,
         "{" META ",'lastTimestamp':'2026-11-21T09:52:21Z','type':'Normal','reason':'Killing',"
         "'involvedObject':{'kind':'Pod','name':'p'},'message':'m','count':4,'source':"
         "{'component':'kubelet','host':'n'},'eventTime':'2026-11-21T09:52:01Z'}",
         "['10s','Normal','Killing','pod/p','','kubelet, n','m','30s',4,'x']"},
        {STORE_NAMESPACE, "{" META ",'status':{'phase':'Active'}}", "['x','Active','2m30s']"},
        /* Nothing is where it should be. */
        {STORE_POD, "{'metadata':[],'spec':3,'status':'no'}",
         "['','0/0','','0','<unknown>','<none>','<none>','<none>','<none>']"},
        {STORE_SERVICE, "{'spec':{'ports':7}}",
         "['','','<none>','<none>','<none>','<unknown>','<none>']"},
    };
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char object_text[1024];
        char cells[512];
        strcpy(object_text, rows[i].object);
        strcpy(cells, rows[i].cells);
        for (char *c = object_text; *c != '\0'; c++)
            *c = *c == '\'' ? '"' : *c;
        for (char *c = cells; *c != '\0'; c++)
            *c = *c == '\'' ? '"' : *c;
        const struct api_resource *resource = &api_resources[rows[i].kind];
        cJSON *object = cJSON_Parse(object_text);
        assert_non_null(object);
        cJSON *table = api_table_new(resource, cJSON_CreateObject());
        api_table_add(table, resource, object, API_TABLE_METADATA, NOW_NS);
        const cJSON *row = json_at(table, "rows")->child;
        char *printed = cJSON_PrintUnformatted(json_at(row, "cells"));
        assert_string_equal(printed, cells);
        assert_int_equal(cJSON_GetArraySize(json_at(row, "cells")),
                         cJSON_GetArraySize(json_at(table, "columnDefinitions")));
        free(printed);
        cJSON_Delete(table);
        cJSON_Delete(object);
    }
}

/* The columns of pods are those that a recorded server gave. */
static void test_columns(void **state)
{
    (void)state;
    static const char *const names[] = {"Name", "Ready", "Status",         "Restarts",       "Age",
                                        "IP",   "Node",  "Nominated Node", "Readiness Gates"};
    cJSON *table = api_table_new(&api_resources[STORE_POD], cJSON_CreateObject());
    const cJSON *column = json_at(table, "columnDefinitions")->child;
    for (unsigned i = 0; i < 9; i++, column = column->next) {
        assert_string_equal(json_string(column, "name", ""), names[i]);
        assert_int_equal(json_integer(column, "priority", -1), i < 5 ? 0 : 1);
    }
    assert_null(column);
    cJSON_Delete(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ages),
        cmocka_unit_test(test_cells),
        cmocka_unit_test(test_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
