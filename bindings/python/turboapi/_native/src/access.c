/* SPDX-License-Identifier: MIT */
#include "access.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_ROOM = 1400 }; /* peer 64, method 32, target 1,024 and numbers: <turbo/access.h> */

/* Made by a Python server object, which frees it after the library's server and its reader ended.
 */
struct turboapi_access {
    pthread_mutex_t lock;   /* guards all below */
    pthread_cond_t changed; /* lines came or went, or it was closed */
    bool closed;
    size_t length;
    char lines[TURBOAPI_ACCESS_ROOM];
};

turboapi_access *turboapi_access_new(void)
{
    turboapi_access *queue = calloc(1, sizeof(*queue));
    if (queue == NULL) {
        return NULL;
    }
    if (pthread_mutex_init(&queue->lock, NULL) != 0) {
        free(queue);
        return NULL;
    }
    if (pthread_cond_init(&queue->changed, NULL) != 0) {
        pthread_mutex_destroy(&queue->lock);
        free(queue);
        return NULL;
    }
    return queue;
}

void turboapi_access_free(turboapi_access *queue)
{
    if (queue != NULL) {
        pthread_cond_destroy(&queue->changed);
        pthread_mutex_destroy(&queue->lock);
        free(queue);
    }
}

/* Returns the length of the line. */
static size_t write_line(const turbo_access *access, char *line)
{
    char port[8] = "";
    if (access->client.len > 0) {
        snprintf(port, sizeof(port), ":%u", access->client_port);
    }
    int length = snprintf(line, LINE_ROOM, "%.*s%s %.*s %.*s %u.%u %u\n", (int)access->client.len,
                          access->client.data, port, (int)access->method.len, access->method.data,
                          (int)access->target.len, access->target.data, access->version / 10u,
                          access->version % 10u, access->status);
    return (size_t)length;
}

void turboapi_access_log(const turbo_access *access, void *user_data)
{
    turboapi_access *queue = user_data;
    char line[LINE_ROOM];
    if (access->status == 0 || access->method.len == 0) {
        return;
    }
    size_t length = write_line(access, line);
    pthread_mutex_lock(&queue->lock);
    while (queue->length + length > TURBOAPI_ACCESS_ROOM && !queue->closed) {
        pthread_cond_wait(&queue->changed, &queue->lock);
    }
    if (!queue->closed) {
        memcpy(queue->lines + queue->length, line, length);
        queue->length += length;
        pthread_cond_broadcast(&queue->changed);
    }
    pthread_mutex_unlock(&queue->lock);
}

size_t turboapi_access_read(turboapi_access *queue, char *out, size_t size)
{
    pthread_mutex_lock(&queue->lock);
    while (queue->length == 0 && !queue->closed) {
        pthread_cond_wait(&queue->changed, &queue->lock);
    }
    size_t length = queue->length;
    if (length > size) {
        length = 0; /* the caller's mistake; it ends there */
    }
    memcpy(out, queue->lines, length);
    queue->length = 0;
    pthread_cond_broadcast(&queue->changed);
    pthread_mutex_unlock(&queue->lock);
    return length;
}

void turboapi_access_close(turboapi_access *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->closed = true;
    pthread_cond_broadcast(&queue->changed);
    pthread_mutex_unlock(&queue->lock);
}
