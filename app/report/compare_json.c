/* compare_json.c - a comparison as JSON: docs/file-formats.md describes every member. */
#include <math.h>
#include <stdlib.h>

#include "base/json.h"
#include "report/compare_priv.h"

enum {
    COMPARE_JSON_VERSION = 1
};

/* Lengths of time are whole ns. */
static void add_value(cJSON *json, const char *name, enum compare_figure figure, double value)
{
    if (compare_figure_unit(figure) == COMPARE_UNIT_NS)
        json_add_integer(json, name, llround(value));
    else
        cJSON_AddNumberToObject(json, name, value);
}

static void add_interval(cJSON *json, enum compare_figure figure, struct limits interval)
{
    add_value(json, "low", figure, interval.low);
    add_value(json, "high", figure, interval.high);
}

static void add_figure(cJSON *json, const char *name, const struct compare_row *row,
                       const struct compare_figure_of *side)
{
    if (side->runs == 0) {
        cJSON_AddNullToObject(json, name);
        return;
    }
    cJSON *of = cJSON_AddObjectToObject(json, name);
    json_add_integer(of, "runs", (int64_t)side->runs);
    add_value(of, "value", row->figure, side->value);
    add_interval(of, row->figure, side->interval);
    cJSON_AddNumberToObject(of, "coverage", side->coverage);
    if (side->share.trials > 0) {
        json_add_integer(of, "hits", (int64_t)side->share.hits);
        json_add_integer(of, "of", (int64_t)side->share.trials);
    }
}

static cJSON *row_json(const struct compare_row *row, const struct compare_options *options)
{
    static const char *const units[] = {"count", "ratio", "ns"};
    const struct compare_threshold *threshold = &options->thresholds[row->figure];
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "stream", row->stream);
    cJSON_AddStringToObject(json, "figure", compare_figure_word(row->figure));
    cJSON_AddStringToObject(json, "unit", units[compare_figure_unit(row->figure)]);
    add_figure(json, "base", row, &row->base);
    add_figure(json, "new", row, &row->next);
    if (row->base.runs > 0 && row->next.runs > 0) {
        cJSON *change = cJSON_AddObjectToObject(json, "change");
        add_value(change, "value", row->figure, row->change);
        add_interval(change, row->figure, row->change_interval);
        cJSON_AddNumberToObject(json, "superiority", row->superiority);
    } else {
        cJSON_AddNullToObject(json, "change");
        cJSON_AddNullToObject(json, "superiority");
    }
    cJSON *at_least = cJSON_AddObjectToObject(json, "threshold");
    cJSON_AddNumberToObject(at_least, "share", threshold->share);
    add_value(at_least, "amount", row->figure, threshold->amount);
    cJSON_AddNumberToObject(json, "p", row->p);
    cJSON_AddNumberToObject(json, "adjusted", row->adjusted);
    cJSON_AddBoolToObject(json, "corrected", row->in_family);
    cJSON_AddStringToObject(json, "verdict", compare_verdict_word(row->verdict));
    cJSON_AddStringToObject(json, "why", row->why);
    return json;
}

static void add_runs(cJSON *json, const char *name, const struct compare_side *side)
{
    cJSON *runs = cJSON_AddArrayToObject(json, name);
    for (size_t i = 0; i < side->count; i++)
        cJSON_AddItemToArray(runs, cJSON_CreateString(side->runs[i].directory));
}

static void add_remarks(cJSON *json, const char *name, const struct remarks *remarks,
                        bool objections)
{
    cJSON *list = cJSON_AddArrayToObject(json, name);
    for (size_t i = 0; i < remarks->count; i++)
        if (remarks->items[i].objection == objections)
            cJSON_AddItemToArray(list, cJSON_CreateString(remarks->items[i].text));
}

void compare_json(const struct compare_account *account, struct text *out)
{
    const struct comparison *comparison = account->comparison;
    cJSON *json = cJSON_CreateObject();

    json_add_integer(json, "version", COMPARE_JSON_VERSION);
    cJSON_AddStringToObject(json, "verdict", comparison->worse > 0 ? "worse" : "not-found");
    json_add_integer(json, "regressions", (int64_t)comparison->worse);
    json_add_integer(json, "improvements", (int64_t)comparison->better);
    add_runs(json, "base", account->base);
    add_runs(json, "new", account->next);
    cJSON_AddStringToObject(json, "test", comparison->repeated ? "runs" : "within");
    cJSON_AddNumberToObject(json, "level", account->options->level);
    json_add_integer(json, "corrected", (int64_t)comparison->family);
    json_add_integer(json, "runsWanted", (int64_t)comparison->runs_wanted);
    add_remarks(json, "objections", account->remarks, true);
    add_remarks(json, "warnings", account->remarks, false);
    cJSON *figures = cJSON_AddArrayToObject(json, "figures");
    for (size_t i = 0; i < comparison->row_count; i++)
        cJSON_AddItemToArray(figures, row_json(&comparison->rows[i], account->options));
    char *printed = json_print(json, true);
    if (printed == NULL)
        out->failed = true;
    else
        text_addf(out, "%s\n", printed);
    free(printed);
    cJSON_Delete(json);
}
