/* api_protobuf.h - bodies in Kubernetes' protobuf, as the JSON that they stand for.
 *
 * kubectl from 1.32 on sends what it makes itself (`drain`, `create namespace`, ...) by typed
 * clients, which prefer protobuf. A body is four bytes of magic, and an Unknown with apiVersion,
 * kind and the object's own encoding, whose members each API's generated.proto numbers. What the
 * lab has tables for is Eviction, DeleteOptions, SelfSubjectAccessReview, and of what it keeps all
 * that `kubectl create KIND` makes: Namespace, ConfigMap, Deployment, Service, PodDisruptionBudget
 * and Ingress, each with the members that kubectl sets. Members with their zero value are left out,
 * as in JSON, unless they are pointers; a member that is set and stands in no table is refused
 * rather than lost.
 *
 * Threads: pure. Memory: the caller's. Source: Kubernetes documentation, "Kubernetes API Concepts",
 * Protobuf encoding; staging/src/k8s.io/api/.../generated.proto; protobuf.dev, "Encoding".
 */
#ifndef LAB_API_PROTOBUF_H
#define LAB_API_PROTOBUF_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

#define API_PROTOBUF_TYPE "application/vnd.kubernetes.protobuf"

bool api_protobuf_is(const char *content_type); /* NULL: no. */

/* NULL with WHY. The caller deletes it. */
cJSON *api_protobuf_parse(const char *bytes, size_t size, char *why, size_t why_bytes);

#endif
