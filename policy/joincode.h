/*
 * joincode.h: the one-time code that makes a hub and a spoke known to each other by one paste, as
 * text: where the spoke is, its public key, a secret for the hub to show there, and a check.
 *
 *	spk:berlin.example.net:4480/AEBDY-MNKLQ-... (85 characters of base32 in groups of five)
 *
 * The base32 part is a version byte, the 32 bytes of the spoke's pin, 16 bytes of secret and 4 of
 * CRC-32 over all of it, the address included. So a mistyped, missing, doubled or swapped character
 * is found before anything is sent. Who may use a code, how often and how long, is not known here.
 */
#ifndef SPOKESYNC_POLICY_JOINCODE_H
#define SPOKESYNC_POLICY_JOINCODE_H

#include "policy/config.h"

#define JOINCODE_SECRET	 16    /* bytes */
#define JOINCODE_ADDRESS 262   /* host:port, and its NUL */
#define JOINCODE_TEXT	 400   /* a whole code with its dashes, and its NUL */
#define JOINCODE_MOST	 1024u /* of what is pasted, blanks included */

struct joincode {
	char address[JOINCODE_ADDRESS]; /* host:port or [v6]:port, in small letters */
	struct pin pin;			/* of the spoke */
	uint8_t secret[JOINCODE_SECRET];
};

/* address: host:port or [v6]:port. 0, or -EINVAL where it is none. */
int joincode_set_address(struct joincode *c, const char *address) WARN_UNUSED;
const char *joincode_print(const struct joincode *c, char buf[JOINCODE_TEXT]);
/*
 * Takes what people do to a code: line breaks, blanks and dashes in it, small letters, 0 for O,
 * 1 for I, 8 for B. 0, or -EINVAL with e in words; *ret is untouched then.
 */
int joincode_parse(const char *text, struct joincode *ret, struct err *e) WARN_UNUSED;

#endif
