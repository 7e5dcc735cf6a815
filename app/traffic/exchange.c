#include "traffic/exchange.h"

#include "traffic/exchange_ctraffic.h"
#include "traffic/exchange_http.h"
#include "traffic/exchange_mconnect.h"

static const struct exchange connect_exchange = {0};

const struct exchange *const exchanges[TRAFFIC_PROTOCOL_COUNT] = {
    [TRAFFIC_CTRAFFIC] = &ctraffic_exchange,
    [TRAFFIC_CONNECT] = &connect_exchange,
    [TRAFFIC_HTTP] = &http_exchange,
    [TRAFFIC_MCONNECT] = &mconnect_exchange,
};
