#include "traffic/exchange_mconnect.h"

#include "traffic/name.h"

static uint64_t begin(struct traffic *traffic, const struct traffic_conn *conn,
                      struct traffic_request *request)
{
    (void)traffic, (void)conn, (void)request;
    return 0;
}

static void receive(struct traffic *traffic, struct traffic_conn *conn,
                    struct traffic_request *request, const uint8_t *bytes, uint32_t count,
                    struct exchange_answer *answer)
{
    (void)request;
    conn->name = name_id(&traffic->names, bytes, count);
    *answer =
        (struct exchange_answer){.verdict = EXCHANGE_WHOLE, .last = true, .used_bytes = count};
}

const struct exchange mconnect_exchange = {.begin = begin, .receive = receive};
