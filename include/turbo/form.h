/* SPDX-License-Identifier: MIT */
#ifndef TURBO_FORM_H
#define TURBO_FORM_H

#include <turbo/error.h>
#include <turbo/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Forms: bodies of type multipart/form-data (RFC 7578) and application/x-www-form-urlencoded (the
 * URL standard). A form is a list of parts in the order sent; a part is a field (a value in memory)
 * or a file (anything that came with a file name; its data is in memory, or in a temporary file when
 * it is large). Parsing is strict: a multipart body that is malformed in any way is refused, with
 * the byte and the fault in turbo_error_detail(). */

typedef struct turbo_form turbo_form;
typedef struct turbo_form_part turbo_form_part;

/** Options of turbo_request_form() and turbo_form_read(): how much a client may send. Past a limit the
 *  call ends with TURBO_ELIMIT. All memory is copied. */
typedef struct turbo_form_options {
    size_t size;            /**< sizeof(turbo_form_options) */
    uint32_t max_fields;    /**< parts that are no files; 0: 1,000 */
    uint32_t max_files;     /**< parts that are files, also empty ones; 0: 1,000 */
    size_t max_field;       /**< bytes of one field's value; urlencoded: of name, '=' and value as sent; 0: 1 MiB */
    uint64_t max_file;      /**< bytes of one file; 0: no limit but the body's */
    size_t max_part_head;   /**< bytes of one part's header fields (16 at most) with their line ends; 0: 8 KiB */
    uint64_t max_total;     /**< bytes of the whole body; 0: no limit but the route's `max_body` */
    size_t max_memory;      /**< bytes that turbo_form_read() holds in memory for one form: names, header fields,
                             *   values, small files; a file that does not fit goes to the temporary file; 0: 16 MiB */
    size_t spool_past;      /**< bytes of a file that turbo_form_read() keeps in memory, a larger one goes to the
                             *   temporary file; 0: 1 MiB */
    const char *directory;  /**< where the temporary file is made; NULL: "/tmp". The library does not read TMPDIR */
} turbo_form_options;

/**
 * Parses the body of a request as a form. For routes whose body is collected; nothing is copied and
 * nothing is written to a file: the texts and data of the parts are views into the request's body where
 * they can be. `options` may be NULL, is borrowed for the call.
 * `*out`: a new form, the caller's, to be given back with turbo_form_free(); its views are valid until
 * then, and no longer than the request. Thread: handler.
 * Errors: TURBO_EMEDIA (the Content-Type is none of the two, or missing), TURBO_EPROTOCOL (malformed),
 * TURBO_ELIMIT, TURBO_ESTATE (the body is not complete: turbo_form_read()), TURBO_EOPTION, TURBO_ENOMEM.
 * A handler that returns them has 415, 400, 413 answered for the first three.
 */
TURBO_API int turbo_request_form(turbo_request *request, const turbo_form_options *options,
                                 turbo_form **out);

/** What turbo_form_read() calls in the end. `error` is 0 and `form` the callee's, to be given back with
 *  turbo_form_free() on any thread at any time, also after the request; or `error` is negative and
 *  `form` NULL: an error of turbo_form_read()'s list or of turbo_read_fn's. */
typedef void turbo_form_fn(turbo_request *request, turbo_form *form, int error, void *user_data);

/**
 * Reads the body of a request as a form, part by part as it comes in, with back-pressure, and then calls
 * `fn` once. For routes with `stream_body` or `stream_past`, whose handler returns TURBO_PENDING then;
 * the handler must not call turbo_request_read() itself. Memory is bounded by `max_memory` and one
 * receive window. Large files of a form share one temporary file without a name: nothing is left behind
 * whatever happens, and a form costs one descriptor at most. It is written with write(2) on the worker's
 * thread: `directory` should be on a local file system.
 *
 * `fn` fires on the thread that drives the worker and must not block; for a body that was complete when
 * the handler was called, on the calling thread before this function returns. If the response is finished
 * or aborted first, everything read so far is given back and `fn` is not called (it may be under way
 * then, as with turbo_request_read()). `options` may be NULL, is borrowed for the call. Thread: handler.
 *
 * Returns 0 when `fn` was or will be called. Errors, without a call of `fn`: TURBO_EMEDIA,
 * TURBO_EPROTOCOL (no valid boundary), TURBO_ESTATE (a read is already waiting), TURBO_EINVAL (no `fn`),
 * TURBO_EOPTION, TURBO_ENOMEM. Errors that `fn` gets: TURBO_EPROTOCOL (malformed), TURBO_ELIMIT,
 * TURBO_ENOSPACE (the file system is full; 507), TURBO_EIO (the temporary file cannot be made or written),
 * TURBO_ECANCELLED (the client is gone), TURBO_ENOMEM. turbo_response_error() makes an answer of them.
 */
TURBO_API int turbo_form_read(turbo_request *request, const turbo_form_options *options,
                              turbo_form_fn *fn, void *user_data);

/** Gives a form back with all its parts and its temporary file; NULL is ignored. Thread: any. */
TURBO_API void turbo_form_free(turbo_form *form);

/* Readers of a form may run on any thread; several at once are safe. Parts and views are borrowed from
 * the form. */

/** The number of parts. */
TURBO_API size_t turbo_form_count(const turbo_form *form);

/** Part `index`, in the order sent. Errors: TURBO_ENOTFOUND. */
TURBO_API int turbo_form_at(const turbo_form *form, size_t index, const turbo_form_part **part);

/** The last part called `name`, field or file. Errors: TURBO_ENOTFOUND. */
TURBO_API int turbo_form_find(const turbo_form *form, turbo_str name,
                              const turbo_form_part **part);

/** The value of the last field called `name`. Errors: TURBO_ENOTFOUND. */
TURBO_API int turbo_form_value(const turbo_form *form, turbo_str name, turbo_str *value);

/** The part's name, in UTF-8 (bytes sent that are not UTF-8 are taken for Latin-1). */
TURBO_API turbo_str turbo_form_part_name(const turbo_form_part *part);

/** Whether the part came with a file name. Browsers send an empty file name and no data where no file
 *  was chosen. */
TURBO_API bool turbo_form_part_is_file(const turbo_form_part *part);

/** The file name, in UTF-8, from `filename*` if there is one: whatever the client likes to say, with
 *  slashes, dots or line ends. Never a path to be opened. Empty for a field. */
TURBO_API turbo_str turbo_form_part_filename(const turbo_form_part *part);

/** The part's Content-Type as sent; empty when there was none. */
TURBO_API turbo_str turbo_form_part_content_type(const turbo_form_part *part);

/** The number of the part's header fields; 0 in urlencoded forms. */
TURBO_API size_t turbo_form_part_header_count(const turbo_form_part *part);

/** Header field `index` of the part: name as sent, value trimmed. Errors: TURBO_ENOTFOUND. */
TURBO_API int turbo_form_part_header_at(const turbo_form_part *part, size_t index, turbo_str *name,
                                        turbo_str *value);

/** Bytes of the part's data. */
TURBO_API uint64_t turbo_form_part_size(const turbo_form_part *part);

/** The part's data in memory: a field's value (multipart: bytes as sent, no coding undone; urlencoded:
 *  decoded, UTF-8) or a file that was small enough. Errors: TURBO_ESTATE (it is in the temporary file). */
TURBO_API int turbo_form_part_data(const turbo_form_part *part, turbo_str *data);

/** Where the data is in the temporary file: turbo_form_part_size() bytes of the open descriptor `*fd` from
 *  `*offset` on. The descriptor is the form's and shared by its parts: read with pread(2), and give
 *  dup(2) of it to turbo_response_file(). Errors: TURBO_ESTATE (it is in memory). */
TURBO_API int turbo_form_part_file(const turbo_form_part *part, int *fd, uint64_t *offset);

/** Copies up to `size` bytes of the data from byte `offset` on into `buffer`, wherever it is; `*got` is
 *  0 at the end only. Blocks for the disk. Errors: TURBO_EIO. */
TURBO_API int turbo_form_part_read(const turbo_form_part *part, uint64_t offset, void *buffer,
                                   size_t size, size_t *got);

#ifdef __cplusplus
}
#endif

#endif
