"""A power cut, seen from the disk: what was not synchronised is gone, or there in part.

faults.c keeps what has been synchronised: of a file its content, of a folder its names. `cut` makes the folder what a
machine finds when it is switched on again.
"""

import os
import shutil

# What a disk writes whole.
BLOCK = 4096


class Disk:
    """A flat folder, and beside it what of it is synchronised."""

    def __init__(self, folder, shadow):
        self.folder, self.shadow = str(folder), str(shadow)

    def _names(self):
        with os.scandir(self.folder) as entries:
            return {entry.name: entry.inode() for entry in entries if entry.is_file(follow_symlinks=False)}

    def settle(self):
        """Everything that is there is on the disk: the machine was just switched on."""
        shutil.rmtree(self.shadow, ignore_errors=True)
        os.makedirs(self.shadow)
        names = self._names()
        for name, inode in names.items():
            shutil.copyfile(os.path.join(self.folder, name), os.path.join(self.shadow, str(inode)))
        with open(os.path.join(self.shadow, "names"), "w") as file:
            file.writelines(f"{inode} {name}\n" for name, inode in names.items())

    def cut(self, chance, survives):
        """`survives`: how likely a block or a name that was not synchronised is on the disk all the same."""
        current = self._names()
        with open(os.path.join(self.shadow, "names")) as file:
            durable = {name: int(inode) for inode, name in (line.rstrip("\n").split(" ", 1) for line in file)}
        changed = 0
        for name in sorted(set(current) | set(durable)):
            if current.get(name) != durable.get(name) and chance.random() >= survives:
                inode = durable.get(name)
            else:
                inode = current.get(name)
            path = os.path.join(self.folder, name)
            if inode is None:
                changed += os.path.exists(path)
                if os.path.exists(path):
                    os.unlink(path)
                continue
            written = self._read(path) if current.get(name) == inode else None
            content = self._mixed(self._read(os.path.join(self.shadow, str(inode))) or b"", written, chance, survives)
            if written == content:
                continue
            changed += 1
            if current.get(name) not in (None, inode):
                os.unlink(path)
            # In place where it is the same file: nobody touched it but for its content.
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(content)
        return changed

    @staticmethod
    def _read(path):
        try:
            with open(path, "rb") as file:
                return file.read()
        except FileNotFoundError:
            return None

    @staticmethod
    def _mixed(durable, written, chance, survives):
        if written is None or written == durable:
            return durable
        size = len(written) if chance.random() < survives else len(durable)
        blocks = []
        for start in range(0, size, BLOCK):
            old, new = durable[start:start + BLOCK], written[start:start + BLOCK]
            block = new if chance.random() < survives else old
            blocks.append(block[:size - start].ljust(min(BLOCK, size - start), b"\0"))
        return b"".join(blocks)
