#include "plan/experiment_priv.h"

#include <stdio.h>
#include <string.h>

#include "base/suggest.h"
#include "plan/quantity.h"

static int check_name(struct reader *reader, const cJSON *item,
                      const struct experiment_change *change);
static bool is_pattern(const char *text);
static int read_pod_ready(struct reader *reader, const cJSON *item, void *object);
static cJSON *print_pod_ready(const void *object, const void *context);
static int read_settings(struct reader *reader, const cJSON *item, void *object);
static cJSON *print_settings(const void *object, const void *context);
static int read_images(struct reader *reader, const cJSON *item, void *object);
static cJSON *print_images(const void *object, const void *context);
static int check_cluster(struct reader *reader, void *object);
static int read_surge(struct reader *reader, const cJSON *item, void *object);
static int read_unavailable(struct reader *reader, const cJSON *item, void *object);
static cJSON *print_surge(const void *object, const void *context);
static cJSON *print_unavailable(const void *object, const void *context);
static int check_rollout(struct reader *reader, void *object);

static const char amount_want[] = "a number of pods such as 1, or a share such as \"25%\"";

#define POD_READY_MAX_NS INT64_C(3600000000000)

const struct reader_word experiment_profile_words[] = {
    {"ideal", EXPERIMENT_PROFILE_IDEAL},
    {"kubeadm", EXPERIMENT_PROFILE_KUBEADM},
    {"aks-2019", EXPERIMENT_PROFILE_AKS_2019},
    {NULL, 0},
};

const struct reader_word experiment_scheduler_words[] = {
    {"rr", EXPERIMENT_SCHEDULER_RR},
    {"lc", EXPERIMENT_SCHEDULER_LC},
    {"random", EXPERIMENT_SCHEDULER_RANDOM},
    {"sh", EXPERIMENT_SCHEDULER_SH},
    {"wrr", EXPERIMENT_SCHEDULER_WRR},
    {"wlc", EXPERIMENT_SCHEDULER_WLC},
    {"lblc", EXPERIMENT_SCHEDULER_LBLC},
    {"lblcr", EXPERIMENT_SCHEDULER_LBLCR},
    {"dh", EXPERIMENT_SCHEDULER_DH},
    {"sed", EXPERIMENT_SCHEDULER_SED},
    {"nq", EXPERIMENT_SCHEDULER_NQ},
    {"mh", EXPERIMENT_SCHEDULER_MH},
    {NULL, 0},
};

const struct reader_word experiment_proxy_mode_words[] = {
    {"iptables", EXPERIMENT_PROXY_IPTABLES},
    {"ipvs", EXPERIMENT_PROXY_IPVS},
    {"nftables", EXPERIMENT_PROXY_NFTABLES},
    {NULL, 0},
};

static const struct reader_word gone_words[] = {
    {"blackhole", EXPERIMENT_GONE_BLACKHOLE},
    {"unreachable", EXPERIMENT_GONE_UNREACHABLE},
    {NULL, 0},
};

const struct reader_word experiment_balancer_words[] = {
    {"ecmp", EXPERIMENT_BALANCER_ECMP},
    {"probing", EXPERIMENT_BALANCER_PROBING},
    {NULL, 0},
};

static const char *const kinds[] = {
    "configmap", "daemonset",           "deployment", "ingress", "namespace",   "node",
    "pod",       "poddisruptionbudget", "secret",     "service", "statefulset", NULL,
};

#define AT(type, member) offsetof(struct type, member)

static const struct reader_field change_item = {
    .key = "",
    .type = READER_CUSTOM,
    .read = experiment_read_change,
    .print = experiment_print_change,
    .want = "KIND/NAME such as \"deployment/mserver\"",
};

static const struct reader_field image_item = {.key = "", .type = READER_TEXT};

static const struct reader_field lab_fields[] = {
    {.key = "profile",
     .type = READER_WORD,
     .offset = AT(experiment_lab, profile),
     .otherwise = "kubeadm",
     .words = experiment_profile_words},
    {.key = "nodes",
     .type = READER_COUNT,
     .offset = AT(experiment_lab, nodes),
     .min = 1,
     .max = 32,
     .otherwise = "4"},
    {.key = "seed", .type = READER_COUNT, .offset = AT(experiment_lab, seed), .otherwise = "1"},
    {.key = "podReady",
     .type = READER_CUSTOM,
     .read = read_pod_ready,
     .print = print_pod_ready,
     .want = "a duration such as \"2s\", or the least and the most: [\"0.5s\", \"2.6s\"]"},
    {.key = "goneIP",
     .type = READER_WORD,
     .offset = AT(experiment_lab, gone_ip),
     .otherwise = "blackhole",
     .words = gone_words},
    {.key = "balancer",
     .type = READER_WORD,
     .offset = AT(experiment_lab, balancer),
     .otherwise = "ecmp",
     .words = experiment_balancer_words},
    {.key = "settings",
     .type = READER_CUSTOM,
     .read = read_settings,
     .print = print_settings,
     .want = "an object such as {\"probeLag\": \"10s\", \"terminatingEndpoints\": false}"},
    {.key = "ingress",
     .type = READER_BOOL,
     .offset = AT(experiment_lab, ingress),
     .otherwise = "false"},
    {.key = "images",
     .type = READER_CUSTOM,
     .item = &image_item,
     .read = read_images,
     .print = print_images,
     .want = "an object of image: program"},
    {.key = NULL},
};
static const struct reader_object lab_object = {"cluster.lab", lab_fields, NULL, NULL};

static const struct reader_field proxy_fields[] = {
    {.key = "scheduler",
     .type = READER_WORD,
     .offset = AT(experiment_proxy, scheduler),
     .required = true,
     .words = experiment_scheduler_words},
    {.key = "mode",
     .type = READER_WORD,
     .offset = AT(experiment_proxy, mode),
     .words = experiment_proxy_mode_words},
    {.key = NULL},
};
static const struct reader_object proxy_object = {"cluster.proxy", proxy_fields, NULL, NULL};

static const struct reader_field cluster_fields[] = {
    {.key = "kubeconfig",
     .type = READER_TEXT,
     .offset = AT(experiment_cluster, kubeconfig),
     .required = true},
    {.key = "context",
     .type = READER_TEXT,
     .offset = AT(experiment_cluster, context),
     .required = true},
    {.key = "namespace",
     .type = READER_LABEL,
     .offset = AT(experiment_cluster, namespace),
     .required = true},
    {.key = "mayChange",
     .type = READER_LIST,
     .offset = AT(experiment_cluster, may_change),
     .max = EXPERIMENT_CHANGES_MAX,
     .item = &change_item,
     .item_bytes = sizeof(struct experiment_change),
     .count_offset = AT(experiment_cluster, may_change_count)},
    {.key = "lab",
     .type = READER_OBJECT,
     .offset = AT(experiment_cluster, lab),
     .object = &lab_object,
     .given_offset = AT(experiment_cluster, lab.given)},
    {.key = "proxy",
     .type = READER_OBJECT,
     .offset = AT(experiment_cluster, proxy),
     .object = &proxy_object,
     .given_offset = AT(experiment_cluster, proxy.given)},
    {.key = NULL},
};
const struct reader_object experiment_cluster_object = {"cluster", cluster_fields, NULL,
                                                        check_cluster};

static const struct reader_field rollout_fields[] = {
    {.key = "deployment", .type = READER_SUBDOMAIN, .offset = AT(experiment_rollout, deployment)},
    {.key = "replicas",
     .type = READER_COUNT,
     .offset = AT(experiment_rollout, replicas),
     .min = 1,
     .max = 1024},
    {.key = "maxSurge",
     .type = READER_CUSTOM,
     .read = read_surge,
     .print = print_surge,
     .want = amount_want},
    {.key = "maxUnavailable",
     .type = READER_CUSTOM,
     .read = read_unavailable,
     .print = print_unavailable,
     .want = amount_want},
    {.key = "deadline",
     .type = READER_DURATION,
     .offset = AT(experiment_rollout, deadline_ns),
     .min = 1e9,
     .otherwise = "5m"},
    {.key = NULL},
};
const struct reader_object experiment_rollout_object = {"rollout", rollout_fields, NULL,
                                                        check_rollout};

int experiment_read_change(struct reader *reader, const cJSON *item, void *object)
{
    struct experiment_change *change = object;
    const char *text = cJSON_GetStringValue(item);
    const char *slash = text != NULL ? strchr(text, '/') : NULL;
    struct suggest suggest = {.word = text};
    size_t i = 0;

    if (slash == NULL)
        return reader_want(reader, item, change_item.want);
    while (kinds[i] != NULL && (strlen(kinds[i]) != (size_t)(slash - text) ||
                                memcmp(kinds[i], text, (size_t)(slash - text)) != 0))
        i++;
    if (kinds[i] == NULL) {
        char word[SUGGEST_WORD_MAX + 1];
        snprintf(word, sizeof(word), "%.*s", (int)(slash - text), text);
        suggest.word = word;
        for (i = 0; kinds[i] != NULL; i++)
            suggest_offer(&suggest, kinds[i]);
        return reader_refuse(reader, "unknown kind \"%s\"; did you mean \"%s\"?", word,
                             suggest.best);
    }
    change->kind = kinds[i];
    change->name = slash + 1;
    return check_name(reader, item, change);
}

static int check_name(struct reader *reader, const cJSON *item,
                      const struct experiment_change *change)
{
    bool label = strcmp(change->kind, "service") == 0 || strcmp(change->kind, "namespace") == 0;

    if (label ? reader_is_label(change->name) : reader_is_subdomain(change->name))
        return 0;
    if (strcmp(change->kind, "pod") == 0 && is_pattern(change->name))
        return 0;
    return reader_want(reader, item,
                       label ? "KIND/NAME, with " READER_LABEL_WANT
                             : "KIND/NAME, with " READER_SUBDOMAIN_WANT);
}

/* Pods have names that nobody knows before: "mserver-*" stands for those of a Deployment. */
static bool is_pattern(const char *text)
{
    size_t size = strlen(text);
    char example[READER_SUBDOMAIN_MAX + 1];

    if (size < 2 || size > READER_SUBDOMAIN_MAX || text[size - 1] != '*')
        return false;
    snprintf(example, sizeof(example), "%.*s0", (int)size - 1, text);
    return reader_is_subdomain(example);
}

cJSON *experiment_print_change(const void *object, const void *context)
{
    const struct experiment_change *change = object;
    char text[READER_NAME_MAX + READER_SUBDOMAIN_MAX + 2];

    (void)context;
    snprintf(text, sizeof(text), "%s/%s", change->kind, change->name);
    return cJSON_CreateString(text);
}

static int read_pod_ready(struct reader *reader, const cJSON *item, void *object)
{
    struct experiment_lab *lab = object;
    const struct reader_field *field = reader_find(&lab_object, "podReady");
    const cJSON *low = cJSON_IsArray(item) ? cJSON_GetArrayItem(item, 0) : item;
    const cJSON *high = cJSON_IsArray(item) ? cJSON_GetArrayItem(item, 1) : item;
    const char *low_text = cJSON_GetStringValue(low), *high_text = cJSON_GetStringValue(high);
    struct experiment_range range;

    if ((cJSON_IsArray(item) && cJSON_GetArraySize(item) != 2) || low_text == NULL ||
        high_text == NULL || quantity_parse_duration(low_text, &range.low_ns) < 0 ||
        quantity_parse_duration(high_text, &range.high_ns) < 0)
        return reader_want(reader, item, field->want);
    if (range.low_ns > range.high_ns || range.high_ns > POD_READY_MAX_NS)
        return reader_refuse(reader, "%s to %s is no range; want the least first, at most 1h",
                             low_text, high_text);
    lab->pod_ready = range;
    lab->pod_ready_given = true;
    return 0;
}

static cJSON *print_pod_ready(const void *object, const void *context)
{
    const struct experiment_lab *lab = object;
    char low[QUANTITY_TEXT_BYTES], high[QUANTITY_TEXT_BYTES];
    const char *texts[2] = {quantity_duration_text(lab->pod_ready.low_ns, low),
                            quantity_duration_text(lab->pod_ready.high_ns, high)};

    (void)context;
    if (!lab->pod_ready_given)
        return NULL;
    if (lab->pod_ready.low_ns == lab->pod_ready.high_ns)
        return cJSON_CreateString(low);
    return cJSON_CreateStringArray(texts, 2);
}

/* What a value is as text: "10s", 5, true. */
static int setting_text(const cJSON *value, char out[48])
{
    if (cJSON_IsBool(value))
        snprintf(out, 48, "%s", cJSON_IsTrue(value) ? "true" : "false");
    else if (cJSON_IsNumber(value))
        snprintf(out, 48, "%.0f", value->valuedouble);
    else if (cJSON_IsString(value) && value->valuestring[0] != '\0' &&
             strlen(value->valuestring) < 48)
        snprintf(out, 48, "%s", value->valuestring);
    else
        return -1;
    return 0;
}

/* Which names there are, the lab knows; it refuses the others. */
static bool is_setting_name(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    size_t size = strspn(name, letters);

    return size > 0 && size < 40 && name[size] == '\0';
}

static int read_settings(struct reader *reader, const cJSON *item, void *object)
{
    struct experiment_lab *lab = object;
    uint32_t count = 0;
    char value[48];

    if (!cJSON_IsObject(item) || cJSON_GetArraySize(item) > EXPERIMENT_SETTINGS_MAX)
        return reader_want(reader, item, "an object of at most 16 settings of the lab");
    for (const cJSON *child = item->child; child != NULL; child = child->next) {
        size_t mark = reader_enter_key(reader, child->string);
        if (!is_setting_name(child->string) || setting_text(child, value) < 0)
            return reader_want(reader, child,
                               "a setting of seamline-lab --set, such as \"probeLag\": \"10s\"");
        snprintf(lab->settings[count++], EXPERIMENT_SETTING_BYTES, "%s=%s", child->string, value);
        reader_leave(reader, mark);
    }
    lab->setting_count = count;
    return 0;
}

static cJSON *print_settings(const void *object, const void *context)
{
    const struct experiment_lab *lab = object;
    cJSON *json = lab->setting_count > 0 ? cJSON_CreateObject() : NULL;

    (void)context;
    for (uint32_t i = 0; json != NULL && i < lab->setting_count; i++) {
        char name[EXPERIMENT_SETTING_BYTES];
        char *value;

        snprintf(name, sizeof(name), "%s", lab->settings[i]);
        value = strchr(name, '=');
        *value++ = '\0';
        cJSON_AddStringToObject(json, name, value);
    }
    return json;
}

static int read_images(struct reader *reader, const cJSON *item, void *object)
{
    struct experiment_lab *lab = object;
    uint32_t count = 0;

    if (!cJSON_IsObject(item) || cJSON_GetArraySize(item) > EXPERIMENT_IMAGES_MAX)
        return reader_want(reader, item, "an object of at most 32 images, each with its program");
    for (const cJSON *child = item->child; child != NULL; child = child->next) {
        struct experiment_image *image = &lab->images[count++];
        size_t mark = reader_enter_key(reader, child->string);
        int result = reader_read_field(reader, &image_item, child, &image->program);
        if (result < 0)
            return result;
        reader_leave(reader, mark);
        image->image = child->string;
    }
    lab->image_count = count;
    return 0;
}

static cJSON *print_images(const void *object, const void *context)
{
    const struct experiment_lab *lab = object;
    cJSON *json = cJSON_CreateObject();

    (void)context;
    for (uint32_t i = 0; json != NULL && i < lab->image_count; i++)
        cJSON_AddStringToObject(json, lab->images[i].image, lab->images[i].program);
    return json;
}

static int check_cluster(struct reader *reader, void *object)
{
    struct experiment_cluster *cluster = object;

    (void)reader;
    cluster->lab_cluster = strcmp(cluster->kubeconfig, "lab") == 0;
    if (cluster->lab_cluster)
        cluster->lab.given = true; /* Its defaults are written out, too. */
    return 0;
}

static int read_surge(struct reader *reader, const cJSON *item, void *object)
{
    return rollout_read_amount(item, &((struct experiment_rollout *)object)->max_surge) == 0
               ? 0
               : reader_want(reader, item, amount_want);
}

static int read_unavailable(struct reader *reader, const cJSON *item, void *object)
{
    return rollout_read_amount(item, &((struct experiment_rollout *)object)->max_unavailable) == 0
               ? 0
               : reader_want(reader, item, amount_want);
}

static cJSON *print_surge(const void *object, const void *context)
{
    (void)context;
    return rollout_print_amount(&((const struct experiment_rollout *)object)->max_surge);
}

static cJSON *print_unavailable(const void *object, const void *context)
{
    (void)context;
    return rollout_print_amount(&((const struct experiment_rollout *)object)->max_unavailable);
}

static int check_rollout(struct reader *reader, void *object)
{
    const struct experiment_rollout *rollout = object;
    struct rollout_limits limits;
    struct error err = {0};

    if (rollout_resolve(rollout->replicas != 0 ? rollout->replicas : 1, &rollout->max_surge,
                        &rollout->max_unavailable, &limits, &err) < 0)
        return reader_refuse(reader, "%s", err.text);
    return 0;
}
