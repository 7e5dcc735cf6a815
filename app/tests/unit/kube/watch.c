/* The watch's state machine in virtual time: pauses, gaps, refusals, and the two stamps of events. */
#include "kube/watch.h"

#include "tests/unit/kube/fixture.h"

static struct kube_events events;
static struct kube_floors floors;
static struct kube_watch watch;

static int set_up(void **state)
{
    (void)state;
    events = (struct kube_events){0};
    floors = (struct kube_floors){0};
    return kube_watch_init(&watch, kube_resource_of(KUBE_POD), "d", "", &events, &floors, 7);
}

static int tear_down(void **state)
{
    (void)state;
    kube_events_free(&events);
    kube_watch_free(&watch);
    return 0;
}

static void ask(uint64_t now_ns, const char *has)
{
    struct text path = {0};
    bool stream;
    assert_true(kube_watch_due(&watch, now_ns));
    kube_watch_ask(&watch, &path, &stream, now_ns);
    if (strstr(text_str(&path), has) == NULL)
        fail_msg("%s has no %s", text_str(&path), has);
    text_free(&path);
}

static void pod(struct text *out, const char *name, const char *uid, unsigned version)
{
    text_addf(out,
              "{\"metadata\":{\"name\":\"%s\",\"namespace\":\"d\",\"uid\":\"%s\","
              "\"resourceVersion\":\"%u\"}}",
              name, uid, version);
}

/* A list of one pod a word: "a:1" is pod a of version 1 and uid ua. */
static void listed(const char *pods, unsigned version, uint64_t now_ns)
{
    struct text body = {0};
    char words[256], *save = NULL;
    snprintf(words, sizeof(words), "%s", pods);
    text_addf(&body, "{\"kind\":\"PodList\",\"metadata\":{\"resourceVersion\":\"%u\"},\"items\":[",
              version);
    for (char *word = strtok_r(words, " ", &save); word != NULL;
         word = strtok_r(NULL, " ", &save)) {
        char *colon = strchr(word, ':');
        char uid[16];
        *colon = '\0';
        snprintf(uid, sizeof(uid), "u%s", word);
        if (text_str(&body)[body.size - 1] == '}')
            text_add(&body, ",");
        word[1] = '\0';
        pod(&body, word, uid, (unsigned)atoi(colon + 1));
    }
    text_add(&body, "]}");
    kube_watch_end(&watch, KUBE_REASON_SUCCESS, 200, &body, NULL, now_ns);
    text_free(&body);
}

static bool line(const char *type, const char *name, const char *uid, unsigned version,
                 uint64_t now_ns)
{
    struct text text = {0};
    text_addf(&text, "{\"type\":\"%s\",\"object\":", type);
    pod(&text, name, uid, version);
    text_add(&text, "}\n");
    bool good = kube_watch_bytes(&watch, text_str(&text), text.size, now_ns);
    text_free(&text);
    return good;
}

/* The next event, as "type name not_before not_after". */
static void expect(const char *want)
{
    char got[256] = "nothing";
    struct kube_event *event = kube_events_take(&events);
    if (event != NULL)
        snprintf(got, sizeof(got), "%s %s %llu %llu", kube_event_type_text(event->type),
                 event->object == NULL ? "-" : event->object->meta.name,
                 (unsigned long long)event->not_before_ns, (unsigned long long)event->not_after_ns);
    assert_string_equal(got, want);
    kube_event_free(event);
}

static void test_list_then_follow(void **state)
{
    (void)state;
    ask(10, "/api/v1/namespaces/d/pods?limit=500");
    assert_int_equal(kube_watch_wake_ns(&watch), UINT64_MAX);
    listed("a:3 b:5", 7, 20);
    expect("present a 0 20");
    expect("present b 0 20");
    expect("synced - 0 20");
    ask(20, "watch=1&allowWatchBookmarks=true&resourceVersion=7&timeoutSeconds=300");
    assert_true(line("MODIFIED", "a", "ua", 8, 30));
    expect("modified a 10 30"); /* Not before the list was asked for. */
    assert_true(line("DELETED", "b", "ub", 9, 31));
    expect("deleted b 10 31");
    assert_true(line("ADDED", "c", "uc", 10, 32));
    expect("added c 10 32");
    assert_true(line("BOOKMARK", "x", "", 99, 33));
    expect("nothing");
    kube_watch_end(&watch, KUBE_REASON_SUCCESS, 200, NULL, NULL, 40); /* timeoutSeconds is over. */
    expect("nothing");
    ask(40, "resourceVersion=99"); /* At once, from the bookmark. */
}

static void test_own_change_narrows(void **state)
{
    (void)state;
    ask(10, "limit");
    listed("a:3", 7, 20);
    ask(20, "watch");
    kube_floors_add(&floors, 11, 500); /* Our change made version 12, sent at 500. */
    line("MODIFIED", "a", "ua", 9, 600);
    line("MODIFIED", "a", "ua", 12, 700);
    expect("present a 0 20");
    expect("synced - 0 20");
    expect("modified a 10 600"); /* Version 9: may have been before ours. */
    expect("modified a 500 700");
}

static void test_name_used_again(void **state)
{
    (void)state;
    ask(10, "limit");
    listed("a:3", 7, 20);
    ask(20, "watch");
    assert_true(line("ADDED", "a", "other", 9, 30));
    expect("present a 0 20");
    expect("synced - 0 20");
    expect("deleted a 10 30");
    expect("added a 10 30");
    assert_string_equal(watch.cache.objects[0]->meta.uid, "other");
}

/* 410 as an ERROR event, as recorded: a new list at once, the gap from the last byte to its end, and
 * what differs. */
static void test_gone_event(void **state)
{
    long code;
    struct text body = fixture_answer(KUBE_FIXTURES, "answer-watch-410-error-event.json", &code);
    (void)state;
    ask(10, "limit");
    listed("a:3 b:4 c:5", 7, 20);
    ask(20, "watch");
    line("MODIFIED", "a", "ua", 8, 30);
    assert_false(kube_watch_bytes(&watch, text_str(&body), body.size, 40));
    for (int i = 0; i < 5; i++)
        kube_event_free(kube_events_take(&events));
    ask(41, "limit=500");
    listed("a:8 c:50 e:51", 60, 70);
    expect("unseen - 30 70");
    expect("deleted b 30 70");
    expect("modified c 30 70");
    expect("added e 30 70");
    expect("synced - 0 70");
    expect("nothing");
    assert_int_equal(watch.relists, 1);
    ask(70, "resourceVersion=60");
    line("MODIFIED", "a", "ua", 61, 80);
    expect("modified a 41 80"); /* The gap is over. */
    text_free(&body);
}

/* 410 as a status, as recorded, on the watch; then again at once: no hot loop. */
static void test_gone_status(void **state)
{
    long code;
    struct text body = fixture_answer(KUBE_FIXTURES, "answer-list-410-gone.json", &code);
    (void)state;
    ask(10, "limit");
    listed("a:3", 7, 20);
    ask(20, "watch");
    kube_watch_end(&watch, KUBE_REASON_SUCCESS, code, &body, NULL, 30);
    ask(30, "limit=500");
    listed("a:3", 9, 40);
    ask(40, "watch");
    kube_watch_end(&watch, KUBE_REASON_SUCCESS, code, &body, NULL, 50);
    assert_true(kube_watch_wake_ns(&watch) >= 50 + KUBE_PAUSE_MIN_NS / 2);
    text_free(&body);
}

/* A `continue` that has expired: the list begins again, and half of a list is never shown. */
static void test_gone_between_pages(void **state)
{
    struct text page = {0}, gone = {0};
    (void)state;
    ask(10, "limit");
    text_add(&page, "{\"metadata\":{\"resourceVersion\":\"7\",\"continue\":\"t0k\"},\"items\":[");
    pod(&page, "a", "ua", 3);
    text_add(&page, "]}");
    kube_watch_end(&watch, KUBE_REASON_SUCCESS, 200, &page, NULL, 20);
    ask(20, "continue=t0k");
    kube_watch_end(&watch, KUBE_REASON_SUCCESS, 410, &gone, NULL, 30);
    expect("broken - 0 30");
    struct text path = {0};
    bool stream;
    uint64_t wake_ns = kube_watch_wake_ns(&watch);
    kube_watch_ask(&watch, &path, &stream, wake_ns);
    assert_null(strstr(text_str(&path), "continue"));
    listed("b:4", 9, wake_ns + 1);
    struct kube_event *event = kube_events_take(&events);
    assert_string_equal(event->object->meta.name, "b");
    kube_event_free(event);
    assert_int_equal(watch.cache.count, 1);
    text_free(&path);
    text_free(&page);
}

/* The n-th failure in a row waits between half and the whole of min(100 ms * 2^(n-1), 10 s). */
static void test_pauses(void **state)
{
    uint64_t now_ns = 1000;
    (void)state;
    for (unsigned n = 0; n < 12; n++) {
        uint64_t most_ns = n < 7 ? KUBE_PAUSE_MIN_NS << n : KUBE_PAUSE_MAX_NS;
        ask(now_ns, "limit");
        kube_watch_end(&watch, KUBE_REASON_UNREACHABLE, 0, NULL, NULL, now_ns);
        uint64_t wake_ns = kube_watch_wake_ns(&watch);
        assert_in_range(wake_ns - now_ns, most_ns / 2, most_ns);
        assert_false(kube_watch_due(&watch, wake_ns - 1));
        now_ns = wake_ns;
    }
    kube_watch_hold(&watch, now_ns + 77); /* The server said when. */
    assert_int_equal(kube_watch_wake_ns(&watch), now_ns + 77);
    kube_watch_hold(&watch, now_ns);
    assert_int_equal(kube_watch_wake_ns(&watch), now_ns + 77);
    now_ns += 77;
    expect("broken - 0 1000"); /* Once, not each time. */
    expect("nothing");
    ask(now_ns, "limit");
    listed("a:3", 7, now_ns);
    ask(now_ns, "watch");
    line("MODIFIED", "a", "ua", 8, now_ns); /* Progress. */
    kube_watch_end(&watch, KUBE_REASON_CUT, 200, NULL, NULL, now_ns);
    assert_in_range(kube_watch_wake_ns(&watch) - now_ns, KUBE_PAUSE_MIN_NS / 2, KUBE_PAUSE_MIN_NS);
}

/* A server that ends each stream at once is not asked in a hot loop; one that ends a long, silent one
 * is asked again at once. */
static void test_empty_streams(void **state)
{
    (void)state;
    ask(10, "limit");
    listed("a:3", 7, 20);
    ask(20, "watch");
    kube_watch_end(&watch, KUBE_REASON_SUCCESS, 200, NULL, NULL, 30);
    uint64_t wake_ns = kube_watch_wake_ns(&watch);
    assert_true(wake_ns >= 30 + KUBE_PAUSE_MIN_NS / 2);
    ask(wake_ns, "watch");
    uint64_t later_ns = wake_ns + 300 * UINT64_C(1000000000);
    kube_watch_end(&watch, KUBE_REASON_SUCCESS, 200, NULL, NULL, later_ns);
    assert_true(kube_watch_due(&watch, later_ns));
}

/* Rights that are missing from the start stop it; those that go later do not. */
static void test_rights(void **state)
{
    struct text none = {0};
    struct error why = {.text = "no rights"};
    (void)state;
    ask(10, "limit");
    kube_watch_end(&watch, KUBE_REASON_SUCCESS, 403, &none, &why, 20);
    assert_int_equal(events.first->type, KUBE_STOPPED);
    assert_string_equal(events.first->text, "no rights");
    assert_int_equal(kube_watch_wake_ns(&watch), UINT64_MAX);
    tear_down(NULL);
    set_up(NULL);
    ask(10, "limit");
    listed("a:3", 7, 20);
    ask(20, "watch");
    kube_watch_end(&watch, KUBE_REASON_SUCCESS, 401, &none, &why, 30);
    assert_int_equal(watch.state, KUBE_WATCH_FOLLOW);
    assert_int_equal(events.last->type, KUBE_BROKEN);
    assert_true(kube_watch_wake_ns(&watch) < UINT64_MAX);
}

/* What is no event makes a new list, with its gap told; never a guess. */
static void test_malformed(void **state)
{
    static const char *const lines[] = {
        "garbage\n",
        "{\"type\":\"ADDED\"}\n",
        "{\"type\":\"ADDED\",\"object\":{\"metadata\":{}}}\n",
        "{\"type\":\"PAINTED\",\"object\":{\"metadata\":{\"name\":\"x\"}}}\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        tear_down(NULL);
        set_up(NULL);
        ask(10, "limit");
        listed("a:3", 7, 20);
        ask(20, "watch");
        assert_false(kube_watch_bytes(&watch, lines[i], strlen(lines[i]), 30));
        assert_int_equal(watch.state, KUBE_WATCH_LIST);
        assert_true(watch.gap);
        assert_int_equal(watch.malformed, 1);
    }
    tear_down(NULL);
    set_up(NULL);
    ask(10, "limit");
    struct text html = {0};
    text_add(&html, "<html>");
    kube_watch_end(&watch, KUBE_REASON_SUCCESS, 200, &html, NULL, 20);
    assert_false(watch.synced);
    assert_true(kube_watch_wake_ns(&watch) > 20);
    text_free(&html);
}

/* Nobody takes the events: the watch stops asking for lists until there is room, and says what it
 * did not see. */
static void test_full_list_of_events(void **state)
{
    (void)state;
    ask(10, "limit");
    listed("a:3", 7, 20);
    ask(20, "watch");
    unsigned version = 8;
    while (line("MODIFIED", "a", "ua", version, 30))
        version++;
    assert_int_equal(events.count, KUBE_EVENTS_MAX);
    assert_true(events.refused > 0);
    assert_int_equal(kube_watch_wake_ns(&watch), UINT64_MAX);
    kube_events_free(&events);
    ask(40, "limit");
    listed("a:90000", 90000, 50);
    expect("unseen - 30 50");
    expect("modified a 30 50");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_list_then_follow), TEST(test_own_change_narrows),  TEST(test_name_used_again),
        TEST(test_gone_event),       TEST(test_gone_status),         TEST(test_gone_between_pages),
        TEST(test_pauses),           TEST(test_empty_streams),       TEST(test_rights),
        TEST(test_malformed),        TEST(test_full_list_of_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
