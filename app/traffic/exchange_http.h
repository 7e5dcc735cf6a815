/* exchange_http.h - an HTTP/1.1 request and its answer as an exchange (http.h, http_message.h).
 *
 * Request k of a stream is message k modulo their number, and is numbered by k where the message
 * has a sequence header. A request that waits for 100 Continue sends its body when that comes; a
 * final answer instead is the answer, and the connection is closed. An answer that is whole before
 * its request was sent is bad.
 */
#ifndef TRAFFIC_EXCHANGE_HTTP_H
#define TRAFFIC_EXCHANGE_HTTP_H

#include "traffic/exchange.h"

extern const struct exchange http_exchange;

#endif
