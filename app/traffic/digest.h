/* digest.h - SHA-256 of a body that passes by (FIPS 180-4), by OpenSSL.
 *
 *     digest_begin(&digest); digest_add(&digest, bytes, count) ...; digest_is(&digest, sha256);
 *
 * By its low-level functions: those of EVP take memory at each beginning, which a worker must not.
 *
 * Threads: the owner's. Memory: the struct.
 */
#ifndef TRAFFIC_DIGEST_H
#define TRAFFIC_DIGEST_H

#include <openssl/sha.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    DIGEST_BYTES = SHA256_DIGEST_LENGTH
};

struct digest {
    SHA256_CTX state;
};

void digest_begin(struct digest *digest);
void digest_add(struct digest *digest, const uint8_t *bytes, uint32_t count);
/* Is SHA256 the digest of what was added? Begin anew after this. */
bool digest_is(struct digest *digest, const uint8_t sha256[DIGEST_BYTES]);

#endif
