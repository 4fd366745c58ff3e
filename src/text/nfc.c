/* nfc: see nfc.h */
#include "text/nfc.h"

#include "base/error.h"
#include "base/memory.h"

#include <string.h>
#include <utf8proc.h>

static const char operation[] = "normalise text";

bool gad_nfc_is_plain(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)text[i] >= 0xCC) /* the lead byte of U+0300 */
            return false;
    return true;
}

/* Canonical ordering: sort the marks of one run by combining class, stable. Counting sort, because a text from outside may
 * put any number of marks on one letter. `spare` has room for the run. */
static void order_marks(int32_t *point, size_t count, int32_t *spare)
{
    size_t first[257] = {0};
    for (size_t i = 0; i < count; i++)
        first[utf8proc_get_property(point[i])->combining_class + 1]++;
    for (size_t i = 1; i < 257; i++)
        first[i] += first[i - 1];
    for (size_t i = 0; i < count; i++)
        spare[first[utf8proc_get_property(point[i])->combining_class]++] = point[i];
    memcpy(point, spare, count * sizeof *point);
}

static void order(int32_t *point, size_t count, int32_t *spare)
{
    for (size_t i = 0; i < count;) {
        size_t end = i;
        while (end < count && utf8proc_get_property(point[end])->combining_class)
            end++;
        if (end - i > 1)
            order_marks(point + i, end - i, spare);
        i = end > i ? end : i + 1;
    }
}

/* Decompose into `point` (room for `capacity`); the number of code points, or -1 for bytes that are not UTF-8. */
static ptrdiff_t decompose(const char *text, size_t length, bool fold, int32_t *point, size_t capacity)
{
    const utf8proc_option_t options = UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | (fold ? UTF8PROC_CASEFOLD : 0);
    size_t at = 0, count = 0;
    while (at < length) {
        utf8proc_int32_t c;
        utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)text + at, (utf8proc_ssize_t)(length - at), &c);
        if (n <= 0)
            return -1;
        utf8proc_ssize_t parts =
            utf8proc_decompose_char(c, point + count, (utf8proc_ssize_t)(capacity - count), options, NULL);
        if (parts < 0 || (size_t)parts > capacity - count)
            return -1;
        count += (size_t)parts;
        at += (size_t)n;
    }
    return (ptrdiff_t)count;
}

/* Compose each stretch and append it. U+11A7 begins a stretch: utf8proc 2.8 takes it for a trailing Hangul consonant and
 * swallows it after a syllable, while it composes with nothing. */
static void compose(int32_t *point, size_t count, gad_string *out)
{
    enum { BEFORE_TRAILING_CONSONANTS = 0x11A7 };
    for (size_t at = 0, end; at < count; at = end) {
        end = at + 1;
        while (end < count && point[end] != BEFORE_TRAILING_CONSONANTS)
            end++;
        utf8proc_ssize_t composed =
            utf8proc_normalize_utf32(point + at, (utf8proc_ssize_t)(end - at), UTF8PROC_STABLE | UTF8PROC_COMPOSE);
        for (utf8proc_ssize_t i = 0; i < composed; i++) {
            utf8proc_uint8_t bytes[4];
            gad_string_append(out, (const char *)bytes, (size_t)utf8proc_encode_char(point[at + (size_t)i], bytes));
        }
    }
}

static gad_status normalise(const char *text, size_t length, bool fold, gad_string *out, gad_error *err)
{
    /* A canonical decomposition, folded or not, has at most two code points for each byte of UTF-8 (U+0390: 2 bytes, 3 code
     * points). */
    size_t capacity;
    int32_t *point = NULL, *spare = NULL;
    gad_status status = GAD_OK;
    if (!gad_memory_product(length, 2, &capacity) || !(point = gad_memory_alloc(capacity, sizeof *point)) ||
        !(spare = gad_memory_alloc(capacity, sizeof *spare))) {
        status = gad_error_memory(err, operation, length * 2 * sizeof *point);
        goto done;
    }
    ptrdiff_t count = decompose(text, length, fold, point, capacity);
    if (count < 0) {
        status = gad_error_set(err, GAD_E_FORMAT, operation, "send the text as UTF-8", "the text is not UTF-8");
        goto done;
    }
    order(point, (size_t)count, spare);
    compose(point, (size_t)count, out);
    if (out->failed)
        status = gad_error_memory(err, operation, length);
done:
    gad_memory_free(spare);
    gad_memory_free(point);
    return status;
}

gad_status gad_nfc_append(const char *text, size_t length, gad_string *out, gad_error *err)
{
    if (!gad_nfc_is_plain(text, length))
        return normalise(text, length, false, out, err);
    gad_string_append(out, text, length);
    return out->failed ? gad_error_memory(err, operation, length) : GAD_OK;
}

gad_status gad_nfc_fold(const char *text, size_t length, gad_string *out, gad_error *err)
{
    return normalise(text, length, true, out, err);
}
