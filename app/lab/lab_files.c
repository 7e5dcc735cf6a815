#include "lab/lab.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lab/nginx_config.h"
#include "lab/object.h"

static cJSON *address_item(const char *type, const char *text)
{
    cJSON *item = cJSON_CreateObject();

    cJSON_AddStringToObject(item, "type", type);
    cJSON_AddStringToObject(item, "address", text);
    return item;
}

static cJSON *node_conditions(int64_t utc_ns)
{
    static const struct {
        const char *type, *status, *reason, *message;
    } rows[] = {
        {"MemoryPressure", "False", "KubeletHasSufficientMemory",
         "kubelet has sufficient memory available"},
        {"DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"},
        {"PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"},
        {"Ready", "True", "KubeletReady", "kubelet is posting ready status"},
    };
    cJSON *conditions = cJSON_CreateArray();

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        cJSON *condition = cJSON_CreateObject();
        cJSON_AddStringToObject(condition, "type", rows[i].type);
        cJSON_AddStringToObject(condition, "status", rows[i].status);
        object_put_time(condition, "lastHeartbeatTime", utc_ns);
        object_put_time(condition, "lastTransitionTime", utc_ns);
        cJSON_AddStringToObject(condition, "reason", rows[i].reason);
        cJSON_AddStringToObject(condition, "message", rows[i].message);
        cJSON_AddItemToArray(conditions, condition);
    }
    return conditions;
}

static void node_status(const struct lab *lab, cJSON *node, unsigned index)
{
    const char *name = lab->proxies[index].node_name;
    cJSON *status = json_make(node, "status"), *addresses, *info;
    char v4[20], v6[32], version[16];

    fabric_node_v4(index, v4);
    fabric_node_v6(index, v6);
    object_put_string(json_make(status, "capacity"), "cpu", "2");
    object_put_string(json_make(status, "capacity"), "pods", "110");
    object_put(status, "allocatable", cJSON_Duplicate(json_at(status, "capacity"), true));
    cJSON_AddItemToObject(status, "conditions", node_conditions(lab->utc_ns));
    addresses = cJSON_AddArrayToObject(status, "addresses");
    cJSON_AddItemToArray(addresses, address_item("InternalIP", v4));
    cJSON_AddItemToArray(addresses, address_item("InternalIP", v6));
    cJSON_AddItemToArray(addresses, address_item("Hostname", name));
    info = cJSON_AddObjectToObject(status, "nodeInfo");
    snprintf(version, sizeof(version), "v1.%u.0", lab->config->minor);
    cJSON_AddStringToObject(info, "kubeletVersion", version);
    cJSON_AddStringToObject(info, "containerRuntimeVersion", "seamline-lab://" SEAMLINE_VERSION);
    cJSON_AddStringToObject(info, "osImage", "seamline-lab (an imitation)");
    cJSON_AddStringToObject(info, "kernelVersion", "lab");
    cJSON_AddStringToObject(info, "operatingSystem", "linux");
    cJSON_AddStringToObject(info, "architecture", "amd64");
}

static void node_object(struct lab *lab, unsigned index)
{
    const char *name = lab->proxies[index].node_name;
    cJSON *node = object_new("v1", "Node", NULL, name);
    cJSON *labels = json_make(node, "metadata.labels");
    cJSON *spec = json_make(node, "spec"), *ranges;
    char v4[24], v6[32];

    snprintf(v4, sizeof(v4), "10.244.%u.0/24", index + 1);
    snprintf(v6, sizeof(v6), "fd00:244:%u::/64", index + 1);
    cJSON_AddStringToObject(labels, "kubernetes.io/hostname", name);
    cJSON_AddStringToObject(labels, "kubernetes.io/os", "linux");
    cJSON_AddStringToObject(labels, "kubernetes.io/arch", "amd64");
    cJSON_AddStringToObject(spec, "podCIDR", v4);
    ranges = cJSON_AddArrayToObject(spec, "podCIDRs");
    cJSON_AddItemToArray(ranges, cJSON_CreateString(v4));
    cJSON_AddItemToArray(ranges, cJSON_CreateString(v6));
    node_status(lab, node, index);
    /* As what comes by the API is stored: else the first patch of a node, which leaves these out,
     * would always change it. */
    cJSON_DeleteItemFromObjectCaseSensitive(node, "kind");
    cJSON_DeleteItemFromObjectCaseSensitive(node, "apiVersion");
    store_create(lab->store, STORE_NODE, node, lab->utc_ns, NULL);
}

void lab_files_nodes(struct lab *lab)
{
    static const char *const namespaces[] = {"default", "kube-system"};

    for (size_t i = 0; i < sizeof(namespaces) / sizeof(namespaces[0]); i++) {
        cJSON *namespace = object_new("v1", "Namespace", NULL, namespaces[i]);
        object_put_string(json_make(namespace, "status"), "phase", "Active");
        object_put_string(json_make(namespace, "metadata.labels"), "kubernetes.io/metadata.name",
                          namespaces[i]);
        store_create(lab->store, STORE_NAMESPACE, namespace, lab->utc_ns, NULL);
    }
    for (unsigned i = 0; i < lab->config->nodes; i++)
        node_object(lab, i);
}

static void static_port(cJSON *ports, const char *name, const char *protocol, int number)
{
    cJSON *port = cJSON_CreateObject();

    cJSON_AddStringToObject(port, "name", name);
    cJSON_AddStringToObject(port, "protocol", protocol);
    cJSON_AddNumberToObject(port, "port", number);
    cJSON_AddItemToArray(ports, port);
}

static void static_service(struct lab *lab)
{
    cJSON *service = object_new("v1", "Service", "default", "static");
    cJSON *spec = json_make(service, "spec"), *ports;

    cJSON_AddStringToObject(spec, "type", "LoadBalancer");
    cJSON_AddStringToObject(spec, "ipFamilyPolicy", "RequireDualStack");
    cJSON_AddStringToObject(json_make(spec, "selector"), "app", "static");
    ports = cJSON_AddArrayToObject(spec, "ports");
    static_port(ports, "ctraffic", "TCP", 5003);
    static_port(ports, "ctraffic-udp", "UDP", 5003);
    static_port(ports, "mconnect", "TCP", 5001);
    static_port(ports, "http", "TCP", 8080);
    for (int i = 0; i < 2; i++) {
        cJSON *balancer = json_make(service, "status.loadBalancer");
        cJSON *ingress = cJSON_GetObjectItemCaseSensitive(balancer, "ingress"), *item;
        if (lab->config->vips[i][0] == '\0')
            continue;
        if (ingress == NULL)
            ingress = cJSON_AddArrayToObject(balancer, "ingress");
        item = cJSON_CreateObject();
        cJSON_AddStringToObject(item, "ip", lab->config->vips[i]);
        cJSON_AddItemToArray(ingress, item);
    }
    store_create(lab->store, STORE_SERVICE, service, lab->utc_ns, NULL);
}

/* Bare pods: one that is killed stays away, as nobody owns it. */
void lab_files_static(struct lab *lab)
{
    static_service(lab);
    for (unsigned i = 0; i < lab->config->static_pods; i++) {
        char name[32];
        cJSON *pod, *containers, *container;

        snprintf(name, sizeof(name), "pod-%u", i + 1);
        pod = object_new("v1", "Pod", "default", name);
        cJSON_AddStringToObject(json_make(pod, "metadata.labels"), "app", "static");
        cJSON_AddStringToObject(json_make(pod, "spec"), "restartPolicy", "Never");
        containers = cJSON_AddArrayToObject(json_make(pod, "spec"), "containers");
        container = cJSON_CreateObject();
        cJSON_AddStringToObject(container, "name", "server");
        cJSON_AddStringToObject(container, "image", "static");
        cJSON_AddItemToArray(containers, container);
        store_create(lab->store, STORE_POD, pod, lab->utc_ns, NULL);
    }
}

static cJSON *strings(const char *const *items, size_t count)
{
    cJSON *list = cJSON_CreateArray();

    for (size_t i = 0; i < count; i++)
        cJSON_AddItemToArray(list, cJSON_CreateString(items[i]));
    return list;
}

static cJSON *next_hops(const struct lab *lab)
{
    static const char *const balancer[] = {FABRIC_BALANCER_V4, FABRIC_BALANCER_V6};
    cJSON *list;

    if (lab->config->balancer)
        return strings(balancer, 2);
    list = cJSON_CreateArray();
    for (unsigned i = 0; i < lab->config->nodes; i++) {
        char v4[20], v6[32];

        fabric_node_v4(i, v4);
        fabric_node_v6(i, v6);
        cJSON_AddItemToArray(list, cJSON_CreateString(v4));
        cJSON_AddItemToArray(list, cJSON_CreateString(v6));
    }
    return list;
}

static cJSON *machine_port(const struct lab *lab)
{
    static const char *const clients[] = {FABRIC_CLIENTS_V4, FABRIC_CLIENTS_V6};
    static const char *const on_link[] = {"10.200.0.0/24", "fd00:200::/64"};
    cJSON *port = cJSON_CreateObject();

    cJSON_AddStringToObject(port, "name", "lab");
    cJSON_AddStringToObject(port, "profile", "af_xdp");
    cJSON_AddStringToObject(port, "iface", lab->config->iface);
    cJSON_AddItemToObject(port, "clients", strings(clients, 2));
    cJSON_AddItemToObject(port, "onLink", strings(on_link, 2));
    cJSON_AddItemToObject(port, "nextHops", next_hops(lab));
    return port;
}

int lab_files_machine(const struct lab *lab, struct error *err)
{
    static const char *const allow[] = {"10.200.0.0/24",   FABRIC_VIPS_V4,  FABRIC_CLUSTER_V4,
                                        "10.244.0.0/16",   "fd00:200::/64", FABRIC_VIPS_V6,
                                        FABRIC_CLUSTER_V6, "fd00:244::/32"};
    cJSON *machine = cJSON_CreateObject(), *ports, *cores, *memory;
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    char path[LAB_PATH_BYTES + 32];
    struct text text = {0};
    char *printed;
    int rc;

    cJSON_AddNumberToObject(machine, "version", 1);
    cJSON_AddStringToObject(machine, "name", "seamline-lab");
    ports = cJSON_AddArrayToObject(machine, "ports");
    cJSON_AddItemToArray(ports, machine_port(lab));
    cores = cJSON_AddObjectToObject(machine, "cores");
    cJSON_AddItemToArray(cJSON_AddArrayToObject(cores, "workers"),
                         cJSON_CreateNumber(cpus > 1 ? (double)(cpus - 1) : 0));
    if (cpus > 1)
        cJSON_AddNumberToObject(cores, "control", 0);
    memory = cJSON_AddObjectToObject(machine, "memory");
    cJSON_AddStringToObject(memory, "hugepages", "auto");
    cJSON_AddItemToObject(machine, "allow", strings(allow, sizeof(allow) / sizeof(allow[0])));
    printed = json_print(machine, true);
    if (printed != NULL)
        text_addf(&text, "%s\n", printed);
    cJSON_free(printed);
    cJSON_Delete(machine);
    snprintf(path, sizeof(path), "%s/machine.json", lab->config->dir);
    rc = text_write_file(&text, path);
    text_free(&text);
    return rc < 0 ? error_set(err, EXIT_ENVIRONMENT, rc, "%s: %s", path, strerror(-rc)) : 0;
}

static int write_file(const struct lab *lab, const char *name, bool private, const char *content,
                      struct error *err)
{
    char path[LAB_PATH_BYTES + 32];
    struct text text = {0};
    int rc;

    snprintf(path, sizeof(path), "%s/%s", lab->config->dir, name);
    text_add(&text, content);
    rc = private ? text_write_private(&text, path) : text_write_file(&text, path);
    if (private && text.data != NULL)
        explicit_bzero(text.data, text.size);
    text_free(&text);
    return rc < 0 ? error_set(err, EXIT_ENVIRONMENT, rc, "%s: %s; choose another --dir", path,
                              strerror(-rc))
                  : 0;
}

int lab_files_pods(const struct lab *lab, const struct certificate_set *set, struct error *err)
{
    struct text config = {0};
    int rc;

    nginx_config_pod(&config, lab->config->dir);
    rc = write_file(lab, "ca.crt", false, set->authority, err);
    if (rc == 0)
        rc = write_file(lab, "tls.crt", false, set->pods, err);
    if (rc == 0)
        rc = write_file(lab, "tls.key", true, set->pods_key, err);
    if (rc == 0)
        rc = write_file(lab, "nginx.conf", false, text_str(&config), err);
    text_free(&config);
    return rc;
}

void lab_files_remove(const char *dir)
{
    static const char *const names[] = {"control.sock", "kubeconfig", "machine.json", "ca.crt",
                                        "tls.crt",      "tls.key",    "nginx.conf",   "nginx.pid",
                                        "ingress.conf", "ingress.lua"};
    char path[LAB_PATH_BYTES + 32];

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
        unlink(path);
    }
    snprintf(path, sizeof(path), "%s/nginx", dir);
    rmdir(path);
}
