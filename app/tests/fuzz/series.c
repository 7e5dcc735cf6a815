/* fuzz: deps report */
/* A series.json of any kind: what is read prints as a table that steers no terminal, and reads the
 * same again. The same bytes as a run.json give figures. */
#include "report/series.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void check_again(const struct series *series)
{
    cJSON *json = series_json(series);
    struct series again;
    require(json != NULL && series_read(json, &again) == 0);
    require(again.count == series->count && series_worst(&again) == series_worst(series));
    for (uint32_t i = 0; i < again.count; i++)
        require(strcmp(again.runs[i].name, series->runs[i].name) == 0 &&
                again.runs[i].state == series->runs[i].state);
    free(again.runs);
    cJSON_Delete(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cJSON *json = json_parse((const char *)data, size, NULL);
    struct series_figures figures;
    struct series series;
    struct text table = {0};
    series_figures(json, &figures);
    require(figures.given == (json != NULL));
    if (json != NULL && series_read(json, &series) == 0) {
        series_table(&series, &table);
        require(table.failed || strpbrk(text_str(&table), "\x1b\x7f\r") == NULL);
        check_again(&series);
        free(series.runs);
    }
    text_free(&table);
    cJSON_Delete(json);
    return 0;
}
