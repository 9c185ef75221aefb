/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/draw/font.h -- letters as strokes of a round pen, our own drawing: printable ASCII and Latin-1.
 *
 * A grid of letters has y = 0 at the top of capitals, 10 at the top of small letters, 28 on the baseline and 36 at the
 * end of tails; x = 0 is the middle of the leftmost stroke. Strokes are written as
 *     Mx y                     begin here
 *     Lx y                     a line from where the pen is
 *     Qcx cy x y               a curve (quadratic Bezier)
 *     Acx cy rx ry from to     begin with a part of an ellipse: degrees, 0 is right and 90 down
 */
#ifndef DF_DATASETS_DRAW_FONT_H
#define DF_DATASETS_DRAW_FONT_H

#include <stdint.h>

enum { DF_FONT_X_HEIGHT = 10, DF_FONT_BASE = 28, DF_FONT_CAPITAL_ACCENT = -8 };

typedef struct {
    int width;           /* from the middle of the leftmost stroke to that of the rightmost */
    const char *strokes;
    const char *accent;  /* or NULL: strokes around x = 0, over or under the middle         */
    int accent_up;       /* how far the accent is moved in y                                */
} DfGlyph;

/* The letter of a code point; an empty box for what the font does not have. */
DfGlyph df_glyph(uint32_t code);

#endif
