#include "lab/api_default.h"

#include <string.h>

#include "base/json.h"

static cJSON *member(cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

static void string_or(cJSON *object, const char *name, const char *value)
{
    if (member(object, name) == NULL)
        cJSON_AddStringToObject(object, name, value);
}

static void number_or(cJSON *object, const char *name, double value)
{
    if (member(object, name) == NULL)
        cJSON_AddNumberToObject(object, name, value);
}

static void bool_or(cJSON *object, const char *name, bool value)
{
    if (member(object, name) == NULL)
        cJSON_AddBoolToObject(object, name, value);
}

static cJSON *object_or(cJSON *object, const char *name)
{
    cJSON *present = member(object, name);
    return present != NULL ? present : cJSON_AddObjectToObject(object, name);
}

static void drop_nulls(cJSON *item)
{
    cJSON *next;
    for (cJSON *child = item != NULL ? item->child : NULL; child != NULL; child = next) {
        next = child->next;
        if (cJSON_IsNull(child) && cJSON_IsObject(item))
            cJSON_Delete(cJSON_DetachItemViaPointer(item, child));
        else
            drop_nulls(child);
    }
}

/* A tag that may mean another image tomorrow is pulled each time. */
static const char *pull_policy(const char *image)
{
    const char *slash = strrchr(image, '/');
    const char *tag = strrchr(slash != NULL ? slash : image, ':');
    return tag == NULL || strcmp(tag, ":latest") == 0 ? "Always" : "IfNotPresent";
}

static void default_probe(cJSON *probe)
{
    if (probe == NULL)
        return;
    cJSON *http = member(probe, "httpGet");
    if (http != NULL) {
        string_or(http, "path", "/");
        string_or(http, "scheme", "HTTP");
    }
    number_or(probe, "timeoutSeconds", 1);
    number_or(probe, "periodSeconds", 10);
    number_or(probe, "successThreshold", 1);
    number_or(probe, "failureThreshold", 3);
}

static void default_container(cJSON *container)
{
    cJSON *entry;
    cJSON_ArrayForEach(entry, member(container, "ports")) string_or(entry, "protocol", "TCP");
    cJSON_ArrayForEach(entry, member(container, "env"))
    {
        cJSON *field = member(member(entry, "valueFrom"), "fieldRef");
        if (field != NULL)
            string_or(field, "apiVersion", "v1");
    }
    object_or(container, "resources");
    default_probe(member(container, "readinessProbe"));
    default_probe(member(container, "livenessProbe"));
    default_probe(member(container, "startupProbe"));
    string_or(container, "terminationMessagePath", "/dev/termination-log");
    string_or(container, "terminationMessagePolicy", "File");
    string_or(container, "imagePullPolicy", pull_policy(json_string(container, "image", "")));
}

static void default_pod_spec(cJSON *spec)
{
    cJSON *container;
    cJSON_ArrayForEach(container, member(spec, "containers")) default_container(container);
    string_or(spec, "restartPolicy", "Always");
    number_or(spec, "terminationGracePeriodSeconds", 30);
    string_or(spec, "dnsPolicy", "ClusterFirst");
    object_or(spec, "securityContext");
    string_or(spec, "schedulerName", "default-scheduler");
}

static void default_pod(cJSON *spec)
{
    default_pod_spec(spec);
    string_or(spec, "serviceAccountName", "default");
    string_or(spec, "serviceAccount", json_string(spec, "serviceAccountName", "default"));
    number_or(spec, "priority", 0);
    bool_or(spec, "enableServiceLinks", true);
    string_or(spec, "preemptionPolicy", "PreemptLowerPriority");
}

static void default_template(cJSON *spec)
{
    number_or(spec, "replicas", 1);
    default_pod_spec(json_make(spec, "template.spec"));
}

static void default_statefulset(cJSON *spec)
{
    default_template(spec);
    string_or(spec, "podManagementPolicy", "OrderedReady");
    cJSON *strategy = object_or(spec, "updateStrategy");
    string_or(strategy, "type", "RollingUpdate");
    if (strcmp(json_string(strategy, "type", ""), "RollingUpdate") == 0)
        number_or(object_or(strategy, "rollingUpdate"), "partition", 0);
    number_or(spec, "revisionHistoryLimit", 10);
}

static void default_daemonset(cJSON *spec)
{
    default_pod_spec(json_make(spec, "template.spec"));
    cJSON *strategy = object_or(spec, "updateStrategy");
    string_or(strategy, "type", "RollingUpdate");
    if (strcmp(json_string(strategy, "type", ""), "RollingUpdate") == 0) {
        cJSON *rolling = object_or(strategy, "rollingUpdate");
        number_or(rolling, "maxUnavailable", 1);
        number_or(rolling, "maxSurge", 0);
    }
    number_or(spec, "revisionHistoryLimit", 10);
}

static void default_daemonset_status(cJSON *status)
{
    static const char *const names[] = {"currentNumberScheduled", "numberMisscheduled",
                                        "desiredNumberScheduled", "numberReady"};
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        number_or(status, names[i], 0);
}

static void default_deployment(cJSON *spec)
{
    default_template(spec);
    cJSON *strategy = object_or(spec, "strategy");
    string_or(strategy, "type", "RollingUpdate");
    if (strcmp(json_string(strategy, "type", ""), "RollingUpdate") == 0) {
        cJSON *rolling = object_or(strategy, "rollingUpdate");
        string_or(rolling, "maxUnavailable", "25%");
        string_or(rolling, "maxSurge", "25%");
    }
    number_or(spec, "revisionHistoryLimit", 10);
    number_or(spec, "progressDeadlineSeconds", 600);
}

static void default_service_port(cJSON *port, const char *type)
{
    string_or(port, "protocol", "TCP");
    if (member(port, "targetPort") == NULL && strcmp(type, "ExternalName") != 0)
        cJSON_AddNumberToObject(port, "targetPort", json_number(port, "port", 0));
}

static void default_families(cJSON *spec)
{
    string_or(spec, "ipFamilyPolicy", "SingleStack");
    if (member(spec, "ipFamilies") != NULL)
        return;
    cJSON *families = cJSON_AddArrayToObject(spec, "ipFamilies");
    cJSON_AddItemToArray(families, cJSON_CreateString("IPv4"));
    if (strcmp(json_string(spec, "ipFamilyPolicy", ""), "SingleStack") != 0)
        cJSON_AddItemToArray(families, cJSON_CreateString("IPv6"));
}

static void default_service(cJSON *spec)
{
    string_or(spec, "type", "ClusterIP");
    const char *type = json_string(spec, "type", "");
    bool balanced = strcmp(type, "LoadBalancer") == 0;
    bool external = balanced || strcmp(type, "NodePort") == 0;
    cJSON *port;
    cJSON_ArrayForEach(port, member(spec, "ports")) default_service_port(port, type);
    string_or(spec, "sessionAffinity", "None");
    if (strcmp(type, "ExternalName") == 0)
        return;
    string_or(spec, "internalTrafficPolicy", "Cluster");
    if (external)
        string_or(spec, "externalTrafficPolicy", "Cluster");
    if (balanced)
        bool_or(spec, "allocateLoadBalancerNodePorts", true);
    default_families(spec);
}

static void default_budget_status(cJSON *status)
{
    static const char *const names[] = {"currentHealthy", "desiredHealthy", "disruptionsAllowed",
                                        "expectedPods"};
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        number_or(status, names[i], 0);
}

void api_default(enum store_kind kind, cJSON *object)
{
    drop_nulls(member(object, "metadata"));
    drop_nulls(member(object, "spec"));
    switch (kind) {
    case STORE_POD:
        default_pod(object_or(object, "spec"));
        string_or(object_or(object, "status"), "phase", "Pending");
        string_or(member(object, "status"), "qosClass", "BestEffort");
        break;
    case STORE_DEPLOYMENT:
        default_deployment(object_or(object, "spec"));
        object_or(object, "status");
        break;
    case STORE_REPLICASET:
        default_template(object_or(object, "spec"));
        number_or(object_or(object, "status"), "replicas", 0);
        break;
    case STORE_STATEFULSET:
        default_statefulset(object_or(object, "spec"));
        number_or(object_or(object, "status"), "replicas", 0);
        break;
    case STORE_DAEMONSET:
        default_daemonset(object_or(object, "spec"));
        default_daemonset_status(object_or(object, "status"));
        break;
    case STORE_SERVICE:
        default_service(object_or(object, "spec"));
        object_or(object_or(object, "status"), "loadBalancer");
        break;
    case STORE_NAMESPACE:
        object_or(object, "spec");
        string_or(object_or(object, "status"), "phase", "Active");
        break;
    case STORE_BUDGET:
        object_or(object, "spec");
        default_budget_status(object_or(object, "status"));
        break;
    case STORE_INGRESS: object_or(object_or(object, "status"), "loadBalancer"); break;
    case STORE_NODE:
        object_or(object, "spec");
        object_or(object, "status");
        break;
    default: break;
    }
}
