/* api_world.h - the lab's API without sockets, for tests: requests in, answers to look at. */
#ifndef TESTS_LAB_API_WORLD_H
#define TESTS_LAB_API_WORLD_H

#include <stdint.h>

#include "lab/api_handler.h"

#define WORLD_NOW_NS INT64_C(1795254751000000000) /* 2026-11-21T09:52:31Z */
#define WORLD_STRATEGIC "application/strategic-merge-patch+json"
#define WORLD_MERGE "application/merge-patch+json"
#define WORLD_TABLE "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"

/* A server without a socket, and its last answer. */
struct world {
    struct store *store;        /* The objects. */
    struct api_handler handler; /* Under test. */
    struct api_answer answer;   /* The last one. */
    cJSON *body;                /* Of it, parsed; NULL when it is no JSON. */
    int64_t utc_ns;             /* The time of requests. */
};

/* Send a request whose body is written with ' for ", and keep the answer. Returns its status. */
unsigned world_send(struct world *world, const char *method, const char *target, const char *type,
                    const char *accept, const char *body);
/* The same with JSON. */
unsigned world_request(struct world *world, const char *method, const char *target,
                       const char *body);
unsigned world_patch(struct world *world, const char *target, const char *type, const char *body);

/* What stands at PATH of the last answer's body. */
void world_expect_text(const struct world *world, const char *path, const char *expected);
/* The whole body is EXPECTED (with ' for "), in that order of members. */
void world_expect_body(const struct world *world, const char *expected);

/* A cmocka fixture: *STATE is a struct world with the namespace default. */
int world_set_up(void **state);
int world_tear_down(void **state);

#endif
