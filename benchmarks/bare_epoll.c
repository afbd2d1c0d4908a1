/*
 * The machine's limit: what one thread can do when a request costs nothing but system calls.
 *
 *     bare_epoll PORT CONTENT-TYPE BODY
 *
 * Listens on 127.0.0.1:PORT (0: the kernel picks one), prints the URL once it accepts connections,
 * and answers every blank line ("\r\n\r\n") that arrives with one response rendered at start-up.
 * Nothing is parsed: a request is the bytes up to the next blank line, so a body that holds none is
 * skipped by the same scan. All answers owed by one read leave in one send.
 *
 * It is a yardstick, not a server: requests it would have to refuse are answered like the others.
 */
#define _GNU_SOURCE

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    MAX_FDS = 4096,            /* Descriptors at or above this number are refused. */
    EVENTS_PER_WAIT = 256,     /* Events taken per epoll_wait. */
    READ_SIZE = 64 * 1024,     /* Bytes taken per recv. */
    RENDERED_SIZE = 64 * 1024, /* Room for copies of the response, bytes. */
    MAX_HEAD = 512,            /* Room for the response head, bytes. */
    BACKLOG = 1024,
    TERMINATOR_LENGTH = 4,
};

/* One connection; lives in the table of `struct responder`, indexed by descriptor. */
struct connection {
    size_t owed;      /* Response bytes still to be sent. */
    unsigned matched; /* Bytes of "\r\n\r\n" seen at the end of the previous read. */
    bool wants_write; /* EPOLLOUT is registered because the peer's window was full. */
};

/* The whole program; made and used by the only thread. */
struct responder {
    int epoll_fd;
    int listen_fd;
    size_t response_length;
    size_t rendered_length; /* A whole number of responses. */
    char rendered[RENDERED_SIZE];
    char input[READ_SIZE];
    struct connection connections[MAX_FDS];
};

static void die(const char *what)
{
    perror(what);
    exit(EXIT_FAILURE);
}

/* Fills `rendered` with as many copies of the response as fit. The head has the fields every
 * compared server sends, so that the bytes on the wire are of the same order. */
static void render(struct responder *self, const char *content_type, const char *body)
{
    char date[64];
    time_t now = time(NULL);
    struct tm utc;
    if (gmtime_r(&now, &utc) == NULL ||
        strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &utc) == 0) {
        die("date");
    }
    char head[MAX_HEAD];
    size_t body_length = strlen(body);
    int head_length = snprintf(head, sizeof head,
                               "HTTP/1.1 200 OK\r\ndate: %s\r\nserver: bare\r\n"
                               "content-type: %s\r\ncontent-length: %zu\r\n\r\n",
                               date, content_type, body_length);
    if (head_length < 0 || (size_t)head_length >= sizeof head ||
        body_length > sizeof self->rendered - (size_t)head_length) {
        fputs("bare_epoll: content type or body too long\n", stderr);
        exit(EXIT_FAILURE);
    }
    self->response_length = (size_t)head_length + body_length;
    self->rendered_length = 0;
    while (self->rendered_length + self->response_length <= sizeof self->rendered) {
        char *place = self->rendered + self->rendered_length;
        memcpy(place, head, (size_t)head_length);
        memcpy(place + head_length, body, body_length);
        self->rendered_length += self->response_length;
    }
}

static void watch(const struct responder *self, int operation, int fd, unsigned events)
{
    struct epoll_event event = {.events = events, .data.fd = fd};
    if (epoll_ctl(self->epoll_fd, operation, fd, &event) != 0) {
        die("epoll_ctl");
    }
}

static void start_listening(struct responder *self, unsigned short port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    self->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (self->listen_fd < 0) {
        die("socket");
    }
    const int on = 1;
    if (setsockopt(self->listen_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) {
        die("SO_REUSEADDR");
    }
    socklen_t length = sizeof address;
    if (bind(self->listen_fd, (struct sockaddr *)&address, length) != 0 ||
        listen(self->listen_fd, BACKLOG) != 0 ||
        getsockname(self->listen_fd, (struct sockaddr *)&address, &length) != 0) {
        die("listen");
    }
    self->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (self->epoll_fd < 0) {
        die("epoll_create1");
    }
    watch(self, EPOLL_CTL_ADD, self->listen_fd, EPOLLIN);
    printf("http://127.0.0.1:%u\n", (unsigned)ntohs(address.sin_port));
    fflush(stdout);
}

static void accept_all(struct responder *self)
{
    for (;;) {
        int fd = accept4(self->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno == EAGAIN || errno == EWOULDBLOCK) {
                return;
            }
            if (errno == EINTR || errno == ECONNABORTED) {
                continue;
            }
            die("accept4");
        }
        const int on = 1;
        if (fd >= MAX_FDS || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) {
            close(fd);
            continue;
        }
        self->connections[fd] = (struct connection){0};
        watch(self, EPOLL_CTL_ADD, fd, EPOLLIN);
    }
}

/* Returns how many blank lines end in `data`; `*matched` carries a partial one across reads. */
static size_t count_blank_lines(const char *data, size_t length, unsigned *matched)
{
    static const char terminator[] = "\r\n\r\n";
    size_t count = 0;
    unsigned seen = *matched;
    const char *at = data;
    const char *end = data + length;
    while (at < end) {
        if (seen == 0) {
            /* The usual case: jump to the next candidate instead of looking at every byte. */
            at = memchr(at, '\r', (size_t)(end - at));
            if (at == NULL) {
                break;
            }
        }
        if (*at == terminator[seen]) {
            seen++;
        } else {
            seen = *at == '\r' ? 1 : 0;
        }
        at++;
        if (seen == TERMINATOR_LENGTH) {
            count++;
            seen = 0;
        }
    }
    *matched = seen;
    return count;
}

/* Sends what is owed. Returns false when the connection is gone. */
static bool flush_owed(struct responder *self, int fd)
{
    struct connection *connection = &self->connections[fd];
    while (connection->owed > 0) {
        /* The stream repeats one response, so the place in it follows from what is left. */
        size_t rest = connection->owed % self->response_length;
        size_t offset = rest == 0 ? 0 : self->response_length - rest;
        size_t length = self->rendered_length - offset;
        if (length > connection->owed) {
            length = connection->owed;
        }
        ssize_t sent = send(fd, self->rendered + offset, length, MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno == EINTR) {
                continue;
            }
            if (errno != EAGAIN && errno != EWOULDBLOCK) {
                return false;
            }
            if (!connection->wants_write) {
                connection->wants_write = true;
                watch(self, EPOLL_CTL_MOD, fd, EPOLLOUT);
            }
            return true;
        }
        connection->owed -= (size_t)sent;
    }
    if (connection->wants_write) {
        connection->wants_write = false;
        watch(self, EPOLL_CTL_MOD, fd, EPOLLIN);
    }
    return true;
}

/* One recv and one send per wake-up; level triggering reports whatever is left over. Returns false
 * when the connection is gone. */
static bool serve(struct responder *self, int fd)
{
    struct connection *connection = &self->connections[fd];
    if (!connection->wants_write) {
        ssize_t received = recv(fd, self->input, sizeof self->input, 0);
        if (received < 0) {
            return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
        }
        if (received == 0) {
            return false;
        }
        size_t requests = count_blank_lines(self->input, (size_t)received, &connection->matched);
        connection->owed += requests * self->response_length;
    }
    return flush_owed(self, fd);
}

static void run(struct responder *self)
{
    struct epoll_event events[EVENTS_PER_WAIT];
    for (;;) {
        int ready = epoll_wait(self->epoll_fd, events, EVENTS_PER_WAIT, -1);
        if (ready < 0 && errno != EINTR) {
            die("epoll_wait");
        }
        for (int i = 0; i < ready; i++) {
            int fd = events[i].data.fd;
            if (fd == self->listen_fd) {
                accept_all(self);
            } else if (!serve(self, fd)) {
                close(fd);
            }
        }
    }
}

int main(int argc, char **argv)
{
    static struct responder responder;
    char *end = NULL;
    errno = 0;
    unsigned long port = argc == 4 ? strtoul(argv[1], &end, 10) : 0;
    if (argc != 4 || errno != 0 || end == argv[1] || *end != '\0' || port > 65535) {
        fprintf(stderr, "usage: %s PORT CONTENT-TYPE BODY\n", argv[0]);
        return EXIT_FAILURE;
    }
    render(&responder, argv[2], argv[3]);
    start_listening(&responder, (unsigned short)port);
    run(&responder);
}
