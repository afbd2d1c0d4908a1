/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include <turbo/turbo.h>

/* Prints the version of the library that runs, and fails unless the headers are of the same. */
int main(void)
{
    turbo_server *server = NULL;
    if (turbo_server_new(NULL, &server) != 0) {
        return 1;
    }
    turbo_server_free(server);
    puts(turbo_version());
    return strcmp(turbo_version(), TURBO_VERSION_STRING) != 0;
}
