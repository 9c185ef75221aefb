/* SPDX-License-Identifier: Apache-2.0
 *
 * backbone/dat/kinds.c -- the table of DAT's kinds of blocks, by letter.
 */
#include "backbone/dat/kinds.h"

static const DatBlockKind *const kinds[] = {
    &df_dat_block_window,
    &df_dat_block_shifted_window,
    &df_dat_block_deform,
    &df_dat_block_neighborhood,
    &df_dat_block_pyramid,
    &df_dat_block_conv,
    &df_dat_block_slide,
    &df_dat_block_local,
    &df_dat_block_qna,
};

const DatBlockKind *df_dat_block_kind(const char *letter)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (letter[0] == kinds[i]->letter && letter[1] == 0)
            return kinds[i];
    return NULL;
}
