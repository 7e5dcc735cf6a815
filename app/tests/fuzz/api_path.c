/* fuzz: deps lab */
#include <stdlib.h>
#include <string.h>

#include "lab/api_path.h"
#include "lab/api_selector.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The address line of a request, and the selectors that it carries, on an object of each kind. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char text[] = "{\"metadata\":{\"name\":\"a\",\"namespace\":\"b\",\"labels\":{"
                               "\"a\":\"b\",\"c\":\"\"}},\"spec\":{\"nodeName\":\"n\"}}";
    char why[256];
    struct api_path path;
    struct api_selector selector;
    char *target = malloc(size + 1);
    memcpy(target, data, size);
    target[size] = '\0';
    if (api_path_parse(target, &path, why, sizeof(why)) == 0) {
        cJSON *object = cJSON_Parse(text);
        for (unsigned kind = 0; kind < STORE_KIND_COUNT; kind++) {
            if (api_selector_parse((enum store_kind)kind, path.label_selector, path.field_selector,
                                   &selector, why, sizeof(why)) == 0)
                api_selector_matches(&selector, object);
        }
        cJSON_Delete(object);
    }
    free(target);
    return 0;
}
