/*
 * peers.h: the spokes as peers: their addresses and keys, and the greeting: hello, then the pages
 * of each inventory that is not as it was last told, then what is to be done about it.
 */
#ifndef SPOKESYNC_SCHEDULER_PEERS_H
#define SPOKESYNC_SCHEDULER_PEERS_H

#include "scheduler/hub_state.h"

/* Follows the configuration in force: new spokes, other addresses, keys and weights. */
void peers_update(struct hub *h);
/* Those that left the configuration and have no job any more. */
void peers_sweep(struct hub *h);
void peers_free(struct hub *h);
void peers_greet(struct hub_spoke *s); /* ACTION_GREET; one at a time, another wish is dropped */

#endif
