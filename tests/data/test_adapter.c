/* adapter: all 14 datasets and the other forms, read from fake trees in their exact layouts with what is awkward about
 * each. */
#include "base/file.h"
#include "base/memory.h"
#include "data/fake.h"
#include "support/support.h"

#include <stdio.h>
#include <string.h>

static gad_store *store;
static gad_import_report report;

static int64_t problems(void)
{
    int64_t n = 0;
    for (int i = 0; i < GAD_IMPORT_PROBLEMS; i++)
        n += report.problems[i];
    return n;
}

static void check(int64_t images, int64_t anomalous, int64_t boxes)
{
    assert_int_equal(report.images, images);
    assert_int_equal(report.anomalous, anomalous);
    assert_int_equal(report.normal, images - anomalous);
    assert_int_equal(report.boxes, boxes);
}

static int setup(void **state)
{
    (void)state;
    store = fake_store("adapter.db");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    gad_store_close(store);
    return 0;
}

static void test_mvtec_ad(void **state)
{
    (void)state;
    gad_sample s = {0};
    fake_root("mvtec");
    fake_mvtec_class("bottle", "png", "_mask", "broken_large");
    fake_mvtec_class("zipper", "png", "_mask", "combined");
    fake_text("readme.txt", "x");
    fake_text("bottle/test/good/Thumbs.db", "x");
    fake_text("bottle/.DS_Store", "x");
    fake_import(store, "mvtec_ad", &report);
    check(14, 4, 4);
    assert_int_equal(problems(), 0);
    fake_get(store, "mvtec_ad/bottle/test/broken_large/001", &s);
    assert_string_equal(s.split, "benchmark");
    assert_string_equal(s.types[0], "broken large");
    assert_string_equal(s.license, "CC BY-NC-SA 4.0");
    fake_assert_box(&s, 0, 10, 5, 21, 15, "broken large");
    assert_int_equal(s.boxes[0].area, 110);
    assert_int_equal(s.width, FAKE_WIDTH);
    assert_int_equal(fake_count(store, "bottle", "reference", 0), 3);
    assert_int_equal(fake_count(store, "bottle", "train", -1), 0); /* nothing of a benchmark may train */
    gad_sample_free(&s);
}

static void test_same_layout(void **state)
{
    (void)state;
    gad_sample s = {0};
    fake_root("mpdd");
    fake_mvtec_class("tubes", "png", "_mask", "anomalous");
    fake_import(store, "mpdd", &report);
    check(7, 2, 2);
    fake_root("miad");
    fake_mvtec_class("wind_turbine", "jpg", "_mask", "surface");
    fake_import(store, "miad", &report);
    check(7, 2, 2);
    fake_root("wfdd");
    fake_mvtec_class("grey_cloth", "png", "", "line");
    fake_import(store, "wfdd", &report);
    check(7, 2, 2);
    fake_root("goodsad");
    for (int i = 0; i < 2; i++) {
        char path[100];
        snprintf(path, sizeof path, "drink_can/train/good/01%d_00%d.jpg", i, i);
        fake_image(path);
    }
    fake_image("drink_can/test/straw_missing/011_007.jpg");
    fake_mask("drink_can/ground_truth/straw_missing/011_007.png", 1, 1, 9, 9, 255);
    fake_import(store, "goodsad", &report);
    check(3, 1, 1);
    fake_get(store, "goodsad/drink_can/test/straw_missing/011_007", &s);
    assert_string_equal(s.group, "drink_can/product011");
    fake_root("3cad");
    fake_mvtec_class("Copper_Stator", "png", "", "aotu");
    fake_import(store, "3cad", &report);
    check(7, 2, 2);
    fake_get(store, "3cad/Copper_Stator/test/bump/aotu/000", &s);
    assert_string_equal(s.types[0], "bump");
    fake_root("texture");
    fake_mvtec_class("Cloth/product1", "png", "", "defect");
    fake_mvtec_class("wafer2", "png", "_mask", "defect");
    fake_import(store, "texture_ad", &report);
    check(14, 4, 4);
    gad_sample_free(&s);
}

static void test_mvtec_3d(void **state)
{
    (void)state;
    gad_sample s = {0};
    fake_root("mvtec3d");
    fake_image("bagel/train/good/rgb/000.png");
    fake_mask("bagel/train/good/gt/000.png", 0, 0, 0, 0, 0);
    fake_text("bagel/train/good/xyz/000.tiff", "not read");
    fake_image("bagel/validation/good/rgb/000.png");
    fake_image("bagel/test/good/rgb/000.png");
    fake_mask("bagel/test/good/gt/000.png", 0, 0, 0, 0, 0);
    fake_image("bagel/test/hole/rgb/000.png");
    fake_mask("bagel/test/hole/gt/000.png", 30, 10, 40, 20, 255);
    fake_import(store, "mvtec_3d", &report);
    check(4, 1, 1);
    assert_int_equal(problems(), 0);
    fake_get(store, "mvtec_3d/bagel/test/hole/rgb/000", &s);
    fake_assert_box(&s, 0, 30, 10, 40, 20, "hole");
    assert_string_equal(s.image, "bagel/test/hole/rgb/000.png");
    gad_sample_free(&s);
}

static void test_visa(void **state)
{
    (void)state;
    gad_sample s = {0};
    fake_root("visa");
    fake_image("pcb1/Data/Images/Normal/0000.JPG");
    fake_image("pcb1/Data/Images/Normal/0001.JPG");
    fake_image("pcb1/Data/Images/Anomaly/000.JPG");
    fake_mask("pcb1/Data/Masks/Anomaly/000.png", 5, 5, 15, 15, 4); /* looks black: the value is the class */
    fake_text("split_csv/1cls.csv", "object,split,label,image,mask\n"
                                    "pcb1,train,normal,pcb1/Data/Images/Normal/0000.JPG,\n"
                                    "pcb1,test,normal,pcb1/Data/Images/Normal/0001.JPG,\r\n"
                                    "pcb1,test,anomaly,pcb1/Data/Images/Anomaly/000.JPG,pcb1/Data/Masks/Anomaly/000.png\n");
    fake_import(store, "visa", &report);
    check(3, 1, 1);
    assert_int_equal(problems(), 0);
    fake_get(store, "visa/pcb1/test/bad/Anomaly/000", &s);
    fake_assert_box(&s, 0, 5, 5, 15, 15, "missing");
    assert_string_equal(s.mask_encoding, "index");
    assert_int_equal(fake_count(store, "pcb1", "reference", 0), 1);
    fake_mask("pcb1/Data/Masks/Anomaly/000.png", 5, 5, 15, 15, 9);
    fake_import(store, "visa", &report);
    assert_int_equal(report.problems[GAD_IMPORT_MASK_VALUES], 1);
    gad_sample_free(&s);
}

static void test_mvtec_loco(void **state)
{
    (void)state;
    gad_sample s = {0};
    fake_root("loco");
    fake_image("screw_bag/train/good/000.png");
    fake_image("screw_bag/validation/good/000.png");
    fake_image("screw_bag/test/good/000.png");
    fake_image("screw_bag/test/logical_anomalies/000.png");
    fake_mask("screw_bag/ground_truth/logical_anomalies/000/000.png", 2, 2, 12, 12, 255);
    fake_mask("screw_bag/ground_truth/logical_anomalies/000/001.png", 30, 20, 40, 30, 254);
    fake_image("screw_bag/test/structural_anomalies/000.png");
    fake_mask("screw_bag/ground_truth/structural_anomalies/000/000.png", 2, 2, 6, 6, 253);
    fake_text(
        "screw_bag/defects_config.json",
        "[{\"defect_name\":\"screw_too_long\",\"pixel_value\":255,\"saturation_threshold\":1,\"relative_saturation\":true},"
        "{\"defect_name\":\"missing_nut\",\"pixel_value\":254,\"saturation_threshold\":1,\"relative_saturation\":true}]");
    fake_import(store, "mvtec_loco", &report);
    check(5, 2, 3);
    assert_int_equal(report.problems[GAD_IMPORT_MASK_VALUES], 1); /* 253 is in no list */
    fake_get(store, "mvtec_loco/screw_bag/test/logical_anomalies/000", &s);
    fake_assert_box(&s, 0, 2, 2, 12, 12, "screw too long");
    fake_assert_box(&s, 1, 30, 20, 40, 30, "missing nut");
    gad_sample_free(&s);
}

static void test_real_iad(void **state)
{
    (void)state;
    gad_sample s = {0};
    fake_root("realiad");
    fake_image("realiad_1024/usb/OK/S0001/usb_0001_OK_C1_20230101.jpg");
    fake_image("realiad_1024/usb/NG/HS/S0002/usb_0002_NG_HS_C1_20230101.jpg");
    fake_mask("realiad_1024/usb/NG/HS/S0002/usb_0002_NG_HS_C1_20230101.png", 10, 10, 30, 12, 255);
    fake_image("realiad_1024/usb/NG/HS/S0002/usb_0002_NG_HS_C2_20230101.jpg"); /* looks good from here */
    fake_text("realiad_jsons/usb.json", "{\"meta\":{\"prefix\":\"usb/\",\"normal_class\":\"OK\"},"
                                        "\"train\":[{\"category\":\"usb\",\"anomaly_class\":\"OK\",\"image_path\":\"OK/"
                                        "S0001/usb_0001_OK_C1_20230101.jpg\",\"mask_path\":null}],"
                                        "\"test\":[{\"category\":\"usb\",\"anomaly_class\":\"HS\",\"image_path\":\"NG/HS/"
                                        "S0002/usb_0002_NG_HS_C1_20230101.jpg\","
                                        "\"mask_path\":\"NG/HS/S0002/usb_0002_NG_HS_C1_20230101.png\"},"
                                        "{\"category\":\"usb\",\"anomaly_class\":\"OK\",\"image_path\":\"NG/HS/S0002/"
                                        "usb_0002_NG_HS_C2_20230101.jpg\",\"mask_path\":null}]}");
    fake_import(store, "real_iad", &report);
    check(3, 1, 1);
    assert_int_equal(problems(), 0);
    fake_get(store, "real_iad/usb/test/scratch/S0002/usb_0002_NG_HS_C1_20230101#1", &s);
    fake_assert_box(&s, 0, 10, 10, 30, 12, "scratch");
    assert_string_equal(s.group, "usb_0002_NG_HS");
    assert_int_equal(s.view, 1);
    fake_get(store, "real_iad/usb/test/good/S0002/usb_0002_NG_HS_C2_20230101#2", &s);
    assert_string_equal(s.group, "usb_0002_NG_HS");
    assert_int_equal(s.label, 0);
    gad_sample_free(&s);
}

static void test_real_iad_d3(void **state)
{
    (void)state;
    fake_root("d3");
    fake_image("fuse_holder/train/GOOD/rgb/S01_L05_RGB.jpg");
    fake_image("fuse_holder/train/GOOD/rgb/S01_L01_RGB.jpg"); /* another light: not read */
    fake_image("fuse_holder/test/crack/rgb/S02_L05_RGB.jpg");
    fake_mask("fuse_holder/test/crack/gt/rgb/S02_mask.png", 3, 3, 9, 9, 255);
    fake_text("fuse_holder/test/crack/xyz/S02.tiff", "not read");
    fake_import(store, "real_iad_d3", &report);
    check(2, 1, 1);
    assert_int_equal(problems(), 0);
}

static void test_manta(void **state)
{
    (void)state;
    gad_sample s = {0};
    fake_root("manta");
    fake_image_sized("electronics/led/train/good/a.png", 200, 40);
    fake_image_sized("electronics/led/test/broken/b.png", 200, 40);
    fake_mask_sized("electronics/led/ground_truth/broken/b.png", 200, 40, 85, 10, 95, 20, 255);
    fake_image_sized("mechanics/gear/train/good/a.png", 200, 40); /* the other layout */
    fake_image_sized("mechanics/gear/test-pixel/good/c.png", 200, 40);
    fake_image_sized("mechanics/gear/test-pixel/chipped/d.png", 200, 40);
    fake_mask_sized("mechanics/gear/test-pixel/mask/chipped/d.png", 200, 40, 5, 5, 20, 20, 255);
    fake_import(store, "manta", &report);
    check(25, 2, 2);
    fake_get(store, "manta/led/test/broken/b#2", &s);
    fake_assert_box(&s, 0, 5, 10, 15, 20, "broken");
    assert_int_equal(s.crop[0], 80);
    assert_int_equal(s.width, 40);
    assert_int_equal(s.label, 1);
    fake_get(store, "manta/led/test/broken/b#0", &s);
    assert_int_equal(s.label, 0);
    gad_sample_free(&s);
}

static void test_cableinspect(void **state)
{
    (void)state;
    gad_sample s = {0};
    fake_root("cable");
    fake_image("Cable_1/images/01/C01_A1_x_000030.png");
    fake_image("Cable_1/images/02/C01_A2_x_000063.png");
    fake_text("Cable_1/cable_1.json",
              "{\"images\":[{\"id\":1,\"file_name\":\"C01_A1_x_000030.png\",\"width\":60,\"height\":40},"
              "{\"id\":2,\"file_name\":\"02/C01_A2_x_000063.png\",\"width\":60,\"height\":40}],"
              "\"categories\":[{\"id\":7,\"name\":\"Deposit\"}],"
              "\"annotations\":[{\"id\":1,\"image_id\":2,\"category_id\":7,\"bbox\":[20.0,15.0,20.0,4.0],"
              "\"attributes\":{\"rotation\":90.0,\"anomaly_id\":12,\"gradation\":\"light\"}}]}");
    fake_import(store, "cableinspect", &report);
    check(2, 1, 1);
    assert_int_equal(problems(), 0);
    fake_get(store, "cableinspect/Cable_1/test/Deposit/02/C01_A2_x_000063", &s);
    fake_assert_box(&s, 0, 28, 7, 32, 27, "deposit"); /* the hull of the turned rectangle */
    assert_string_equal(s.group, "Cable_1/anomaly12");
    assert_string_equal(s.boxes[0].track, "Cable_1/12");
    assert_non_null(strstr(s.meta, "light"));
    gad_sample_free(&s);
}

static void test_mmr_ad(void **state)
{
    (void)state;
    gad_sample s = {0};
    fake_root("mmr");
    fake_image_sized("MVTec-AD/bottle/test/broken_large/000.png", 900, 600);
    fake_image_sized("MVTec-AD/bottle/train_good/001.png", 900, 600);
    fake_image_sized("MVTec-AD/bottle/test_good/002.png", 900, 600);
    fake_image("WFDD/grey_cloth/test/hole/000.png");
    fake_text("MVTec-AD/bottle/bbox_annos.json", "[{\"name\":\"broken_large-000.png\",\"extra\":1,\"bboxes\":[{\"bbox_2d\":"
                                                 "[112,56,336,224],\"label\":\"broken large\"}]},"
                                                 "{\"name\":\"broken_large-077.png\",\"bboxes\":[]}]");
    fake_text("MVTec-AD/bottle/text_annos.json", "[{\"name\":\"broken_large-000.png\",\"ref-name\":\"x\",\"text\":\"<think>"
                                                 "\\nThe rim is broken.\\n</think><answer>Yes. "
                                                 "{'bbox_2d': [112, 56, 336, 224], 'label': 'broken large'}</answer>\"}]");
    fake_text("MVTec-AD/bottle/reference.json",
              "{\"bottle/test/broken_large/000.png\":[\"bottle/train/good/001.png\",\"bottle/train/good/999.png\"]}");
    fake_text("WFDD/grey_cloth/bbox_annos.json", "{\"hole-000\":[[1,2,30,40,\"hole\"]]}");
    fake_text("WFDD/grey_cloth/text_annos.json", "{}");
    fake_text("WFDD/grey_cloth/reference.json", "{}");
    fake_import(store, "mmr_ad", &report);
    check(4, 2, 2);
    assert_int_equal(report.problems[GAD_IMPORT_MISSING_IMAGE], 1); /* entry 077 */
    assert_int_equal(report.problems[GAD_IMPORT_BAD_RECORD], 1);    /* reference 999 */
    fake_get(store, "mmr_ad/MVTec-AD/bottle/benchmark/broken_large/000", &s);
    fake_assert_box(&s, 0, 150, 75, 450, 300, "broken large"); /* canvas 672 x 448 */
    assert_string_equal(s.think, "The rim is broken.");
    assert_int_equal(s.reference_count, 1);
    assert_string_equal(s.references[0].path, "MVTec-AD/bottle/train_good/001.png");
    assert_string_equal(s.split, "benchmark");
    fake_get(store, "mmr_ad/WFDD/grey_cloth/train/hole/000", &s);
    assert_string_equal(s.boxes[0].label, "hole");
    gad_sample_free(&s);
}

static void assert_reference(const char *id, const char *path)
{
    gad_sample s = {0};
    fake_get(store, id, &s);
    assert_int_equal(s.reference_count, 1);
    assert_string_equal(s.references[0].path, path);
    gad_sample_free(&s);
}

/* The release's folders, with entries and references by the paths of VisA; a normal image and an anomalous one share a
 * stem. */
static void test_mmr_ad_visa_names(void **state)
{
    (void)state;
    fake_root("mmr_visa_names");
    fake_image("VisA/candle/test/Chunk Of Wax Missing/000.JPG");
    fake_image("VisA/candle/test_good/000.JPG");
    fake_image("VisA/candle/train_good/0001.JPG");
    fake_image("VisA/candle/train_good/0002.png"); /* converted */
    fake_text("VisA/candle/bbox_annos.json",
              "{\"candle/Data/Images/Anomaly/000.JPG\":{\"bboxes\":[[112,112,224,224,\"chunk\"]]}}");
    fake_text("VisA/candle/text_annos.json", "{}");
    fake_text("VisA/candle/reference.json",
              "{\"candle/Data/Images/Anomaly/000.JPG\":[\"candle/Data/Images/Normal/0001.JPG\"],"
              "\"candle/Data/Images/Normal/000.JPG\":[\"candle/Data/Images/Normal/0002.JPG\"],"
              "\"candle/Data/Images/Normal/7777.JPG\":[\"candle/Data/Images/Normal/0002.JPG\"]}");
    fake_import(store, "mmr_ad", &report);
    check(4, 1, 1);
    assert_int_equal(report.problems[GAD_IMPORT_MISSING_IMAGE], 1); /* 7777 */
    assert_int_equal(report.problems[GAD_IMPORT_BAD_RECORD], 0);
    assert_reference("mmr_ad/VisA/candle/benchmark/Chunk_Of_Wax_Missing/Chunk Of Wax Missing/000",
                     "VisA/candle/train_good/0001.JPG");
    assert_reference("mmr_ad/VisA/candle/benchmark/good/test_good/000", "VisA/candle/train_good/0002.png");
}

/* The release's files in VisA's own folders. */
static void test_mmr_ad_visa_folders(void **state)
{
    (void)state;
    gad_sample s = {0};
    fake_root("mmr_visa_folders");
    fake_image("visa/pcb1/Data/Images/Anomaly/000.JPG");
    fake_image("visa/pcb1/Data/Images/Normal/000.JPG");
    fake_image("visa/pcb1/Data/Images/Normal/0001.JPG");
    fake_text("visa/pcb1/bbox_annos.json", "[{\"name\":\"anomaly-000.png\",\"bboxes\":[{\"bbox_2d\":[112,112,224,224],"
                                           "\"label\":\"bent\"},{\"bbox_2d\":[1,2]},{\"bbox_2d\":[1,2,\"3\",4]}]}]");
    fake_text("visa/pcb1/text_annos.json",
              "[{\"name\":\"Data/Images/Normal/000.JPG\",\"ref-name\":\"0001.JPG\",\"text\":\"\"}]");
    fake_text("visa/pcb1/reference.json", "{\"pcb1/Data/Images/Anomaly/000.JPG\":\"pcb1/Data/Images/Normal/0001.JPG\"}");
    fake_import(store, "mmr_ad", &report);
    check(3, 1, 1);
    assert_int_equal(report.problems[GAD_IMPORT_BAD_BOX], 1); /* two boxes that are none */
    assert_int_equal(report.problems[GAD_IMPORT_BAD_RECORD] + report.problems[GAD_IMPORT_MISSING_IMAGE], 0);
    assert_reference("mmr_ad/visa/pcb1/benchmark/anomaly/Anomaly/000", "visa/pcb1/Data/Images/Normal/0001.JPG");
    assert_reference("mmr_ad/visa/pcb1/reference/good/Normal/000", "visa/pcb1/Data/Images/Normal/0001.JPG");
    fake_get(store, "mmr_ad/visa/pcb1/benchmark/anomaly/Anomaly/000", &s);
    assert_string_equal(s.boxes[0].label, "bent");
    gad_sample_free(&s);
}

/* One subset alone, in the folders of MVTec AD: objects, back slashes, the pool's folder named, more than can be kept. */
static void test_mmr_ad_shapes(void **state)
{
    (void)state;
    gad_string many = {0};
    gad_sample s = {0};
    fake_root("mmr_shapes");
    fake_image("bolt/test/bent/1.png");
    fake_image("bolt/test/bent/2.png");
    fake_image("bolt/test/good/1.png"); /* is normal */
    for (int i = 0; i < 34; i++) {
        char path[60];
        snprintf(path, sizeof path, "bolt/train/good/%d.png", 100 + i);
        fake_image(path);
        gad_string_addf(&many, "%s\"train/good/%d.png\"", i ? "," : "", 100 + i);
    }
    fake_text("bolt/bbox_annos.json", "{\"bent-1.png\":[[11,11,22,22]],\"bent-2.png\":[[11,11,22,22]]}");
    fake_text("bolt/text_annos.json", "{\"bent-9.png\":\"<think>gone</think>\"}");
    fake_text("bolt/reference.json",
              "{\"bent-1.png\":{\"references\":[{\"path\":\"WFDD\\\\bolt\\\\train\\\\good\\\\100.jpg\",\"score\":0.1},5]},"
              "\"bent-2.png\":[%s]}",
              many.data);
    fake_import(store, "mmr_ad", &report);
    check(37, 2, 2);
    assert_reference("mmr_ad/bolt/train/bent/1", "bolt/train/good/100.png");
    fake_get(store, "mmr_ad/bolt/train/bent/2", &s);
    assert_int_equal(s.reference_count, 32);
    assert_int_equal(report.problems[GAD_IMPORT_BAD_RECORD], 3);    /* the number 5, two references too many */
    assert_int_equal(report.problems[GAD_IMPORT_MISSING_IMAGE], 1); /* the text of bent-9 */
    gad_sample_free(&s);
    gad_string_free(&many);
}

/* Boxes that are not on the canvas disagree with the masks. */
static void test_mmr_ad_frame(void **state)
{
    (void)state;
    for (int wrong = 0; wrong < 2; wrong++) {
        fake_root("mmr_frame");
        gad_string boxes = {0};
        gad_string_add(&boxes, "[");
        for (int i = 0; i < 6; i++) {
            char path[100];
            snprintf(path, sizeof path, "WFDD/grey_cloth/test/hole/%03d.png", i);
            fake_image(path);
            snprintf(path, sizeof path, "WFDD/grey_cloth/ground_truth/hole/%03d_mask.png", i);
            fake_mask(path, 10, 10, 20, 20, 255);
            /* The canvas of 60 x 40 is 672 x 448: eleven times as large. */
            gad_string_addf(&boxes,
                            "%s{\"name\":\"hole-%03d.png\",\"bboxes\":[{\"bbox_2d\":[%d,%d,%d,%d],\"label\":\"hole\"}]}",
                            i ? "," : "", i, wrong ? 10 : 112, wrong ? 10 : 112, wrong ? 20 : 224, wrong ? 20 : 224);
        }
        gad_string_add(&boxes, "]");
        fake_text("WFDD/grey_cloth/bbox_annos.json", "%s", boxes.data);
        fake_text("WFDD/grey_cloth/text_annos.json", "[]");
        fake_text("WFDD/grey_cloth/reference.json", "{}");
        fake_import(store, "mmr_ad", &report);
        assert_int_equal(report.boxes, 6);
        assert_int_equal(report.problems[GAD_IMPORT_BAD_BOX], wrong);
        gad_string_free(&boxes);
    }
}

static void test_plain_coco_label_studio(void **state)
{
    (void)state;
    gad_sample s = {0};
    fake_root("plain");
    fake_image("bracket/good/a.png");
    fake_image("bracket/NG/b.png");
    fake_image("bracket/NG/dent/c.png");
    fake_mask("bracket/masks/c.png", 4, 4, 12, 12, 255);
    fake_import(store, "plain", &report);
    check(3, 2, 1);
    fake_root("coco");
    fake_image("images/a.png");
    fake_image("images/b.png");
    fake_text("instances_train.json", "{\"images\":[{\"id\":5,\"file_name\":\"a.png\",\"width\":60,\"height\":40},{\"id\":"
                                      "3,\"file_name\":\"b.png\",\"width\":60,\"height\":40}],"
                                      "\"categories\":[{\"id\":1,\"name\":\"Scratch\"}],"
                                      "\"annotations\":[{\"id\":9,\"image_id\":3,\"category_id\":1,\"bbox\":[10.4,10.6,5,5]"
                                      "},{\"id\":10,\"image_id\":77,\"category_id\":1,\"bbox\":[0,0,1,1]}]}");
    fake_import(store, "coco", &report);
    check(2, 1, 1);
    assert_int_equal(report.problems[GAD_IMPORT_BAD_RECORD], 1); /* annotation of image 77 */
    fake_get(store, "coco/coco/train/Scratch/images/b", &s);
    fake_assert_box(&s, 0, 10, 10, 16, 16, "scratch");
    fake_root("studio");
    fake_image("part7.png");
    fake_image("part8.png");
    fake_text("export.json", "[{\"id\":1,\"data\":{\"image\":\"/data/upload/1/"
                             "3f2a1b-part7.png\"},\"annotations\":[{\"result\":[{\"type\":\"rectanglelabels\","
                             "\"original_width\":60,\"original_height\":40,\"value\":{\"x\":50,\"y\":25,\"width\":10,"
                             "\"height\":25,\"rotation\":0,\"rectanglelabels\":[\"Dent\"]}}]}]},"
                             "{\"id\":2,\"data\":{\"image\":\"/data/upload/1/part8.png\"},\"annotations\":[]}]");
    fake_import(store, "label-studio", &report);
    check(1, 1, 1);
    fake_get(store, "label-studio/studio/train/Dent/part7", &s);
    fake_assert_box(&s, 0, 30, 10, 36, 20, "dent");
    gad_sample_free(&s);
}

/* Every entry of the catalogue has what people need to know. */
static void test_catalog(void **state)
{
    (void)state;
    int datasets = 0, boxes = 0, images = 0;
    for (int i = 0; i < gad_catalog_count(); i++) {
        const gad_catalog_entry *e = gad_catalog_at(i);
        assert_non_null(e->license);
        assert_non_null(e->read);
        assert_ptr_equal(gad_catalog_find(e->name), e);
        if (e->generic || strcmp(e->name, "mmr_ad") == 0)
            continue;
        datasets++;
        assert_true(strlen(e->citation) > 20 && strncmp(e->home, "https://", 8) == 0);
        boxes += e->mmr_boxes;
        images += e->mmr_images;
    }
    assert_int_equal(datasets, 14);
    assert_int_equal(boxes, 112875);
    assert_int_equal(images, 127137);
}

/* The real images of ../shared/data, where present: counts as in SOURCES.md. */
static void test_shared_images(void **state)
{
    (void)state;
    static const struct {
        const char *folder;
        int images, anomalous;
    } sets[] = {{"train/aws_aliens", 118, 60},     {"train/aws_cookie", 85, 40},      {"train/screws", 100, 73},
                {"train/fabric_roboflow", 22, 22}, {"eval/crackforest", 118, 118},    {"eval/deeppcb", 1600, 800},
                {"eval/magnetic_tile", 988, 388},  {"eval/neu_seg", 1200, 1200},      {"eval/elpv", 1150, 450},
                {"train/corpus_grocery", 1000, 0}, {"train/corpus_clothing", 1000, 0}};
    char folder[1200];
    int seen = 0;
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        gad_error err;
        snprintf(folder, sizeof folder, "%s/../shared/data/%s", GAD_SOURCE_DIR, sets[i].folder);
        if (!gad_file_is_directory(folder))
            continue;
        seen++;
        gad_data_import_settings request = {.adapter = "gad-jsonl",
                                            .folder = folder,
                                            .name = strchr(sets[i].folder, '/') + 1,
                                            .benchmark = sets[i].folder[0] == 'e'};
        ASSERT_OK(gad_catalog_import(store, &request, &report, &err), &err);
        print_message("%s: %lld images, %lld anomalous, %lld boxes, %lld problems\n", sets[i].folder,
                      (long long)report.images, (long long)report.anomalous, (long long)report.boxes,
                      (long long)problems());
        assert_int_equal(report.images, sets[i].images);
        assert_int_equal(report.anomalous, sets[i].anomalous);
        /* One mask of magnetic_tile (an "uneven" image) is empty at the stored size. */
        assert_int_equal(problems(), strcmp(sets[i].folder, "eval/magnetic_tile") == 0);
        assert_int_equal(report.problems[GAD_IMPORT_EMPTY_MASK], problems());
    }
    if (!seen)
        SKIP_TEST("test_shared_images", "no ../shared/data beside the source tree");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mvtec_ad),
        cmocka_unit_test(test_same_layout),
        cmocka_unit_test(test_mvtec_3d),
        cmocka_unit_test(test_visa),
        cmocka_unit_test(test_mvtec_loco),
        cmocka_unit_test(test_real_iad),
        cmocka_unit_test(test_real_iad_d3),
        cmocka_unit_test(test_manta),
        cmocka_unit_test(test_cableinspect),
        cmocka_unit_test(test_mmr_ad),
        cmocka_unit_test(test_mmr_ad_frame),
        cmocka_unit_test(test_mmr_ad_visa_names),
        cmocka_unit_test(test_mmr_ad_visa_folders),
        cmocka_unit_test(test_mmr_ad_shapes),
        cmocka_unit_test(test_plain_coco_label_studio),
        cmocka_unit_test(test_catalog),
        cmocka_unit_test(test_shared_images),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
