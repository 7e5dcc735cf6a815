/* client.h - a client and a small server on loopback that tests turn in one thread, until what they
 * wait for is there: nothing is decided by how long something takes.
 *
 * Threads: the test's alone. set_up() and tear_down() are cmocka's, of each test.
 */
#ifndef TESTS_KUBE_CLIENT_H
#define TESTS_KUBE_CLIENT_H

#include "kube/kube.h"
#include "tests/unit/kube/fixture.h"
#include "tests/unit/kube/server.h"

enum {
    TURNS_MAX = 20000
};

extern struct clock run_clock; /* main() starts it. */
extern struct server *server;
extern struct kube *kube; /* NULL until open_kube(). */

struct access {
    const char *host;   /* In `server`; NULL: 127.0.0.1. */
    unsigned port;      /* 0: the server's. */
    const char *ca;     /* NULL: ca.pem. */
    const char *more;   /* Of the cluster: "tls-server-name: x". */
    bool no_client;     /* Without a client certificate. */
    const char *user;   /* NULL: as no_client says. */
    unsigned answer_ms; /* 0: the default. */
};

void open_kube(struct access access);
int set_up(void **state);
int tear_down(void **state);

struct kube_event *next_event(void); /* The caller frees it. */
/* The next event, as "type name" or "type text". TEXT has only to stand in it. */
void expect(const char *type, const char *text);
void turn_until_logged(const char *what); /* By the server. */
void follow_pods(void);

#define LIST(version, items)                                                                       \
    "{\"kind\":\"PodList\",\"metadata\":{\"resourceVersion\":\"" version "\"},\"items\":[" items   \
    "]}"
#define POD(name, version)                                                                         \
    "{\"metadata\":{\"name\":\"" name "\",\"namespace\":\"d\",\"uid\":\"u-" name                   \
    "\",\"resourceVersion\":\"" version "\"}}"

#define WEB "/apis/apps/v1/namespaces/d/deployments/web"
/* Its JSON, valid until the next call but one. */
const char *deployment(const char *version, const char *image);

#endif
