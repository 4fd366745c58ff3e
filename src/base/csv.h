/* csv: fields of a CSV file (RFC 4180). In: texts, numbers. Out: a growing line. */
#ifndef GAD_BASE_CSV_H
#define GAD_BASE_CSV_H
#include "base/string.h"

#include <jansson.h>

/* In quotes; a text that a spreadsheet would take for a formula gets a quote before it. */
void gad_csv_add_text(gad_string *line, const char *text);
/* Nothing where it is no number. */
void gad_csv_add_number(gad_string *line, double number);
void gad_csv_add_json(gad_string *line, const json_t *number);
#endif
