/*
 * container.h: what the headers of an image say of its state. Read by extension, never probed: a
 * guest can write anything into a raw image. Offsets and meanings are those of the formats' own
 * specifications (MS-VHDX 2.2.2; QEMU docs/interop/qcow2). Nothing of an image is ever changed.
 */
#ifndef SPOKESYNC_TRANSFER_CONTAINER_H
#define SPOKESYNC_TRANSFER_CONTAINER_H

#include "policy/base.h"

/*
 * NULL, or why the image is not whole though nobody writes to it now, in words (static). path: only
 * its extension counts. Reads at most two blocks. An image whose headers make no sense is not held:
 * it is replicated as the bytes that it is.
 */
const char *container_unclean(int fd, const char *path);

#endif
