#include "lab/api_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <curl/curl.h>
#include <time.h>

#include "base/json.h"
#include "base/text.h"
#include "lab/api_discovery.h"

#define SECOND_NS INT64_C(1000000000)

enum {
    MAX_TURNS = 2000
};

/* A server on a free port of the loopback, and clients in the same thread. */
struct world {
    struct store *store;                 /* The objects. */
    struct certificate_set certificates; /* The server's and the right client's. */
    struct certificate_set strangers;    /* Of another authority. */
    struct api_server *server;           /* Under test. */
    CURLM *multi;                        /* The clients. */
    int64_t utc_ns;                      /* The server's time; tests move it on. */
};

/* One request. */
struct transfer {
    CURL *curl;      /* libcurl's. */
    struct text out; /* The answer's body so far. */
    bool is_done;    /* It has ended. */
    CURLcode result; /* How. */
    long code;       /* HTTP status. */
};

static size_t on_data(char *bytes, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;
    text_add_bytes(&transfer->out, bytes, size * count);
    return size * count;
}

static void set_blob(CURL *curl, CURLoption option, char *text)
{
    struct curl_blob blob = {.data = text, .len = strlen(text), .flags = CURL_BLOB_COPY};
    assert_int_equal(curl_easy_setopt(curl, option, &blob), CURLE_OK);
}

/* Begin a request; CLIENT NULL: without a certificate. */
static struct transfer *begin(struct world *world, const struct certificate_set *client,
                              const char *path)
{
    char url[512];
    struct transfer *transfer = calloc(1, sizeof(*transfer));
    transfer->curl = curl_easy_init();
    snprintf(url, sizeof(url), "https://127.0.0.1:%u%s", api_server_port(world->server), path);
    curl_easy_setopt(transfer->curl, CURLOPT_URL, url);
    curl_easy_setopt(transfer->curl, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(transfer->curl, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(transfer->curl, CURLOPT_PRIVATE, transfer);
    curl_easy_setopt(transfer->curl, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(transfer->curl, CURLOPT_FRESH_CONNECT, 1L);
    set_blob(transfer->curl, CURLOPT_CAINFO_BLOB, world->certificates.authority);
    if (client != NULL) {
        set_blob(transfer->curl, CURLOPT_SSLCERT_BLOB, client->client);
        set_blob(transfer->curl, CURLOPT_SSLKEY_BLOB, client->client_key);
    }
    curl_multi_add_handle(world->multi, transfer->curl);
    return transfer;
}

static void turn(struct world *world)
{
    int running;
    int left;
    CURLMsg *message;
    curl_multi_perform(world->multi, &running);
    while ((message = curl_multi_info_read(world->multi, &left)) != NULL) {
        struct transfer *transfer;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
        curl_easy_getinfo(message->easy_handle, CURLINFO_RESPONSE_CODE, &transfer->code);
        transfer->result = message->data.result;
        transfer->is_done = true;
    }
    api_server_run(world->server, world->utc_ns);
    curl_multi_poll(world->multi, NULL, 0, 2, NULL);
}

/* Until the transfer has ended. */
static void finish(struct world *world, struct transfer *transfer)
{
    for (unsigned i = 0; i < MAX_TURNS && !transfer->is_done; i++)
        turn(world);
    assert_true(transfer->is_done);
}

/* Until its body contains TEXT. */
static void await(struct world *world, struct transfer *transfer, const char *text)
{
    for (unsigned i = 0; i < MAX_TURNS; i++) {
        if (strstr(text_str(&transfer->out), text) != NULL)
            return;
        turn(world);
    }
    fail_msg("no \"%s\" in \"%s\"", text, text_str(&transfer->out));
}

static void end(struct world *world, struct transfer *transfer)
{
    curl_multi_remove_handle(world->multi, transfer->curl);
    curl_easy_cleanup(transfer->curl);
    text_free(&transfer->out);
    free(transfer);
}

static void make_pod(struct world *world, const char *name)
{
    char text[128];
    snprintf(text, sizeof(text), "{\"metadata\":{\"namespace\":\"d\",\"name\":\"%s\"}}", name);
    assert_int_equal(store_create(world->store, STORE_POD, cJSON_Parse(text), world->utc_ns, NULL),
                     STORE_OK);
}

static int set_up(void **state)
{
    struct timespec now;
    struct error err = {0};
    struct world *world = calloc(1, sizeof(*world));
    clock_gettime(CLOCK_REALTIME, &now);
    world->utc_ns = (int64_t)now.tv_sec * SECOND_NS;
    world->store = store_new(1);
    assert_int_equal(certificate_make(&world->certificates, world->utc_ns, &err), 0);
    assert_int_equal(certificate_make(&world->strangers, world->utc_ns, &err), 0);
    const struct api_server_config config = {
        .store = world->store, .certificates = &world->certificates, .minor = API_KUBERNETES_MINOR};
    assert_int_equal(api_server_start(&config, &world->server, &err), 0);
    world->multi = curl_multi_init();
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    curl_multi_cleanup(world->multi);
    api_server_stop(world->server);
    certificate_free(&world->certificates);
    certificate_free(&world->strangers);
    store_free(world->store);
    free(world);
    return 0;
}

static void test_clients_are_known_by_certificate(void **state)
{
    struct world *world = *state;
    const struct {
        const struct certificate_set *client;
        long code;
        const char *text;
    } rows[] = {
        {&world->certificates, 200, "\"gitVersion\":\"v1."},
        {NULL, 401, "\"reason\":\"Unauthorized\""},
        {&world->strangers, 401, "\"reason\":\"Unauthorized\""},
    };
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct transfer *transfer = begin(world, rows[i].client, "/version");
        finish(world, transfer);
        assert_int_equal(transfer->result, CURLE_OK);
        assert_int_equal(transfer->code, rows[i].code);
        assert_non_null(strstr(text_str(&transfer->out), rows[i].text));
        end(world, transfer);
    }
    struct transfer *old = begin(world, &world->certificates, "/version");
    curl_easy_setopt(old->curl, CURLOPT_SSLVERSION,
                     (long)CURL_SSLVERSION_TLSv1_0 | (long)CURL_SSLVERSION_MAX_TLSv1_1);
    finish(world, old);
    assert_int_not_equal(old->result, CURLE_OK);
    end(world, old);
}

static void test_watch_streams_and_ends(void **state)
{
    struct world *world = *state;
    struct transfer *watch =
        begin(world, &world->certificates, "/api/v1/pods?watch=1&timeoutSeconds=30");
    make_pod(world, "one");
    await(world, watch, "\"name\":\"one\"");
    make_pod(world, "two");
    await(world, watch, "\"name\":\"two\"");
    store_delete(world->store, STORE_POD, "d", "one", world->utc_ns);
    await(world, watch, "\"DELETED\"");
    assert_int_equal(api_server_watch_count(world->server), 1);
    assert_false(watch->is_done);
    world->utc_ns += 31 * SECOND_NS;
    finish(world, watch);
    assert_int_equal(watch->result, CURLE_OK); /* Ended in order, not cut. */
    assert_int_equal(watch->code, 200);
    end(world, watch);
    for (unsigned i = 0; i < 50; i++)
        turn(world);
    assert_int_equal(api_server_watch_count(world->server), 0);
}

/* The headers come at once, before anything happens. */
static void test_silent_watch_answers(void **state)
{
    struct world *world = *state;
    struct transfer *watch = begin(world, &world->certificates, "/api/v1/pods?watch=1");
    long code = 0;
    for (unsigned i = 0; i < 100 && code == 0; i++) {
        turn(world);
        curl_easy_getinfo(watch->curl, CURLINFO_RESPONSE_CODE, &code);
    }
    assert_int_equal(code, 200);
    end(world, watch);
}

static void test_faults(void **state)
{
    struct world *world = *state;
    make_pod(world, "one");
    struct transfer *watch = begin(world, &world->certificates, "/api/v1/pods?watch=1");
    await(world, watch, "\"name\":\"one\"");
    api_server_drop_watches(world->server);
    finish(world, watch);
    assert_int_not_equal(watch->result, CURLE_OK); /* Cut in mid-stream. */
    end(world, watch);

    watch = begin(world, &world->certificates, "/api/v1/pods?watch=1&resourceVersion=1");
    await(world, watch, "\"name\":\"one\"");
    api_server_expire(world->server, store_version(world->store) + 1);
    finish(world, watch);
    assert_int_equal(watch->result, CURLE_OK);
    assert_non_null(strstr(text_str(&watch->out), "\"ERROR\""));
    assert_non_null(strstr(text_str(&watch->out), "\"code\":410"));
    end(world, watch);

    assert_int_equal(api_server_deny(world->server, "list:pods"), 0);
    struct transfer *list = begin(world, &world->certificates, "/api/v1/pods");
    finish(world, list);
    assert_int_equal(list->code, 403);
    end(world, list);
    api_server_allow_all(world->server);
    list = begin(world, &world->certificates, "/api/v1/pods");
    finish(world, list);
    assert_int_equal(list->code, 200);
    end(world, list);
}

/* Away: watches are cut and new connections refused; then it is at its place again, with all that it
 * had, and with what changed meanwhile. */
static void test_outage(void **state)
{
    struct world *world = *state;
    uint16_t port = api_server_port(world->server);
    make_pod(world, "one");
    struct transfer *watch = begin(world, &world->certificates, "/api/v1/pods?watch=1");
    await(world, watch, "\"name\":\"one\"");
    api_server_go_away(world->server);
    assert_int_equal(api_server_fd(world->server), -1);
    finish(world, watch);
    assert_int_not_equal(watch->result, CURLE_OK);
    end(world, watch);
    assert_int_equal(api_server_watch_count(world->server), 0);
    struct transfer *list = begin(world, &world->certificates, "/api/v1/pods");
    finish(world, list);
    assert_int_equal(list->result, CURLE_COULDNT_CONNECT);
    end(world, list);
    make_pod(world, "two");
    assert_int_equal(api_server_come_back(world->server), 0);
    assert_int_equal(api_server_port(world->server), port);
    list = begin(world, &world->certificates, "/api/v1/pods");
    finish(world, list);
    assert_int_equal(list->code, 200);
    assert_non_null(strstr(text_str(&list->out), "\"name\":\"two\""));
    end(world, list);
    watch = begin(world, &world->certificates, "/api/v1/pods?watch=1&resourceVersion=2");
    finish(world, watch);
    assert_non_null(strstr(text_str(&watch->out), "\"code\":410"));
    end(world, watch);
    api_server_go_away(world->server); /* And it can end like that. */
}

/* Changes are told in order, each as late as was asked for; afterwards at once again. */
static void test_slow_watches(void **state)
{
    struct world *world = *state;
    struct transfer *watch = begin(world, &world->certificates, "/api/v1/pods?watch=1");
    make_pod(world, "one");
    await(world, watch, "\"name\":\"one\"");
    api_server_slow_watches(world->server, 2 * SECOND_NS);
    make_pod(world, "two");
    for (unsigned i = 0; i < 50; i++)
        turn(world);
    world->utc_ns += SECOND_NS;
    make_pod(world, "three");
    for (unsigned i = 0; i < 50; i++)
        turn(world);
    assert_null(strstr(text_str(&watch->out), "\"name\":\"two\""));
    world->utc_ns += SECOND_NS;
    await(world, watch, "\"name\":\"two\"");
    for (unsigned i = 0; i < 50; i++)
        turn(world);
    assert_null(strstr(text_str(&watch->out), "\"name\":\"three\""));
    struct transfer *list = begin(world, &world->certificates, "/api/v1/pods");
    finish(world, list); /* Only watches are slow. */
    assert_non_null(strstr(text_str(&list->out), "\"name\":\"three\""));
    end(world, list);
    api_server_slow_watches(world->server, 0);
    await(world, watch, "\"name\":\"three\"");
    end(world, watch);
}

static void test_client_that_goes_is_noticed(void **state)
{
    struct world *world = *state;
    make_pod(world, "one");
    struct transfer *watch = begin(world, &world->certificates, "/api/v1/pods?watch=1");
    await(world, watch, "\"name\":\"one\"");
    assert_int_equal(api_server_watch_count(world->server), 1);
    end(world, watch); /* Closes the connection. */
    for (unsigned i = 0; i < 100 && api_server_watch_count(world->server) > 0; i++) {
        world->utc_ns += SECOND_NS;
        turn(world);
    }
    assert_int_equal(api_server_watch_count(world->server), 0);
}

static void test_bodies(void **state)
{
    struct world *world = *state;
    size_t size = 2 * 1024 * 1024;
    char *body = malloc(size + 1);
    memset(body, ' ', size);
    body[size] = '\0';
    struct transfer *post = begin(world, &world->certificates, "/api/v1/namespaces");
    curl_easy_setopt(post->curl, CURLOPT_POSTFIELDS, body);
    finish(world, post);
    assert_int_equal(post->result, CURLE_OK);
    assert_int_equal(post->code, 415); /* libcurl's own type. */
    end(world, post);

    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    post = begin(world, &world->certificates, "/api/v1/namespaces");
    curl_easy_setopt(post->curl, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(post->curl, CURLOPT_HTTPHEADER, headers);
    finish(world, post);
    assert_int_equal(post->code, 413);
    end(world, post);

    post = begin(world, &world->certificates, "/api/v1/namespaces");
    curl_easy_setopt(post->curl, CURLOPT_POSTFIELDS, "{\"metadata\":{\"name\":\"x\"}}");
    curl_easy_setopt(post->curl, CURLOPT_HTTPHEADER, headers);
    finish(world, post);
    assert_int_equal(post->code, 201);
    end(world, post);
    assert_non_null(store_get(world->store, STORE_NAMESPACE, NULL, "x"));
    curl_slist_free_all(headers);
    free(body);
}

static void test_start_refuses(void **state)
{
    struct world *world = *state;
    static const char *const deny[] = {"nonsense"};
    struct error err = {0};
    struct api_server *server = NULL;
    struct api_server_config config = {.store = world->store,
                                       .certificates = &world->certificates,
                                       .port = api_server_port(world->server)};
    assert_int_equal(api_server_start(&config, &server, &err), -98); /* EADDRINUSE */
    assert_non_null(strstr(err.text, "another port"));
    err.text[0] = '\0';
    config.port = 0;
    config.deny = deny;
    config.deny_count = 1;
    assert_int_equal(api_server_start(&config, &server, &err), -22);
    assert_non_null(strstr(err.text, "nonsense"));
    assert_null(server);
}

int main(void)
{
#define WORLD_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WORLD_TEST(test_clients_are_known_by_certificate),
        WORLD_TEST(test_watch_streams_and_ends),
        WORLD_TEST(test_silent_watch_answers),
        WORLD_TEST(test_faults),
        WORLD_TEST(test_outage),
        WORLD_TEST(test_slow_watches),
        WORLD_TEST(test_client_that_goes_is_noticed),
        WORLD_TEST(test_bodies),
        WORLD_TEST(test_start_refuses),
    };
    curl_global_init(CURL_GLOBAL_DEFAULT);
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    curl_global_cleanup();
    return failures;
}
