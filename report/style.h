/* SPDX-License-Identifier: Apache-2.0
 *
 * report/style.h -- private: the style sheet of every page, in pieces; the last one is NULL.
 */
#ifndef DF_REPORT_STYLE_H
#define DF_REPORT_STYLE_H

extern const char *const df_report_style[];

#endif
