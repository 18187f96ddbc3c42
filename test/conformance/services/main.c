/*
 * services: sends a devnet what a recorded network was asked, in the same order, and compares the answers.
 *
 *     services --net DIR --recording FOLDER [--version NAME] [--known FILE]
 *     services --time FOLDER
 *
 * FOLDER holds calls.txt and blocks/; the devnet in DIR was given the same material and genesis block. Prints TAP: one
 * line a call, `same` or the first field that differs, then the blocks. --time prints when the first request was made, as
 * `medsync devnet up --clock` takes it: the requests are as old as the recording.
 */
#include "replay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int usage(void)
{
    fputs("usage: services --net DIR --recording FOLDER [--version NAME] [--known FILE]\n"
          "       services --time FOLDER\n",
          stderr);
    return 2;
}

static int print_time(const char *folder)
{
    call_recording recording;
    char path[4096], text[32];
    fcc_error error;
    struct tm tm;
    time_t t;

    snprintf(path, sizeof(path), "%s/calls.txt", folder);
    if (calls_load(path, &recording, &error) != FCC_OK) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    t = (time_t)replay_time(&recording);
    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &tm));
    puts(text);
    calls_clear(&recording);
    return t == 0;
}

int main(int argc, char **argv)
{
    const char *dir = NULL, *folder = NULL, *version = NULL, *known_file = NULL, *patience;
    known_list *known = NULL;
    call_recording recording = { 0 };
    replay_net net = { 0 };
    int64_t seconds = 0;
    size_t different = 1;
    char path[4096];
    fcc_error error;
    int tests = 0;

    if (argc == 3 && strcmp(argv[1], "--time") == 0)
        return print_time(argv[2]);
    for (int i = 1; i < argc; i += 2) {
        const char **to = strcmp(argv[i], "--net") == 0         ? &dir
                          : strcmp(argv[i], "--recording") == 0 ? &folder
                          : strcmp(argv[i], "--version") == 0   ? &version
                          : strcmp(argv[i], "--known") == 0     ? &known_file
                                                                : NULL;

        if (!to || i + 1 == argc)
            return usage();
        *to = argv[i + 1];
    }
    if (!dir || !folder)
        return usage();
    if (!version)
        version = folder;
    if ((patience = getenv("SERVICES_PATIENCE_MS")))
        replay_patience_ms = atoi(patience);
    setvbuf(stdout, NULL, _IOLBF, 0);
    snprintf(path, sizeof(path), "%s/calls.txt", folder);
    if (calls_load(path, &recording, &error) != FCC_OK ||
        (known_file && known_load(known_file, &known, &error) != FCC_OK) ||
        replay_open(dir, NULL, &net, &error) != FCC_OK) {
        printf("not ok 1 - %s: %s\n", version, error.text);
        goto out;
    }
    different = replay_calls(&net, &recording, known, version, &tests, &seconds);
    snprintf(path, sizeof(path), "%s/blocks", folder);
    if (!replay_blocks(&net, path, version, seconds, &tests))
        different++;
    printf("1..%d\n", tests);
out:
    replay_close(&net);
    known_free(known);
    calls_clear(&recording);
    return different > 0;
}
