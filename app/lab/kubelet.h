/* kubelet.h - one pod's life on its node, as a state machine in virtual time.
 *
 * Nothing here does anything: the owner tells what happened (the pod was deleted, the process
 * ended, a probe answered) and asks what to do now, until the answer is KUBELET_NONE; kubelet_due()
 * says when to ask again.
 *
 *     struct kubelet_pod pod;
 *     kubelet_init(&pod, &settings, created_ns);
 *     while ((action = kubelet_next(&pod, now_ns)) != KUBELET_NONE)
 *         carry_out(action);
 *
 * The law of an orderly end, with D = the time of deletion and G = the grace period:
 *
 *     D + terminationStart          the preStop hook begins, or SIGTERM when there is none
 *     hook's end, at most D + G     SIGTERM, at T
 *     max(D + G, T + 2 s)           SIGKILL
 *     end of the process + 0.3 s    the network namespace goes (else FIN and RST would vanish)
 *     end of the process + objectGone  the Pod object goes
 *
 * Sources: Kubernetes documentation, Pod Lifecycle; pkg/kubelet/kuberuntime killContainer.
 *
 * Threads: pure. Times: ns on any one clock. Memory: none.
 */
#ifndef LAB_KUBELET_H
#define LAB_KUBELET_H

#include <stdbool.h>
#include <stdint.h>

#define KUBELET_LEAST_GRACE_NS INT64_C(2000000000)
#define KUBELET_NAMESPACE_STAYS_NS INT64_C(300000000)
#define KUBELET_BACKOFF_NS INT64_C(10000000000) /* Before the second restart; doubles. */
#define KUBELET_BACKOFF_MAX_NS INT64_C(300000000000)

enum kubelet_action {
    KUBELET_NONE,
    KUBELET_START,      /* Make the namespace if there is none, start the process. */
    KUBELET_PROBE,      /* Probe readiness; answer by kubelet_probed(). */
    KUBELET_PUBLISH,    /* Something in the status changed: write the Pod object. */
    KUBELET_HOOK_BEGIN, /* Begin preStop; unless it is a sleep, answer by kubelet_hook_ended(). */
    KUBELET_HOOK_END,   /* It has ended, or its time is over: stop it. */
    KUBELET_TERM,       /* Send SIGTERM. */
    KUBELET_KILL,       /* Send SIGKILL. */
    KUBELET_REMOVE_NAMESPACE, /* The namespace may go. */
    KUBELET_DELETE_OBJECT,    /* Delete the Pod object. */
};

enum kubelet_state {
    KUBELET_WAITING,   /* To be started, or started again. */
    KUBELET_RUNNING,   /* The process runs. */
    KUBELET_DELETED,   /* Deletion was seen; it still runs as if nothing were. */
    KUBELET_HOOK,      /* preStop runs. */
    KUBELET_TERMINATE, /* SIGTERM is due. */
    KUBELET_DYING,     /* SIGTERM was sent. */
    KUBELET_KILLED,    /* SIGKILL was sent. */
    KUBELET_ENDED,     /* The process has ended; namespace and object stay for a while. */
    KUBELET_GONE,      /* Nothing is left to be done. */
};

enum kubelet_hook {
    KUBELET_NO_HOOK,
    KUBELET_SLEEP_HOOK,   /* preStop of `sleep N`: done by the state machine. */
    KUBELET_PROGRAM_HOOK, /* Anything else. */
};

struct kubelet_settings {
    int64_t ready_delay_ns;   /* From creation to Ready, when probes agree. */
    bool probes;              /* There is a readiness probe. */
    int64_t probe_first_ns;   /* initialDelaySeconds. */
    int64_t probe_period_ns;  /* periodSeconds; > 0. */
    uint32_t probe_successes; /* successThreshold; > 0. */
    uint32_t probe_failures;  /* failureThreshold; > 0. */
    enum kubelet_hook hook;   /* What preStop is. */
    int64_t hook_sleep_ns;    /* Of a KUBELET_SLEEP_HOOK. */
    bool restarts;            /* restartPolicy is not Never. */
};

struct kubelet_pod {
    struct kubelet_settings settings; /* As given. */
    enum kubelet_state state;         /* Where it is. */
    int64_t ready_at_ns;              /* Not Ready before this. */
    int64_t start_at_ns;              /* WAITING: when to start. */
    int64_t probe_at_ns;              /* Next probe. */
    uint32_t good_probes;             /* In a row, at most the threshold. */
    uint32_t bad_probes;              /* In a row. */
    uint32_t restarts;                /* Of the process. */
    bool ready;                       /* What the status says. */
    bool publish;                     /* KUBELET_PUBLISH is due. */
    bool process;                     /* The process is there. */
    bool deleting;                    /* kubelet_deleted() was called. */
    bool forced;                      /* The object is gone already. */
    bool namespace;                   /* The namespace is there. */
    int64_t deleted_ns;               /* Time of deletion. */
    int64_t grace_ns;                 /* Grace period. */
    int64_t act_at_ns;                /* Next step of the end, by state. */
    int64_t namespace_until_ns;       /* ENDED: when the namespace goes. */
    int64_t object_until_ns;          /* ENDED: when the object goes. */
};

void kubelet_init(struct kubelet_pod *pod, const struct kubelet_settings *settings,
                  int64_t created_ns);

/* The pod was deleted at NOW, with its grace; the end begins after START_DELAY. Again with a
 * shorter grace: the time of SIGKILL comes forward. */
void kubelet_deleted(struct kubelet_pod *pod, int64_t now_ns, int64_t start_delay_ns,
                     int64_t grace_ns);
/* The object has gone without waiting (a deletion without grace): SIGKILL at once. */
void kubelet_forced(struct kubelet_pod *pod, int64_t now_ns);
/* The process has ended. When the pod is not being deleted it is started again, or has finished. */
void kubelet_exited(struct kubelet_pod *pod, int64_t now_ns, int64_t object_gone_delay_ns);
void kubelet_hook_ended(struct kubelet_pod *pod, int64_t now_ns);
void kubelet_probed(struct kubelet_pod *pod, bool good);

/* What to do now; the state moves on. */
enum kubelet_action kubelet_next(struct kubelet_pod *pod, int64_t now_ns);
/* When there will be something to do if nothing happens before; INT64_MAX: never. */
int64_t kubelet_due(const struct kubelet_pod *pod);

#endif
