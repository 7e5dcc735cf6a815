#include "lab/profile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MS(n) (INT64_C(1000000) * (n))
#define BETWEEN(a, b)                                                                              \
    {                                                                                              \
        MS(a), MS(b)                                                                               \
    }

static const char *const delay_names[PROFILE_DELAY_COUNT] = {
#define X(id, name, text) [PROFILE_##id] = name,
    PROFILE_DELAYS(X)
#undef X
};

static const struct profile profiles[] = {
    {
        .name = "ideal",
        .delays =
            {
                [PROFILE_POD_READY] = BETWEEN(100, 100),
                [PROFILE_TIME_WAIT] = BETWEEN(10000, 10000),
            },
        .proxy_burst = 2,
        .terminating_endpoints = true,
        .clean_udp = true,
    },
    {
        .name = "kubeadm",
        .delays =
            {
                [PROFILE_CONTROLLER] = BETWEEN(2, 20),
                [PROFILE_POD_READY] = BETWEEN(500, 2600),
                [PROFILE_ENDPOINT] = BETWEEN(5, 85),
                [PROFILE_TERMINATION] = BETWEEN(4, 191),
                [PROFILE_OBJECT_GONE] = BETWEEN(0, 1000),
                [PROFILE_PROXY_APPLY] = BETWEEN(80, 120),
                [PROFILE_PROXY_MIN_SYNC] = BETWEEN(1000, 1000),
                [PROFILE_TIME_WAIT] = BETWEEN(10000, 10000),
                [PROFILE_BALANCER] = BETWEEN(20, 200),
                [PROFILE_INGRESS_SYNC] = BETWEEN(3333, 3333),
                [PROFILE_INGRESS_LOOK] = BETWEEN(1000, 1000),
                [PROFILE_PROBE_INTERVAL] = BETWEEN(5000, 5000),
            },
        .proxy_burst = 2,
        .terminating_endpoints = true,
        .clean_udp = true,
    },
    {
        .name = "aks-2019",
        .delays =
            {
                [PROFILE_CONTROLLER] = BETWEEN(5, 50),
                [PROFILE_POD_READY] = BETWEEN(1500, 4000),
                [PROFILE_ENDPOINT] = BETWEEN(20, 200),
                [PROFILE_TERMINATION] = BETWEEN(20, 400),
                [PROFILE_OBJECT_GONE] = BETWEEN(0, 2000),
                [PROFILE_PROXY_APPLY] = BETWEEN(100, 300),
                [PROFILE_PROXY_MIN_SYNC] = BETWEEN(1000, 1000),
                [PROFILE_TIME_WAIT] = BETWEEN(10000, 10000),
                [PROFILE_BALANCER] = BETWEEN(200, 1000),
                [PROFILE_INGRESS_SYNC] = BETWEEN(3333, 3333),
                [PROFILE_INGRESS_LOOK] = BETWEEN(1000, 1000),
                [PROFILE_PROBE_INTERVAL] = BETWEEN(5000, 5000),
                [PROFILE_PROBE_LAG] = BETWEEN(10000, 10000),
            },
        .proxy_burst = 2,
        .terminating_endpoints = false,
        .clean_udp = true,
        .masquerade = true,
    },
};

int profile_find(const char *name, struct profile *out, struct error *err)
{
    for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++) {
        if (strcmp(profiles[i].name, name) == 0) {
            *out = profiles[i];
            return 0;
        }
    }
    return error_set(err, EXIT_USAGE, -EINVAL,
                     "profile \"%s\" is unknown: use ideal, kubeadm or aks-2019", name);
}

static int unit_of(const char *text, double *unit_ns, const char **end)
{
    static const struct {
        const char *name;
        double ns;
    } units[] = {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}};

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        size_t size = strlen(units[i].name);
        if (strncmp(text, units[i].name, size) == 0) {
            *unit_ns = units[i].ns;
            *end = text + size;
            return 0;
        }
    }
    return -EINVAL;
}

int profile_parse_duration(const char *text, int64_t *out_ns, const char **end)
{
    const char *rest;
    char *number_end;
    double number, unit_ns;

    if (text[0] < '0' || text[0] > '9')
        return -EINVAL;
    number = strtod(text, &number_end);
    if (unit_of(number_end, &unit_ns, &rest) < 0)
        return -EINVAL;
    if (!(number * unit_ns <= 3600e9) || (end == NULL && *rest != '\0'))
        return -EINVAL;
    *out_ns = (int64_t)(number * unit_ns + 0.5);
    if (end != NULL)
        *end = rest;
    return 0;
}

static int parse_range(const char *text, struct profile_range *out)
{
    struct profile_range range;
    const char *end;

    if (profile_parse_duration(text, &range.least_ns, &end) < 0)
        return -EINVAL;
    range.most_ns = range.least_ns;
    if (*end == '-' && profile_parse_duration(end + 1, &range.most_ns, &end) < 0)
        return -EINVAL;
    if (*end != '\0' || range.most_ns < range.least_ns)
        return -EINVAL;
    *out = range;
    return 0;
}

static int set_bool(bool *out, const char *value, const char *yes, const char *no)
{
    if (strcmp(value, yes) != 0 && strcmp(value, no) != 0)
        return -EINVAL;
    *out = strcmp(value, yes) == 0;
    return 0;
}

static int set_burst(uint32_t *out, const char *value)
{
    char *end;
    unsigned long number = strtoul(value, &end, 10);

    if (end == value || *end != '\0' || number < 1 || number > 1000)
        return -EINVAL;
    *out = (uint32_t)number;
    return 0;
}

static int set_named(struct profile *profile, const char *name, const char *value,
                     const char **wanted)
{
    for (int i = 0; i < PROFILE_DELAY_COUNT; i++) {
        *wanted = "a duration (2s) or a range of them (500ms-2.6s), at most an hour";
        if (strcmp(name, delay_names[i]) == 0)
            return parse_range(value, &profile->delays[i]);
    }
    *wanted = "a number from 1 to 1000";
    if (strcmp(name, "proxyBurst") == 0)
        return set_burst(&profile->proxy_burst, value);
    *wanted = "true or false";
    if (strcmp(name, "terminatingEndpoints") == 0)
        return set_bool(&profile->terminating_endpoints, value, "true", "false");
    if (strcmp(name, "masquerade") == 0)
        return set_bool(&profile->masquerade, value, "true", "false");
    if (strcmp(name, "cleanUDP") == 0)
        return set_bool(&profile->clean_udp, value, "true", "false");
    *wanted = "blackhole or unreachable";
    if (strcmp(name, "goneIP") == 0)
        return set_bool(&profile->gone_unreachable, value, "unreachable", "blackhole");
    return -ENOENT;
}

static int unknown_name(const char *assignment, struct error *err)
{
    char list[512] = "";
    size_t used = 0;

    for (int i = 0; i < PROFILE_DELAY_COUNT; i++)
        used += (size_t)snprintf(list + used, sizeof(list) - used, "%s, ", delay_names[i]);
    return error_set(err, EXIT_USAGE, -EINVAL,
                     "--set %s: unknown name; there are %sproxyBurst, terminatingEndpoints, "
                     "masquerade, goneIP",
                     assignment, list);
}

int profile_set(struct profile *profile, const char *assignment, struct error *err)
{
    const char *equals = strchr(assignment, '=');
    const char *wanted = "";
    char name[64];
    int rc;

    if (equals == NULL || (size_t)(equals - assignment) >= sizeof(name))
        return error_set(err, EXIT_USAGE, -EINVAL, "--set %s: write NAME=VALUE", assignment);
    memcpy(name, assignment, (size_t)(equals - assignment));
    name[equals - assignment] = '\0';
    rc = set_named(profile, name, equals + 1, &wanted);
    if (rc == -ENOENT)
        return unknown_name(assignment, err);
    if (rc < 0)
        return error_set(err, EXIT_USAGE, -EINVAL, "--set %s: the value must be %s", assignment,
                         wanted);
    if (strchr(profile->name, '+') == NULL && strlen(profile->name) + 1 < sizeof(profile->name))
        strcat(profile->name, "+");
    return 0;
}

int64_t profile_draw(const struct profile *profile, enum profile_delay delay, struct random *random)
{
    const struct profile_range *range = &profile->delays[delay];
    uint64_t width_ns = (uint64_t)(range->most_ns - range->least_ns);

    return range->least_ns + (int64_t)random_below(random, width_ns + 1);
}
