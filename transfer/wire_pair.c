/*
 * wire_pair.c: the one request that a key may make which is not known yet: the secret of a join
 * code, in hexadecimal.
 */
#include "transfer/wire_json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

char *wire_pair_encode(const struct wire_pair *p)
{
	char hex[2 * WIRE_SECRET + 1];
	char *text;

	for (size_t i = 0; i < WIRE_SECRET; i++)
		snprintf(hex + 2 * i, 3, "%02x", p->secret[i]);
	text = wire_out_end(json_pack("{s:s}", "secret", hex));
	explicit_bzero(hex, sizeof(hex));
	return text;
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool parse_hex(const char *s, uint8_t ret[WIRE_SECRET])
{
	if (strlen(s) != 2 * WIRE_SECRET)
		return false;
	for (size_t i = 0; i < WIRE_SECRET; i++) {
		int high = nibble(s[2 * i]), low = nibble(s[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		ret[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

int wire_pair_decode(const char *json, size_t len, struct wire_pair *ret, struct err *e)
{
	char hex[2 * WIRE_SECRET + 1] = "";
	struct wire_pair p = {{0}};
	struct wire_in in;
	int r;

	wire_in_begin(&in, json, len, e);
	wire_in_str(&in, in.root, "secret", hex, sizeof(hex), true);
	if (!in.error && !parse_hex(hex, p.secret))
		wire_in_fail(&in, -EBADMSG, "member \"secret\" is not %d hexadecimal digits",
			     2 * WIRE_SECRET);
	r = wire_in_end(&in);
	if (r == 0)
		*ret = p;
	explicit_bzero(hex, sizeof(hex));
	wire_pair_done(&p);
	return r;
}

void wire_pair_done(struct wire_pair *p)
{
	explicit_bzero(p, sizeof(*p));
}
