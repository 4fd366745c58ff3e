/* gguf_block: see gguf_block.h. d, m: scale and minimum of a block or super-block; q: its small integers. */
#include "io/gguf_block.h"

#include "base/half.h"

#include <math.h>
#include <string.h>

static uint16_t u16_at(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t u32_at(const uint8_t *p)
{
    return (uint32_t)u16_at(p) | (uint32_t)u16_at(p + 2) << 16;
}

static float f16_at(const uint8_t *p)
{
    return gad_half_from_f16(u16_at(p));
}

/* ---- plain numbers ------------------------------------------------------------------------------------------------- */

static void read_f32(const uint8_t *b, float *out)
{
    memcpy(out, b, 4);
}

static void read_f16(const uint8_t *b, float *out)
{
    *out = f16_at(b);
}

static void read_bf16(const uint8_t *b, float *out)
{
    *out = gad_half_from_bf16(u16_at(b));
}

/* ---- blocks of 32 -------------------------------------------------------------------------------------------------- */

/* Low halves of 16 bytes are numbers 0 to 15, high halves 16 to 31; `high` holds a fifth bit of each. value = d q + m. */
static void read_halves(const uint8_t *q, uint32_t high, float d, float m, float *out)
{
    for (int j = 0; j < 16; j++) {
        uint32_t low = (high >> j & 1) << 4, up = (high >> (j + 16) & 1) << 4;
        out[j] = d * (float)((uint32_t)(q[j] & 15) | low) + m;
        out[j + 16] = d * (float)((uint32_t)(q[j] >> 4) | up) + m;
    }
}

static void read_q4_0(const uint8_t *b, float *out)
{
    float d = f16_at(b);
    read_halves(b + 2, 0, d, -8 * d, out);
}

static void read_q4_1(const uint8_t *b, float *out)
{
    read_halves(b + 4, 0, f16_at(b), f16_at(b + 2), out);
}

static void read_q5_0(const uint8_t *b, float *out)
{
    float d = f16_at(b);
    read_halves(b + 6, u32_at(b + 2), d, -16 * d, out);
}

static void read_q5_1(const uint8_t *b, float *out)
{
    read_halves(b + 8, u32_at(b + 4), f16_at(b), f16_at(b + 2), out);
}

static void read_q8_0(const uint8_t *b, float *out)
{
    float d = f16_at(b);
    for (int j = 0; j < 32; j++)
        out[j] = d * (float)(int8_t)b[2 + j];
}

/* ---- writing ------------------------------------------------------------------------------------------------------- */

static void put_u16(uint8_t *p, uint16_t value)
{
    p[0] = (uint8_t)value;
    p[1] = (uint8_t)(value >> 8);
}

static void write_f32(const float *in, uint8_t *b)
{
    memcpy(b, in, 4);
}

static void write_f16(const float *in, uint8_t *b)
{
    put_u16(b, gad_half_to_f16(*in));
}

static void write_bf16(const float *in, uint8_t *b)
{
    put_u16(b, gad_half_to_bf16(*in));
}

/* d = max|x| / 127, rounded to fp16 after the numbers were, as ggml does. */
static void write_q8_0(const float *in, uint8_t *b)
{
    float most = 0;
    for (int j = 0; j < 32; j++)
        most = fmaxf(most, fabsf(in[j]));
    const float d = most / 127, inverse = d > 0 ? 1 / d : 0;
    put_u16(b, gad_half_to_f16(d));
    for (int j = 0; j < 32; j++)
        b[2 + j] = (uint8_t)(int8_t)lrintf(fminf(fmaxf(roundf(in[j] * inverse), -127), 127));
}

/* ---- super-blocks of 256 ------------------------------------------------------------------------------------------- */

/* Scale and minimum number j of 8, six bits each, packed into 12 bytes. */
static void scale_and_minimum(const uint8_t *s, int j, float *scale, float *minimum)
{
    int d = j < 4 ? s[j] & 63 : (s[j + 4] & 15) | (s[j - 4] >> 6) << 4;
    int m = j < 4 ? s[j + 4] & 63 : s[j + 4] >> 4 | (s[j] >> 6) << 4;
    *scale = (float)d;
    *minimum = (float)m;
}

/* Q4_K and Q5_K: eight groups of 32; two groups share 32 bytes of halves; `high` holds a bit for each group. */
static void read_groups(const uint8_t *b, const uint8_t *high, const uint8_t *q, float *out)
{
    float d = f16_at(b), least = f16_at(b + 2);
    for (int g = 0; g < 8; g++) {
        float scale, minimum;
        scale_and_minimum(b + 4, g, &scale, &minimum);
        for (int l = 0; l < 32; l++) {
            int four = g & 1 ? q[g / 2 * 32 + l] >> 4 : q[g / 2 * 32 + l] & 15, fifth = high ? (high[l] >> g & 1) << 4 : 0;
            out[g * 32 + l] = d * scale * (float)(four | fifth) - least * minimum;
        }
    }
}

static void read_q4_k(const uint8_t *b, float *out)
{
    read_groups(b, NULL, b + 16, out);
}

static void read_q5_k(const uint8_t *b, float *out)
{
    read_groups(b, b + 16, b + 48, out);
}

/* 128 bytes of low halves, 64 of two high bits, 16 scales of 16 numbers each, and d. */
static void read_q6_k(const uint8_t *b, float *out)
{
    float d = f16_at(b + 208);
    for (int half = 0; half < 2; half++) {
        const uint8_t *low = b + 64 * half, *high = b + 128 + 32 * half, *scale = b + 192 + 8 * half;
        for (int quarter = 0; quarter < 4; quarter++)
            for (int l = 0; l < 32; l++) {
                int byte = low[l + 32 * (quarter & 1)], four = quarter & 2 ? byte >> 4 : byte & 15;
                int q = (four | (high[l] >> (2 * quarter) & 3) << 4) - 32;
                out[128 * half + 32 * quarter + l] = d * (float)(int8_t)scale[2 * quarter + l / 16] * (float)q;
            }
    }
}

/* ---- the table ----------------------------------------------------------------------------------------------------- */

static const gad_gguf_block blocks[] = {
    {"F32", 0, 1, 4, read_f32, write_f32},     {"F16", 1, 1, 2, read_f16, write_f16},
    {"BF16", 30, 1, 2, read_bf16, write_bf16}, {"Q8_0", 8, 32, 34, read_q8_0, write_q8_0},
    {"Q4_0", 2, 32, 18, read_q4_0, NULL},      {"Q4_1", 3, 32, 20, read_q4_1, NULL},
    {"Q5_0", 6, 32, 22, read_q5_0, NULL},      {"Q5_1", 7, 32, 24, read_q5_1, NULL},
    {"Q4_K", 12, 256, 144, read_q4_k, NULL},   {"Q5_K", 13, 256, 176, read_q5_k, NULL},
    {"Q6_K", 14, 256, 210, read_q6_k, NULL},
};

const gad_gguf_block *gad_gguf_block_of(uint32_t type)
{
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        if (blocks[i].type == type)
            return &blocks[i];
    return NULL;
}

const gad_gguf_block *gad_gguf_block_find(const char *name)
{
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        if (!strcmp(blocks[i].name, name))
            return &blocks[i];
    return NULL;
}

const char *gad_gguf_block_name(uint32_t type)
{
    static const char *const names[] = {"F32",     "F16",    "Q4_0",    "Q4_1",  "Q4_2",   "Q4_3",  "Q5_0",  "Q5_1",
                                        "Q8_0",    "Q8_1",   "Q2_K",    "Q3_K",  "Q4_K",   "Q5_K",  "Q6_K",  "Q8_K",
                                        "IQ2_XXS", "IQ2_XS", "IQ3_XXS", "IQ1_S", "IQ4_NL", "IQ3_S", "IQ2_S", "IQ4_XS",
                                        "I8",      "I16",    "I32",     "I64",   "F64",    "IQ1_M", "BF16"};
    return type < sizeof names / sizeof *names ? names[type] : "unknown";
}

void gad_gguf_block_read(const gad_gguf_block *block, const uint8_t *data, size_t count, float *out)
{
    for (size_t i = 0; i < count; i += block->count, data += block->size_bytes)
        block->read(data, out + i);
}

void gad_gguf_block_write(const gad_gguf_block *block, const float *in, size_t count, uint8_t *data)
{
    for (size_t i = 0; i < count; i += block->count, data += block->size_bytes)
        block->write(in + i, data);
}
