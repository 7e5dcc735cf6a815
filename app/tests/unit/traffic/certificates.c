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

static X509 *make_certificate(EVP_PKEY *key, const char *name, X509 *issuer, EVP_PKEY *issuer_key)
{
    X509 *certificate = X509_new();
    X509_NAME *subject = X509_get_subject_name(certificate);
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), issuer == NULL ? 1 : 2);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(certificate, issuer == NULL ? subject : X509_get_subject_name(issuer));
    X509_set_pubkey(certificate, key);
    if (issuer == NULL)
        add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE");
    else
        add_extension(certificate, NID_subject_alt_name, "DNS:web.example,IP:10.0.0.1");
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

int certificates_make(struct certificates *files)
{
    snprintf(files->folder, sizeof(files->folder), "/tmp/seamline-tls-XXXXXX");
    if (mkdtemp(files->folder) == NULL)
        return -1;
    snprintf(files->ca, sizeof(files->ca), "%s/ca.pem", files->folder);
    snprintf(files->other_ca, sizeof(files->other_ca), "%s/other.pem", files->folder);
    snprintf(files->own, sizeof(files->own), "%s/own.pem", files->folder);
    snprintf(files->key, sizeof(files->key), "%s/key.pem", files->folder);
    EVP_PKEY *ca_key = EVP_EC_gen("P-256"), *other_key = EVP_EC_gen("P-256");
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *ca = make_certificate(ca_key, "Test CA", NULL, ca_key);
    X509 *other = make_certificate(other_key, "Other CA", NULL, other_key);
    X509 *own = make_certificate(key, "web", ca, ca_key);
    write_certificate(files->ca, ca);
    write_certificate(files->other_ca, other);
    write_certificate(files->own, own);
    FILE *file = fopen(files->key, "w");
    PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL);
    fclose(file);
    X509_free(ca);
    X509_free(other);
    X509_free(own);
    EVP_PKEY_free(ca_key);
    EVP_PKEY_free(other_key);
    EVP_PKEY_free(key);
    return 0;
}

int certificates_remove(const struct certificates *files)
{
    unlink(files->ca);
    unlink(files->other_ca);
    unlink(files->own);
    unlink(files->key);
    return rmdir(files->folder);
}
