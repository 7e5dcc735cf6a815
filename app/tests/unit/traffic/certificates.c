#include "tests/unit/traffic/certificates.h"

#include <assert.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void add_extension(X509 *certificate, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    assert(extension != NULL);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

/* What differs from one to the other. */
struct kind {
    const char *name;
    long from_s, to_s; /* Valid, from now. */
    const char *use;   /* Extended key usage; NULL: any. */
};

static const struct kind common = {.name = "web", .from_s = -3600, .to_s = 3600};

static X509 *make_certificate(EVP_PKEY *key, const struct kind *kind, X509 *issuer,
                              EVP_PKEY *issuer_key)
{
    X509 *certificate = X509_new();
    X509_NAME *subject = X509_get_subject_name(certificate);
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), issuer == NULL ? 1 : 2);
    X509_gmtime_adj(X509_getm_notBefore(certificate), kind->from_s);
    X509_gmtime_adj(X509_getm_notAfter(certificate), kind->to_s);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)kind->name, -1,
                               -1, 0);
    X509_set_issuer_name(certificate, issuer == NULL ? subject : X509_get_subject_name(issuer));
    X509_set_pubkey(certificate, key);
    if (issuer == NULL)
        add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE");
    else
        add_extension(certificate, NID_subject_alt_name, "DNS:web.example,IP:10.0.0.1");
    if (kind->use != NULL)
        add_extension(certificate, NID_ext_key_usage, kind->use);
    X509_sign(certificate, issuer_key, EVP_sha256());
    return certificate;
}

static void write_certificate(const char *path, X509 *certificate)
{
    FILE *file = fopen(path, "w");
    assert(file != NULL);
    PEM_write_X509(file, certificate);
    fclose(file);
}

/* Its path goes to OUT. */
static void add(const struct certificates *files, char out[64], const char *file,
                const struct kind *kind, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key)
{
    X509 *certificate = make_certificate(key, kind, issuer, issuer_key);
    snprintf(out, 64, "%s/%s", files->folder, file);
    write_certificate(out, certificate);
    X509_free(certificate);
}

int certificates_make(struct certificates *files)
{
    snprintf(files->folder, sizeof(files->folder), "/tmp/seamline-tls-XXXXXX");
    if (mkdtemp(files->folder) == NULL)
        return -1;
    struct kind authority = common, other = common, expired = common, future = common,
                of_clients = common;
    authority.name = "Test CA";
    other.name = "Other CA";
    expired.to_s = -60;
    future.from_s = 60;
    of_clients.use = "clientAuth";
    EVP_PKEY *ca_key = EVP_EC_gen("P-256"), *other_key = EVP_EC_gen("P-256");
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *ca = make_certificate(ca_key, &authority, NULL, ca_key);
    snprintf(files->ca, sizeof(files->ca), "%s/ca.pem", files->folder);
    write_certificate(files->ca, ca);
    add(files, files->other_ca, "other.pem", &other, other_key, NULL, other_key);
    add(files, files->own, "own.pem", &common, key, ca, ca_key);
    add(files, files->expired, "expired.pem", &expired, key, ca, ca_key);
    add(files, files->future, "future.pem", &future, key, ca, ca_key);
    add(files, files->self_signed, "self.pem", &common, key, NULL, key);
    add(files, files->of_clients, "clients.pem", &of_clients, key, ca, ca_key);
    snprintf(files->key, sizeof(files->key), "%s/key.pem", files->folder);
    FILE *file = fopen(files->key, "w");
    PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL);
    fclose(file);
    X509_free(ca);
    EVP_PKEY_free(ca_key);
    EVP_PKEY_free(other_key);
    EVP_PKEY_free(key);
    return 0;
}

int certificates_remove(const struct certificates *files)
{
    const char *const paths[] = {files->ca,         files->other_ca, files->own,
                                 files->expired,    files->future,   files->self_signed,
                                 files->of_clients, files->key};
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        unlink(paths[i]);
    return rmdir(files->folder);
}
