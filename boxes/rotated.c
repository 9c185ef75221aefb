/* SPDX-License-Identifier: Apache-2.0
 *
 * boxes/rotated.c -- overlap of oriented boxes: one polygon is clipped by the sides of the other, and the area of the
 * rest is computed.
 *
 * Methods that collect the intersections of all sides and sort them by angle count a corner twice or not at all where
 * sides coincide. Clipping has no such cases: every corner is on one side of a line or on the other.
 */
#include "boxes/rotated.h"

#include <math.h>
#include <string.h>

/* ---- convex polygons ------------------------------------------------------------------------------------------- */

enum { MOST = 8 }; /* corners: four, and one more for each of the four sides that cut */

typedef struct {
    double x, y;
} Point;

typedef struct {
    int n;
    Point at[MOST];
} Polygon;

/* What of a convex polygon lies where x * nx + y * ny <= limit. */
static void cut(Polygon *p, double nx, double ny, double limit)
{
    const Polygon whole = *p;
    p->n = 0;
    for (int i = 0; i < whole.n; i++) {
        const Point a = whole.at[i];
        const Point b = whole.at[i + 1 < whole.n ? i + 1 : 0];
        const double out_a = a.x * nx + a.y * ny - limit;
        const double out_b = b.x * nx + b.y * ny - limit;
        if (out_a <= 0 && p->n < MOST)
            p->at[p->n++] = a;
        if ((out_a < 0 && out_b > 0) || (out_a > 0 && out_b < 0)) {
            const double share = out_a / (out_a - out_b);
            if (p->n < MOST)
                p->at[p->n++] = (Point){ a.x + share * (b.x - a.x), a.y + share * (b.y - a.y) };
        }
    }
}

/* Twice the area, positive where the corners go from x to y. */
static double twice_area(const Point *p, int n)
{
    double sum = 0;
    for (int i = 2; i < n; i++) {
        const double ax = p[i - 1].x - p[0].x;
        const double ay = p[i - 1].y - p[0].y;
        const double bx = p[i].x - p[0].x;
        const double by = p[i].y - p[0].y;
        sum += ax * by - ay * bx;
    }
    return sum;
}

/* An intersection is never larger than what it is a part of, though its rounded area may be. */
static double ratio(double both, double area_a, double area_b, bool crowd)
{
    const double most = area_a < area_b ? area_a : area_b;
    const double kept = both < most ? both : most;
    return kept > 0 ? kept / (crowd ? area_a : area_a + area_b - kept) : 0;
}

/* ---- oriented boxes -------------------------------------------------------------------------------------------- */

static bool is_box(const double b[5])
{
    return isfinite(b[0]) && isfinite(b[1]) && isfinite(b[4]) && b[2] > 0 && b[3] > 0 && isfinite(b[2] * b[3]);
}

void df_rotated_corners(const double box[5], double corners[8])
{
    static const double along_w[] = { -0.5, 0.5, 0.5, -0.5 };
    static const double along_h[] = { -0.5, -0.5, 0.5, 0.5 };
    const double c = cos(box[4]);
    const double s = sin(box[4]);
    for (int i = 0; i < 4; i++) {
        const double w = along_w[i] * box[2];
        const double h = along_h[i] * box[3];
        corners[2 * i] = box[0] + (w * c - h * s);
        corners[2 * i + 1] = box[1] + (w * s + h * c);
    }
}

/* Do the circles around the boxes keep them apart? */
static bool apart(const double a[5], const double b[5])
{
    const double dx = b[0] - a[0];
    const double dy = b[1] - a[1];
    const double reach = 0.5 * (hypot(a[2], a[3]) + hypot(b[2], b[3]));
    return dx * dx + dy * dy > reach * reach;
}

/* The corners of b as a sees them, its center at 0 and its sides along the axes. */
static Polygon seen_from(const double a[5], const double b[5])
{
    const double corners_of[5] = { 0, 0, b[2], b[3], b[4] - a[4] };
    const double c = cos(a[4]);
    const double s = sin(a[4]);
    const double dx = b[0] - a[0];
    const double dy = b[1] - a[1];
    double corners[8];
    Polygon p = { .n = 4 };
    df_rotated_corners(corners_of, corners);
    for (int i = 0; i < 4; i++)
        p.at[i] = (Point){ dx * c + dy * s + corners[2 * i], dy * c - dx * s + corners[2 * i + 1] };
    return p;
}

double df_rotated_iou(const double a[5], const double b[5], bool crowd)
{
    if (!is_box(a) || !is_box(b) || apart(a, b))
        return 0;
    Polygon p = seen_from(a, b);
    cut(&p, 1, 0, 0.5 * a[2]);
    cut(&p, -1, 0, 0.5 * a[2]);
    cut(&p, 0, 1, 0.5 * a[3]);
    cut(&p, 0, -1, 0.5 * a[3]);
    return ratio(0.5 * twice_area(p.at, p.n), a[2] * a[3], b[2] * b[3], crowd);
}

/* ---- quadrangles ----------------------------------------------------------------------------------------------- */

/* Two triangles that together are the quadrangle, from the corner across which a concave one is cut. */
typedef struct {
    Point at[2][3];
    double twice[2]; /* areas, of either sign: those of a concave quadrangle cut the wrong way differ in it */
} Halves;

static Halves halve(const double q[8], int from, Point origin)
{
    Halves h;
    for (int t = 0; t < 2; t++) {
        for (int i = 0; i < 3; i++) {
            const int corner = (from + (i ? t + i : 0)) % 4;
            h.at[t][i] = (Point){ q[2 * corner] - origin.x, q[2 * corner + 1] - origin.y };
        }
        h.twice[t] = twice_area(h.at[t], 3);
    }
    return h;
}

/* Twice the area that two triangles share. */
static double shared(const Point *a, double twice_a, const Point *b, double twice_b)
{
    const double sense = twice_a > 0 ? 1 : -1;
    Polygon p = { .n = 3, .at = { b[0], b[1], b[2] } };
    for (int i = 0; i < 3; i++) {
        const Point from = a[i];
        const Point to = a[(i + 1) % 3];
        const double nx = sense * (to.y - from.y);
        const double ny = sense * (from.x - to.x);
        cut(&p, nx, ny, from.x * nx + from.y * ny);
    }
    return twice_b > 0 ? twice_area(p.at, p.n) : -twice_area(p.at, p.n);
}

/* In one triangulation of a concave quadrangle one triangle lies outside, and its area counts against the other's. In
 * both, if two sides cross. */
static Halves triangles(const double q[8], Point origin)
{
    const Halves h = halve(q, 0, origin);
    return (h.twice[0] < 0) == (h.twice[1] < 0) ? h : halve(q, 1, origin);
}

static bool crossed(const Halves *h)
{
    return (h->twice[0] < 0 && h->twice[1] > 0) || (h->twice[0] > 0 && h->twice[1] < 0);
}

/* Does this half turn the other way than the whole? What it shares counts less than nothing then. */
static double sense_of(const Halves *h, int i)
{
    return (h->twice[i] < 0) == (h->twice[0] + h->twice[1] < 0) ? 1 : -1;
}

double df_quad_iou(const double a[8], const double b[8], bool crowd)
{
    const Halves of_a = triangles(a, (Point){ a[0], a[1] });
    const Halves of_b = triangles(b, (Point){ a[0], a[1] });
    const double area_a = 0.5 * fabs(of_a.twice[0] + of_a.twice[1]);
    const double area_b = 0.5 * fabs(of_b.twice[0] + of_b.twice[1]);
    double both = 0;
    if (!(area_a > 0 && area_b > 0 && isfinite(area_a) && isfinite(area_b)))
        return 0;
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 2; j++)
            if (of_a.twice[i] != 0 && of_b.twice[j] != 0)
                both += sense_of(&of_a, i) * sense_of(&of_b, j) *
                        shared(of_a.at[i], of_a.twice[i], of_b.at[j], of_b.twice[j]);
    if (crossed(&of_a) || crossed(&of_b))
        return 0.5 * both / (crowd ? area_a : area_a + area_b - 0.5 * both);
    return ratio(0.5 * both, area_a, area_b, crowd);
}
