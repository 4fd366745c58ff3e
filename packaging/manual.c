/* manual: man pages and shell completion from the option tables of src/cli, so that they cannot differ from the program.
 * In: `man FOLDER`, `bash FILE` or `zsh FILE`. Out: FOLDER/gad.1 and a page a command, or a script. */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "gad.h"

/* Whether a flag is on unless it is switched off by --no-NAME. */
static bool is_on(const option *o)
{
    return o->kind == OPTION_FLAG && o->fallback && !strcmp(o->fallback, "true");
}

/* ---- man pages ---------------------------------------------------------------------------------------------------- */

/* Text as troff takes it literally. */
static void put(FILE *page, const char *text)
{
    for (const char *c = text; *c; c++) {
        bool starts_line = c == text || c[-1] == '\n';
        if (starts_line && (*c == '.' || *c == '\''))
            fputs("\\&", page);
        if (*c == '\\')
            fputs("\\e", page);
        else if (*c == '-')
            fputs("\\-", page);
        else
            fputc(*c, page);
    }
}

static void put_name(FILE *page, const char *name, char between)
{
    fputs("gad", page);
    fputc(between, page);
    for (const char *c = name; *c; c++)
        fputc(*c == ' ' ? between : *c, page);
}

static void man_title(FILE *page, const char *title)
{
    fprintf(page, ".TH %s 1 \"\" \"gad %s\" \"gad\"\n.SH NAME\n", title, GAD_VERSION);
}

static void man_option(FILE *page, const option *o)
{
    fprintf(page, ".TP\n.B \\-\\-%s", is_on(o) ? "[no\\-]" : "");
    put(page, o->name);
    if (o->argument) {
        fputs(" \\fI", page);
        put(page, o->argument);
        fputs("\\fR", page);
    }
    fputc('\n', page);
    put(page, o->help);
    if (o->choices) {
        fputs(": ", page);
        char choices[512];
        options_list(o->choices, "|", choices, sizeof choices);
        put(page, choices);
    }
    if (o->fallback) {
        fputs(" [default: ", page);
        put(page, is_on(o) ? "on" : o->fallback);
        fputc(']', page);
    }
    fputc('\n', page);
}

static void man_command(FILE *page, const command *c)
{
    man_title(page, "GAD");
    put_name(page, c->name, '-');
    fputs(" \\- ", page);
    put(page, c->summary);
    fputs("\n.SH SYNOPSIS\n.B ", page);
    put_name(page, c->name, ' ');
    fputc('\n', page);
    put(page, c->synopsis);
    fputc('\n', page);
    if (c->details) {
        fputs(".SH DESCRIPTION\n", page);
        put(page, c->details);
        fputc('\n', page);
    }
    bool first = true;
    option o;
    for (option_walk walk = {.command = c}; options_next(&walk, &o); first = false) {
        if (first)
            fputs(".SH OPTIONS\n", page);
        if (o.name) {
            man_option(page, &o);
        } else {
            fputs(".SS ", page);
            put(page, o.help);
            fputc('\n', page);
        }
    }
    fputs(".SH EXIT STATUS\n0 done, 1 failed, 2 wrong usage, 3 an anomaly where \\-\\-fail\\-on asks for it.\n"
          ".SH SEE ALSO\n.BR gad (1)\n",
          page);
}

static void man_overview(FILE *page)
{
    man_title(page, "GAD");
    fputs("gad \\- general anomaly detection with a reasoning multimodal model\n"
          ".SH SYNOPSIS\n.B gad\n.I COMMAND\n[options]\n.SH COMMANDS\n",
          page);
    for (size_t i = 0; commands[i]; i++) {
        fputs(".TP\n.BR ", page);
        put_name(page, commands[i]->name, '-');
        fputs(" (1)\n", page);
        put(page, commands[i]->summary);
        fputc('\n', page);
    }
    fputs(".SH ENVIRONMENT\n.TP\n.B GAD_MODEL\nThe model that commands use without \\-\\-model.\n", page);
}

static FILE *open_page(const char *folder, const char *name)
{
    char path[4096];
    int length = snprintf(path, sizeof path, "%s/gad%s%s.1", folder, *name ? "-" : "", name);
    if (length < 0 || (size_t)length >= sizeof path)
        return NULL;
    for (char *c = path + strlen(folder); *c; c++)
        *c = *c == ' ' ? '-' : *c;
    return fopen(path, "w");
}

static bool write_man(const char *folder)
{
    FILE *page = open_page(folder, "");
    if (!page)
        return false;
    man_overview(page);
    bool good = !fclose(page);
    for (size_t i = 0; good && commands[i]; i++) {
        page = open_page(folder, commands[i]->name);
        if (!page)
            return false;
        man_command(page, commands[i]);
        good = !fclose(page);
    }
    return good;
}

/* ---- completion --------------------------------------------------------------------------------------------------- */

/* The words "--a --b" of a command's options. */
static void put_options(FILE *script, const command *c)
{
    option o;
    fputs("--help", script);
    for (option_walk walk = {.command = c}; options_next(&walk, &o);) {
        if (!o.name)
            continue;
        fprintf(script, " --%s", o.name);
        if (o.kind == OPTION_FLAG)
            fprintf(script, " --no-%s", o.name);
    }
}

/* Words that follow `first` as second words of commands; false when it has none. */
static bool put_second_words(FILE *script, const char *first, size_t length)
{
    bool any = false;
    for (size_t i = 0; commands[i]; i++)
        if (!strncmp(commands[i]->name, first, length) && commands[i]->name[length] == ' ') {
            fprintf(script, "%s%s", any ? " " : "", commands[i]->name + length + 1);
            any = true;
        }
    return any;
}

static bool is_first_of_its_word(size_t index)
{
    size_t length = strcspn(commands[index]->name, " ");
    for (size_t i = 0; i < index; i++)
        if (strcspn(commands[i]->name, " ") == length && !strncmp(commands[i]->name, commands[index]->name, length))
            return false;
    return true;
}

static void put_first_words(FILE *script)
{
    for (size_t i = 0; commands[i]; i++)
        if (is_first_of_its_word(i))
            fprintf(script, "%s%.*s", i ? " " : "", (int)strcspn(commands[i]->name, " "), commands[i]->name);
}

/* case lines that give the choices of an option: "inspect:--reason) choices="always rejects never" ;;" */
static void put_choices(FILE *script, const command *c)
{
    option o;
    for (option_walk walk = {.command = c}; options_next(&walk, &o);) {
        if (!o.name || !o.argument)
            continue;
        fprintf(script, "        \"%s:--%s\") ", c->name, o.name);
        if (o.choices) {
            char choices[512];
            options_list(o.choices, " ", choices, sizeof choices);
            fprintf(script, "choices=\"%s\" ;;\n", choices);
        } else {
            fputs("files=1 ;;\n", script);
        }
    }
}

/* The part that both shells run: from the words of the line to `words` (to choose from) or files=1. */
static void put_body(FILE *script)
{
    fputs("    local command=\"$first\" choices=\"\" files=\"\"\n    case \"$first\" in\n", script);
    for (size_t i = 0; commands[i]; i++) {
        size_t length = strcspn(commands[i]->name, " ");
        if (!is_first_of_its_word(i) || !commands[i]->name[length])
            continue;
        fprintf(script, "        %.*s) command=\"$first $second\"; [ \"$position\" = 2 ] && choices=\"", (int)length,
                commands[i]->name);
        put_second_words(script, commands[i]->name, length);
        fputs("\" ;;\n", script);
    }
    fputs("    esac\n    [ \"$position\" = 1 ] && choices=\"", script);
    put_first_words(script);
    fputs("\"\n    if [ -z \"$choices\" ]; then\n        case \"$command:$previous\" in\n", script);
    for (size_t i = 0; commands[i]; i++)
        put_choices(script, commands[i]);
    fputs("        *) case \"$current\" in\n            -*) case \"$command\" in\n", script);
    for (size_t i = 0; commands[i]; i++) {
        fprintf(script, "                \"%s\") choices=\"", commands[i]->name);
        put_options(script, commands[i]);
        fputs("\" ;;\n", script);
    }
    fputs("                esac ;;\n            *) files=1 ;;\n            esac ;;\n        esac\n    fi\n", script);
}

static void write_bash(FILE *script)
{
    fputs("# bash completion for gad, made from its option tables\n_gad()\n{\n"
          "    local current=\"${COMP_WORDS[COMP_CWORD]}\" previous=\"${COMP_WORDS[COMP_CWORD-1]}\"\n"
          "    local first=\"${COMP_WORDS[1]-}\" second=\"${COMP_WORDS[2]-}\" position=\"$COMP_CWORD\"\n",
          script);
    put_body(script);
    fputs("    if [ -n \"$files\" ]; then\n        compopt -o default 2>/dev/null\n        COMPREPLY=()\n    else\n"
          "        COMPREPLY=($(compgen -W \"$choices\" -- \"$current\"))\n    fi\n}\ncomplete -F _gad gad\n",
          script);
}

static void write_zsh(FILE *script)
{
    fputs("#compdef gad\n# zsh completion for gad, made from its option tables\n_gad()\n{\n"
          "    local current=\"${words[CURRENT]}\" previous=\"${words[CURRENT-1]}\"\n"
          "    local first=\"${words[2]-}\" second=\"${words[3]-}\" position=\"$((CURRENT - 1))\"\n",
          script);
    put_body(script);
    fputs("    if [ -n \"$files\" ]; then\n        _files\n    else\n        compadd -- ${=choices}\n    fi\n}\n_gad "
          "\"$@\"\n",
          script);
}

static bool write_script(const char *path, void (*write)(FILE *script))
{
    FILE *script = fopen(path, "w");
    if (!script)
        return false;
    write(script);
    return !fclose(script);
}

int main(int argc, char **argv)
{
    bool good = false;
    if (argc == 3 && !strcmp(argv[1], "man"))
        good = write_man(argv[2]);
    else if (argc == 3 && !strcmp(argv[1], "bash"))
        good = write_script(argv[2], write_bash);
    else if (argc == 3 && !strcmp(argv[1], "zsh"))
        good = write_script(argv[2], write_zsh);
    else
        fputs("usage: gad_manual man FOLDER | bash FILE | zsh FILE\n", stderr);
    if (!good)
        perror("gad_manual");
    return good ? 0 : 1;
}
