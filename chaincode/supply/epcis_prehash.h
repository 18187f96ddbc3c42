/*
 * epcis_prehash.h: what an event's pre-hash string is put together from: text that grows, lists of texts that are sorted,
 * and an event's values in the one spelling that the Core Business Vocabulary 2.0 gives them.
 *
 * Without memory a text or list has `failed`, and what it is added to as well.
 */
#ifndef SUPPLY_EPCIS_PREHASH_H
#define SUPPLY_EPCIS_PREHASH_H

#include "supply/epcis.h"

/* ---- epcis_text.c ---- */

/* Begins as { 0 }; whoever has it last frees `data`. */
struct epcis_text {
    char *data; /* NULL before something was added */
    size_t len, cap;
    bool failed;
};

/* Begins as { 0 }; epcis_add_sorted frees it. */
struct epcis_list {
    char **v;
    size_t n, cap;
    bool failed;
};

void epcis_add_bytes(struct epcis_text *t, const char *s, size_t n);
void epcis_add(struct epcis_text *t, const char *s);
/* `name` and the content behind it, or nothing where that is empty; the content is used up. */
void epcis_add_behind(struct epcis_text *t, const char *name, struct epcis_text *content);
/* Takes the text over; one that is empty says nothing. */
void epcis_list_add(struct epcis_list *list, struct epcis_text *t);
/* Sorted by their bytes and joined behind `t`; the list is used up. */
void epcis_add_sorted(struct epcis_text *t, struct epcis_list *list);

/* ---- epcis_value.c ---- */

/* What declares the prefixes of an event's names. */
struct epcis_scope {
    const json_t *contexts[2]; /* the event's, the document's */
};

/* A field's name: "{namespace}name" where it has a prefix. */
void epcis_add_name(struct epcis_text *t, const struct epcis_scope *scope, const char *name);
/* A leaf's content; nothing for one that is empty. */
void epcis_add_value(struct epcis_text *t, const struct epcis_scope *scope, const json_t *value);
/* "name=value", or nothing where the value is empty. */
void epcis_add_leaf(struct epcis_text *t, const struct epcis_scope *scope, const char *name, const json_t *value);
/* The same of a moment, in UTC with milliseconds. */
void epcis_add_moment(struct epcis_text *t, const char *name, const json_t *value);
/* The same of a term, as its URI. */
void epcis_add_term(struct epcis_text *t, const struct epcis_scope *scope, enum epcis_vocabulary vocabulary,
                    const char *name, const json_t *value);

#endif
