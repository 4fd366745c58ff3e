/* hash: see hash.h */
#include "base/hash.h"

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

gad_hash gad_hash_bytes(const void *bytes, size_t length)
{
    XXH128_hash_t h = XXH3_128bits(bytes, length);
    return (gad_hash){h.high64, h.low64};
}

gad_hash gad_hash_combine(gad_hash a, gad_hash b)
{
    uint64_t words[4] = {a.high, a.low, b.high, b.low};
    return gad_hash_bytes(words, sizeof words);
}

bool gad_hash_equal(gad_hash a, gad_hash b)
{
    return a.high == b.high && a.low == b.low;
}

void gad_hash_text(gad_hash hash, char text[33])
{
    snprintf(text, 33, "%016llx%016llx", (unsigned long long)hash.high, (unsigned long long)hash.low);
}

bool gad_hash_read(const char *text, gad_hash *hash)
{
    unsigned long long high, low;
    if (strlen(text) != 32 || sscanf(text, "%16llx%16llx", &high, &low) != 2)
        return false;
    *hash = (gad_hash){high, low};
    return true;
}

gad_status gad_hash_file(const char *path, gad_hash *hash, gad_error *err)
{
    enum { PIECE_BYTES = 1 << 20 };
    gad_status status = GAD_OK;
    FILE *file = NULL;
    if ((status = gad_file_open(path, &file, err)))
        return status;
    XXH3_state_t *state = XXH3_createState();
    unsigned char *piece = gad_memory_alloc(PIECE_BYTES, 1);
    if (!state || !piece) {
        status = gad_error_memory(err, "hash file", PIECE_BYTES);
        goto done;
    }
    XXH3_128bits_reset(state);
    size_t n;
    while ((n = fread(piece, 1, PIECE_BYTES, file)) > 0)
        XXH3_128bits_update(state, piece, n);
    if (ferror(file)) {
        status = gad_error_system(err, "hash file", path, errno);
        goto done;
    }
    XXH128_hash_t h = XXH3_128bits_digest(state);
    *hash = (gad_hash){h.high64, h.low64};
done:
    gad_memory_free(piece);
    XXH3_freeState(state);
    fclose(file);
    return status;
}
