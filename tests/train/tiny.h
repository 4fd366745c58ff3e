/* tiny: the tiny golden checkpoints, opened for training: on the CPU device or, in double, on the reference device. */
#ifndef GAD_TESTS_TRAIN_TINY_H
#define GAD_TESTS_TRAIN_TINY_H
#include "io/tensor_source.h"
#include "model/golden.h"
#include "train/batch.h"
#include "train/optimizer.h"
#include "train/step.h"

typedef struct tiny {
    const char *family;
    gad_model model;
    gad_tensor_source *files;
    gad_device device;
} tiny;

/* `exact`: fp64 weights on the reference device. */
tiny tiny_open(const char *family, bool exact);
void tiny_close(tiny *t);
/* Train the parameters whose name holds one of the words (NULL: all). */
void tiny_train(tiny *t, const char *word);

/* The training golden's sample: prompt and image of case F and one answer more, with its labels. */
typedef struct tiny_sample {
    golden_case images;
    gad_safetensors *values; /* train.safetensors */
    int32_t *ids;
    float *weight;
    gad_batch_image *image;
    gad_segment segment;
    int64_t labels;
} tiny_sample;
tiny_sample tiny_sample_open(const tiny *t);
void tiny_sample_close(tiny_sample *s);

/* An objective whose derivative is the label's weight times `factor`: plain cross-entropy for factor -1 / labels. */
gad_objective tiny_linear_objective(const float *factor);
/* Sum of factor * weight * logp of all labels, in the device's own precision. */
double tiny_linear_loss(const gad_step *step, const gad_batch *batch, double factor);
/* Derivative of a loss along a random direction of one fp64 parameter: by central differences, and from its gradient. */
double tiny_directional(double (*loss)(void *user), void *user, gad_param *param, uint64_t seed, double *analytic);
#endif
