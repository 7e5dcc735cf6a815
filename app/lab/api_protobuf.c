#include "lab/api_protobuf.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "lab/api_body.h"

enum type {
    TEXT,
    INTEGER,
    TRUTH,
    MESSAGE,
    TEXT_MAP,   /* map<string, string>. */
    INLINE,     /* A message whose members are the outer one's in JSON. */
    INT_OR_TEXT /* IntOrString: in JSON a number or a text. */
};

/* A member of a message. */
struct field {
    uint32_t number; /* 0: the end of a table. */
    const char *name;
    enum type type;
    bool repeated;            /* An array in JSON. */
    bool pointer;             /* Absent and zero differ. */
    const struct field *part; /* The table of a MESSAGE or an INLINE. */
};

static const struct field no_fields[] = {{0}};
static const struct field owner[] = {{5, "apiVersion", TEXT},
                                     {1, "kind", TEXT},
                                     {3, "name", TEXT},
                                     {4, "uid", TEXT},
                                     {6, "controller", TRUTH, .pointer = true},
                                     {7, "blockOwnerDeletion", TRUTH, .pointer = true},
                                     {0}};
static const struct field metadata[] = {{1, "name", TEXT},
                                        {2, "generateName", TEXT},
                                        {3, "namespace", TEXT},
                                        {5, "uid", TEXT},
                                        {6, "resourceVersion", TEXT},
                                        {11, "labels", TEXT_MAP},
                                        {12, "annotations", TEXT_MAP},
                                        {13, "ownerReferences", MESSAGE, true, .part = owner},
                                        {14, "finalizers", TEXT, true},
                                        {0}};
static const struct field preconditions[] = {
    {1, "uid", TEXT, .pointer = true}, {2, "resourceVersion", TEXT, .pointer = true}, {0}};
static const struct field delete_options[] = {{1, "gracePeriodSeconds", INTEGER, .pointer = true},
                                              {2, "preconditions", MESSAGE, .part = preconditions},
                                              {3, "orphanDependents", TRUTH, .pointer = true},
                                              {4, "propagationPolicy", TEXT, .pointer = true},
                                              {5, "dryRun", TEXT, true},
                                              {0}};
static const struct field eviction[] = {{1, "metadata", MESSAGE, .part = metadata},
                                        {2, "deleteOptions", MESSAGE, .part = delete_options},
                                        {0}};
static const struct field namespace[] = {
    {1, "metadata", MESSAGE, .part = metadata}, {3, "status", MESSAGE, .part = no_fields}, {0}};
static const struct field config_map[] = {{1, "metadata", MESSAGE, .part = metadata},
                                          {2, "data", TEXT_MAP},
                                          {4, "immutable", TRUTH, .pointer = true},
                                          {0}};
static const struct field port[] = {{1, "name", TEXT},
                                    {2, "hostPort", INTEGER},
                                    {3, "containerPort", INTEGER},
                                    {4, "protocol", TEXT},
                                    {0}};
static const struct field variable[] = {{1, "name", TEXT}, {2, "value", TEXT}, {0}};
static const struct field container[] = {{1, "name", TEXT},
                                         {2, "image", TEXT},
                                         {3, "command", TEXT, true},
                                         {4, "args", TEXT, true},
                                         {5, "workingDir", TEXT},
                                         {6, "ports", MESSAGE, true, .part = port},
                                         {7, "env", MESSAGE, true, .part = variable},
                                         {8, "resources", MESSAGE, .part = no_fields},
                                         {14, "imagePullPolicy", TEXT},
                                         {0}};
static const struct field pod_spec[] = {
    {2, "containers", MESSAGE, true, .part = container},
    {3, "restartPolicy", TEXT},
    {4, "terminationGracePeriodSeconds", INTEGER, .pointer = true},
    {10, "nodeName", TEXT},
    {11, "hostNetwork", TRUTH},
    {0}};
static const struct field pod_template[] = {
    {1, "metadata", MESSAGE, .part = metadata}, {2, "spec", MESSAGE, .part = pod_spec}, {0}};
static const struct field requirement[] = {
    {1, "key", TEXT}, {2, "operator", TEXT}, {3, "values", TEXT, true}, {0}};
static const struct field selector[] = {
    {1, "matchLabels", TEXT_MAP}, {2, "matchExpressions", MESSAGE, true, .part = requirement}, {0}};
static const struct field strategy[] = {{1, "type", TEXT}, {0}};
static const struct field deployment_spec[] = {
    {1, "replicas", INTEGER, .pointer = true},
    {2, "selector", MESSAGE, .pointer = true, .part = selector},
    {3, "template", MESSAGE, .part = pod_template},
    {4, "strategy", MESSAGE, .part = strategy},
    {5, "minReadySeconds", INTEGER},
    {0}};
static const struct field deployment[] = {{1, "metadata", MESSAGE, .part = metadata},
                                          {2, "spec", MESSAGE, .part = deployment_spec},
                                          {3, "status", MESSAGE, .part = no_fields},
                                          {0}};
static const struct field service_port[] = {{1, "name", TEXT},
                                            {2, "protocol", TEXT},
                                            {3, "port", INTEGER},
                                            {4, "targetPort", INT_OR_TEXT},
                                            {5, "nodePort", INTEGER},
                                            {6, "appProtocol", TEXT, .pointer = true},
                                            {0}};
static const struct field service_spec[] = {
    {1, "ports", MESSAGE, true, .part = service_port},
    {2, "selector", TEXT_MAP},
    {3, "clusterIP", TEXT},
    {4, "type", TEXT},
    {7, "sessionAffinity", TEXT},
    {10, "externalName", TEXT},
    {11, "externalTrafficPolicy", TEXT},
    {13, "publishNotReadyAddresses", TRUTH},
    {17, "ipFamilyPolicy", TEXT, .pointer = true},
    {18, "clusterIPs", TEXT, true},
    {19, "ipFamilies", TEXT, true},
    {20, "allocateLoadBalancerNodePorts", TRUTH, .pointer = true},
    {22, "internalTrafficPolicy", TEXT, .pointer = true},
    {0}};
static const struct field service[] = {{1, "metadata", MESSAGE, .part = metadata},
                                       {2, "spec", MESSAGE, .part = service_spec},
                                       {3, "status", MESSAGE, .part = no_fields},
                                       {0}};
static const struct field budget_spec[] = {
    {1, "minAvailable", INT_OR_TEXT, .pointer = true},
    {2, "selector", MESSAGE, .pointer = true, .part = selector},
    {3, "maxUnavailable", INT_OR_TEXT, .pointer = true},
    {4, "unhealthyPodEvictionPolicy", TEXT, .pointer = true},
    {0}};
static const struct field budget[] = {{1, "metadata", MESSAGE, .part = metadata},
                                      {2, "spec", MESSAGE, .part = budget_spec},
                                      {3, "status", MESSAGE, .part = no_fields},
                                      {0}};
static const struct field backend_port[] = {{1, "name", TEXT}, {2, "number", INTEGER}, {0}};
static const struct field backend_service[] = {
    {1, "name", TEXT}, {2, "port", MESSAGE, .part = backend_port}, {0}};
static const struct field backend[] = {
    {4, "service", MESSAGE, .pointer = true, .part = backend_service}, {0}};
static const struct field ingress_path[] = {{1, "path", TEXT},
                                            {2, "backend", MESSAGE, .part = backend},
                                            {3, "pathType", TEXT, .pointer = true},
                                            {0}};
static const struct field http_rule[] = {{1, "paths", MESSAGE, true, .part = ingress_path}, {0}};
static const struct field rule_value[] = {{1, "http", MESSAGE, .pointer = true, .part = http_rule},
                                          {0}};
static const struct field ingress_rule[] = {
    {1, "host", TEXT}, {2, "", INLINE, .part = rule_value}, {0}};
static const struct field ingress_tls[] = {{1, "hosts", TEXT, true}, {2, "secretName", TEXT}, {0}};
static const struct field ingress_spec[] = {
    {1, "defaultBackend", MESSAGE, .pointer = true, .part = backend},
    {2, "tls", MESSAGE, true, .part = ingress_tls},
    {3, "rules", MESSAGE, true, .part = ingress_rule},
    {4, "ingressClassName", TEXT, .pointer = true},
    {0}};
static const struct field ingress[] = {{1, "metadata", MESSAGE, .part = metadata},
                                       {2, "spec", MESSAGE, .part = ingress_spec},
                                       {3, "status", MESSAGE, .part = no_fields},
                                       {0}};
static const struct field resource_attributes[] = {
    {1, "namespace", TEXT}, {2, "verb", TEXT},        {3, "group", TEXT}, {4, "version", TEXT},
    {5, "resource", TEXT},  {6, "subresource", TEXT}, {7, "name", TEXT},  {0}};
static const struct field other_attributes[] = {{1, "path", TEXT}, {2, "verb", TEXT}, {0}};
static const struct field review_spec[] = {
    {1, "resourceAttributes", MESSAGE, .pointer = true, .part = resource_attributes},
    {2, "nonResourceAttributes", MESSAGE, .pointer = true, .part = other_attributes},
    {0}};
static const struct field access_review[] = {{1, "metadata", MESSAGE, .part = metadata},
                                             {2, "spec", MESSAGE, .part = review_spec},
                                             {3, "status", MESSAGE, .part = no_fields},
                                             {0}};
static const struct field int_or_text[] = {
    {1, "type", INTEGER}, {2, "intVal", INTEGER}, {3, "strVal", TEXT}, {0}};
static const struct field entry[] = {{1, "key", TEXT}, {2, "value", TEXT}, {0}};
static const struct field type_meta[] = {{1, "apiVersion", TEXT}, {2, "kind", TEXT}, {0}};

static const struct {
    const char *kind;
    const struct field *fields;
} kinds[] = {
    {"Eviction", eviction},
    {"DeleteOptions", delete_options},
    {"Namespace", namespace},
    {"ConfigMap", config_map},
    {"Deployment", deployment},
    {"Service", service},
    {"PodDisruptionBudget", budget},
    {"Ingress", ingress},
    {"SelfSubjectAccessReview", access_review},
};

struct reader {
    const unsigned char *at, *end;
    char *why; /* "" until something is wrong. */
    size_t why_bytes;
};

/* One member as it stands there. */
struct value {
    uint32_t number;
    bool has_bytes;
    uint64_t integer;    /* Without bytes. */
    struct reader bytes; /* With them. */
};

static bool next(struct reader *reader, struct value *value);
static void take(struct reader *reader, const struct field *fields, cJSON *out, unsigned depth);

bool api_protobuf_is(const char *content_type)
{
    return content_type != NULL &&
           strncmp(content_type, API_PROTOBUF_TYPE, sizeof(API_PROTOBUF_TYPE) - 1) == 0;
}

cJSON *api_protobuf_parse(const char *bytes, size_t size, char *why, size_t why_bytes)
{
    static const char magic[] = "k8s";
    struct reader reader = {(const unsigned char *)bytes, (const unsigned char *)bytes + size, why,
                            why_bytes};
    struct reader raw = {.why = why, .why_bytes = why_bytes};
    const struct field *fields = NULL;
    struct value value;
    why[0] = '\0';
    if (size < sizeof(magic) || memcmp(bytes, magic, sizeof(magic)) != 0) {
        snprintf(why, why_bytes, "the body does not begin as Kubernetes' protobuf does");
        return NULL;
    }
    reader.at += sizeof(magic);
    cJSON *out = cJSON_CreateObject();
    while (next(&reader, &value)) {
        if (value.number == 1 && value.has_bytes)
            take(&value.bytes, type_meta, out, 0);
        else if (value.number == 2 && value.has_bytes)
            raw = value.bytes;
    }
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(json_string(out, "kind", ""), kinds[i].kind) == 0)
            fields = kinds[i].fields;
    if (why[0] == '\0' && fields == NULL)
        snprintf(why, why_bytes, "the lab has no protobuf of \"%.60s\": send JSON or YAML",
                 json_string(out, "kind", ""));
    else if (why[0] == '\0')
        take(&raw, fields, out, 0);
    char *printed = why[0] == '\0' ? json_print(out, false) : NULL;
    cJSON_Delete(out);
    /* It is judged like any other body. */
    out = printed == NULL ? NULL : api_body_parse(printed, strlen(printed), why, why_bytes);
    cJSON_free(printed);
    return out;
}

static bool fail(struct reader *reader, const char *what)
{
    if (reader->why[0] == '\0')
        snprintf(reader->why, reader->why_bytes, "protobuf: %s", what);
    reader->at = reader->end;
    return false;
}

static bool read_varint(struct reader *reader, uint64_t *out)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && reader->at < reader->end; shift += 7) {
        const unsigned char byte = *reader->at++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) {
            *out = value;
            return true;
        }
    }
    return fail(reader, "a number has no end");
}

/* False at the end, and when something is wrong. */
static bool next(struct reader *reader, struct value *value)
{
    uint64_t tag, size;
    if (reader->at == reader->end || !read_varint(reader, &tag))
        return false;
    *value = (struct value){.number = (uint32_t)(tag >> 3), .has_bytes = (tag & 7) == 2};
    if ((tag & 7) == 0)
        return read_varint(reader, &value->integer);
    if (!value->has_bytes)
        return fail(reader, "a member is neither number nor bytes");
    if (!read_varint(reader, &size))
        return false;
    if (size > (uint64_t)(reader->end - reader->at))
        return fail(reader, "a member ends behind its message");
    value->bytes = (struct reader){reader->at, reader->at + size, reader->why, reader->why_bytes};
    reader->at += size;
    return true;
}

static bool is_zero(const struct value *value)
{
    return value->has_bytes ? value->bytes.at == value->bytes.end : value->integer == 0;
}

static cJSON *text_of(struct reader *bytes)
{
    struct text text = {0};
    const size_t size = (size_t)(bytes->end - bytes->at);
    text_add_bytes(&text, bytes->at, size);
    if (text.failed || memchr(text_str(&text), '\0', size) != NULL)
        fail(bytes, "a text has a NUL byte");
    cJSON *json = cJSON_CreateString(text_str(&text));
    text_free(&text);
    return json;
}

static cJSON *message_of(struct value *value, const struct field *fields, unsigned depth)
{
    cJSON *object = cJSON_CreateObject();
    if (depth == API_BODY_DEPTH)
        fail(&value->bytes, "it is nested too deeply");
    else
        take(&value->bytes, fields, object, depth + 1);
    return object;
}

static void add_entry(struct value *value, cJSON *map)
{
    cJSON *one = message_of(value, entry, 0);
    const char *key = json_string(one, "key", "");
    if (cJSON_GetArraySize(map) < API_BODY_MEMBERS)
        cJSON_AddStringToObject(map, key, json_string(one, "value", ""));
    else
        fail(&value->bytes, "a map has too many members");
    cJSON_Delete(one);
}

static cJSON *int_or_text_of(struct value *value)
{
    cJSON *one = message_of(value, int_or_text, 0);
    cJSON *json = json_integer(one, "type", 0) == 0
                      ? json_new_integer(json_integer(one, "intVal", 0))
                      : cJSON_CreateString(json_string(one, "strVal", ""));
    cJSON_Delete(one);
    return json;
}

static cJSON *json_of(const struct field *field, struct value *value, unsigned depth)
{
    switch (field->type) {
    case TEXT: return text_of(&value->bytes);
    case INTEGER: return json_new_integer((int64_t)value->integer);
    case TRUTH: return cJSON_CreateBool(value->integer != 0);
    case MESSAGE: return message_of(value, field->part, depth);
    case INT_OR_TEXT: return int_or_text_of(value);
    case TEXT_MAP:
    case INLINE: break;
    }
    return NULL;
}

/* All of a message has its zero value. */
static bool says_nothing(const struct field *field, const cJSON *json)
{
    return (field->type == MESSAGE && json->child == NULL) ||
           (field->type == INT_OR_TEXT && cJSON_IsNumber(json) && json->valuedouble == 0);
}

static void put(const struct field *field, struct value *value, cJSON *out, unsigned depth)
{
    const bool bytes = field->type != INTEGER && field->type != TRUTH;
    if (bytes != value->has_bytes) {
        fail(&value->bytes, "a member is of another type");
    } else if (field->type == TEXT_MAP) {
        add_entry(value, json_make(out, field->name));
    } else if (field->type == INLINE) {
        take(&value->bytes, field->part, out, depth + 1);
    } else if (field->repeated) {
        cJSON *array = cJSON_GetObjectItemCaseSensitive(out, field->name);
        if (array == NULL)
            array = cJSON_AddArrayToObject(out, field->name);
        cJSON_AddItemToArray(array, json_of(field, value, depth));
    } else if (field->pointer || !is_zero(value)) {
        cJSON *json = json_of(field, value, depth);
        cJSON_DeleteItemFromObjectCaseSensitive(out, field->name); /* The last one counts. */
        if (!field->pointer && says_nothing(field, json))
            cJSON_Delete(json);
        else
            cJSON_AddItemToObject(out, field->name, json);
    }
}

static void take(struct reader *reader, const struct field *fields, cJSON *out, unsigned depth)
{
    char what[80];
    struct value value;
    while (next(reader, &value)) {
        const struct field *field = fields;
        while (field->number != 0 && field->number != value.number)
            field++;
        if (value.bytes.why == NULL) /* A number has no bytes, and its reader is for failing. */
            value.bytes = (struct reader){.why = reader->why, .why_bytes = reader->why_bytes};
        if (field->number != 0) {
            put(field, &value, out, depth);
        } else if (!is_zero(&value)) {
            snprintf(what, sizeof(what), "member %u is not known to the lab: send JSON or YAML",
                     value.number);
            fail(reader, what);
        }
    }
}
