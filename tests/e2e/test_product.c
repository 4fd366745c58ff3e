/* product: gad product as a user runs it: what a product looks at holds wherever it is used; how closely it looks is kept
 * with it, and shown. */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "e2e/program.h"
#include "e2e/stripes.h"
#include "io/image.h"
#include "io/resize.h"

static const char *scratch(const char *name)
{
    return support_scratch(GAD_TEST_TMP, name);
}

static void expect(program_result r, int code, const char *said)
{
    if (r.code != code || (said && !strstr(r.out, said) && !strstr(r.text, said)))
        fail_msg("exit code %d, not %d, or \"%s\" is not said: %s%s", r.code, code, said ? said : "", r.out, r.text);
    program_free(&r);
}

/* A fresh folder of that many good parts. */
static const char *good_parts(const char *name, int count, int64_t side)
{
    gad_error err;
    const char *folder = scratch(name);
    ASSERT_OK(gad_file_remove(folder, &err), &err);
    ASSERT_OK(gad_file_make_directory(folder, &err), &err);
    for (int i = 0; i < count; i++) {
        char file[32];
        gad_image image = {0}, large = {0};
        snprintf(file, sizeof file, "%d.png", i);
        const char *path = support_scratch(folder, file);
        stripes_draw(path, i + 1, false, false);
        if (side == STRIPES_SIDE)
            continue;
        ASSERT_OK(gad_image_load(path, &image, &err), &err);
        ASSERT_OK(gad_resize_bicubic(&image, side, side, GAD_RESIZE_PIL, &large, &err), &err);
        ASSERT_OK(gad_image_save_png(&large, path, &err), &err);
        gad_image_free(&image);
        gad_image_free(&large);
    }
    return folder;
}

#define PRODUCT(verb, ...) RUN("product", verb, "--data", data, "--threads", "1", __VA_ARGS__)

/* A hole beside what is looked at is none: to the product in its folder, to its file, to a watcher. */
static void test_area(void **state)
{
    (void)state;
    gad_error err;
    const char *data = scratch("area"), *good = good_parts("area_good", 4, STRIPES_SIDE), *bad = scratch("area_bad"),
               *file = scratch("area.gad"), *out = scratch("area_out");
    ASSERT_OK(gad_file_remove(data, &err), &err);
    ASSERT_OK(gad_file_remove(out, &err), &err);
    ASSERT_OK(gad_file_make_directory(bad, &err), &err);
    stripes_draw(support_scratch(bad, "hole.png"), 30, true, false);
    expect(PRODUCT("new", "--roi", "0,0,0.4,1", "left"), 0, NULL);
    expect(PRODUCT("new", "all"), 0, NULL);
    expect(PRODUCT("add", "left", good), 0, "looks at 40 % of the picture");
    expect(PRODUCT("add", "all", good), 0, "4 good parts");
    expect(PRODUCT("test", "left", "--bad", bad), 0, "found 0 of 1 bad parts");
    expect(PRODUCT("test", "all", "--bad", bad), 0, "found 1 of 1 bad parts");
    expect(PRODUCT("export", "--force", "left", file), 0, NULL);
    expect(RUN("inspect", "--product", file, "--threads", "1", bad), 0, "hole.png: normal");
    expect(RUN("watch", "--product", file, "--threads", "1", "--once", "--settle", "0", "--out", out, bad), 0,
           "normal hole.png, score");
    expect(PRODUCT("export", "--force", "all", file), 0, NULL);
    expect(RUN("inspect", "--product", file, "--threads", "1", bad), 0, "hole.png: ANOMALOUS");
    /* by its folder, with the threshold that was chosen */
    const char *folder = support_scratch(data, "products/all");
    expect(RUN("inspect", "--product", folder, "--threads", "1", bad), 0, "threshold 0.500 (product)");
    expect(PRODUCT("threshold", "all", "0.25"), 0, NULL);
    expect(RUN("inspect", "--product", folder, "--threads", "1", bad), 0, "threshold 0.250 (chosen)");
    expect(RUN("inspect", "--product", support_scratch(data, "products"), "--threads", "1", bad), 1, "product.gad");
}

/* A product's own way to be learnt outlives the program, and parts that are added later follow it. */
static void test_closely(void **state)
{
    (void)state;
    gad_error err;
    const char *data = scratch("closely"), *good = good_parts("closely_good", 2, STRIPES_SIDE),
               *large = good_parts("closely_large", 2, 1000);
    ASSERT_OK(gad_file_remove(data, &err), &err);
    expect(PRODUCT("new", "--smallest", "8px", "--mirror", "fine"), 0, NULL);
    expect(PRODUCT("add", "fine", good), 0, "pictures of 256 x 256 px, seen at 512 px by efficientnet-lite0, mirrored too");
    expect(PRODUCT("show", "fine"), 0, "learnt threshold: no guarantee: 2 good parts, 59 are needed for 5 %");
    expect(PRODUCT("show", "--json", "fine"), 0, "\"side_px\":512,\"tiles\":1,\"mirrored\":true");
    expect(PRODUCT("new", "--tiles", "tiled"), 0, NULL);
    expect(PRODUCT("add", "tiled", large), 0, "seen at 1000 px by efficientnet-lite0 in ");
    expect(PRODUCT("test", "tiled", "--good", large), 0, "0 false alarms among 2 good ones");
    expect(PRODUCT("new", "--tiles", "--side", "256", "both"), 2, "give one of");
    expect(PRODUCT("new", "--smallest", "tiny", "none"), 2, "give a share of the area");
    expect(PRODUCT("show", "none"), 1, "there is no product none");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_area), cmocka_unit_test(test_closely)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
