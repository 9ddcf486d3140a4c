/*
 * joincode.c: see joincode.h. Base32 is that of RFC 4648 (its alphabet has no 0, 1 and 8, which can
 * thus stand for the letters that they look like); the CRC is that of IEEE 802.3, which finds every
 * change within 32 bits in a row: any wrong character, and any two neighbours swapped.
 */
#include "policy/joincode.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "policy/address.h"

#define SCHEME	     "spk:"
#define CODE_VERSION 1
#define CHECK	     4
#define BODY	     (1 + sizeof(struct pin) + JOINCODE_SECRET)
#define BYTES	     (BODY + CHECK)
#define DIGITS	     ((BYTES * 8 + 4) / 5)
#define GROUP	     5

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

static uint32_t crc32_add(uint32_t crc, const void *data, size_t len)
{
	const uint8_t *p = data;

	for (; len > 0; len--) {
		crc ^= *p++;
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return crc;
}

static void put_check(const char *address, uint8_t bytes[BYTES])
{
	uint32_t crc = crc32_add(0xffffffffu, address, strlen(address));

	crc = ~crc32_add(crc, bytes, BODY);
	for (int i = 0; i < CHECK; i++)
		bytes[BODY + (size_t)i] = (uint8_t)(crc >> (24 - 8 * i));
}

static int digit_of(char c)
{
	const char *p;

	c = (char)toupper((unsigned char)c);
	c = c == '0' ? 'O' : c == '1' ? 'I' : c == '8' ? 'B' : c;
	p = c ? strchr(alphabet, c) : NULL;
	return p ? (int)(p - alphabet) : -1;
}

int joincode_set_address(struct joincode *c, const char *address)
{
	size_t len = strlen(address);

	if (len >= sizeof(c->address) || *address == ':' || !address_listen_ok(address))
		return -EINVAL;
	for (size_t i = 0; i <= len; i++)
		c->address[i] = (char)tolower((unsigned char)address[i]);
	return 0;
}

const char *joincode_print(const struct joincode *c, char buf[JOINCODE_TEXT])
{
	uint8_t bytes[BYTES];
	unsigned bits = 0, n_bits = 0;
	char *p = buf;
	size_t n = 0;

	bytes[0] = CODE_VERSION;
	memcpy(bytes + 1, c->pin.sha256, sizeof(c->pin.sha256));
	memcpy(bytes + 1 + sizeof(c->pin.sha256), c->secret, JOINCODE_SECRET);
	put_check(c->address, bytes);
	p = stpcpy(stpcpy(stpcpy(p, SCHEME), c->address), "/");
	for (size_t i = 0; i < DIGITS; i++) {
		if (n_bits < 5) {
			bits = bits << 8 | (n < BYTES ? bytes[n++] : 0);
			n_bits += 8;
		}
		n_bits -= 5;
		if (i > 0 && i % GROUP == 0)
			*p++ = '-';
		*p++ = alphabet[bits >> n_bits & 31];
	}
	*p = '\0';
	explicit_bzero(bytes, sizeof(bytes));
	return buf;
}

/* The digits without what may stand between them. */
static int parse_digits(const char *s, uint8_t bytes[BYTES], struct err *e)
{
	unsigned bits = 0, n_bits = 0;
	size_t digits = 0, n = 0;

	for (; *s; s++) {
		int d = digit_of(*s);

		if (isspace((unsigned char)*s) || *s == '-')
			continue;
		if (d < 0)
			return err_set(e, -EINVAL,
				       "the join code has a character that no code has, behind %zu "
				       "of its %zu",
				       digits, (size_t)DIGITS);
		if (++digits > DIGITS)
			break;
		bits = bits << 5 | (unsigned)d;
		n_bits += 5;
		if (n_bits >= 8) {
			n_bits -= 8;
			bytes[n++] = (uint8_t)(bits >> n_bits);
		}
	}
	if (digits != DIGITS)
		return err_set(e, -EINVAL,
			       "the join code has too %s characters: %zu stand behind its /",
			       digits < DIGITS ? "few" : "many", (size_t)DIGITS);
	/* What the last digit has beyond the last byte is nothing. */
	if (bits & ((1u << n_bits) - 1))
		return err_set(e, -EINVAL, "the last character of the join code is mistyped");
	return 0;
}

int joincode_parse(const char *text, struct joincode *ret, struct err *e)
{
	uint8_t bytes[BYTES] = {0}, check[CHECK];
	struct joincode c = {.address = ""};
	char address[JOINCODE_ADDRESS];
	const char *slash;
	int r = -EINVAL;

	text += strspn(text, " \t\r\n");
	slash = strchr(text, '/');
	if (strlen(text) > JOINCODE_MOST)
		return err_set(e, r, "this is longer than any join code");
	if (strncasecmp(text, SCHEME, strlen(SCHEME)) || !slash)
		return err_set(e, r,
			       "this is not a join code: it begins with " SCHEME
			       "HOST:PORT/, as 'spokesync pair' prints it on the spoke");
	text += strlen(SCHEME);
	if ((size_t)(slash - text) >= sizeof(address))
		return err_set(e, r, "the address in the join code is too long");
	memcpy(address, text, (size_t)(slash - text));
	address[slash - text] = '\0';
	if (joincode_set_address(&c, address) < 0)
		return err_set(e, r, "the join code has no address before its /");
	r = parse_digits(slash + 1, bytes, e);
	if (r < 0)
		return r;
	memcpy(check, bytes + BODY, CHECK);
	put_check(c.address, bytes);
	if (memcmp(check, bytes + BODY, CHECK) != 0)
		return err_set(e, -EINVAL, "the join code is mistyped: its check does not fit");
	if (bytes[0] != CODE_VERSION)
		return err_set(e, -EINVAL, "the join code is of version %u; this program knows %u",
			       bytes[0], CODE_VERSION);
	memcpy(c.pin.sha256, bytes + 1, sizeof(c.pin.sha256));
	memcpy(c.secret, bytes + 1 + sizeof(c.pin.sha256), JOINCODE_SECRET);
	*ret = c;
	return 0;
}
