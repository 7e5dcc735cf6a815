/* fuzz: deps traffic */
/* What a hostile HTTP server answers: however it is cut, the client neither reads nor writes out of
 * bounds, takes the same bytes for one answer, and judges it alike. Input: two bytes of
 * expectations, the size of the pieces, the answer. */
#include "traffic/http.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static enum http_verdict feed(struct http *http, const struct http_expect *expect,
                              const uint8_t *bytes, size_t count, size_t step, size_t *used)
{
    enum http_verdict verdict = HTTP_MORE;
    *used = 0;
    while (verdict == HTTP_MORE && *used < count) {
        uint32_t taken, run = (uint32_t)(step < count - *used ? step : count - *used);
        uint8_t *exact = malloc(run); /* So that reading on is seen. */
        memcpy(exact, bytes + *used, run);
        verdict = http_receive(http, expect, exact, run, &taken);
        free(exact);
        require(verdict == HTTP_MORE ? taken == run : taken <= run);
        *used += taken;
    }
    return verdict;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_expect expect;
    struct http whole, cut;
    size_t used_whole, used_cut;
    if (size < 4)
        return 0;
    http_expect_init(&expect);
    http_expect_name(&expect, "Server");
    expect.hashed = (data[0] & 1) != 0;
    expect.body_hash = 0;
    if ((data[0] & 2) != 0)
        http_expect_match(&expect, (const uint8_t *)"aab", 3);
    if ((data[0] & 4) != 0)
        expect.body_limit_bytes = data[1];
    if ((data[0] & 8) != 0)
        expect.body_bytes = data[1];
    http_ask(&whole, (data[0] & 16) != 0);
    http_ask(&cut, (data[0] & 16) != 0);
    enum http_verdict verdict = feed(&whole, &expect, data + 3, size - 3, size, &used_whole);
    require(feed(&cut, &expect, data + 3, size - 3, 1u + data[2], &used_cut) == verdict);
    if (verdict == HTTP_MORE) {
        verdict = http_finish(&whole, &expect);
        require(http_finish(&cut, &expect) == verdict);
    }
    if (verdict == HTTP_BAD) {
        require(whole.reason != HTTP_BAD_NONE && cut.reason != HTTP_BAD_NONE);
        return 0;
    }
    require(used_whole == used_cut && whole.body_bytes == cut.body_bytes);
    require(whole.status == cut.status && whole.body_bytes <= expect.body_limit_bytes);
    require(whole.name_bytes == cut.name_bytes && whole.name_bytes <= HTTP_NAME_BYTES);
    require(memcmp(whole.name, cut.name, whole.name_bytes) == 0);
    return 0;
}
