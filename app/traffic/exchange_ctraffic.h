/* exchange_ctraffic.h - a packet of ctraffic and its echo as an exchange (ctraffic.h). */
#ifndef TRAFFIC_EXCHANGE_CTRAFFIC_H
#define TRAFFIC_EXCHANGE_CTRAFFIC_H

#include "traffic/exchange.h"

extern const struct exchange ctraffic_exchange;

#endif
