/* SPDX-License-Identifier: MIT */
#include "codec/chars.h"

#include <emmintrin.h>

#include "base/compat.h"

enum { BLOCK = 16 };

/* Bytes of `block` that are `first` or one of the `count` ones that follow it, as 0xff. */
static inline __m128i in_range(__m128i block, char first, char count)
{
    __m128i place = _mm_sub_epi8(block, _mm_set1_epi8(first));
    return _mm_cmpeq_epi8(_mm_min_epu8(place, _mm_set1_epi8(count)), place);
}

static inline __m128i equal(__m128i block, char c)
{
    return _mm_cmpeq_epi8(block, _mm_set1_epi8(c));
}

static inline __m128i load(const char *at)
{
    return _mm_loadu_si128((const __m128i *)(const void *)at);
}

/* The place of the first byte that is 0xff; BLOCK or more if there is none. */
static inline unsigned first_set(__m128i block)
{
    return turbo__lowest_bit((unsigned)_mm_movemask_epi8(block) | 1U << BLOCK);
}

/* Bytes up to `last` (below 0x80) and DEL. */
static inline __m128i controls(__m128i block, char last)
{
    return _mm_or_si128(in_range(block, 0, last), equal(block, 0x7f));
}

const char *turbo__text_end(const char *at, const char *end)
{
    for (; end - at >= BLOCK; at += BLOCK) {
        __m128i block = load(at);
        __m128i tabs = equal(block, '\t');
        unsigned place = first_set(_mm_andnot_si128(tabs, controls(block, 0x1f)));
        if (place < BLOCK) {
            return at + place;
        }
    }
    return turbo__text_end_plain(at, end);
}

const char *turbo__visible_end(const char *at, const char *end)
{
    for (; end - at >= BLOCK; at += BLOCK) {
        unsigned place = first_set(controls(load(at), ' '));
        if (place < BLOCK) {
            return at + place;
        }
    }
    return turbo__visible_end_plain(at, end);
}

/* Names are letters and hyphens, but for few; whatever else ends the run is looked at by itself. */
const char *turbo__token_end(const char *at, const char *end)
{
    const __m128i ones = _mm_set1_epi8((char)0xff);
    for (; end - at >= BLOCK; at += BLOCK) {
        __m128i block = load(at);
        __m128i letters = in_range(_mm_or_si128(block, _mm_set1_epi8(0x20)), 'a', 'z' - 'a');
        __m128i usual = _mm_or_si128(letters, equal(block, '-'));
        unsigned place = first_set(_mm_xor_si128(usual, ones));
        if (place < BLOCK) {
            at += place;
            return turbo__token_chars[(unsigned char)*at] == 0 ? at
                                                               : turbo__token_end_plain(at, end);
        }
    }
    return turbo__token_end_plain(at, end);
}
