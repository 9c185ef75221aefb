/* SPDX-License-Identifier: Apache-2.0
 *
 * core/core.h -- the public header of core/: errors, memory, files, JSON, threads: services without tensors.
 */
#ifndef DF_CORE_CORE_H
#define DF_CORE_CORE_H

#include "core/ahead.h"
#include "core/bits.h"
#include "core/clamp.h"
#include "core/environment.h"
#include "core/error.h"
#include "core/file.h"
#include "core/hash.h"
#include "core/json.h"
#include "core/json_writer.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/options.h"
#include "core/plain.h"
#include "core/plugin.h"
#include "core/pool.h"
#include "core/prefetch.h"
#include "core/processor.h"
#include "core/random.h"
#include "core/ranks.h"
#include "core/sort.h"
#include "core/system.h"
#include "core/text.h"
#include "core/textbuf.h"
#include "core/utf8.h"

#endif
