/* api_cells.h - the cells of server-side Tables: one function for each thing that kubectl shows of
 * an object in a few characters.
 *
 * All have one shape: (object, path, now, out) append the cell's text to OUT; PATH is what the
 * column's table gives (a member's path, or what the function says). What is absent gives the text
 * that a real server prints then.
 *
 * Threads: pure.
 */
#ifndef LAB_API_CELLS_H
#define LAB_API_CELLS_H

#include <cjson/cJSON.h>
#include <stdint.h>

#include "base/text.h"

typedef void (*api_cell_writer)(const cJSON *object, const char *path, int64_t utc_ns,
                                struct text *out);

void api_cell_text(const cJSON *object, const char *path, int64_t utc_ns, struct text *out);
/* "<none>" and "<unknown>" for what is absent. */
void api_cell_text_or_none(const cJSON *object, const char *path, int64_t utc_ns, struct text *out);
void api_cell_text_or_unknown(const cJSON *object, const char *path, int64_t utc_ns,
                              struct text *out);
void api_cell_number(const cJSON *object, const char *path, int64_t utc_ns, struct text *out);
/* "1", "25%" or "N/A". */
void api_cell_int_or_string(const cJSON *object, const char *path, int64_t utc_ns,
                            struct text *out);
void api_cell_age(const cJSON *object, const char *path, int64_t utc_ns, struct text *out);
/* "a=b,c=d" or "<none>". */
void api_cell_map(const cJSON *object, const char *path, int64_t utc_ns, struct text *out);
/* PATH is a member of each container of the template: "x,y". */
void api_cell_containers(const cJSON *object, const char *path, int64_t utc_ns, struct text *out);

/* How many keys a ConfigMap has. */
void api_cell_data_count(const cJSON *object, const char *path, int64_t utc_ns, struct text *out);
void api_cell_pod_ready(const cJSON *object, const char *path, int64_t utc_ns, struct text *out);
void api_cell_pod_status(const cJSON *object, const char *path, int64_t utc_ns, struct text *out);
void api_cell_pod_restarts(const cJSON *object, const char *path, int64_t utc_ns, struct text *out);
void api_cell_deployment_ready(const cJSON *object, const char *path, int64_t utc_ns,
                               struct text *out);
void api_cell_external_ip(const cJSON *object, const char *path, int64_t utc_ns, struct text *out);
/* All of status.loadBalancer.ingress; empty when there are none. */
void api_cell_addresses(const cJSON *object, const char *path, int64_t utc_ns, struct text *out);
void api_cell_ingress_hosts(const cJSON *object, const char *path, int64_t utc_ns,
                            struct text *out);
void api_cell_ingress_ports(const cJSON *object, const char *path, int64_t utc_ns,
                            struct text *out);
void api_cell_service_ports(const cJSON *object, const char *path, int64_t utc_ns,
                            struct text *out);
void api_cell_node_status(const cJSON *object, const char *path, int64_t utc_ns, struct text *out);
void api_cell_node_roles(const cJSON *object, const char *path, int64_t utc_ns, struct text *out);
/* PATH is the address' type. */
void api_cell_node_address(const cJSON *object, const char *path, int64_t utc_ns, struct text *out);
void api_cell_endpoints(const cJSON *object, const char *path, int64_t utc_ns, struct text *out);
void api_cell_slice_ports(const cJSON *object, const char *path, int64_t utc_ns, struct text *out);
void api_cell_slice_endpoints(const cJSON *object, const char *path, int64_t utc_ns,
                              struct text *out);
/* PATH is a time stamp, for which eventTime stands in. */
void api_cell_event_seen(const cJSON *object, const char *path, int64_t utc_ns, struct text *out);
void api_cell_event_object(const cJSON *object, const char *path, int64_t utc_ns, struct text *out);
void api_cell_event_source(const cJSON *object, const char *path, int64_t utc_ns, struct text *out);

#endif
