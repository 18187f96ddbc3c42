/* Private keys that are encrypted, and what is said when they don't open. */
#include "test/unit/network/msp/fixture.h"

#include "msp/key.h"

#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <unistd.h>

typedef struct keys {
    fcc__arena *arena;
    EVP_PKEY *key;
    char file[64];
    fcc_error error;
} keys;

static int begin(void **state)
{
    keys *k = calloc(1, sizeof *k);
    int fd;

    k->arena = fcc__arena_new(1 << 20);
    k->key = msp__new_key();
    strcpy(k->file, "/tmp/medsync-passphrase-XXXXXX");
    fd = mkstemp(k->file);
    if (fd < 0)
        return -1;
    close(fd);
    unsetenv(MSP_PASSPHRASE);
    unsetenv(MSP_PASSPHRASE_FILE);
    *state = k;
    return 0;
}

static int end(void **state)
{
    keys *k = *state;

    unlink(k->file);
    EVP_PKEY_free(k->key);
    fcc__arena_free(k->arena);
    free(k);
    return 0;
}

/* PKCS#8 or, with DEK-Info, as programs wrote it before. */
static fcc_bytes encrypted(keys *k, EVP_PKEY *key, bool old, const EVP_CIPHER *cipher, const char *passphrase)
{
    BIO *bio = BIO_new(BIO_s_mem());
    fcc_bytes out;
    char *data;
    long len;

    assert_int_equal(
        old ? PEM_write_bio_PrivateKey_traditional(bio, key, cipher, (const unsigned char *)passphrase,
                                                   (int)strlen(passphrase), NULL, NULL)
            : PEM_write_bio_PKCS8PrivateKey(bio, key, cipher, passphrase, (int)strlen(passphrase), NULL, NULL),
        1);
    len = BIO_get_mem_data(bio, &data);
    assert_true(fcc__arena_copy(k->arena, fcc_bytes_of(data, (size_t)len), &out));
    BIO_free(bio);
    return out;
}

static void write_file(const keys *k, const char *text)
{
    FILE *f = fopen(k->file, "w");

    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    setenv(MSP_PASSPHRASE_FILE, k->file, 1);
}

static void opens(keys *k, fcc_bytes pem)
{
    EVP_PKEY *key = NULL;

    if (msp__key_read("it", pem, &key, &k->error) != FCC_OK)
        fail_msg("%s", k->error.text);
    assert_int_equal(EVP_PKEY_eq(k->key, key), 1);
    EVP_PKEY_free(key);
}

static void stays_closed(keys *k, fcc_bytes pem, const char *words)
{
    EVP_PKEY *key = NULL;

    assert_int_equal(msp__key_read("it", pem, &key, &k->error), FCC_ERR_CONFIG);
    assert_null(key);
    if (strncmp(k->error.text, "it: ", 4) != 0 || !strstr(k->error.text, words))
        fail_msg("%s: %s", words, k->error.text);
}

static void both_forms_open_with_their_passphrase(void **state)
{
    keys *k = *state;
    const fcc_bytes pkcs8 = encrypted(k, k->key, false, EVP_aes_256_cbc(), "open sesame"),
                    old = encrypted(k, k->key, true, EVP_aes_128_cbc(), "open sesame");

    assert_non_null(memmem(pkcs8.data, pkcs8.len, "ENCRYPTED PRIVATE KEY", 21));
    assert_non_null(memmem(old.data, old.len, "DEK-Info", 8));
    stays_closed(k, pkcs8, "no passphrase is given");
    stays_closed(k, old, "no passphrase is given");
    setenv(MSP_PASSPHRASE, "open sesame", 1);
    opens(k, pkcs8);
    opens(k, old);
    setenv(MSP_PASSPHRASE, "open", 1);
    stays_closed(k, pkcs8, "the passphrase in MEDSYNC_KEY_PASSPHRASE does not open it");
    stays_closed(k, old, "does not open it");
    setenv(MSP_PASSPHRASE, "", 1);
    stays_closed(k, old, "no passphrase is given");
    opens(k, msp__pem_of_key(k->key, k->arena));
}

static void a_file_has_one_passphrase_a_line(void **state)
{
    keys *k = *state;
    const fcc_bytes pem = encrypted(k, k->key, false, EVP_aes_256_cbc(), "open sesame");

    setenv(MSP_PASSPHRASE, "wrong", 1); /* the file goes before it */
    write_file(k, "first\r\n\nopen sesame\r\nlast");
    opens(k, pem);
    write_file(k, "open sesame");
    opens(k, pem);
    write_file(k, "open sesam\nopen  sesame\n");
    stays_closed(k, pem, "no line of the file in MEDSYNC_KEY_PASSPHRASE_FILE");
    write_file(k, "\n");
    stays_closed(k, pem, "no passphrase is given");
    setenv(MSP_PASSPHRASE_FILE, "/nowhere/passphrase", 1);
    stays_closed(k, pem, "MEDSYNC_KEY_PASSPHRASE_FILE cannot be read: /nowhere/passphrase: No such file");
}

static OSSL_PROVIDER *standard;

static int forget_provider(void **state)
{
    (void)state;
    OSSL_PROVIDER_unload(standard);
    return 0;
}

static void what_cannot_be_a_key_is_told_apart(void **state)
{
    keys *k = *state;
    fcc_bytes pem = encrypted(k, k->key, false, EVP_aes_256_cbc(), "open sesame");
    OSSL_PROVIDER *legacy;

    setenv(MSP_PASSPHRASE, "open sesame", 1);
    stays_closed(k, FCC_LIT("nothing"), "no private key in PEM");
    stays_closed(k, fcc_bytes_of(pem.data, pem.len / 2), "no private key in PEM");
    /* a cipher that is there only with OpenSSL's legacy provider */
    legacy = OSSL_PROVIDER_load(NULL, "legacy");
    standard = OSSL_PROVIDER_load(NULL, "default"); /* no more by itself, once another one was asked for */
    if (!legacy || !standard) {
        print_message("# no legacy provider here to encrypt with DES\n");
        return;
    }
    pem = encrypted(k, k->key, true, EVP_des_cbc(), "open sesame");
    OSSL_PROVIDER_unload(legacy);
    stays_closed(k, pem, "a cipher that is not supported");
}

static void an_identity_is_signed_for_with_an_encrypted_key(void **state)
{
    keys *k = *state;
    fix_ca ca = fix_authority("ca.a.test", NULL);
    fix_person person = fix_person_of(&ca, "client");
    const fcc_bytes cert = msp__pem_of_cert(person.cert, k->arena),
                    pem = encrypted(k, person.key, false, EVP_aes_256_cbc(), "open sesame");
    msp_signer *signer = NULL;
    EVP_PKEY *rsa = EVP_RSA_gen(2048);
    fcc_bytes plain;

    assert_int_equal(msp_signer_new("AMSP", cert, pem, &signer, &k->error), FCC_ERR_CONFIG);
    assert_non_null(strstr(k->error.text, "no passphrase is given"));
    setenv(MSP_PASSPHRASE, "open sesame", 1);
    assert_int_equal(msp_signer_new("AMSP", cert, pem, &signer, &k->error), FCC_OK);
    msp_signer_free(signer);
    assert_int_equal(msp_signer_new("AMSP", cert, msp__pem_of_key(rsa, k->arena), &signer, &k->error), FCC_ERR_CONFIG);
    assert_non_null(strstr(k->error.text, "the private key is RSA, and Fabric takes ECDSA and Ed25519 only"));
    /* for who takes no passphrase */
    assert_int_equal(msp_key_open("it", pem, k->arena, &plain, &k->error), FCC_OK);
    assert_non_null(memmem(plain.data, plain.len, "BEGIN PRIVATE KEY", 17));
    unsetenv(MSP_PASSPHRASE);
    assert_int_equal(msp_key_open("it", plain, k->arena, &plain, &k->error), FCC_OK);
    assert_int_equal(msp_key_open("it", pem, k->arena, &plain, &k->error), FCC_ERR_CONFIG);
    EVP_PKEY_free(rsa);
    fix_person_clear(&person);
    fix_ca_clear(&ca);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(both_forms_open_with_their_passphrase, begin, end),
        cmocka_unit_test_setup_teardown(a_file_has_one_passphrase_a_line, begin, end),
        cmocka_unit_test_setup_teardown(what_cannot_be_a_key_is_told_apart, begin, end),
        cmocka_unit_test_setup_teardown(an_identity_is_signed_for_with_an_encrypted_key, begin, end),
    };

    return cmocka_run_group_tests_name("msp/key", tests, NULL, forget_provider);
}
