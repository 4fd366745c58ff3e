/* vocab: the tokens of a tokenizer: id to bytes and back, and the added tokens, which are found in raw text. In: tokens one
 * by one. Out: look-ups. Knows nothing of files and merges. */
#ifndef GAD_TEXT_VOCAB_H
#define GAD_TEXT_VOCAB_H
#include "base/string.h"
#include "gad.h"

#include <stdint.h>

enum {
    GAD_VOCAB_ID_LIMIT = 1 << 21,    /* ids are below this */
    GAD_VOCAB_TOKEN_LIMIT = 1 << 12, /* bytes of one token */
    GAD_VOCAB_ADDED_LIMIT = 1 << 16  /* added tokens */
};

typedef struct gad_vocab_token {
    uint32_t start, length; /* in the pool */
    bool present, plain;    /* plain: found by no merge (its file form has a character that stands for no byte) */
    bool added, special;
} gad_vocab_token;

/* A node of the trie of added tokens. Children of a node are a chain. */
typedef struct gad_vocab_node {
    uint32_t child, sibling; /* 0: none (node 0 is the root) */
    int32_t id;              /* the token that ends here, or -1 */
    unsigned char byte;
} gad_vocab_node;

typedef struct gad_vocab {
    gad_vocab_token *token; /* [token_count] by id, with holes */
    size_t token_count, token_capacity;
    gad_string pool; /* the bytes of all tokens */
    int32_t *slot;   /* bytes -> id, open addressing, -1 empty */
    size_t slot_mask, slot_used;
    gad_vocab_node *node;
    size_t node_count, node_capacity;
    bool begins[256]; /* whether an added token begins with this byte */
    size_t added_count;
} gad_vocab;

/* Add a token of the model's vocabulary. `name` is the file, for errors. */
gad_status gad_vocab_add(gad_vocab *vocab, int32_t id, const char *bytes, size_t length, bool plain, const char *name,
                         gad_error *err);
/* Add (or mark) an added token. `content` is the text it matches; a token of the vocabulary may be marked as added under
 * its own id only. */
gad_status gad_vocab_add_added(gad_vocab *vocab, int32_t id, const char *content, size_t length, bool special,
                               const char *name, gad_error *err);
void gad_vocab_free(gad_vocab *vocab);

/* The id of a token of the model's vocabulary by its bytes, -1 when there is none. */
int32_t gad_vocab_find(const gad_vocab *vocab, const char *bytes, size_t length);
/* The id of an added token by its content, -1 when there is none. */
int32_t gad_vocab_find_added(const gad_vocab *vocab, const char *content, size_t length);
/* The token of an id, NULL when there is none; its bytes. */
const gad_vocab_token *gad_vocab_token_of(const gad_vocab *vocab, int32_t id);
const char *gad_vocab_bytes(const gad_vocab *vocab, const gad_vocab_token *token);

/* The first added token in text[at..length), the longest of those that begin there; those flagged special only with
 * `special`. Its place in *found and *end, its id as the result; -1 when there is none. */
int32_t gad_vocab_search(const gad_vocab *vocab, const char *text, size_t length, size_t at, bool special, size_t *found,
                         size_t *end);
#endif
