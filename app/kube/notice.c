#include "kube/notice.h"

#include <string.h>

#include "base/json.h"

static int64_t time_of(const cJSON *json, const char *a, const char *b);

void kube_notice_read(struct kube_arena *arena, const cJSON *json, struct kube_notice *notice)
{
    const cJSON *about = json_member(json, "regarding");
    if (about == NULL)
        about = json_member(json, "involvedObject"); /* core/v1 */
    const char *source = json_string(json, "reportingController", "");
    if (source[0] == '\0')
        source = json_string(json, "deprecatedSource.component", "");
    if (source[0] == '\0')
        source = json_string(json, "source.component", "");
    int64_t event_ns = json_parse_time(json_string(json, "eventTime", ""));
    int64_t count = json_integer(json, "count", json_integer(json, "deprecatedCount", 1));
    count = json_integer(json, "series.count", count);
    *notice = (struct kube_notice){
        .about_kind = kube_arena_text(arena, json_string(about, "kind", "")),
        .about_namespace = kube_arena_text(arena, json_string(about, "namespace", "")),
        .about_name = kube_arena_text(arena, json_string(about, "name", "")),
        .about_uid = kube_arena_text(arena, json_string(about, "uid", "")),
        .reason = kube_arena_text(arena, json_string(json, "reason", "")),
        .note = kube_arena_text(arena, json_string(json, "note", json_string(json, "message", ""))),
        .warning = strcmp(json_string(json, "type", ""), "Warning") == 0,
        .source = kube_arena_text(arena, source),
        .count = count < 1 ? 1 : count,
        .first_utc_ns = time_of(json, "firstTimestamp", "deprecatedFirstTimestamp"),
        .last_utc_ns = time_of(json, "lastTimestamp", "deprecatedLastTimestamp"),
    };
    if (notice->first_utc_ns == INT64_MIN)
        notice->first_utc_ns = event_ns;
    if (notice->last_utc_ns == INT64_MIN)
        notice->last_utc_ns = event_ns;
}

static int64_t time_of(const cJSON *json, const char *a, const char *b)
{
    return json_parse_time(json_string(json, a, json_string(json, b, "")));
}
