/* align: how well a normal image is aligned with another image: block-wise divergence of colour and edge histograms, the
 * worst blocks left out (docs/spec/datasets.md section 6.2). In: pixels. Out: features, distances, the best candidates.
 * Works on plain arrays; knows nothing of files, samples or the store. */
#ifndef GAD_DATA_ALIGN_H
#define GAD_DATA_ALIGN_H
#include "gad_data.h"
#include "io/image.h"

enum { GAD_ALIGN_SIDE = 256 };

gad_align_rule gad_align_rule_default(void);
/* "align:S=8,tau=10,dist=kl,gain=1,v3" */
void gad_align_rule_text(const gad_align_rule *rule, char *text, size_t size_bytes);

/* Numbers in a feature: GAD_EXPOSURE_FINE for each block of each scale. */
size_t gad_align_count(const gad_align_rule *rule);
/* Histograms of an RGB image, in sixteenths of a pixel: this is what a cache keeps. */
gad_status gad_align_feature(const gad_image *image, const gad_align_rule *rule, uint16_t *feature, gad_error *err);

/* Normals to search among. */
typedef struct gad_align_index gad_align_index;
gad_status gad_align_index_new(const gad_align_rule *rule, size_t capacity, gad_align_index **index, gad_error *err);
void gad_align_index_free(gad_align_index *index);
/* Candidates are numbered from 0 in the order of adding. */
gad_status gad_align_index_add(gad_align_index *index, const uint16_t *feature, gad_error *err);

typedef struct gad_align_match {
    size_t candidate;
    double score; /* D_align: mean over the better blocks, nats */
    double total; /* mean over all blocks; breaks ties */
} gad_align_match;
/* The best k candidates, best first, of very many those of a shortlist (shortlist.h); `allowed` (may be NULL) has one byte
 * per candidate. *found may be smaller than k. */
gad_status gad_align_search(const gad_align_index *index, const uint16_t *query, const unsigned char *allowed, int k,
                            gad_align_match *best, int *found, gad_error *err);
#endif
