/* check.c: see check.h. */
#include "msp/check.h"

#include "msp/identities.pb-c.h"
#include "msp/internal.h"
#include "msp/key.h"
#include "protos/unpack.h"

#include <inttypes.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

enum { DAY = 86400, NAMES_MAX = 400 };

bool msp_check_report(msp_checker *checker, bool warning, fcc__code code, const char *what, const char *format, ...)
{
    char text[1200];
    const msp_finding finding = { .warning = warning, .code = code, .what = what, .text = text };
    va_list ap;

    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    if (warning)
        checker->warnings++;
    else
        checker->errors++;
    if (checker->report)
        checker->report(checker->ctx, &finding);
    return warning;
}

/* ---- times -------------------------------------------------------------------------------------------------------- */

msp_moment msp_moment_of(int64_t seconds)
{
    const time_t t = (time_t)seconds;
    struct tm tm;
    msp_moment moment = { "an impossible time" };

    if (gmtime_r(&t, &tm))
        strftime(moment.text, sizeof moment.text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    return moment;
}

/* "59 minutes", "3 days" */
static const char *span(int64_t seconds, char out[48])
{
    static const struct {
        int64_t from, unit;
        const char *name;
    } units[] = { { 2 * DAY, DAY, "days" }, { 7200, 3600, "hours" }, { 120, 60, "minutes" }, { 0, 1, "seconds" } };
    size_t i = 0;

    if (seconds < 0)
        seconds = -seconds;
    while (seconds < units[i].from)
        i++;
    snprintf(out, 48, "%" PRId64 " %s", seconds / units[i].unit, units[i].name);
    return out;
}

static X509 *certificate_of(msp_checker *checker, const char *what, fcc_bytes pem)
{
    X509 *cert = msp__cert_of_pem(pem);

    if (!cert)
        msp_check_report(checker, false, FCC__E_CRT_FORM, what, "is no X.509 certificate in PEM");
    return cert;
}

static bool times_ok(msp_checker *checker, const char *what, X509 *cert)
{
    const int64_t from = msp__not_before(cert), to = msp__not_after(cert), now = checker->now_s;
    char length[48];

    if (now < from)
        return msp_check_report(checker, false, FCC__E_CRT_NOT_YET, what,
                                "is not valid before %s, in %s by this machine's clock (%s): a clock is wrong, this "
                                "machine's or that of the machine which made the certificate",
                                msp_moment_of(from).text, span(from - now, length), msp_moment_of(now).text);
    if (now > to)
        return msp_check_report(checker, false, FCC__E_CRT_EXPIRED, what,
                                "expired on %s, %s ago by this machine's clock: renew it with `medsync certs rotate`",
                                msp_moment_of(to).text, span(now - to, length));
    if (checker->warn_days > 0 && to - now < (int64_t)checker->warn_days * DAY)
        return msp_check_report(checker, true, FCC__E_CRT_EXPIRES, what,
                                "expires on %s, in %s: renew it with `medsync certs rotate`", msp_moment_of(to).text,
                                span(to - now, length));
    return true;
}

bool msp_check_times(msp_checker *checker, const char *what, fcc_bytes cert_pem)
{
    X509 *cert = certificate_of(checker, what, cert_pem);
    const bool ok = cert && times_ok(checker, what, cert);

    X509_free(cert);
    return ok;
}

/* ---- keys and names ------------------------------------------------------------------------------------------------ */

bool msp_check_pair(msp_checker *checker, const char *what, fcc_bytes cert_pem, fcc_bytes key_pem)
{
    X509 *cert = certificate_of(checker, what, cert_pem);
    EVP_PKEY *key = NULL;
    fcc_error why = { 0 };
    bool ok = cert != NULL;

    if (ok && msp__key_read(what, key_pem, &key, &why) != FCC_OK)
        ok = msp_check_report(checker, false, FCC__E_CRT_KEY, what, "%s", why.text);
    else if (ok && EVP_PKEY_eq(X509_get0_pubkey(cert), key) != 1)
        ok = msp_check_report(checker, false, FCC__E_CRT_PAIR, what,
                              "the private key beside it belongs to another certificate: put back the pair that was "
                              "made together, or make a new one with `medsync certs rotate`");
    ERR_clear_error();
    EVP_PKEY_free(key);
    X509_free(cert);
    return ok;
}

void msp__names_of(X509 *cert, char *out, size_t size)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    size_t used = 0;
    int i;

    out[0] = '\0';
    for (i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        const unsigned char *ip = name->type == GEN_IPADD ? ASN1_STRING_get0_data(name->d.iPAddress) : NULL;
        char one[256] = "";

        if (name->type == GEN_DNS)
            snprintf(one, sizeof one, "%.*s", ASN1_STRING_length(name->d.dNSName),
                     (const char *)ASN1_STRING_get0_data(name->d.dNSName));
        else if (ip && ASN1_STRING_length(name->d.iPAddress) == 4)
            snprintf(one, sizeof one, "%u.%u.%u.%u", ip[0], ip[1], ip[2], ip[3]);
        else if (ip && ASN1_STRING_length(name->d.iPAddress) == 16)
            for (int k = 0; k < 8; k++)
                snprintf(one + strlen(one), sizeof one - strlen(one), "%s%x", k ? ":" : "",
                         (unsigned)ip[2 * k] << 8 | ip[2 * k + 1]);
        if (!one[0] || used + strlen(one) + 3 > size)
            continue;
        used += (size_t)snprintf(out + used, size - used, "%s%s", used ? ", " : "", one);
    }
    GENERAL_NAMES_free(names);
    ERR_clear_error();
}

/* By the alternative names alone, as Go's TLS: the common name does not count. */
static bool is_for(X509 *cert, const char *host)
{
    const bool address = X509_check_ip_asc(cert, host, 0) == 1;

    ERR_clear_error();
    return address ||
           X509_check_host(cert, host, 0, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS,
                           NULL) == 1;
}

bool msp_check_names(msp_checker *checker, const char *what, fcc_bytes cert_pem, const char *const *hosts, size_t count)
{
    X509 *cert = certificate_of(checker, what, cert_pem);
    char names[NAMES_MAX];
    bool ok = cert != NULL;
    size_t i;

    for (i = 0; cert && i < count; i++) {
        if (is_for(cert, hosts[i]))
            continue;
        msp__names_of(cert, names, sizeof names);
        ok = msp_check_report(checker, false, FCC__E_CRT_NAME, what,
                              "is for %s, and not for %s, where it is dialled: make one with that name (`medsync certs "
                              "rotate` takes the names from network.yaml), or dial it by a name that it has",
                              names[0] ? names : "no name", hosts[i]);
    }
    X509_free(cert);
    return ok;
}

/* ---- who issued it ------------------------------------------------------------------------------------------------- */

static bool add_all(fcc_bytes pem, size_t skip, STACK_OF(X509) * to)
{
    BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.len);
    bool ok = bio && to;
    X509 *cert;

    while (ok && (cert = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
        if (skip > 0) {
            skip--;
            X509_free(cert);
        } else if (sk_X509_push(to, cert) <= 0) {
            X509_free(cert);
            ok = false;
        }
    }
    BIO_free(bio);
    ERR_clear_error();
    return ok;
}

static void show_issuer(X509 *cert, char out[200])
{
    if (X509_NAME_get_text_by_NID(X509_get_issuer_name(cert), NID_commonName, out, 200) <= 0)
        snprintf(out, 200, "an authority without a name");
}

bool msp_check_issued(msp_checker *checker, const char *what, fcc_bytes cert_pem, fcc_bytes cas_pem)
{
    X509 *cert = certificate_of(checker, what, cert_pem);
    STACK_OF(X509) *trusted = sk_X509_new_null(), *between = sk_X509_new_null();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    X509_STORE *store = X509_STORE_new();
    char issuer[200];
    bool ok = cert != NULL;

    if (cert && add_all(cas_pem, 0, trusted) && add_all(cert_pem, 1, between) && store && ctx &&
        X509_STORE_CTX_init(ctx, store, cert, between) == 1) {
        X509_STORE_CTX_set0_trusted_stack(ctx, trusted);
        /* as Go: whatever is trusted is an anchor; times are looked at elsewhere */
        X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_NO_CHECK_TIME);
        if (X509_verify_cert(ctx) != 1) {
            show_issuer(cert, issuer);
            ok = msp_check_report(checker, false, FCC__E_CRT_CHAIN, what,
                                  "does not come from the authority that is to vouch for it: it says \"%s\" issued it "
                                  "(%s); take the certificate or the CA file that belong together",
                                  issuer, X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)));
        }
    } else if (cert) {
        ok = msp_check_report(checker, false, FCC__E_STAT_RES, what, "%s", fcc_status_text(FCC_ERR_NOMEM));
    }
    ERR_clear_error();
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    sk_X509_pop_free(trusted, X509_free);
    sk_X509_pop_free(between, X509_free);
    X509_free(cert);
    return ok;
}

static bool has_key_of(fcc_bytes pem, X509 *cert)
{
    BIO *in = BIO_new_mem_buf(pem.data, (int)pem.len);
    bool found = false;
    X509 *one;

    while (in && !found && (one = PEM_read_bio_X509(in, NULL, NULL, NULL)) != NULL) {
        found = EVP_PKEY_eq(X509_get0_pubkey(one), X509_get0_pubkey(cert)) == 1;
        X509_free(one);
    }
    ERR_clear_error();
    BIO_free(in);
    return found;
}

bool msp_shares_authority(fcc_bytes a, fcc_bytes b)
{
    BIO *in = BIO_new_mem_buf(a.data, (int)a.len);
    bool found = false;
    X509 *one;

    while (in && !found && (one = PEM_read_bio_X509(in, NULL, NULL, NULL)) != NULL) {
        found = has_key_of(b, one);
        X509_free(one);
    }
    ERR_clear_error();
    BIO_free(in);
    return found;
}

/* The organisation whose authority issued it, other than `org`; NULL. */
static const msp_org *owner_of(X509 *cert, const msp_org *org, const msp_org *const *others, size_t count)
{
    X509 *issuer;
    size_t i;

    for (i = 0; i < count; i++)
        if (others[i] != org && msp__issuer_of(others[i], cert, &issuer, NULL) == FCC_OK)
            return others[i];
    return NULL;
}

static bool member_ok(msp_checker *checker, const char *what, X509 *cert, const msp_org *org, msp_role role,
                      const msp_org *const *others, size_t count)
{
    static const char *const names[] = { "member", "admin", "client", "peer", "orderer" };
    const char *mspid = msp_org_id(org);
    const msp_org *owner;
    X509 *clean = NULL, *issuer = NULL;
    msp_role found = MSP_MEMBER;
    fcc_error why = { 0 };
    char name[200];
    bool ok;

    if (msp__issuer_of(org, cert, &issuer, &why) != FCC_OK) {
        show_issuer(cert, name);
        owner = owner_of(cert, org, others, count);
        if (owner)
            return msp_check_report(checker, false, FCC__E_CRT_CHAIN, what,
                                    "is a certificate of %s (issued by \"%s\"), and should be one of %s: put the "
                                    "certificate and key of the right organisation there",
                                    msp_org_id(owner), name, mspid);
        return msp_check_report(checker, false, FCC__E_CRT_CHAIN, what,
                                "does not come from an authority of %s: it says \"%s\" issued it; take a certificate "
                                "of that organisation, or put its CA into cacerts and onto the channel",
                                mspid, name);
    }
    clean = msp__sanitise(cert, X509_get0_pubkey(issuer));
    ok = clean && msp__validate_cert(org, clean, NULL, &found, &why) == FCC_OK;
    X509_free(clean);
    if (!ok && strstr(why.text, "has been revoked"))
        return msp_check_report(checker, false, FCC__E_CRT_REVOKED, what,
                                "is revoked by %s: nobody on the channel accepts it; issue another one with `medsync "
                                "certs rotate`",
                                mspid);
    if (!ok)
        return msp_check_report(checker, false, FCC__E_CRT_ROLE, what, "is not accepted by %s: %.700s", mspid,
                                why.text);
    if (role != MSP_MEMBER && found != role && !(role == MSP_ADMIN && msp__is_admin_cert(org, cert)))
        return msp_check_report(checker, false, FCC__E_CRT_ROLE, what,
                                "is %s of %s by its organisational unit, and should be %s: issue one with OU=%s",
                                found == MSP_MEMBER ? "a member without a role" : names[found], mspid, names[role],
                                names[role]);
    return true;
}

bool msp_check_member(msp_checker *checker, const char *what, fcc_bytes cert_pem, const msp_org *org, msp_role role,
                      const msp_org *const *others, size_t other_count)
{
    X509 *cert = certificate_of(checker, what, cert_pem);
    const bool ok = cert && member_ok(checker, what, cert, org, role, others, other_count);

    ERR_clear_error();
    X509_free(cert);
    return ok;
}

bool msp_check_identity(msp_checker *checker, const char *what, fcc_bytes serialized, const char *mspid, msp_role role,
                        const msp_org *const *orgs, size_t org_count)
{
    fcc__arena *arena = fcc__arena_new(1 << 20);
    Msp__SerializedIdentity *identity = NULL;
    const msp_org *org = NULL;
    fcc_bytes claimed;
    bool ok = false;
    size_t i;

    if (!arena || FCC__UNPACK(msp__serialized_identity, serialized, arena, &identity) != FCC_OK) {
        msp_check_report(checker, false, FCC__E_CRT_FORM, what, "is no identity of a membership service");
        goto out;
    }
    claimed = fcc__of_pb(identity->mspid);
    if (!fcc_bytes_equal(claimed, fcc_str(mspid))) {
        msp_check_report(checker, false, FCC__E_CRT_MSPID, what,
                         "says that it is of " FCC_FMT ", and is listed as one of %s: set localMspId (for a "
                         "peer CORE_PEER_LOCALMSPID, for an orderer ORDERER_GENERAL_LOCALMSPID) to the id that its "
                         "certificate belongs to, or mend the list",
                         FCC_ARG(claimed), mspid);
        goto out;
    }
    for (i = 0; i < org_count && !org; i++)
        if (!strcmp(msp_org_id(orgs[i]), mspid))
            org = orgs[i];
    if (!org) {
        msp_check_report(checker, false, FCC__E_CRT_MSPID, what,
                         "is of %s, which is no organisation of the channel: mend the MSP id, or add the organisation "
                         "with `medsync channel update`",
                         mspid);
        goto out;
    }
    ok = msp_check_member(checker, what, fcc__of_pb(identity->id_bytes), org, role, orgs, org_count);
    ok = msp_check_times(checker, what, fcc__of_pb(identity->id_bytes)) && ok;
out:
    fcc__arena_free(arena);
    return ok;
}

/* ---- clocks -------------------------------------------------------------------------------------------------------- */

bool msp_check_clock(msp_checker *checker, const char *what, int64_t theirs_s, int64_t tolerance_s)
{
    const int64_t ahead = theirs_s - checker->now_s;
    char length[48];

    if (ahead >= -tolerance_s && ahead <= tolerance_s)
        return true;
    return msp_check_report(
        checker, false, FCC__E_CRT_CLOCK, what,
        "its clock (%s) is %s %s this machine's (%s): set both by NTP; Fabric refuses proposals and "
        "requests for blocks whose time is more than 15 minutes off, and certificates count as "
        "expired or not yet valid",
        msp_moment_of(theirs_s).text, span(ahead, length), ahead > 0 ? "ahead of" : "behind",
        msp_moment_of(checker->now_s).text);
}

bool msp_clock_of_refusal(const char *text, int64_t *theirs_s)
{
    /* a peer's filter and its deliver service; the first writes RFC 3339, the second what Go prints for a time */
    static const char *const marks[] = { ", peer time ", "current server time " };
    const char *at = NULL, *rest;
    struct tm tm = { 0 };
    int hours = 0, minutes = 0;
    char sign = '+';
    size_t i;

    for (i = 0; i < 2 && !at; i++)
        if ((at = strstr(text, marks[i])) != NULL)
            at += strlen(marks[i]);
    rest = at ? strptime(at, "%Y-%m-%d", &tm) : NULL;
    rest = rest && (*rest == 'T' || *rest == ' ') ? strptime(rest + 1, "%H:%M:%S", &tm) : NULL;
    if (!rest)
        return false;
    if (*rest == '.')
        rest += 1 + strspn(rest + 1, "0123456789");
    if (*rest != 'Z' && (sscanf(rest, " %c%2d%2d", &sign, &hours, &minutes) != 3 || (sign != '+' && sign != '-')))
        return false;
    *theirs_s = (int64_t)timegm(&tm) - (sign == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
    return true;
}
