/* Encrypted blobs and sealed keys: what comes back, and what does not. */
#include "blob/blob.h"

#include "../../../support/disk.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>

#include <cmocka.h>

typedef struct fixture {
    char dir[64];
    blob_store *store;
    fcc__arena *arena;
    fcc_error error;
} fixture;

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof(*f));

    strcpy(f->dir, "/tmp/medsync-blob-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    f->arena = fcc__arena_new(256 << 20);
    assert_int_equal(blob_open(f->dir, &f->store, &f->error), FCC_OK);
    *state = f;
    return 0;
}

static size_t files_in(const char *dir, bool remove_them)
{
    char path[512];
    struct dirent *e;
    DIR *d = opendir(dir);
    size_t n = 0;

    while ((e = readdir(d))) {
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
            continue;
        n++;
        snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
        if (remove_them)
            unlink(path);
    }
    closedir(d);
    return n;
}

static size_t names_starting(const char *dir, const char *with)
{
    struct dirent *e;
    DIR *d = opendir(dir);
    size_t n = 0;

    while ((e = readdir(d)))
        n += strncmp(e->d_name, with, strlen(with)) == 0;
    closedir(d);
    return n;
}

static int teardown(void **state)
{
    fixture *f = *state;

    blob_close(f->store);
    files_in(f->dir, true);
    rmdir(f->dir);
    fcc__arena_free(f->arena);
    free(f);
    return 0;
}

static void flip(fixture *f, const char *cid, long at)
{
    char path[512];
    FILE *file;
    int c;

    assert_true(blob_path(f->store, cid, path, sizeof(path)));
    file = fopen(path, "r+b");
    fseek(file, at, SEEK_SET);
    c = fgetc(file);
    fseek(file, at, SEEK_SET);
    fputc(c ^ 1, file);
    fclose(file);
}

static void take_away(fixture *f, const char *cid)
{
    char path[512];

    assert_true(blob_path(f->store, cid, path, sizeof(path)));
    assert_int_equal(unlink(path), 0);
}

static void content_comes_back_with_its_key(void **state)
{
    fixture *f = *state;
    static const size_t sizes[] = { 1, 15, 16, 17, 4096, 3 << 20 };
    uint8_t *data = malloc(3 << 20);
    fcc_bytes out;
    blob_ref ref;
    size_t i, j;

    for (j = 0; j < 3 << 20; j++)
        data[j] = (uint8_t)(j * 7 + j / 251);
    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        assert_int_equal(blob_put(f->store, fcc_bytes_of(data, sizes[i]), &ref, &f->error), FCC_OK);
        assert_int_equal(ref.size, sizes[i] + BLOB_OVERHEAD);
        assert_int_equal(blob_get(f->store, ref.cid, ref.key, f->arena, &out, &f->error), FCC_OK);
        assert_int_equal(out.len, sizes[i]);
        assert_memory_equal(out.data, data, sizes[i]);
    }
    /* one block each, and for the large one thirteen leaves and the node above them */
    assert_int_equal(files_in(f->dir, false), 5 + 14);
    free(data);
}

static void a_large_blob_is_a_tree_whose_every_block_is_verified(void **state)
{
    fixture *f = *state;
    static uint8_t data[600000];
    char cid[BLOB_CID_MAX];
    fcc_bytes stored, out;
    blob_info info;
    blob_ref ref;

    assert_int_equal(blob_put(f->store, fcc_bytes_of(data, sizeof(data)), &ref, &f->error), FCC_OK);
    assert_int_equal(blob_stat(f->store, ref.cid, &info, &f->error), FCC_OK);
    assert_int_equal(info.size, ref.size);
    assert_string_equal(info.sha256, ref.sha256);
    assert_int_equal(info.blocks, 4);
    assert_true(info.block_bytes > info.size);
    assert_int_equal(blob_read(f->store, ref.cid, f->arena, &stored, &f->error), FCC_OK);
    assert_int_equal(stored.len, ref.size);
    assert_int_equal(blob_address(stored, cid, &f->error), FCC_OK);
    assert_string_equal(cid, ref.cid);
    /* the second leaf */
    blob_cid(BLOB_CODEC_RAW, fcc_bytes_of(stored.data + 262144, 262144), cid);
    flip(f, cid, 1000);
    assert_int_equal(blob_get(f->store, ref.cid, ref.key, f->arena, &out, &f->error), FCC_ERR_CORRUPT);
    assert_non_null(strstr(f->error.text, ref.cid));
    assert_non_null(strstr(f->error.text, cid));
    flip(f, cid, 1000);
    assert_int_equal(blob_get(f->store, ref.cid, ref.key, f->arena, &out, &f->error), FCC_OK);
    assert_int_equal(out.len, sizeof(data));
    take_away(f, cid);
    assert_int_equal(blob_get(f->store, ref.cid, ref.key, f->arena, &out, &f->error), FCC_ERR_NOT_FOUND);
    assert_non_null(strstr(f->error.text, cid));
}

static void note(void *ctx, const char *cid)
{
    snprintf(ctx, BLOB_CID_MAX, "%s", cid);
}

static void everything_that_is_there_can_be_looked_at(void **state)
{
    fixture *f = *state;
    char bad[BLOB_CID_MAX] = "";
    size_t checked = 9, damaged = 9;
    blob_ref one, two;

    assert_int_equal(blob_put(f->store, FCC_LIT("one"), &one, &f->error), FCC_OK);
    assert_int_equal(blob_put(f->store, FCC_LIT("two"), &two, &f->error), FCC_OK);
    assert_int_equal(blob_check(f->store, note, bad, &checked, &damaged, &f->error), FCC_OK);
    assert_int_equal(checked, 2);
    assert_int_equal(damaged, 0);
    flip(f, two.cid, 3);
    assert_int_equal(blob_check(f->store, note, bad, &checked, &damaged, &f->error), FCC_OK);
    assert_int_equal(checked, 2);
    assert_int_equal(damaged, 1);
    assert_string_equal(bad, two.cid);
}

static void what_is_dropped_leaves_nothing(void **state)
{
    fixture *f = *state;
    static uint8_t data[600000];
    blob_info info;
    blob_ref kept, gone;

    assert_int_equal(blob_put(f->store, FCC_LIT("kept"), &kept, &f->error), FCC_OK);
    assert_int_equal(blob_put(f->store, fcc_bytes_of(data, sizeof(data)), &gone, &f->error), FCC_OK);
    assert_int_equal(files_in(f->dir, false), 5);
    assert_int_equal(blob_drop(f->store, gone.cid, &f->error), FCC_OK);
    assert_int_equal(files_in(f->dir, false), 1);
    assert_int_equal(blob_drop(f->store, gone.cid, &f->error), FCC_ERR_NOT_FOUND);
    assert_int_equal(blob_stat(f->store, kept.cid, &info, &f->error), FCC_OK);
}

/* Before there were trees, a blob was one block however large. */
static void a_large_blob_of_one_block_is_read(void **state)
{
    fixture *f = *state;
    static uint8_t stored[700000];
    char cid[BLOB_CID_MAX], path[512];
    blob_info info;
    FILE *file;

    memset(stored, 7, sizeof(stored));
    blob_cid(BLOB_CODEC_RAW, fcc_bytes_of(stored, sizeof(stored)), cid);
    assert_true(blob_path(f->store, cid, path, sizeof(path)));
    file = fopen(path, "wb");
    assert_int_equal(fwrite(stored, 1, sizeof(stored), file), sizeof(stored));
    fclose(file);
    assert_int_equal(blob_stat(f->store, cid, &info, &f->error), FCC_OK);
    assert_int_equal(info.size, sizeof(stored));
    assert_int_equal(info.blocks, 1);
}

static void a_full_disk_leaves_nothing_and_is_named(void **state)
{
    fixture *f = *state;
    static uint8_t data[300000];
    size_t failures = 0;
    uint64_t i;
    blob_info info;
    blob_ref ref;

    disk_record(f->dir, NULL);
    /* each change of a file below the directory in its turn: no half of a blob, and no temporary file, may stay */
    for (i = 1;; i++) {
        fcc_status st;

        disk_fail_at(i, ENOSPC, NULL, false);
        st = blob_put(f->store, fcc_bytes_of(data, sizeof(data)), &ref, &f->error);
        if (disk_changes() < i) {
            assert_int_equal(st, FCC_OK);
            break;
        }
        assert_int_equal(names_starting(f->dir, ".new-"), 0);
        if (st == FCC_OK) { /* half of it was written, and the rest had room again */
            disk_fail_at(0, 0, NULL, false);
            assert_int_equal(blob_stat(f->store, ref.cid, &info, &f->error), FCC_OK);
            continue;
        }
        failures++;
        assert_int_equal(st, FCC_ERR_IO);
        assert_non_null(strstr(f->error.text, f->dir));
        assert_non_null(strstr(f->error.text, "No space left on device"));
    }
    disk_fail_at(0, 0, NULL, false);
    disk_record(NULL, NULL);
    assert_true(failures >= 6);
}

static void the_same_content_twice_has_two_keys_and_two_names(void **state)
{
    fixture *f = *state;
    blob_ref a, b;

    assert_int_equal(blob_put(f->store, FCC_LIT("same"), &a, &f->error), FCC_OK);
    assert_int_equal(blob_put(f->store, FCC_LIT("same"), &b, &f->error), FCC_OK);
    assert_string_not_equal(a.cid, b.cid);
    assert_memory_not_equal(a.key, b.key, BLOB_KEY_LEN);
}

static void content_is_not_on_the_disk_in_the_clear(void **state)
{
    fixture *f = *state;
    char path[512], data[256];
    blob_ref ref;
    size_t n;
    FILE *file;

    assert_int_equal(blob_put(f->store, FCC_LIT("a diagnosis nobody may read"), &ref, &f->error), FCC_OK);
    assert_true(blob_path(f->store, ref.cid, path, sizeof(path)));
    file = fopen(path, "rb");
    n = fread(data, 1, sizeof(data), file);
    fclose(file);
    assert_int_equal(n, ref.size);
    assert_null(memmem(data, n, "diagnosis", 9));
}

static void each_flipped_byte_is_noticed_and_the_blob_is_named(void **state)
{
    fixture *f = *state;
    blob_ref ref;
    fcc_bytes out;
    long i;

    assert_int_equal(blob_put(f->store, FCC_LIT("0123456789"), &ref, &f->error), FCC_OK);
    for (i = 0; i < (long)ref.size; i++) {
        flip(f, ref.cid, i);
        assert_int_equal(blob_get(f->store, ref.cid, ref.key, f->arena, &out, &f->error), FCC_ERR_CORRUPT);
        assert_non_null(strstr(f->error.text, ref.cid));
        assert_non_null(strstr(f->error.text, "damaged"));
        flip(f, ref.cid, i);
    }
    assert_int_equal(blob_get(f->store, ref.cid, ref.key, f->arena, &out, &f->error), FCC_OK);
}

static void a_blob_cut_short_is_noticed(void **state)
{
    fixture *f = *state;
    char path[512];
    blob_ref ref;
    fcc_bytes out;

    assert_int_equal(blob_put(f->store, FCC_LIT("0123456789"), &ref, &f->error), FCC_OK);
    assert_true(blob_path(f->store, ref.cid, path, sizeof(path)));
    assert_int_equal(truncate(path, 30), 0);
    assert_int_equal(blob_get(f->store, ref.cid, ref.key, f->arena, &out, &f->error), FCC_ERR_CORRUPT);
    assert_int_equal(truncate(path, 5), 0);
    assert_int_equal(blob_get(f->store, ref.cid, ref.key, f->arena, &out, &f->error), FCC_ERR_CORRUPT);
}

static void another_key_opens_nothing(void **state)
{
    fixture *f = *state;
    blob_ref ref;
    fcc_bytes out;

    assert_int_equal(blob_put(f->store, FCC_LIT("x"), &ref, &f->error), FCC_OK);
    ref.key[31] ^= 1;
    assert_int_equal(blob_get(f->store, ref.cid, ref.key, f->arena, &out, &f->error), FCC_ERR_AUTH);
}

static void what_is_not_there_and_what_is_no_name_are_told_apart(void **state)
{
    fixture *f = *state;
    char cid[BLOB_CID_MAX];
    uint8_t key[BLOB_KEY_LEN] = { 0 };
    fcc_bytes out;

    blob_cid(BLOB_CODEC_RAW, FCC_LIT("never stored"), cid);
    assert_int_equal(blob_get(f->store, cid, key, f->arena, &out, &f->error), FCC_ERR_NOT_FOUND);
    assert_int_equal(blob_get(f->store, "../secret", key, f->arena, &out, &f->error), FCC_ERR_ARG);
    assert_int_equal(blob_put(f->store, fcc_bytes_of(NULL, 0), (blob_ref[1]){ { { 0 }, { 0 }, 0, { 0 } } }, &f->error),
                     FCC_ERR_ARG);
}

static blob_custody *new_custody(void)
{
    blob_custody *custody;
    fcc_error error;
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
    BIO *bio = BIO_new(BIO_s_mem());
    char *pem;
    long len;

    assert_int_equal(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
    len = BIO_get_mem_data(bio, &pem);
    assert_int_equal(blob_custody_parse(fcc_bytes_of(pem, (size_t)len), "test", &custody, &error), FCC_OK);
    BIO_free(bio);
    EVP_PKEY_free(key);
    return custody;
}

static void a_sealed_key_is_opened_by_its_custody_key_only(void **state)
{
    fixture *f = *state;
    blob_custody *right = new_custody(), *wrong = new_custody();
    uint8_t key[BLOB_KEY_LEN], opened[BLOB_KEY_LEN];
    char sealed[BLOB_SEALED_HEX + 1], again[BLOB_SEALED_HEX + 1];

    memset(key, 0xa5, sizeof(key));
    assert_int_equal(blob_seal(blob_custody_public(right), key, sealed, &f->error), FCC_OK);
    assert_int_equal(blob_seal(blob_custody_public(right), key, again, &f->error), FCC_OK);
    assert_int_equal(strlen(sealed), BLOB_SEALED_HEX);
    assert_string_not_equal(sealed, again);
    assert_int_equal(blob_unseal(right, fcc_str(sealed), opened, &f->error), FCC_OK);
    assert_memory_equal(opened, key, sizeof(key));
    assert_int_equal(blob_unseal(wrong, fcc_str(sealed), opened, &f->error), FCC_ERR_AUTH);
    blob_custody_free(right);
    blob_custody_free(wrong);
}

static void each_changed_digit_of_a_sealed_key_is_noticed(void **state)
{
    fixture *f = *state;
    blob_custody *custody = new_custody();
    uint8_t key[BLOB_KEY_LEN] = { 1, 2, 3 }, opened[BLOB_KEY_LEN];
    char sealed[BLOB_SEALED_HEX + 1];
    size_t i;

    assert_int_equal(blob_seal(blob_custody_public(custody), key, sealed, &f->error), FCC_OK);
    for (i = 0; i < BLOB_SEALED_HEX; i++) {
        char was = sealed[i];

        sealed[i] = was == '0' ? '1' : '0';
        assert_int_equal(blob_unseal(custody, fcc_str(sealed), opened, &f->error), FCC_ERR_AUTH);
        sealed[i] = was;
    }
    sealed[5] = 'G';
    assert_int_equal(blob_unseal(custody, fcc_str(sealed), opened, &f->error), FCC_ERR_ARG);
    assert_int_equal(blob_unseal(custody, fcc_bytes_of(sealed, 182), opened, &f->error), FCC_ERR_ARG);
    blob_custody_free(custody);
}

static void a_key_of_another_kind_is_no_custody_key(void **state)
{
    blob_custody *custody;
    fcc_error error;

    assert_int_equal(blob_custody_parse(FCC_LIT("no key"), "some.key", &custody, &error), FCC_ERR_CONFIG);
    assert_non_null(strstr(error.text, "some.key"));
    assert_int_equal(blob_custody_load("/does/not/exist", &custody, &error), FCC_ERR_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(content_comes_back_with_its_key, setup, teardown),
        cmocka_unit_test_setup_teardown(a_large_blob_is_a_tree_whose_every_block_is_verified, setup, teardown),
        cmocka_unit_test_setup_teardown(everything_that_is_there_can_be_looked_at, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_dropped_leaves_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_large_blob_of_one_block_is_read, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_disk_leaves_nothing_and_is_named, setup, teardown),
        cmocka_unit_test_setup_teardown(the_same_content_twice_has_two_keys_and_two_names, setup, teardown),
        cmocka_unit_test_setup_teardown(content_is_not_on_the_disk_in_the_clear, setup, teardown),
        cmocka_unit_test_setup_teardown(each_flipped_byte_is_noticed_and_the_blob_is_named, setup, teardown),
        cmocka_unit_test_setup_teardown(a_blob_cut_short_is_noticed, setup, teardown),
        cmocka_unit_test_setup_teardown(another_key_opens_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_not_there_and_what_is_no_name_are_told_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(a_sealed_key_is_opened_by_its_custody_key_only, setup, teardown),
        cmocka_unit_test_setup_teardown(each_changed_digit_of_a_sealed_key_is_noticed, setup, teardown),
        cmocka_unit_test(a_key_of_another_kind_is_no_custody_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
