/* SPDX-License-Identifier: MIT */

/* A client that allocates nothing. One connection is read at a time. */

#include "oom.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { ROOM = 4 * 1024 * 1024 };

/* What was received: one answer, then the start of the next. The main thread's. */
static char input[ROOM + 1];
static size_t length;
static size_t taken; /* bytes of the answer that was read last */

static int connect_to(int family, const struct sockaddr *address, socklen_t size)
{
    int fd = socket(family, SOCK_STREAM, 0);
    if (fd < 0) {
        oom_die("socket: %s", strerror(errno));
    }
    if (connect(fd, address, size) != 0) {
        (void)close(fd); /* never connected */
        return -1;
    }
    return fd;
}

int oom_connect(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return connect_to(AF_INET, (struct sockaddr *)&address, sizeof(address));
}

int oom_connect_unix(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t size = strlen(path) + 1;
    if (size > sizeof(address.sun_path)) {
        oom_die("path too long: %s", path);
    }
    memcpy(address.sun_path, path, size);
    return connect_to(AF_UNIX, (struct sockaddr *)&address, sizeof(address));
}

void oom_send(int fd, turbo_str data)
{
    size_t sent = 0;
    while (sent < data.len) {
        ssize_t count = send(fd, data.data + sent, data.len - sent, MSG_NOSIGNAL);
        if (count < 0 && errno != EINTR) {
            return; /* the answer, if there is one, says why */
        }
        sent += count > 0 ? (size_t)count : 0;
    }
}

void oom_client_reset(void)
{
    length = 0;
    taken = 0;
}

/* Returns false at the end of the connection. */
static bool read_more(int fd, void (*more)(void *), void *user_data)
{
    for (;;) {
        if (length == ROOM) {
            oom_die("an answer is longer than %d bytes", ROOM);
        }
        ssize_t count = recv(fd, input + length, ROOM - length, more != NULL ? MSG_DONTWAIT : 0);
        if (count > 0) {
            length += (size_t)count;
            input[length] = '\0';
            return true;
        }
        if (count == 0 || errno == ECONNRESET || errno == EPIPE) {
            return false;
        }
        if (errno == EAGAIN && more != NULL) {
            more(user_data);
        } else if (errno != EINTR) {
            oom_die("recv: %s", strerror(errno));
        }
    }
}

/* The value of field `name`, up to the end of its line; NULL: none. */
static const char *find_field(const oom_answer *answer, const char *name)
{
    size_t size = strlen(name);
    const char *end = answer->head.data + answer->head.len;
    const char *line = memchr(answer->head.data, '\n', answer->head.len);
    while (line != NULL && (size_t)(end - line) > size + 2) {
        line++;
        if (strncasecmp(line, name, size) == 0 && line[size] == ':') {
            return line + size + 1 + strspn(line + size + 1, " ");
        }
        line = memchr(line, '\n', (size_t)(end - line));
    }
    return NULL;
}

bool oom_has_field(const oom_answer *answer, const char *name, const char *value)
{
    const char *found = find_field(answer, name);
    if (found == NULL || value == NULL) {
        return found != NULL;
    }
    return strncmp(found, value, strlen(value)) == 0 && found[strlen(value)] == '\r';
}

/* Moves the chunks together. Returns 0 when there are more bytes to come, else where they end. */
static size_t decode_chunks(size_t start, turbo_str *body)
{
    size_t at = start;
    size_t out = 0;
    for (int pass = 0; pass < 2; pass++) { /* nothing is moved before all is there */
        at = start;
        for (;;) {
            char *line_end = NULL;
            size_t size = strtoul(input + at, &line_end, 16);
            size_t next = (size_t)(line_end - input) + 2 + size + 2;
            if (next > length) {
                return 0;
            }
            if (memcmp(line_end, "\r\n", 2) != 0 || memcmp(input + next - 2, "\r\n", 2) != 0) {
                oom_die("a malformed chunk was received");
            }
            if (pass == 1) {
                memmove(input + start + out, line_end + 2, size);
                out += size;
            }
            at = next;
            if (size == 0) {
                break;
            }
        }
    }
    *body = (turbo_str){input + start, out};
    return at;
}

/* Returns false when more bytes are wanted. */
static bool parse(oom_answer *out)
{
    const char *blank = length > 0 ? strstr(input, "\r\n\r\n") : NULL;
    if (blank == NULL) {
        return false;
    }
    size_t start = (size_t)(blank - input) + 4;
    out->head = (turbo_str){input, start};
    if (strncmp(input, "HTTP/1.1 ", 9) != 0) {
        oom_die("no answer: %.40s", input);
    }
    out->status = atoi(input + 9);
    out->last = oom_has_field(out, "connection", "close");
    if (oom_has_field(out, "transfer-encoding", "chunked")) {
        taken = decode_chunks(start, &out->body);
        return taken != 0;
    }
    const char *size = find_field(out, "content-length");
    taken = start + (size != NULL ? strtoul(size, NULL, 10) : 0);
    out->body = (turbo_str){input + start, taken - start};
    return taken <= length;
}

void oom_receive(int fd, void (*more)(void *), void *user_data, oom_answer *out)
{
    *out = (oom_answer){0};
    length -= taken;
    memmove(input, input + taken, length + 1);
    taken = 0;
    while (!parse(out)) {
        if (!read_more(fd, more, user_data)) {
            *out = (oom_answer){.last = true};
            length = 0;
            taken = 0;
            return;
        }
    }
    out->complete = true;
}
