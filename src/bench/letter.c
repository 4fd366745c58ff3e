/* letter: see letter.h */
#include "bench/letter.h"

#include "base/error.h"
#include "base/memory.h"
#include "bench/similarity.h"
#include "task/answer.h"
#include "task/answer_body.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <ctype.h>
#include <pcre2.h>
#include <string.h>

typedef struct piece {
    const char *text;
    size_t length;
} piece;

static piece trim(piece p)
{
    while (p.length && isspace((unsigned char)p.text[0]))
        p.text++, p.length--;
    while (p.length && isspace((unsigned char)p.text[p.length - 1]))
        p.length--;
    return p;
}

/* An unfinished text that begins with its letter has answered: "B. The rim is". The article "A" has no punctuation. */
static bool begins_with_letter(piece p)
{
    size_t open = p.length && (p.text[0] == '(' || p.text[0] == '*') ? strspn(p.text, "(*") : 0;
    return p.length > open && p.text[open] >= 'A' && p.text[open] <= 'E' &&
           (p.length == open + 1 || strchr(".):*,\n", p.text[open + 1]));
}

/* The part of the text that is the answer; empty when there is none. */
static piece answer_part(const char *text, bool cut)
{
    size_t length = strlen(text);
    gad_answer_body body = gad_answer_body_find(text, length, cut);
    piece all = trim((piece){text, length});
    if ((body.flags & GAD_ANSWER_UNPARSABLE) && cut && begins_with_letter(all))
        return all;
    return trim((piece){text + body.begin, body.length});
}

/* "B", "(B)", "B.", "**B**", "B. text of option B". */
static bool is_bare(piece p, char letter, const char *option)
{
    while (p.length && !isalnum((unsigned char)p.text[0]) && (unsigned char)p.text[0] < 0x80)
        p.text++, p.length--;
    if (!p.length || p.text[0] != letter)
        return false;
    p.text++, p.length--;
    while (p.length && (ispunct((unsigned char)p.text[0]) || isspace((unsigned char)p.text[0])))
        p.text++, p.length--;
    size_t n = strlen(option);
    if (n && p.length >= n && !memcmp(p.text, option, n))
        p = (piece){p.text + n, p.length - n};
    for (; p.length; p.text++, p.length--)
        if (!ispunct((unsigned char)p.text[0]) && !isspace((unsigned char)p.text[0]))
            return false;
    return true;
}

/* The last letter A-E that stands alone as a word; 0 when there is none. Words as Unicode has them. */
static gad_status last_letter(piece p, char *letter, gad_error *err)
{
    int code;
    PCRE2_SIZE where;
    *letter = 0;
    pcre2_code *pattern = pcre2_compile((PCRE2_SPTR) "\\b([A-E])\\b", PCRE2_ZERO_TERMINATED,
                                        PCRE2_UTF | PCRE2_UCP | PCRE2_MATCH_INVALID_UTF, &code, &where, NULL);
    pcre2_match_data *match = pattern ? pcre2_match_data_create_from_pattern(pattern, NULL) : NULL;
    if (!match) {
        pcre2_code_free(pattern);
        return gad_error_memory(err, "read an option letter", p.length);
    }
    for (PCRE2_SIZE at = 0; pcre2_match(pattern, (PCRE2_SPTR)p.text, p.length, at, 0, match, NULL) > 0;) {
        const PCRE2_SIZE *found = pcre2_get_ovector_pointer(match);
        *letter = p.text[found[0]];
        at = found[1];
    }
    pcre2_match_data_free(match);
    pcre2_code_free(pattern);
    return GAD_OK;
}

/* As difflib.get_close_matches with n = 1 and cutoff 0: of equally similar options the greater string wins. */
static gad_status similar_option(piece p, const char *const *option, size_t option_count, char *letter, gad_error *err)
{
    char *text = gad_memory_alloc(p.length + 1, 1);
    if (!text)
        return gad_error_memory(err, "read an option letter", p.length + 1);
    memcpy(text, p.text, p.length);
    text[p.length] = 0;
    double best = -1;
    size_t chosen = 0;
    gad_status status = GAD_OK;
    for (size_t i = 0; i < option_count && !status; i++) {
        double ratio;
        status = gad_similarity_ratio(option[i], text, &ratio, err);
        if (!status && (ratio > best || (ratio == best && strcmp(option[i], option[chosen]) > 0))) {
            best = ratio;
            chosen = i;
        }
    }
    gad_memory_free(text);
    if (!status)
        *letter = (char)('A' + (int)chosen);
    return status;
}

gad_status gad_letter_read(const char *text, bool cut, const char *const *option, size_t option_count, gad_letter *letter,
                           gad_error *err)
{
    piece p = answer_part(text, cut);
    gad_letter found = {0, GAD_LETTER_NONE};
    gad_status status = p.length ? last_letter(p, &found.letter, err) : GAD_OK;
    if (status || !p.length) {
        *letter = found;
        return status;
    }
    if (found.letter) {
        size_t index = (size_t)(found.letter - 'A');
        bool bare = is_bare(p, found.letter, index < option_count ? option[index] : "");
        found.how = bare ? GAD_LETTER_BARE : GAD_LETTER_SEARCHED;
    } else if (option_count) {
        status = similar_option(p, option, option_count, &found.letter, err);
        found.how = GAD_LETTER_SIMILAR;
    }
    if (!status)
        *letter = found;
    return status;
}
