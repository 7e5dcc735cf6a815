/* report_html.c - the page: run.json with lists of bounded length, the plan, the timeline, and what
 * is drawn over time. docs/file-formats.md says what is in it. */
#include <stdlib.h>

#include "base/json.h"
#include "report/escape.h"
#include "report/html_page.h"
#include "report/html_series.h"
#include "report/report_json_priv.h"
#include "report/report_priv.h"
#include "report/sentence.h"

/* Takes JSON. */
static void add_tree(struct text *out, const char *name, cJSON *json)
{
    char *printed = json_print(json, false);
    text_addf(out, ",\"%s\":", name);
    if (printed != NULL)
        escape_utf8(out, printed);
    else
        out->failed = true;
    free(printed);
    cJSON_Delete(json);
}

static cJSON *time_json(uint64_t ns)
{
    return json_new_integer((int64_t)ns);
}

/* [not before, not after, kind, object, node, text, ours, unseen], and so each. */
static cJSON *events_json(const struct timeline *timeline)
{
    cJSON *all = cJSON_CreateArray();
    for (size_t i = 0; i < timeline->count && i < HTML_EVENTS; i++) {
        const struct timeline_event *event = &timeline->events[i];
        cJSON *json = cJSON_CreateArray();
        cJSON_AddItemToArray(json, time_json(event->not_before_ns));
        cJSON_AddItemToArray(json, time_json(event->not_after_ns));
        cJSON_AddItemToArray(json, cJSON_CreateString(timeline_kind_text(event->kind)));
        cJSON_AddItemToArray(json, cJSON_CreateString(event->object));
        cJSON_AddItemToArray(json, cJSON_CreateString(event->node));
        cJSON_AddItemToArray(json, cJSON_CreateString(event->text));
        cJSON_AddItemToArray(json, cJSON_CreateBool(event->ours));
        cJSON_AddItemToArray(json, cJSON_CreateBool(event->unseen));
        cJSON_AddItemToArray(all, json);
    }
    return all;
}

/* [start, end, kind, count] */
static cJSON *faults_json(const struct logs *logs)
{
    cJSON *all = cJSON_CreateArray();
    for (size_t i = 0; i < logs->fault_count && i < HTML_EVENTS; i++) {
        const struct record_fault *fault = &logs->faults[i];
        cJSON *json = cJSON_CreateArray();
        cJSON_AddItemToArray(json, time_json(fault->start_ns));
        cJSON_AddItemToArray(json, time_json(fault->end_ns));
        cJSON_AddItemToArray(json, cJSON_CreateString(tester_fault_text(fault->kind)));
        cJSON_AddItemToArray(json, time_json(fault->count));
        cJSON_AddItemToArray(all, json);
    }
    return all;
}

/* The words behind the numbers in columns. */
static cJSON *words_json(const struct result *result)
{
    cJSON *words = cJSON_CreateObject();
    cJSON *outcomes = cJSON_AddArrayToObject(words, "outcomes");
    cJSON *lost = cJSON_AddArrayToObject(words, "lost");
    for (unsigned i = 0; i < OUTCOME_COUNT; i++) {
        cJSON_AddItemToArray(outcomes, cJSON_CreateString(outcome_text(i)));
        cJSON_AddItemToArray(lost, cJSON_CreateBool(result->opens >> i & 1));
    }
    cJSON *ends = cJSON_AddArrayToObject(words, "ends");
    for (unsigned i = 0; i < CONNECTION_END_COUNT; i++)
        cJSON_AddItemToArray(ends, cJSON_CreateString(connection_end_text(i)));
    cJSON *hosts = cJSON_AddArrayToObject(words, "hosts");
    for (size_t i = 0; i < result->logs.host_count; i++)
        cJSON_AddItemToArray(hosts, cJSON_CreateString(result->logs.hosts[i].name));
    cJSON *causes = cJSON_AddObjectToObject(words, "causes");
    for (unsigned i = 0; i < CAUSE_COUNT; i++)
        cJSON_AddStringToObject(causes, cause_word(i), cause_sentence(i));
    return words;
}

/* How many there are of what may be cut. */
static cJSON *totals_json(const struct result *result)
{
    size_t listed = 0;
    for (size_t i = 0; i < result->logs.connection_count; i++)
        listed += result->logs.connections[i].end != CONNECTION_DONE;
    cJSON *totals = cJSON_CreateObject();
    json_add_integer(totals, "connections", (int64_t)listed);
    json_add_integer(totals, "outages", (int64_t)result->logs.outage_count);
    json_add_integer(totals, "events", (int64_t)result->timeline.count);
    json_add_integer(totals, "faults", (int64_t)result->logs.fault_count);
    return totals;
}

int report_html(const struct result *result, struct text *out, struct error *err)
{
    struct text data = {0}, sentence = {0};
    (void)err;
    sentence_add(result, &sentence);
    cJSON *line = cJSON_CreateString(text_str(&sentence));
    text_add(&data, "{\"page\":1");
    add_tree(&data, "sentence", line);
    add_tree(&data, "run", report_json_tree(result, HTML_LISTED));
    add_tree(&data, "plan", cJSON_Duplicate(result->experiment->resolved, true));
    add_tree(&data, "totals", totals_json(result));
    add_tree(&data, "words", words_json(result));
    add_tree(&data, "events", events_json(&result->timeline));
    add_tree(&data, "faults", faults_json(&result->logs));
    text_add(&data, ",\"connections\":");
    html_series_connections(result, &data);
    text_add(&data, ",\"series\":[");
    for (unsigned i = 0; i < result->meta.stream_count; i++) {
        text_add(&data, i > 0 ? "," : "");
        html_series_stream(result, i, &data);
    }
    text_add(&data, "]}");
    html_page_make(&html_report, &data, out);
    out->failed = out->failed || sentence.failed;
    text_free(&sentence);
    text_free(&data);
    return 0;
}
