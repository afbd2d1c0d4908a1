/* SPDX-License-Identifier: MIT */
#ifndef TURBO__APP_FORM_SPOOL_H
#define TURBO__APP_FORM_SPOOL_H

/*
 * A temporary file without a name, for data that is too large for memory. Its space is free again
 * when the descriptor is closed, also by the end of the process. Any thread, one at a time.
 */

#include <stdint.h>

#include "turbo/types.h"

/** Opens one in `directory`, for reading and writing. Returns 0, TURBO_EIO, or TURBO_ENOSPACE. */
int turbo__spool_open(const char *directory, int *fd);

/** The same on file systems without O_TMPFILE: the file has a name for a moment. */
int turbo__spool_open_named(const char *directory, int *fd);

/** Appends all of `data` (blocks for the disk). Returns 0, TURBO_EIO, or TURBO_ENOSPACE when the
 * file system, a quota or the process's file size limit has no room; part of it may be written
 * then. */
int turbo__spool_write(int fd, turbo_str data);

/** Reads up to `size` bytes from `offset` on; `*got` is less at the end of the file only. Returns 0
 *  or TURBO_EIO. */
int turbo__spool_read(int fd, uint64_t offset, void *buffer, size_t size, size_t *got);

#endif
