/*
 * check.h: what is wrong with certificates, keys and clocks: each fault with a code of base/codes.h, what was looked at, and
 * what to do about it. For `medsync certs check`, which looks at files, and `medsync doctor`, which looks at running nodes.
 *
 * A check tells each fault that it finds to the checker's `report` and goes on; it returns true when it found no error.
 * Warnings (a certificate that expires soon) do not count. `what` names the thing in messages: a path, or "peer0 of AMSP".
 */
#ifndef NETWORK_MSP_CHECK_H
#define NETWORK_MSP_CHECK_H

#include "base/codes.h"
#include "msp/msp.h"

enum { MSP_CHECK_WARN_DAYS = 30, MSP_CHECK_CLOCK_S = 60 };

typedef struct msp_finding {
    bool warning;
    fcc__code code;
    const char *what;
    const char *text; /* what is wrong, and the remedy; borrowed until return */
} msp_finding;

typedef struct msp_checker {
    int64_t now_s; /* this machine's clock, seconds since 1970 */
    int warn_days; /* a certificate that expires within so many days is a warning; 0: never */
    void (*report)(void *ctx, const msp_finding *finding); /* NULL: only count */
    void *ctx;
    size_t errors, warnings; /* counted here */
} msp_checker;

/* A fault that the caller found, counted and reported as the others are. Returns false, true for a warning. */
bool msp_check_report(msp_checker *checker, bool warning, fcc__code code, const char *what, const char *format, ...)
    FCC_PRINTF(5, 6);

/*
 * notBefore and notAfter of the first certificate of a PEM text. Expired (CRT_EXPIRED), soon (CRT_EXPIRES, a warning), not
 * valid yet: by how much, and that one of two clocks is wrong (CRT_NOT_YET). CRT_FORM: it is none.
 */
bool msp_check_times(msp_checker *checker, const char *what, fcc_bytes cert_pem);

/* Does the key belong to the certificate? CRT_PAIR; CRT_KEY: it cannot be opened, see key.h. */
bool msp_check_pair(msp_checker *checker, const char *what, fcc_bytes cert_pem, fcc_bytes key_pem);

/* Is the certificate for each of these hosts, names or IP addresses, by its alternative names as Go judges? CRT_NAME. */
bool msp_check_names(msp_checker *checker, const char *what, fcc_bytes cert_pem, const char *const *hosts,
                     size_t count);

/*
 * Does it come from one of the authorities in `cas_pem` (with intermediates behind it in `cert_pem`, if there are)? For TLS.
 * Expiry is not looked at. CRT_CHAIN.
 */
bool msp_check_issued(msp_checker *checker, const char *what, fcc_bytes cert_pem, fcc_bytes cas_pem);

/* Is there an authority, by its key, that has a certificate in both PEM texts? */
bool msp_shares_authority(fcc_bytes a_pem, fcc_bytes b_pem);

/*
 * Does the organisation take this certificate for one of its own, and in this role (MSP_MEMBER: any)? CRT_CHAIN: another
 * authority's, and whose when it is one of `others`'; CRT_REVOKED; CRT_ROLE.
 */
bool msp_check_member(msp_checker *checker, const char *what, fcc_bytes cert_pem, const msp_org *org, msp_role role,
                      const msp_org *const *others, size_t other_count);

/*
 * The same for who answered: a msp.SerializedIdentity, such as a peer's endorsement carries, that should be `mspid`'s.
 * CRT_MSPID: it claims another MSP id, or one that none of `orgs` has. Its times are looked at as well.
 */
bool msp_check_identity(msp_checker *checker, const char *what, fcc_bytes serialized, const char *mspid, msp_role role,
                        const msp_org *const *orgs, size_t org_count);

/*
 * Somebody else's clock against this one's. More than `tolerance_s` apart: CRT_CLOCK, with the difference, its direction and
 * what it breaks (Fabric 3 refuses proposals 15 minutes off, orderers requests for blocks).
 */
bool msp_check_clock(msp_checker *checker, const char *what, int64_t theirs_s, int64_t tolerance_s);
/*
 * The clock of who refused, out of its words: a peer's "request unauthorized due to incorrect timestamp T, peer time U, ..."
 * and "envelope timestamp T is more than 15m0s apart from current server time U". Seconds since 1970; false for other texts.
 */
bool msp_clock_of_refusal(const char *text, int64_t *theirs_s);

/* "2026-11-21T18:00:00Z" */
typedef struct msp_moment {
    char text[32];
} msp_moment;
msp_moment msp_moment_of(int64_t seconds);

#endif
