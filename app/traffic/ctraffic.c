#include "traffic/ctraffic.h"

#include <assert.h>
#include <string.h>

static uint32_t receive_name(struct ctraffic *ctraffic, const uint8_t *bytes, uint32_t count);
static bool is_expected(const struct ctraffic *ctraffic, uint32_t at, const uint8_t *bytes,
                        uint32_t count);
static bool is_zero(const uint8_t *bytes, uint32_t count);
static uint32_t smaller(uint32_t a, uint32_t b);

void ctraffic_init(struct ctraffic *ctraffic, uint32_t size_bytes)
{
    assert(size_bytes >= CTRAFFIC_SIZE_MIN_BYTES);
    *ctraffic = (struct ctraffic){.size_bytes = size_bytes};
}

void ctraffic_resume(struct ctraffic *ctraffic, const uint8_t *host, uint8_t count)
{
    assert(count <= CTRAFFIC_HOST_BYTES);
    memcpy(ctraffic->host, host, count);
    ctraffic->host_bytes = count;
    ctraffic->named = true;
    ctraffic->answered = true;
}

void ctraffic_ask(struct ctraffic *ctraffic)
{
    assert(!ctraffic->open);
    ctraffic->open = true;
    ctraffic->received_bytes = 0;
}

enum ctraffic_verdict ctraffic_receive(struct ctraffic *ctraffic, const uint8_t *bytes,
                                       uint32_t count)
{
    if (count == 0)
        return CTRAFFIC_MORE;
    if (!ctraffic->open || count > ctraffic->size_bytes - ctraffic->received_bytes)
        return CTRAFFIC_BAD;
    if (!ctraffic->answered && !ctraffic->named) {
        uint32_t name = receive_name(ctraffic, bytes, count);
        ctraffic->received_bytes += name;
        bytes += name;
        count -= name;
    }
    if (!is_expected(ctraffic, ctraffic->received_bytes, bytes, count))
        return CTRAFFIC_BAD;
    ctraffic->received_bytes += count;
    if (ctraffic->received_bytes < ctraffic->size_bytes)
        return CTRAFFIC_MORE;
    ctraffic->open = false;
    ctraffic->answered = true;
    return CTRAFFIC_WHOLE;
}

void ctraffic_fill(const struct ctraffic *ctraffic, uint64_t offset, uint8_t *bytes, uint32_t count)
{
    uint64_t size = ctraffic->size_bytes;
    memset(bytes, 0, count);
    for (uint32_t done = 0; done < count;) {
        uint32_t at = (uint32_t)((offset + done) % size);
        uint32_t run = smaller(count - done, (uint32_t)size - at);
        if (offset + done >= size && at < ctraffic->host_bytes)
            memcpy(bytes + done, ctraffic->host + at, smaller(run, ctraffic->host_bytes - at));
        done += run;
    }
}

/* The first answer up to the end of the name. Returns how many of BYTES belong to the name; the NUL
 * that ends it does not, being one of the zeros that were sent. */
static uint32_t receive_name(struct ctraffic *ctraffic, const uint8_t *bytes, uint32_t count)
{
    uint32_t room = smaller(count, (uint32_t)(CTRAFFIC_HOST_BYTES - ctraffic->host_bytes));
    const uint8_t *nul = memchr(bytes, 0, room);
    uint32_t name = nul != NULL ? (uint32_t)(nul - bytes) : room;
    memcpy(ctraffic->host + ctraffic->host_bytes, bytes, name);
    ctraffic->host_bytes = (uint8_t)(ctraffic->host_bytes + name);
    ctraffic->named = nul != NULL || ctraffic->host_bytes == CTRAFFIC_HOST_BYTES;
    return name;
}

/* Do BYTES equal byte AT and following of the packet? In the first answer all after the name is
 * zero. */
static bool is_expected(const struct ctraffic *ctraffic, uint32_t at, const uint8_t *bytes,
                        uint32_t count)
{
    uint32_t host = 0;
    if (at < ctraffic->host_bytes)
        host = smaller(count, ctraffic->host_bytes - at);
    return (host == 0 || memcmp(bytes, ctraffic->host + at, host) == 0) &&
           is_zero(bytes + host, count - host);
}

static bool is_zero(const uint8_t *bytes, uint32_t count)
{
    return count == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, count - 1) == 0);
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}
