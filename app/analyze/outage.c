#include "analyze/outage.h"

#include <stdlib.h>

struct bracket outage_onset(const struct record_outage *record, uint64_t largest_rtt_ns)
{
    struct bracket onset = {.from_ns = record->last_good_sent_ns, .to_ns = record->signal_ns};
    if (record->first_unanswered_ns != 0) {
        uint64_t unanswered_ns = record->first_unanswered_ns + largest_rtt_ns;
        if (record->signal_ns == 0 || unanswered_ns < onset.to_ns)
            onset.to_ns = unanswered_ns;
    }
    if (record->last_good_sent_ns == 0)
        onset.from_ns =
            record->first_unanswered_ns != 0 ? record->first_unanswered_ns : onset.to_ns;
    if (onset.from_ns > onset.to_ns)
        onset.from_ns = onset.to_ns;
    return onset;
}

/* It asked for service, and there was none. */
static bool failed(const struct record_connection *connection)
{
    if (connection->end == CONNECTION_UNSENT || connection->end == CONNECTION_UNFINISHED)
        return false;
    return connection->connected_ns == 0 ||
           (connection->received == 0 && connection_end_is_broken(connection->end));
}

/* Failed attempts to connect, by stream, flow and time. */
struct attempts {
    const struct record_connection **failed; /* count of them, borrowed from the logs. */
    size_t count;
};

static int compare_attempt(const struct record_connection *x, uint8_t stream, uint32_t flow,
                           uint64_t opened_ns)
{
    if (x->stream != stream)
        return x->stream < stream ? -1 : 1;
    if (x->flow != flow)
        return x->flow < flow ? -1 : 1;
    return (x->opened_ns > opened_ns) - (x->opened_ns < opened_ns);
}

static int by_attempt(const void *a, const void *b)
{
    const struct record_connection *y = *(const struct record_connection *const *)b;
    return compare_attempt(*(const struct record_connection *const *)a, y->stream, y->flow,
                           y->opened_ns);
}

static bool find_attempts(struct attempts *attempts, const struct logs *logs)
{
    attempts->failed = malloc((logs->connection_count + 1) * sizeof(*attempts->failed));
    if (attempts->failed == NULL)
        return false;
    for (size_t i = 0; i < logs->connection_count; i++)
        if (failed(&logs->connections[i]))
            attempts->failed[attempts->count++] = &logs->connections[i];
    qsort(attempts->failed, attempts->count, sizeof(*attempts->failed), by_attempt);
    return true;
}

/* Failed attempts of the flow that began within the outage move the recovery's earliest time. 0:
 * there was none. */
static uint64_t last_failed_attempt(const struct attempts *attempts,
                                    const struct record_outage *record, uint64_t from_ns,
                                    uint64_t to_ns)
{
    size_t low = 0, high = attempts->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_attempt(attempts->failed[middle], record->stream, record->flow, to_ns) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return 0;
    const struct record_connection *last = attempts->failed[low - 1];
    bool is_of = last->stream == record->stream && last->flow == record->flow;
    return is_of && last->opened_ns >= from_ns ? last->opened_ns : 0;
}

/* Attempts after the request that was answered belong to what follows, also when they overlap. */
static void set_recovery(struct outage *outage, const struct attempts *attempts)
{
    const struct record_outage *record = outage->record;
    outage->open = record->recovered_done_ns == 0;
    if (outage->open)
        return;
    uint64_t to_ns = record->recovered_done_ns;
    if (outage->onset.to_ns > to_ns)
        outage->onset.to_ns = to_ns;
    if (outage->onset.from_ns > to_ns)
        outage->onset.from_ns = to_ns;
    uint64_t from_ns =
        last_failed_attempt(attempts, record, outage->onset.to_ns, record->recovered_sent_ns);
    if (from_ns < outage->onset.to_ns)
        from_ns = outage->onset.to_ns;
    outage->recovery.from_ns = from_ns < to_ns ? from_ns : to_ns;
    outage->recovery.to_ns = to_ns;
}

/* A request by its index, and its flow within the stream. */
struct flow_request {
    uint32_t flow, request;
};

/* Requests of one flow, in order of due, picked out of all. */
struct flow_index {
    const struct logs *logs;
    struct flow_request *order; /* By stream, flow, due. */
};

/* What a radix sort goes by, byte after byte: the last one is the stream. */
enum {
    FLOW_BYTES = 5
};

static unsigned flow_byte(const struct logs *logs, struct flow_request of, unsigned byte)
{
    return byte + 1 < FLOW_BYTES ? of.flow >> 8 * byte & 255 : logs->requests[of.request].stream;
}

/* One pass of it. COUNTS: how many have each value of that byte. */
static void order_by_byte(const struct logs *logs, const struct flow_request *from,
                          struct flow_request *to, unsigned byte, const size_t counts[256])
{
    size_t next[256] = {0};
    for (unsigned i = 1; i < 256; i++)
        next[i] = next[i - 1] + counts[i - 1];
    for (size_t i = 0; i < logs->request_count; i++)
        to[next[flow_byte(logs, from[i], byte)]++] = from[i];
}

/* They are in order of due, and stay so within a flow. */
static bool index_flows(struct flow_index *index, const struct logs *logs)
{
    size_t counts[FLOW_BYTES][256] = {0}, count = logs->request_count;
    struct flow_request *order = malloc((count + 1) * sizeof(*order));
    struct flow_request *spare = malloc((count + 1) * sizeof(*spare));
    index->logs = logs;
    if (order == NULL || spare == NULL || count > UINT32_MAX) {
        free(order);
        free(spare);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        order[i] = (struct flow_request){logs->requests[i].flow, (uint32_t)i};
        for (unsigned byte = 0; byte < FLOW_BYTES; byte++)
            counts[byte][flow_byte(logs, order[i], byte)]++;
    }
    for (unsigned byte = 0; byte < FLOW_BYTES && count > 0; byte++) {
        if (counts[byte][flow_byte(logs, order[0], byte)] == count)
            continue; /* It is the same in all. */
        order_by_byte(logs, order, spare, byte, counts[byte]);
        struct flow_request *last = order;
        order = spare;
        spare = last;
    }
    free(spare);
    index->order = order;
    return true;
}

static const struct record_request *at(const struct flow_index *index, size_t i)
{
    return i < index->logs->request_count ? &index->logs->requests[index->order[i].request] : NULL;
}

static bool is_of(const struct record_request *request, const struct record_outage *record)
{
    return request != NULL && request->stream == record->stream && request->flow == record->flow;
}

/* First request of the outage's flow with due >= DUE_NS. */
static size_t find(const struct flow_index *index, const struct record_outage *record,
                   uint64_t due_ns)
{
    size_t low = 0, high = index->logs->request_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct record_request *request = at(index, middle);
        bool before = request->stream != record->stream ? request->stream < record->stream
                      : request->flow != record->flow   ? request->flow < record->flow
                                                        : request->due_ns < due_ns;
        if (before)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* A blocked slot was decided when it came: between the last good answer and the first one again.
 * Any other request belongs by its sending: a connect stream's are decided in any order. */
static bool is_within(const struct record_outage *record, const struct record_request *request)
{
    uint64_t to_sent_ns = record->recovered_done_ns ? record->recovered_sent_ns : UINT64_MAX;
    uint64_t to_done_ns = record->recovered_done_ns ? record->recovered_done_ns : UINT64_MAX;
    if (request->outcome == OUTCOME_BLOCKED)
        return request->done_ns >= record->last_good_done_ns && request->done_ns < to_done_ns;
    uint64_t sent_ns = request->sent_ns ? request->sent_ns : request->due_ns;
    return sent_ns >= record->last_good_sent_ns && sent_ns < to_sent_ns;
}

/* How far before its sending, or its decision when blocked, a request may have been due. */
#define COUNT_LAG_NS UINT64_C(1000000000)

static uint32_t count_lost(const struct record_outage *record, const struct flow_index *index,
                           uint32_t opens)
{
    uint64_t end_ns = record->recovered_done_ns ? record->recovered_done_ns : UINT64_MAX;
    uint64_t from_ns = record->last_good_sent_ns;
    uint32_t lost = 0;
    size_t i = find(index, record, from_ns > COUNT_LAG_NS ? from_ns - COUNT_LAG_NS : 0);
    for (; is_of(at(index, i), record) && at(index, i)->due_ns <= end_ns; i++)
        if (opens >> at(index, i)->outcome & 1)
            lost += is_within(record, at(index, i));
    return lost;
}

static uint32_t default_opens(void)
{
    uint32_t opens = 0;
    for (unsigned i = 0; i < OUTCOME_COUNT; i++)
        opens |= (uint32_t)outcome_is_loss(i) << i;
    return opens;
}

/* Place in INDEX of the request whose answer ended the outage, or of the next one of the flow. */
static size_t find_recovered(const struct flow_index *index, const struct record_outage *record)
{
    size_t after = find(index, record, record->recovered_sent_ns + 1);
    for (size_t i = after; i > 0 && is_of(at(index, i - 1), record); i--) {
        const struct record_request *request = at(index, i - 1);
        if (request->sent_ns == record->recovered_sent_ns &&
            request->done_ns == record->recovered_done_ns)
            return i - 1;
        if (request->sent_ns != 0 && request->sent_ns < record->recovered_sent_ns)
            break;
    }
    return after;
}

/* Folds by stream, flow and first due; `ends_ns` of each is the latest due up to it in its flow. */
struct fold_index {
    const struct record_fold **folds;
    uint64_t *ends_ns;
    size_t count;
};

static int fold_order(const void *a, const void *b)
{
    const struct record_fold *x = *(const struct record_fold *const *)a;
    const struct record_fold *y = *(const struct record_fold *const *)b;
    if (x->stream != y->stream)
        return x->stream < y->stream ? -1 : 1;
    if (x->flow != y->flow)
        return x->flow < y->flow ? -1 : 1;
    return (x->first_ns > y->first_ns) - (x->first_ns < y->first_ns);
}

static bool index_folds(struct fold_index *index, const struct logs *logs)
{
    index->count = logs->fold_count;
    index->folds = malloc((logs->fold_count + 1) * sizeof(*index->folds));
    index->ends_ns = malloc((logs->fold_count + 1) * sizeof(*index->ends_ns));
    if (index->folds == NULL || index->ends_ns == NULL)
        return false;
    for (size_t i = 0; i < logs->fold_count; i++)
        index->folds[i] = &logs->folds[i];
    qsort(index->folds, index->count, sizeof(*index->folds), fold_order);
    for (size_t i = 0; i < index->count; i++) {
        const struct record_fold *fold = index->folds[i];
        uint64_t end_ns = fold->first_ns + (fold->count - 1) * fold->step_ns;
        bool same = i > 0 && index->folds[i - 1]->stream == fold->stream &&
                    index->folds[i - 1]->flow == fold->flow;
        index->ends_ns[i] = same && index->ends_ns[i - 1] > end_ns ? index->ends_ns[i - 1] : end_ns;
    }
    return true;
}

static void free_folds(struct fold_index *index)
{
    free(index->folds);
    free(index->ends_ns);
}

static bool fold_is_of(const struct record_fold *fold, const struct record_outage *record)
{
    return fold->stream == record->stream && fold->flow == record->flow;
}

/* The first fold of the outage's flow from which on something is due at or after DUE_NS. */
static size_t find_fold(const struct fold_index *index, const struct record_outage *record,
                        uint64_t due_ns)
{
    size_t low = 0, high = index->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct record_fold *fold = index->folds[middle];
        bool before = fold->stream != record->stream ? fold->stream < record->stream
                      : fold->flow != record->flow   ? fold->flow < record->flow
                                                     : index->ends_ns[middle] < due_ns;
        if (before)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Due of FOLD's first member at or after FROM_NS; UINT64_MAX when there is none. */
static uint64_t member_from(const struct record_fold *fold, uint64_t from_ns)
{
    uint64_t k = 0;
    if (from_ns > fold->first_ns)
        k = fold->step_ns ? (from_ns - fold->first_ns + fold->step_ns - 1) / fold->step_ns
                          : fold->count;
    return k < fold->count ? fold->first_ns + k * fold->step_ns : UINT64_MAX;
}

/* Due of the flow's first lost request after AFTER_NS. A slot that was blocked before the recovery
 * belongs to the outage. */
static uint64_t find_relapse(const struct fold_index *index, const struct record_outage *record,
                             uint32_t opens, uint64_t after_ns)
{
    uint64_t relapse_ns = UINT64_MAX;
    for (size_t i = find_fold(index, record, after_ns + 1);
         i < index->count && fold_is_of(index->folds[i], record) &&
         index->folds[i]->first_ns < relapse_ns;
         i++) {
        const struct record_fold *fold = index->folds[i];
        if (!(opens >> fold->outcome & 1))
            continue;
        uint64_t from_ns = after_ns + 1;
        if (fold->outcome == OUTCOME_BLOCKED && from_ns < record->recovered_done_ns)
            from_ns = record->recovered_done_ns;
        uint64_t due_ns = member_from(fold, from_ns);
        if (due_ns < relapse_ns)
            relapse_ns = due_ns;
    }
    return relapse_ns;
}

/* Without a record of each, a request is in the outage by its due time. */
static uint32_t count_folded(const struct record_outage *record, const struct fold_index *index,
                             uint32_t opens)
{
    uint64_t end_ns = record->recovered_done_ns ? record->recovered_sent_ns : UINT64_MAX;
    uint32_t lost = 0;
    for (size_t i = find_fold(index, record, record->last_good_sent_ns);
         i < index->count && fold_is_of(index->folds[i], record) &&
         index->folds[i]->first_ns < end_ns;
         i++) {
        const struct record_fold *fold = index->folds[i];
        for (uint32_t k = 0; k < fold->count && (opens >> fold->outcome & 1); k++) {
            uint64_t due_ns = fold->first_ns + k * fold->step_ns;
            lost += due_ns >= record->last_good_sent_ns && due_ns < end_ns;
        }
    }
    return lost;
}

static void validate_recovery(struct outage *outage, const struct flow_index *index,
                              const struct fold_index *folds, uint32_t opens, uint32_t validate)
{
    const struct record_outage *record = outage->record;
    outage->validated_ns = UINT64_MAX;
    if (outage->open)
        return;
    uint32_t in_a_row = 0;
    uint64_t last_ns = record->recovered_done_ns;
    size_t first = find_recovered(index, record);
    uint64_t after_ns = record->recovered_sent_ns;
    if (is_of(at(index, first), record) && at(index, first)->due_ns <= after_ns)
        after_ns = at(index, first)->due_ns;
    outage->relapse_ns = find_relapse(folds, record, opens, after_ns);
    for (size_t i = first; is_of(at(index, i), record); i++) {
        const struct record_request *request = at(index, i);
        if (request->due_ns >= outage->relapse_ns)
            return;
        if (!outcome_is_good(request->outcome) || (opens >> request->outcome & 1))
            continue;
        last_ns = request->done_ns > last_ns ? request->done_ns : last_ns;
        if (++in_a_row == validate) {
            outage->validated_ns = last_ns;
            outage->relapse_ns = 0;
            return;
        }
    }
}

/* The longest that an answer has taken on each stream, where nothing was sent again and it was not
 * late: those are incidents of their own. */
static void find_largest_rtts(const struct logs *logs, uint64_t largest_ns[RECORD_STREAMS])
{
    for (size_t i = 0; i < logs->request_count; i++) {
        const struct record_request *request = &logs->requests[i];
        if (request->outcome != OUTCOME_OK || request->done_ns < request->sent_ns)
            continue;
        uint64_t rtt_ns = request->done_ns - request->sent_ns;
        if (rtt_ns > largest_ns[request->stream])
            largest_ns[request->stream] = rtt_ns;
    }
    for (size_t i = 0; i < logs->interval_count; i++) {
        const struct log_interval *head = &logs->intervals[i].head;
        if (head->kind == INTERVAL_PLAIN && head->max_ns > largest_ns[head->stream])
            largest_ns[head->stream] = head->max_ns;
    }
    for (size_t i = 0; i < logs->outage_count; i++)
        if (logs->outages[i].largest_rtt_ns > largest_ns[logs->outages[i].stream])
            largest_ns[logs->outages[i].stream] = logs->outages[i].largest_rtt_ns;
}

struct outage *outages_make(const struct logs *logs, uint32_t opens, uint32_t validate)
{
    struct flow_index index = {0};
    struct fold_index folds = {0};
    struct attempts attempts = {0};
    struct outage *outages = calloc(logs->outage_count + 1, sizeof(*outages));
    if (outages == NULL || !index_flows(&index, logs) || !index_folds(&folds, logs) ||
        !find_attempts(&attempts, logs)) {
        free(index.order);
        free(attempts.failed);
        free_folds(&folds);
        free(outages);
        return NULL;
    }
    uint64_t largest_rtt_ns[RECORD_STREAMS] = {0};
    find_largest_rtts(logs, largest_rtt_ns);
    bool counted = opens == default_opens();
    for (size_t i = 0; i < logs->outage_count; i++) {
        const struct record_outage *record = &logs->outages[i];
        outages[i].record = record;
        outages[i].onset = outage_onset(record, largest_rtt_ns[record->stream]);
        set_recovery(&outages[i], &attempts);
        outages[i].lost = counted                            ? record->lost
                          : logs_whole(logs, record->stream) ? count_lost(record, &index, opens)
                                                             : count_folded(record, &folds, opens);
        validate_recovery(&outages[i], &index, &folds, opens, validate);
    }
    free(index.order);
    free(attempts.failed);
    free_folds(&folds);
    return outages;
}
