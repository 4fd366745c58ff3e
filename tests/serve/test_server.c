/* server: a product is made, taught, used, reviewed and exported over HTTP, by the routes that the page uses; what does not
 * fit is refused, and the server goes on. */
#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/file.h"
#include "base/rng.h"
#include "base/string.h"
#include "io/image.h"
#include "io/image_png.h"
#include "serve/client.h"
#include "serve/server.h"
#include "support/support.h"

static gad_server *server;
static pthread_t worker;
static int port;

static void *work(void *unused)
{
    (void)unused;
    gad_server_run(server);
    return NULL;
}

static void begin(void)
{
    gad_error err = {0};
    gad_serve_settings settings = gad_serve_settings_default();
    settings.port = 0;
    settings.folder = support_scratch(GAD_TEST_TMP, "data");
    settings.learn.threads = 1;
    settings.learn.backbone = support_source("models/backbone/lite0.safetensors");
    settings.learn.side_px = 128;
    ASSERT_OK(gad_server_open(&settings, &server, &err), &err);
    port = gad_server_port(server);
    assert_int_equal(pthread_create(&worker, NULL, work, NULL), 0);
}

static void end(void)
{
    gad_server_stop(server);
    pthread_join(worker, NULL);
    gad_server_free(server);
}

static int set_up(void **state)
{
    (void)state;
    gad_file_remove(support_scratch(GAD_TEST_TMP, "data"), NULL);
    begin();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    end();
    return 0;
}

/* A grey plate with fine grain; a bad one has a bright square. As PNG. */
static void draw(gad_string *png, uint64_t seed, bool bad)
{
    gad_error err = {0};
    gad_image image;
    gad_rng rng = gad_rng_make(seed, 0);
    ASSERT_OK(gad_image_new(128, 128, 3, &image, &err), &err);
    for (int64_t i = 0; i < 128 * 128; i++)
        for (int c = 0; c < 3; c++) {
            bool inside = bad && i % 128 >= 60 && i % 128 < 90 && i / 128 >= 40 && i / 128 < 70;
            image.pixels[3 * i + c] =
                (uint8_t)(inside ? 250 : 100 + (i / 128 / 8 + i % 128 / 8) % 2 * 40 + gad_rng_below(&rng, 8));
        }
    gad_string_clear(png);
    ASSERT_OK(gad_image_png_encode(&image, png, &err), &err);
    gad_image_free(&image);
}

static void add_part(gad_string *form, const char *name, const char *file, const void *bytes, size_t size)
{
    gad_string_addf(form, "--edge\r\nContent-Disposition: form-data; name=\"%s\"", name);
    if (file)
        gad_string_addf(form, "; filename=\"%s\"", file);
    gad_string_add(form, "\r\n\r\n");
    gad_string_append(form, bytes, size);
    gad_string_add(form, "\r\n");
}

static json_t *ask_json(const char *method, const char *path, const char *type, const void *body, size_t size, int wanted)
{
    int status;
    const char *answer = client_ask(port, method, path, type, body, size, &status, NULL);
    if (status != wanted)
        fail_msg("%s %s: %d, not %d: %.300s", method, path, status, wanted, answer);
    json_error_t error;
    json_t *root = json_loads(answer, 0, &error);
    if (!root)
        fail_msg("%s %s: no JSON: %.300s", method, path, answer);
    return root;
}

static json_t *ask(const char *method, const char *path, const char *body, int wanted)
{
    return ask_json(method, path, "application/json", body, body ? strlen(body) : 0, wanted);
}

static void expect(const char *method, const char *path, const char *body, int wanted)
{
    json_decref(ask(method, path, body, wanted));
}

static int64_t number(const json_t *root, const char *key)
{
    return json_integer_value(json_object_get(root, key));
}

static const char *text(const json_t *root, const char *key)
{
    const char *value = json_string_value(json_object_get(root, key));
    return value ? value : "";
}

static void teach_as(const char *wish)
{
    gad_string form = {0}, png = {0};
    for (int i = 0; i < 6; i++) {
        char name[32];
        draw(&png, (uint64_t)i, false);
        snprintf(name, sizeof name, i ? "good.png" : "../../evil.png"); /* all of one name, one with a path */
        add_part(&form, "image", name, png.data, png.length);
    }
    gad_string_add(&form, "--edge--\r\n");
    json_decref(ask("POST", "/v1/products", wish, 201));
    json_t *made =
        ask_json("POST", "/v1/products/plate/good", "multipart/form-data; boundary=edge", form.data, form.length, 200);
    assert_int_equal(number(made, "good"), 6);
    assert_int_equal(json_array_size(json_object_get(made, "parts")), 6);
    json_decref(made);
    gad_string_free(&form);
    gad_string_free(&png);
}

static void teach(void)
{
    teach_as("{\"name\":\"plate\"}");
}

/* As a JSON body with a data URL. */
static json_t *inspect(uint64_t seed, bool bad)
{
    gad_string png = {0}, body = {0};
    draw(&png, seed, bad);
    gad_string_add(&body, "{\"product\":\"plate\",\"name\":\"part.png\",\"image\":\"data:image/png;base64,");
    gad_base64_encode(png.data, png.length, &body);
    gad_string_add(&body, "\"}");
    json_t *line = ask("POST", "/v1/inspect", gad_string_text(&body), 200);
    gad_string_free(&png);
    gad_string_free(&body);
    return line;
}

static void test_inspect(void **state)
{
    (void)state;
    expect("POST", "/v1/inspect", "{\"image\":\"data:image/png;base64,AA==\"}", 400); /* no product at all */
    teach();
    json_t *good = inspect(100, false), *bad = inspect(101, true);
    assert_string_equal(text(good, "verdict"), "normal");
    assert_string_not_equal(text(bad, "verdict"), "normal");
    json_t *box = json_object_get(json_array_get(json_object_get(bad, "boxes"), 0), "bbox_2d");
    assert_true(json_number_value(json_array_get(box, 0)) <= 75 && json_number_value(json_array_get(box, 2)) >= 75);
    json_decref(good);
    json_decref(bad);
    json_t *rows = ask("GET", "/v1/results?product=plate", NULL, 200),
           *newest = json_array_get(json_object_get(rows, "data"), 0);
    assert_int_equal(json_array_size(json_object_get(rows, "data")), 2);
    assert_int_equal(number(newest, "id"), 2);
    assert_string_equal(text(newest, "name"), "part.png");
    json_decref(rows);
    static const char *const pictures[] = {"/v1/results/2/picture", "/v1/results/2/heat", "/v1/results/2/thumbnail"};
    for (int i = 0; i < 3; i++) {
        int status;
        size_t length;
        const char *bytes = client_ask(port, "GET", pictures[i], NULL, NULL, 0, &status, &length);
        assert_int_equal(status, 200);
        gad_image image;
        gad_error err = {0};
        ASSERT_OK(gad_image_decode(bytes, length, pictures[i], 0, &image, &err), &err);
        gad_image_free(&image);
    }
    expect("GET", "/v1/results/99/picture", NULL, 404);
    expect("GET", "/v1/results/2x", NULL, 404);
}

static void test_failed_parts(void **state)
{
    (void)state;
    teach();
    gad_string form = {0}, png = {0};
    draw(&png, 7, false);
    add_part(&form, "product", NULL, "plate", 5);
    add_part(&form, "image", "torn.png", png.data, png.length / 2);
    add_part(&form, "image", "whole.png", png.data, png.length);
    gad_string_add(&form, "--edge--\r\n");
    int status;
    const char *lines = client_ask(port, "POST", "/v1/inspect", "multipart/form-data; boundary=edge", form.data,
                                   form.length, &status, NULL);
    assert_int_equal(status, 200);
    assert_non_null(strstr(lines, "torn.png"));
    assert_non_null(strstr(strchr(lines, '\n'), "\"verdict\": \"normal\""));
    json_t *rows = ask("GET", "/v1/results?verdict=failed", NULL, 200);
    assert_int_equal(json_array_size(json_object_get(rows, "data")), 1); /* a failure is a row, never a verdict */
    json_decref(rows);
    expect("POST", "/v1/inspect", "{\"image\":\"http://10.0.0.1/x.png\"}", 400); /* nothing is fetched */
    expect("POST", "/v1/inspect", "{", 400);
    expect("POST", "/v1/inspect?product=other", "{\"image\":\"data:image/png;base64,AA==\"}", 404);
    gad_string_free(&form);
    gad_string_free(&png);
}

static void test_review_and_export(void **state)
{
    (void)state;
    teach();
    expect("GET", "/v1/export?product=plate", NULL, 400); /* nothing was reviewed */
    json_decref(inspect(100, false));
    json_decref(inspect(101, true));
    expect("PUT", "/v1/results/1/review", "{\"review\":\"normal\"}", 200);
    expect("PUT", "/v1/results/2/review", "{\"review\":\"anomalous\"}", 200);
    expect("PUT", "/v1/results/2/review", "{\"review\":\"maybe\"}", 400);
    expect("PUT", "/v1/results/9/review", "{\"review\":\"normal\"}", 404);
    json_t *summary = ask("GET", "/v1/products/plate/summary", NULL, 200);
    assert_int_equal(number(json_object_get(summary, "reviewed"), "confirmed"), 2);
    json_decref(summary);
    static const struct {
        const char *format, *holds;
    } exports[] = {{"coco", "annotations.json"}, {"label-studio", "annotations.json"}, {"mvtec", "000002_part_mask.png"}};
    for (int i = 0; i < 3; i++) {
        char path[80], command[300];
        int status;
        size_t length;
        snprintf(path, sizeof path, "/v1/export?product=plate&format=%s", exports[i].format);
        const char *tar = client_ask(port, "GET", path, NULL, NULL, 0, &status, &length);
        assert_int_equal(status, 200);
        const char *file = support_scratch(GAD_TEST_TMP, "export.tar");
        gad_error err = {0};
        ASSERT_OK(gad_file_write(file, tar, length, &err), &err);
        snprintf(command, sizeof command, "tar -tf '%s' | grep -q '%s' && tar -tf '%s' | grep -q '000001_part.png'", file,
                 exports[i].holds, file);
        assert_int_equal(system(command), 0);
    }
    expect("GET", "/v1/export?product=plate&format=zip", NULL, 400);
    json_t *learnt = ask("POST", "/v1/results/1/good", "{}", 200);
    assert_int_equal(number(learnt, "good"), 7);
    json_decref(learnt);
}

static void test_products(void **state)
{
    (void)state;
    static const char *const bad_names[] = {
        "{\"name\":\"\"}", "{\"name\":\"../x\"}", "{\"name\":\".x\"}", "{\"name\":\"a b\"}", "{}", "{\"name\":3}"};
    for (size_t i = 0; i < sizeof bad_names / sizeof *bad_names; i++)
        expect("POST", "/v1/products", bad_names[i], 400);
    teach();
    expect("POST", "/v1/products", "{\"name\":\"plate\"}", 400);
    expect("PUT", "/v1/products/plate/threshold", "{\"value\":0.9}", 200);
    expect("PUT", "/v1/products/plate/threshold", "{\"value\":1.5}", 400);
    expect("PUT", "/v1/products/plate/threshold", "{\"value\":\"high\"}", 400);
    expect("DELETE", "/v1/products/plate/good/nothing.png", NULL, 400);
    expect("GET", "/v1/products/plate/good/..%2f..%2fsettings.json", NULL, 404);
    json_t *left = ask("DELETE", "/v1/products/plate/good/good.png", NULL, 200);
    assert_int_equal(number(left, "good"), 5);
    json_decref(left);
    end(); /* all of it is there again after a restart */
    begin();
    json_t *again = ask("GET", "/v1/products/plate", NULL, 200);
    assert_int_equal(number(again, "good"), 5);
    assert_true(json_number_value(json_object_get(again, "threshold")) == 0.9);
    json_decref(again);
    expect("DELETE", "/v1/products/plate", NULL, 200);
    expect("GET", "/v1/products/plate", NULL, 404);
}

/* The defect of a bad part lies at 60..90 x 40..70 of 128 px. */
static void test_area(void **state)
{
    (void)state;
    static const struct {
        const char *wish, *verdict;
    } areas[] = {{"{\"name\":\"plate\",\"roi\":[0,0.6,1,0.4]}", "normal"},
                 {"{\"name\":\"plate\",\"roi\":[0.4,0.2,0.4,0.5]}", "anomalous"}};
    for (int i = 0; i < 2; i++) {
        teach_as(areas[i].wish);
        end();
        begin(); /* it is kept with the product */
        json_t *bad = inspect(101, true), *good = inspect(102, false);
        assert_string_equal(text(bad, "verdict"), areas[i].verdict);
        assert_string_equal(text(good, "verdict"), "normal");
        json_decref(bad);
        json_decref(good);
        expect("DELETE", "/v1/products/plate", NULL, 200);
    }
    static const char *const wrong[] = {"[0,0,0,1]", "[0.5,0,0.6,1]", "[-0.1,0,1,1]", "[0,0]", "[0,0,\"a\",1]"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char body[100];
        snprintf(body, sizeof body, "{\"name\":\"plate\",\"roi\":%s}", wrong[i]);
        expect("POST", "/v1/products", body, 400);
    }
    expect("POST", "/v1/products", "{\"name\":\"plate\",\"mask\":\"x\"}", 400);
    expect("POST", "/v1/products", "{\"name\":\"plate\",\"smallest_px\":0}", 400);
    expect("GET", "/v1/products/plate", NULL, 404); /* nothing half-made stays */
}

/* How closely a product looks is its own: 16 of the working picture's px for a defect of 8 px. */
static void test_closeness(void **state)
{
    (void)state;
    teach_as("{\"name\":\"plate\",\"smallest_px\":8}");
    end();
    begin();
    json_t *shown = ask("GET", "/v1/products/plate", NULL, 200);
    assert_int_equal(json_integer_value(json_object_get(shown, "side_px")), 256); /* of pictures of 128 px */
    json_decref(shown);
    expect("DELETE", "/v1/products/plate", NULL, 200);
}

static void test_studio(void **state)
{
    (void)state;
    teach();
    gad_string png = {0}, body = {0};
    draw(&png, 55, true);
    gad_string_add(&body, "{\"tasks\":[{\"id\":1,\"data\":{\"image\":\"data:image/png;base64,");
    gad_base64_encode(png.data, png.length, &body);
    gad_string_add(&body, "\"}},{\"id\":2,\"data\":{\"image\":\"/data/local/x.png\"}}]}");
    expect("POST", "/setup", "{\"project\":\"1\"}", 200);
    json_t *root = ask("POST", "/predict?product=plate", gad_string_text(&body), 200),
           *results = json_object_get(root, "results");
    assert_int_equal(json_array_size(results), 2);
    json_t *value = json_object_get(json_array_get(json_object_get(json_array_get(results, 0), "result"), 0), "value");
    double x = json_number_value(json_object_get(value, "x")), width = json_number_value(json_object_get(value, "width"));
    assert_true(x >= 0 && x <= 60 && x + width >= 58 && x + width <= 100); /* percent */
    assert_non_null(json_object_get(json_array_get(results, 1), "error"));
    json_decref(root);
    gad_string_free(&png);
    gad_string_free(&body);
}

static void test_page(void **state)
{
    (void)state;
    int status;
    static const char *const paths[] = {"/", "/page.js", "/page.css"}, *const holds[] = {"<script src=\"/page.js\">",
                                                                                         "\"use strict\"",
                                                                                         "prefers-color-scheme"};
    for (int i = 0; i < 3; i++) {
        const char *body = client_ask(port, "GET", paths[i], NULL, NULL, 0, &status, NULL);
        assert_int_equal(status, 200);
        assert_non_null(strstr(body, holds[i]));
    }
    const char *metrics = client_ask(port, "GET", "/metrics", NULL, NULL, 0, &status, NULL);
    assert_non_null(strstr(metrics, "gad_queue_bound 128"));
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_inspect, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_failed_parts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_review_and_export, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_products, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_area, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_closeness, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_studio, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_page, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("server", tests, NULL, NULL);
}
