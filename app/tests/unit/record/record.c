/* Logs take what they can hold and count the rest; sums hold; hosts are found again. */
#include "record/record.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static struct record *small(void)
{
    struct record_config config = {.worker = 3, .stream_count = 2};
    for (unsigned type = 0; type < RECORD_TYPE_COUNT; type++)
        config.capacity[type] = 4;
    struct record *record = record_setup(&config);
    assert_non_null(record);
    return record;
}

static void full_log_refuses_and_counts(void **state)
{
    (void)state;
    struct record *record = small();
    for (unsigned i = 0; i < 6; i++) {
        struct record_request request = {
            .due_ns = 100 * i, .sent_ns = 100 * i + 7, .done_ns = 100 * i + 57, .stream = 1};
        record_request_done(record, &request);
    }
    assert_int_equal(record_count(record, RECORD_REQUESTS), 4);
    assert_int_equal(record_count_read(&record->logs[RECORD_REQUESTS].refused), 2);
    assert_int_equal(record_count_read(&record->streams[1].counters.due), 6);
    const struct record_request *last = record_at(record, RECORD_REQUESTS, 3);
    assert_int_equal(last->due_ns, 300);
    assert_true(record_sums_hold(record));
    record_finish(record);
    const struct interval *interval = intervals_oldest(&record->streams[1].intervals);
    assert_non_null(interval);
    assert_int_equal(interval->latencies[INTERVAL_FROM_DUE].max_ns, 57);
    assert_int_equal(interval->latencies[INTERVAL_FROM_SENT].max_ns, 50);
    assert_int_equal(interval->latencies[INTERVAL_SEND_LAG].count, 6);
    assert_null(intervals_oldest(&record->streams[0].intervals));
    record_free(record);
}

/* What the control thread takes is room again. */
static void taken_records_make_room(void **state)
{
    (void)state;
    struct record *record = small();
    for (uint64_t i = 0; i < 100; i++) {
        assert_true(record_append(record, RECORD_FAULTS, &(struct record_fault){.count = i}));
        const struct record_fault *fault = record_at(record, RECORD_FAULTS, i);
        assert_int_equal(fault->count, i);
        assert_int_equal(record_stretch(record, RECORD_FAULTS, i), 4 - i % 4);
        if (i % 3 == 2)
            record_take(record, RECORD_FAULTS, i + 1);
    }
    assert_int_equal(record_count(record, RECORD_FAULTS), 100);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(record_append(record, RECORD_FAULTS, &(struct record_fault){0}), i < 3);
    assert_int_equal(record_count_read(&record->logs[RECORD_FAULTS].refused), 2);
    record_free(record);
}

/* By mode: which of ten good requests, ten failures in a run and one that is kept are logged. */
static void modes_log_what_they_say(void **state)
{
    static const struct {
        struct record_keep keep;
        uint64_t requests, connections;
    } rows[] = {
        {{RECORD_MODE_FULL, 0}, 20, 10},
        {{RECORD_MODE_SAMPLED, 4}, 3 + 1 + 1, 3},
        {{RECORD_MODE_FAILURES, 0}, 1 + 1, 0},
    };
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct record_config config = {.stream_count = 1, .keep[0] = rows[i].keep};
        struct record *record = record_setup(&config);
        assert_non_null(record);
        for (uint64_t k = 0; k < 20; k++) {
            struct record_request request = {.due_ns = k * 1000,
                                             .sent_ns = k * 1000,
                                             .done_ns = k * 1000 + 50,
                                             .outcome = k < 10 ? OUTCOME_OK : OUTCOME_STALLED};
            record_request_done(record, &request);
            if (k == 7)
                record_keep(record, &request);
            if (k < 10)
                record_connection_done(record, &(struct record_connection){.end = CONNECTION_DONE});
        }
        record_finish(record);
        assert_int_equal(record_count(record, RECORD_REQUESTS), rows[i].requests);
        assert_int_equal(record_count(record, RECORD_CONNECTIONS), rows[i].connections);
        assert_int_equal(record_count_read(&record->streams[0].counters.done), 10);
        assert_int_equal(record_count(record, RECORD_FOLDS), 1);
        assert_int_equal(record_count(record, RECORD_DUES), 1);
        record_free(record);
    }
}

/* A run under way is published within the second after the next, for a killed run's sake; and not
 * after the bins that its members are in. */
static void folds_are_published_before_bins(void **state)
{
    enum {
        FLOWS = 200
    };
    (void)state;
    struct record_config config = {.stream_count = 1};
    struct record *record = record_setup(&config);
    assert_non_null(record);
    struct record_request request = {.outcome = OUTCOME_BLOCKED};
    for (; request.flow < FLOWS; request.flow++)
        record_request_done(record, &request);
    request.outcome = OUTCOME_OK;
    for (uint64_t i = 1; i < 200 && record_count(record, RECORD_DUES) == 0; i++) {
        assert_true(record_count(record, RECORD_FOLDS) < FLOWS || i > 100);
        request.done_ns = i * 10000000;
        record_request_done(record, &request);
    }
    assert_int_equal(record_count(record, RECORD_DUES), 1);
    assert_int_equal(record_count(record, RECORD_FOLDS), FLOWS);
    assert_true(request.done_ns < UINT64_C(2000000000));
    record_free(record);
}

static void only_good_answers_have_a_latency(void **state)
{
    (void)state;
    struct record *record = small();
    for (unsigned outcome = 0; outcome < OUTCOME_COUNT; outcome++)
        record_request_done(
            record, &(struct record_request){
                        .due_ns = 5, .sent_ns = 6, .done_ns = 9, .outcome = (uint8_t)outcome});
    record_finish(record);
    for (unsigned look = 0; look < 2; look++) { /* However often it is asked for. */
        const struct interval *interval = intervals_oldest(&record->streams[0].intervals);
        assert_int_equal(interval->latencies[INTERVAL_FROM_DUE].count, 3);
        assert_int_equal(interval->latencies[INTERVAL_FROM_SENT].count, 3);
        assert_int_equal(interval->latencies[INTERVAL_FROM_SENT].sum_ns, 9);
        assert_int_equal(interval->latencies[INTERVAL_PLAIN].count, 1);
    }
    assert_true(record_sums_hold(record));
    record_count_add(&record->streams[0].counters.due, 1);
    assert_false(record_sums_hold(record));
    record_free(record);
}

static void hosts_are_found_again_and_cleaned(void **state)
{
    (void)state;
    struct record *record = small();
    char longest[80];
    memset(longest, 'x', sizeof(longest));
    assert_int_equal(record_host_id(record, "", 0), 0);
    assert_int_equal(record_host_id(record, "pod-a", 5), 1);
    assert_int_equal(record_host_id(record, "pod-b", 5), 2);
    assert_int_equal(record_host_id(record, "pod-a-not", 5), 1);
    assert_int_equal(record_host_id(record, "p\n\x80", 3), 3);
    assert_int_equal(record_host_id(record, longest, sizeof(longest)), 4);
    assert_int_equal(record_host_id(record, "one too many", 12), 0);
    assert_string_equal(((const struct record_host *)record_at(record, RECORD_HOSTS, 2))->name,
                        "p??");
    assert_int_equal(strlen(record_at(record, RECORD_HOSTS, 3)), RECORD_HOST_BYTES - 1);
    record_free(record);
}

static void connection_ids_name_their_worker(void **state)
{
    (void)state;
    struct record *record = small();
    assert_int_equal(record_new_connection_id(record), 0x03000001);
    record->next_connection = 0xffffff;
    assert_int_equal(record_new_connection_id(record), 0x03000001);
    record_free(record);
}

enum {
    STRESS_RECORDS = 20000
};

static void *write_faults(void *argument)
{
    struct record *record = argument;
    for (uint64_t i = 1; i <= STRESS_RECORDS; i++)
        record_append(record, RECORD_FAULTS,
                      &(struct record_fault){.start_ns = i, .end_ns = ~i, .count = i * i});
    return NULL;
}

/* What is published is whole, whenever the reader looks. */
static void a_reader_sees_whole_records(void **state)
{
    (void)state;
    struct record_config config = {.stream_count = 1, .capacity = {[RECORD_FAULTS] = 1 << 16}};
    struct record *record = record_setup(&config);
    assert_non_null(record);
    pthread_t writer;
    assert_int_equal(pthread_create(&writer, NULL, write_faults, record), 0);
    for (uint64_t seen = 0; seen < STRESS_RECORDS;) {
        uint64_t count = record_count(record, RECORD_FAULTS);
        for (; seen < count; seen++) {
            const struct record_fault *fault = record_at(record, RECORD_FAULTS, seen);
            assert_int_equal(fault->start_ns, seen + 1);
            assert_int_equal(fault->end_ns, ~(seen + 1));
            assert_int_equal(fault->count, (seen + 1) * (seen + 1));
        }
    }
    pthread_join(writer, NULL);
    record_free(record);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(full_log_refuses_and_counts),
        cmocka_unit_test(taken_records_make_room),
        cmocka_unit_test(modes_log_what_they_say),
        cmocka_unit_test(folds_are_published_before_bins),
        cmocka_unit_test(only_good_answers_have_a_latency),
        cmocka_unit_test(hosts_are_found_again_and_cleaned),
        cmocka_unit_test(connection_ids_name_their_worker),
        cmocka_unit_test(a_reader_sees_whole_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
