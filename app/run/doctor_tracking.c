#include "run/doctor_tracking.h"

#include <dirent.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "plan/quantity.h"
#include "run/doctor_machine.h"

#define PART "machine"
#define NAME "conntrack"

/* What an experiment has of connections. */
struct demand {
    double new_per_s; /* By schedule. */
    double held;      /* At most, at a time. */
    bool unknown;     /* More are made, as fast as answers come. */
};

static bool is_virtual(const char *root, const char *iface);
static unsigned long read_number(const char *root, const char *file);
static unsigned long lab_time_wait_s(const struct experiment *experiment);
static struct demand demand_of(const struct experiment *experiment);
static void judge(const struct demand *demand, unsigned long most, unsigned long kept_s, bool lab,
                  struct findings *out);

void doctor_tracking(const char *root, const struct machine *machine,
                     const struct experiment *experiment, bool lab, struct findings *out)
{
    bool ours = lab;
    if (strlen(root) > DOCTOR_ROOT_MAX)
        return;
    for (uint32_t i = 0; machine != NULL && i < machine->port_count; i++)
        ours |= machine->ports[i].iface != NULL && is_virtual(root, machine->ports[i].iface);
    if (!ours)
        return;
    const unsigned long most = read_number(root, "nf_conntrack_max");
    const unsigned long time_wait_s =
        lab ? lab_time_wait_s(experiment) : read_number(root, "nf_conntrack_tcp_timeout_time_wait");
    const struct demand demand = demand_of(experiment);
    if (most > 0 && time_wait_s > 0)
        judge(&demand, most, time_wait_s + DOCTOR_TRACKING_FORGETS_S, lab, out);
    else if (!lab)
        findings_add(out, FINDING_OK, PART, NAME, "this kernel tracks no connections");
}

/* Hardware has the link `device`; a VLAN or a bond has links to what it lies upon. */
static bool is_virtual(const char *root, const char *iface)
{
    char path[PATH_MAX];
    const struct dirent *entry;
    if (strchr(iface, '/') != NULL || iface[0] == '.')
        return false;
    snprintf(path, sizeof(path), "%s/sys/class/net/%.60s", root, iface);
    DIR *folder = opendir(path);
    bool alone = folder != NULL;
    while (alone && (entry = readdir(folder)) != NULL)
        alone = strcmp(entry->d_name, "device") != 0 && strncmp(entry->d_name, "lower_", 6) != 0;
    if (folder != NULL)
        closedir(folder);
    return alone;
}

/* 0: it cannot be read. */
static unsigned long read_number(const char *root, const char *file)
{
    char path[PATH_MAX];
    struct text text = {0};
    snprintf(path, sizeof(path), "%s/proc/sys/net/netfilter/%s", root, file);
    const bool read = text_read_file(&text, path, 32) == 0;
    const unsigned long number = read ? strtoul(text_str(&text), NULL, 10) : 0;
    text_free(&text);
    return number;
}

static unsigned long lab_time_wait_s(const struct experiment *experiment)
{
    static const char key[] = "conntrackTimeWait=";
    int64_t kept_ns = DOCTOR_TRACKING_LAB_S * INT64_C(1000000000);
    const struct experiment_lab *settings = experiment == NULL ? NULL : &experiment->cluster.lab;
    for (uint32_t i = 0; settings != NULL && i < settings->setting_count; i++)
        if (strncmp(settings->settings[i], key, sizeof(key) - 1) == 0)
            quantity_parse_duration(settings->settings[i] + sizeof(key) - 1, &kept_ns);
    return kept_ns < INT64_C(1000000000) ? 1 : (unsigned long)(kept_ns / INT64_C(1000000000));
}

/* Whether each request is a connection of its own. */
static bool is_new_each(const struct experiment_stream *stream)
{
    switch (stream->protocol) {
    case EXPERIMENT_PROTOCOL_CONNECT:
    case EXPERIMENT_PROTOCOL_MCONNECT: return true;
    case EXPERIMENT_PROTOCOL_HTTP:
    case EXPERIMENT_PROTOCOL_HTTPS:
        return stream->mode != EXPERIMENT_MODE_HELD && !stream->keep_alive;
    default: return false;
    }
}

static struct demand demand_of(const struct experiment *experiment)
{
    struct demand demand = {.unknown = experiment == NULL};
    for (uint32_t i = 0; experiment != NULL && i < experiment->stream_count; i++) {
        const struct experiment_stream *stream = &experiment->streams[i];
        if (!is_new_each(stream)) {
            demand.held += stream->connections;
        } else {
            demand.new_per_s += stream->rate_per_s;
            demand.unknown |= stream->rate_per_s == 0;
        }
    }
    return demand;
}

static void judge(const struct demand *demand, unsigned long most, unsigned long kept_s, bool lab,
                  struct findings *out)
{
    char rate[QUANTITY_TEXT_BYTES];
    const double needed = ceil(demand->held + demand->new_per_s * (double)kept_s);
    quantity_rate_text(demand->new_per_s, rate);
    if (needed <= (double)most && demand->unknown) {
        findings_add(out, FINDING_OK, PART, NAME,
                     "%s %lu entries, which up to %lu new connections a second fill: each is kept "
                     "for %lu s after its end",
                     lab ? "a node has" : "the kernel has", most, most / kept_s, kept_s);
    } else if (needed <= (double)most) {
        findings_add(out, FINDING_OK, PART, NAME, "%.0f entries of %lu are needed", needed, most);
    } else {
        findings_add(out, FINDING_WARN, PART, NAME,
                     "%.0f entries are needed for %s new connections, each kept for %lu s after "
                     "its end%s, and there are %lu: packets of what is beyond are dropped",
                     needed, rate, kept_s, lab ? " by its node" : "", most);
        findings_mend(
            out, "sysctl -w net.netfilter.nf_conntrack_max=%.0f (outside of namespaces), or %s",
            needed,
            lab ? "cluster.lab.settings {\"conntrackTimeWait\": \"1s\"}"
                : "a smaller net.netfilter.nf_conntrack_tcp_timeout_time_wait in the "
                  "namespace of the far end");
    }
}
