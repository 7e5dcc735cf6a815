/* fuzz: deps lab */
#include <stdint.h>
#include <stdlib.h>

#include "base/json.h"
#include "lab/api_protobuf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A body is refused with a reason, or is JSON that can be printed. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char why[256];
    cJSON *json = api_protobuf_parse((const char *)data, size, why, sizeof(why));
    char *printed = json == NULL ? NULL : json_print(json, false);
    if ((json == NULL && why[0] == '\0') || (json != NULL && printed == NULL))
        abort();
    cJSON_free(printed);
    cJSON_Delete(json);
    return 0;
}
