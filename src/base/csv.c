/* csv: see csv.h */
#include "base/csv.h"

#include <math.h>
#include <string.h>

void gad_csv_add_text(gad_string *line, const char *text)
{
    bool formula = *text && strchr("=+-@\t\r", *text);
    gad_string_add(line, formula ? "\"'" : "\"");
    for (; *text; text++)
        gad_string_append(line, *text == '"' ? "\"\"" : text, *text == '"' ? 2 : 1);
    gad_string_add(line, "\"");
}

void gad_csv_add_number(gad_string *line, double number)
{
    if (isfinite(number))
        gad_string_addf(line, "%.6g", number);
}

void gad_csv_add_json(gad_string *line, const json_t *number)
{
    gad_csv_add_number(line, json_is_number(number) ? json_number_value(number) : (double)NAN);
}
