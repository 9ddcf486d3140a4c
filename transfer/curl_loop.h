/*
 * curl_loop.h: private to http*.c: a curl multi handle on the libev loop.
 *
 * curl is entered only from here, and never twice: whoever is called by curl and wants something of
 * curl (end a handle, go on with one) leaves a note and is called by settle() when curl has
 * returned.
 */
#ifndef SPOKESYNC_TRANSFER_CURL_LOOP_H
#define SPOKESYNC_TRANSFER_CURL_LOOP_H

#include <curl/curl.h>

#include "policy/base.h"

struct curl_loop;
struct ev_loop;

struct curl_loop_calls {
	/* This handle is done; it was removed from the multi before. */
	void (*finished)(void *arg, CURL *easy, CURLcode result);
	/* curl has returned: the time to do what could not be done inside it. */
	void (*settle)(void *arg);
	/* This handle now uses this socket. Called by curl. */
	void (*uses)(void *arg, CURL *easy, int fd);
	/* A socket that may well take more at once, or -1. */
	int (*more)(void *arg);
	void *arg;
};

struct curl_loop *curl_loop_new(struct ev_loop *loop,
				const struct curl_loop_calls *calls) WARN_UNUSED;
struct curl_loop *curl_loop_free(struct curl_loop *cl); /* every handle was removed */
int curl_loop_add(struct curl_loop *cl, CURL *easy) WARN_UNUSED;
/* Lets those write that more() names, now; not from inside curl. */
void curl_loop_write(struct curl_loop *cl);
void curl_loop_remove(struct curl_loop *cl, CURL *easy);
bool curl_loop_inside(const struct curl_loop *cl); /* are we being called by curl? */

#endif
