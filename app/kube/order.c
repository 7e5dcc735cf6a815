#include "kube/order.h"

#include <errno.h>
#include <string.h>

#include "kube/action.h"
#include "kube/inverse.h"

const char *kube_verb_text(enum kube_verb verb)
{
    static const char *const texts[KUBE_VERB_COUNT] = {
        [KUBE_GET] = "get",
        [KUBE_APPLY] = "apply",
        [KUBE_DELETE] = "delete",
        [KUBE_SET_IMAGE] = "set-image",
        [KUBE_SET_ENV] = "set-env",
        [KUBE_MOVE] = "move",
        [KUBE_SCALE] = "scale",
        [KUBE_RESTART] = "restart",
        [KUBE_CORDON] = "cordon",
        [KUBE_UNCORDON] = "uncordon",
        [KUBE_EVICT] = "evict",
        [KUBE_DRAIN] = "drain",
        [KUBE_PATCH] = "patch",
        [KUBE_MAY] = "may",
        [KUBE_SET_PROXY] = "set-proxy",
        [KUBE_ROLLOUT_UNDO] = "rollout-undo",
    };
    return texts[verb];
}

bool kube_verb_rolls_out(enum kube_verb verb)
{
    return verb == KUBE_SET_IMAGE || verb == KUBE_SET_ENV || verb == KUBE_MOVE ||
           verb == KUBE_SCALE || verb == KUBE_RESTART || verb == KUBE_ROLLOUT_UNDO;
}

enum kube_kind kube_order_kind(const struct kube_order *order)
{
    switch (order->verb) {
    case KUBE_CORDON:
    case KUBE_UNCORDON:
    case KUBE_DRAIN: return KUBE_NODE;
    case KUBE_EVICT: return KUBE_POD;
    case KUBE_SET_PROXY: return KUBE_CONFIGMAP;
    default: break;
    }
    bool usual = kube_verb_rolls_out(order->verb) && (int)order->kind == 0;
    return usual ? KUBE_DEPLOYMENT : order->kind;
}

int kube_order_check(const struct kube_order *order, enum kube_kind kind, const char *target,
                     struct error *err)
{
    bool image = order->image != NULL && order->image[0] != '\0';
    if (order->verb == KUBE_SET_IMAGE && !image)
        return error_set(err, EXIT_USAGE, -EINVAL, "%s: no image is given", target);
    if (order->verb == KUBE_SCALE && (order->replicas < 0 || order->replicas > INT32_MAX))
        return error_set(err, EXIT_USAGE, -EINVAL, "%s: replicas must be 0 to %d", target,
                         INT32_MAX);
    if (kube_verb_rolls_out(order->verb) && !kube_kind_is_workload(kind))
        return error_set(err, EXIT_USAGE, -EINVAL,
                         "%s: it has no template of pods; want a deployment, a statefulset or a "
                         "daemonset",
                         target);
    if (order->verb == KUBE_SCALE && kind == KUBE_DAEMONSET)
        return error_set(err, EXIT_USAGE, -EINVAL,
                         "%s: a daemonset has a pod on each of its nodes, and no replicas", target);
    if (order->verb == KUBE_MOVE && order->node == NULL)
        return error_set(err, EXIT_USAGE, -EINVAL, "%s: no node is given", target);
    if (order->verb == KUBE_MOVE && order->node[0] != '\0' &&
        !kube_resource_name_valid(order->node))
        return error_set(err, EXIT_USAGE, -EINVAL, "%s: \"%s\" is no node's name", target,
                         order->node);
    if (order->verb == KUBE_ROLLOUT_UNDO && order->revision < 0)
        return error_set(err, EXIT_USAGE, -EINVAL, "%s: revisions count from 1", target);
    if (order->verb != KUBE_PATCH)
        return 0;
    bool operations =
        order->content_type != NULL && strcmp(order->content_type, KUBE_PATCH_JSON) == 0;
    if (operations ? !cJSON_IsArray(order->object) : !cJSON_IsObject(order->object))
        return error_set(err, EXIT_USAGE, -EINVAL, "%s: the patch is no JSON %s", target,
                         operations ? "array of operations" : "object");
    if (!kube_inverse_is_of_whole(order->object))
        return 0;
    return error_set(err, EXIT_USAGE, -EINVAL,
                     "%s: the patch replaces the whole object, which could not be taken back: want "
                     "the members that are to change",
                     target);
}
