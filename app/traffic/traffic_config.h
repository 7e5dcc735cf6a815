/* traffic_config.h - defaults, checks and sizes of struct traffic_config (traffic.h has the
 * first two of them).
 *
 * Threads: slow path. Pure.
 */
#ifndef TRAFFIC_CONFIG_H
#define TRAFFIC_CONFIG_H

#include "traffic/traffic.h"

/* 0, or -EINVAL with ERR: which stream or key, and what would be right. */
int traffic_config_check(const struct traffic_config *config, struct error *err);
/* Client ports, both included, with the default filled in. */
uint16_t traffic_config_port_first(const struct traffic_config *config);
uint16_t traffic_config_port_last(const struct traffic_config *config);

#endif
