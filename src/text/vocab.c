/* vocab: see vocab.h */
#include "text/vocab.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/memory.h"
#include "text/byte_level.h"

#include <string.h>

static const char operation[] = "read tokenizer";

static gad_status no_memory(gad_error *err, size_t size_bytes)
{
    return gad_error_memory(err, operation, size_bytes);
}

static size_t slot_of(const gad_vocab *vocab, const char *bytes, size_t length)
{
    return (size_t)gad_hash_bytes(bytes, length).low & vocab->slot_mask;
}

static bool same(const gad_vocab *vocab, int32_t id, const char *bytes, size_t length)
{
    const gad_vocab_token *token = &vocab->token[id];
    return token->length == length && !memcmp(gad_vocab_bytes(vocab, token), bytes, length);
}

/* Twice the slots, at most half of them used. */
static bool grow_slots(gad_vocab *vocab)
{
    size_t slots = vocab->slot ? (vocab->slot_mask + 1) * 2 : 1024;
    int32_t *old = vocab->slot;
    size_t old_count = old ? vocab->slot_mask + 1 : 0;
    int32_t *slot = gad_memory_alloc(slots, sizeof *slot);
    if (!slot)
        return false;
    memset(slot, 0xFF, slots * sizeof *slot);
    vocab->slot = slot;
    vocab->slot_mask = slots - 1;
    for (size_t i = 0; i < old_count; i++) {
        if (old[i] < 0)
            continue;
        const gad_vocab_token *token = &vocab->token[old[i]];
        size_t at = slot_of(vocab, gad_vocab_bytes(vocab, token), token->length);
        while (slot[at] >= 0)
            at = (at + 1) & vocab->slot_mask;
        slot[at] = old[i];
    }
    gad_memory_free(old);
    return true;
}

/* The slot that holds the bytes, or the empty one where they belong. */
static size_t probe(const gad_vocab *vocab, const char *bytes, size_t length)
{
    size_t at = slot_of(vocab, bytes, length);
    while (vocab->slot[at] >= 0 && !same(vocab, vocab->slot[at], bytes, length))
        at = (at + 1) & vocab->slot_mask;
    return at;
}

static gad_status wrong_length(int32_t id, size_t length, const char *name, gad_error *err)
{
    return gad_error_set(err, GAD_E_FORMAT, operation, NULL, "%s: token %d has %zu bytes; 1 to %d are allowed", name,
                         (int)id, length, GAD_VOCAB_TOKEN_LIMIT);
}

/* Check a new token, make the table reach its id, and put its bytes into the pool. */
static gad_status place(gad_vocab *vocab, int32_t id, const char *bytes, size_t length, const char *name, gad_error *err)
{
    if (id < 0 || id >= GAD_VOCAB_ID_LIMIT)
        return gad_error_set(err, GAD_E_FORMAT, operation, NULL, "%s: token id %d is not in 0..%d", name, (int)id,
                             GAD_VOCAB_ID_LIMIT - 1);
    if (!length || length > GAD_VOCAB_TOKEN_LIMIT)
        return wrong_length(id, length, name, err);
    if (gad_vocab_token_of(vocab, id))
        return gad_error_set(err, GAD_E_FORMAT, operation, NULL, "%s: id %d belongs to two tokens", name, (int)id);
    while (vocab->token_count <= (size_t)id) {
        if (!gad_memory_grow((void **)&vocab->token, &vocab->token_capacity, vocab->token_count, sizeof *vocab->token))
            return no_memory(err, (size_t)id * sizeof *vocab->token);
        vocab->token[vocab->token_count++] = (gad_vocab_token){0};
    }
    if (vocab->pool.length > UINT32_MAX - GAD_VOCAB_TOKEN_LIMIT)
        return gad_error_set(err, GAD_E_LIMIT, operation, NULL, "%s: the tokens have over 4 GiB of text", name);
    vocab->token[id] =
        (gad_vocab_token){.start = (uint32_t)vocab->pool.length, .length = (uint32_t)length, .present = true};
    gad_string_append(&vocab->pool, bytes, length);
    return vocab->pool.failed ? no_memory(err, length) : GAD_OK;
}

gad_status gad_vocab_add(gad_vocab *vocab, int32_t id, const char *bytes, size_t length, bool plain, const char *name,
                         gad_error *err)
{
    gad_status status = place(vocab, id, bytes, length, name, err);
    if (status)
        return status;
    vocab->token[id].plain = plain;
    if (plain)
        return GAD_OK;
    if ((!vocab->slot || vocab->slot_used * 2 > vocab->slot_mask) && !grow_slots(vocab))
        return no_memory(err, (vocab->slot_mask + 1) * sizeof *vocab->slot);
    size_t at = probe(vocab, bytes, length);
    if (vocab->slot[at] >= 0)
        return gad_error_set(err, GAD_E_FORMAT, operation, NULL, "%s: tokens %d and %d are the same", name,
                             (int)vocab->slot[at], (int)id);
    vocab->slot[at] = id;
    vocab->slot_used++;
    return GAD_OK;
}

static uint32_t child_of(const gad_vocab *vocab, uint32_t parent, unsigned char byte)
{
    uint32_t at = vocab->node[parent].child;
    while (at && vocab->node[at].byte != byte)
        at = vocab->node[at].sibling;
    return at;
}

static bool add_node(gad_vocab *vocab, unsigned char byte)
{
    if (!gad_memory_grow((void **)&vocab->node, &vocab->node_capacity, vocab->node_count, sizeof *vocab->node))
        return false;
    vocab->node[vocab->node_count++] = (gad_vocab_node){.id = -1, .byte = byte};
    return true;
}

/* Walk the content down the trie, adding what is missing; the node where it ends, 0 without memory. */
static uint32_t add_path(gad_vocab *vocab, const char *content, size_t length)
{
    if (!vocab->node_count && !add_node(vocab, 0))
        return 0;
    uint32_t at = 0;
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)content[i];
        uint32_t child = child_of(vocab, at, byte);
        if (!child) {
            if (!add_node(vocab, byte))
                return 0;
            child = (uint32_t)(vocab->node_count - 1);
            vocab->node[child].sibling = vocab->node[at].child;
            vocab->node[at].child = child;
        }
        at = child;
    }
    return at;
}

gad_status gad_vocab_add_added(gad_vocab *vocab, int32_t id, const char *content, size_t length, bool special,
                               const char *name, gad_error *err)
{
    if (vocab->added_count >= GAD_VOCAB_ADDED_LIMIT)
        return gad_error_set(err, GAD_E_LIMIT, operation, NULL, "%s: more than %d added tokens", name,
                             GAD_VOCAB_ADDED_LIMIT);
    if (!length || length > GAD_VOCAB_TOKEN_LIMIT)
        return wrong_length(id, length, name, err);
    /* The file form of a token of the vocabulary is one name with it; the bytes follow the same rule as there. */
    char bytes[GAD_VOCAB_TOKEN_LIMIT];
    bool plain;
    size_t bytes_length = gad_byte_level_read(content, length, bytes, &plain);
    int32_t known = plain ? -1 : gad_vocab_find(vocab, bytes, bytes_length);
    if (known >= 0 && known != id)
        return gad_error_set(err, GAD_E_FORMAT, operation, NULL, "%s: added token %d is token %d of the vocabulary", name,
                             (int)id, (int)known);
    const gad_vocab_token *present = gad_vocab_token_of(vocab, id);
    if (!present || present->added || !same(vocab, id, bytes, bytes_length)) {
        gad_status status = place(vocab, id, bytes, bytes_length, name, err);
        if (status)
            return status;
    }
    uint32_t end = add_path(vocab, content, length);
    if (!end)
        return no_memory(err, length * sizeof *vocab->node);
    if (vocab->node[end].id >= 0)
        return gad_error_set(err, GAD_E_FORMAT, operation, NULL, "%s: added tokens %d and %d have the same content", name,
                             (int)vocab->node[end].id, (int)id);
    vocab->node[end].id = id;
    vocab->token[id].added = true;
    vocab->token[id].special = special;
    vocab->begins[(unsigned char)content[0]] = true;
    vocab->added_count++;
    return GAD_OK;
}

void gad_vocab_free(gad_vocab *vocab)
{
    gad_memory_free(vocab->token);
    gad_memory_free(vocab->slot);
    gad_memory_free(vocab->node);
    gad_string_free(&vocab->pool);
    *vocab = (gad_vocab){0};
}

int32_t gad_vocab_find(const gad_vocab *vocab, const char *bytes, size_t length)
{
    return vocab->slot ? vocab->slot[probe(vocab, bytes, length)] : -1;
}

int32_t gad_vocab_find_added(const gad_vocab *vocab, const char *content, size_t length)
{
    uint32_t at = 0;
    for (size_t i = 0; i < length; i++) {
        at = vocab->node_count ? child_of(vocab, at, (unsigned char)content[i]) : 0;
        if (!at)
            return -1;
    }
    return at ? vocab->node[at].id : -1;
}

const gad_vocab_token *gad_vocab_token_of(const gad_vocab *vocab, int32_t id)
{
    return id >= 0 && (size_t)id < vocab->token_count && vocab->token[id].present ? &vocab->token[id] : NULL;
}

const char *gad_vocab_bytes(const gad_vocab *vocab, const gad_vocab_token *token)
{
    return gad_string_text(&vocab->pool) + token->start;
}

/* The longest added token that begins at `at`; its id, or -1. */
static int32_t longest(const gad_vocab *vocab, const char *text, size_t length, size_t at, bool special, size_t *end)
{
    int32_t best = -1;
    uint32_t node = 0;
    for (size_t i = at; i < length; i++) {
        node = child_of(vocab, node, (unsigned char)text[i]);
        if (!node)
            break;
        int32_t id = vocab->node[node].id;
        if (id >= 0 && (special || !vocab->token[id].special)) {
            best = id;
            *end = i + 1;
        }
    }
    return best;
}

int32_t gad_vocab_search(const gad_vocab *vocab, const char *text, size_t length, size_t at, bool special, size_t *found,
                         size_t *end)
{
    for (; at < length; at++) {
        if (!vocab->begins[(unsigned char)text[at]])
            continue;
        int32_t id = longest(vocab, text, length, at, special, end);
        if (id >= 0) {
            *found = at;
            return id;
        }
    }
    return -1;
}
