/*
 * spoke_pair.h: a join code on the spoke, while `spokesync pair` waits at the control socket:
 *
 *	begin     the code goes to the program as a line; from now on a hub that is not known may
 *make one request, POST /v1/pair shown     the right secret came: the hub's key goes to the program
 *as a line, the hub waits reloaded  the key is in the configuration in force: the hub and the
 *program are answered
 *
 * The code ends with its hour, its tries, its use, or the program, whichever comes first. The
 *daemon itself writes no configuration: it has no right to.
 */
#ifndef SPOKESYNC_SCHEDULER_SPOKE_PAIR_H
#define SPOKESYNC_SCHEDULER_SPOKE_PAIR_H

#include "scheduler/spoke_state.h"

/*
 * client: the request of the program, which is answered from here on. address: NULL: where this
 * machine listens. 0, or -errno with e: -EBUSY: there is a code; -EINVAL: the address is none.
 */
int spoke_pair_begin(struct spoke *s, const char *address, struct sreq *client,
		     struct err *e) WARN_UNUSED;
void spoke_pair_end(struct spoke *s); /* the daemon stops */
/* For the server: is there a code, so that a key that is not known may make its one request? */
bool spoke_pair_welcome(void *arg);
/* Any request of such a key; and POST /v1/pair of one that is known. */
void spoke_pair_request(void *arg, struct sreq *r);
void spoke_pair_reloaded(struct spoke *s);

#endif
