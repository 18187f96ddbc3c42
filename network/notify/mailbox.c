/* Notices as mails at the end of a file that mail programs read: mbox. */
#include "notify/private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

typedef struct mailbox {
    char *path;
    char *to;
} mailbox;

static void close_mailbox(void *self)
{
    mailbox *m = self;

    free(m->path);
    free(m->to);
    free(m);
}

/* A mail; malloc'ed. Only ASCII comes out: the notice's JSON is written with \u escapes. */
static char *mail_of(const mailbox *m, const notice *n, size_t *len)
{
    char envelope[64], date[64];
    time_t at = (time_t)n->at;
    char *text = NULL;
    json_t *parsed = json_loads(n->text, 0, NULL);
    char *lines = parsed ? json_dumps(parsed, JSON_INDENT(2) | JSON_ENSURE_ASCII) : NULL; /* mails have short lines */
    FILE *f = lines ? open_memstream(&text, len) : NULL;
    struct tm tm;

    json_decref(parsed);
    if (!f) {
        free(lines);
        return NULL;
    }
    gmtime_r(&at, &tm);
    strftime(envelope, sizeof(envelope), "%a %b %e %H:%M:%S %Y", &tm);
    strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S +0000", &tm);
    fprintf(f, "From medsync@localhost %s\n", envelope);
    fprintf(f, "Date: %s\nFrom: MedSync <medsync@localhost>\nTo: %s\nSubject: %s\nMessage-ID: <%s@medsync>\n", date,
            m->to, n->title, n->id);
    fprintf(f, "X-MedSync-Kind: %s\nMIME-Version: 1.0\nContent-Type: text/plain; charset=us-ascii\n\n", n->kind);
    /* a title is one of ours, JSON's lines begin with a brace or a blank: none can begin with "From " */
    fprintf(f, "%s.\n\n%s\n\n", n->title, lines);
    free(lines);
    if (fclose(f) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

static fcc_status append(void *self, const notice *n, fcc_error *error)
{
    mailbox *m = self;
    fcc_status st = FCC_OK;
    size_t len = 0, done = 0;
    char *text = mail_of(m, n, &len);
    struct stat before;
    int fd;

    if (!text)
        return fcc_error_set(error, FCC_ERR_NOMEM, "out of memory");
    fd = open(m->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || flock(fd, LOCK_EX) != 0 || fstat(fd, &before) != 0)
        st = fcc_error_set(error, FCC_ERR_IO, "%s: %s", m->path, strerror(errno));
    while (st == FCC_OK && done < len) {
        ssize_t got = write(fd, text + done, len - done);

        if (got >= 0)
            done += (size_t)got;
        else if (errno != EINTR)
            st = fcc_error_set(error, FCC_ERR_IO, "%s: %s", m->path, strerror(errno));
    }
    if (st == FCC_OK && fsync(fd) != 0 && errno != EINVAL) /* a pipe cannot be synced */
        st = fcc_error_set(error, FCC_ERR_IO, "%s: %s", m->path, strerror(errno));
    /* half a mail would join the next one */
    if (st != FCC_OK && done > 0 && ftruncate(fd, before.st_size) != 0)
        fcc_error_set(error, FCC_ERR_IO, "%s: a part of a mail cannot be taken back: %s", m->path, strerror(errno));
    if (fd >= 0)
        close(fd);
    free(text);
    return st;
}

fcc_status notify_to_mailbox(const char *path, const char *to, notify_sink **out, fcc_error *error)
{
    const char *p;
    mailbox *m;

    for (p = to; *p; p++)
        if (*p < ' ' || *p > '~')
            return fcc_error_set(error, FCC_ERR_ARG, "%s: a mail address has printable ASCII characters only", to);
    m = calloc(1, sizeof(*m));
    if (!m)
        return fcc_error_set(error, FCC_ERR_NOMEM, "out of memory");
    m->path = strdup(path);
    m->to = strdup(to);
    if (!m->path || !m->to) {
        close_mailbox(m);
        return fcc_error_set(error, FCC_ERR_NOMEM, "out of memory");
    }
    return notify__sink("mailbox", path, m, append, close_mailbox, out, error);
}
