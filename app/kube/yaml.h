/* yaml.h - YAML documents as JSON trees.
 *
 * libyaml reads; this turns its events into cJSON, with the scalars typed by the YAML 1.2 core
 * schema as Kubernetes has it: null ~, true/false, decimal integers and floats, everything else and
 * everything quoted is a string. "<<" is no merge. JSON is YAML, so it reads JSON files too.
 *
 * Hostile input is bounded: KUBE_YAML_DEPTH levels, KUBE_YAML_NODES nodes over all documents with
 * those that aliases repeat (so that aliases of aliases cannot grow), keys must be scalars and may
 * not come twice.
 *
 * Threads: pure. Memory: cJSON's.
 */
#ifndef KUBE_YAML_H
#define KUBE_YAML_H

#include <cjson/cJSON.h>
#include <stddef.h>

#include "base/error.h"

enum {
    KUBE_YAML_DEPTH = 64,
    KUBE_YAML_NODES = 200000
};

/* All documents of BYTES, as an array; empty documents are left out. NULL with ERR as
 * "line L, column C: ...". */
cJSON *kube_yaml_parse(const char *bytes, size_t size, struct error *err);

#endif
