/* SPDX-License-Identifier: Apache-2.0
 *
 * core/json_list.h -- private to core/: parses lists of numbers, 64 bytes at a time.
 */
#ifndef DF_CORE_JSON_LIST_H
#define DF_CORE_JSON_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The bytes of a block, and how many may be read from its comma on: so many must be readable even behind the end
 * of a text. */
enum { DF_JSON_LIST_BLOCK = 64, DF_JSON_LIST_REACH = DF_JSON_LIST_BLOCK + 8 };

/* The numbers of a block of 64 bytes that begins with the comma behind a number of a list. Bit i stands for byte i. */
typedef struct {
    uint64_t begins; /* of each number its sign or first digit       */
    uint64_t ends;   /* of each number the comma or bracket behind it */
    uint64_t points;
    uint64_t lines;  /* line feeds                                    */
    size_t length;   /* to the last of `ends`                         */
} DfJsonList;

/* False if the block does not begin with numbers without exponent, or if something in it is wrong; df_json_next()
 * then says what. */
bool df_json_list(DfJsonList *, const unsigned char *comma);

/* The first numbers of the list, `room` at most. Gives how many, and where they end. */
size_t df_json_list_numbers(const DfJsonList *, const unsigned char *comma, double *to, size_t room, size_t *length);

#endif
