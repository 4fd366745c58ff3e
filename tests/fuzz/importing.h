/* importing: any bytes as a file of a folder with two pictures, imported by one adapter into a store. What is stored obeys
 * the rules of samples. For the fuzz targets of annotation files. */
#ifndef GAD_TESTS_FUZZ_IMPORTING_H
#define GAD_TESTS_FUZZ_IMPORTING_H
#include <stddef.h>
#include <stdint.h>

/* The pictures are p.png (10 x 5) and a/q.png (6 x 8). */
void importing_run(const char *adapter, const char *file, const uint8_t *data, size_t size_bytes);
#endif
