/* SPDX-License-Identifier: Apache-2.0
 *
 * report/points_script.h -- private: the script of points_page.c, line by line, NULL at the end.
 */
#ifndef DF_REPORT_POINTS_SCRIPT_H
#define DF_REPORT_POINTS_SCRIPT_H

extern const char *const df_points_script[];

#endif
