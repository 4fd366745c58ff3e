/* Inspect one part against one good part with libgad. Build it with C or C++ against an installed library:
 *     cc example.c $(pkg-config --cflags --libs gad) -o example
 * Run:  ./example good.png part.png [CHECKPOINT] */
#include <stdio.h>

#include "gad.h"

static int fail(const gad_error *err)
{
    fprintf(stderr, "cannot %s: %s\n%s\n", err->operation, err->cause, err->hint);
    return 1;
}

int main(int argc, char **argv)
{
    if (argc < 3 || argc > 4) {
        fprintf(stderr, "usage: %s GOOD PART [CHECKPOINT]\n", argv[0]);
        return 2;
    }
    gad_error err;
    gad_engine *engine;
    gad_picture *good, *part;
    gad_inspection result;
    gad_engine_options options = gad_engine_options_default();
    options.model = argc > 3 ? argv[3] : NULL; /* NULL: the model that is installed with gad */
    if (gad_engine_open(&options, &engine, &err) || gad_picture_load(argv[1], &good, &err) ||
        gad_picture_load(argv[2], &part, &err))
        return fail(&err);
    gad_inspect_settings settings = gad_inspect_settings_default();
    settings.class_name = "part";
    settings.max_tokens = 256;
    if (gad_inspect(engine, &good, 1, part, &settings, &result, &err))
        return fail(&err);
    printf("verdict %d, score %.3f\n%s\n", result.verdict, result.score, result.reasoning);
    for (int i = 0; i < result.defect_count; i++)
        printf("%s: %.0f %.0f %.0f %.0f\n", result.defect[i].label, result.defect[i].x1, result.defect[i].y1,
               result.defect[i].x2, result.defect[i].y2);
    gad_inspection_clear(&result);
    gad_picture_free(good);
    gad_picture_free(part);
    gad_engine_free(engine);
    return 0;
}
