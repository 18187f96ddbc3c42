/*
 * medsync new: a chaincode that builds, is tested and runs at once. Its files are those of network/cli/templates, where
 * the name "sample" stands for the chaincode's.
 */
#include "cli/cli.h"

#include "base/buf.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage[] = "usage: medsync new [--dir DIR] NAME\n\n"
                            "Makes a folder with a chaincode in C, its tests, collections and Makefile: `make test` "
                            "and `make run` work at once.\n\n"
                            "  NAME                   lower-case letters, digits and _, a letter first\n"
                            "  --dir DIR              the folder, which must not exist yet (NAME)\n";

enum { NAME_MAX_LEN = 40, FILE_MAX_BYTES = 1 << 20 };

typedef struct template_file {
    const char *name;
    const char *text;
} template_file;

/* clang-format off */
static const template_file templates[] = {
#include "templates.inc"
};
/* clang-format on */

/* What the texts' places are filled with. */
typedef struct names {
    const char *lower; /* for "sample" */
    char upper[NAME_MAX_LEN + 1];
    char medsync[4096];
    char pkgconfig[4096]; /* the folder of fcc.pc; empty when it isn't beside this program */
} names;

/* Words that cannot name a chaincode, because they would name something in its C files twice. */
static const char *const taken[] = {
    "auto",   "break",    "case",   "char",     "const",    "continue", "default", "do",      "double",
    "else",   "enum",     "extern", "float",    "for",      "goto",     "if",      "inline",  "int",
    "long",   "register", "return", "restrict", "short",    "signed",   "sizeof",  "static",  "struct",
    "switch", "typedef",  "union",  "while",    "unsigned", "volatile", "void",    "main",    "test",
    "sample", "net",      "fcc",    "all",      "run",      "stop",     "clean",   "package",
};

static bool name_ok(const char *name)
{
    size_t i;

    if (!islower((unsigned char)name[0]) || strlen(name) > NAME_MAX_LEN ||
        strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != strlen(name))
        return false;
    for (i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
        if (!strcmp(name, taken[i]))
            return false;
    return true;
}

/* The folder of fcc.pc beside this program: BUILD/pkgconfig in the tree, PREFIX/lib/pkgconfig when installed. */
static void find_pkgconfig(names *n)
{
    static const char *const places[] = { "pkgconfig", "lib/pkgconfig" };
    char base[4096], path[8192];
    char *slash;
    size_t i;
    int cut;

    snprintf(base, sizeof(base), "%s", n->medsync);
    for (cut = 0; cut < 2 && (slash = strrchr(base, '/')); cut++)
        *slash = '\0';
    for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s/fcc.pc", base, places[i]);
        if (access(path, R_OK) == 0 && strlen(path) < sizeof(n->pkgconfig)) {
            memcpy(n->pkgconfig, path, strlen(path) - strlen("/fcc.pc"));
            return;
        }
    }
}

static void fill_in(fcc__buf *out, const char *text, const names *n)
{
    const struct {
        const char *place;
        const char *value;
    } places[] = {
        { "sample", n->lower }, { "SAMPLE", n->upper }, { "@MEDSYNC@", n->medsync }, { "@PKGCONFIG@", n->pkgconfig }
    };
    size_t i, count = sizeof(places) / sizeof(places[0]);

    while (*text) {
        for (i = 0; i < count && strncmp(text, places[i].place, strlen(places[i].place)) != 0; i++)
            ;
        if (i < count) {
            fcc__buf_puts(out, places[i].value);
            text += strlen(places[i].place);
        } else {
            fcc__buf_putc(out, (uint8_t)*text++);
        }
    }
}

static bool write_file(const char *path, fcc_bytes content)
{
    FILE *f = fopen(path, "wbx");
    bool ok = f && fwrite(content.data, 1, content.len, f) == content.len;

    return f && fclose(f) == 0 && ok;
}

static bool path_of(char *out, size_t size, const char *dir, const template_file *t, const names *n)
{
    fcc__buf name;
    bool ok;

    fcc__buf_init(&name, size);
    fill_in(&name, t->name, n);
    ok = fcc__buf_ok(&name) &&
         (size_t)snprintf(out, size, "%s/%.*s", dir, (int)name.len, (const char *)name.data) < size;
    fcc__buf_clear(&name);
    return ok;
}

/* All files, or none and no folder either. */
static int make_files(const char *dir, const names *n)
{
    size_t i, made, count = sizeof(templates) / sizeof(templates[0]);
    char path[4096];
    fcc__buf text;
    bool ok = true;
    int error;

    if (mkdir(dir, 0777) != 0) {
        if (errno == EEXIST)
            return cli_failed("new", FCC__E_CLI_EXISTS,
                              "%s exists already: choose another folder with --dir, or remove it", dir);
        return cli_failed("new", FCC__E_CLI_FILE, "%s: %s", dir, strerror(errno));
    }
    for (i = 0; i < count && ok; i++) {
        fcc__buf_init(&text, FILE_MAX_BYTES);
        fill_in(&text, templates[i].text, n);
        errno = ENOMEM;
        ok = fcc__buf_ok(&text) && path_of(path, sizeof(path), dir, &templates[i], n) &&
             write_file(path, fcc__buf_bytes(&text));
        fcc__buf_clear(&text);
    }
    if (ok)
        return CLI_OK;
    error = errno;
    cli_failed("new", FCC__E_CLI_FILE, "%s: %s", path, strerror(error));
    for (made = 0; made < i; made++)
        if (path_of(path, sizeof(path), dir, &templates[made], n))
            unlink(path);
    rmdir(dir);
    return CLI_FAILED;
}

int cli_new(int argc, char **argv)
{
    const char *dir = NULL;
    names n = { 0 };
    size_t i;
    cli_option options[] = { { "dir", .text = &dir }, { 0 } };
    int status = cli_options("new", usage, options, argc, argv);

    if (status >= 0)
        return status;
    if (argc - optind != 1)
        return cli_usage("new", "one NAME");
    n.lower = argv[optind];
    if (!name_ok(n.lower))
        return cli_usage(
            "new",
            "\"%.60s\" cannot be a chaincode's name here: it must be lower-case letters, digits and _, a letter "
            "first, at most %d of them, and no word of C or of its Makefile",
            n.lower, NAME_MAX_LEN);
    for (i = 0; n.lower[i]; i++)
        n.upper[i] = (char)toupper((unsigned char)n.lower[i]);
    if (!cli_own_path(n.medsync, sizeof(n.medsync)))
        return cli_failed("new", FCC__E_CLI_FILE, "/proc/self/exe: %s", strerror(errno));
    find_pkgconfig(&n);
    dir = dir ? dir : n.lower;
    status = make_files(dir, &n);
    if (status == CLI_OK)
        printf("%s is in %s; go on with\n  cd %s && make test && make run\n", n.lower, dir, dir);
    return status;
}
