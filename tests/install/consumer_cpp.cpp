// SPDX-License-Identifier: Apache-2.0
//
// tests/install/consumer_cpp.cpp -- the same program in C++.
//     consumer_cpp CONFIG
#include <cstdio>
#include <memory>

#include "models/models.h"

int main(int argc, char **argv)
{
    DfConfig *config = nullptr;
    DfModel *model = nullptr;
    int error = argc == 2 ? df_config_read(&config, argv[1], nullptr, 0) : df_fail(DF_EVALUE, "want one config");
    std::unique_ptr<DfConfig, void (*)(DfConfig *)> holds_config(config, df_config_free);
    if (error == DF_OK)
        error = df_model_new(&model, df_config_root(config));
    std::unique_ptr<DfModel, void (*)(DfModel *)> holds_model(model, df_model_free);
    if (error == DF_OK)
        std::printf("%s: %zu weights\n", df_model_type(model), nn_model_elements(df_model_weights(model), ""));
    else
        std::fprintf(stderr, "%s\n", df_error());
    return error != DF_OK;
}
