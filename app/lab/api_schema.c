#include "lab/api_validate.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"

/* The types that a member may have; null is always allowed. */
enum type {
    TYPE_OBJECT,
    TYPE_ARRAY,
    TYPE_STRING,
    TYPE_INTEGER,
    TYPE_BOOL,
    TYPE_INT_OR_STRING,
    TYPE_STRING_MAP, /* An object whose members are all strings. */
};

/* A member of a known place. */
struct rule {
    const char *path; /* Steps joined by dots; "[]" after a step: each of its elements. */
    enum type type;   /* What is to be there. */
};

static const struct rule metadata_rules[] = {
    {"metadata", TYPE_OBJECT},
    {"metadata.name", TYPE_STRING},
    {"metadata.generateName", TYPE_STRING},
    {"metadata.namespace", TYPE_STRING},
    {"metadata.uid", TYPE_STRING},
    {"metadata.resourceVersion", TYPE_STRING},
    {"metadata.creationTimestamp", TYPE_STRING},
    {"metadata.deletionTimestamp", TYPE_STRING},
    {"metadata.deletionGracePeriodSeconds", TYPE_INTEGER},
    {"metadata.generation", TYPE_INTEGER},
    {"metadata.labels", TYPE_STRING_MAP},
    {"metadata.annotations", TYPE_STRING_MAP},
    {"metadata.finalizers", TYPE_ARRAY},
    {"metadata.ownerReferences", TYPE_ARRAY},
    {"metadata.ownerReferences[]", TYPE_OBJECT},
    {"metadata.ownerReferences[].uid", TYPE_STRING},
    {"kind", TYPE_STRING},
    {"apiVersion", TYPE_STRING},
    {NULL, TYPE_OBJECT},
};

static const struct rule status_rules[] = {
    {"spec", TYPE_OBJECT},
    {"status", TYPE_OBJECT},
    {"status.conditions", TYPE_ARRAY},
    {"status.conditions[]", TYPE_OBJECT},
    {"status.phase", TYPE_STRING},
    {NULL, TYPE_OBJECT},
};

/* Relative to a pod's spec. */
static const struct rule pod_spec_rules[] = {
    {"nodeName", TYPE_STRING},
    {"restartPolicy", TYPE_STRING},
    {"terminationGracePeriodSeconds", TYPE_INTEGER},
    {"dnsPolicy", TYPE_STRING},
    {"securityContext", TYPE_OBJECT},
    {"schedulerName", TYPE_STRING},
    {"serviceAccountName", TYPE_STRING},
    {"hostNetwork", TYPE_BOOL},
    {"nodeSelector", TYPE_STRING_MAP},
    {"affinity", TYPE_OBJECT},
    {"affinity.nodeAffinity", TYPE_OBJECT},
    {"tolerations", TYPE_ARRAY},
    {"tolerations[]", TYPE_OBJECT},
    {"topologySpreadConstraints", TYPE_ARRAY},
    {"topologySpreadConstraints[]", TYPE_OBJECT},
    {"topologySpreadConstraints[].maxSkew", TYPE_INTEGER},
    {"topologySpreadConstraints[].topologyKey", TYPE_STRING},
    {"topologySpreadConstraints[].whenUnsatisfiable", TYPE_STRING},
    {"topologySpreadConstraints[].labelSelector", TYPE_OBJECT},
    {"volumes", TYPE_ARRAY},
    {"volumes[]", TYPE_OBJECT},
    {"initContainers", TYPE_ARRAY},
    {"initContainers[]", TYPE_OBJECT},
    {"containers", TYPE_ARRAY},
    {"containers[]", TYPE_OBJECT},
    {"containers[].name", TYPE_STRING},
    {"containers[].image", TYPE_STRING},
    {"containers[].imagePullPolicy", TYPE_STRING},
    {"containers[].command", TYPE_ARRAY},
    {"containers[].command[]", TYPE_STRING},
    {"containers[].args", TYPE_ARRAY},
    {"containers[].args[]", TYPE_STRING},
    {"containers[].resources", TYPE_OBJECT},
    {"containers[].env", TYPE_ARRAY},
    {"containers[].env[]", TYPE_OBJECT},
    {"containers[].env[].name", TYPE_STRING},
    {"containers[].env[].value", TYPE_STRING},
    {"containers[].env[].valueFrom", TYPE_OBJECT},
    {"containers[].env[].valueFrom.fieldRef", TYPE_OBJECT},
    {"containers[].ports", TYPE_ARRAY},
    {"containers[].ports[]", TYPE_OBJECT},
    {"containers[].ports[].name", TYPE_STRING},
    {"containers[].ports[].containerPort", TYPE_INTEGER},
    {"containers[].ports[].protocol", TYPE_STRING},
    {"containers[].lifecycle", TYPE_OBJECT},
    {"containers[].lifecycle.preStop", TYPE_OBJECT},
    {"containers[].lifecycle.preStop.exec", TYPE_OBJECT},
    {"containers[].lifecycle.preStop.exec.command", TYPE_ARRAY},
    {"containers[].lifecycle.preStop.exec.command[]", TYPE_STRING},
    {"containers[].lifecycle.preStop.sleep", TYPE_OBJECT},
    {"containers[].lifecycle.preStop.sleep.seconds", TYPE_INTEGER},
    {"containers[].readinessProbe", TYPE_OBJECT},
    {"containers[].readinessProbe.httpGet", TYPE_OBJECT},
    {"containers[].readinessProbe.httpGet.path", TYPE_STRING},
    {"containers[].readinessProbe.httpGet.port", TYPE_INT_OR_STRING},
    {"containers[].readinessProbe.tcpSocket", TYPE_OBJECT},
    {"containers[].readinessProbe.tcpSocket.port", TYPE_INT_OR_STRING},
    {"containers[].readinessProbe.periodSeconds", TYPE_INTEGER},
    {"containers[].readinessProbe.initialDelaySeconds", TYPE_INTEGER},
    {"containers[].readinessProbe.timeoutSeconds", TYPE_INTEGER},
    {"containers[].readinessProbe.successThreshold", TYPE_INTEGER},
    {"containers[].readinessProbe.failureThreshold", TYPE_INTEGER},
    {"containers[].livenessProbe", TYPE_OBJECT},
    {"containers[].livenessProbe.httpGet", TYPE_OBJECT},
    {"containers[].startupProbe", TYPE_OBJECT},
    {"containers[].startupProbe.httpGet", TYPE_OBJECT},
    {NULL, TYPE_OBJECT},
};

static const struct rule replicas_rules[] = {
    {"spec.replicas", TYPE_INTEGER},
    {"spec.minReadySeconds", TYPE_INTEGER},
    {"spec.revisionHistoryLimit", TYPE_INTEGER},
    {"spec.progressDeadlineSeconds", TYPE_INTEGER},
    {"spec.paused", TYPE_BOOL},
    {"spec.selector", TYPE_OBJECT},
    {"spec.selector.matchLabels", TYPE_STRING_MAP},
    {"spec.selector.matchExpressions", TYPE_ARRAY},
    {"spec.strategy", TYPE_OBJECT},
    {"spec.strategy.type", TYPE_STRING},
    {"spec.strategy.rollingUpdate", TYPE_OBJECT},
    {"spec.strategy.rollingUpdate.maxSurge", TYPE_INT_OR_STRING},
    {"spec.strategy.rollingUpdate.maxUnavailable", TYPE_INT_OR_STRING},
    {"spec.updateStrategy", TYPE_OBJECT},
    {"spec.updateStrategy.type", TYPE_STRING},
    {"spec.updateStrategy.rollingUpdate", TYPE_OBJECT},
    {"spec.updateStrategy.rollingUpdate.partition", TYPE_INTEGER},
    {"spec.updateStrategy.rollingUpdate.maxUnavailable", TYPE_INT_OR_STRING},
    {"spec.podManagementPolicy", TYPE_STRING},
    {"spec.serviceName", TYPE_STRING},
    {"spec.template", TYPE_OBJECT},
    {"spec.template.metadata", TYPE_OBJECT},
    {"spec.template.metadata.labels", TYPE_STRING_MAP},
    {"spec.template.metadata.annotations", TYPE_STRING_MAP},
    {"spec.template.spec", TYPE_OBJECT},
    {NULL, TYPE_OBJECT},
};

static const struct rule service_rules[] = {
    {"spec.type", TYPE_STRING},
    {"spec.clusterIP", TYPE_STRING},
    {"spec.clusterIPs", TYPE_ARRAY},
    {"spec.clusterIPs[]", TYPE_STRING},
    {"spec.ipFamilies", TYPE_ARRAY},
    {"spec.ipFamilies[]", TYPE_STRING},
    {"spec.ipFamilyPolicy", TYPE_STRING},
    {"spec.selector", TYPE_STRING_MAP},
    {"spec.sessionAffinity", TYPE_STRING},
    {"spec.externalTrafficPolicy", TYPE_STRING},
    {"spec.internalTrafficPolicy", TYPE_STRING},
    {"spec.healthCheckNodePort", TYPE_INTEGER},
    {"spec.allocateLoadBalancerNodePorts", TYPE_BOOL},
    {"spec.ports", TYPE_ARRAY},
    {"spec.ports[]", TYPE_OBJECT},
    {"spec.ports[].name", TYPE_STRING},
    {"spec.ports[].protocol", TYPE_STRING},
    {"spec.ports[].port", TYPE_INTEGER},
    {"spec.ports[].targetPort", TYPE_INT_OR_STRING},
    {"spec.ports[].nodePort", TYPE_INTEGER},
    {"status.loadBalancer", TYPE_OBJECT},
    {"status.loadBalancer.ingress", TYPE_ARRAY},
    {NULL, TYPE_OBJECT},
};

static const struct rule node_rules[] = {
    {"spec.unschedulable", TYPE_BOOL},
    {"spec.podCIDR", TYPE_STRING},
    {"spec.taints", TYPE_ARRAY},
    {"spec.taints[]", TYPE_OBJECT},
    {"status.addresses", TYPE_ARRAY},
    {"status.addresses[]", TYPE_OBJECT},
    {NULL, TYPE_OBJECT},
};

static const struct rule budget_rules[] = {
    {"spec.minAvailable", TYPE_INT_OR_STRING},
    {"spec.maxUnavailable", TYPE_INT_OR_STRING},
    {"spec.unhealthyPodEvictionPolicy", TYPE_STRING},
    {"spec.selector", TYPE_OBJECT},
    {"spec.selector.matchLabels", TYPE_STRING_MAP},
    {"spec.selector.matchExpressions", TYPE_ARRAY},
    {"status.disruptionsAllowed", TYPE_INTEGER},
    {"status.disruptedPods", TYPE_STRING_MAP},
    {NULL, TYPE_OBJECT},
};

static const struct rule ingress_rules[] = {
    {"spec.ingressClassName", TYPE_STRING},
    {"spec.rules", TYPE_ARRAY},
    {"spec.rules[]", TYPE_OBJECT},
    {"spec.rules[].host", TYPE_STRING},
    {"spec.rules[].http", TYPE_OBJECT},
    {"spec.rules[].http.paths", TYPE_ARRAY},
    {"spec.rules[].http.paths[]", TYPE_OBJECT},
    {"spec.rules[].http.paths[].path", TYPE_STRING},
    {"spec.rules[].http.paths[].pathType", TYPE_STRING},
    {"spec.rules[].http.paths[].backend.service.name", TYPE_STRING},
    {"spec.rules[].http.paths[].backend.service.port.number", TYPE_INTEGER},
    {"spec.rules[].http.paths[].backend.service.port.name", TYPE_STRING},
    {"spec.defaultBackend.service.name", TYPE_STRING},
    {"spec.defaultBackend.service.port.number", TYPE_INTEGER},
    {"spec.tls", TYPE_ARRAY},
    {"spec.tls[]", TYPE_OBJECT},
    {"spec.tls[].hosts", TYPE_ARRAY},
    {"spec.tls[].hosts[]", TYPE_STRING},
    {"spec.tls[].secretName", TYPE_STRING},
    {NULL, TYPE_OBJECT},
};

static const struct rule revision_rules[] = {
    {"data", TYPE_OBJECT},
    {"revision", TYPE_INTEGER},
    {NULL, TYPE_OBJECT},
};

static const struct rule configmap_rules[] = {
    {"data", TYPE_STRING_MAP},
    {"binaryData", TYPE_STRING_MAP},
    {"immutable", TYPE_BOOL},
    {NULL, TYPE_OBJECT},
};

static const char *const type_names[] = {
    [TYPE_OBJECT] = "an object",
    [TYPE_ARRAY] = "an array",
    [TYPE_STRING] = "a string",
    [TYPE_INTEGER] = "an integer of 32 bits",
    [TYPE_BOOL] = "true or false",
    [TYPE_INT_OR_STRING] = "an integer of 32 bits or a string",
    [TYPE_STRING_MAP] = "an object of strings",
};

/* Of 32 bits, as most are in Kubernetes: so no number of seconds overflows as nanoseconds. */
static bool is_integer(const cJSON *item)
{
    return cJSON_IsNumber(item) && fabs(item->valuedouble) <= INT32_MAX &&
           trunc(item->valuedouble) == item->valuedouble;
}

static bool is_string_map(const cJSON *item)
{
    if (!cJSON_IsObject(item))
        return false;
    for (const cJSON *member = item->child; member != NULL; member = member->next) {
        if (!cJSON_IsString(member))
            return false;
    }
    return true;
}

static bool is_of_type(const cJSON *item, enum type type)
{
    switch (type) {
    case TYPE_OBJECT: return cJSON_IsObject(item);
    case TYPE_ARRAY: return cJSON_IsArray(item);
    case TYPE_STRING: return cJSON_IsString(item);
    case TYPE_INTEGER: return is_integer(item);
    case TYPE_BOOL: return cJSON_IsBool(item);
    case TYPE_INT_OR_STRING: return is_integer(item) || cJSON_IsString(item);
    case TYPE_STRING_MAP: return is_string_map(item);
    }
    return false;
}

/* Whether all that PATH leads to in ITEM is of TYPE. What is absent is right. */
static bool path_holds(const cJSON *item, const char *path, enum type type)
{
    char step[64];
    size_t size = strcspn(path, ".[");
    snprintf(step, sizeof(step), "%.*s", (int)size, path);
    item = json_member(item, step);
    path += size;
    if (item == NULL || cJSON_IsNull(item))
        return true;
    if (*path == '\0')
        return is_of_type(item, type);
    if (*path == '.')
        return path_holds(item, path + 1, type);
    path += 2; /* "[]" */
    for (const cJSON *element = item->child; element != NULL; element = element->next) {
        bool holds =
            *path == '\0' ? is_of_type(element, type) : path_holds(element, path + 1, type);
        if (!holds)
            return false;
    }
    return true;
}

static bool rules_hold(const struct rule *rules, const cJSON *object, const char *prefix, char *why,
                       size_t why_bytes)
{
    for (const struct rule *rule = rules; rule->path != NULL; rule++) {
        if (path_holds(object, rule->path, rule->type))
            continue;
        snprintf(why, why_bytes, "%s%s must be %s", prefix, rule->path, type_names[rule->type]);
        return false;
    }
    return true;
}

bool api_validate_types(enum store_kind kind, const cJSON *object, char *why, size_t why_bytes)
{
    if (!cJSON_IsObject(object)) {
        snprintf(why, why_bytes, "the body must be an object");
        return false;
    }
    if (!rules_hold(metadata_rules, object, "", why, why_bytes) ||
        !rules_hold(status_rules, object, "", why, why_bytes))
        return false;
    switch (kind) {
    case STORE_POD:
        return rules_hold(pod_spec_rules, json_at(object, "spec"), "spec.", why, why_bytes);
    case STORE_DEPLOYMENT:
    case STORE_REPLICASET:
    case STORE_STATEFULSET:
    case STORE_DAEMONSET:
        return rules_hold(replicas_rules, object, "", why, why_bytes) &&
               rules_hold(pod_spec_rules, json_at(object, "spec.template.spec"),
                          "spec.template.spec.", why, why_bytes);
    case STORE_SERVICE: return rules_hold(service_rules, object, "", why, why_bytes);
    case STORE_CONFIGMAP: return rules_hold(configmap_rules, object, "", why, why_bytes);
    case STORE_REVISION: return rules_hold(revision_rules, object, "", why, why_bytes);
    case STORE_BUDGET: return rules_hold(budget_rules, object, "", why, why_bytes);
    case STORE_INGRESS: return rules_hold(ingress_rules, object, "", why, why_bytes);
    case STORE_NODE: return rules_hold(node_rules, object, "", why, why_bytes);
    default: return true;
    }
}
