/* SPDX-License-Identifier: Apache-2.0
 *
 * core/json_number.h -- private to core/: reads one JSON number, correctly rounded.
 */
#ifndef DF_CORE_JSON_NUMBER_H
#define DF_CORE_JSON_NUMBER_H

#include <stdbool.h>

#include "core/json.h"
#include "core/json_digits.h"

/* How many bytes may be looked at from any byte of a number on. */
enum { DF_JSON_NUMBER_REACH = 8 };

extern const double df_json_tens[23]; /* 10^0 to 10^22, exactly */

/* The number of `length` characters at p, its sign not among them: see df_few_digits(). As in Python -0 is 0, and
 * -0.0 is not. */
static inline double df_short_value(const unsigned char *p, unsigned whole, unsigned length, bool negative)
{
    const double digits = (double)(int64_t)df_few_digits(p, whole, length);
    if (whole == length)
        return negative ? 0 - digits : digits;
    return (negative ? -digits : digits) / df_json_tens[length - 1 - whole];
}

/* df_json_number() for numbers of few characters without exponent; false if it is another. */
static inline bool df_json_short_number(const unsigned char **at, DfJsonValue *value)
{
    const bool negative = **at == '-';
    const unsigned char *const digits = *at + negative;
    unsigned whole, length;
    if (!df_few_characters(digits, &whole, &length))
        return false;
    *at = digits + length;
    if (value) {
        value->number = df_short_value(digits, whole, length, negative);
        value->integer = (int64_t)value->number;
        value->is_integer = (double)value->integer == value->number;
        value->integer = value->is_integer ? value->integer : 0;
    }
    return true;
}

/* Reads the number at *p, which must be followed by some byte that belongs to no number, and moves *p to where
 * reading stopped: behind it, or at the byte that makes it malformed (false). Fills number, integer, is_integer and,
 * of an integer beyond 64 bits, length; NULL only passes over it. */
bool df_json_number(const unsigned char **p, DfJsonValue *value);

#endif
