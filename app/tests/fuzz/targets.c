/* fuzz: deps plan */
/* Files of targets of any kind: what parses has whole targets, and printed again parses the same;
 * what does not has an error with its place, and leaves nothing. */
#include "plan/targets.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void print(const struct targets *targets, struct text *text)
{
    for (size_t i = 0; i < targets->count; i++) {
        const struct targets_item *item = &targets->items[i];
        text_addf(text, "%s %s\n", item->method, item->url);
        for (size_t j = 0; j < item->header_count; j++)
            text_addf(text, "%s\n", item->headers[j]);
        text_addf(text, "%s\n\n", item->body != NULL ? item->body : "");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct targets targets, again;
    struct error err = {0};
    struct text once = {0}, twice = {0};

    if (targets_parse("file", (const char *)data, size, &targets, &err) < 0) {
        require(err.text[0] != '\0' && targets.text == NULL && targets.count == 0);
        return 0;
    }
    require(targets.count > 0 && targets.count <= TARGETS_MAX);
    print(&targets, &once);
    require(targets_parse("again", text_str(&once), once.size, &again, NULL) == 0);
    print(&again, &twice);
    require(strcmp(text_str(&once), text_str(&twice)) == 0);
    text_free(&once);
    text_free(&twice);
    targets_free(&again);
    targets_free(&targets);
    return 0;
}
