/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/numbers.c -- gives access to the numbers of weights, including those that a lean model does not keep in
 * memory.
 */
#include <pthread.h>
#include <string.h>

#include "tensor/tensor.h"

/* Guards `data` and `held` of weights that have an origin. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static const float *data_of(const DfTensor *w)
{
    pthread_mutex_lock(&lock);
    const float *data = w->data;
    pthread_mutex_unlock(&lock);
    return data;
}

int df_numbers_open(DfTensor *w, DfNumbers *out)
{
    *out = (DfNumbers){ .at = w->origin ? data_of(w) : w->data };
    if (out->at || !w->origin)
        return DF_OK;
    const int error = w->origin->open(w->origin, w, out);
    out->from = w->origin;
    return error;
}

int df_numbers_close(DfTensor *w, DfNumbers *numbers)
{
    const int error = numbers->from ? numbers->from->close(numbers->from, w, numbers) : DF_OK;
    *numbers = (DfNumbers){ 0 };
    return error;
}

/* Memory with the numbers of w. */
static int copy_numbers(DfTensor *w, float **out)
{
    DfNumbers numbers;
    const size_t bytes = df_size(w) * sizeof(float);
    float *copy = *out = df_malloc(bytes);
    int error = copy ? df_numbers_open(w, &numbers) : df_fail_memory("a weight");
    if (error == DF_OK) {
        memcpy(copy, numbers.at, bytes);
        error = df_numbers_close(w, &numbers);
    }
    return error;
}

int df_hold(DfTensor *w)
{
    if (!w->origin)
        return DF_OK;
    float *copy = NULL;
    const int error = data_of(w) ? DF_OK : copy_numbers(w, &copy);
    pthread_mutex_lock(&lock);
    if (error == DF_OK && !w->data) {
        w->data = w->held = copy;
        copy = NULL;
    }
    pthread_mutex_unlock(&lock);
    df_free(copy);
    return error;
}
