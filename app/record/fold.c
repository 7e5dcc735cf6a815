#include "record/fold.h"

#include "record/record.h"

static bool is_alike(const struct record_fold *fold, const struct record_request *request)
{
    return fold->flow == request->flow && fold->stream == request->stream &&
           fold->outcome == request->outcome && fold->reason == request->reason &&
           fold->host == request->host && (fold->connection == 0) == (request->connection == 0) &&
           fold->count < FOLD_MEMBERS_MAX;
}

static uint64_t next_due_ns(const struct record_fold *fold)
{
    return fold->first_ns + fold->count * fold->step_ns;
}

/* Where a run goes on is settled by its second member, and held to by the others. */
static bool goes_on(const struct record_fold *fold, const struct record_request *request)
{
    if (!is_alike(fold, request) || request->due_ns < fold->first_ns)
        return false;
    uint64_t due_ns = next_due_ns(fold);
    return fold->count == 1 ||
           (request->due_ns + FOLD_SLACK_NS >= due_ns && request->due_ns <= due_ns + FOLD_SLACK_NS);
}

static struct record_fold begin(const struct record_request *request)
{
    return (struct record_fold){.first_ns = request->due_ns,
                                .count = 1,
                                .flow = request->flow,
                                .connection = request->connection,
                                .host = request->host,
                                .stream = request->stream,
                                .outcome = request->outcome,
                                .reason = request->reason,
                                .sent = request->sent_ns != 0};
}

static void join(struct record_fold *fold, const struct record_request *request)
{
    if (fold->count == 1)
        fold->step_ns = request->due_ns - fold->first_ns;
    fold->count++;
    fold->sent += request->sent_ns != 0;
    if (fold->connection != request->connection)
        fold->connection = FOLD_SEVERAL;
}

bool folds_add(struct folds *folds, const struct record_request *request, struct record_fold *ended,
               struct fold_place *place)
{
    uint32_t slot = (request->flow + request->stream * 67u) & (FOLD_SLOTS - 1);
    struct record_fold *fold = &folds->slots[slot];
    *place = (struct fold_place){.began = true, .due_ns = request->due_ns};
    if (fold->count > 0 && goes_on(fold, request)) {
        place->began = false;
        if (fold->count > 1)
            place->due_ns = next_due_ns(fold);
        join(fold, request);
        return false;
    }
    bool was = fold->count > 0;
    if (was)
        *ended = *fold;
    *fold = begin(request);
    folds->used[slot / 64] |= UINT64_C(1) << slot % 64;
    return was;
}

bool folds_end(struct folds *folds, struct record_fold *ended)
{
    for (unsigned i = 0; i < FOLD_SLOTS / 64; i++) {
        if (folds->used[i] == 0)
            continue;
        struct record_fold *fold =
            &folds->slots[i * 64 + (unsigned)__builtin_ctzll(folds->used[i])];
        folds->used[i] &= folds->used[i] - 1;
        *ended = *fold;
        fold->count = 0;
        return true;
    }
    return false;
}
