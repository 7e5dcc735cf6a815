#include "analyze/comparable.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/plan_difference.h"

/* The same CPU's counter is measured anew each time, to some parts in a million. */
static const double tsc_most = 1e-4;

/* Members of a plan that change nothing of what is measured. */
static const char *const free_members[] = {"version",          "name",   "seed",
                                           "cluster.lab.seed", "expect", "report",
                                           "variants",         "matrix", "repeats"};

struct difference {
    const struct compare_run *base, *other;
    struct remarks *out;
};

static bool is_there(const struct remarks *remarks, const char *text)
{
    for (size_t i = 0; i < remarks->count; i++)
        if (strcmp(remarks->items[i].text, text) == 0)
            return true;
    return false;
}

void remarks_add(struct remarks *remarks, bool objection, const char *format, ...)
{
    char text[sizeof(remarks->items[0].text)];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (is_there(remarks, text))
        return;
    remarks->objections += objection;
    if (remarks->count == COMPARABLE_REMARKS) {
        remarks->left_out++;
        return;
    }
    struct remark *remark = &remarks->items[remarks->count++];
    remark->objection = objection;
    memcpy(remark->text, text, sizeof(text));
}

static bool is_free(const char *path)
{
    for (size_t i = 0; i < sizeof(free_members) / sizeof(free_members[0]); i++)
        if (plan_path_is(path, free_members[i]))
            return true;
    return false;
}

static void check_plan(const struct difference *difference)
{
    struct plan_differences found = {0};
    plan_differences_find(difference->base->facts.plan, difference->other->facts.plan, &found);
    for (size_t i = 0; i < found.count; i++) {
        const struct plan_difference *item = &found.items[i];
        if (!is_free(item->path))
            remarks_add(difference->out, true, "other plan: %s is %s in %.80s, %s in %.80s",
                        item->path, item->base, difference->base->directory, item->other,
                        difference->other->directory);
    }
    difference->out->left_out += found.left_out;
}

static void check_stamps(const struct difference *difference)
{
    const struct compare_facts *base = &difference->base->facts, *other = &difference->other->facts;
    if (base->nic_arrivals != other->nic_arrivals)
        remarks_add(difference->out, true,
                    "other clock: arrivals are stamped by the NIC in one of %.80s and %.80s, by "
                    "the poll in the other",
                    difference->base->directory, difference->other->directory);
    if (base->nic_departures != other->nic_departures)
        remarks_add(difference->out, true,
                    "other clock: requests leave by the NIC's clock in one of %.80s and %.80s, by "
                    "the worker's in the other",
                    difference->base->directory, difference->other->directory);
    if (base->lab != other->lab)
        remarks_add(difference->out, true, "one of %.80s and %.80s was on the lab, the other not",
                    difference->base->directory, difference->other->directory);
}

static void check_machine(const struct difference *difference)
{
    const struct compare_facts *base = &difference->base->facts, *other = &difference->other->facts;
    double hz = (double)base->tsc_hz;
    if (fabs((double)other->tsc_hz - hz) > tsc_most * hz)
        remarks_add(difference->out, false,
                    "%.80s ran on a machine whose clock has %.6g MHz, %.80s with %.6g MHz: the "
                    "tester may be the difference",
                    difference->base->directory, hz / 1e6, difference->other->directory,
                    (double)other->tsc_hz / 1e6);
    if (base->worker_count != other->worker_count)
        remarks_add(difference->out, false, "%.80s had %u workers, %.80s %u",
                    difference->base->directory, base->worker_count, difference->other->directory,
                    other->worker_count);
    if (strcmp(base->version, other->version) != 0)
        remarks_add(difference->out, false, "%.80s was made by seamline %s, %.80s by %s",
                    difference->base->directory, base->version, difference->other->directory,
                    other->version);
    if (strcmp(base->environment, other->environment) != 0)
        remarks_add(difference->out, false, "%.80s ran on \"%.100s\", %.80s on \"%.100s\"",
                    difference->base->directory, base->environment, difference->other->directory,
                    other->environment);
}

static void check_run(const struct compare_run *run, struct remarks *out)
{
    if (run->facts.damage[0] != '\0')
        remarks_add(out, true, "%.100s: %s", run->directory, run->facts.damage);
    if (run->facts.tester[0] != '\0')
        remarks_add(out, false, "%.100s: %s", run->directory, run->facts.tester);
}

static void check_streams(const struct difference *difference)
{
    for (uint32_t i = 0; i < difference->base->stream_count; i++) {
        const char *name = difference->base->streams[i].name;
        bool found = false;
        for (uint32_t k = 0; k < difference->other->stream_count; k++)
            found |= strcmp(difference->other->streams[k].name, name) == 0;
        if (!found)
            remarks_add(difference->out, true, "%.100s has no stream %s: it is not compared",
                        difference->other->directory, name);
    }
}

void comparable_check(const struct compare_side *base, const struct compare_side *next,
                      struct remarks *out)
{
    const struct compare_side *sides[] = {base, next};

    for (unsigned side = 0; side < 2; side++) {
        for (size_t i = 0; i < sides[side]->count; i++) {
            const struct compare_side *held_against = i == 0 ? base : sides[side];
            const struct difference difference = {&held_against->runs[0], &sides[side]->runs[i],
                                                  out};
            check_run(difference.other, out);
            if (difference.base == difference.other)
                continue;
            check_plan(&difference);
            check_streams(&difference);
            check_stamps(&difference);
            check_machine(&difference);
        }
    }
}
