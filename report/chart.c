/* SPDX-License-Identifier: Apache-2.0
 *
 * report/chart.c -- a drawing of points with names and intervals.
 *
 * A name is put where it covers least: beside its point in one of eight directions, counted against everything that
 * is drawn. Colours are classes of a style sheet, so that one file serves light and dark.
 */
#include "report/chart.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/core.h"

enum { COLOURS = 8, SHAPES = 4, TICKS = 16, MOST = 500 };

/* of the drawing, of its frame */
static const double WIDTH = 960, HEIGHT = 600, LEFT = 84, TOP = 118, RIGHT = 862, BOTTOM = 520;
static const double EDGE = 936; /* behind the frame there is room for names, with the grid below them */
static const double SIZE = 15, HALF = 10; /* of names; from the middle of a point to where a name may begin */

static const char style[] =
    "svg{color-scheme:light dark}text{font-family:Inter,system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica "
    "Neue','Noto Sans',sans-serif;fill:#5c6675;font-size:13px;font-variant-numeric:tabular-nums}.paper{fill:#fcfcfa}"
    ".title{fill:#1d2129;font-size:23px;font-weight:650;letter-spacing:-.01em}.sub{font-size:14px}.axis{font-size:14px;"
    "fill:#3a4250}.grid{stroke:#e6e8eb;stroke-width:1}.base{stroke:#aab1bb;stroke-width:1.2}.hint{fill:#9aa3b0;"
    "font-size:12.5px}.arrow{stroke:#9aa3b0;stroke-width:1.6;fill:none;stroke-linecap:round;stroke-linejoin:round}"
    ".name{font-size:15px;font-weight:600}.value{font-weight:400;fill:#5c6675;font-size:13.5px}.line{fill:none;"
    "stroke-width:2.4;stroke-opacity:.5;stroke-linejoin:round;stroke-linecap:round}.bar{stroke-width:1.7;"
    "stroke-opacity:.75;fill:none;stroke-linecap:round}.dot{stroke:#fcfcfa;stroke-width:2}.halo{paint-order:stroke;"
    "stroke:#fcfcfa;stroke-width:4px;stroke-linejoin:round}@media(prefers-color-scheme:dark){text{fill:#9aa5b4}"
    ".paper{fill:#14171c}.title{fill:#eef0f4}.axis{fill:#c5ccd6}.grid{stroke:#262c35}.base{stroke:#4a5361}"
    ".hint{fill:#717c8c}.arrow{stroke:#717c8c}.value{fill:#9aa5b4}.dot,.halo{stroke:#14171c}}";

static const struct {
    const char *light, *dark;
} colours[COLOURS] = { { "#2c6bb3", "#74abea" }, { "#c95f16", "#f2a365" }, { "#17806a", "#4cc9a6" },
                       { "#7a4bb0", "#b99aec" }, { "#b8365f", "#f2839f" }, { "#83720c", "#d9c557" },
                       { "#0a7990", "#58c4dc" }, { "#59626f", "#aeb8c6" } };

/* ---- scales ------------------------------------------------------------------------------------------------------ */

typedef struct {
    double low, high, step;
    int digits; /* behind the point, of ticks */
} Scale;

/* 1, 2 or 5 times a power of ten, so that about `wanted` of them fill the range. */
static double nice_step(double range, double wanted)
{
    const double rough = range / wanted;
    const double power = pow(10, floor(log10(rough)));
    const double part = rough / power;
    if (part < 1.5)
        return power;
    if (part < 3.5)
        return 2 * power;
    return part < 7.5 ? 5 * power : 10 * power;
}

/* From a tick to a tick, with air around what is drawn; never below zero if nothing is. */
static Scale scale_of(double low, double high, double wanted)
{
    const double single = fabs(high) > 0 ? 0.2 * fabs(high) : 1; /* of one value, or of equal ones */
    const double range = high > low ? high - low : single;
    Scale s = { low - 0.1 * range, high + 0.1 * range, 0, 0 };
    s.step = nice_step(s.high - s.low, wanted);
    s.low = low >= 0 && s.low < 0 ? 0 : s.low;
    s.low = s.step * floor(s.low / s.step + 1e-9);
    s.high = s.step * ceil(s.high / s.step - 1e-9);
    const double digits = -floor(log10(s.step) + 1e-9);
    s.digits = digits > 0 ? (int)digits : 0;
    return s;
}

static double at(const Scale *s, double value, double from, double to)
{
    return from + (value - s->low) / (s->high - s->low) * (to - from);
}

/* ---- what is drawn ----------------------------------------------------------------------------------------------- */

typedef struct {
    double x, y, low, high; /* in the drawing */
    size_t family;          /* its place among the families */
    double label_x, label_y;
    const char *anchor;
    char value[24];
} Point;

typedef struct {
    double x0, y0, x1, y1;
} Box;

typedef struct {
    const DfChart *chart;
    Scale x, y;
    Point *points;
    size_t *order;     /* by family, then x */
    size_t n_families;
    Box *taken;        /* points, bars, pieces of lines, names so far */
    size_t n_taken, capacity;
    DfTextbuf t;
} Drawing;

static bool same_family(const DfChartPoint *a, const DfChartPoint *b)
{
    return a->family && b->family && strcmp(a->family, b->family) == 0;
}

static void number_families(Drawing *d)
{
    for (size_t i = 0; i < d->chart->n; i++) {
        size_t j = 0;
        while (j < i && !same_family(&d->chart->points[j], &d->chart->points[i]))
            j++;
        d->points[i].family = j < i ? d->points[j].family : d->n_families++;
    }
}

static bool before(const Drawing *d, size_t a, size_t b)
{
    if (d->points[a].family != d->points[b].family)
        return d->points[a].family < d->points[b].family;
    return d->points[a].x < d->points[b].x || (d->points[a].x == d->points[b].x && a < b);
}

static void place_points(Drawing *d)
{
    const DfChart *c = d->chart;
    double low_x = INFINITY;
    double high_x = -INFINITY;
    double low_y = INFINITY;
    double high_y = -INFINITY;
    for (size_t i = 0; i < c->n; i++) {
        const DfChartPoint *p = &c->points[i];
        low_x = fmin(low_x, p->x);
        high_x = fmax(high_x, p->x);
        low_y = fmin(low_y, fmin(p->y, p->low)); /* which are of the other number if one is NAN */
        high_y = fmax(high_y, fmax(p->y, p->high));
    }
    d->x = scale_of(c->n ? low_x : 0, c->n ? high_x : 1, 7);
    d->y = scale_of(c->n ? low_y : 0, c->n ? high_y : 1, 6);
    for (size_t i = 0; i < c->n; i++) {
        const DfChartPoint *p = &c->points[i];
        Point *to = &d->points[i];
        to->x = at(&d->x, p->x, LEFT, RIGHT);
        to->y = at(&d->y, p->y, BOTTOM, TOP);
        to->low = at(&d->y, isnan(p->low) ? p->y : p->low, BOTTOM, TOP);
        to->high = at(&d->y, isnan(p->high) ? p->y : p->high, BOTTOM, TOP);
        df_snprintf(to->value, sizeof to->value, "%.*f", fabs(p->y) < 100 ? d->y.digits + 1 : 0, p->y);
        size_t k = i; /* into its place in the order */
        for (; k > 0 && before(d, i, d->order[k - 1]); k--)
            d->order[k] = d->order[k - 1];
        d->order[k] = i;
    }
}

/* ---- where names go ---------------------------------------------------------------------------------------------- */

static bool take(Drawing *d, Box box)
{
    if (!df_grow((void **)&d->taken, &d->capacity, d->n_taken, sizeof *d->taken))
        return false;
    d->taken[d->n_taken++] = box;
    return true;
}

static bool take_line(Drawing *d, const Point *a, const Point *b)
{
    enum { PIECES = 24 };
    bool fine = true;
    for (int i = 1; i < PIECES && fine; i++) {
        const double part = (double)i / PIECES;
        const double x = a->x + part * (b->x - a->x);
        const double y = a->y + part * (b->y - a->y);
        fine = take(d, (Box){ x - 3, y - 3, x + 3, y + 3 });
    }
    return fine;
}

static double overlap(const Box *a, const Box *b)
{
    const double w = fmin(a->x1, b->x1) - fmax(a->x0, b->x0);
    const double h = fmin(a->y1, b->y1) - fmax(a->y0, b->y0);
    return w > 0 && h > 0 ? w * h : 0;
}

static Box box_of(const Point *p, const char *name)
{
    /* Letters of this font are about half as wide as they are high. */
    const double wide = 0.6 * SIZE * (double)strlen(name) + 8 + 8.2 * (double)strlen(p->value);
    double x = p->label_x; /* anchor "start" */
    if (p->anchor[0] == 'm')
        x -= wide / 2;
    else if (p->anchor[0] == 'e')
        x -= wide;
    return (Box){ x - 2, p->label_y - 0.85 * SIZE, x + wide + 2, p->label_y + 0.3 * SIZE };
}

static double distance(const Point *p, const Box *box)
{
    return hypot(fmax(0, fmax(box->x0 - p->x, p->x - box->x1)), fmax(0, fmax(box->y0 - p->y, p->y - box->y1)));
}

/* What the name of a point would cover; and it should not be nearer to another. */
static double cost_of(const Drawing *d, const Point *of, const Box *box)
{
    const double own = distance(of, box);
    double cost = 0;
    for (size_t i = 0; i < d->n_taken; i++)
        cost += overlap(box, &d->taken[i]);
    for (size_t i = 0; i < d->chart->n; i++)
        cost += &d->points[i] != of && distance(&d->points[i], box) < own + 3 ? 40 : 0;
    const double out = fmax(0, LEFT + 4 - box->x0) + fmax(0, box->x1 - WIDTH + 8) + fmax(0, TOP - 8 - box->y0) +
                       fmax(0, box->y1 - BOTTOM + 4);
    return cost + 100 * out;
}

static bool place_name(Drawing *d, size_t i)
{
    static const struct {
        double x, y, malus;
        const char *anchor;
    } ways[] = { { HALF, 5, 0, "start" },      { -HALF, 5, 4, "end" },      { HALF - 2, -9, 2, "start" },
                 { HALF - 2, 19, 3, "start" }, { -HALF + 2, -9, 5, "end" }, { -HALF + 2, 19, 6, "end" },
                 { 0, -16, 7, "middle" },      { 0, 28, 8, "middle" },      { 14, -26, 40, "start" },
                 { 14, 36, 42, "start" },      { -14, -26, 44, "end" },     { -14, 36, 46, "end" } };
    Point *p = &d->points[i], best = *p;
    double least = INFINITY;
    for (size_t k = 0; k < sizeof ways / sizeof *ways; k++) {
        p->label_x = p->x + ways[k].x;
        p->label_y = p->y + ways[k].y;
        p->anchor = ways[k].anchor;
        const Box box = box_of(p, d->chart->points[i].name);
        const double cost = cost_of(d, p, &box) + ways[k].malus;
        if (cost < least) {
            least = cost;
            best = *p;
        }
    }
    *p = best;
    return take(d, box_of(p, d->chart->points[i].name));
}

static bool place_names(Drawing *d)
{
    bool fine = true;
    for (size_t i = 0; i < d->chart->n && fine; i++) {
        const Point *p = &d->points[i];
        fine = take(d, (Box){ p->x - 9, p->y - 9, p->x + 9, p->y + 9 }) &&
               take(d, (Box){ p->x - 5, p->high - 2, p->x + 5, p->low + 2 });
    }
    for (size_t k = 1; k < d->chart->n && fine; k++)
        if (d->points[d->order[k]].family == d->points[d->order[k - 1]].family)
            fine = take_line(d, &d->points[d->order[k - 1]], &d->points[d->order[k]]);
    for (size_t k = 0; k < d->chart->n && fine; k++)
        fine = place_name(d, d->order[k]);
    return fine;
}

/* ---- drawing ----------------------------------------------------------------------------------------------------- */

static void text(Drawing *d, const char *class, double x, double y, const char *anchor, const char *s)
{
    df_textbuf_add(&d->t, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", class, x, y, anchor);
    df_textbuf_html(&d->t, s);
    df_textbuf_add(&d->t, "</text>\n");
}

static void head(Drawing *d)
{
    DfTextbuf *t = &d->t;
    df_textbuf_add(
        t,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" width=\"%.0f\" height=\"%.0f\" "
        "role=\"img\" aria-label=\"",
        WIDTH, HEIGHT, WIDTH, HEIGHT);
    df_textbuf_html(t, d->chart->title);
    df_textbuf_add(t, "\">\n<style>");
    df_textbuf_add(t, "%s", style);
    for (int i = 0; i < COLOURS; i++)
        df_textbuf_add(t, ".f%d{fill:%s}.s%d{stroke:%s}", i, colours[i].light, i, colours[i].light);
    df_textbuf_add(t, "@media(prefers-color-scheme:dark){");
    for (int i = 0; i < COLOURS; i++)
        df_textbuf_add(t, ".f%d{fill:%s}.s%d{stroke:%s}", i, colours[i].dark, i, colours[i].dark);
    df_textbuf_add(t, "}</style>\n<rect class=\"paper\" width=\"%.0f\" height=\"%.0f\" rx=\"14\"/>\n", WIDTH, HEIGHT);
    text(d, "title", 36, 50, "start", d->chart->title);
    text(d, "sub", 36, 74, "start", d->chart->subtitle);
}

static void axes(Drawing *d)
{
    char number[32];
    const Scale *x = &d->x, *y = &d->y;
    for (int i = 0; i < TICKS && y->low + i * y->step <= y->high + 1e-9 * y->step; i++) {
        const double value = y->low + i * y->step;
        const double v = at(y, value, BOTTOM, TOP);
        df_textbuf_add(&d->t, "<path class=\"%s\" d=\"M%.1f %.1fH%.1f\"/>\n", i ? "grid" : "base", LEFT, v, EDGE);
        df_snprintf(number, sizeof number, "%.*f", y->digits, value);
        text(d, "tick", LEFT - 12, v + 4.5, "end", number);
    }
    for (int i = 0; i < TICKS && x->low + i * x->step <= x->high + 1e-9 * x->step; i++) {
        const double value = x->low + i * x->step;
        const double v = at(x, value, LEFT, RIGHT);
        df_textbuf_add(&d->t, "<path class=\"base\" d=\"M%.1f %.1fv6\"/>\n", v, BOTTOM);
        df_snprintf(number, sizeof number, "%.*f", x->digits, value);
        text(d, "tick", v, BOTTOM + 24, "middle", number);
    }
    text(d, "axis", LEFT - 48, TOP - 18, "start", d->chart->y_name);
    text(d, "axis", (LEFT + EDGE) / 2, BOTTOM + 54, "middle", d->chart->x_name);
    /* Where it is good to be: left, and up or down. */
    const double tip = d->chart->less_is_better ? BOTTOM + 58 : BOTTOM + 40;
    const double tail = d->chart->less_is_better ? tip - 18 : tip + 18;
    const double turn = d->chart->less_is_better ? -9 : 9;
    df_textbuf_add(&d->t, "<path class=\"arrow\" d=\"M%.1f %.1fL%.1f %.1fM%.1f %.1fv%.1fM%.1f %.1fh9\"/>\n",
                   LEFT - 30, tail, LEFT - 48, tip, LEFT - 48, tip, turn, LEFT - 48, tip);
    text(d, "hint", LEFT - 22, BOTTOM + 54, "start", "better");
}

static void bar(Drawing *d, const Point *p)
{
    if (p->low - p->high < 1)
        return;
    df_textbuf_add(&d->t, "<path class=\"bar s%zu\" d=\"M%.1f %.1fV%.1fM%.1f %.1fh9M%.1f %.1fh9\"/>\n",
                   p->family % COLOURS, p->x, p->high, p->low, p->x - 4.5, p->high, p->x - 4.5, p->low);
}

/* Families differ in shape too, for those who do not see the colours. */
static void mark(Drawing *d, const Point *p)
{
    static const char *const shapes[SHAPES] = { "a7 7 0 1 0 .01 0z", "m-6 -6h12v12h-12z", "m0 -1.6l-8 8 8 8 8-8z",
                                                "m0 -1l-8 13.6h16z" };
    static const double up[SHAPES] = { 7, 0, 6.4, 7.6 };
    const size_t shape = p->family % SHAPES;
    df_textbuf_add(&d->t, "<path class=\"dot f%zu\" d=\"M%.1f %.1f%s\"/>\n", p->family % COLOURS, p->x,
                   p->y - up[shape], shapes[shape]);
}

static void lines(Drawing *d)
{
    for (size_t k = 0, end; k < d->chart->n; k = end) {
        const size_t family = d->points[d->order[k]].family;
        for (end = k + 1; end < d->chart->n && d->points[d->order[end]].family == family; end++)
            continue;
        if (end == k + 1)
            continue;
        df_textbuf_add(&d->t, "<path class=\"line s%zu\" d=\"", family % COLOURS);
        for (size_t i = k; i < end; i++)
            df_textbuf_add(&d->t, "%c%.1f %.1f", i == k ? 'M' : 'L', d->points[d->order[i]].x,
                           d->points[d->order[i]].y);
        df_textbuf_add(&d->t, "\"/>\n");
    }
}

static void name(Drawing *d, size_t i)
{
    const Point *p = &d->points[i];
    const DfChartPoint *of = &d->chart->points[i];
    df_textbuf_add(&d->t, "<text class=\"name halo f%zu\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">",
                   p->family % COLOURS, p->label_x, p->label_y, p->anchor);
    df_textbuf_html(&d->t, of->name);
    df_textbuf_add(&d->t, "<tspan class=\"value\" dx=\"6\">%s</tspan></text>\n", p->value);
}

static void tooltip(Drawing *d, const DfChartPoint *p)
{
    df_textbuf_add(&d->t, "<title>");
    df_textbuf_html(&d->t, p->name);
    df_textbuf_add(&d->t, ": %.2f", p->y);
    if (!isnan(p->low))
        df_textbuf_add(&d->t, " [%.2f %.2f]", p->low, p->high);
    df_textbuf_add(&d->t, " at %.2f</title>\n", p->x);
}

static void draw(Drawing *d)
{
    head(d);
    axes(d);
    lines(d);
    for (size_t i = 0; i < d->chart->n; i++)
        bar(d, &d->points[i]);
    for (size_t i = 0; i < d->chart->n; i++) {
        df_textbuf_add(&d->t, "<g>");
        tooltip(d, &d->chart->points[i]);
        mark(d, &d->points[i]);
        name(d, i);
        df_textbuf_add(&d->t, "</g>\n");
    }
    df_textbuf_add(&d->t, "</svg>\n");
}

int df_chart_svg(const DfChart *chart, char **out)
{
    Drawing d = { .chart = chart,
                  .points = df_calloc(chart->n + 1, sizeof *d.points),
                  .order = df_calloc(chart->n + 1, sizeof *d.order) };
    *out = NULL;
    int error = chart->n <= MOST ? DF_OK : df_fail(DF_EVALUE, "a chart of %zu points: want at most %d", chart->n, MOST);
    for (size_t i = 0; error == DF_OK && i < chart->n; i++)
        if (!isfinite(chart->points[i].x) || !isfinite(chart->points[i].y))
            error = df_fail(DF_EVALUE,
                            "%s: one of its numbers is infinite or unknown: want numbers that a chart can show",
                            chart->points[i].name);
    if (error == DF_OK && (!d.points || !d.order))
        error = df_fail_memory("the chart");
    if (error == DF_OK) {
        number_families(&d);
        place_points(&d);
        error = place_names(&d) ? DF_OK : df_fail_memory("the chart");
    }
    if (error == DF_OK) {
        draw(&d);
        error = df_textbuf_take(&d.t, out);
    }
    df_free(d.points);
    df_free(d.order);
    df_free(d.taken);
    return error;
}
