/*
 * server_tls.c: who may speak to the spoke: a peer shows its key in the TLS handshake, and one
 * whose key is not known ends there, before any byte of a request is read. No tickets, so no
 * handshake is ever skipped. Makes and reads no keys (key.c does).
 */
#include "transfer/server_private.h"

#include <string.h>
#include <sys/socket.h>

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

/* AES-GCM first: ChaCha20 costs five times the time in GnuTLS 3.7 on machines with AES. */
const char server_tls_priority[] = "SECURE128:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-128-GCM:"
				   "+AES-256-GCM:+CHACHA20-POLY1305:%SERVER_PRECEDENCE:%NO_TICKETS";

static bool peer_pin(gnutls_session_t session, uint8_t pin[32])
{
	const gnutls_datum_t *chain;
	gnutls_x509_crt_t crt;
	unsigned n = 0;
	size_t len = 32;
	bool ok;

	chain = gnutls_certificate_get_peers(session, &n);
	if (!chain || n == 0 || gnutls_x509_crt_init(&crt) < 0)
		return false;
	ok = gnutls_x509_crt_import(crt, &chain[0], GNUTLS_X509_FMT_DER) >= 0 &&
	     gnutls_x509_crt_get_key_id(crt, GNUTLS_KEYID_USE_SHA256, pin, &len) >= 0 && len == 32;
	gnutls_x509_crt_deinit(crt);
	return ok;
}

/* The library would close without a word: whoever asks what went wrong is told by the alert. */
static int refuse(gnutls_session_t session)
{
	(void)gnutls_alert_send(session, GNUTLS_AL_FATAL, GNUTLS_A_ACCESS_DENIED);
	return -1;
}

/* Showed the secret, and waits for the spoke to take it over (spoke_pair.c). */
static bool pairs(const struct sconn *c)
{
	const struct sreq *r;

	TAILQ_FOREACH (r, &c->server->reqs, entry)
		if (r->conn == c && r->suspended)
			return true;
	return false;
}

/* Few at a time: they cost what they cost before anything is known of them. The oldest goes for a
 * new one: others could keep all places for ever. */
static bool guest_welcome(struct server *s)
{
	struct sconn *c, *oldest = NULL;
	unsigned n = 0;

	if (!s->spec.guest_welcome || !s->spec.guest_welcome(s->spec.arg))
		return false;
	TAILQ_FOREACH (c, &s->conns, entry) {
		if (!c->guest || c->put_out)
			continue;
		n++;
		if (!oldest && !pairs(c))
			oldest = c;
	}
	if (n >= SERVER_GUESTS_MAX && oldest) {
		oldest->put_out = true;
		(void)shutdown(oldest->fd, SHUT_RDWR);
	}
	return true;
}

/* Non-zero ends the handshake. That the peer owns the key is proven by the handshake itself. */
static int verify_peer(gnutls_session_t session)
{
	struct sconn *conn = gnutls_db_get_ptr(session);
	const struct server_spec *spec;
	uint8_t pin[32];

	if (!conn || !peer_pin(session, pin))
		return -1;
	spec = &conn->server->spec;
	if (!spec->pin_known(spec->arg, pin)) {
		if (!guest_welcome(conn->server))
			return refuse(session);
		conn->guest = true;
	}
	memcpy(conn->pin, pin, sizeof(conn->pin));
	conn->has_pin = true;
	return 0;
}

void server_tls_started(struct sconn *conn)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(conn->c, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	gnutls_session_t session = info ? info->tls_session : NULL;

	if (!session) /* cannot be checked: has_pin stays false, and every request is dropped */
		return;
	/* The pointer of the (unused) session cache: the session's own belongs to the library. */
	gnutls_db_set_ptr(session, conn);
	gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUIRE);
	gnutls_session_set_verify_function(session, verify_peer);
}
