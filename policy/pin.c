/*
 * pin.c: the text of a public key's hash, "sha256:" and 64 hex digits, or curl's base64 form
 * "sha256//..." as other tools print it.
 */
#include "policy/config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define BASE64_LEN 44 /* of 32 bytes, with its one = */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool parse_hex(const char *s, struct pin *ret)
{
	if (strlen(s) != 64)
		return false;
	for (size_t i = 0; i < 32; i++) {
		int high = hex_digit(s[2 * i]), low = hex_digit(s[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		ret->sha256[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static int base64_digit(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *p = c ? strchr(digits, c) : NULL;

	return p ? (int)(p - digits) : -1;
}

static bool parse_base64(const char *s, struct pin *ret)
{
	uint32_t bits = 0;
	unsigned n_bits = 0;
	size_t n = 0;

	if (strlen(s) != BASE64_LEN || s[BASE64_LEN - 1] != '=')
		return false;
	for (size_t i = 0; i < BASE64_LEN - 1; i++) {
		int d = base64_digit(s[i]);

		if (d < 0)
			return false;
		bits = bits << 6 | (uint32_t)d;
		n_bits += 6;
		if (n_bits < 8)
			continue;
		n_bits -= 8;
		ret->sha256[n++] = (uint8_t)(bits >> n_bits);
	}
	/* 43 digits are 258 bits: the last two must be nothing. */
	return n == 32 && !(bits & 3);
}

int pin_parse(const char *s, struct pin *ret, struct err *e)
{
	struct pin p;

	if ((!strncmp(s, "sha256:", 7) && parse_hex(s + 7, &p)) ||
	    (!strncmp(s, "sha256//", 8) && parse_base64(s + 8, &p))) {
		*ret = p;
		return 0;
	}
	return err_set(e, -EINVAL,
		       "\"%.80s\" is not a public key: sha256: and 64 hex digits, as "
		       "spokesyncd -c FILE --print-key prints it on the other side",
		       s);
}

const char *pin_print(const struct pin *p, char buf[PIN_TEXT + 1])
{
	memcpy(buf, "sha256:", 7);
	for (size_t i = 0; i < sizeof(p->sha256); i++)
		snprintf(buf + 7 + 2 * i, 3, "%02x", p->sha256[i]);
	return buf;
}
