/* fuzz: deps net_codec */
/* A driver profile: what is taken is whole, what is refused says why. */
#include "net/profile.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct profile profile = {0};
    struct error err = {0};
    char *json = malloc(size + 1);
    if (json == NULL)
        return 0;
    memcpy(json, data, size);
    json[size] = '\0';
    const int status = profile_parse("fuzz", json, &profile, &err);
    free(json);
    if (status < 0 ? err.text[0] == '\0' : profile.name[0] == '\0' || profile.queues_max == 0)
        abort();
    return 0;
}
