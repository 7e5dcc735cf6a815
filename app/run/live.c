#include "run/live.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"

#define SECOND_NS UINT64_C(1000000000)

static const char *const phase_texts[LIVE_PHASE_COUNT] = {
#define X(id, text) [LIVE_##id] = text,
    LIVE_PHASES(X)
#undef X
};

const char *live_phase_text(enum live_phase phase)
{
    return (unsigned)phase < LIVE_PHASE_COUNT ? phase_texts[phase] : "?";
}

/* ---- lines and notes ---- */

static cJSON *begin_line(const char *kind, uint64_t from_ns, uint64_t to_ns)
{
    cJSON *line = cJSON_CreateObject();
    json_add_integer(line, "notBefore", (int64_t)from_ns);
    json_add_integer(line, "notAfter", (int64_t)to_ns);
    cJSON_AddStringToObject(line, "kind", kind);
    return line;
}

/* Takes LINE. */
static void end_line(cJSON *line, struct events *events)
{
    char *printed = json_print(line, false);
    if (printed != NULL)
        events_add(events, printed);
    free(printed);
    cJSON_Delete(line);
}

static void add_count(cJSON *object, const char *name, uint64_t count)
{
    json_add_integer(object, name, (int64_t)count);
}

/* To a tenth. */
static void add_rate(cJSON *object, const char *name, double rate)
{
    cJSON_AddNumberToObject(object, name, round(rate * 10) / 10);
}

static void note(struct live *live, uint64_t at_ns, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Names and texts are others': nothing in them is to steer a terminal. */
static void note(struct live *live, uint64_t at_ns, const char *format, ...)
{
    struct live_note *to = &live->notes[live->note_count++ % LIVE_NOTES];
    va_list args;
    va_start(args, format);
    vsnprintf(to->text, sizeof(to->text), format, args);
    va_end(args);
    to->at_ns = at_ns;
    text_flatten(to->text);
    text_tame(to->text);
}

const struct live_note *live_note_at(const struct live *live, uint32_t back)
{
    bool kept = back < live->note_count && back < LIVE_NOTES;
    return kept ? &live->notes[(live->note_count - 1 - back) % LIVE_NOTES] : NULL;
}

/* ---- start, events, end ---- */

void live_start(struct live *live, const struct experiment *experiment, unsigned workers,
                const struct meta *meta, const char *rundir, struct events *events)
{
    cJSON *line = begin_line("experiment", 0, 0);
    cJSON *streams = cJSON_AddArrayToObject(line, "streams");
    live->name = experiment->name;
    live->meta = meta;
    live->stream_count = experiment->stream_count;
    live->worker_count = workers;
    live->hold_off_ns = (uint64_t)experiment->windows.hold_off_ns;
    for (unsigned i = 0; i < live->stream_count; i++) {
        const struct experiment_stream *stream = &experiment->streams[i];
        bool held = stream->mode == EXPERIMENT_MODE_HELD;
        live->streams[i] = (struct live_stream){
            .name = stream->name, .held = held, .wanted = held ? stream->connections : 0};
        cJSON_AddItemToArray(streams, cJSON_CreateString(stream->name));
    }
    cJSON_AddStringToObject(line, "object", experiment->name);
    cJSON_AddStringToObject(line, "version", meta->version);
    cJSON_AddStringToObject(line, "started", meta->started);
    cJSON_AddStringToObject(line, "directory", rundir);
    add_count(line, "workers", workers);
    end_line(line, events);
}

void live_tell(struct live *live, struct events *events)
{
    struct text line = {0};
    for (size_t i = 0; i < live->fresh.count; i++) {
        const struct timeline_event *event = &live->fresh.events[i];
        text_clear(&line);
        timeline_print(event, &line);
        events_add(events, text_str(&line));
        note(live, event->not_after_ns, "%s %s%s%s%s%s", timeline_kind_text(event->kind),
             event->object, event->node[0] ? " on " : "", event->node, event->text[0] ? ": " : "",
             event->text);
    }
    live->fresh.count = 0;
    text_free(&line);
}

void live_stop(struct live *live, uint64_t now_ns, int status, const char *why,
               struct events *events)
{
    cJSON *line = begin_line("end", now_ns, now_ns);
    live_tell(live, events);
    json_add_integer(line, "status", status);
    if (why[0] != '\0')
        cJSON_AddStringToObject(line, "text", why);
    end_line(line, events);
    timeline_free(&live->fresh);
}

/* ---- a look ---- */

static uint64_t trouble(const struct fleet_counts *counts)
{
    return counts->lost + counts->broken + counts->failed_connects;
}

static void open_window(struct live *live, struct live_stream *stream,
                        const struct fleet_counts *before, uint64_t now_ns, struct events *events)
{
    struct live_window *window = &stream->window;
    cJSON *line = begin_line("window-opened", live->now.now_ns, now_ns);
    *window = (struct live_window){
        .open = true, .count = window->count + 1, .from_ns = live->now.now_ns, .then = *before};
    cJSON_AddStringToObject(line, "object", stream->name);
    add_count(line, "number", window->count);
    end_line(line, events);
    note(live, now_ns, "window %" PRIu32 " of %s opened", window->count, stream->name);
}

static void close_window(struct live *live, struct live_stream *stream,
                         const struct fleet_counts *counts, uint64_t now_ns, struct events *events)
{
    struct live_window *window = &stream->window;
    uint64_t lost = counts->lost - window->then.lost;
    uint64_t broken = counts->broken - window->then.broken;
    cJSON *line = begin_line("window-closed", live->now.now_ns, now_ns);
    window->open = false;
    cJSON_AddStringToObject(line, "object", stream->name);
    add_count(line, "number", window->count);
    add_count(line, "from", window->from_ns);
    add_count(line, "to", window->to_ns);
    add_count(line, "lost", lost);
    add_count(line, "broken", broken);
    add_count(line, "failedConnects", counts->failed_connects - window->then.failed_connects);
    end_line(line, events);
    note(live, now_ns,
         "window %" PRIu32 " of %s closed: %.1f s, %" PRIu64 " lost, %" PRIu64 " broken",
         window->count, stream->name, (double)(window->to_ns - window->from_ns) / 1e9, lost,
         broken);
}

static void look_at_window(struct live *live, unsigned index, const struct live_sample *sample,
                           struct events *events)
{
    struct live_stream *stream = &live->streams[index];
    const struct fleet_counts *before = &live->now.streams[index];
    const struct fleet_counts *counts = &sample->streams[index];
    bool worse = trouble(counts) > trouble(before);
    bool down = sample->runs[index] && counts->up < stream->wanted;
    if (worse && !stream->window.open)
        open_window(live, stream, before, sample->now_ns, events);
    if (!stream->window.open)
        return;
    if (worse || down)
        stream->window.to_ns = sample->now_ns;
    else if (sample->now_ns >= stream->window.to_ns + live->hold_off_ns)
        close_window(live, stream, counts, sample->now_ns, events);
}

static void look_at_connections(const struct live *live, unsigned index,
                                const struct live_sample *sample, struct events *events)
{
    const struct fleet_counts *before = &live->now.streams[index];
    const struct fleet_counts *counts = &sample->streams[index];
    if (!live->streams[index].held ||
        (counts->up == before->up && counts->connecting == before->connecting &&
         counts->broken == before->broken && counts->failed_connects == before->failed_connects))
        return;
    cJSON *line = begin_line("connections", live->now.now_ns, sample->now_ns);
    cJSON_AddStringToObject(line, "object", live->streams[index].name);
    add_count(line, "up", counts->up);
    add_count(line, "connecting", counts->connecting);
    add_count(line, "broken", counts->broken);
    add_count(line, "failedConnects", counts->failed_connects);
    end_line(line, events);
}

static void look_at_worker(struct live *live, unsigned index, const struct live_sample *sample,
                           struct events *events)
{
    const struct live_worker_counts *counts = &sample->workers[index];
    uint64_t stalls = counts->stalls - live->now.workers[index].stalls;
    if (stalls == 0)
        return;
    cJSON *line = begin_line("tester-stall", live->now.now_ns, sample->now_ns);
    add_count(line, "worker", index);
    add_count(line, "count", stalls);
    add_count(line, "longest", counts->longest_ns);
    end_line(line, events);
}

static void look_at_phase(struct live *live, const struct live_sample *sample,
                          struct events *events)
{
    if (sample->phase == live->now.phase && live->now.now_ns != 0)
        return;
    cJSON *line = begin_line("phase", live->now.now_ns, sample->now_ns);
    cJSON_AddStringToObject(line, "object", live_phase_text(sample->phase));
    end_line(line, events);
}

/* ---- once a second ---- */

static double rate(uint64_t now, uint64_t before, uint64_t gap_ns)
{
    return (double)(now - before) * 1e9 / (double)gap_ns;
}

static void take_rates(struct live *live)
{
    const struct live_sample *now = &live->now, *then = &live->second;
    uint64_t gap_ns = now->now_ns - then->now_ns;
    for (unsigned i = 0; i < live->stream_count; i++) {
        struct live_stream *stream = &live->streams[i];
        stream->sent_pps = rate(now->streams[i].sent, then->streams[i].sent, gap_ns);
        stream->good_pps = rate(now->streams[i].received, then->streams[i].received, gap_ns);
        stream->lost_pps = rate(now->streams[i].lost, then->streams[i].lost, gap_ns);
    }
    for (unsigned i = 0; i < live->worker_count; i++) {
        uint64_t busy = now->workers[i].busy_cycles - then->workers[i].busy_cycles;
        uint64_t idle = now->workers[i].idle_cycles - then->workers[i].idle_cycles;
        live->loads[i] = busy + idle > 0 ? (double)busy / (double)(busy + idle) : 0;
    }
}

static void add_stream(const struct live *live, unsigned index, cJSON *streams)
{
    const struct live_stream *stream = &live->streams[index];
    const struct fleet_counts *counts = &live->now.streams[index];
    cJSON *item = cJSON_CreateObject();
    cJSON_AddItemToArray(streams, item);
    cJSON_AddStringToObject(item, "name", stream->name);
    cJSON_AddBoolToObject(item, "runs", live->now.runs[index]);
    add_count(item, "due", counts->due);
    add_count(item, "sent", counts->sent);
    add_count(item, "received", counts->received);
    add_count(item, "lost", counts->lost);
    add_count(item, "blocked", counts->blocked);
    add_count(item, "unsent", counts->unsent);
    add_count(item, "up", counts->up);
    add_count(item, "connecting", counts->connecting);
    add_count(item, "broken", counts->broken);
    add_count(item, "failedConnects", counts->failed_connects);
    add_rate(item, "sentRate", stream->sent_pps);
    add_rate(item, "receivedRate", stream->good_pps);
    add_rate(item, "lostRate", stream->lost_pps);
    add_count(item, "windows", stream->window.count);
    cJSON_AddBoolToObject(item, "windowOpen", stream->window.open);
}

static void add_pods(const struct live_pods *pods, cJSON *line)
{
    cJSON *item = pods->known ? cJSON_AddObjectToObject(line, "pods") : NULL;
    if (item == NULL)
        return;
    add_count(item, "old", pods->old);
    add_count(item, "oldReady", pods->old_ready);
    add_count(item, "new", pods->new);
    add_count(item, "newReady", pods->new_ready);
}

static void tell_rates(const struct live *live, struct events *events)
{
    cJSON *line = begin_line("rates", live->second.now_ns, live->now.now_ns);
    cJSON_AddStringToObject(line, "phase", live_phase_text(live->now.phase));
    cJSON_AddStringToObject(line, "step", live->now.step);
    cJSON *streams = cJSON_AddArrayToObject(line, "streams");
    for (unsigned i = 0; i < live->stream_count; i++)
        add_stream(live, i, streams);
    cJSON *workers = cJSON_AddArrayToObject(line, "workers");
    for (unsigned i = 0; i < live->worker_count; i++) {
        cJSON *item = cJSON_CreateObject();
        cJSON_AddItemToArray(workers, item);
        cJSON_AddNumberToObject(item, "load", round(live->loads[i] * 1000) / 1000);
        add_count(item, "stalls", live->now.workers[i].stalls);
        add_count(item, "longest", live->now.workers[i].longest_ns);
    }
    add_pods(&live->now.pods, line);
    end_line(line, events);
}

/* As soon as there is room again. */
static void tell_dropped(struct live *live, struct events *events)
{
    uint64_t dropped = events->dropped - live->dropped_told;
    if (dropped == 0 || events->waiting.size > 0)
        return;
    cJSON *line = begin_line("events-dropped", live->now.now_ns, live->now.now_ns);
    add_count(line, "count", dropped);
    live->dropped_told = events->dropped;
    end_line(line, events);
}

bool live_is_due(const struct live *live, uint64_t now_ns)
{
    return live->now.now_ns == 0 || now_ns >= live->now.now_ns + LIVE_LOOK_NS;
}

void live_update(struct live *live, const struct live_sample *sample, struct events *events)
{
    bool first = live->now.now_ns == 0;
    live_tell(live, events);
    look_at_phase(live, sample, events);
    for (unsigned i = 0; i < live->stream_count && !first; i++) {
        look_at_connections(live, i, sample, events);
        look_at_window(live, i, sample, events);
    }
    for (unsigned i = 0; i < live->worker_count && !first; i++)
        look_at_worker(live, i, sample, events);
    live->now = *sample;
    if (first)
        live->second = *sample;
    if (live->now.now_ns >= live->second.now_ns + SECOND_NS) {
        take_rates(live);
        tell_rates(live, events);
        live->second = live->now;
    }
    events_send(events);
    tell_dropped(live, events);
}
