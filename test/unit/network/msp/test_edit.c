/* Changes of a channel's configuration by name, and updates that go from one administrator to the next. */
#include "test/unit/network/msp/channel_fixture.h"

#include "msp/edit.h"

#include <openssl/pem.h>

static fcc_bytes now_of(chan *c)
{
    return msp_channel_config(c->channel);
}

static msp_edit *begin(chan *c)
{
    msp_edit *edit = NULL;
    fcc_error error = { 0 };

    if (msp_edit_open("test", now_of(c), &edit, &error) != FCC_OK)
        fail_msg("%s", error.text);
    return edit;
}

/* The update that leads to the edited configuration, in an envelope that nobody has signed. */
static fcc_bytes finish(chan *c, msp_edit *edit)
{
    fcc_bytes next, update, envelope;
    fcc_error error = { 0 };

    if (msp_edit_finish(edit, c->arena, &next, &error) != FCC_OK ||
        msp_configtx_compute("test", now_of(c), next, c->arena, &update, &error) != FCC_OK ||
        msp_configtx_wrap("test", update, FIX_NOW, c->arena, &envelope) != FCC_OK)
        fail_msg("%s", error.text);
    msp_edit_free(edit);
    return envelope;
}

static fcc_bytes sign(chan *c, fcc_bytes envelope, const msp_signer *signer)
{
    fcc_bytes out;
    fcc_error error = { 0 };

    if (msp_configtx_add(envelope, signer, FIX_NOW, c->arena, &out, &error) != FCC_OK)
        fail_msg("%s", error.text);
    return out;
}

/* Submitted by `by`: what the channel says. On FCC_OK the channel is the next one. */
static fcc_status submit(chan *c, fcc_bytes envelope, const msp_signer *by, fcc_error *error)
{
    fcc_bytes sealed, config;
    msp_channel *next = NULL;
    fcc_status st = msp_configtx_seal(envelope, by, FIX_NOW, c->arena, &sealed, error);

    if (st == FCC_OK)
        st = msp_configtx_propose(c->channel, sealed, c->arena, &config, error);
    if (st == FCC_OK)
        st = msp_configtx_validate(c->channel, config, &next, error);
    if (st == FCC_OK) {
        msp_channel_free(c->channel);
        c->channel = next;
    }
    return st;
}

static void an_organisation_leaves_and_comes_back_by_its_administrators(void **state)
{
    chan *c = *state;
    msp_edit *edit = begin(c);
    fcc_error error = { 0 };
    msp_update update;
    fcc_bytes envelope;

    assert_int_equal(msp_edit_remove_org(edit, "c", &error), FCC_OK);
    assert_int_equal(msp_edit_remove_org(edit, "Orderer", &error), FCC_ERR_NOT_FOUND);
    envelope = finish(c, edit);
    assert_int_equal(submit(c, envelope, c->admins[0], &error), FCC_ERR_CONFIG);
    assert_non_null(strstr(error.text, "requires 2 of the 'Admins' sub-policies"));
    assert_int_equal(submit(c, envelope, c->users[0], &error), FCC_ERR_CONFIG);
    envelope = sign(c, envelope, c->admins[1]);
    assert_int_equal(msp_configtx_add(envelope, c->admins[1], FIX_NOW, c->arena, &envelope, &error), FCC_ERR_EXISTS);
    assert_int_equal(msp_configtx_read(envelope, now_of(c), c->arena, &update, &error), FCC_OK);
    assert_int_equal(update.change_count, 1);
    assert_int_equal(update.changes[0].kind, MSP_REMOVED);
    assert_string_equal(update.changes[0].path, "/Channel/Application/C");
    assert_int_equal(update.signer_count, 1);
    assert_string_equal(update.signers[0].mspid, "BMSP");
    /* without the configuration in force, what has left cannot be told, but that something changes is */
    assert_int_equal(msp_configtx_read(envelope, fcc_bytes_of(NULL, 0), c->arena, &update, &error), FCC_OK);
    assert_int_equal(update.change_count, 1);
    assert_string_equal(update.changes[0].what, "members");
    if (submit(c, envelope, c->admins[0], &error) != FCC_OK)
        fail_msg("%s", error.text);
    assert_int_equal(msp_channel_org_count(c->channel), 3);
    /* the same update belongs to the past */
    assert_int_equal(submit(c, envelope, c->admins[0], &error), FCC_ERR_CONFIG);
    assert_non_null(strstr(error.text, "currently at version 1"));

    edit = begin(c);
    assert_int_equal(msp_edit_add_org(edit, c->network, &c->network->orgs[0], c->crypto, &error), FCC_ERR_EXISTS);
    assert_int_equal(msp_edit_add_org(edit, c->network, &c->network->orgs[2], "/nowhere", &error), FCC_ERR_CONFIG);
    assert_int_equal(msp_edit_add_org(edit, c->network, &c->network->orgs[2], c->crypto, &error), FCC_OK);
    envelope = finish(c, edit);
    assert_int_equal(msp_configtx_read(envelope, now_of(c), c->arena, &update, &error), FCC_OK);
    assert_int_equal(update.change_count, 1);
    assert_int_equal(update.changes[0].kind, MSP_ADDED);
    if (submit(c, sign(c, envelope, c->admins[0]), c->admins[1], &error) != FCC_OK)
        fail_msg("%s", error.text);
    assert_int_equal(msp_channel_org_count(c->channel), 4);
}

static void acls_are_set_and_taken_back(void **state)
{
    chan *c = *state;
    msp_edit *edit = begin(c);
    fcc_error error = { 0 };
    fcc_bytes config;

    assert_int_equal(msp_edit_acl(edit, "peer/Nothing", "Readers", &error), FCC_ERR_ARG);
    assert_int_equal(msp_edit_acl(edit, "peer/Propose", "Readers", &error), FCC_OK);
    assert_int_equal(msp_edit_acl(edit, "event/Block", "/Channel/Application/Writers", &error), FCC_OK);
    if (submit(c, sign(c, finish(c, edit), c->admins[2]), c->admins[1], &error) != FCC_OK)
        fail_msg("%s", error.text);
    assert_string_equal(msp_channel_acl(c->channel, "peer/Propose"), "/Channel/Application/Readers");
    assert_string_equal(msp_channel_acl(c->channel, "event/Block"), "/Channel/Application/Writers");
    edit = begin(c);
    assert_int_equal(msp_edit_acl(edit, "event/Block", NULL, &error), FCC_OK);
    assert_int_equal(msp_edit_acl(edit, "peer/Propose", "Nobody", &error), FCC_OK);
    assert_int_equal(msp_edit_finish(edit, c->arena, &config, &error), FCC_ERR_CONFIG);
    assert_non_null(strstr(error.text, "peer/Propose: the channel has no policy /Channel/Application/Nobody"));
    assert_int_equal(msp_edit_acl(edit, "peer/Propose", "Readers", &error), FCC_OK);
    if (submit(c, sign(c, finish(c, edit), c->admins[2]), c->admins[1], &error) != FCC_OK)
        fail_msg("%s", error.text);
    assert_null(msp_channel_acl(c->channel, "event/Block"));
}

static void an_organisation_renews_its_own_membership_service(void **state)
{
    chan *c = *state;
    msp_edit *edit = begin(c);
    const char *dir = msp_path_org_msp(c->arena, c->crypto, &c->network->orgs[0]);
    fix_ca more = fix_authority("ca.more.test", NULL);
    const fcc_bytes pem = msp__pem_of_cert(more.cert, c->arena);
    fcc_error error = { 0 };
    fcc_bytes envelope;

    assert_int_equal(msp__write_file(fcc__arena_printf(c->arena, "%s/cacerts/more.pem", dir), pem, 0644, &error),
                     FCC_OK);
    assert_int_equal(msp_edit_msp(edit, "nobody", dir, &error), FCC_ERR_NOT_FOUND);
    assert_non_null(strstr(error.text, "there are"));
    assert_int_equal(msp_edit_msp(edit, "AMSP", dir, &error), FCC_OK);
    envelope = finish(c, edit);
    assert_int_equal(submit(c, envelope, c->admins[1], &error), FCC_ERR_CONFIG);
    if (submit(c, envelope, c->admins[0], &error) != FCC_OK)
        fail_msg("%s", error.text);
    assert_non_null(memmem(now_of(c).data, now_of(c).len, pem.data, pem.len));
    fix_ca_clear(&more);
}

static void an_orderers_certificate_is_exchanged(void **state)
{
    chan *c = *state;
    msp_edit *edit = begin(c);
    fix_ca other = fix_authority("tls.o.example", NULL);
    fcc_error error = { 0 };

    const fcc_bytes pem = msp__pem_of_cert(other.cert, c->arena);

    assert_int_equal(msp_edit_consenter(edit, "127.0.0.1:1", pem, &error), FCC_ERR_NOT_FOUND);
    assert_non_null(strstr(error.text, "there are 127.0.0.1:7050"));
    assert_int_equal(msp_edit_consenter(edit, "127.0.0.1:7050", pem, &error), FCC_OK);
    if (submit(c, finish(c, edit), c->orderer_admin, &error) != FCC_OK)
        fail_msg("%s", error.text);
    assert_non_null(memmem(now_of(c).data, now_of(c).len, pem.data, pem.len));
    fix_ca_clear(&other);
}

static void what_is_no_update_is_refused(void **state)
{
    chan *c = *state;
    const fcc_bytes bad[] = { FCC_LIT(""), FCC_LIT("nothing"), c->genesis, now_of(c) };
    fcc_error error = { 0 };
    msp_update update;
    fcc_bytes out;
    size_t i;

    for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(msp_configtx_add(bad[i], c->admins[0], FIX_NOW, c->arena, &out, &error), FCC_ERR_PROTO);
        assert_int_equal(msp_configtx_seal(bad[i], c->admins[0], FIX_NOW, c->arena, &out, &error), FCC_ERR_PROTO);
        assert_int_equal(msp_configtx_read(bad[i], now_of(c), c->arena, &update, &error), FCC_ERR_PROTO);
        assert_non_null(strstr(error.text, "no configuration update"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_organisation_leaves_and_comes_back_by_its_administrators, chan_setup,
                                        chan_teardown),
        cmocka_unit_test_setup_teardown(acls_are_set_and_taken_back, chan_setup, chan_teardown),
        cmocka_unit_test_setup_teardown(an_organisation_renews_its_own_membership_service, chan_setup, chan_teardown),
        cmocka_unit_test_setup_teardown(an_orderers_certificate_is_exchanged, chan_setup, chan_teardown),
        cmocka_unit_test_setup_teardown(what_is_no_update_is_refused, chan_setup, chan_teardown),
    };

    return cmocka_run_group_tests_name("msp/edit", tests, NULL, NULL);
}
