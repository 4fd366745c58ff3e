/* tokenizer: text to token ids and back: byte-level BPE as the Qwen models use it (spec docs/spec/qwen_vl.md 11). In: a
 * checkpoint folder, text, ids. Out: ids, text. A loaded tokenizer is read-only, so threads may share it. Knows nothing of
 * chats. */
#ifndef GAD_TEXT_TOKENIZER_H
#define GAD_TEXT_TOKENIZER_H
#include "base/string.h"
#include "gad.h"

typedef struct gad_tokenizer gad_tokenizer;

/* Read tokenizer.json of a checkpoint folder, or vocab.json + merges.txt + tokenizer_config.json when there is none. */
gad_status gad_tokenizer_load(const char *directory, gad_tokenizer **tokenizer, gad_error *err);
/* Read the text of a tokenizer.json; `name` says in errors where it came from. */
gad_status gad_tokenizer_parse(const char *json, size_t length, const char *name, gad_tokenizer **tokenizer,
                               gad_error *err);
void gad_tokenizer_free(gad_tokenizer *tokenizer);

/* How much a text may do. Text of a user is LITERAL, so that "<|im_end|>" in it is those ten characters and no control
 * token. */
typedef enum gad_tokenizer_trust {
    GAD_TOKENIZER_LITERAL, /* no added token is recognised */
    GAD_TOKENIZER_WORDS,   /* those that are not flagged special are: <think>, <tool_call> */
    GAD_TOKENIZER_CONTROL  /* all are, as the reference does */
} gad_tokenizer_trust;

/* A growing list of ids; zero to begin with, given back with gad_tokenizer_ids_free. */
typedef struct gad_tokenizer_ids {
    int32_t *id; /* [count] */
    size_t count, capacity;
} gad_tokenizer_ids;
void gad_tokenizer_ids_free(gad_tokenizer_ids *ids);
/* Append one id; false without memory. */
bool gad_tokenizer_ids_add(gad_tokenizer_ids *ids, int32_t id);

/* Append the ids of a text: valid UTF-8, at most GAD_TOKENIZER_TEXT_LIMIT bytes. On failure `ids` is as before. */
enum { GAD_TOKENIZER_TEXT_LIMIT = 1 << 26 };
gad_status gad_tokenizer_encode(const gad_tokenizer *tokenizer, const char *text, size_t length, gad_tokenizer_trust trust,
                                gad_tokenizer_ids *ids, gad_error *err);

/* As gad_tokenizer_encode for a text whose parts are trusted differently: part i ends before byte `end` and begins where
 * the one before ended; the last ends at `length`. Pieces may cross parts, added tokens may not. */
typedef struct gad_tokenizer_part {
    size_t end;
    gad_tokenizer_trust trust;
} gad_tokenizer_part;
gad_status gad_tokenizer_encode_parts(const gad_tokenizer *tokenizer, const char *text, size_t length,
                                      const gad_tokenizer_part *parts, size_t part_count, gad_tokenizer_ids *ids,
                                      gad_error *err);

/* Append the text of ids. Bytes that are not UTF-8 become U+FFFD, ids without a token nothing, and with `skip_special` the
 * tokens flagged special nothing. */
gad_status gad_tokenizer_decode(const gad_tokenizer *tokenizer, const int32_t *id, size_t count, bool skip_special,
                                gad_string *text, gad_error *err);

/* Decoding as ids arrive. What push appends to `text` is whole characters; zero to begin with. All that was appended, up to
 * finish, is what gad_tokenizer_decode gives. A lack of memory shows in text->failed. */
typedef struct gad_tokenizer_stream {
    char pending[3]; /* the beginning of a character */
    unsigned char pending_count;
} gad_tokenizer_stream;
void gad_tokenizer_stream_push(const gad_tokenizer *tokenizer, gad_tokenizer_stream *stream, int32_t id, bool skip_special,
                               gad_string *text);
void gad_tokenizer_stream_finish(gad_tokenizer_stream *stream, gad_string *text);

/* One more than the largest id. */
int32_t gad_tokenizer_size(const gad_tokenizer *tokenizer);
/* The id of an added token by its content ("<|image_pad|>"), or of another token by its bytes (" the"); -1: none. */
int32_t gad_tokenizer_find(const gad_tokenizer *tokenizer, const char *token);
/* Whether the token is an added one, and one flagged special. */
bool gad_tokenizer_is_added(const gad_tokenizer *tokenizer, int32_t id);
bool gad_tokenizer_is_special(const gad_tokenizer *tokenizer, int32_t id);
/* The bytes that an id adds to a text, not zero-terminated; NULL and 0 when it has no token. */
const char *gad_tokenizer_bytes(const gad_tokenizer *tokenizer, int32_t id, size_t *length);
#endif
