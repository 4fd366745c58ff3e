/* csv: see csv.h */
#include "serve/csv.h"

#include <string.h>

void gad_csv_add_text(gad_string *line, const char *text)
{
    bool formula = *text && strchr("=+-@\t\r", *text);
    gad_string_add(line, formula ? "\"'" : "\"");
    for (; *text; text++)
        gad_string_append(line, *text == '"' ? "\"\"" : text, *text == '"' ? 2 : 1);
    gad_string_add(line, "\"");
}

void gad_csv_add_number(gad_string *line, const json_t *number)
{
    if (json_is_number(number))
        gad_string_addf(line, "%.6g", json_number_value(number));
}
