/* OpenSSL would have everybody use EVP: see the header. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "traffic/digest.h"

#include <string.h>

void digest_begin(struct digest *digest)
{
    SHA256_Init(&digest->state);
}

void digest_add(struct digest *digest, const uint8_t *bytes, uint32_t count)
{
    SHA256_Update(&digest->state, bytes, count);
}

bool digest_is(struct digest *digest, const uint8_t sha256[DIGEST_BYTES])
{
    uint8_t made[DIGEST_BYTES];
    SHA256_Final(made, &digest->state);
    return memcmp(made, sha256, sizeof(made)) == 0;
}
