/* Which modes of kube-proxy have which schedulers. */
#include "run/proxies.h"

#include "tests/unit/run/plan.h"

static void rows(void **state)
{
    static const struct {
        enum experiment_proxy_mode mode;
        enum experiment_scheduler scheduler;
        const char *text; /* Part of the error; "": they go together. */
    } table[] = {
        {EXPERIMENT_PROXY_ANY, EXPERIMENT_SCHEDULER_RANDOM, ""},
        {EXPERIMENT_PROXY_ANY, EXPERIMENT_SCHEDULER_LC, ""},
        {EXPERIMENT_PROXY_IPVS, EXPERIMENT_SCHEDULER_LC, ""},
        {EXPERIMENT_PROXY_NFTABLES, EXPERIMENT_SCHEDULER_RANDOM, ""},
        {EXPERIMENT_PROXY_IPTABLES, EXPERIMENT_SCHEDULER_RANDOM, ""},
        {EXPERIMENT_PROXY_IPVS, EXPERIMENT_SCHEDULER_WLC, ""},
        {EXPERIMENT_PROXY_ANY, EXPERIMENT_SCHEDULER_SH, ""},
        {EXPERIMENT_PROXY_ANY, EXPERIMENT_SCHEDULER_MH, "the lab has no mh: want random, rr or sh"},
        {EXPERIMENT_PROXY_IPTABLES, EXPERIMENT_SCHEDULER_WLC, "iptables chooses at random"},
        {EXPERIMENT_PROXY_NFTABLES, EXPERIMENT_SCHEDULER_RR, "nftables chooses at random"},
        {EXPERIMENT_PROXY_IPVS, EXPERIMENT_SCHEDULER_RANDOM, "ipvs does not choose at random"},
    };
    struct experiment *experiment = main_job(NULL);
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct error err = {0};
        experiment->cluster.proxy.mode = table[i].mode;
        experiment->cluster.proxy.scheduler = table[i].scheduler;
        int code = proxies_check(experiment, &err);
        if ((code == 0) != (table[i].text[0] == '\0') || strstr(err.text, table[i].text) == NULL)
            fail_msg("row %zu: %s", i, err.text);
    }
    struct error err = {0};
    experiment->cluster.lab_cluster = false; /* Others have what kube-proxy has. */
    experiment->cluster.proxy.mode = EXPERIMENT_PROXY_IPVS;
    for (unsigned i = EXPERIMENT_SCHEDULER_RR; i <= EXPERIMENT_SCHEDULER_MH; i++) {
        experiment->cluster.proxy.scheduler = (enum experiment_scheduler)i;
        assert_int_equal(proxies_check(experiment, &err), 0);
    }
    experiment_free(experiment);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(rows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
