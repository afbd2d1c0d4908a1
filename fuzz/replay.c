/* SPDX-License-Identifier: MIT */

/*
 * Runs a fuzz target on files, without libFuzzer: replay FOLDER-OR-FILE...
 * Each file is run as it is, and cut at up to 64 places, so that broken inputs are among the tests
 * too.
 */
#include "target.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_INPUT = 1 << 20, MAX_PATH = 4096, CUTS = 64 };

/* Runs the first `size` bytes from a heap block of exactly that size: an overrun is then visible to
 * a sanitizer. */
static void run_part(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);
    FUZZ_CHECK(copy != NULL);
    memcpy(copy, data, size);
    (void)LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static int run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        return -1;
    }
    uint8_t *data = malloc(MAX_INPUT);
    FUZZ_CHECK(data != NULL);
    size_t size = fread(data, 1, MAX_INPUT, file);
    int failed = ferror(file) || size == MAX_INPUT;
    (void)fclose(file); /* it was only read */
    if (failed) {
        fprintf(stderr, "%s: unreadable or larger than %d bytes\n", path, MAX_INPUT - 1);
        free(data);
        return -1;
    }
    size_t step = size / CUTS + 1;
    for (size_t length = 0; length < size; length += step) {
        run_part(data, length);
    }
    run_part(data, size);
    free(data);
    return 1;
}

/* The number of files that were run, or -1. */
static int run_folder(const char *path)
{
    DIR *folder = opendir(path);
    if (folder == NULL) {
        perror(path);
        return -1;
    }
    int count = 0;
    for (const struct dirent *entry = readdir(folder); entry != NULL && count >= 0;
         entry = readdir(folder)) {
        char name[MAX_PATH];
        if (entry->d_name[0] == '.') {
            continue;
        }
        int length = snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
        FUZZ_CHECK(length > 0 && (size_t)length < sizeof(name));
        count = run_file(name) < 0 ? -1 : count + 1;
    }
    (void)closedir(folder);
    return count;
}

int main(int argc, char **argv)
{
    int total = 0;
    for (int i = 1; i < argc; i++) {
        struct stat status;
        if (stat(argv[i], &status) != 0) {
            perror(argv[i]);
            return EXIT_FAILURE;
        }
        int count = S_ISDIR(status.st_mode) ? run_folder(argv[i]) : run_file(argv[i]);
        if (count < 0) {
            return EXIT_FAILURE;
        }
        total += count;
    }
    printf("%d inputs\n", total);
    return total > 0 ? EXIT_SUCCESS : EXIT_FAILURE; /* no seed is no test */
}
