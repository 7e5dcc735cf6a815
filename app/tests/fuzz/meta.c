/* fuzz: deps rundir */
/* A meta.json of any kind: what is read is inside its bounds and steers no line; any other has an
 * error. */
#include "rundir/meta.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void check_name(const char *name, size_t bytes)
{
    require(strnlen(name, bytes) < bytes && strchr(name, '\n') == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *bytes = malloc(size + 1); /* Of its exact size, so that reading on is seen. */
    struct meta meta;
    struct error err = {0};
    if (bytes == NULL)
        return 0;
    if (size > 0)
        memcpy(bytes, data, size);
    if (meta_parse(&meta, bytes, size, &err) == 0) {
        require(meta.stream_count <= RECORD_STREAMS && meta.port_count <= META_PORTS);
        require(meta.queue_count <= META_QUEUES);
        require(meta.utc_count <= sizeof(meta.utc) / sizeof(meta.utc[0]));
        check_name(meta.experiment, sizeof(meta.experiment));
        for (uint32_t i = 0; i < meta.stream_count; i++)
            check_name(meta.streams[i].name, sizeof(meta.streams[i].name));
        for (uint32_t i = 0; i < meta.port_count; i++)
            check_name(meta.ports[i].name, sizeof(meta.ports[i].name));
        meta_free(&meta);
    } else {
        require(err.text[0] != '\0');
    }
    free(bytes);
    return 0;
}
