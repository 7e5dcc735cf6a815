#include "run/findings.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"

static const char *const states[FINDING_STATE_COUNT] = {
#define X(id, text) [FINDING_##id] = text,
    FINDING_STATES(X)
#undef X
};

static void print_part(const struct findings *findings, unsigned from, struct text *out);
static void add_mend(const struct finding *finding, struct text *out);
static void add_counts(const struct findings *findings, struct text *out);

void findings_free(struct findings *findings)
{
    for (unsigned i = 0; i < findings->count; i++) {
        text_free(&findings->items[i].text);
        text_free(&findings->items[i].mend);
    }
    free(findings->items);
    *findings = (struct findings){0};
}

void findings_add(struct findings *findings, enum finding_state state, const char *part,
                  const char *name, const char *format, ...)
{
    va_list args;
    if (findings->items == NULL)
        findings->items = calloc(FINDINGS_MAX, sizeof(findings->items[0]));
    if (findings->items == NULL || findings->count == FINDINGS_MAX) {
        findings->counts[FINDING_FAIL]++;
        return;
    }
    struct finding *finding = &findings->items[findings->count++];
    *finding = (struct finding){.state = state, .part = part, .name = name};
    findings->counts[state]++;
    va_start(args, format);
    text_addv(&finding->text, format, args);
    va_end(args);
    if (finding->text.size > 0) {
        text_tame(finding->text.data);
        text_flatten(finding->text.data);
    }
}

void findings_mend(struct findings *findings, const char *format, ...)
{
    va_list args;
    if (findings->count == 0)
        return;
    struct text *mend = &findings->items[findings->count - 1].mend;
    va_start(args, format);
    text_addv(mend, format, args);
    va_end(args);
    if (mend->size > 0)
        text_tame(mend->data);
}

/* Those of a part may have come in between those of others. */
void findings_print(const struct findings *findings, struct text *out)
{
    for (unsigned i = 0; i < findings->count; i++) {
        const char *part = findings->items[i].part;
        unsigned first = 0;
        while (strcmp(findings->items[first].part, part) != 0)
            first++;
        if (first == i)
            print_part(findings, i, out);
    }
    add_counts(findings, out);
}

/* The part of the finding FROM, which is its first. */
static void print_part(const struct findings *findings, unsigned from, struct text *out)
{
    const char *part = findings->items[from].part;
    text_addf(out, "%s\n", part);
    for (unsigned i = from; i < findings->count; i++) {
        const struct finding *finding = &findings->items[i];
        if (strcmp(part, finding->part) != 0)
            continue;
        text_addf(out, "  %-4s  %-11s  %s\n", states[finding->state], finding->name,
                  text_str(&finding->text));
        add_mend(finding, out);
    }
}

/* The same indentation for each line leaves YAML what it is. */
static void add_mend(const struct finding *finding, struct text *out)
{
    const char *sign = "->";
    const char *line = text_str(&finding->mend);
    while (*line != '\0') {
        const size_t size = strcspn(line, "\n");
        text_addf(out, "%20s %.*s\n", sign, (int)size, line);
        line += size + (line[size] == '\n');
        sign = "";
    }
}

static void add_counts(const struct findings *findings, struct text *out)
{
    const unsigned *counts = findings->counts;
    text_addf(out, "%u ok, %u warn, %u fail\n", counts[FINDING_OK], counts[FINDING_WARN],
              counts[FINDING_FAIL]);
}

void findings_json(const struct findings *findings, struct text *out)
{
    cJSON *tree = cJSON_CreateObject();
    for (unsigned state = 0; state < FINDING_STATE_COUNT; state++)
        json_add_integer(tree, states[state], findings->counts[state]);
    cJSON *list = cJSON_AddArrayToObject(tree, "findings");
    for (unsigned i = 0; i < findings->count; i++) {
        const struct finding *finding = &findings->items[i];
        cJSON *item = cJSON_CreateObject();
        cJSON_AddStringToObject(item, "part", finding->part);
        cJSON_AddStringToObject(item, "name", finding->name);
        cJSON_AddStringToObject(item, "state", states[finding->state]);
        cJSON_AddStringToObject(item, "text", text_str(&finding->text));
        if (finding->mend.size > 0)
            cJSON_AddStringToObject(item, "mend", text_str(&finding->mend));
        cJSON_AddItemToArray(list, item);
    }
    char *printed = json_print(tree, true);
    text_addf(out, "%s\n", printed != NULL ? printed : "");
    free(printed);
    cJSON_Delete(tree);
}

void findings_lines(const struct findings *findings, struct text *out)
{
    for (unsigned i = 0; i < findings->count; i++) {
        const struct finding *finding = &findings->items[i];
        if (finding->state != FINDING_OK)
            text_addf(out, "%s%s%s\n", text_str(&finding->text), finding->mend.size > 0 ? "; " : "",
                      text_str(&finding->mend));
    }
}
