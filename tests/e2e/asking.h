/* asking: gad inspect on the tiny checkpoint, and what it answers as JSON. */
#ifndef GAD_TESTS_E2E_ASKING_H
#define GAD_TESTS_E2E_ASKING_H
#include <jansson.h>

#include "e2e/program.h"

#define FIXTURES "tests/fixtures/"
#define MODEL FIXTURES "qwen25/model"
#define IMAGES FIXTURES "images/"
/* Few words: the tiny model's are random. */
#define COMMON "inspect", "--model", MODEL, "--threads", "1", "--max-tokens", "12"
#define FAST COMMON, "--reason", "never", "--ref", IMAGES "plate.png"

json_t *asking_read(const char *line);
/* Line `i` of the text as JSON; there are `lines` of them, each with a line end. */
json_t *asking_line(const char *text, int i, int lines);
const char *asking_string(const json_t *root, const char *key);
/* A fresh folder with copies of images under names of its own. */
const char *asking_folder(const char *name, const char *const (*files)[2], size_t count);
/* That exit code, and that text on standard error (NULL: any). */
void asking_expect(const char *const *argument, int code, const char *said);
#define EXPECT(code, said, ...) asking_expect((const char *const[]){__VA_ARGS__, NULL}, code, said)
#endif
