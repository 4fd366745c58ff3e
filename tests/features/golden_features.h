/* golden_features: feature maps of plate.png against those of a public implementation. */
#ifndef GAD_TESTS_GOLDEN_FEATURES_H
#define GAD_TESTS_GOLDEN_FEATURES_H
#include <stdint.h>

/* Opens the backbone at `path` (in the source tree), runs it at width x height px and compares map i with the tensor
 * "prefix.(first + i)" of the fixture `golden`. */
void golden_features_compare(const char *path, int64_t width, int64_t height, const char *golden, const char *prefix,
                             int first, double tolerance);
#endif
