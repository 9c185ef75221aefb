/* SPDX-License-Identifier: Apache-2.0
 *
 * boxes/hungarian.c -- the linear assignment problem ("Hungarian algorithm"), exactly: n rows choose n different
 * columns of m >= n, so that the sum of cost[row][column] is least. Crouse, "On implementing 2D rectangular assignment
 * algorithms", IEEE TAES 2016, after Jonker and Volgenant, Computing 1987.
 *
 * Every row i has a price u[i] and every column j a price v[j] <= 0. The reduced cost of a pair is
 * cost[i][j] - u[i] - v[j]. Two things always hold:
 *   - of assigned rows no reduced cost is negative, and that of the assigned pair is 0;
 *   - v[j] = 0 for a column that is not assigned.
 * So when all rows are assigned, their cost is the sum of all prices, and no assignment can cost less: it is optimal.
 * (Prices are the dual variables of the linear program; this is complementary slackness.)
 *
 * For each row in turn, Dijkstra's algorithm finds the shortest path to a free column: from a row to any column over
 * its reduced cost, from an assigned column back to its row for nothing. Prices are changed so that all pairs on the
 * path have reduced cost 0, and the pairs along the path are turned over: one row more is assigned.
 *
 * Where several assignments are equally good, the order in which columns are looked at decides. It is that of
 * scipy.optimize.linear_sum_assignment, step by step, so that a matching of DETR is the same as in the official code
 * also where two predictions cost the same.
 */
#include <math.h>
#include <string.h>

#include "boxes/boxes.h"

/* n <= m. All arrays in one block of memory. */
typedef struct {
    size_t n, m;
    const double *cost;   /* n m                                            */
    double *u;            /* n: prices of rows                              */
    double *v;            /* m: prices of columns                           */
    size_t *row_of;       /* m: the row that has a column, or nobody        */
    size_t *column_of;    /* n: the column of a row, or nobody              */
    double *shortest;     /* m: length of the shortest path to a column     */
    size_t *path;         /* m: the row before a column on that path        */
    size_t *open, n_open; /* m: columns whose shortest path is not final    */
    bool *row_seen;       /* n: rows and columns whose shortest path is     */
    bool *column_seen;    /* m                                              */
} Solver;

static const size_t nobody = (size_t)-1;

static int solver_new(Solver *s, void **memory)
{
    const size_t n = s->n;
    const size_t m = s->m;
    *memory = df_calloc(n + 2 * m, sizeof(double) + 2 * sizeof(size_t) + sizeof(bool));
    if (!*memory)
        return df_fail_memory("an assignment");
    s->u = *memory;
    s->v = s->u + n;
    s->shortest = s->v + m;
    s->row_of = (size_t *)(void *)(s->shortest + m);
    s->path = s->row_of + m;
    s->column_of = s->path + m;
    s->open = s->column_of + n;
    s->row_seen = (bool *)(void *)(s->open + m);
    s->column_seen = s->row_seen + n;
    for (size_t j = 0; j < m; j++)
        s->row_of[j] = nobody;
    for (size_t i = 0; i < n; i++)
        s->column_of[i] = nobody;
    return DF_OK;
}

/* ---- shortest paths -------------------------------------------------------------------------------------------- */

/* A step of Dijkstra's algorithm: row i has been reached over a path of `length`; paths to the open columns may be
 * shorter through it. Gives the position in `open` of the nearest column, a free one among equals; nobody if none
 * can be reached. */
static size_t nearest(Solver *s, size_t i, double length)
{
    const double *const cost = s->cost + i * s->m;
    double lowest = INFINITY;
    size_t best = nobody;
    for (size_t k = 0; k < s->n_open; k++) {
        const size_t j = s->open[k];
        const double through = length + cost[j] - s->u[i] - s->v[j];
        if (through < s->shortest[j]) {
            s->path[j] = i;
            s->shortest[j] = through;
        }
        if (s->shortest[j] < lowest || (s->shortest[j] == lowest && s->row_of[j] == nobody)) {
            lowest = s->shortest[j];
            best = k;
        }
    }
    return lowest < INFINITY ? best : nobody;
}

/* The free column in which the shortest path from row `first` ends, and its length; nobody if every path costs
 * infinity. */
static size_t shortest_path(Solver *s, size_t first, double *length)
{
    for (size_t j = 0; j < s->m; j++) {
        s->open[j] = s->m - 1 - j;
        s->shortest[j] = INFINITY;
    }
    s->n_open = s->m;
    memset(s->row_seen, 0, s->n * sizeof *s->row_seen);
    memset(s->column_seen, 0, s->m * sizeof *s->column_seen);
    *length = 0;
    for (size_t i = first;;) {
        s->row_seen[i] = true;
        const size_t k = nearest(s, i, *length);
        if (k == nobody)
            return nobody;
        const size_t j = s->open[k];
        *length = s->shortest[j];
        if (s->row_of[j] == nobody)
            return j;
        i = s->row_of[j];
        s->column_seen[j] = true;
        s->open[k] = s->open[--s->n_open];
    }
}

/* After a path of `length` that ended in a free column: rows and columns that were nearer get prices that make the
 * pairs on the way cost nothing, while no reduced cost becomes negative (Crouse, step 4). */
static void change_prices(Solver *s, size_t first, double length)
{
    s->u[first] += length;
    for (size_t i = 0; i < s->n; i++)
        if (s->row_seen[i] && i != first)
            s->u[i] += length - s->shortest[s->column_of[i]];
    for (size_t j = 0; j < s->m; j++)
        if (s->column_seen[j])
            s->v[j] -= length - s->shortest[j];
}

/* Walks back from the free column to row `first`: each row on the path takes the column behind it and leaves its
 * own to the next. */
static void turn_over(Solver *s, size_t first, size_t column)
{
    for (size_t i = nobody; i != first;) {
        i = s->path[column];
        s->row_of[column] = i;
        const size_t next = s->column_of[i];
        s->column_of[i] = column;
        column = next;
    }
}

static int solve(Solver *s)
{
    for (size_t i = 0; i < s->n; i++) {
        double length;
        const size_t column = shortest_path(s, i, &length);
        if (column == nobody)
            return df_fail(DF_EVALUE, "an assignment of %zu rows to %zu columns: every one costs infinity", s->n, s->m);
        change_prices(s, i, length);
        turn_over(s, i, column);
    }
    return DF_OK;
}

static int check_costs(size_t n, const double *cost)
{
    for (size_t i = 0; i < n; i++)
        if (isnan(cost[i]) || cost[i] == -INFINITY)
            return df_fail(DF_EVALUE, "a cost of an assignment is %g: want numbers, or infinity for what must not be",
                           cost[i]);
    return DF_OK;
}

static double *transposed(size_t rows, size_t columns, const double *cost)
{
    double *turned = df_malloc((rows * columns + 1) * sizeof *turned);
    for (size_t i = 0; turned && i < rows; i++)
        for (size_t j = 0; j < columns; j++)
            turned[j * rows + i] = cost[i * columns + j];
    return turned;
}

/* Of n rows to m >= n columns; `turned`: these are columns and rows of the caller. */
static int assign(size_t n, size_t m, const double *cost, bool turned, int *column_of_row)
{
    Solver s = { .n = n, .m = m, .cost = cost };
    void *memory = NULL;
    int error = solver_new(&s, &memory);
    if (error == DF_OK)
        error = solve(&s);
    for (size_t i = 0; error == DF_OK && i < n; i++) {
        const size_t j = s.column_of[i];
        if (turned)
            column_of_row[j] = (int)i;
        else
            column_of_row[i] = (int)j;
    }
    df_free(memory);
    return error;
}

int df_linear_assignment(size_t rows, size_t columns, const double *cost, int *column_of_row)
{
    for (size_t i = 0; i < rows; i++)
        column_of_row[i] = -1;
    if (rows == 0 || columns == 0)
        return DF_OK;
    int error = check_costs(rows * columns, cost);
    if (error < 0)
        return error;
    if (rows <= columns)
        return assign(rows, columns, cost, false, column_of_row);
    double *turned = transposed(rows, columns, cost);
    error = turned ? assign(columns, rows, turned, true, column_of_row) : df_fail_memory("an assignment");
    df_free(turned);
    return error;
}
