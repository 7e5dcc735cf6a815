#include "analyze/evidence_index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int compare(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int by_id(const void *a, const void *b)
{
    const struct record_connection *x = *(const struct record_connection *const *)a;
    const struct record_connection *y = *(const struct record_connection *const *)b;
    int order = compare(x->id, y->id);
    return order ? order : compare(x->opened_ns, y->opened_ns);
}

static int by_tuple(const void *a, const void *b)
{
    const struct record_connection *x = *(const struct record_connection *const *)a;
    const struct record_connection *y = *(const struct record_connection *const *)b;
    int order = memcmp(&x->tuple, &y->tuple, sizeof(x->tuple));
    return order ? order : compare(x->opened_ns, y->opened_ns);
}

/* ---- making it ---- */

static bool is_lost(const struct record_request *request, uint32_t opens)
{
    return (opens >> request->outcome & 1) != 0 && request->sent_ns != 0;
}

/* Its pod; 0: nobody's, or nobody that has a name. */
static size_t host_of(const struct logs *logs, const struct record_request *request)
{
    bool good = outcome_is_good((enum outcome)request->outcome);
    return good && request->host <= logs->host_count ? request->host : 0;
}

static int add_lost(struct evidence_index *index, uint32_t opens)
{
    const struct logs *logs = index->logs;
    size_t count = 0;
    uint64_t over_ns = 0;
    for (size_t i = 0; i < logs->request_count; i++)
        count += is_lost(&logs->requests[i], opens);
    index->lost = malloc((count + 1) * sizeof(*index->lost));
    index->over_ns = malloc((count + 1) * sizeof(*index->over_ns));
    if (index->lost == NULL || index->over_ns == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < logs->request_count; i++) {
        const struct record_request *request = &logs->requests[i];
        if (!is_lost(request, opens))
            continue;
        over_ns = request->done_ns > over_ns ? request->done_ns : over_ns;
        index->over_ns[index->lost_count] = over_ns;
        index->lost[index->lost_count++] = request;
    }
    return 0;
}

static uint32_t flow_count(const struct logs *logs)
{
    uint32_t most = 0;
    for (size_t i = 0; i < logs->request_count; i++)
        if (logs->requests[i].flow > most && logs->requests[i].flow < logs->request_count)
            most = logs->requests[i].flow;
    return most + 1;
}

/* Who answered on a flow, in order of due, up to each lost request. */
static int add_met(struct evidence_index *index)
{
    const struct logs *logs = index->logs;
    uint32_t flows = flow_count(logs);
    uint16_t *last = calloc((size_t)flows * RECORD_STREAMS, sizeof(*last));
    size_t lost = 0;
    index->met = calloc(index->lost_count + 1, sizeof(*index->met));
    if (index->met == NULL || last == NULL) {
        free(last);
        return -ENOMEM;
    }
    for (size_t i = 0; i < logs->request_count; i++) {
        const struct record_request *request = &logs->requests[i];
        uint16_t *met = request->flow < flows && request->stream < RECORD_STREAMS
                            ? &last[(size_t)request->stream * flows + request->flow]
                            : NULL;
        size_t host = host_of(logs, request);
        if (lost < index->lost_count && index->lost[lost] == request)
            index->met[lost++] = met != NULL ? *met : 0;
        if (host != 0 && met != NULL)
            *met = (uint16_t)host;
    }
    free(last);
    return 0;
}

/* They are counted first: where a host's begin is known then. */
static int add_good(struct evidence_index *index)
{
    const struct logs *logs = index->logs;
    size_t *first = calloc(logs->host_count + 2, sizeof(*first)), count = 0;
    index->first_of_host = first;
    if (first == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < logs->request_count; i++) {
        const struct record_request *request = &logs->requests[i];
        size_t host = host_of(logs, request);
        first[host] += host != 0;
        if (request->sent_ns > request->due_ns + index->lag_ns)
            index->lag_ns = request->sent_ns - request->due_ns;
    }
    for (size_t host = 0; host <= logs->host_count; host++)
        count += first[host];
    index->good = malloc((count + 1) * sizeof(*index->good));
    if (index->good == NULL)
        return -ENOMEM;
    first[logs->host_count + 1] = count;
    for (size_t host = logs->host_count + 1; host-- > 0;)
        first[host] = first[host + 1] - first[host];
    for (size_t i = 0; i < logs->request_count; i++) {
        size_t host = host_of(logs, &logs->requests[i]);
        if (host != 0)
            index->good[first[host]++] = &logs->requests[i];
    }
    memmove(first + 1, first, (logs->host_count + 1) * sizeof(*first));
    return 0;
}

static const struct record_connection **list(const struct logs *logs,
                                             int (*order)(const void *, const void *))
{
    const struct record_connection **all = malloc((logs->connection_count + 1) * sizeof(*all));
    for (size_t i = 0; all != NULL && i < logs->connection_count; i++)
        all[i] = &logs->connections[i];
    if (all != NULL)
        qsort(all, logs->connection_count, sizeof(*all), order);
    return all;
}

int evidence_index_make(struct evidence_index *index, const struct logs *logs, uint32_t opens)
{
    *index = (struct evidence_index){.logs = logs};
    index->by_id = list(logs, by_id);
    index->by_tuple = list(logs, by_tuple);
    int code = index->by_id == NULL || index->by_tuple == NULL ? -ENOMEM : 0;
    if (code == 0)
        code = add_lost(index, opens);
    if (code == 0)
        code = add_met(index);
    if (code == 0)
        code = add_good(index);
    if (code < 0)
        evidence_index_free(index);
    return code;
}

void evidence_index_free(struct evidence_index *index)
{
    free(index->lost);
    free(index->over_ns);
    free(index->met);
    free(index->good);
    free(index->first_of_host);
    free(index->by_id);
    free(index->by_tuple);
    memset(index, 0, sizeof(*index));
}

/* ---- asking ---- */

size_t evidence_index_lost_since(const struct evidence_index *index, uint64_t at_ns)
{
    size_t low = 0, high = index->lost_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (index->over_ns[middle] < at_ns)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct record_request *const *evidence_index_good(const struct evidence_index *index,
                                                        size_t host, size_t *count)
{
    *count = index->first_of_host[host + 1] - index->first_of_host[host];
    return index->good + index->first_of_host[host];
}

size_t evidence_index_sent_before(const struct evidence_index *index,
                                  const struct record_request *const *good, size_t count,
                                  uint64_t at_ns)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (good[middle]->due_ns + index->lag_ns < at_ns)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint64_t evidence_index_last_sent(const struct evidence_index *index,
                                  const struct record_request *const *good, size_t count)
{
    uint64_t last_ns = 0;
    for (size_t i = count; i > 0 && good[i - 1]->due_ns + index->lag_ns >= last_ns; i--)
        last_ns = good[i - 1]->sent_ns > last_ns ? good[i - 1]->sent_ns : last_ns;
    return last_ns;
}

/* The first in COUNT connections that is not before KEY. */
static size_t find(const struct record_connection *const *list, size_t count,
                   const struct record_connection *key, int (*order)(const void *, const void *))
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (order(&list[middle], &key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct record_connection *evidence_index_connection(const struct evidence_index *index,
                                                          uint32_t id)
{
    size_t count = index->logs->connection_count;
    const struct record_connection key = {.id = id};
    size_t at = find(index->by_id, count, &key, by_id);
    return at < count && index->by_id[at]->id == id ? index->by_id[at] : NULL;
}

const struct record_connection *evidence_index_before(const struct evidence_index *index,
                                                      const struct record_connection *connection,
                                                      uint64_t within_ns)
{
    size_t at = find(index->by_tuple, index->logs->connection_count, connection, by_tuple);
    const struct record_connection *before = at > 0 ? index->by_tuple[at - 1] : NULL;
    bool same =
        before != NULL && memcmp(&before->tuple, &connection->tuple, sizeof(before->tuple)) == 0;
    return same && before->ended_ns + within_ns >= connection->opened_ns ? before : NULL;
}
