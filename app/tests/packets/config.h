/* config.h - the stack's configuration for packet scripts: small tables, no options but what a
 * script's "config" lines set. */
#ifndef TESTS_PACKETS_CONFIG_H
#define TESTS_PACKETS_CONFIG_H

#include <stdbool.h>

#include "tcp/tcp.h"

struct tcp_config config_plain(void);
/* False if NAME is not known, or VALUE is none for it. "ipv6" is known, and changes nothing. */
bool config_set(struct tcp_config *config, const char *name, const char *value);

#endif
