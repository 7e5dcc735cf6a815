#include "kube/failure.h"

#include <errno.h>
#include <string.h>

#include "base/json.h"

/* What a Status body said. */
struct said {
    char reason[64];   /* One word; "" when it was no Status. */
    char message[512]; /* For people. */
    char cause[256];   /* Message of the first of details.causes. */
    bool budget;       /* A cause is DisruptionBudget. */
    bool managed;      /* A cause is FieldManagerConflict. */
};

static void read_status(const char *body, size_t size, struct said *said);
static enum kube_reason reason_of(const struct kube_call *call, long http_code,
                                  const struct said *said);
static void add_what(struct text *out, const struct kube_call *call);
static void add_unauthorized(struct text *out, const struct kubeconfig *config);
static void add_not_found(struct text *out, const struct kube_call *call, const struct said *said);
static void add_said(struct text *out, const struct said *said);

int kube_reason_errno(enum kube_reason reason)
{
    static const int codes[] = {
#define X(id, code, text) code,
        KUBE_REASONS(X)
#undef X
    };
    return -codes[reason];
}

const char *kube_reason_text(enum kube_reason reason)
{
    static const char *const texts[] = {
#define X(id, code, text) text,
        KUBE_REASONS(X)
#undef X
    };
    return texts[reason];
}

bool kube_reason_transient(enum kube_reason reason)
{
    return reason == KUBE_REASON_BUDGET || reason == KUBE_REASON_THROTTLED ||
           reason == KUBE_REASON_SERVER || reason == KUBE_REASON_TIMEOUT ||
           reason == KUBE_REASON_UNREACHABLE || reason == KUBE_REASON_CUT ||
           reason == KUBE_REASON_GONE;
}

enum kube_reason kube_failure_reason(const struct kube_call *call, long http_code, const char *body,
                                     size_t size)
{
    struct said said;
    if (http_code >= 200 && http_code < 300)
        return KUBE_REASON_SUCCESS;
    read_status(body, size, &said);
    return reason_of(call, http_code, &said);
}

enum kube_reason kube_failure_set(struct error *err, const struct kubeconfig *config,
                                  const struct kube_call *call, long http_code, const char *body,
                                  size_t size)
{
    struct text out = {0};
    struct said said;
    read_status(body, size, &said);
    enum kube_reason reason = reason_of(call, http_code, &said);
    text_addf(&out, "%s", config == NULL ? "the API server" : config->server);
    switch (reason) {
    case KUBE_REASON_UNAUTHORIZED: add_unauthorized(&out, config); break;
    case KUBE_REASON_NOT_FOUND: add_not_found(&out, call, &said); break;
    case KUBE_REASON_FORBIDDEN:
        text_add(&out, " forbids to ");
        add_what(&out, call);
        add_said(&out, &said);
        text_add(&out, "\nThis rule would allow it:\n");
        kube_failure_rule(&out, call);
        break;
    case KUBE_REASON_MANAGED:
        text_add(&out, " does not take over fields that others manage: ");
        add_what(&out, call);
        add_said(&out, &said);
        text_add(&out, "; leave these fields out of the manifest, or force it "
                       "(--force-conflicts) to take them over");
        break;
    default:
        text_addf(&out, " refused to ");
        add_what(&out, call);
        text_addf(&out, " (%ld, %s)", http_code, kube_reason_text(reason));
        add_said(&out, &said);
        break;
    }
    bool user = reason == KUBE_REASON_INVALID || reason == KUBE_REASON_BAD_REQUEST ||
                reason == KUBE_REASON_MANAGED;
    error_set(err, user ? EXIT_USAGE : EXIT_ENVIRONMENT, kube_reason_errno(reason), "%s",
              text_str(&out));
    text_free(&out);
    return reason;
}

void kube_failure_rule(struct text *out, const struct kube_call *call)
{
    bool namespaced = call->namespace[0] != '\0' && call->resource[0] != '\0';
    text_addf(out,
              "apiVersion: rbac.authorization.k8s.io/v1\nkind: %s\nmetadata:\n  name: seamline\n",
              namespaced ? "Role" : "ClusterRole");
    if (namespaced)
        text_addf(out, "  namespace: %s\n", call->namespace);
    if (call->resource[0] == '\0') {
        text_add(out, "rules:\n- nonResourceURLs: [\"/api\", \"/api/*\", \"/apis\", "
                      "\"/apis/*\"]\n  verbs: [\"get\"]");
        return;
    }
    text_addf(out, "rules:\n- apiGroups: [\"%s\"]\n  resources: [\"%s%s%s\"]\n  verbs: [\"%s\"]",
              call->group, call->resource, call->subresource[0] == '\0' ? "" : "/",
              call->subresource, call->verb);
}

static void read_status(const char *body, size_t size, struct said *said)
{
    *said = (struct said){0};
    cJSON *json = body == NULL || size == 0 ? NULL : json_parse(body, size, NULL);
    const cJSON *cause;
    if (json == NULL || strcmp(json_string(json, "kind", ""), "Status") != 0) {
        cJSON_Delete(json);
        return;
    }
    strncat(said->reason, json_string(json, "reason", ""), sizeof(said->reason) - 1);
    strncat(said->message, json_string(json, "message", ""), sizeof(said->message) - 1);
    cJSON_ArrayForEach(cause, json_at(json, "details.causes"))
    {
        if (said->cause[0] == '\0')
            strncat(said->cause, json_string(cause, "message", ""), sizeof(said->cause) - 1);
        if (strcmp(json_string(cause, "reason", ""), "DisruptionBudget") == 0)
            said->budget = true;
        if (strcmp(json_string(cause, "reason", ""), "FieldManagerConflict") == 0)
            said->managed = true;
    }
    cJSON_Delete(json);
}

static enum kube_reason reason_of(const struct kube_call *call, long http_code,
                                  const struct said *said)
{
    switch (http_code) {
    case 400: return KUBE_REASON_BAD_REQUEST;
    case 401: return KUBE_REASON_UNAUTHORIZED;
    case 403: return KUBE_REASON_FORBIDDEN;
    case 404: return KUBE_REASON_NOT_FOUND;
    case 405:
    case 406:
    case 415: return KUBE_REASON_UNSUPPORTED;
    case 409:
        if (said->managed)
            return KUBE_REASON_MANAGED;
        if (said->reason[0] == '\0')
            return strcmp(call->verb, "create") == 0 ? KUBE_REASON_EXISTS : KUBE_REASON_CONFLICT;
        return strcmp(said->reason, "AlreadyExists") == 0 ? KUBE_REASON_EXISTS
                                                          : KUBE_REASON_CONFLICT;
    case 410: return KUBE_REASON_GONE;
    case 422: return KUBE_REASON_INVALID;
    case 429: return said->budget ? KUBE_REASON_BUDGET : KUBE_REASON_THROTTLED;
    case 504: return KUBE_REASON_TIMEOUT;
    default: break;
    }
    if (http_code >= 500)
        return KUBE_REASON_SERVER;
    return http_code >= 400 ? KUBE_REASON_BAD_REQUEST : KUBE_REASON_MALFORMED;
}

/* "patch deployments/scale mserver in namespace seamline". */
static void add_what(struct text *out, const struct kube_call *call)
{
    text_addf(out, "%s %s%s%s", call->verb, call->resource, call->subresource[0] == '\0' ? "" : "/",
              call->subresource);
    if (call->name[0] != '\0')
        text_addf(out, " %s", call->name);
    if (call->namespace[0] != '\0')
        text_addf(out, " in namespace %s", call->namespace);
}

static void add_unauthorized(struct text *out, const struct kubeconfig *config)
{
    if (config == NULL) {
        text_add(out, " does not know who we are (401)");
        return;
    }
    bool token = config->token != NULL || config->token_path != NULL;
    const char *how = token ? "its token is expired, revoked or of another cluster"
                      : config->client_cert_pem != NULL
                          ? "its client certificate is expired or of another cluster's CA"
                          : "it has neither a token nor a client certificate";
    text_addf(out, " does not know who we are (401): user \"%s\" of context \"%s\" in %s: %s%s",
              config->user, config->context, config->path, how,
              config->renewal == NULL ? "" : config->renewal);
}

static void add_not_found(struct text *out, const struct kube_call *call, const struct said *said)
{
    bool unknown_path = strcmp(said->reason, "NotFound") != 0 ||
                        strstr(said->message, "the server could not find the requested") != NULL;
    if (call->resource[0] == '\0')
        text_add(out, " has no such path: is that an API server?");
    else if (!unknown_path && (call->name[0] == '\0' || strcmp(call->verb, "create") == 0))
        text_addf(out, ": %s", said->message); /* What is missing is the namespace, mostly. */
    else if (unknown_path)
        text_addf(out, " serves no %s%s%s (API group \"%s\")", call->resource,
                  call->subresource[0] == '\0' ? "" : "/", call->subresource, call->group);
    else {
        text_addf(out, ": there is no %s of %s", call->name, call->resource);
        if (call->namespace[0] != '\0')
            text_addf(out, " in namespace %s", call->namespace);
    }
}

static void add_said(struct text *out, const struct said *said)
{
    if (said->message[0] != '\0')
        text_addf(out, ": %s", said->message);
    if (said->cause[0] != '\0' && strstr(said->message, said->cause) == NULL)
        text_addf(out, " (%s)", said->cause);
}
