/* evidence_index: what it picks out is what a look at every record would. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analyze/evidence_index.h"
#include "base/random.h"

enum {
    REQUESTS = 400,
    CONNECTIONS = 200,
    HOSTS = 3,
    OPENS = 1 << OUTCOME_RESET | 1 << OUTCOME_BLOCKED
};

static void make(struct logs *logs, struct random *random)
{
    static const enum outcome any[] = {OUTCOME_OK, OUTCOME_OK, OUTCOME_RESET, OUTCOME_BLOCKED};
    logs->request_count = REQUESTS;
    logs->requests = calloc(REQUESTS, sizeof(*logs->requests));
    logs->connection_count = CONNECTIONS;
    logs->connections = calloc(CONNECTIONS, sizeof(*logs->connections));
    logs->host_count = HOSTS;
    assert_true(logs->requests != NULL && logs->connections != NULL);
    for (uint64_t i = 0; i < REQUESTS; i++) {
        uint64_t due_ns = i * 1000 + 1, sent_ns = due_ns + random_below(random, 5000);
        enum outcome outcome = any[random_below(random, 4)];
        logs->requests[i] = (struct record_request){
            .due_ns = due_ns,
            .sent_ns = outcome == OUTCOME_BLOCKED ? 0 : sent_ns,
            .done_ns = sent_ns + random_below(random, 20000),
            .host = (uint16_t)random_below(random, HOSTS + 2), /* One has no name. */
            .outcome = (uint8_t)outcome};
    }
    for (uint32_t i = 0; i < CONNECTIONS; i++) {
        uint64_t opened_ns = random_below(random, 100000);
        logs->connections[i] = (struct record_connection){
            .id = i + 1,
            .tuple.local_port = (uint16_t)random_below(random, CONNECTIONS / 2),
            .opened_ns = opened_ns,
            .connected_ns = random_below(random, 2) * (opened_ns + 1),
            .ended_ns = opened_ns + random_below(random, 3000)};
    }
}

static void check_lost(const struct evidence_index *index, uint64_t at_ns)
{
    size_t first = evidence_index_lost_since(index, at_ns), seen = 0;
    for (size_t i = 0; i < REQUESTS; i++) {
        const struct record_request *request = &index->logs->requests[i];
        if (request->outcome != OUTCOME_RESET)
            continue;
        assert_ptr_equal(index->lost[seen], request);
        assert_true(seen >= first || request->done_ns < at_ns);
        seen++;
    }
    assert_int_equal(index->lost_count, seen);
}

static void check_good(const struct evidence_index *index, size_t host, uint64_t at_ns)
{
    size_t count, seen = 0;
    const struct record_request *const *good = evidence_index_good(index, host, &count);
    size_t before = evidence_index_sent_before(index, good, count, at_ns);
    uint64_t last_ns = 0;
    for (size_t i = 0; i < REQUESTS; i++) {
        const struct record_request *request = &index->logs->requests[i];
        if (request->outcome != OUTCOME_OK || request->host != host)
            continue;
        assert_ptr_equal(good[seen], request);
        if (seen++ >= before)
            continue;
        assert_true(request->sent_ns < at_ns);
        last_ns = request->sent_ns > last_ns ? request->sent_ns : last_ns;
    }
    assert_int_equal(count, seen);
    assert_int_equal(evidence_index_last_sent(index, good, before), last_ns);
    assert_true(before == count || good[before]->due_ns + 5000 >= at_ns); /* Not far behind. */
}

static const struct record_connection *
before(const struct logs *logs, const struct record_connection *own, uint64_t within_ns)
{
    const struct record_connection *last = NULL;
    for (size_t i = 0; i < CONNECTIONS; i++) {
        const struct record_connection *other = &logs->connections[i];
        if (other->opened_ns < own->opened_ns &&
            memcmp(&other->tuple, &own->tuple, sizeof(own->tuple)) == 0 &&
            (last == NULL || other->opened_ns > last->opened_ns))
            last = other;
    }
    return last != NULL && last->ended_ns + within_ns >= own->opened_ns ? last : NULL;
}

static void any_records(void **state)
{
    (void)state;
    for (unsigned seed = 0; seed < 30; seed++) {
        struct logs logs = {0};
        struct evidence_index index;
        struct random random;
        random_seed(&random, seed);
        make(&logs, &random);
        assert_int_equal(evidence_index_make(&index, &logs, OPENS), 0);
        for (uint64_t at_ns = 0; at_ns < 450000; at_ns += 15000) {
            check_lost(&index, at_ns);
            for (size_t host = 1; host <= HOSTS; host++)
                check_good(&index, host, at_ns);
        }
        for (size_t i = 0; i < CONNECTIONS; i++) {
            const struct record_connection *own = &logs.connections[i];
            assert_ptr_equal(evidence_index_connection(&index, own->id), own);
            assert_ptr_equal(evidence_index_before(&index, own, 2000), before(&logs, own, 2000));
        }
        assert_null(evidence_index_connection(&index, CONNECTIONS + 1));
        evidence_index_free(&index);
        logs_free(&logs);
    }
}

static void nothing(void **state)
{
    (void)state;
    struct logs logs = {0};
    struct evidence_index index;
    assert_int_equal(evidence_index_make(&index, &logs, OPENS), 0);
    assert_int_equal(evidence_index_lost_since(&index, 0), 0);
    assert_null(evidence_index_connection(&index, 1));
    evidence_index_free(&index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(any_records), cmocka_unit_test(nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
