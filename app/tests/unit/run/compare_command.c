/* `seamline compare` on run directories and series: what is taken for the same, what is refused and
 * why, what the exit status says. */
#include "run/compare_command.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/json.h"
#include "base/text.h"
#include "rundir/log_writer.h"
#include "rundir/rundir.h"
#include "tests/unit/analyze/scene.h"
#include "tests/unit/rundir/scratch.h"

enum {
    REQUESTS = 2000,
    ARGUMENTS = 12
};

/* What is peculiar of a run. */
struct peculiar {
    unsigned lost;          /* Of the requests of stream new. */
    const char *experiment; /* Extra members. */
    bool killed;
    unsigned seed; /* Of the plan and its lab; 0: as the scene has it. */
};

static void write_log(const char *directory, unsigned lost, struct meta *meta)
{
    struct record *record = record_setup(&(struct record_config){.stream_count = 2});
    struct log_writer writer;
    struct error err = {0};
    assert_non_null(record);
    for (unsigned i = 0; i < REQUESTS; i++)
        record_request_done(
            record, &(struct record_request){.due_ns = MS(2000 + i),
                                             .sent_ns = MS(2000 + i),
                                             .done_ns = MS(2001 + i),
                                             .stream = 1,
                                             .outcome = i < lost ? OUTCOME_REFUSED : OUTCOME_OK});
    record_finish(record);
    assert_int_equal(log_writer_open(&writer, directory, 0, &err), 0);
    assert_int_equal(log_writer_flush(&writer, record, &err), 0);
    assert_int_equal(log_writer_close(&writer, &err), 0);
    record_free(record);
    struct record_log_totals *totals = &meta->streams[1].totals;
    totals->due = REQUESTS;
    totals->outcomes[OUTCOME_OK] = REQUESTS - lost;
    totals->outcomes[OUTCOME_REFUSED] = lost;
}

/* As a later repeat's plan says. */
static void draw_otherwise(cJSON *plan, unsigned seed)
{
    cJSON *cluster = cJSON_GetObjectItem(plan, "cluster");
    cJSON *lab = cJSON_GetObjectItem(cluster, "lab");
    cJSON_SetNumberValue(cJSON_GetObjectItem(plan, "seed"), seed);
    cJSON_SetNumberValue(cJSON_GetObjectItem(lab, "seed"), seed);
}

static void make_run(const char *folder, const char *name, const struct peculiar *peculiar)
{
    char directory[1000], path[1100];
    struct scene scene;
    struct text text = {0};
    struct error err = {0};
    snprintf(directory, sizeof(directory), "%s/%s", folder, name);
    snprintf(path, sizeof(path), "%s/experiment.json", directory);
    assert_int_equal(mkdir(directory, 0755), 0);
    scene_open(&scene, peculiar->experiment != NULL ? peculiar->experiment : "");
    scene.meta.final = !peculiar->killed;
    write_log(directory, peculiar->lost, &scene.meta);
    assert_int_equal(meta_write(&scene.meta, directory, &err), 0);
    if (peculiar->seed != 0)
        draw_otherwise(scene.experiment->resolved, peculiar->seed);
    char *printed = json_print(scene.experiment->resolved, true);
    text_add(&text, printed);
    assert_int_equal(text_write_file(&text, path), 0);
    free(printed);
    text_free(&text);
    experiment_free(scene.experiment);
}

/* COUNT repeats below folder/NAME, each losing LOST and a little. */
static void make_series(const char *folder, const char *name, unsigned count, unsigned lost)
{
    char path[1000], run[1100];
    struct text text = {0};
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    assert_int_equal(mkdir(path, 0755), 0);
    snprintf(run, sizeof(run), "%s/rr", path);
    assert_int_equal(mkdir(run, 0755), 0);
    text_addf(&text,
              "{\"version\":1,\"experiment\":\"scene\",\"started\":\"\",\"repeats\":%u,"
              "\"runs\":[",
              count);
    for (unsigned i = 1; i <= count; i++) {
        struct peculiar peculiar = {.lost = lost + i};
        snprintf(run, sizeof(run), "rr/%u", i);
        make_run(path, run, &peculiar);
        text_addf(&text,
                  "{\"name\":\"rr\",\"repeat\":%u,\"directory\":\"rr/%u\",\"settings\":\"\","
                  "\"state\":\"ended\",\"exitStatus\":%u,\"why\":\"\"},",
                  i, i, i % 2);
    }
    text_add(&text, "{\"name\":\"rr\",\"repeat\":99,\"directory\":\"rr/99\",\"settings\":\"\","
                    "\"state\":\"killed\",\"signal\":9,\"why\":\"by signal 9\"}]}");
    snprintf(run, sizeof(run), "%s/series.json", path);
    assert_int_equal(text_write_file(&text, run), 0);
    text_free(&text);
}

/* `seamline compare` with LINE's words, in FOLDER; OUT gets its standard output. */
static enum exit_status compare(const char *folder, const char *line, struct text *out,
                                struct error *err)
{
    char words[1000], *argv[ARGUMENTS] = {(char[]){"compare"}}, *next = words;
    int argc = 1, stdout_fd = dup(STDOUT_FILENO);
    snprintf(words, sizeof(words), "%s", line);
    for (char *word; (word = strsep(&next, " ")) != NULL && argc + 1 < ARGUMENTS;)
        argv[argc++] = word;
    memset(err, 0, sizeof(*err));
    text_clear(out);
    assert_int_equal(chdir(folder), 0);
    fflush(stdout);
    int fd = open("printed", O_CREAT | O_TRUNC | O_WRONLY, 0644);
    assert_true(fd >= 0 && dup2(fd, STDOUT_FILENO) >= 0);
    enum exit_status status = compare_command(argc, argv, err);
    fflush(stdout);
    dup2(stdout_fd, STDOUT_FILENO);
    close(stdout_fd);
    close(fd);
    assert_int_equal(text_read_file(out, "printed", 1 << 20), 0);
    return status;
}

static void check(const char *folder, const char *line, enum exit_status wanted, const char *told)
{
    struct text out = {0};
    struct error err;
    enum exit_status status = compare(folder, line, &out, &err);
    if (status != wanted || strstr(wanted == EXIT_USAGE ? err.text : text_str(&out), told) == NULL)
        fail_msg("%s: status %d, \"%s\", %s", line, (int)status, err.text, text_str(&out));
    text_free(&out);
}

static void single_runs(void **state)
{
    (void)state;
    make_run(*state, "base", &(struct peculiar){.lost = 10});
    make_run(*state, "same", &(struct peculiar){.lost = 12});
    make_run(*state, "worse", &(struct peculiar){.lost = 60});
    check(*state, "base base", EXIT_MET, "no regression found");
    check(*state, "base same", EXIT_MET, "no regression found");
    check(*state, "base worse", EXIT_NOT_MET, "1 regression: new.lostRequests");
    check(*state, "base worse", EXIT_NOT_MET, "how much runs vary is not known");
    check(*state, "worse base", EXIT_MET, "1 improvement: new.lostRequests");
    check(*state, "base worse --threshold lostRequests=0.1", EXIT_MET, "under the threshold");
    check(*state, "base worse --threshold 600%", EXIT_MET, "under the threshold");
    check(*state, "base worse --figure windows", EXIT_MET, "not judged");
}

static void what_is_not_alike_is_refused(void **state)
{
    (void)state;
    make_run(*state, "base", &(struct peculiar){.lost = 10});
    make_run(*state, "plan",
             &(struct peculiar){.lost = 10, .experiment = ",\"windows\":{\"holdOff\":\"3s\"}"});
    make_run(*state, "expects",
             &(struct peculiar){.lost = 10,
                                .experiment = ",\"expect\":[{\"stream\":\"new\",\"figure\":"
                                              "\"lostRequests\",\"equals\":0}]"});
    make_run(*state, "killed", &(struct peculiar){.lost = 10, .killed = true});
    make_run(*state, "drawn", &(struct peculiar){.lost = 10, .seed = 2});
    check(*state, "base drawn", EXIT_MET, "no regression found");
    check(*state, "base plan", EXIT_USAGE, "as said above");
    check(*state, "base plan --force", EXIT_MET,
          "other plan: windows.holdOff is \"1s\" in base, \"3s\" in plan");
    check(*state, "base expects", EXIT_MET, "no regression found");
    check(*state, "base killed", EXIT_USAGE, "--force does it");
    check(*state, "base killed --force", EXIT_MET, "killed: it was killed");
}

static void series_are_sets(void **state)
{
    (void)state;
    make_series(*state, "old", 6, 20);
    make_series(*state, "new", 6, 60);
    make_series(*state, "few", 2, 60);
    make_run(*state, "one", &(struct peculiar){.lost = 61});
    check(*state, "old new", EXIT_NOT_MET, "1 regression: new.lostRequests");
    check(*state, "old/rr/ new/rr", EXIT_NOT_MET, "left out of the base: 1");
    check(*state, "old old", EXIT_MET, "no regression found");
    check(*state, "old few", EXIT_USAGE, "too few");
    check(*state, "old few --force", EXIT_MET, "Too few:");
    check(*state, "old/rr/1 one -n few -n one -n new/rr/1 -n one -n one", EXIT_USAGE, "too few");
    check(*state, "old one -n few -n new/rr/1 -n one -n one", EXIT_NOT_MET, "1 regression");
    check(*state, "old new -f json", EXIT_NOT_MET, "\"verdict\":\t\"worse\"");
}

static void bad_input_is_told(void **state)
{
    (void)state;
    make_run(*state, "base", &(struct peculiar){0});
    make_series(*state, "old", 2, 20);
    check(*state, "base", EXIT_USAGE, "want BASE and NEW");
    check(*state, "base nowhere", EXIT_USAGE, "nowhere: neither a run directory");
    check(*state, "base old/lc", EXIT_USAGE, "has no run lc");
    check(*state, "base base -f pdf", EXIT_USAGE, "\"pdf\" is no format");
    check(*state, "base base --figure speed", EXIT_USAGE, "\"speed\" is no figure");
    check(*state, "base base --threshold 5", EXIT_USAGE, "--threshold: want");
    check(*state, "base base --threshold windows=x", EXIT_USAGE, "--threshold: want");
    check(*state, "base base --threshold windows=-1%", EXIT_USAGE, "--threshold: want");
    check(*state, "base base --threshold latencyP50=3", EXIT_USAGE, "--threshold: want");
    check(*state, "base base --level 2", EXIT_USAGE, "--level: want");
    check(*state, "--help", EXIT_MET, "Usage: seamline compare");
}

int main(void)
{
#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        IN_SCRATCH(single_runs),
        IN_SCRATCH(what_is_not_alike_is_refused),
        IN_SCRATCH(series_are_sets),
        IN_SCRATCH(bad_input_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
