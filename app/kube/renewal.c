#include "kube/renewal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/utc.h"

#define BEFORE_NS INT64_C(30000000000)

static void ended(struct kube_renewal *renewal, struct kubeconfig *config, int code,
                  const struct error *err, uint64_t now_ns);
static void remember(struct kubeconfig *config, const char *what, const char *of);

void kube_renewal_run(struct kube_renewal *renewal, struct kubeconfig *config, uint64_t now_ns)
{
    struct error err = {0};
    bool expires =
        config->expires_utc_ns != INT64_MAX && utc_now_ns() + BEFORE_NS > config->expires_utc_ns;
    int code = 1;
    if (renewal->run.pid != 0)
        code = kube_exec_look(&renewal->run, config, &err);
    else if (config->exec != NULL && now_ns >= renewal->due_ns && (expires || renewal->wanted))
        code = kube_exec_start(&renewal->run, config, &err) < 0 ? -ENOENT : 1;
    if (code != 1)
        ended(renewal, config, code, &err, now_ns);
}

void kube_renewal_stop(struct kube_renewal *renewal)
{
    kube_exec_stop(&renewal->run);
}

uint64_t kube_renewal_wake_ns(const struct kube_renewal *renewal, const struct kube_pass *pass)
{
    bool renewed = pass->generation != renewal->generation;
    if (!pass->again || renewed)
        return 0;
    return renewal->wanted ? UINT64_MAX : pass->due_ns;
}

void kube_renewal_sent(const struct kube_renewal *renewal, struct kube_pass *pass)
{
    pass->generation = renewal->generation;
}

bool kube_renewal_answered(struct kube_renewal *renewal, struct kubeconfig *config,
                           struct kube_pass *pass, bool unknown, uint64_t now_ns)
{
    bool renewed = pass->generation != renewal->generation;
    bool file = config->exec == NULL && config->token == NULL && config->token_path != NULL;
    bool can = renewed || file || renewal->run.pid != 0 ||
               (config->exec != NULL && now_ns >= renewal->due_ns);
    if (!unknown) {
        *pass = (struct kube_pass){0};
        return false;
    }
    if (!renewed && config->exec != NULL)
        renewal->wanted = true;
    if (pass->again || !can) {
        pass->again = false; /* It is told; what its owner asks next is another request. */
        return false;
    }
    if (file)
        remember(config, ", also after it was read again from ", config->token_path);
    pass->again = true;
    pass->due_ns = file ? now_ns + KUBE_RENEWAL_FILE_NS : 0;
    return true;
}

static void ended(struct kube_renewal *renewal, struct kubeconfig *config, int code,
                  const struct error *err, uint64_t now_ns)
{
    if (code == 0)
        remember(config, ", also after it was renewed by exec ",
                 json_string(config->exec, "command", ""));
    else
        remember(config, "; it could not be renewed: ", err->text);
    renewal->generation += code == 0;
    renewal->wanted = false;
    renewal->due_ns = now_ns + KUBE_RENEWAL_PAUSE_NS;
}

static void remember(struct kubeconfig *config, const char *what, const char *of)
{
    char *text = NULL;
    if (asprintf(&text, "%s%s", what, of) < 0)
        text = NULL;
    free(config->renewal);
    config->renewal = text;
}
