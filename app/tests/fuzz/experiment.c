/* fuzz: deps plan */
/* Experiment files: what is taken can be written out with its defaults and is then taken again.
 * Input: an assignment as for --set on the first line, perhaps empty, then the file. */
#include "plan/experiment.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    ASSIGNMENT_BYTES = 256
};

static void check_again(const struct experiment *experiment)
{
    struct experiment *again = NULL;
    struct error err = {0};
    char *text = json_print(experiment->resolved, true);

    if (text == NULL || experiment_parse("again", text, strlen(text), NULL, &again, &err) < 0)
        abort();
    cJSON_free(text);
    experiment_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = memchr(data, '\n', size);
    size_t first = end != NULL ? (size_t)(end - data) : 0;
    char assignment[ASSIGNMENT_BYTES] = "";
    const char *sets[] = {assignment};
    struct experiment_options options = {.sets = sets};
    struct experiment *experiment = NULL;
    struct error err = {0};

    if (end == NULL || first >= sizeof(assignment))
        return 0;
    memcpy(assignment, data, first);
    options.set_count = assignment[0] != '\0' ? 1 : 0;
    if (experiment_parse("fuzz", (const char *)end + 1, size - first - 1, &options, &experiment,
                         &err) == 0)
        check_again(experiment);
    else if (err.text[0] == '\0')
        abort();
    experiment_free(experiment);
    return 0;
}
