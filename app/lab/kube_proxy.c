#include "lab/kube_proxy.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/yaml_tree.h"
#include "lab/object.h"

static const char config_key[] = "config.conf";

cJSON *kube_proxy_configmap(enum proxy_mode mode)
{
    cJSON *object = object_new("v1", "ConfigMap", KUBE_PROXY_NAMESPACE, KUBE_PROXY_NAME);
    char text[256];

    snprintf(text, sizeof(text),
             "apiVersion: kubeproxy.config.k8s.io/v1alpha1\n"
             "kind: KubeProxyConfiguration\n"
             "mode: \"%s\"\n"
             "ipvs:\n"
             "  scheduler: \"%s\"\n",
             mode == PROXY_RANDOM ? "nftables" : "ipvs",
             mode == PROXY_RANDOM ? ""
             : mode == PROXY_SH   ? "sh"
                                  : "rr");
    object_put_string(json_make(object, "metadata.labels"), "app", KUBE_PROXY_NAME);
    object_put_string(json_make(object, "data"), config_key, text);
    return object;
}

cJSON *kube_proxy_daemonset(void)
{
    cJSON *object = object_new("apps/v1", "DaemonSet", KUBE_PROXY_NAMESPACE, KUBE_PROXY_NAME);
    cJSON *pod = json_make(object, "spec.template.spec");
    cJSON *container = cJSON_CreateObject(), *toleration = cJSON_CreateObject();

    object_put_string(json_make(object, "metadata.labels"), "k8s-app", KUBE_PROXY_NAME);
    object_put_string(json_make(object, "spec.selector.matchLabels"), "k8s-app", KUBE_PROXY_NAME);
    object_put_string(json_make(object, "spec.template.metadata.labels"), "k8s-app",
                      KUBE_PROXY_NAME);
    cJSON_AddStringToObject(toleration, "operator", "Exists");
    cJSON_AddItemToArray(cJSON_AddArrayToObject(pod, "tolerations"), toleration);
    cJSON_AddBoolToObject(pod, "hostNetwork", true);
    cJSON_AddStringToObject(container, "name", KUBE_PROXY_NAME);
    cJSON_AddStringToObject(container, "image", KUBE_PROXY_IMAGE);
    cJSON_AddItemToArray(cJSON_AddArrayToObject(pod, "containers"), container);
    return object;
}

static int mode_of(const cJSON *config, enum proxy_mode *out, char *why, size_t why_bytes)
{
    const char *mode = json_string(config, "mode", "");
    const char *scheduler = json_string(config, "ipvs.scheduler", "");

    if (mode[0] == '\0' || strcmp(mode, "iptables") == 0 || strcmp(mode, "nftables") == 0) {
        *out = PROXY_RANDOM;
        return 0;
    }
    if (strcmp(mode, "ipvs") != 0) {
        snprintf(why, why_bytes, "mode \"%.60s\" is unknown", mode);
        return -EINVAL;
    }
    if (strcmp(scheduler, "sh") == 0)
        *out = PROXY_SH;
    else if (scheduler[0] == '\0' || strcmp(scheduler, "rr") == 0)
        *out = PROXY_RR;
    else {
        snprintf(why, why_bytes, "the lab has no scheduler \"%.60s\", only rr and sh", scheduler);
        return -EINVAL;
    }
    return 0;
}

int kube_proxy_mode(const cJSON *configmap, enum proxy_mode *out, char *why, size_t why_bytes)
{
    const cJSON *text = json_member(json_member(configmap, "data"), config_key);
    struct error err = {0};
    cJSON *documents;
    int rc = -EINVAL;

    if (!cJSON_IsString(text)) {
        snprintf(why, why_bytes, "the ConfigMap kube-proxy has no %s", config_key);
        return -EINVAL;
    }
    documents = yaml_tree_parse(text->valuestring, strlen(text->valuestring), &err);
    if (documents == NULL)
        snprintf(why, why_bytes, "%s: %.200s", config_key, err.text);
    else if (cJSON_GetArraySize(documents) != 1)
        snprintf(why, why_bytes, "%s must be one YAML document", config_key);
    else
        rc = mode_of(documents->child, out, why, why_bytes);
    cJSON_Delete(documents);
    return rc;
}
