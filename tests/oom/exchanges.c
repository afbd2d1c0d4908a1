/* SPDX-License-Identifier: MIT */

/* Scenarios in which a running server is asked something. */

#include "oom.h"

#include <stdio.h>
#include <string.h>

#include <unistd.h>

enum { CHUNK = 700, MESSAGE = 64 * 1024 };

#define PIPELINED "GET /plain/p HTTP/1.1\r\nHost: a\r\n\r\n"

/* What is sent, and what a right answer looks like. */
typedef struct exchange {
    turbo_str request;
    int answers;       /* 0: 1 */
    int status;        /* 0: 200 */
    const char *body;  /* NULL: any */
    size_t size;       /* bytes of the body; 0: as `body` says */
    const char *field; /* a field that the head must have; NULL: any */
    const char *value;
    bool local;        /* over the unix socket */
    bool once;         /* not twice on a connection */
    bool chunked;      /* `content` is sent in chunks, with the trailer "t: end" */
    turbo_str content; /* the request's body; the head lacks framing and end if there is one */
} exchange;

static bool is_right(const exchange *wanted, const oom_answer *answer)
{
    if (answer->status != (wanted->status != 0 ? wanted->status : 200) ||
        (wanted->field != NULL && !oom_has_field(answer, wanted->field, wanted->value))) {
        return false;
    }
    if (wanted->body != NULL) {
        return turbo_str_equal(answer->body, turbo_cstr(wanted->body));
    }
    if (wanted->size == 0) {
        return true;
    }
    for (size_t i = 0; i < answer->body.len; i++) {
        if ((unsigned char)answer->body.data[i] != i % 251) {
            return false;
        }
    }
    return answer->body.len == wanted->size;
}

static oom_outcome judge_answer(const exchange *wanted, const oom_answer *answer)
{
    if (!answer->complete) {
        return OOM_REFUSED;
    }
    if (is_right(wanted, answer)) {
        return OOM_RIGHT;
    }
    if (answer->status != 500 && answer->status != 503) {
        oom_die("wrong answer:\n%.*s%.*s", (int)answer->head.len, answer->head.data,
                (int)(answer->body.len < 2000 ? answer->body.len : 2000), answer->body.data);
    }
    return OOM_REFUSED;
}

static char message[MESSAGE]; /* the main thread's */

static size_t append(size_t at, const char *data, size_t size)
{
    if (size > sizeof(message) - at) {
        oom_die("a request is too long");
    }
    memcpy(message + at, data, size);
    return at + size;
}

static size_t append_chunks(size_t at, turbo_str content)
{
    char line[32];
    for (size_t done = 0; done < content.len; done += CHUNK) {
        size_t size = content.len - done < CHUNK ? content.len - done : CHUNK;
        at = append(at, line, (size_t)snprintf(line, sizeof(line), "%zx\r\n", size));
        at = append(at, content.data + done, size);
        at = append(at, "\r\n", 2);
    }
    static const char end[] = "0\r\nt: end\r\n\r\n";
    return append(at, end, sizeof(end) - 1);
}

static void send_request(int fd, const exchange *wanted)
{
    static const char chunked[] = "Transfer-Encoding: chunked\r\n\r\n";
    size_t at = append(0, wanted->request.data, wanted->request.len);
    if (wanted->chunked) {
        at = append(at, chunked, sizeof(chunked) - 1);
        at = append_chunks(at, wanted->content);
    } else if (wanted->content.len > 0) {
        char line[64];
        int size = snprintf(line, sizeof(line), "Content-Length: %zu\r\n\r\n", wanted->content.len);
        at = append(at, line, (size_t)size);
        at = append(at, wanted->content.data, wanted->content.len);
    }
    oom_send(fd, (turbo_str){message, at});
}

/* Sends the request and reads its answers. `*last`: the connection cannot be used again. */
static oom_outcome exchange_once(int fd, const exchange *wanted, bool *last)
{
    oom_outcome outcome = OOM_RIGHT;
    int answers = wanted->answers != 0 ? wanted->answers : 1;
    *last = false;
    send_request(fd, wanted);
    for (int i = 0; i < answers && !*last; i++) {
        oom_answer answer;
        oom_receive(fd, NULL, NULL, &answer);
        *last = answer.last;
        if (judge_answer(wanted, &answer) != OOM_RIGHT || (answer.last && i + 1 < answers)) {
            outcome = OOM_REFUSED;
        }
    }
    return outcome;
}

/* After a failure the next request on the same connection, if it is still there, must be right;
 * the runner asks on a new one. */
static oom_outcome ask(oom_run *run, const void *data)
{
    const exchange *wanted = data;
    int fd = wanted->local ? oom_connect_unix(run->socket) : oom_connect(run->port);
    if (fd < 0) {
        return OOM_REFUSED;
    }
    oom_client_reset();
    bool last;
    oom_outcome outcome = exchange_once(fd, wanted, &last);
    oom_relent();
    if (outcome != OOM_RIGHT && !last && !wanted->once &&
        exchange_once(fd, wanted, &last) != OOM_RIGHT) {
        oom_die("the next request on the connection was not answered");
    }
    (void)close(fd); /* nothing is on the way */
    return outcome;
}

/* --- options ---------------------------------------------------------------- */

static const turbo_str origins[] = {{"https://a.example", 17}};
static const turbo_cors_options cors = {
    .size = sizeof(cors), .origins = origins, .origin_count = 1, .origin_regex = "https://b.*"};

static void with_cors(turbo_server_options *options)
{
    options->cors = &cors;
}

static void with_redirects(turbo_server_options *options)
{
    options->redirect_slashes = true;
}

static void with_proxy(turbo_server_options *options)
{
    options->proxy_protocol = true;
    options->trusted_proxies = "127.0.0.1, unix";
}

static void with_forwarding(turbo_server_options *options)
{
    options->trusted_proxies = "127.0.0.0/8";
}

static void count_access(const turbo_access *access, void *user_data)
{
    oom_run *run = user_data;
    run->records++;
    run->lost += access->dropped;
}

static void with_log(turbo_server_options *options)
{
    options->access_log = count_access;
}

/* --- the list --------------------------------------------------------------- */

#define REQUEST(line, fields) .request = LITERAL(line " HTTP/1.1\r\nHost: a:80\r\n" fields)
#define LITERAL(text)                                                                              \
    {                                                                                              \
        (text), sizeof(text) - 1                                                                   \
    }
#define EXCHANGE(...) (&(const exchange){__VA_ARGS__})
#define END "\r\n"
#define TEN "0123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN
#define THOUSAND HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED
#define FIVE_THOUSAND THOUSAND THOUSAND THOUSAND THOUSAND THOUSAND
#define PART(name, more, data)                                                                     \
    "--b\r\nContent-Disposition: form-data; name=\"" name "\"" more "\r\n\r\n" data "\r\n"
#define MULTIPART                                                                                  \
    LITERAL(PART("a", "", "value")                                                                 \
                PART("f", "; filename=\"f\"\r\nContent-Type: text/plain", FIVE_THOUSAND)           \
                    PART("g", "; filename*=UTF-8''%C3%A4", TEN) "--b--\r\n")
#define MULTIPART_FIELD "Content-Type: multipart/form-data; boundary=b\r\n"
#define MULTIPART_ANSWER "5015 bytes, sum 263566"
#define UPLOAD_ANSWER "10000 bytes, sum 525000"

#define SCENARIO(called, with, ...)                                                                \
    {                                                                                              \
        .name = (called), .options = (with), .started = true, .act = ask,                          \
        .data = EXCHANGE(__VA_ARGS__)                                                              \
    }

static const char errors[] =
    "{\"detail\":[{\"type\":\"string_too_short\",\"loc\":[\"body\",\"name\"],\"msg\":\"String "
    "should "
    "have at least 3 "
    "characters\",\"input\":\"x\",\"ctx\":{\"min_length\":3}},{\"type\":\"int_type\","
    "\"loc\":[\"body\",\"count\"],\"msg\":\"Input should be a valid integer\",\"input\":\"y\"}]}";

const oom_scenario oom_exchanges[] = {
    SCENARIO("plain GET", NULL, REQUEST("GET /plain/x%20y?q=a+b%21", "Cookie: c=d\r\n" END),
             .body = "x y|a b!|d|127.0.0.1|a|"),
    SCENARIO("static answer", NULL, REQUEST("GET /static", END), .body = "\"static\""),
    SCENARIO("not found", NULL, REQUEST("GET /nowhere", END), .status = 404),
    SCENARIO("method not allowed", NULL, REQUEST("PUT /json", "Content-Length: 0\r\n" END),
             .status = 405, .field = "allow", .value = "POST"),
    SCENARIO("long head", NULL,
             REQUEST("GET /plain/x?q=" FIVE_THOUSAND, "A: " FIVE_THOUSAND "\r\nB: " FIVE_THOUSAND
                                                      "\r\nC: " FIVE_THOUSAND "\r\n" END),
             .status = 200, .field = "content-type", .value = "text/plain"),
    SCENARIO("POST JSON", NULL, REQUEST("POST /json", ""),
             .content = LITERAL("{\"a\": [1, 2.5, true, null, \"\\u00e4\"], \"b\": {\"c\": {}}}"),
             .body = "{\"a\":[1,2.5,true,null,\"\xc3\xa4\"],\"b\":{\"c\":{}}}"),
    SCENARIO("schema 200", NULL, REQUEST("POST /checked", ""),
             .content = LITERAL("{\"name\": \"abc\", \"count\": null}"),
             .body = "{\"name\":\"abc\",\"count\":null}"),
    SCENARIO("schema 422", NULL, REQUEST("POST /checked", ""),
             .content = LITERAL("{\"name\": \"x\", \"count\": \"y\"}"), .status = 422,
             .body = errors),
    SCENARIO("collected body", NULL, REQUEST("POST /collect", "Trailer: t\r\n"), .chunked = true,
             .content = LITERAL(FIVE_THOUSAND), .body = FIVE_THOUSAND, .field = "x-trailer",
             .value = "end"),
    SCENARIO("streamed body", NULL, REQUEST("POST /upload", ""),
             .content = LITERAL(FIVE_THOUSAND FIVE_THOUSAND), .chunked = true,
             .body = UPLOAD_ANSWER),
    SCENARIO("long body streamed", NULL, REQUEST("POST /past", ""),
             .content = LITERAL(FIVE_THOUSAND FIVE_THOUSAND), .body = UPLOAD_ANSWER),
    SCENARIO("streamed answer", NULL, REQUEST("GET /stream", END),
             .size = (size_t)OOM_STREAM_PARTS * OOM_STREAM_PART),
    SCENARIO("big owned body", NULL, REQUEST("GET /big", END), .size = OOM_BIG),
    SCENARIO("big copied body", NULL, REQUEST("GET /copy", END), .size = OOM_BIG),
    SCENARIO("file", NULL, REQUEST("GET /file", END), .size = OOM_BIG),
    SCENARIO("pipelined", NULL,
             .request = LITERAL(PIPELINED PIPELINED PIPELINED PIPELINED PIPELINED), .answers = 5,
             .body = "p|-|-|127.0.0.1|a|"),
    SCENARIO("offload", NULL, REQUEST("GET /offload/x", END), .body = "x|-|-|127.0.0.1|a|"),
    SCENARIO("pending", NULL, REQUEST("GET /later", END), .body = "later", .field = "x-when",
             .value = "later"),
    SCENARIO("CORS preflight", with_cors,
             REQUEST("OPTIONS /plain/x",
                     "Origin: https://a.example\r\nAccess-Control-Request-Method: GET\r\n" END),
             .field = "access-control-allow-origin", .value = "https://a.example"),
    SCENARIO("CORS answer", with_cors, REQUEST("GET /plain/x", "Origin: https://b.example\r\n" END),
             .body = "x|-|-|127.0.0.1|a|", .field = "access-control-allow-origin",
             .value = "https://b.example"),
    SCENARIO("redirect", with_redirects, REQUEST("GET /slash/x?q=1", END), .status = 307,
             .field = "location", .value = "http://a:80/slash/x/?q=1"),
    SCENARIO("urlencoded form", NULL,
             REQUEST("POST /form", "Content-Type: application/x-www-form-urlencoded\r\n"),
             .content = LITERAL("a=%41+b&c=d"), .body = "4 bytes, sum 295"),
    SCENARIO("multipart form", NULL, REQUEST("POST /form", MULTIPART_FIELD), .content = MULTIPART,
             .body = MULTIPART_ANSWER),
    SCENARIO("multipart form, streamed", NULL, REQUEST("POST /form-read", MULTIPART_FIELD),
             .content = MULTIPART, .chunked = true, .body = MULTIPART_ANSWER),
    SCENARIO("access log", with_log, REQUEST("GET /plain/x", "Referer: r\r\nUser-Agent: u\r\n" END),
             .body = "x|-|-|127.0.0.1|a|"),
    SCENARIO("metrics text", NULL, REQUEST("GET /metrics", END), .field = "content-type"),
    SCENARIO("PROXY header", with_proxy,
             .request = LITERAL("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nGET /plain/x "
                                "HTTP/1.1\r\nHost: a\r\n\r\n"),
             .body = "x|-|-|192.0.2.1|a|", .once = true),
    SCENARIO("Forwarded", with_forwarding,
             REQUEST("GET /plain/x",
                     "X-Forwarded-For: 192.0.2.3, 127.0.0.9\r\nX-Forwarded-Host: b:81\r\n" END),
             .body = "x|-|-|192.0.2.3|b|"),
    SCENARIO("unix socket", NULL, REQUEST("GET /plain/x", END), .body = "x|-|-||a|", .local = true),
    {.name = NULL},
};
