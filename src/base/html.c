/* html: see html.h */
#include "base/html.h"

void gad_html_begin(gad_string *html, const char *title, const char *style)
{
    gad_string_add(html, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                         "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
                         "<meta name=\"generator\" content=\"gad\">\n");
    gad_html_element(html, "title", "", title);
    gad_string_add(html, "\n<style>");
    gad_string_add(html, style);
    gad_string_add(html, "</style>\n</head>\n<body>\n");
}

void gad_html_end(gad_string *html, const char *script)
{
    if (script) {
        gad_string_add(html, "<script>");
        gad_string_add(html, script);
        gad_string_add(html, "</script>\n");
    }
    gad_string_add(html, "</body>\n</html>\n");
}

void gad_html_element(gad_string *html, const char *name, const char *attributes, const char *text)
{
    gad_string_addf(html, "<%s%s%s>", name, *attributes ? " " : "", attributes);
    gad_string_add_html(html, text);
    gad_string_addf(html, "</%s>", name);
}
