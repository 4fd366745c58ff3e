/* prose: see prose.h */
#include "cli/prose.h"

#include <string.h>

#include "cli/terminal.h"

static const char *const tags[] = {"<think>", "</think>", "<answer>"};
enum { TAG_COUNT = 3, TAG_ANSWER = 2 };

static void put_run(prose *p, FILE *stream, const char *text, size_t n)
{
    size_t blank = p->within ? 0 : strspn(text, " \t\r\n");
    if (blank >= n)
        return;
    terminal_printf(stream, "%.*s", (int)(n - blank), text + blank);
    p->within = true;
    p->last = text[n - 1];
}

/* The tag that `held` begins, or TAG_COUNT. */
static int find_tag(const prose *p)
{
    int i = 0;
    while (i < TAG_COUNT && strncmp(tags[i], p->held, p->held_count) != 0)
        i++;
    return i;
}

static void put_held(prose *p, FILE *stream)
{
    p->held[p->held_count] = 0;
    put_run(p, stream, p->held, p->held_count);
    p->held_count = 0;
}

void prose_put(prose *p, FILE *stream, const char *piece)
{
    while (*piece && !p->ended) {
        if (!p->held_count) {
            size_t n = strcspn(piece, "<");
            put_run(p, stream, piece, n);
            piece += n;
            if (!*piece)
                return;
        }
        p->held[p->held_count++] = *piece;
        int tag = find_tag(p);
        if (tag == TAG_COUNT) {
            p->held_count--; /* this character may begin a tag itself */
            put_held(p, stream);
            continue;
        }
        piece++;
        if (p->held_count == strlen(tags[tag])) {
            p->held_count = 0;
            p->within = false;
            p->ended = tag == TAG_ANSWER;
        }
    }
}

void prose_end(prose *p, FILE *stream)
{
    if (!p->ended && p->held_count)
        put_held(p, stream);
    if (p->last && p->last != '\n')
        fputc('\n', stream);
    *p = (prose){0};
}
