/* small: see small.h */
#include "text/small.h"

#include "text/vocab_train.h"
#include <utf8proc.h>

const char small_text[] =
    "The reference image shows a clean metal nut with four even edges. The test image shows the same nut, but the lower "
    "left edge is bent: the difference is local and clear.\n<think>Compare the images: the thread is the same, the edge "
    "is not.</think>\n{\"anomaly\": \"Yes\", \"box\": [12, 40, 118, 203], \"type\": \"bent\"}\n"
    "The reference image shows a bottle from above. The test image shows the same bottle; there is no difference.\n"
    "{\"anomaly\": \"No\", \"box\": [], \"type\": \"none\"}\nDer Rand ist verbogen, die Fl\xC3\xA4"
    "che zerkratzt.\n"
    "\xE8\xBF\x99\xE4\xB8\xAA\xE9\x83\xA8\xE4\xBB\xB6\xE6\xB2\xA1\xE6\x9C\x89\xE7\xBC\xBA\xE9\x99\xB7\xE3\x80\x82";

json_t *small_json(int32_t entries)
{
    gad_error err;
    gad_vocab_train *train;
    json_t *root;
    ASSERT_OK(gad_vocab_train_new(&train, &err), &err);
    ASSERT_OK(gad_vocab_train_add(train, small_text, strlen(small_text), &err), &err);
    ASSERT_OK(gad_vocab_train_run(train, entries, NULL, &root, &err), &err);
    gad_vocab_train_free(train);
    return root;
}

gad_status small_parse(json_t *root, gad_tokenizer **tokenizer, gad_error *err)
{
    char *text = json_dumps(root, JSON_COMPACT);
    gad_status status = gad_tokenizer_parse(text, strlen(text), "small.json", tokenizer, err);
    free(text);
    json_decref(root);
    return status;
}

gad_tokenizer *small_tokenizer(void)
{
    gad_error err;
    gad_tokenizer *tokenizer;
    ASSERT_OK(small_parse(small_json(340), &tokenizer, &err), &err);
    return tokenizer;
}

static const struct {
    uint32_t first, last;
} blocks[] = {{0x20, 0x7E},     {0x20, 0x20},     {0x09, 0x0D},       {0x0A, 0x0A},     {0x0D, 0x0D},
              {0x30, 0x39},     {0x85, 0xFF},     {0x100, 0x24F},     {0x300, 0x36F},   {0x370, 0x52F},
              {0x591, 0x6FF},   {0x900, 0x97F},   {0x1100, 0x11FF},   {0x1E00, 0x206F}, {0x2150, 0x218B},
              {0x3000, 0x30FF}, {0x4E00, 0x9FFF}, {0xAC00, 0xD7A3},   {0xFB00, 0xFB06}, {0x1F300, 0x1F6FF},
              {0x17F, 0x17F},   {0x180E, 0x180E}, {0x1D15E, 0x1D1E8}, {0xF900, 0xFAD9}};

static const char *const words[] = {"'s",           "'LL",       "'ve",  "'Re",      "<|im_end|>", "<think>",   "</think>",
                                    "<|im_",        "end|>",     "  ",   "\r\n",     "e\xCC\x81",  " the",      "image",
                                    "<|<|im_end|>", "'\xC5\xBF", "\n\n", "\xC2\xA0", "12",         "{\"a\": 1}"};

void small_random_text(gad_rng *rng, gad_string *text)
{
    gad_string_clear(text);
    uint32_t runs = 1 + gad_rng_below(rng, 12);
    for (uint32_t r = 0; r < runs; r++) {
        if (gad_rng_below(rng, 4) == 0)
            gad_string_add(text, words[gad_rng_below(rng, sizeof words / sizeof *words)]);
        uint32_t b = gad_rng_below(rng, sizeof blocks / sizeof *blocks), n = gad_rng_below(rng, 8);
        for (uint32_t i = 0; i < n; i++) {
            uint32_t point = blocks[b].first + gad_rng_below(rng, blocks[b].last - blocks[b].first + 1);
            utf8proc_uint8_t bytes[4];
            if (utf8proc_category((utf8proc_int32_t)point) == UTF8PROC_CATEGORY_CN)
                continue;
            utf8proc_ssize_t length = utf8proc_encode_char((utf8proc_int32_t)point, bytes);
            gad_string_append(text, (const char *)bytes, (size_t)length);
        }
    }
}
