/* What a worker recorded comes back from its log, in order; a damaged log gives what is whole. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/random.h"
#include "base/text.h"
#include "record/http_reason.h"
#include "rundir/log_reader.h"
#include "rundir/log_share.h"
#include "rundir/log_writer.h"
#include "tests/unit/rundir/scratch.h"

static struct record *worker(uint32_t index)
{
    struct record *record =
        record_setup(&(struct record_config){.worker = index, .stream_count = 2});
    assert_non_null(record);
    return record;
}

static void add_request(struct record *record, uint64_t due_ns, uint16_t host)
{
    record_request_done(
        record, &(struct record_request){.due_ns = due_ns, .stream = 1, .flow = 7, .host = host});
}

static void write_log(const char *folder, uint32_t index, struct record *record)
{
    record_finish(record);
    struct log_writer writer;
    struct error err = {0};
    assert_int_equal(log_writer_open(&writer, folder, index, &err), 0);
    assert_int_equal(log_writer_flush(&writer, record, &err), 0);
    assert_int_equal(log_writer_close(&writer, &err), 0);
}

static void two_workers_become_one_account(void **state)
{
    struct record *a = worker(0), *b = worker(1);
    add_request(a, 300, record_host_id(a, "pod-x", 5));
    add_request(a, 100, record_host_id(a, "pod-y", 5));
    add_request(b, 200, record_host_id(b, "pod-y", 5));
    add_request(b, 400, record_host_id(b, "pod-z", 5));
    add_request(b, 500, 0);
    write_log(*state, 0, a);
    write_log(*state, 1, b);
    struct logs logs;
    struct error err = {0};
    assert_int_equal(logs_read(&logs, *state, &err), 0);
    static const char *const hosts[] = {"pod-y", "pod-y", "pod-x", "pod-z", "?"};
    assert_int_equal(logs.request_count, 5);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(logs.requests[i].due_ns, 100 * (i + 1));
        assert_string_equal(logs_host(&logs, logs.requests[i].host), hosts[i]);
    }
    assert_int_equal(logs.host_count, 3);
    assert_int_equal(logs.files, 2);
    assert_int_equal(logs.damaged_bytes, 0);
    logs_free(&logs);
    record_free(a);
    record_free(b);
}

/* Blocks are bounded, and a flush goes on where the last one ended. */
static void many_records_over_many_flushes(void **state)
{
    struct record *record = worker(0);
    struct log_writer writer;
    struct error err = {0};
    assert_int_equal(log_writer_open(&writer, *state, 0, &err), 0);
    for (unsigned i = 0; i < 3 * LOG_BLOCK_RECORDS + 5; i++) {
        add_request(record, i, 0);
        if (i % 3000 == 0)
            assert_int_equal(log_writer_flush(&writer, record, &err), 0);
    }
    assert_int_equal(log_writer_flush(&writer, record, &err), 0);
    assert_int_equal(log_writer_close(&writer, &err), 0);
    struct logs logs;
    assert_int_equal(logs_read(&logs, *state, &err), 0);
    assert_int_equal(logs.request_count, 3 * LOG_BLOCK_RECORDS + 5);
    for (size_t i = 0; i < logs.request_count; i++)
        assert_int_equal(logs.requests[i].due_ns, i);
    logs_free(&logs);
    record_free(record);
}

/* What a killed run had not published of bins, and of folds, comes from the requests. */
static void a_killed_run_has_its_failures(void **state)
{
    for (unsigned i = 0; i < 2; i++) {
        struct record *record = worker(0);
        struct log_writer writer;
        struct logs logs;
        struct error err = {0};
        const struct record_request stalled = {
            .due_ns = 5000 + 1000 * i, .stream = 1, .outcome = OUTCOME_STALLED};
        const struct record_dues bins = {.first_us = 5, .stream = 1, .used = 1};
        record_append(record, RECORD_REQUESTS, &stalled);
        if (i == 0)
            record_append(record, RECORD_DUES, &bins);
        assert_int_equal(log_writer_open(&writer, *state, i, &err), 0);
        assert_int_equal(log_writer_flush(&writer, record, &err), 0);
        assert_int_equal(log_writer_close(&writer, &err), 0);
        assert_int_equal(logs_read(&logs, *state, &err), 0);
        assert_true(logs_whole(&logs, 1));
        assert_int_equal(logs.bins[1].due, i + 1);
        assert_int_equal(logs.fold_count, i + 1);
        assert_int_equal(logs.folds[i].outcome, OUTCOME_STALLED);
        logs_free(&logs);
        record_free(record);
    }
}

/* Numbers that index tables later are refused with their block, whoever wrote it. */
static void numbers_out_of_range_are_damage(void **state)
{
    const struct record_request requests[] = {
        {.stream = 1, .outcome = OUTCOME_BAD_ANSWER, .reason = HTTP_REASON_COUNT},
        {.stream = 1, .outcome = OUTCOME_UNSENT, .reason = UNSENT_COUNT},
        {.stream = RECORD_STREAMS},
        {.stream = 1, .outcome = OUTCOME_COUNT},
        {.stream = 1, .due_ns = UINT64_MAX},
    };
    const struct record_segment segment = {.stream = RECORD_STREAMS};
    for (unsigned i = 0; i <= sizeof(requests) / sizeof(requests[0]); i++) {
        bool last = i == sizeof(requests) / sizeof(requests[0]);
        struct record *record = worker(0);
        struct error err = {0};
        struct logs logs;
        if (last)
            record_append(record, RECORD_SEGMENTS, &segment);
        else
            record_append(record, RECORD_REQUESTS, &requests[i]);
        write_log(*state, 0, record);
        record_free(record);
        assert_int_equal(logs_read(&logs, *state, &err), 0);
        assert_true(logs.damaged_bytes > 0);
        assert_int_equal(logs.request_count + logs.segment_count, 0);
        logs_free(&logs);
        char path[256];
        snprintf(path, sizeof(path), "%s/worker-0.log", (const char *)*state);
        assert_int_equal(remove(path), 0);
    }
}

static void make_bytes(const char *folder, struct text *bytes)
{
    struct record *record = worker(0);
    for (unsigned i = 0; i < 20; i++)
        add_request(record, i, record_host_id(record, "pod", 3));
    record_append(record, RECORD_FAULTS, &(struct record_fault){.kind = FAULT_STALL});
    record_append(record, RECORD_OUTAGES, &(struct record_outage){.lost = 3});
    write_log(folder, 0, record);
    record_free(record);
    char path[256];
    snprintf(path, sizeof(path), "%s/worker-0.log", folder);
    assert_int_equal(text_read_file(bytes, path, 1 << 20), 0);
}

/* SIZE bytes end where a block does. */
static bool ends_whole(const struct text *bytes, size_t size)
{
    size_t at = sizeof(struct log_header);
    while (at < size) {
        struct log_block block;
        memcpy(&block, bytes->data + at, sizeof(block));
        at += sizeof(block) + block.bytes;
    }
    return at == size;
}

/* Cut anywhere: either refused for want of a header, or all whole blocks and the rest is told. */
static void a_cut_log_gives_its_whole_blocks(void **state)
{
    struct text bytes = {0};
    make_bytes(*state, &bytes);
    for (size_t size = 0; size <= bytes.size; size++) {
        struct logs logs = {0};
        struct error err = {0};
        int result = logs_parse(&logs, bytes.data, size, &err);
        if (size < sizeof(struct log_header)) {
            assert_int_equal(result, -EINVAL);
            continue;
        }
        assert_int_equal(result, 0);
        assert_true(logs.request_count == 0 || logs.request_count == 20);
        assert_int_equal(logs.damaged_bytes == 0, ends_whole(&bytes, size));
        assert_int_equal(logs.answers_count == 1 && logs.fault_count == 1, size == bytes.size);
        logs_free(&logs);
    }
    text_free(&bytes);
}

/* A flipped bit never goes unnoticed, and never crashes. */
static void a_flipped_bit_is_noticed(void **state)
{
    struct text bytes = {0};
    make_bytes(*state, &bytes);
    for (size_t bit = sizeof(struct log_header) * 8; bit < bytes.size * 8; bit += 3) {
        struct logs logs = {0};
        struct error err = {0};
        bytes.data[bit / 8] ^= (char)(1 << bit % 8);
        assert_int_equal(logs_parse(&logs, bytes.data, bytes.size, &err), 0);
        assert_true(logs.damaged_bytes > 0);
        logs_free(&logs);
        bytes.data[bit / 8] ^= (char)(1 << bit % 8);
    }
    text_free(&bytes);
}

static void foreign_files_are_refused(void **state)
{
    (void)state;
    static const char text[64] = "this is a text file and certainly no log of any kind at all..";
    struct logs logs = {0};
    struct error err = {0};
    assert_int_equal(logs_parse(&logs, text, sizeof(text), &err), -EINVAL);
    assert_non_null(strstr(err.text, "no log"));
    err = (struct error){0};
    assert_int_equal(logs_parse(&logs,
                                "SEAMLOG1"
                                "\4\3\2\1....................",
                                32, &err),
                     -EINVAL);
    assert_non_null(strstr(err.text, "written by another version (its format is not SEAMLOG2)"));
}

static void an_empty_folder_is_told(void **state)
{
    struct logs logs;
    struct error err = {0};
    assert_int_equal(logs_read(&logs, *state, &err), -ENOENT);
    assert_non_null(strstr(err.text, "worker-N.log"));
}

/* A name is a name: nothing in it is a pattern. */
static void a_folder_may_be_called_anything(void **state)
{
    char folder[300];
    struct record *record = worker(0);
    struct logs logs;
    struct error err = {0};
    snprintf(folder, sizeof(folder), "%s/run [1]*?\\", (char *)*state);
    assert_int_equal(mkdir(folder, 0777), 0);
    add_request(record, 300, 0);
    write_log(folder, 0, record);
    assert_int_equal(logs_read(&logs, folder, &err), 0);
    assert_int_equal(logs.request_count, 1);
    logs_free(&logs);
    record_free(record);
}

/* What cannot be written is named, not what was read. */
static void a_share_that_cannot_be_written_names_its_place(void **state)
{
    char missing[300];
    struct record *record = worker(0);
    struct log_share share = {.first_worker = 7};
    struct error err = {0};
    snprintf(missing, sizeof(missing), "%s/none", (char *)*state);
    add_request(record, 300, 0);
    write_log(*state, 0, record);
    assert_int_equal(log_share_copy(*state, 0, &share, missing, &err), -ENOENT);
    assert_non_null(strstr(err.text, "/none/worker-7.log: "));
    assert_int_equal(log_share_copy(*state, 0, &share, *state, &err), 0);
    assert_int_equal(log_share_copy(*state, 0, &share, *state, &err), -EEXIST);
    record_free(record);
}

/* /dev/full stands for a full disk: said once, with a place, and later flushes keep quiet. */
static void a_full_disk_is_said_once(void **state)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/worker-0.log", (char *)*state);
    struct record *record = worker(0);
    struct log_writer writer;
    struct error err = {0};
    assert_int_equal(log_writer_open(&writer, *state, 0, &err), 0);
    FILE *full = fopen("/dev/full", "w");
    assert_non_null(full);
    assert_true(dup2(fileno(full), writer.fd) >= 0);
    fclose(full);
    add_request(record, 1, 0);
    assert_int_equal(log_writer_flush(&writer, record, &err), -ENOSPC);
    assert_non_null(strstr(err.text, path));
    err.text[0] = '\0';
    assert_int_equal(log_writer_flush(&writer, record, &err), -ENOSPC);
    assert_string_equal(err.text, "");
    assert_int_equal(log_writer_close(&writer, &err), -ENOSPC);
    record_free(record);
}

/* The worker goes on behind a disk that is full: what its logs cannot hold is counted. */
static void behind_a_full_disk_refusals_are_counted(void **state)
{
    struct record_config config = {.stream_count = 2, .capacity[RECORD_REQUESTS] = 100};
    struct record *record = record_setup(&config);
    struct log_writer writer;
    struct error err = {0};
    assert_non_null(record);
    assert_int_equal(log_writer_open(&writer, *state, 0, &err), 0);
    for (unsigned i = 0; i < 250; i++) {
        add_request(record, i, 0);
        if (i % 50 == 49)
            assert_int_equal(log_writer_flush(&writer, record, &err), 0);
    }
    assert_int_equal(record_count_read(&record->logs[RECORD_REQUESTS].refused), 0);
    FILE *full = fopen("/dev/full", "w");
    assert_non_null(full);
    assert_true(dup2(fileno(full), writer.fd) >= 0);
    fclose(full);
    for (unsigned i = 250; i < 500; i++) {
        add_request(record, i, 0);
        if (i % 50 == 49)
            assert_int_equal(log_writer_flush(&writer, record, &err), -ENOSPC);
    }
    assert_int_equal(record_count_read(&record->logs[RECORD_REQUESTS].refused), 150);
    assert_int_equal(record_count_read(&record->streams[1].counters.due), 500);
    assert_true(record_sums_hold(record));
    log_writer_close(&writer, &err);
    record_free(record);
}

int main(void)
{
#define IN_SCRATCH(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        IN_SCRATCH(two_workers_become_one_account),
        IN_SCRATCH(many_records_over_many_flushes),
        IN_SCRATCH(a_killed_run_has_its_failures),
        IN_SCRATCH(numbers_out_of_range_are_damage),
        IN_SCRATCH(a_cut_log_gives_its_whole_blocks),
        IN_SCRATCH(a_flipped_bit_is_noticed),
        cmocka_unit_test(foreign_files_are_refused),
        IN_SCRATCH(an_empty_folder_is_told),
        IN_SCRATCH(a_folder_may_be_called_anything),
        IN_SCRATCH(a_share_that_cannot_be_written_names_its_place),
        IN_SCRATCH(a_full_disk_is_said_once),
        IN_SCRATCH(behind_a_full_disk_refusals_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
