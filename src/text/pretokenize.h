/* pretokenize: cuts text into the pieces that BPE works on, as the one regular expression of the Qwen tokenizers does
 * (spec docs/spec/qwen_vl.md 11.3). In: valid UTF-8. Out: where a piece ends. Knows nothing of vocabularies. */
#ifndef GAD_TEXT_PRETOKENIZE_H
#define GAD_TEXT_PRETOKENIZE_H
#include <stddef.h>

/* The expression that gad_pretokenize_next matches; a tokenizer file with another one is not supported. */
#define GAD_PRETOKENIZE_PATTERN                                                                                            \
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+"       \
    "|\\s+(?!\\S)|\\s+"

/* The end of the piece that begins at `at` < length. The pieces cover the text. */
size_t gad_pretokenize_next(const char *text, size_t length, size_t at);
#endif
