/* pretokenize: cuts text into the pieces that BPE works on, as the one regular expression of the Qwen tokenizers does
 * (spec docs/spec/qwen_vl.md 11.3), or GPT-2's. In: valid UTF-8. Out: where a piece ends. Knows nothing of vocabularies. */
#ifndef GAD_TEXT_PRETOKENIZE_H
#define GAD_TEXT_PRETOKENIZE_H
#include <stddef.h>

typedef enum gad_pretokenize_rule {
    GAD_PRETOKENIZE_QWEN,
    GAD_PRETOKENIZE_DIGITS /* each digit alone, then GPT-2's expression on what is between: SmolLM */
} gad_pretokenize_rule;

/* The expression of GAD_PRETOKENIZE_QWEN as tokenizer files write it. */
#define GAD_PRETOKENIZE_PATTERN                                                                                            \
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+"       \
    "|\\s+(?!\\S)|\\s+"

/* The end of the piece that begins at `at` < length. The pieces cover the text. */
size_t gad_pretokenize_next(gad_pretokenize_rule rule, const char *text, size_t length, size_t at);
#endif
