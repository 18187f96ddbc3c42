/* principal.c: does an identity fit what a policy asks for? Fabric's msp/mspimpl.go, with the rules of each MSP version. */
#include "msp/internal.h"

#include "msp/identities.pb-c.h"
#include "protos/unpack.h"

enum { SCRATCH = 1 << 20, MAX_NESTING = 100 };

static const char *role_name(int role)
{
    static const char *const names[] = { "MEMBER", "ADMIN", "CLIENT", "PEER", "ORDERER" };

    return role >= 0 && role <= 4 ? names[role] : "?";
}

/* An organisation that is only planned with has the newest rules and NodeOUs. */
static msp__version version_of(const msp_identity *identity)
{
    return identity->org ? identity->org->version : MSP__V3_0;
}

static fcc_status other_msp(const msp_identity *identity, fcc_bytes mspid, fcc_error *error)
{
    return fcc_error_set(error, FCC_ERR_AUTH,
                         "the identity is a member of a different MSP (expected " FCC_FMT ", got %s)", FCC_ARG(mspid),
                         identity->mspid);
}

static fcc_status invalid_type(int classification, fcc_error *error)
{
    return fcc_error_set(error, FCC_ERR_AUTH, "invalid principal type %d", classification);
}

/* ---- roles --------------------------------------------------------------------------------------------------------- */

/* Does the subject have the OU of this role? The identity is valid, so the OU's authority is right. */
static fcc_status has_ou_role(const msp_identity *identity, int role, fcc_error *error)
{
    const msp_org *org = identity->org;

    if (!org)
        return (int)identity->role == role ? FCC_OK : FCC_ERR_AUTH;
    if (!org->node_ous)
        return fcc_error_set(error, FCC_ERR_AUTH, "NodeOUs not activated. Cannot tell apart identities.");
    if (!org->ous[role].name)
        return fcc_error_set(error, FCC_ERR_AUTH,
                             "cannot test for classification, node ou for type [%s], not defined, msp: [%s]",
                             role_name(role), org->id);
    if (!msp__has_ou(identity->cert, org->ous[role].name))
        return fcc_error_set(error, FCC_ERR_AUTH, "The identity does not contain OU [%s], MSP: [%s]", role_name(role),
                             org->id);
    return FCC_OK;
}

static fcc_status satisfies_ou_role(const msp_identity *identity, int role, const char *shown, fcc_error *error)
{
    fcc_error why = { 0 };

    if (msp_validate(identity, &why) != FCC_OK)
        return fcc_error_set(error, FCC_ERR_AUTH, "The identity is not valid under this MSP [%s]: %.800s",
                             identity->mspid, why.text);
    if (has_ou_role(identity, role, &why) != FCC_OK)
        return fcc_error_set(error, FCC_ERR_AUTH, "The identity is not %s under this MSP [%s]: %.800s", shown,
                             identity->mspid, why.text);
    return FCC_OK;
}

static fcc_status satisfies_role(const msp_identity *identity, fcc_bytes mspid, int role, fcc_error *error)
{
    const bool enforced = !identity->org || identity->org->node_ous;
    char shown[16];

    if (!fcc_bytes_equal(mspid, fcc_str(identity->mspid)))
        return other_msp(identity, mspid, error);
    snprintf(shown, sizeof shown, "a [%s]", role_name(role));
    switch (role) {
    case MSP_MEMBER:
        return msp_validate(identity, error);
    case MSP_ADMIN:
        if (identity->is_admin)
            return FCC_OK;
        if (enforced && version_of(identity) >= MSP__V1_4_3)
            return satisfies_ou_role(identity, role, "an admin", error);
        return fcc_error_set(error, FCC_ERR_AUTH, "This identity is not an admin");
    case MSP_CLIENT:
    case MSP_PEER:
        return satisfies_ou_role(identity, role, shown, error);
    case MSP_ORDERER:
        if (enforced && version_of(identity) >= MSP__V1_4_3)
            return satisfies_ou_role(identity, role, shown, error);
        break;
    default:
        break;
    }
    return fcc_error_set(error, FCC_ERR_AUTH, "invalid MSP role type %d", role);
}

bool msp_has_role(const msp_identity *identity, const char *mspid, msp_role role)
{
    return satisfies_role(identity, fcc_str(mspid), (int)role, NULL) == FCC_OK;
}

/* ---- the other kinds ----------------------------------------------------------------------------------------------- */

/* A principal that is one certificate. */
static fcc_status satisfies_identity(const msp_identity *identity, fcc_bytes principal, fcc__arena *scratch,
                                     fcc_error *error)
{
    Msp__SerializedIdentity *named;
    X509 *cert = NULL, *issuer = NULL, *clean = NULL;
    bool same = false;

    if (!identity->org || FCC__UNPACK(msp__serialized_identity, principal, scratch, &named) != FCC_OK)
        return fcc_error_set(error, FCC_ERR_AUTH,
                             "invalid identity principal, not a certificate: could not deserialize a "
                             "SerializedIdentity");
    if (!fcc_bytes_equal(fcc__of_pb(named->mspid), fcc_str(identity->mspid)))
        return fcc_error_set(error, FCC_ERR_AUTH,
                             "invalid identity principal, not a certificate: expected MSP ID %s, received " FCC_FMT,
                             identity->mspid, FCC_ARG(fcc__of_pb(named->mspid)));
    cert = msp__cert_of_pem(fcc__of_pb(named->id_bytes));
    if (!cert)
        return fcc_error_set(error, FCC_ERR_AUTH,
                             "invalid identity principal, not a certificate: could not decode the PEM structure");
    if (msp__issuer_of(identity->org, cert, &issuer, NULL) == FCC_OK &&
        (clean = msp__sanitise(cert, X509_get0_pubkey(issuer))) != NULL)
        same = X509_cmp(clean, identity->cert) == 0;
    X509_free(clean);
    X509_free(cert);
    if (!same)
        return fcc_error_set(error, FCC_ERR_AUTH, "The identities do not match");
    return msp_validate(identity, error);
}

/* A principal that is an organisational unit, of identities that came by one path from a root. */
static fcc_status satisfies_unit(const msp_identity *identity, fcc_bytes principal, fcc__arena *scratch,
                                 fcc_error *error)
{
    Common__OrganizationUnit *unit;
    fcc__sha256 chain;
    fcc_bytes name, copy;
    fcc_status st;

    if (FCC__UNPACK(common__organization_unit, principal, scratch, &unit) != FCC_OK)
        return fcc_error_set(error, FCC_ERR_AUTH, "could not unmarshal OrganizationUnit from principal");
    if (!fcc_bytes_equal(fcc__of_pb(unit->msp_identifier), fcc_str(identity->mspid)))
        return other_msp(identity, fcc__of_pb(unit->msp_identifier), error);
    st = msp_validate(identity, error);
    if (st != FCC_OK)
        return st;
    name = fcc__of_pb(unit->organizational_unit_identifier);
    if (identity->org && fcc__arena_copy(scratch, name, &copy) && strlen((const char *)copy.data) == name.len &&
        msp__has_ou(identity->cert, (const char *)copy.data) && msp__chain_id(identity->org, identity->cert, &chain) &&
        fcc_bytes_equal(fcc__of_pb(unit->certifiers_identifier), fcc__sha256_bytes(&chain)))
        return FCC_OK;
    return fcc_error_set(error, FCC_ERR_AUTH, "The identities do not match");
}

static fcc_status satisfies_anonymity(fcc_bytes principal, fcc__arena *scratch, fcc_error *error)
{
    Common__MSPIdentityAnonymity *wanted;

    if (FCC__UNPACK(common__mspidentity_anonymity, principal, scratch, &wanted) != FCC_OK)
        return fcc_error_set(error, FCC_ERR_AUTH, "could not unmarshal MSPIdentityAnonymity from principal");
    switch (wanted->anonymity_type) {
    case COMMON__MSPIDENTITY_ANONYMITY__MSPIDENTITY_ANONYMITY_TYPE__NOMINAL:
        return FCC_OK;
    case COMMON__MSPIDENTITY_ANONYMITY__MSPIDENTITY_ANONYMITY_TYPE__ANONYMOUS:
        return fcc_error_set(error, FCC_ERR_AUTH,
                             "Principal is anonymous, but X.509 MSP does not support anonymous identities");
    default:
        return fcc_error_set(error, FCC_ERR_AUTH, "Unknown principal anonymity type: %d", (int)wanted->anonymity_type);
    }
}

static fcc_status satisfies(const msp_identity *identity, const Common__MSPPrincipal *wanted, int depth,
                            fcc__arena *scratch, fcc_error *error);

/* A principal of several, all of which the identity has to fit. */
static fcc_status satisfies_all(const msp_identity *identity, fcc_bytes principal, int depth, fcc__arena *scratch,
                                fcc_error *error)
{
    Common__CombinedPrincipal *combined;
    fcc_status st = FCC_OK;
    size_t i;

    if (depth == MAX_NESTING || FCC__UNPACK(common__combined_principal, principal, scratch, &combined) != FCC_OK)
        return fcc_error_set(error, FCC_ERR_AUTH, "could not unmarshal CombinedPrincipal from principal");
    if (combined->n_principals == 0)
        return fcc_error_set(error, FCC_ERR_AUTH, "No principals in CombinedPrincipal");
    for (i = 0; i < combined->n_principals && st == FCC_OK; i++)
        st = satisfies(identity, combined->principals[i], depth + 1, scratch, error);
    return st;
}

static fcc_status satisfies(const msp_identity *identity, const Common__MSPPrincipal *wanted, int depth,
                            fcc__arena *scratch, fcc_error *error)
{
    const fcc_bytes bytes = fcc__of_pb(wanted->principal);
    Common__MSPRole *role;

    switch (wanted->principal_classification) {
    case COMMON__MSPPRINCIPAL__CLASSIFICATION__ROLE:
        if (FCC__UNPACK(common__msprole, bytes, scratch, &role) != FCC_OK)
            return fcc_error_set(error, FCC_ERR_AUTH, "could not unmarshal MSPRole from principal");
        return satisfies_role(identity, fcc__of_pb(role->msp_identifier), (int)role->role, error);
    case COMMON__MSPPRINCIPAL__CLASSIFICATION__IDENTITY:
        return satisfies_identity(identity, bytes, scratch, error);
    case COMMON__MSPPRINCIPAL__CLASSIFICATION__ORGANIZATION_UNIT:
        return satisfies_unit(identity, bytes, scratch, error);
    case COMMON__MSPPRINCIPAL__CLASSIFICATION__ANONYMITY:
        return version_of(identity) >= MSP__V1_3 ? satisfies_anonymity(bytes, scratch, error) : invalid_type(3, error);
    case COMMON__MSPPRINCIPAL__CLASSIFICATION__COMBINED:
        return version_of(identity) >= MSP__V1_3 ? satisfies_all(identity, bytes, depth, scratch, error)
                                                 : invalid_type(4, error);
    default:
        return invalid_type((int)wanted->principal_classification, error);
    }
}

/* ---- from outside -------------------------------------------------------------------------------------------------- */

void msp__principal_read(const Common__MSPPrincipal *message, fcc__arena *arena, msp__principal *out)
{
    Common__MSPRole *role;

    *out = (msp__principal){ .message = message };
    if (message->principal_classification == COMMON__MSPPRINCIPAL__CLASSIFICATION__ROLE &&
        FCC__UNPACK(common__msprole, fcc__of_pb(message->principal), arena, &role) == FCC_OK) {
        out->is_role = true;
        out->mspid = fcc__of_pb(role->msp_identifier);
        out->role = (int)role->role;
    }
}

fcc_status msp__satisfies(const msp_identity *identity, const msp__principal *principal, fcc_error *error)
{
    fcc__arena *scratch;
    fcc_status st;

    if (principal->is_role)
        return satisfies_role(identity, principal->mspid, principal->role, error);
    scratch = fcc__arena_new(SCRATCH);
    if (!scratch)
        return fcc_error_set(error, FCC_ERR_NOMEM, "out of memory for a principal");
    st = satisfies(identity, principal->message, 0, scratch, error);
    fcc__arena_free(scratch);
    return st;
}

fcc_status msp_satisfies(const msp_identity *identity, fcc_bytes principal, fcc_error *error)
{
    fcc__arena *scratch = fcc__arena_new(SCRATCH);
    Common__MSPPrincipal *wanted;
    fcc_status st;

    if (!scratch)
        return fcc_error_set(error, FCC_ERR_NOMEM, "out of memory for a principal");
    st = FCC__UNPACK(common__mspprincipal, principal, scratch, &wanted);
    if (st != FCC_OK)
        st = fcc_error_set(error, st, "could not unmarshal MSPPrincipal");
    else
        st = satisfies(identity, wanted, 0, scratch, error);
    fcc__arena_free(scratch);
    return st;
}
