/* yaml_tree.h - YAML documents as JSON trees: kubeconfigs and manifests.
 *
 * libyaml parses; this types the scalars by the rules of the reader that kubectl uses (YAML 1.1),
 * so that a file means the same here: plain yes, no, on, off are truth values, ~ and nothing are
 * null, 0644 is octal, whatever is quoted is a string. "<<" is no merge. JSON is YAML, so JSON
 * files are read too.
 *
 * Hostile input is bounded: YAML_TREE_DEPTH levels; YAML_TREE_NODES nodes over all documents,
 * those that aliases repeat included, so that aliases of aliases cannot grow; keys are scalars and
 * may not come twice.
 *
 * Threads: pure. Memory: cJSON's.
 */
#ifndef BASE_YAML_TREE_H
#define BASE_YAML_TREE_H

#include <cjson/cJSON.h>
#include <stddef.h>

#include "base/error.h"

enum {
    YAML_TREE_DEPTH = 64,
    YAML_TREE_NODES = 200000,
    YAML_TREE_MEMBERS = 4096
};

/* All documents of BYTES, as an array; empty documents are left out. NULL with ERR as
 * "line L, column C: ...". */
cJSON *yaml_tree_parse(const char *bytes, size_t size, struct error *err);

#endif
