/* vocab_train: see vocab_train.h */
#include "text/vocab_train.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/progress.h"
#include "text/byte_level.h"
#include "text/nfc.h"
#include "text/pretokenize.h"
#include "text/tokenizer.h"
#include "text/vocab_files.h"

#include <string.h>

/* A piece of text: while counting, its bytes and how often it occurs; while merging, its symbols. */
typedef struct word {
    size_t start; /* in the pool of bytes, and in the array of symbols */
    size_t length;
    int64_t count;
} word;

typedef struct pair {
    int32_t left, right; /* left -1: an empty slot */
    bool banned;         /* another merge makes the same token */
    int64_t count;       /* how often it occurs now */
} pair;

/* (left, right) -> pair, open addressing, at most half full. */
typedef struct pair_table {
    pair *slot;
    size_t slot_count, used;
} pair_table;

struct gad_vocab_train {
    gad_string pool; /* the bytes of all words */
    word *words;
    size_t word_count, word_capacity;
    size_t *slot; /* bytes -> word + 1, open addressing, 0 empty */
    size_t slot_count;
    int32_t *symbol; /* [pool.length] the words as symbols; a word has the first `length` of its places */
    pair_table pairs;
    gad_vocab_files_token token[GAD_VOCAB_TRAIN_MOST]; /* in the order of ids */
    gad_vocab_files_merge merge[GAD_VOCAB_TRAIN_MOST];
    size_t token_count, merge_count;
    gad_string token_bytes;
};

enum { LONGEST_TOKEN_BYTES = 48 };

static const char operation[] = "train vocabulary";

gad_status gad_vocab_train_new(gad_vocab_train **train, gad_error *err)
{
    gad_vocab_train *made = gad_memory_zero(1, sizeof *made);
    if (!made)
        return gad_error_memory(err, operation, sizeof *made);
    *train = made;
    return GAD_OK;
}

void gad_vocab_train_free(gad_vocab_train *train)
{
    if (!train)
        return;
    gad_string_free(&train->pool);
    gad_string_free(&train->token_bytes);
    gad_memory_free(train->words);
    gad_memory_free(train->slot);
    gad_memory_free(train->symbol);
    gad_memory_free(train->pairs.slot);
    gad_memory_free(train);
}

/* ---- counting words ----------------------------------------------------------------------------------------------- */

static size_t *word_slot(gad_vocab_train *t, const char *bytes, size_t length)
{
    size_t at = (size_t)gad_hash_bytes(bytes, length).low & (t->slot_count - 1);
    while (t->slot[at]) {
        const word *w = &t->words[t->slot[at] - 1];
        if (w->length == length && !memcmp(t->pool.data + w->start, bytes, length))
            break;
        at = (at + 1) & (t->slot_count - 1);
    }
    return &t->slot[at];
}

static bool grow_word_slots(gad_vocab_train *t)
{
    size_t slots = t->slot_count ? t->slot_count * 2 : 4096;
    size_t *slot = gad_memory_zero(slots, sizeof *slot);
    if (!slot)
        return false;
    gad_memory_free(t->slot);
    t->slot = slot;
    t->slot_count = slots;
    for (size_t i = 0; i < t->word_count; i++)
        *word_slot(t, t->pool.data + t->words[i].start, t->words[i].length) = i + 1;
    return true;
}

static bool count_word(gad_vocab_train *t, const char *bytes, size_t length)
{
    if (t->word_count * 2 >= t->slot_count && !grow_word_slots(t))
        return false;
    size_t *slot = word_slot(t, bytes, length);
    if (*slot) {
        t->words[*slot - 1].count++;
        return true;
    }
    if (!gad_memory_grow((void **)&t->words, &t->word_capacity, t->word_count, sizeof *t->words))
        return false;
    t->words[t->word_count] = (word){.start = t->pool.length, .length = length, .count = 1};
    gad_string_append(&t->pool, bytes, length);
    *slot = ++t->word_count;
    return !t->pool.failed;
}

static gad_status count_words(gad_vocab_train *t, const char *text, size_t length, gad_string *normal, gad_error *err)
{
    gad_string_clear(normal);
    gad_status status = gad_nfc_append(text, length, normal, err);
    if (status)
        return status;
    const char *plain = gad_string_text(normal);
    for (size_t at = 0, end; at < normal->length; at = end) {
        end = gad_pretokenize_next(GAD_PRETOKENIZE_QWEN, plain, normal->length, at);
        if (!count_word(t, plain + at, end - at))
            return gad_error_memory(err, operation, t->pool.length);
    }
    return GAD_OK;
}

/* The first control token in the text, NULL when there is none. */
static const char *find_control(const char *text, size_t length, size_t *token_length)
{
    for (size_t i = 0; i < length; i++) {
        if (text[i] != '<')
            continue;
        for (int c = 0; c < GAD_VOCAB_TRAIN_ADDED; c++) {
            *token_length = strlen(gad_vocab_files_control[c]);
            if (*token_length <= length - i && !memcmp(text + i, gad_vocab_files_control[c], *token_length))
                return text + i;
        }
    }
    return NULL;
}

gad_status gad_vocab_train_add(gad_vocab_train *train, const char *text, size_t length, gad_error *err)
{
    gad_string normal = {0};
    gad_status status = GAD_OK;
    if (length > GAD_TOKENIZER_TEXT_LIMIT)
        return gad_error_set(err, GAD_E_LIMIT, operation, "add the text in pieces", "a text has %zu bytes", length);
    while (length && !status) {
        size_t control = 0;
        const char *found = find_control(text, length, &control);
        size_t before = found ? (size_t)(found - text) : length;
        status = count_words(train, text, before, &normal, err);
        text += found ? before + control : before;
        length -= found ? before + control : before;
    }
    gad_string_free(&normal);
    return status;
}

/* ---- pairs -------------------------------------------------------------------------------------------------------- */

static pair *pair_slot(const pair_table *t, int32_t left, int32_t right)
{
    uint64_t key = ((uint64_t)(uint32_t)left << 32 | (uint32_t)right) * 0x9E3779B97F4A7C15u; /* 2^64 / golden ratio */
    size_t at = (size_t)(key >> 32) & (t->slot_count - 1);
    while (t->slot[at].left >= 0 && (t->slot[at].left != left || t->slot[at].right != right))
        at = (at + 1) & (t->slot_count - 1);
    return &t->slot[at];
}

/* Twice the slots; pairs that no longer occur are dropped. */
static bool grow_pairs(pair_table *t)
{
    pair_table larger = {.slot_count = t->slot_count ? t->slot_count * 2 : 4096};
    larger.slot = gad_memory_alloc(larger.slot_count, sizeof *larger.slot);
    if (!larger.slot)
        return false;
    for (size_t i = 0; i < larger.slot_count; i++)
        larger.slot[i].left = -1;
    for (size_t i = 0; i < t->slot_count; i++)
        if (t->slot[i].left >= 0 && (t->slot[i].count || t->slot[i].banned)) {
            *pair_slot(&larger, t->slot[i].left, t->slot[i].right) = t->slot[i];
            larger.used++;
        }
    gad_memory_free(t->slot);
    *t = larger;
    return true;
}

static bool count_pair(pair_table *t, int32_t left, int32_t right, int64_t change)
{
    if (t->used * 2 >= t->slot_count && !grow_pairs(t))
        return false;
    pair *slot = pair_slot(t, left, right);
    if (slot->left < 0) {
        *slot = (pair){.left = left, .right = right};
        t->used++;
    }
    slot->count += change;
    return true;
}

/* Add `sign` times the word's pairs to the counts. */
static bool count_pairs(gad_vocab_train *t, const word *w, int64_t sign)
{
    for (size_t i = 0; i + 1 < w->length; i++)
        if (!count_pair(&t->pairs, t->symbol[w->start + i], t->symbol[w->start + i + 1], sign * w->count))
            return false;
    return true;
}

/* Byte order of two tokens; a beginning comes before the whole. */
static int compare_tokens(const gad_vocab_train *t, int32_t a, int32_t b)
{
    const gad_vocab_files_token *x = &t->token[a], *y = &t->token[b];
    size_t shorter = x->length < y->length ? x->length : y->length;
    int order = memcmp(t->token_bytes.data + x->start, t->token_bytes.data + y->start, shorter);
    return order ? order : (x->length > y->length) - (x->length < y->length);
}

/* The pair that occurs most, the first in byte order among equals; NULL when none occurs twice. */
static pair *most_frequent(gad_vocab_train *t)
{
    pair *best = NULL;
    for (size_t i = 0; i < t->pairs.slot_count; i++) {
        pair *p = &t->pairs.slot[i];
        if (p->left < 0 || p->banned || p->count < 2 || (best && p->count < best->count) ||
            t->token[p->left].length + t->token[p->right].length > LONGEST_TOKEN_BYTES)
            continue;
        int order = 0;
        if (best && p->count == best->count) {
            order = compare_tokens(t, p->left, best->left);
            order = order ? order : compare_tokens(t, p->right, best->right);
        }
        if (!best || p->count > best->count || order < 0)
            best = p;
    }
    return best;
}

/* Whether a token has these bytes. */
static bool has_token(const gad_vocab_train *t, const char *bytes, size_t length)
{
    for (size_t i = 0; i < t->token_count; i++)
        if (t->token[i].length == length && !memcmp(t->token_bytes.data + t->token[i].start, bytes, length))
            return true;
    return false;
}

/* The pair to merge next and the bytes of its token. A pair whose bytes are a token already is banned: "ab" + "c" after
 * "a" + "bc" would bring pairs back that were merged before. NULL when there is nothing to merge. */
static const pair *next_pair(gad_vocab_train *t, char bytes[LONGEST_TOKEN_BYTES], size_t *length)
{
    for (pair *p = most_frequent(t); p; p = most_frequent(t)) {
        const gad_vocab_files_token *left = &t->token[p->left], *right = &t->token[p->right];
        memcpy(bytes, t->token_bytes.data + left->start, left->length);
        memcpy(bytes + left->length, t->token_bytes.data + right->start, right->length);
        *length = left->length + right->length;
        if (!has_token(t, bytes, *length))
            return p;
        p->banned = true;
    }
    return NULL;
}

/* ---- merging ------------------------------------------------------------------------------------------------------ */

static bool add_token(gad_vocab_train *t, const char *bytes, size_t length)
{
    t->token[t->token_count++] = (gad_vocab_files_token){.start = t->token_bytes.length, .length = length};
    gad_string_append(&t->token_bytes, bytes, length);
    return !t->token_bytes.failed;
}

/* The bytes as the first tokens, in the order of the characters that stand for them, as in the Qwen vocabularies; the words
 * as symbols; the pairs. */
static bool start(gad_vocab_train *t)
{
    int32_t symbol_of[256];
    for (uint32_t point = 0; t->token_count < 256; point++) {
        int byte = gad_byte_level_byte(point);
        char one = (char)byte;
        if (byte < 0)
            continue;
        symbol_of[byte] = (int32_t)t->token_count;
        if (!add_token(t, &one, 1))
            return false;
    }
    t->symbol = gad_memory_alloc(t->pool.length, sizeof *t->symbol);
    if (!t->symbol || !grow_pairs(&t->pairs))
        return false;
    for (size_t i = 0; i < t->pool.length; i++)
        t->symbol[i] = symbol_of[(unsigned char)t->pool.data[i]];
    for (size_t i = 0; i < t->word_count; i++)
        if (!count_pairs(t, &t->words[i], 1))
            return false;
    return true;
}

/* Replace left + right by `merged` in every word, and the counts with it. */
static bool merge_words(gad_vocab_train *t, int32_t left, int32_t right, int32_t merged)
{
    for (size_t i = 0; i < t->word_count; i++) {
        word *w = &t->words[i];
        int32_t *s = t->symbol + w->start;
        bool has = false;
        for (size_t k = 0; k + 1 < w->length && !has; k++)
            has = s[k] == left && s[k + 1] == right;
        if (!has)
            continue;
        if (!count_pairs(t, w, -1))
            return false;
        size_t length = 0;
        for (size_t k = 0; k < w->length; k++) {
            bool here = k + 1 < w->length && s[k] == left && s[k + 1] == right;
            s[length++] = here ? merged : s[k];
            k += here;
        }
        w->length = length;
        if (!count_pairs(t, w, 1))
            return false;
    }
    return true;
}

gad_status gad_vocab_train_run(gad_vocab_train *train, int32_t entries, const gad_progress *progress, json_t **tokenizer,
                               gad_error *err)
{
    if (entries < GAD_VOCAB_TRAIN_LEAST || entries > GAD_VOCAB_TRAIN_MOST)
        return gad_error_set(err, GAD_E_ARGUMENT, operation, NULL, "%d entries; %d to %d are allowed", (int)entries,
                             GAD_VOCAB_TRAIN_LEAST, GAD_VOCAB_TRAIN_MOST);
    size_t wanted = (size_t)entries - GAD_VOCAB_TRAIN_ADDED;
    gad_progress_meter meter = gad_progress_start(progress, operation, (int64_t)wanted);
    if (!start(train))
        return gad_error_memory(err, operation, train->pool.length * sizeof *train->symbol);
    while (train->token_count < wanted) {
        char bytes[LONGEST_TOKEN_BYTES];
        size_t length;
        const pair *best = next_pair(train, bytes, &length);
        if (!best)
            break;
        const gad_vocab_files_merge merge = {.left = best->left, .right = best->right};
        train->merge[train->merge_count++] = merge;
        if (!add_token(train, bytes, length) ||
            !merge_words(train, merge.left, merge.right, (int32_t)train->token_count - 1))
            return gad_error_memory(err, operation, train->pairs.slot_count * sizeof *train->pairs.slot);
        if (!gad_progress_update(&meter, (int64_t)train->token_count))
            return gad_error_set(err, GAD_E_CANCELLED, operation, NULL, "cancelled after %zu tokens", train->token_count);
    }
    return gad_vocab_files_json(gad_string_text(&train->token_bytes), train->token, train->token_count, train->merge,
                                train->merge_count, tokenizer, err);
}
