/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/image/inflate.c -- zlib streams at once. Maps of labels are mostly repeats of hundreds of bytes, and zlib copies
 * these byte by byte, row after row. Here all of the output is in one place, a symbol is one look into a table, and repeats
 * are copied in large pieces: a map of 640 x 480 colours takes a third of the time.
 */
#include "datasets/image/inflate.h"

#include <string.h>

enum {
    LONGEST = 15,        /* bits of a code                       */
    LITERAL_BITS = 11,   /* that the first look into a table has */
    DISTANCE_BITS = 8,
    LENGTH_BITS = 7,     /* of the code of the codes' lengths    */
    LITERALS = 288,
    DISTANCES = 32,
    LENGTHS = 19,
    TABLE = (1 << LITERAL_BITS) + 1024
};

/* What a look into a table finds, in 32 bits. */
typedef enum { NO_CODE, LITERAL, BASE, END, FURTHER } Kind;
typedef struct {
    uint16_t value; /* of FURTHER: where the entries are               */
    uint8_t bits;   /* of the code; of FURTHER: how many more choose   */
    uint8_t what;   /* its kind, and extra bits of a length or distance * 8 */
} Entry;

static inline Entry entry_of(Kind kind, unsigned value, unsigned extra)
{
    return (Entry){ (uint16_t)value, 0, (uint8_t)(kind | extra << 3) };
}

static inline Kind kind_of(Entry e)
{
    return (Kind)(e.what & 7);
}

static inline int extra_of(Entry e)
{
    return e.what >> 3;
}

typedef struct {
    Entry at[TABLE];
    int bits;
} Table;

typedef struct {
    const uint8_t *in, *end;
    uint64_t bits; /* what is next, in the low bits */
    int n;         /* how many of them there are    */
    uint8_t *start, *out, *out_end;
    Table literals, distances;
} Stream;

/* ---- bits -------------------------------------------------------------------------------------------------------- */

static uint64_t little_eight(const uint8_t *b)
{
    uint64_t word = 0;
    for (int i = 0; i < 8; i++)
        word |= (uint64_t)b[i] << (8 * i);
    return word;
}

/* At least 56 bits, unless the stream ends. */
static inline void refill(Stream *s)
{
    if (s->end - s->in >= 8) {
        s->bits |= little_eight(s->in) << s->n;
        s->in += (63 - s->n) >> 3;
        s->n |= 56;
        return;
    }
    for (; s->n < 56 && s->in < s->end; s->n += 8)
        s->bits |= (uint64_t)*s->in++ << s->n;
}

/* After the last bit `n` is below 0, and whoever took it asks. */
static inline unsigned take(Stream *s, int n)
{
    const unsigned taken = (unsigned)(s->bits & ((UINT64_C(1) << n) - 1));
    s->bits >>= n;
    s->n -= n;
    return taken;
}

/* ---- tables ------------------------------------------------------------------------------------------------------ */

static unsigned reversed(unsigned code, int bits)
{
    unsigned out = 0;
    for (int i = 0; i < bits; i++)
        out |= (code >> i & 1) << (bits - 1 - i);
    return out;
}

/* The first code of each length. False if codes overlap or leave some bits without a meaning. */
static bool first_codes(unsigned first[LONGEST + 2], const uint8_t *lengths, int n)
{
    unsigned count[LONGEST + 1] = { 0 };
    unsigned code = 0;
    for (int i = 0; i < n; i++)
        count[lengths[i]]++;
    count[0] = 0;
    for (int bits = 1; bits <= LONGEST; bits++) {
        first[bits] = code;
        code = (code + count[bits]) << 1;
    }
    return code == 2u << LONGEST;
}

/* How many bits more than the first look codes with the same beginning have. */
static void count_further(uint8_t *more, const uint8_t *lengths, const uint16_t *codes, int n, int bits)
{
    memset(more, 0, (size_t)1 << bits);
    for (int i = 0; i < n; i++) {
        uint8_t *const least = &more[codes[i] & ((1u << bits) - 1)];
        if (lengths[i] > bits && lengths[i] - bits > *least)
            *least = (uint8_t)(lengths[i] - bits);
    }
}

static void fill(Entry *at, size_t from, size_t step, size_t size, Entry entry)
{
    for (size_t i = from; i < size; i += step)
        at[i] = entry;
}

/* symbols[i]: what the code of lengths[i] bits means. */
static bool build(Table *t, int bits, const uint8_t *lengths, const Entry *symbols, int n)
{
    unsigned next[LONGEST + 2];
    uint16_t codes[LITERALS];
    uint8_t more[1 << LITERAL_BITS];
    if (!first_codes(next, lengths, n))
        return false;
    for (int i = 0; i < n; i++)
        codes[i] = lengths[i] ? (uint16_t)reversed(next[lengths[i]]++, lengths[i]) : 0;
    count_further(more, lengths, codes, n, bits);
    size_t used = (size_t)1 << bits;
    t->bits = bits;
    memset(t->at, 0, used * sizeof *t->at);
    for (int i = 0; i < n; i++) {
        const size_t begin = codes[i] & ((1u << bits) - 1);
        Entry entry = symbols[i];
        entry.bits = lengths[i];
        if (lengths[i] == 0)
            continue;
        if (lengths[i] <= bits) {
            fill(t->at, begin, (size_t)1 << lengths[i], (size_t)1 << bits, entry);
            continue;
        }
        const size_t size = (size_t)1 << more[begin];
        if (kind_of(t->at[begin]) == NO_CODE) {
            if (used + size > TABLE)
                return false;
            t->at[begin] = entry_of(FURTHER, (unsigned)used, 0);
            t->at[begin].bits = more[begin];
            used += size;
        }
        fill(t->at + t->at[begin].value, (size_t)codes[i] >> bits, (size_t)1 << (lengths[i] - bits), size, entry);
    }
    return true;
}

static inline Entry look(const Stream *s, const Table *t)
{
    const Entry e = t->at[s->bits & ((1u << t->bits) - 1)];
    if (kind_of(e) != FURTHER)
        return e;
    return t->at[e.value + (s->bits >> t->bits & ((1u << e.bits) - 1))];
}

/* ---- what symbols mean ------------------------------------------------------------------------------------------- */

static void name_literals(Entry symbols[LITERALS])
{
    static const uint16_t base[] = { 3,  4,  5,  6,  7,  8,  9,  10, 11,  13,  15,  17,  19,  23, 27,
                                     31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258 };
    static const uint8_t extra[] = { 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0 };
    for (int i = 0; i < LITERALS; i++)
        symbols[i] = entry_of(NO_CODE, 0, 0);
    for (int i = 0; i < 256; i++)
        symbols[i] = entry_of(LITERAL, (unsigned)i, 0);
    symbols[256] = entry_of(END, 0, 0);
    for (int i = 0; i < 29; i++)
        symbols[257 + i] = entry_of(BASE, base[i], extra[i]);
}

static void name_distances(Entry symbols[DISTANCES])
{
    unsigned base = 1;
    for (int i = 0; i < DISTANCES; i++) {
        const unsigned extra = i < 2 ? 0 : (unsigned)i / 2 - 1;
        symbols[i] = entry_of(i < 30 ? BASE : NO_CODE, base, extra);
        base += 1u << extra;
    }
}

static bool build_both(Stream *s, const uint8_t *lengths, int n_literals, int n_distances)
{
    Entry literals[LITERALS], distances[DISTANCES];
    name_literals(literals);
    name_distances(distances);
    return build(&s->literals, LITERAL_BITS, lengths, literals, n_literals) &&
           build(&s->distances, DISTANCE_BITS, lengths + n_literals, distances, n_distances);
}

static bool build_fixed(Stream *s)
{
    uint8_t lengths[LITERALS + DISTANCES];
    memset(lengths, 8, 144);
    memset(lengths + 144, 9, 112);
    memset(lengths + 256, 7, 24);
    memset(lengths + 280, 8, 8);
    memset(lengths + LITERALS, 5, DISTANCES);
    return build_both(s, lengths, LITERALS, DISTANCES);
}

/* The lengths of the codes of both tables, themselves coded: 0..15 a length, 16 the one before three to six times, 17 and 18
 * zeros. */
static bool read_lengths(Stream *s, uint8_t *lengths, int n)
{
    for (int i = 0; i < n;) {
        refill(s);
        const Entry e = look(s, &s->literals);
        take(s, e.bits);
        if (kind_of(e) == NO_CODE || (e.value == 16 && i == 0))
            return false;
        if (e.value < 16) {
            lengths[i++] = (uint8_t)e.value;
            continue;
        }
        const uint8_t length = e.value == 16 ? lengths[i - 1] : 0;
        static const int more_bits[] = { 2, 3, 7 };
        const int times = (e.value == 18 ? 11 : 3) + (int)take(s, more_bits[e.value - 16]);
        if (s->n < 0 || times > n - i)
            return false;
        memset(lengths + i, length, (size_t)times);
        i += times;
    }
    return s->n >= 0;
}

static bool build_dynamic(Stream *s)
{
    static const uint8_t order[LENGTHS] = { 16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15 };
    Entry symbols[LENGTHS];
    uint8_t of_lengths[LENGTHS] = { 0 };
    uint8_t lengths[LITERALS + DISTANCES];
    refill(s);
    const int n_literals = 257 + (int)take(s, 5);
    const int n_distances = 1 + (int)take(s, 5);
    const int n_lengths = 4 + (int)take(s, 4);
    for (int i = 0; i < n_lengths; i++) {
        refill(s);
        of_lengths[order[i]] = (uint8_t)take(s, 3);
    }
    for (int i = 0; i < LENGTHS; i++)
        symbols[i] = entry_of(LITERAL, (unsigned)i, 0);
    if (s->n < 0 || n_literals > 286 || !build(&s->literals, LENGTH_BITS, of_lengths, symbols, LENGTHS))
        return false;
    return read_lengths(s, lengths, n_literals + n_distances) && build_both(s, lengths, n_literals, n_distances);
}

/* ---- blocks ------------------------------------------------------------------------------------------------------ */

/* `length` bytes again that stand `distance` before. */
static inline void repeat(uint8_t *out, size_t distance, size_t length)
{
    if (distance >= length) {
        memcpy(out, out - distance, length);
        return;
    }
    if (distance == 1) {
        memset(out, out[-1], length);
        return;
    }
    memcpy(out, out - distance, distance); /* then what is there twice, four times, ... */
    for (size_t done = distance, some; done < length; done += some) {
        some = done < length - done ? done : length - done;
        memcpy(out + done, out, some);
    }
}

static bool read_repeat(Stream *s, Entry e)
{
    const size_t length = e.value + take(s, extra_of(e));
    const Entry d = look(s, &s->distances);
    take(s, d.bits);
    const size_t distance = d.value + take(s, extra_of(d));
    if (s->n < 0 || kind_of(d) != BASE || distance > (size_t)(s->out - s->start) || length > (size_t)(s->out_end - s->out))
        return false;
    repeat(s->out, distance, length);
    s->out += length;
    return true;
}

static bool read_codes(Stream *s)
{
    for (;;) {
        refill(s);
        const Entry e = look(s, &s->literals);
        take(s, e.bits);
        if (kind_of(e) == LITERAL && s->n >= 0 && s->out < s->out_end)
            *s->out++ = (uint8_t)e.value;
        else if (kind_of(e) != BASE || !read_repeat(s, e))
            return kind_of(e) == END && s->n >= 0;
    }
}

/* Bytes as they are: from the next whole byte on their number, the same with all bits changed, and they. */
static bool read_stored(Stream *s)
{
    take(s, s->n & 7);
    refill(s);
    const size_t length = take(s, 16);
    const size_t check = take(s, 16);
    if (s->n < 0 || (length ^ check) != 0xffff)
        return false;
    s->in -= s->n / 8; /* bytes that were taken too early */
    s->bits = 0;
    s->n = 0;
    if (length > (size_t)(s->end - s->in) || length > (size_t)(s->out_end - s->out))
        return false;
    memcpy(s->out, s->in, length);
    s->in += length;
    s->out += length;
    return true;
}

static bool read_block(Stream *s, unsigned kind)
{
    if (kind == 0)
        return read_stored(s);
    if (kind == 1)
        return build_fixed(s) && read_codes(s);
    return kind == 2 && build_dynamic(s) && read_codes(s);
}

/* Deflate with a window of 32 KB or less, without a dictionary. */
static bool is_zlib(const uint8_t *in, size_t n)
{
    return n >= 2 && (in[0] & 15) == 8 && in[0] >> 4 <= 7 && (in[0] << 8 | in[1]) % 31 == 0 && !(in[1] & 32);
}

bool df_inflate(uint8_t *out, size_t size, const uint8_t *in, size_t n)
{
    if (!is_zlib(in, n))
        return false;
    Stream s = { .in = in + 2, .end = in + n, .start = out, .out = out, .out_end = out + size };
    for (unsigned last = 0; !last;) {
        refill(&s);
        last = take(&s, 1);
        const unsigned kind = take(&s, 2);
        if (s.n < 0 || !read_block(&s, kind))
            return false;
    }
    return s.out == s.out_end;
}
