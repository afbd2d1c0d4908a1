/* SPDX-License-Identifier: MIT */
#ifndef TURBO__CODEC_CHARS_H
#define TURBO__CODEC_CHARS_H

/*
 * Runs of bytes of one kind, as HTTP/1 is made of (RFC 9110 §5). chars.c goes byte by byte;
 * chars_sse2.c looks at sixteen at once, where the processor can, and chars_plain.c stands for it
 * where it cannot. All functions: the first byte from `at` to before `end` that is not of the kind,
 * or `end`. Nothing from `end` on is read. Any thread.
 */

#include "turbo/types.h"

/** 1 for the bytes that a token is made of (RFC 9110 §5.6.2), else 0. */
extern const unsigned char turbo__token_chars[256];

/** A token. */
const char *turbo__token_end(const char *at, const char *end);

/** What a field value can have (RFC 9110 §5.5): no control character but tab. */
const char *turbo__text_end(const char *at, const char *end);

/** No control character and no space. */
const char *turbo__visible_end(const char *at, const char *end);

/** The same one byte at a time. */
const char *turbo__token_end_plain(const char *at, const char *end);
const char *turbo__text_end_plain(const char *at, const char *end);
const char *turbo__visible_end_plain(const char *at, const char *end);

#endif
