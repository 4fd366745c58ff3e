/* mmad_request: the parts of a question's request, from the lines of a wording (mmad.h). */
#include "base/error.h"
#include "base/string.h"
#include "bench/mmad.h"

#include <string.h>

/* The order of texts and images is MMAD's; the words are ours. */
static const char default_wording[] =
    "You are an industrial inspector who judges products by images. Look at the query image and answer the question about "
    "it.\n"
    "Answer with the letter of the right option only.\n"
    "This is known about the product and its defects:\n{knowledge}\n"
    "The next {count} image(s) show normal samples of the product, to be used as a template for comparison: {references}\n"
    "The next image is the query image: {query}\n"
    "The question:\n"
    "Question 1: {question}";

const char *gad_mmad_wording(void)
{
    return default_wording;
}

/* Grows a list of parts; texts are collected until an image ends them. */
typedef struct builder {
    const gad_item *item;
    gad_arena *arena;
    gad_bench_part *part; /* room for most parts */
    size_t parts, most;
    gad_string text;
    bool failed;
} builder;

static void end_text(builder *b)
{
    if (!b->text.length)
        return;
    char *copy = gad_arena_take(b->arena, b->text.length + 1, 1);
    if (!copy || b->text.failed || b->parts == b->most) {
        b->failed = true;
        return;
    }
    memcpy(copy, b->text.data, b->text.length + 1);
    b->part[b->parts++] = (gad_bench_part){copy, 0};
    gad_string_clear(&b->text);
}

static void add_picture(builder *b, size_t index)
{
    end_text(b);
    if (b->parts == b->most)
        b->failed = true;
    else
        b->part[b->parts++] = (gad_bench_part){NULL, index};
}

static void add_question(builder *b)
{
    gad_string_add(&b->text, b->item->question);
    for (size_t i = 0; i < b->item->option_count; i++)
        gad_string_addf(&b->text, "\n%c. %s", (char)('A' + (int)i), b->item->option[i]);
}

/* Appends what the placeholder at `at` stands for and returns its length; 0 when there is none. */
static size_t fill_placeholder(builder *b, const char *at)
{
    static const char *const names[] = {"{knowledge}", "{references}", "{count}", "{query}", "{question}"};
    for (int i = 0; i < 5; i++) {
        size_t length = strlen(names[i]);
        if (strncmp(at, names[i], length) != 0)
            continue;
        switch (i) {
        case 0:
            for (size_t k = 0; k < b->item->knowledge_count; k++)
                gad_string_addf(&b->text, "%s%s", k ? "\n" : "", b->item->knowledge[k]);
            break;
        case 1:
            for (size_t k = 0; k < b->item->reference_count; k++)
                add_picture(b, k);
            break;
        case 2: gad_string_addf(&b->text, "%zu", b->item->reference_count); break;
        case 3: add_picture(b, b->item->reference_count); break;
        default: add_question(b); break;
        }
        return length;
    }
    return 0;
}

static bool line_has(const char *line, size_t length, const char *word)
{
    return memmem(line, length, word, strlen(word)) != NULL;
}

static bool is_left_out(const builder *b, const char *line, size_t length)
{
    return (!b->item->knowledge_count && line_has(line, length, "{knowledge}")) ||
           (!b->item->reference_count && (line_has(line, length, "{references}") || line_has(line, length, "{count}")));
}

/* A heading that only introduces the next line goes with it: a line that ends in ':' before a line that is left out. */
static bool introduces_nothing(const builder *b, const char *line, size_t length)
{
    const char *next = line[length] ? line + length + 1 : NULL;
    return length && line[length - 1] == ':' && next && is_left_out(b, next, strcspn(next, "\n"));
}

static void add_line(builder *b, const char *line, size_t length)
{
    if (b->text.length || b->parts)
        gad_string_add(&b->text, "\n");
    for (const char *at = line; at < line + length;) {
        size_t n = *at == '{' ? fill_placeholder(b, at) : 0;
        if (!n) {
            n = 1;
            while (at + n < line + length && at[n] != '{')
                n++;
            gad_string_append(&b->text, at, n);
        }
        at += n;
    }
}

gad_status gad_mmad_request(const char *wording, const gad_item *item, gad_arena *arena, gad_bench_part **part,
                            size_t *parts, gad_error *err)
{
    const struct {
        const char *word;
        bool needed;
    } places[] = {{"{query}", true},
                  {"{question}", true},
                  {"{references}", item->reference_count > 0},
                  {"{knowledge}", item->knowledge_count > 0}};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (places[i].needed && !strstr(wording, places[i].word))
            return gad_error_set(err, GAD_E_ARGUMENT, "build an MMAD request", NULL, "the prompt has no place for %s",
                                 places[i].word);
    builder b = {.item = item, .arena = arena, .most = 4 * (item->reference_count + 2) + strlen(wording) / 4};
    b.part = gad_arena_take(arena, b.most, sizeof *b.part);
    b.failed = !b.part;
    for (const char *line = wording; !b.failed && *line;) {
        size_t length = strcspn(line, "\n");
        if (!is_left_out(&b, line, length) && !introduces_nothing(&b, line, length))
            add_line(&b, line, length);
        line += length + (line[length] == '\n');
    }
    if (!b.failed)
        end_text(&b);
    bool failed = b.failed || b.text.failed;
    gad_string_free(&b.text);
    if (failed)
        return gad_error_memory(err, "build an MMAD request", b.most * sizeof *b.part);
    *part = b.part;
    *parts = b.parts;
    return GAD_OK;
}
