/* medsync block: one block of the channel, shown decoded or saved as it is. */
#include "cli/cli.h"

#include "audit/audit.h"
#include "base/hash.h"
#include "base/utf8.h"
#include "client/direct.h"
#include "protos/unpack.h"
#include "rpc/rpc.h"

#include "msp/identities.pb-c.h"
#include "peer/chaincode.pb-c.h"
#include "peer/proposal.pb-c.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char usage[] = "usage: medsync block [OPTION]... NUMBER|newest|genesis|config\n"
                            "       medsync block [OPTION]... --tx TXID | --hash HEX\n\n"
                            "Fetches one block and shows its number, its hashes and its transactions: type, id, the "
                            "MSP id of who made it, chaincode,\n"
                            "function and validation code. Arguments and values are not shown.\n\n"
                            "  --dir DIR         the network's directory (" CLI_DEFAULT_DIR ")\n"
                            "  --user NAME       who asks (the Admin of --org or of the first organisation)\n"
                            "  --org ORG         that user's organisation; its peer is asked\n"
                            "  --orderer         ask the orderer, whose blocks have no validation codes\n"
                            "  --tx TXID         the block that holds this transaction\n"
                            "  --hash HEX        the block whose header has this hash\n"
                            "  --output FILE     save the block, as a serialized common.Block, and show nothing\n"
                            "  --timeout SECONDS for each request (30)\n"
                            "  --json            one JSON object\n";

typedef struct wanted {
    client_options open;
    const char *which;
    const char *txid;
    const char *hash;
    const char *output;
    bool orderer;
    bool json;
} wanted;

static json_t *text(fcc_bytes b)
{
    /* what stands in a block need not be text */
    return fcc__utf8_valid(b) ? json_stringn(b.len ? (const char *)b.data : "", b.len) : json_string("?");
}

static json_t *hex(fcc__arena *arena, fcc_bytes b)
{
    return text(fcc__hex(arena, b));
}

/* Chaincode and function of an endorsed transaction's first action. */
static void add_call(json_t *o, fcc_bytes data, fcc__arena *arena)
{
    Protos__Transaction *tx;
    Protos__ChaincodeActionPayload *cap;
    Protos__ChaincodeProposalPayload *cpp;
    Protos__ChaincodeInvocationSpec *spec;
    const Protos__ChaincodeSpec *cs;

    if (FCC__UNPACK(protos__transaction, data, arena, &tx) != FCC_OK || tx->n_actions == 0 ||
        FCC__UNPACK(protos__chaincode_action_payload, fcc__of_pb(tx->actions[0]->payload), arena, &cap) != FCC_OK ||
        FCC__UNPACK(protos__chaincode_proposal_payload, fcc__of_pb(cap->chaincode_proposal_payload), arena, &cpp) !=
            FCC_OK ||
        FCC__UNPACK(protos__chaincode_invocation_spec, fcc__of_pb(cpp->input), arena, &spec) != FCC_OK ||
        !spec->chaincode_spec)
        return;
    cs = spec->chaincode_spec;
    if (cs->chaincode_id)
        json_object_set_new(o, "chaincode", text(fcc__of_pb(cs->chaincode_id->name)));
    if (cs->input && cs->input->n_args > 0)
        json_object_set_new(o, "function", text(fcc__of_pb(cs->input->args[0])));
}

static json_t *transaction(size_t i, fcc_bytes envelope, fcc__arena *arena)
{
    json_t *o = json_pack("{s:I}", "index", (json_int_t)i);
    const ProtobufCEnumValue *type;
    Common__Envelope *e;
    Common__Payload *p;
    Common__ChannelHeader *ch;
    Common__SignatureHeader *sh;
    Msp__SerializedIdentity *creator;

    if (FCC__UNPACK(common__envelope, envelope, arena, &e) != FCC_OK ||
        FCC__UNPACK(common__payload, fcc__of_pb(e->payload), arena, &p) != FCC_OK || !p->header ||
        FCC__UNPACK(common__channel_header, fcc__of_pb(p->header->channel_header), arena, &ch) != FCC_OK) {
        json_object_set_new(o, "type", json_string("UNREADABLE"));
        return o;
    }
    type = protobuf_c_enum_descriptor_get_value(&common__header_type__descriptor, ch->type);
    json_object_set_new(o, "type", type ? json_string(type->name) : json_integer(ch->type));
    json_object_set_new(o, "channel", text(fcc__of_pb(ch->channel_id)));
    if (ch->tx_id.len > 0)
        json_object_set_new(o, "txId", text(fcc__of_pb(ch->tx_id)));
    if (FCC__UNPACK(common__signature_header, fcc__of_pb(p->header->signature_header), arena, &sh) == FCC_OK &&
        FCC__UNPACK(msp__serialized_identity, fcc__of_pb(sh->creator), arena, &creator) == FCC_OK)
        json_object_set_new(o, "creator", text(fcc__of_pb(creator->mspid)));
    if (ch->type == COMMON__HEADER_TYPE__ENDORSER_TRANSACTION)
        add_call(o, fcc__of_pb(p->data), arena);
    return o;
}

static fcc_status decode(fcc_bytes bytes, fcc__arena *arena, json_t **out)
{
    Common__Block *b;
    fcc__sha256 hash;
    fcc_bytes codes = { NULL, 0 };
    json_t *o, *list;
    fcc_status st;
    size_t i;

    if ((st = FCC__UNPACK(common__block, bytes, arena, &b)) != FCC_OK)
        return st;
    if (!b->header || !b->data)
        return FCC_ERR_PROTO;
    if ((st = audit_hash(bytes, arena, &hash)) != FCC_OK)
        return st;
    if (b->metadata && b->metadata->n_metadata > COMMON__BLOCK_METADATA_INDEX__TRANSACTIONS_FILTER)
        codes = fcc__of_pb(b->metadata->metadata[COMMON__BLOCK_METADATA_INDEX__TRANSACTIONS_FILTER]);
    list = json_array();
    for (i = 0; i < b->data->n_data; i++) {
        json_t *t = transaction(i, fcc__of_pb(b->data->data[i]), arena);

        if (codes.len == b->data->n_data) /* the orderer's blocks have none */
            json_object_set_new(t, "code", json_string(client_validation_name(codes.data[i])));
        json_array_append_new(list, t);
    }
    o = json_pack("{s:I, s:o, s:o, s:o, s:o}", "number", (json_int_t)b->header->number, "hash",
                  hex(arena, fcc__sha256_bytes(&hash)), "previousHash",
                  hex(arena, fcc__of_pb(b->header->previous_hash)), "dataHash",
                  hex(arena, fcc__of_pb(b->header->data_hash)), "transactions", list);
    *out = o;
    return o ? FCC_OK : FCC_ERR_NOMEM;
}

static const char *at(const json_t *o, const char *name)
{
    const char *s = json_string_value(json_object_get(o, name));

    return s && *s ? s : "-";
}

static void show(json_t *o)
{
    json_t *t;
    size_t i;

    printf("block    %lld\nhash     %s\nprevious %s\ndata     %s\n",
           (long long)json_integer_value(json_object_get(o, "number")), at(o, "hash"), at(o, "previousHash"),
           at(o, "dataHash"));
    json_array_foreach(json_object_get(o, "transactions"), i, t)
        printf("%4zu  %s  %s  %s  %s %s  %s\n", i, at(t, "type"), at(t, "txId"), at(t, "creator"), at(t, "chaincode"),
               at(t, "function"), at(t, "code"));
    json_decref(o);
}

static int save(const char *path, fcc_bytes bytes)
{
    fcc_error error = { 0 };

    return cli_write_file(path, bytes, CLI_SHARED, &error) == FCC_OK
               ? CLI_OK
               : cli_failed("block", FCC__E_CLI_FILE, "%s", error.text);
}

static fcc_status fetch(client *c, const wanted *w, fcc__arena *arena, fcc_bytes *out, fcc_error *error)
{
    const client_source source = w->orderer ? CLIENT_ORDERED : CLIENT_BLOCKS;
    int64_t number = 0;
    fcc_bytes hash;

    if (w->txid)
        return client_block_by_txid(c, NULL, w->txid, arena, out, error);
    if (w->hash) {
        if (fcc__unhex(arena, fcc_str(w->hash), &hash) != FCC_OK)
            return fcc_error_set(error, FCC_ERR_ARG, "--hash %s: must be hexadecimal digits", w->hash);
        return client_block_by_hash(c, NULL, hash, arena, out, error);
    }
    if (!strcmp(w->which, "config"))
        return client_config_block(c, source, NULL, arena, out, error);
    if (!strcmp(w->which, "newest"))
        number = CLIENT_NEWEST;
    else if (strcmp(w->which, "genesis") != 0 && !cli_number(w->which, 0, INT64_MAX, &number))
        return fcc_error_set(error, FCC_ERR_ARG, "%s: must be a number, newest, genesis or config", w->which);
    return client_block(c, source, NULL, number, arena, out, error);
}

static int parse(wanted *w, int argc, char **argv)
{
    cli_option options[] = {
        CLI_WHO(w->open),
        CLI_TIMEOUT(w->open),
        { "orderer", .flag = &w->orderer },
        { "tx", .text = &w->txid },
        { "hash", .text = &w->hash },
        { "output", .text = &w->output },
        { "json", .flag = &w->json },
        { 0 },
    };
    const int status = cli_options("block", usage, options, argc, argv);

    if (status >= 0)
        return status;
    if (argc - optind + (w->txid != NULL) + (w->hash != NULL) != 1)
        return cli_usage("block", "which block? A number, newest, genesis, config, --tx or --hash");
    if (w->orderer && (w->txid || w->hash))
        return cli_usage("block", "the orderer does not look for --tx or --hash: only peers do");
    w->which = argv[optind];
    return -1;
}

int cli_block(int argc, char **argv)
{
    wanted w = { .open = { .dir = CLI_DEFAULT_DIR } };
    client_answer answer = { 0 };
    client *c = NULL;
    fcc_error error = { 0 };
    fcc__arena *arena;
    fcc_bytes bytes;
    json_t *o;
    fcc_status st;
    int status = parse(&w, argc, argv);

    if (status >= 0)
        return status;
    arena = fcc__arena_new(CLI_ARENA_MAX);
    st = arena ? client_open(&w.open, &c, &error) : fcc_error_set(&error, FCC_ERR_NOMEM, "out of memory");
    if (st == FCC_OK)
        st = fetch(c, &w, arena, &bytes, &error);
    if (st == FCC_OK && !w.output && (st = decode(bytes, arena, &o)) != FCC_OK)
        fcc_error_set(&error, st, "the block cannot be read: %s", fcc_status_text(st));
    if (st != FCC_OK) {
        answer.rpc_code = st == FCC_ERR_IO ? RPC_UNAVAILABLE : 0;
        status = cli_failed("block", cli_code(st, &answer, &error, false), "%s", error.text);
    } else if (w.output) {
        status = save(w.output, bytes);
    } else {
        status = CLI_OK;
        if (w.json)
            cli_print_json(o);
        else
            show(o);
    }
    client_close(c);
    fcc__arena_free(arena);
    return status;
}
