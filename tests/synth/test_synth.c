/* synth: equal arguments give equal pairs on any thread; the truth fits the pixels; held-out kinds and families stay out;
 * text varies; bad settings have their message. */
#include "base/clock.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/string.h"
#include "support/support.h"
#include "synth/synth.h"
#include "task/reasoning.h"

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static gad_hash pair_hash(const gad_synth_pair *p)
{
    size_t n = (size_t)p->width * (size_t)p->height;
    gad_hash h = gad_hash_bytes(p->test, n * 3);
    for (int i = 0; i < p->references; i++)
        h = gad_hash_combine(h, gad_hash_bytes(p->reference[i], n * 3));
    h = gad_hash_combine(h, gad_hash_bytes(p->mask, n));
    return gad_hash_combine(h, gad_hash_bytes(p->think, strlen(p->think)));
}

static void test_repeatable_on_threads(void **state)
{
    (void)state;
    enum { N = 48 };
    gad_error err;
    gad_synth_settings s = gad_synth_default();
    s.width = 96;
    s.height = 80;
    s.references = 2;
    gad_hash once[N], again[N];
    int failed = 0;
    for (int threads = 1; threads <= 2; threads++) {
#pragma omp parallel num_threads(threads)
        {
            gad_synth_work *work = NULL;
            gad_synth_pair pair = {0};
            gad_status status = gad_synth_work_new(&s, &work, NULL);
#pragma omp for schedule(dynamic)
            for (int i = 0; i < N; i++) {
                int at = threads == 1 ? i : N - 1 - i; /* another order, too */
                if (!status)
                    status = gad_synth_make(work, 11, (uint64_t)at, &pair, NULL);
                if (!status)
                    (threads == 1 ? once : again)[at] = pair_hash(&pair);
            }
            if (status) {
#pragma omp atomic
                failed++;
            }
            gad_synth_free(&pair);
            gad_synth_work_free(work);
        }
    }
    assert_int_equal(failed, 0);
    for (int i = 0; i < N; i++)
        assert_true(gad_hash_equal(once[i], again[i]));
    assert_false(gad_hash_equal(once[0], once[1]));
    (void)err;
}

/* Every pair of each kind alone: labels are of that kind, boxes hold the mask, the test image is not the normal one. */
static void test_truth_fits(void **state)
{
    (void)state;
    gad_error err;
    for (int kind = 0; kind < GAD_DEFECT_KINDS; kind++) {
        gad_synth_settings s = gad_synth_default();
        s.width = s.height = 96;
        s.normal_share = 0;
        s.kinds = 1u << kind;
        gad_synth_work *work;
        gad_synth_pair p = {0};
        ASSERT_OK(gad_synth_work_new(&s, &work, &err), &err);
        int made = 0, total = 24;
        for (int i = 0; i < total; i++) {
            ASSERT_OK(gad_synth_make(work, 3, (uint64_t)i, &p, &err), &err);
            int64_t outside = 0, inside = 0;
            made += p.count > 0;
            for (int y = 0; y < p.height; y++)
                for (int x = 0; x < p.width; x++) {
                    bool in = false;
                    for (int b = 0; b < p.count; b++)
                        in = in || (x >= p.boxes[b].box.x1 && x < p.boxes[b].box.x2 && y >= p.boxes[b].box.y1 &&
                                    y < p.boxes[b].box.y2);
                    *(in ? &inside : &outside) += p.mask[y * p.width + x];
                }
            for (int b = 0; b < p.count; b++) {
                assert_string_equal(p.boxes[b].label, gad_defect_name((gad_defect_kind)kind));
                assert_true(p.boxes[b].box.x1 >= 0 && p.boxes[b].box.x1 < p.boxes[b].box.x2 &&
                            p.boxes[b].box.x2 <= p.width);
                assert_true(p.boxes[b].box.y1 >= 0 && p.boxes[b].box.y1 < p.boxes[b].box.y2 &&
                            p.boxes[b].box.y2 <= p.height);
                assert_non_null(strstr(p.think, p.boxes[b].label));
            }
            assert_true(p.count ? outside * 4 <= inside : inside + outside == 0);
        }
        print_message("%s: %d of %d\n", gad_defect_name((gad_defect_kind)kind), made, total);
        /* Swapped parts need parts; plain sheets have none. */
        assert_in_range(made, kind == GAD_DEFECT_SWAPPED || kind == GAD_DEFECT_BROKEN_EDGE ? total / 3 : total * 3 / 4,
                        total);
        gad_synth_free(&p);
        gad_synth_work_free(work);
    }
}

/* A camera of amount 0 on a normal pair of one and the same fixed piece shows equal pictures up to the view; and a normal
 * share of 1 never gives a box. */
static void test_normal_share(void **state)
{
    (void)state;
    gad_error err;
    gad_synth_settings s = gad_synth_default();
    s.width = s.height = 64;
    gad_synth_work *work;
    gad_synth_pair p = {0};
    ASSERT_OK(gad_synth_work_new(&s, &work, &err), &err);
    int normal = 0;
    for (int i = 0; i < 200; i++) {
        ASSERT_OK(gad_synth_make(work, 5, (uint64_t)i, &p, &err), &err);
        normal += p.count == 0;
    }
    assert_in_range(normal, 75, 135);
    gad_synth_work_free(work);
    s.normal_share = 1;
    ASSERT_OK(gad_synth_work_new(&s, &work, &err), &err);
    for (int i = 0; i < 20; i++) {
        ASSERT_OK(gad_synth_make(work, 5, (uint64_t)i, &p, &err), &err);
        assert_int_equal(p.count, 0);
    }
    gad_synth_free(&p);
    gad_synth_work_free(work);
}

static void test_photo(void **state)
{
    (void)state;
    gad_error err;
    enum { W = 90, H = 70 };
    unsigned char rgb[W * H * 3];
    for (int i = 0; i < W * H; i++)
        for (int c = 0; c < 3; c++)
            rgb[3 * i + c] = (unsigned char)(100 + 50 * ((i % W / 9 + i / W / 7) & 1) + 9 * c);
    gad_synth_photo photo = {rgb, W, H};
    gad_synth_settings s = gad_synth_default();
    s.width = s.height = 64;
    s.normal_share = 0;
    gad_synth_work *work;
    gad_synth_pair p = {0};
    ASSERT_OK(gad_synth_work_new(&s, &work, &err), &err);
    int made = 0;
    for (int i = 0; i < 20; i++) {
        ASSERT_OK(gad_synth_make_photo(work, 1, (uint64_t)i, &photo, 1, "tile", &p, &err), &err);
        made += p.count > 0;
    }
    assert_in_range(made, 17, 20);
    assert_non_null(strstr(p.class_text, "tile"));
    photo.width = 3;
    assert_int_equal(gad_synth_make_photo(work, 1, 0, &photo, 1, "tile", &p, &err), GAD_E_ARGUMENT);
    gad_synth_free(&p);
    gad_synth_work_free(work);
}

static void test_settings_are_checked(void **state)
{
    (void)state;
    gad_error err;
    uint32_t set;
    ASSERT_OK(gad_synth_parse_kinds("all,-crack", &set, &err), &err);
    assert_int_equal(set, GAD_DEFECT_ALL & ~(1u << GAD_DEFECT_CRACK));
    ASSERT_OK(gad_synth_parse_families("board,label", &set, &err), &err);
    assert_int_equal(set, 1u << GAD_SCENE_BOARD | 1u << GAD_SCENE_LABEL);
    assert_int_equal(gad_synth_parse_kinds("scratch,smell", &set, &err), GAD_E_ARGUMENT);
    assert_non_null(strstr(err.cause, "smell"));
    assert_int_equal(gad_synth_parse_kinds("crack,-crack", &set, &err), GAD_E_ARGUMENT);
    gad_synth_settings bad[6];
    for (int i = 0; i < 6; i++)
        bad[i] = gad_synth_default();
    bad[0].width = 8;
    bad[1].references = 9;
    bad[2].strength_low = 0.9;
    bad[2].strength_high = 0.2;
    bad[3].normal_share = 1.5;
    bad[4].kinds = 1u << 30;
    bad[5].nuisance = -1;
    for (int i = 0; i < 6; i++)
        assert_int_equal(gad_synth_check(&bad[i], &err), GAD_E_ARGUMENT);
}

static int compare_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The text of one and the same finding in 400 tellings: nearly all differ, and no first sentence is used in more than a
 * tenth of them. */
static void test_text_varies(void **state)
{
    (void)state;
    enum { N = 400 };
    gad_error err;
    static char *texts[N], *firsts[N];
    for (int normal = 0; normal < 2; normal++) {
        for (int i = 0; i < N; i++) {
            gad_reasoning_finding f = {"scratch", "gear", {10, 12, 40, 20}, {-0.2f, -0.2f, -0.2f}};
            gad_reasoning_facts facts = {"steel plate", 100, 100, &f, !normal, true, false};
            gad_rng rng = gad_rng_make(9, (uint64_t)i);
            gad_string text = {0};
            ASSERT_OK(gad_reasoning_write(&facts, &rng, &text, &err), &err);
            texts[i] = text.data;
            firsts[i] = gad_memory_copy_string(text.data);
            assert_non_null(firsts[i]);
            firsts[i][strcspn(firsts[i], ".") + 1] = 0;
            assert_null(strchr(texts[i], '{'));
            assert_null(strstr(texts[i], "  "));
            if (!normal)
                assert_non_null(strstr(texts[i], "upper left"));
        }
        qsort(texts, N, sizeof *texts, compare_text);
        qsort(firsts, N, sizeof *firsts, compare_text);
        int different = 1, run = 1, longest = 1;
        for (int i = 1; i < N; i++) {
            different += strcmp(texts[i], texts[i - 1]) != 0;
            run = strcmp(firsts[i], firsts[i - 1]) == 0 ? run + 1 : 1;
            longest = run > longest ? run : longest;
        }
        print_message("%s text: %d of %d differ, most frequent opening %d\n", normal ? "normal" : "anomalous", different, N,
                      longest);
        assert_in_range(different, N * 98 / 100, N);
        assert_in_range(longest, 1, N / 10 + N / 40);
        for (int i = 0; i < N; i++) {
            gad_memory_free(texts[i]);
            gad_memory_free(firsts[i]);
        }
    }
}

/* The figure is printed, not judged: machines are shared. */
static void test_speed(void **state)
{
    (void)state;
    enum { N = 60 };
    gad_synth_settings s = gad_synth_default();
    double from = gad_clock_seconds();
#pragma omp parallel num_threads(2)
    {
        gad_synth_work *work = NULL;
        gad_synth_pair pair = {0};
        gad_status status = gad_synth_work_new(&s, &work, NULL);
#pragma omp for schedule(dynamic)
        for (int i = 0; i < N; i++)
            if (!status)
                status = gad_synth_make(work, 21, (uint64_t)i, &pair, NULL);
        gad_synth_free(&pair);
        gad_synth_work_free(work);
    }
    double rate = N / (gad_clock_seconds() - from);
    print_message("synth: %.0f pairs/s at 224x224 on 2 threads\n", rate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_repeatable_on_threads),
        cmocka_unit_test(test_truth_fits),
        cmocka_unit_test(test_normal_share),
        cmocka_unit_test(test_photo),
        cmocka_unit_test(test_settings_are_checked),
        cmocka_unit_test(test_text_varies),
        cmocka_unit_test(test_speed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
