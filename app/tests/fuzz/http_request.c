/* fuzz: deps traffic */
/* What a hostile HTTP client asks, request after request: however it is cut, the server neither
 * reads nor writes out of bounds, and finds the same requests. Input: the size of the pieces, the
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

static struct found feed(const uint8_t *bytes, size_t count, size_t step)
{
    struct found found = {0};
    struct http http;
    http_await(&http);
    for (size_t at = 0; at < count && !found.bad;) {
        uint32_t taken, run = (uint32_t)(step < count - at ? step : count - at);
        uint8_t *exact = malloc(run); /* So that reading on is seen. */
        memcpy(exact, bytes + at, run);
        enum http_verdict verdict = http_receive(&http, NULL, exact, run, &taken);
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct found whole = feed(data + 1, size - 1, size);
    struct found cut = feed(data + 1, size - 1, 1u + data[0]);
    require(whole.requests == cut.requests && whole.methods == cut.methods);
    require(whole.bad == cut.bad && whole.body_bytes == cut.body_bytes);
    return 0;
}
