/* sha256: SHA-256 (FIPS 180-4) and HMAC over it (RFC 2104), for signing what is sent. In: bytes, a key. Out: a digest. */
#ifndef GAD_BASE_SHA256_H
#define GAD_BASE_SHA256_H
#include <stddef.h>
#include <stdint.h>

enum { GAD_SHA256_BYTES = 32, GAD_SHA256_TEXT = 65 };

void gad_sha256(const void *bytes, size_t length, uint8_t digest[GAD_SHA256_BYTES]);
/* As 64 hexadecimal digits and a zero. */
void gad_sha256_hmac(const void *key, size_t key_bytes, const void *bytes, size_t length, char text[GAD_SHA256_TEXT]);
#endif
