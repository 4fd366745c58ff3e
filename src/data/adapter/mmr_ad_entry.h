/* mmr_ad_entry: how the JSON files of a released MMR-AD class name its images and references: by the release's own folders
 * or by those of the source (MVTec AD, VisA). In: names. Out: the entry, the file. Knows nothing of what entries hold. */
#ifndef GAD_DATA_ADAPTER_MMR_AD_ENTRY_H
#define GAD_DATA_ADAPTER_MMR_AD_ENTRY_H
#include "base/json.h"
#include "data/import.h"

/* The entry of an image: "TYPE-STEM.png" with any extension or none, "anomaly-STEM", the path, the bare name, or else the
 * only one whose path ends in that stem below a folder of that kind ("candle/Data/Images/Anomaly/000.JPG"). `type` NULL:
 * normal. *key is the name that fitted. NULL: none. */
const json_t *gad_mmr_ad_entry_find(const json_t *view, const char *type, const char *class_path, const char **key);

/* The file of a reference ("bottle/train/good/000.png", "candle/Data/Images/Normal/000.JPG", with either slash, whatever
 * the picture was converted to) as a path below the import's folder; false: there is none. `folder` is the class's. */
bool gad_mmr_ad_entry_reference(const gad_import *import, const char *folder, const char *given, char *path,
                                size_t size_bytes);
#endif
