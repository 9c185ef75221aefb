/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/dialect.c -- which key of a checkpoint is which parameter of a model.
 */
#include "nn/dialect.h"

#include <stdio.h>
#include <string.h>

/* ---- names by hash ----------------------------------------------------------------------------------------------- */

int nn_index_new(NnIndex *index, const NnModel *model)
{
    const int params = nn_model_count(model);
    const int buckets = params ? params : 1;
    *index = (NnIndex){ .model = model, .n = buckets };
    index->bucket = df_malloc((size_t)buckets * sizeof(int));
    index->next = df_malloc((size_t)buckets * sizeof(int));
    if (!index->bucket || !index->next) {
        nn_index_free(index);
        return df_fail_memory("an index of parameters");
    }
    for (int i = 0; i < buckets; i++)
        index->bucket[i] = -1;
    for (int i = 0; i < params; i++) {
        int *bucket = &index->bucket[df_hash(nn_model_at(model, i)->name) % (uint64_t)buckets];
        index->next[i] = *bucket;
        *bucket = i;
    }
    return DF_OK;
}

void nn_index_free(NnIndex *index)
{
    df_free(index->bucket);
    df_free(index->next);
    index->bucket = index->next = NULL;
}

int nn_index_find(const NnIndex *index, const char *name)
{
    int i = index->bucket[df_hash(name) % (uint64_t)index->n];
    while (i >= 0 && strcmp(nn_model_at(index->model, i)->name, name) != 0)
        i = index->next[i];
    return i;
}

/* ---- prefixes ---------------------------------------------------------------------------------------------------- */

static const NnDialect dialects[] = {
    { "",                 ""          },
    { "backbone.",        ""          }, /* a detector's checkpoint, for its backbone alone       */
    { "",                 "backbone." }, /* a classifier's checkpoint, for a detector             */
    { "module.",          ""          }, /* torch.nn.DataParallel around the model                */
    { "module.",          "backbone." },
    { "module.backbone.", ""          },
    { "model.",           ""          }, /* a training script's wrapper                           */
    { "model.",           "backbone." },
    { "encoder.",         ""          }, /* self-supervised training, such as MoBY and SimMIM     */
    { "encoder.",         "backbone." },
    { "module.encoder.",  ""          },
    { "module.encoder.",  "backbone." },
};

void nn_dialect_spell(NnDialect dialect, const char *key, char *name, size_t size)
{
    if (df_starts_with(key, dialect.cut))
        key += strlen(dialect.cut);
    snprintf(name, size, "%s%s", dialect.add, key);
}

static int count_known(const NnIndex *index, const DfCheckpoint *file, NnDialect dialect)
{
    int known = 0;
    for (int i = 0; i < df_checkpoint_count(file); i++) {
        char name[512];
        nn_dialect_spell(dialect, df_checkpoint_at(file, i)->name, name, sizeof name);
        known += nn_index_find(index, name) >= 0;
    }
    return known;
}

NnDialect nn_dialect_choose(const NnIndex *index, const DfCheckpoint *file)
{
    NnDialect best = dialects[0];
    int most = 0;
    for (size_t d = 0; d < sizeof dialects / sizeof *dialects; d++) {
        const int known = count_known(index, file, dialects[d]);
        if (known > most) {
            most = known;
            best = dialects[d];
        }
    }
    return best;
}

/* mmdet 1 put the offsets of a deformable convolution beside it; mmcv reads either: conv2_offset.weight is
 * conv2.conv_offset.weight. */
int nn_index_find_older(const NnIndex *index, const char *name)
{
    static const char older[] = "_offset.";
    const char *at = strstr(name, older);
    char now[512];
    if (!at)
        return -1;
    snprintf(now, sizeof now, "%.*s.conv_offset.%s", (int)(at - name), name, at + strlen(older));
    return nn_index_find(index, now);
}

/* ---- patterns ---------------------------------------------------------------------------------------------------- */

bool nn_name_matches(const char *pattern, const char *name)
{
    for (; *pattern; pattern++, name++) {
        if (*pattern == '*') {
            for (; *name; name++)
                if (nn_name_matches(pattern + 1, name))
                    return true;
            return pattern[1] == 0;
        }
        if (*pattern != *name)
            return false;
    }
    return *name == 0;
}
