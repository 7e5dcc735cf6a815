/* api_only.c - the lab's API server with nothing behind it, for tests of the server and of clients.
 *
 *     api_only KUBECONFIG [DENY]...
 *
 * It holds the namespaces default and kube-system, the nodes n1 and n2, and two pods on them. There are no
 * controllers; in place of a kubelet, a pod that is marked for deletion goes half a second later.
 * It prints "ready PORT" and then obeys lines from standard input: `drop` (cut all watches),
 * `expire` (all versions so far count as expired), `recover` (none does), `touch` (change a pod); it
 * ends when standard input ends.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"
#include "lab/api_default.h"
#include "lab/api_discovery.h"
#include "lab/api_server.h"
#include "lab/kubeconfig_writer.h"

#define LINGER_NS INT64_C(500000000)

static const struct {
    enum store_kind kind;
    const char *text;
} objects[] = {
    {STORE_NAMESPACE, "{\"metadata\":{\"name\":\"default\"}}"},
    {STORE_NAMESPACE, "{\"metadata\":{\"name\":\"kube-system\"}}"},
    {STORE_NODE, "{\"metadata\":{\"name\":\"n1\"},\"status\":{\"conditions\":[{\"type\":\"Ready\","
                 "\"status\":\"True\"}],\"addresses\":[{\"type\":\"InternalIP\",\"address\":"
                 "\"10.200.0.11\"}],\"nodeInfo\":{\"kubeletVersion\":\"v1.30.0\",\"osImage\":"
                 "\"Debian 12\",\"kernelVersion\":\"6.1\",\"containerRuntimeVersion\":"
                 "\"seamline://1\"}}}"},
    {STORE_NODE, "{\"metadata\":{\"name\":\"n2\"},\"status\":{\"conditions\":[{\"type\":\"Ready\","
                 "\"status\":\"False\"}]}}"},
    {STORE_POD,
     "{\"metadata\":{\"name\":\"p1\",\"namespace\":\"default\",\"labels\":{\"app\":\"web\"}},"
     "\"spec\":{\"nodeName\":\"n1\",\"containers\":[{\"name\":\"c\",\"image\":\"web:v1\"}]},"
     "\"status\":{\"phase\":\"Running\",\"podIP\":\"10.244.1.2\",\"conditions\":[{\"type\":"
     "\"Ready\",\"status\":\"True\"}],\"containerStatuses\":[{\"name\":\"c\",\"ready\":true,"
     "\"restartCount\":0,\"state\":{\"running\":{\"startedAt\":\"2026-11-21T09:52:32Z\"}}}]}}"},
    {STORE_POD,
     "{\"metadata\":{\"name\":\"p2\",\"namespace\":\"default\",\"labels\":{\"app\":\"other\"}},"
     "\"spec\":{\"nodeName\":\"n2\",\"containers\":[{\"name\":\"c\",\"image\":\"web:v1\"}]}}"},
};

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void fill(struct store *store)
{
    for (unsigned i = 0; i < sizeof(objects) / sizeof(objects[0]); i++) {
        cJSON *object = cJSON_Parse(objects[i].text);
        api_default(objects[i].kind, object);
        if (store_create(store, objects[i].kind, object, now_ns(), NULL) != STORE_OK)
            abort();
    }
}

/* Remove the pods whose deletion was asked for more than LINGER_NS ago. Its time is kept by name, as the
 * only pods are few. */
static void bury(struct store *store, int64_t utc_ns)
{
    static struct {
        char name[64];
        int64_t since_ns;
    } dying[16];
    const cJSON *pod = NULL;
    while ((pod = store_next(store, STORE_POD, NULL, pod)) != NULL) {
        if (json_at(pod, "metadata.deletionTimestamp") == NULL)
            continue;
        const char *name = json_string(pod, "metadata.name", "");
        unsigned i = 0;
        while (i < 15 && dying[i].since_ns != 0 && strcmp(dying[i].name, name) != 0)
            i++;
        if (dying[i].since_ns == 0) {
            snprintf(dying[i].name, sizeof(dying[i].name), "%s", name);
            dying[i].since_ns = utc_ns;
        }
        if (utc_ns - dying[i].since_ns < LINGER_NS)
            continue;
        dying[i].since_ns = 0;
        store_delete(store, STORE_POD, json_string(pod, "metadata.namespace", ""), name, utc_ns);
    }
}

static void touch(struct store *store)
{
    static int count;
    const cJSON *pod = store_get(store, STORE_POD, "default", "p1");
    if (pod == NULL)
        return;
    cJSON *next = cJSON_Duplicate(pod, true);
    cJSON *annotations = json_make(next, "metadata.annotations");
    cJSON_DeleteItemFromObjectCaseSensitive(annotations, "touched");
    char text[16];
    snprintf(text, sizeof(text), "%d", ++count);
    cJSON_AddStringToObject(annotations, "touched", text);
    store_update(store, STORE_POD, next, now_ns(), NULL);
}

/* False: standard input has ended. */
static bool obey(struct api_server *server, struct store *store)
{
    char line[64];
    ssize_t size = read(STDIN_FILENO, line, sizeof(line) - 1);
    if (size <= 0)
        return false;
    line[size] = '\0';
    if (strstr(line, "drop") != NULL)
        api_server_drop_watches(server);
    if (strstr(line, "expire") != NULL)
        api_server_expire(server, store_version(store) + 1);
    if (strstr(line, "recover") != NULL)
        api_server_expire(server, 0);
    if (strstr(line, "touch") != NULL)
        touch(store);
    return true;
}

static void serve(struct api_server *server, struct store *store)
{
    struct pollfd fds[] = {{.fd = api_server_fd(server), .events = POLLIN},
                           {.fd = STDIN_FILENO, .events = POLLIN}};
    for (;;) {
        int wait_ms = api_server_wait_ms(server);
        if (poll(fds, 2, wait_ms < 100 ? wait_ms : 100) < 0 && errno != EINTR)
            return;
        if (fds[1].revents != 0 && !obey(server, store))
            return;
        bury(store, now_ns());
        api_server_run(server, now_ns());
    }
}

int main(int argc, char **argv)
{
    char url[64];
    struct error err = {0};
    struct certificate_set certificates = {0};
    struct api_server *server = NULL;
    if (argc < 2) {
        fprintf(stderr, "usage: api_only KUBECONFIG [DENY]...\n");
        return EXIT_USAGE;
    }
    struct store *store = store_new(1);
    fill(store);
    const struct api_server_config config = {
        .store = store,
        .certificates = &certificates,
        .minor = API_KUBERNETES_MINOR,
        .deny = (const char *const *)argv + 2,
        .deny_count = (unsigned)argc - 2,
    };
    if (certificate_make(&certificates, now_ns(), &err) == 0 &&
        api_server_start(&config, &server, &err) == 0) {
        snprintf(url, sizeof(url), "https://127.0.0.1:%u", api_server_port(server));
        kubeconfig_write(argv[1], url, &certificates, &err);
    }
    if (err.text[0] == '\0') {
        printf("ready %u\n", api_server_port(server));
        fflush(stdout);
        serve(server, store);
    } else {
        fprintf(stderr, "api_only: %s\n", err.text);
    }
    api_server_stop(server);
    certificate_free(&certificates);
    store_free(store);
    return err.text[0] == '\0' ? EXIT_MET : (int)err.status;
}
