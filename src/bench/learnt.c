/* learnt: see learnt.h */
#include "bench/learnt.h"

#include <string.h>

static gad_hash hash_of(const char *const *good, size_t count)
{
    gad_hash hash = {0};
    for (size_t i = 0; i < count; i++)
        hash = gad_hash_combine(hash, gad_hash_bytes(good[i], strlen(good[i])));
    return hash;
}

gad_status gad_learnt_take(gad_learnt *learnt, const char *const *good, size_t count, const char *name,
                           const gad_learn_settings *settings, gad_error *err)
{
    const gad_hash hash = hash_of(good, count);
    if (learnt->product && gad_hash_equal(hash, learnt->of))
        return GAD_OK;
    gad_product *product = NULL;
    gad_learn_settings own = *settings;
    own.name = name ? name : "product";
    gad_status status = gad_product_learn(good, (int64_t)count, &own, NULL, &product, err);
    if (status)
        return status;
    gad_product_free(learnt->product);
    *learnt = (gad_learnt){product, hash};
    return GAD_OK;
}

void gad_learnt_free(gad_learnt *learnt)
{
    gad_product_free(learnt->product);
    *learnt = (gad_learnt){0};
}
