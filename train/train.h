/* SPDX-License-Identifier: Apache-2.0
 *
 * train/train.h -- the public header of train/: how a network learns. Parameter groups, optimizers, schedules,
 * clipping, averaged weights, and the step that puts them together.
 */
#ifndef DF_TRAIN_TRAIN_H
#define DF_TRAIN_TRAIN_H

#include "train/ema.h"
#include "train/fit.h"
#include "train/optimizer.h"
#include "train/parallel.h"
#include "train/plan.h"
#include "train/pretrained.h"
#include "train/recipe.h"
#include "train/run.h"
#include "train/run_log.h"
#include "train/schedule.h"
#include "train/state.h"
#include "train/step.h"

#endif
