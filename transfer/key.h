/*
 * key.h: one ECDSA P-256 key and self-signed certificate per node; peers are known by the
 * SHA-256 of their public key (SubjectPublicKeyInfo). No CA. key.c is the only file that makes or
 * reads keys.
 */
#ifndef SPOKESYNC_TRANSFER_KEY_H
#define SPOKESYNC_TRANSFER_KEY_H

#include "policy/base.h"

#define KEY_PIN_SIZE 32

struct node_key {
	char *path; /* PEM file: private key and certificate */
	char *pem;  /* its text, for the server and for curl's blobs */
	uint8_t pin[KEY_PIN_SIZE];
};

/*
 * Reads path; where it is absent and make is set, makes it (0600, atomically). Refuses a file that
 * others may read, or that another user owns.
 */
int key_load(const char *path, bool make, struct node_key **ret, struct err *e) WARN_UNUSED;
struct node_key *key_free(struct node_key *k); /* wipes */
/* Random bytes from the TLS library. */
void key_random(void *buf, size_t len);

#endif
