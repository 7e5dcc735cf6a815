#include "run/prepare.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/text.h"
#include "run/body_file.h"
#include "run/drivers.h"
#include "run/pocket.h"
#include "run/prediction.h"
#include "run/proxies.h"
#include "run/telemetry.h"

enum {
    EVENTS_END_MS = 1000 /* For their reader, at the end. */
};

/* ---- files ---- */

static int load_experiment(struct session *session, struct error *err)
{
    const struct run_options *options = session->options;
    if (options->given != NULL) {
        session->experiment = options->given;
        return 0;
    }
    struct experiment_options how = {.sets = options->sets,
                                     .set_count = options->set_count,
                                     .variant = options->variant,
                                     .single = options->single,
                                     .repeat = options->repeat};
    memcpy(how.alternatives, options->alternatives, sizeof(how.alternatives));
    return experiment_load(options->experiment, &how, &session->experiment, err);
}

/* Manifests are named relative to the experiment's folder. */
static void manifest_path(const struct session *session, const char *file, char out[PATH_MAX])
{
    const char *experiment = session->options->experiment;
    const char *slash = experiment ? strrchr(experiment, '/') : NULL;
    if (file[0] == '/' || slash == NULL)
        snprintf(out, PATH_MAX, "%s", file);
    else
        snprintf(out, PATH_MAX, "%.*s%s", (int)(slash - experiment + 1), experiment, file);
}

static int load_manifest(struct session *session, const char *file, struct error *err)
{
    char path[PATH_MAX];
    for (size_t i = 0; i < session->manifest_count; i++)
        if (strcmp(session->manifest_files[i], file) == 0)
            return 0;
    if (session->manifest_count == SESSION_MANIFESTS)
        return error_set(err, EXIT_USAGE, -E2BIG, "more than %d manifest files", SESSION_MANIFESTS);
    manifest_path(session, file, path);
    struct manifest *manifest = &session->manifests[session->manifest_count];
    int code = manifest_load(path, manifest, err);
    if (code == -ENOENT) {
        err->text[0] = '\0';
        return error_set(err, EXIT_USAGE, code,
                         "%s: there is no manifest %s: what `files` names is looked for beside the "
                         "experiment; copy it there, or give its whole path",
                         session->experiment->path, path);
    }
    if (code < 0)
        return code;
    session->manifest_files[session->manifest_count++] = file;
    return 0;
}

/* The next Deployment of the manifests after number *AT that `rollout` is about; NULL: no more. */
static cJSON *next_rolled(const struct session *session, size_t *at)
{
    const char *wanted = session->experiment->rollout.deployment;
    size_t index = 0;
    for (size_t m = 0; m < session->manifest_count; m++)
        for (uint32_t i = 0; i < session->manifests[m].count; i++) {
            cJSON *object = session->manifests[m].objects[i];
            if (index++ < *at || strcmp(json_string(object, "kind", ""), "Deployment") != 0 ||
                (wanted != NULL && strcmp(json_string(object, "metadata.name", ""), wanted) != 0))
                continue;
            *at = index;
            return object;
        }
    return NULL;
}

/* One of them that is meant by no name is one too many: two may be meant to differ. */
static int write_rollout(struct session *session, struct error *err)
{
    const struct experiment_rollout *rollout = &session->experiment->rollout;
    const char *first = NULL;
    cJSON *object;
    size_t at = 0;
    if (rollout->replicas == 0 && !rollout->max_surge.given && !rollout->max_unavailable.given)
        return 0;
    while ((object = next_rolled(session, &at)) != NULL) {
        const char *name = json_string(object, "metadata.name", "");
        if (first != NULL && strcmp(first, name) != 0)
            return error_set(err, EXIT_USAGE, -EINVAL,
                             "%s: rollout.deployment: the steps apply the Deployments \"%s\" and "
                             "\"%s\": say which is meant",
                             session->experiment->path, first, name);
        first = name;
        if (manifest_write_rollout(object, rollout->replicas, &rollout->max_surge,
                                   &rollout->max_unavailable) < 0)
            return error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory for manifests");
    }
    if (first != NULL)
        return 0;
    return error_set(err, EXIT_USAGE, -ENOENT,
                     "%s: rollout: no step applies %s%s, so that there is nothing to write it over",
                     session->experiment->path,
                     rollout->deployment != NULL ? "the Deployment " : "a Deployment",
                     rollout->deployment != NULL ? rollout->deployment : "");
}

static int load_manifests(struct session *session, struct error *err)
{
    const struct experiment *experiment = session->experiment;
    int code = 0;
    for (uint32_t i = 0; i < experiment->step_count && code == 0; i++)
        for (uint32_t f = 0; f < experiment->steps[i].file_count && code == 0; f++)
            code = load_manifest(session, experiment->steps[i].files[f], err);
    return code < 0 ? code : write_rollout(session, err);
}

/* What the files would change must be named in mayChange: better told now than half-way. */
static int check_may_change(struct session *session, struct error *err)
{
    for (size_t i = 0; i < session->manifest_count; i++) {
        const struct manifest *manifest = &session->manifests[i];
        for (uint32_t k = 0; k < manifest->count; k++) {
            char kind[64];
            const char *name = json_string(manifest->objects[k], "metadata.name", "");
            snprintf(kind, sizeof(kind), "%s", json_string(manifest->objects[k], "kind", ""));
            for (char *c = kind; *c != '\0'; c++)
                *c = (char)tolower((unsigned char)*c);
            if (!experiment_may_change(session->experiment, kind, name))
                return error_set(err, EXIT_USAGE, -EPERM,
                                 "%s: it has %s/%s, which may not be changed; add \"%s/%s\" to "
                                 "cluster.mayChange if it may",
                                 session->manifest_files[i], kind, name, kind, name);
        }
    }
    return 0;
}

static int check_proxies(struct session *session, struct error *err)
{
    return proxies_check(session->experiment, err);
}

/* A file that somebody sent is not to run programs by itself. */
static int check_exec(struct session *session, struct error *err)
{
    const struct experiment *experiment = session->experiment;
    for (uint32_t i = 0; i < experiment->step_count && !session->options->allow_exec; i++)
        if (experiment->steps[i].verb == EXPERIMENT_EXEC)
            return error_set(err, EXIT_USAGE, -EPERM,
                             "%s: steps[%u] runs the program \"%s\": give --allow-exec if it may",
                             experiment->path, i, experiment->steps[i].command[0]);
    return 0;
}

static int check_body(const struct experiment *experiment, const struct experiment_request *request,
                      struct error *err)
{
    if (request->body_file == NULL)
        return 0;
    return body_file_check(experiment->path, request->body_file, err);
}

/* Likewise the bodies of requests, and what TLS needs. */
static int check_files(struct session *session, struct error *err)
{
    const struct experiment *experiment = session->experiment;
    for (uint32_t i = 0; i < experiment->stream_count; i++) {
        const struct experiment_stream *stream = &experiment->streams[i];
        const struct experiment_http *http = &stream->http;
        const char *part = "http";
        int code = check_body(experiment, &http->request, err);
        for (uint32_t k = 0; k < http->request_count && code == 0; k++) {
            code = check_body(experiment, &http->requests[k], err);
            if (code < 0)
                error_wrap(err, "requests[%u]", k);
        }
        if (code == 0 && stream->protocol == EXPERIMENT_PROTOCOL_HTTPS) {
            part = "tls";
            code = tls_of_check(experiment->path, stream, err);
        }
        if (code < 0) {
            error_wrap(err, "streams.%s.%s", stream->name, part);
            return code;
        }
    }
    return 0;
}

static int read_machine(struct session *session, const char *path, struct error *err)
{
    int code = machine_load(path, &session->machine, err);
    return code < 0 ? code : machine_check_experiment(session->machine, session->experiment, err);
}

static bool on_lab(const struct session *session)
{
    return session->experiment->cluster.given && session->experiment->cluster.lab_cluster;
}

/* The lab's own is there when the lab is. */
static int load_machine(struct session *session, struct error *err)
{
    if (session->options->machine != NULL)
        return read_machine(session, session->options->machine, err);
    if (on_lab(session))
        return 0;
    return error_set(err, EXIT_USAGE, -EINVAL,
                     "no machine file: say by --machine which NIC ports, cores and client "
                     "addresses to use (docs/machine.md); of a lab that is up it is "
                     "/run/seamline-lab/machine.json");
}

static int open_lab(struct session *session, struct error *err)
{
    char path[PATH_MAX];
    if (!on_lab(session))
        return 0;
    int code = pocket_up(session->experiment, session->options->program, session->lab_directory,
                         session->meta.environment, &session->lab_started, err);
    if (code < 0 || session->machine != NULL)
        return code;
    snprintf(path, sizeof(path), "%s/machine.json", session->lab_directory);
    return read_machine(session, path, err);
}

/* ---- consent ---- */

static int ask_consent(struct session *session, struct error *err)
{
    const struct experiment_cluster *cluster = &session->experiment->cluster;
    if (!cluster->given || cluster->lab_cluster)
        return 0;
    const struct kubeconfig *config = kube_config(session->cluster.kube);
    fprintf(stderr, "seamline: server %s, context %s, namespace %s; may change:", config->server,
            config->context, cluster->namespace);
    for (uint32_t i = 0; i < cluster->may_change_count; i++)
        fprintf(stderr, " %s/%s", cluster->may_change[i].kind, cluster->may_change[i].name);
    fputc('\n', stderr);
    if (cluster->may_change_count == 0 || session->options->yes)
        return 0;
    return error_set(err, EXIT_USAGE, -EPERM,
                     "this is no lab: give --yes if the above is what you want");
}

/* ---- parts ---- */

static const char *kubeconfig_path(const struct session *session, char out[PATH_MAX])
{
    const struct experiment_cluster *cluster = &session->experiment->cluster;
    if (cluster->lab_cluster)
        snprintf(out, PATH_MAX, "%s/kubeconfig", session->lab_directory);
    else
        snprintf(out, PATH_MAX, "%s", cluster->kubeconfig);
    return out;
}

static int open_cluster(struct session *session, struct error *err)
{
    char path[PATH_MAX];
    if (!session->experiment->cluster.given)
        return 0;
    if (session->experiment->cluster.lab.given && !session->experiment->cluster.lab_cluster)
        fprintf(stderr, "seamline: cluster.lab is without effect: this is another cluster\n");
    kubeconfig_path(session, path);
    if (realpath(path, session->kubeconfig) == NULL)
        snprintf(session->kubeconfig, sizeof(session->kubeconfig), "%s", path);
    int code = cluster_open(&session->cluster, session->experiment, path, &session->clock, err);
    if (code < 0)
        error_wrap(err, "cluster");
    return code;
}

static bool is_lab(const struct experiment *experiment)
{
    return experiment->cluster.given && experiment->cluster.lab_cluster;
}

/* Each line of LINES on stderr. */
static void print_lines(const char *lines)
{
    for (const char *end; (end = strchr(lines, '\n')) != NULL; lines = end + 1)
        fprintf(stderr, "seamline: %.*s\n", (int)(end - lines), lines);
}

static int open_fleet(struct session *session, struct error *err)
{
    char drivers[PATH_MAX];
    int code =
        fleet_open(&session->fleet, session->machine, &session->clock,
                   drivers_folder(session->options->drivers, drivers), session->options->program,
                   is_lab(session->experiment), session->options->telemetry, err);
    session->fleet_open = true;
    if (code == 0 && session->options->telemetry)
        fprintf(stderr, "seamline: dpdk-telemetry.py -f %s asks while the run goes on\n",
                session->fleet.eal_report.file_prefix);
    for (unsigned i = 0; i < session->fleet.nic_count && code == 0; i++)
        if (session->fleet.nics[i].note[0])
            fprintf(stderr, "seamline: %s\n", session->fleet.nics[i].note);
    print_lines(text_str(&session->fleet.warnings));
    return code;
}

static void describe_stream(const struct session *session, unsigned index)
{
    const struct experiment_stream *stream = &session->experiment->streams[index];
    struct meta_stream *meta = (struct meta_stream *)&session->meta.streams[index];
    const uint32_t *turns;
    snprintf(meta->name, sizeof(meta->name), "%s", stream->name);
    snprintf(meta->protocol, sizeof(meta->protocol), "%s",
             experiment_protocol_word(stream->protocol));
    meta->one_way = stream->protocol == EXPERIMENT_PROTOCOL_RAW;
    meta->datagrams = meta->one_way || stream->protocol == EXPERIMENT_PROTOCOL_UDP ||
                      stream->protocol == EXPERIMENT_PROTOCOL_ICMP;
    bool one = stream->mode == EXPERIMENT_MODE_OPEN && (!meta->datagrams || meta->one_way);
    meta->flows = one ? 1 : stream->connections;
    if (stream->mode != EXPERIMENT_MODE_CLOSED)
        meta->rate_pps =
            pace_mean(&stream->pace) * experiment_turns(stream, &turns) / stream->turns;
    if (stream->protocol == EXPERIMENT_PROTOCOL_CTRAFFIC || (meta->datagrams && !meta->one_way))
        meta->size_bytes = stream->size_bytes;
    meta->timeout_ns = (uint64_t)stream->timeout_ns;
    meta->connect_timeout_ns = (uint64_t)stream->connect_timeout_ns;
    meta->late_ns = (uint64_t)session->experiment->windows.late_ns;
    static const char *const words[] = {[RECORD_MODE_FULL] = "full",
                                        [RECORD_MODE_SAMPLED] = "sampled",
                                        [RECORD_MODE_FAILURES] = "failures"};
    struct record_keep keep = fleet_keep(stream);
    snprintf(meta->record, sizeof(meta->record), "%s", words[keep.mode]);
    meta->one_in = keep.one_in;
}

static void describe(struct session *session)
{
    const struct experiment *experiment = session->experiment;
    struct meta *meta = &session->meta;
    char utc[36];
    snprintf(meta->version, sizeof(meta->version), "%s", SEAMLINE_VERSION);
    snprintf(meta->experiment, sizeof(meta->experiment), "%s", experiment->name);
    json_format_time(utc_from_run(session->utc, 0), 9, utc);
    snprintf(meta->started, sizeof(meta->started), "%s", utc);
    meta->lab = is_lab(experiment);
    if (session->cluster.lab[0] != '\0')
        snprintf(meta->environment, sizeof(meta->environment), "%s", session->cluster.lab);
    else if (!meta->lab && session->cluster.kube != NULL)
        snprintf(meta->environment, sizeof(meta->environment), "%.150s, context %.80s",
                 kube_config(session->cluster.kube)->server,
                 kube_config(session->cluster.kube)->context);
    meta->tsc_hz = session->clock.hz;
    meta->worker_count = session->fleet.count;
    meta->stream_count = experiment->stream_count;
    for (unsigned i = 0; i < experiment->stream_count; i++)
        describe_stream(session, i);
}

static int open_rundir(struct session *session, struct error *err)
{
    int code = rundir_create(&session->rundir, session->options->directory,
                             session->experiment->name, err);
    session->recording = code == 0;
    if (code == 0)
        code = rundir_write_json(&session->rundir, "experiment.json", session->experiment->resolved,
                                 err);
    return code;
}

/* From here on events are told; metrics are served as soon as there are any. */
static int open_followers(struct session *session, struct error *err)
{
    session->rundir.also = &session->live.fresh;
    int code = events_open(&session->events, session->options->events, err);
    if (code == 0)
        code = metrics_open(&session->metrics, session->options->metrics, &session->live, err);
    if (code == 0 && session->options->telemetry)
        code = telemetry_open(&session->live, err);
    if (code == 0 && session->metrics.daemon != NULL)
        fprintf(stderr, "seamline: metrics are at %s while the run goes on\n",
                session->metrics.where);
    return code;
}

static int fill_rundir(struct session *session, struct error *err)
{
    char path[PATH_MAX];
    session->cluster.rundir = &session->rundir;
    int code = rundir_write_json(&session->rundir, "machine.json", session->machine->resolved, err);
    if (code == 0 && session->cluster.kube != NULL)
        code = cluster_journal(&session->cluster, kubeconfig_path(session, path), err);
    if (code == 0) {
        describe(session);
        code = meta_write(&session->meta, session->rundir.path, err);
    }
    if (code == 0)
        session_note(session, TIMELINE_RUN_START, session->experiment->name, "", 0);
    return code;
}

static int predict(struct session *session, struct error *err)
{
    return prediction_make(session->experiment, session->manifests, session->manifest_count,
                           &session->meta.prediction, NULL, err);
}

static int start_clock(struct session *session, struct error *err)
{
    session->utc = calloc(1, sizeof(*session->utc));
    if (session->utc == NULL)
        return error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory");
    if (clock_start(&session->clock, 200000000) < 0)
        fprintf(stderr,
                "seamline: this CPU's TSC is not invariant: times may be wrong by more than "
                "the bound that is printed\n");
    session->utc->spacing_ns = 100000000;
    utc_sample_now(session->utc, &session->clock);
    return 0;
}

int prepare(struct session *session, struct error *err)
{
    static int (*const parts[])(struct session *, struct error *) = {
        load_experiment, load_manifests, check_may_change, check_exec,  check_files,
        check_proxies,   predict,        load_machine,     open_rundir, open_followers,
        open_lab,        start_clock,    open_cluster,     ask_consent, proxies_compare,
        open_fleet,      fill_rundir};
    int code = 0;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && code == 0; i++)
        code = parts[i](session, err);
    return code;
}

int prepare_check(const struct run_options *options, struct error *err)
{
    static int (*const parts[])(struct session *, struct error *) = {
        load_experiment, load_manifests, check_may_change, check_exec,
        check_files,     check_proxies,  load_machine};
    struct session *session = calloc(1, sizeof(*session));
    int code = 0;
    if (session == NULL)
        return error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory");
    session->options = options;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && code == 0; i++)
        code = parts[i](session, err);
    prepare_undo(session, err);
    free(session);
    return code;
}

int prepare_undo(struct session *session, struct error *err)
{
    int code = 0;
    if (session->recording && session->measuring)
        rundir_close(&session->rundir);
    else if (session->recording)
        rundir_discard(&session->rundir);
    events_close(&session->events, EVENTS_END_MS);
    metrics_close(&session->metrics);
    telemetry_close();
    timeline_free(&session->live.fresh);
    cluster_close(&session->cluster);
    if (session->fleet_open)
        fleet_close(&session->fleet);
    pieces_free(&session->pieces);
    for (size_t i = 0; i < session->manifest_count; i++)
        manifest_free(&session->manifests[i]);
    if (session->lab_started)
        code = pocket_down(session->options->program, session->lab_directory, err);
    machine_free(session->machine);
    experiment_free(session->experiment);
    meta_free(&session->meta);
    free(session->utc);
    return code;
}

/* One line for each count that occurred, with a bar. */
static void print_histogram(const struct predict_result *result, struct text *out)
{
    uint32_t most = 1;
    for (uint32_t broken = result->min; broken <= result->max; broken++)
        if (predict_runs_at(result, broken) > most)
            most = predict_runs_at(result, broken);
    for (uint32_t broken = result->min; broken <= result->max; broken++) {
        uint32_t runs = predict_runs_at(result, broken);
        if (runs == 0)
            continue;
        text_addf(out, "  %6u  %6u  ", broken, runs);
        for (uint32_t i = 0; i < (runs * 50 + most - 1) / most; i++)
            text_add(out, "#");
        text_add(out, "\n");
    }
}

static void print_prediction(const struct meta_prediction *prediction,
                             const struct predict_result *result, struct text *out)
{
    text_addf(out,
              "Predicted broken connections: mean %.1f, p1 %u, p50 %u, p99 %u, min %u, max %u\n",
              prediction->mean, prediction->p1, prediction->p50, prediction->p99, prediction->min,
              prediction->max);
    text_addf(out, "Basis: %s; %u simulated runs\n", prediction->basis, result->runs);
    text_add(out, "  broken    runs\n");
    print_histogram(result, out);
}

int prepare_predict(const struct run_options *options, struct text *out, struct error *err)
{
    struct session *session = calloc(1, sizeof(*session));
    struct predict_result result = {0};
    if (session == NULL)
        return error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory");
    session->options = options;
    int code = load_experiment(session, err);
    if (code == 0)
        code = load_manifests(session, err);
    if (code == 0)
        code = prediction_make(session->experiment, session->manifests, session->manifest_count,
                               &session->meta.prediction, &result, err);
    if (code == 0 && !session->meta.prediction.given)
        code = error_set(err, EXIT_USAGE, -ENODATA, "nothing to predict: %s",
                         session->meta.prediction.basis[0]
                             ? session->meta.prediction.basis
                             : "the experiment needs a ctraffic stream, a set-image step, and the "
                               "Deployment's manifest in an apply step");
    if (code == 0)
        print_prediction(&session->meta.prediction, &result, out);
    predict_result_free(&result);
    prepare_undo(session, err);
    free(session);
    return code;
}
