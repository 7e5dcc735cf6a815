#include "tests/unit/kube/client.h"

struct clock run_clock;
struct server *server;
struct kube *kube;

void open_kube(struct access access)
{
    char path[128];
    struct text text = {0};
    struct error err = {0};
    text_addf(&text,
              "contexts: [{name: t, context: {cluster: c, user: u, namespace: d}}]\n"
              "clusters:\n- name: c\n  cluster:\n    server: https://%s:%u\n"
              "    certificate-authority: %s\n    %s\nusers:\n- name: u\n  user: {%s}\n",
              access.host == NULL ? "127.0.0.1" : access.host,
              access.port == 0 ? server_port(server) : access.port,
              access.ca == NULL ? "ca.pem" : access.ca, access.more == NULL ? "" : access.more,
              access.user != NULL ? access.user
              : access.no_client  ? ""
                                  : "client-certificate: client.pem, client-key: client.key");
    snprintf(path, sizeof(path), "%s/kc", server_folder(server));
    assert_int_equal(text_write_file(&text, path), 0);
    text_free(&text);
    struct kube_options options = {
        .kubeconfig = path, .context = "t", .clock = &run_clock, .answer_ms = access.answer_ms};
    if (kube_open(&options, &kube, &err) < 0)
        fail_msg("%s", err.text);
}

int set_up(void **state)
{
    (void)state;
    server = server_start("127.0.0.1");
    kube = NULL;
    return 0;
}

int tear_down(void **state)
{
    (void)state;
    kube_close(kube);
    server_stop(server);
    return 0;
}

struct kube_event *next_event(void)
{
    for (int i = 0; i < TURNS_MAX; i++) {
        struct kube_event *event = kube_take(kube);
        if (event != NULL)
            return event;
        assert_true(kube_poll(kube, 1) >= 0);
        server_run(server);
    }
    fail_msg("no event; the server saw:\n%s", server_log(server));
    return NULL;
}

void expect(const char *type, const char *text)
{
    struct kube_event *event = next_event();
    const char *got = event->object != NULL ? event->object->meta.name : event->text;
    if (strcmp(kube_event_type_text(event->type), type) != 0 ||
        strstr(got == NULL ? "" : got, text) == NULL)
        fail_msg("%s %s, not %s %s", kube_event_type_text(event->type), got, type, text);
    kube_event_free(event);
}

void turn_until_logged(const char *what)
{
    for (int i = 0; i < TURNS_MAX && strstr(server_log(server), what) == NULL; i++) {
        assert_true(kube_poll(kube, 1) >= 0);
        server_run(server);
    }
    if (strstr(server_log(server), what) == NULL)
        fail_msg("no %s in:\n%s", what, server_log(server));
}

void follow_pods(void)
{
    struct error err = {0};
    assert_int_equal(kube_follow(kube, KUBE_POD, NULL, NULL, &err), 0);
    assert_int_equal(kube_follow(kube, KUBE_POD, "d", "", &err), 0); /* The same one. */
}

const char *deployment(const char *version, const char *image)
{
    static char json[2][1024];
    static unsigned which;
    char *out = json[which++ % 2];
    snprintf(out, sizeof(json[0]),
             "{\"kind\":\"Deployment\",\"metadata\":{\"name\":\"web\",\"namespace\":\"d\",\"uid\":"
             "\"u\",\"resourceVersion\":\"%s\",\"generation\":1},\"spec\":{\"replicas\":0,"
             "\"template\":{\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"%s\"}]}}},"
             "\"status\":{\"observedGeneration\":1}}",
             version, image);
    return out;
}
