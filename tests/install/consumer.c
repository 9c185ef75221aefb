/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/install/consumer.c -- a program of somebody else's: reads a config and
 * builds its model with the installed library.
 *     consumer CONFIG
 */
#include <stdio.h>

#include "models/models.h"

int main(int argc, char **argv)
{
    DfConfig *config = NULL;
    DfModel *model = NULL;
    int error = argc == 2 ? df_config_read(&config, argv[1], NULL, 0) : df_fail(DF_EVALUE, "want one config");
    if (error == DF_OK)
        error = df_model_new(&model, df_config_root(config));
    if (error == DF_OK)
        printf("%s: %zu weights\n", df_model_type(model), nn_model_elements(df_model_weights(model), ""));
    else
        fprintf(stderr, "%s\n", df_error());
    df_model_free(model);
    df_config_free(config);
    return error != DF_OK;
}
