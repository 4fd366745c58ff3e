/* Encoding and decoding with a small trained vocabulary: what must hold for any text, trust, streaming, look-ups. */
#include "text/small.h"

#include "base/clock.h"
#include "text/nfc.h"

static gad_tokenizer_ids encode(const gad_tokenizer *t, const char *text, size_t length, gad_tokenizer_trust trust)
{
    gad_error err;
    gad_tokenizer_ids ids = {0};
    ASSERT_OK(gad_tokenizer_encode(t, text, length, trust, &ids, &err), &err);
    return ids;
}

static void decode(const gad_tokenizer *t, const gad_tokenizer_ids *ids, bool skip_special, gad_string *text)
{
    gad_error err;
    gad_string_clear(text);
    ASSERT_OK(gad_tokenizer_decode(t, ids->id, ids->count, skip_special, text, &err), &err);
}

/* decode(encode(x)) is the normal form of x, whatever x is and however it is trusted; and where nothing in x is an added
 * token, trust changes nothing. */
static void round_trip(void **state)
{
    (void)state;
    gad_error err;
    gad_tokenizer *t = small_tokenizer();
    gad_rng rng = gad_rng_make(21, 0);
    gad_string text = {0}, back = {0}, normal = {0};
    for (int round = 0; round < 20000; round++) {
        small_random_text(&rng, &text);
        gad_tokenizer_ids literal = encode(t, gad_string_text(&text), text.length, GAD_TOKENIZER_LITERAL);
        gad_tokenizer_ids control = encode(t, gad_string_text(&text), text.length, GAD_TOKENIZER_CONTROL);
        for (size_t i = 0; i < literal.count; i++)
            assert_false(gad_tokenizer_is_added(t, literal.id[i]));
        gad_string_clear(&normal);
        ASSERT_OK(gad_nfc_append(gad_string_text(&text), text.length, &normal, &err), &err);
        decode(t, &literal, false, &back);
        assert_string_equal(gad_string_text(&back), gad_string_text(&normal));
        bool has_added = false;
        for (size_t i = 0; i < control.count; i++)
            has_added = has_added || gad_tokenizer_is_added(t, control.id[i]);
        if (!has_added) {
            assert_int_equal(literal.count, control.count);
            if (literal.count)
                assert_memory_equal(literal.id, control.id, literal.count * sizeof *literal.id);
            decode(t, &control, true, &back);
            assert_string_equal(gad_string_text(&back), gad_string_text(&normal));
        }
        gad_tokenizer_ids_free(&literal);
        gad_tokenizer_ids_free(&control);
    }
    gad_string_free(&text);
    gad_string_free(&back);
    gad_string_free(&normal);
    gad_tokenizer_free(t);
}

static void trust(void **state)
{
    (void)state;
    static const char text[] = "a<|im_end|><think>b";
    gad_tokenizer *t = small_tokenizer();
    int32_t end = gad_tokenizer_find(t, "<|im_end|>"), think = gad_tokenizer_find(t, "<think>");
    int32_t a = gad_tokenizer_find(t, "a"), b = gad_tokenizer_find(t, "b");
    gad_tokenizer_ids ids = encode(t, text, sizeof text - 1, GAD_TOKENIZER_CONTROL);
    const int32_t control[] = {a, end, think, b};
    assert_int_equal(ids.count, 4);
    assert_memory_equal(ids.id, control, sizeof control);
    gad_tokenizer_ids_free(&ids);

    ids = encode(t, text, sizeof text - 1, GAD_TOKENIZER_WORDS);
    assert_int_equal(ids.id[ids.count - 2], think);
    for (size_t i = 0; i < ids.count; i++)
        assert_int_not_equal(ids.id[i], end);
    gad_string back = {0};
    decode(t, &ids, true, &back); /* <think> is not special: it stays */
    assert_string_equal(gad_string_text(&back), text);
    gad_tokenizer_ids_free(&ids);

    /* Longest first, and the first place: "<|" and "<<|im_end|>" must not confuse the search. */
    ids = encode(t, "<<|im_end|><|im_<|im_end|>", 26, GAD_TOKENIZER_CONTROL);
    decode(t, &ids, true, &back);
    assert_string_equal(gad_string_text(&back), "<<|im_");
    gad_tokenizer_ids_free(&ids);
    gad_string_free(&back);
    gad_tokenizer_free(t);
}

/* A text in parts of different trust: pieces cross the parts, added tokens do not. */
static void parts(void **state)
{
    (void)state;
    gad_error err;
    gad_tokenizer *t = small_tokenizer();
    static const char text[] = "the<|im_end|>the<|im_end|>im\n\nage";
    const gad_tokenizer_part part[] = {{13, GAD_TOKENIZER_LITERAL},
                                       {26, GAD_TOKENIZER_CONTROL},
                                       {29, GAD_TOKENIZER_CONTROL},
                                       {sizeof text - 1, GAD_TOKENIZER_LITERAL}};
    gad_tokenizer_ids ids = {0}, head = encode(t, "the<|im_end|>the", 16, GAD_TOKENIZER_LITERAL),
                      tail = encode(t, "im\n\nage", 7, GAD_TOKENIZER_LITERAL);
    ASSERT_OK(gad_tokenizer_encode_parts(t, text, sizeof text - 1, part, 4, &ids, &err), &err);
    assert_int_equal(ids.count, head.count + 1 + tail.count);
    assert_memory_equal(ids.id, head.id, head.count * sizeof *ids.id);
    assert_int_equal(ids.id[head.count], gad_tokenizer_find(t, "<|im_end|>"));
    assert_memory_equal(ids.id + head.count + 1, tail.id, tail.count * sizeof *ids.id);

    /* An added token that lies across two trusted parts is none. */
    const gad_tokenizer_part across[] = {{4, GAD_TOKENIZER_CONTROL}, {10, GAD_TOKENIZER_CONTROL}};
    size_t before = ids.count;
    ASSERT_OK(gad_tokenizer_encode_parts(t, "<|im_end|>", 10, across, 2, &ids, &err), &err);
    assert_true(ids.count > before + 1);

    /* Parts that do not fit the text, and text that is none, leave the ids alone. */
    before = ids.count;
    assert_int_equal(gad_tokenizer_encode_parts(t, "abc", 3, across, 2, &ids, &err), GAD_E_ARGUMENT);
    assert_int_equal(gad_tokenizer_encode_parts(t, "abc", 3, NULL, 0, &ids, &err), GAD_E_ARGUMENT);
    const gad_tokenizer_part back[] = {{2, GAD_TOKENIZER_CONTROL}, {1, GAD_TOKENIZER_CONTROL}, {3, GAD_TOKENIZER_CONTROL}};
    assert_int_equal(gad_tokenizer_encode_parts(t, "abc", 3, back, 3, &ids, &err), GAD_E_ARGUMENT);
    assert_int_equal(gad_tokenizer_encode(t, "ab\xE4\xB8", 4, GAD_TOKENIZER_LITERAL, &ids, &err), GAD_E_FORMAT);
    assert_non_null(strstr(err.cause, "byte 2"));
    assert_int_equal(gad_tokenizer_encode(t, "\xED\xA0\x80", 3, GAD_TOKENIZER_LITERAL, &ids, &err), GAD_E_FORMAT);
    assert_int_equal(ids.count, before);
    gad_tokenizer_ids_free(&ids);
    gad_tokenizer_ids_free(&head);
    gad_tokenizer_ids_free(&tail);
    gad_tokenizer_free(t);
}

/* Tokens cut in any way: what a stream gave so far is whole characters, and in the end it is what decode gives. */
static void stream_at_every_split(void **state)
{
    (void)state;
    gad_tokenizer *t = small_tokenizer();
    static const char *const samples[] = {"a\xC3\xA9\xE4\xB8\xAD\xF0\x9F\x98\x80z", "\xE4\xB8\xAD",
                                          "\xF0\x9F\x98\x80\xF0\x9F\x98\x80", "\xFFz\xE4\xB8z\xF0\x9F\x98z\x80\xC3",
                                          "\xE4\xB8\xE4\xB8\xAD\xED\xA0\x80\xF4\x90\x80\x80"};
    for (size_t s = 0; s < sizeof samples / sizeof *samples; s++) {
        size_t length = strlen(samples[s]);
        gad_tokenizer_ids ids = {0};
        for (size_t i = 0; i < length; i++) {
            char one[2] = {samples[s][i], 0};
            assert_true(gad_tokenizer_ids_add(&ids, gad_tokenizer_find(t, one)));
        }
        gad_string whole = {0}, text = {0};
        decode(t, &ids, false, &whole);
        gad_tokenizer_stream stream = {0};
        for (size_t i = 0; i < ids.count; i++) {
            gad_tokenizer_stream_push(t, &stream, ids.id[i], false, &text);
            for (size_t at = 0; at < text.length;) {
                int n = gad_string_utf8_length(text.data + at, text.length - at);
                assert_true(n > 0);
                at += (size_t)n;
            }
        }
        gad_tokenizer_stream_finish(&stream, &text);
        assert_string_equal(gad_string_text(&text), gad_string_text(&whole));
        gad_string_free(&whole);
        gad_string_free(&text);
        gad_tokenizer_ids_free(&ids);
    }
    gad_tokenizer_free(t);
}

static void check_bytes(const gad_tokenizer *t, const char *bytes, const char *expected)
{
    gad_tokenizer_ids ids = {0};
    gad_string text = {0};
    for (; *bytes; bytes++) {
        char one[2] = {*bytes, 0};
        assert_true(gad_tokenizer_ids_add(&ids, gad_tokenizer_find(t, one)));
    }
    decode(t, &ids, false, &text);
    assert_string_equal(gad_string_text(&text), expected);
    gad_string_free(&text);
    gad_tokenizer_ids_free(&ids);
}

/* One U+FFFD for each maximal beginning of a character, as Rust and Python decode (Unicode 15, table 3-8 and 3-11). */
static void broken_bytes(void **state)
{
    (void)state;
    gad_tokenizer *t = small_tokenizer();
    check_bytes(t,
                "\xE4"
                "a",
                "\xEF\xBF\xBD"
                "a");
    check_bytes(t,
                "\xE4\xB8"
                "a",
                "\xEF\xBF\xBD"
                "a");
    check_bytes(t,
                "\xF0\x9F\x98"
                "a",
                "\xEF\xBF\xBD"
                "a");
    check_bytes(t, "\x80\x80", "\xEF\xBF\xBD\xEF\xBF\xBD");
    check_bytes(t, "\xC0\xAF", "\xEF\xBF\xBD\xEF\xBF\xBD");
    check_bytes(t, "\xED\xA0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
    check_bytes(t, "\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\x41");
    gad_tokenizer_free(t);
}

static void look_ups(void **state)
{
    (void)state;
    gad_tokenizer *t = small_tokenizer();
    size_t length;
    int32_t end = gad_tokenizer_find(t, "<|im_end|>"), think = gad_tokenizer_find(t, "</think>");
    assert_int_equal(gad_tokenizer_size(t), 340);
    assert_int_equal(think, 328); /* before <answer>, </answer> and the nine marks of task/pointer, of 37 */
    assert_int_equal(end, 305);
    assert_true(gad_tokenizer_is_added(t, end) && gad_tokenizer_is_special(t, end));
    assert_true(gad_tokenizer_is_added(t, think) && !gad_tokenizer_is_special(t, think));
    assert_int_equal(gad_tokenizer_find(t, "\n"), 198); /* bytes have the ids of the Qwen vocabulary */
    assert_int_equal(gad_tokenizer_find(t, "!"), 0);
    assert_int_equal(gad_tokenizer_find(t, " "), 220);
    assert_int_equal(gad_tokenizer_find(t, "no such token"), -1);
    assert_int_equal(gad_tokenizer_find(t, ""), -1);
    assert_memory_equal(gad_tokenizer_bytes(t, end, &length), "<|im_end|>", 10);
    assert_int_equal(length, 10);
    assert_memory_equal(gad_tokenizer_bytes(t, 198, &length), "\n", 1);
    assert_int_equal(length, 1);
    static const int32_t absent[] = {-1, 340, INT32_MAX, INT32_MIN};
    for (int i = 0; i < 4; i++) {
        assert_null(gad_tokenizer_bytes(t, absent[i], &length));
        assert_int_equal(length, 0);
        assert_false(gad_tokenizer_is_special(t, absent[i]) || gad_tokenizer_is_added(t, absent[i]));
    }
    gad_tokenizer_ids ids = {.id = (int32_t[]){198, -5, 5000, end, 0}, .count = 5};
    gad_string text = {0};
    decode(t, &ids, false, &text);
    assert_string_equal(gad_string_text(&text), "\n<|im_end|>!");
    decode(t, &ids, true, &text);
    assert_string_equal(gad_string_text(&text), "\n!");
    gad_string_free(&text);
    gad_tokenizer_free(t);
}

/* A megabyte of ordinary text, of one letter, of marks, of half a control token: each in well under a second. */
static void fast(void **state)
{
    (void)state;
    static const char *const units[] = {small_text, "a", " ", "\xCC\x81\xCC\xA3", "<|im_", "the image ", "1", "\n "};
    gad_tokenizer *t = small_tokenizer();
    for (size_t u = 0; u < sizeof units / sizeof *units; u++) {
        gad_string text = {0};
        while (text.length < 1 << 20)
            gad_string_add(&text, units[u]);
        double begin = gad_clock_seconds();
        gad_tokenizer_ids ids = encode(t, text.data, text.length, GAD_TOKENIZER_CONTROL);
        double spent = gad_clock_seconds() - begin;
        print_message("%-12.12s %.1f MB/s\n", u ? units[u] : "text", (double)text.length / spent / 1e6);
        assert_true(spent < 5); /* generous: sanitizers, a busy machine */
        gad_tokenizer_ids_free(&ids);
        gad_string_free(&text);
    }
    gad_tokenizer_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(round_trip),   cmocka_unit_test(trust),
                                       cmocka_unit_test(parts),        cmocka_unit_test(stream_at_every_split),
                                       cmocka_unit_test(broken_bytes), cmocka_unit_test(look_ups),
                                       cmocka_unit_test(fast)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
