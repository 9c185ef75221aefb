/* SPDX-License-Identifier: Apache-2.0
 *
 * train/train.h -- the public header of train/: parameter groups, optimizers, schedules, gradient clipping, averaged
 * weights, the training step, and whole runs.
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
