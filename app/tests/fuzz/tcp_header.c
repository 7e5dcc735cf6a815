/* fuzz: deps tcp */
#include "tcp/tcp_header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tcp_header header;

    if (size > UINT16_MAX)
        return 0;
    if (tcp_header_parse(data, (uint16_t)size, &header) == TCP_TAKEN &&
        (header.header_bytes > size || header.window_scale > TCP_WINDOW_SCALE_MAX))
        __builtin_trap();
    return 0;
}
