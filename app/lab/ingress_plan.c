#include "lab/ingress_plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/nginx_config.h"
#include "lab/object.h"

enum {
    HOST_BYTES = 254,
    PATH_BYTES = 256,
    NAME_BYTES = 600,
    PORT_BYTES = 64,
    WORKERS = 2
};

static const char annotation_prefix[] = "nginx.ingress.kubernetes.io/";

/* A path of a host, and where it leads. */
struct way {
    const cJSON *ingress;  /* Whose it is. */
    char host[HOST_BYTES]; /* "": any. */
    char path[PATH_BYTES]; /* Without a slash at the end, unless it is all. */
    bool exact;            /* Else a prefix, by whole segments. */
    const char *service;   /* Name. */
    char port[PORT_BYTES]; /* Number or name. */
    char name[NAME_BYTES]; /* Of the backend. */
};

struct ways {
    struct way items[INGRESS_PATHS_MAX];
    size_t count;
};

bool ingress_host_is_good(const char *host)
{
    size_t size = strlen(host);

    if (strncmp(host, "*.", 2) == 0) {
        host += 2;
        size -= 2;
    }
    return size > 0 && size < HOST_BYTES - 2 && host[0] != '.' && host[0] != '-' &&
           strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789-.") == size;
}

bool ingress_path_is_good(const char *path)
{
    size_t size = strlen(path);

    return path[0] == '/' && size < PATH_BYTES &&
           strspn(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~%/") ==
               size;
}

static const char *annotation(const cJSON *ingress, const char *name)
{
    char key[96];

    snprintf(key, sizeof(key), "%s%s", annotation_prefix, name);
    return object_annotation(ingress, key);
}

static const struct way *same_way(const struct ways *ways, const char *host, const char *path,
                                  bool exact)
{
    for (size_t i = 0; i < ways->count; i++) {
        const struct way *way = &ways->items[i];
        if (way->exact == exact && strcmp(way->host, host) == 0 && strcmp(way->path, path) == 0)
            return way;
    }
    return NULL;
}

static void add_way(struct ways *ways, const cJSON *ingress, const char *host, const char *path,
                    bool exact, const cJSON *backend)
{
    const char *service = json_string(backend, "service.name", "");
    const char *port = json_string(backend, "service.port.name", "");
    struct way way = {.ingress = ingress, .exact = exact, .service = service};
    size_t size = strlen(path);

    if ((host[0] != '\0' && !ingress_host_is_good(host)) || !ingress_path_is_good(path))
        return;
    snprintf(way.host, sizeof(way.host), "%s", host);
    snprintf(way.path, sizeof(way.path), "%s", path);
    if (!exact && size > 1 && path[size - 1] == '/')
        way.path[size - 1] = '\0';
    if (port[0] != '\0')
        snprintf(way.port, sizeof(way.port), "%s", port);
    else
        snprintf(way.port, sizeof(way.port), "%lld",
                 (long long)json_integer(backend, "service.port.number", 0));
    snprintf(way.name, sizeof(way.name), "%.200s-%.200s-%.60s", object_namespace(ingress), service,
             way.port);
    /* It stands in the configuration and in lines. */
    if (service[0] != '\0' && ways->count < INGRESS_PATHS_MAX &&
        strspn(way.name, "abcdefghijklmnopqrstuvwxyz0123456789-.") == strlen(way.name) &&
        same_way(ways, way.host, way.path, exact) == NULL)
        ways->items[ways->count++] = way;
}

static bool is_ours(const cJSON *ingress)
{
    return strcmp(json_string(ingress, "spec.ingressClassName", "nginx"), "nginx") == 0;
}

static void add_ingress(struct ways *ways, const cJSON *ingress)
{
    const cJSON *rule, *path;

    if (!is_ours(ingress))
        return;
    cJSON_ArrayForEach(rule, json_at(ingress, "spec.rules"))
    {
        cJSON_ArrayForEach(path, json_at(rule, "http.paths")) add_way(
            ways, ingress, json_string(rule, "host", ""), json_string(path, "path", "/"),
            strcmp(json_string(path, "pathType", ""), "Exact") == 0, json_at(path, "backend"));
    }
    if (json_at(ingress, "spec.defaultBackend") != NULL)
        add_way(ways, ingress, "", "/", false, json_at(ingress, "spec.defaultBackend"));
}

static void put_begin(struct text *text, const struct ingress_settings *settings)
{
    /* ngx.timer wants a millisecond. */
    int64_t look_ms = settings->look_ns / 1000000;

    nginx_config_begin(text, settings->dir,
                       "load_module modules/ndk_http_module.so;\n"
                       "load_module modules/ngx_http_lua_module.so;\n",
                       WORKERS);
    text_addf(text,
              "lua_package_path \"%s/?.lua;/usr/share/lua/5.1/?.lua;;\";\n"
              "lua_shared_dict backends 8m;\n"
              "init_by_lua_block {\n"
              "ingress = require(\"ingress\")\n"
              "ingress.truth = \"%s/truth.jsonl\"\n"
              "ingress.start_s, ingress.start_ns = %lldLL, %lldLL\n"
              "ingress.look_s = %lld / 1000\n"
              "}\n"
              "init_worker_by_lua_block {\n"
              "ingress.pod = io.open(\"/proc/sys/kernel/hostname\"):read(\"*l\")\n"
              "ingress.work()\n}\n",
              settings->dir, settings->dir, (long long)(settings->start_ns / 1000000000),
              (long long)(settings->start_ns % 1000000000), (long long)(look_ms > 0 ? look_ms : 1));
    text_addf(
        text,
        "proxy_http_version 1.1;\nproxy_buffering off;\nproxy_set_header Host $http_host;\n"
        "proxy_set_header X-Forwarded-For $remote_addr;\n"
        "proxy_set_header X-Forwarded-Proto $scheme;\n"
        "client_body_buffer_size 1m;\n"
        "upstream pods {\nserver 0.0.0.1;\n"
        "balancer_by_lua_block { ingress.balance() }\n}\n"
        "server {\nlisten 127.0.0.1:%d;\n"
        "location = /configuration/backends { content_by_lua_block { ingress.configure() } }\n"
        "}\n"
        "server {\nlisten %d;\nlisten [::]:%d;\n"
        "location = /healthz { content_by_lua_block { ingress.health() } }\n}\n",
        INGRESS_CONTROL_PORT, INGRESS_HEALTH_PORT, INGRESS_HEALTH_PORT);
}

/* Seconds as the annotation has them, or OTHERWISE. */
static unsigned seconds(const cJSON *ingress, const char *name, unsigned otherwise)
{
    const char *text = annotation(ingress, name);
    size_t digits = text == NULL ? 0 : strspn(text, "0123456789");

    return digits == 0 || digits > 5 || text[digits] != '\0' ? otherwise
                                                             : (unsigned)strtoul(text, NULL, 10);
}

static bool is_condition(const char *word, size_t size)
{
    static const char *const conditions[] = {"error",    "timeout",  "invalid_header", "http_500",
                                             "http_502", "http_503", "http_504",       "http_403",
                                             "http_404", "http_429", "non_idempotent", "off"};

    for (size_t i = 0; i < sizeof(conditions) / sizeof(conditions[0]); i++) {
        if (strlen(conditions[i]) == size && memcmp(conditions[i], word, size) == 0)
            return true;
    }
    return false;
}

/* With one word that nginx does not know it would take no configuration any more, of nobody. */
static const char *next_upstream(const cJSON *ingress)
{
    static const char usual[] = "error timeout";
    const char *text = annotation(ingress, "proxy-next-upstream");
    size_t count = 0;

    for (const char *word = text; word != NULL && *word != '\0'; count++) {
        size_t size = strcspn(word, " ");
        if (!is_condition(word, size))
            return usual;
        word += size;
        word += *word == ' ';
    }
    return count > 0 && count <= 12 ? text : usual;
}

/* As ingress-nginx does for hosts of `tls`, unless its annotation says no. */
static bool redirects(const struct way *way)
{
    const char *said = annotation(way->ingress, "ssl-redirect");
    const cJSON *tls, *host;

    if (said != NULL && strcmp(said, "false") == 0)
        return false;
    cJSON_ArrayForEach(tls, json_at(way->ingress, "spec.tls"))
    {
        cJSON_ArrayForEach(host, json_at(tls, "hosts"))
        {
            if (cJSON_IsString(host) && way->host[0] != '\0' &&
                strcmp(host->valuestring, way->host) == 0)
                return true;
        }
    }
    return false;
}

static void put_location(struct text *text, const struct way *way, const char *kind,
                         const char *slash)
{
    text_addf(text, "location %s%s%s {\n", kind, way->path, slash);
    if (redirects(way))
        text_add(text, "if ($scheme = http) { return 308 https://$host$request_uri; }\n");
    text_addf(text,
              "set $backend \"%s\";\nrewrite_by_lua_block { ingress.check() "
              "}\nproxy_connect_timeout %us;\nproxy_read_timeout %us;\n"
              "proxy_send_timeout %us;\nproxy_next_upstream %s;\nproxy_next_upstream_tries 3;\n"
              "proxy_pass http://pods;\n}\n",
              way->name, seconds(way->ingress, "proxy-connect-timeout", 5),
              seconds(way->ingress, "proxy-read-timeout", 60),
              seconds(way->ingress, "proxy-send-timeout", 60), next_upstream(way->ingress));
}

static void put_way(struct text *text, const struct ways *ways, const struct way *way)
{
    bool root = strcmp(way->path, "/") == 0;

    if (way->exact || (!root && same_way(ways, way->host, way->path, true) == NULL))
        put_location(text, way, "= ", "");
    if (!way->exact)
        put_location(text, way, "", root ? "" : "/");
}

static void put_server(struct text *text, const struct ways *ways, const char *host)
{
    const char *other = host[0] == '\0' ? " default_server" : "";

    text_addf(text,
              "server {\nlisten 80%s;\nlisten [::]:80%s;\nlisten 443 ssl%s;\n"
              "listen [::]:443 ssl%s;\nserver_name %s;\n",
              other, other, other, other, host[0] == '\0' ? "_" : host);
    for (size_t i = 0; i < ways->count; i++) {
        if (strcmp(ways->items[i].host, host) == 0)
            put_way(text, ways, &ways->items[i]);
    }
    if (same_way(ways, host, "/", false) == NULL)
        text_add(text, "location / { return 404; }\n");
    text_add(text, "}\n");
}

static bool is_first(const struct ways *ways, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (strcmp(ways->items[i].host, ways->items[index].host) == 0)
            return false;
    }
    return true;
}

static void put_config(struct text *text, const struct ingress_settings *settings,
                       const struct ways *ways)
{
    put_begin(text, settings);
    put_server(text, ways, "");
    for (size_t i = 0; i < ways->count; i++) {
        if (ways->items[i].host[0] != '\0' && is_first(ways, i))
            put_server(text, ways, ways->items[i].host);
    }
    text_add(text, "}\n");
}

static const cJSON *service_of(const struct ingress_objects *objects, const struct way *way)
{
    for (size_t i = 0; i < objects->service_count; i++) {
        const cJSON *service = objects->services[i];
        if (strcmp(object_name(service), way->service) == 0 &&
            strcmp(object_namespace(service), object_namespace(way->ingress)) == 0)
            return service;
    }
    return NULL;
}

static const cJSON *service_port(const cJSON *service, const char *wanted)
{
    const cJSON *port;

    cJSON_ArrayForEach(port, json_at(service, "spec.ports"))
    {
        char number[24];
        snprintf(number, sizeof(number), "%lld", (long long)json_integer(port, "port", 0));
        if (strcmp(number, wanted) == 0 || strcmp(json_string(port, "name", ""), wanted) == 0)
            return port;
    }
    return NULL;
}

static void put_endpoints(struct text *text, const cJSON *slice, const char *port_name)
{
    const cJSON *port, *endpoint;
    bool v6 = strcmp(json_string(slice, "addressType", ""), "IPv6") == 0;
    long long number = 0;

    cJSON_ArrayForEach(port, json_at(slice, "ports"))
    {
        if (strcmp(json_string(port, "name", ""), port_name) == 0)
            number = (long long)json_integer(port, "port", 0);
    }
    cJSON_ArrayForEach(endpoint, json_at(slice, "endpoints"))
    {
        const cJSON *address = cJSON_GetArrayItem(json_at(endpoint, "addresses"), 0);
        const cJSON *ready = json_at(endpoint, "conditions.ready");
        if (number > 0 && cJSON_IsString(address) && !cJSON_IsFalse(ready) &&
            strspn(address->valuestring, "0123456789abcdefABCDEF.:") ==
                strlen(address->valuestring))
            text_addf(text, " %s%s%s|%lld", v6 ? "[" : "", address->valuestring, v6 ? "]" : "",
                      number);
    }
}

static void put_backend(struct text *text, const struct ingress_objects *objects,
                        const struct way *way)
{
    const cJSON *service = service_of(objects, way);
    const cJSON *port = service_port(service, way->port);
    const char *family =
        cJSON_GetStringValue(cJSON_GetArrayItem(json_at(service, "spec.ipFamilies"), 0));

    text_add(text, way->name);
    for (size_t i = 0; port != NULL && i < objects->slice_count; i++) {
        const cJSON *slice = objects->slices[i];
        const char *owner = object_label(slice, "kubernetes.io/service-name");
        if (owner != NULL && strcmp(owner, way->service) == 0 &&
            strcmp(object_namespace(slice), object_namespace(service)) == 0 &&
            strcmp(json_string(slice, "addressType", ""), family != NULL ? family : "IPv4") == 0)
            put_endpoints(text, slice, json_string(port, "name", ""));
    }
    text_add(text, "\n");
}

static bool is_first_of_backend(const struct ways *ways, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (strcmp(ways->items[i].name, ways->items[index].name) == 0)
            return false;
    }
    return true;
}

void ingress_plan_make(struct ingress_plan *plan, const struct ingress_settings *settings,
                       const struct ingress_objects *objects)
{
    struct ways *ways = calloc(1, sizeof(*ways));

    if (ways == NULL)
        abort();
    text_clear(&plan->config);
    text_clear(&plan->backends);
    for (size_t i = 0; i < objects->ingress_count; i++)
        add_ingress(ways, objects->ingresses[i]);
    put_config(&plan->config, settings, ways);
    for (size_t i = 0; i < ways->count; i++) {
        if (is_first_of_backend(ways, i))
            put_backend(&plan->backends, objects, &ways->items[i]);
    }
    /* Never empty: it says that the controller has been there. */
    text_add(&plan->backends, "\n");
    free(ways);
}

void ingress_plan_free(struct ingress_plan *plan)
{
    text_free(&plan->config);
    text_free(&plan->backends);
}
