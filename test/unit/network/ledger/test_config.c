/* Configurations on the ledger: what changes with a config block, and which config blocks nobody takes. */
#include "test/support/config_edit.h"
#include "test/unit/network/ledger/fixture.h"

#include "msp/configtx.h"
#include "msp/issue.h"

#include "msp/msp_config.pb-c.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

static const char second_yaml[] =
    "channel: test\n"
    "batch: {timeout_ms: 20, max_message_count: 100, absolute_max_bytes: 10485760, preferred_max_bytes: 2097152}\n"
    "orderer: {name: Orderer, mspid: OrdererMSP, domain: o.example, node: o0, address: 127.0.0.1:7050}\n"
    "organisations:\n"
    "  - {name: D, mspid: DMSP, domain: d.example, peer: {name: peer0, address: 127.0.0.1:7054},\n"
    "     sites: [{gln: \"4012345000016\", type: office, region: DE-BE}],\n"
    "     users: [{name: Admin, kind: admin, role: admin, uid: uid-1, site: \"4012345000016\"}, {name: u, patient: "
    "true}]}\n";

/* An administrator of one of the fixture's organisations; FIX_ORGS is the orderer's. The caller's to free. */
static msp_signer *admin(fixture *f, size_t org)
{
    const char *crypto = fcc__arena_printf(f->arena, "%s/crypto", f->dir);
    const char *dir = org < FIX_ORGS
                          ? msp_path_user_msp(f->arena, crypto, &f->network->orgs[org], "Admin")
                          : fcc__arena_printf(f->arena, "%s/ordererOrganizations/o.example/users/Admin@o.example/msp",
                                              crypto);
    msp_signer *signer = NULL;

    assert_int_equal(msp_signer_load(dir, org < FIX_ORGS ? fix_mspids[org] : "OrdererMSP", &signer, NULL), FCC_OK);
    return signer;
}

static Common__Config *config_of(fixture *f)
{
    return edit_read(f->arena, msp_channel_config(ledger_channel(f->l)));
}

/* What a client sends: the update, signed by these administrators, a bit each. */
static fcc_bytes update_envelope(fixture *f, const Common__Config *config, unsigned by)
{
    const msp_channel *channel = ledger_channel(f->l);
    msp_signer *signers[FIX_ORGS + 1];
    fcc_bytes update, envelope;
    fcc_error error = { 0 };
    size_t i, n = 0;

    if (msp_configtx_compute("test", msp_channel_config(channel), edit_pack(f->arena, config), f->arena, &update,
                             &error) != FCC_OK)
        fail_msg("%s", error.text);
    for (i = 0; i <= FIX_ORGS; i++)
        if (by & 1u << i)
            signers[n++] = admin(f, i);
    assert_int_equal(msp_configtx_sign("test", update, (const msp_signer *const *)signers, n, signers[0], 1800000000,
                                       f->arena, &envelope),
                     FCC_OK);
    for (i = 0; i < n; i++)
        msp_signer_free(signers[i]);
    return envelope;
}

/* What the orderer makes of it. */
static fcc_bytes config_message(fixture *f, const Common__Config *config, unsigned by)
{
    fcc_bytes envelope = update_envelope(f, config, by), message;
    fcc_error error = { 0 };

    if (msp_configtx_order(ledger_channel(f->l), envelope, f->orderer, 1800000000, f->arena, &message, &error) !=
        FCC_OK)
        fail_msg("%s", error.text);
    return message;
}

static fcc_bytes block_of(fixture *f, fcc_bytes message)
{
    fcc_bytes block;

    assert_int_equal(ledger_next_block(f->l, &message, 1, f->orderer, f->arena, &block), FCC_OK);
    return block;
}

static ledger_committed take(fixture *f, fcc_bytes block)
{
    fcc_error error = { FCC_OK, "" };
    ledger_committed done;

    if (ledger_commit(f->l, block, f->arena, &done, &error) != FCC_OK)
        fail_msg("%s", error.text);
    return done;
}

static void not_taken(fixture *f, fcc_bytes block, const char *text)
{
    const uint64_t height = ledger_height(f->l);
    fcc_error error = { FCC_OK, "" };
    ledger_committed done;

    assert_int_equal(ledger_commit(f->l, block, f->arena, &done, &error), FCC_ERR_CORRUPT);
    assert_string_equal(error.text, text);
    assert_int_equal(ledger_height(f->l), height);
}

static Common__Config *with_batch(fixture *f, uint32_t count)
{
    Common__Config *config = config_of(f);

    edit_set(f->arena, edit_group(config->channel_group, "Orderer"), "BatchSize", edit_batch(f->arena, count));
    return config;
}

static void commit_config(fixture *f, const Common__Config *config, unsigned by)
{
    ledger_committed done = take(f, block_of(f, config_message(f, config, by)));

    assert_int_equal(done.count, 1);
    assert_int_equal(done.codes[0], FIX_CODE(VALID));
}

/* ---- what follows a config block ----------------------------------------------------------------------------------- */

static void a_config_block_is_in_force_from_the_next_block_on(void **state)
{
    fixture *f = *state;

    assert_int_equal(fix_write(f, "", "k", "1"), FIX_CODE(VALID));
    commit_config(f, with_batch(f, 7), 8);
    assert_int_equal(ledger_config_block(f->l), 2);
    assert_int_equal(msp_channel_sequence(ledger_channel(f->l)), 1);
    assert_int_equal(msp_channel_max_message_count(ledger_channel(f->l)), 7);
    assert_int_equal(fix_write(f, "", "k", "2"), FIX_CODE(VALID));
    commit_config(f, with_batch(f, 8), 8);
    assert_int_equal(ledger_config_block(f->l), 4);
    fix_reopen(f);
    assert_int_equal(ledger_config_block(f->l), 4);
    assert_int_equal(msp_channel_sequence(ledger_channel(f->l)), 2);
    assert_int_equal(msp_channel_max_message_count(ledger_channel(f->l)), 8);
    assert_int_equal(fix_write(f, "", "k", "3"), FIX_CODE(VALID));
}

/* The group that a network of its own would have. */
static Common__ConfigGroup *group_of_d(fixture *f, msp_signer **user)
{
    const char *crypto = fcc__arena_printf(f->arena, "%s/second", f->dir);
    config_network *network = NULL;
    msp_channel *channel = NULL;
    fcc_error error = { 0 };
    fcc_bytes block;
    Common__ConfigGroup *group;

    if (config_parse(fcc_str(second_yaml), "second.yaml", &network, &error) != FCC_OK ||
        msp_generate(network, crypto, &error) != FCC_OK ||
        msp_genesis(network, crypto, 1800000000, f->arena, &block, &error) != FCC_OK ||
        msp_channel_from_block(block, &channel, &error) != FCC_OK ||
        msp_signer_load(msp_path_user_msp(f->arena, crypto, &network->orgs[0], "u"), "DMSP", user, &error) != FCC_OK)
        fail_msg("%s", error.text);
    group = edit_group(edit_read(f->arena, msp_channel_config(channel))->channel_group, "Application/D");
    msp_channel_free(channel);
    config_free(network);
    return group;
}

static void an_organisation_joins(void **state)
{
    fixture *f = *state;
    Common__Config *config = config_of(f);
    msp_signer *of_d, *of_a = f->users[0];

    edit_add_group(f->arena, edit_group(config->channel_group, "Application"), "D", group_of_d(f, &of_d));
    f->users[0] = of_d;
    assert_int_equal(fix_write(f, "", "k", "1"), FIX_CODE(BAD_CREATOR_SIGNATURE));
    commit_config(f, config, 1 | 2);
    assert_int_equal(fix_write(f, "", "k", "2"), FIX_CODE(VALID));
    assert_int_equal(msp_channel_org_count(ledger_channel(f->l)), 5);
    f->users[0] = of_a;
    msp_signer_free(of_d);
}

static X509 *read_cert(const char *path, fcc__arena *arena)
{
    fcc_bytes pem;

    assert_int_equal(msp__read_file(path, arena, &pem, NULL), FCC_OK);
    return msp__cert_of_pem(pem);
}

/* A's membership service with a list that revokes its user. */
static fcc_bytes revoking_msp(fixture *f, const Common__Config *config)
{
    const char *crypto = fcc__arena_printf(f->arena, "%s/crypto/peerOrganizations/a.example", f->dir);
    const fcc_bytes old = fcc__of_pb(edit_value(edit_group(config->channel_group, "Application/A"), "MSP")->value);
    X509 *ca = read_cert(fcc__arena_printf(f->arena, "%s/ca/ca.a.example-cert.pem", crypto), f->arena);
    X509 *user = msp__cert_of_pem(msp_signer_certificate(f->users[0]));
    X509_CRL *crl = X509_CRL_new();
    X509_REVOKED *entry = X509_REVOKED_new();
    ASN1_TIME *now = ASN1_TIME_set(NULL, 1800000000);
    X509V3_CTX ctx;
    X509_EXTENSION *aki;
    Msp__MSPConfig *outer;
    Msp__FabricMSPConfig *msp;
    ProtobufCBinaryData list;
    unsigned char *der = NULL;
    fcc_bytes key_pem, der_bytes;
    EVP_PKEY *key;
    BIO *bio;
    int len;

    assert_true(ca && user && crl && entry && now);
    assert_int_equal(msp__read_file(fcc__arena_printf(f->arena, "%s/ca/priv_sk", crypto), f->arena, &key_pem, NULL),
                     FCC_OK);
    bio = BIO_new_mem_buf(key_pem.data, (int)key_pem.len);
    key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    BIO_free(bio);
    assert_non_null(key);
    X509_CRL_set_version(crl, 1);
    X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca));
    X509_CRL_set1_lastUpdate(crl, now);
    X509_CRL_set1_nextUpdate(crl, now);
    X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(user));
    X509_REVOKED_set_revocationDate(entry, now);
    X509_CRL_add0_revoked(crl, entry);
    X509V3_set_ctx(&ctx, ca, NULL, NULL, crl, 0);
    aki = X509V3_EXT_conf_nid(NULL, &ctx, NID_authority_key_identifier, "keyid:always");
    assert_non_null(aki);
    X509_CRL_add_ext(crl, aki, -1);
    assert_true(X509_CRL_sign(crl, key, EVP_sha256()) > 0);
    len = i2d_X509_CRL(crl, &der);
    assert_true(fcc__arena_copy(f->arena, fcc_bytes_of(der, (size_t)len), &der_bytes));
    list = fcc__pb(der_bytes);
    assert_int_equal(FCC__UNPACK(msp__mspconfig, old, f->arena, &outer), FCC_OK);
    assert_int_equal(FCC__UNPACK(msp__fabric_mspconfig, fcc__of_pb(outer->config), f->arena, &msp), FCC_OK);
    msp->n_revocation_list = 1;
    msp->revocation_list = &list;
    outer->config = fcc__pb(edit_pack(f->arena, msp));
    OPENSSL_free(der);
    X509_EXTENSION_free(aki);
    ASN1_TIME_free(now);
    X509_CRL_free(crl);
    X509_free(ca);
    X509_free(user);
    EVP_PKEY_free(key);
    return edit_pack(f->arena, outer);
}

static void a_revoked_user_is_refused_from_the_config_block_on(void **state)
{
    fixture *f = *state;
    Common__Config *config = config_of(f);

    assert_int_equal(fix_write(f, "", "k", "1"), FIX_CODE(VALID));
    edit_set(f->arena, edit_group(config->channel_group, "Application/A"), "MSP", revoking_msp(f, config));
    commit_config(f, config, 1); /* its own administrator is enough */
    assert_int_equal(fix_write(f, "", "k", "2"), FIX_CODE(BAD_CREATOR_SIGNATURE));
    assert_string_equal(fix_see(f, 0, "any", "", "k"), "1");
}

/* ---- config blocks that nobody takes ------------------------------------------------------------------------------- */

#define STOPS "error validating config which passed initial validity checks: "

static void a_configuration_is_in_force_once(void **state)
{
    fixture *f = *state;
    fcc_bytes message = config_message(f, with_batch(f, 7), 8);

    take(f, block_of(f, message));
    not_taken(f, block_of(f, message), STOPS "config currently at sequence 1, cannot validate config at sequence 1");
    assert_int_equal(fix_write(f, "", "k", "1"), FIX_CODE(VALID));
}

/* The orderer's own signature, but a configuration that nobody has agreed to. */
static fcc_bytes forged(fixture *f, fcc_bytes message, void (*change)(Common__ConfigEnvelope *))
{
    Common__Envelope *envelope;
    Common__Payload *payload;
    Common__ConfigEnvelope *config;
    fcc_bytes bytes;

    assert_int_equal(FCC__UNPACK(common__envelope, message, f->arena, &envelope), FCC_OK);
    assert_int_equal(FCC__UNPACK(common__payload, fcc__of_pb(envelope->payload), f->arena, &payload), FCC_OK);
    assert_int_equal(FCC__UNPACK(common__config_envelope, fcc__of_pb(payload->data), f->arena, &config), FCC_OK);
    change(config);
    payload->data = fcc__pb(edit_pack(f->arena, config));
    bytes = edit_pack(f->arena, payload);
    envelope->payload = fcc__pb(bytes);
    assert_int_equal(msp_sign(f->orderer, &bytes, 1, f->arena, &bytes), FCC_OK);
    envelope->signature = fcc__pb(bytes);
    return edit_pack(f->arena, envelope);
}

static void other_batch(Common__ConfigEnvelope *config)
{
    edit_value(edit_group(config->config->channel_group, "Orderer"), "BatchSize")->value = fcc__pb(
        FCC_LIT("\x08\x01\x10\x01\x18\x01"));
}

static void no_update(Common__ConfigEnvelope *config)
{
    config->last_update = NULL;
}

static void empty(Common__ConfigEnvelope *config)
{
    config->config = NULL;
    config->last_update = NULL;
}

static void the_orderer_alone_cannot_change_the_configuration(void **state)
{
    fixture *f = *state;
    fcc_bytes message = config_message(f, with_batch(f, 7), 8);

    not_taken(f, block_of(f, forged(f, message, other_batch)),
              STOPS "ConfigEnvelope LastUpdate did not produce the supplied config result");
    not_taken(f, block_of(f, forged(f, message, no_update)), STOPS "config envelope has no last update");
    assert_int_equal(ledger_config_block(f->l), 0);
    take(f, block_of(f, message));
}

static void a_configuration_without_data_is_an_invalid_transaction(void **state)
{
    fixture *f = *state;
    ledger_committed done = take(f, block_of(f, forged(f, config_message(f, with_batch(f, 7), 8), empty)));

    assert_int_equal(done.codes[0], FIX_CODE(INVALID_CONFIG_TRANSACTION));
    assert_int_equal(ledger_config_block(f->l), 0);
}

static void a_configuration_lies_alone_in_its_block(void **state)
{
    fixture *f = *state;
    ledger_sim *sim = fix_sim(f, 0);
    fcc_bytes two[2] = { config_message(f, with_batch(f, 7), 8) }, block;

    fix_put(sim, "any", "", "k", "1");
    two[1] = fix_endorse(f, "any", fix_finish(f, sim), 1).envelope;
    assert_int_equal(ledger_next_block(f->l, two, 2, f->orderer, f->arena, &block), FCC_ERR_ARG);
}

/* ---- signatures of blocks ------------------------------------------------------------------------------------------ */

static fcc_bytes changed(fixture *f, fcc_bytes block, void (*change)(Common__Block *, Common__Metadata *))
{
    Common__Block *message;
    Common__Metadata *metadata;

    assert_int_equal(FCC__UNPACK(common__block, block, f->arena, &message), FCC_OK);
    assert_int_equal(FCC__UNPACK(common__metadata, fcc__of_pb(message->metadata->metadata[0]), f->arena, &metadata),
                     FCC_OK);
    change(message, metadata);
    message->metadata->metadata[0] = fcc__pb(edit_pack(f->arena, metadata));
    return edit_pack(f->arena, message);
}

static void unsigned_(Common__Block *block, Common__Metadata *metadata)
{
    (void)block;
    metadata->n_signatures = 0;
}

static void other_value(Common__Block *block, Common__Metadata *metadata)
{
    (void)block;
    metadata->value = fcc__pb(FCC_LIT("\x0a\x02\x08\x01"));
}

static void other_header(Common__Block *block, Common__Metadata *metadata)
{
    (void)block;
    metadata->signatures[0]->signature_header.data[metadata->signatures[0]->signature_header.len - 1] ^= 1;
}

static void other_signature(Common__Block *block, Common__Metadata *metadata)
{
    (void)block;
    metadata->signatures[0]->signature.data[metadata->signatures[0]->signature.len - 1] ^= 1;
}

static const char by_nobody[] = "block 1 is not signed as /Channel/Orderer/BlockValidation asks: implicit policy "
                                "evaluation failed - 0 sub-policies were satisfied, but this policy requires 1 of the "
                                "'Writers' sub-policies to be satisfied";

static fcc_bytes next_block(fixture *f, const msp_signer *orderer)
{
    ledger_sim *sim = fix_sim(f, 0);
    fcc_bytes envelope, block;

    fix_put(sim, "any", "", "k", "1");
    envelope = fix_endorse(f, "any", fix_finish(f, sim), 1).envelope;
    assert_int_equal(ledger_next_block(f->l, &envelope, 1, orderer, f->arena, &block), FCC_OK);
    return block;
}

static void a_block_is_taken_only_with_the_orderers_signature(void **state)
{
    fixture *f = *state;
    fcc_bytes block = next_block(f, f->orderer);
    fcc_error error = { 0 };

    not_taken(f, changed(f, block, unsigned_), by_nobody);
    not_taken(f, changed(f, block, other_value), by_nobody);
    not_taken(f, changed(f, block, other_header), by_nobody);
    not_taken(f, changed(f, block, other_signature), by_nobody);
    not_taken(f, next_block(f, f->peers[0]), by_nobody);
    assert_int_equal(ledger_verify_block(ledger_channel(f->l), next_block(f, f->users[1]), 0, &error), FCC_ERR_CORRUPT);
    assert_string_equal(error.text, by_nobody);
    assert_int_equal(ledger_verify_block(ledger_channel(f->l), block, 0, &error), FCC_OK);
    assert_int_equal(ledger_verify_block(ledger_channel(f->l), block, 1, &error), FCC_ERR_CORRUPT);
    assert_string_equal(error.text, "block 1 says that block 0 has the newest configuration, which is in block 1");
    take(f, block);
}

/* ---- blocks of a BFT channel --------------------------------------------------------------------------------------- */

enum { NODES = 3 };

/* The channel with three consenters, any two of which make a block: the orderer and, as others, two peers. */
static msp_channel *bft_channel(fixture *f, const msp_signer *const *nodes)
{
    Common__Orderers orderers = COMMON__ORDERERS__INIT;
    Common__Consenter consenters[NODES], *list[NODES];
    Common__MSPPrincipal principals[NODES], *principal_list[NODES];
    Common__SignaturePolicy rules[NODES], *rule_list[NODES], rule = COMMON__SIGNATURE_POLICY__INIT;
    Common__SignaturePolicy__NOutOf gate = COMMON__SIGNATURE_POLICY__NOUT_OF__INIT;
    Common__SignaturePolicyEnvelope envelope = COMMON__SIGNATURE_POLICY_ENVELOPE__INIT;
    Common__Config *config = config_of(f);
    Common__ConfigGroup *group = edit_group(config->channel_group, "Orderer");
    Common__ConfigPolicy *policy = edit_policy(group, "BlockValidation");
    msp_channel *channel = NULL;
    fcc_error error = { 0 };
    int i;

    for (i = 0; i < NODES; i++) {
        common__consenter__init(&consenters[i]);
        consenters[i].id = (uint32_t)i + 1;
        consenters[i].msp_id = fcc__pb(fcc_str(msp_signer_mspid(nodes[i])));
        consenters[i].identity = fcc__pb(msp_signer_certificate(nodes[i]));
        list[i] = &consenters[i];
        common__mspprincipal__init(&principals[i]);
        principals[i].principal_classification = COMMON__MSPPRINCIPAL__CLASSIFICATION__IDENTITY;
        principals[i].principal = fcc__pb(msp_signer_identity(nodes[i]));
        principal_list[i] = &principals[i];
        common__signature_policy__init(&rules[i]);
        rules[i].type_case = COMMON__SIGNATURE_POLICY__TYPE_SIGNED_BY;
        rules[i].signed_by = i;
        rule_list[i] = &rules[i];
    }
    orderers.n_consenter_mapping = NODES;
    orderers.consenter_mapping = list;
    gate.n = 2;
    gate.n_rules = NODES;
    gate.rules = rule_list;
    rule.type_case = COMMON__SIGNATURE_POLICY__TYPE_N_OUT_OF;
    rule.n_out_of = &gate;
    envelope.rule = &rule;
    envelope.n_identities = NODES;
    envelope.identities = principal_list;
    policy->policy->type = COMMON__POLICY__POLICY_TYPE__SIGNATURE;
    policy->policy->value = fcc__pb(edit_pack(f->arena, &envelope));
    edit_set(f->arena, group, "Orderers", edit_pack(f->arena, &orderers));
    edit_remove_value(config->channel_group, "OrdererAddresses");
    edit_capability(f->arena, config->channel_group, "V3_0");
    if (msp_channel_from_config("test", edit_pack(f->arena, config), &channel, &error) != FCC_OK)
        fail_msg("%s", error.text);
    return channel;
}

/* The block with these numbers' signatures over it instead of the orderer's. */
static fcc_bytes signed_by_numbers(fixture *f, fcc_bytes bytes, const msp_signer *const *nodes, const uint32_t *numbers,
                                   size_t count)
{
    Common__MetadataSignature signatures[4], *list[4];
    Common__Block *block;
    Common__Metadata *metadata;
    ledger__block taken;
    fcc__buf der;
    size_t i;

    assert_int_equal(FCC__UNPACK(common__block, bytes, f->arena, &block), FCC_OK);
    assert_int_equal(FCC__UNPACK(common__metadata, fcc__of_pb(block->metadata->metadata[0]), f->arena, &metadata),
                     FCC_OK);
    assert_int_equal(ledger__block_unpack(bytes, f->arena, &taken), FCC_OK);
    fcc__buf_init(&der, 1024);
    ledger__header_der(&der, taken.number, taken.previous_hash, taken.data_hash);
    for (i = 0; i < count; i++) {
        Common__IdentifierHeader header = COMMON__IDENTIFIER_HEADER__INIT;
        fcc_bytes parts[3], signature;

        header.identifier = numbers[i];
        header.nonce = fcc__pb(FCC_LIT("nonce"));
        parts[0] = fcc__of_pb(metadata->value);
        parts[1] = edit_pack(f->arena, &header);
        parts[2] = fcc__buf_bytes(&der);
        assert_int_equal(msp_sign(nodes[(numbers[i] - 1) % NODES], parts, 3, f->arena, &signature), FCC_OK);
        common__metadata_signature__init(&signatures[i]);
        signatures[i].identifier_header = fcc__pb(parts[1]);
        signatures[i].signature = fcc__pb(signature);
        list[i] = &signatures[i];
    }
    fcc__buf_clear(&der);
    metadata->n_signatures = count;
    metadata->signatures = list;
    block->metadata->metadata[0] = fcc__pb(edit_pack(f->arena, metadata));
    return edit_pack(f->arena, block);
}

static void a_bft_block_needs_a_quorum_of_consenters_by_number(void **state)
{
    static const uint32_t two[] = { 1, 3 }, same[] = { 1, 1 }, unknown[] = { 1, 6 }, three[] = { 6, 2, 3 };
    fixture *f = *state;
    const msp_signer *nodes[NODES] = { f->orderer, f->peers[0], f->peers[1] };
    msp_channel *channel = bft_channel(f, nodes);
    fcc_bytes block = next_block(f, f->orderer);
    fcc_error error = { 0 };

    assert_int_equal(ledger_verify_block(channel, signed_by_numbers(f, block, nodes, two, 2), 0, &error), FCC_OK);
    assert_int_equal(ledger_verify_block(channel, signed_by_numbers(f, block, nodes, three, 3), 0, &error), FCC_OK);
    assert_int_equal(ledger_verify_block(channel, signed_by_numbers(f, block, nodes, same, 2), 0, &error),
                     FCC_ERR_CORRUPT);
    assert_string_equal(error.text, "block 1 is not signed as /Channel/Orderer/BlockValidation asks: signature set did "
                                    "not satisfy policy");
    assert_int_equal(ledger_verify_block(channel, signed_by_numbers(f, block, nodes, unknown, 2), 0, &error),
                     FCC_ERR_CORRUPT);
    assert_int_equal(ledger_verify_block(channel, block, 0, &error), FCC_ERR_CORRUPT); /* one, by its certificate */
    /* a channel without BFT knows no numbers */
    assert_int_equal(ledger_verify_block(ledger_channel(f->l), signed_by_numbers(f, block, nodes, two, 2), 0, &error),
                     FCC_ERR_CORRUPT);
    msp_channel_free(channel);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fix_setup, fix_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_config_block_is_in_force_from_the_next_block_on, fix_setup_on_disk,
                                        fix_teardown),
        TEST(an_organisation_joins),
        TEST(a_revoked_user_is_refused_from_the_config_block_on),
        TEST(a_configuration_is_in_force_once),
        TEST(the_orderer_alone_cannot_change_the_configuration),
        TEST(a_configuration_without_data_is_an_invalid_transaction),
        TEST(a_configuration_lies_alone_in_its_block),
        TEST(a_block_is_taken_only_with_the_orderers_signature),
        TEST(a_bft_block_needs_a_quorum_of_consenters_by_number),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
