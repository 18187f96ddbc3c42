/*
 * vc_verify.c: whether a presentation is to be believed.
 *
 * Nothing is decided early: a reader wants to know everything that is wrong with a credential, and a presentation that
 * isn't the holder's still shows which of its credentials would hold.
 */
#include "lib/vc_parts.h"

struct run {
    const json_t *presentation;
    const lib_vp_context *context;
    const char *holder; /* NULL: none */
    json_t *findings;
    bool failed; /* out of memory */
};

/* ---- findings ---- */

enum { PRESENTATION = -1 };

static void find_why(struct run *run, int credential, const char *check, const char *code, const char *at,
                     const char *why)
{
    json_t *finding = json_pack("{s:s,s:s,s:s*,s:s*}", "check", check, "code", code, "at", at, "why", why);

    if (finding && credential != PRESENTATION &&
        json_object_set_new(finding, "credential", json_integer(credential)) != 0)
        run->failed = true;
    if (!finding || json_array_append_new(run->findings, finding) != 0)
        run->failed = true;
}

static void find(struct run *run, int credential, const char *check, const char *code, const char *at)
{
    find_why(run, credential, check, code, at, NULL);
}

/* ---- a credential ---- */

static fcc_status look_at_proof(struct run *run, const json_t *document, int credential, const char *purpose,
                                const char *controller)
{
    const lib_vp_context *context = run->context;
    bool alone = credential == PRESENTATION;
    lib_proof_expect expect = { .purpose = purpose,
                                .controller = controller,
                                .challenge = alone ? context->challenge : NULL,
                                .domain = alone ? context->domain : NULL,
                                .now = context->now,
                                .resolve = context->resolve,
                                .user = context->user };
    lib_proof_code code;
    fcc_status st = lib_proof_verify(document, &expect, &code);

    if (st == FCC_OK && code != LIB_PROOF_OK)
        find(run, credential, "proof", lib_proof_word(code), NULL);
    return st;
}

static fcc_status look_at_issuer(struct run *run, const json_t *credential, int i)
{
    const json_t *types = json_object_get(credential, "type");
    const char *issuer = lib_vc_issuer(credential);
    size_t claimed = 0;

    if (lib_vc_count(types) > LIB_VP_MAX_TYPES) {
        find(run, i, "issuer", "TOO_MANY", "type");
        return FCC_OK;
    }
    for (size_t k = 0; k < lib_vc_count(types); k++) {
        const char *type = json_string_value(lib_vc_at(types, k));
        bool yes = false;
        fcc_status st;

        if (strcmp(type, "VerifiableCredential") == 0)
            continue;
        claimed++;
        st = run->context->accredited(run->context->user, issuer, type, &yes);
        if (st != FCC_OK)
            return st;
        if (!yes) {
            find(run, i, "issuer", "NOT_ACCREDITED", "type");
            return FCC_OK;
        }
    }
    if (claimed == 0)
        find(run, i, "issuer", "NO_TYPE", "type");
    return FCC_OK;
}

static void look_at_validity(struct run *run, const json_t *credential, int i)
{
    int64_t from, until;

    lib_vc_validity(credential, &from, &until);
    if (run->context->now < from)
        find(run, i, "validity", "NOT_YET_VALID", NULL);
    if (run->context->now > until)
        find(run, i, "validity", "EXPIRED", NULL);
}

/* The entries of the credential; what was revoked or suspended is marked in `found`, so that it is said once. */
static fcc_status look_at_status(struct run *run, const json_t *credential, int i, lib_vc_anchor *found)
{
    const json_t *all = json_object_get(credential, "credentialStatus");
    bool unknown = false;

    if (lib_vc_count(all) > LIB_VP_MAX_STATUS) {
        find(run, i, "status", "TOO_MANY", "credentialStatus");
        return FCC_OK;
    }
    for (size_t k = 0; k < lib_vc_count(all); k++) {
        lib_vc_status status = LIB_VC_STATUS_UNKNOWN;
        lib_status_entry entry;
        const char *at;
        fcc_status st = FCC_OK;

        if (lib_status_entry_parse(lib_vc_at(all, k), &entry, &at) && lib_status_is_purpose(entry.purpose))
            st = run->context->status(run->context->user, lib_vc_issuer(credential), &entry, &status);
        if (st != FCC_OK)
            return st;
        unknown = unknown || status == LIB_VC_STATUS_UNKNOWN;
        if (status == LIB_VC_STATUS_SET && strcmp(entry.purpose, "revocation") == 0)
            found->revoked = true;
        else if (status == LIB_VC_STATUS_SET)
            found->suspended = true;
    }
    if (unknown)
        find(run, i, "status", "STATUS_UNKNOWN", "credentialStatus");
    return FCC_OK;
}

static void look_at_subject(struct run *run, const json_t *credential, int i)
{
    const json_t *subjects = json_object_get(credential, "credentialSubject");
    bool named = false;

    for (size_t k = 0; k < lib_vc_count(subjects); k++) {
        const char *id = lib_vc_id(lib_vc_at(subjects, k));

        if (id && run->holder && strcmp(id, run->holder) == 0)
            return;
        named = named || id;
    }
    if (run->holder)
        find(run, i, "holder", named ? "NOT_SUBJECT" : "NO_SUBJECT", "credentialSubject.id");
}

/* Whether the anchor is of this credential and of the same facts. */
static void compare_anchor(struct run *run, const json_t *credential, int i, const lib_vc_anchor *anchor)
{
    const char *issuer = lib_vc_issuer(credential), *subject = lib_vc_subject(credential);
    uint8_t hash[32];
    int64_t from, until;

    lib_vc_validity(credential, &from, &until);
    if (!lib_vc_hash(credential, hash))
        run->failed = true;
    else if (memcmp(hash, anchor->hash, sizeof(hash)) != 0)
        find(run, i, "anchor", "ANCHOR_DIFFERS", "hash");
    if (anchor->type && !lib_vc_has_type(credential, anchor->type))
        find(run, i, "anchor", "ANCHOR_DIFFERS", "type");
    if (anchor->issuer && strcmp(anchor->issuer, issuer) != 0)
        find(run, i, "anchor", "ANCHOR_DIFFERS", "issuer");
    if (anchor->subject && (!subject || strcmp(anchor->subject, subject) != 0))
        find(run, i, "anchor", "ANCHOR_DIFFERS", "subject");
    if ((anchor->valid_from != INT64_MIN && anchor->valid_from != from) ||
        (anchor->valid_until != INT64_MAX && anchor->valid_until != until))
        find(run, i, "anchor", "ANCHOR_DIFFERS", "validity");
}

static fcc_status look_at_anchor(struct run *run, const json_t *credential, int i, lib_vc_anchor *anchor)
{
    const char *id = lib_vc_id(credential);
    fcc_status st = id ? run->context->anchor(run->context->user, id, anchor) : FCC_OK;

    if (st != FCC_OK)
        return st;
    if (!id)
        find(run, i, "anchor", "NO_ID", "id");
    else if (!anchor->found)
        find(run, i, "anchor", "NOT_ANCHORED", NULL);
    else
        compare_anchor(run, credential, i, anchor);
    return FCC_OK;
}

static fcc_status look_at_credential(struct run *run, const json_t *credential, int i)
{
    lib_vc_anchor anchor = { .valid_from = INT64_MIN, .valid_until = INT64_MAX };
    lib_vc_fault fault;
    fcc_status st;

    if (lib_vc_is_enveloped(credential)) {
        find(run, i, "form", "ENVELOPED", NULL);
        return FCC_OK;
    }
    if (!lib_vc_form(credential, &fault)) {
        find_why(run, i, "form", "BAD_FORM", fault.at, fault.why);
        return FCC_OK;
    }
    st = look_at_proof(run, credential, i, "assertionMethod", lib_vc_issuer(credential));
    if (st == FCC_OK)
        st = look_at_issuer(run, credential, i);
    if (st == FCC_OK)
        st = look_at_anchor(run, credential, i, &anchor);
    if (st == FCC_OK)
        st = look_at_status(run, credential, i, &anchor);
    if (st != FCC_OK)
        return st;
    if (anchor.revoked)
        find(run, i, "status", "REVOKED", NULL);
    if (anchor.suspended)
        find(run, i, "status", "SUSPENDED", NULL);
    look_at_validity(run, credential, i);
    look_at_subject(run, credential, i);
    return FCC_OK;
}

/* ---- the presentation ---- */

static fcc_status look_at_presentation(struct run *run, size_t *count)
{
    const json_t *credentials = json_object_get(run->presentation, "verifiableCredential");
    const json_t *holder = json_object_get(run->presentation, "holder");
    lib_vc_fault fault;
    fcc_status st;

    if (!lib_vp_shell_form(run->presentation, &fault)) {
        find_why(run, PRESENTATION, "form", "BAD_FORM", fault.at, fault.why);
        return FCC_OK;
    }
    *count = lib_vc_count(credentials);
    if (*count > LIB_VP_MAX_CREDENTIALS) {
        find(run, PRESENTATION, "form", "TOO_MANY_CREDENTIALS", "verifiableCredential");
        return FCC_OK;
    }
    if (*count == 0)
        find(run, PRESENTATION, "form", "NO_CREDENTIALS", "verifiableCredential");
    run->holder = json_is_object(holder) ? lib_vc_id(holder) : json_string_value(holder);
    if (!run->holder)
        find(run, PRESENTATION, "holder", "NO_HOLDER", "holder");
    st = look_at_proof(run, run->presentation, PRESENTATION, "authentication", run->holder);
    for (size_t i = 0; st == FCC_OK && i < *count; i++)
        st = look_at_credential(run, lib_vc_at(credentials, i), (int)i);
    return st;
}

fcc_status lib_vp_verify(const json_t *presentation, const lib_vp_context *context, json_t **report)
{
    struct run run = { .presentation = presentation, .context = context, .findings = json_array() };
    json_t *out = NULL;
    size_t count = 0;
    fcc_status st = FCC_ERR_NOMEM;

    if (!run.findings)
        return FCC_ERR_NOMEM;
    st = look_at_presentation(&run, &count);
    if (st == FCC_OK) {
        out = json_pack("{s:b,s:I,s:O}", "verified", json_array_size(run.findings) == 0, "credentials",
                        (json_int_t)count, "findings", run.findings);
        st = out && !run.failed ? FCC_OK : FCC_ERR_NOMEM;
    }
    json_decref(run.findings);
    if (st == FCC_OK)
        *report = out;
    else
        json_decref(out);
    return st;
}
