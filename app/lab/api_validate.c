#include "lab/api_validate.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "lab/api_status.h"
#include "lab/ingress_plan.h"

enum {
    FIELD_BYTES = 160,
    NAME_LIMIT = 253,
    LABEL_LIMIT = 63,
    REPLICAS_LIMIT = 1024, /* What the daemon can start (lab.h). */
    SPREAD_LIMIT = 8,      /* The scheduler's work grows with it; a real server has no limit. */
};

static const char invalid[] = "FieldValueInvalid";
static const char required[] = "FieldValueRequired";
static const char unsupported[] = "FieldValueNotSupported";
static const char duplicate[] = "FieldValueDuplicate";
static const char forbidden[] = "FieldValueForbidden";

static void check_metadata(enum store_kind kind, const cJSON *object, cJSON *causes);
static void check_uid(const cJSON *object, const cJSON *old, cJSON *causes);
static void check_deployment(const cJSON *object, const cJSON *old, cJSON *causes);
static void check_replicas(const cJSON *object, const cJSON *old, cJSON *causes);
static void check_pod_spec(const cJSON *spec, const char *at, cJSON *causes);
static void check_service(const cJSON *object, const cJSON *old, cJSON *causes);
static void check_budget(const cJSON *spec, cJSON *causes);
static void check_ingress(const cJSON *object, cJSON *causes);
static void check_update_strategy(const cJSON *strategy, cJSON *causes);
static void check_configmap(const cJSON *object, const cJSON *old, cJSON *causes);

cJSON *api_validate(enum store_kind kind, const cJSON *object, const cJSON *old)
{
    cJSON *causes = cJSON_CreateArray();
    if (old == NULL)
        check_metadata(kind, object, causes);
    else
        check_uid(object, old, causes);
    switch (kind) {
    case STORE_DEPLOYMENT:
        check_replicas(object, old, causes);
        check_deployment(object, old, causes);
        break;
    case STORE_REPLICASET: check_replicas(object, old, causes); break;
    case STORE_STATEFULSET:
    case STORE_DAEMONSET:
        check_replicas(object, old, causes);
        check_update_strategy(json_at(object, "spec.updateStrategy"), causes);
        break;
    case STORE_POD: check_pod_spec(json_at(object, "spec"), "spec", causes); break;
    case STORE_SERVICE: check_service(object, old, causes); break;
    case STORE_CONFIGMAP: check_configmap(object, old, causes); break;
    case STORE_BUDGET: check_budget(json_at(object, "spec"), causes); break;
    case STORE_INGRESS: check_ingress(object, causes); break;
    default: break;
    }
    return causes;
}

bool api_validate_name(const char *name, bool dots, size_t limit)
{
    size_t size = strlen(name);
    if (size == 0 || size > limit)
        return false;
    for (size_t i = 0; i < size; i++) {
        bool edge = i == 0 || i + 1 == size || name[i - 1] == '.' || name[i + 1] == '.';
        bool alnum = islower((unsigned char)name[i]) || isdigit((unsigned char)name[i]);
        if (!alnum && (edge || (name[i] != '-' && !(dots && name[i] == '.'))))
            return false;
    }
    return true;
}

/* Add a cause for the number at PATH of OBJECT when it is below LEAST. */
static void check_least(const cJSON *object, const char *path, const char *field, int64_t least,
                        cJSON *causes)
{
    int64_t value = json_integer(object, path, least);
    if (value < least)
        api_status_cause(causes, field, invalid,
                         "Invalid value: %lld: must be greater than or equal to %lld",
                         (long long)value, (long long)least);
}

static void check_metadata(enum store_kind kind, const cJSON *object, cJSON *causes)
{
    const char *name = json_string(object, "metadata.name", "");
    const char *field = "metadata.name";
    bool dots = kind != STORE_NAMESPACE && kind != STORE_SERVICE;
    if (name[0] == '\0') {
        const char *prefix = json_string(object, "metadata.generateName", "");
        size_t size = strlen(prefix);
        if (size == 0) {
            api_status_cause(causes, field, required,
                             "Required value: name or generateName is required");
            return;
        }
        char whole[NAME_LIMIT + 8];
        snprintf(whole, sizeof(whole), "%.250sx", prefix);
        field = "metadata.generateName";
        if (size <= NAME_LIMIT - 5 && api_validate_name(whole, dots, NAME_LIMIT))
            return;
        name = prefix;
    } else if (api_validate_name(name, dots, dots ? NAME_LIMIT : LABEL_LIMIT) &&
               (kind != STORE_SERVICE || isalpha((unsigned char)name[0]))) {
        return;
    }
    api_status_cause(causes, field, invalid,
                     "Invalid value: \"%.300s\": must consist of lower case letters, digits%s '-', "
                     "start with a letter%s and end with a letter or digit, and have no more than "
                     "%d characters",
                     name, dots ? ", '.' and" : " and", kind == STORE_SERVICE ? "" : " or digit",
                     dots ? NAME_LIMIT : LABEL_LIMIT);
}

/* "25%" or a number: 0 or more of whatever it is, or -1 for neither. */
static int64_t int_or_percent(const cJSON *value)
{
    if (cJSON_IsNumber(value))
        return (int64_t)value->valuedouble < 0 ? -1 : (int64_t)value->valuedouble;
    if (!cJSON_IsString(value))
        return -1;
    size_t digits = strspn(value->valuestring, "0123456789");
    if (digits == 0 || digits > 6 || strcmp(value->valuestring + digits, "%") != 0)
        return -1;
    return strtoll(value->valuestring, NULL, 10);
}

/* PARENT is at AT. */
static int64_t check_bound(const cJSON *parent, const char *at, const char *name, cJSON *causes)
{
    char field[FIELD_BYTES];
    const cJSON *value = json_member(parent, name);
    int64_t bound = value != NULL ? int_or_percent(value) : 0;
    if (bound >= 0)
        return bound;
    snprintf(field, sizeof(field), "%s.%s", at, name);
    char *text = json_print(value, false);
    api_status_cause(causes, field, invalid,
                     "Invalid value: %s: must be an integer that is not negative, or a percentage "
                     "(e.g '5%%')",
                     text != NULL ? text : "?");
    free(text);
    return bound;
}

static void check_uid(const cJSON *object, const cJSON *old, cJSON *causes)
{
    const char *uid = json_string(object, "metadata.uid", "");
    if (uid[0] != '\0' && strcmp(uid, json_string(old, "metadata.uid", "")) != 0)
        api_status_cause(causes, "metadata.uid", invalid,
                         "Invalid value: \"%s\": field is immutable", uid);
}

static void check_strategy(const cJSON *spec, cJSON *causes)
{
    const char *type = json_string(spec, "strategy.type", "");
    const cJSON *rolling = json_at(spec, "strategy.rollingUpdate");
    if (strcmp(type, "Recreate") == 0) {
        if (rolling != NULL)
            api_status_cause(causes, "spec.strategy.rollingUpdate", forbidden,
                             "Forbidden: may not be specified when strategy `type` is 'Recreate'");
        return;
    }
    if (strcmp(type, "RollingUpdate") != 0) {
        api_status_cause(causes, "spec.strategy.type", unsupported,
                         "Unsupported value: \"%.100s\": supported values: \"Recreate\", "
                         "\"RollingUpdate\"",
                         type);
        return;
    }
    static const char at[] = "spec.strategy.rollingUpdate";
    int64_t unavailable = check_bound(rolling, at, "maxUnavailable", causes);
    int64_t surge = check_bound(rolling, at, "maxSurge", causes);
    if (unavailable == 0 && surge == 0)
        api_status_cause(causes, "spec.strategy.rollingUpdate.maxUnavailable", invalid,
                         "Invalid value: 0: may not be 0 when `maxSurge` is 0");
    const cJSON *share = json_member(rolling, "maxUnavailable");
    if (cJSON_IsString(share) && unavailable > 100)
        api_status_cause(causes, "spec.strategy.rollingUpdate.maxUnavailable", invalid,
                         "Invalid value: \"%s\": must not be greater than 100%%",
                         share->valuestring);
}

static void check_deployment(const cJSON *object, const cJSON *old, cJSON *causes)
{
    (void)old;
    const cJSON *spec = json_at(object, "spec");
    check_strategy(spec, causes);
    check_least(spec, "revisionHistoryLimit", "spec.revisionHistoryLimit", 0, causes);
    int64_t deadline = json_integer(spec, "progressDeadlineSeconds", 600);
    if (deadline <= json_integer(spec, "minReadySeconds", 0))
        api_status_cause(causes, "spec.progressDeadlineSeconds", invalid,
                         "Invalid value: %lld: must be greater than minReadySeconds",
                         (long long)deadline);
}

/* Every label of SELECTOR is in LABELS. */
static bool labels_match(const cJSON *selector, const cJSON *labels)
{
    for (const cJSON *want = selector->child; want != NULL; want = want->next) {
        const cJSON *have = json_member(labels, want->string);
        if (have == NULL || !cJSON_Compare(have, want, true))
            return false;
    }
    return true;
}

static void check_selector(const cJSON *spec, const cJSON *old, cJSON *causes)
{
    const cJSON *selector = json_member(spec, "selector");
    const cJSON *match = json_member(selector, "matchLabels");
    if (selector == NULL) {
        api_status_cause(causes, "spec.selector", required, "Required value");
        return;
    }
    if (match == NULL || match->child == NULL)
        api_status_cause(
            causes, "spec.selector", invalid,
            "Invalid value: {}: empty selector is invalid for deployment (the lab wants "
            "matchLabels)");
    const cJSON *labels = json_at(spec, "template.metadata.labels");
    char *text = json_print(labels, false);
    if (match != NULL && match->child != NULL && !labels_match(match, labels))
        api_status_cause(causes, "spec.template.metadata.labels", invalid,
                         "Invalid value: %s: `selector` does not match template `labels`",
                         labels != NULL && text != NULL ? text : "null");
    free(text);
    const cJSON *before = json_at(old, "spec.selector");
    if (before != NULL && !cJSON_Compare(before, selector, true)) {
        text = json_print(selector, false);
        api_status_cause(causes, "spec.selector", invalid, "Invalid value: %s: field is immutable",
                         text != NULL ? text : "?");
        free(text);
    }
}

static void check_replicas(const cJSON *object, const cJSON *old, cJSON *causes)
{
    const cJSON *spec = json_at(object, "spec");
    int64_t replicas = json_integer(spec, "replicas", 0);
    check_least(spec, "replicas", "spec.replicas", 0, causes);
    if (replicas > REPLICAS_LIMIT)
        api_status_cause(causes, "spec.replicas", invalid,
                         "Invalid value: %lld: the lab has room for %d pods", (long long)replicas,
                         REPLICAS_LIMIT);
    check_least(spec, "minReadySeconds", "spec.minReadySeconds", 0, causes);
    check_selector(spec, old, causes);
    check_pod_spec(json_at(spec, "template.spec"), "spec.template.spec", causes);
    const char *policy = json_string(spec, "template.spec.restartPolicy", "Always");
    if (strcmp(policy, "Always") != 0)
        api_status_cause(causes, "spec.template.spec.restartPolicy", unsupported,
                         "Unsupported value: \"%.100s\": supported values: \"Always\"", policy);
}

static void check_port_number(int64_t port, const char *field, cJSON *causes)
{
    if (port < 1 || port > 65535)
        api_status_cause(causes, field, invalid,
                         "Invalid value: %lld: must be between 1 and 65535, inclusive",
                         (long long)port);
}

static void check_protocol(const cJSON *port, const char *at, cJSON *causes)
{
    char field[FIELD_BYTES];
    const char *protocol = json_string(port, "protocol", "TCP");
    if (strcmp(protocol, "TCP") == 0 || strcmp(protocol, "UDP") == 0 ||
        strcmp(protocol, "SCTP") == 0)
        return;
    snprintf(field, sizeof(field), "%.100s.protocol", at);
    api_status_cause(causes, field, unsupported,
                     "Unsupported value: \"%.100s\": supported values: \"SCTP\", \"TCP\", \"UDP\"",
                     protocol);
}

static void check_container_ports(const cJSON *container, const char *at, cJSON *causes)
{
    char field[FIELD_BYTES];
    unsigned index = 0;
    const cJSON *port;
    cJSON_ArrayForEach(port, json_member(container, "ports"))
    {
        snprintf(field, sizeof(field), "%.100s.ports[%u].containerPort", at, index);
        if (json_member(port, "containerPort") == NULL)
            api_status_cause(causes, field, required, "Required value");
        else
            check_port_number(json_integer(port, "containerPort", 0), field, causes);
        snprintf(field, sizeof(field), "%.100s.ports[%u]", at, index++);
        check_protocol(port, field, causes);
    }
}

/* The first element before ITEM in LIST whose member NAME is the same. */
static bool is_repeated(const cJSON *list, const cJSON *item, const char *name)
{
    const char *value = json_string(item, name, "");
    for (const cJSON *other = list->child; other != item; other = other->next) {
        if (strcmp(json_string(other, name, ""), value) == 0)
            return true;
    }
    return false;
}

static void check_container(const cJSON *list, const cJSON *container, const char *at,
                            cJSON *causes)
{
    char field[FIELD_BYTES];
    const char *name = json_string(container, "name", "");
    snprintf(field, sizeof(field), "%.100s.name", at);
    if (name[0] == '\0')
        api_status_cause(causes, field, required, "Required value");
    else if (!api_validate_name(name, false, LABEL_LIMIT))
        api_status_cause(
            causes, field, invalid,
            "Invalid value: \"%.300s\": must consist of lower case letters, digits and "
            "'-', and start and end with a letter or digit",
            name);
    else if (is_repeated(list, container, "name"))
        api_status_cause(causes, field, duplicate, "Duplicate value: \"%s\"", name);
    snprintf(field, sizeof(field), "%.100s.image", at);
    if (json_string(container, "image", "")[0] == '\0')
        api_status_cause(causes, field, required, "Required value");
    check_container_ports(container, at, causes);
}

static void check_spread(const cJSON *spec, const char *at, cJSON *causes)
{
    char field[FIELD_BYTES];
    unsigned index = 0;
    const cJSON *constraint;
    const cJSON *list = json_member(spec, "topologySpreadConstraints");
    snprintf(field, sizeof(field), "%.60s.topologySpreadConstraints", at);
    if (cJSON_GetArraySize(list) > SPREAD_LIMIT) {
        api_status_cause(causes, field, "FieldValueTooMany",
                         "Too many: %d: the lab takes at most %d items", cJSON_GetArraySize(list),
                         SPREAD_LIMIT);
        return;
    }
    cJSON_ArrayForEach(constraint, list)
    {
        int64_t skew = json_integer(constraint, "maxSkew", 0);
        const char *how = json_string(constraint, "whenUnsatisfiable", "");
        snprintf(field, sizeof(field), "%.60s.topologySpreadConstraints[%u].maxSkew", at, index);
        if (skew < 1)
            api_status_cause(causes, field, invalid,
                             "Invalid value: %lld: must be greater than zero", (long long)skew);
        snprintf(field, sizeof(field), "%.60s.topologySpreadConstraints[%u].topologyKey", at,
                 index);
        if (json_string(constraint, "topologyKey", "")[0] == '\0')
            api_status_cause(causes, field, required, "Required value: can not be empty");
        snprintf(field, sizeof(field), "%.60s.topologySpreadConstraints[%u].whenUnsatisfiable", at,
                 index++);
        if (strcmp(how, "DoNotSchedule") != 0 && strcmp(how, "ScheduleAnyway") != 0)
            api_status_cause(causes, field, unsupported,
                             "Unsupported value: \"%.100s\": supported values: "
                             "\"DoNotSchedule\", \"ScheduleAnyway\"",
                             how);
    }
}

static void check_pod_spec(const cJSON *spec, const char *at, cJSON *causes)
{
    char field[FIELD_BYTES];
    const cJSON *containers = json_member(spec, "containers");
    snprintf(field, sizeof(field), "%.100s.containers", at);
    if (containers == NULL || containers->child == NULL)
        api_status_cause(causes, field, required, "Required value");
    unsigned index = 0;
    const cJSON *container;
    cJSON_ArrayForEach(container, containers)
    {
        snprintf(field, sizeof(field), "%.100s.containers[%u]", at, index++);
        check_container(containers, container, field, causes);
    }
    snprintf(field, sizeof(field), "%.100s.terminationGracePeriodSeconds", at);
    check_least(spec, "terminationGracePeriodSeconds", field, 0, causes);
    check_spread(spec, at, causes);
}

static void check_service_port(const cJSON *ports, const cJSON *port, const char *at, cJSON *causes)
{
    char field[FIELD_BYTES];
    const char *name = json_string(port, "name", "");
    snprintf(field, sizeof(field), "%.100s.port", at);
    if (json_member(port, "port") == NULL)
        api_status_cause(causes, field, required, "Required value");
    else
        check_port_number(json_integer(port, "port", 0), field, causes);
    const cJSON *target = json_member(port, "targetPort");
    snprintf(field, sizeof(field), "%.100s.targetPort", at);
    if (cJSON_IsNumber(target))
        check_port_number((int64_t)target->valuedouble, field, causes);
    check_protocol(port, at, causes);
    snprintf(field, sizeof(field), "%.100s.name", at);
    if (name[0] == '\0' && ports->child->next != NULL)
        api_status_cause(causes, field, required, "Required value");
    else if (name[0] != '\0' && !api_validate_name(name, false, LABEL_LIMIT))
        api_status_cause(
            causes, field, invalid,
            "Invalid value: \"%.300s\": must consist of lower case letters, digits and "
            "'-', and start and end with a letter or digit",
            name);
    else if (name[0] != '\0' && is_repeated(ports, port, "name"))
        api_status_cause(causes, field, duplicate, "Duplicate value: \"%s\"", name);
}

static void check_service_type(const cJSON *spec, cJSON *causes)
{
    static const char *const types[] = {"ClusterIP", "ExternalName", "LoadBalancer", "NodePort"};
    const char *type = json_string(spec, "type", "");
    for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcmp(type, types[i]) == 0)
            return;
    }
    api_status_cause(causes, "spec.type", unsupported,
                     "Unsupported value: \"%.100s\": supported values: \"ClusterIP\", "
                     "\"ExternalName\", \"LoadBalancer\", \"NodePort\"",
                     type);
}

static void check_service(const cJSON *object, const cJSON *old, cJSON *causes)
{
    char field[FIELD_BYTES];
    const cJSON *spec = json_at(object, "spec");
    const cJSON *ports = json_member(spec, "ports");
    const char *type = json_string(spec, "type", "");
    const char *address = json_string(spec, "clusterIP", "");
    check_service_type(spec, causes);
    bool may_lack_ports = strcmp(type, "ExternalName") == 0 || strcmp(address, "None") == 0;
    if ((ports == NULL || ports->child == NULL) && !may_lack_ports)
        api_status_cause(causes, "spec.ports", required, "Required value");
    unsigned index = 0;
    const cJSON *port;
    cJSON_ArrayForEach(port, ports)
    {
        snprintf(field, sizeof(field), "spec.ports[%u]", index++);
        check_service_port(ports, port, field, causes);
    }
    const char *before = json_string(old, "spec.clusterIP", "");
    if (before[0] != '\0' && strcmp(before, address) != 0 && strcmp(type, "ExternalName") != 0)
        api_status_cause(causes, "spec.clusterIPs[0]", invalid,
                         "Invalid value: [\"%.100s\"]: may not change once set", address);
}

static void check_budget(const cJSON *spec, cJSON *causes)
{
    static const char *const names[] = {"minAvailable", "maxUnavailable"};
    const char *policy = json_string(spec, "unhealthyPodEvictionPolicy", "IfHealthyBudget");
    for (unsigned i = 0; i < 2; i++) {
        char field[FIELD_BYTES];
        const cJSON *value = json_member(spec, names[i]);
        int64_t bound = check_bound(spec, "spec", names[i], causes);
        snprintf(field, sizeof(field), "spec.%s", names[i]);
        if (cJSON_IsString(value) && bound > 100)
            api_status_cause(causes, field, invalid,
                             "Invalid value: \"%s\": must not be greater than 100%%",
                             value->valuestring);
    }
    if (json_member(spec, names[0]) != NULL && json_member(spec, names[1]) != NULL)
        api_status_cause(causes, "spec", invalid,
                         "Invalid value: minAvailable and maxUnavailable cannot be both set");
    if (strcmp(policy, "IfHealthyBudget") != 0 && strcmp(policy, "AlwaysAllow") != 0)
        api_status_cause(causes, "spec.unhealthyPodEvictionPolicy", unsupported,
                         "Unsupported value: \"%.100s\": supported values: \"AlwaysAllow\", "
                         "\"IfHealthyBudget\"",
                         policy);
}

static void check_backend(const cJSON *backend, const char *at, cJSON *causes)
{
    char field[FIELD_BYTES];
    int64_t number = json_integer(backend, "service.port.number", 0);
    bool named = json_string(backend, "service.port.name", "")[0] != '\0';
    if (json_string(backend, "service.name", "")[0] == '\0') {
        snprintf(field, sizeof(field), "%s.service.name", at);
        api_status_cause(causes, field, required, "Required value");
    } else if (named == (number != 0) || number < 0 || number > 65535) {
        snprintf(field, sizeof(field), "%s.service.port", at);
        api_status_cause(causes, field, required,
                         "Required value: one of a name and a number from 1 to 65535");
    }
}

static void check_path(const cJSON *path, const char *at, cJSON *causes)
{
    static const char *const types[] = {"Exact", "Prefix", "ImplementationSpecific"};
    const char *type = json_string(path, "pathType", "");
    const char *text = json_string(path, "path", "");
    char field[FIELD_BYTES];
    bool known = false;
    for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        known = known || strcmp(type, types[i]) == 0;
    snprintf(field, sizeof(field), "%s.pathType", at);
    if (!known)
        api_status_cause(causes, field, type[0] == '\0' ? required : unsupported,
                         "\"%.60s\": supported values: \"Exact\", \"Prefix\", "
                         "\"ImplementationSpecific\"",
                         type);
    snprintf(field, sizeof(field), "%s.path", at);
    if (strcmp(type, "ImplementationSpecific") == 0 && text[0] == '\0')
        return;
    if (!ingress_path_is_good(text))
        api_status_cause(causes, field, invalid,
                         "Invalid value: \"%.100s\": must be an absolute path of letters, digits "
                         "and -._~%%/",
                         text);
}

static void check_ingress(const cJSON *object, cJSON *causes)
{
    const cJSON *rules = json_at(object, "spec.rules"), *standard, *rule, *path;
    int r = 0;
    standard = json_at(object, "spec.defaultBackend");
    if (standard != NULL)
        check_backend(standard, "spec.defaultBackend", causes);
    else if (cJSON_GetArraySize(rules) == 0)
        api_status_cause(causes, "spec", invalid,
                         "Invalid value: either `defaultBackend` or `rules` must be specified");
    cJSON_ArrayForEach(rule, rules)
    {
        const char *host = json_string(rule, "host", "");
        char field[FIELD_BYTES];
        int p = 0;
        snprintf(field, sizeof(field), "spec.rules[%d].host", r);
        if (host[0] != '\0' && !ingress_host_is_good(host))
            api_status_cause(causes, field, invalid,
                             "Invalid value: \"%.260s\": must be a DNS name in lower case, perhaps "
                             "with \"*.\" before it",
                             host);
        cJSON_ArrayForEach(path, json_at(rule, "http.paths"))
        {
            snprintf(field, sizeof(field), "spec.rules[%d].http.paths[%d]", r, p);
            check_path(path, field, causes);
            snprintf(field, sizeof(field), "spec.rules[%d].http.paths[%d].backend", r, p++);
            check_backend(json_at(path, "backend"), field, causes);
        }
        r++;
    }
}

/* Of a StatefulSet or DaemonSet. */
static void check_update_strategy(const cJSON *strategy, cJSON *causes)
{
    const char *type = json_string(strategy, "type", "");
    if (strcmp(type, "RollingUpdate") != 0 && strcmp(type, "OnDelete") != 0)
        api_status_cause(causes, "spec.updateStrategy.type", unsupported,
                         "Unsupported value: \"%.100s\": supported values: \"OnDelete\", "
                         "\"RollingUpdate\"",
                         type);
    check_bound(json_member(strategy, "rollingUpdate"), "spec.updateStrategy.rollingUpdate",
                "maxUnavailable", causes);
    check_least(strategy, "rollingUpdate.partition", "spec.updateStrategy.rollingUpdate.partition",
                0, causes);
}

static void check_configmap(const cJSON *object, const cJSON *old, cJSON *causes)
{
    static const char *const maps[] = {"data", "binaryData"};
    static const char good[] = "-._0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    bool fixed = json_bool(old, "immutable", false);
    for (unsigned i = 0; i < 2; i++) {
        const cJSON *map = json_member(object, maps[i]);
        const cJSON *before = json_member(old, maps[i]);
        const cJSON *item;
        cJSON_ArrayForEach(item, map)
        {
            size_t size = strlen(item->string);
            if (size == 0 || size > NAME_LIMIT || strspn(item->string, good) != size)
                api_status_cause(causes, maps[i], invalid,
                                 "Invalid value: \"%.100s\": a valid config key must consist of "
                                 "alphanumeric characters, '-', '_' or '.'",
                                 item->string);
        }
        if (fixed && !cJSON_Compare(map, before, true) && (map != NULL || before != NULL))
            api_status_cause(causes, maps[i], forbidden,
                             "Forbidden: field is immutable when `immutable` is set");
    }
    if (fixed && !json_bool(object, "immutable", false))
        api_status_cause(causes, "immutable", forbidden,
                         "Forbidden: field is immutable when `immutable` is set");
}
