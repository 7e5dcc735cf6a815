/* exchange_mconnect.h - mconnect over TCP as an exchange: the client sends nothing, the server its
 * host name as soon as it has accepted, and what comes first is taken for all of it. */
#ifndef TRAFFIC_EXCHANGE_MCONNECT_H
#define TRAFFIC_EXCHANGE_MCONNECT_H

#include "traffic/exchange.h"

extern const struct exchange mconnect_exchange;

#endif
