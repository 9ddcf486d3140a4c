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
/*
 * The file name, without directories, of the image that this one holds the differences from: a
 * VHDX's or VHD's parent, a qcow2's backing file. What a guest or an attacker may have put there is
 * a name and nothing more: it is up to the caller whether such a file is known. -ENOENT: it has
 * none. Some reads of a few KiB.
 */
int container_parent(int fd, const char *path, char *ret, size_t size) WARN_UNUSED;

#endif
