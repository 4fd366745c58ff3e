/* secret: see secret.h */
#include "cli/secret.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *secret_read(const char *path)
{
    char *line = NULL;
    size_t room = 0;
    FILE *file = fopen(path, "r");
    if (!file || getline(&line, &room, file) < 0) {
        fprintf(stderr, "gad: %s: nothing can be read from it\n", path);
        free(line);
        line = NULL;
    } else {
        line[strcspn(line, "\r\n")] = 0;
    }
    if (file)
        fclose(file);
    return line;
}
