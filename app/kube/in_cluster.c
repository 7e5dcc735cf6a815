#include "kube/in_cluster.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/text.h"
#include "kube/resource.h"

static cJSON *make_tree(const char *folder, const char *host, const char *port,
                        const char *namespace);
static cJSON *named(cJSON *tree, const char *list, const char *what);
static void read_namespace(const char *folder, char out[KUBE_NAMESPACE_BYTES]);

bool kube_in_cluster(const char *path)
{
    size_t size = strlen(KUBE_IN_CLUSTER);
    return strncmp(path, KUBE_IN_CLUSTER, size) == 0 && (path[size] == '\0' || path[size] == ':');
}

int kube_in_cluster_load(const char *path, struct kubeconfig *out, struct error *err)
{
    const char *colon = strchr(path, ':');
    const char *folder = colon == NULL ? KUBE_IN_CLUSTER_FOLDER : colon + 1;
    const char *host = getenv("KUBERNETES_SERVICE_HOST");
    const char *port = getenv("KUBERNETES_SERVICE_PORT");
    char namespace[KUBE_NAMESPACE_BYTES], token[PATH_MAX];
    if (host == NULL || host[0] == '\0' || port == NULL || port[0] == '\0')
        return error_set(err, EXIT_USAGE, -ENOENT,
                         "%s: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set: is "
                         "this a pod? Elsewhere name a kubeconfig",
                         path);
    snprintf(token, sizeof(token), "%s/token", folder);
    if (access(token, R_OK) < 0)
        return error_set(err, EXIT_USAGE, -errno,
                         "%s: %s: %s: does the pod mount its service account "
                         "(automountServiceAccountToken)?",
                         path, token, strerror(errno));
    read_namespace(folder, namespace);
    cJSON *tree = make_tree(folder, host, port, namespace);
    char *text = json_print(tree, false);
    int code = text == NULL ? error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory")
                            : kubeconfig_parse(text, strlen(text), path, KUBE_IN_CLUSTER, out, err);
    cJSON_free(text);
    cJSON_Delete(tree);
    return code;
}

/* It is read as any other kubeconfig. */
static cJSON *make_tree(const char *folder, const char *host, const char *port,
                        const char *namespace)
{
    char server[512], file[PATH_MAX];
    bool v6 = strchr(host, ':') != NULL;
    cJSON *tree = cJSON_CreateObject();
    cJSON *cluster = named(tree, "clusters", "cluster");
    cJSON *context = named(tree, "contexts", "context");
    cJSON *user = named(tree, "users", "user");
    snprintf(server, sizeof(server), "https://%s%s%s:%s", v6 ? "[" : "", host, v6 ? "]" : "", port);
    cJSON_AddStringToObject(cluster, "server", server);
    snprintf(file, sizeof(file), "%s/ca.crt", folder);
    cJSON_AddStringToObject(cluster, "certificate-authority", file);
    snprintf(file, sizeof(file), "%s/token", folder);
    cJSON_AddStringToObject(user, "tokenFile", file);
    cJSON_AddStringToObject(context, "cluster", KUBE_IN_CLUSTER);
    cJSON_AddStringToObject(context, "user", KUBE_IN_CLUSTER);
    cJSON_AddStringToObject(context, "namespace", namespace);
    return tree;
}

static cJSON *named(cJSON *tree, const char *list, const char *what)
{
    cJSON *item = cJSON_CreateObject();
    cJSON_AddItemToArray(cJSON_AddArrayToObject(tree, list), item);
    cJSON_AddStringToObject(item, "name", KUBE_IN_CLUSTER);
    return cJSON_AddObjectToObject(item, what);
}

static void read_namespace(const char *folder, char out[KUBE_NAMESPACE_BYTES])
{
    char file[PATH_MAX];
    struct text text = {0};
    snprintf(file, sizeof(file), "%s/namespace", folder);
    int code = text_read_file(&text, file, 4096);
    const char *bytes = code == 0 ? text_str(&text) : "";
    size_t size = strcspn(bytes, "\r\n \t");
    bool good = size > 0 && size < KUBE_NAMESPACE_BYTES;
    snprintf(out, KUBE_NAMESPACE_BYTES, "%.*s", good ? (int)size : 7, good ? bytes : "default");
    text_free(&text);
}
