/* Inspect one part against one good part with libgad. Build:
 *     cc example.c -Iinclude build/libgad.a $(pkg-config --libs ...) -o example      (the tests compile it, see cmake)
 * Run:  ./example CHECKPOINT good.png part.png */
#include <stdio.h>

#include "gad.h"

static int fail(const gad_error *err)
{
    fprintf(stderr, "cannot %s: %s\n%s\n", err->operation, err->cause, err->hint);
    return 1;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: %s CHECKPOINT GOOD PART\n", argv[0]);
        return 2;
    }
    gad_error err;
    gad_engine *engine;
    gad_picture *good, *part;
    gad_inspection result;
    if (gad_engine_open(&(gad_engine_options){.model = argv[1]}, &engine, &err) || gad_picture_load(argv[2], &good, &err) ||
        gad_picture_load(argv[3], &part, &err))
        return fail(&err);
    gad_inspect_settings settings = {.class_name = "part", .max_tokens = 256, .threshold = 0.5};
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
