/* log_blocks.h - for the fuzz targets of logs: the checksums of the blocks in any bytes are made
 * right, as a bit flip would otherwise end every run of bytes there. */
#ifndef TESTS_FUZZ_LOG_BLOCKS_H
#define TESTS_FUZZ_LOG_BLOCKS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <zlib.h>

#include "rundir/log_writer.h"

static inline void log_blocks_mend(uint8_t *bytes, size_t size)
{
    size_t at = sizeof(struct log_header);
    while (at <= size && size - at >= sizeof(struct log_block)) {
        struct log_block block;
        memcpy(&block, bytes + at, sizeof(block));
        size_t records = block.bytes;
        if (size - at - sizeof(block) < records)
            return;
        block.crc = 0;
        uLong crc = crc32(0, (const Bytef *)&block, sizeof(block));
        block.crc = (uint32_t)crc32(crc, bytes + at + sizeof(block), (uInt)records);
        memcpy(bytes + at, &block, sizeof(block));
        at += sizeof(block) + records;
    }
}

#endif
