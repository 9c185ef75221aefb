/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/compare/model.c -- small functions of a compared model.
 */
#include "cli/compare/model.h"

#include <string.h>

#include "cli/common/passes.h"

CliTime cli_time_of(const CliModels *m, const double *rounds)
{
    double sorted[CLI_ROUNDS];
    if (m->rounds == 0)
        return (CliTime){ 0 };
    memcpy(sorted, rounds, (size_t)m->rounds * sizeof *sorted);
    const double median = cli_median(sorted, m->rounds);
    return (CliTime){ median, sorted[0], sorted[m->rounds - 1] };
}

bool cli_any_known(const CliModels *m, CliRunKind kind)
{
    for (size_t i = 0; i < m->n; i++)
        if (m->model[i].known[kind])
            return true;
    return false;
}
