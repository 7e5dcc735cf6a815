#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lab/api_default.h"
#include "lab/ingress_lua.h"
#include "lab/lab.h"
#include "lab/netns.h"
#include "lab/object.h"

static const int64_t second_ns = INT64_C(1000000000);
static const char namespace_name[] = "ingress-nginx";
static const char own_name[] = "ingress-nginx-controller";
static const char image[] = LAB_INGRESS_IMAGE;

bool lab_ingress_is(const struct lab *lab, const struct lab_pod *pod)
{
    return lab->config->ingress && strcmp(pod->image, image) == 0;
}

static cJSON *put_port(cJSON *ports, const char *name, int number)
{
    cJSON *port = cJSON_CreateObject();

    cJSON_AddStringToObject(port, "name", name);
    cJSON_AddNumberToObject(port, "port", number);
    cJSON_AddItemToArray(ports, port);
    return port;
}

static void create_deployment(struct lab *lab)
{
    cJSON *deployment = object_new("apps/v1", "Deployment", namespace_name, own_name);
    cJSON *spec = json_make(deployment, "spec"), *container = cJSON_CreateObject();

    cJSON_AddNumberToObject(spec, "replicas", 1);
    cJSON_AddStringToObject(json_make(spec, "selector.matchLabels"), "app", own_name);
    cJSON_AddStringToObject(json_make(spec, "template.metadata.labels"), "app", own_name);
    cJSON_AddStringToObject(container, "name", "controller");
    cJSON_AddStringToObject(container, "image", image);
    object_put_integer(json_make(container, "readinessProbe.httpGet"), "port", INGRESS_HEALTH_PORT);
    object_put_string(json_make(container, "readinessProbe.httpGet"), "path", "/healthz");
    object_put_integer(json_make(container, "readinessProbe"), "periodSeconds", 1);
    object_put_string(json_make(container, "lifecycle"), "stopSignal", "SIGQUIT");
    cJSON_AddItemToArray(cJSON_AddArrayToObject(json_make(spec, "template.spec"), "containers"),
                         container);
    api_default(STORE_DEPLOYMENT, deployment);
    store_create(lab->store, STORE_DEPLOYMENT, deployment, lab->utc_ns, NULL);
}

static void create_service(struct lab *lab)
{
    cJSON *service = object_new("v1", "Service", namespace_name, own_name);
    cJSON *spec = json_make(service, "spec"), *ports;

    cJSON_AddStringToObject(spec, "type", "LoadBalancer");
    cJSON_AddStringToObject(spec, "ipFamilyPolicy", "RequireDualStack");
    cJSON_AddBoolToObject(spec, "allocateLoadBalancerNodePorts", false);
    cJSON_AddStringToObject(json_make(spec, "selector"), "app", own_name);
    ports = cJSON_AddArrayToObject(spec, "ports");
    put_port(ports, "http", 80);
    put_port(ports, "https", 443);
    api_default(STORE_SERVICE, service);
    store_create(lab->store, STORE_SERVICE, service, lab->utc_ns, NULL);
}

static int write_file(const struct lab *lab, const char *name, const char *content)
{
    char path[LAB_PATH_BYTES + 32];
    struct text text = {0};
    int rc;

    snprintf(path, sizeof(path), "%s/%s", lab->config->dir, name);
    text_add(&text, content);
    rc = text_write_file(&text, path);
    text_free(&text);
    return rc;
}

static size_t collect(const struct lab *lab, enum store_kind kind, const cJSON ***out)
{
    const cJSON *object = NULL;
    size_t count = 0, capacity = 0;

    *out = NULL;
    while ((object = store_next(lab->store, kind, "", object)) != NULL) {
        if (count == capacity) {
            capacity = capacity == 0 ? 64 : capacity * 2;
            *out = realloc(*out, capacity * sizeof(**out));
            if (*out == NULL)
                abort();
        }
        (*out)[count++] = object;
    }
    return count;
}

/* True when it differs from the plan before. */
static bool make_plan(struct lab *lab, bool *config_changed)
{
    struct lab_ingress *ingress = &lab->ingress;
    struct ingress_objects objects;
    struct ingress_plan plan = {0};
    const struct ingress_settings settings = {
        .dir = lab->config->dir,
        .look_ns = ingress->look_ns,
        .start_ns = lab->truth.start_ns,
    };
    bool changed;

    objects.ingress_count = collect(lab, STORE_INGRESS, &objects.ingresses);
    objects.service_count = collect(lab, STORE_SERVICE, &objects.services);
    objects.slice_count = collect(lab, STORE_ENDPOINTSLICE, &objects.slices);
    ingress_plan_make(&plan, &settings, &objects);
    free(objects.ingresses);
    free(objects.services);
    free(objects.slices);
    *config_changed = strcmp(text_str(&plan.config), text_str(&ingress->plan.config)) != 0;
    changed =
        *config_changed || strcmp(text_str(&plan.backends), text_str(&ingress->plan.backends)) != 0;
    ingress_plan_free(&ingress->plan);
    ingress->plan = plan;
    return changed;
}

int lab_ingress_open(struct lab *lab, struct error *err)
{
    struct lab_ingress *ingress = &lab->ingress;
    cJSON *namespace = object_new("v1", "Namespace", NULL, namespace_name);
    bool changed;
    int rc;

    if (!lab->config->ingress) {
        cJSON_Delete(namespace);
        return 0;
    }
    ingress->look_ns = profile_draw(&lab->config->profile, PROFILE_INGRESS_LOOK, &lab->random);
    make_plan(lab, &changed);
    ingress->version = ingress->config_version = 1;
    rc = write_file(lab, "ingress.lua", ingress_lua);
    if (rc == 0)
        rc = write_file(lab, "ingress.conf", text_str(&ingress->plan.config));
    if (rc < 0) {
        cJSON_Delete(namespace);
        return error_set(err, EXIT_ENVIRONMENT, rc, "%s: %s; choose another --dir",
                         lab->config->dir, strerror(-rc));
    }
    object_put_string(json_make(namespace, "status"), "phase", "Active");
    store_create(lab->store, STORE_NAMESPACE, namespace, lab->utc_ns, NULL);
    create_deployment(lab);
    create_service(lab);
    return 0;
}

void lab_ingress_event(struct lab *lab, const struct store_event *event)
{
    if (lab->config->ingress && (event->kind == STORE_INGRESS || event->kind == STORE_SERVICE ||
                                 event->kind == STORE_ENDPOINTSLICE))
        lab->ingress.wanted = true;
}

static const cJSON *own_addresses(const struct lab *lab)
{
    return json_at(store_get(lab->store, STORE_SERVICE, namespace_name, own_name),
                   "status.loadBalancer.ingress");
}

/* Each Ingress tells where it is reached: at the Service of the ingress. */
static void publish(struct lab *lab)
{
    const cJSON *addresses = own_addresses(lab);
    const cJSON **ingresses;
    size_t count = collect(lab, STORE_INGRESS, &ingresses);

    for (size_t i = 0; i < count && addresses != NULL; i++) {
        const cJSON *before = json_at(ingresses[i], "status.loadBalancer.ingress");
        cJSON *object;

        if (before != NULL && cJSON_Compare(before, addresses, true))
            continue;
        object = cJSON_Duplicate(ingresses[i], true);
        object_put(json_make(object, "status.loadBalancer"), "ingress",
                   cJSON_Duplicate(addresses, true));
        store_update(lab->store, STORE_INGRESS, object, lab->utc_ns, NULL);
    }
    free(ingresses);
}

static void synchronise(struct lab *lab)
{
    struct lab_ingress *ingress = &lab->ingress;
    bool config_changed;

    ingress->wanted = false;
    ingress->sync_at_ns =
        lab->now_ns + profile_draw(&lab->config->profile, PROFILE_INGRESS_SYNC, &lab->random);
    publish(lab);
    if (!make_plan(lab, &config_changed))
        return;
    ingress->version++;
    if (config_changed) {
        ingress->config_version = ingress->version;
        if (write_file(lab, "ingress.conf", text_str(&ingress->plan.config)) < 0)
            lab_say(lab, "ingress.conf cannot be written");
        ingress->config_ns = truth_now_ns();
    }
}

/* Backends and their endpoints, as they are about to be handed to POD. */
static void log_handing(struct lab *lab, const struct lab_pod *pod)
{
    char *copy = strdup(text_str(&lab->ingress.plan.backends)), *rest = copy, *line;
    cJSON *object = truth_begin(&lab->truth, truth_now_ns(), "ingress-told");
    cJSON *backends;

    cJSON_AddStringToObject(object, "pod", pod->name);
    backends = cJSON_AddObjectToObject(object, "backends");
    while ((line = strsep(&rest, "\n")) != NULL) {
        char *word = strsep(&line, " ");
        cJSON *list = word[0] != '\0' ? cJSON_AddArrayToObject(backends, word) : NULL;
        while (list != NULL && (word = strsep(&line, " ")) != NULL) {
            char *bar = strchr(word, '|');
            if (bar != NULL)
                *bar = ':';
            cJSON_AddItemToArray(list, cJSON_CreateString(word));
        }
    }
    truth_end(&lab->truth, object);
    free(copy);
}

static int connect_inside(struct lab *lab, const struct lab_pod *pod)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(INGRESS_CONTROL_PORT)};
    int fd, rc;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (netns_enter(pod->place.netns_fd) < 0)
        return -EIO;
    fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    rc = fd < 0 ? -errno : 0;
    if (netns_enter(lab->fabric.home_fd) < 0)
        abort();
    if (rc == 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 &&
        errno != EINPROGRESS) {
        rc = -errno;
        close(fd);
    }
    return rc < 0 ? rc : fd;
}

static void hand_end(struct lab *lab, struct lab_pod *pod, bool good)
{
    struct lab_hand *hand = &pod->hand;

    lab_unwatch(lab, hand->fd);
    if (hand->fd >= 0)
        close(hand->fd);
    hand->fd = -1;
    text_free(&hand->request);
    hand->retry_at_ns = lab->now_ns + second_ns / 10;
    if (!good)
        return;
    hand->container = pod->container;
    hand->version = hand->handing;
    if (hand->config_version < lab->ingress.config_version) {
        hand->config_version = lab->ingress.config_version;
        if (process_signal(&pod->process, SIGHUP) == 0)
            truth_log(&lab->truth, truth_now_ns(), "ingress-reloaded", "pod", pod->name, NULL,
                      NULL);
    }
}

static void hand_write(struct lab *lab, struct lab_pod *pod)
{
    const struct text *backends = &lab->ingress.plan.backends;

    text_addf(&pod->hand.request,
              "POST /configuration/backends HTTP/1.1\r\nHost: ingress\r\nConnection: close\r\n"
              "Content-Length: %zu\r\n\r\n%s",
              backends->size, text_str(backends));
    log_handing(lab, pod);
    pod->hand.handing = lab->ingress.version;
}

/* As much as the socket takes. False: it takes nothing any more. */
static bool hand_send(struct lab_hand *hand)
{
    ssize_t sent;

    do {
        sent = send(hand->fd, text_str(&hand->request), hand->request.size, MSG_NOSIGNAL);
        if (sent > 0)
            text_consume(&hand->request, (size_t)sent);
    } while (sent > 0 && hand->request.size > 0);
    return sent >= 0 || errno == EAGAIN;
}

void lab_ingress_hand_event(struct lab *lab, struct lab_pod *pod)
{
    struct lab_hand *hand = &pod->hand;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &pod->hand_source};
    char answer[128] = "";
    int problem = 0;
    socklen_t size = sizeof(problem);

    if (hand->fd < 0)
        return;
    if (hand->sent) {
        ssize_t got = recv(hand->fd, answer, sizeof(answer) - 1, 0);
        if (got < 0 && errno == EAGAIN)
            return;
        hand_end(lab, pod, got > 0 && strncmp(answer, "HTTP/1.1 2", 10) == 0);
        return;
    }
    getsockopt(hand->fd, SOL_SOCKET, SO_ERROR, &problem, &size);
    if (problem == 0 && hand->request.size == 0)
        hand_write(lab, pod);
    if (problem != 0 || !hand_send(hand)) {
        hand_end(lab, pod, false);
        return;
    }
    if (hand->request.size > 0)
        return; /* The rest when the socket has room. */
    hand->sent = true;
    epoll_ctl(lab->epoll_fd, EPOLL_CTL_MOD, hand->fd, &event);
}

static void hand_begin(struct lab *lab, struct lab_pod *pod)
{
    struct lab_hand *hand = &pod->hand;

    if (hand->container != pod->container)
        *hand = (struct lab_hand){
            .container = pod->container,
            .config_version =
                pod->started_ns > lab->ingress.config_ns ? lab->ingress.config_version : 0,
        };
    hand->fd = connect_inside(lab, pod);
    hand->sent = false;
    hand->deadline_ns = lab->now_ns + 2 * second_ns;
    pod->hand_source = (struct lab_source){LAB_INGRESS_HAND, pod};
    if (hand->fd < 0 || lab_watch(lab, hand->fd, EPOLLOUT, &pod->hand_source) < 0)
        hand_end(lab, pod, false);
}

void lab_ingress_cancel(struct lab *lab, struct lab_pod *pod)
{
    lab_unwatch(lab, pod->hand.fd);
    if (pod->hand.fd >= 0)
        close(pod->hand.fd);
    pod->hand.fd = -1;
    text_free(&pod->hand.request);
}

static bool needs_hand(const struct lab *lab, const struct lab_pod *pod)
{
    return lab_ingress_is(lab, pod) && pod->process.pid != 0 &&
           (pod->hand.container != pod->container || pod->hand.version < lab->ingress.version);
}

void lab_ingress_run(struct lab *lab)
{
    if (!lab->config->ingress)
        return;
    if (lab->ingress.wanted && lab->ingress.sync_at_ns <= lab->now_ns)
        synchronise(lab);
    for (size_t i = 0; i < lab->pod_count; i++) {
        struct lab_pod *pod = lab->pods[i];
        if (pod->hand.fd >= 0 && pod->hand.deadline_ns <= lab->now_ns)
            hand_end(lab, pod, false);
        if (needs_hand(lab, pod) && pod->hand.fd < 0 && pod->hand.retry_at_ns <= lab->now_ns)
            hand_begin(lab, pod);
    }
}

int64_t lab_ingress_due(const struct lab *lab)
{
    int64_t due_ns = lab->ingress.wanted ? lab->ingress.sync_at_ns : INT64_MAX;

    if (!lab->config->ingress)
        return INT64_MAX;
    for (size_t i = 0; i < lab->pod_count; i++) {
        const struct lab_pod *pod = lab->pods[i];
        int64_t hand_ns = INT64_MAX;
        if (pod->hand.fd >= 0)
            hand_ns = pod->hand.deadline_ns;
        else if (needs_hand(lab, pod))
            hand_ns = pod->hand.retry_at_ns;
        if (hand_ns < due_ns)
            due_ns = hand_ns;
    }
    return due_ns;
}

bool lab_ingress_is_up(const struct lab *lab)
{
    if (!lab->config->ingress)
        return true;
    for (size_t i = 0; i < lab->pod_count; i++) {
        if (lab_ingress_is(lab, lab->pods[i]) && lab->pods[i]->machine.ready)
            return own_addresses(lab) != NULL && cluster_due(&lab->cluster) == INT64_MAX;
    }
    return false;
}

void lab_ingress_free(struct lab *lab)
{
    ingress_plan_free(&lab->ingress.plan);
}
