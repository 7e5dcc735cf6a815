/* fuzz: deps rundir */
/* A log of whatever bytes becomes one of a run of several appliances, as by `seamline merge`: of
 * the copy a reader has the same records, each moved, and the same bytes are damaged. */
#include <stdlib.h>
#include <string.h>

#include "rundir/log_reader.h"
#include "rundir/log_share.h"
#include "tests/fuzz/log_blocks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SHIFT_NS UINT64_C(3600000007000)

static void require(bool holds)
{
    if (!holds)
        abort();
}

static uint64_t moved(uint64_t stamp_ns)
{
    return stamp_ns == 0 ? 0 : stamp_ns + SHIFT_NS;
}

/* What is moved beyond the end of time is damage. */
static bool stays_in_time(const struct logs *logs)
{
    const uint64_t end_us = DUES_US_MAX - SHIFT_NS / 1000 - 1;
    bool stays = true;
    for (size_t i = 0; i < logs->request_count; i++)
        stays = stays && logs->requests[i].due_ns / 1000 < end_us;
    for (size_t i = 0; i < logs->fold_count; i++)
        stays = stays && logs->folds[i].first_ns / 1000 < end_us;
    for (size_t i = 0; i < logs->interval_count; i++)
        stays = stays && logs->intervals[i].head.to_ns / 1000 < end_us;
    for (unsigned i = 0; i < RECORD_STREAMS; i++)
        stays = stays && due_bins_last_us(&logs->bins[i]) < end_us;
    return stays;
}

static void compare_requests(const struct logs *one, const struct logs *two,
                             const struct log_share *share)
{
    require(one->request_count == two->request_count);
    for (size_t i = 0; i < one->request_count; i++) {
        const struct record_request *x = &one->requests[i], *y = &two->requests[i];
        require(y->due_ns == moved(x->due_ns) && y->sent_ns == moved(x->sent_ns));
        require(y->first_byte_ns == moved(x->first_byte_ns) && y->done_ns == moved(x->done_ns));
        require(y->flow == x->flow + share->first_flow[x->stream]);
        require((y->connection & 0xffffff) == (x->connection & 0xffffff));
        require(y->stream == x->stream && y->outcome == x->outcome && y->host == x->host);
    }
}

static void compare(const struct logs *one, const struct logs *two, const struct log_share *share)
{
    require(one->damaged_bytes == two->damaged_bytes);
    compare_requests(one, two, share);
    require(one->connection_count == two->connection_count);
    for (size_t i = 0; i < one->connection_count; i++)
        require(two->connections[i].secured_ns == moved(one->connections[i].secured_ns));
    require(one->outage_count == two->outage_count);
    for (size_t i = 0; i < one->outage_count; i++)
        require(two->outages[i].recovered_done_ns == moved(one->outages[i].recovered_done_ns));
    require(one->segment_count == two->segment_count && one->fault_count == two->fault_count);
    require(one->fold_count == two->fold_count && one->interval_count == two->interval_count);
    require(one->host_count == two->host_count && one->answers_count == two->answers_count);
    require(one->host_count == 0 ||
            memcmp(one->hosts, two->hosts, one->host_count * sizeof(*one->hosts)) == 0);
    for (unsigned i = 0; i < RECORD_STREAMS; i++)
        require(one->bins[i].due == two->bins[i].due);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct log_share share = {.shift_ns = SHIFT_NS, .first_worker = 3};
    struct logs one = {0}, two = {0};
    struct error err = {0};
    uint8_t *bytes = malloc(size + 1);
    for (unsigned i = 0; i < RECORD_STREAMS; i++)
        share.first_flow[i] = 100 * i + 7;
    if (bytes == NULL)
        return 0;
    if (size > 0)
        memcpy(bytes, data, size);
    log_blocks_mend(bytes, size);
    bool is_log = logs_parse(&one, bytes, size, &err) == 0;
    require(is_log == (log_share_move(bytes, size, &share, &err) == 0));
    require(is_log || err.text[0] != '\0');
    for (unsigned i = 0; i < RECORD_STREAMS; i++)
        due_bins_sort(&one.bins[i]);
    if (is_log && stays_in_time(&one)) {
        require(logs_parse(&two, bytes, size, &err) == 0);
        compare(&one, &two, &share);
    }
    logs_free(&one);
    logs_free(&two);
    free(bytes);
    return 0;
}
