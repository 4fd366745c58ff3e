/* tokenizer: see tokenizer.h */
#include "text/tokenizer.h"

#include "base/error.h"
#include "base/memory.h"
#include "text/nfc.h"
#include "text/pretokenize.h"
#include "text/tokenizer_load.h"

#include <string.h>

/* One encoding: the tokenizer, where ids go, and memory that is reused from piece to piece. */
typedef struct encoder {
    const gad_tokenizer *tokenizer;
    gad_tokenizer_ids *ids;
    gad_bpe_scratch scratch;
    gad_string normal;
    gad_error *err;
} encoder;

void gad_tokenizer_ids_free(gad_tokenizer_ids *ids)
{
    gad_memory_free(ids->id);
    *ids = (gad_tokenizer_ids){0};
}

bool gad_tokenizer_ids_add(gad_tokenizer_ids *ids, int32_t id)
{
    if (!gad_memory_grow((void **)&ids->id, &ids->capacity, ids->count, sizeof *ids->id))
        return false;
    ids->id[ids->count++] = id;
    return true;
}

static gad_status no_memory(encoder *e, size_t size_bytes)
{
    return gad_error_memory(e->err, "encode text", size_bytes);
}

/* Normalised text without added tokens: pieces, and the merges of each. */
static gad_status encode_plain(encoder *e, const char *text, size_t length)
{
    for (size_t at = 0, end; at < length; at = end) {
        end = gad_pretokenize_next(e->tokenizer->rules.pieces, text, length, at);
        size_t count = end - at;
        if (!gad_bpe_reserve(&e->scratch, count))
            return no_memory(e, count * 64);
        count = 0;
        for (size_t i = at; i < end; i++)
            if (e->tokenizer->byte_id[(unsigned char)text[i]] >= 0)
                e->scratch.symbol[count++] = e->tokenizer->byte_id[(unsigned char)text[i]];
        count = gad_bpe_merge(&e->tokenizer->bpe, &e->scratch, count);
        for (size_t i = 0; i < count; i++)
            if (!gad_tokenizer_ids_add(e->ids, e->scratch.symbol[i]))
                return no_memory(e, e->ids->count * sizeof *e->ids->id);
    }
    return GAD_OK;
}

/* Raw text without added tokens. */
static gad_status encode_raw(encoder *e, const char *text, size_t length)
{
    if (!e->tokenizer->rules.normalizes || gad_nfc_is_plain(text, length))
        return encode_plain(e, text, length);
    gad_string_clear(&e->normal);
    gad_status status = gad_nfc_append(text, length, &e->normal, e->err);
    return status ? status : encode_plain(e, gad_string_text(&e->normal), e->normal.length);
}

static gad_status check_text(const char *text, size_t length, gad_error *err)
{
    if (length > GAD_TOKENIZER_TEXT_LIMIT)
        return gad_error_set(err, GAD_E_LIMIT, "encode text", "send less text",
                             "the text has %zu bytes; at most %d are allowed", length, GAD_TOKENIZER_TEXT_LIMIT);
    for (size_t at = 0; at < length;) {
        int n = gad_string_utf8_length(text + at, length - at);
        if (n <= 0)
            return gad_error_set(err, GAD_E_FORMAT, "encode text", "send the text as UTF-8",
                                 "byte %zu of the text is not UTF-8", at);
        at += (size_t)n;
    }
    return GAD_OK;
}

/* Added tokens cut the text; what lies between two cuts, across parts, is encoded as one text. */
static gad_status encode_all(encoder *e, const char *text, size_t length, const gad_tokenizer_part *parts,
                             size_t part_count)
{
    size_t uncoded = 0, at = 0;
    for (size_t p = 0; p < part_count; at = parts[p++].end) {
        if (parts[p].trust == GAD_TOKENIZER_LITERAL)
            continue;
        size_t found, end;
        bool special = parts[p].trust == GAD_TOKENIZER_CONTROL;
        for (;;) {
            int32_t id = gad_vocab_search(&e->tokenizer->vocab, text, parts[p].end, at, special, &found, &end);
            if (id < 0)
                break;
            gad_status status = encode_raw(e, text + uncoded, found - uncoded);
            if (status)
                return status;
            if (!gad_tokenizer_ids_add(e->ids, id))
                return no_memory(e, e->ids->count * sizeof *e->ids->id);
            uncoded = at = end;
        }
    }
    return encode_raw(e, text + uncoded, length - uncoded);
}

gad_status gad_tokenizer_encode_parts(const gad_tokenizer *tokenizer, const char *text, size_t length,
                                      const gad_tokenizer_part *parts, size_t part_count, gad_tokenizer_ids *ids,
                                      gad_error *err)
{
    gad_status status = check_text(text, length, err);
    if (status)
        return status;
    for (size_t i = 0; i < part_count; i++)
        if (parts[i].end > length || (i && parts[i].end < parts[i - 1].end))
            return gad_error_set(err, GAD_E_ARGUMENT, "encode text", NULL,
                                 "part %zu ends at %zu, out of order or past the text", i, parts[i].end);
    if ((part_count ? parts[part_count - 1].end : 0) != length)
        return gad_error_set(err, GAD_E_ARGUMENT, "encode text", NULL, "the parts do not cover the text");
    size_t before = ids->count;
    encoder e = {.tokenizer = tokenizer, .ids = ids, .err = err};
    status = encode_all(&e, text, length, parts, part_count);
    gad_bpe_scratch_free(&e.scratch);
    gad_string_free(&e.normal);
    if (status)
        ids->count = before;
    return status;
}

gad_status gad_tokenizer_encode(const gad_tokenizer *tokenizer, const char *text, size_t length, gad_tokenizer_trust trust,
                                gad_tokenizer_ids *ids, gad_error *err)
{
    gad_tokenizer_part whole = {.end = length, .trust = trust};
    return gad_tokenizer_encode_parts(tokenizer, text, length, &whole, 1, ids, err);
}

/* The number of bytes at the start of `text` that one U+FFFD stands for: the longest proper beginning of a character, else
 * one (Unicode 15, 3.9, "maximal subparts"). */
static size_t broken_length(const char *text, size_t length)
{
    size_t n = 1;
    while (n < 3 && n < length && gad_string_utf8_length(text, n + 1) < 0)
        n++;
    return n;
}

/* Append the complete characters of `bytes` to `text`; returns how many bytes at the end begin a character (at most 3). */
static size_t append_characters(const char *bytes, size_t length, gad_string *text)
{
    size_t at = 0, good = 0;
    while (at < length) {
        int n = gad_string_utf8_length(bytes + at, length - at);
        if (n > 0) {
            at += (size_t)n;
            continue;
        }
        gad_string_append(text, bytes + good, at - good);
        if (n < 0)
            return length - at;
        gad_string_add(text, "\xEF\xBF\xBD");
        at += broken_length(bytes + at, length - at);
        good = at;
    }
    gad_string_append(text, bytes + good, at - good);
    return 0;
}

void gad_tokenizer_stream_push(const gad_tokenizer *tokenizer, gad_tokenizer_stream *stream, int32_t id, bool skip_special,
                               gad_string *text)
{
    size_t length;
    const char *bytes = gad_tokenizer_bytes(tokenizer, id, &length);
    if (!length || (skip_special && gad_tokenizer_is_special(tokenizer, id)))
        return;
    /* Complete the pending character byte by byte; the rest is read in place. */
    while (stream->pending_count && length) {
        char joined[4];
        memcpy(joined, stream->pending, stream->pending_count);
        joined[stream->pending_count] = *bytes;
        size_t left = append_characters(joined, (size_t)stream->pending_count + 1, text);
        memcpy(stream->pending, joined + stream->pending_count + 1 - left, left);
        stream->pending_count = (unsigned char)left;
        bytes++;
        length--;
    }
    if (length) {
        size_t left = append_characters(bytes, length, text);
        memcpy(stream->pending, bytes + length - left, left);
        stream->pending_count = (unsigned char)left;
    }
}

void gad_tokenizer_stream_finish(gad_tokenizer_stream *stream, gad_string *text)
{
    if (stream->pending_count)
        gad_string_add(text, "\xEF\xBF\xBD");
    stream->pending_count = 0;
}

gad_status gad_tokenizer_decode(const gad_tokenizer *tokenizer, const int32_t *id, size_t count, bool skip_special,
                                gad_string *text, gad_error *err)
{
    gad_tokenizer_stream stream = {0};
    for (size_t i = 0; i < count; i++)
        gad_tokenizer_stream_push(tokenizer, &stream, id[i], skip_special, text);
    gad_tokenizer_stream_finish(&stream, text);
    return text->failed ? gad_error_memory(err, "decode tokens", count) : GAD_OK;
}

int32_t gad_tokenizer_size(const gad_tokenizer *tokenizer)
{
    return (int32_t)tokenizer->vocab.token_count;
}

int32_t gad_tokenizer_find(const gad_tokenizer *tokenizer, const char *token)
{
    size_t length = strlen(token);
    int32_t added = gad_vocab_find_added(&tokenizer->vocab, token, length);
    return added >= 0 ? added : gad_vocab_find(&tokenizer->vocab, token, length);
}

bool gad_tokenizer_is_added(const gad_tokenizer *tokenizer, int32_t id)
{
    const gad_vocab_token *token = gad_vocab_token_of(&tokenizer->vocab, id);
    return token && token->added;
}

bool gad_tokenizer_is_special(const gad_tokenizer *tokenizer, int32_t id)
{
    const gad_vocab_token *token = gad_vocab_token_of(&tokenizer->vocab, id);
    return token && token->special;
}

const char *gad_tokenizer_bytes(const gad_tokenizer *tokenizer, int32_t id, size_t *length)
{
    const gad_vocab_token *token = gad_vocab_token_of(&tokenizer->vocab, id);
    *length = token ? token->length : 0;
    return token ? gad_vocab_bytes(&tokenizer->vocab, token) : NULL;
}

void gad_tokenizer_free(gad_tokenizer *tokenizer)
{
    if (!tokenizer)
        return;
    gad_vocab_free(&tokenizer->vocab);
    gad_bpe_free(&tokenizer->bpe);
    gad_memory_free(tokenizer);
}
