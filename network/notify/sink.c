/* Where notices go: what the kinds of it share, and standard output. */
#include "notify/private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

fcc_status notify__sink(const char *what, const char *where, void *self,
                        fcc_status (*give)(void *, const notice *, fcc_error *), void (*free_self)(void *),
                        notify_sink **out, fcc_error *error)
{
    size_t n = strlen(what) + strlen(where) + 2;
    notify_sink *s = calloc(1, sizeof(*s));

    if (!s || !(s->name = malloc(n))) {
        free(s);
        if (free_self)
            free_self(self);
        return fcc_error_set(error, FCC_ERR_NOMEM, "out of memory");
    }
    snprintf(s->name, n, "%s%s%s", what, *where ? " " : "", where);
    s->self = self;
    s->give = give;
    s->free = free_self;
    *out = s;
    return FCC_OK;
}

fcc_status notify_give(notify_sink *s, const notice *n, fcc_error *error)
{
    return s->give(s->self, n, error);
}

const char *notify_sink_name(const notify_sink *s)
{
    return s->name;
}

void notify_sink_free(notify_sink *s)
{
    if (!s)
        return;
    if (s->free)
        s->free(s->self);
    free(s->name);
    free(s);
}

static fcc_status print(void *self, const notice *n, fcc_error *error)
{
    (void)self;
    if (puts(n->text) < 0 || fflush(stdout) != 0)
        return fcc_error_set(error, FCC_ERR_IO, "standard output takes nothing more");
    return FCC_OK;
}

fcc_status notify_to_output(notify_sink **out, fcc_error *error)
{
    return notify__sink("standard output", "", NULL, print, NULL, out, error);
}
