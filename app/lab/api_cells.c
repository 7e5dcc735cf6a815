#include "lab/api_cells.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "lab/api_table.h"

enum {
    MAX_ENDPOINTS = 3
}; /* As many as a real server lists before "+ 5 more...". */

static const char none[] = "<none>";

void api_cell_text(const cJSON *object, const char *path, int64_t utc_ns, struct text *out)
{
    (void)utc_ns;
    text_add(out, json_string(object, path, ""));
}

void api_cell_text_or_none(const cJSON *object, const char *path, int64_t utc_ns, struct text *out)
{
    (void)utc_ns;
    const char *text = json_string(object, path, "");
    text_add(out, text[0] != '\0' ? text : none);
}

void api_cell_text_or_unknown(const cJSON *object, const char *path, int64_t utc_ns,
                              struct text *out)
{
    (void)utc_ns;
    const char *text = json_string(object, path, "");
    text_add(out, text[0] != '\0' ? text : "<unknown>");
}

void api_cell_number(const cJSON *object, const char *path, int64_t utc_ns, struct text *out)
{
    (void)utc_ns;
    text_addf(out, "%lld", (long long)json_integer(object, path, 0));
}

void api_cell_int_or_string(const cJSON *object, const char *path, int64_t utc_ns, struct text *out)
{
    (void)utc_ns;
    const cJSON *value = json_at(object, path);
    if (cJSON_IsNumber(value))
        text_addf(out, "%.0f", value->valuedouble);
    else
        text_add(out, cJSON_IsString(value) ? value->valuestring : "N/A");
}

void api_cell_age(const cJSON *object, const char *path, int64_t utc_ns, struct text *out)
{
    char age[32];
    int64_t since_ns = json_parse_time(json_string(object, path, ""));
    if (since_ns == INT64_MIN) {
        text_add(out, "<unknown>");
        return;
    }
    api_table_format_age((utc_ns - since_ns) / 1000000000, age);
    text_add(out, age);
}

void api_cell_map(const cJSON *object, const char *path, int64_t utc_ns, struct text *out)
{
    (void)utc_ns;
    const cJSON *map = json_at(object, path);
    if (map == NULL || map->child == NULL) {
        text_add(out, none);
        return;
    }
    for (const cJSON *member = map->child; member != NULL; member = member->next)
        text_addf(out, "%s=%s%s", member->string, cJSON_IsString(member) ? member->valuestring : "",
                  member->next != NULL ? "," : "");
}

void api_cell_containers(const cJSON *object, const char *path, int64_t utc_ns, struct text *out)
{
    (void)utc_ns;
    const cJSON *container;
    cJSON_ArrayForEach(container, json_at(object, "spec.template.spec.containers")) text_addf(
        out, "%s%s", json_string(container, path, ""), container->next != NULL ? "," : "");
}

void api_cell_data_count(const cJSON *object, const char *path, int64_t utc_ns, struct text *out)
{
    (void)path;
    (void)utc_ns;
    text_addf(out, "%d",
              cJSON_GetArraySize(json_member(object, "data")) +
                  cJSON_GetArraySize(json_member(object, "binaryData")));
}

void api_cell_pod_ready(const cJSON *object, const char *path, int64_t utc_ns, struct text *out)
{
    (void)path;
    (void)utc_ns;
    unsigned ready = 0;
    const cJSON *status;
    cJSON_ArrayForEach(status, json_at(object, "status.containerStatuses")) ready +=
        json_bool(status, "ready", false) && json_at(status, "state.running") != NULL;
    text_addf(out, "%u/%d", ready, cJSON_GetArraySize(json_at(object, "spec.containers")));
}

/* Why the last container that is not running is not. */
static const char *container_reason(const cJSON *object, char scratch[32])
{
    const char *reason = NULL;
    const cJSON *status;
    cJSON_ArrayForEach(status, json_at(object, "status.containerStatuses"))
    {
        const char *waiting = json_string(status, "state.waiting.reason", "");
        const char *ended = json_string(status, "state.terminated.reason", "");
        if (waiting[0] != '\0') {
            reason = waiting;
        } else if (ended[0] != '\0') {
            reason = ended;
        } else if (json_at(status, "state.terminated") != NULL) {
            int64_t signal = json_integer(status, "state.terminated.signal", 0);
            snprintf(scratch, 32, "%s:%lld", signal != 0 ? "Signal" : "ExitCode",
                     (long long)(signal != 0
                                     ? signal
                                     : json_integer(status, "state.terminated.exitCode", 0)));
            reason = scratch;
        }
    }
    return reason;
}

void api_cell_pod_status(const cJSON *object, const char *path, int64_t utc_ns, struct text *out)
{
    (void)path;
    (void)utc_ns;
    char scratch[32];
    if (json_at(object, "metadata.deletionTimestamp") != NULL) {
        text_add(out, "Terminating");
        return;
    }
    const char *reason = container_reason(object, scratch);
    if (reason == NULL)
        reason = json_string(object, "status.reason", json_string(object, "status.phase", ""));
    text_add(out, reason);
}

void api_cell_pod_restarts(const cJSON *object, const char *path, int64_t utc_ns, struct text *out)
{
    (void)path;
    int64_t restarts = 0;
    int64_t last_ns = INT64_MIN;
    const cJSON *status;
    cJSON_ArrayForEach(status, json_at(object, "status.containerStatuses"))
    {
        restarts += json_integer(status, "restartCount", 0);
        int64_t ended_ns =
            json_parse_time(json_string(status, "lastState.terminated.finishedAt", ""));
        if (ended_ns > last_ns)
            last_ns = ended_ns;
    }
    text_addf(out, "%lld", (long long)restarts);
    if (restarts == 0 || last_ns == INT64_MIN)
        return;
    char age[32];
    api_table_format_age((utc_ns - last_ns) / 1000000000, age);
    text_addf(out, " (%s ago)", age);
}

void api_cell_deployment_ready(const cJSON *object, const char *path, int64_t utc_ns,
                               struct text *out)
{
    (void)path;
    (void)utc_ns;
    text_addf(out, "%lld/%lld", (long long)json_integer(object, "status.readyReplicas", 0),
              (long long)json_integer(object, "spec.replicas", 0));
}

void api_cell_addresses(const cJSON *object, const char *path, int64_t utc_ns, struct text *out)
{
    (void)path;
    (void)utc_ns;
    const cJSON *item;
    cJSON_ArrayForEach(item, json_at(object, "status.loadBalancer.ingress"))
        text_addf(out, "%s%s", json_string(item, "ip", json_string(item, "hostname", "")),
                  item->next != NULL ? "," : "");
}

void api_cell_external_ip(const cJSON *object, const char *path, int64_t utc_ns, struct text *out)
{
    const cJSON *ingress = json_at(object, "status.loadBalancer.ingress");
    bool balanced = strcmp(json_string(object, "spec.type", ""), "LoadBalancer") == 0;
    if (!balanced || ingress == NULL || ingress->child == NULL)
        text_add(out, balanced ? "<pending>" : none);
    else
        api_cell_addresses(object, path, utc_ns, out);
}

void api_cell_ingress_hosts(const cJSON *object, const char *path, int64_t utc_ns, struct text *out)
{
    (void)path;
    (void)utc_ns;
    const cJSON *rule;
    cJSON_ArrayForEach(rule, json_at(object, "spec.rules"))
        text_addf(out, "%s%s", json_string(rule, "host", "*"), rule->next != NULL ? "," : "");
    if (out->size == 0)
        text_add(out, "*");
}

void api_cell_ingress_ports(const cJSON *object, const char *path, int64_t utc_ns, struct text *out)
{
    (void)path;
    (void)utc_ns;
    text_add(out, json_at(object, "spec.tls") != NULL ? "80, 443" : "80");
}

void api_cell_service_ports(const cJSON *object, const char *path, int64_t utc_ns, struct text *out)
{
    (void)path;
    (void)utc_ns;
    const cJSON *port;
    const cJSON *ports = json_at(object, "spec.ports");
    if (ports == NULL || ports->child == NULL)
        text_add(out, none);
    cJSON_ArrayForEach(port, ports)
    {
        int64_t node_port = json_integer(port, "nodePort", 0);
        text_addf(out, "%lld", (long long)json_integer(port, "port", 0));
        if (node_port != 0)
            text_addf(out, ":%lld", (long long)node_port);
        text_addf(out, "/%s%s", json_string(port, "protocol", "TCP"),
                  port->next != NULL ? "," : "");
    }
}

void api_cell_node_status(const cJSON *object, const char *path, int64_t utc_ns, struct text *out)
{
    (void)path;
    (void)utc_ns;
    const char *status = "Unknown";
    const cJSON *condition;
    cJSON_ArrayForEach(condition, json_at(object, "status.conditions"))
    {
        if (strcmp(json_string(condition, "type", ""), "Ready") == 0)
            status =
                strcmp(json_string(condition, "status", ""), "True") == 0 ? "Ready" : "NotReady";
    }
    text_add(out, status);
    if (json_bool(object, "spec.unschedulable", false))
        text_add(out, ",SchedulingDisabled");
}

void api_cell_node_roles(const cJSON *object, const char *path, int64_t utc_ns, struct text *out)
{
    (void)path;
    (void)utc_ns;
    static const char prefix[] = "node-role.kubernetes.io/";
    const char *separator = "";
    const cJSON *label;
    cJSON_ArrayForEach(label, json_at(object, "metadata.labels"))
    {
        if (strncmp(label->string, prefix, sizeof(prefix) - 1) != 0)
            continue;
        text_addf(out, "%s%s", separator, label->string + sizeof(prefix) - 1);
        separator = ",";
    }
    if (separator[0] == '\0')
        text_add(out, none);
}

void api_cell_node_address(const cJSON *object, const char *path, int64_t utc_ns, struct text *out)
{
    (void)utc_ns;
    const cJSON *address;
    cJSON_ArrayForEach(address, json_at(object, "status.addresses"))
    {
        if (strcmp(json_string(address, "type", ""), path) == 0) {
            text_add(out, json_string(address, "address", none));
            return;
        }
    }
    text_add(out, none);
}

/* One more of a list that is cut after MAX_ENDPOINTS. */
static void add_endpoint(struct text *out, unsigned *count, const char *address, int64_t port)
{
    bool is_v6 = strchr(address, ':') != NULL;
    if (++*count > MAX_ENDPOINTS)
        return;
    text_add(out, *count > 1 ? "," : "");
    if (port == 0)
        text_add(out, address);
    else
        text_addf(out, is_v6 ? "[%s]:%lld" : "%s:%lld", address, (long long)port);
}

static void end_endpoints(struct text *out, unsigned count)
{
    if (count == 0)
        text_add(out, none);
    if (count > MAX_ENDPOINTS)
        text_addf(out, " + %u more...", count - MAX_ENDPOINTS);
}

void api_cell_endpoints(const cJSON *object, const char *path, int64_t utc_ns, struct text *out)
{
    (void)path;
    (void)utc_ns;
    unsigned count = 0;
    const cJSON *subset;
    cJSON_ArrayForEach(subset, json_member(object, "subsets"))
    {
        const cJSON *port = json_member(subset, "ports");
        port = port != NULL ? port->child : NULL;
        do {
            const cJSON *address;
            cJSON_ArrayForEach(address, json_member(subset, "addresses")) add_endpoint(
                out, &count, json_string(address, "ip", ""), json_integer(port, "port", 0));
            port = port != NULL ? port->next : NULL;
        } while (port != NULL);
    }
    end_endpoints(out, count);
}

void api_cell_slice_ports(const cJSON *object, const char *path, int64_t utc_ns, struct text *out)
{
    (void)path;
    (void)utc_ns;
    const cJSON *ports = json_member(object, "ports");
    if (ports == NULL || ports->child == NULL) {
        text_add(out, "<unset>");
        return;
    }
    for (const cJSON *port = ports->child; port != NULL; port = port->next)
        text_addf(out, "%lld%s", (long long)json_integer(port, "port", 0),
                  port->next != NULL ? "," : "");
}

void api_cell_slice_endpoints(const cJSON *object, const char *path, int64_t utc_ns,
                              struct text *out)
{
    (void)path;
    (void)utc_ns;
    unsigned count = 0;
    const cJSON *endpoint;
    cJSON_ArrayForEach(endpoint, json_member(object, "endpoints"))
    {
        const cJSON *address;
        cJSON_ArrayForEach(address, json_member(endpoint, "addresses"))
            add_endpoint(out, &count, cJSON_IsString(address) ? address->valuestring : "", 0);
    }
    end_endpoints(out, count);
}

void api_cell_event_seen(const cJSON *object, const char *path, int64_t utc_ns, struct text *out)
{
    const char *stamp = json_string(object, path, "");
    api_cell_age(object, stamp[0] != '\0' ? path : "eventTime", utc_ns, out);
}

void api_cell_event_object(const cJSON *object, const char *path, int64_t utc_ns, struct text *out)
{
    (void)path;
    (void)utc_ns;
    for (const char *c = json_string(object, "involvedObject.kind", ""); *c != '\0'; c++) {
        char lower = (char)tolower((unsigned char)*c);
        text_add_bytes(out, &lower, 1);
    }
    text_addf(out, "/%s", json_string(object, "involvedObject.name", ""));
}

void api_cell_event_source(const cJSON *object, const char *path, int64_t utc_ns, struct text *out)
{
    (void)path;
    (void)utc_ns;
    const char *host = json_string(object, "source.host", "");
    text_add(out, json_string(object, "source.component",
                              json_string(object, "reportingComponent", "")));
    if (host[0] != '\0')
        text_addf(out, ", %s", host);
}
