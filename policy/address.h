/*
 * address.h: the network addresses of the configuration, as text; nothing is looked up.
 */
#ifndef SPOKESYNC_POLICY_ADDRESS_H
#define SPOKESYNC_POLICY_ADDRESS_H

#include "policy/base.h"

/* https://HOST or https://HOST:PORT, with or without a last slash -> with its port, to be freed;
 * NULL: anything else. HOST is a name, an IPv4 address, or an IPv6 address in brackets. */
char *address_url(const char *text) WARN_UNUSED;
/* https://HOST[:PORT][/PATH[?QUERY]], and http:// where HOST is this machine. No user in it, and
 * nothing that would have to be encoded. */
bool address_webhook_ok(const char *text);
/* HOST:PORT, [V6]:PORT or :PORT */
bool address_listen_ok(const char *text);

#endif
