/*
 * signed.h: credentials that another implementation signed (Node's crypto, a JCS of a dozen lines), one for each kind of
 * key. The keys are hashes of public words: they protect nothing.
 */
#ifndef TEST_SIGNED_H
#define TEST_SIGNED_H

/* clang-format off */
static const char *const signed_elsewhere[] = {
    "{\"@context\":[\"https://www.w3.org/ns/credentials/v2\"],\"id\":\"urn:uuid:5a1c8f6e-0b7d-4c7e-9f51-1f0d6c3b2"
    "a10\",\"type\":[\"VerifiableCredential\",\"MedicalLicence\"],\"issuer\":\"did:key:z6MkqYhe39JAweV8zB9nqgzx6m"
    "ho6Rw5Mq2DbxhZQERFYtVF\",\"validFrom\":\"2024-01-01T00:00:00Z\",\"credentialSubject\":{\"id\":\"did:example:"
    "subject\",\"weight\":70.5,\"€\":1e+21,\"😀\":\"grin\"},\"proof\":{\"type\":\"DataIntegrityProof\",\"cryptosui"
    "te\":\"eddsa-jcs-2022\",\"created\":\"2024-01-02T03:04:05Z\",\"verificationMethod\":\"did:key:z6MkqYhe39JAwe"
    "V8zB9nqgzx6mho6Rw5Mq2DbxhZQERFYtVF#z6MkqYhe39JAweV8zB9nqgzx6mho6Rw5Mq2DbxhZQERFYtVF\",\"proofPurpose\":\"ass"
    "ertionMethod\",\"@context\":[\"https://www.w3.org/ns/credentials/v2\"],\"proofValue\":\"z3wmGUecR4d16FQJnern"
    "C3aD48HR6HKnLWwoQeHQqL7HvszZwuDreAq8H4zBm3DjGQbGhuVJfekYXPqww7j5sPYR\"}}",
    "{\"@context\":[\"https://www.w3.org/ns/credentials/v2\"],\"id\":\"urn:uuid:5a1c8f6e-0b7d-4c7e-9f51-1f0d6c3b2"
    "a10\",\"type\":[\"VerifiableCredential\",\"MedicalLicence\"],\"issuer\":\"did:key:zDnaeqVCwY38umzJk38dvoqqrB"
    "XJkyLCm28HRiUCwPRyAV1Zc\",\"validFrom\":\"2024-01-01T00:00:00Z\",\"credentialSubject\":{\"id\":\"did:example"
    ":subject\",\"weight\":70.5,\"€\":1e+21,\"😀\":\"grin\"},\"proof\":{\"type\":\"DataIntegrityProof\",\"cryptosu"
    "ite\":\"ecdsa-jcs-2019\",\"created\":\"2024-01-02T03:04:05Z\",\"verificationMethod\":\"did:key:zDnaeqVCwY38u"
    "mzJk38dvoqqrBXJkyLCm28HRiUCwPRyAV1Zc#zDnaeqVCwY38umzJk38dvoqqrBXJkyLCm28HRiUCwPRyAV1Zc\",\"proofPurpose\":\""
    "assertionMethod\",\"@context\":[\"https://www.w3.org/ns/credentials/v2\"],\"proofValue\":\"z2mr8S39cifczTywq"
    "LaMidoBx4qWazGpc3jWWHCAmSUDnmAXhbfN36aDCaea8VVXviZN8bWUzcHHyjT9FyPPwnL8r\"}}",
    "{\"@context\":[\"https://www.w3.org/ns/credentials/v2\"],\"id\":\"urn:uuid:5a1c8f6e-0b7d-4c7e-9f51-1f0d6c3b2"
    "a10\",\"type\":[\"VerifiableCredential\",\"MedicalLicence\"],\"issuer\":\"did:key:z82LkpEtLdfxxfHZ2KQH1jRk6U"
    "RLkJtGdKnQMxDuUdu6R37hSFbycv6m3wA64wcAC4u19ye\",\"validFrom\":\"2024-01-01T00:00:00Z\",\"credentialSubject\""
    ":{\"id\":\"did:example:subject\",\"weight\":70.5,\"€\":1e+21,\"😀\":\"grin\"},\"proof\":{\"type\":\"DataInteg"
    "rityProof\",\"cryptosuite\":\"ecdsa-jcs-2019\",\"created\":\"2024-01-02T03:04:05Z\",\"verificationMethod\":"
    "\"did:key:z82LkpEtLdfxxfHZ2KQH1jRk6URLkJtGdKnQMxDuUdu6R37hSFbycv6m3wA64wcAC4u19ye#z82LkpEtLdfxxfHZ2KQH1jRk6U"
    "RLkJtGdKnQMxDuUdu6R37hSFbycv6m3wA64wcAC4u19ye\",\"proofPurpose\":\"assertionMethod\",\"@context\":[\"https:/"
    "/www.w3.org/ns/credentials/v2\"],\"proofValue\":\"ze5JYVhAnqXurqBTfjT3pKUckn74qn75CA9EFhCA93kcVh1Z1rZSEnUxH5"
    "PkcW7UEahPCm5WF85ZJYBbaMfBZTcqzHiGqauL957sWKB8fb3gqKR1ADj5rXgskJQLhwKj8AUD\"}}",
};
/* clang-format on */

#endif
