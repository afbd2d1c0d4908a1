/* SPDX-License-Identifier: MIT */
#include "app/client.h"

#include <stdio.h>

#include <criterion/criterion.h>

#include "app/exchange.h"
#include "base/mem.h"

/* A request from `peer`, with proxies and fields to be set by the test. */
typedef struct scene {
    turbo__trust trust;
    turbo__endpoints ends;
    turbo_request request;
} scene;

static turbo__address address(const char *text)
{
    turbo__address found = {.kind = TURBO__ADDRESS_UNIX};
    cr_assert(text[0] == '\0' || turbo__address_parse(turbo_cstr(text), &found), "%s", text);
    return found;
}

static scene *begin(const char *proxies, turbo_forwarding forwarding, const char *peer)
{
    static scene self;
    static const turbo__transport none;
    memset(&self, 0, sizeof(self));
    cr_assert_eq(turbo__trust_init(&self.trust, proxies, forwarding), 0, "%s",
                 turbo_error_detail());
    cr_assert_eq(turbo__exchange_init(&self.request, &none, NULL), 0);
    turbo__address from = address(peer);
    from.port = 1000;
    turbo__endpoint_set(&self.ends.peer, from);
    turbo__endpoint_set(&self.ends.local, address("192.0.2.99"));
    turbo__endpoints_judge(&self.ends, &self.trust);
    self.request.endpoints = &self.ends;
    return &self;
}

static void add(scene *self, const char *name, const char *value)
{
    cr_assert_eq(turbo__fields_add(&self->request.headers, &self->request.arena, turbo_cstr(name),
                                   turbo_cstr(value)),
                 0);
}

static void end(scene *self)
{
    turbo__exchange_destroy(&self->request);
    turbo__trust_clear(&self->trust);
}

static void expect_str(turbo_str seen, const char *text)
{
    cr_expect(turbo_str_equal(seen, turbo_cstr(text)), "'%.*s' instead of '%s'", (int)seen.len,
              seen.data, text);
}

static void expect_peer(const scene *self, const char *peer, unsigned port)
{
    uint16_t seen = 1;
    expect_str(turbo_request_peer(&self->request, &seen), peer);
    cr_expect_eq(seen, port, "%s: port %u", peer, seen);
    expect_str(turbo_request_peer(&self->request, NULL), peer);
}

static void expect_host(const scene *self, const char *scheme, const char *host, unsigned port)
{
    uint16_t seen = 0;
    expect_str(turbo_request_scheme(&self->request), scheme);
    expect_str(turbo_request_host(&self->request, &seen), host);
    cr_expect_eq(seen, port, "%s: port %u", host, seen);
    expect_str(turbo_request_host(&self->request, NULL), host);
}

/* --- trusted networks ---------------------------------------------------- */

Test(trust, holds_for_its_networks)
{
    const struct {
        const char *list;
        const char *address; /* "": a unix socket */
        bool trusted;
    } cases[] = {
        {"10.0.0.0/8", "10.255.0.1", true},
        {"10.0.0.0/8", "11.0.0.0", false},
        {"10.0.0.0/8", "a00::1", false},
        {"10.1.2.3", "10.1.2.3", true},
        {"10.1.2.3", "10.1.2.2", false},
        {"10.1.2.128/25", "10.1.2.127", false},
        {"10.1.2.128/25", "10.1.2.129", true},
        {"10.1.2.2/31", "10.1.2.3", true},
        {"10.1.2.2/31", "10.1.2.4", false},
        {"0.0.0.0/0", "255.255.255.255", true},
        {"0.0.0.0/0", "::1", false},
        {"::/0", "::1", true},
        {"::/0", "1.2.3.4", false},
        {"fd00::/8", "fdff::1", true},
        {"fd00::/8", "fe00::1", false},
        {"2001:db8::/33", "2001:db8:7fff::1", true},
        {"2001:db8::/33", "2001:db8:8000::1", false},
        {"::1", "::1", true},
        {"::1", "::2", false},
        {"::ffff:10.0.0.0/104", "10.9.9.9", true},
        {"::ffff:10.0.0.0/104", "11.9.9.9", false},
        {"10.0.0.0/8", "::ffff:10.0.0.1", true},
        {"192.0.2.1 , 10.0.0.0/8,\tunix", "10.0.0.1", true},
        {"192.0.2.1 , 10.0.0.0/8,\tunix", "", true},
        {"192.0.2.1", "", false},
        {"unix", "127.0.0.1", false},
        {"", "127.0.0.1", false},
        {NULL, "127.0.0.1", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        turbo__trust trust;
        turbo__address peer = address(cases[i].address);
        cr_assert_eq(turbo__trust_init(&trust, cases[i].list, TURBO_FORWARDING_BOTH), 0, "%s",
                     turbo_error_detail());
        cr_expect_eq(turbo__trust_has(&trust, &peer), cases[i].trusted, "%s has %s", cases[i].list,
                     cases[i].address);
        turbo__trust_clear(&trust);
    }
}

Test(trust, refuses_a_bad_list_naming_the_entry)
{
    const struct {
        const char *list;
        const char *message;
    } cases[] = {
        {"10.0.0.0/33", "'10.0.0.0/33' needs a prefix length from 0 to 32"},
        {"::1/129", "'::1/129' needs a prefix length from 0 to 128"},
        {"10.0.0.0/", "'10.0.0.0/' needs a prefix"},
        {"10.0.0.0/0008", "'10.0.0.0/0008' needs a prefix"},
        {"10.0.0.0/255.0.0.0", "needs a prefix"},
        {"127.0.0.1, localhost", "'localhost' is no IP address"},
        {"127.0.0.1,,::1", "'' is no IP address"},
        {"127.0.0.1,", "'' is no IP address"},
        {"10.0.0", "'10.0.0' is no IP address"},
        {"10.0.0.1/8", "'10.0.0.1/8' has bits set behind its prefix"},
        {"2001:db8::1/64", "'2001:db8::1/64' has bits set behind its prefix"},
        {"0.0.0.1/0", "bits set behind"},
        {"::ffff:0.0.0.0/95", "wider than the IPv4 addresses"},
        {"[::1]", "'[::1]' is no IP address"},
        {"*", "'*' is no IP address"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        turbo__trust trust;
        cr_expect_eq(turbo__trust_init(&trust, cases[i].list, TURBO_FORWARDING_BOTH), TURBO_EINVAL,
                     "%s", cases[i].list);
        cr_expect_not_null(strstr(turbo_error_detail(), cases[i].message), "%s",
                           turbo_error_detail());
    }
}

Test(trust, reports_want_of_memory)
{
    turbo__trust trust;
    (void)turbo__mem_fail_nth(1);
    cr_assert_eq(turbo__trust_init(&trust, "10.0.0.0/8", TURBO_FORWARDING_BOTH), TURBO_ENOMEM);
    (void)turbo__mem_fail_nth(0);
}

/* --- who it is ------------------------------------------------------------- */

Test(client, is_the_sockets_when_nobody_is_trusted)
{
    scene *self = begin(NULL, TURBO_FORWARDING_BOTH, "10.0.0.1");
    add(self, "Host", "own.example:81");
    add(self, "Forwarded", "for=192.0.2.1;proto=https;host=a");
    add(self, "X-Forwarded-For", "192.0.2.2");
    add(self, "X-Forwarded-Proto", "https");
    add(self, "X-Forwarded-Host", "b");
    expect_peer(self, "10.0.0.1", 1000);
    expect_host(self, "http", "own.example", 81);
    cr_assert_not(self->request.client.known, "nobody asked a proxy");
    end(self);
}

Test(client, is_the_last_address_that_is_no_proxy)
{
    const struct {
        const char *list;
        const char *client;
        unsigned port;
    } cases[] = {
        {"192.0.2.1", "192.0.2.1", 0},
        {"198.51.100.7, 192.0.2.1", "192.0.2.1", 0}, /* the first is the client's invention */
        {"198.51.100.7, 192.0.2.1:99, 10.0.0.2", "192.0.2.1", 99},
        {"192.0.2.1, 10.0.0.3, 10.0.0.2", "192.0.2.1", 0},
        {"10.0.0.3, 10.0.0.2", "10.0.0.3", 0}, /* all are proxies: the farthest one asks */
        {"2001:DB8::1", "2001:db8::1", 0},
        {"[2001:db8::1]:443, fd00::9", "2001:db8::1", 443},
        {"::ffff:192.0.2.1, ::ffff:10.0.0.2", "192.0.2.1", 0},
        {"192.0.2.1, garbage, 10.0.0.2", "10.0.0.2", 0},
        {"192.0.2.1, garbage", "10.0.0.1", 1000},
        {"192.0.2.1, unknown", "unknown", 0},
        {"192.0.2.1, _hidden, 10.0.0.2", "_hidden", 0},
        {"", "10.0.0.1", 1000},
        {" , ,", "10.0.0.1", 1000},
        {"192.0.2.1,,", "192.0.2.1", 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        scene *self = begin("10.0.0.0/8, fd00::/8", TURBO_FORWARDING_BOTH, "10.0.0.1");
        add(self, "X-Forwarded-For", cases[i].list);
        expect_peer(self, cases[i].client, cases[i].port);
        uint16_t port = 0;
        expect_str(turbo_request_socket_peer(&self->request, &port), "10.0.0.1");
        cr_expect_eq(port, 1000);
        end(self);
    }
}

Test(client, is_looked_for_in_all_fields_of_the_name)
{
    scene *self = begin("10.0.0.0/8", TURBO_FORWARDING_BOTH, "10.0.0.1");
    add(self, "x-forwarded-for", "198.51.100.7");
    add(self, "Other", "198.51.100.8");
    add(self, "X-FORWARDED-FOR", "192.0.2.1, 10.0.0.3");
    add(self, "X-Forwarded-For", "");
    add(self, "X-Forwarded-For", "10.0.0.2");
    expect_peer(self, "192.0.2.1", 0);
    end(self);
    self = begin("10.0.0.0/8", TURBO_FORWARDING_BOTH, "10.0.0.1");
    add(self, "Forwarded", "for=\"");
    add(self, "Forwarded", "for=192.0.2.1;proto=https, for=10.0.0.3");
    add(self, "Forwarded", "for=10.0.0.2");
    expect_peer(self, "192.0.2.1", 0);
    expect_host(self, "https", "", 443);
    end(self);
}

Test(client, is_that_of_forwarded)
{
    scene *self = begin("10.0.0.0/8", TURBO_FORWARDING_BOTH, "10.0.0.1");
    add(self, "Host", "internal:8000");
    add(self, "Forwarded",
        "for=198.51.100.7, for=\"192.0.2.1:5\";proto=https;host=\"a.example:8443\","
        " for=10.0.0.2;proto=http;by=10.0.0.1");
    expect_peer(self, "192.0.2.1", 5);
    expect_host(self, "https", "a.example", 8443);
    end(self);
}

Test(client, keeps_what_was_good_when_forwarded_breaks_off)
{
    scene *self = begin("10.0.0.0/8", TURBO_FORWARDING_BOTH, "10.0.0.1");
    add(self, "Forwarded", "for=192.0.2.1;proto=https, nonsense, for=10.0.0.2;host=b.example");
    expect_peer(self, "10.0.0.2", 0);
    expect_host(self, "http", "b.example", 80);
    end(self);
    self = begin("10.0.0.0/8", TURBO_FORWARDING_BOTH, "10.0.0.1");
    add(self, "Forwarded", "for=192.0.2.1;proto=https, proto=gopher;host=\"no host\"");
    expect_peer(self, "10.0.0.1", 1000);
    expect_host(self, "http", "", 80);
    end(self);
}

Test(client, is_told_by_the_kind_of_field_that_is_believed)
{
    const struct {
        turbo_forwarding forwarding;
        bool standard;
        const char *client;
    } cases[] = {
        {TURBO_FORWARDING_BOTH, true, "192.0.2.1"},
        {TURBO_FORWARDING_BOTH, false, "192.0.2.2"},
        {TURBO_FORWARDING_STANDARD, true, "192.0.2.1"},
        {TURBO_FORWARDING_STANDARD, false, "10.0.0.1"},
        {TURBO_FORWARDING_X, true, "192.0.2.2"},
        {TURBO_FORWARDING_X, false, "192.0.2.2"},
        {TURBO_FORWARDING_NONE, true, "10.0.0.1"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        scene *self = begin("10.0.0.0/8", cases[i].forwarding, "10.0.0.1");
        if (cases[i].standard) {
            add(self, "Forwarded", "for=192.0.2.1");
        }
        add(self, "X-Forwarded-For", "192.0.2.2");
        expect_str(turbo_request_peer(&self->request, NULL), cases[i].client);
        end(self);
    }
    scene *self = begin("10.0.0.0/8", TURBO_FORWARDING_BOTH, "10.0.0.1");
    add(self, "Forwarded", "nonsense"); /* there is one, so the others do not count */
    add(self, "X-Forwarded-For", "192.0.2.2");
    expect_peer(self, "10.0.0.1", 1000);
    end(self);
}

Test(client, has_the_scheme_of_its_hop)
{
    const struct {
        const char *addresses;
        const char *schemes;
        const char *scheme;
    } cases[] = {
        {"192.0.2.1", "https", "https"},
        {"192.0.2.1", "HTTPS", "https"},
        {"192.0.2.1", "wss", "https"},
        {"192.0.2.1", "ws", "http"},
        {"192.0.2.1", "gopher", "http"},
        {"192.0.2.1", "https, http", "http"}, /* the first is the client's invention */
        {"192.0.2.1, 10.0.0.2", "https, http", "https"},
        {"192.0.2.1, 10.0.0.2", "https", "https"},
        {"192.0.2.1, 10.0.0.2", "http, https, http", "https"},
        {"", "https", "https"},
        {"192.0.2.1", "", "http"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        scene *self = begin("10.0.0.0/8", TURBO_FORWARDING_BOTH, "10.0.0.1");
        add(self, "X-Forwarded-For", cases[i].addresses);
        add(self, "X-Forwarded-Proto", cases[i].schemes);
        cr_expect(
            turbo_str_equal(turbo_request_scheme(&self->request), turbo_cstr(cases[i].scheme)),
            "case %zu", i);
        end(self);
    }
}

Test(client, addresses_a_host)
{
    const struct {
        const char *own;
        const char *told;
        const char *port;
        const char *host;
        unsigned number;
    } cases[] = {
        {"own.example", "", "", "own.example", 443},
        {"own.example:81", "", "", "own.example", 81},
        {"own.example:81", "told.example", "", "told.example", 443},
        {"own.example:81", "told.example:82", "83", "told.example", 82},
        {"own.example:81", "told.example", "83", "told.example", 83},
        {"own.example:81", "", "83", "own.example", 83},
        {"own.example:81", "bad host", "bad port", "own.example", 81},
        {"own.example:81", "inner.example, told.example", "", "told.example", 443},
        {"[::1]:81", "", "", "[::1]", 81},
        {"bad host", "", "", "", 443},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        scene *self = begin("unix", TURBO_FORWARDING_X, "");
        add(self, "X-Forwarded-Proto", "https");
        add(self, "X-Forwarded-Host", cases[i].told);
        add(self, "X-Forwarded-Port", cases[i].port);
        add(self, "Host", cases[i].own);
        expect_host(self, "https", cases[i].host, cases[i].number);
        expect_peer(self, "", 1000);
        end(self);
    }
}

Test(client, is_found_out_once_for_each_request)
{
    scene *self = begin("10.0.0.0/8", TURBO_FORWARDING_BOTH, "10.0.0.1");
    add(self, "X-Forwarded-For", "192.0.2.1");
    expect_peer(self, "192.0.2.1", 0);
    cr_assert(self->request.client.known);
    self->request.headers.items[0].value = TURBO_STR("192.0.2.2");
    expect_peer(self, "192.0.2.1", 0);
    turbo__exchange_reset(&self->request);
    add(self, "X-Forwarded-For", "192.0.2.3");
    expect_peer(self, "192.0.2.3", 0);
    end(self);
}

Test(client, is_not_looked_for_without_end)
{
    static char list[4096];
    for (int i = 0; i < 200; i++) {
        (void)snprintf(list + strlen(list), sizeof(list) - strlen(list), "10.1.0.%d, ", i);
    }
    scene *self = begin("10.0.0.0/8", TURBO_FORWARDING_BOTH, "10.0.0.1");
    add(self, "X-Forwarded-For", list);
    expect_peer(self, "10.1.0.168", 0); /* the 32nd from the right */
    end(self);
}

Test(client, may_be_told_by_the_connection_first)
{
    scene *self = begin("10.0.0.0/8", TURBO_FORWARDING_BOTH, "10.0.0.1");
    uint16_t port = 0;
    turbo__endpoints_relay(&self->ends, address("192.0.2.1"), address("192.0.2.2"), &self->trust);
    add(self, "X-Forwarded-For", "198.51.100.1");
    expect_peer(self, "192.0.2.1", 0); /* no proxy, so its fields are not believed */
    expect_str(turbo_request_local(&self->request, &port), "192.0.2.2");
    expect_str(turbo_request_socket_peer(&self->request, &port), "10.0.0.1");
    cr_assert_eq(port, 1000);
    end(self);
    self = begin("10.0.0.0/8", TURBO_FORWARDING_BOTH, "10.0.0.1");
    turbo__endpoints_relay(&self->ends, address("10.0.0.9"), address("192.0.2.2"), &self->trust);
    add(self, "X-Forwarded-For", "198.51.100.1");
    expect_peer(self, "198.51.100.1", 0);
    end(self);
}
