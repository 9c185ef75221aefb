/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/bench_batches.c -- what preparing a training batch costs, in milliseconds of one core for each picture: with
 * the training pipeline of a config on a folder of pictures.
 *
 *     build/bench/bench_batches CONFIG DIR [BATCHES]
 *
 * DIR as for `deformer train --data`. "decoding" is what reading the picture files takes alone, the bound of all that
 * starts from files. Set BENCH_CPU_TIME on a busy machine.
 */
#include <stdio.h>
#include <stdlib.h>

#include "bench/bench.h"
#include "datasets/datasets.h"

static void stop(const char *sentence)
{
    fprintf(stderr, "bench_batches: %s\n", sentence);
    exit(1);
}

static void check(int error)
{
    if (error < 0)
        stop(df_error());
}

/* The config with the folder in place of its data. */
static DfConfig *fitted(const char *path, DfFolder *folder, const char *work_dir)
{
    DfConfig *plain, *config;
    DfFolderSettings settings;
    check(df_config_read(&plain, path, NULL, 0));
    check(df_folder_settings(folder, df_config_root(plain), work_dir, &settings));
    check(df_config_read(&config, path, settings.text, settings.n));
    df_config_free(plain);
    return config;
}

static double decoding(const DfTrainingSet *set, int pictures)
{
    const double begin = bench_now();
    for (int i = 0; i < pictures; i++) {
        DfImage image;
        check(df_image_read(&image, df_training_set_path(set, i % df_training_set_count(set))));
        df_image_free(&image);
    }
    return 1e3 * (bench_now() - begin) / pictures;
}

static void measure(const DfConfig *config, const DfTrainingSet *set, int batches)
{
    DfTrainingLoading what = { .set = set, .end = batches };
    DfTrainingLoader *loader;
    DfBatch batch;
    int pictures = 0;
    check(df_order_options(&what.order, df_config_root(config), set));
    check(df_training_loader_new(&loader, &what));
    const double begin = bench_now();
    for (; df_training_loader_next(loader, &batch); df_batch_free(&batch)) {
        if (batch.error < 0)
            stop(batch.message);
        pictures += batch.n;
    }
    const double each = 1e3 * (bench_now() - begin) / pictures;
    df_training_loader_free(loader);
    printf("%d batches of %d pictures: %.2f ms a picture, of these decoding %.2f\n", batches, what.order.batch, each,
           decoding(set, pictures));
}

int main(int n, char **args)
{
    DfFolder *folder;
    DfTrainingSet *set;
    if (n < 3)
        stop("want CONFIG DIR [BATCHES]");
    char *work_dir = df_temporary_folder();
    if (!work_dir)
        stop(df_error());
    check(df_folder_open(&folder, args[2]));
    printf("%s\n", df_folder_sentence(folder));
    DfConfig *config = fitted(args[1], folder, work_dir);
    check(df_training_set_of_config(&set, df_config_root(config), NULL));
    measure(config, set, n > 3 ? atoi(args[3]) : 50);
    df_training_set_free(set);
    df_config_free(config);
    df_folder_free(folder);
    df_remove_folder(work_dir, (const char *const[]){ "deformer_train.json", "deformer_val.json", "pictures_train.txt",
                                                      "pictures_val.txt", NULL });
    df_free(work_dir);
    return 0;
}
