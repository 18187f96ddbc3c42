/* Blobs on an IPFS node: a small HTTP server has its part, honest and otherwise. */
#include "blob/blob.h"
#include "blob/id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <microhttpd.h>

#include <cmocka.h>

enum { BLOCKS = 64, REQUEST_MAX = 1 << 20 };

typedef enum mood {
    HONEST,
    FULL,     /* no space */
    LIAR,     /* stores under another CID */
    MUTE,     /* an answer without a CID */
    TWISTED,  /* gives other bytes than it was given */
    DENYING,  /* wants a password */
    STRANGER, /* no IPFS at all */
} mood;

typedef struct node {
    struct MHD_Daemon *server;
    mood mood;
    struct node_block {
        char cid[BLOB_CID_MAX];
        uint8_t *data;
        size_t len;
    } blocks[BLOCKS];
    size_t n, pinned;
} node;

typedef struct fixture {
    node node;
    char url[64];
    blob_store *store;
    fcc__arena *arena;
    fcc_error error;
} fixture;

typedef struct request {
    size_t len;
    uint8_t body[REQUEST_MAX];
} request;

static enum MHD_Result say(struct MHD_Connection *connection, unsigned status, const void *body, size_t len)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(len, (void *)(uintptr_t)body,
                                                                    MHD_RESPMEM_MUST_COPY);
    enum MHD_Result ok = MHD_queue_response(connection, status, response);

    MHD_destroy_response(response);
    return ok;
}

static enum MHD_Result say_text(struct MHD_Connection *connection, unsigned status, const char *text)
{
    return say(connection, status, text, strlen(text));
}

/* The one part of a multipart/form-data body. */
static fcc_bytes part_of(const request *r)
{
    const uint8_t *start = memmem(r->body, r->len, "\r\n\r\n", 4), *end;
    const uint8_t *line = memmem(r->body, r->len, "\r\n", 2);
    size_t boundary;

    if (!start || !line)
        return fcc_bytes_of(NULL, 0);
    boundary = (size_t)(line - r->body);
    start += 4;
    /* CRLF, the boundary, "--", CRLF */
    end = r->body + r->len - boundary - 6;
    return end >= start ? fcc_bytes_of(start, (size_t)(end - start)) : fcc_bytes_of(NULL, 0);
}

static enum MHD_Result put(node *n, struct MHD_Connection *c, const request *r)
{
    const char *codec = MHD_lookup_connection_value(c, MHD_GET_ARGUMENT_KIND, "cid-codec");
    const char *pin = MHD_lookup_connection_value(c, MHD_GET_ARGUMENT_KIND, "pin");
    const char *hash = MHD_lookup_connection_value(c, MHD_GET_ARGUMENT_KIND, "mhtype");
    struct node_block *b = &n->blocks[n->n];
    fcc_bytes part = part_of(r);
    char text[300];

    if (n->mood == FULL)
        return say_text(c, 500,
                        "{\"Message\":\"write /data/ipfs/blocks/put-1: no space left on device\",\"Code\":0,"
                        "\"Type\":\"error\"}");
    if (n->mood == MUTE)
        return say_text(c, 200, "{}");
    if (!codec || !hash || strcmp(hash, "sha2-256") != 0 || n->n == BLOCKS)
        return say_text(c, 400, "argument");
    blob_cid(strcmp(codec, "raw") ? 0x70 : BLOB_CODEC_RAW, part, b->cid);
    b->data = malloc(part.len + 1);
    memcpy(b->data, part.data, part.len);
    b->len = part.len;
    n->n++;
    n->pinned += pin && !strcmp(pin, "true");
    snprintf(text, sizeof(text), "{\"Key\":\"%s\",\"Size\":%zu}\n",
             n->mood == LIAR ? "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku" : b->cid, b->len);
    return say_text(c, 200, text);
}

static enum MHD_Result get(node *n, struct MHD_Connection *c)
{
    const char *cid = MHD_lookup_connection_value(c, MHD_GET_ARGUMENT_KIND, "arg");
    size_t i;

    for (i = 0; cid && i < n->n; i++) {
        if (strcmp(n->blocks[i].cid, cid) != 0)
            continue;
        if (n->mood == TWISTED)
            n->blocks[i].data[0] ^= 1;
        return say(c, 200, n->blocks[i].data, n->blocks[i].len);
    }
    return say_text(c, 500,
                    "{\"Message\":\"block was not found locally (offline): ipld: could not find it\","
                    "\"Code\":0,\"Type\":\"error\"}");
}

static enum MHD_Result answer(void *ctx, struct MHD_Connection *c, const char *path, const char *method,
                              const char *version, const char *data, size_t *len, void **state)
{
    node *n = ctx;
    request *r = *state;

    if (!r) {
        *state = calloc(1, sizeof(*r));
        return MHD_YES;
    }
    if (*len > 0) {
        if (*len > sizeof(r->body) - r->len)
            return MHD_NO;
        memcpy(r->body + r->len, data, *len);
        r->len += *len;
        *len = 0;
        return MHD_YES;
    }
    if (strcmp(method, "POST") != 0)
        return say_text(c, 405, "405 - Method Not Allowed");
    if (n->mood == DENYING)
        return say_text(c, 403, "403 - Forbidden");
    if (n->mood == STRANGER)
        return say_text(c, 404, "<html>no such page</html>");
    if (!strcmp(path, "/api/v0/block/put"))
        return put(n, c, r);
    if (!strcmp(path, "/api/v0/block/get"))
        return get(n, c);
    if (!strcmp(path, "/api/v0/pin/rm")) {
        n->pinned--;
        return say_text(c, 200, "{\"Pins\":[]}");
    }
    return say_text(c, 404, "404 page not found");
}

static void completed(void *ctx, struct MHD_Connection *c, void **state, enum MHD_RequestTerminationCode how)
{
    free(*state);
    *state = NULL;
}

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof(*f));

    f->node.server = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL, NULL, answer, &f->node,
                                      MHD_OPTION_NOTIFY_COMPLETED, completed, NULL, MHD_OPTION_END);
    assert_non_null(f->node.server);
    snprintf(f->url, sizeof(f->url), "http://127.0.0.1:%u",
             MHD_get_daemon_info(f->node.server, MHD_DAEMON_INFO_BIND_PORT)->port);
    f->arena = fcc__arena_new(64 << 20);
    assert_int_equal(blob_open(f->url, &f->store, &f->error), FCC_OK);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    size_t i;

    blob_close(f->store);
    if (f->node.server)
        MHD_stop_daemon(f->node.server);
    for (i = 0; i < f->node.n; i++)
        free(f->node.blocks[i].data);
    fcc__arena_free(f->arena);
    free(f);
    return 0;
}

static void what_is_stored_on_a_node_comes_back(void **state)
{
    fixture *f = *state;
    static const size_t sizes[] = { 1, 1000, 262144 - BLOB_OVERHEAD, 262144, 900000 };
    static uint8_t data[900000];
    char path[512];
    fcc_bytes out;
    blob_info info;
    blob_ref ref;
    size_t i;

    for (i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * 31 + i / 977);
    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        assert_int_equal(blob_put(f->store, fcc_bytes_of(data, sizes[i]), &ref, &f->error), FCC_OK);
        assert_int_equal(blob_sync(f->store, &f->error), FCC_OK);
        assert_int_equal(f->node.pinned, i + 1); /* the root, which keeps what is below it */
        assert_string_equal(f->node.blocks[f->node.n - 1].cid, ref.cid);
        assert_int_equal(blob_get(f->store, ref.cid, ref.key, f->arena, &out, &f->error), FCC_OK);
        assert_int_equal(out.len, sizes[i]);
        assert_memory_equal(out.data, data, sizes[i]);
        assert_int_equal(blob_stat(f->store, ref.cid, &info, &f->error), FCC_OK);
        assert_string_equal(info.sha256, ref.sha256);
    }
    assert_int_equal(f->node.n, 1 + 1 + 1 + 3 + 5);
    assert_int_equal(blob_drop(f->store, ref.cid, &f->error), FCC_OK);
    assert_int_equal(f->node.pinned, i - 1);
    assert_false(blob_path(f->store, ref.cid, path, sizeof(path)));
}

static void put_fails(fixture *f, mood as, fcc_status expected, const char *words)
{
    blob_ref ref;

    f->node.mood = as;
    assert_int_equal(blob_put(f->store, FCC_LIT("content"), &ref, &f->error), expected);
    assert_non_null(strstr(f->error.text, f->url));
    assert_non_null(strstr(f->error.text, words));
}

static void what_a_node_does_not_do_is_told(void **state)
{
    fixture *f = *state;

    put_fails(f, FULL, FCC_ERR_IO, "no space left on device");
    put_fails(f, LIAR, FCC_ERR_CORRUPT, "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku");
    put_fails(f, MUTE, FCC_ERR_PROTO, "under which CID");
    put_fails(f, DENYING, FCC_ERR_PEER, "refuses access");
    put_fails(f, STRANGER, FCC_ERR_IO, "no IPFS API");
}

static void a_node_that_gives_other_bytes_is_noticed(void **state)
{
    fixture *f = *state;
    fcc_bytes out;
    blob_ref ref;

    assert_int_equal(blob_put(f->store, FCC_LIT("content"), &ref, &f->error), FCC_OK);
    f->node.mood = TWISTED;
    assert_int_equal(blob_get(f->store, ref.cid, ref.key, f->arena, &out, &f->error), FCC_ERR_CORRUPT);
    assert_non_null(strstr(f->error.text, ref.cid));
    assert_non_null(strstr(f->error.text, "damaged"));
}

static void a_block_that_the_node_has_not_is_not_found(void **state)
{
    fixture *f = *state;
    uint8_t key[BLOB_KEY_LEN] = { 0 };
    char cid[BLOB_CID_MAX];
    fcc_bytes out;

    blob_cid(BLOB_CODEC_RAW, FCC_LIT("never stored, but long enough to be a blob"), cid);
    assert_int_equal(blob_get(f->store, cid, key, f->arena, &out, &f->error), FCC_ERR_NOT_FOUND);
    assert_non_null(strstr(f->error.text, cid));
}

static void a_node_that_is_away_is_named_without_its_password(void **state)
{
    fixture *f = *state;
    char url[100];
    blob_store *store;
    blob_ref ref;

    MHD_stop_daemon(f->node.server);
    f->node.server = NULL;
    snprintf(url, sizeof(url), "http://clinic:secret@%s/", f->url + strlen("http://"));
    assert_int_equal(blob_open(url, &store, &f->error), FCC_OK);
    assert_int_equal(blob_put(store, FCC_LIT("content"), &ref, &f->error), FCC_ERR_IO);
    assert_non_null(strstr(f->error.text, f->url));
    assert_non_null(strstr(f->error.text, "no IPFS node"));
    assert_null(strstr(f->error.text, "secret"));
    blob_close(store);
    snprintf(url, sizeof(url), "http://clinic:sec@ret@%s/", f->url + strlen("http://")); /* no URL, but a password */
    assert_int_equal(blob_open(url, &store, &f->error), FCC_OK);
    assert_int_equal(blob_put(store, FCC_LIT("content"), &ref, &f->error), FCC_ERR_IO);
    assert_null(strstr(f->error.text, "ret@"));
    blob_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_stored_on_a_node_comes_back, setup, teardown),
        cmocka_unit_test_setup_teardown(what_a_node_does_not_do_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(a_node_that_gives_other_bytes_is_noticed, setup, teardown),
        cmocka_unit_test_setup_teardown(a_block_that_the_node_has_not_is_not_found, setup, teardown),
        cmocka_unit_test_setup_teardown(a_node_that_is_away_is_named_without_its_password, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
