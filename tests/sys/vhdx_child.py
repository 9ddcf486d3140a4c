"""Makes a differencing VHDX: vhdx_child.py PARENT CHILD. It names PARENT, by its name and by a path of
another machine, and what its parent holds by PARENT's own record of that. (qemu-img makes none; offsets
are those of MS-VHDX.)"""
import os
import struct
import subprocess
import sys
import uuid

PARAMETERS = uuid.UUID("caa16737-fa36-4d43-b3b6-33f0aa44e76b").bytes_le
METADATA = uuid.UUID("8b7ca206-4790-4b9a-b8fe-575f050f886e").bytes_le
LOCATOR = uuid.UUID("a8d35f2d-b30b-454d-abf7-d3d84834ab0c").bytes_le
LOCATOR_TYPE = uuid.UUID("b04aefb7-d19e-4a81-b789-25b8e9445913").bytes_le


def data_write(f):
    """Of the header in force, the one with the larger sequence number."""
    heads = []
    for at in (64 << 10, 128 << 10):
        f.seek(at)
        head = f.read(48)
        heads.append((struct.unpack_from("<Q", head, 8), head[32:48]))
    return max(heads)[1]


def region(f, guid):
    f.seek(192 << 10)
    table = f.read(64 << 10)
    for i in range(struct.unpack_from("<I", table, 8)[0]):
        entry = table[16 + i * 32:48 + i * 32]
        if entry[:16] == guid:
            return struct.unpack_from("<Q", entry, 16)[0]
    raise SystemExit("no such region")


def locator(keys):
    at, places, texts = 20 + 12 * len(keys), b"", b""
    for pair in keys.items():
        key, value = (text.encode("utf-16-le") for text in pair)
        places += struct.pack("<IIHH", at, at + len(key), len(key), len(value))
        texts += key + value
        at += len(key) + len(value)
    return LOCATOR_TYPE + struct.pack("<HH", 0, len(keys)) + places + texts


parent, child = sys.argv[1:]
subprocess.run(["qemu-img", "create", "-q", "-f", "vhdx", child, "8M"], check=True)
with open(parent, "rb") as f:
    linkage = data_write(f)
with open(child, "r+b") as f:
    meta = region(f, METADATA)
    f.seek(meta)
    head = bytearray(f.read(32 + 32 * 64))
    n = struct.unpack_from("<H", head, 10)[0]
    entries = [bytes(head[32 + i * 32:64 + i * 32]) for i in range(n)]
    end = max(sum(struct.unpack_from("<II", entry, 16)) for entry in entries)
    parameters = next(entry for entry in entries if entry[:16] == PARAMETERS)
    at = meta + struct.unpack_from("<I", parameters, 16)[0] + 4
    f.seek(at)
    bits = struct.unpack("<I", f.read(4))[0]
    f.seek(at)
    f.write(struct.pack("<I", bits | 2))
    end = (end + 4095) & ~4095
    body = locator({
        "parent_linkage": "{" + str(uuid.UUID(bytes_le=linkage)) + "}",
        "absolute_win32_path": "D:\\elsewhere\\" + os.path.basename(parent),
        "relative_path": ".\\" + os.path.basename(parent),
    })
    f.seek(meta + end)
    f.write(body)
    struct.pack_into("<16sIIII", head, 32 + n * 32, LOCATOR, end, len(body), 4, 0)
    struct.pack_into("<H", head, 10, n + 1)
    f.seek(meta)
    f.write(head)
