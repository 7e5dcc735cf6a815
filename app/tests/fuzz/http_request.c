/* fuzz: deps traffic */
/* What a hostile HTTP client asks, request after request: however it is cut, the server neither
 * reads nor writes out of bounds, and finds the same requests; also where it has seen their heads
 * before. Input: the size of the pieces, the
 * requests. */
#include "traffic/http.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was found. */
struct found {
    unsigned requests;
    uint64_t methods; /* Of all of them. */
    uint64_t body_bytes;
    bool bad;
};

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* KNOWN may be NULL. */
static struct found feed(struct http_known *known, const uint8_t *bytes, size_t count, size_t step)
{
    struct found found = {0};
    struct http http;
    http_await(&http);
    for (size_t at = 0; at < count && !found.bad;) {
        uint32_t taken, run = (uint32_t)(step < count - at ? step : count - at);
        uint8_t *exact = malloc(run); /* So that reading on is seen. */
        memcpy(exact, bytes + at, run);
        enum http_verdict verdict = known != NULL
                                        ? http_receive_known(&http, NULL, known, exact, run, &taken)
                                        : http_receive(&http, NULL, exact, run, &taken);
        free(exact);
        http_continue_wanted(&http);
        require(verdict == HTTP_MORE ? taken == run : taken <= run);
        at += taken;
        found.bad = verdict == HTTP_BAD;
        if (verdict == HTTP_MORE || verdict == HTTP_BAD)
            continue;
        found.requests++;
        found.methods = found.methods * 31 + http.method;
        found.body_bytes += http.body_bytes;
        http_await(&http);
    }
    return found;
}

static void require_same(const struct found *one, const struct found *other)
{
    require(one->requests == other->requests && one->methods == other->methods);
    require(one->bad == other->bad && one->body_bytes == other->body_bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct http_known known;
    if (size < 2)
        return 0;
    known.head_bytes = 0;
    struct found whole = feed(NULL, data + 1, size - 1, size);
    struct found cut = feed(NULL, data + 1, size - 1, 1u + data[0]);
    struct found learnt = feed(&known, data + 1, size - 1, size);
    struct found known_cut = feed(&known, data + 1, size - 1, 1u + data[0]);
    require_same(&whole, &cut);
    require_same(&whole, &learnt);
    require_same(&whole, &known_cut);
    return 0;
}
