/*
 * wire_version.c: which version of the protocol is spoken here, how a hub says so, and with which
 * versions of a peer that goes. Version 1 knew only the spoke's, in its hello; since version 2 the
 * hub says its own there too, so that a spoke can refuse in words as well.
 */
#include <errno.h>
#include <stdlib.h>

#include "transfer/wire.h"

unsigned wire_version(void)
{
	return WIRE_VERSION;
}

char *wire_hello_path(void)
{
	return wire_version() < 2 ? xstrdup("/v1/hello")
				  : xasprintf("/v1/hello?version=%u", wire_version());
}

/* One above ours speaks ours too: that is its duty. */
bool wire_version_ok(uint64_t peer, struct err *e)
{
	unsigned least = MAX(wire_version(), 2u) - 1, most = wire_version() + 1;

	if (peer >= least && peer <= most)
		return true;
	err_set(e, -EBADMSG, "the peer speaks version %llu of the protocol; we speak %u to %u",
		(unsigned long long)peer, least, most);
	return false;
}
