/* Two looks make events, and looks a second apart make rates. */
#include "run/live.h"

#include "base/json.h"
#include "tests/unit/run/plan.h"

#include <unistd.h>

#define MS UINT64_C(1000000)

struct world {
    struct experiment *experiment;
    struct live *live;
    struct live_sample sample;
    struct meta meta;
    struct events events;
    char path[40];
    struct text told; /* What came since the last look at it. */
    size_t seen;
};

static int setup(void **state)
{
    struct world *world = calloc(1, sizeof(*world));
    world->experiment = main_job(NULL);
    world->live = calloc(1, sizeof(*world->live));
    snprintf(world->path, sizeof(world->path), "/tmp/seamline-live-XXXXXX");
    close(mkstemp(world->path));
    assert_int_equal(events_open(&world->events, world->path, NULL), 0);
    snprintf(world->meta.version, sizeof(world->meta.version), "9.9");
    live_start(world->live, world->experiment, 2, &world->meta, "out", &world->events);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    events_close(&world->events, 0);
    timeline_free(&world->live->fresh);
    unlink(world->path);
    text_free(&world->told);
    experiment_free(world->experiment);
    free(world->live);
    free(world);
    return 0;
}

/* The next line that was told; NULL: none. */
static cJSON *next(struct world *world)
{
    text_clear(&world->told);
    assert_int_equal(text_read_file(&world->told, world->path, 1 << 20), 0);
    const char *at = text_str(&world->told) + world->seen, *end = strchr(at, '\n');
    if (end == NULL)
        return NULL;
    world->seen += (size_t)(end - at) + 1;
    cJSON *line = json_parse(at, (size_t)(end - at), NULL);
    assert_non_null(line);
    return line;
}

static void expect_kind(const cJSON *line, const char *kind)
{
    assert_string_equal(json_string(line, "kind", ""), kind);
}

/* The next line is of KIND, and the caller's. */
static cJSON *want(struct world *world, const char *kind)
{
    cJSON *line = next(world);
    if (line == NULL)
        fail_msg("no %s was told", kind);
    expect_kind(line, kind);
    return line;
}

static void pass(struct world *world, const char *kind)
{
    cJSON_Delete(want(world, kind));
}

static void look(struct world *world, uint64_t at_ms)
{
    world->sample.now_ns = at_ms * MS;
    live_update(world->live, &world->sample, &world->events);
}

static void begins_with_the_experiment(void **state)
{
    struct world *world = *state;
    cJSON *line = want(world, "experiment");
    assert_string_equal(json_string(line, "object", ""), "k8s-app-upgrade");
    assert_string_equal(json_string(line, "directory", ""), "out");
    assert_string_equal(json_string(line, "version", ""), "9.9");
    assert_int_equal(json_integer(line, "workers", 0), 2);
    assert_int_equal(cJSON_GetArraySize(json_at(line, "streams")), world->experiment->stream_count);
    cJSON_Delete(line);
    assert_null(next(world));
}

static void phases(void **state)
{
    struct world *world = *state;
    static const struct {
        uint64_t at_ms;
        enum live_phase phase;
        const char *told; /* NULL: nothing. */
    } rows[] = {{100, LIVE_SETUP, "setup"},       {200, LIVE_SETUP, NULL},
                {300, LIVE_BASELINE, "baseline"}, {400, LIVE_CHANGE, "change"},
                {500, LIVE_CHANGE, NULL},         {600, LIVE_AFTER, "after"}};
    pass(world, "experiment");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        world->sample.phase = rows[i].phase;
        look(world, rows[i].at_ms);
        if (rows[i].told != NULL) {
            cJSON *line = want(world, "phase");
            assert_string_equal(json_string(line, "object", ""), rows[i].told);
            assert_int_equal(json_integer(line, "notAfter", 0), rows[i].at_ms * MS);
            cJSON_Delete(line);
        }
        assert_null(next(world));
    }
}

/* The hold-off is 1 s: a loss within it belongs to the window, and so does a connection that is
 * held and down. */
static void a_window_opens_and_closes(void **state)
{
    struct world *world = *state;
    struct fleet_counts *held = &world->sample.streams[0];
    pass(world, "experiment");
    assert_int_equal(world->experiment->windows.hold_off_ns, 1000 * MS);
    world->sample.runs[0] = true;
    held->up = world->live->streams[0].wanted;
    assert_true(held->up > 0);
    look(world, 100);
    pass(world, "phase");
    held->lost = 2;
    look(world, 200);
    cJSON *line = want(world, "window-opened");
    assert_string_equal(json_string(line, "object", ""), world->live->streams[0].name);
    assert_int_equal(json_integer(line, "number", 0), 1);
    assert_int_equal(json_integer(line, "notBefore", 0), 100 * MS);
    assert_int_equal(json_integer(line, "notAfter", 0), 200 * MS);
    cJSON_Delete(line);
    held->broken = 1;
    held->up--;
    look(world, 900);
    pass(world, "connections");
    look(world, 1000);
    held->up++;
    look(world, 1050);
    pass(world, "connections");
    held->lost = 5;
    look(world, 1060);
    assert_null(next(world));
    look(world, 2059);
    pass(world, "rates");
    assert_null(next(world));
    assert_true(world->live->streams[0].window.open);
    look(world, 2060);
    line = want(world, "window-closed");
    assert_int_equal(json_integer(line, "from", 0), 100 * MS);
    assert_int_equal(json_integer(line, "to", 0), 1060 * MS);
    assert_int_equal(json_integer(line, "lost", 0), 5);
    assert_int_equal(json_integer(line, "broken", 0), 1);
    assert_int_equal(json_integer(line, "failedConnects", 9), 0);
    cJSON_Delete(line);
    assert_false(world->live->streams[0].window.open);
    assert_non_null(strstr(live_note_at(world->live, 0)->text, "closed: 1.0 s, 5 lost, 1 broken"));
    held->failed_connects = 1;
    look(world, 2160);
    pass(world, "connections");
    line = want(world, "window-opened");
    assert_int_equal(json_integer(line, "number", 0), 2);
    cJSON_Delete(line);
}

static void stalls_and_rates(void **state)
{
    struct world *world = *state;
    pass(world, "experiment");
    look(world, 1000);
    pass(world, "phase");
    world->sample.workers[1] = (struct live_worker_counts){
        .busy_cycles = 300, .idle_cycles = 700, .stalls = 2, .longest_ns = 350000};
    world->sample.streams[0].sent = 200;
    world->sample.streams[0].received = 199;
    world->sample.pods = (struct live_pods){.known = true, .old = 3, .old_ready = 2, .new = 1};
    snprintf(world->sample.step, sizeof(world->sample.step), "4/6 upgrade");
    look(world, 3000);
    cJSON *line = want(world, "tester-stall");
    assert_int_equal(json_integer(line, "worker", 0), 1);
    assert_int_equal(json_integer(line, "count", 0), 2);
    assert_int_equal(json_integer(line, "longest", 0), 350000);
    cJSON_Delete(line);
    line = want(world, "rates");
    const cJSON *stream = cJSON_GetArrayItem(json_at(line, "streams"), 0);
    assert_int_equal(json_integer(stream, "sent", 0), 200);
    assert_true(json_number(stream, "sentRate", 0) == 100);
    assert_true(json_number(stream, "receivedRate", 0) == 99.5);
    assert_true(json_number(cJSON_GetArrayItem(json_at(line, "workers"), 1), "load", 0) == 0.3);
    assert_string_equal(json_string(line, "step", ""), "4/6 upgrade");
    assert_int_equal(json_integer(line, "pods.oldReady", 0), 2);
    cJSON_Delete(line);
    assert_null(next(world));
}

/* As cluster.jsonl has them, in order; a note has nothing that could steer a terminal. */
static void events_of_the_timeline(void **state)
{
    struct world *world = *state;
    struct timeline_event event = {.not_after_ns = 5,
                                   .kind = TIMELINE_POD_READY,
                                   .object = "web-1",
                                   .node = "n1",
                                   .text = "a\033[2Jb\nc"};
    pass(world, "experiment");
    timeline_add(&world->live->fresh, &event);
    live_tell(world->live, &world->events);
    assert_int_equal(world->live->fresh.count, 0);
    cJSON *line = want(world, "pod-ready");
    assert_string_equal(json_string(line, "object", ""), "web-1");
    assert_string_equal(json_string(line, "text", ""), event.text);
    cJSON_Delete(line);
    assert_string_equal(live_note_at(world->live, 0)->text, "pod-ready web-1 on n1: a?[2Jb c");
    assert_null(live_note_at(world->live, 1));
    live_stop(world->live, 7, 1, "why", &world->events);
    line = want(world, "end");
    assert_int_equal(json_integer(line, "status", 0), 1);
    assert_string_equal(json_string(line, "text", ""), "why");
    cJSON_Delete(line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(begins_with_the_experiment, setup, teardown),
        cmocka_unit_test_setup_teardown(phases, setup, teardown),
        cmocka_unit_test_setup_teardown(a_window_opens_and_closes, setup, teardown),
        cmocka_unit_test_setup_teardown(stalls_and_rates, setup, teardown),
        cmocka_unit_test_setup_teardown(events_of_the_timeline, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
