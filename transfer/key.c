/*
 * key.c: making and reading a node's key. One PEM file holds the private key and the self-signed
 * certificate that carries the public one; peers look only at the SHA-256 of the public key, so
 * the certificate's names and dates mean nothing and are constants.
 *
 * The file is made under a temporary name and linked, not renamed, into place: of two processes
 * that make it at once (the daemon and --print-key) the later takes the earlier's key.
 */
#include "transfer/key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "transfer/durable.h"

#define KEY_FILE_MAX (64 * KIB)
/* 2020-01-01: a machine whose clock is wrong at first start must not make a key "of tomorrow". */
#define KEY_VALID_FROM ((time_t)1577836800)
#define KEY_VALID_EVER ((time_t)-1) /* GnuTLS: 99991231235959Z */

void key_random(void *buf, size_t len)
{
	/* Keys and nonces of a process without randomness would be worthless: there is no going on.
	 */
	if (gnutls_rnd(GNUTLS_RND_KEY, buf, len) < 0)
		abort();
}

static int tls_err(struct err *e, const char *what, int code)
{
	return err_set(e, -EBADMSG, "%s: %s", what, gnutls_strerror(code));
}

struct node_key *key_free(struct node_key *k)
{
	if (!k)
		return NULL;
	if (k->pem) {
		explicit_bzero(k->pem, strlen(k->pem));
		free(k->pem);
	}
	free(k->path);
	free(k);
	return NULL;
}

/* Reads the whole file after looking at who may read it. */
static int read_private(const char *path, char **ret, struct err *e)
{
	struct stat st;
	char *buf = NULL;
	size_t got = 0;
	int fd, r;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0) {
		r = -errno;
		if (r == -ENOENT)
			return err_set(e, r, "%s: there is no key", path);
		return err_set(e, r, "%s: %s", path, strerror(-r));
	}
	r = -EPERM;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		err_set(e, r, "%s: not a regular file", path);
		goto cleanup;
	}
	if (st.st_uid != geteuid()) {
		err_set(e, r, "%s: belongs to uid %u, not to uid %u who runs this", path,
			(unsigned)st.st_uid, (unsigned)geteuid());
		goto cleanup;
	}
	if (st.st_mode & 077) {
		err_set(e, r, "%s: mode %04o lets others read the private key; chmod 600 it", path,
			(unsigned)(st.st_mode & 07777));
		goto cleanup;
	}
	if ((uint64_t)st.st_size > KEY_FILE_MAX) {
		r = err_set(e, -E2BIG, "%s: too large for a key", path);
		goto cleanup;
	}
	buf = xcalloc(1, (size_t)st.st_size + 1);
	while (got < (size_t)st.st_size) {
		ssize_t n = read(fd, buf + got, (size_t)st.st_size - got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			r = err_set(e, n < 0 ? -errno : -EIO, "%s: cannot be read whole", path);
			goto cleanup;
		}
		got += (size_t)n;
	}
	*ret = buf;
	buf = NULL;
	r = 0;
cleanup:
	if (buf)
		explicit_bzero(buf, got);
	free(buf);
	close(fd);
	return r;
}

/* Both halves are there and belong together. */
static int parse_pem(const char *path, const char *pem, uint8_t pin[KEY_PIN_SIZE], struct err *e)
{
	gnutls_datum_t data = {.data = (unsigned char *)pem, .size = (unsigned)strlen(pem)};
	gnutls_x509_privkey_t key = NULL;
	gnutls_x509_crt_t crt = NULL;
	uint8_t of_key[KEY_PIN_SIZE], of_crt[KEY_PIN_SIZE];
	size_t size;
	int r;

	if (gnutls_x509_privkey_init(&key) < 0 || gnutls_x509_crt_init(&crt) < 0) {
		r = err_set(e, -ENOMEM, "%s: out of memory", path);
		goto cleanup;
	}
	r = gnutls_x509_privkey_import2(key, &data, GNUTLS_X509_FMT_PEM, NULL, 0);
	if (r >= 0)
		r = gnutls_x509_crt_import(crt, &data, GNUTLS_X509_FMT_PEM);
	size = sizeof(of_key);
	if (r >= 0)
		r = gnutls_x509_privkey_get_key_id(key, GNUTLS_KEYID_USE_SHA256, of_key, &size);
	size = sizeof(of_crt);
	if (r >= 0)
		r = gnutls_x509_crt_get_key_id(crt, GNUTLS_KEYID_USE_SHA256, of_crt, &size);
	if (r < 0) {
		r = tls_err(e, path, r);
		goto cleanup;
	}
	if (memcmp(of_key, of_crt, sizeof(of_key)) != 0) {
		r = err_set(e, -EBADMSG, "%s: the certificate is not of this private key", path);
		goto cleanup;
	}
	memcpy(pin, of_crt, KEY_PIN_SIZE);
	r = 0;
cleanup:
	if (crt)
		gnutls_x509_crt_deinit(crt);
	if (key)
		gnutls_x509_privkey_deinit(key);
	return r;
}

static int self_sign(gnutls_x509_crt_t crt, gnutls_x509_privkey_t key)
{
	uint8_t serial[16];
	int r;

	key_random(serial, sizeof(serial));
	serial[0] = (serial[0] & 0x3f) | 0x40; /* positive, and of full length */
	if ((r = gnutls_x509_crt_set_version(crt, 3)) < 0 ||
	    (r = gnutls_x509_crt_set_serial(crt, serial, sizeof(serial))) < 0 ||
	    (r = gnutls_x509_crt_set_activation_time(crt, KEY_VALID_FROM)) < 0 ||
	    (r = gnutls_x509_crt_set_expiration_time(crt, KEY_VALID_EVER)) < 0 ||
	    (r = gnutls_x509_crt_set_dn(crt, "CN=spokesync", NULL)) < 0 ||
	    (r = gnutls_x509_crt_set_key(crt, key)) < 0)
		return r;
	return gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0);
}

/* A new key and its certificate, one PEM text after the other. */
static int make_pem(char **ret, struct err *e)
{
	gnutls_x509_privkey_t key = NULL;
	gnutls_x509_crt_t crt = NULL;
	gnutls_datum_t key_pem = {0}, crt_pem = {0};
	int r;

	if ((r = gnutls_x509_privkey_init(&key)) < 0 || (r = gnutls_x509_crt_init(&crt)) < 0 ||
	    (r = gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
					      GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1),
					      0)) < 0 ||
	    (r = self_sign(crt, key)) < 0 ||
	    (r = gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, NULL,
						   GNUTLS_PKCS_PLAIN, &key_pem)) < 0 ||
	    (r = gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &crt_pem)) < 0) {
		r = tls_err(e, "a key cannot be made", r);
		goto cleanup;
	}
	*ret = xasprintf("%.*s%.*s", (int)key_pem.size, key_pem.data, (int)crt_pem.size,
			 crt_pem.data);
	r = 0;
cleanup:
	if (key_pem.data)
		explicit_bzero(key_pem.data, key_pem.size);
	gnutls_free(key_pem.data);
	gnutls_free(crt_pem.data);
	if (crt)
		gnutls_x509_crt_deinit(crt);
	if (key)
		gnutls_x509_privkey_deinit(key);
	return r;
}

/* Durable and complete under its name, or not there. -EEXIST: somebody else was first. */
static int link_new(const char *path, const char *pem)
{
	uint8_t tag[8];
	char *tmp, *dir, *slash;
	int fd, dirfd = -1, r;

	key_random(tag, sizeof(tag));
	tmp = xasprintf("%s.%02x%02x%02x%02x%02x%02x%02x%02x", path, tag[0], tag[1], tag[2], tag[3],
			tag[4], tag[5], tag[6], tag[7]);
	dir = xstrdup(path);
	slash = strrchr(dir, '/');
	if (slash)
		slash[slash == dir] = '\0';
	fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		r = -errno;
		goto cleanup;
	}
	r = durable_pwrite(fd, pem, strlen(pem), 0);
	if (r == 0)
		r = durable_datasync(fd);
	close(fd);
	if (r == 0 && link(tmp, path) < 0)
		r = -errno;
	if (unlink(tmp) < 0 && r == 0)
		r = -errno;
	if (r == 0) {
		dirfd = open(slash ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		r = dirfd < 0 ? -errno : durable_dirsync(dirfd);
	}
cleanup:
	if (dirfd >= 0)
		close(dirfd);
	free(dir);
	free(tmp);
	return r;
}

static int make_file(const char *path, struct err *e)
{
	char *pem = NULL;
	int r;

	r = make_pem(&pem, e);
	if (!pem)
		return r;
	r = link_new(path, pem);
	explicit_bzero(pem, strlen(pem));
	free(pem);
	if (r < 0 && r != -EEXIST)
		return err_set(e, r, "%s: the key cannot be made: %s", path, strerror(-r));
	return 0;
}

int key_load(const char *path, bool make, struct node_key **ret, struct err *e)
{
	struct node_key *k;
	int r;

	k = xcalloc(1, sizeof(*k));
	k->path = xstrdup(path);
	r = read_private(path, &k->pem, e);
	if (r == -ENOENT && make) {
		r = make_file(path, e);
		if (r == 0)
			r = read_private(path, &k->pem, e);
	}
	if (r == 0)
		r = parse_pem(path, k->pem, k->pin, e);
	if (r < 0) {
		key_free(k);
		return r;
	}
	*ret = k;
	return 0;
}
