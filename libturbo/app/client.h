/* SPDX-License-Identifier: MIT */
#ifndef TURBO__APP_CLIENT_H
#define TURBO__APP_CLIENT_H

/*
 * Who a request comes from: the one place that decides whether a proxy's word about its client is
 * believed. Two steps: what a PROXY header said replaces the addresses of the connection, once
 * (net layer); what the request's header fields say is found out when somebody asks, once for each
 * request.
 */

#include "codec/address.h"
#include "turbo/server.h"

typedef struct turbo__network turbo__network;

/** The proxies that are believed. Part of the application object; written in setup, then only read.
 */
typedef struct turbo__trust {
    turbo__network *networks; /* owned */
    size_t count;
    bool unix_sockets;
    turbo_forwarding forwarding;
} turbo__trust;

/** One end of a connection with its text. */
typedef struct turbo__endpoint {
    turbo__address address;
    uint8_t text_len;
    char text[TURBO__ADDRESS_TEXT]; /* no NUL beyond text_len */
} turbo__endpoint;

/** Addresses of one connection, kept by it, readable as long as the exchange. */
typedef struct turbo__endpoints {
    turbo__endpoint peer;        /* who sends the requests, as far as a PROXY header told */
    turbo__endpoint local;       /* what it connected to */
    turbo__endpoint socket_peer; /* the socket's own; set only when `relayed` */
    bool relayed;                /* peer and local are from a PROXY header */
    const turbo__trust *trust;   /* the peer's header fields are believed; NULL: they are not */
} turbo__endpoints;

/** What a request's header fields say of its client. Embedded in the request, the driver's or the
 * handler's as that is. Views live as long as the request. */
typedef struct turbo__client {
    bool known; /* the rest was found out */
    uint16_t port;
    uint16_t host_port; /* 0: not told */
    turbo_str peer;
    turbo_str scheme;
    turbo_str host; /* empty: not told */
    char text[TURBO__ADDRESS_TEXT];
} turbo__client;

/** Reads a list of networks (see turbo_server_options.trusted_proxies; NULL: none). Returns 0,
 * TURBO_EINVAL naming the entry, TURBO_ENOMEM; nothing is to be freed after an error. */
int turbo__trust_init(turbo__trust *trust, const char *list, turbo_forwarding forwarding);

void turbo__trust_clear(turbo__trust *trust);

/** Whether `address` is one of the proxies. */
bool turbo__trust_has(const turbo__trust *trust, const turbo__address *address);

/** Sets one end and its text. */
void turbo__endpoint_set(turbo__endpoint *end, turbo__address address);

/** Sets `trust` of a connection whose `peer` is set. */
void turbo__endpoints_judge(turbo__endpoints *ends, const turbo__trust *trust);

/** The connection's client and goal are not the socket's but these, says a PROXY header. */
void turbo__endpoints_relay(turbo__endpoints *ends, turbo__address source,
                            turbo__address destination, const turbo__trust *trust);

/** Finds out what the request's header fields say, if that was not done yet. To be called only when
 * its connection's `trust` is set. */
const turbo__client *turbo__client_of(const turbo_request *request);

#endif
