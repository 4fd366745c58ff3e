/* rng: counter-based random numbers (Philox 4x32-10, Salmon et al., SC 2011). The state is the caller's two words: equal
 * state, equal numbers, on every machine and for any thread count. */
#ifndef GAD_BASE_RNG_H
#define GAD_BASE_RNG_H
#include <stdint.h>

typedef struct gad_rng {
    uint64_t key, stream, counter;
    uint32_t buffer[4]; /* numbers of the last block that are not used yet: buffer[4-left..3] */
    uint32_t left;
} gad_rng;

/* An independent sequence for each (seed, stream): stream = sample, answer or step index. */
gad_rng gad_rng_make(uint64_t seed, uint64_t stream);
uint32_t gad_rng_u32(gad_rng *rng);
uint64_t gad_rng_u64(gad_rng *rng);
/* Uniform in [0, 1), 53 bits. */
double gad_rng_uniform(gad_rng *rng);
/* Uniform in [low, high). */
double gad_rng_range(gad_rng *rng, double low, double high);
/* Uniform integer in [0, n), n >= 1, without bias. */
uint32_t gad_rng_below(gad_rng *rng, uint32_t n);
/* Standard normal (Box-Muller). */
double gad_rng_normal(gad_rng *rng);
/* Fisher-Yates on an array of n indices. */
void gad_rng_shuffle(gad_rng *rng, int64_t *index, int64_t n);
#endif
