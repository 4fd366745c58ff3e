/* openai: the OpenAI routes over the tiny golden checkpoints: the words of the reference for its conversations with and
 * without pictures, whole and as a stream; what is asked for holds (length, stop texts, seed, probabilities, counts); what
 * is not done here is refused. A product's rejects are explained by the same model. */
#include <jansson.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/rng.h"
#include "io/image_png.h"
#include "model/golden.h"
#include "serve/app.h"
#include "serve/client.h"
#include "serve/server.h"

static gad_server *server;
static gad_engine *engine;
static pthread_t worker;
static int port;

static void *work(void *unused)
{
    (void)unused;
    gad_server_run(server);
    return NULL;
}

static void begin(const char *family)
{
    gad_error err = {0};
    gad_serve_settings settings = gad_serve_settings_default();
    gad_file_remove(support_scratch(GAD_TEST_TMP, "data"), NULL);
    if (family) {
        gad_engine_options options = {.model = golden_path(family, "model"), .compute.threads = 1};
        ASSERT_OK(gad_engine_open(&options, &engine, &err), &err);
        engine->preprocess = golden_preprocess(family);
        settings.engine = engine;
        settings.model_name = family;
        settings.inspect.reason = GAD_REASON_REJECTS;
        settings.inspect.max_tokens = 8;
    }
    settings.port = 0;
    settings.learn.threads = 1;
    settings.learn.backbone = support_source("models/backbone/lite0.safetensors");
    settings.learn.side_px = 128;
    settings.folder = support_scratch(GAD_TEST_TMP, "data");
    ASSERT_OK(gad_server_open(&settings, &server, &err), &err);
    port = gad_server_port(server);
    assert_int_equal(pthread_create(&worker, NULL, work, NULL), 0);
}

static void end(void)
{
    gad_server_stop(server);
    pthread_join(worker, NULL);
    gad_server_free(server);
    gad_engine_free(engine);
    engine = NULL;
}

static const char *post(const json_t *body, int wanted)
{
    int status;
    char *text = json_dumps(body, JSON_COMPACT);
    const char *answer =
        client_ask(port, "POST", "/v1/chat/completions", "application/json", text, strlen(text), &status, NULL);
    if (status != wanted)
        fail_msg("%d, not %d: %.300s", status, wanted, answer);
    free(text);
    return answer;
}

static json_t *ask(const json_t *body, int wanted)
{
    json_t *root = json_loads(post(body, wanted), 0, NULL);
    assert_non_null(root);
    return root;
}

static const json_t *choice_of(const json_t *root)
{
    return json_array_get(json_object_get(root, "choices"), 0);
}

static const char *content_of(const json_t *root)
{
    return json_string_value(json_object_get(json_object_get(choice_of(root), "message"), "content"));
}

static int64_t number(const json_t *root, const char *object, const char *key)
{
    return json_integer_value(json_object_get(json_object_get(root, object), key));
}

static void set(json_t *body, const char *key, json_t *value)
{
    json_object_set_new(body, key, value);
}

/* ---- the reference's conversations --------------------------------------------------------------------------------- */

static json_t *cases;

static json_t *picture(const char *name)
{
    gad_string url = {0};
    gad_error err;
    char *bytes = NULL;
    size_t size;
    ASSERT_OK(gad_file_read(golden_image(name), 1 << 20, &bytes, &size, &err), &err);
    gad_string_add(&url, "data:image/png;base64,");
    gad_base64_encode(bytes, size, &url);
    json_t *part = json_pack("{s:s, s:{s:s}}", "type", "image_url", "image_url", "url", gad_string_text(&url));
    gad_string_free(&url);
    gad_memory_free(bytes);
    return part;
}

/* A request with the case's messages, for as many tokens as the reference said, greedily and without a penalty. */
static json_t *question(char letter)
{
    const char key[2] = {letter, 0};
    json_t *messages = json_deep_copy(json_object_get(json_object_get(cases, key), "messages")), *message, *part;
    size_t i, k;
    json_array_foreach (messages, i, message) {
        json_t *content = json_object_get(message, "content");
        json_array_foreach (content, k, part)
            if (json_object_get(part, "image"))
                json_array_set_new(content, k, picture(json_string_value(json_object_get(part, "image"))));
    }
    return json_pack("{s:o, s:i, s:i, s:i}", "messages", messages, "max_tokens", 16, "temperature", 0, "repetition_penalty",
                     1);
}

static const json_t *wanted(char letter, const char *member)
{
    const char key[2] = {letter, 0};
    return json_object_get(json_object_get(cases, key), member);
}

static void open_cases(const char *family)
{
    gad_error err;
    ASSERT_OK(gad_json_load(golden_path(family, "cases.json"), &cases, &err), &err);
}

static void test_conversations(void **state)
{
    (void)state;
    static const char *const families[] = {"qwen25", "qwen3"};
    for (int f = 0; f < 2; f++) {
        open_cases(families[f]);
        begin(families[f]);
        for (char letter = 'a'; letter <= 'f'; letter++) {
            json_t *body = question(letter), *root = ask(body, 200);
            assert_string_equal(content_of(root), json_string_value(wanted(letter, "decode_text")));
            assert_int_equal(number(root, "usage", "prompt_tokens"), json_array_size(wanted(letter, "ids")));
            assert_int_equal(number(root, "usage", "completion_tokens"), 16);
            assert_int_equal(number(root, "timings", "predicted_n"), 16);
            assert_string_equal(json_string_value(json_object_get(choice_of(root), "finish_reason")), "length");
            json_decref(body);
            json_decref(root);
        }
        end();
        json_decref(cases);
    }
}

static int begin_asking(const json_t *body)
{
    char *text = json_dumps(body, JSON_COMPACT);
    int fd = client_begin(port, "POST", "/v1/chat/completions", "application/json", text, strlen(text));
    free(text);
    return fd;
}

/* While a long one is answered others wait: six conversations, one that is refused, one whose client leaves. How many of
 * the six were answered with others; each is in the reference's words. */
static int ask_at_once(void)
{
    enum { CASES = 6 };
    int fd[CASES], status, together = 0;
    json_t *first = question('a'), *wrong = question('b'), *leaves = question('c');
    set(first, "max_tokens", json_integer(1500));
    set(first, "stream", json_true());
    set(leaves, "stream", json_true());
    set(wrong, "model", json_string("another"));
    int busy = begin_asking(first);
    usleep(20000); /* it is taken */
    for (int i = 0; i < CASES; i++) {
        json_t *body = question((char)('a' + i));
        fd[i] = begin_asking(body);
        json_decref(body);
    }
    int refused = begin_asking(wrong), gone = begin_asking(leaves);
    close(gone);
    for (int i = 0; i < CASES; i++) {
        json_t *root = json_loads(client_body(client_hear(fd[i], 60, NULL), &status), 0, NULL);
        assert_int_equal(status, 200);
        assert_string_equal(content_of(root), json_string_value(wanted((char)('a' + i), "decode_text")));
        assert_int_equal(number(root, "usage", "prompt_tokens"), json_array_size(wanted((char)('a' + i), "ids")));
        assert_int_equal(number(root, "usage", "completion_tokens"), 16);
        together += number(root, "timings", "together_n") > 1;
        json_decref(root);
        close(fd[i]);
    }
    (void)client_body(client_hear(refused, 60, NULL), &status);
    assert_int_equal(status, 404);
    close(refused);
    close(busy);
    json_decref(first);
    json_decref(wrong);
    json_decref(leaves);
    return together;
}

/* Requests that wait at the same time are answered together. On a machine that is busy they may come one by one, so this is
 * tried more than once. */
static void test_together(void **state)
{
    (void)state;
    int together = 0;
    open_cases("qwen25");
    begin("qwen25");
    for (int i = 0; i < 20 && together < 4; i++) {
        const int now = ask_at_once();
        together = now > together ? now : together;
    }
    assert_true(together >= 4);
    end();
    json_decref(cases);
}

/* The text of all events, their number in *pieces; each but the last is a chunk. */
static void read_events(const char *events, gad_string *text, gad_string *bytes, int *pieces, json_t **usage)
{
    *pieces = 0;
    bool done = false;
    for (const char *at = events; (at = strstr(at, "data: ")); at++) {
        const char *stop = strstr(at, "\n\n"), *piece;
        assert_non_null(stop);
        done = !strncmp(at + 6, "[DONE]", 6);
        if (done)
            continue;
        json_t *root = json_loadb(at + 6, (size_t)(stop - at) - 6, 0, NULL), *entry;
        assert_non_null(root);
        piece = json_string_value(json_object_get(json_object_get(choice_of(root), "delta"), "content"));
        gad_string_add(text, piece ? piece : "");
        *pieces += piece && *piece;
        size_t i, k;
        json_array_foreach (json_object_get(json_object_get(choice_of(root), "logprobs"), "content"), i, entry)
            for (k = 0; k < json_array_size(json_object_get(entry, "bytes")); k++) {
                char byte = (char)json_integer_value(json_array_get(json_object_get(entry, "bytes"), k));
                gad_string_append(bytes, &byte, 1);
            }
        if (json_is_object(json_object_get(root, "usage")))
            *usage = json_incref(json_object_get(root, "usage"));
        json_decref(root);
    }
    assert_true(done);
}

static void test_stream(void **state)
{
    (void)state;
    open_cases("qwen25");
    begin("qwen25");
    json_t *body = question('c'), *usage = NULL;
    int pieces;
    gad_string text = {0}, bytes = {0};
    set(body, "stream", json_true());
    set(body, "logprobs", json_true());
    set(body, "stream_options", json_pack("{s:b}", "include_usage", 1));
    read_events(post(body, 200), &text, &bytes, &pieces, &usage);
    assert_string_equal(gad_string_text(&text), json_string_value(wanted('c', "decode_text")));
    assert_true(pieces > 4);
    assert_true(bytes.length >= 16); /* a token's bytes are its own, whole characters or not */
    assert_int_equal(json_integer_value(json_object_get(usage, "completion_tokens")), 16);
    gad_string_clear(&text);
    gad_string_clear(&bytes);
    json_decref(usage);
    set(body, "stop", json_pack("[s, s]", "never said", "a're"));
    read_events(post(body, 200), &text, &bytes, &pieces, &usage);
    const char *whole = json_string_value(wanted('c', "decode_text"));
    assert_int_equal(text.length, strstr(whole, "a're") - whole); /* nothing of the stop text was sent */
    assert_memory_equal(text.data, whole, text.length);
    gad_string_free(&text);
    gad_string_free(&bytes);
    json_decref(usage);
    json_decref(body);
    end();
    json_decref(cases);
}

/* ---- what can be asked for ----------------------------------------------------------------------------------------- */

static void test_probabilities(void **state)
{
    (void)state;
    open_cases("qwen25");
    begin("qwen25");
    json_t *body = question('b'), *root, *entry;
    set(body, "logprobs", json_true());
    set(body, "top_logprobs", json_integer(20));
    root = ask(body, 200);
    const json_t *list = json_object_get(json_object_get(choice_of(root), "logprobs"), "content");
    assert_int_equal(json_array_size(list), 16);
    size_t i, k;
    json_array_foreach (list, i, entry) {
        const json_t *top = json_object_get(entry, "top_logprobs");
        double sum = 0, before = 0;
        assert_int_equal(json_array_size(top), 20);
        assert_string_equal(json_string_value(json_object_get(entry, "token")), /* greedy: the first is what was said */
                            json_string_value(json_object_get(json_array_get(top, 0), "token")));
        for (k = 0; k < 20; k++) {
            double logprob = json_number_value(json_object_get(json_array_get(top, k), "logprob"));
            assert_true(logprob <= before);
            before = logprob;
            sum += exp(logprob);
        }
        assert_true(sum > 0.05 && sum <= 1 + 1e-5);
    }
    json_decref(root);
    root = ask(body, 200); /* the same question again: all but its last token is known */
    assert_int_equal(number(root, "timings", "prompt_n"), 1);
    json_decref(root);
    json_decref(body);
    end();
    json_decref(cases);
}

static void test_sampling(void **state)
{
    (void)state;
    open_cases("qwen25");
    begin("qwen25");
    json_t *body = question('b'), *first, *same, *other, *cut;
    set(body, "temperature", json_real(3));
    set(body, "seed", json_integer(7));
    first = ask(body, 200);
    same = ask(body, 200);
    set(body, "seed", json_integer(8));
    other = ask(body, 200);
    assert_string_equal(content_of(first), content_of(same));
    assert_string_not_equal(content_of(first), content_of(other));
    set(body, "temperature", json_integer(0));
    set(body, "stop", json_string("sho"));
    cut = ask(body, 200);
    assert_string_equal(content_of(cut), "ar\x1c ");
    assert_string_equal(json_string_value(json_object_get(choice_of(cut), "finish_reason")), "stop");
    json_decref(first);
    json_decref(same);
    json_decref(other);
    json_decref(cut);
    json_decref(body);
    end();
    json_decref(cases);
}

static void refuse(const char *body, int status, const char *says)
{
    json_t *root = json_loads(body, 0, NULL);
    assert_non_null(root);
    json_t *answer = ask(root, status), *error = json_object_get(answer, "error");
    if (!strstr(json_string_value(json_object_get(error, "message")), says))
        fail_msg("%s: %s", body, json_string_value(json_object_get(error, "message")));
    assert_non_null(json_string_value(json_object_get(error, "type")));
    json_decref(answer);
    json_decref(root);
}

#define MESSAGES "\"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}]"
static void test_refusals(void **state)
{
    (void)state;
    begin("qwen25");
    refuse("[]", 400, "object");
    refuse("{}", 400, "messages");
    refuse("{\"messages\": []}", 400, "messages");
    refuse("{\"messages\": [{\"role\": \"tool\", \"content\": \"x\"}]}", 400, "role");
    refuse("{\"messages\": [{\"role\": \"user\", \"content\": 3}]}", 400, "content");
    refuse("{\"messages\": [{\"role\": \"user\", \"content\": [{\"type\": \"audio\"}]}]}", 400, "piece");
    refuse("{\"messages\": [{\"role\": \"user\", \"content\": [{\"type\": \"image_url\", \"image_url\": {\"url\": "
           "\"http://10.0.0.1/a.png\"}}]}]}",
           400, "data URL");
    refuse("{\"messages\": [{\"role\": \"user\", \"content\": [{\"type\": \"image_url\", \"image_url\": {\"url\": "
           "\"data:image/png;base64,AAAA\"}}]}]}",
           400, "image");
    refuse("{" MESSAGES ", \"n\": 9}", 400, "not between 1 and 8");
    refuse("{" MESSAGES ", \"n\": 2, \"stream\": true}", 400, "several answers");
    refuse("{" MESSAGES ", \"n\": 2, \"logprobs\": true}", 400, "several answers");
    refuse("{" MESSAGES ", \"tools\": [{}]}", 400, "tools");
    refuse("{" MESSAGES ", \"response_format\": {\"type\": \"json_object\"}}", 400, "response_format");
    refuse("{" MESSAGES ", \"temperature\": -1}", 400, "temperature");
    refuse("{" MESSAGES ", \"max_tokens\": \"many\"}", 400, "max_tokens");
    refuse("{" MESSAGES ", \"max_tokens\": -5}", 400, "max_tokens");
    refuse("{" MESSAGES ", \"stop\": [\"\"]}", 400, "stop");
    refuse("{" MESSAGES ", \"top_logprobs\": 3}", 400, "logprobs");
    refuse("{" MESSAGES ", \"model\": \"gpt-4o\"}", 404, "qwen25");
    end();
    begin(NULL);
    refuse("{" MESSAGES "}", 404, "--model");
    end();
}

/* Three answers: the first is the one that the same seed gives alone, the others draw otherwise. */
static void test_several(void **state)
{
    (void)state;
    open_cases("qwen25");
    begin("qwen25");
    json_t *body = question('c');
    set(body, "temperature", json_real(2));
    set(body, "seed", json_integer(3));
    json_t *one = ask(body, 200);
    set(body, "n", json_integer(3));
    json_t *three = ask(body, 200), *choices = json_object_get(three, "choices");
    const char *said[3];
    assert_int_equal(json_array_size(choices), 3);
    for (size_t i = 0; i < 3; i++) {
        const json_t *choice = json_array_get(choices, i);
        assert_int_equal(json_integer_value(json_object_get(choice, "index")), i);
        said[i] = json_string_value(json_object_get(json_object_get(choice, "message"), "content"));
    }
    assert_string_equal(said[0], content_of(one));
    assert_string_not_equal(said[1], said[0]);
    assert_string_not_equal(said[2], said[1]);
    assert_int_equal(number(three, "usage", "prompt_tokens"), number(one, "usage", "prompt_tokens"));
    assert_true(number(three, "usage", "completion_tokens") > number(one, "usage", "completion_tokens"));
    json_decref(one);
    json_decref(three);
    json_decref(body);
    end();
    json_decref(cases);
}

/* One token as the clients of evaluation tools send them (VLMEvalKit: n, img_detail; lmms-eval: temperature 0, max_tokens).
 */
static void test_clients(void **state)
{
    (void)state;
    begin("qwen25");
    json_t *body = json_loads("{\"model\": \"qwen25\", " MESSAGES ", \"n\": 1, \"temperature\": 0.0, \"max_tokens\": 2048,"
                              " \"frequency_penalty\": 0, \"stop\": null, \"seed\": null, \"response_format\": {\"type\": "
                              "\"text\"}, \"logit_bias\": {}, \"user\": \"me\"}",
                              0, NULL);
    json_t *root = ask(body, 200); /* longer than the model can read: as far as it can */
    assert_true(number(root, "usage", "total_tokens") <= 2048);
    json_decref(root);
    json_decref(body);
    int status;
    const char *list = client_ask(port, "GET", "/v1/models", NULL, NULL, 0, &status, NULL);
    assert_int_equal(status, 200);
    assert_non_null(strstr(list, "\"id\":\"qwen25\""));
    end();
}

/* ---- a product with a model ------------------------------------------------------------------------------------------ */

/* A grey plate with a grain of its own; a bad one has a bright square. As a data URL. */
static json_t *plate(uint64_t seed, bool bad)
{
    gad_error err = {0};
    gad_image image;
    gad_string png = {0}, url = {0};
    gad_rng rng = gad_rng_make(seed, 0);
    ASSERT_OK(gad_image_new(128, 128, 3, &image, &err), &err);
    for (int64_t i = 0; i < 128 * 128 * 3; i++) {
        int64_t x = i / 3 % 128, y = i / 3 / 128;
        bool inside = bad && x >= 60 && x < 90 && y >= 40 && y < 70;
        image.pixels[i] = (uint8_t)(inside ? 250 : 100 + (x / 8 + y / 8) % 2 * 40 + gad_rng_below(&rng, 8));
    }
    ASSERT_OK(gad_image_png_encode(&image, &png, &err), &err);
    gad_image_free(&image);
    gad_string_add(&url, "data:image/png;base64,");
    gad_base64_encode(png.data, png.length, &url);
    json_t *text = json_string(gad_string_text(&url));
    gad_string_free(&png);
    gad_string_free(&url);
    return text;
}

static json_t *send_to(const char *path, json_t *body, int wanted_status)
{
    int status;
    char *text = json_dumps(body, JSON_COMPACT);
    json_decref(body);
    const char *answer = client_ask(port, "POST", path, "application/json", text, strlen(text), &status, NULL);
    if (status != wanted_status)
        fail_msg("%s: %d: %.300s", path, status, answer);
    free(text);
    json_t *root = json_loads(answer, 0, NULL);
    assert_non_null(root);
    return root;
}

static json_t *inspect(uint64_t seed, bool bad)
{
    return send_to("/v1/inspect", json_pack("{s:s, s:s, s:o}", "product", "plate", "name", "p", "image", plate(seed, bad)),
                   200);
}

static int64_t count_of(const json_t *line, const char *key)
{
    return json_integer_value(json_object_get(line, key));
}

/* Rejects are explained, with the product's verdict; the good part that is shown beside them is encoded once. */
static void test_explained(void **state)
{
    (void)state;
    begin("qwen25");
    json_decref(send_to("/v1/products", json_pack("{s:s}", "name", "plate"), 201));
    json_t *pictures = json_array();
    for (uint64_t i = 0; i < 6; i++)
        json_array_append_new(pictures, json_pack("{s:o, s:s}", "image", plate(i, false), "name", "good.png"));
    json_decref(send_to("/v1/products/plate/good", json_pack("{s:o}", "images", pictures), 200));
    json_t *good = inspect(100, false), *bad = inspect(101, true), *again = inspect(102, true);
    assert_string_equal(json_string_value(json_object_get(good, "verdict")), "normal");
    assert_true(json_is_false(json_object_get(good, "reasoned")));
    json_t *lines[] = {bad, again};
    for (int i = 0; i < 2; i++) {
        assert_string_equal(json_string_value(json_object_get(lines[i], "verdict")), "anomalous");
        assert_true(json_is_true(json_object_get(lines[i], "reasoned")));
        assert_true(json_string_length(json_object_get(lines[i], "raw")) > 0);
        assert_true(count_of(lines[i], "answer_tokens") > 0 && count_of(lines[i], "answer_tokens") <= 8);
        assert_true(json_number_value(json_object_get(lines[i], "score")) > 0.5);
    }
    assert_true(count_of(again, "computed_tokens") < count_of(bad, "computed_tokens") - 10);
    json_decref(good);
    json_decref(bad);
    json_decref(again);
    end();
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conversations), cmocka_unit_test(test_together), cmocka_unit_test(test_stream),
        cmocka_unit_test(test_probabilities), cmocka_unit_test(test_sampling), cmocka_unit_test(test_several),
        cmocka_unit_test(test_refusals),      cmocka_unit_test(test_clients),  cmocka_unit_test(test_explained),
    };
    return cmocka_run_group_tests_name("openai", tests, NULL, NULL);
}
