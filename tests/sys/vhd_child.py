"""Makes a differencing VHD: vhd_child.py PARENT CHILD [NAME]. It names PARENT, or NAME, which may be
empty, and its parent's unique id is PARENT's. (qemu-img makes none; offsets are those of the VHD image format of 2006.)"""
import os
import subprocess
import struct
import sys


def summed(block, at):
    block = block[:at] + bytes(4) + block[at + 4:]
    return block[:at] + struct.pack(">I", ~sum(block) & 0xffffffff) + block[at + 4:]


parent, child, *name = sys.argv[1:]
subprocess.run(["qemu-img", "create", "-q", "-f", "vpc", child, "4M"], check=True)
with open(parent, "rb") as f:
    f.seek(-512, os.SEEK_END)
    unique = f.read()[68:84]
with open(child, "r+b") as f:
    footer = f.read(512)
    footer = summed(footer[:60] + struct.pack(">I", 4) + footer[64:], 64)
    head = f.read(1024)
    name = (name or [os.path.basename(parent)])[0].encode("utf-16-be")
    head = head[:40] + unique + head[56:64] + name + bytes(512 - len(name)) + head[576:]
    f.seek(0)
    f.write(footer + summed(head, 36))
    f.seek(-512, os.SEEK_END)
    f.write(footer)
