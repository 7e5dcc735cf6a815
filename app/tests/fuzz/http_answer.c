/* fuzz: deps traffic */
/* What a hostile HTTP server answers: however it is cut, the client neither reads nor writes out of
 * bounds, takes the same bytes for one answer, and judges it alike; also where it has seen the head
 * before. Input: two bytes of expectations, the size of the pieces, the answer. */
#include "traffic/http.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* KNOWN may be NULL. */
static enum http_verdict feed(struct http *http, const struct http_expect *expect,
                              struct http_known *known, const uint8_t *bytes, size_t count,
                              size_t step, size_t *used)
{
    enum http_verdict verdict = HTTP_MORE;
    *used = 0;
    while (verdict == HTTP_MORE && *used < count) {
        uint32_t taken, run = (uint32_t)(step < count - *used ? step : count - *used);
        uint8_t *exact = malloc(run); /* So that reading on is seen. */
        memcpy(exact, bytes + *used, run);
        verdict = http_receive_known(http, expect, known, exact, run, &taken);
        free(exact);
        require(verdict == HTTP_MORE ? taken == run : taken <= run);
        *used += taken;
    }
    return verdict;
}

/* An answer, as it was found to be. */
struct found {
    struct http http;
    size_t used;
    enum http_verdict verdict;
};

static struct found read_all(const struct http_expect *expect, bool head, struct http_known *known,
                             const uint8_t *bytes, size_t count, size_t step)
{
    struct found found;
    struct digest digest;
    http_ask(&found.http, head);
    found.http.digest = expect->digested ? &digest : NULL;
    found.verdict = feed(&found.http, expect, known, bytes, count, step, &found.used);
    if (found.verdict == HTTP_MORE)
        found.verdict = http_finish(&found.http, expect);
    return found;
}

static void require_same(const struct found *one, const struct found *other)
{
    require(one->verdict == other->verdict);
    if (one->verdict == HTTP_BAD) {
        require(one->http.reason != HTTP_BAD_NONE && other->http.reason != HTTP_BAD_NONE);
        return;
    }
    require(one->used == other->used && one->http.body_bytes == other->http.body_bytes);
    require(one->http.status == other->http.status);
    require(one->http.name_bytes == other->http.name_bytes);
    require(memcmp(one->http.name, other->http.name, one->http.name_bytes) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct http_known known;
    struct http_expect expect;
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
    bool head = (data[0] & 16) != 0;
    expect.digested = (data[0] & 32) != 0;
    size_t step = 1u + data[2];
    known.head_bytes = 0;
    struct found whole = read_all(&expect, head, NULL, data + 3, size - 3, size);
    struct found cut = read_all(&expect, head, NULL, data + 3, size - 3, step);
    struct found learnt = read_all(&expect, head, &known, data + 3, size - 3, size);
    struct found known_whole = read_all(&expect, head, &known, data + 3, size - 3, size);
    struct found known_cut = read_all(&expect, head, &known, data + 3, size - 3, step);
    struct found other = read_all(&expect, !head, NULL, data + 3, size - 3, size);
    struct found known_other = read_all(&expect, !head, &known, data + 3, size - 3, size);
    require_same(&whole, &cut);
    require_same(&whole, &learnt);
    require_same(&whole, &known_whole);
    require_same(&whole, &known_cut);
    require_same(&other, &known_other);
    if (whole.verdict == HTTP_BAD)
        return 0;
    require(whole.http.body_bytes <= expect.body_limit_bytes);
    require(whole.http.name_bytes <= HTTP_NAME_BYTES);
    return 0;
}
