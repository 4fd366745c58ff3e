/* multipart, metrics: forms as clients write them, broken ones, and counters as text. */
#include <stdlib.h>
#include <string.h>

#include "serve/metrics.h"
#include "serve/multipart.h"
#include "support/support.h"

static const gad_multipart_part *find(const gad_multipart *parts, const char *name)
{
    for (size_t i = 0; i < parts->count; i++)
        if (!strcmp(parts->part[i].name, name))
            return &parts->part[i];
    return NULL;
}

static gad_status parse(const char *type, const char *body, size_t size, gad_multipart *parts)
{
    gad_error err = {0};
    return gad_multipart_parse(type, body, size, parts, &err);
}

static void test_form(void **state)
{
    (void)state;
    static const char body[] = "--xYz\r\nContent-Disposition: form-data; name=\"product\"\r\n\r\nbottle\r\n"
                               "--xYz\r\ncontent-disposition: form-data; filename=\"a \\\"b\\\".png\"; name=image\r\n"
                               "Content-Type: image/png\r\n\r\n\x89PNG\r\n--xY\0\r\n\r\n"
                               "--xYz\r\nContent-Disposition: form-data; name=\"empty\"\r\n\r\n\r\n--xYz--\r\n";
    gad_multipart parts;
    assert_int_equal(parse("multipart/form-data; boundary=xYz", body, sizeof body - 1, &parts), GAD_OK);
    assert_int_equal(parts.count, 3);
    const gad_multipart_part *p = find(&parts, "product");
    assert_true(p && p->size_bytes == 6 && !memcmp(p->data, "bottle", 6));
    p = find(&parts, "image");
    assert_true(p && p->size_bytes == 13 && !memcmp(p->data, "\x89PNG\r\n--xY\0\r\n", 13));
    assert_string_equal(p->file_name, "a \"b\".png");
    assert_string_equal(p->type, "image/png");
    p = find(&parts, "empty");
    assert_true(p && p->size_bytes == 0);
    assert_null(find(&parts, "imag"));
    gad_multipart_free(&parts);
    assert_int_equal(parse("multipart/form-data; charset=utf-8; boundary=\"xYz\"", body, sizeof body - 1, &parts), GAD_OK);
    gad_multipart_free(&parts);
}

/* Cut anywhere before its last boundary, it is refused. */
static void test_broken(void **state)
{
    (void)state;
    static const char body[] = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n--b--\r\n";
    static const char *const types[] = {"multipart/form-data",
                                        "multipart/form-data; boundary=", "multipart/form-data; boundary=c",
                                        "multipart/form-data; xboundary=b"};
    gad_multipart parts;
    for (size_t length = 0; length < sizeof body - 3; length++) {
        char *cut = test_malloc(length + 1);
        memcpy(cut, body, length);
        assert_int_equal(parse("multipart/form-data; boundary=b", cut, length, &parts), GAD_E_FORMAT);
        test_free(cut);
    }
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        assert_int_equal(parse(types[i], body, sizeof body - 1, &parts), GAD_E_FORMAT);
    static const char nameless[] = "--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--\r\n";
    assert_int_equal(parse("multipart/form-data; boundary=b", nameless, sizeof nameless - 1, &parts), GAD_E_FORMAT);
    assert_false(gad_multipart_is("application/json"));
    assert_false(gad_multipart_is(NULL));
    assert_true(gad_multipart_is("Multipart/Form-Data; boundary=b"));
}

static void test_metrics(void **state)
{
    (void)state;
    gad_metrics metrics;
    gad_string text = {0};
    gad_metrics_start(&metrics);
    gad_metrics_count_part(&metrics, GAD_METRICS_NORMAL, 0.004);
    gad_metrics_count_part(&metrics, GAD_METRICS_ANOMALOUS, 0.15);
    gad_metrics_count_part(&metrics, GAD_METRICS_FAILED, 60);
    gad_metrics_count_request(&metrics, 200);
    gad_metrics_count_request(&metrics, 413);
    gad_metrics_write(&metrics, &(gad_metrics_now){2, 64, 5}, &text);
    static const char *const lines[] = {
        "\ngad_parts_total{verdict=\"anomalous\"} 1\n",       "\ngad_part_latency_seconds_bucket{le=\"0.005\"} 1\n",
        "\ngad_part_latency_seconds_bucket{le=\"0.1\"} 1\n",  "\ngad_part_latency_seconds_bucket{le=\"0.2\"} 2\n",
        "\ngad_part_latency_seconds_bucket{le=\"+Inf\"} 3\n", "\ngad_part_latency_seconds_count 3\n",
        "\ngad_http_requests_total{status=\"4xx\"} 1\n",      "\ngad_queue_length 2\n",
        "\n# TYPE gad_part_latency_seconds histogram\n"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        assert_non_null(strstr(gad_string_text(&text), lines[i]));
    const char *memory = strstr(gad_string_text(&text), "\ngad_resident_memory_bytes ");
    assert_true(memory && strtod(memory + 27, NULL) > 1e6);
    gad_string_free(&text);
    gad_metrics_stop(&metrics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_form), cmocka_unit_test(test_broken),
                                       cmocka_unit_test(test_metrics)};
    return cmocka_run_group_tests_name("multipart", tests, NULL, NULL);
}
