/* sha256: see sha256.h */
#include "base/sha256.h"

#include <stdio.h>
#include <string.h>

enum { BLOCK = 64 };

typedef struct state {
    uint32_t h[8];
    uint8_t block[BLOCK];
    size_t filled;
    uint64_t bytes;
} state;

/* The first 32 bits of the fractional parts of the cube roots of the first 64 primes. */
static const uint32_t k[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01,
    0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc,
    0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
    0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08,
    0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
    0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t turn(uint32_t x, int n)
{
    return x >> n | x << (32 - n);
}

static void mix(uint32_t h[8], const uint8_t block[BLOCK])
{
    uint32_t w[64], v[8];
    for (int i = 0; i < 16; i++)
        w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 | (uint32_t)block[4 * i + 2] << 8 |
               block[4 * i + 3];
    for (int i = 16; i < 64; i++) {
        uint32_t a = w[i - 15], b = w[i - 2];
        w[i] = w[i - 16] + (turn(a, 7) ^ turn(a, 18) ^ a >> 3) + w[i - 7] + (turn(b, 17) ^ turn(b, 19) ^ b >> 10);
    }
    memcpy(v, h, sizeof v);
    for (int i = 0; i < 64; i++) {
        uint32_t sum1 = turn(v[4], 6) ^ turn(v[4], 11) ^ turn(v[4], 25), choice = (v[4] & v[5]) ^ (~v[4] & v[6]);
        uint32_t sum0 = turn(v[0], 2) ^ turn(v[0], 13) ^ turn(v[0], 22);
        uint32_t majority = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);
        uint32_t first = v[7] + sum1 + choice + k[i] + w[i], second = sum0 + majority;
        memmove(v + 1, v, 7 * sizeof *v);
        v[4] += first;
        v[0] = first + second;
    }
    for (int i = 0; i < 8; i++)
        h[i] += v[i];
}

static void start(state *s)
{
    *s = (state){.h = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19}};
}

static void add(state *s, const void *bytes, size_t length)
{
    const uint8_t *from = bytes;
    s->bytes += length;
    while (length) {
        size_t n = BLOCK - s->filled < length ? BLOCK - s->filled : length;
        memcpy(s->block + s->filled, from, n);
        s->filled += n;
        from += n;
        length -= n;
        if (s->filled == BLOCK) {
            mix(s->h, s->block);
            s->filled = 0;
        }
    }
}

/* A one bit, zeros, and the length in bits fill the last block. */
static void finish(state *s, uint8_t digest[GAD_SHA256_BYTES])
{
    static const uint8_t padding[BLOCK] = {0x80};
    uint64_t bits = 8 * s->bytes;
    uint8_t length[8];
    for (int i = 0; i < 8; i++)
        length[i] = (uint8_t)(bits >> (56 - 8 * i));
    add(s, padding, (s->filled < 56 ? 56 : 56 + BLOCK) - s->filled);
    add(s, length, sizeof length);
    for (int i = 0; i < GAD_SHA256_BYTES; i++)
        digest[i] = (uint8_t)(s->h[i / 4] >> (24 - 8 * (i % 4)));
}

void gad_sha256(const void *bytes, size_t length, uint8_t digest[GAD_SHA256_BYTES])
{
    state s;
    start(&s);
    add(&s, bytes, length);
    finish(&s, digest);
}

static void hash_padded(const uint8_t key[BLOCK], uint8_t pad, const void *bytes, size_t length,
                        uint8_t digest[GAD_SHA256_BYTES])
{
    state s;
    uint8_t padded[BLOCK];
    for (int i = 0; i < BLOCK; i++)
        padded[i] = key[i] ^ pad;
    start(&s);
    add(&s, padded, BLOCK);
    add(&s, bytes, length);
    finish(&s, digest);
}

void gad_sha256_hmac(const void *key, size_t key_bytes, const void *bytes, size_t length, char text[GAD_SHA256_TEXT])
{
    uint8_t block[BLOCK] = {0}, digest[GAD_SHA256_BYTES];
    if (key_bytes > BLOCK)
        gad_sha256(key, key_bytes, block);
    else
        memcpy(block, key, key_bytes);
    hash_padded(block, 0x36, bytes, length, digest);
    hash_padded(block, 0x5c, digest, sizeof digest, digest);
    for (int i = 0; i < GAD_SHA256_BYTES; i++)
        snprintf(text + 2 * i, 3, "%02x", digest[i]);
}
