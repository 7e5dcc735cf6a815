#include "kube/proxy_config.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/yaml_tree.h"

static int read(const char *text, cJSON **out, struct error *err);
static void put(cJSON *object, const char *name, const char *value);
static void describe(const char *mode, const char *scheduler, char out[80]);

int kube_proxy_config_change(const char *text, struct kube_proxy_config *config, struct error *err)
{
    cJSON *tree = NULL;
    int code = read(text, &tree, err);
    if (code < 0)
        return code;
    const char *mode = json_string(tree, "mode", "");
    const char *scheduler = json_string(tree, "ipvs.scheduler", "");
    mode = mode[0] == '\0' ? "iptables" : mode;
    scheduler = scheduler[0] == '\0' ? "rr" : scheduler;
    bool ipvs = strcmp(mode, "ipvs") == 0;
    const char *wanted = config->mode[0] != '\0' ? config->mode : ipvs ? "iptables" : mode;
    const char *other = config->scheduler[0] != '\0' ? config->scheduler : scheduler;
    bool to_ipvs = strcmp(wanted, "ipvs") == 0;
    bool same = strcmp(mode, wanted) == 0 && (!to_ipvs || strcmp(scheduler, other) == 0);
    describe(mode, scheduler, config->before);
    describe(wanted, other, config->after);
    config->text = NULL;
    if (!same) {
        put(tree, "mode", wanted);
        if (cJSON_IsNull(json_member(tree, "ipvs")))
            cJSON_DeleteItemFromObjectCaseSensitive(tree, "ipvs");
        if (to_ipvs)
            put(json_make(tree, "ipvs"), "scheduler", other);
        config->text = json_print(tree, true);
    }
    cJSON_Delete(tree);
    return same || config->text != NULL
               ? 0
               : error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory");
}

void kube_proxy_config_free(struct kube_proxy_config *config)
{
    cJSON_free(config->text);
    config->text = NULL;
}

static int read(const char *text, cJSON **out, struct error *err)
{
    if (text == NULL)
        return error_set(err, EXIT_ENVIRONMENT, -EINVAL,
                         "it has no %s, as kubeadm's has: how its kube-proxy is configured is not "
                         "known here",
                         KUBE_PROXY_CONFIG_KEY);
    cJSON *documents = yaml_tree_parse(text, strlen(text), err);
    if (documents == NULL) {
        error_wrap(err, "%s", KUBE_PROXY_CONFIG_KEY);
        return -EINVAL;
    }
    cJSON *first = cJSON_DetachItemFromArray(documents, 0);
    bool only = cJSON_GetArraySize(documents) == 0;
    const cJSON *ipvs = json_member(first, "ipvs");
    cJSON_Delete(documents);
    if (only && strcmp(json_string(first, "kind", ""), "KubeProxyConfiguration") == 0 &&
        (ipvs == NULL || cJSON_IsNull(ipvs) || cJSON_IsObject(ipvs))) {
        *out = first;
        return 0;
    }
    cJSON_Delete(first);
    return error_set(err, EXIT_ENVIRONMENT, -EINVAL, "%s is no one KubeProxyConfiguration",
                     KUBE_PROXY_CONFIG_KEY);
}

static void put(cJSON *object, const char *name, const char *value)
{
    cJSON *item = cJSON_CreateString(value); /* It may be the one that goes. */
    cJSON_DeleteItemFromObjectCaseSensitive(object, name);
    cJSON_AddItemToObject(object, name, item);
}

static void describe(const char *mode, const char *scheduler, char out[80])
{
    bool ipvs = strcmp(mode, "ipvs") == 0;
    snprintf(out, 80, "%.30s%s%.30s", mode, ipvs ? ", " : "", ipvs ? scheduler : "");
}
