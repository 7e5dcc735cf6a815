#include "lab/certificate.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
    VALID_BEFORE_S = 3600,
    VALID_DAYS = 30,
    SERIAL_BITS = 127
};

/* What a certificate shall say. */
struct wish {
    const char *common_name;  /* CN. */
    const char *organisation; /* O, or NULL. */
    const char *constraints;  /* basicConstraints. */
    const char *usage;        /* keyUsage. */
    const char *purpose;      /* extendedKeyUsage, or NULL. */
    const char *names;        /* subjectAltName, or NULL. */
};

static const struct wish authority_wish = {
    .common_name = "seamline-lab-ca",
    .constraints = "critical,CA:TRUE",
    .usage = "critical,keyCertSign,cRLSign",
};

static const struct wish server_wish = {
    .common_name = "seamline-lab-apiserver",
    .constraints = "critical,CA:FALSE",
    .usage = "critical,digitalSignature",
    .purpose = "serverAuth",
    .names = "DNS:localhost,DNS:kubernetes,IP:127.0.0.1,IP:::1",
};

static const struct wish pods_wish = {
    .common_name = "seamline.lab",
    .constraints = "critical,CA:FALSE",
    .usage = "critical,digitalSignature",
    .purpose = "serverAuth",
    .names = "DNS:seamline.lab,DNS:*.seamline.lab,DNS:localhost",
};

static const struct wish client_wish = {
    .common_name = CERTIFICATE_CLIENT_NAME,
    .organisation = "system:masters",
    .constraints = "critical,CA:FALSE",
    .usage = "critical,digitalSignature",
    .purpose = "clientAuth",
};

static X509 *make(const struct wish *wish, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key,
                  int64_t utc_ns);
static char *certificate_text(X509 *certificate);
static char *key_text(EVP_PKEY *key);

int certificate_make(struct certificate_set *set, int64_t utc_ns, struct error *err)
{
    struct certificate_set made = {0};
    EVP_PKEY *authority_key = EVP_EC_gen("P-256");
    EVP_PKEY *server_key = EVP_EC_gen("P-256");
    EVP_PKEY *pods_key = EVP_EC_gen("P-256");
    EVP_PKEY *client_key = EVP_EC_gen("P-256");
    X509 *authority = make(&authority_wish, authority_key, NULL, authority_key, utc_ns);
    X509 *server = make(&server_wish, server_key, authority, authority_key, utc_ns);
    X509 *pods = make(&pods_wish, pods_key, authority, authority_key, utc_ns);
    X509 *client = make(&client_wish, client_key, authority, authority_key, utc_ns);
    made.authority = certificate_text(authority);
    made.server = certificate_text(server);
    made.pods = certificate_text(pods);
    made.client = certificate_text(client);
    made.server_key = key_text(server_key);
    made.pods_key = key_text(pods_key);
    made.client_key = key_text(client_key);
    X509_free(authority);
    X509_free(server);
    X509_free(pods);
    X509_free(client);
    EVP_PKEY_free(authority_key);
    EVP_PKEY_free(server_key);
    EVP_PKEY_free(pods_key);
    EVP_PKEY_free(client_key);
    if (made.authority != NULL && made.server != NULL && made.pods != NULL && made.client != NULL &&
        made.server_key != NULL && made.pods_key != NULL && made.client_key != NULL) {
        *set = made;
        return 0;
    }
    certificate_free(&made);
    return error_set(err, EXIT_ENVIRONMENT, -EIO, "the lab's certificates cannot be made: %s",
                     ERR_reason_error_string(ERR_get_error()));
}

static void clear_and_free(char *text)
{
    if (text != NULL)
        OPENSSL_cleanse(text, strlen(text));
    free(text);
}

void certificate_free(struct certificate_set *set)
{
    free(set->authority);
    free(set->server);
    free(set->pods);
    free(set->client);
    clear_and_free(set->server_key);
    clear_and_free(set->pods_key);
    clear_and_free(set->client_key);
    *set = (struct certificate_set){0};
}

static bool set_serial(X509 *certificate)
{
    BIGNUM *serial = BN_new();
    bool done = serial != NULL &&
                BN_rand(serial, SERIAL_BITS, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1 &&
                BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(certificate)) != NULL;
    BN_free(serial);
    return done;
}

static bool set_subject(X509 *certificate, const struct wish *wish)
{
    X509_NAME *name = X509_get_subject_name(certificate);
    if (wish->organisation != NULL &&
        X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8,
                                   (const unsigned char *)wish->organisation, -1, -1, 0) != 1)
        return false;
    return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                      (const unsigned char *)wish->common_name, -1, -1, 0) == 1;
}

static bool add_extension(X509 *certificate, X509V3_CTX *context, int nid, const char *value)
{
    if (value == NULL)
        return true;
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, context, nid, value);
    bool done = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return done;
}

static bool add_extensions(X509 *certificate, X509 *issuer, const struct wish *wish)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    return add_extension(certificate, &context, NID_basic_constraints, wish->constraints) &&
           add_extension(certificate, &context, NID_key_usage, wish->usage) &&
           add_extension(certificate, &context, NID_ext_key_usage, wish->purpose) &&
           add_extension(certificate, &context, NID_subject_key_identifier, "hash") &&
           add_extension(certificate, &context, NID_authority_key_identifier, "keyid:always") &&
           add_extension(certificate, &context, NID_subject_alt_name, wish->names);
}

/* ISSUER NULL: signed by itself. NULL when anything fails. */
static X509 *make(const struct wish *wish, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key,
                  int64_t utc_ns)
{
    time_t now = (time_t)(utc_ns / 1000000000);
    X509 *certificate = X509_new();
    if (certificate == NULL || key == NULL || issuer_key == NULL)
        goto failed;
    if (issuer == NULL)
        issuer = certificate;
    if (X509_set_version(certificate, X509_VERSION_3) != 1 || !set_serial(certificate) ||
        !set_subject(certificate, wish) ||
        X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) != 1 ||
        X509_time_adj_ex(X509_getm_notBefore(certificate), 0, -VALID_BEFORE_S, &now) == NULL ||
        X509_time_adj_ex(X509_getm_notAfter(certificate), VALID_DAYS, 0, &now) == NULL ||
        X509_set_pubkey(certificate, key) != 1 || !add_extensions(certificate, issuer, wish) ||
        X509_sign(certificate, issuer_key, EVP_sha256()) == 0)
        goto failed;
    return certificate;
failed:
    X509_free(certificate);
    return NULL;
}

/* What was written to BIO, as a string; frees it. */
static char *take_text(BIO *bio, bool written)
{
    char *data = NULL;
    char *text = NULL;
    long size = bio != NULL && written ? BIO_get_mem_data(bio, &data) : 0;
    if (size > 0)
        text = strndup(data, (size_t)size);
    BIO_free(bio);
    return text;
}

static char *certificate_text(X509 *certificate)
{
    BIO *bio = BIO_new(BIO_s_mem());
    return take_text(bio, certificate != NULL && bio != NULL &&
                              PEM_write_bio_X509(bio, certificate) == 1);
}

static char *key_text(EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_secmem());
    return take_text(bio,
                     key != NULL && bio != NULL &&
                         PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1);
}
