/* fuzz: deps lab */
/* Label and field selectors of a request, a line each: refused with a reason, or matched. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "lab/api_selector.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char pod[] = "{\"metadata\":{\"name\":\"p\",\"namespace\":\"d\",\"labels\":{"
                              "\"app\":\"web\",\"a\":\"\"}},"
                              "\"spec\":{\"nodeName\":\"n1\"},\"status\":{\"phase\":\"Running\"}}";
    struct api_selector selector;
    char why[200] = "", *text = malloc(size + 1);
    if (text == NULL)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    char *fields = strchr(text, '\n');
    if (fields != NULL)
        *fields++ = '\0';
    cJSON *object = json_parse(pod, sizeof(pod) - 1, NULL);
    int code = api_selector_parse(STORE_POD, text, fields == NULL ? "" : fields, &selector, why,
                                  sizeof(why));
    if (code < 0 && why[0] == '\0')
        abort();
    /* What selects nothing by terms selects everything. */
    if (code == 0 && !api_selector_matches(&selector, object) && selector.term_count == 0)
        abort();
    if (code == 0 && api_selector_add_name(&selector, "q") == 0 &&
        api_selector_matches(&selector, object))
        abort();
    cJSON_Delete(object);
    free(text);
    return 0;
}
