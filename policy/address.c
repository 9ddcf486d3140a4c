/*
 * address.c: URLs of spokes and addresses to listen on. Only the shapes that are used, so that
 * nothing is sent to where nobody meant it: no user, path, query, or other scheme.
 */
#include "policy/address.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define SCHEME	     "https://"
#define PORT_DEFAULT "4480"
#define HOST_MOST    255

static bool port_ok(const char *s)
{
	size_t len = strspn(s, "0123456789");

	return len && len <= 5 && !s[len] && atoi(s) > 0 && atoi(s) <= 65535;
}

/* HOST, HOST:PORT or [V6]:PORT: the length of the host's part, *ret_port behind the colon or NULL.
 */
static bool split_host(const char *s, size_t *ret_len, const char **ret_port)
{
	const char *end;

	if (*s == '[') {
		end = strchr(s, ']');
		if (!end || strspn(s + 1, "0123456789abcdefABCDEF:.%") < (size_t)(end - s - 1) ||
		    end - s < 3)
			return false;
		end++;
	} else {
		end = s;
		while (isalnum((unsigned char)*end) || *end == '.' || *end == '-' || *end == '_')
			end++;
	}
	*ret_len = (size_t)(end - s);
	*ret_port = *end == ':' ? end + 1 : NULL;
	return !*end || (*end == ':' && port_ok(end + 1));
}

char *address_url(const char *text)
{
	char *copy = xstrdup(text), *url = NULL;
	size_t len = strlen(copy), host_len;
	const char *host, *port;

	if (strncmp(copy, SCHEME, strlen(SCHEME)))
		goto cleanup;
	if (len > strlen(SCHEME) && copy[len - 1] == '/')
		copy[len - 1] = '\0';
	host = copy + strlen(SCHEME);
	if (split_host(host, &host_len, &port) && host_len && host_len <= HOST_MOST)
		url = xasprintf(SCHEME "%.*s:%s", (int)host_len, host, port ? port : PORT_DEFAULT);
cleanup:
	free(copy);
	return url;
}

static bool is_loopback(const char *host, size_t len)
{
	static const char *const own[] = {"127.0.0.1", "[::1]", "localhost"};

	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		if (len == strlen(own[i]) && !strncmp(host, own[i], len))
			return true;
	return false;
}

bool address_webhook_ok(const char *text)
{
	bool tls = !strncmp(text, SCHEME, strlen(SCHEME));
	const char *host = text + strlen(tls ? SCHEME : "http://"), *port;
	size_t len = 0;
	bool ok = false;
	char *copy;

	if ((!tls && strncmp(text, "http://", 7)) || strlen(text) > 2000)
		return false;
	for (const char *p = text; *p; p++)
		if (*p <= ' ' || *p > '~' || strchr("\"<>\\^`{|}#", *p))
			return false;
	copy = xstrdup(host);
	copy[strcspn(copy, "/?")] = '\0';
	if (split_host(copy, &len, &port) && len && len <= HOST_MOST)
		ok = tls || is_loopback(copy, len);
	free(copy);
	return ok;
}

bool address_listen_ok(const char *text)
{
	const char *port;
	size_t len;

	return split_host(text, &len, &port) && port && len <= HOST_MOST;
}
