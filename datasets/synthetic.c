/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/synthetic.c -- draws shapes whose boxes are known exactly.
 *
 * A shape is a function: how far inside its border a point lies, in pixels. Half a pixel around 0 it fades out, which
 * gives smooth edges. A scene follows from seed and number alone: once it is painted, and once more it is annotated.
 */
#include "datasets/synthetic.h"

#include <math.h>
#include <stdio.h>

#include "datasets/coco.h"
#include "datasets/image/image_file.h"

#define TURN 6.283185307179586 /* a whole circle */

typedef enum { BALL, SCREEN, SLICE, RING, KINDS } Kind;
enum { CORNERS = 32, MOST_SHAPES = 6, PATH = 4096 };

static const int label_of_kind[KINDS] = { [BALL] = 32, [SCREEN] = 62, [SLICE] = 53, [RING] = 54 };

typedef struct {
    Kind kind;
    double x, y;          /* centre                 */
    double half_w, half_h;
    double colour[3];
} Shape;

/* ---- geometry -------------------------------------------------------------------------------------------------- */

static double inside_triangle(const Shape *s, double dx, double dy)
{
    const double slant = hypot(s->half_w, 2.0 * s->half_h); /* apex up, base below */
    const double side = (s->half_w * (dy + s->half_h) - fabs(dx) * 2.0 * s->half_h) / slant;
    return fmin(side, s->half_h - dy);
}

static double inside(const Shape *s, double x, double y)
{
    const double dx = x - s->x;
    const double dy = y - s->y;
    const double r = hypot(dx, dy);
    switch (s->kind) {
    case BALL: return s->half_w - r;
    case SCREEN: return fmin(s->half_w - fabs(dx), s->half_h - fabs(dy));
    case SLICE: return inside_triangle(s, dx, dy);
    default: return fmin(s->half_w - r, r - 0.45 * s->half_w);
    }
}

/* The outline as x, y pairs; a ring is outlined by its outer circle. */
static int outline(const Shape *s, double xy[CORNERS][2])
{
    static const double box[4][2] = { { -1, -1 }, { 1, -1 }, { 1, 1 }, { -1, 1 } };
    static const double triangle[3][2] = { { 0, -1 }, { 1, 1 }, { -1, 1 } };
    const double(*corner)[2] = NULL; /* NULL: a circle */
    int n = CORNERS;
    if (s->kind == SCREEN) {
        corner = box;
        n = 4;
    } else if (s->kind == SLICE) {
        corner = triangle;
        n = 3;
    }
    for (int i = 0; i < n; i++) {
        const double turn = TURN * i / n;
        xy[i][0] = s->x + (corner ? corner[i][0] : cos(turn)) * s->half_w;
        xy[i][1] = s->y + (corner ? corner[i][1] : sin(turn)) * s->half_h;
    }
    return n;
}

static double area(const Shape *s)
{
    switch (s->kind) {
    case BALL: return TURN / 2.0 * s->half_w * s->half_w;
    case SCREEN: return 4.0 * s->half_w * s->half_h;
    case SLICE: return 2.0 * s->half_w * s->half_h;
    default: return TURN / 2.0 * s->half_w * s->half_w * (1.0 - 0.45 * 0.45);
    }
}

static double between(DfRandom *random, double lo, double hi)
{
    return lo + (hi - lo) * df_uniform(random);
}

static bool touch(const Shape *a, const Shape *b)
{
    return fabs(a->x - b->x) < 0.8 * (a->half_w + b->half_w) && fabs(a->y - b->y) < 0.8 * (a->half_h + b->half_h);
}

static Shape random_shape(DfRandom *random, int height, int width)
{
    const double side = fmin(height, width);
    Shape s = { .kind = (Kind)(df_random_bits(random) % KINDS), .half_w = floor(between(random, 0.04, 0.24) * side) };
    s.half_h = s.kind == SCREEN || s.kind == SLICE ? floor(s.half_w * between(random, 0.6, 1.0)) : s.half_w;
    s.x = floor(between(random, s.half_w, width - s.half_w));
    s.y = floor(between(random, s.half_h, height - s.half_h));
    for (int c = 0; c < 3; c++)
        s.colour[c] = between(random, 20.0, 235.0);
    return s;
}

typedef struct {
    int height, width, n;
    Shape shapes[MOST_SHAPES];
} Scene;

/* Shapes that keep apart: one that would hide another is tried again elsewhere. */
static Scene random_scene(uint64_t seed, int number)
{
    DfRandom random = df_random(seed, 2 * (uint64_t)number);
    Scene scene = { .n = 0 };
    scene.height = 240 + (int)(df_random_bits(&random) % 241);
    scene.width = 320 + (int)(df_random_bits(&random) % 321);
    const int wanted = 1 + (int)(df_random_bits(&random) % MOST_SHAPES);
    for (int tries = 0; scene.n < wanted && tries < 60; tries++) {
        const Shape shape = random_shape(&random, scene.height, scene.width);
        int i = 0;
        while (i < scene.n && !touch(&scene.shapes[i], &shape))
            i++;
        if (i == scene.n)
            scene.shapes[scene.n++] = shape;
    }
    return scene;
}

/* ---- painting -------------------------------------------------------------------------------------------------- */

static uint8_t byte(double v)
{
    return (uint8_t)lrint(fmin(fmax(v, 0.0), 255.0));
}

/* Two colours that run into each other, a wave across, and grain. */
static void paint_ground(DfImage *image, DfRandom *random)
{
    double from[3], to[3];
    const double turn = between(random, 0.0, TURN);
    const double wave = between(random, 0.02, 0.25);
    const double height = between(random, 4.0, 22.0);
    for (int c = 0; c < 3; c++) {
        from[c] = between(random, 40.0, 215.0);
        to[c] = between(random, 40.0, 215.0);
    }
    uint8_t *pixel = image->pixels;
    for (int y = 0; y < image->height; y++)
        for (int x = 0; x < image->width; x++) {
            const double t = (double)(x + y) / (image->width + image->height);
            const double relief = height * sin(wave * (x * cos(turn) + y * sin(turn))) + between(random, -12.0, 12.0);
            for (int c = 0; c < 3; c++)
                *pixel++ = byte(from[c] + (to[c] - from[c]) * t + relief);
        }
}

static void paint_shape(DfImage *image, const Shape *s)
{
    const int x1 = (int)(s->x - s->half_w);
    const int x2 = (int)(s->x + s->half_w);
    const int y1 = (int)(s->y - s->half_h);
    const int y2 = (int)(s->y + s->half_h);
    for (int y = y1; y < y2 && y < image->height; y++)
        for (int x = x1; x < x2 && x < image->width; x++) {
            const double deep = inside(s, x + 0.5, y + 0.5);
            const double cover = fmin(fmax(deep + 0.5, 0.0), 1.0);
            /* A dark rim, and light from above. */
            const double shade = deep < 3.0 ? 0.55 : 1.0 - 0.25 * (y - s->y) / s->half_h;
            uint8_t *pixel = image->pixels + ((size_t)y * (size_t)image->width + (size_t)x) * 3;
            for (int c = 0; c < 3; c++)
                pixel[c] = byte(pixel[c] + cover * (s->colour[c] * shade - pixel[c]));
        }
}

/* ---- files ----------------------------------------------------------------------------------------------------- */

static const char *picture_name(char name[32], int number)
{
    snprintf(name, 32, "%012d.%s", number, number % 8 ? "jpg" : "png");
    return name;
}

static int path_in(char path[PATH], const char *folder, const char *inner, const char *name)
{
    if (snprintf(path, PATH, "%s/%s/%s", folder, inner, name) >= PATH)
        return df_fail(DF_EVALUE, "%s: the path is too long", folder);
    return DF_OK;
}

static int draw_picture(const char *folder, int number, uint64_t seed)
{
    const Scene scene = random_scene(seed, number);
    DfRandom random = df_random(seed, 2 * (uint64_t)number + 1);
    char path[PATH], name[32];
    DfImage image;
    int error = path_in(path, folder, "val2017", picture_name(name, number));
    if (error < 0 || (error = df_image_new(&image, scene.height, scene.width, 3)) < 0)
        return error;
    paint_ground(&image, &random);
    for (int i = 0; i < scene.n; i++)
        paint_shape(&image, &scene.shapes[i]);
    error = df_image_write(&image, path, 92);
    df_image_free(&image);
    return error;
}

static void write_box(DfWriter *file, const Shape *s, int id, int picture)
{
    double xy[CORNERS][2];
    const int corners = outline(s, xy);
    df_writef(file, "%s\n{\"id\": %d, \"image_id\": %d, \"category_id\": %d, \"iscrowd\": 0, ", id > 1 ? "," : "", id,
              picture,
              df_coco_category_id(label_of_kind[s->kind]));
    df_writef(file, "\"bbox\": [%.0f, %.0f, %.0f, %.0f], ", s->x - s->half_w, s->y - s->half_h, 2.0 * s->half_w,
              2.0 * s->half_h);
    df_writef(file, "\"area\": %.2f, \"segmentation\": [[", area(s));
    for (int i = 0; i < corners; i++)
        df_writef(file, "%s%.2f, %.2f", i ? ", " : "", xy[i][0], xy[i][1]);
    df_writef(file, "]]}");
}

static void write_annotations(DfWriter *file, int n, uint64_t seed)
{
    char name[32];
    df_writef(file, "{\"info\": {\"description\": \"shapes drawn by Deformer\"},\n\"images\": [");
    for (int i = 1; i <= n; i++) {
        const Scene scene = random_scene(seed, i);
        df_writef(file, "%s\n{\"id\": %d, \"file_name\": \"%s\", \"height\": %d, \"width\": %d}", i > 1 ? "," : "", i,
                  picture_name(name, i), scene.height, scene.width);
    }
    df_writef(file, "],\n\"annotations\": [");
    for (int i = 1, id = 1; i <= n; i++) {
        const Scene scene = random_scene(seed, i);
        for (int k = 0; k < scene.n; k++)
            write_box(file, &scene.shapes[k], id++, i);
    }
    df_writef(file, "],\n\"categories\": [");
    for (int i = 0; i < DF_COCO_CLASSES; i++)
        df_writef(file, "%s\n{\"id\": %d, \"name\": \"%s\"}", i ? "," : "", df_coco_category_id(i), df_coco_classes[i]);
    df_writef(file, "]}\n");
}

static int make_folder(const char *folder, const char *inner)
{
    char path[PATH];
    const int error = path_in(path, folder, inner, "");
    return error < 0 ? error : df_make_directory(path);
}

int df_synthetic_coco(const char *folder, int n, uint64_t seed)
{
    char path[PATH];
    DfWriter *file;
    int error;
    if (n < 1 || n > 100000)
        return df_fail(DF_EVALUE, "%d pictures: want 1..100000", n);
    if ((error = make_folder(folder, "annotations")) < 0 || (error = make_folder(folder, "val2017")) < 0)
        return error;
    for (int i = 1; i <= n && error == DF_OK; i++)
        error = draw_picture(folder, i, seed);
    if (error == DF_OK)
        error = path_in(path, folder, "annotations", "instances_val2017.json");
    if (error == DF_OK)
        error = df_writer_open(&file, path);
    if (error < 0)
        return error;
    write_annotations(file, n, seed);
    return df_writer_commit(file);
}
