#include "kube/kubeconfig.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/json.h"
#include "base/text.h"
#include "base/yaml_tree.h"
#include "kube/exec_credential.h"
#include "kube/in_cluster.h"

enum {
    KUBECONFIG_BYTES = 4 << 20,
    PEM_BYTES = 1 << 20
};

static cJSON *read_tree(const char *bytes, size_t size, const char *path, struct error *err);
static int read_context(const cJSON *tree, const char *context, struct kubeconfig *out,
                        struct error *err);
static int read_cluster(const cJSON *tree, struct kubeconfig *out, struct error *err);
static int read_user(const cJSON *tree, struct kubeconfig *out, struct error *err);
static int refuse_plugins(const cJSON *user, const struct kubeconfig *out, struct error *err);
static int read_exec(const cJSON *exec, struct kubeconfig *out, struct error *err);
static const cJSON *find_named(const cJSON *tree, const char *list, const char *name);
static int missing(const cJSON *tree, const char *list, const char *what, const char *name,
                   const struct kubeconfig *out, struct error *err);
static int read_pem(const cJSON *object, const char *key, struct kubeconfig *out, char **pem,
                    char **origin, struct error *err);
static int read_token(const cJSON *user, struct kubeconfig *out, struct error *err);
static char *resolve(const char *config_path, const char *path);
static int copy(char **to, const char *text);
static void wipe(char **secret);

int kubeconfig_load(const char *path, const char *context, struct kubeconfig *out,
                    struct error *err)
{
    struct text bytes = {0};
    struct kubeconfig config;
    if (kube_in_cluster(path))
        return kube_in_cluster_load(path, out, err);
    int code = text_read_file(&bytes, path, KUBECONFIG_BYTES);
    if (code < 0)
        error_set(err, EXIT_USAGE, code, "kubeconfig %s: %s", path, strerror(-code));
    else
        code = kubeconfig_parse(text_str(&bytes), bytes.size, path, context, &config, err);
    if (code == 0 && config.exec != NULL && (code = kube_exec_run(&config, err)) < 0) {
        error_wrap(err, "kubeconfig %s", path);
        kubeconfig_free(&config);
    }
    if (code == 0)
        *out = config;
    if (bytes.data != NULL)
        explicit_bzero(bytes.data, bytes.size);
    text_free(&bytes);
    return code;
}

int kubeconfig_parse(const char *bytes, size_t size, const char *path, const char *context,
                     struct kubeconfig *out, struct error *err)
{
    struct kubeconfig config = {.expires_utc_ns = INT64_MAX};
    cJSON *tree = read_tree(bytes, size, path, err);
    if (tree == NULL)
        return -EINVAL;
    int code = copy(&config.path, path);
    if (code == 0)
        code = read_context(cJSON_GetArrayItem(tree, 0), context, &config, err);
    if (code == 0)
        code = read_cluster(cJSON_GetArrayItem(tree, 0), &config, err);
    if (code == 0)
        code = read_user(cJSON_GetArrayItem(tree, 0), &config, err);
    cJSON_Delete(tree);
    if (code < 0) {
        error_set(err, EXIT_ENVIRONMENT, code, "%s", strerror(-code));
        error_wrap(err, "kubeconfig %s", path);
        kubeconfig_free(&config);
        return code;
    }
    *out = config;
    return 0;
}

void kubeconfig_free(struct kubeconfig *config)
{
    wipe(&config->client_key_pem);
    wipe(&config->token);
    free(config->path);
    free(config->context);
    free(config->cluster);
    free(config->user);
    free(config->server);
    free(config->namespace);
    free(config->tls_server_name);
    free(config->proxy_url);
    free(config->ca_pem);
    free(config->client_cert_pem);
    free(config->token_path);
    free(config->ca_origin);
    free(config->renewal);
    cJSON_Delete(config->exec);
    *config = (struct kubeconfig){0};
}

static cJSON *read_tree(const char *bytes, size_t size, const char *path, struct error *err)
{
    cJSON *tree = yaml_tree_parse(bytes, size, err);
    if (tree != NULL && !cJSON_IsObject(cJSON_GetArrayItem(tree, 0))) {
        error_set(err, EXIT_USAGE, -EINVAL, "there is no kubeconfig in it");
        cJSON_Delete(tree);
        tree = NULL;
    }
    if (tree == NULL)
        error_wrap(err, "kubeconfig %s", path);
    return tree;
}

static int read_context(const cJSON *tree, const char *context, struct kubeconfig *out,
                        struct error *err)
{
    if (context == NULL || context[0] == '\0')
        return missing(tree, "contexts", "context", "", out, err);
    const cJSON *found = find_named(tree, "contexts", context);
    if (found == NULL)
        return missing(tree, "contexts", "context", context, out, err);
    int code = copy(&out->context, context);
    if (code == 0)
        code = copy(&out->cluster, json_string(found, "context.cluster", ""));
    if (code == 0)
        code = copy(&out->user, json_string(found, "context.user", ""));
    if (code == 0)
        code = copy(&out->namespace, json_string(found, "context.namespace", "default"));
    return code;
}

static int read_cluster(const cJSON *tree, struct kubeconfig *out, struct error *err)
{
    const cJSON *found = find_named(tree, "clusters", out->cluster);
    const cJSON *cluster = json_member(found, "cluster");
    if (cluster == NULL)
        return missing(tree, "clusters", "cluster", out->cluster, out, err);
    const char *server = json_string(cluster, "server", "");
    size_t length = strlen(server);
    if (strncmp(server, "https://", 8) != 0 || length == 8)
        return error_set(err, EXIT_USAGE, -EINVAL,
                         "cluster \"%s\": server \"%s\" is no https:// URL: only TLS is spoken",
                         out->cluster, server);
    while (server[length - 1] == '/')
        length--;
    out->server = strndup(server, length);
    out->insecure = json_bool(cluster, "insecure-skip-tls-verify", false);
    const char *name = json_string(cluster, "tls-server-name", NULL);
    const char *proxy = json_string(cluster, "proxy-url", NULL);
    if (out->server == NULL || (name != NULL && copy(&out->tls_server_name, name) < 0) ||
        (proxy != NULL && copy(&out->proxy_url, proxy) < 0))
        return -ENOMEM;
    int code = read_pem(cluster, "certificate-authority", out, &out->ca_pem, &out->ca_origin, err);
    if (code < 0)
        error_wrap(err, "cluster \"%s\"", out->cluster);
    return code;
}

static int read_user(const cJSON *tree, struct kubeconfig *out, struct error *err)
{
    if (out->user[0] == '\0')
        return 0;
    const cJSON *found = find_named(tree, "users", out->user);
    const cJSON *user = json_member(found, "user");
    if (found == NULL)
        return missing(tree, "users", "user", out->user, out, err);
    int code = refuse_plugins(user, out, err);
    if (code == 0)
        code = read_exec(json_member(user, "exec"), out, err);
    if (code == 0)
        code = read_pem(user, "client-certificate", out, &out->client_cert_pem, NULL, err);
    if (code == 0)
        code = read_pem(user, "client-key", out, &out->client_key_pem, NULL, err);
    if (code == 0)
        code = read_token(user, out, err);
    if (code == 0 && (out->client_cert_pem == NULL) != (out->client_key_pem == NULL))
        code = error_set(err, EXIT_USAGE, -EINVAL, "has %s but no %s: both are needed",
                         out->client_cert_pem == NULL ? "a client-key" : "a client-certificate",
                         out->client_cert_pem == NULL ? "client-certificate" : "client-key");
    if (code < 0)
        error_wrap(err, "user \"%s\"", out->user);
    return code;
}

static int refuse_plugins(const cJSON *user, const struct kubeconfig *out, struct error *err)
{
    static const char help[] = "give a token or a client certificate instead, for example of "
                               "`kubectl create token SERVICEACCOUNT --duration 8h`";
    if (json_member(user, "auth-provider") != NULL)
        return error_set(err, EXIT_USAGE, -ENOTSUP, "uses auth-provider %s, which is not known: %s",
                         json_string(user, "auth-provider.name", "?"), help);
    if (json_member(user, "username") != NULL)
        return error_set(err, EXIT_USAGE, -ENOTSUP,
                         "has a password; API servers since 1.19 know none: %s", help);
    if (json_member(user, "as") != NULL)
        return error_set(err, EXIT_USAGE, -ENOTSUP,
                         "acts as somebody else (as: %s), which is not supported: name a user of "
                         "context \"%s\" that has the rights itself",
                         json_string(user, "as", "?"), out->context);
    return 0;
}

static int read_exec(const cJSON *exec, struct kubeconfig *out, struct error *err)
{
    if (exec == NULL)
        return 0;
    int code = kube_exec_check(exec, err);
    if (code == 0)
        out->exec = cJSON_Duplicate(exec, true);
    return code == 0 && out->exec == NULL ? -ENOMEM : code;
}

static const cJSON *find_named(const cJSON *tree, const char *list, const char *name)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, json_member(tree, list))
    {
        if (strcmp(json_string(item, "name", ""), name) == 0)
            return item;
    }
    return NULL;
}

/* Says what there is instead, so that a typing error can be seen. */
static int missing(const cJSON *tree, const char *list, const char *what, const char *name,
                   const struct kubeconfig *out, struct error *err)
{
    struct text names = {0};
    const cJSON *item;
    cJSON_ArrayForEach(item, json_member(tree, list))
    {
        text_addf(&names, "%s%s", names.size > 0 ? ", " : "", json_string(item, "name", "?"));
    }
    const char *all = names.size > 0 ? text_str(&names) : "none";
    if (name[0] == '\0')
        error_set(err, EXIT_USAGE, -EINVAL, "no %s is named; there are: %s", what, all);
    else if (out->context == NULL)
        error_set(err, EXIT_USAGE, -ENOENT, "no %s \"%s\"; there are: %s", what, name, all);
    else
        error_set(err, EXIT_USAGE, -ENOENT,
                  "no %s \"%s\", which context \"%s\" names; there are: %s", what, name,
                  out->context, all);
    text_free(&names);
    return name[0] == '\0' ? -EINVAL : -ENOENT;
}

/* KEY-data, inline base64, wins over the file KEY, as in kubectl. */
static int read_pem(const cJSON *object, const char *key, struct kubeconfig *out, char **pem,
                    char **origin, struct error *err)
{
    char inline_key[64];
    snprintf(inline_key, sizeof(inline_key), "%s-data", key);
    const char *data = json_string(object, inline_key, "");
    const char *file = json_string(object, key, "");
    char place[PATH_MAX + 64];
    if (data[0] != '\0') {
        snprintf(place, sizeof(place), "%s of %s", inline_key, out->path);
        *pem = base64_decode(data, NULL);
        if (*pem == NULL)
            return error_set(err, EXIT_USAGE, -EINVAL, "%s is no base64", inline_key);
    } else if (file[0] != '\0') {
        struct text bytes = {0};
        char *path = resolve(out->path, file);
        int code = path == NULL ? -ENOMEM : text_read_file(&bytes, path, PEM_BYTES);
        if (code < 0)
            error_set(err, EXIT_USAGE, code, "%s %s: %s", key, path == NULL ? file : path,
                      strerror(-code));
        snprintf(place, sizeof(place), "%s", path == NULL ? file : path);
        free(path);
        if (code == 0)
            code = copy(pem, text_str(&bytes));
        if (bytes.data != NULL)
            explicit_bzero(bytes.data, bytes.size);
        text_free(&bytes);
        if (code < 0)
            return code;
    } else {
        return 0;
    }
    if (strstr(*pem, "-----BEGIN ") == NULL)
        return error_set(err, EXIT_USAGE, -EINVAL, "%s is no PEM: \"-----BEGIN\" is missing",
                         place);
    return origin == NULL ? 0 : copy(origin, place);
}

static int read_token(const cJSON *user, struct kubeconfig *out, struct error *err)
{
    const char *token = json_string(user, "token", "");
    const char *file = json_string(user, "tokenFile", "");
    if (token[0] != '\0' && strpbrk(token, "\r\n") != NULL)
        return error_set(err, EXIT_USAGE, -EINVAL, "its token has a line break in it");
    if (file[0] != '\0') {
        out->token_path = resolve(out->path, file);
        return out->token_path == NULL ? -ENOMEM : 0;
    }
    return token[0] == '\0' ? 0 : copy(&out->token, token);
}

static char *resolve(const char *config_path, const char *path)
{
    const char *slash = strrchr(config_path, '/');
    char *out = NULL;
    if (path[0] == '/' || slash == NULL)
        return strdup(path);
    if (asprintf(&out, "%.*s/%s", (int)(slash - config_path), config_path, path) < 0)
        return NULL;
    return out;
}

static int copy(char **to, const char *text)
{
    *to = strdup(text);
    return *to == NULL ? -ENOMEM : 0;
}

static void wipe(char **secret)
{
    if (*secret != NULL)
        explicit_bzero(*secret, strlen(*secret));
    free(*secret);
    *secret = NULL;
}
