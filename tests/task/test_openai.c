/* openai: the request to the letter, responses of several servers, errors, the probability at the decision. */
#include "support/support.h"
#include "task/openai.h"

#include <math.h>
#include <string.h>

static gad_error err;

static void test_request(void **state)
{
    (void)state;
    static const char png[] = "\x89PNG\r\n\x1a\nabc", jpeg[] = "\xff\xd8\xff\xe0";
    const gad_openai_part system = {.text = "Be \"brief\".\n"};
    const gad_openai_part user[] = {
        {.image = png, .image_bytes = sizeof png - 1}, {.image = jpeg, .image_bytes = sizeof jpeg - 1}, {.text = "Look."}};
    const gad_openai_message messages[] = {{"system", &system, 1}, {"user", user, 3}};
    gad_openai_request request = {.model = "m/1",
                                  .messages = messages,
                                  .count = 2,
                                  .max_tokens = 1024,
                                  .greedy = true,
                                  .temperature = 0.7,
                                  .has_seed = true,
                                  .seed = 7,
                                  .top_logprobs = 20};
    gad_string json = {0};
    ASSERT_OK(gad_openai_build(&request, &json, &err), &err);
    assert_string_equal(
        json.data,
        "{\"max_tokens\":1024,\"temperature\":0,\"seed\":7,\"logprobs\":true,\"top_logprobs\":20,\"model\":\"m/1\","
        "\"messages\":[{\"role\":\"system\",\"content\":\"Be \\\"brief\\\".\\n\"},{\"role\":\"user\",\"content\":["
        "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,iVBORw0KGgphYmM=\"}},"
        "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/jpeg;base64,/9j/4A==\"}},"
        "{\"type\":\"text\",\"text\":\"Look.\"}]}]}");
    gad_string_clear(&json);
    gad_openai_request sampled = {.model = "m",
                                  .messages = messages,
                                  .count = 1,
                                  .temperature = 0.7,
                                  .top_p = 0.9,
                                  .more = "{\"max_completion_tokens\": 5, \"model\": \"other\"}"};
    ASSERT_OK(gad_openai_build(&sampled, &json, &err), &err);
    assert_string_equal(json.data, "{\"temperature\":0.7,\"top_p\":0.9,\"max_completion_tokens\":5,\"model\":\"other\","
                                   "\"messages\":[{\"role\":\"system\",\"content\":\"Be \\\"brief\\\".\\n\"}]}");
    sampled.more = "[1]";
    assert_int_equal(gad_openai_build(&sampled, &json, &err), GAD_E_ARGUMENT);
    sampled.more = "{\"messages\": []}";
    assert_int_equal(gad_openai_build(&sampled, &json, &err), GAD_E_ARGUMENT);
    sampled.more = "{";
    assert_int_equal(gad_openai_build(&sampled, &json, &err), GAD_E_FORMAT);
    const gad_openai_part text_file = {.image = "hello", .image_bytes = 5};
    const gad_openai_message bad = {"user", &text_file, 1};
    request.messages = &bad;
    request.count = 1;
    assert_int_equal(gad_openai_build(&request, &json, &err), GAD_E_UNSUPPORTED);
    gad_string_free(&json);
}

static gad_openai_response parse(const char *body)
{
    gad_openai_response response = {0};
    ASSERT_OK(gad_openai_parse(body, strlen(body), &response, &err), &err);
    return response;
}

static void test_responses(void **state)
{
    (void)state;
    gad_openai_response r =
        parse("{\"id\":\"x\",\"model\":\"m-2\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":"
              "\"<think>\\nA\\n</think><answer>No</answer>\"},\"finish_reason\":\"stop\"}],"
              "\"usage\":{\"prompt_tokens\":900,\"completion_tokens\":12,\"total_tokens\":912}}");
    assert_string_equal(r.text, "<think>\nA\n</think><answer>No</answer>");
    assert_string_equal(r.model, "m-2");
    assert_string_equal(r.finish_reason, "stop");
    assert_true(r.prompt_tokens == 900 && r.completion_tokens == 12 && isnan(r.p_yes));
    gad_openai_response_free(&r);
    /* reasoning apart, content in parts, nothing else */
    r = parse(
        "{\"choices\":[{\"message\":{\"reasoning_content\":\"B\",\"content\":[{\"type\":\"text\",\"text\":\"<answer>\"},"
        "{\"type\":\"text\",\"text\":\"Yes</answer>\"}]},\"finish_reason\":\"length\"}]}");
    assert_string_equal(r.text, "<think>B</think><answer>Yes</answer>");
    assert_string_equal(r.finish_reason, "length");
    assert_true(r.prompt_tokens == -1 && r.completion_tokens == -1);
    gad_openai_response_free(&r);
    r = parse("{\"choices\":[{\"message\":{\"reasoning\":\"B\",\"content\":\"<think>A</think>\"}}],\"error\":null}");
    assert_string_equal(r.text, "<think>A</think>");
    gad_openai_response_free(&r);
    r = parse("{\"choices\":[{\"message\":{\"content\":null}}],\"usage\":null}");
    assert_string_equal(r.text, "");
    gad_openai_response_free(&r);
}

/* What servers get wrong beside the answer does not cost it. */
static void test_tolerated(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"{\"choices\":[{\"message\":{\"content\":\"a \\ud83d\"}}]}", "a \xEF\xBF\xBD"},
        {"{\"choices\":[{\"message\":{\"content\":\"a\\u0000b\"}}]}", "a\xEF\xBF\xBD"
                                                                      "b"},
        {"{\"choices\":[{\"message\":{\"content\":\"a \xF0\x9F\"}}]}", "a \xEF\xBF\xBD\xEF\xBF\xBD"},
        {"{\"choices\":[{\"message\":{\"content\":\"a\"}}],\"created\":123456789012345678901234567890}", "a"},
        {"{\"choices\":[{\"message\":{\"content\":\"a\"},\"logprobs\":{\"content\":[{\"token\":\"a\",\"logprob\":-Infinity}"
         "]}}]}",
         "a"},
        {"{\"model\":\"m\",\"choices\":[{\"message\":{\"content\":\"a\"}}],\"model\":\"m\"}", "a"},
        {"\xEF\xBB\xBF{\"choices\":[{\"message\":{\"content\":\"a\"}}]}", "a"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        gad_openai_response r = parse(cases[i][0]);
        assert_string_equal(r.text, cases[i][1]);
        assert_true(isnan(r.p_yes));
        gad_openai_response_free(&r);
    }
    gad_string deep = {0};
    gad_string_add(&deep, "{\"choices\":[{\"message\":{\"content\":\"a\"}}],\"extra\":");
    for (int side = 0; side < 2; side++)
        for (int i = 0; i < 5000; i++)
            gad_string_add(&deep, side ? "]" : "[");
    gad_string_add(&deep, "}");
    gad_openai_response r = parse(deep.data);
    assert_string_equal(r.text, "a");
    gad_openai_response_free(&r);
    gad_string_free(&deep);
}

static void test_url(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"http://h/v1", "http://h/v1/chat/completions"},
        {"http://h/v1/", "http://h/v1/chat/completions"},
        {"http://h/v1/chat/completions", "http://h/v1/chat/completions"},
        {"http://h/v1/chat/completions/", "http://h/v1/chat/completions/"},
        {"http://h/v1/chat/completions?api-version=2024-06-01", "http://h/v1/chat/completions?api-version=2024-06-01"},
        {"http://h/v1?api-version=1&x=/a/", "http://h/v1/chat/completions?api-version=1&x=/a/"},
        {"http://h/v1/?a=1#b", "http://h/v1/chat/completions?a=1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        gad_string url = {0};
        gad_openai_url(cases[i][0], &url);
        assert_string_equal(gad_string_text(&url), cases[i][1]);
        gad_string_free(&url);
    }
}

static void test_errors(void **state)
{
    (void)state;
    static const struct {
        const char *body, *words;
        gad_status status;
    } cases[] = {
        {"{\"error\":{\"message\":\"bad key\",\"code\":401}}", "the server says: bad key", GAD_E_NETWORK},
        {"{\"error\":\"overloaded\"}", "overloaded", GAD_E_NETWORK},
        {"{\"object\":\"error\",\"message\":\"too long\",\"code\":400}", "too long", GAD_E_NETWORK},
        {"{\"error\":{}}", "without a message", GAD_E_NETWORK},
        {"", "is empty", GAD_E_FORMAT},
        {"<html>502</html>", "line 1", GAD_E_FORMAT},
        {"{\"choices\":[", "line 1", GAD_E_FORMAT},
        {"[]", "not a JSON object", GAD_E_FORMAT},
        {"{}", "no choice with a message", GAD_E_FORMAT},
        {"{\"choices\":[]}", "no choice with a message", GAD_E_FORMAT},
        {"{\"choices\":[{\"message\":\"x\"}]}", "no choice with a message", GAD_E_FORMAT},
        {"{\"choices\":{\"message\":{}}}", "no choice with a message", GAD_E_FORMAT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        gad_openai_response response;
        gad_status status = gad_openai_parse(cases[i].body, strlen(cases[i].body), &response, &err);
        if (status != cases[i].status || !strstr(err.cause, cases[i].words))
            fail_msg("%s: %s: %s", cases[i].body, gad_status_name(status), err.cause);
    }
}

#define TOKEN(text) "{\"token\":\"" text "\",\"logprob\":0,\"top_logprobs\":[]}"
/* P: Yes .5 + .1, No .2 */
#define DECISION(text)                                                                                                     \
    "{\"token\":\"" text "\",\"logprob\":-0.693147,\"top_logprobs\":[{\"token\":\"Yes\",\"logprob\":-0.69314718},"         \
    "{\"token\":\" yes\",\"logprob\":-2.30258509},{\"token\":\"No\",\"logprob\":-1.60943791},{\"token\":\"Maybe\","        \
    "\"logprob\":-3}]}"
#define RESPONSE(message, tokens) "{\"choices\":[{\"message\":{" message "},\"logprobs\":{\"content\":[" tokens "]}}]}"

static void assert_p_yes(const char *body, double expected)
{
    gad_openai_response r = parse(body);
    if (isnan(expected) ? !isnan(r.p_yes) : !(fabs(r.p_yes - expected) < 1e-6))
        fail_msg("%s: p_yes %g, expected %g", body, r.p_yes, expected);
    gad_openai_response_free(&r);
}

static void test_p_yes(void **state)
{
    (void)state;
    /* a server that cannot write the probability of what cannot come: the rest decides */
    assert_p_yes("{\"choices\":[{\"message\":{\"content\":\"Yes\"},\"logprobs\":{\"content\":[{\"token\":\"Yes\","
                 "\"logprob\":-0.2,\"top_logprobs\":[{\"token\":\"Yes\",\"logprob\":-0.2},{\"token\":\"No\",\"logprob\":"
                 "-Infinity}]}]}}]}",
                 1);
    assert_p_yes(RESPONSE("\"content\":\"<answer>Yes.</answer>\"",
                          TOKEN("<answer>") "," DECISION("Yes") "," TOKEN(".") "," TOKEN("</answer>")),
                 0.75);
    /* the word "No" earlier in the text is not the decision; an end token is listed */
    assert_p_yes(RESPONSE("\"content\":\"<think>No</think><answer> Yes</answer>\"",
                          TOKEN("<think>") "," TOKEN("No") "," TOKEN("</think>") "," TOKEN("<answer>") "," DECISION(
                              " Yes") "," TOKEN("</answer>") "," TOKEN("<|im_end|>")),
                 0.75);
    /* reasoning sent apart, in the list or not */
    assert_p_yes(RESPONSE("\"reasoning_content\":\"hm\",\"content\":\"No.\"", DECISION("No") "," TOKEN(".")), 0.75);
    assert_p_yes(RESPONSE("\"reasoning_content\":\"hm\",\"content\":\"No.\"",
                          TOKEN("<think>") "," TOKEN("hm") "," TOKEN("</think>") "," DECISION("No") "," TOKEN(".")),
                 0.75);
    assert_p_yes(RESPONSE("\"content\":\"maybe\"", TOKEN("maybe")), NAN);
    assert_p_yes(RESPONSE("\"content\":\"Yes\"", TOKEN("Yes")), NAN); /* no alternatives given */
    assert_p_yes(RESPONSE("\"content\":\"Yes\"", ""), NAN);
    assert_p_yes(RESPONSE("\"content\":\"Yes\"", "1,{\"token\":3}"), NAN);
    assert_p_yes("{\"choices\":[{\"message\":{\"content\":\"Yes\"},\"logprobs\":null}]}", NAN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request), cmocka_unit_test(test_responses), cmocka_unit_test(test_tolerated),
        cmocka_unit_test(test_url),     cmocka_unit_test(test_errors),    cmocka_unit_test(test_p_yes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
