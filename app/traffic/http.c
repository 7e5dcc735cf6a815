#include "traffic/http.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "base/hash.h"
#include "traffic/http_priv.h"

/* Parts of a request line. */
enum request_part {
    PART_METHOD,
    PART_TARGET,       /* Its first byte is to come. */
    PART_TARGET_GOING, /* The others. */
    PART_VERSION
};

static void begin(struct http *http, bool server, bool bodiless);
static uint32_t recall(struct http *http, const struct http_known *known, const uint8_t *bytes,
                       uint32_t count);
static void remember(const struct http *http, struct http_known *known, const uint8_t *bytes,
                     uint32_t count);
static uint32_t take_head(struct http *http, const struct http_expect *expect, const uint8_t *bytes,
                          uint32_t count);
static uint32_t take_rest(struct http *http, const struct http_expect *expect, const uint8_t *bytes,
                          uint32_t count);
static uint32_t take_line(struct http *http, const struct http_expect *expect, const uint8_t *bytes,
                          uint32_t count);
static bool count_line(struct http *http, uint32_t count);
static bool check_line(struct http *http, const uint8_t *bytes, uint32_t count, bool ends);
static bool keep_line(struct http *http, const uint8_t *bytes, uint32_t count);
static bool keep_request_line(struct http *http, const uint8_t *bytes, uint32_t count);
static bool has_control(const uint8_t *bytes, uint32_t count);
static void act_on_line(struct http *http, const struct http_expect *expect,
                        const struct http_line *line);
static bool trailer_line(struct http *http, const struct http_expect *expect,
                         const struct http_line *line);
static bool chunk_size_line(struct http *http, const struct http_expect *expect,
                            const struct http_line *line);
static uint32_t take_body(struct http *http, const struct http_expect *expect, const uint8_t *bytes,
                          uint32_t count);
static void inspect_body(struct http *http, const struct http_expect *expect, const uint8_t *bytes,
                         uint32_t count);
static void search_body(struct http *http, const struct http_expect *expect, const uint8_t *bytes,
                        uint32_t count);
static bool end_message(struct http *http, const struct http_expect *expect);
static bool check_body(struct http *http, const struct http_expect *expect);
static bool has_digest(struct http *http, const struct http_expect *expect);
static enum http_verdict verdict_of(struct http *http);
static int hex_digit(uint8_t byte);

void http_ask(struct http *http, bool head)
{
    begin(http, false, head);
}

void http_await(struct http *http)
{
    begin(http, true, false);
}

enum http_verdict http_receive(struct http *http, const struct http_expect *expect,
                               const uint8_t *bytes, uint32_t count, uint32_t *used)
{
    return http_receive_known(http, expect, NULL, bytes, count, used);
}

enum http_verdict http_receive_known(struct http *http, const struct http_expect *expect,
                                     struct http_known *known, const uint8_t *bytes, uint32_t count,
                                     uint32_t *used)
{
    uint32_t at = 0;
    bool begins = http->state == HTTP_STATE_START && http->head_bytes == 0 && http->interims == 0;
    if (begins && known != NULL)
        at = recall(http, known, bytes, count);
    if (at == 0) {
        at = take_head(http, expect, bytes, count);
        if (begins && known != NULL)
            remember(http, known, bytes, at);
    }
    *used = at + take_rest(http, expect, bytes + at, count - at);
    return verdict_of(http);
}

enum http_verdict http_finish(struct http *http, const struct http_expect *expect)
{
    if (http->state == HTTP_STATE_UNTIL_CLOSE)
        end_message(http, expect);
    return verdict_of(http);
}

bool http_begun(const struct http *http)
{
    return http->state != HTTP_STATE_IDLE &&
           (http->state != HTTP_STATE_START || http->head_bytes > 0 || http->interims > 0);
}

bool http_in_body(const struct http *http)
{
    return (http->state >= HTTP_STATE_BODY && http->state <= HTTP_STATE_CHUNK_END) ||
           http->state == HTTP_STATE_WHOLE;
}

bool http_continue_wanted(struct http *http)
{
    bool in_body = http->state == HTTP_STATE_BODY || http->state == HTTP_STATE_CHUNK_SIZE;
    if (!http->expects || !in_body || http->body_bytes > 0)
        return false;
    http->expects = false;
    return true;
}

bool http_fail(struct http *http, enum http_reason reason)
{
    http->state = HTTP_STATE_BAD;
    http->reason = (uint8_t)reason;
    return false;
}

void http_enter_body(struct http *http, const struct http_expect *expect)
{
    uint64_t limit = expect != NULL ? expect->body_limit_bytes : HTTP_BODY_MAX_BYTES;
    if (http->chunked)
        http->state = HTTP_STATE_CHUNK_SIZE;
    else if (http->rest_bytes > limit)
        http_fail(http, HTTP_BAD_BODY_LONG);
    else if (http->rest_bytes > 0)
        http->state = HTTP_STATE_BODY;
    else
        end_message(http, expect);
}

static void begin(struct http *http, bool server, bool bodiless)
{
    /* The arrays at the end are written before they are read. */
    memset(http, 0, offsetof(struct http, name));
    http->state = HTTP_STATE_START;
    http->server = server;
    http->bodiless = bodiless;
}

/* A message that begins at BYTES begins with the head that is known: HTTP becomes what it was after
 * that. Returns its length, or 0. */
static uint32_t recall(struct http *http, const struct http_known *known, const uint8_t *bytes,
                       uint32_t count)
{
    const struct http *then = &known->then;
    struct digest *digest = http->digest;
    if (known->head_bytes == 0 || known->head_bytes > count || then->server != http->server ||
        then->bodiless != http->bodiless || memcmp(bytes, known->head, known->head_bytes) != 0)
        return 0;
    memcpy(http, then, offsetof(struct http, name));
    if (then->name_bytes > 0)
        memcpy(http->name, then->name, sizeof(http->name));
    http->digest = digest;
    return known->head_bytes;
}

/* The message begins at BYTES, and COUNT of them are its head, if that is over. */
__attribute__((noinline)) static void remember(const struct http *http, struct http_known *known,
                                               const uint8_t *bytes, uint32_t count)
{
    bool whole = http->state >= HTTP_STATE_BODY && http->state <= HTTP_STATE_WHOLE;
    if (!whole || http->interims > 0 || count > HTTP_KNOWN_BYTES)
        return;
    memcpy(known->head, bytes, count);
    known->head_bytes = count;
    memcpy(&known->then, http, offsetof(struct http, line));
}

/* Take heads: interim ones, and what is there of the one that counts. Returns the bytes of them. */
__attribute__((noinline)) static uint32_t
take_head(struct http *http, const struct http_expect *expect, const uint8_t *bytes, uint32_t count)
{
    uint32_t at = 0;
    if (http->state == HTTP_STATE_IDLE && count > 0)
        http_fail(http, HTTP_BAD_UNASKED);
    while (at < count && (http->state == HTTP_STATE_START || http->state == HTTP_STATE_FIELDS))
        at += take_line(http, expect, bytes + at, count - at);
    return at;
}

/* Take what follows a head: of a body, with its framing. Returns the bytes of it. */
static uint32_t take_rest(struct http *http, const struct http_expect *expect, const uint8_t *bytes,
                          uint32_t count)
{
    uint32_t at = 0;
    while (at < count && http->state < HTTP_STATE_WHOLE) {
        switch ((enum http_state)http->state) {
        case HTTP_STATE_BODY:
        case HTTP_STATE_UNTIL_CLOSE:
        case HTTP_STATE_CHUNK: at += take_body(http, expect, bytes + at, count - at); break;
        default: at += take_line(http, expect, bytes + at, count - at); break;
        }
    }
    return at;
}

/* Take the line that begins, or goes on, at BYTES, as far as it is there. Returns the bytes of
 * it. */
static uint32_t take_line(struct http *http, const struct http_expect *expect, const uint8_t *bytes,
                          uint32_t count)
{
    const uint8_t *lf = memchr(bytes, '\n', count);
    uint32_t text = lf != NULL ? (uint32_t)(lf - bytes) : count;
    uint32_t taken = lf != NULL ? text + 1 : count;
    struct http_line line = {.bytes = bytes, .count = text - 1};
    if (!count_line(http, taken) || !check_line(http, bytes, text, lf != NULL))
        return taken;
    bool squeezed = http->server && http->state == HTTP_STATE_START;
    if (lf == NULL || http->line_total > 0 || squeezed) {
        if (!keep_line(http, bytes, text))
            return taken;
        if (lf == NULL)
            return taken;
        line = (struct http_line){.bytes = http->line, .count = http->line_total - 1};
    }
    line.held = line.count < HTTP_LINE_BYTES ? line.count : HTTP_LINE_BYTES;
    http->line_total = 0;
    http->line_cr = false;
    act_on_line(http, expect, &line);
    return taken;
}

/* COUNT more bytes of a line: within the limits of where it stands? */
static bool count_line(struct http *http, uint32_t count)
{
    switch ((enum http_state)http->state) {
    case HTTP_STATE_CHUNK_SIZE:
        return count <= HTTP_CHUNK_LINE_BYTES - http->line_total ||
               http_fail(http, HTTP_BAD_CHUNK_LONG);
    case HTTP_STATE_CHUNK_END:
        return count <= 2 - http->line_total || http_fail(http, HTTP_BAD_CHUNK_END);
    default:
        if (count > HTTP_HEAD_BYTES - http->head_bytes)
            return http_fail(http, HTTP_BAD_HEAD_LONG);
        http->head_bytes += count;
        return true;
    }
}

/* COUNT bytes of a line before its LF, if it ENDS here: a CR stands right before the LF and nowhere
 * else, and there is no other control character. */
static bool check_line(struct http *http, const uint8_t *bytes, uint32_t count, bool ends)
{
    if (http->line_cr && count > 0)
        return http_fail(http, HTTP_BAD_CONTROL);
    bool cr = count > 0 ? bytes[count - 1] == '\r' : http->line_cr;
    if (ends && !cr)
        return http_fail(http, HTTP_BAD_LINE_END);
    http->line_cr = cr;
    uint32_t text = count > 0 && cr ? count - 1 : count;
    return !has_control(bytes, text) || http_fail(http, HTTP_BAD_CONTROL);
}

/* Keep the beginning of the line: COUNT bytes more of it came, of which none is an LF. */
static bool keep_line(struct http *http, const uint8_t *bytes, uint32_t count)
{
    static const uint8_t start[] = {'H', 'T', 'T', 'P', '/'};
    if (http->server && http->state == HTTP_STATE_START)
        return keep_request_line(http, bytes, count);
    if (http->line_total < HTTP_LINE_BYTES) {
        uint32_t room = HTTP_LINE_BYTES - http->line_total;
        memcpy(http->line + http->line_total, bytes, count < room ? count : room);
    }
    http->line_total += count;
    if (http->state != HTTP_STATE_START)
        return true;
    uint32_t held = http->line_total < sizeof(start) ? http->line_total : sizeof(start);
    return memcmp(http->line, start, held) == 0 || http_fail(http, HTTP_BAD_NOT_HTTP);
}

/* Keep a request line with its target shortened to one byte, so that targets may be long. */
static bool keep_request_line(struct http *http, const uint8_t *bytes, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (http->part == PART_TARGET_GOING && bytes[i] != ' ')
            continue;
        if (http->line_total == HTTP_LINE_BYTES)
            return http_fail(http, HTTP_BAD_START_LINE);
        http->line[http->line_total++] = bytes[i];
        if (bytes[i] == ' ')
            http->part = http->part == PART_METHOD ? PART_TARGET : PART_VERSION;
        else if (http->part == PART_TARGET)
            http->part = PART_TARGET_GOING;
    }
    return true;
}

static bool is_control(uint8_t byte)
{
    return (byte < 0x20 && byte != '\t') || byte == 0x7f;
}

/* Eight bytes at once; a word that may have one is looked at byte by byte. */
static inline bool word_has_control(const uint8_t *bytes)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t word;
    memcpy(&word, bytes, sizeof(word));
    const uint64_t del = word ^ (ones * 0x7f);
    const uint64_t maybe = ((word - ones * 0x20) & ~word) | ((del - ones) & ~del);
    if ((maybe & (ones * 0x80)) == 0)
        return false;
    for (unsigned i = 0; i < sizeof(word); i++)
        if (is_control(bytes[i]))
            return true;
    return false;
}

/* Any of RFC 9110 5.5's forbidden ones: below SP, but not HTAB, or DEL? The last word of a longer
 * text overlaps the one before. */
static bool has_control(const uint8_t *bytes, uint32_t count)
{
    if (count >= 8) {
        for (uint32_t at = 0; at < count - 8; at += 8)
            if (word_has_control(bytes + at))
                return true;
        return word_has_control(bytes + count - 8);
    }
    for (uint32_t i = 0; i < count; i++)
        if (is_control(bytes[i]))
            return true;
    return false;
}

static void act_on_line(struct http *http, const struct http_expect *expect,
                        const struct http_line *line)
{
    switch ((enum http_state)http->state) {
    case HTTP_STATE_START:
        /* RFC 9112 2.2: empty lines before a request are passed over; the head's limit bounds
         * them. */
        if ((line->count > 0 || !http->server) && http_start_line(http, line))
            http->state = HTTP_STATE_FIELDS;
        break;
    case HTTP_STATE_FIELDS:
        if (line->count == 0)
            http_head_end(http, expect);
        else
            http_field_line(http, expect, line);
        break;
    case HTTP_STATE_CHUNK_SIZE: chunk_size_line(http, expect, line); break;
    case HTTP_STATE_CHUNK_END: http->state = HTTP_STATE_CHUNK_SIZE; break;
    case HTTP_STATE_TRAILERS: trailer_line(http, expect, line); break;
    default: assert(false);
    }
}

/* RFC 9112 7.1.2: trailers may be discarded; they are only held to their form. */
static bool trailer_line(struct http *http, const struct http_expect *expect,
                         const struct http_line *line)
{
    if (line->count == 0)
        return end_message(http, expect);
    const uint8_t *colon = memchr(line->bytes, ':', line->held);
    if (colon == NULL || !http_is_token(line->bytes, (uint32_t)(colon - line->bytes)))
        return http_fail(http, HTTP_BAD_FIELD_NAME);
    return ++http->headers <= HTTP_HEADERS || http_fail(http, HTTP_BAD_HEADERS_MANY);
}

/* RFC 9112 7.1: the size in hexadecimal, and extensions after a semicolon, which are passed by. */
static bool chunk_size_line(struct http *http, const struct http_expect *expect,
                            const struct http_line *line)
{
    uint64_t limit = expect != NULL ? expect->body_limit_bytes : HTTP_BODY_MAX_BYTES;
    uint64_t size = 0;
    uint32_t at = 0;
    for (; at < line->held && hex_digit(line->bytes[at]) >= 0; at++) {
        size = size * 16 + (uint64_t)hex_digit(line->bytes[at]);
        if (size > HTTP_BODY_MAX_BYTES)
            return http_fail(http, HTTP_BAD_CHUNK_SIZE);
    }
    uint32_t digits = at;
    while (at < line->held && (line->bytes[at] == ' ' || line->bytes[at] == '\t'))
        at++;
    bool extended = at < line->held && line->bytes[at] == ';';
    if (digits == 0 || (digits != line->count && !extended))
        return http_fail(http, HTTP_BAD_CHUNK_SIZE);
    if (size > limit - http->body_bytes)
        return http_fail(http, HTTP_BAD_BODY_LONG);
    http->rest_bytes = size;
    http->state = size > 0 ? HTTP_STATE_CHUNK : HTTP_STATE_TRAILERS;
    http->head_bytes = 0;
    http->headers = 0;
    return true;
}

static uint32_t take_body(struct http *http, const struct http_expect *expect, const uint8_t *bytes,
                          uint32_t count)
{
    bool until_close = http->state == HTTP_STATE_UNTIL_CLOSE;
    if (!until_close && count > http->rest_bytes)
        count = (uint32_t)http->rest_bytes;
    if (until_close && count > expect->body_limit_bytes - http->body_bytes) {
        http_fail(http, HTTP_BAD_BODY_LONG);
        return count;
    }
    http->body_bytes += count;
    if (expect != NULL && http_expect_inspects(expect))
        inspect_body(http, expect, bytes, count);
    if (until_close)
        return count;
    http->rest_bytes -= count;
    if (http->rest_bytes > 0)
        return count;
    if (http->chunked)
        http->state = HTTP_STATE_CHUNK_END;
    else
        end_message(http, expect);
    return count;
}

__attribute__((noinline)) static void inspect_body(struct http *http,
                                                   const struct http_expect *expect,
                                                   const uint8_t *bytes, uint32_t count)
{
    if (expect->hashed)
        http->body_hash = hash_crc32c(http->body_hash, bytes, count);
    if (expect->digested) {
        if (http->body_bytes == count)
            digest_begin(http->digest);
        digest_add(http->digest, bytes, count);
    }
    if (expect->match_bytes > 0 && !http->found)
        search_body(http, expect, bytes, count);
}

/* Knuth, Morris and Pratt: a text that is cut over packets is found without going back. */
static void search_body(struct http *http, const struct http_expect *expect, const uint8_t *bytes,
                        uint32_t count)
{
    uint16_t matched = http->matched;
    for (uint32_t i = 0; i < count && !http->found; i++) {
        while (matched > 0 && bytes[i] != expect->match[matched])
            matched = expect->match_border[matched - 1];
        if (bytes[i] == expect->match[matched])
            matched++;
        http->found = matched == expect->match_bytes;
    }
    http->matched = matched;
}

/* The last byte was taken. An answer of another status than expected is judged by that alone. */
static bool end_message(struct http *http, const struct http_expect *expect)
{
    http->state = HTTP_STATE_WHOLE;
    if (expect == NULL)
        return true;
    http->expected = http_status_expected(expect, http->status);
    if (http->bodiless || !http->expected)
        return true;
    if (expect->body_bytes != HTTP_ANY_LENGTH && http->body_bytes != expect->body_bytes)
        return http_fail(http, HTTP_BAD_BODY_LENGTH);
    return !http_expect_inspects(expect) || check_body(http, expect);
}

__attribute__((noinline)) static bool check_body(struct http *http,
                                                 const struct http_expect *expect)
{
    if (expect->hashed && http->body_hash != expect->body_hash)
        return http_fail(http, HTTP_BAD_BODY_HASH);
    if (expect->digested && !has_digest(http, expect))
        return http_fail(http, HTTP_BAD_BODY_HASH);
    if (expect->match_bytes > 0 && !http->found)
        return http_fail(http, HTTP_BAD_BODY_MATCH);
    return true;
}

static bool has_digest(struct http *http, const struct http_expect *expect)
{
    if (http->body_bytes == 0)
        digest_begin(http->digest);
    return digest_is(http->digest, expect->sha256);
}

/* RFC 9112 9.3: close, else HTTP/1.1, else keep-alive. */
static enum http_verdict verdict_of(struct http *http)
{
    if (http->state == HTTP_STATE_BAD)
        return HTTP_BAD;
    if (http->state != HTTP_STATE_WHOLE)
        return HTTP_MORE;
    http->state = HTTP_STATE_IDLE;
    return http->close || (http->old && !http->keep_alive) ? HTTP_WHOLE_CLOSE : HTTP_WHOLE;
}

static int hex_digit(uint8_t byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    uint8_t lower = byte | 0x20;
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

bool http_is_token(const uint8_t *bytes, uint32_t count)
{
    /* Bit b of word b / 64: RFC 9110 5.6.2. */
    static const uint64_t tokens[4] = {UINT64_C(0x03ff6cfa00000000), UINT64_C(0x57ffffffc7fffffe)};
    for (uint32_t i = 0; i < count; i++)
        if ((tokens[bytes[i] / 64] >> (bytes[i] % 64) & 1) == 0)
            return false;
    return count > 0;
}
