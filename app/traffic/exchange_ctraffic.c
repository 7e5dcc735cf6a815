#include "traffic/exchange_ctraffic.h"

#include "traffic/name.h"

static uint64_t begin(struct traffic *traffic, const struct traffic_conn *conn,
                      struct traffic_request *request)
{
    uint32_t size_bytes = traffic->streams[conn->stream].config.size_bytes;
    struct ctraffic *ctraffic = &request->state.ctraffic;
    ctraffic_init(ctraffic, size_bytes);
    if (request->offset > 0) {
        const struct name *name = name_at(&traffic->names, conn->name);
        ctraffic_resume(ctraffic, name->bytes, name->count);
    }
    ctraffic_ask(ctraffic);
    return size_bytes;
}

/* Packets after the first bear the name; they are alike, so that the second one stands for all. */
static void fill(const struct traffic *traffic, const struct traffic_request *request,
                 uint64_t offset, uint8_t *bytes, uint32_t count)
{
    const struct ctraffic *ctraffic = &request->state.ctraffic;
    uint64_t first = request->offset > 0 ? ctraffic->size_bytes : 0;
    (void)traffic;
    ctraffic_fill(ctraffic, first + offset, bytes, count);
}

static void receive(struct traffic *traffic, struct traffic_conn *conn,
                    struct traffic_request *request, const uint8_t *bytes, uint32_t count,
                    struct exchange_answer *answer)
{
    struct ctraffic *ctraffic = &request->state.ctraffic;
    *answer = (struct exchange_answer){.verdict = EXCHANGE_MORE, .used_bytes = count};
    switch (ctraffic_receive(ctraffic, bytes, count)) {
    case CTRAFFIC_MORE: break;
    case CTRAFFIC_WHOLE:
        answer->verdict = EXCHANGE_WHOLE;
        if (request->offset == 0)
            conn->name = name_id(&traffic->names, ctraffic->host, ctraffic->host_bytes);
        break;
    case CTRAFFIC_BAD: answer->verdict = EXCHANGE_BAD; break;
    }
}

const struct exchange ctraffic_exchange = {.begin = begin, .fill = fill, .receive = receive};
