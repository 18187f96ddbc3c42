/* Updates of a channel's configuration: what the orderer takes and what it refuses, in Fabric's words. */
#include "test/unit/network/msp/channel_fixture.h"

#include "peer/configuration.pb-c.h"

static fcc_bytes order(const chan *c, fcc_bytes envelope)
{
    fcc_error error = { 0 };
    fcc_bytes config;

    if (msp_configtx_order(c->channel, envelope, c->orderer, FIX_NOW, c->arena, &config, &error) != FCC_OK)
        fail_msg("%s", error.text);
    return config;
}

static void refused_as(const chan *c, fcc_bytes envelope, fcc_status status, const char *text)
{
    fcc_error error = { 0 };
    fcc_bytes config;

    assert_int_equal(msp_configtx_order(c->channel, envelope, c->orderer, FIX_NOW, c->arena, &config, &error), status);
    assert_string_equal(error.text, text);
}

#define APPLYING "error applying config update to existing channel 'test': "
#define DELTA APPLYING "error authorizing update: error validating DeltaSet: "
#define BUNDLE APPLYING "initializing channelconfig failed: "

/* With everybody's signature. */
static void refused(const chan *c, const Common__Config *config, const char *text)
{
    refused_as(c, chan_sign(c, chan_update(c, config), 15), FCC_ERR_CONFIG, text);
}

/* The data of a CONFIG message. */
static fcc_bytes config_envelope_of(const chan *c, fcc_bytes message)
{
    Common__Envelope *envelope;
    Common__Payload *payload;
    Common__ChannelHeader *header;

    assert_int_equal(FCC__UNPACK(common__envelope, message, c->arena, &envelope), FCC_OK);
    assert_int_equal(FCC__UNPACK(common__payload, fcc__of_pb(envelope->payload), c->arena, &payload), FCC_OK);
    assert_int_equal(
        FCC__UNPACK(common__channel_header, fcc__of_pb(payload->header->channel_header), c->arena, &header), FCC_OK);
    assert_int_equal(header->type, COMMON__HEADER_TYPE__CONFIG);
    assert_int_equal(header->tx_id.len, 0);
    assert_int_equal(header->version, 0);
    return fcc__of_pb(payload->data);
}

static msp_channel *validated(const chan *c, fcc_bytes config_envelope)
{
    msp_channel *next = NULL;
    fcc_error error = { 0 };

    if (msp_configtx_validate(c->channel, config_envelope, &next, &error) != FCC_OK)
        fail_msg("%s", error.text);
    return next;
}

static Common__Config *with_batch(const chan *c, uint32_t count)
{
    Common__Config *config = chan_config(c);

    edit_set(c->arena, edit_group(config->channel_group, "Orderer"), "BatchSize", edit_batch(c->arena, count));
    return config;
}

/* ---- what is taken ------------------------------------------------------------------------------------------------- */

static void the_orderers_administrator_changes_the_batch_size(void **state)
{
    const chan *c = *state;
    Common__Config *config = with_batch(c, 7);
    fcc_bytes update = chan_update(c, config), envelope = chan_sign(c, update, 8);
    fcc_bytes data = config_envelope_of(c, order(c, envelope)), alone;
    msp_channel *next = validated(c, data);

    assert_int_equal(msp_channel_max_message_count(next), 7);
    assert_int_equal(msp_channel_sequence(next), 1);
    assert_int_equal(
        edit_value(edit_group(edit_read(c->arena, msp_channel_config(next))->channel_group, "Orderer"), "BatchSize")
            ->version,
        1);
    assert_int_equal(msp_configtx_propose(c->channel, envelope, c->arena, &alone, NULL), FCC_OK);
    assert_true(fcc_bytes_equal(alone, data));
    msp_channel_free(next);
}

static void the_update_names_what_it_changes_and_what_it_has_read(void **state)
{
    const chan *c = *state;
    Common__ConfigUpdate *update;
    const Common__ConfigGroup *read, *write;

    assert_int_equal(FCC__UNPACK(common__config_update, chan_update(c, with_batch(c, 7)), c->arena, &update), FCC_OK);
    read = update->read_set;
    write = update->write_set;
    assert_int_equal(read->n_groups, 1);
    assert_int_equal(read->n_values + read->n_policies, 0);
    assert_int_equal(read->groups[0]->value->n_values, 0);
    assert_int_equal(write->n_groups, 1);
    assert_int_equal(write->version, 0);
    assert_int_equal(write->groups[0]->value->version, 0);
    assert_int_equal(write->groups[0]->value->n_values, 1);
    assert_int_equal(write->groups[0]->value->values[0]->value->version, 1);
    assert_int_equal(write->groups[0]->value->n_policies, 0);
}

static void a_group_with_other_members_is_written_with_all_of_them(void **state)
{
    const chan *c = *state;
    Common__Config *config = chan_config(c);
    Common__ConfigUpdate *update;
    const Common__ConfigGroup *read, *write;

    edit_remove_group(edit_group(config->channel_group, "Application"), "C");
    assert_int_equal(FCC__UNPACK(common__config_update, chan_update(c, config), c->arena, &update), FCC_OK);
    read = update->read_set->groups[0]->value;
    write = update->write_set->groups[0]->value;
    assert_int_equal(read->n_groups, 2);
    assert_int_equal(write->n_groups, 2);
    assert_int_equal(write->version, 1);
    assert_int_equal(read->n_values, 1); /* Capabilities, by its version alone */
    assert_int_equal(read->values[0]->value->value.len, 0);
    assert_int_equal(write->n_policies, 5);
    assert_true(fcc_bytes_equal(fcc__of_pb(write->mod_policy), FCC_LIT("Admins")));
}

static void an_organisation_leaves_by_the_majority_of_the_administrators(void **state)
{
    const chan *c = *state;
    Common__Config *config = chan_config(c);
    msp_channel *next;

    edit_remove_group(edit_group(config->channel_group, "Application"), "C");
    next = validated(c, config_envelope_of(c, order(c, chan_sign(c, chan_update(c, config), 1 | 2))));
    assert_int_equal(msp_channel_org_count(next), 3); /* A, B, and the orderer's */
    assert_false(msp_manager_knows(msp_channel_manager(next), FCC_LIT("CMSP")));
    msp_channel_free(next);
}

static void an_organisations_own_administrator_changes_its_anchor_peers(void **state)
{
    const chan *c = *state;
    Protos__AnchorPeers peers = PROTOS__ANCHOR_PEERS__INIT;
    Protos__AnchorPeer peer = PROTOS__ANCHOR_PEER__INIT, *list = &peer;
    Common__Config *config = chan_config(c);

    peer.host = fcc__pb(FCC_LIT("localhost"));
    peer.port = 7051;
    peers.n_anchor_peers = 1;
    peers.anchor_peers = &list;
    edit_set(c->arena, edit_group(config->channel_group, "Application/A"), "AnchorPeers", edit_pack(c->arena, &peers));
    order(c, chan_sign(c, chan_update(c, config), 1));
    refused_as(c, chan_sign(c, chan_update(c, config), 2), FCC_ERR_CONFIG,
               DELTA "policy for [Group]  /Channel/Application/A not satisfied: signature set did not satisfy policy");
}

/* ---- signatures ---------------------------------------------------------------------------------------------------- */

static void an_update_with_too_few_signatures_is_refused(void **state)
{
    const chan *c = *state;
    Common__Config *config = chan_config(c);
    fcc_bytes update;

    edit_remove_group(edit_group(config->channel_group, "Application"), "C");
    update = chan_update(c, config);
    refused_as(c, chan_sign(c, update, 1), FCC_ERR_CONFIG,
               DELTA "policy for [Group]  /Channel/Application not satisfied: implicit policy evaluation failed - 1 "
                     "sub-policies were satisfied, but this policy requires 2 of the 'Admins' sub-policies to be "
                     "satisfied");
    refused_as(c, chan_sign(c, update, 0), FCC_ERR_CONFIG,
               DELTA "policy for [Group]  /Channel/Application not satisfied: implicit policy evaluation failed - 0 "
                     "sub-policies were satisfied, but this policy requires 2 of the 'Admins' sub-policies to be "
                     "satisfied");
}

static void a_signature_counts_once_and_only_over_this_update(void **state)
{
    const chan *c = *state;
    const msp_signer *twice[] = { c->admins[0], c->admins[0] }, *both[] = { c->admins[0], c->admins[1] };
    Common__Config *config = chan_config(c);
    Common__Envelope *envelope, *other;
    Common__ConfigUpdateEnvelope *message;
    Common__Payload *payload;
    fcc_bytes update, made;

    edit_remove_group(edit_group(config->channel_group, "Application"), "C");
    update = chan_update(c, config);
    assert_int_equal(msp_configtx_sign("test", update, twice, 2, c->admins[0], FIX_NOW, c->arena, &made), FCC_OK);
    refused_as(c, made, FCC_ERR_CONFIG,
               DELTA "policy for [Group]  /Channel/Application not satisfied: implicit policy evaluation failed - 1 "
                     "sub-policies were satisfied, but this policy requires 2 of the 'Admins' sub-policies to be "
                     "satisfied");
    /* two signatures that were given for something else */
    assert_int_equal(
        msp_configtx_sign("test", chan_update(c, with_batch(c, 3)), both, 2, c->admins[0], FIX_NOW, c->arena, &made),
        FCC_OK);
    assert_int_equal(FCC__UNPACK(common__envelope, made, c->arena, &other), FCC_OK);
    assert_int_equal(FCC__UNPACK(common__payload, fcc__of_pb(other->payload), c->arena, &payload), FCC_OK);
    assert_int_equal(FCC__UNPACK(common__config_update_envelope, fcc__of_pb(payload->data), c->arena, &message),
                     FCC_OK);
    message->config_update = fcc__pb(update);
    payload->data = fcc__pb(edit_pack(c->arena, message));
    envelope = other;
    envelope->payload = fcc__pb(edit_pack(c->arena, payload));
    made = fcc__of_pb(envelope->payload);
    assert_int_equal(msp_sign(c->admins[0], &made, 1, c->arena, &made), FCC_OK);
    envelope->signature = fcc__pb(made);
    refused_as(c, edit_pack(c->arena, envelope), FCC_ERR_CONFIG,
               DELTA "policy for [Group]  /Channel/Application not satisfied: implicit policy evaluation failed - 0 "
                     "sub-policies were satisfied, but this policy requires 2 of the 'Admins' sub-policies to be "
                     "satisfied");
}

static void whoever_may_not_write_may_not_submit(void **state)
{
    const chan *c = *state;
    const msp_signer *signers[] = { c->orderer_admin };
    fcc_bytes update = chan_update(c, with_batch(c, 7)), envelope;

    assert_int_equal(msp_configtx_sign("test", update, signers, 1, c->peers[0], FIX_NOW, c->arena, &envelope), FCC_OK);
    refused_as(c, envelope, FCC_ERR_AUTH,
               "config update for existing channel did not pass initial checks: implicit policy evaluation failed - 0 "
               "sub-policies were satisfied, but this policy requires 1 of the 'Writers' sub-policies to be satisfied: "
               "permission denied");
}

static void who_submits_has_to_be_readable(void **state)
{
    const chan *c = *state;
    Common__Envelope *envelope;
    Common__Payload *payload;
    fcc_bytes bytes = chan_sign(c, chan_update(c, with_batch(c, 7)), 15);

    assert_int_equal(FCC__UNPACK(common__envelope, bytes, c->arena, &envelope), FCC_OK);
    assert_int_equal(FCC__UNPACK(common__payload, fcc__of_pb(envelope->payload), c->arena, &payload), FCC_OK);
    payload->header->signature_header = fcc__pb(FCC_LIT("\xff"));
    assert_int_equal(fcc__pack(payload, c->arena, &bytes), FCC_OK);
    envelope->payload = fcc__pb(bytes);
    assert_int_equal(fcc__pack(envelope, c->arena, &bytes), FCC_OK);
    refused_as(c, bytes, FCC_ERR_CONFIG,
               "config update for existing channel did not pass initial checks: could not convert message to "
               "signedData: GetSignatureHeaderFromBytes failed, err proto: cannot parse invalid wire-format data");
}

static void an_expired_submitter_is_refused(void **state)
{
    const chan *c = *state;
    fcc_bytes envelope = chan_sign(c, chan_update(c, with_batch(c, 7)), 8), config;
    fcc_error error = { 0 };

    assert_int_equal(msp_configtx_order(c->channel, envelope, c->orderer, msp_signer_expires(c->admins[0]), c->arena,
                                        &config, &error),
                     FCC_ERR_CONFIG);
    assert_string_equal(error.text, "config update for existing channel did not pass initial checks: broadcast client "
                                    "identity expired");
}

/* ---- versions ------------------------------------------------------------------------------------------------------ */

static fcc_bytes with_update(const chan *c, void (*change)(Common__ConfigUpdate *))
{
    Common__ConfigUpdate *update;

    assert_int_equal(FCC__UNPACK(common__config_update, chan_update(c, with_batch(c, 7)), c->arena, &update), FCC_OK);
    change(update);
    return chan_sign(c, edit_pack(c->arena, update), 15);
}

static Common__ConfigValue *written(Common__ConfigUpdate *update)
{
    return update->write_set->groups[0]->value->values[0]->value;
}

static void version_2(Common__ConfigUpdate *update)
{
    written(update)->version = 2;
}

static void version_0(Common__ConfigUpdate *update)
{
    written(update)->version = 0;
}

static void read_1(Common__ConfigUpdate *update)
{
    update->read_set->groups[0]->value->version = 1;
    update->write_set->groups[0]->value->version = 1;
}

static void unknown_group(Common__ConfigUpdate *update)
{
    update->read_set->groups[0]->key = fcc__pb(FCC_LIT("Nobody"));
}

static void nothing(Common__ConfigUpdate *update)
{
    update->write_set = NULL;
}

static void no_mod_policy(Common__ConfigUpdate *update)
{
    written(update)->mod_policy.len = 0;
}

static void odd_mod_policy(Common__ConfigUpdate *update)
{
    written(update)->mod_policy = fcc__pb(FCC_LIT("/Channel//Admins"));
}

static void odd_key(Common__ConfigUpdate *update)
{
    update->write_set->groups[0]->value->values[0]->key = fcc__pb(FCC_LIT("Batch Size"));
}

static void other_channel(Common__ConfigUpdate *update)
{
    update->channel_id = fcc__pb(FCC_LIT("other"));
}

static void new_at_1(Common__ConfigUpdate *update)
{
    update->write_set->groups[0]->value->values[0]->key = fcc__pb(FCC_LIT("Fresh"));
}

static void versions_and_names_have_to_fit(void **state)
{
    static const struct {
        void (*change)(Common__ConfigUpdate *);
        const char *text;
    } cases[] = {
        { version_2, DELTA "attempt to set key [Value]  /Channel/Orderer/BatchSize to version 2, but key is at version "
                           "0" },
        { version_0, DELTA "attempt to set key [Value]  /Channel/Orderer/BatchSize to version 0, but key is at version "
                           "0" },
        { read_1, APPLYING "error authorizing update: error validating ReadSet: proposed update requires that key "
                           "[Group]  /Channel/Orderer be at version 1, but it is currently at version 0" },
        { unknown_group,
          APPLYING "error authorizing update: error validating ReadSet: existing config does not contain "
                   "element for [Group]  /Channel/Nobody but was in the read set" },
        { nothing, DELTA "delta set was empty -- update would have no effect" },
        { no_mod_policy,
          DELTA "invalid mod_policy for element [Value]  /Channel/Orderer/BatchSize: mod_policy not set" },
        { odd_mod_policy, DELTA "invalid mod_policy for element [Value]  /Channel/Orderer/BatchSize: path element at 1 "
                                "is invalid: config ID illegal, cannot be empty" },
        { odd_key, APPLYING "error authorizing update: error mapping WriteSet: illegal characters in key: [Value]  : "
                            "config ID 'Batch Size' contains illegal characters" },
        { other_channel, APPLYING "error authorizing update: ConfigUpdate for channel 'other' but envelope for channel "
                                  "'test'" },
        { new_at_1, DELTA "attempted to set key [Value]  /Channel/Orderer/Fresh to version 1, but key does not exist" },
    };
    const chan *c = *state;
    size_t i;

    for (i = 0; i < sizeof cases / sizeof cases[0]; i++)
        refused_as(c, with_update(c, cases[i].change), FCC_ERR_CONFIG, cases[i].text);
}

static void another_kind_of_message_is_no_update(void **state)
{
    const chan *c = *state;
    fcc_bytes config = order(c, chan_sign(c, chan_update(c, with_batch(c, 7)), 8));

    refused_as(c, config, FCC_ERR_CONFIG,
               APPLYING "error converting envelope to config update: invalid type CONFIG, expected CONFIG_UPDATE");
}

/* ---- the next configuration itself ---------------------------------------------------------------------------------- */

static void set(const chan *c, Common__Config *config, const char *group, const char *key, fcc_bytes value)
{
    edit_set(c->arena, edit_group(config->channel_group, group), key, value);
}

static void the_next_configuration_has_to_be_a_valid_one(void **state)
{
    const chan *c = *state;
    Common__ConfigPolicy *policy;
    Common__Config *config;

    refused(c, with_batch(c, 0),
            BUNDLE
            "could not create channel Orderer sub-group config: Attempted to set the batch size max message count "
            "to an invalid value: 0");
    config = chan_config(c);
    set(c, config, "Orderer", "BatchTimeout", edit_timeout(c->arena, "2"));
    refused(c, config,
            BUNDLE "could not create channel Orderer sub-group config: Attempted to set the batch timeout to a invalid "
                   "value: time: missing unit in duration \"2\"");
    config = chan_config(c);
    set(c, config, "Orderer", "BatchTimeout", edit_timeout(c->arena, "0"));
    refused(c, config,
            BUNDLE "could not create channel Orderer sub-group config: Attempted to set the batch timeout to a "
                   "non-positive value: 0s");
    config = chan_config(c);
    set(c, config, "Application", "Fresh", FCC_LIT(""));
    refused(c, config,
            BUNDLE
            "could not create channel Application sub-group config: failed to deserialize values: Unexpected key "
            "Fresh");
    config = chan_config(c);
    set(c, config, "Application/A", "MSP", FCC_LIT(""));
    refused(c, config,
            BUNDLE "could not create channel Application sub-group config: setting up the MSP manager failed: expected "
                   "at least one CA certificate");
    config = chan_config(c);
    edit_capability(c->arena, edit_group(config->channel_group, ""), "V9_9");
    refused(c, config,
            BUNDLE "could not create channel Orderer sub-group config: Orderer Org Orderer cannot contain endpoints "
                   "value until V1_4_2+ capabilities have been enabled");
    config = chan_config(c);
    edit_capability(c->arena, edit_group(config->channel_group, "Orderer"), "V9_9");
    refused(c, config,
            APPLYING "config update is not compatible: config requires unsupported orderer capabilities: Orderer "
                     "capability V9_9 is required but not supported: Orderer capability V9_9 is required but not "
                     "supported");
    config = chan_config(c);
    edit_capability(c->arena, edit_group(config->channel_group, ""), "V3_0");
    refused(c, config,
            BUNDLE "global OrdererAddresses are not allowed with V3_0 capability, use org specific addresses only");
    config = chan_config(c);
    edit_remove_value(edit_group(config->channel_group, "Orderer"), "Capabilities");
    refused(c, config, APPLYING "cannot enable channel capabilities without orderer support first");
    config = chan_config(c);
    policy = edit_policy(edit_group(config->channel_group, "Application/A"), "Readers");
    policy->policy->value = fcc__pb(FCC_LIT("\x12\x02\x08\x09"));
    refused(c, config,
            APPLYING "initializing policymanager failed: policy Readers at path Channel/Application/A did not compile: "
                     "identity index out of range, requested 9, but identities length is 0");
    config = chan_config(c);
    edit_remove_group(config->channel_group, "Orderer");
    refused(c, config, APPLYING "config update is not compatible: config does not contain orderer config");
}

static void an_organisation_keeps_its_msp_id(void **state)
{
    const chan *c = *state;
    Common__Config *config = chan_config(c);
    const fcc_bytes b = fcc__of_pb(edit_value(edit_group(config->channel_group, "Application/B"), "MSP")->value);

    set(c, config, "Application/A", "MSP", b);
    refused(c, config, APPLYING "application org A attempted to change MSP ID from AMSP to BMSP");
}

static void new_endpoints_come_with_v3_0(void **state)
{
    const chan *c = *state;
    Common__Config *config = chan_config(c);
    msp_channel *next;

    edit_capability(c->arena, edit_group(config->channel_group, ""), "V3_0");
    edit_remove_value(edit_group(config->channel_group, ""), "OrdererAddresses");
    next = validated(c, config_envelope_of(c, order(c, chan_sign(c, chan_update(c, config), 15))));
    assert_true(msp_channel_is_bft(next));
    msp_channel_free(next);
    edit_remove_value(edit_group(config->channel_group, "Orderer/Orderer"), "Endpoints");
    refused(c, config,
            BUNDLE "could not create channel Orderer sub-group config: some orderer organizations endpoints are empty: "
                   "[Orderer]");
}

/* ---- the consensus ------------------------------------------------------------------------------------------------- */

static fcc_bytes consensus(const chan *c, const char *type, int state)
{
    Orderer__ConsensusType value = ORDERER__CONSENSUS_TYPE__INIT;
    Orderer__ConsensusType *old;
    Common__Config *config = chan_config(c);

    assert_int_equal(
        FCC__UNPACK(orderer__consensus_type,
                    fcc__of_pb(edit_value(edit_group(config->channel_group, "Orderer"), "ConsensusType")->value),
                    c->arena, &old),
        FCC_OK);
    value.metadata = old->metadata;
    value.type = fcc__pb(fcc_str(type));
    value.state = (Orderer__ConsensusType__State)state;
    return edit_pack(c->arena, &value);
}

#define MAINTENANCE \
    "config update for existing channel did not pass maintenance checks: config transaction inspection failed: "

static void maintenance_comes_and_goes_alone(void **state)
{
    chan *c = *state;
    Common__Config *config = with_batch(c, 7);
    fcc_bytes writers;
    msp_channel *next;
    fcc_error error = { 0 };

    set(c, config, "Orderer", "ConsensusType", consensus(c, "etcdraft", 1));
    refused(c, config, MAINTENANCE "config update contain more then just the ConsensusType value in the Orderer group");
    config = chan_config(c);
    set(c, config, "Orderer", "ConsensusType", consensus(c, "BFT", 0));
    refused(c, config,
            MAINTENANCE "attempted to change consensus type from etcdraft to BFT, but current config "
                        "ConsensusType.State is not in maintenance mode");
    config = chan_config(c);
    set(c, config, "Orderer", "ConsensusType", consensus(c, "etcdraft", 1));
    next = validated(c, config_envelope_of(c, order(c, chan_sign(c, chan_update(c, config), 8))));
    assert_true(msp_channel_in_maintenance(next));
    msp_channel_free(c->channel);
    c->channel = next;
    /* now only the orderer's own may send anything */
    config = chan_config(c);
    set(c, config, "Orderer", "ConsensusType", consensus(c, "etcdraft", 0));
    writers = chan_sign(c, chan_update(c, config), 8);
    assert_int_equal(msp_admit(c->channel, writers, FIX_NOW, &error), FCC_ERR_AUTH);
    assert_string_equal(error.text,
                        "implicit policy evaluation failed - 0 sub-policies were satisfied, but this policy requires 1 "
                        "of the 'Writers' sub-policies to be satisfied: permission denied");
}

/* ---- the peer's side ----------------------------------------------------------------------------------------------- */

static void not_valid(const chan *c, fcc_bytes config_envelope, const char *text)
{
    msp_channel *next = NULL;
    fcc_error error = { 0 };

    assert_int_equal(msp_configtx_validate(c->channel, config_envelope, &next, &error), FCC_ERR_CONFIG);
    assert_null(next);
    assert_string_equal(error.text, text);
}

static void a_peer_takes_only_what_the_update_gives(void **state)
{
    const chan *c = *state;
    fcc_bytes data = config_envelope_of(c, order(c, chan_sign(c, chan_update(c, with_batch(c, 7)), 8)));
    Common__ConfigEnvelope *envelope, *few;

    assert_int_equal(FCC__UNPACK(common__config_envelope, data, c->arena, &envelope), FCC_OK);
    envelope->config->sequence = 2;
    not_valid(c, edit_pack(c->arena, envelope), "config currently at sequence 0, cannot validate config at sequence 2");
    envelope->config->sequence = 1;
    edit_value(edit_group(envelope->config->channel_group, "Orderer"), "BatchSize")->version = 2;
    not_valid(c, edit_pack(c->arena, envelope), "ConfigEnvelope LastUpdate did not produce the supplied config result");
    envelope->config = NULL;
    not_valid(c, edit_pack(c->arena, envelope), "config envelope has nil config");
    assert_int_equal(FCC__UNPACK(common__config_envelope, data, c->arena, &few), FCC_OK);
    assert_int_equal(
        FCC__UNPACK(common__envelope, chan_sign(c, chan_update(c, with_batch(c, 7)), 1), c->arena, &few->last_update),
        FCC_OK);
    not_valid(
        c, edit_pack(c->arena, few),
        "error validating DeltaSet: policy for [Value]  /Channel/Orderer/BatchSize not satisfied: implicit policy "
        "evaluation failed - 0 sub-policies were satisfied, but this policy requires 1 of the 'Admins' "
        "sub-policies to be satisfied");
}

static void the_order_of_members_does_not_matter_to_a_peer(void **state)
{
    const chan *c = *state;
    fcc_bytes data = config_envelope_of(c, order(c, chan_sign(c, chan_update(c, with_batch(c, 7)), 8)));
    Common__ConfigEnvelope *envelope;
    Common__ConfigGroup *orderer;
    Common__ConfigValueEntry *first;

    assert_int_equal(FCC__UNPACK(common__config_envelope, data, c->arena, &envelope), FCC_OK);
    orderer = edit_group(envelope->config->channel_group, "Orderer");
    first = orderer->values[0];
    orderer->values[0] = orderer->values[2];
    orderer->values[2] = first;
    msp_channel_free(validated(c, edit_pack(c->arena, envelope)));
}

static void equal_configurations_give_no_update(void **state)
{
    const chan *c = *state;
    const fcc_bytes config = msp_channel_config(c->channel);
    fcc_error error = { 0 };
    fcc_bytes update;

    assert_int_equal(msp_configtx_compute("test", config, config, c->arena, &update, &error), FCC_ERR_CONFIG);
    assert_string_equal(error.text, "no differences detected between original and updated config");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, chan_setup, chan_teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_orderers_administrator_changes_the_batch_size),
        TEST(the_update_names_what_it_changes_and_what_it_has_read),
        TEST(a_group_with_other_members_is_written_with_all_of_them),
        TEST(an_organisation_leaves_by_the_majority_of_the_administrators),
        TEST(an_organisations_own_administrator_changes_its_anchor_peers),
        TEST(an_update_with_too_few_signatures_is_refused),
        TEST(a_signature_counts_once_and_only_over_this_update),
        TEST(whoever_may_not_write_may_not_submit),
        TEST(who_submits_has_to_be_readable),
        TEST(an_expired_submitter_is_refused),
        TEST(versions_and_names_have_to_fit),
        TEST(another_kind_of_message_is_no_update),
        TEST(the_next_configuration_has_to_be_a_valid_one),
        TEST(an_organisation_keeps_its_msp_id),
        TEST(new_endpoints_come_with_v3_0),
        TEST(maintenance_comes_and_goes_alone),
        TEST(a_peer_takes_only_what_the_update_gives),
        TEST(the_order_of_members_does_not_matter_to_a_peer),
        TEST(equal_configurations_give_no_update),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
