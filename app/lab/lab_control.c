#include "lab/lab.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "lab/api_server.h"
#include "lab/object.h"

static const struct timeval read_limit = {.tv_usec = 500000};

static int socket_address(const char *dir, struct sockaddr_un *out)
{
    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    if ((size_t)snprintf(out->sun_path, sizeof(out->sun_path), "%s/control.sock", dir) >=
        sizeof(out->sun_path))
        return -ENAMETOOLONG;
    return 0;
}

static int connect_control(const char *dir)
{
    struct sockaddr_un address;
    int fd, rc = socket_address(dir, &address);

    if (rc < 0)
        return rc;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        close(fd);
        return -ENOENT;
    }
    return fd;
}

int lab_control_ask(const char *dir, const char *command, struct text *answer)
{
    int fd = connect_control(dir);
    char bytes[4096];
    ssize_t size;

    if (fd < 0)
        return fd;
    if (send(fd, command, strlen(command), MSG_NOSIGNAL) < 0) {
        close(fd);
        return -ENOENT;
    }
    while ((size = read(fd, bytes, sizeof(bytes))) > 0)
        text_add_bytes(answer, bytes, (size_t)size);
    close(fd);
    /* A daemon that is being killed still takes connections, and answers none. */
    return answer->size > 0 ? 0 : -ENOENT;
}

int lab_control_open(struct lab *lab, struct error *err)
{
    struct sockaddr_un address;
    int rc = socket_address(lab->config->dir, &address);

    if (rc < 0)
        return error_set(err, EXIT_USAGE, rc, "--dir %s is too long", lab->config->dir);
    unlink(address.sun_path); /* The caller has made sure that nobody listens. */
    lab->control_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    lab->control_source.kind = LAB_CONTROL;
    if (lab->control_fd < 0 ||
        bind(lab->control_fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        chmod(address.sun_path, 0600) < 0 || listen(lab->control_fd, 16) < 0)
        return error_set(err, EXIT_ENVIRONMENT, -errno, "%s: %s", address.sun_path,
                         strerror(errno));
    return lab_watch(lab, lab->control_fd, EPOLLIN, &lab->control_source);
}

static void status_nodes(const struct lab *lab, cJSON *status)
{
    cJSON *nodes = cJSON_AddArrayToObject(status, "nodes");

    for (unsigned i = 0; i < lab->config->nodes; i++) {
        const struct lab_proxy *proxy = &lab->proxies[i];
        cJSON *node = cJSON_CreateObject();
        char v4[20], v6[32];

        fabric_node_v4(i, v4);
        fabric_node_v6(i, v6);
        cJSON_AddStringToObject(node, "name", proxy->node_name);
        cJSON_AddStringToObject(node, "ipv4", v4);
        cJSON_AddStringToObject(node, "ipv6", v6);
        json_add_integer(node, "proxySyncs", (int64_t)proxy->syncs);
        json_add_integer(node, "proxyFailures", (int64_t)proxy->failures);
        cJSON_AddItemToArray(nodes, node);
    }
}

static void status_pods(const struct lab *lab, cJSON *status)
{
    cJSON *pods = cJSON_AddArrayToObject(status, "pods");

    for (size_t i = 0; i < lab->pod_count; i++) {
        const struct lab_pod *pod = lab->pods[i];
        cJSON *item = cJSON_CreateObject();

        cJSON_AddStringToObject(item, "name", pod->name);
        cJSON_AddStringToObject(item, "node", lab->proxies[pod->node].node_name);
        cJSON_AddStringToObject(item, "ipv4", pod->place.v4);
        cJSON_AddStringToObject(item, "ipv6", pod->place.v6);
        cJSON_AddBoolToObject(item, "ready", pod->machine.ready);
        cJSON_AddBoolToObject(item, "deleting", pod->machine.deleting);
        json_add_integer(item, "pid", pod->process.pid);
        cJSON_AddItemToArray(pods, item);
    }
}

static void status_services(const struct lab *lab, cJSON *status)
{
    cJSON *services = cJSON_AddArrayToObject(status, "services");
    const cJSON *service = NULL;

    while ((service = store_next(lab->store, STORE_SERVICE, "", service)) != NULL) {
        cJSON *item = cJSON_CreateObject();
        const cJSON *ingress = json_at(service, "status.loadBalancer.ingress");

        cJSON_AddStringToObject(item, "namespace", object_namespace(service));
        cJSON_AddStringToObject(item, "name", object_name(service));
        if (ingress != NULL)
            cJSON_AddItemToObject(item, "vips", cJSON_Duplicate(ingress, true));
        cJSON_AddItemToArray(services, item);
    }
}

static void answer_status(const struct lab *lab, int fd)
{
    const struct profile_range *ready = &lab->config->profile.delays[PROFILE_POD_READY];
    cJSON *status = cJSON_CreateObject(), *settings;
    char url[64], start[36], version[16];
    char *text;

    json_format_time(lab->truth.start_ns, 9, start);
    json_add_integer(status, "pid", getpid());
    cJSON_AddStringToObject(status, "dir", lab->config->dir);
    cJSON_AddStringToObject(status, "started", start);
    cJSON_AddStringToObject(status, "profile", lab->config->profile.name);
    settings = cJSON_AddArrayToObject(status, "settings");
    for (unsigned i = 0; i < lab->config->setting_count; i++)
        cJSON_AddItemToArray(settings, cJSON_CreateString(lab->config->settings[i]));
    json_add_integer(json_make(status, "podReady"), "low", ready->least_ns);
    json_add_integer(json_make(status, "podReady"), "high", ready->most_ns);
    json_add_integer(status, "seed", (int64_t)lab->config->seed);
    snprintf(version, sizeof(version), "1.%u", lab->config->minor);
    cJSON_AddStringToObject(status, "kubernetes", version);
    cJSON_AddStringToObject(status, "proxy", proxy_mode_text(lab->proxies[0].proxy.mode));
    cJSON_AddBoolToObject(status, "kubeProxy", lab->config->kube_proxy);
    cJSON_AddBoolToObject(status, "ingress", lab->config->ingress);
    cJSON_AddStringToObject(status, "iface", lab->config->iface);
    if (lab->api != NULL) {
        snprintf(url, sizeof(url), "https://127.0.0.1:%u", api_server_port(lab->api));
        cJSON_AddStringToObject(status, "api", url);
    }
    cJSON_AddStringToObject(status, "balancer", lab->config->balancer ? "probing" : "ecmp");
    if (lab->config->balancer)
        lab_balancer_status(lab, cJSON_AddObjectToObject(status, "balancerNodes"));
    status_nodes(lab, status);
    status_services(lab, status);
    status_pods(lab, status);
    text = json_print(status, true);
    if (text != NULL)
        dprintf(fd, "%s\n", text);
    cJSON_free(text);
    cJSON_Delete(status);
}

/* The path by which another process enters a namespace of the lab. */
static void answer_netns(struct lab *lab, const char *name, int fd)
{
    struct lab_pod *pod = lab_pod_find(lab, name);
    int netns_fd = -1;

    if (strcmp(name, "lab") == 0)
        netns_fd = lab->fabric.lab_fd;
    if (strcmp(name, "balancer") == 0)
        netns_fd = lab->fabric.balancer_fd;
    for (unsigned i = 0; i < lab->config->nodes; i++) {
        if (strcmp(name, lab->proxies[i].node_name) == 0)
            netns_fd = lab->fabric.node_fds[i];
    }
    if (pod != NULL)
        netns_fd = pod->place.netns_fd;
    if (netns_fd >= 0)
        dprintf(fd, "/proc/%d/fd/%d\n", (int)getpid(), netns_fd);
    else
        dprintf(fd, "error: there is no pod or node \"%s\"; see seamline-lab status\n", name);
}

static void answer_kill(struct lab *lab, char *arguments, int fd)
{
    char *signal_name = strchr(arguments, ' ');
    int signal = SIGTERM;

    if (signal_name != NULL) {
        *signal_name++ = '\0';
        signal = strcmp(signal_name, "KILL") == 0 ? SIGKILL : SIGTERM;
    }
    if (lab_pod_kill(lab, arguments, signal) < 0)
        dprintf(fd, "error: no pod \"%s\" is running; see seamline-lab status\n", arguments);
    else
        dprintf(fd, "ok\n");
}

void lab_control_accept(struct lab *lab)
{
    char command[LAB_CONTROL_BYTES];
    int fd = accept4(lab->control_fd, NULL, NULL, SOCK_CLOEXEC);
    ssize_t size;

    if (fd < 0)
        return;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &read_limit, sizeof(read_limit));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &read_limit, sizeof(read_limit));
    size = read(fd, command, sizeof(command) - 1);
    command[size > 0 ? size : 0] = '\0';
    if (strcmp(command, "down") == 0) {
        lab->down = true;
        lab->down_fd = fd;
        return;
    }
    if (strcmp(command, "status") == 0)
        answer_status(lab, fd);
    else if (strncmp(command, "netns ", 6) == 0)
        answer_netns(lab, command + 6, fd);
    else if (strncmp(command, "kill ", 5) == 0)
        answer_kill(lab, command + 5, fd);
    else if (strncmp(command, "fault ", 6) == 0)
        lab_fault(lab, command + 6, fd);
    else
        dprintf(fd, "error: unknown command\n");
    close(fd);
}
