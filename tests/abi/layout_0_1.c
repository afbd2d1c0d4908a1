/* SPDX-License-Identifier: MIT */

/*
 * The layout of version 0.1 on 64-bit systems: sizes, offsets and values as programs that were
 * compiled against that version have them built in. This file is frozen: it is never edited. A
 * member or value that comes later gets its line in a file of its own; a change that breaks a line
 * below breaks compiled programs, and wants another SONAME.
 *
 * Structs that start with their size may grow at their end (SIZE_AT_LEAST); the others may not.
 */
#include <turbo/plugin.h>
#include <turbo/turbo.h>

#define SIZE(type, bytes) _Static_assert(sizeof(type) == (bytes), #type)
#define SIZE_AT_LEAST(type, bytes) _Static_assert(sizeof(type) >= (bytes), #type)
#define MEMBER(type, member, offset, bytes)                                                        \
    _Static_assert(offsetof(type, member) == (offset) && sizeof(((type *)0)->member) == (bytes),   \
                   #type "." #member)
#define VALUE(name, value) _Static_assert((name) == (value), #name)
#define VALUE_AT_LEAST(name, value) _Static_assert((name) >= (value), #name)

_Static_assert(sizeof(void *) == 8, "these numbers are those of 64-bit systems");

SIZE_AT_LEAST(turbo_cors_options, 88);
MEMBER(turbo_cors_options, size, 0, 8);
MEMBER(turbo_cors_options, origins, 8, 8);
MEMBER(turbo_cors_options, origin_count, 16, 8);
MEMBER(turbo_cors_options, origin_regex, 24, 8);
MEMBER(turbo_cors_options, methods, 32, 8);
MEMBER(turbo_cors_options, method_count, 40, 8);
MEMBER(turbo_cors_options, headers, 48, 8);
MEMBER(turbo_cors_options, header_count, 56, 8);
MEMBER(turbo_cors_options, exposed_headers, 64, 8);
MEMBER(turbo_cors_options, exposed_header_count, 72, 8);
MEMBER(turbo_cors_options, credentials, 80, 1);
MEMBER(turbo_cors_options, max_age, 84, 4);

SIZE_AT_LEAST(turbo_library_options, 16);
MEMBER(turbo_library_options, size, 0, 8);
MEMBER(turbo_library_options, config, 8, 8);

SIZE_AT_LEAST(turbo_metrics, 120);
MEMBER(turbo_metrics, size, 0, 8);
MEMBER(turbo_metrics, requests, 8, 8);
MEMBER(turbo_metrics, responses, 16, 48);
MEMBER(turbo_metrics, connections, 64, 8);
MEMBER(turbo_metrics, open_connections, 72, 8);
MEMBER(turbo_metrics, bytes_in, 80, 8);
MEMBER(turbo_metrics, bytes_out, 88, 8);
MEMBER(turbo_metrics, parse_errors, 96, 8);
MEMBER(turbo_metrics, handovers, 104, 8);
MEMBER(turbo_metrics, offloaded, 112, 8);

SIZE_AT_LEAST(turbo_plugin_api, 344);
MEMBER(turbo_plugin_api, size, 0, 8);
MEMBER(turbo_plugin_api, request_method, 8, 8);
MEMBER(turbo_plugin_api, request_path, 16, 8);
MEMBER(turbo_plugin_api, request_query, 24, 8);
MEMBER(turbo_plugin_api, request_body, 32, 8);
MEMBER(turbo_plugin_api, request_header, 40, 8);
MEMBER(turbo_plugin_api, request_header_count, 48, 8);
MEMBER(turbo_plugin_api, request_header_at, 56, 8);
MEMBER(turbo_plugin_api, request_param, 64, 8);
MEMBER(turbo_plugin_api, request_query_param, 72, 8);
MEMBER(turbo_plugin_api, request_cookie, 80, 8);
MEMBER(turbo_plugin_api, request_peer, 88, 8);
MEMBER(turbo_plugin_api, request_alloc, 96, 8);
MEMBER(turbo_plugin_api, request_cancelled, 104, 8);
MEMBER(turbo_plugin_api, request_json, 112, 8);
MEMBER(turbo_plugin_api, response_status, 120, 8);
MEMBER(turbo_plugin_api, response_header, 128, 8);
MEMBER(turbo_plugin_api, response_set_header, 136, 8);
MEMBER(turbo_plugin_api, response_body, 144, 8);
MEMBER(turbo_plugin_api, response_body_static, 152, 8);
MEMBER(turbo_plugin_api, response_body_owned, 160, 8);
MEMBER(turbo_plugin_api, response_json, 168, 8);
MEMBER(turbo_plugin_api, response_finish, 176, 8);
MEMBER(turbo_plugin_api, response_abort, 184, 8);
MEMBER(turbo_plugin_api, response_begin, 192, 8);
MEMBER(turbo_plugin_api, response_send_chunk, 200, 8);
MEMBER(turbo_plugin_api, json_new_object, 208, 8);
MEMBER(turbo_plugin_api, json_new_array, 216, 8);
MEMBER(turbo_plugin_api, json_new_string, 224, 8);
MEMBER(turbo_plugin_api, json_new_int, 232, 8);
MEMBER(turbo_plugin_api, json_new_real, 240, 8);
MEMBER(turbo_plugin_api, json_new_bool, 248, 8);
MEMBER(turbo_plugin_api, json_set, 256, 8);
MEMBER(turbo_plugin_api, json_append, 264, 8);
MEMBER(turbo_plugin_api, json_member, 272, 8);
MEMBER(turbo_plugin_api, json_at, 280, 8);
MEMBER(turbo_plugin_api, json_size, 288, 8);
MEMBER(turbo_plugin_api, json_get_string, 296, 8);
MEMBER(turbo_plugin_api, json_get_int, 304, 8);
MEMBER(turbo_plugin_api, json_get_real, 312, 8);
MEMBER(turbo_plugin_api, json_get_bool, 320, 8);
MEMBER(turbo_plugin_api, json_unref, 328, 8);
MEMBER(turbo_plugin_api, error_detail, 336, 8);

SIZE(turbo_plugin_info, 32);
MEMBER(turbo_plugin_info, magic, 0, 4);
MEMBER(turbo_plugin_info, size, 4, 4);
MEMBER(turbo_plugin_info, abi_major, 8, 2);
MEMBER(turbo_plugin_info, abi_minor, 10, 2);
MEMBER(turbo_plugin_info, reserved, 12, 4);
MEMBER(turbo_plugin_info, init, 16, 8);
MEMBER(turbo_plugin_info, fini, 24, 8);

SIZE_AT_LEAST(turbo_route_options, 48);
MEMBER(turbo_route_options, size, 0, 8);
MEMBER(turbo_route_options, name, 8, 8);
MEMBER(turbo_route_options, body, 16, 8);
MEMBER(turbo_route_options, max_body, 24, 8);
MEMBER(turbo_route_options, no_body_limit, 32, 1);
MEMBER(turbo_route_options, stream_body, 33, 1);
MEMBER(turbo_route_options, offload, 34, 1);
MEMBER(turbo_route_options, cors, 40, 8);

SIZE_AT_LEAST(turbo_server_options, 128);
MEMBER(turbo_server_options, size, 0, 8);
MEMBER(turbo_server_options, workers, 8, 4);
MEMBER(turbo_server_options, backlog, 12, 4);
MEMBER(turbo_server_options, max_connections, 16, 4);
MEMBER(turbo_server_options, offload_threads, 20, 4);
MEMBER(turbo_server_options, offload_queue, 24, 4);
MEMBER(turbo_server_options, max_pipelined, 28, 4);
MEMBER(turbo_server_options, max_request_line, 32, 8);
MEMBER(turbo_server_options, max_head, 40, 8);
MEMBER(turbo_server_options, max_headers, 48, 4);
MEMBER(turbo_server_options, max_body, 56, 8);
MEMBER(turbo_server_options, stream_window, 64, 8);
MEMBER(turbo_server_options, head_timeout, 72, 4);
MEMBER(turbo_server_options, body_timeout, 76, 4);
MEMBER(turbo_server_options, idle_timeout, 80, 4);
MEMBER(turbo_server_options, write_timeout, 84, 4);
MEMBER(turbo_server_options, grace, 88, 4);
MEMBER(turbo_server_options, max_requests, 92, 4);
MEMBER(turbo_server_options, reuse_port, 96, 1);
MEMBER(turbo_server_options, redirect_slashes, 97, 1);
MEMBER(turbo_server_options, allow_first, 98, 1);
MEMBER(turbo_server_options, strict_head, 99, 1);
MEMBER(turbo_server_options, server_header, 104, 8);
MEMBER(turbo_server_options, cors, 112, 8);
MEMBER(turbo_server_options, hooks, 120, 8);

SIZE_AT_LEAST(turbo_static_options, 64);
MEMBER(turbo_static_options, size, 0, 8);
MEMBER(turbo_static_options, status, 8, 4);
MEMBER(turbo_static_options, content_type, 16, 16);
MEMBER(turbo_static_options, body, 32, 16);
MEMBER(turbo_static_options, headers, 48, 8);
MEMBER(turbo_static_options, header_count, 56, 8);

SIZE(turbo_str, 16);
MEMBER(turbo_str, data, 0, 8);
MEMBER(turbo_str, len, 8, 8);

SIZE_AT_LEAST(turbo_thread_hooks, 40);
MEMBER(turbo_thread_hooks, size, 0, 8);
MEMBER(turbo_thread_hooks, start, 8, 8);
MEMBER(turbo_thread_hooks, before_wait, 16, 8);
MEMBER(turbo_thread_hooks, stop, 24, 8);
MEMBER(turbo_thread_hooks, user_data, 32, 8);

VALUE(TURBO_JSON_ARRAY, 5);
VALUE(TURBO_JSON_BOOL, 1);
VALUE(TURBO_JSON_INT, 2);
VALUE(TURBO_JSON_NULL, 0);
VALUE(TURBO_JSON_OBJECT, 6);
VALUE(TURBO_JSON_REAL, 3);
VALUE(TURBO_JSON_STRING, 4);
VALUE(TURBO_LOG_DEBUG, 0);
VALUE(TURBO_LOG_ERROR, 3);
VALUE(TURBO_LOG_INFO, 1);
VALUE(TURBO_LOG_WARNING, 2);
VALUE(TURBO_OK, 0);
VALUE(TURBO_PENDING, 1);
VALUE(TURBO_PLUGIN_MAGIC, 0x54425250);
VALUE(TURBO_PLUGIN_ABI_MAJOR, 1);
VALUE_AT_LEAST(TURBO_PLUGIN_ABI_MINOR, 0);
VALUE(TURBO_ENOMEM, -1);
VALUE(TURBO_EINVAL, -2);
VALUE(TURBO_EOPTION, -3);
VALUE(TURBO_ESTATE, -4);
VALUE(TURBO_ECONFLICT, -5);
VALUE(TURBO_EPATTERN, -6);
VALUE(TURBO_ENOTFOUND, -7);
VALUE(TURBO_EIO, -8);
VALUE(TURBO_EADDRESS, -9);
VALUE(TURBO_ESYSTEM, -10);
VALUE(TURBO_EPLUGIN, -11);
VALUE(TURBO_ESYMBOL, -12);
VALUE(TURBO_EABI, -13);
VALUE(TURBO_ELIMIT, -14);
VALUE(TURBO_ECANCELLED, -15);
VALUE(TURBO_EAGAIN, -16);
VALUE(TURBO_EHEADER, -17);
VALUE(TURBO_EJSON, -18);
VALUE(TURBO_ETYPE, -19);
VALUE(TURBO_ESCHEMA, -20);
VALUE(TURBO_EINVALID, -21);
VALUE(TURBO_EPROTOCOL, -22);
VALUE(TURBO_EHANDLER, -23);
VALUE(TURBO_EFORK, -24);

/* Members added to structs of the above. */
SIZE_AT_LEAST(turbo_server_options, 208);
MEMBER(turbo_server_options, max_header, 128, 8);
MEMBER(turbo_server_options, max_trailer, 136, 8);
MEMBER(turbo_server_options, max_trailers, 144, 4);
MEMBER(turbo_server_options, max_chunk_extension, 148, 4);
MEMBER(turbo_server_options, max_chunk_extensions, 152, 4);
MEMBER(turbo_server_options, body_rate, 156, 4);
MEMBER(turbo_server_options, retry_after, 160, 4);
MEMBER(turbo_server_options, underscores, 164, 4);
MEMBER(turbo_server_options, proxy_protocol, 168, 1);
MEMBER(turbo_server_options, trusted_proxies, 176, 8);
MEMBER(turbo_server_options, access_log, 184, 8);
MEMBER(turbo_server_options, access_data, 192, 8);
MEMBER(turbo_server_options, access_queue, 200, 4);
SIZE_AT_LEAST(turbo_route_options, 56);
MEMBER(turbo_route_options, stream_past, 48, 8);

SIZE_AT_LEAST(turbo_access, 152);
MEMBER(turbo_access, size, 0, 8);
MEMBER(turbo_access, started, 8, 8);
MEMBER(turbo_access, duration, 16, 8);
MEMBER(turbo_access, client, 24, 16);
MEMBER(turbo_access, method, 40, 16);
MEMBER(turbo_access, target, 56, 16);
MEMBER(turbo_access, route, 72, 16);
MEMBER(turbo_access, referer, 88, 16);
MEMBER(turbo_access, user_agent, 104, 16);
MEMBER(turbo_access, bytes_in, 120, 8);
MEMBER(turbo_access, bytes_out, 128, 8);
MEMBER(turbo_access, status, 136, 2);
MEMBER(turbo_access, version, 138, 2);
MEMBER(turbo_access, dropped, 144, 8);

VALUE(TURBO_ETIMEOUT, -25);

VALUE(TURBO_UNDERSCORES_PASS, 0);
VALUE(TURBO_UNDERSCORES_DROP, 1);
VALUE(TURBO_UNDERSCORES_REFUSE, 2);

MEMBER(turbo_server_options, forwarding, 204, 4);
VALUE(TURBO_FORWARDING_X, 0);
VALUE(TURBO_FORWARDING_STANDARD, 1);
VALUE(TURBO_FORWARDING_BOTH, 2);
VALUE(TURBO_FORWARDING_NONE, 3);
VALUE(TURBO_EMEDIA, -26);
VALUE(TURBO_ENOSPACE, -27);

SIZE_AT_LEAST(turbo_form_options, 72);
MEMBER(turbo_form_options, size, 0, 8);
MEMBER(turbo_form_options, max_fields, 8, 4);
MEMBER(turbo_form_options, max_files, 12, 4);
MEMBER(turbo_form_options, max_field, 16, 8);
MEMBER(turbo_form_options, max_file, 24, 8);
MEMBER(turbo_form_options, max_part_head, 32, 8);
MEMBER(turbo_form_options, max_total, 40, 8);
MEMBER(turbo_form_options, max_memory, 48, 8);
MEMBER(turbo_form_options, spool_past, 56, 8);
MEMBER(turbo_form_options, directory, 64, 8);
MEMBER(turbo_access, client_port, 140, 2);

SIZE_AT_LEAST(turbo_metrics, 248);
MEMBER(turbo_metrics, refused_connections, 120, 8);
MEMBER(turbo_metrics, refused_heads, 128, 8);
MEMBER(turbo_metrics, in_flight, 136, 8);
MEMBER(turbo_metrics, pipelined, 144, 8);
MEMBER(turbo_metrics, queued, 152, 8);
MEMBER(turbo_metrics, queue_full, 160, 8);
MEMBER(turbo_metrics, access_dropped, 168, 8);
MEMBER(turbo_metrics, malformed, 176, 8);
MEMBER(turbo_metrics, timeouts, 184, 8);
MEMBER(turbo_metrics, large_bodies, 192, 8);
MEMBER(turbo_metrics, long_targets, 200, 8);
MEMBER(turbo_metrics, expectations, 208, 8);
MEMBER(turbo_metrics, large_heads, 216, 8);
MEMBER(turbo_metrics, unsupported, 224, 8);
MEMBER(turbo_metrics, versions, 232, 8);
MEMBER(turbo_metrics, bad_proxies, 240, 8);

SIZE_AT_LEAST(turbo_plugin_api, 488);
MEMBER(turbo_plugin_api, request_form, 344, 8);
MEMBER(turbo_plugin_api, form_read, 352, 8);
MEMBER(turbo_plugin_api, form_free, 360, 8);
MEMBER(turbo_plugin_api, form_count, 368, 8);
MEMBER(turbo_plugin_api, form_at, 376, 8);
MEMBER(turbo_plugin_api, form_find, 384, 8);
MEMBER(turbo_plugin_api, form_value, 392, 8);
MEMBER(turbo_plugin_api, form_part_name, 400, 8);
MEMBER(turbo_plugin_api, form_part_is_file, 408, 8);
MEMBER(turbo_plugin_api, form_part_filename, 416, 8);
MEMBER(turbo_plugin_api, form_part_content_type, 424, 8);
MEMBER(turbo_plugin_api, form_part_header_count, 432, 8);
MEMBER(turbo_plugin_api, form_part_header_at, 440, 8);
MEMBER(turbo_plugin_api, form_part_size, 448, 8);
MEMBER(turbo_plugin_api, form_part_data, 456, 8);
MEMBER(turbo_plugin_api, form_part_file, 464, 8);
MEMBER(turbo_plugin_api, form_part_read, 472, 8);
MEMBER(turbo_plugin_api, response_error, 480, 8);
SIZE_AT_LEAST(turbo_plugin_api, 512);
MEMBER(turbo_plugin_api, request_trailer_count, 488, 8);
MEMBER(turbo_plugin_api, request_trailer_at, 496, 8);
MEMBER(turbo_plugin_api, request_trailer, 504, 8);
VALUE_AT_LEAST(TURBO_PLUGIN_ABI_MINOR, 1);

int main(void)
{
    return 0; /* compiling it was the test */
}
