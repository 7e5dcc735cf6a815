/* Runs by chance, in every format: for agree.py. Usage: generate DIR COUNT
 *
 * Of each seed from 0 on, DIR/SEED.FORMAT is what report_make() gives; a format that refuses leaves
 * DIR/SEED.FORMAT.refused with its reason. A fourth of the runs each is recorded in full, sampled,
 * left with records that full logs refused, and killed; each other one has hostile names. */
#include <inttypes.h>

#include "base/random.h"
#include "report/report.h"
#include "tests/unit/analyze/scene.h"

enum kind {
    FULL,
    SAMPLED,
    REFUSED,
    KILLED,
    KINDS
};

static const char *const hostile[] = {
    "<script>alert(1)</script>",
    "=cmd|'/C calc'!A0",
    "\x1b[31mred\x1b]0;title\x07",
    "a\"b,c;d",
    "]]>&amp;<!--",
    "\xff\xfe\xc3",
    "| ` \\ | @everyone #1 ![x](http://x)",
    "\xc2\x9b"
    "31m",
    "\xe2\x80\xae"
    "gnp.exe",
    "@SUM(A1)",
    "-1+1",
    "\\\"} 1 # EOF",
};

static const char *any(struct random *random)
{
    return hostile[random_below(random, sizeof(hostile) / sizeof(hostile[0]))];
}

static double any_ms(struct random *random, uint64_t below)
{
    return (double)random_below(random, below);
}

static enum outcome any_outcome(struct random *random)
{
    if (random_below(random, 3) > 0)
        return OUTCOME_OK;
    return (enum outcome)random_below(random, OUTCOME_SENT); /* Which are of raw streams. */
}

static void add_connection(struct scene *scene, struct random *random, uint32_t id, double at_ms)
{
    struct record_connection connection = {.opened_ns = MS(at_ms),
                                           .ended_ns = MS(at_ms + 50),
                                           .id = id,
                                           .stream = (uint8_t)random_below(random, 2),
                                           .host = (uint16_t)random_below(random, 3)};
    connection.end = (uint8_t)random_below(random, CONNECTION_END_COUNT);
    bool up = connection.end != CONNECTION_REFUSED &&
              connection.end != CONNECTION_CONNECT_TIMEOUT && connection.end != CONNECTION_UNSENT;
    connection.connected_ns = up ? MS(at_ms + 1) : 0;
    SCENE_ADD(scene, connection, connection);
}

static void add_outage(struct scene *scene, struct random *random, double at_ms)
{
    bool open = random_below(random, 4) == 0;
    SCENE_ADD(scene, outage,
              ((struct record_outage){.last_good_sent_ns = MS(at_ms),
                                      .last_good_done_ns = MS(at_ms + 1),
                                      .signal_ns = MS(at_ms + 30),
                                      .first_unanswered_ns = MS(at_ms + 10),
                                      .recovered_sent_ns = open ? 0 : MS(at_ms + 60),
                                      .recovered_done_ns = open ? 0 : MS(at_ms + 61),
                                      .lost = (uint32_t)random_below(random, 5),
                                      .stream = (uint8_t)random_below(random, 2),
                                      .host = (uint16_t)random_below(random, 3),
                                      .signal = CONNECTION_FIN}));
}

static void be_hostile(struct scene *scene, struct random *random)
{
    struct meta *meta = &scene->meta;
    snprintf(meta->environment, sizeof(meta->environment), "%s", any(random));
    snprintf(meta->experiment, sizeof(meta->experiment), "%s", any(random));
    snprintf(meta->version, sizeof(meta->version), "%s", any(random));
    snprintf(meta->failure, sizeof(meta->failure), "%s", any(random));
    for (unsigned i = 0; i < 2; i++)
        snprintf(meta->streams[i].name, sizeof(meta->streams[i].name), "%s%u", any(random), i);
    meta->notes = strdup(any(random));
    for (unsigned i = 0; i < 8; i++) {
        struct timeline_event event = {.kind = random_below(random, TIMELINE_KIND_COUNT),
                                       .not_before_ns = MS(2000),
                                       .not_after_ns = MS(2000 + i)};
        snprintf(event.object, sizeof(event.object), "%s", any(random));
        snprintf(event.node, sizeof(event.node), "%s", any(random));
        snprintf(event.text, sizeof(event.text), "%s", any(random));
        assert_true(timeline_add(&scene->timeline, &event));
    }
}

static void drop_good_ones(struct logs *logs, struct random *random)
{
    size_t kept = 0;
    for (size_t i = 0; i < logs->request_count; i++)
        if (logs->requests[i].outcome != OUTCOME_OK || random_below(random, 4) == 0)
            logs->requests[kept++] = logs->requests[i];
    logs->request_count = kept;
}

static struct result *make(uint64_t seed)
{
    struct scene scene;
    struct random random;
    random_seed(&random, seed);
    scene_open(&scene, ",\"expect\":[{\"stream\":\"held\",\"figure\":\"brokenConnections\","
                       "\"atMost\":3},{\"stream\":\"new\",\"figure\":\"lostRequests\","
                       "\"equals\":0}]");
    for (unsigned i = 0; i < 2; i++)
        scene_host(&scene, seed % 2 ? any(&random) : i ? "pod-b" : "pod-a");
    uint64_t requests = random_below(&random, 400);
    double at_ms = 1000;
    for (uint64_t i = 0; i < requests; i++, at_ms += any_ms(&random, 50))
        scene_request(&scene, (uint8_t)random_below(&random, 2), (uint32_t)random_below(&random, 2),
                      at_ms, any_ms(&random, 20), any_outcome(&random),
                      (uint16_t)random_below(&random, 3));
    for (uint32_t i = 0; i < random_below(&random, 30); i++)
        add_connection(&scene, &random, i + 1, 1000 + any_ms(&random, 9000));
    for (uint32_t i = 0; i < random_below(&random, 20); i++)
        add_outage(&scene, &random, 1000 + any_ms(&random, 9000));
    if (seed % 2)
        be_hostile(&scene, &random);
    enum kind kind = seed / 2 % KINDS;
    scene.meta.final = kind != KILLED;
    scene_count(&scene);
    scene.totals_given = true;
    if (kind == SAMPLED) {
        logs_sort(&scene.logs);
        drop_good_ones(&scene.logs, &random);
    } else if (kind == REFUSED) {
        scene.meta.records_refused = 1 + random_below(&random, 9);
        scene.meta.streams[0].totals.due += scene.meta.records_refused;
        scene.meta.streams[0].totals.outcomes[OUTCOME_STALLED] += scene.meta.records_refused;
    }
    return scene_analyze(&scene);
}

static void write_format(const char *folder, uint64_t seed, enum report_format format,
                         const struct result *result)
{
    char path[1000];
    struct text made = {0};
    struct error err = {0};
    int code = report_make(result, format, &made, &err);
    snprintf(path, sizeof(path), "%s/%" PRIu64 ".%s%s", folder, seed, report_format_name(format),
             code < 0 ? ".refused" : "");
    if (code < 0)
        text_add(&made, err.text);
    assert_int_equal(text_write_file(&made, path), 0);
    text_free(&made);
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    for (uint64_t seed = 0; seed < strtoull(argv[2], NULL, 10); seed++) {
        struct result *result = make(seed);
        for (unsigned format = 0; format < REPORT_FORMAT_COUNT; format++)
            write_format(argv[1], seed, format, result);
        result_free(result);
    }
    return 0;
}
