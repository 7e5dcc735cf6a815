/* The recorded lists and watches of a real API server, replayed through the watch's state machine:
 * from each list, line by line and byte by byte, to the final state. */
#include <dirent.h>

#include "kube/rollout.h"
#include "kube/watch.h"
#include "tests/unit/kube/fixture.h"

/* A watch that is fed by hand. */
struct bench {
    struct kube_events events;
    struct kube_floors floors;
    struct kube_watch watch;
};

static const struct {
    const char *name;
    enum kube_kind kind;
} kinds[] = {
    {"pods", KUBE_POD},
    {"deployments", KUBE_DEPLOYMENT},
    {"replicasets", KUBE_REPLICASET},
    {"endpointslices", KUBE_ENDPOINTSLICE},
    {"nodes", KUBE_NODE},
};
enum {
    KINDS = sizeof(kinds) / sizeof(kinds[0])
};

static void ask(struct bench *bench, uint64_t now_ns, bool expect_stream)
{
    struct text path = {0};
    bool stream;
    assert_true(kube_watch_due(&bench->watch, now_ns));
    kube_watch_ask(&bench->watch, &path, &stream, now_ns);
    assert_int_equal(stream, expect_stream);
    text_free(&path);
}

static void open_bench(struct bench *bench, const char *folder, const char *name,
                       enum kube_kind kind)
{
    char file[256];
    snprintf(file, sizeof(file), "list-%s.json", name);
    struct text list = fixture_read(folder, file);
    *bench = (struct bench){0};
    assert_int_equal(kube_watch_init(&bench->watch, kube_resource_of(kind), "", "", &bench->events,
                                     &bench->floors, 1),
                     0);
    ask(bench, 100, false);
    kube_watch_end(&bench->watch, KUBE_REASON_SUCCESS, 200, &list, NULL, 200);
    assert_int_equal(bench->watch.state, KUBE_WATCH_FOLLOW);
    text_free(&list);
}

static void close_bench(struct bench *bench)
{
    kube_events_free(&bench->events);
    kube_watch_free(&bench->watch);
    assert_int_equal(bench->events.count, 0);
}

/* The same by hand: name to resourceVersion. */
static cJSON *reference(const char *folder, const char *name, struct text *stream)
{
    char file[256];
    cJSON *state = cJSON_CreateObject();
    snprintf(file, sizeof(file), "list-%s.json", name);
    cJSON *list = fixture_json(folder, file);
    const cJSON *item;
    cJSON_ArrayForEach(item, json_member(list, "items"))
    {
        cJSON_AddStringToObject(state, json_string(item, "metadata.name", ""),
                                json_string(item, "metadata.resourceVersion", ""));
    }
    cJSON_Delete(list);
    snprintf(file, sizeof(file), "watch-%s.jsonl", name);
    struct text lines = fixture_read(folder, file);
    char *save = NULL;
    for (char *line = strtok_r(lines.data, "\n", &save); line != NULL;
         line = strtok_r(NULL, "\n", &save)) {
        cJSON *outer = json_parse(line, strlen(line), NULL);
        const char *sent = json_string(outer, "line", "");
        cJSON *event = json_parse(sent, strlen(sent), NULL);
        const char *type = json_string(event, "type", "");
        const char *object = json_string(event, "object.metadata.name", "");
        text_add(stream, sent);
        if (strcmp(type, "BOOKMARK") != 0)
            cJSON_DeleteItemFromObjectCaseSensitive(state, object);
        if (strcmp(type, "ADDED") == 0 || strcmp(type, "MODIFIED") == 0)
            cJSON_AddStringToObject(state, object,
                                    json_string(event, "object.metadata.resourceVersion", ""));
        cJSON_Delete(event);
        cJSON_Delete(outer);
    }
    text_free(&lines);
    return state;
}

static void check_state(const struct kube_cache *cache, const cJSON *state)
{
    const cJSON *item;
    assert_int_equal(cache->count, cJSON_GetArraySize(state));
    cJSON_ArrayForEach(item, state)
    {
        bool found = false;
        for (unsigned i = 0; i < cache->count; i++) {
            const struct kube_meta *meta = &cache->objects[i]->meta;
            found |= strcmp(meta->name, item->string) == 0 &&
                     strcmp(meta->version, item->valuestring) == 0;
        }
        if (!found)
            fail_msg("%s at version %s is not there", item->string, item->valuestring);
    }
}

/* CHUNK bytes at a time: every cut that a network can make. */
static void replay(const char *folder, unsigned which, size_t chunk, const cJSON *expected)
{
    struct bench bench;
    struct text stream = {0};
    cJSON *state = reference(folder, kinds[which].name, &stream);
    open_bench(&bench, folder, kinds[which].name, kinds[which].kind);
    ask(&bench, 300, true);
    for (size_t at = 0; at < stream.size; at += chunk) {
        size_t size = stream.size - at < chunk ? stream.size - at : chunk;
        assert_true(kube_watch_bytes(&bench.watch, stream.data + at, size, 400));
    }
    kube_watch_end(&bench.watch, KUBE_REASON_SUCCESS, 200, NULL, NULL, 500);
    assert_int_equal(bench.watch.malformed, 0);
    check_state(&bench.watch.cache, state);
    if (expected != NULL)
        check_state(&bench.watch.cache, expected);
    cJSON_Delete(state);
    text_free(&stream);
    close_bench(&bench);
}

static void test_replay_trimmed(void **state)
{
    static const size_t chunks[] = {1, 7, 1000, 65536};
    cJSON *expected = fixture_json(KUBE_FIXTURES, "expected-final.json");
    (void)state;
    for (unsigned i = 0; i < KINDS; i++) {
        for (size_t j = 0; j < sizeof(chunks) / sizeof(chunks[0]); j++)
            replay(KUBE_FIXTURES, i, chunks[j], json_member(expected, kinds[i].name));
    }
    cJSON_Delete(expected);
}

static void test_replay_whole(void **state)
{
    (void)state;
    for (unsigned i = 0; i < KINDS; i++)
        replay(KUBE_RECORDINGS, i, 1460, NULL);
}

static bool is_listed(const cJSON *array, const char *name)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, array)
    {
        if (strcmp(item->valuestring, name) == 0)
            return true;
    }
    return false;
}

/* Readiness and termination of each pod at the end, against what was worked out elsewhere; and each
 * event carries what it was before. */
static void test_pods(void **state)
{
    struct bench bench;
    struct text stream = {0};
    struct kube_event *event;
    unsigned deleted = 0, modified = 0, present = 0;
    (void)state;
    cJSON *expected = fixture_json(KUBE_FIXTURES, "expected-final.json");
    cJSON_Delete(reference(KUBE_FIXTURES, "pods", &stream));
    open_bench(&bench, KUBE_FIXTURES, "pods", KUBE_POD);
    ask(&bench, 300, true);
    assert_true(kube_watch_bytes(&bench.watch, stream.data, stream.size, 400));
    for (unsigned i = 0; i < bench.watch.cache.count; i++) {
        const struct kube_object *pod = bench.watch.cache.objects[i];
        assert_int_equal(pod->pod.ready,
                         is_listed(json_member(expected, "readyPods"), pod->meta.name));
        assert_int_equal(kube_object_terminating(pod),
                         is_listed(json_member(expected, "terminatingPods"), pod->meta.name));
        assert_true(strncmp(pod->meta.owner_name, "web-", 4) == 0);
        assert_int_equal(pod->pod.containers.count, 1);
        assert_string_equal(kube_labels_get(&pod->meta.labels, "app"), "web");
    }
    while ((event = kube_events_take(&bench.events)) != NULL) {
        present += event->type == KUBE_PRESENT;
        deleted += event->type == KUBE_DELETED;
        modified += event->type == KUBE_MODIFIED;
        if (event->type == KUBE_MODIFIED) {
            assert_string_equal(event->previous->meta.uid, event->object->meta.uid);
            assert_true(event->previous->meta.version_number < event->object->meta.version_number);
        }
        if (event->type != KUBE_PRESENT && event->type != KUBE_SYNCED) {
            assert_int_equal(event->not_before_ns, 100); /* When the list was asked for. */
            assert_int_equal(event->not_after_ns, 400);
        }
        kube_event_free(event);
    }
    assert_int_equal(present, 8);
    assert_true(deleted > 0 && modified > 8);
    cJSON_Delete(expected);
    text_free(&stream);
    close_bench(&bench);
}

/* The server was killed: whatever the place of the cut, only whole lines count, nothing is called
 * malformed, and the next stream goes on from the last whole one. */
static void test_cut_stream(void **state)
{
    struct text stream = fixture_read(KUBE_FIXTURES, "watch-pods-cut-by-server-kill.txt");
    const char *second = (char *)memchr(stream.data, '\n', stream.size) + 1;
    size_t third = (size_t)((char *)memchr(second, '\n', 100000) - stream.data) + 1;
    (void)state;
    for (size_t cut = (size_t)(second - stream.data); cut < third; cut += 97) {
        struct bench bench;
        struct text path = {0};
        char want[KUBE_VERSION_BYTES + 32];
        bool is_stream;
        open_bench(&bench, KUBE_FIXTURES, "nodes", KUBE_NODE);
        kube_events_free(&bench.events);
        bench.watch.resource = *kube_resource_of(KUBE_POD);
        ask(&bench, 300, true);
        assert_true(kube_watch_bytes(&bench.watch, stream.data, cut, 400));
        snprintf(want, sizeof(want), "resourceVersion=%s&", bench.watch.version);
        kube_watch_end(&bench.watch, KUBE_REASON_CUT, 200, NULL, NULL, 500);
        assert_int_equal(bench.watch.state, KUBE_WATCH_FOLLOW);
        assert_int_equal(bench.watch.malformed, 0);
        assert_int_equal(bench.events.count, 2); /* One line, and KUBE_BROKEN. */
        assert_int_equal(bench.events.first->type, KUBE_ADDED);
        assert_int_equal(bench.events.last->type, KUBE_BROKEN);
        uint64_t wake_ns = kube_watch_wake_ns(&bench.watch);
        assert_true(wake_ns > 500 && wake_ns <= 500 + KUBE_PAUSE_MIN_NS);
        kube_watch_ask(&bench.watch, &path, &is_stream, wake_ns);
        assert_true(is_stream);
        assert_non_null(strstr(text_str(&path), want));
        text_free(&path);
        close_bench(&bench);
    }
    text_free(&stream);
}

/* The bookmark that ends a streaming list is a bookmark, whatever it is marked as. */
static void test_streaming_list(void **state)
{
    struct bench bench;
    struct text stream = fixture_read(KUBE_FIXTURES, "watch-pods-sendinitialevents.txt");
    (void)state;
    open_bench(&bench, KUBE_FIXTURES, "nodes", KUBE_NODE);
    kube_cache_free(&bench.watch.cache);
    bench.watch.resource = *kube_resource_of(KUBE_POD);
    ask(&bench, 300, true);
    assert_true(kube_watch_bytes(&bench.watch, stream.data, stream.size, 400));
    assert_int_equal(bench.watch.cache.count, 8);
    assert_int_equal(bench.watch.bookmarks, 1);
    assert_string_equal(bench.watch.version, "952");
    text_free(&stream);
    close_bench(&bench);
}

/* Two recorded pages make one list, of the first page's version. */
static void test_pages(void **state)
{
    struct bench bench = {0};
    struct text path = {0};
    bool stream;
    long code;
    (void)state;
    struct text first = fixture_answer(KUBE_FIXTURES, "answer-list-limit-continue.json", &code);
    struct text second =
        fixture_answer(KUBE_FIXTURES, "answer-list-continue-second-page.json", &code);
    kube_watch_init(&bench.watch, kube_resource_of(KUBE_POD), "default", "app=web", &bench.events,
                    &bench.floors, 1);
    kube_watch_ask(&bench.watch, &path, &stream, 10);
    assert_string_equal(text_str(&path), "/api/v1/namespaces/default/pods?labelSelector=app%3Dweb&"
                                         "limit=500");
    kube_watch_end(&bench.watch, KUBE_REASON_SUCCESS, 200, &first, NULL, 20);
    assert_int_equal(bench.events.count, 0);
    assert_int_equal(bench.watch.state, KUBE_WATCH_LIST);
    text_clear(&path);
    kube_watch_ask(&bench.watch, &path, &stream, 30);
    assert_non_null(strstr(text_str(&path), "&continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEi"));
    text_free(&bench.watch.token); /* Make the second page the last. */
    cJSON *last = json_parse(text_str(&second), second.size, NULL);
    cJSON_DeleteItemFromObject(cJSON_GetObjectItem(last, "metadata"), "continue");
    char *printed = json_print(last, false);
    text_clear(&second);
    text_add(&second, printed);
    kube_watch_end(&bench.watch, KUBE_REASON_SUCCESS, 200, &second, NULL, 40);
    assert_int_equal(bench.watch.state, KUBE_WATCH_FOLLOW);
    assert_string_equal(bench.watch.version, "1315");
    assert_true(bench.watch.cache.count > 2);
    assert_int_equal(bench.events.count, bench.watch.cache.count + 1);
    assert_int_equal(kube_floors_get(&bench.floors, 1316), 10);
    cJSON_free(printed);
    cJSON_Delete(last);
    text_free(&first);
    text_free(&second);
    text_free(&path);
    close_bench(&bench);
}

/* Every rollout state of the recorded upgrade, in order: it begins unseen or progressing and no later
 * state is complete before the last pod is new and available. */
static void rollout_of(const char *folder, bool whole)
{
    struct bench bench;
    struct text stream = {0};
    struct kube_event *event;
    struct kube_rollout rollout = {0};
    unsigned complete = 0, changes = 0;
    cJSON_Delete(reference(folder, "deployments", &stream));
    open_bench(&bench, folder, "deployments", KUBE_DEPLOYMENT);
    kube_rollout_status(bench.watch.cache.objects[0], &rollout);
    assert_int_equal(rollout.state, KUBE_ROLLOUT_COMPLETE);
    kube_events_free(&bench.events);
    ask(&bench, 300, true);
    assert_true(kube_watch_bytes(&bench.watch, stream.data, stream.size, 400));
    while ((event = kube_events_take(&bench.events)) != NULL) {
        kube_rollout_status(event->object, &rollout);
        if (changes++ == 0)
            assert_int_equal(rollout.state, KUBE_ROLLOUT_PROGRESSING);
        if (rollout.state == KUBE_ROLLOUT_COMPLETE) {
            complete++;
            assert_int_equal(rollout.updated, rollout.replicas);
            assert_int_equal(rollout.old, 0);
        }
        kube_event_free(event);
    }
    if (whole) {
        assert_true(complete > 0);
        assert_int_equal(rollout.state, KUBE_ROLLOUT_COMPLETE);
    }
    text_free(&stream);
    close_bench(&bench);
}

static void test_rollout_trimmed(void **state)
{
    (void)state;
    rollout_of(KUBE_FIXTURES, false);
}

static void test_rollout_whole(void **state)
{
    (void)state;
    rollout_of(KUBE_RECORDINGS, true);
}

/* Every recorded answer is JSON that a reader gets something out of, or a refusal. */
static void test_all_answers(void **state)
{
    DIR *folder = opendir(KUBE_FIXTURES);
    const struct dirent *entry;
    unsigned answers = 0;
    (void)state;
    assert_non_null(folder);
    while ((entry = readdir(folder)) != NULL) {
        static const struct kube_call call = {"get", "", "pods", "", "default", "x"};
        struct error err = {0};
        long code = 0;
        if (strncmp(entry->d_name, "answer-", 7) != 0)
            continue;
        struct text body = fixture_answer(KUBE_FIXTURES, entry->d_name, &code);
        cJSON *json = json_parse(text_str(&body), body.size, &err);
        assert_non_null(json);
        assert_true(code >= 200 && code < 500);
        if (code >= 300) {
            assert_int_not_equal(
                kube_failure_set(&err, NULL, &call, code, text_str(&body), body.size),
                KUBE_REASON_SUCCESS);
            assert_true(strlen(err.text) > 20);
        }
        cJSON_Delete(json);
        text_free(&body);
        answers++;
    }
    closedir(folder);
    assert_int_equal(answers, 19);
}

int main(void)
{
    const struct CMUnitTest trimmed[] = {
        cmocka_unit_test(test_replay_trimmed),  cmocka_unit_test(test_pods),
        cmocka_unit_test(test_cut_stream),      cmocka_unit_test(test_streaming_list),
        cmocka_unit_test(test_pages),           cmocka_unit_test(test_all_answers),
        cmocka_unit_test(test_rollout_trimmed),
    };
    const struct CMUnitTest whole[] = {
        cmocka_unit_test(test_replay_whole),
        cmocka_unit_test(test_rollout_whole),
    };
    if (strcmp(KUBE_SCOPE, "whole") == 0)
        return cmocka_run_group_tests(whole, NULL, NULL);
    return cmocka_run_group_tests(trimmed, NULL, NULL);
}
