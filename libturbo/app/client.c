/* SPDX-License-Identifier: MIT */
#include "app/client.h"

#include <string.h>

#include "app/exchange.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "codec/forwarded.h"
#include "codec/host.h"

enum {
    MAX_HOPS = 32, /* proxies in a row that are believed, whatever the trusted networks say */
    IPV4_BITS = 32,
    IPV6_BITS = 128,
    MAPPED_BITS = 96 /* of the prefix that maps IPv4 into IPv6 */
};

struct turbo__network {
    turbo__address base; /* bits behind the prefix are zero */
    uint16_t bits;
};

/* --- trusted networks ---------------------------------------------------- */

static bool bits_equal(const unsigned char *a, const unsigned char *b, unsigned bits)
{
    unsigned whole = bits / 8;
    unsigned rest = bits % 8;
    if (memcmp(a, b, whole) != 0) {
        return false;
    }
    return rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0;
}

static bool is_base(const turbo__network *network, unsigned bits)
{
    static const unsigned char zero[sizeof(network->base.bytes)];
    const unsigned char *bytes = network->base.bytes;
    unsigned whole = bits / 8;
    if (whole == sizeof(zero)) {
        return true;
    }
    unsigned char left = (unsigned char)(bytes[whole] << bits % 8);
    return left == 0 && memcmp(bytes + whole + 1, zero, sizeof(zero) - whole - 1) == 0;
}

static int refuse(turbo_str entry, const char *why)
{
    return turbo__error_set(TURBO_EINVAL, "option trusted_proxies: '%.*s' %s", (int)entry.len,
                            entry.data, why);
}

/* The number of bits behind the slash; what is written as IPv6 but maps IPv4 has fewer of them. */
static int read_prefix(turbo_str entry, turbo_str text, bool ipv6, turbo__network *out)
{
    unsigned most = ipv6 ? IPV6_BITS : IPV4_BITS;
    uint16_t bits;
    if (text.len > 3 || !turbo__port_parse(text, &bits) || bits > most) {
        return refuse(entry, ipv6 ? "needs a prefix length from 0 to 128"
                                  : "needs a prefix length from 0 to 32");
    }
    if (ipv6 && out->base.kind == TURBO__ADDRESS_IPV4) {
        if (bits < MAPPED_BITS) {
            return refuse(entry, "is wider than the IPv4 addresses mapped into IPv6");
        }
        bits = (uint16_t)(bits - MAPPED_BITS);
    }
    out->bits = bits;
    return is_base(out, bits) ? 0 : refuse(entry, "has bits set behind its prefix");
}

static int read_network(turbo_str entry, turbo__network *out)
{
    turbo_str address = entry;
    size_t slash;
    size_t colon;
    bool prefixed = turbo__str_find(entry, '/', &slash);
    if (prefixed) {
        address = turbo__str_slice(entry, 0, slash);
    }
    if (!turbo__address_parse(address, &out->base)) {
        return refuse(entry, "is no IP address, no network in CIDR notation and not 'unix'");
    }
    bool ipv6 = turbo__str_find(address, ':', &colon);
    if (prefixed) {
        return read_prefix(entry, turbo__str_slice(entry, slash + 1, entry.len), ipv6, out);
    }
    out->bits = out->base.kind == TURBO__ADDRESS_IPV6 ? IPV6_BITS : IPV4_BITS;
    return 0;
}

static int read_list(turbo__trust *trust, turbo_str rest)
{
    bool more = rest.len > 0;
    while (more) {
        turbo_str entry = rest;
        size_t comma;
        more = turbo__str_find(rest, ',', &comma);
        if (more) {
            entry = turbo__str_slice(rest, 0, comma);
            rest = turbo__str_slice(rest, comma + 1, rest.len);
        }
        entry = turbo__str_trim(entry);
        if (turbo_str_equal(entry, TURBO_STR("unix"))) {
            trust->unix_sockets = true;
            continue;
        }
        int rc = read_network(entry, &trust->networks[trust->count]);
        if (rc != 0) {
            return rc;
        }
        trust->count++;
    }
    return 0;
}

int turbo__trust_init(turbo__trust *trust, const char *list, turbo_forwarding forwarding)
{
    turbo_str text = turbo_cstr(list);
    size_t most = 1;
    memset(trust, 0, sizeof(*trust));
    trust->forwarding = forwarding;
    for (size_t i = 0; i < text.len; i++) {
        most += text.data[i] == ',' ? 1 : 0;
    }
    if (text.len == 0) {
        return 0;
    }
    trust->networks = turbo__calloc(most, sizeof(*trust->networks));
    if (trust->networks == NULL) {
        return TURBO_ENOMEM;
    }
    int rc = read_list(trust, text);
    if (rc != 0) {
        turbo__trust_clear(trust);
    }
    return rc;
}

void turbo__trust_clear(turbo__trust *trust)
{
    turbo__free(trust->networks);
    memset(trust, 0, sizeof(*trust));
}

bool turbo__trust_has(const turbo__trust *trust, const turbo__address *address)
{
    if (address->kind == TURBO__ADDRESS_UNIX) {
        return trust->unix_sockets;
    }
    for (size_t i = 0; i < trust->count; i++) {
        const turbo__network *network = &trust->networks[i];
        if (network->base.kind == address->kind &&
            bits_equal(network->base.bytes, address->bytes, network->bits)) {
            return true;
        }
    }
    return false;
}

/* --- connections --------------------------------------------------------- */

void turbo__endpoint_set(turbo__endpoint *end, turbo__address address)
{
    end->address = address;
    end->text_len = turbo__address_text(&address, end->text);
}

void turbo__endpoints_judge(turbo__endpoints *ends, const turbo__trust *trust)
{
    ends->trust = turbo__trust_has(trust, &ends->peer.address) ? trust : NULL;
}

void turbo__endpoints_relay(turbo__endpoints *ends, turbo__address source,
                            turbo__address destination, const turbo__trust *trust)
{
    ends->socket_peer = ends->peer;
    ends->relayed = true;
    turbo__endpoint_set(&ends->peer, source);
    turbo__endpoint_set(&ends->local, destination);
    turbo__endpoints_judge(ends, trust);
}

/* --- header fields ------------------------------------------------------- */

/* The values of all fields of one name, from the last to the first. */
typedef struct walk {
    const turbo__fields *fields;
    turbo_str name;
    size_t left; /* fields not looked at yet */
    turbo_str rest;
} walk;

static walk walk_of(const turbo_request *request, const char *name)
{
    walk self = {&request->headers, turbo_cstr(name), request->headers.count, {NULL, 0}};
    return self;
}

static bool earlier_field(walk *self)
{
    while (self->left > 0) {
        const turbo__field *field = &self->fields->items[--self->left];
        if (turbo__str_equal_nocase(field->name, self->name)) {
            self->rest = field->value;
            return true;
        }
    }
    return false;
}

static bool earlier_item(walk *self, turbo_str *item)
{
    do {
        if (turbo__list_last(&self->rest, item)) {
            return true;
        }
    } while (earlier_field(self));
    return false;
}

/* The item that belongs to the hop `index` steps from the right. A shorter list, such as the single
 * value that most proxies write, holds for all hops left of it. */
static turbo_str item_for(const turbo_request *request, const char *name, size_t index)
{
    walk list = walk_of(request, name);
    turbo_str found = {NULL, 0};
    turbo_str item;
    for (size_t i = 0; i <= index && earlier_item(&list, &item); i++) {
        found = item;
    }
    return found;
}

static void take_scheme(turbo__client *client, turbo_str proto)
{
    static const struct {
        const char *name;
        bool secure;
    } known[] = {{"http", false}, {"https", true}, {"ws", false}, {"wss", true}};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (turbo__str_equal_nocase(proto, turbo_cstr(known[i].name))) {
            client->scheme = known[i].secure ? TURBO_STR("https") : TURBO_STR("http");
        }
    }
}

static void take_host(turbo__client *client, turbo_str text)
{
    turbo_str host;
    uint16_t port;
    if (turbo__host_split(text, &host, &port)) {
        client->host = host;
        client->host_port = port;
    }
}

/* Makes the hop's node the client. Returns whether it is a trusted proxy, so that what it wrote
 * about a client of its own counts too. */
static bool take_node(turbo__client *client, const turbo__hop *hop, const turbo__trust *trust)
{
    client->port = hop->address.port;
    if (hop->address.kind == TURBO__ADDRESS_NONE) {
        client->peer = hop->name;
        return false;
    }
    client->peer.len = turbo__address_text(&hop->address, client->text);
    client->peer.data = client->text;
    return turbo__trust_has(trust, &hop->address);
}

/* Returns whether there is a Forwarded field at all. */
static bool read_forwarded(const turbo_request *request, turbo__client *client)
{
    walk list = walk_of(request, "forwarded");
    turbo__hop hop;
    bool found = false;
    for (int hops = 0; hops < MAX_HOPS;) {
        int rc = turbo__forwarded_last(&list.rest, &hop);
        if (rc == TURBO_ENOTFOUND && earlier_field(&list)) {
            found = true;
            continue;
        }
        if (rc != 0) {
            break;
        }
        hops++;
        take_scheme(client, hop.proto);
        take_host(client, hop.host);
        bool named = hop.address.kind != TURBO__ADDRESS_NONE || hop.name.len > 0;
        if (!named || !take_node(client, &hop, request->endpoints->trust)) {
            break;
        }
    }
    return found;
}

static void read_x_forwarded(const turbo_request *request, turbo__client *client)
{
    walk list = walk_of(request, "x-forwarded-for");
    turbo_str item;
    size_t hops = 0;
    bool trusted = true;
    while (trusted && hops < MAX_HOPS && earlier_item(&list, &item)) {
        turbo__hop hop;
        if (!turbo__forwarded_node(item, &hop)) {
            break;
        }
        trusted = take_node(client, &hop, request->endpoints->trust);
        hops++;
    }
    size_t index = hops > 0 ? hops - 1 : 0;
    take_scheme(client, item_for(request, "x-forwarded-proto", index));
    take_host(client, item_for(request, "x-forwarded-host", index));
    if (client->host_port == 0) { /* what is no port is as good as none */
        (void)turbo__port_parse(item_for(request, "x-forwarded-port", index), &client->host_port);
    }
}

static void find_out(const turbo_request *request, turbo__client *client)
{
    const turbo__endpoints *ends = request->endpoints;
    turbo_str peer = {ends->peer.text, ends->peer.text_len};
    turbo_str none = {NULL, 0};
    client->peer = peer;
    client->port = ends->peer.address.port;
    client->scheme = TURBO_STR("http");
    client->host = none;
    client->host_port = 0;
    turbo_forwarding which = ends->trust->forwarding;
    bool both = which == TURBO_FORWARDING_BOTH;
    if ((both || which == TURBO_FORWARDING_STANDARD) && read_forwarded(request, client)) {
        return;
    }
    if (both || which == TURBO_FORWARDING_X) {
        read_x_forwarded(request, client);
    }
}

const turbo__client *turbo__client_of(const turbo_request *request)
{
    /* What is remembered here is no part of a const request's value. */
    turbo__client *client = (turbo__client *)(uintptr_t)&request->client;
    if (!client->known) {
        find_out(request, client);
        client->known = true;
    }
    return client;
}
