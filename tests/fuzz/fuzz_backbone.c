/* fuzz_backbone: any bytes as a backbone's file. What is accepted sees a small picture. */
#include "features/backbone.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static void see_picture(gad_backbone *backbone)
{
    const int64_t side = gad_backbone_describe(backbone)->unit;
    gad_image image = {0};
    gad_features features = {0};
    if (gad_image_new(side, 2 * side, 3, &image, NULL))
        return;
    for (int64_t i = 0; i < 6 * side * side; i++)
        image.pixels[i] = (uint8_t)(i * 37);
    gad_backbone_run(backbone, &image, side, 2 * side, &features, NULL);
    gad_feature_free(&features);
    gad_image_free(&image);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    char path[] = "/tmp/gad-fuzz-backbone-XXXXXX";
    const int descriptor = mkstemp(path);
    gad_backbone *backbone = NULL;
    if (descriptor < 0)
        return 0;
    FILE *file = fdopen(descriptor, "wb");
    const bool written = file && fwrite(data, 1, size_bytes, file) == size_bytes;
    if (file)
        fclose(file);
    if (written && gad_backbone_open(path, 1, &backbone, NULL) == GAD_OK) {
        see_picture(backbone);
        gad_backbone_free(backbone);
    }
    unlink(path);
    return 0;
}
