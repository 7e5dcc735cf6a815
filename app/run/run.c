#include "run/run.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analyze/analyze.h"
#include "base/stop.h"
#include "report/report.h"
#include "run/pocket.h"
#include "run/prediction.h"
#include "run/prepare.h"
#include "run/progress.h"
#include "run/proxies.h"
#include "run/session.h"
#include "run/step.h"
#include "run/telemetry.h"

#define SECOND_NS UINT64_C(1000000000)

enum {
    TURN_MS = 5,
    SETTLE_MS = 10000 /* For answers to changes that were asked for when the run broke off. */
};

void session_note(struct session *session, enum timeline_kind kind, const char *object,
                  const char *text, uint64_t since_ns)
{
    uint64_t now_ns = clock_now_ns(&session->clock);
    struct timeline_event event = {.not_before_ns = since_ns ? since_ns : now_ns,
                                   .not_after_ns = now_ns,
                                   .kind = kind,
                                   .ours = true};
    snprintf(event.object, sizeof(event.object), "%s", object);
    snprintf(event.text, sizeof(event.text), "%s", text);
    rundir_add_event(&session->rundir, &event, NULL);
}

/* ---- the run as it is now ---- */

/* The events' end is not the run's, and is told once. */
static void follow_events(struct session *session)
{
    if (!session->events.open || session->events.failed == 0)
        return;
    fprintf(stderr, "\nseamline: the run goes on, but --events %s: %s: no more are told\n",
            session->options->events, strerror(-session->events.failed));
    events_close(&session->events, 0);
}

/* STEPS NULL: none is under way. */
static void look(struct session *session, const struct steps *steps)
{
    struct live_sample sample;
    live_tell(&session->live, &session->events);
    if (live_is_due(&session->live, clock_now_ns(&session->clock))) {
        live_sample_take(&sample, session, steps);
        live_update(&session->live, &sample, &session->events);
    }
    metrics_turn(&session->metrics);
    telemetry_turn();
    follow_events(session);
}

/* ---- one turn of the loop ---- */

static void note_net_event(struct session *session, const struct net_event *net)
{
    char address[ADDRESS_TEXT_BYTES], text[160];
    address_text(&net->address, address);
    snprintf(text, sizeof(text), "next hop: %s %02x:%02x:%02x:%02x:%02x:%02x",
             net_event_name(net->kind), net->mac[0], net->mac[1], net->mac[2], net->mac[3],
             net->mac[4], net->mac[5]);
    session_note(session, TIMELINE_TESTER, address, text, net->at_ns);
}

static void take_report(struct session *session, const struct worker_report *report)
{
    if (report->kind == WORKER_NET_EVENT)
        note_net_event(session, &report->net);
    if (report->kind == WORKER_NET_EVENT || report->stream >= session->experiment->stream_count)
        return;
    const char *name = session->experiment->streams[report->stream].name;
    const struct fleet_stream *stream = &session->fleet.streams[report->stream];
    struct meta_stream *meta = &session->meta.streams[report->stream];
    if (report->kind == WORKER_STREAM_STEADY && stream->steady_ns != 0) {
        meta->steady_ns = stream->steady_ns;
        session_note(session, TIMELINE_STREAM_STEADY, name, "", report->at_ns);
    } else if (report->kind == WORKER_STREAM_STOPPED && stream->stopped_ns != 0) {
        meta->stopped_ns = stream->stopped_ns;
        session_note(session, TIMELINE_STREAM_STOP, name, "", report->at_ns);
    }
}

static void take_reports(struct session *session)
{
    struct worker_report report;
    unsigned member;
    while (fleet_report(&session->fleet, &report, &member))
        take_report(session, &report);
}

/* Something cannot be written: the run goes on with what it has in memory, and says so once. */
static void tell_trouble(struct session *session, const struct error *trouble)
{
    struct meta *meta = &session->meta;
    if (trouble->text[0] == '\0' || session->told)
        return;
    session->told = true;
    fprintf(stderr, "\nseamline: the run goes on, but: %s\n", trouble->text);
    if (meta->failure[0] == '\0')
        snprintf(meta->failure, sizeof(meta->failure), "%s", trouble->text);
}

static void cut_pieces(struct session *session)
{
    struct error trouble = {0};
    if (!session->launched || !session->options->pcap)
        return;
    pieces_tick(&session->pieces, &session->fleet, session->utc, session->rundir.path, &trouble);
    tell_trouble(session, &trouble);
}

/* Once a second: the clock, the devices, the logs. A full disk does not end the run: it is told,
 * and what is in memory goes on. A device that is gone does: -ENODEV with ERR. */
static int each_second(struct session *session, uint64_t *last_ns, struct error *err)
{
    struct error trouble = {0};
    uint64_t now_ns = clock_now_ns(&session->clock);
    if (now_ns < *last_ns + SECOND_NS)
        return 0;
    *last_ns = now_ns;
    utc_sample_now(session->utc, &session->clock);
    tell_trouble(session, &session->rundir.trouble);
    if (!session->launched)
        return 0;
    int code = fleet_look(&session->fleet, err);
    fleet_flush(&session->fleet, &trouble);
    tell_trouble(session, &trouble);
    return code;
}

/* 0, or -errno with ERR when the cluster cannot be followed any more or a device is gone; the rest
 * is done all the same. */
static int turn(struct session *session, const struct steps *steps, uint64_t *second_ns,
                struct error *err)
{
    struct error lost = {0};
    int code = 0;
    if (session->cluster.kube != NULL)
        code = cluster_poll(&session->cluster, TURN_MS, err);
    if (session->cluster.kube == NULL || code < 0)
        usleep(TURN_MS * 1000);
    if (session->launched)
        take_reports(session);
    cut_pieces(session);
    look(session, steps);
    int looked = each_second(session, second_ns, &lost);
    if (looked < 0 && err != NULL)
        *err = lost; /* It explains the rest. */
    return looked < 0 ? looked : code;
}

/* ---- the run ---- */

/* Go through LIST. 0, -EINTR when a signal asked for the end, or the error of a step. `after` is
 * gone through whatever happens. */
static int go_through(struct session *session, const struct experiment_step *list, unsigned count,
                      bool after, struct progress *progress, struct error *err)
{
    struct steps steps;
    uint64_t second_ns = 0;
    int code = 1;
    steps_start(&steps, list, count, after);
    while (code == 1) {
        if (stop_is_wanted() && !after) {
            steps_break(&steps, session, "interrupted");
            return -EINTR;
        }
        code = steps_tick(&steps, session, err);
        int result = code < 0 ? code : turn(session, &steps, &second_ns, after ? NULL : err);
        if (result < 0 && !after) {
            steps_break(&steps, session, err->text);
            return result;
        }
        progress_tick(progress, &session->live);
    }
    return code;
}

/* Streams that no step stopped: after a failure, or for want of a stop. */
static void stop_streams(struct session *session)
{
    uint64_t second_ns = clock_now_ns(&session->clock);
    uint64_t deadline_ns = second_ns + 5 * SECOND_NS;
    bool waiting = false;
    for (unsigned i = 0; i < session->experiment->stream_count; i++) {
        const struct fleet_stream *stream = &session->fleet.streams[i];
        if (stream->wanted > 0 && stream->stopped_ns == 0)
            waiting = fleet_stop(&session->fleet, i, NULL) == 0 || waiting;
    }
    while (waiting && clock_now_ns(&session->clock) < deadline_ns) {
        waiting = false;
        turn(session, NULL, &second_ns, NULL);
        for (unsigned i = 0; i < session->experiment->stream_count; i++) {
            const struct fleet_stream *stream = &session->fleet.streams[i];
            waiting = waiting || (stream->wanted > 0 && stream->stopped_ns == 0);
        }
    }
}

static void thin_utc(struct session *session)
{
    const struct utc *utc = session->utc;
    struct meta *meta = &session->meta;
    const unsigned most = sizeof(meta->utc) / sizeof(meta->utc[0]);
    unsigned wanted = utc->count < most ? utc->count : most;
    for (unsigned i = 0; i < wanted; i++) {
        unsigned from = wanted < 2 ? 0 : (unsigned)((uint64_t)i * (utc->count - 1) / (wanted - 1));
        meta->utc[i] = utc->samples[from];
    }
    meta->utc_count = wanted;
    meta->clock_error_ns = wanted ? utc_error_bound_ns(utc) : 0;
}

static void account_server_clock(const struct session *session, struct meta_server_clock *out)
{
    const struct server_clock *clock = kube_server_clock(session->cluster.kube);
    *out = (struct meta_server_clock){.least_ns = clock->least_ns,
                                      .most_ns = clock->most_ns,
                                      .answers = clock->answers,
                                      .steps = clock->steps};
}

/* Everything has stopped: what is left over, what was counted. */
static int account(struct session *session, struct error *err)
{
    struct meta *meta = &session->meta;
    bool clean = true;
    utc_sample_now(session->utc, &session->clock);
    if (session->launched) {
        clean = fleet_join(&session->fleet, 5 * SECOND_NS, err);
        fleet_look(&session->fleet, NULL);
        fleet_flush(&session->fleet, err);
    }
    fleet_account(&session->fleet, meta);
    if (session->cluster.kube != NULL)
        account_server_clock(session, &meta->server_clock);
    meta->ended_ns = clock_now_ns(&session->clock);
    meta->final = true;
    thin_utc(session);
    session_note(session, TIMELINE_RUN_END, meta->experiment, meta->failure, 0);
    tell_trouble(session, &session->rundir.trouble);
    int code = meta_write(meta, session->rundir.path, err);
    return code < 0 ? code : clean ? 0 : -EBUSY;
}

/* The lab's own log of what it did goes with the run, so that the account can be held against
 * it. */
static void keep_truth(struct session *session)
{
    char path[PATH_MAX];
    struct text truth = {0};
    struct error err = {0};
    if (!session->lab_directory[0])
        return;
    snprintf(path, sizeof(path), "%s/truth.jsonl", session->lab_directory);
    int code = text_read_file(&truth, path, TEXT_LIMIT_BYTES - 1);
    if (code == 0)
        code = rundir_write_text(&session->rundir, "truth.jsonl", text_str(&truth), &err);
    if (code < 0)
        fprintf(stderr, "seamline: the lab's truth.jsonl was not kept: %s\n",
                err.text[0] ? err.text : strerror(-code));
    text_free(&truth);
}

/* Some are written although the experiment does not ask for them. */
static bool is_wanted(const struct experiment *experiment, enum report_format format)
{
    bool asked = format == REPORT_TEXT || format == REPORT_JSON || format == REPORT_HTML ||
                 format == REPORT_HDR;
    for (uint32_t f = 0; f < experiment->format_count; f++) {
        const char *word = experiment_format_word(experiment->formats[f]);
        asked |= strcmp(word, report_format_name(format)) == 0 ||
                 (format == REPORT_UPDATE && strcmp(word, report_format_name(REPORT_CHECK)) == 0);
    }
    return asked;
}

static int write_report(struct session *session, const struct result *result,
                        enum report_format format, struct error *err)
{
    struct text text = {0};
    int code = report_make(result, format, &text, err);
    if (code == 0 && format == REPORT_TEXT && run_prints(session->options))
        fputs(text_str(&text), stdout);
    if (code == 0)
        code =
            rundir_write_text(&session->rundir, report_format_file(format), text_str(&text), err);
    text_free(&text);
    return code;
}

/* What cannot be written is printed all the same, and does not keep the others from being written.
 * A format that has nothing to hold in this run is told of, and is no failure. */
static int write_reports(struct session *session, const struct result *result, struct error *err)
{
    int first = 0;
    for (unsigned format = 0; format < REPORT_FORMAT_COUNT; format++) {
        struct error why = {0};
        if (!is_wanted(session->experiment, format))
            continue;
        int code = write_report(session, result, format, &why);
        if (code == -ENODATA && format != REPORT_UPDATE) /* Not every run makes a change. */
            fprintf(stderr, "seamline: %s is not written: %s\n", report_format_file(format),
                    why.text);
        else if (code < 0 && code != -ENODATA && first == 0)
            first = error_set(err, why.status, code, "%s", why.text);
    }
    return first;
}

static int conclude(struct session *session, enum verdict *verdict, struct error *err)
{
    struct result *result;
    int code = analyze_rundir(session->rundir.path, &result, err);
    if (code < 0)
        return code;
    code = write_reports(session, result, err);
    *verdict = result->verdict;
    result_free(result);
    fflush(stdout);
    return code;
}

/* The exit status for ERR: a failure without a text is none that the user could mend. */
static enum exit_status status_of(struct error *err)
{
    if (err->text[0] == '\0')
        error_set(err, EXIT_ENVIRONMENT, 0, "it failed, and no reason was given");
    return err->status == EXIT_MET ? EXIT_ENVIRONMENT : err->status;
}

/* The steps, and what always follows. The error that ended them, or 0. */
static int do_steps(struct session *session, struct error *err, struct error *later)
{
    const struct experiment *experiment = session->experiment;
    struct meta *meta = &session->meta;
    struct progress progress;
    struct error back = {0};
    /* Lines of events on the terminal and a view would be in each other's way. */
    bool lines = !run_prints(session->options) && isatty(STDOUT_FILENO) == 1;
    progress_start(&progress, stderr, session->options->quiet || lines);
    live_start(&session->live, experiment, session->fleet.count, meta, session->rundir.path,
               &session->events);
    int code = proxies_set(session, err);
    if (code == 0)
        code =
            go_through(session, experiment->steps, experiment->step_count, false, &progress, err);
    meta->interrupted = code == -EINTR;
    if (meta->interrupted && session->launched)
        error_set(err, EXIT_INTERRUPTED, code, "interrupted: the partial result is saved");
    else if (meta->interrupted)
        error_set(err, EXIT_INTERRUPTED, code, "interrupted before traffic started");
    if (code < 0) {
        if (!meta->interrupted)
            snprintf(meta->failure, sizeof(meta->failure), "%s", err->text);
        cluster_settle(&session->cluster, SETTLE_MS);
    }
    if (session->launched)
        stop_streams(session);
    go_through(session, experiment->after, experiment->after_count, true, &progress, later);
    if (later->text[0] != '\0' && cluster_has_left(&session->cluster))
        error_wrap(later, "what was made is not all deleted, see `seamline undo %s`",
                   session->rundir.path);
    progress_end(&progress);
    if (session->cluster.kube != NULL &&
        (cluster_put_back(&session->cluster, SETTLE_MS, &back) < 0 ||
         proxies_settle(session, &back) < 0)) {
        if (later->text[0] == '\0')
            *later = back;
        else
            fprintf(stderr, "seamline: %s\n", back.text);
    }
    return code;
}

/* The steps and the account. The first failure is the run's; what was measured is saved whatever
 * happens. */
static enum exit_status carry_out(struct session *session, struct error *err)
{
    struct error later = {0};
    enum verdict verdict = VERDICT_UNDECIDED;
    int code = do_steps(session, err, &later);
    keep_truth(session);
    int accounted = account(session, &later);
    int concluded = session->launched ? conclude(session, &verdict, &later) : 0;
    fprintf(stderr, "seamline: the run directory is %s\n", session->rundir.path);
    if (code < 0) {
        if (later.text[0])
            fprintf(stderr, "seamline: afterwards: %s\n", later.text);
        return status_of(err);
    }
    if (accounted < 0 || concluded < 0 || later.text[0]) {
        *err = later;
        return status_of(err);
    }
    if (session->told) /* Said before. */
        return EXIT_ENVIRONMENT;
    return verdict == VERDICT_MET ? EXIT_MET : EXIT_NOT_MET;
}

bool run_prints(const struct run_options *options)
{
    return options->events == NULL || strcmp(options->events, "-") != 0;
}

enum exit_status run_experiment(const struct run_options *options, struct error *err)
{
    struct session *session = calloc(1, sizeof(*session));
    struct error down = {0};
    enum exit_status status = EXIT_INTERRUPTED;
    if (session == NULL) {
        error_set(err, EXIT_ENVIRONMENT, -ENOMEM, "out of memory");
        return EXIT_ENVIRONMENT;
    }
    session->options = options;
    stop_on_signals();
    signal(SIGPIPE, SIG_IGN);
    int code = prepare(session, err);
    if (code < 0 && !stop_is_wanted())
        status = status_of(err);
    if (stop_is_wanted())
        error_set(err, status, -EINTR, "interrupted before the first step: nothing was changed");
    session->measuring = code == 0 && !stop_is_wanted();
    if (session->measuring) {
        status = carry_out(session, err);
        live_stop(&session->live, clock_now_ns(&session->clock), (int)status, err->text,
                  &session->events);
    }
    if (prepare_undo(session, &down) < 0) {
        fprintf(stderr, "seamline: afterwards: %s\n", down.text);
        status = status == EXIT_MET ? EXIT_ENVIRONMENT : status;
    }
    free(session);
    return status;
}
